/*
 * The table of one family: an entry for each prefix, a path for each (source peer, received path
 * ID) of it. Owns both, the radix tree over the entries, and the set of entries whose decision is
 * due. adj_rib_in.c writes it, decision.c, the update groups and the walks read it. It knows no
 * policy and no session.
 *
 * Entries and paths have small dense numbers. A number is not used again while anything is still to
 * be told about it: `marks` counts the change sets that hold it, and the last to let go frees it.
 * So a prefix whose paths are all gone stays until its withdrawal was sent, and so does a path in
 * the eyes of ADD-PATH groups.
 */
#ifndef RIB_TABLE_H
#define RIB_TABLE_H

#include "rib/bitmap.h"
#include "rib/capture.h"
#include "rib/change_set.h"
#include "rib/path_index.h"
#include "rib/peer_paths.h"
#include "rib/slab.h"
#include "rib/tree.h"

#define PATH_NONE SLAB_NONE

struct path {
	struct attr_set *attrs; /* NULL: withdrawn, not told everywhere yet */
	uint32_t
		path_id; /* as received; 0 without ADD-PATH. The ID sent is the path's number + 1 */
	uint32_t entry;
	uint32_t previous; /* of the same entry */
	uint32_t next; /* of the same entry */
	uint32_t peer_next; /* in a list of the source peer's, see peer_paths.h */
	uint32_t peer_previous;
	uint32_t epoch; /* of the source peer's when it was announced last: another than that now,
			   and it is stale */
	uint16_t source; /* number of the peer it came from; never 0 */
	uint16_t marks; /* change sets of paths that hold it */
};

static inline bool path_is_stale(const struct peer_paths *peer_paths, const struct path *path)
{
	return path->epoch != peer_paths->epoch;
}

#define ENTRY_IN_USE  0x01
#define ENTRY_INDEXED 0x04 /* its paths are many: table->path_index has them */
#define ENTRY_BEST_TOUCHED \
	0x02 /* the best path changed its attributes or went away since the last decision */
#define ENTRY_CAUSE	  0x38 /* enum best_cause, while a decision is due */
#define ENTRY_CAUSE_SHIFT 3

struct entry {
	uint32_t paths; /* first path; PATH_NONE when there is none */
	uint32_t best; /* PATH_NONE: no usable path */
	uint16_t marks; /* change sets of entries that hold it */
	uint8_t flags; /* ENTRY_* */
	uint8_t length; /* of the prefix, in bits */
	uint8_t bytes[]; /* 4 or 16, by family */
};

struct table {
	enum family family;
	struct attr_sets *attr_sets;
	struct tree tree;
	struct slab entries;
	struct slab paths;
	struct path_index path_index;
	struct change_set undecided; /* entries */
	bool capturing;
	struct change_set captured; /* while capturing: path numbers that the journal is to be told
				       of; marks nothing, may reach above paths.used */
	struct bitmap living; /* while capturing: path numbers with attributes, so that those
				     without are told by looking at bits alone */
	uint64_t n_prefixes; /* entries with a usable path */
	uint64_t n_paths; /* paths with attributes */
};

void table_init(struct table *table, enum family family, struct attr_sets *attr_sets);
/* Gives back the attribute sets of all paths left. */
void table_destroy(struct table *table);
/*
 * Frees as much of it as thousands of paths are, whoever may mark them: nothing but this and
 * table_destroy may be done with it from the first one on. False when what is left is little.
 */
bool table_free_part(struct table *table);

static inline struct entry *table_entry(const struct table *table, uint32_t number)
{
	return slab_at(&table->entries, number);
}

static inline struct path *table_path(const struct table *table, uint32_t number)
{
	return slab_at(&table->paths, number);
}

struct prefix table_prefix(const struct table *table, const struct entry *entry);

/* The entry of a prefix: SLAB_NONE when there is none. */
uint32_t table_find(const struct table *table, const struct prefix *prefix);
/*
 * ... made if there is none (without paths: the caller marks it or gives it one at once). SLAB_NONE
 * when memory is short.
 */
uint32_t table_find_or_add(struct table *table, const struct prefix *prefix);

/* What came of an announcement or a withdrawal. */
struct table_change {
	bool changed;
	bool was_best; /* the path is, or was until withdrawn, its entry's best */
	uint8_t cause; /* enum best_cause, if the best path is another now; the caller corrects
			  BEST_WITHDRAWN and BEST_CHANGED where it knows better */
	uint32_t entry;
	uint32_t path; /* may have been freed, unless the caller marks it: see table_settle */
};

/*
 * The source, whose paths are `peer_paths`, announces the prefix with `attrs` (a reference is
 * taken): the path is fresh. False when memory is short (nothing changed). After it, and after a
 * withdrawal, the caller marks the path where ADD-PATH groups must hear of it, then calls
 * table_settle.
 */
bool table_announce(struct table *table, uint16_t source, struct peer_paths *peer_paths,
	const struct prefix *prefix, uint32_t path_id, struct attr_set *attrs,
	struct table_change *change);
void table_withdraw(struct table *table, uint16_t source, struct peer_paths *peer_paths,
	const struct prefix *prefix, uint32_t path_id, struct table_change *change);
/* The same for a path whose number is known. */
void table_withdraw_path(struct table *table, struct peer_paths *peer_paths, uint32_t number,
	struct table_change *change);
/*
 * Other attributes (a reference is taken) for a path that has some: they differ. It has not been
 * announced, so it is as stale as before. Then table_settle.
 */
void table_replace(
	struct table *table, uint32_t number, struct attr_set *attrs, struct table_change *change);
/*
 * As table_announce, for a path that is to have the given number, at or above those in use
 * (paths.used); the path is stale. The change says `changed` false where the source has a path of
 * that prefix and ID.
 */
bool table_announce_at(struct table *table, uint16_t source, struct peer_paths *peer_paths,
	const struct prefix *prefix, uint32_t path_id, struct attr_set *attrs, uint32_t number,
	struct table_change *change);
/*
 * Ends a change: frees the path when nobody marked it, puts the entry up for decision, and the path
 * down for the journal.
 */
void table_settle(struct table *table, const struct table_change *change);
/* Puts the entry of a path up for decision because the rules changed, and nothing of the path. */
void table_redecide(struct table *table, uint32_t number);

/*
 * An entry or path came into, or went out of, some change set. The one that goes out last may be
 * freed by it.
 */
static inline void table_mark_entry(struct table *table, uint32_t number)
{
	table_entry(table, number)->marks++;
}
static inline void table_mark_path(struct table *table, uint32_t number)
{
	table_path(table, number)->marks++;
}
void table_unmark_entry(struct table *table, uint32_t number);
void table_unmark_path(struct table *table, uint32_t number);

/* Bytes held, attribute sets apart. */
size_t table_memory(const struct table *table);

#endif
