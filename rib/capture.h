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
 * them meanwhile.
 */
#ifndef RIB_CAPTURE_H
#define RIB_CAPTURE_H

#include "rib/attr_set.h"
#include "rib/rib.h"

/* Why the best path of a prefix is another. */
enum best_cause {
	BEST_ANNOUNCED, /* the prefix had none before, or a path came that is preferred */
	BEST_CHANGED, /* the best path was announced again with other attributes: it stayed the
			 best, or lost to another */
	BEST_WITHDRAWN, /* the peer withdrew the best path */
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
	uint8_t length; /* of the prefix, in bits */
	const uint8_t *bytes; /* of the prefix: 4 or 16 */
	struct attr_set *attrs; /* of the new best path; NULL: the prefix has none; borrowed */
	uint32_t peer; /* the new best path's, rib_peer_parameters.id; 0 without one */
	uint32_t path_id; /* as received */
};

struct path_change {
	enum family family;
	uint32_t number;
	uint8_t length;
	const uint8_t *bytes;
	struct attr_set *attrs; /* NULL: nothing lives under the number; borrowed; what follows is
				   valid only otherwise */
	uint32_t peer;
	uint32_t path_id;
};

struct rib_capture {
	/* At each decision with another result; NULL: no history is kept. Must be cheap. */
	void (*best_changed)(void *context, const struct best_change *change);
	/* A set with an ID has gone: nothing refers to it any more. */
	void (*attrs_gone)(void *context, uint64_t id);
	void *context;
};

/*
 * From here on changes are captured. Once, before the first peer. False when memory is short.
 */
bool rib_capture_begin(struct rib *rib, const struct rib_capture *capture);
/* How many rows wait. */
size_t rib_capture_waiting(const struct rib *rib);
/*
 * Takes up to `most` rows, ascending by number from where the last call stopped; returns how many.
 */
size_t rib_capture_take(struct rib *rib, size_t most,
	void (*visit)(void *context, const struct path_change *change), void *context);
/* Every path waits to be told, and no set has been told: for a journal that begins anew. */
void rib_capture_all(struct rib *rib);
/* The ID of a set; given now if it had none, then *fresh is true and its content is to be told. */
uint64_t rib_capture_attrs_id(struct rib *rib, struct attr_set *attrs, bool *fresh);

/*
 * The way back, before the first session. The set of a journal row, with a reference for the
 * caller (rib_restore_attrs_done gives it back). `next_hop` is as in attribute_keys. NULL when
 * memory is short or the bytes are not well-formed (`*malformed` then).
 */
struct attr_set *rib_restore_attrs(
	struct rib *rib, uint64_t id, struct span next_hop, struct span canonical, bool *malformed);
void rib_restore_attrs_done(struct rib *rib, struct attr_set *attrs);
/*
 * The path of a journal row, stale, under its number: rows come in ascending order of number within
 * a family. No history is made of it. False when memory is short.
 */
bool rib_restore_path(struct rib *rib, struct rib_peer *peer, uint32_t number,
	const struct prefix *prefix, uint32_t path_id, struct attr_set *attrs);
/* All are in: what the decision makes of them is no history. */
void rib_restore_end(struct rib *rib);

#endif
