/*
 * The routing information base as the reflector sees it: peers that come and go, UPDATE messages
 * in, bytes out. rr/ calls it from the one thread that owns BGP state; mgmt/ reads it through the
 * walks below, from that same thread. It never touches a socket, a clock or a file: time comes in
 * as an argument, and what has to be told upward goes through struct rib_callbacks.
 *
 * Inside: peer.c has the peers; adj_rib_in.c takes UPDATEs apart and applies RFC 4456's import
 * rules; stale.c keeps what outlived its session; attr_set.c interns attributes; table.c and tree.c
 * hold prefixes and paths; decision.c chooses; update_group.c, cohort.c and group_log.c carry the
 * result out.
 */
#ifndef RIB_RIB_H
#define RIB_RIB_H

#include <sys/uio.h>

#include "bgp/attribute.h"
#include "bgp/error.h"

struct rib;
struct rib_peer;

enum role { ROLE_CLIENT, ROLE_NON_CLIENT, ROLE_EXTERNAL };
enum add_path_send { ADD_PATH_OFF, ADD_PATH_ALL };
enum next_hop_mode { NEXT_HOP_KEEP, NEXT_HOP_SELF };

/* What becomes of paths with LLGR_STALE on the way to a peer: RFC 9494 sections 4.3 and 4.6. */
enum long_lived_send {
	LONG_LIVED_NEVER, /* it is not sent them: it lacks the capability */
	LONG_LIVED_AS_IS, /* it has the capability; or we offer it to nobody, and then the
			     community is passed on as any other is */
	LONG_LIVED_LEAST, /* it lacks it, but is sent them with NO_EXPORT and LOCAL_PREF 0; of
			     ROLE_EXTERNAL it is as LONG_LIVED_NEVER */
};

const char *role_name(enum role role); /* "client", "non-client", "external" */

/* Why routes or attributes were dropped; counted for each peer. */
enum drop_reason {
	DROP_ORIGINATOR_LOOP, /* RFC 4456: ORIGINATOR_ID is our BGP Identifier; prefixes */
	DROP_CLUSTER_LOOP, /* RFC 4456: our cluster ID in CLUSTER_LIST; prefixes */
	DROP_AS_LOOP, /* our AS in AS_PATH; prefixes */
	DROP_BAD_NEXT_HOP, /* next hop is our own address, a multicast or unusable one; prefixes */
	DROP_TREAT_AS_WITHDRAW, /* RFC 7606; UPDATE messages */
	DROP_ATTRIBUTE_DISCARD, /* RFC 7606; UPDATE messages */
	DROP_FOREIGN_FAMILY, /* NLRI of a family that was not negotiated; UPDATE messages */
	DROP_REASON_COUNT,
};

const char *drop_reason_name(enum drop_reason reason); /* "originator-loop" ... */

struct rib_callbacks {
	/*
	 * `peer`'s output has something to send (called only after it had run dry), or more to do
	 * for rib_run; NULL: rib_run has.
	 */
	void (*output_ready)(void *context, struct rib_peer *peer);
	/*
	 * Faults in an UPDATE of `peer`, whose `body` was read as `attribute_context` says, for the
	 * log. At most one call a message.
	 */
	void (*update_fault)(void *context, struct rib_peer *peer, struct span body,
		const struct attribute_context *attribute_context,
		const struct attribute_faults *faults);
	/*
	 * `peer` has sent End-of-RIB (RFC 4724 section 2) of `family`: it has announced all it has.
	 */
	void (*end_of_rib)(void *context, struct rib_peer *peer, enum family family);
	void *context;
};

struct rib_parameters {
	uint32_t as;
	uint32_t router_id;
	uint32_t cluster_id;
	size_t log_limit; /* bytes of log that a peer may hold before it is detached; 0: the default
			     (4 MiB) */
	struct rib_callbacks callbacks;
};

/*
 * NULL when memory is short. `hash_key` is 16 random bytes: peers are not trusted with the hash
 * tables.
 */
struct rib *rib_new(const struct rib_parameters *parameters, const uint8_t hash_key[16]);
/* All peers, retained ones too, must be gone (rib_peer_down) before. NULL: nothing happens. */
void rib_free(struct rib *rib);
/*
 * The same without holding the loop up, where another rib takes its place: puts the rib into the
 * list. Nothing is asked of it from here on, but IDs of and references to its attribute sets.
 */
void rib_retire(struct rib **retired, struct rib *rib);
/*
 * Frees a part of what is in the list, about a millisecond's work at most: all but the attribute
 * sets of those that are held. True when there was any.
 */
bool rib_retired_free_part(struct rib **retired);
/* Somebody keeps references to attribute sets of the rib: they stay until he has let go of it. */
void rib_hold(struct rib *rib);
void rib_unhold(struct rib *rib);

/* What the table must know of an established session. */
struct rib_peer_parameters {
	struct ip_address address; /* the last tie-break of the decision */
	uint32_t as;
	uint32_t bgp_id; /* the peer's BGP Identifier */
	enum role role;
	uint8_t families; /* negotiated */
	bool as4;
	bool extended_message;
	uint8_t add_path_receive; /* negotiated, by family */
	uint8_t add_path_send;
	enum next_hop_mode
		next_hop; /* applies to ROLE_EXTERNAL and, when self, to the others too */
	struct ip_address local[FAMILY_COUNT]; /* our address of each family on this session, for
						  next-hop self; len 0: none */
	uint32_t id; /* what the journal calls the peer: the same address has the same one over
			sessions and restarts; 0: none */
	enum long_lived_send long_lived;
	void *session; /* rib_peer_session() gives it back; NULL while there is none */
};

/*
 * The session is Established: the peer joins its update group and is sent the table, End-of-RIB
 * after it. NULL when memory is short. The peer belongs to the rib until rib_peer_down.
 */
struct rib_peer *rib_peer_up(struct rib *rib, const struct rib_peer_parameters *parameters);
/*
 * The session is over, or a retained peer is given up: the handle is invalid from here on, the
 * peer's paths are withdrawn by rib_run.
 */
void rib_peer_down(struct rib *rib, struct rib_peer *peer);

/*
 * Paths that outlive their session: RFC 4724 section 4.2 and RFC 9494. A path is stale from the end
 * of the session on until the peer announces it again; stale paths are chosen and advertised as if
 * nothing had happened.
 */

/*
 * The session is over, but the paths of `families` stay, stale; those of the other families are
 * withdrawn by rib_run. What was stale already (the peer went away again before it had sent its
 * End-of-RIB) stays so. The handle stays valid, without output, until rib_peer_resume or
 * rib_peer_down.
 */
void rib_peer_retain(struct rib *rib, struct rib_peer *peer, uint8_t families);
/*
 * A retained or restored peer has a session again: it joins its update group as after rib_peer_up.
 * The stale paths of `families` stay until announced or swept, those of other families are
 * withdrawn. False when memory is short: then it is retained as before.
 */
bool rib_peer_resume(struct rib *rib, struct rib_peer *peer,
	const struct rib_peer_parameters *parameters, uint8_t families);
/*
 * A peer that had a session before the reflector was started again, retained in all its families,
 * without paths yet: rib_restore_path gives it those of the journal. NULL when memory is short.
 */
struct rib_peer *rib_peer_restore(struct rib *rib, const struct rib_peer_parameters *parameters);
/* What is still stale of `family` is withdrawn by rib_run, within its budget. */
void rib_stale_sweep(struct rib *rib, struct rib_peer *peer, enum family family);
/*
 * RFC 9494 section 4.2: the stale paths of `family` become long-lived stale: those with NO_LLGR are
 * withdrawn, the others get LLGR_STALE and are least preferred. Done by rib_run within its budget.
 */
void rib_stale_long_lived(struct rib *rib, struct rib_peer *peer, enum family family);
/* How many paths of the peer are stale; 0 as soon as all are refreshed or swept. */
uint64_t rib_stale_count(const struct rib_peer *peer, enum family family);
/*
 * While `hold` is set no peer is sent End-of-RIB: after a warm restart (RFC 4724 section 4.1: the
 * selection of routes is deferred), so that no peer takes the table for whole before those who
 * announce it are back. When it ends, the peers that wait for one are sent it.
 */
void rib_hold_end_of_rib(struct rib *rib, bool hold);

/*
 * Role, next-hop mode or local addresses changed without a new session: what differs is sent. A
 * retained peer's paths are decided by its new role. False when memory is short (the peer is
 * unchanged).
 */
bool rib_peer_move(
	struct rib *rib, struct rib_peer *peer, const struct rib_peer_parameters *parameters);
void *rib_peer_session(const struct rib_peer *peer);

/*
 * An UPDATE from `peer`. False when the session must end; `error` then holds the NOTIFICATION. Out
 * of memory is such an end (Cease/Out of Resources).
 */
bool rib_update(struct rib *rib, struct rib_peer *peer, struct span body, struct bgp_error *error);
/*
 * ROUTE-REFRESH from `peer`: its Adj-RIB-Out of `family` is sent again; with `enhanced`, between
 * BoRR and EoRR (RFC 7313). False: memory.
 */
bool rib_refresh(struct rib *rib, struct rib_peer *peer, enum family family, bool enhanced);

/*
 * The peer begins, or has ended, to send all its routes of `family` again (BoRR and EoRR, RFC 7313
 * section 4): what it did not announce in between is withdrawn at the end. An end without a begin
 * does nothing.
 */
void rib_refresh_begins(struct rib *rib, struct rib_peer *peer, enum family family);
void rib_refresh_ends(struct rib *rib, struct rib_peer *peer, enum family family);

/*
 * Works off what input has made dirty: decisions, flushes, cohort walks, departed peers. `now` is a
 * monotonic time in microseconds. `input_idle` says that the loop has no more input waiting: then a
 * flush need not wait for company. Works for about `budget` microseconds and returns how long until
 * it wants to be called again: 0 as soon as possible (but after other events), UINT64_MAX not
 * before something happens.
 */
uint64_t rib_run(struct rib *rib, uint64_t now, bool input_idle, uint64_t budget);

/*
 * Bytes for the peer's socket, straight from the shared log: fills up to `max` entries of `iov`,
 * returns how many (0: nothing to send now; output_ready will be called). Every entry ends with a
 * whole message. The bytes stay valid until rib_peer_output_sent.
 */
int rib_peer_output(struct rib_peer *peer, struct iovec *iov, int max);
/* `sent` bytes of what rib_peer_output offered went out. */
void rib_peer_output_sent(struct rib_peer *peer, size_t sent);
/*
 * True when the bytes sent so far end amid a message: nothing else may be written to the socket
 * before more output is.
 */
bool rib_peer_output_amid_message(const struct rib_peer *peer);

/* For `show`. Counts are of now. */
struct rib_peer_counts {
	uint64_t paths[FAMILY_COUNT]; /* Adj-RIB-In */
	uint64_t best[FAMILY_COUNT]; /* of these, chosen */
	uint64_t advertised[FAMILY_COUNT]; /* prefixes (paths with ADD-PATH) advertised to it */
	uint64_t updates_received; /* messages */
	uint64_t updates_sent;
	uint64_t dropped[DROP_REASON_COUNT];
	unsigned group; /* number of its update group; 0 without a session */
	const char *output_state; /* "joining", "current", "detached", "retained" */
	size_t output_backlog; /* bytes it has not taken yet of the log */
};
void rib_peer_counts(const struct rib_peer *peer, struct rib_peer_counts *counts);

struct rib_counts {
	uint64_t prefixes[FAMILY_COUNT];
	uint64_t paths[FAMILY_COUNT];
	uint64_t attribute_sets;
	uint64_t peers; /* with a session */
	uint64_t groups;
	uint64_t updates_received;
	uint64_t updates_encoded; /* once a group */
	size_t memory; /* bytes of tables, attribute sets and logs */
};
void rib_counts(const struct rib *rib, struct rib_counts *counts);

/* One update group. */
struct rib_group_view {
	unsigned number;
	enum role role;
	uint8_t families;
	bool as4;
	bool extended_message;
	uint8_t add_path_send;
	enum next_hop_mode next_hop;
	enum long_lived_send long_lived;
	unsigned peers;
	unsigned joining; /* of these, still in a cohort */
	unsigned detached; /* of these, slow */
	uint64_t advertised[FAMILY_COUNT];
	uint64_t messages; /* encoded since it began */
	uint64_t bytes;
	size_t log_bytes; /* held now */
};
/* Calls `visit` for each group. */
void rib_groups(const struct rib *rib,
	void (*visit)(void *context, const struct rib_group_view *group), void *context);

/* One path as `show routes` prints it; everything is borrowed and valid during the visit only. */
struct rib_path_view {
	struct prefix prefix;
	uint32_t path_id; /* received or, in an advertised walk, sent; 0 without ADD-PATH */
	struct ip_address peer_address; /* where it came from */
	uint32_t peer_as;
	uint32_t peer_bgp_id;
	enum role peer_role;
	bool best;
	bool stale; /* its peer has not announced it since its session, or we, began anew */
	const struct attribute_keys *keys; /* next hop and decision keys */
	struct span attributes; /* canonical bytes; in an advertised walk as they are sent (4-octet
				   AS) */
};

enum rib_walk_kind {
	RIB_WALK_TABLE, /* every path */
	RIB_WALK_BEST, /* the best path of each prefix */
	RIB_WALK_RECEIVED, /* the Adj-RIB-In of `peer` */
	RIB_WALK_ADVERTISED, /* the Adj-RIB-Out of `peer`, attributes as sent */
};

enum rib_match { RIB_MATCH_ALL, RIB_MATCH_EXACT, RIB_MATCH_LONGER, RIB_MATCH_COVERING };

struct rib_walk {
	enum rib_walk_kind kind;
	const struct rib_peer *peer; /* for RECEIVED and ADVERTISED; NULL elsewhere. Must stay
					valid during the walk. */
	enum family family;
	enum rib_match match;
	struct prefix match_prefix; /* for EXACT, LONGER (itself included), and COVERING (longest
				       match for an address) */
	/* where the walk stands; zero at its begin */
	bool started;
	bool finished;
	struct prefix last;
};

/*
 * Visits paths in the order of prefix_compare until about `most` were visited (a prefix is never
 * split) or the walk is finished; call again to go on: the table may change between calls.
 */
void rib_walk(struct rib *rib, struct rib_walk *walk, unsigned most,
	void (*visit)(void *context, const struct rib_path_view *path), void *context);

#endif
