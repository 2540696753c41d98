/*
 * rr/journal_query.h: each question against rows put in by hand, and the history of many prefixes
 * against a model that knows every change. Questions are paused between rows wherever it pleases.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "rib/capture.h"
#include "rr/journal_file.h"
#include "rr/journal_page.h"
#include "rr/journal_query.h"
#include "tests/unit/history_fixture.h"

/* Rows of an answer, kept with what they borrow. */
struct answer {
	struct journal_page *pages[4096];
	const struct journal_row **rows;
	size_t n, n_pages;
	char fault[256];
};

static void answer_free(struct answer *answer)
{
	for (size_t i = 0; i < answer->n_pages; i++)
		free(answer->pages[i]);
	free(answer->rows);
	free(answer);
}

/* Asks; pauses before every `pause`-th step (0: never). */
static struct answer *ask_file(const char *path, const struct journal_ask *ask, unsigned pause)
{
	struct answer *answer = calloc(1, sizeof *answer);
	char text[256] = "";
	sqlite3 *db = journal_read_open(path, text, sizeof text);
	if (db == NULL)
		fail_msg("%s", text);
	struct journal_query *query = journal_query_begin(db, ask, text, sizeof text);
	assert_non_null(query);
	enum journal_step step;
	struct journal_row row;
	for (unsigned n = 1; (step = journal_query_next(query, &row)) == JOURNAL_STEP_ROW ||
			     step == JOURNAL_STEP_AGAIN;
		n++) {
		if (step == JOURNAL_STEP_ROW) {
			struct journal_page **last = &answer->pages[answer->n_pages];
			if (answer->n_pages == 0 || !journal_page_add(last[-1], &row)) {
				assert_in_range(answer->n_pages, 0, ARRAY_LEN(answer->pages) - 1);
				*last = journal_page_new(&row);
				assert_non_null(*last);
				assert_true(journal_page_add(*last, &row));
				answer->n_pages++;
			}
			answer->n++;
		}
		if (pause > 0 && n % pause == 0)
			journal_query_pause(query);
	}
	/* The end stays the end. */
	enum journal_step after = journal_query_next(query, &row);
	assert_int_equal(after, step);
	if (step == JOURNAL_STEP_FAULT)
		strcpy(answer->fault, journal_query_fault(query));
	journal_query_end(query);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	answer->rows = calloc(answer->n + 1, sizeof answer->rows[0]);
	size_t i = 0;
	for (size_t p = 0; p < answer->n_pages; p++) {
		const struct journal_row *each;
		for (size_t at = 0; (each = journal_page_next(answer->pages[p], &at)) != NULL;)
			answer->rows[i++] = each;
	}
	assert_int_equal(i, answer->n);
	return answer;
}

static uint64_t attrs_of(const struct journal_best *best)
{
	if (!best->present)
		return 0;
	assert_int_equal(best->next_hop.len, 4);
	assert_int_equal(best->attributes.len, 13);
	const uint8_t *as = best->attributes.bytes + 9;
	uint64_t id = ((uint64_t)as[0] << 24 | (uint64_t)as[1] << 16 | (uint64_t)as[2] << 8 |
			      as[3]) -
		      65000;
	assert_int_equal(best->next_hop.bytes[3], id & 0xff);
	return id;
}

static void assert_best(const struct journal_best *best, uint32_t peer, uint64_t attrs)
{
	assert_int_equal(attrs_of(best), attrs);
	if (attrs == 0)
		return;
	assert_int_equal(best->peer.len, 4);
	assert_int_equal(best->peer.bytes[3], peer);
	assert_int_equal(best->peer_as, 64512 + peer);
	assert_int_equal(best->peer_bgp_id, 0x0a000000 + peer);
}

static void assert_change(const struct journal_row *row, uint64_t time, int cause,
	uint32_t old_peer, uint64_t old_attrs, uint32_t peer, uint64_t attrs)
{
	assert_int_equal(row->kind, JOURNAL_ROW_CHANGE);
	assert_int_equal(row->time, time);
	assert_int_equal(row->cause, cause);
	assert_best(&row->old, old_peer, old_attrs);
	assert_best(&row->new, peer, attrs);
}

/* A small history: two peers, one prefix, two runs, one gap. */
static void fill(struct history_fixture *fixture)
{
	struct prefix prefix = prefix_of("10.1.0.0/16");
	struct prefix inner = prefix_of("10.1.2.0/24");
	for (uint32_t id = 1; id <= 2; id++)
		history_fixture_peer(fixture, id);
	for (uint64_t id = 1; id <= 4; id++)
		history_fixture_attrs(fixture, id);
	history_fixture_sql(fixture, "INSERT INTO run VALUES (NULL, 100, 0, NULL)");
	history_fixture_change(fixture, &prefix, 110, 1, 1, 0, 1, BEST_ANNOUNCED);
	history_fixture_change(fixture, &prefix, 120, 2, 2, 7, 2, BEST_ANNOUNCED);
	history_fixture_change(fixture, &inner, 125, 3, 1, 0, 4, BEST_ANNOUNCED);
	history_fixture_change(fixture, &prefix, 130, 4, 1, 0, 1, BEST_WITHDRAWN);
	history_fixture_sql(fixture, "INSERT INTO gap VALUES (NULL, 135, 145, 12)");
	history_fixture_change(fixture, &prefix, 150, 5, 0, 0, 0, BEST_PEER_DOWN);
	history_fixture_change(fixture, &prefix, 160, 6, 1, 0, 3, BEST_ANNOUNCED);
	history_fixture_sql(fixture, "INSERT INTO run VALUES (NULL, 180, 1, 170)");
	history_fixture_change(fixture, &prefix, 190, 7, 1, 0, 1, BEST_CHANGED);
	history_fixture_sql(fixture, "INSERT INTO run VALUES (NULL, 200, 0, 195)");
	history_fixture_change(fixture, &prefix, 210, 8, 2, 0, 2, BEST_ANNOUNCED);
	history_fixture_sql(
		fixture, "INSERT INTO event VALUES (NULL, 105, 1, 0, 5, 6, 0, 0, NULL)");
	history_fixture_sql(
		fixture, "INSERT INTO event VALUES (NULL, 106, 2, 0, 5, 6, 0, 0, NULL)");
	history_fixture_sql(
		fixture, "INSERT INTO event VALUES (NULL, 148, 1, 2, 0, 0, 6, 2, 'so long')");
	history_fixture_sql(
		fixture, "INSERT INTO event VALUES (NULL, 148, 1, 0, 6, 1, 0, 0, 'received it')");
	history_fixture_sql(
		fixture, "INSERT INTO event VALUES (NULL, 155, 1, 0, 5, 6, 0, 0, NULL)");
	history_fixture_sql(
		fixture, "INSERT INTO config VALUES (NULL, 101, 'router: {}', 'start', NULL)");
	history_fixture_sql(
		fixture, "INSERT INTO audit VALUES (1, 102, 'root', 'start', NULL, x'00ff')");
}

static int set_up(void **state)
{
	struct history_fixture *fixture = calloc(1, sizeof *fixture);
	history_fixture_begin(fixture);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	history_fixture_end(*state);
	free(*state);
	return 0;
}

static void test_prefix_history(void **state)
{
	struct history_fixture *fixture = *state;
	fill(fixture);
	struct journal_ask ask = { .question = JOURNAL_PREFIX_HISTORY,
		.until = UINT64_MAX,
		.match = JOURNAL_MATCH_EXACT,
		.prefix = prefix_of("10.1.0.0/16") };
	for (unsigned pause = 0; pause < 4; pause++) {
		struct answer *answer = ask_file(fixture->path, &ask, pause);
		assert_string_equal(answer->fault, "");
		assert_int_equal(answer->n, 10);
		const struct journal_row **row = answer->rows;
		assert_int_equal(row[0]->kind, JOURNAL_ROW_RUN);
		assert_int_equal(row[0]->time, 100);
		assert_false(row[0]->restored);
		assert_change(row[1], 110, BEST_ANNOUNCED, 0, 0, 1, 1);
		assert_change(row[2], 120, BEST_ANNOUNCED, 1, 1, 2, 2);
		assert_int_equal(row[2]->new.path_id, 7);
		assert_change(row[3], 130, BEST_WITHDRAWN, 2, 2, 1, 1);
		assert_int_equal(row[4]->kind, JOURNAL_ROW_GAP);
		assert_int_equal(row[4]->time, 135);
		assert_int_equal(row[4]->to, 145);
		assert_int_equal(row[4]->lost, 12);
		assert_change(row[5], 150, BEST_PEER_DOWN, 1, 1, 0, 0);
		assert_change(row[6], 160, BEST_ANNOUNCED, 0, 0, 1, 3);
		/* The run at 180 restored: 3 is still the best. That at 200 did not. */
		assert_change(row[7], 190, BEST_CHANGED, 1, 3, 1, 1);
		assert_int_equal(row[8]->kind, JOURNAL_ROW_RUN);
		assert_int_equal(row[8]->time, 200);
		assert_int_equal(row[8]->alive_at, 195);
		assert_change(row[9], 210, BEST_ANNOUNCED, 0, 0, 2, 2);
		answer_free(answer);
	}

	/* Both ends of the span are in it; what was before is known all the same. */
	ask.since = 130;
	ask.until = 160;
	struct answer *answer = ask_file(fixture->path, &ask, 1);
	assert_int_equal(answer->n, 4);
	assert_change(answer->rows[0], 130, BEST_WITHDRAWN, 2, 2, 1, 1);
	assert_int_equal(answer->rows[1]->kind, JOURNAL_ROW_GAP);
	assert_change(answer->rows[3], 160, BEST_ANNOUNCED, 0, 0, 1, 3);
	answer_free(answer);

	/* The newest two, and what lies between them. */
	ask = (struct journal_ask){ .question = JOURNAL_PREFIX_HISTORY,
		.until = UINT64_MAX,
		.match = JOURNAL_MATCH_EXACT,
		.prefix = prefix_of("10.1.0.0/16"),
		.limit = 2 };
	answer = ask_file(fixture->path, &ask, 0);
	assert_int_equal(answer->n, 3);
	assert_change(answer->rows[0], 190, BEST_CHANGED, 1, 3, 1, 1);
	assert_int_equal(answer->rows[1]->kind, JOURNAL_ROW_RUN);
	assert_change(answer->rows[2], 210, BEST_ANNOUNCED, 0, 0, 2, 2);
	answer_free(answer);

	/* More than there are; a prefix that never was. */
	ask.limit = 100;
	answer = ask_file(fixture->path, &ask, 0);
	assert_int_equal(answer->n, 10);
	answer_free(answer);
	ask.prefix = prefix_of("10.2.0.0/16");
	answer = ask_file(fixture->path, &ask, 0);
	assert_string_equal(answer->fault, "");
	for (size_t i = 0; i < answer->n; i++)
		assert_int_not_equal(answer->rows[i]->kind, JOURNAL_ROW_CHANGE);
	answer_free(answer);

	/* An address: the longest prefix that has changes in the span. */
	ask.match = JOURNAL_MATCH_COVERING;
	ask.prefix = prefix_of("10.1.2.3");
	answer = ask_file(fixture->path, &ask, 0);
	assert_int_equal(answer->rows[1]->prefix.length, 24);
	answer_free(answer);
	ask.since = 140;
	answer = ask_file(fixture->path, &ask, 0);
	assert_int_equal(answer->rows[1]->prefix.length, 16);
	answer_free(answer);
}

static void test_pruned(void **state)
{
	struct history_fixture *fixture = *state;
	fill(fixture);
	history_fixture_sql(fixture, "INSERT INTO meta VALUES ('history_from', 140)");
	struct journal_ask ask = { .question = JOURNAL_PREFIX_HISTORY,
		.since = 120,
		.until = UINT64_MAX,
		.match = JOURNAL_MATCH_EXACT,
		.prefix = prefix_of("10.1.0.0/16") };
	struct answer *answer = ask_file(fixture->path, &ask, 1);
	assert_int_equal(answer->rows[3]->kind, JOURNAL_ROW_PRUNED);
	assert_int_equal(answer->rows[3]->time, 140);
	answer_free(answer);
	ask.since = 140;
	answer = ask_file(fixture->path, &ask, 1);
	for (size_t i = 0; i < answer->n; i++)
		assert_int_not_equal(answer->rows[i]->kind, JOURNAL_ROW_PRUNED);
	answer_free(answer);

	ask = (struct journal_ask){
		.question = JOURNAL_TABLE_AT, .until = 139, .families = FAMILIES_ALL
	};
	answer = ask_file(fixture->path, &ask, 1);
	assert_int_equal(answer->n, 0);
	assert_non_null(strstr(answer->fault, "pruned"));
	answer_free(answer);
	ask.until = 140;
	answer = ask_file(fixture->path, &ask, 1);
	assert_string_equal(answer->fault, "");
	answer_free(answer);
}

static void test_peer_history(void **state)
{
	struct history_fixture *fixture = *state;
	fill(fixture);
	struct journal_ask ask = { .question = JOURNAL_PEER_HISTORY, .until = UINT64_MAX };
	assert_true(ip_address_parse("10.0.0.1", &ask.peer));
	for (unsigned pause = 0; pause < 3; pause++) {
		struct answer *answer = ask_file(fixture->path, &ask, pause);
		static const uint64_t times[] = { 100, 105, 148, 148, 155, 180, 200 };
		assert_int_equal(answer->n, ARRAY_LEN(times));
		for (size_t i = 0; i < ARRAY_LEN(times); i++)
			assert_int_equal(answer->rows[i]->time, times[i]);
		const struct journal_row *row = answer->rows[1];
		assert_int_equal(row->kind, JOURNAL_ROW_EVENT);
		assert_int_equal(row->event, JOURNAL_EVENT_STATE);
		assert_int_equal(row->state_before, 5);
		assert_int_equal(row->state, 6);
		assert_null(row->text.bytes);
		row = answer->rows[2];
		assert_int_equal(row->event, JOURNAL_EVENT_RECEIVED);
		assert_int_equal(row->code, 6);
		assert_int_equal(row->subcode, 2);
		assert_span_equal(row->text, SPAN_OF("so long"));
		assert_int_equal(answer->rows[3]->event, JOURNAL_EVENT_STATE);
		assert_int_equal(answer->rows[5]->kind, JOURNAL_ROW_RUN);
		assert_true(answer->rows[5]->restored);
		answer_free(answer);
	}
	ask.limit = 2;
	struct answer *answer = ask_file(fixture->path, &ask, 1);
	assert_int_equal(answer->n, 4);
	/* The second of two at one time, not both. */
	assert_span_equal(answer->rows[0]->text, SPAN_OF("received it"));
	answer_free(answer);
	ask.limit = 0;
	ask.since = 149;
	ask.until = 180;
	answer = ask_file(fixture->path, &ask, 1);
	assert_int_equal(answer->n, 2);
	answer_free(answer);
	assert_true(ip_address_parse("10.0.0.9", &ask.peer));
	answer = ask_file(fixture->path, &ask, 0);
	assert_int_equal(answer->n, 0);
	assert_non_null(strstr(answer->fault, "10.0.0.9"));
	answer_free(answer);
}

static void test_gaps_and_everything(void **state)
{
	struct history_fixture *fixture = *state;
	fill(fixture);
	struct journal_ask ask = { .question = JOURNAL_GAPS, .until = UINT64_MAX };
	struct answer *answer = ask_file(fixture->path, &ask, 1);
	static const uint64_t times[] = { 100, 135, 180, 200 };
	assert_int_equal(answer->n, ARRAY_LEN(times));
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		assert_int_equal(answer->rows[i]->time, times[i]);
	answer_free(answer);
	/* A gap that reaches into the span counts. */
	ask.since = 145;
	ask.until = 150;
	answer = ask_file(fixture->path, &ask, 0);
	assert_int_equal(answer->n, 1);
	assert_int_equal(answer->rows[0]->kind, JOURNAL_ROW_GAP);
	answer_free(answer);

	static const struct {
		uint64_t since;
		size_t kinds[8];
	} rows[] = {
		{ 0, { 8, 0, 5, 1, 3, 0, 1, 1 } },
		{ 130, { 5, 0, 3, 1, 2, 0, 0, 0 } },
		{ 211, { 0 } },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (unsigned pause = 0; pause < 3; pause++) {
			size_t kinds[8] = { 0 };
			ask = (struct journal_ask){ .question = JOURNAL_EVERYTHING,
				.since = rows[i].since,
				.until = UINT64_MAX };
			answer = ask_file(fixture->path, &ask, pause);
			for (size_t r = 0; r < answer->n; r++)
				kinds[answer->rows[r]->kind]++;
			assert_memory_equal(kinds, rows[i].kinds, sizeof kinds);
			answer_free(answer);
		}
	}
	ask = (struct journal_ask){ .question = JOURNAL_EVERYTHING, .until = UINT64_MAX };
	answer = ask_file(fixture->path, &ask, 0);
	/* The history of the one prefix, then of the other, each change with what was before. */
	size_t first = 0;
	while (answer->rows[first]->kind != JOURNAL_ROW_CHANGE)
		first++;
	assert_change(answer->rows[first], 110, BEST_ANNOUNCED, 0, 0, 1, 1);
	assert_change(answer->rows[first + 1], 120, BEST_ANNOUNCED, 1, 1, 2, 2);
	assert_change(answer->rows[first + 6], 210, BEST_ANNOUNCED, 0, 0, 2, 2);
	assert_change(answer->rows[first + 7], 125, BEST_ANNOUNCED, 0, 0, 1, 4);
	for (size_t r = 0; r < answer->n; r++) {
		const struct journal_row *row = answer->rows[r];
		if (row->kind == JOURNAL_ROW_CONFIG) {
			assert_span_equal(row->text, SPAN_OF("router: {}"));
			assert_span_equal(row->who, SPAN_OF("start"));
			assert_null(row->about.bytes);
		} else if (row->kind == JOURNAL_ROW_AUDIT) {
			assert_span_equal(row->about, SPAN_OF("start"));
			assert_span_equal(row->hash, SPAN_OF("\x00\xff"));
		}
	}
	answer_free(answer);
}

/* What was before the horizon went, the run too: what is after it is known all the same. */
static void test_between_the_horizon_and_the_first_run(void **state)
{
	struct history_fixture *fixture = *state;
	struct prefix prefix = prefix_of("10.1.0.0/16");
	history_fixture_peer(fixture, 1);
	history_fixture_attrs(fixture, 1);
	history_fixture_sql(fixture, "INSERT INTO meta VALUES ('history_from', 90)");
	history_fixture_sql(fixture, "INSERT INTO run VALUES (NULL, 95, 1, 94)");
	history_fixture_change(fixture, &prefix, 92, 1, 1, 0, 1, BEST_ANNOUNCED);
	static const enum journal_question questions[] = { JOURNAL_PREFIX_HISTORY,
		JOURNAL_PEER_HISTORY, JOURNAL_TABLE_AT };
	for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
		struct journal_ask ask = {
			.question = questions[i], .prefix = prefix, .families = FAMILIES_ALL
		};
		assert_true(ip_address_parse("10.0.0.1", &ask.peer));
		ask.until = 93;
		struct answer *answer = ask_file(fixture->path, &ask, 0);
		assert_string_equal(answer->fault, "");
		size_t n = 0;
		for (size_t r = 0; r < answer->n; r++)
			n += answer->rows[r]->kind != JOURNAL_ROW_PRUNED;
		assert_int_equal(n, questions[i] == JOURNAL_PEER_HISTORY ? 0 : 1);
		answer_free(answer);
		ask.until = 89;
		answer = ask_file(fixture->path, &ask, 0);
		assert_non_null(strstr(answer->fault, "whose history has been pruned"));
		answer_free(answer);
	}
}

static void test_table_notices(void **state)
{
	struct history_fixture *fixture = *state;
	fill(fixture);
	struct journal_ask ask = {
		.question = JOURNAL_TABLE_AT, .families = FAMILIES_ALL, .until = 99
	};
	struct answer *answer = ask_file(fixture->path, &ask, 0);
	assert_non_null(strstr(answer->fault, "before the journal began"));
	answer_free(answer);
	/* Nor may the history up to then say that there was no change. */
	for (unsigned of_peer = 0; of_peer < 2; of_peer++) {
		ask = (struct journal_ask){ .question = of_peer ? JOURNAL_PEER_HISTORY
								: JOURNAL_PREFIX_HISTORY,
			.prefix = prefix_of("10.1.0.0/24"),
			.until = 99 };
		assert_true(ip_address_parse("10.0.0.1", &ask.peer));
		answer = ask_file(fixture->path, &ask, 0);
		assert_non_null(strstr(answer->fault, "before the journal began"));
		answer_free(answer);
		ask.until = 100;
		answer = ask_file(fixture->path, &ask, 0);
		assert_string_equal(answer->fault, "");
		answer_free(answer);
	}
	ask = (struct journal_ask){
		.question = JOURNAL_TABLE_AT, .families = FAMILIES_ALL, .until = 99
	};

	/* The gap makes what is after it uncertain, until the table was empty. */
	static const struct {
		uint64_t at;
		bool gap, pause;
		size_t routes;
	} rows[] = {
		{ 100, false, false, 0 },
		{ 110, false, false, 1 },
		{ 130, false, false, 2 },
		{ 135, true, false, 2 },
		{ 155, true, false, 1 },
		{ 170, true, false, 2 },
		{ 175, true, true, 2 },
		{ 180, true, false, 2 },
		{ 199, true, true, 2 },
		{ 200, false, false, 0 },
		{ 209, false, false, 0 },
		{ 210, false, false, 1 },
		{ 10000, false, false, 1 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ask.until = rows[i].at;
		answer = ask_file(fixture->path, &ask, 1);
		size_t kinds[8] = { 0 };
		for (size_t r = 0; r < answer->n; r++)
			kinds[answer->rows[r]->kind]++;
		assert_int_equal(kinds[JOURNAL_ROW_GAP], rows[i].gap);
		assert_int_equal(kinds[JOURNAL_ROW_RUN], rows[i].pause);
		assert_int_equal(kinds[JOURNAL_ROW_ROUTE], rows[i].routes);
		answer_free(answer);
	}
}

/* What is not there, and what is not what it should be. */
static void test_faults(void **state)
{
	struct history_fixture *fixture = *state;
	fill(fixture);
	struct prefix prefix = prefix_of("10.3.0.0/16");
	struct journal_ask ask = {
		.question = JOURNAL_TABLE_AT, .families = FAMILIES_ALL, .until = 1000
	};
	/* A set and a peer that are gone: the change stands, without. */
	history_fixture_change(fixture, &prefix, 220, 9, 77, 0, 99, BEST_ANNOUNCED);
	ask.match = JOURNAL_MATCH_EXACT;
	ask.prefix = prefix;
	struct answer *answer = ask_file(fixture->path, &ask, 0);
	assert_int_equal(answer->n, 1);
	assert_true(answer->rows[0]->new.present);
	assert_int_equal(answer->rows[0]->new.peer.len, 0);
	assert_int_equal(answer->rows[0]->new.attributes.len, 0);
	answer_free(answer);

	history_fixture_sql(fixture, "INSERT INTO history VALUES (x'0002ff', 300, 1, 1, 0, 1, 0)");
	ask.match = JOURNAL_MATCH_ALL;
	answer = ask_file(fixture->path, &ask, 0);
	assert_non_null(strstr(answer->fault, "damaged"));
	answer_free(answer);

	/* A file that somebody alters while it is being read. */
	char text[256];
	struct journal_row row;
	struct journal_query *query = journal_query_begin(fixture->db, &ask, text, sizeof text);
	history_fixture_sql(fixture, "ALTER TABLE gap RENAME COLUMN lost TO gone");
	assert_int_equal(journal_query_next(query, &row), JOURNAL_STEP_FAULT);
	assert_string_equal(
		journal_query_fault(query), "cannot read the journal: no such column: lost");
	journal_query_end(query);
}

/* The model: every change of a few hundred prefixes over time. */

#define MODEL_PREFIXES 300
#define MODEL_CHANGES  6000
#define MODEL_TIMES    3000

struct model_change {
	uint64_t time;
	unsigned prefix;
	uint32_t peer;
	uint64_t attrs;
};

struct model {
	struct prefix prefixes[MODEL_PREFIXES]; /* in order */
	struct model_change changes[MODEL_CHANGES]; /* in order of time */
	uint64_t emptied[4];
};

static int by_prefix(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static uint32_t random_below(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((*seed >> 33) % below);
}

static void model_prefixes(struct model *model, uint64_t *seed)
{
	for (unsigned i = 0; i < MODEL_PREFIXES;) {
		struct prefix *prefix = &model->prefixes[i];
		*prefix = (struct prefix){ .family = random_below(seed, 3) == 0 };
		/* Few values of few bytes, so that prefixes lie within others. */
		prefix->length = (uint8_t)random_below(seed, prefix->family == 0 ? 33 : 129);
		for (size_t b = 0; b < family_address_len((enum family)prefix->family); b++)
			prefix->bytes[b] = random_below(seed, 3) == 0 ? 0xff : 0x0a;
		prefix_mask(prefix);
		bool known = false;
		for (unsigned j = 0; j < i; j++)
			known = known || prefix_equal(prefix, &model->prefixes[j]);
		i += !known;
	}
	qsort(model->prefixes, MODEL_PREFIXES, sizeof model->prefixes[0], by_prefix);
}

static void model_fill(struct model *model, struct history_fixture *fixture, uint64_t seed)
{
	uint64_t time = 1;
	model_prefixes(model, &seed);
	for (uint32_t id = 1; id <= 5; id++)
		history_fixture_peer(fixture, id);
	for (uint64_t id = 1; id <= 200; id++)
		history_fixture_attrs(fixture, id);
	for (unsigned i = 0; i < ARRAY_LEN(model->emptied); i++) {
		model->emptied[i] = i * MODEL_TIMES / ARRAY_LEN(model->emptied) + 1;
		history_fixture_sql(fixture, "INSERT INTO run VALUES (NULL, %u, 0, NULL)",
			(unsigned)model->emptied[i]);
	}
	for (unsigned i = 0; i < MODEL_CHANGES; i++) {
		struct model_change *change = &model->changes[i];
		/* Several at one time; some prefixes change all the time, others hardly. */
		time += random_below(&seed, 2);
		unsigned range = 1 + random_below(&seed, MODEL_PREFIXES);
		*change = (struct model_change){
			.time = time,
			.prefix = random_below(&seed, range),
			.peer = 1 + random_below(&seed, 5),
			.attrs = random_below(&seed, 4) == 0 ? 0 : 1 + random_below(&seed, 200),
		};
		history_fixture_change(fixture, &model->prefixes[change->prefix], time, i,
			change->attrs != 0 ? change->peer : 0, 0, change->attrs,
			change->attrs != 0 ? BEST_ANNOUNCED : BEST_WITHDRAWN);
	}
}

static uint64_t model_emptied(const struct model *model, uint64_t time)
{
	uint64_t emptied = 0;
	for (size_t i = 0; i < ARRAY_LEN(model->emptied); i++) {
		if (model->emptied[i] <= time)
			emptied = model->emptied[i];
	}
	return emptied;
}

/* The best path of a prefix at a time; NULL: none. */
static const struct model_change *model_best(
	const struct model *model, unsigned prefix, uint64_t time)
{
	const struct model_change *best = NULL;
	uint64_t emptied = model_emptied(model, time);
	for (unsigned i = 0; i < MODEL_CHANGES && model->changes[i].time <= time; i++) {
		if (model->changes[i].prefix == prefix && model->changes[i].time >= emptied)
			best = &model->changes[i];
	}
	return best != NULL && best->attrs != 0 ? best : NULL;
}

static void assert_route(const struct model *model, const struct journal_row *row, unsigned prefix,
	const struct model_change *best)
{
	assert_int_equal(row->kind, JOURNAL_ROW_ROUTE);
	assert_true(prefix_equal(&row->prefix, &model->prefixes[prefix]));
	assert_int_equal(row->time, best->time);
	assert_best(&row->new, best->peer, best->attrs);
}

static void check_table(
	const struct model *model, const char *path, struct journal_ask *ask, unsigned pause)
{
	struct answer *answer = ask_file(path, ask, pause);
	size_t at = 0;
	assert_string_equal(answer->fault, "");
	for (unsigned i = 0; i < MODEL_PREFIXES; i++) {
		const struct prefix *prefix = &model->prefixes[i];
		const struct model_change *best = model_best(model, i, ask->until);
		bool wanted = ask->match == JOURNAL_MATCH_ALL
				      ? (ask->families & FAMILY_BIT(prefix->family)) != 0
				      : prefix_covers(&ask->prefix, prefix);
		if (best == NULL || !wanted)
			continue;
		assert_true(at < answer->n);
		assert_route(model, answer->rows[at++], i, best);
	}
	assert_int_equal(at, answer->n);
	answer_free(answer);
}

static void check_single(const struct model *model, const char *path, struct journal_ask *ask)
{
	struct answer *answer = ask_file(path, ask, 1);
	const struct model_change *found = NULL;
	unsigned which = 0;
	for (unsigned i = 0; i < MODEL_PREFIXES; i++) {
		const struct prefix *prefix = &model->prefixes[i];
		const struct model_change *best = model_best(model, i, ask->until);
		bool fits = ask->match == JOURNAL_MATCH_EXACT ? prefix_equal(prefix, &ask->prefix)
							      : prefix_covers(prefix, &ask->prefix);
		if (best != NULL && fits &&
			(found == NULL || prefix->length > model->prefixes[which].length)) {
			found = best;
			which = i;
		}
	}
	assert_int_equal(answer->n, found != NULL);
	if (found != NULL)
		assert_route(model, answer->rows[0], which, found);
	answer_free(answer);
}

static void test_model_table(void **state)
{
	struct history_fixture *fixture = *state;
	struct model *model = calloc(1, sizeof *model);
	uint64_t seed = 4711;
	history_fixture_sql(fixture, "BEGIN");
	model_fill(model, fixture, 1);
	history_fixture_sql(fixture, "COMMIT");
	for (unsigned round = 0; round < 60; round++) {
		struct journal_ask ask = { .question = JOURNAL_TABLE_AT,
			.until = 1 + random_below(&seed, MODEL_TIMES + 10),
			.families = (uint8_t)(1 + random_below(&seed, FAMILIES_ALL)) };
		check_table(model, fixture->path, &ask, random_below(&seed, 4));
		ask.match = JOURNAL_MATCH_LONGER;
		ask.prefix = model->prefixes[random_below(&seed, MODEL_PREFIXES)];
		ask.prefix.length = (uint8_t)random_below(&seed, ask.prefix.length + 1u);
		prefix_mask(&ask.prefix);
		check_table(model, fixture->path, &ask, random_below(&seed, 4));
		ask.match = JOURNAL_MATCH_EXACT;
		ask.prefix = model->prefixes[random_below(&seed, MODEL_PREFIXES)];
		check_single(model, fixture->path, &ask);
		ask.match = JOURNAL_MATCH_COVERING;
		for (size_t b = ask.prefix.length;
			b < 8u * family_address_len((enum family)ask.prefix.family); b++)
			ask.prefix.bytes[b / 8] |= (uint8_t)(random_below(&seed, 2) ? 0x80 >> b % 8
										    : 0);
		ask.prefix.length = (uint8_t)(8 *
					      family_address_len((enum family)ask.prefix.family));
		check_single(model, fixture->path, &ask);
	}
	free(model);
}

static void test_model_history(void **state)
{
	struct history_fixture *fixture = *state;
	struct model *model = calloc(1, sizeof *model);
	uint64_t seed = 815;
	history_fixture_sql(fixture, "BEGIN");
	model_fill(model, fixture, 2);
	history_fixture_sql(fixture, "COMMIT");
	for (unsigned round = 0; round < 200; round++) {
		unsigned prefix = random_below(&seed, 1 + random_below(&seed, MODEL_PREFIXES));
		struct journal_ask ask = { .question = JOURNAL_PREFIX_HISTORY,
			.match = JOURNAL_MATCH_EXACT,
			.prefix = model->prefixes[prefix],
			.since = random_below(&seed, MODEL_TIMES),
			.limit = random_below(&seed, 3) > 0 ? 0 : 1 + random_below(&seed, 40) };
		ask.until = ask.since + random_below(&seed, MODEL_TIMES);
		size_t matching = 0;
		for (unsigned i = 0; i < MODEL_CHANGES; i++)
			matching += model->changes[i].prefix == prefix &&
				    model->changes[i].time >= ask.since &&
				    model->changes[i].time <= ask.until;
		size_t skip = ask.limit > 0 && matching > ask.limit ? matching - ask.limit : 0;
		struct answer *answer = ask_file(fixture->path, &ask, random_below(&seed, 4));
		const struct model_change *before = NULL;
		size_t at = 0;
		for (unsigned i = 0; i < MODEL_CHANGES; i++) {
			const struct model_change *change = &model->changes[i];
			if (change->prefix != prefix)
				continue;
			bool in = change->time >= ask.since && change->time <= ask.until;
			if (in && skip > 0) {
				skip--;
			} else if (in) {
				while (at < answer->n && answer->rows[at]->kind == JOURNAL_ROW_RUN)
					at++;
				assert_true(at < answer->n);
				bool stands = before != NULL && before->attrs != 0 &&
					      before->time >= model_emptied(model, change->time);
				assert_change(answer->rows[at++], change->time,
					change->attrs != 0 ? BEST_ANNOUNCED : BEST_WITHDRAWN,
					stands ? before->peer : 0, stands ? before->attrs : 0,
					change->peer, change->attrs);
			}
			before = change;
		}
		while (at < answer->n)
			assert_int_equal(answer->rows[at++]->kind, JOURNAL_ROW_RUN);
		answer_free(answer);
	}
	free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_prefix_history, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pruned, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_peer_history, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gaps_and_everything, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_between_the_horizon_and_the_first_run, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_table_notices, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_faults, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_model_table, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_model_history, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
