/*
 * Graceful Restart (RFC 4724, RFC 8538) and its long-lived form (RFC 9494): whose paths stay when
 * their session is over, which, and until when; and, after the reflector itself was started again,
 * which peers are awaited. session.c tells it both ends of a session, peer.c ticks it, reload.c
 * tells what changed, the journal whom it restored. It acts on paths through rib/ alone: it closes
 * no connection and knows no socket.
 *
 * A peer has at most one rib_peer: its session's, or a retained one without a session.
 */
#ifndef RR_GRACEFUL_RESTART_H
#define RR_GRACEFUL_RESTART_H

#include "bgp/open.h"
#include "rib/rib.h"

struct config;
struct peer;
struct reflector;
struct session;
struct stale_view;

/* Of a peer. Times are monotonic microseconds, 0: not running. */
struct graceful_restart {
	struct rib_peer *retained; /* paths without a session; NULL: none */
	struct rib_peer_parameters parameters; /* of the session in force or, else, the last */
	uint8_t families; /* that may have stale paths, with a session or without */
	bool restored; /* they came from the journal: it was the reflector that went away */
	bool awaited; /* the reflector's restart is not over without this peer */
	uint64_t restart_until; /* without a session: the restart time of the peer */
	uint64_t stale_until; /* with a session: End-of-RIB is waited for until then */
	/*
	 * However often the peer goes away and comes back before it has sent End-of-RIB (RFC 8538
	 * section 4.1 asks for such a bound).
	 */
	uint64_t bound;
	uint32_t long_lived_time[FAMILY_COUNT]; /* granted to the last session: seconds; 0: none */
	uint64_t long_lived_until[FAMILY_COUNT]; /* the paths are long-lived stale */
	uint8_t end_of_rib_missing; /* families of the session in force */
	uint64_t updates_seen; /* messages; of a peer that promises no End-of-RIB: it is done ... */
	uint64_t quiet_since; /* ... when it has sent none for a while */
};

/* Of the reflector: RFC 4724 section 4.1. */
struct restart_period {
	bool restored; /* paths of the process before this one were taken over */
	bool holding; /* End-of-RIB is held back: the Selection_Deferral_Timer runs */
	uint64_t until; /* 0: there was no restart, or it is over */
	unsigned peers; /* restored */
};

/* What ended a session, as far as it decides over its paths. */
struct session_loss {
	bool notification; /* one was sent or received */
	bool hard; /* a Hard Reset, or what would be one if the peer knew it (RFC 8538) */
};

/* Fills in what the OPEN to `peer` says of Graceful Restart, short and long. */
void graceful_restart_offer(const struct peer *peer, struct capabilities *capabilities);

/*
 * True when some group offers the long-lived form: then RFC 9494 section 4.3 limits who is sent
 * LLGR_STALE. Least preferred it is in any case.
 */
bool graceful_restart_offers_long_lived(const struct config *config);
/* Whether paths with LLGR_STALE are sent on `session` (RFC 9494 sections 4.3 and 4.6). */
enum long_lived_send graceful_restart_long_lived_send(const struct session *session);
/*
 * `session` is up: its rib_peer is the retained one, or new. False when memory is short; what is
 * retained stays so.
 */
bool graceful_restart_up(struct session *session, const struct rib_peer_parameters *parameters);
/* `session` is over: takes its rib_peer, retains the paths that are to stay, if any. */
void graceful_restart_lost(struct session *session, const struct session_loss *loss);
/* The peer has sent End-of-RIB: what is still stale of `family` goes. */
void graceful_restart_end_of_rib(struct peer *peer, enum family family);
/* "; 12 paths stay for 120 s" of a session that has just ended, or "". Returns `text`. */
const char *graceful_restart_text(const struct peer *peer, char *text, size_t size);
/* Nothing is retained any more. */
void graceful_restart_drop(struct peer *peer);
/* peer->group is another one (or has other settings) than `parameters` were made of. */
void graceful_restart_regroup(struct peer *peer);
/* Fires what is due. */
void graceful_restart_tick(struct peer *peer, uint64_t now);

/* For `show`. */
void graceful_restart_view(const struct peer *peer, uint64_t now, struct stale_view *view);

/*
 * The journal gave `rib_peer` its paths back (rib_peer_restore, with `parameters`): they are
 * retained until the restart of the reflector is over, which begins with the first call. Before any
 * session.
 */
void graceful_restart_restored(
	struct peer *peer, struct rib_peer *rib_peer, const struct rib_peer_parameters *parameters);
/*
 * Ends the reflector's restart when its time is over, and holds End-of-RIB back no longer when all
 * are back.
 */
void graceful_restart_period_tick(struct reflector *reflector, uint64_t now);
/* There is nothing left of the restart: the RIB is a new one. */
void graceful_restart_period_cancel(struct reflector *reflector);

#endif
