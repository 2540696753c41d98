/*
 * The reflector: owns the event loop, the configuration in force, the listeners, the peers and the
 * RIB, and is passed wherever state is needed. main.c creates it; mgmt/ reads it through the views
 * below and asks it to act. It never renders text for people and knows nothing of the management
 * socket.
 */
#ifndef RR_REFLECTOR_H
#define RR_REFLECTOR_H

#include "bgp/fsm.h"
#include "bgp/open.h"
#include "rib/rib.h"
#include "rr/config.h"

struct event_base;
struct reflector;

#define HELIOSTAT_VERSION "0.1.0"

/*
 * Takes ownership of `config`. Nothing is opened yet. NULL when it cannot; then one clear line has
 * been written to `faults`.
 */
struct reflector *reflector_new(struct config *config, struct event_base *base, FILE *faults);
/*
 * Opens the listeners and starts the peers of the configuration. False when it cannot (port in use,
 * no permission, no memory); then one clear line has been written to `faults`.
 */
bool reflector_start(struct reflector *reflector, FILE *faults);
/*
 * Sends Cease/Administrative Shutdown with `text` (may be NULL) to all peers, closes everything
 * once it is written (or 2 s passed), and ends the event loop.
 */
void reflector_shutdown(struct reflector *reflector, const char *text);
void reflector_free(struct reflector *reflector);

/*
 * Loads the file again; a faulty one is logged line by line and changes nothing (false). Peers
 * whose settings are the same keep their sessions; those whose role or next-hop mode alone changed
 * are moved; the others are reset.
 */
bool reflector_reload(struct reflector *reflector);

const struct config *reflector_config(const struct reflector *reflector);
struct rib *reflector_rib(struct reflector *reflector);
struct event_base *reflector_event_base(struct reflector *reflector);

struct reflector_totals {
	uint64_t started; /* wall clock, seconds since 1970 */
	uint64_t uptime; /* seconds */
	unsigned peers; /* configured and dynamic */
	unsigned established;
	uint64_t connections_accepted;
	uint64_t connections_refused; /* from addresses that no peer and no range covers */
	uint64_t reloads;
};
void reflector_totals(const struct reflector *reflector, struct reflector_totals *totals);

#define DOWN_REASON_MAX 256

/* One peer, as `show peers` prints it. Borrowed, valid during the visit only. */
struct peer_view {
	struct ip_address address;
	struct ip_address local; /* of the connection; len 0 without one */
	uint16_t remote_port;
	const struct config_group *group;
	const char *description; /* NULL without one */
	bool dynamic;
	bool passive;
	uint32_t as;
	uint32_t bgp_id; /* 0 before its OPEN */
	enum fsm_state state; /* bgp/fsm.h; of the connection that is farthest */
	uint64_t state_seconds; /* how long it is in this state (Established or not) */
	const struct negotiated *negotiated; /* NULL unless Established */
	const struct capabilities
		*capabilities; /* what the peer's OPEN had; NULL unless Established */
	const struct capabilities
		*capabilities_sent; /* what our OPEN had; NULL unless Established */
	uint64_t messages_received[6]; /* indexed by enum message_type */
	uint64_t messages_sent[6];
	uint64_t bytes_received;
	uint64_t bytes_sent;
	unsigned established_count; /* times */
	unsigned retry_seconds; /* until the next connection attempt; 0 when none is scheduled */
	const char *last_down; /* why the last session ended: "received Cease/Administrative
				  Shutdown: text"; "" at first */
	const struct rib_peer *rib_peer; /* NULL unless Established */
};

/* In order of address. */
void reflector_peers(const struct reflector *reflector,
	void (*visit)(void *context, const struct peer_view *peer), void *context);
/* False when there is no such peer. */
bool reflector_peer(const struct reflector *reflector, const struct ip_address *address,
	void (*visit)(void *context, const struct peer_view *peer), void *context);

enum clear_kind {
	CLEAR_HARD, /* Cease/Administrative Reset, then connect again at once */
	CLEAR_SOFT_IN, /* ask for ROUTE-REFRESH of every family */
	CLEAR_SOFT_OUT, /* send the Adj-RIB-Out again */
};
enum clear_result { CLEAR_DONE, CLEAR_NO_SUCH_PEER, CLEAR_NOT_ESTABLISHED, CLEAR_NO_ROUTE_REFRESH };
enum clear_result reflector_clear(
	struct reflector *reflector, const struct ip_address *address, enum clear_kind kind);

#endif
