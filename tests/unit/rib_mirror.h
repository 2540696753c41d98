/*
 * What a journal would make of a rib: the rows of paths and the sets as they were told, and of the
 * history the last row of each prefix. Compared with the rib itself, and made into another rib that
 * must be the same. Belongs to the tests alone.
 */
#ifndef UNIT_RIB_MIRROR_H
#define UNIT_RIB_MIRROR_H

#include "rib/capture.h"

#define MIRROR_ROOM_ROWS 3 /* most that are not told one by one */

struct mirror_row {
	bool there;
	struct prefix prefix;
	uint32_t peer;
	uint32_t path_id;
	uint64_t attrs;
};

struct mirror_set {
	bool there;
	uint8_t next_hop[NEXT_HOP_MAX];
	uint8_t next_hop_len;
	uint8_t *bytes;
	size_t len;
};

/* The newest history row of a prefix. */
struct mirror_best {
	struct prefix prefix;
	enum best_cause cause;
	struct attr_set *attrs; /* with a reference; NULL: no best path */
	uint32_t peer;
	uint32_t path_id;
};

struct mirror {
	struct rib *rib;
	struct mirror_row *rows[FAMILY_COUNT]; /* by number */
	size_t n_rows[FAMILY_COUNT];
	struct mirror_set *sets; /* by ID */
	size_t n_sets;
	struct mirror_best *best;
	size_t n_best;
	struct best_change told_best; /* last, with a reference to its set */
	struct best_room room; /* for changes like it ... */
	uint8_t room_bytes[MIRROR_ROOM_ROWS * 17]; /* of IPv6, at most */
	size_t told; /* rows of paths */
	size_t sets_told;
	size_t changes; /* rows of history, but for those in the room yet */
};

#define MIRROR_PREFIXES 4096 /* most that may have a history */

/*
 * Begins to capture; `before` as of rib_capture_begin. From then on memory is asked for only where
 * rows are taken.
 */
void mirror_begin(struct mirror *m, struct rib *rib, const struct rib *before);
/* Before rib_free. */
void mirror_end(struct mirror *m);
/* Takes up to `most` rows; how many there were. */
size_t mirror_take(struct mirror *m, size_t most);
/* As a journal that begins anew: no set was told yet. */
void mirror_forget_sets(struct mirror *m);
/* ... and no history. */
void mirror_forget_best(struct mirror *m);
/* Takes all, then fails where the mirror and the rib differ; when the rib is at rest. */
void mirror_check(struct mirror *m);
/*
 * A rib of the mirror's rows alone, and its mirror in `copy`, with the peers of the first as if
 * they had been up before.
 */
struct rib *mirror_restore(
	const struct mirror *m, const struct rib_parameters *parameters, struct mirror *copy);
/* The peer of that rib_peer_parameters.id; NULL: none. */
struct rib_peer *mirror_peer(const struct rib *rib, uint32_t id);
/* Fails where two ribs differ in paths, their numbers, or the best of each prefix. */
void mirror_same(const struct rib *a, const struct rib *b);
/* Its peers go, upon which nothing may be left in it or in the mirror, and it is freed. */
void mirror_free_restored(struct mirror *copy);

/* The newest history row of a prefix; NULL: none was told. */
const struct mirror_best *mirror_find_best(struct mirror *m, const struct prefix *prefix);

#endif
