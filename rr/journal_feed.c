#include "rr/journal_feed.h"

#include <string.h>

#include "rr/journal_schema.h"

struct cursor {
	sqlite3_vtab_cursor base;
	size_t row;
};

struct feed_table {
	sqlite3_vtab base;
	const struct journal_feed *feed;
};

static const struct journal_feed *feed_of(const sqlite3_vtab_cursor *cursor)
{
	return ((const struct feed_table *)(const void *)cursor->pVtab)->feed;
}

static size_t row_of(const sqlite3_vtab_cursor *cursor)
{
	return ((const struct cursor *)(const void *)cursor)->row;
}

static int disconnect(sqlite3_vtab *table)
{
	sqlite3_free(table);
	return SQLITE_OK;
}

/* There is one way to read a list: from its begin to its end. */
static int best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
	(void)table;
	(void)info;
	return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *table, sqlite3_vtab_cursor **cursor)
{
	struct cursor *new = sqlite3_malloc(sizeof *new);

	(void)table;
	if (new == NULL)
		return SQLITE_NOMEM;
	*new = (struct cursor){ .row = 0 };
	*cursor = &new->base;
	return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *cursor)
{
	sqlite3_free(cursor);
	return SQLITE_OK;
}

static int filter(
	sqlite3_vtab_cursor *cursor, int index, const char *name, int argc, sqlite3_value **argv)
{
	(void)index;
	(void)name;
	(void)argc;
	(void)argv;
	((struct cursor *)(void *)cursor)->row = 0;
	return SQLITE_OK;
}

static int next(sqlite3_vtab_cursor *cursor)
{
	((struct cursor *)(void *)cursor)->row++;
	return SQLITE_OK;
}

static int rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *id)
{
	*id = (sqlite3_int64)row_of(cursor);
	return SQLITE_OK;
}

static void result_prefix(
	sqlite3_context *result, enum family family, uint8_t length, const uint8_t *bytes)
{
	uint8_t key[JOURNAL_PREFIX_KEY_MAX];
	size_t len = journal_prefix_key(family, length, bytes, key);

	sqlite3_result_blob(result, key, (int)len, SQLITE_TRANSIENT);
}

static int attrs_end(sqlite3_vtab_cursor *cursor)
{
	return row_of(cursor) >= feed_of(cursor)->n_attrs;
}

static int attrs_column(sqlite3_vtab_cursor *cursor, sqlite3_context *result, int column)
{
	const struct journal_feed *feed = feed_of(cursor);
	const struct journal_attrs_row *row = &feed->attrs[row_of(cursor)];
	const struct attr_set *set = row->attrs;

	switch (column) {
	case 0: sqlite3_result_int64(result, feed->attrs_id(feed->context, row->id)); break;
	case 1:
		sqlite3_result_blob(
			result, set->keys.next_hop, set->keys.next_hop_len, SQLITE_STATIC);
		break;
	default: sqlite3_result_blob(result, set->bytes, (int)set->len, SQLITE_STATIC); break;
	}
	return SQLITE_OK;
}

static int path_end(sqlite3_vtab_cursor *cursor)
{
	return row_of(cursor) >= feed_of(cursor)->n_paths;
}

static int path_column(sqlite3_vtab_cursor *cursor, sqlite3_context *result, int column)
{
	const struct journal_feed *feed = feed_of(cursor);
	const struct journal_path_row *row = &feed->paths[row_of(cursor)];

	switch (column) {
	case 0: sqlite3_result_int64(result, (int64_t)row->family << 32 | row->number); break;
	case 1: sqlite3_result_int64(result, feed->peer_id(feed->context, row->peer)); break;
	case 2: result_prefix(result, (enum family)row->family, row->length, row->bytes); break;
	case 3: sqlite3_result_int64(result, row->path_id); break;
	default: sqlite3_result_int64(result, feed->attrs_id(feed->context, row->attrs)); break;
	}
	return SQLITE_OK;
}

static int history_end(sqlite3_vtab_cursor *cursor)
{
	return row_of(cursor) >= feed_of(cursor)->n_history;
}

static int history_column(sqlite3_vtab_cursor *cursor, sqlite3_context *result, int column)
{
	const struct journal_feed *feed = feed_of(cursor);
	const struct journal_feed_history *row = &feed->history[row_of(cursor)];
	const struct journal_history_run *run = row->run;

	switch (column) {
	case 0:
		result_prefix(result, (enum family)run->family, row->row->length, row->row->bytes);
		break;
	case 1: sqlite3_result_int64(result, (int64_t)run->time); break;
	case 2: sqlite3_result_int64(result, row->sequence); break;
	case 3: sqlite3_result_int64(result, feed->peer_id(feed->context, run->peer)); break;
	case 4: sqlite3_result_int64(result, run->path_id); break;
	case 5:
		if (run->attrs != 0)
			sqlite3_result_int64(result, feed->attrs_id(feed->context, run->attrs));
		break; /* NULL otherwise */
	default: sqlite3_result_int(result, run->cause); break;
	}
	return SQLITE_OK;
}

#define LIST_MODULE(list)                                                                       \
	{                                                                                       \
		.xConnect = connect, .xDisconnect = disconnect, .xBestIndex = best_index,       \
		.xOpen = open_cursor, .xClose = close_cursor, .xFilter = filter, .xNext = next, \
		.xEof = list##_end, .xColumn = list##_column, .xRowid = rowid                   \
	}

static int connect(sqlite3 *db, void *feed, int argc, const char *const *argv, sqlite3_vtab **table,
	char **error);

static const struct list {
	const char *name;
	const char *declaration;
	sqlite3_module module;
} lists[] = {
	{ "feed_attrs", "CREATE TABLE x (id, next_hop, bytes)", LIST_MODULE(attrs) },
	{ "feed_path", "CREATE TABLE x (id, peer, prefix, path_id, attrs)", LIST_MODULE(path) },
	{ "feed_history", "CREATE TABLE x (prefix, time, sequence, peer, path_id, attrs, cause)",
		LIST_MODULE(history) },
};

#define N_LISTS (sizeof lists / sizeof lists[0])

/* argv[0] is the name that the module was registered by. */
static int connect(sqlite3 *db, void *feed, int argc, const char *const *argv, sqlite3_vtab **table,
	char **error)
{
	struct feed_table *new;
	int result = SQLITE_ERROR;

	(void)argc;
	(void)error;
	for (size_t i = 0; i < N_LISTS; i++) {
		if (strcmp(argv[0], lists[i].name) == 0)
			result = sqlite3_declare_vtab(db, lists[i].declaration);
	}
	if (result != SQLITE_OK)
		return result;
	new = sqlite3_malloc(sizeof *new);
	if (new == NULL)
		return SQLITE_NOMEM;
	*new = (struct feed_table){ .feed = feed };
	*table = &new->base;
	return SQLITE_OK;
}

int journal_feed_register(sqlite3 *db, struct journal_feed *feed)
{
	int result = SQLITE_OK;

	for (size_t i = 0; i < N_LISTS && result == SQLITE_OK; i++)
		result = sqlite3_create_module(db, lists[i].name, &lists[i].module, feed);
	return result;
}
