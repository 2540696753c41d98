/*
 * What the journal is told of the table: which received paths changed since it last asked (the
 * state to restart from), each change of a best path (the history), and the way back, from rows of
 * the journal into an empty table. rr/journal.c is the only caller. It knows no SQL and no thread,
 * and costs a bit a changed path until it is asked.
 *
 * A path's row is named by family and number, and a number stands for whatever lives there when the
 * row is taken: a path that changed a hundred times in between is one row, a number that was given
 * away is a row that says what lives there now or that nothing does. So nothing is kept alive for
 * the journal, and a journal that cannot be written costs no more memory than its bitmap.
 *
 * Attribute sets are named by an ID that is given when a set is told for the first time and never
 * used again. Whoever keeps a set longer than a call takes a reference (attr_set_ref), on the
 * thread that owns BGP state; the bytes and keys of a set never change, so another thread may read
 * them meanwhile. A set that nobody else refers to any more costs memory: who keeps many may sum
 * their bytes, and mark by `counted` whose are in the sum.
 */
#ifndef RIB_CAPTURE_H
#define RIB_CAPTURE_H

#include <stddef.h>

#include "rib/attr_set.h"
#include "rib/rib.h"

/* Why the best path of a prefix is another. */
enum best_cause {
	BEST_ANNOUNCED, /* the prefix had none before, or a path came that is preferred */
	BEST_CHANGED, /* the best path was announced again with other attributes: it stayed the
			 best, or lost to another */
	BEST_WITHDRAWN, /* the peer withdrew the best path, or one whose MED kept another from
			   being it */
	BEST_REFUSED, /* the peer announced it anew in a form that may not be used */
	BEST_PEER_DOWN, /* the session of the best path's peer ended */
	BEST_STALE_EXPIRED, /* it was stale and not announced again in time */
	BEST_LONG_LIVED_STALE, /* it became long-lived stale */
	BEST_RULES, /* a setting of a peer changed */
	BEST_CAUSE_COUNT,
};

const char *best_cause_name(enum best_cause cause); /* "announced", "peer-down" ... */

struct best_change {
	enum family family;
	enum best_cause cause;
	/*
	 * Of the new best path: rib_peer_parameters.id, 0 without one. Not beside path_id: both
	 * would be read as one word at once after they were written as two, and be waited for.
	 */
	uint32_t peer;
	uint8_t length; /* of the prefix, in bits */
	const uint8_t *bytes; /* of the prefix: 4 or 16 */
	struct attr_set *attrs; /* of the new best path; NULL: the prefix has none; borrowed */
	uint32_t path_id; /* of the new best path, as received */
};

/*
 * Changes that follow each other and differ in the prefix alone, as those of one UPDATE do: the
 * first is told, the others are rows where its listener made room for them. Who makes room holds a
 * reference to the set told last as long as there is any, and takes the room back at the end of a
 * turn: a peer's number may be given to another then.
 */
struct best_row {
	uint8_t length; /* of the prefix, in bits */
	uint8_t bytes[]; /* of the prefix: 4 or 16 */
};

struct best_room {
	uint8_t *at; /* the next row ... */
	const uint8_t *end; /* ... as long as there is room before: a whole number of rows */
};

static inline size_t best_row_size(enum family family)
{
	return offsetof(struct best_row, bytes) + family_address_len(family);
}

struct path_change {
	enum family family;
	uint32_t number;
	struct attr_set *attrs; /* borrowed */
	uint8_t length;
	const uint8_t *bytes;
	uint32_t peer;
	uint32_t path_id;
};

#define PATHS_TOLD_MAX 64 /* at once */

/* What rows are told to. Both must change nothing of the rib but IDs of and references to sets. */
struct path_visitor {
	/* At least one; ascending. */
	void (*paths)(void *context, const struct path_change *changes, unsigned n);
	/* Nothing lives under the numbers base + n where bit n of `bits` is set, which some are. */
	void (*gone)(void *context, enum family family, uint32_t base, uint64_t bits);
	void *context;
};

struct rib_capture {
	/*
	 * At each decision with another result, but for those that fill `room`; NULL: no history
	 * is kept. Must be cheap, and change nothing of the rib.
	 */
	void (*best_changed)(void *context, const struct best_change *change);
	struct best_room *room; /* for rows that are like the change told last; NULL: never any */
	/*
	 * A set with an ID has gone: nothing refers to it any more, or an ID that was restored
	 * turned out to be that of no set. NULL: nobody asks.
	 */
	void (*attrs_gone)(void *context, uint64_t id);
	void *context;
};

/*
 * From here on changes are captured. Once, before the first peer. `before` is the rib whose place
 * this one takes, NULL for none: all its rows wait, to be told what lives under their numbers now
 * (for its attribute IDs see rib_capture_ids_after). False when memory is short.
 */
bool rib_capture_begin(
	struct rib *rib, const struct rib_capture *capture, const struct rib *before);
/*
 * Nothing is told from here on: before the journal goes and the rib does not. Sets still have IDs.
 */
void rib_capture_end(struct rib *rib);
/* IDs of attribute sets that are given from here on are above `id`: before rib_restore_attrs. */
void rib_capture_ids_above(struct rib *rib, uint64_t id);
/*
 * ... and above all that `before` has given, and `more` that it may give yet: before this one gives
 * the first.
 */
void rib_capture_ids_after(struct rib *rib, const struct rib *before, uint64_t more);
/* How many rows wait. */
size_t rib_capture_waiting(const struct rib *rib);
/*
 * Takes up to `most` rows, by family and number (of neighbors, those that are gone first) from
 * where the last call stopped, then from the first one; returns how many: fewer than `most` when no
 * more wait.
 */
size_t rib_capture_take(struct rib *rib, size_t most, const struct path_visitor *visitor);
/*
 * Every number waits to be told, also those under which nothing lives, and no set has an ID any
 * more: for a journal that begins anew.
 */
void rib_capture_all(struct rib *rib);
/*
 * The best paths of all prefixes are to be told by rib_capture_best: for a history that lacks
 * changes. So they are after rib_capture_all.
 */
void rib_capture_best_anew(struct rib *rib);
/* Tells the best paths of about `most` further ones as BEST_ANNOUNCED. False when all were told. */
bool rib_capture_best(struct rib *rib, size_t most);
/* The ID of a set; given now if it had none, then *fresh is true and its content is to be told. */
uint64_t rib_capture_attrs_id(struct rib *rib, struct attr_set *attrs, bool *fresh);

/*
 * The way back, after rib_capture_begin and before the first session. Rows come from a file that
 * anybody may have written to: what is not as this rib would have told it is refused, which means
 * that its row waits to be told anew (as what lives there, mostly nothing).
 */

#define RIB_ATTRS_ID_MAX (UINT64_MAX >> 2)

/*
 * The set of a journal row, with a reference for the caller, who gives it back by
 * rib_restore_attrs_done when all paths are in. `next_hop` is as in attribute_keys. An ID is from 1
 * to RIB_ATTRS_ID_MAX. NULL when memory is short or the row is refused (`*malformed` then).
 */
struct attr_set *rib_restore_attrs(
	struct rib *rib, uint64_t id, struct span next_hop, struct span canonical, bool *malformed);
/* Gives back a reference, also one that was taken while rows were told. */
void rib_restore_attrs_done(struct rib *rib, struct attr_set *attrs);
/*
 * The path of a journal row, stale, under its number. Rows come in ascending order of number within
 * a family; one that does not is refused, as is one whose peer or attributes (NULL) were not
 * restored, whose attributes this router must not use (its own ID or AS is in them), or of a prefix
 * and path ID that the peer has already. `attrs_id` is the ID in the row. Where too many
 * numbers are left out, lower ones take their place. False when memory is short.
 */
bool rib_restore_path(struct rib *rib, struct rib_peer *peer, uint32_t number,
	const struct prefix *prefix, uint32_t path_id, struct attr_set *attrs, uint64_t attrs_id);
/*
 * All are in: decides. What comes of it is no history, but that the prefixes of refused paths have
 * the best path which they have now (none, mostly): what went down with a peer that was not
 * restored is BEST_PEER_DOWN, other things BEST_REFUSED. Returns how many rows of paths were
 * refused.
 */
uint64_t rib_restore_end(struct rib *rib);

#endif
