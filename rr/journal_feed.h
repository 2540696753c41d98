/*
 * The long lists of a batch as tables that SQLite can read: INSERT ... SELECT from them is one
 * statement for many rows, not one a row, which is a third of the writer's work. The store fills
 * struct journal_feed before such a statement; SQLite calls back here for rows and columns. It
 * writes nothing itself.
 *
 * https://www.sqlite.org/vtab.html, section 2: the eponymous kind, which no schema mentions.
 */
#ifndef RR_JOURNAL_FEED_H
#define RR_JOURNAL_FEED_H

#include <sqlite3.h>

#include "rr/journal_batch.h"

/* A history row, and where it stands among those of its batch. */
struct journal_feed_history {
	uint64_t key; /* family and the first bits of the prefix: compares as they do */
	const struct journal_history_run *run;
	const struct best_row *row;
	uint32_t order; /* in the batch */
	uint32_t sequence; /* for its column */
};

struct journal_feed {
	const struct journal_attrs_row *attrs; /* table feed_attrs (id, next_hop, bytes) */
	size_t n_attrs;
	const struct journal_path_row *paths; /* feed_path (id, peer, prefix, path_id, attrs) */
	size_t n_paths;
	/* feed_history (prefix, time, sequence, peer, path_id, attrs, cause) */
	const struct journal_feed_history *history;
	size_t n_history;
	/* What the file calls the peers and sets of the rows. */
	uint32_t (*peer_id)(const void *context, uint32_t id);
	int64_t (*attrs_id)(const void *context, uint64_t id);
	const void *context;
};

/*
 * Makes the tables known to the connection, which must not outlive `feed`; its lists are read while
 * a statement runs. Result code.
 */
int journal_feed_register(sqlite3 *db, struct journal_feed *feed);

#endif
