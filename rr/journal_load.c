/* The state out of the journal, and the beginning of a run: see journal_file.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rr/journal_connection.h"
#include "rr/journal_schema.h"
#include "rr/journal_sql.h"

#define MALFORMED_MAX 1000 /* rows that make no sense; with more the file is corrupt */

/* Told to the loading; STOPPED: a callback wants no more. */
enum { ROW_TOLD = SQLITE_OK, ROW_STOPPED = SQLITE_ABORT };

struct load {
	struct journal_file *file;
	const struct journal_loading *loading;
	uint64_t malformed;
	bool begun; /* the loading was told what the next IDs are */
	bool knows_peers; /* ... and all peers */
};

static struct span blob(sqlite3_stmt *row, int column)
{
	/* in this order, as SQLite's documentation wants it */
	const uint8_t *bytes = sqlite3_column_blob(row, column);

	return (struct span){ bytes, (size_t)sqlite3_column_bytes(row, column) };
}

/* An unsigned number of 32 bits; false when the column holds none. */
static bool u32(sqlite3_stmt *row, int column, uint32_t *value)
{
	int64_t wide = sqlite3_column_int64(row, column);

	*value = (uint32_t)wide;
	return sqlite3_column_type(row, column) == SQLITE_INTEGER && wide >= 0 &&
	       wide <= UINT32_MAX;
}

/* Each row of a query to `tell`, until one is not ROW_TOLD. */
static int each(struct load *load, const char *sql, int64_t bound,
	int (*tell)(struct load *, sqlite3_stmt *))
{
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(load->file->db, sql, -1, &statement, NULL), told = ROW_TOLD;

	if (result != SQLITE_OK)
		return result;
	if (sqlite3_bind_parameter_count(statement) > 0)
		sqlite3_bind_int64(statement, 1, bound);
	while (told == ROW_TOLD && (result = sqlite3_step(statement)) == SQLITE_ROW)
		told = tell(load, statement);
	sqlite3_finalize(statement);
	if (told != ROW_TOLD)
		return told;
	return result == SQLITE_DONE ? SQLITE_OK : result;
}

/* A peer that makes no sense is passed over: nobody's paths are its own then. */
static int tell_peer(struct load *load, sqlite3_stmt *row)
{
	struct span address = blob(row, 1);
	struct journal_peer_row peer = { .down_at = (uint64_t)sqlite3_column_int64(row, 6) };
	uint32_t families, add_path;

	if (!u32(row, 0, &peer.id) || peer.id == 0 || !u32(row, 2, &peer.as) ||
		!u32(row, 3, &peer.bgp_id) || !u32(row, 4, &families) || !u32(row, 5, &add_path) ||
		(address.len != 4 && address.len != 16) ||
		((families | add_path) & ~FAMILIES_ALL) != 0) {
		load->malformed++;
		return ROW_TOLD;
	}
	peer.address.len = (uint8_t)address.len;
	memcpy(peer.address.bytes, address.bytes, address.len);
	peer.families = (uint8_t)families;
	peer.add_path_receive = (uint8_t)add_path;
	return load->loading->peer(load->loading->context, &peer) ? ROW_TOLD : ROW_STOPPED;
}

static int tell_attrs(struct load *load, sqlite3_stmt *row)
{
	int64_t id = sqlite3_column_int64(row, 0);
	struct span next_hop = blob(row, 1), bytes = blob(row, 2);

	if (id <= 0) {
		load->malformed++;
		return ROW_TOLD;
	}
	return load->loading->attrs(load->loading->context, (uint64_t)id, next_hop, bytes)
		       ? ROW_TOLD
		       : ROW_STOPPED;
}

/* A path row that makes no sense goes when the run begins. */
static int note_malformed(struct load *load, int64_t id)
{
	struct journal_file *file = load->file;

	load->malformed++;
	if (file->malformed == NULL)
		file->malformed = calloc(MALFORMED_MAX, sizeof *file->malformed);
	if (file->malformed == NULL)
		return SQLITE_NOMEM;
	if (file->n_malformed == MALFORMED_MAX)
		return SQLITE_CORRUPT;
	file->malformed[file->n_malformed++] = id;
	return ROW_TOLD;
}

static int tell_path(struct load *load, sqlite3_stmt *row)
{
	int64_t id = sqlite3_column_int64(row, 0), attrs = sqlite3_column_int64(row, 4);
	struct journal_path_row path = { .number = (uint32_t)id, .attrs = (uint64_t)attrs };
	struct prefix prefix;

	if (!journal_prefix_from_key(blob(row, 2), &prefix) || id >> 32 != prefix.family ||
		!u32(row, 1, &path.peer) || !u32(row, 3, &path.path_id) || attrs <= 0)
		return note_malformed(load, id);
	path.family = prefix.family;
	path.length = prefix.length;
	memcpy(path.bytes, prefix.bytes, sizeof path.bytes);
	return load->loading->path(load->loading->context, &path) ? ROW_TOLD : ROW_STOPPED;
}

/* How far `now` is from the time at which the daemon was last alive. */
static uint64_t age_of(uint64_t now, int64_t alive_at)
{
	uint64_t alive = (uint64_t)alive_at;

	if (alive_at <= 0)
		return UINT64_MAX;
	/* a clock that was set back makes a state as doubtful as one set forward */
	return now > alive ? now - alive : alive - now;
}

/* Optional values: what is not there is 0. */
static int optional(int result)
{
	return result == SQLITE_NOTFOUND ? SQLITE_OK : result;
}

static int load_all(struct load *load, uint64_t now)
{
	sqlite3 *db = load->file->db;
	const struct journal_loading *loading = load->loading;
	int64_t alive_at = 0, whole_at = 0, last_peer = 0, last_attrs = 0;
	int result = optional(journal_meta_get(db, "alive_at", &alive_at));

	if (result == SQLITE_OK)
		result = optional(journal_meta_get(db, "whole_at", &whole_at));
	if (result == SQLITE_OK)
		result = optional(journal_sql_integer(db, "SELECT max(id) FROM peer", &last_peer));
	if (result == SQLITE_OK)
		result = optional(
			journal_sql_integer(db, "SELECT max(id) FROM attrs", &last_attrs));
	if (result != SQLITE_OK)
		return result;
	if (last_peer < 0 || last_peer >= UINT32_MAX || last_attrs < 0 || last_attrs == INT64_MAX)
		return SQLITE_CORRUPT;
	if (!loading->begin(loading->context, age_of(now, alive_at), (uint32_t)last_peer + 1,
		    (uint64_t)last_attrs))
		return ROW_STOPPED;
	load->begun = true;
	result = each(load,
		"SELECT id, address, asn, bgp_id, families, add_path_receive, down_at FROM peer"
		" ORDER BY id",
		0, tell_peer);
	load->knows_peers = result == SQLITE_OK;
	/*
	 * A set that died after the state was last whole may still be named by a path whose row
	 * had not been written anew.
	 */
	if (result == SQLITE_OK)
		result = each(load,
			"SELECT id, next_hop, bytes FROM attrs WHERE dead IS NULL OR dead > ?"
			" ORDER BY id",
			whole_at, tell_attrs);
	if (result == SQLITE_OK)
		result = each(load, "SELECT id, peer, prefix, path_id, attrs FROM path ORDER BY id",
			0, tell_path);
	return result;
}

/* After a failure in `file`: text, and a new file where this one is of no use. */
static void give_up(struct journal_file *file, int result, char *text, size_t size)
{
	char why[256], moved[600];

	journal_file_fault(file, result, text, size);
	if (journal_fault_of(result) != JOURNAL_FAULT_CORRUPT)
		return;
	snprintf(why, sizeof why, "%s", text);
	if (!journal_file_begin_anew(file, "corrupt", moved, sizeof moved)) {
		journal_file_disconnect(file);
		snprintf(text, size, "corrupt file: %s; %s", why, moved);
		return;
	}
	snprintf(text, size, "corrupt file: moved to %s, a new journal was begun: %s",
		file->moved_to, why);
}

bool journal_file_load(struct journal_file *file, uint64_t now,
	const struct journal_loading *loading, char *text, size_t size)
{
	struct load load = { .file = file, .loading = loading };
	int result;

	text[0] = '\0';
	file->n_malformed = 0;
	if (file->db == NULL) {
		snprintf(text, size, "the journal is not open: %s", file->path);
		return false;
	}
	result = journal_sql_run(file->db, "BEGIN");
	if (result == SQLITE_OK)
		result = load_all(&load, now);
	/* nothing to write: what matters has been read */
	if (file->db != NULL)
		journal_sql_rollback(file->db);
	/* of rows that were not handed over nobody knows: the state is to be told anew */
	if (result != SQLITE_OK && load.begun)
		file->generation++;
	if (result != SQLITE_OK && result != ROW_STOPPED)
		give_up(file, result, text, size);
	/* IDs will be given that are in the file already: as one that could not be opened then */
	if (!load.knows_peers && journal_fault_of(result) == JOURNAL_FAULT_RETRY)
		journal_file_disconnect(file);
	if (result != SQLITE_OK)
		return false;
	if (load.malformed > 0)
		snprintf(text, size, "%" PRIu64 " rows of the state made no sense and were dropped",
			load.malformed);
	return true;
}

bool journal_file_is_behind(struct journal_file *file)
{
	int64_t behind = 0;

	return file->db != NULL && journal_meta_get(file->db, "behind", &behind) == SQLITE_OK &&
	       behind > 0;
}

/* Steps `sql` with each of the values in turn bound to ?1 (and `time` to ?2 if it has one). */
static int run_each(sqlite3 *db, const char *sql, size_t n, int64_t (*value)(const void *, size_t),
	const void *values, uint64_t time)
{
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	for (size_t i = 0; i < n && result == SQLITE_OK; i++) {
		sqlite3_bind_int64(statement, 1, value(values, i));
		if (sqlite3_bind_parameter_count(statement) > 1)
			sqlite3_bind_int64(statement, 2, (int64_t)time);
		result = journal_sql_step(statement);
	}
	sqlite3_finalize(statement);
	return result;
}

static int64_t value_u32(const void *values, size_t i)
{
	return ((const uint32_t *)values)[i];
}

static int64_t value_i64(const void *values, size_t i)
{
	return ((const int64_t *)values)[i];
}

/* A statement with `time` bound to ?1. */
static int run_at(sqlite3 *db, const char *sql, uint64_t time)
{
	const int64_t at = (int64_t)time;

	return run_each(db, sql, 1, value_i64, &at, 0);
}

/* The state goes: every path, and no set is in use. */
static int drop_all(sqlite3 *db, uint64_t now)
{
	int result = journal_sql_run(db, "DELETE FROM path");

	if (result == SQLITE_OK)
		result = run_at(db, "UPDATE attrs SET dead = ?1 WHERE dead IS NULL", now);
	if (result == SQLITE_OK)
		result = run_at(db, "UPDATE peer SET down_at = ?1 WHERE down_at = 0", now);
	/* nothing is the whole state, and names none of the sets that have died by now */
	return result == SQLITE_OK ? journal_meta_set(db, "whole_at", (int64_t)now) : result;
}

/* What was restored stays; the rest goes. */
static int drop_some(struct journal_file *file)
{
	static const char revive[] =
		"UPDATE attrs SET dead = NULL WHERE dead >"
		" coalesce((SELECT value FROM meta WHERE key = 'whole_at'), 0)";
	const struct journal_run *run = &file->run;
	sqlite3 *db = file->db;
	/* those that were loaded though dead are in use again, or will be reported gone again */
	int result = journal_sql_run(db, revive);

	if (result == SQLITE_OK)
		result = run_each(db, "DELETE FROM path WHERE id = ?1", file->n_malformed,
			value_i64, file->malformed, 0);
	if (result != SQLITE_OK || run->n_dropped == 0)
		return result;
	result = journal_sql_run(db, "CREATE TEMP TABLE dropped (id INTEGER PRIMARY KEY)");
	if (result == SQLITE_OK)
		result = run_each(db, "INSERT OR IGNORE INTO dropped VALUES (?1)", run->n_dropped,
			value_u32, run->dropped, 0);
	if (result == SQLITE_OK)
		result = journal_sql_run(
			db, "DELETE FROM path WHERE peer IN (SELECT id FROM dropped)");
	if (result == SQLITE_OK)
		result = run_each(db, "UPDATE peer SET down_at = ?2 WHERE down_at = 0 AND id = ?1",
			run->n_dropped, value_u32, run->dropped, run->time);
	if (result == SQLITE_OK)
		result = journal_sql_run(db, "DROP TABLE dropped");
	return result;
}

/* What history lacked when the run before ended: see "behind" in journal_schema.c. */
static int write_behind(sqlite3 *db)
{
	return journal_sql_run(db,
		"INSERT INTO gap (since, until, lost)"
		" SELECT first.value, max(first.value, alive.value), behind.value"
		" FROM meta behind, meta first, meta alive WHERE behind.key = 'behind'"
		" AND behind.value > 0 AND first.key = 'behind_from' AND alive.key = 'alive_at';"
		"UPDATE meta SET value = 0 WHERE key = 'behind'");
}

static int write_run(struct journal_file *file)
{
	const struct journal_run *run = &file->run;
	sqlite3_stmt *statement;
	int result = run->restored ? drop_some(file) : drop_all(file->db, run->time);

	if (result == SQLITE_OK)
		result = write_behind(file->db);
	if (result == SQLITE_OK)
		result = sqlite3_prepare_v2(file->db,
			"INSERT INTO run (time, restored, alive_at) VALUES (?, ?,"
			" (SELECT value FROM meta WHERE key = 'alive_at'))",
			-1, &statement, NULL);
	if (result != SQLITE_OK)
		return result;
	sqlite3_bind_int64(statement, 1, (int64_t)run->time);
	sqlite3_bind_int(statement, 2, run->restored);
	result = journal_sql_step(statement);
	sqlite3_finalize(statement);
	return result;
}

int journal_file_write_run(struct journal_file *file)
{
	int result = journal_sql_run(file->db, "BEGIN IMMEDIATE");

	if (result != SQLITE_OK)
		return result;
	result = write_run(file);
	if (result == SQLITE_OK)
		result = journal_sql_run(file->db, "COMMIT");
	if (result != SQLITE_OK) {
		journal_sql_rollback(file->db);
		return result;
	}
	file->run.pending = false;
	free(file->run.dropped);
	file->run.dropped = NULL;
	file->run.n_dropped = 0;
	free(file->malformed);
	file->malformed = NULL;
	file->n_malformed = 0;
	return SQLITE_OK;
}

bool journal_file_begin_run(struct journal_file *file, uint64_t now, bool restored,
	const uint32_t *peers_dropped, size_t n_peers_dropped, char *text, size_t size)
{
	struct journal_run *run = &file->run;
	uint32_t *dropped = NULL;
	int result;

	text[0] = '\0';
	if (n_peers_dropped > 0) {
		dropped = reallocarray(NULL, n_peers_dropped, sizeof *dropped);
		if (dropped == NULL) {
			snprintf(text, size, "out of memory: %s", file->path);
			return false;
		}
		memcpy(dropped, peers_dropped, n_peers_dropped * sizeof *dropped);
	}
	free(run->dropped);
	/* a state that was in another file is not in this one */
	*run = (struct journal_run){ .pending = true,
		.restored = restored && file->generation == 0 && file->db != NULL,
		.time = now,
		.dropped = dropped,
		.n_dropped = n_peers_dropped };
	if (file->db == NULL) {
		snprintf(text, size, "the journal is not open: %s", file->path);
		return false;
	}
	result = journal_file_write_run(file);
	if (result != SQLITE_OK)
		give_up(file, result, text, size);
	return result == SQLITE_OK;
}
