/*
 * The best paths of the table at a time: of each prefix, the last change up to then. Where prefixes
 * have few changes the history is read through; where one has many, it is skipped with a seek.
 */
#include <stdio.h>
#include <string.h>

#include "rr/journal_query_state.h"

#define CHANGES_BEFORE_SEEK 8
#define PREFIXES_IN_VAIN    2000 /* before JOURNAL_STEP_AGAIN */

/* The run before had ended, and the next had not begun. */
static bool notice_pause(struct journal_query *query, uint64_t at)
{
	for (size_t i = 0; i < query->n_runs; i++) {
		const struct journal_row *run = &query->runs[i];
		if (run->alive_at != 0 && run->alive_at < at && at < run->time)
			return query_notice(query, run);
	}
	return true;
}

/* The range of keys to scan next. */
static void set_range(struct journal_query *query, const struct prefix *prefix)
{
	query->last_key_len = journal_prefix_key(
		(enum family)prefix->family, prefix->length, prefix->bytes, query->last_key);
	query->end_key_len = journal_prefix_last_key(prefix, query->end_key);
	query->stepping = false;
	query->on_row = false;
}

static bool next_family(struct journal_query *query)
{
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (query->families & FAMILY_BIT(family)) {
			query->families &= (uint8_t)~FAMILY_BIT(family);
			set_range(query, &(struct prefix){ .family = (uint8_t)family });
			return true;
		}
	}
	return false;
}

bool query_begin_table(struct journal_query *query)
{
	uint64_t at = query->ask.until;
	if (!query_had_begun(query, at))
		return false;
	query->floor = query_emptied(query, at);
	if (!notice_pause(query, at) || !query_load_gaps(query, query->floor, at))
		return false;
	if (query->ask.match == JOURNAL_MATCH_LONGER) {
		set_range(query, &query->ask.prefix);
	} else if (query->ask.match == JOURNAL_MATCH_ALL) {
		query->families = query->ask.families;
		query->done = !next_family(query);
	}
	return true;
}

/* The last change of a key up to the time asked for. ROW, END or FAULT. */
static enum journal_step last_change(
	struct journal_query *query, const uint8_t *key, size_t len, struct query_change *change)
{
	sqlite3_stmt *statement = query_statement(query, QUERY_CHANGE_BEFORE);
	if (statement == NULL)
		return JOURNAL_STEP_FAULT;
	sqlite3_bind_blob(statement, 1, key, (int)len, SQLITE_TRANSIENT);
	sqlite3_bind_int64(statement, 2, (sqlite3_int64)query->ask.until);
	sqlite3_bind_int64(statement, 3, INT64_MAX);
	enum journal_step step = query_step(query, statement);
	if (step == JOURNAL_STEP_ROW)
		*change = query_read_change(statement, 0);
	sqlite3_reset(statement);
	return step;
}

static bool is_route(const struct journal_query *query, const struct query_change *change)
{
	return change->time >= query->floor && change->attrs != 0;
}

static enum journal_step route_row(struct journal_query *query, const struct prefix *prefix,
	const struct query_change *change, struct journal_row *row)
{
	if (!query_change_row(query, prefix, NULL, change, row))
		return JOURNAL_STEP_FAULT;
	row->kind = JOURNAL_ROW_ROUTE;
	return JOURNAL_STEP_ROW;
}

/* One prefix, or the longest one that covers it. */
static enum journal_step next_single(struct journal_query *query, struct journal_row *row)
{
	bool covering = query->ask.match == JOURNAL_MATCH_COVERING;
	if (query->done)
		return JOURNAL_STEP_END;
	query->done = true;
	for (unsigned length = query->ask.prefix.length + 1u; length-- > 0;) {
		struct prefix prefix = query->ask.prefix;
		uint8_t key[JOURNAL_PREFIX_KEY_MAX];
		struct query_change change;
		prefix.length = (uint8_t)length;
		prefix_mask(&prefix);
		size_t len = journal_prefix_key(
			(enum family)prefix.family, prefix.length, prefix.bytes, key);
		enum journal_step step = last_change(query, key, len, &change);
		if (step == JOURNAL_STEP_FAULT)
			return step;
		if (step == JOURNAL_STEP_ROW && is_route(query, &change))
			return route_row(query, &prefix, &change, row);
		if (!covering)
			break;
	}
	return JOURNAL_STEP_END;
}

/* Puts the scan on the first change at or behind last_key. */
static enum journal_step start_scan(struct journal_query *query, sqlite3_stmt **scan)
{
	*scan = query->statements[QUERY_CHANGES_FROM];
	if (!query->stepping) {
		*scan = query_statement(query, QUERY_CHANGES_FROM);
		if (*scan == NULL)
			return JOURNAL_STEP_FAULT;
		sqlite3_bind_blob(
			*scan, 1, query->last_key, (int)query->last_key_len, SQLITE_TRANSIENT);
		sqlite3_bind_blob(
			*scan, 2, query->end_key, (int)query->end_key_len, SQLITE_TRANSIENT);
		query->stepping = true;
		query->on_row = false;
	}
	if (query->on_row)
		return JOURNAL_STEP_ROW;
	enum journal_step step = query_step(query, *scan);
	query->on_row = step == JOURNAL_STEP_ROW;
	return step;
}

/* The next scan begins behind the prefix of last_key: no key stands between K and K 00. */
static void go_behind(struct journal_query *query)
{
	query->last_key[query->last_key_len++] = 0;
}

/*
 * Takes the changes of one prefix, on whose first one the scan stands, and leaves the last one up
 * to the time asked for in `change` (time 0: none). last_key is behind the prefix then.
 */
static bool take_prefix(struct journal_query *query, sqlite3_stmt *scan, struct prefix *prefix,
	struct query_change *change)
{
	struct span key = query_span(scan, 0);
	unsigned n = 0;
	*change = (struct query_change){ 0 };
	if (!journal_prefix_from_key(key, prefix))
		return query_damaged(query, "a change of something that is no prefix");
	memcpy(query->last_key, key.bytes, key.len);
	query->last_key_len = key.len;
	do {
		struct query_change here = query_read_change(scan, 1);
		/* What follows of this prefix is of no use, or may be much. */
		if (here.time > query->ask.until || ++n > CHANGES_BEFORE_SEEK) {
			if (here.time <= query->ask.until &&
				last_change(query, query->last_key, query->last_key_len, change) ==
					JOURNAL_STEP_FAULT)
				return false;
			query->stepping = false;
			break;
		}
		*change = here;
		enum journal_step step = query_step(query, scan);
		if (step == JOURNAL_STEP_FAULT)
			return false;
		query->on_row = step == JOURNAL_STEP_ROW;
		if (!query->on_row) {
			query->stepping = false;
			break;
		}
		key = query_span(scan, 0);
	} while (
		key.len == query->last_key_len && memcmp(key.bytes, query->last_key, key.len) == 0);
	go_behind(query);
	return true;
}

enum journal_step query_next_route(struct journal_query *query, struct journal_row *row)
{
	if (query->ask.match == JOURNAL_MATCH_EXACT || query->ask.match == JOURNAL_MATCH_COVERING)
		return next_single(query, row);
	for (unsigned n = 0; n < PREFIXES_IN_VAIN; n++) {
		struct query_change change;
		struct prefix prefix;
		sqlite3_stmt *scan;
		if (query->done)
			return JOURNAL_STEP_END;
		enum journal_step step = start_scan(query, &scan);
		if (step == JOURNAL_STEP_FAULT)
			return step;
		if (step == JOURNAL_STEP_END) {
			query->done = !next_family(query);
			continue;
		}
		if (!take_prefix(query, scan, &prefix, &change))
			return JOURNAL_STEP_FAULT;
		if (is_route(query, &change))
			return route_row(query, &prefix, &change, row);
	}
	return JOURNAL_STEP_AGAIN;
}
