/*
 * rr/journal_reader.h: rows from a thread, in order and complete; the bound on what waits; too many
 * questions; and questions that are given up at every moment of their life. Worth running under
 * ThreadSanitizer.
 */
#include "tests/unit/unit.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "rr/journal_reader.h"
#include "tests/unit/history_fixture.h"

#define PATIENCE_US 20000000
#define CHANGES	    20000

struct context {
	struct history_fixture fixture;
	struct journal_readers *readers;
	struct journal_ask ask;
};

static int set_up(void **state)
{
	struct context *context = calloc(1, sizeof *context);
	struct prefix prefix = prefix_of("10.1.0.0/16");
	history_fixture_begin(&context->fixture);
	history_fixture_peer(&context->fixture, 1);
	history_fixture_attrs(&context->fixture, 1);
	history_fixture_sql(&context->fixture, "BEGIN");
	for (uint64_t i = 1; i <= CHANGES; i++)
		history_fixture_change(&context->fixture, &prefix, i, (int64_t)i, 1, 0, 1, 0);
	history_fixture_sql(&context->fixture, "COMMIT");
	context->ask = (struct journal_ask){ .question = JOURNAL_PREFIX_HISTORY,
		.until = UINT64_MAX,
		.match = JOURNAL_MATCH_EXACT,
		.prefix = prefix };
	context->readers = journal_readers_new();
	assert_non_null(context->readers);
	*state = context;
	return 0;
}

static int tear_down(void **state)
{
	struct context *context = *state;
	journal_readers_free(context->readers, PATIENCE_US);
	history_fixture_end(&context->fixture);
	free(context);
	return 0;
}

static struct journal_reader *begin(struct context *context)
{
	char text[256];
	struct journal_reader *reader = journal_reader_begin(
		context->readers, context->fixture.path, &context->ask, text, sizeof text);
	if (reader == NULL)
		fail_msg("%s", text);
	return reader;
}

/* As the loop does: asks, and waits for the descriptor when there is nothing yet. */
static enum journal_taken take(struct journal_reader *reader, struct journal_page **page)
{
	for (;;) {
		enum journal_taken taken = journal_reader_take(reader, page);
		if (taken != JOURNAL_TAKEN_WAIT)
			return taken;
		struct pollfd pollfd = { .fd = journal_reader_fd(reader), .events = POLLIN };
		assert_int_equal(poll(&pollfd, 1, PATIENCE_US / 1000), 1);
	}
}

static void take_all(struct journal_reader *reader, size_t rows)
{
	struct journal_page *page;
	size_t n = 0;
	enum journal_taken taken;
	while ((taken = take(reader, &page)) == JOURNAL_TAKEN_PAGE) {
		const struct journal_row *row;
		for (size_t at = 0; (row = journal_page_next(page, &at)) != NULL;) {
			assert_int_equal(row->time, ++n);
			assert_int_equal(row->new.attributes.len, 13);
			assert_int_equal(row->new.attributes.bytes[0], 0x40);
		}
		free(page);
	}
	assert_int_equal(taken, JOURNAL_TAKEN_END);
	assert_int_equal(n, rows);
	/* The end stays, and stays readable. */
	assert_int_equal(journal_reader_take(reader, &page), JOURNAL_TAKEN_END);
	struct pollfd pollfd = { .fd = journal_reader_fd(reader), .events = POLLIN };
	assert_int_equal(poll(&pollfd, 1, 0), 1);
}

static void test_all(void **state)
{
	struct journal_reader *readers[JOURNAL_READERS_MAX];
	for (size_t i = 0; i < ARRAY_LEN(readers); i++)
		readers[i] = begin(*state);
	for (size_t i = ARRAY_LEN(readers); i-- > 0;) {
		take_all(readers[i], CHANGES);
		journal_reader_end(readers[i]);
	}
}

static bool wal_emptied(struct history_fixture *fixture)
{
	sqlite3_stmt *statement;
	assert_int_equal(sqlite3_prepare_v2(fixture->db, "PRAGMA wal_checkpoint(TRUNCATE)", -1,
				 &statement, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	bool emptied = sqlite3_column_int(statement, 0) == 0;
	sqlite3_finalize(statement);
	return emptied;
}

/* While a few pages wait to be taken, the thread reads no more and holds no snapshot. */
static void test_bounded(void **state)
{
	struct context *context = *state;
	struct journal_reader *reader = begin(context);
	/*
	 * The write-ahead log can be emptied as soon as nobody has a snapshot from before its last
	 * frame; PRAGMA wal_checkpoint(TRUNCATE) says 0 then. Time and again: it was no pause
	 * between two pages.
	 */
	struct timespec pause = { .tv_nsec = 1000000 };
	unsigned good = 0;
	struct pollfd pollfd = { .fd = journal_reader_fd(reader), .events = POLLIN };
	assert_int_equal(poll(&pollfd, 1, PATIENCE_US / 1000), 1);
	for (unsigned turn = 0; good < 100 && turn < PATIENCE_US / 1000; turn++) {
		history_fixture_sql(&context->fixture, "INSERT INTO meta VALUES (%u, 1)", turn);
		good = wal_emptied(&context->fixture) ? good + 1 : 0;
		nanosleep(&pause, NULL);
	}
	assert_int_equal(good, 100);
	/* So far it has read what fills the pages, and no more: the rest is not there any more. */
	history_fixture_sql(&context->fixture, "DELETE FROM history WHERE time > %d", CHANGES / 2);
	take_all(reader, CHANGES / 2);
	journal_reader_end(reader);
}

static void test_too_many(void **state)
{
	struct context *context = *state;
	struct journal_reader *readers[JOURNAL_READERS_MAX];
	char text[256] = "";
	for (size_t i = 0; i < ARRAY_LEN(readers); i++)
		readers[i] = begin(context);
	assert_null(journal_reader_begin(
		context->readers, context->fixture.path, &context->ask, text, sizeof text));
	assert_string_equal(text,
		"found 4 questions to the journal under way, expected fewer: try again when one "
		"has been answered");
	journal_reader_end(readers[0]);
	/* Its place is free as soon as its thread has noticed. */
	struct timespec pause = { .tv_nsec = 1000000 };
	struct journal_reader *again = NULL;
	for (unsigned turn = 0; again == NULL && turn < PATIENCE_US / 1000; turn++) {
		again = journal_reader_begin(
			context->readers, context->fixture.path, &context->ask, text, sizeof text);
		nanosleep(&pause, NULL);
	}
	assert_non_null(again);
	take_all(again, CHANGES);
	journal_reader_end(again);
	for (size_t i = 1; i < ARRAY_LEN(readers); i++)
		journal_reader_end(readers[i]);
}

/* Given up at once, amid the opening of the file, between pages, and after the end. */
static void test_given_up(void **state)
{
	struct context *context = *state;
	for (unsigned round = 0; round < 60; round++) {
		struct journal_page *page;
		char text[256];
		struct journal_reader *reader = journal_reader_begin(
			context->readers, context->fixture.path, &context->ask, text, sizeof text);
		/* The threads of questions before may still be about to notice. */
		if (reader == NULL)
			continue;
		struct timespec pause = { .tv_nsec = round * 20000 };
		nanosleep(&pause, NULL);
		for (unsigned pages = 0; pages < round % 8; pages++) {
			if (take(reader, &page) == JOURNAL_TAKEN_PAGE)
				free(page);
		}
		journal_reader_end(reader);
	}
	journal_readers_free(context->readers, PATIENCE_US);
	context->readers = journal_readers_new();
	struct journal_reader *reader = begin(context);
	take_all(reader, CHANGES);
	journal_reader_end(reader);
}

static void test_fault(void **state)
{
	struct context *context = *state;
	char text[256], path[128];
	struct journal_page *page;
	snprintf(path, sizeof path, "%s/nothing", context->fixture.folder);
	struct journal_reader *reader = journal_reader_begin(
		context->readers, path, &context->ask, text, sizeof text);
	assert_non_null(reader);
	assert_int_equal(take(reader, &page), JOURNAL_TAKEN_FAULT);
	assert_non_null(strstr(journal_reader_fault(reader), path));
	assert_non_null(strstr(journal_reader_fault(reader), "No such file"));
	journal_reader_end(reader);

	context->ask = (struct journal_ask){ .question = JOURNAL_TABLE_AT, .until = 1 };
	reader = begin(context);
	assert_int_equal(take(reader, &page), JOURNAL_TAKEN_FAULT);
	assert_non_null(strstr(journal_reader_fault(reader), "before the journal began"));
	journal_reader_end(reader);
}

/* Rows keep what they borrow, whatever its size, and an empty text is not none. */
static void test_pages(void **state)
{
	static uint8_t big[3 * JOURNAL_PAGE_SIZE];
	(void)state;
	memset(big, 7, sizeof big);
	struct journal_row row = {
		.kind = JOURNAL_ROW_EVENT, .time = 1, .text = { (const uint8_t *)"", 0 }
	};
	struct journal_page *page = journal_page_new(&row);
	size_t n = 0;
	while (journal_page_add(page, &row))
		row.time = ++n + 1;
	assert_in_range(n, 100, JOURNAL_PAGE_SIZE / sizeof row);
	size_t at = 0;
	for (size_t i = 0; i < n; i++) {
		const struct journal_row *copy = journal_page_next(page, &at);
		assert_int_equal(copy->time, i + 1);
		assert_non_null(copy->text.bytes);
		assert_int_equal(copy->text.len, 0);
		assert_null(copy->who.bytes);
	}
	assert_null(journal_page_next(page, &at));
	row.new.attributes = SPAN(big);
	row.old.attributes = SPAN(big);
	assert_false(journal_page_add(page, &row));
	free(page);
	page = journal_page_new(&row);
	assert_true(journal_page_add(page, &row));
	assert_false(journal_page_add(page, &row));
	at = 0;
	const struct journal_row *copy = journal_page_next(page, &at);
	assert_ptr_not_equal(copy->new.attributes.bytes, big);
	assert_span_equal(copy->new.attributes, SPAN(big));
	assert_span_equal(copy->old.attributes, SPAN(big));
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test_setup_teardown(test_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_given_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fault, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
