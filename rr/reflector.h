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
#include "rr/journal_reader.h"

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
/*
 * Ends likewise, but so that peers with Graceful Restart keep our routes (RFC 4724, RFC 8538); the
 * caller of the event loop is to start the program anew (reflector_restarts). `text` is not used.
 */
void reflector_restart(struct reflector *reflector, const char *text);
/* True when the event loop ended for reflector_restart. */
bool reflector_restarts(const struct reflector *reflector);
/* What router.on-terminate says: the end as for a restart that somebody else sees to, or for good.
 */
void reflector_terminate(struct reflector *reflector);
/* Ends the event loop at once: nothing is waited for any more. */
void reflector_abandon(struct reflector *reflector);
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
	unsigned stale_peers; /* that have stale paths */
	uint64_t stale_paths[FAMILY_COUNT];
	/* The reflector's own restart (RFC 4724 section 4.1), after the journal restored the table.
	 */
	bool restarting;
	bool end_of_rib_held; /* back, until all are there */
	unsigned restart_seconds; /* until it is over at the latest */
	unsigned restored_peers;
	unsigned awaited_peers; /* of these, not back yet */
};
void reflector_totals(const struct reflector *reflector, struct reflector_totals *totals);

#define DOWN_REASON_MAX 256

/* Paths of a peer that outlive their session, or have outlived it and are not refreshed yet. */
struct stale_view {
	const struct rib_peer *retained; /* while the peer has no session; NULL else */
	uint8_t families; /* that may have stale paths; 0: none is kept */
	uint8_t long_lived; /* of these, long-lived stale (RFC 9494) */
	uint64_t paths[FAMILY_COUNT];
	unsigned seconds; /* until those that are not long-lived go, or become it; 0: no timer runs
			   */
	unsigned long_lived_seconds[FAMILY_COUNT]; /* until the long-lived ones go */
	bool restored; /* by the journal */
	bool awaited; /* the reflector's restart waits for the peer */
};

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
	struct stale_view stale;
};

/* In order of address. */
void reflector_peers(const struct reflector *reflector,
	void (*visit)(void *context, const struct peer_view *peer), void *context);
/* False when there is no such peer. */
bool reflector_peer(const struct reflector *reflector, const struct ip_address *address,
	void (*visit)(void *context, const struct peer_view *peer), void *context);

/*
 * Asks the journal beside the loop; the caller ends it. NULL with one line in `text` when there is
 * no journal, or it cannot be asked now.
 */
struct journal_reader *reflector_ask_journal(
	struct reflector *reflector, const struct journal_ask *ask, char *text, size_t size);
struct journal_view;
/* The journal (rr/journal.h); false when none is kept. */
bool reflector_journal(const struct reflector *reflector, struct journal_view *view);
/* As journal_compact; false with one line in `text` when it cannot be. */
bool reflector_compact_journal(struct reflector *reflector, char *text, size_t size);
/*
 * For the audit trail: `who` did `action`, `detail` (may be NULL) says to what. Nothing without a
 * journal.
 */
void reflector_audit(
	struct reflector *reflector, const char *who, const char *action, const char *detail);

enum clear_kind {
	CLEAR_HARD, /* Cease/Administrative Reset, nothing is retained; then connect again at once
		     */
	CLEAR_SOFT_IN, /* ask for ROUTE-REFRESH of every family */
	CLEAR_SOFT_OUT, /* send the Adj-RIB-Out again */
};
enum clear_result { CLEAR_DONE, CLEAR_NO_SUCH_PEER, CLEAR_NOT_ESTABLISHED, CLEAR_NO_ROUTE_REFRESH };
enum clear_result reflector_clear(
	struct reflector *reflector, const struct ip_address *address, enum clear_kind kind);

#endif
