/*
 * A peer: an address with a group and settings, configured or accepted from a dynamic range, and
 * its sessions: at most one whose connection we initiate and one that the peer initiated. Decides
 * whether a connection is accepted, which of two is kept (RFC 4271 section 6.8), when to try again
 * and how long to hold back (DampPeerOscillations), and when a dynamic peer is forgotten. It never
 * touches a socket itself.
 */
#ifndef RR_PEER_H
#define RR_PEER_H

#include "rr/graceful_restart.h"
#include "rr/session.h"

struct peer {
	struct reflector *reflector;
	struct ip_address address;
	const struct config_group *group;
	const struct config_peer *config; /* NULL: dynamic */
	struct session *own; /* configured peers: the connection that we initiate; NULL: dynamic */
	struct session *incoming; /* NULL without one */
	struct second_connection *second; /* while a session is Established; NULL: none */
	struct graceful_restart graceful_restart; /* paths that outlive their session */
	bool leaving; /* being removed: no session is started again */

	unsigned connect_retry_counter; /* RFC 4271 section 8; not reset before a session was stable
					 */
	unsigned faults; /* sessions in a row that we ended for an error of the peer */
	uint64_t refuse_until; /* connections are refused until then; monotonic microseconds */
	uint64_t down_since; /* dynamic: without a connection since; 0: has one */
	uint64_t probed_at; /* last KEEPALIVE out of turn */

	uint64_t messages_received[6];
	uint64_t messages_sent[6];
	uint64_t updates_sent_before; /* by sessions that are over */
	uint64_t bytes_received;
	uint64_t bytes_sent;
	unsigned established_count;
	char last_down[DOWN_REASON_MAX];
	struct log_rate fault_rate; /* lines about faults in UPDATEs and refreshes */
	uint32_t journal_id; /* its number there, once something was recorded; 0: not known */
	char *failure_recorded; /* why the last attempts failed, for the journal; NULL: none did */
};

/* NULL when memory is short. A configured peer does nothing before peer_start. */
struct peer *peer_new(struct reflector *reflector, const struct ip_address *address,
	const struct config_group *group, const struct config_peer *config);
/* Closes its sessions without a word. */
void peer_free(struct peer *peer);

/* True for peers that we connect to. */
bool peer_connects(const struct peer *peer);
/* ManualStart of a configured peer that is Idle, without waiting. */
void peer_start(struct peer *peer);
/*
 * ManualStop of its sessions with Cease/`subcode`; configured peers stay Idle until peer_start
 * unless `again`. After ENDING_HARD no path of the peer is left.
 */
void peer_stop(struct peer *peer, enum cease_subcode subcode, const char *text,
	enum session_ending ending, bool again);
/* Fires what is due. */
void peer_tick(struct peer *peer, uint64_t now);
/* True when the peer is dynamic, has no paths, and no connection for long enough. */
bool peer_forgettable(const struct peer *peer, uint64_t now);
/* The session that is farthest; NULL when the peer has none. */
struct session *peer_session(const struct peer *peer);
/* The Established session; NULL without one. */
struct session *peer_established(const struct peer *peer);
struct log_subject peer_subject(const struct peer *peer);

/* A connection has come in: takes over `fd`. */
void peer_accept(
	struct reflector *reflector, int fd, const struct ip_address *address, uint16_t port);

/*
 * An accepted connection is the peer's: ends its session if it has one, and begins another on `fd`,
 * which it takes over.
 */
void peer_take_connection(struct peer *peer, int fd, uint16_t port);

/* What sessions tell their peer. */

/*
 * RFC 4271 section 6.8, upon receipt of a valid OPEN on `session` (still OpenSent). False when
 * `session` was the one to be closed, and has been.
 */
bool peer_resolve_collision(struct session *session);
void peer_session_established(struct session *session);
/*
 * `session` has no connection any more. Unless it is the peer's own, it is not to be used after
 * this.
 */
void peer_session_ended(struct session *session, const struct session_end *end);
/* The peer could not be connected to. */
void peer_unreachable(struct peer *peer, const char *reason);
/* How long an ended session has to wait before the next try, in microseconds, with jitter. */
uint64_t peer_idle_hold_time(const struct peer *peer);
/* Adds the UPDATEs that the session sent to the peer's count; before its rib_peer goes. */
void peer_count_updates(const struct session *session);
/* A fault in an UPDATE, for the log. */
void peer_update_fault(struct peer *peer, struct span body, const struct attribute_context *context,
	const struct attribute_faults *faults);

/* peer_set.c: the peers in order of address. */

struct peer *peers_find(const struct peer_set *set, const struct ip_address *address);
/* False when memory is short. The set owns the peer from here on. */
bool peers_add(struct peer_set *set, struct peer *peer);
/* Frees the peer. */
void peers_remove(struct peer_set *set, struct peer *peer);
/* Ticks every peer and forgets the dynamic ones whose time is over. */
void peers_tick(struct peer_set *set, uint64_t now);
void peers_free(struct peer_set *set);

#endif
