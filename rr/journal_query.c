#include "rr/journal_query_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rr/journal_sql.h"

#define CHANGE_COLUMNS "time, sequence, peer, path_id, attrs, cause"

static const char *const statement_texts[QUERY_STATEMENTS] = {
	[QUERY_PEER] = "SELECT address, asn, bgp_id FROM peer WHERE id = ?1",
	[QUERY_PEER_ID] = "SELECT id FROM peer WHERE address = ?1",
	[QUERY_ATTRS_OLD] = "SELECT next_hop, bytes FROM attrs WHERE id = ?1",
	[QUERY_ATTRS_NEW] = "SELECT next_hop, bytes FROM attrs WHERE id = ?1",
	[QUERY_RUNS] = "SELECT time, restored, alive_at FROM run ORDER BY time, id",
	[QUERY_GAPS] = "SELECT since, until, lost FROM gap WHERE since <= ?2 AND until >= ?1"
		       " ORDER BY since, id",
	[QUERY_EVENTS_OF] =
		"SELECT id, time, peer, kind, state_before, state, code, subcode, text FROM event"
		" WHERE peer = ?1 AND (time, id) > (?2, ?3) AND time <= ?4 ORDER BY time, id",
	[QUERY_EVENTS_NTH] = "SELECT time, id FROM event WHERE peer = ?1 AND time >= ?2 AND"
			     " time <= ?3 ORDER BY time DESC, id DESC LIMIT 1 OFFSET ?4",
	[QUERY_EVENTS] =
		"SELECT id, time, peer, kind, state_before, state, code, subcode, text FROM event"
		" WHERE id > ?1 AND time BETWEEN ?2 AND ?3 ORDER BY id",
	[QUERY_CONFIGS] = "SELECT id, time, text, who, comment FROM config"
			  " WHERE id > ?1 AND time BETWEEN ?2 AND ?3 ORDER BY id",
	[QUERY_AUDIT] = "SELECT id, time, detail, who, action, hash FROM audit"
			" WHERE id > ?1 AND time BETWEEN ?2 AND ?3 ORDER BY id",
	[QUERY_CHANGES] = "SELECT " CHANGE_COLUMNS " FROM history WHERE prefix = ?1 AND"
			  " (time, sequence) > (?2, ?3) AND time <= ?4 ORDER BY time, sequence",
	[QUERY_CHANGES_NTH] = "SELECT " CHANGE_COLUMNS " FROM history WHERE prefix = ?1 AND"
			      " time >= ?2 AND time <= ?3"
			      " ORDER BY time DESC, sequence DESC LIMIT 1 OFFSET ?4",
	[QUERY_CHANGE_BEFORE] = "SELECT " CHANGE_COLUMNS " FROM history WHERE prefix = ?1 AND"
				" (time, sequence) < (?2, ?3)"
				" ORDER BY time DESC, sequence DESC LIMIT 1",
	[QUERY_CHANGES_FROM] = "SELECT prefix, " CHANGE_COLUMNS " FROM history"
			       " WHERE prefix >= ?1 AND prefix <= ?2"
			       " ORDER BY prefix, time, sequence",
	[QUERY_CHANGES_ALL] =
		"SELECT prefix, " CHANGE_COLUMNS " FROM history"
		" WHERE (prefix, time, sequence) > (?1, ?2, ?3) ORDER BY prefix, time, sequence",
};

/* Rows that are read in vain before JOURNAL_STEP_AGAIN. */
#define ROWS_IN_VAIN 10000

/* Records what the connection says about `result`. Always false. */
static bool query_failed(struct journal_query *query, int result)
{
	char reason[160];
	snprintf(query->fault, sizeof query->fault, "cannot read the journal: %s",
		journal_sql_reason(query->db, result, reason, sizeof reason));
	return false;
}

bool query_damaged(struct journal_query *query, const char *what)
{
	snprintf(query->fault, sizeof query->fault,
		"the journal is damaged (%s): see heliostat journal verify", what);
	return false;
}

static bool out_of_memory(struct journal_query *query)
{
	snprintf(query->fault, sizeof query->fault, "no memory to read the journal");
	return false;
}

sqlite3_stmt *query_statement(struct journal_query *query, enum query_statement which)
{
	int result;
	if (!query->in_snapshot) {
		result = sqlite3_exec(query->db, "BEGIN", NULL, NULL, NULL);
		if (result != SQLITE_OK) {
			query_failed(query, result);
			return NULL;
		}
		query->in_snapshot = true;
	}
	if (query->statements[which] == NULL) {
		result = journal_sql_prepare(
			query->db, statement_texts[which], &query->statements[which]);
		if (result != SQLITE_OK) {
			query_failed(query, result);
			return NULL;
		}
	}
	sqlite3_reset(query->statements[which]);
	return query->statements[which];
}

enum journal_step query_step(struct journal_query *query, sqlite3_stmt *statement)
{
	int result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		return JOURNAL_STEP_ROW;
	if (result == SQLITE_DONE)
		return JOURNAL_STEP_END;
	query_failed(query, result);
	return JOURNAL_STEP_FAULT;
}

void journal_query_pause(struct journal_query *query)
{
	for (size_t i = 0; i < QUERY_STATEMENTS; i++)
		sqlite3_reset(query->statements[i]);
	if (query->in_snapshot)
		sqlite3_exec(query->db, "COMMIT", NULL, NULL, NULL);
	query->in_snapshot = false;
	query->stepping = false;
	query->on_row = false;
	if (query->held) {
		query->held = false;
		query->last_time = query->place.time;
		query->last_id = query->place.id;
		query->before = query->place.before;
	}
}

struct span query_span(sqlite3_stmt *statement, int column)
{
	const void *bytes = sqlite3_column_type(statement, column) == SQLITE_TEXT
				    ? (const void *)sqlite3_column_text(statement, column)
				    : sqlite3_column_blob(statement, column);
	return (struct span){ bytes, (size_t)sqlite3_column_bytes(statement, column) };
}

struct query_change query_read_change(sqlite3_stmt *statement, int column)
{
	return (struct query_change){
		.time = (uint64_t)sqlite3_column_int64(statement, column),
		.sequence = sqlite3_column_int64(statement, column + 1),
		.peer = (uint32_t)sqlite3_column_int64(statement, column + 2),
		.path_id = (uint32_t)sqlite3_column_int64(statement, column + 3),
		.attrs = (uint64_t)sqlite3_column_int64(statement, column + 4),
		.cause = (uint8_t)sqlite3_column_int(statement, column + 5),
	};
}

static bool read_address(sqlite3_stmt *statement, int column, struct ip_address *address)
{
	struct span bytes = query_span(statement, column);
	if (bytes.len != 4 && bytes.len != 16)
		return false;
	*address = (struct ip_address){ .len = (uint8_t)bytes.len };
	memcpy(address->bytes, bytes.bytes, bytes.len);
	return true;
}

/* The peer of an ID, as far as the journal knows it; NULL: fault. */
static const struct query_peer *find_peer(struct journal_query *query, uint32_t id)
{
	struct query_peer *peer = &query->peers[id % QUERY_PEERS];
	if (peer->id == id && id != 0)
		return peer;
	sqlite3_stmt *statement = query_statement(query, QUERY_PEER);
	if (statement == NULL)
		return NULL;
	sqlite3_bind_int64(statement, 1, id);
	enum journal_step step = query_step(query, statement);
	if (step == JOURNAL_STEP_FAULT)
		return NULL;
	*peer = (struct query_peer){ .id = id };
	if (step == JOURNAL_STEP_ROW) {
		if (!read_address(statement, 0, &peer->address)) {
			query_damaged(query, "a peer without an address");
			return NULL;
		}
		peer->as = (uint32_t)sqlite3_column_int64(statement, 1);
		peer->bgp_id = (uint32_t)sqlite3_column_int64(statement, 2);
	}
	sqlite3_reset(statement);
	return peer;
}

static bool read_best(struct journal_query *query, const struct query_change *change,
	enum query_statement which, struct journal_best *best)
{
	*best = (struct journal_best){ 0 };
	if (change->attrs == 0)
		return true;
	const struct query_peer *peer = find_peer(query, change->peer);
	sqlite3_stmt *statement = peer != NULL ? query_statement(query, which) : NULL;
	if (statement == NULL)
		return false;
	*best = (struct journal_best){
		.present = true,
		.peer = peer->address,
		.peer_as = peer->as,
		.peer_bgp_id = peer->bgp_id,
		.path_id = change->path_id,
	};
	sqlite3_bind_int64(statement, 1, (sqlite3_int64)change->attrs);
	enum journal_step step = query_step(query, statement);
	if (step == JOURNAL_STEP_ROW) {
		best->next_hop = query_span(statement, 0);
		best->attributes = query_span(statement, 1);
		if (best->next_hop.len > NEXT_HOP_MAX)
			return query_damaged(query, "a next hop that is too long");
	}
	return step != JOURNAL_STEP_FAULT;
}

bool query_change_row(struct journal_query *query, const struct prefix *prefix,
	const struct query_change *before, const struct query_change *change,
	struct journal_row *row)
{
	*row = (struct journal_row){
		.kind = JOURNAL_ROW_CHANGE,
		.time = change->time,
		.prefix = *prefix,
		.cause = change->cause,
	};
	/* A run that began with an empty table ended what was before. */
	if (before != NULL && before->time >= query_emptied(query, change->time) &&
		!read_best(query, before, QUERY_ATTRS_OLD, &row->old))
		return false;
	return read_best(query, change, QUERY_ATTRS_NEW, &row->new);
}

uint64_t query_emptied(const struct journal_query *query, uint64_t time)
{
	uint64_t emptied = 0;
	for (size_t i = 0; i < query->n_runs && query->runs[i].time <= time; i++) {
		if (!query->runs[i].restored)
			emptied = query->runs[i].time;
	}
	return emptied;
}

/* Notices */

static bool add_row(struct journal_query *query, struct journal_row **rows, size_t *n, size_t *room,
	const struct journal_row *row)
{
	if (*n == *room) {
		size_t more = *room > 0 ? *room * 2 : 16;
		struct journal_row *grown = reallocarray(*rows, more, sizeof *grown);
		if (grown == NULL)
			return out_of_memory(query);
		*rows = grown;
		*room = more;
	}
	(*rows)[(*n)++] = *row;
	return true;
}

bool query_notice(struct journal_query *query, const struct journal_row *notice)
{
	return add_row(query, &query->notices, &query->n_notices, &query->notice_room, notice);
}

static bool load_runs(struct journal_query *query)
{
	sqlite3_stmt *statement = query_statement(query, QUERY_RUNS);
	enum journal_step step = JOURNAL_STEP_FAULT;
	while (statement != NULL && (step = query_step(query, statement)) == JOURNAL_STEP_ROW) {
		struct journal_row run = {
			.kind = JOURNAL_ROW_RUN,
			.time = (uint64_t)sqlite3_column_int64(statement, 0),
			.restored = sqlite3_column_int(statement, 1) != 0,
			.alive_at = (uint64_t)sqlite3_column_int64(statement, 2),
		};
		if (!add_row(query, &query->runs, &query->n_runs, &query->run_room, &run))
			return false;
	}
	return step == JOURNAL_STEP_END;
}

static int by_time(const void *a, const void *b)
{
	const struct journal_row *left = a, *right = b;
	return (left->time > right->time) - (left->time < right->time);
}

bool query_load_gaps(struct journal_query *query, uint64_t since, uint64_t until)
{
	sqlite3_stmt *statement = query_statement(query, QUERY_GAPS);
	if (statement == NULL)
		return false;
	sqlite3_bind_int64(statement, 1, (sqlite3_int64)since);
	sqlite3_bind_int64(statement, 2, (sqlite3_int64)until);
	enum journal_step step;
	while ((step = query_step(query, statement)) == JOURNAL_STEP_ROW) {
		struct journal_row gap = {
			.kind = JOURNAL_ROW_GAP,
			.time = (uint64_t)sqlite3_column_int64(statement, 0),
			.to = (uint64_t)sqlite3_column_int64(statement, 1),
			.lost = (uint64_t)sqlite3_column_int64(statement, 2),
		};
		if (!query_notice(query, &gap))
			return false;
	}
	if (query->n_notices > 0)
		qsort(query->notices, query->n_notices, sizeof query->notices[0], by_time);
	return step == JOURNAL_STEP_END;
}

bool query_had_begun(struct journal_query *query, uint64_t at)
{
	const char *why = NULL;
	if (at < query->pruned)
		why = "whose history has been pruned";
	else if (query->pruned == 0 && (query->n_runs == 0 || at < query->runs[0].time))
		why = "before the journal began";
	if (why != NULL)
		snprintf(query->fault, sizeof query->fault,
			"found a time %s, expected a later one: see show history gaps", why);
	return why == NULL;
}

/* What stands between the rows of a span. */
static bool load_notices(struct journal_query *query)
{
	const struct journal_ask *ask = &query->ask;
	bool all_runs = ask->question != JOURNAL_PREFIX_HISTORY;
	bool of_changes = ask->question != JOURNAL_PEER_HISTORY;
	if (of_changes && ask->since < query->pruned && query->pruned <= ask->until) {
		struct journal_row pruned = { .kind = JOURNAL_ROW_PRUNED, .time = query->pruned };
		if (!query_notice(query, &pruned))
			return false;
	}
	for (size_t i = 0; i < query->n_runs; i++) {
		const struct journal_row *run = &query->runs[i];
		if (run->time < ask->since || run->time > ask->until)
			continue;
		if ((all_runs || !run->restored) && !query_notice(query, run))
			return false;
	}
	return !of_changes || query_load_gaps(query, ask->since, ask->until);
}

/* Events and the log */

static bool begin_peer(struct journal_query *query)
{
	sqlite3_stmt *statement = query_statement(query, QUERY_PEER_ID);
	if (statement == NULL)
		return false;
	sqlite3_bind_blob(statement, 1, query->ask.peer.bytes, query->ask.peer.len, SQLITE_STATIC);
	enum journal_step step = query_step(query, statement);
	if (step == JOURNAL_STEP_FAULT)
		return false;
	if (step == JOURNAL_STEP_END) {
		char address[IP_ADDRESS_TEXT_MAX];
		snprintf(query->fault, sizeof query->fault,
			"the journal knows no peer %s, expected the address of one that had a "
			"session",
			ip_address_format(&query->ask.peer, address));
		return false;
	}
	query->peer = (uint32_t)sqlite3_column_int64(statement, 0);
	query->last_time = query->ask.since;
	query->last_id = -1;
	if (query->ask.limit > 0) {
		statement = query_statement(query, QUERY_EVENTS_NTH);
		if (statement == NULL)
			return false;
		sqlite3_bind_int64(statement, 1, query->peer);
		sqlite3_bind_int64(statement, 2, (sqlite3_int64)query->ask.since);
		sqlite3_bind_int64(statement, 3, (sqlite3_int64)query->ask.until);
		sqlite3_bind_int64(statement, 4, (sqlite3_int64)query->ask.limit - 1);
		step = query_step(query, statement);
		if (step == JOURNAL_STEP_ROW) {
			query->last_time = (uint64_t)sqlite3_column_int64(statement, 0);
			query->last_id = sqlite3_column_int64(statement, 1) - 1;
			query->ask.since = query->last_time;
		}
	}
	return step != JOURNAL_STEP_FAULT;
}

static bool read_event(
	struct journal_query *query, sqlite3_stmt *statement, struct journal_row *row)
{
	const struct query_peer *peer = find_peer(
		query, (uint32_t)sqlite3_column_int64(statement, 2));
	if (peer == NULL)
		return false;
	*row = (struct journal_row){
		.kind = JOURNAL_ROW_EVENT,
		.time = (uint64_t)sqlite3_column_int64(statement, 1),
		.peer = peer->address,
		.event = (uint8_t)sqlite3_column_int(statement, 3),
		.state_before = (uint8_t)sqlite3_column_int(statement, 4),
		.state = (uint8_t)sqlite3_column_int(statement, 5),
		.code = (uint8_t)sqlite3_column_int(statement, 6),
		.subcode = (uint8_t)sqlite3_column_int(statement, 7),
		.text = query_span(statement, 8),
	};
	query->last_time = row->time;
	query->last_id = sqlite3_column_int64(statement, 0);
	return true;
}

static enum journal_step next_event_of_peer(struct journal_query *query, struct journal_row *row)
{
	sqlite3_stmt *statement = query->statements[QUERY_EVENTS_OF];
	if (!query->stepping) {
		statement = query_statement(query, QUERY_EVENTS_OF);
		if (statement == NULL)
			return JOURNAL_STEP_FAULT;
		sqlite3_bind_int64(statement, 1, query->peer);
		sqlite3_bind_int64(statement, 2, (sqlite3_int64)query->last_time);
		sqlite3_bind_int64(statement, 3, query->last_id);
		sqlite3_bind_int64(statement, 4, (sqlite3_int64)query->ask.until);
		query->stepping = true;
	}
	enum journal_step step = query_step(query, statement);
	if (step == JOURNAL_STEP_ROW && !read_event(query, statement, row))
		return JOURNAL_STEP_FAULT;
	return step;
}

/* A row of event, config or audit, as the phase says. */
static enum journal_step next_of_log(
	struct journal_query *query, enum query_statement which, struct journal_row *row)
{
	sqlite3_stmt *statement = query->statements[which];
	if (!query->stepping) {
		statement = query_statement(query, which);
		if (statement == NULL)
			return JOURNAL_STEP_FAULT;
		sqlite3_bind_int64(statement, 1, query->last_id);
		sqlite3_bind_int64(statement, 2, (sqlite3_int64)query->ask.since);
		sqlite3_bind_int64(statement, 3, (sqlite3_int64)query->ask.until);
		query->stepping = true;
	}
	enum journal_step step = query_step(query, statement);
	if (step != JOURNAL_STEP_ROW)
		return step;
	if (which == QUERY_EVENTS)
		return read_event(query, statement, row) ? JOURNAL_STEP_ROW : JOURNAL_STEP_FAULT;
	*row = (struct journal_row){
		.kind = which == QUERY_CONFIGS ? JOURNAL_ROW_CONFIG : JOURNAL_ROW_AUDIT,
		.number = (uint64_t)sqlite3_column_int64(statement, 0),
		.time = (uint64_t)sqlite3_column_int64(statement, 1),
		.text = query_span(statement, 2),
		.who = query_span(statement, 3),
		.about = query_span(statement, 4),
	};
	if (which == QUERY_AUDIT)
		row->hash = query_span(statement, 5);
	query->last_id = sqlite3_column_int64(statement, 0);
	return JOURNAL_STEP_ROW;
}

/* The step of JOURNAL_EVERYTHING that yields changes. */
static enum journal_step query_next_any(struct journal_query *query, struct journal_row *row)
{
	sqlite3_stmt *statement = query->statements[QUERY_CHANGES_ALL];
	if (!query->stepping) {
		statement = query_statement(query, QUERY_CHANGES_ALL);
		if (statement == NULL)
			return JOURNAL_STEP_FAULT;
		sqlite3_bind_blob(
			statement, 1, query->last_key, (int)query->last_key_len, SQLITE_TRANSIENT);
		sqlite3_bind_int64(statement, 2, (sqlite3_int64)query->last_time);
		sqlite3_bind_int64(statement, 3, query->last_id);
		query->stepping = true;
	}
	for (unsigned n = 0; n < ROWS_IN_VAIN; n++) {
		enum journal_step step = query_step(query, statement);
		if (step != JOURNAL_STEP_ROW)
			return step;
		struct query_change change = query_read_change(statement, 1);
		struct span key = query_span(statement, 0);
		struct prefix prefix;
		if (!journal_prefix_from_key(key, &prefix)) {
			query_damaged(query, "a change of something that is no prefix");
			return JOURNAL_STEP_FAULT;
		}
		struct query_change before = { 0 };
		if (key.len == query->last_key_len &&
			memcmp(key.bytes, query->last_key, key.len) == 0)
			before = query->before;
		memcpy(query->last_key, key.bytes, key.len);
		query->last_key_len = key.len;
		query->last_time = change.time;
		query->last_id = change.sequence;
		query->before = change;
		if (change.time < query->ask.since || change.time > query->ask.until)
			continue;
		if (!query_change_row(query, &prefix, &before, &change, row))
			return JOURNAL_STEP_FAULT;
		return JOURNAL_STEP_ROW;
	}
	return JOURNAL_STEP_AGAIN;
}

static enum journal_step next_of_everything(struct journal_query *query, struct journal_row *row)
{
	static const enum query_statement logs[] = { QUERY_EVENTS, QUERY_CONFIGS, QUERY_AUDIT };
	const unsigned n_logs = sizeof logs / sizeof logs[0];
	while (query->phase < n_logs) {
		enum journal_step step = next_of_log(query, logs[query->phase], row);
		if (step != JOURNAL_STEP_END)
			return step;
		query->phase++;
		query->stepping = false;
		query->last_id = query->phase < n_logs ? 0 : -1;
		query->last_time = 0;
	}
	return query_next_any(query, row);
}

/* The order of things */

static bool begin(struct journal_query *query)
{
	int64_t pruned;
	int result;
	if (!load_runs(query))
		return false;
	result = journal_meta_get(query->db, "history_from", &pruned);
	if (result != SQLITE_OK && result != SQLITE_NOTFOUND)
		return query_failed(query, result);
	query->pruned = (uint64_t)pruned;
	switch (query->ask.question) {
	case JOURNAL_PREFIX_HISTORY:
		if (!query_begin_prefix(query))
			return false;
		break;
	case JOURNAL_PEER_HISTORY:
		if (!begin_peer(query))
			return false;
		break;
	case JOURNAL_TABLE_AT: return query_begin_table(query);
	case JOURNAL_GAPS:
	case JOURNAL_EVERYTHING: break;
	}
	return load_notices(query);
}

static enum journal_step next_of_question(struct journal_query *query, struct journal_row *row)
{
	switch (query->ask.question) {
	case JOURNAL_PREFIX_HISTORY: return query_next_prefix(query, row);
	case JOURNAL_PEER_HISTORY: return next_event_of_peer(query, row);
	case JOURNAL_TABLE_AT: return query_next_route(query, row);
	case JOURNAL_EVERYTHING: return next_of_everything(query, row);
	case JOURNAL_GAPS: break;
	}
	return JOURNAL_STEP_END;
}

/* True when the notices come in their place among the rows, not before them. */
static bool interleaved(const struct journal_query *query)
{
	return query->ask.question == JOURNAL_PREFIX_HISTORY ||
	       query->ask.question == JOURNAL_PEER_HISTORY;
}

static enum journal_step next_row(struct journal_query *query, struct journal_row *row)
{
	if (!query->begun) {
		if (!begin(query))
			return JOURNAL_STEP_FAULT;
		query->begun = true;
	}
	bool notices = query->notice < query->n_notices;
	if (notices && !interleaved(query)) {
		*row = query->notices[query->notice++];
		return JOURNAL_STEP_ROW;
	}
	if (!query->held) {
		query->place = (struct query_place){ query->last_time, query->last_id,
			query->before };
		enum journal_step step = next_of_question(query, &query->row);
		/* A statement that was stepped to its end would begin anew. */
		if (step == JOURNAL_STEP_END)
			query->stepping = false;
		if (step == JOURNAL_STEP_END && notices) {
			*row = query->notices[query->notice++];
			return JOURNAL_STEP_ROW;
		}
		if (step != JOURNAL_STEP_ROW)
			return step;
		query->held = true;
	}
	if (notices && query->notices[query->notice].time <= query->row.time) {
		*row = query->notices[query->notice++];
		return JOURNAL_STEP_ROW;
	}
	*row = query->row;
	query->held = false;
	return JOURNAL_STEP_ROW;
}

enum journal_step journal_query_next(struct journal_query *query, struct journal_row *row)
{
	enum journal_step step = next_row(query, row);
	query->told |= step == JOURNAL_STEP_ROW;
	/* That there was no change would be no answer where nothing was written down. */
	if (step == JOURNAL_STEP_END && !query->told && interleaved(query) && query->n_runs > 0 &&
		!query_had_begun(query, query->ask.until))
		return JOURNAL_STEP_FAULT;
	return step;
}

struct journal_query *journal_query_begin(
	sqlite3 *db, const struct journal_ask *ask, char *text, size_t size)
{
	struct journal_query *query = calloc(1, sizeof *query);
	if (query == NULL) {
		snprintf(text, size, "no memory to read the journal");
		return NULL;
	}
	query->db = db;
	query->ask = *ask;
	/* SQLite's integers are signed. */
	if (query->ask.until > INT64_MAX)
		query->ask.until = INT64_MAX;
	if (query->ask.since > INT64_MAX)
		query->ask.since = INT64_MAX;
	return query;
}

const char *journal_query_fault(const struct journal_query *query)
{
	return query->fault;
}

void journal_query_end(struct journal_query *query)
{
	if (query == NULL)
		return;
	journal_query_pause(query);
	for (size_t i = 0; i < QUERY_STATEMENTS; i++)
		sqlite3_finalize(query->statements[i]);
	free(query->runs);
	free(query->notices);
	free(query);
}
