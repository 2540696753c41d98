/*
 * Batches into the file: the prepared statements and the transaction of a batch. The writer's
 * thread calls it; it never retries and decides nothing about failures, it returns SQLite result
 * codes.
 */
#ifndef RR_JOURNAL_STORE_H
#define RR_JOURNAL_STORE_H

#include <stdatomic.h>

#include "rr/journal_connection.h"
#include "rr/journal_feed.h"

enum journal_statement {
	STATEMENT_PEER,
	STATEMENT_ATTRS,
	STATEMENT_PATH,
	STATEMENT_PATH_GONE,
	STATEMENT_HISTORY,
	STATEMENT_GAP,
	STATEMENT_RUN,
	STATEMENT_EVENT,
	STATEMENT_CONFIG,
	STATEMENT_ATTRS_GONE,
	STATEMENT_ALL_GONE,
	STATEMENT_META,
	STATEMENT_COUNT,
};

struct journal_store {
	struct journal_file *file;
	sqlite3_stmt *statements[STATEMENT_COUNT];
	/*
	 * IDs of peers in a file that was opened late, by the ID that the loop gave them; 0:
	 * unknown.
	 */
	uint32_t *peers;
	size_t n_peers;
	struct journal_feed feed; /* the lists of the batch that is being written */
	uint64_t history_until; /* the highest time of a history row so far */
	uint32_t sequence; /* history rows so far */
};

/* With the connection of `file` open. Result code; journal_store_close in any case. */
int journal_store_open(struct journal_store *store, struct journal_file *file);
/* Before the connection is closed. */
void journal_store_close(struct journal_store *store);
/*
 * Writes a batch, all of it or nothing. When *abandon becomes true it returns SQLITE_INTERRUPT
 * without having written.
 */
int journal_store_batch(
	struct journal_store *store, const struct journal_batch *batch, const atomic_bool *abandon);
/* Says that the daemon is alive and nothing has changed. */
int journal_store_heartbeat(struct journal_store *store, uint64_t now);

#endif
