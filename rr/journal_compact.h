/*
 * Giving room back to the file system: under way, from the free pages that pruning leaves, in small
 * steps that the writer's thread takes between batches; and for a file that no daemon uses, by
 * writing it anew.
 */
#ifndef RR_JOURNAL_COMPACT_H
#define RR_JOURNAL_COMPACT_H

#include <sqlite3.h>

#include "bgp/types.h"

/* Zero at first. */
struct journal_compact {
	unsigned pages; /* for the next step */
};

/*
 * Moves pages from the end of the file into free ones, for some milliseconds; *done when none is
 * free. Needs no room on the disk but the WAL's. Result code.
 */
int journal_compact_step(struct journal_compact *compact, sqlite3 *db, bool *done);

/*
 * Rewrites the journal at `path` into as little room as it needs, under the lock that a daemon
 * holds: false with one line in `text` when one does, when somebody reads it, or when the disk has
 * no room for the new file beside the old. `before` and `after` are in bytes.
 */
bool journal_file_compact(
	const char *path, uint64_t *before, uint64_t *after, char *text, size_t size);

#endif
