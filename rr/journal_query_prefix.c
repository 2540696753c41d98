/* The history of a prefix: each change of its best path with the one before. */
#include <stdio.h>
#include <string.h>

#include "rr/journal_query_state.h"

/* A statement of changes with the key of `prefix` as its first parameter; NULL: fault. */
static sqlite3_stmt *statement_of(
	struct journal_query *query, enum query_statement which, const struct prefix *prefix)
{
	uint8_t key[JOURNAL_PREFIX_KEY_MAX];
	size_t len = journal_prefix_key(
		(enum family)prefix->family, prefix->length, prefix->bytes, key);
	sqlite3_stmt *statement = query_statement(query, which);
	if (statement != NULL)
		sqlite3_bind_blob(statement, 1, key, (int)len, SQLITE_TRANSIENT);
	return statement;
}

/* The `nth` last change of `prefix` within the span (1: the last). */
static enum journal_step nth_last(struct journal_query *query, const struct prefix *prefix,
	uint64_t nth, struct query_change *change)
{
	sqlite3_stmt *statement = statement_of(query, QUERY_CHANGES_NTH, prefix);
	if (statement == NULL)
		return JOURNAL_STEP_FAULT;
	sqlite3_bind_int64(statement, 2, (sqlite3_int64)query->ask.since);
	sqlite3_bind_int64(statement, 3, (sqlite3_int64)query->ask.until);
	sqlite3_bind_int64(statement, 4, (sqlite3_int64)nth - 1);
	enum journal_step step = query_step(query, statement);
	if (step == JOURNAL_STEP_ROW)
		*change = query_read_change(statement, 0);
	return step;
}

/* The longest prefix that covers the one asked for and has changes in the span. */
static bool find_covering(struct journal_query *query)
{
	struct query_change change;
	query->prefix = query->ask.prefix;
	for (unsigned length = query->ask.prefix.length + 1u; length-- > 0;) {
		struct prefix prefix = query->ask.prefix;
		prefix.length = (uint8_t)length;
		prefix_mask(&prefix);
		enum journal_step step = nth_last(query, &prefix, 1, &change);
		if (step == JOURNAL_STEP_FAULT)
			return false;
		if (step == JOURNAL_STEP_ROW) {
			query->prefix = prefix;
			return true;
		}
	}
	return true;
}

bool query_begin_prefix(struct journal_query *query)
{
	query->prefix = query->ask.prefix;
	if (query->ask.match == JOURNAL_MATCH_COVERING && !find_covering(query))
		return false;
	query->last_time = query->ask.since;
	query->last_id = -1;
	if (query->ask.limit > 0) {
		struct query_change first;
		enum journal_step step = nth_last(query, &query->prefix, query->ask.limit, &first);
		if (step == JOURNAL_STEP_FAULT)
			return false;
		if (step == JOURNAL_STEP_ROW) {
			query->last_time = query->ask.since = first.time;
			query->last_id = first.sequence - 1;
		}
	}
	sqlite3_stmt *statement = statement_of(query, QUERY_CHANGE_BEFORE, &query->prefix);
	if (statement == NULL)
		return false;
	sqlite3_bind_int64(statement, 2, (sqlite3_int64)query->last_time);
	sqlite3_bind_int64(statement, 3, query->last_id + 1);
	enum journal_step step = query_step(query, statement);
	if (step == JOURNAL_STEP_ROW)
		query->before = query_read_change(statement, 0);
	return step != JOURNAL_STEP_FAULT;
}

enum journal_step query_next_prefix(struct journal_query *query, struct journal_row *row)
{
	sqlite3_stmt *statement = query->statements[QUERY_CHANGES];
	if (!query->stepping) {
		statement = statement_of(query, QUERY_CHANGES, &query->prefix);
		if (statement == NULL)
			return JOURNAL_STEP_FAULT;
		sqlite3_bind_int64(statement, 2, (sqlite3_int64)query->last_time);
		sqlite3_bind_int64(statement, 3, query->last_id);
		sqlite3_bind_int64(statement, 4, (sqlite3_int64)query->ask.until);
		query->stepping = true;
	}
	enum journal_step step = query_step(query, statement);
	if (step != JOURNAL_STEP_ROW)
		return step;
	struct query_change change = query_read_change(statement, 0);
	if (!query_change_row(query, &query->prefix, &query->before, &change, row))
		return JOURNAL_STEP_FAULT;
	query->before = change;
	query->last_time = change.time;
	query->last_id = change.sequence;
	return JOURNAL_STEP_ROW;
}
