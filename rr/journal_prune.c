#include "rr/journal_prune.h"

#include <stdlib.h>
#include <string.h>

#include "rr/journal_sql.h"

#define STEP_US	       2500 /* of reading in a step; deleting takes about as much again */
#define ROWS_BETWEEN   64 /* rows between two looks at the clock */
#define SEEK_AFTER     8 /* rows of a prefix that are of no interest before a seek pays */
#define PASS_SOON_US   UINT64_C(10000000)
#define PASS_MIN_US    UINT64_C(60000000)
#define PASS_MAX_US    UINT64_C(3600000000)
#define FIRST_PASS_US  UINT64_C(15000000)
#define ATTRS_GRACE_US 60000000 /* a set may be told dead this long before its last row ends */

static const char walk_sql[] =
	"SELECT prefix, time, sequence, attrs IS NULL FROM history"
	" WHERE (prefix, time, sequence) > (?1, ?2, ?3) ORDER BY prefix, time, sequence";
static const char delete_sql[] =
	"DELETE FROM history WHERE prefix = ?1 AND time = ?2 AND sequence = ?3";

int journal_prune_open(struct journal_prune *prune, struct journal_file *file)
{
	int result;

	prune->walk = prune->delete = NULL;
	prune->phase = PRUNE_REST;
	prune->next_pass = journal_monotonic() + FIRST_PASS_US;
	result = journal_sql_prepare(file->db, walk_sql, &prune->walk);
	return result == SQLITE_OK ? journal_sql_prepare(file->db, delete_sql, &prune->delete)
				   : result;
}

void journal_prune_close(struct journal_prune *prune)
{
	sqlite3_finalize(prune->walk);
	sqlite3_finalize(prune->delete);
	prune->walk = prune->delete = NULL;
}

void journal_prune_hurry(struct journal_prune *prune)
{
	prune->next_pass = 0;
	prune->again = prune->phase != PRUNE_REST;
}

void journal_prune_exceeded(struct journal_prune *prune)
{
	/* a pass that has just ended in vain would do so again */
	if (prune->next_pass > journal_monotonic() + PASS_SOON_US)
		prune->next_pass = 0;
}

uint64_t journal_prune_due(const struct journal_prune *prune)
{
	return prune->phase == PRUNE_REST ? prune->next_pass : 0;
}

int journal_prune_used(sqlite3 *db, uint64_t *used, uint64_t *unused)
{
	int64_t pages, free_pages, page_size;
	int result = journal_sql_integer(db, "PRAGMA page_count", &pages);

	if (result == SQLITE_OK)
		result = journal_sql_integer(db, "PRAGMA freelist_count", &free_pages);
	if (result == SQLITE_OK)
		result = journal_sql_integer(db, "PRAGMA page_size", &page_size);
	*used = result == SQLITE_OK ? (uint64_t)((pages - free_pages) * page_size) : 0;
	if (unused != NULL)
		*unused = result == SQLITE_OK ? (uint64_t)(free_pages * page_size) : 0;
	return result;
}

static int optional(int result)
{
	return result == SQLITE_NOTFOUND ? SQLITE_OK : result;
}

/* A statement with one time in it. */
static int run_before(sqlite3 *db, const char *sql, int64_t time, int *changes)
{
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	if (result != SQLITE_OK)
		return result;
	sqlite3_bind_int64(statement, 1, time);
	result = journal_sql_step(statement);
	if (changes != NULL)
		*changes = sqlite3_changes(db);
	sqlite3_finalize(statement);
	return result;
}

/* When the window of history that the file holds began, as far as is known. */
static int window_begin(struct journal_prune *prune, sqlite3 *db, int64_t *begin)
{
	int64_t first_run;
	int result = optional(journal_sql_integer(db, "SELECT min(time) FROM run", &first_run));

	*begin = prune->horizon;
	if (first_run > *begin)
		*begin = first_run;
	if (prune->oldest != INT64_MAX && prune->oldest > *begin)
		*begin = prune->oldest;
	return result;
}

/* Moves the horizon on when the file holds too much. */
static int force_horizon(struct journal_prune *prune, sqlite3 *db, int64_t now, uint64_t max_size)
{
	uint64_t used;
	int64_t begin;
	int result = journal_prune_used(db, &used, NULL);

	if (result != SQLITE_OK || used <= max_size - max_size / 16)
		return result;
	result = window_begin(prune, db, &begin);
	if (result != SQLITE_OK)
		return result;
	if (begin < now)
		prune->forced = begin + (now - begin) / 8 + 1;
	if (prune->forced > prune->horizon)
		prune->horizon = prune->forced;
	return SQLITE_OK;
}

/* The time from which on rows older than it are void. */
static int find_reset(struct journal_prune *prune, sqlite3 *db)
{
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(db,
		"SELECT coalesce(max(time), 0) FROM run WHERE restored = 0 AND time <= ?", -1,
		&statement, NULL);

	if (result != SQLITE_OK)
		return result;
	sqlite3_bind_int64(statement, 1, prune->horizon);
	result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		prune->reset_at = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return result == SQLITE_ROW ? SQLITE_OK : result;
}

/* Says in the file that history before the horizon is not complete, where there was any. */
static int note_horizon(const struct journal_prune *prune, sqlite3 *db)
{
	int64_t from, first_run;
	int result = journal_meta_get(db, "history_from", &from);
	bool pruned_before = result == SQLITE_OK;

	if (optional(result) == SQLITE_OK)
		result = journal_sql_integer(
			db, "SELECT coalesce(min(time), 0) FROM run", &first_run);
	if (result != SQLITE_OK || prune->horizon <= (pruned_before ? from : first_run))
		return result;
	return journal_meta_set(db, "history_from", prune->horizon);
}

static int begin_pass(struct journal_prune *prune, sqlite3 *db,
	const struct journal_writer_parameters *parameters)
{
	int64_t now = (int64_t)journal_wall_clock();
	int result;

	prune->horizon = now - (int64_t)parameters->history * 1000000;
	if (prune->forced > prune->horizon)
		prune->horizon = prune->forced;
	result = force_horizon(prune, db, now, parameters->max_size);
	if (result == SQLITE_OK)
		result = note_horizon(prune, db);
	if (result == SQLITE_OK)
		result = find_reset(prune, db);
	if (result != SQLITE_OK)
		return result;
	prune->oldest = INT64_MAX;
	prune->cursor.len = 0;
	prune->n_doomed = 0;
	prune->deleted_before = prune->deleted;
	prune->phase = PRUNE_HISTORY;
	return SQLITE_OK;
}

/* A row of the walk. */
struct row {
	struct journal_prune_key key;
	bool none; /* it says that there is no best path */
};

static bool same_prefix(const struct journal_prune_key *a, const struct journal_prune_key *b)
{
	return a->len == b->len && memcmp(a->prefix, b->prefix, a->len) == 0;
}

/* False when the row is none of ours. */
static bool read_row(sqlite3_stmt *walk, struct row *row)
{
	const void *prefix = sqlite3_column_blob(walk, 0);
	int len = sqlite3_column_bytes(walk, 0);

	if (len < 1 || (size_t)len > sizeof row->key.prefix)
		return false;
	memcpy(row->key.prefix, prefix, (size_t)len);
	row->key.len = (uint8_t)len;
	row->key.time = sqlite3_column_int64(walk, 1);
	row->key.sequence = sqlite3_column_int64(walk, 2);
	row->none = sqlite3_column_int(walk, 3) != 0;
	return true;
}

static void bind_key(sqlite3_stmt *statement, const struct journal_prune_key *key)
{
	/* copied: the cursor moves while the walk is under way */
	sqlite3_bind_blob(statement, 1, key->prefix, key->len, SQLITE_TRANSIENT);
	sqlite3_bind_int64(statement, 2, key->time);
	sqlite3_bind_int64(statement, 3, key->sequence);
}

static void doom(struct journal_prune *prune, const struct row *row)
{
	prune->doomed[prune->n_doomed++] = row->key;
}

/* `row` is the newest before the horizon of its prefix. */
static void settle(struct journal_prune *prune, const struct row *row)
{
	if (row->none || row->key.time < prune->reset_at)
		doom(prune, row);
}

/* The walk goes on with, not behind, the row. */
static void rewind_to(struct journal_prune *prune, const struct row *row)
{
	prune->cursor = row->key;
	prune->cursor.sequence--;
}

/*
 * Walks until the time is up or enough rows are doomed; *ended when there are no more. The newest
 * row before the horizon of the prefix at hand (`base`) is not settled until the row behind it has
 * been seen; a step that ends between goes on with it in the next one.
 */
static int walk(struct journal_prune *prune, bool *ended)
{
	uint64_t until = journal_monotonic() + STEP_US;
	struct row base = { .none = false }, row;
	int result, looked = 0, newer = 0;

	bind_key(prune->walk, &prune->cursor);
	while ((result = sqlite3_step(prune->walk)) == SQLITE_ROW) {
		if (!read_row(prune->walk, &row)) {
			result = SQLITE_CORRUPT;
			break;
		}
		if (base.key.len > 0 && !same_prefix(&base.key, &row.key)) {
			settle(prune, &base);
			base.key.len = 0;
		}
		newer = same_prefix(&prune->cursor, &row.key) ? newer : 0;
		prune->cursor = row.key;
		if (row.key.time < prune->horizon) {
			if (base.key.len > 0)
				doom(prune, &base);
			base = row;
		} else {
			if (base.key.len > 0)
				settle(prune, &base);
			base.key.len = 0;
			if (row.key.time < prune->oldest)
				prune->oldest = row.key.time;
			if (++newer == SEEK_AFTER) {
				prune->cursor.time = INT64_MAX;
				sqlite3_reset(prune->walk);
				bind_key(prune->walk, &prune->cursor);
			}
		}
		if (prune->n_doomed == JOURNAL_PRUNE_ROWS - 1 ||
			(++looked % ROWS_BETWEEN == 0 && journal_monotonic() >= until))
			break;
	}
	sqlite3_reset(prune->walk);
	*ended = result == SQLITE_DONE;
	if (base.key.len > 0 && *ended)
		settle(prune, &base);
	else if (base.key.len > 0)
		rewind_to(prune, &base);
	return result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_OK : result;
}

/* What the walk has found, in a transaction. */
static int delete_doomed(struct journal_prune *prune, sqlite3 *db)
{
	int result;

	if (prune->n_doomed == 0)
		return SQLITE_OK;
	result = journal_sql_run(db, "BEGIN IMMEDIATE");
	if (result != SQLITE_OK)
		return result;
	for (size_t i = 0; i < prune->n_doomed && result == SQLITE_OK; i++) {
		bind_key(prune->delete, &prune->doomed[i]);
		result = journal_sql_step(prune->delete);
	}
	if (result == SQLITE_OK)
		result = journal_sql_run(db, "COMMIT");
	if (result == SQLITE_OK)
		prune->deleted += prune->n_doomed;
	else
		journal_sql_rollback(db);
	return result;
}

static int step_history(struct journal_prune *prune, sqlite3 *db)
{
	struct journal_prune_key before = prune->cursor;
	bool ended;
	int result = walk(prune, &ended);

	if (result == SQLITE_OK)
		result = delete_doomed(prune, db);
	prune->n_doomed = 0;
	if (result != SQLITE_OK)
		prune->cursor = before; /* the same step again */
	else if (ended)
		prune->phase = PRUNE_ATTRS;
	return result;
}

/*
 * Sets that died before the horizon: no history row that was kept names them, and no path row since
 * the state was whole after their death.
 */
static int step_attrs(struct journal_prune *prune, sqlite3 *db)
{
	int64_t whole_at = 0, before = prune->horizon - ATTRS_GRACE_US;
	int changes, result = optional(journal_meta_get(db, "whole_at", &whole_at));

	if (result != SQLITE_OK)
		return result;
	result = run_before(db,
		"DELETE FROM attrs WHERE id IN (SELECT id FROM attrs"
		" WHERE dead IS NOT NULL AND dead < ? ORDER BY dead LIMIT 256)",
		before < whole_at ? before : whole_at, &changes);
	if (result == SQLITE_OK && changes < JOURNAL_PRUNE_ROWS)
		prune->phase = PRUNE_EVENTS;
	return result;
}

/* Events have no index by time, but were written about in the order of time. */
static int step_events(struct journal_prune *prune, sqlite3 *db)
{
	int changes;
	int result = run_before(db,
		"DELETE FROM event WHERE time < ? AND id IN"
		" (SELECT id FROM event ORDER BY id LIMIT 256)",
		prune->horizon, &changes);

	if (result == SQLITE_OK && changes == 0)
		prune->phase = PRUNE_SMALL;
	return result;
}

/* Now that no row of history needs the runs before the horizon. */
static int step_small(struct journal_prune *prune, sqlite3 *db)
{
	static const char *const sql[] = {
		"DELETE FROM gap WHERE until < ?1",
		"DELETE FROM run WHERE time < ?1 AND id < (SELECT max(id) FROM run)",
		/* the one that was in force at the horizon stays */
		"DELETE FROM config WHERE id < (SELECT max(id) FROM config WHERE time < ?1)",
	};
	int result = SQLITE_OK;

	for (size_t i = 0; i < sizeof sql / sizeof *sql && result == SQLITE_OK; i++)
		result = run_before(db, sql[i], prune->horizon, NULL);
	return result;
}

/* When the next pass is to begin. */
static int end_pass(struct journal_prune *prune, sqlite3 *db,
	const struct journal_writer_parameters *parameters)
{
	uint64_t used, pause = (uint64_t)parameters->history * 1000000 / 100;
	int64_t now = (int64_t)journal_wall_clock();
	int result = journal_prune_used(db, &used, NULL);

	if (pause > PASS_MAX_US)
		pause = PASS_MAX_US;
	if (pause < PASS_MIN_US)
		pause = PASS_MIN_US;
	/* sooner when it has not helped enough; at once if it has helped and more can go */
	if (used > parameters->max_size)
		pause = PASS_SOON_US;
	if (prune->again || (used > parameters->max_size && prune->oldest < now &&
				    (!prune->walked || prune->deleted > prune->deleted_before)))
		pause = 0;
	prune->again = false;
	prune->walked = true;
	prune->phase = PRUNE_REST;
	prune->next_pass = journal_monotonic() + pause;
	return result;
}

int journal_prune_step(struct journal_prune *prune, struct journal_file *file,
	const struct journal_writer_parameters *parameters)
{
	int result;

	switch (prune->phase) {
	case PRUNE_REST: return begin_pass(prune, file->db, parameters);
	case PRUNE_HISTORY: return step_history(prune, file->db);
	case PRUNE_ATTRS: return step_attrs(prune, file->db);
	case PRUNE_EVENTS: return step_events(prune, file->db);
	default: break;
	}
	result = step_small(prune, file->db);
	return result == SQLITE_OK ? end_pass(prune, file->db, parameters) : result;
}
