/*
 * What stands behind rib/rib.h: the rib, its peers, update groups and cohorts, shared by the files
 * of this folder and by nobody else. Each file says which of it it changes.
 */
#ifndef RIB_STATE_H
#define RIB_STATE_H

#include "rib/capture.h"
#include "rib/group_log.h"
#include "rib/rib.h"
#include "rib/table.h"

#define PEER_NUMBER_MAX	  60000 /* numbers and counts of change sets fit 16 bits */
#define LOG_LIMIT_DEFAULT (4u << 20)
#define BATCH_ITEMS	  4096
#define BATCH_BYTES	  (512u << 10) /* about what the messages of one batch may take */

/* One thing to say to an update group. */
struct export_item {
	struct attr_set *attrs; /* NULL: withdraw; borrowed */
	uint32_t number; /* entry, or path in an ADD-PATH family */
	uint16_t source; /* peer that must not get it */
	uint16_t target; /* only peer that gets it; 0: all */
};

/*
 * What decides which bytes a peer is sent: peers with equal keys form an update group. Compared
 * byte by byte.
 */
struct group_key {
	uint8_t role;
	uint8_t families;
	uint8_t add_path_send; /* families */
	uint8_t next_hop; /* enum next_hop_mode */
	uint8_t long_lived; /* enum long_lived_send */
	bool as4;
	bool extended_message;
	struct ip_address local[FAMILY_COUNT]; /* with NEXT_HOP_SELF only */
};

/* The Adj-RIB-Out of a group in one family. */
struct group_family {
	struct change_set dirty; /* entries, or paths with ADD-PATH: to be flushed */
	uint32_t flushed_to; /* the next flush goes on from here, so that none starves */
	uint32_t flush_round; /* times that it came round */
	bool owed_decided; /* End-of-RIB that is owed: what comes before it was decided, and ... */
	uint32_t owed_round; /* ... is flushed (before that: decided) in this round at the latest */
	size_t source_room;
	uint16_t *source; /* by entry: the peer whose path was advertised last; 0: none */
	struct change_set advertised; /* with ADD-PATH: paths that were advertised */
	uint64_t n_advertised;
};

struct update_group {
	struct rib *rib;
	struct update_group *next;
	struct group_key key;
	unsigned number;
	struct group_family family[FAMILY_COUNT];
	struct group_log log;
	struct rib_peer *members;
	unsigned n_members;
	struct rib_peer *dry; /* members that read this log and have nothing left of it */
	struct cohort *cohorts; /* all that have members */
	struct cohort
		*gathering; /* among them: the one that new peers join, its walk has not begun */
	uint8_t flush_first; /* the family whose turn it is */
	uint64_t bytes; /* encoded since it began, cohorts included */
	uint64_t messages;
	struct cohort *moving; /* among them: the one that peers which move here join */
	uint8_t owed; /* families whose End-of-RIB is to go into the log, see end_of_rib.c */
	uint8_t counting; /* members' n_told are counted anew, in this family ... */
	uint32_t counted_to; /* ... up to this number ... */
	bool count_begun; /* ... now, and ... */
	bool count_wanted; /* ... for more of them after that */
	bool blocked; /* the log is at its limit: the next member to run dry flushes */
};

/*
 * Peers that are brought up to date together through a log of their own, before they go on with the
 * group's. Joining: a walk over all numbers, then the group's log from where it stood when the walk
 * began. Catching up (`pending` is in use): peers that fell behind together, or one that is sent
 * its table anew, and the numbers that changed since they could no longer follow; then the group's
 * log from where it stands when none is left.
 */
struct cohort {
	struct update_group *group;
	struct cohort *next;
	struct rib_peer *members;
	unsigned n_members;
	struct group_log log;
	struct log_cursor start; /* joining: where the members go on in the group's log */
	bool started;
	bool complete; /* joining: the walk is over */
	bool catching_up;
	uint8_t family; /* the walk stands in this family ... */
	uint32_t number; /* ... in front of this number */
	struct change_set pending[FAMILY_COUNT];
	uint8_t end_of_rib; /* families for which an End-of-RIB is still to be written */
	uint8_t end_of_refresh; /* families for which an EoRR is (RFC 7313) */
	uint8_t resending; /* families that the one member is sent again, as it asked ... */
	uint8_t resend_again; /* ... and has asked for once more since */
	bool enhanced; /* between BoRR and EoRR */
	uint64_t whole_at; /* the group's `moving`: all numbers were pending when the rib had
			      received that many UPDATEs */
};

/* Of rib_peer.n_told. */
enum count_state {
	COUNTED,
	COUNT_WANTED, /* once the count that has begun is over */
	COUNT_BEGUN, /* as far as the group's has come */
};

struct rib_peer {
	struct rib *rib;
	struct rib_peer_parameters parameters;
	uint16_t number;
	bool departing; /* gone: its paths are being withdrawn, then the groups hear of it */
	struct peer_paths paths[FAMILY_COUNT];
	uint64_t n_best[FAMILY_COUNT];
	uint8_t refreshing; /* families of which it sends all it has again (RFC 7313) */
	uint64_t n_told[FAMILY_COUNT]; /* of its paths, those in the Adj-RIB-Out of its own group,
					  which it is not sent */
	uint8_t count; /* enum count_state: whether n_told is so now */
	struct update_group *group; /* NULL: it has no session, its paths are retained */
	struct rib_peer *group_next, *group_previous;
	struct cohort *cohort; /* NULL: reads the group's log */
	struct rib_peer *cohort_next, *cohort_previous;
	uint8_t owed; /* reading the group's log: families whose End-of-RIB it has not had */
	struct log_cursor
		cursor; /* in the cohort's log or the group's; no chunk while its cohort gathers */
	bool is_dry; /* had nothing to send when last asked; then in group->dry if it reads the
			group's log */
	struct rib_peer *dry_next, *dry_previous;
	struct rib_peer *departing_next;
	uint8_t doomed_by[FAMILY_COUNT]; /* enum best_cause of PATHS_DOOMED */
	bool tidying; /* in rib->tidying: some of its paths wait for stale_run */
	struct rib_peer *tidying_next, *tidying_previous;
	uint64_t updates_received;
	uint64_t updates_sent;
	uint64_t dropped[DROP_REASON_COUNT];
};

/* A path that the journal has and the table has not. */
struct refused_row {
	struct prefix prefix;
	uint8_t cause; /* enum best_cause */
};

#define TOLD_NONE UINT64_MAX

/* What the journal is told; the numbers it is to be told of are the tables'. capture.c's and
 * restore.c's. */
struct capture {
	struct rib_capture hooks;
	/* The journal may have rows of numbers below, of tables whose place was taken too. */
	uint32_t limits[FAMILY_COUNT];
	uint32_t next; /* rib_capture_take goes on with this number ... */
	uint8_t family; /* ... of this family */
	uint32_t best_next; /* rib_capture_best goes on with this entry ... */
	uint8_t best_family; /* ... of this family; FAMILY_COUNT: all were told */
	/*
	 * The change of a best path that was told last: attributes, and in one word path ID, source
	 * (0: no best path), cause and family. TOLD_NONE in it: none was. The set may be gone: it
	 * is compared alone, and while there is room for more it is not.
	 */
	struct attr_set *told_attrs;
	uint64_t told_rest;
	bool restoring; /* decisions are no history */
	struct refused_row *refused_rows; /* that were not restored, until rib_restore_end */
	size_t refused, refused_room;
	uint64_t nonsense; /* further ones that are of no prefix */
};

#define SWEEP_SLOTS 1024 /* at once */
_Static_assert(ATTR_CACHE_SLOTS % SWEEP_SLOTS == 0, "slices of the attribute cache are whole");

struct rib {
	struct rib *next; /* of those that are retired */
	unsigned holders; /* see rib_hold */
	struct rib_parameters parameters;
	struct capture capture;
	struct attr_sets attr_sets;
	struct table tables[FAMILY_COUNT];
	struct rib_peer **peers; /* by number; [0] is NULL */
	size_t peers_room;
	uint16_t peer_hint; /* where to look for a free number */
	size_t n_peers; /* that are up */
	struct rib_peer *tidying; /* a ring: have stale paths to be withdrawn, or changed; the one
				     whose turn it is */
	struct rib_peer *departing, *departing_last; /* in the order in which they went */
	struct rib_peer *departed; /* without paths, but the Adj-RIB-Out of a group may still name
				      their numbers */
	struct let_go *let_go; /* change sets of groups and cohorts that are gone */
	unsigned n_let_go;
	struct update_group *groups;
	unsigned n_groups;
	unsigned group_numbers;
	/* Numbers below these have room in all change sets and Adj-RIB-Outs. */
	uint32_t reserved_entries[FAMILY_COUNT];
	uint32_t reserved_paths[FAMILY_COUNT];
	unsigned flush_first; /* number of the group whose turn it is when not all have theirs */
	uint8_t decide_first; /* the family whose turn it is, so that none starves, and ... */
	uint32_t decided_to[FAMILY_COUNT]; /* ... the entry to go on from, for the same reason */
	uint32_t decide_round[FAMILY_COUNT]; /* times that it came round */
	bool hold_end_of_rib; /* rib_hold_end_of_rib */
	bool starved; /* memory was short for the walk of a cohort: its members are to ask again */
	bool waiting; /* something is dirty, since ... */
	uint64_t since;
	uint64_t last_flush;
	size_t to_sweep; /* slots of the attribute cache, since there was work last */
	uint64_t updates_received;
	uint64_t updates_encoded;
	/* scratch */
	uint8_t *canonical; /* CANONICAL_MAX */
	uint8_t *attributes; /* CANONICAL_MAX */
	struct export_item *batch; /* 2 * BATCH_ITEMS */
	struct export_item *sorting; /* the same */
	uint32_t *candidates; /* of a decision */
	size_t candidates_room;
};

static inline bool family_is_add_path(const struct update_group *group, enum family family)
{
	return group->key.add_path_send & FAMILY_BIT(family);
}

/*
 * rib.c: makes every group and every peer that catches up ready for the numbers of `family`. False:
 * memory.
 */
bool rib_reserve(struct rib *rib, enum family family);
/* rib.c: decides what is due, for about *items, which are taken off it. False: memory. */
bool rib_decide(struct rib *rib, unsigned *items);

/*
 * decision.c: the best path of an entry, PATH_NONE when no path is usable; how many paths were
 * looked at. False when memory is short.
 */
bool decision_select(struct rib *rib, const struct table *table, const struct entry *entry,
	uint32_t *best, unsigned *looked_at);

/*
 * RFC 4456 section 8 and RFC 4271 section 9.1.2: 0, or 1 + the reason why nobody may use these
 * attributes.
 */
uint8_t adj_rib_in_verdict(
	const struct rib *rib, const struct attribute_keys *keys, struct span canonical);

/*
 * capture.c, where rib->capture.hooks.best_changed is not NULL: the best path of an entry is to be
 * `best` and was another, or another's attributes; the best path of a prefix is `best`.
 */
void capture_best(
	struct rib *rib, const struct table *table, const struct entry *entry, uint32_t best);
void capture_tell(struct rib *rib, const struct table *table, uint8_t length, const uint8_t *bytes,
	uint32_t best, enum best_cause cause);

/* adj_rib_in.c: a path of the peer that it has not withdrawn, or announced anew, itself. */
void adj_rib_in_withdraw(struct rib *rib, struct rib_peer *peer, enum family family, uint32_t path,
	enum best_cause cause);
void adj_rib_in_replace(struct rib *rib, enum family family, uint32_t path, struct attr_set *attrs,
	enum best_cause cause);

/* peer.c */
void peer_redecide(struct rib *rib, enum family family, uint32_t path);
void peer_departures(struct rib *rib, unsigned *items);
void peer_free_departed(struct rib *rib);

/* stale.c */
void stale_doom(struct rib_peer *peer, enum family family, enum best_cause cause);
void stale_reconsider(struct rib_peer *peer);
void stale_forget(struct rib_peer *peer);
bool stale_run(struct rib *rib, unsigned *items);

/* adj_rib_out.c */
bool adj_rib_out_eligible(
	const struct update_group *group, enum family family, const struct path *path);
struct span adj_rib_out_next_hop(
	const struct update_group *group, enum family family, const struct attr_set *attrs);
void adj_rib_out_rules(const struct update_group *group, enum family family,
	const struct path *path, struct attribute_export *rules);
/* The path of the number that `group` would advertise now; NULL: none. */
const struct path *adj_rib_out_path(
	const struct update_group *group, enum family family, uint32_t number);
/* The best path has gone and the next one is yet to be chosen: nothing is to be said before that.
 */
bool adj_rib_out_in_doubt(const struct update_group *group, enum family family, uint32_t number);
size_t adj_rib_out_cost(const struct export_item *items, size_t n);
typedef void adj_rib_out_commit(
	void *context, enum family family, const struct export_item *item, bool sent);
bool adj_rib_out_encode(struct update_group *group, enum family family, struct export_item *items,
	size_t n, struct group_log *log, adj_rib_out_commit *commit, void *context);

/* update_group.c */
struct update_group *update_group_find(
	struct rib *rib, const struct rib_peer_parameters *parameters);
void update_group_release(struct update_group *group);
void update_group_add(struct update_group *group, struct rib_peer *peer);
void update_group_remove(struct rib_peer *peer);
void update_group_leave(struct rib_peer *peer);
void update_group_destroy_all(struct rib *rib);
bool update_group_reserve(struct update_group *group, enum family family);
void update_group_told(struct update_group *group, enum family family, uint32_t number,
	uint16_t source, bool told);
void update_group_recount(struct rib_peer *peer);
void update_group_count(struct update_group *group, unsigned *items);
void update_group_mark(struct update_group *group, enum family family, uint32_t number);
bool update_group_flush(struct update_group *group, unsigned *items);
void update_group_dry_add(struct rib_peer *peer);
void update_group_dry_remove(struct rib_peer *peer);
void update_group_wake(struct update_group *group);

bool update_group_is_due(const struct update_group *group);

/* cohort.c */
struct cohort *cohort_new_catching_up(struct update_group *group);
void cohort_link(struct cohort *cohort, struct update_group *group);
void cohort_unlink(struct cohort *cohort);
void cohort_destroy(struct cohort *cohort);
void cohort_add(struct cohort *cohort, struct rib_peer *peer);
void cohort_mark(struct cohort *cohort, enum family family, uint32_t number);
bool cohort_join(struct rib_peer *peer);
void cohort_leave(struct rib_peer *peer); /* its cursor is released before */
void cohort_start(struct cohort *cohort);
bool cohort_produce(struct cohort *cohort);
bool cohort_is_done(const struct cohort *cohort);
bool cohort_reserve(struct cohort *cohort, enum family family);
void cohort_mark_all(struct update_group *group, enum family family, uint32_t number);
void cohort_wake_pending(struct update_group *group);
void cohort_limit(struct update_group *group);

/*
 * end_of_rib.c: the families whose marker a cohort must not write itself; has the group write those
 * of `families` when it may; whether it may, now; writes them (false: memory).
 */
uint8_t end_of_rib_waits(const struct update_group *group);
void end_of_rib_owe(struct update_group *group, uint8_t families);
bool end_of_rib_is_due(struct update_group *group);
bool end_of_rib_pay(struct rib *rib);

/* catch_up.c */
bool catch_up_shed(struct update_group *group, struct cohort *from, size_t allowed);
bool catch_up_resend(struct rib_peer *peer, enum family family, bool enhanced);
bool catch_up_resend_begin(struct cohort *cohort, enum family family);
bool catch_up_move(struct rib_peer *peer, const struct rib_peer_parameters *parameters);

#endif
