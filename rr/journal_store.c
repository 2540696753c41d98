#include "rr/journal_store.h"

#include <stdlib.h>
#include <string.h>

#include "rr/journal_audit.h"
#include "rr/journal_sql.h"

/*
 * Rows of a list that one statement is fed. Until it ends SQLite keeps in memory what each page was
 * that it changes, so as to take it back alone: with rows all over a large table, a page a row.
 */
#define FEED_ROWS 512

static const char *const sql[STATEMENT_COUNT] = {
	[STATEMENT_PEER] = "INSERT OR REPLACE INTO peer (id, address, asn, bgp_id, families,"
			   " add_path_receive, down_at) VALUES (?,?,?,?,?,?,?)",
	[STATEMENT_ATTRS] = "INSERT OR REPLACE INTO attrs (id, next_hop, bytes)"
			    " SELECT id, next_hop, bytes FROM feed_attrs",
	[STATEMENT_PATH] = "INSERT OR REPLACE INTO path (id, peer, prefix, path_id, attrs)"
			   " SELECT id, peer, prefix, path_id, attrs FROM feed_path",
	[STATEMENT_PATH_GONE] = "DELETE FROM path WHERE id BETWEEN ? AND ?",
	[STATEMENT_HISTORY] = "INSERT OR REPLACE INTO history (prefix, time, sequence, peer,"
			      " path_id, attrs, cause) SELECT prefix, time, sequence, peer,"
			      " path_id, attrs, cause FROM feed_history",
	[STATEMENT_GAP] = "INSERT INTO gap (since, until, lost) VALUES (?,?,?)",
	[STATEMENT_RUN] = "INSERT INTO run (time, restored, alive_at) VALUES (?1, 0, ?1)",
	[STATEMENT_EVENT] = "INSERT INTO event (time, peer, kind, state_before, state, code,"
			    " subcode, text) VALUES (?,?,?,?,?,?,?,?)",
	[STATEMENT_CONFIG] = "INSERT INTO config (time, text, who, comment) VALUES (?,?,?,?)",
	[STATEMENT_ATTRS_GONE] = "UPDATE attrs SET dead = ? WHERE id = ?",
	[STATEMENT_ALL_GONE] = "UPDATE attrs SET dead = ? WHERE dead IS NULL",
	[STATEMENT_META] = "INSERT OR REPLACE INTO meta VALUES (?,?)",
};

/* What the batch that is being written needs. */
struct writing {
	struct journal_store *store;
	const struct journal_batch *batch;
	const atomic_bool *abandon;
	struct journal_feed_history *history;
};

static int step(struct writing *writing, enum journal_statement which)
{
	if (atomic_load_explicit(writing->abandon, memory_order_relaxed))
		return SQLITE_INTERRUPT;
	return journal_sql_step(writing->store->statements[which]);
}

static int write_meta(struct writing *writing, const char *key, uint64_t value)
{
	sqlite3_stmt *statement = writing->store->statements[STATEMENT_META];

	sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 2, (int64_t)value);
	return step(writing, STATEMENT_META);
}

/* The ID in the file of a peer that the loop calls `id`. */
static uint32_t peer_id(const void *context, uint32_t id)
{
	const struct journal_store *store = context;

	if (!store->file->late || id == 0)
		return id;
	/* a row of a peer precedes all that name it */
	return id < store->n_peers ? store->peers[id] : 0;
}

static int64_t attrs_id(const void *context, uint64_t id)
{
	const struct journal_store *store = context;

	return (int64_t)id + store->file->attrs_base;
}

int journal_store_open(struct journal_store *store, struct journal_file *file)
{
	int result;

	memset(store->statements, 0, sizeof store->statements);
	store->file = file;
	if (!file->late) {
		free(store->peers);
		store->peers = NULL;
		store->n_peers = 0;
	}
	store->feed = (struct journal_feed){
		.peer_id = peer_id, .attrs_id = attrs_id, .context = store
	};
	result = journal_feed_register(file->db, &store->feed);
	for (int i = 0; i < STATEMENT_COUNT && result == SQLITE_OK; i++)
		result = journal_sql_prepare(file->db, sql[i], &store->statements[i]);
	return result;
}

void journal_store_close(struct journal_store *store)
{
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		sqlite3_finalize(store->statements[i]);
		store->statements[i] = NULL;
	}
}

/* The peer's ID in a file that was opened late: that of its address, else the next one. */
static int find_peer(sqlite3 *db, const struct ip_address *address, uint32_t *id)
{
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(db,
		"SELECT coalesce((SELECT id FROM peer WHERE address = ?),"
		" (SELECT max(id) FROM peer) + 1, 1)",
		-1, &statement, NULL);

	if (result != SQLITE_OK)
		return result;
	sqlite3_bind_blob(statement, 1, address->bytes, address->len, SQLITE_STATIC);
	result = sqlite3_step(statement);
	if (result == SQLITE_ROW) {
		*id = (uint32_t)sqlite3_column_int64(statement, 0);
		result = SQLITE_OK;
	}
	sqlite3_finalize(statement);
	return result;
}

/* Makes peer_id know the peer. */
static int map_peer(struct journal_store *store, const struct journal_peer_row *peer)
{
	if (!store->file->late || (peer->id < store->n_peers && store->peers[peer->id] != 0))
		return SQLITE_OK;
	if (peer->id >= store->n_peers) {
		size_t room = ((size_t)peer->id + 1) * 2;
		uint32_t *peers = reallocarray(store->peers, room, sizeof *peers);

		if (peers == NULL)
			return SQLITE_NOMEM;
		memset(peers + store->n_peers, 0, (room - store->n_peers) * sizeof *peers);
		store->peers = peers;
		store->n_peers = room;
	}
	return find_peer(store->file->db, &peer->address, &store->peers[peer->id]);
}

static int write_peers(struct writing *writing)
{
	sqlite3_stmt *statement = writing->store->statements[STATEMENT_PEER];
	int result = SQLITE_OK;

	for (size_t i = 0; i < writing->batch->peers.count && result == SQLITE_OK; i++) {
		const struct journal_peer_row *peer = &writing->batch->peers.rows[i];

		result = map_peer(writing->store, peer);
		if (result != SQLITE_OK)
			break;
		sqlite3_bind_int64(statement, 1, peer_id(writing->store, peer->id));
		sqlite3_bind_blob(
			statement, 2, peer->address.bytes, peer->address.len, SQLITE_STATIC);
		sqlite3_bind_int64(statement, 3, peer->as);
		sqlite3_bind_int64(statement, 4, peer->bgp_id);
		sqlite3_bind_int(statement, 5, peer->families);
		sqlite3_bind_int(statement, 6, peer->add_path_receive);
		sqlite3_bind_int64(statement, 7, (int64_t)peer->down_at);
		result = step(writing, STATEMENT_PEER);
	}
	return result;
}

static int write_attrs(struct writing *writing)
{
	struct journal_feed *feed = &writing->store->feed;
	const struct journal_attrs_row *row = writing->batch->attrs.rows;
	size_t left = writing->batch->attrs.count;
	int result = SQLITE_OK;

	for (size_t n; left > 0 && result == SQLITE_OK; row += n, left -= n) {
		n = left < FEED_ROWS ? left : FEED_ROWS;
		feed->attrs = row;
		feed->n_attrs = n;
		result = step(writing, STATEMENT_ATTRS);
	}
	return result;
}

static bool is_gone(const struct journal_path_row *row, uint32_t ahead)
{
	return ahead == 0 || (ahead <= JOURNAL_GONE_MORE &&
				     (row->gone[(ahead - 1) / 64] >> (ahead - 1) % 64 & 1) != 0);
}

/* Each run of numbers by one statement. */
static int write_gone(struct writing *writing, const struct journal_path_row *row)
{
	sqlite3_stmt *statement = writing->store->statements[STATEMENT_PATH_GONE];
	int64_t id = (int64_t)row->family << 32 | row->number;
	int result = SQLITE_OK;

	for (uint32_t first = 0; first <= JOURNAL_GONE_MORE && result == SQLITE_OK; first++) {
		uint32_t last = first;

		if (!is_gone(row, first))
			continue;
		while (is_gone(row, last + 1))
			last++;
		sqlite3_bind_int64(statement, 1, id + first);
		sqlite3_bind_int64(statement, 2, id + last);
		result = step(writing, STATEMENT_PATH_GONE);
		first = last;
	}
	return result;
}

/* In the order of the rows: of a number that is told twice the later one counts. */
static int write_paths(struct writing *writing)
{
	struct journal_feed *feed = &writing->store->feed;
	const struct journal_path_row *row = writing->batch->paths.rows;
	size_t left = writing->batch->paths.count, n;
	int result = SQLITE_OK;

	for (; left > 0 && result == SQLITE_OK; row += n, left -= n) {
		n = 0;
		while (n < left && n < FEED_ROWS && row[n].attrs != 0)
			n++;
		if (n > 0) {
			feed->paths = row;
			feed->n_paths = n;
			result = step(writing, STATEMENT_PATH);
		} else {
			n = 1;
			result = write_gone(writing, row);
		}
	}
	return result;
}

/* See struct journal_feed_history. */
static uint64_t history_key(enum family family, const struct best_row *row)
{
	uint64_t key = 0;

	for (unsigned i = 0; i < (family == FAMILY_IPV4_UNICAST ? 4 : 8); i++)
		key = key << 8 | row->bytes[i];
	if (family == FAMILY_IPV4_UNICAST)
		return key << 8 | row->length;
	return key >> 1 | (uint64_t)1 << 63;
}

static int compare_prefix(
	const struct journal_feed_history *a, const struct journal_feed_history *b)
{
	int order;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->run->family == FAMILY_IPV4_UNICAST)
		return 0;
	order = memcmp(
		a->row->bytes, b->row->bytes, family_address_len((enum family)a->run->family));
	return order != 0 ? order : (int)a->row->length - b->row->length;
}

/* The order of the table: neighbours go into the same page. */
static int compare_history(const void *first, const void *second)
{
	const struct journal_feed_history *a = first, *b = second;
	int order = compare_prefix(a, b);

	if (order != 0)
		return order;
	if (a->run->time != b->run->time)
		return a->run->time < b->run->time ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

/* The rows of all chunks in the order of the table; SQLITE_NOMEM. */
static int sort_history(struct writing *writing)
{
	size_t n = 0, room = writing->batch->n_history;

	writing->history = reallocarray(NULL, room, sizeof *writing->history);
	if (writing->history == NULL)
		return SQLITE_NOMEM;
	for (const struct journal_history_chunk *chunk = writing->batch->history; chunk != NULL;
		chunk = chunk->next) {
		for (const struct journal_history_run *run = journal_history_first(chunk);
			run != NULL; run = journal_history_next(chunk, run)) {
			for (unsigned i = 0; i < run->count && n < room; i++, n++) {
				const struct best_row *row = journal_history_row(run, i);

				writing->history[n] = (struct journal_feed_history){
					.key = history_key((enum family)run->family, row),
					.run = run,
					.row = row,
					.order = (uint32_t)n,
				};
			}
		}
	}
	qsort(writing->history, n, sizeof *writing->history, compare_history);
	return SQLITE_OK;
}

/*
 * `sequence` is 0 nearly always, which takes no room in the row. It counts where a prefix has two
 * rows of one microsecond, and begins above all that went before in a batch whose times do not lie
 * behind those of earlier batches, as when the clock was set back.
 */
static void number_history(struct writing *writing)
{
	const struct journal_store *store = writing->store;
	struct journal_feed_history *rows = writing->history;
	uint32_t first = 0;

	for (size_t i = 0; i < writing->batch->n_history; i++)
		if (rows[i].run->time <= store->history_until)
			first = store->sequence + 1;
	for (size_t i = 0; i < writing->batch->n_history; i++) {
		if (i > 0 && rows[i - 1].run->time == rows[i].run->time &&
			compare_prefix(&rows[i - 1], &rows[i]) == 0)
			rows[i].sequence = rows[i - 1].sequence + 1;
		else
			rows[i].sequence = first;
	}
}

static int write_history(struct writing *writing)
{
	struct journal_feed *feed = &writing->store->feed;
	const struct journal_feed_history *row;
	size_t left = writing->batch->n_history;
	int result;

	if (left == 0)
		return SQLITE_OK;
	result = sort_history(writing);
	if (result != SQLITE_OK)
		return result;
	number_history(writing);
	row = writing->history;
	for (size_t n; left > 0 && result == SQLITE_OK; row += n, left -= n) {
		n = left < FEED_ROWS ? left : FEED_ROWS;
		feed->history = row;
		feed->n_history = n;
		result = step(writing, STATEMENT_HISTORY);
	}
	return result;
}

/* After the batch was committed. */
static void note_history(struct writing *writing)
{
	struct journal_store *store = writing->store;

	store->sequence += (uint32_t)writing->batch->n_history;
	for (size_t i = 0; i < writing->batch->n_history; i++)
		if (writing->history[i].run->time > store->history_until)
			store->history_until = writing->history[i].run->time;
}

static int write_gaps(struct writing *writing)
{
	sqlite3_stmt *statement = writing->store->statements[STATEMENT_GAP];
	int result = SQLITE_OK;

	for (size_t i = 0; i < writing->batch->gaps.count && result == SQLITE_OK; i++) {
		const struct journal_gap_row *gap = &writing->batch->gaps.rows[i];

		sqlite3_bind_int64(statement, 1, (int64_t)gap->from);
		sqlite3_bind_int64(statement, 2, (int64_t)gap->to);
		sqlite3_bind_int64(statement, 3, (int64_t)gap->rows);
		result = step(writing, STATEMENT_GAP);
	}
	return result;
}

static int write_events(struct writing *writing)
{
	sqlite3_stmt *statement = writing->store->statements[STATEMENT_EVENT];
	int result = SQLITE_OK;

	for (size_t i = 0; i < writing->batch->events.count && result == SQLITE_OK; i++) {
		const struct journal_event_row *event = &writing->batch->events.rows[i];

		sqlite3_bind_int64(statement, 1, (int64_t)event->time);
		sqlite3_bind_int64(statement, 2, peer_id(writing->store, event->peer));
		sqlite3_bind_int(statement, 3, event->kind);
		sqlite3_bind_int(statement, 4, event->state_before);
		sqlite3_bind_int(statement, 5, event->state);
		sqlite3_bind_int(statement, 6, event->code);
		sqlite3_bind_int(statement, 7, event->subcode);
		sqlite3_bind_text(statement, 8, event->text, -1, SQLITE_STATIC);
		result = step(writing, STATEMENT_EVENT);
	}
	return result;
}

static int write_configs(struct writing *writing)
{
	sqlite3_stmt *statement = writing->store->statements[STATEMENT_CONFIG];
	int result = SQLITE_OK;

	for (size_t i = 0; i < writing->batch->configs.count && result == SQLITE_OK; i++) {
		const struct journal_config_row *config = &writing->batch->configs.rows[i];

		sqlite3_bind_int64(statement, 1, (int64_t)config->time);
		sqlite3_bind_text(statement, 2, config->text, -1, SQLITE_STATIC);
		sqlite3_bind_text(statement, 3, config->who, -1, SQLITE_STATIC);
		sqlite3_bind_text(statement, 4, config->comment, -1, SQLITE_STATIC);
		result = step(writing, STATEMENT_CONFIG);
	}
	return result;
}

static int write_audit(struct writing *writing)
{
	int result = SQLITE_OK;

	for (size_t i = 0; i < writing->batch->audit.count && result == SQLITE_OK; i++) {
		if (atomic_load_explicit(writing->abandon, memory_order_relaxed))
			return SQLITE_INTERRUPT;
		result = journal_audit_append(
			writing->store->file->db, &writing->batch->audit.rows[i]);
	}
	return result;
}

static int write_attrs_gone(struct writing *writing)
{
	sqlite3_stmt *statement = writing->store->statements[STATEMENT_ATTRS_GONE];
	int64_t dead = (int64_t)writing->batch->time, whole_at = 0;
	int result = SQLITE_OK;

	/* until the state is whole paths may name them: after whole_at, whatever the clock says */
	if (!writing->batch->whole && writing->batch->n_attrs_gone > 0)
		result = journal_meta_get(writing->store->file->db, "whole_at", &whole_at);
	if (result == SQLITE_NOTFOUND)
		result = SQLITE_OK;
	if (dead <= whole_at)
		dead = whole_at + 1;
	for (size_t i = 0; i < writing->batch->n_attrs_gone && result == SQLITE_OK; i++) {
		sqlite3_bind_int64(statement, 1, dead);
		sqlite3_bind_int64(
			statement, 2, attrs_id(writing->store, writing->batch->attrs_gone[i]));
		result = step(writing, STATEMENT_ATTRS_GONE);
	}
	return result;
}

/* No set of the table that was is in use any more. */
static int write_emptied(struct writing *writing)
{
	static const enum journal_statement which[] = { STATEMENT_RUN, STATEMENT_ALL_GONE };
	int result = SQLITE_OK;

	if (writing->batch->emptied_at == 0)
		return SQLITE_OK;
	for (size_t i = 0; i < sizeof which / sizeof *which && result == SQLITE_OK; i++) {
		sqlite3_bind_int64(writing->store->statements[which[i]], 1,
			(int64_t)writing->batch->emptied_at);
		result = step(writing, which[i]);
	}
	return result;
}

static int write_times(struct writing *writing)
{
	int result = write_meta(writing, "alive_at", writing->batch->time);

	if (result == SQLITE_OK && writing->batch->whole)
		result = write_meta(writing, "whole_at", writing->batch->time);
	if (result == SQLITE_OK)
		result = write_meta(writing, "behind", writing->batch->behind.rows);
	if (result == SQLITE_OK && writing->batch->behind.rows > 0)
		result = write_meta(writing, "behind_from", writing->batch->behind.from);
	return result;
}

int journal_store_batch(
	struct journal_store *store, const struct journal_batch *batch, const atomic_bool *abandon)
{
	/* in this order: what is referred to comes before what refers to it */
	static int (*const parts[])(struct writing *) = { write_emptied, write_peers, write_attrs,
		write_paths, write_history, write_gaps, write_events, write_configs, write_audit,
		write_attrs_gone, write_times };
	struct writing writing = { .store = store, .batch = batch, .abandon = abandon };
	int result = journal_sql_run(store->file->db, "BEGIN IMMEDIATE");

	if (result != SQLITE_OK)
		return result;
	for (size_t i = 0; i < sizeof parts / sizeof *parts && result == SQLITE_OK; i++)
		result = parts[i](&writing);
	if (result == SQLITE_OK)
		result = journal_sql_run(store->file->db, "COMMIT");
	if (result == SQLITE_OK)
		note_history(&writing);
	else
		journal_sql_rollback(store->file->db);
	free(writing.history);
	return result;
}

int journal_store_heartbeat(struct journal_store *store, uint64_t now)
{
	sqlite3_stmt *statement = store->statements[STATEMENT_META];

	sqlite3_bind_text(statement, 1, "alive_at", -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 2, (int64_t)now);
	return journal_sql_step(statement);
}
