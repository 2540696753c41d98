/* Pruning: what is beyond the horizon goes, what is needed to know the table at it stays. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "rr/journal_prune.h"
#include "rr/journal_sql.h"
#include "rr/journal_store.h"
#include "tests/unit/journal_fixture.h"

#define SECOND	   UINT64_C(1000000)
#define HOUR	   (3600 * SECOND)
#define PASS_STEPS 100000 /* more than any pass takes */

static struct journal_folder folder;
static struct journal_file *file;
static struct journal_store store;
static struct journal_prune prune;
static char text[512];

static int set_up(void **state)
{
	(void)state;
	journal_folder_make(&folder);
	memset(&prune, 0, sizeof prune);
	memset(&store, 0, sizeof store);
	assert_int_equal(journal_file_open(folder.path, &file, text, sizeof text), JOURNAL_CREATED);
	assert_int_equal(journal_store_open(&store, file), SQLITE_OK);
	assert_int_equal(journal_prune_open(&prune, file), SQLITE_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	journal_prune_close(&prune);
	journal_store_close(&store);
	journal_file_close(file);
	journal_folder_remove(&folder);
	return 0;
}

static void write_batch(struct journal_batch *batch)
{
	atomic_bool abandon = false;

	assert_int_equal(journal_store_batch(&store, batch, &abandon), SQLITE_OK);
	batch_free(batch);
}

/* A pass from its beginning to its end; returns its steps. */
static unsigned pass(uint32_t history, uint64_t max_size)
{
	struct journal_writer_parameters parameters = { history, max_size };

	for (unsigned steps = 1; steps < PASS_STEPS; steps++) {
		int result = journal_prune_step(&prune, file, &parameters);

		if (result != SQLITE_OK)
			fail_msg("step %u: %s", steps, sqlite3_errmsg(file->db));
		if (prune.phase == PRUNE_REST)
			return steps;
	}
	fail_msg("the pass has no end");
	return 0;
}

static int64_t count(const char *what)
{
	char sql[300];

	snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", what);
	return ask(folder.path, sql);
}

static void test_newest_before_the_horizon_stays(void **state)
{
	uint64_t now = journal_wall_clock();
	struct journal_batch *batch = batch_at(now);

	(void)state;
	/* prefix 1: the middle one was in force an hour ago */
	batch_history(batch, now - 3 * HOUR, 1, 1, 11);
	batch_history(batch, now - 2 * HOUR, 1, 1, 12);
	batch_history(batch, now - HOUR / 2, 1, 1, 13);
	/* 2: there was none */
	batch_history(batch, now - 3 * HOUR, 1, 2, 21);
	batch_history(batch, now - 2 * HOUR, 1, 2, 0);
	batch_history(batch, now - HOUR / 2, 1, 2, 23);
	/* 3: nothing has changed since long */
	batch_history(batch, now - 100 * HOUR, 1, 3, 31);
	/* 4: gone for good; 5: all of late, more than a seek is worth */
	batch_history(batch, now - 3 * HOUR, 1, 4, 41);
	batch_history(batch, now - 2 * HOUR, 1, 4, 0);
	for (uint64_t i = 0; i < 30; i++)
		batch_history(batch, now - HOUR / 2 + i, 1, 5, 50 + i);
	batch_history(batch, now - 2 * HOUR, 1, 6, 99);
	write_batch(batch);
	assert_int_equal(count("history"), 40);
	pass(3600, UINT64_MAX);
	assert_int_equal(count("history"), 35);
	assert_int_equal(prune.deleted, 5);
	assert_int_equal(count("history WHERE attrs IN (12, 13, 23, 31, 99)"), 5);
	assert_int_equal(count("history WHERE attrs BETWEEN 50 AND 79"), 30);
	assert_true(ask(folder.path, "SELECT value FROM meta WHERE key = 'history_from'") >=
		    (int64_t)(now - HOUR));
	pass(3600, UINT64_MAX);
	assert_int_equal(count("history"), 35);
}

/* Nothing was pruned of a journal that is younger than its window. */
static void test_a_young_journal_is_complete(void **state)
{
	struct journal_batch *batch = batch_at(journal_wall_clock());

	(void)state;
	assert_true(journal_file_begin_run(
		file, journal_wall_clock() - HOUR / 2, false, NULL, 0, text, sizeof text));
	batch_history(batch, journal_wall_clock() - HOUR / 4, 1, 1, 11);
	write_batch(batch);
	pass(3600, UINT64_MAX);
	assert_int_equal(count("meta WHERE key = 'history_from'"), 0);
	pass(600, UINT64_MAX);
	assert_int_equal(count("meta WHERE key = 'history_from'"), 1);
}

static void test_a_run_ends_what_was(void **state)
{
	uint64_t now = journal_wall_clock();
	struct journal_batch *batch = batch_at(now);

	(void)state;
	batch_history(batch, now - 4 * HOUR, 1, 1, 11);
	batch_history(batch, now - 4 * HOUR, 1, 2, 21);
	batch_history(batch, now - 2 * HOUR, 1, 2, 22);
	batch_history(batch, now - HOUR / 2, 1, 3, 31);
	batch->emptied_at = now - 3 * HOUR;
	write_batch(batch);
	batch = batch_at(now); /* restored: does not end anything */
	batch_history(batch, now - 5 * HOUR, 1, 4, 0);
	write_batch(batch);
	meddle(folder.path, "INSERT INTO run (time, restored) VALUES (9e15, 1)");
	pass(3600, UINT64_MAX);
	assert_int_equal(count("history"), 2);
	assert_int_equal(count("history WHERE attrs IN (22, 31)"), 2);
	/* the run is of no use any more, the newest stays */
	assert_int_equal(count("run"), 1);
	assert_int_equal(count("run WHERE restored = 0"), 0);
}

static void test_the_rest_of_the_file(void **state)
{
	uint64_t now = journal_wall_clock();
	struct journal_batch *batch;

	(void)state;
	for (int old = 1; old >= 0; old--) {
		batch = batch_at(old ? now - 2 * HOUR : now);
		for (uint64_t id = 1; id <= 700; id++)
			batch_attrs(batch, id + (old ? 0 : 1000));
		for (uint64_t id = 1; id <= 600; id++)
			assert_true(journal_batch_append_gone(batch, id + (old ? 0 : 1000)));
		for (int i = 0; i < 1000; i++)
			batch_event(batch, 1, "x");
		batch_config(batch, "one");
		batch_config(batch, "two");
		batch_audit(batch, "start", NULL);
		*journal_batch_append(
			&batch->gaps) = (struct journal_gap_row){ batch->time - 9, batch->time, 1 };
		write_batch(batch);
	}
	pass(3600, UINT64_MAX);
	assert_int_equal(count("attrs"), 100 + 700);
	assert_int_equal(count("event"), 1000);
	assert_int_equal(count("config"), 3); /* the one in force an hour ago is needed */
	assert_int_equal(count("gap"), 1);
	assert_int_equal(count("audit"), 2);
	/* sets that died since the state was whole may be named by a path */
	batch = batch_at(now - 2 * HOUR);
	batch->whole = false;
	assert_true(journal_batch_append_gone(batch, 650));
	write_batch(batch);
	meddle(folder.path, "UPDATE meta SET value = 1 WHERE key = 'whole_at'");
	pass(3600, UINT64_MAX);
	assert_int_equal(count("attrs WHERE id = 650"), 1);
}

/* 40 rows of each of `prefixes`, a minute apart. */
static void fill(uint64_t now, uint32_t prefixes)
{
	for (uint32_t row = 0; row < 40; row++) {
		struct journal_batch *batch = batch_at(now);

		for (uint32_t n = 1; n <= prefixes; n++)
			batch_history(batch, now - (40 - row) * 60 * SECOND, 1, n, row + 1);
		write_batch(batch);
	}
}

static void test_size_is_kept(void **state)
{
	uint64_t now = journal_wall_clock(), whole, used, unused, limit;
	int passes = 0;

	(void)state;
	fill(now, 2000);
	assert_int_equal(journal_prune_used(file->db, &used, &unused), SQLITE_OK);
	whole = used + unused;
	limit = used / 2;
	/* a week would be kept, if there were room */
	do
		pass(7 * 86400, limit);
	while (prune.next_pass <= journal_monotonic() && ++passes < 50);
	if (passes <= 1 || passes >= 20)
		fail_msg("%d passes", passes);
	assert_int_equal(journal_prune_used(file->db, &used, &unused), SQLITE_OK);
	assert_true(used <= limit && used > limit / 2);
	assert_true(used + unused == whole); /* nothing was given back */
	/* the newest rows of all prefixes are there, the oldest of none */
	assert_int_equal(count("history WHERE attrs = 40"), 2000);
	assert_int_equal(count("history WHERE attrs = 1"), 0);
	/* what cannot be met by pruning is not tried for ever */
	for (passes = 0; passes < 200; passes++) {
		pass(7 * 86400, 4096);
		if (prune.next_pass > journal_monotonic())
			break;
	}
	assert_true(passes < 200);
	assert_int_equal(count("history"), 2000);
}

static void test_steps_are_small(void **state)
{
	struct journal_writer_parameters parameters = { 60, UINT64_MAX };
	uint64_t now = journal_wall_clock();
	int64_t before, after;

	(void)state;
	fill(now - HOUR, 1000);
	before = count("history");
	assert_int_equal(before, 40000);
	do {
		assert_int_equal(journal_prune_step(&prune, file, &parameters), SQLITE_OK);
		after = count("history");
		assert_in_range(before - after, 0, JOURNAL_PRUNE_ROWS);
		before = after;
	} while (prune.phase != PRUNE_REST);
	assert_int_equal(after, 1000);
}

static void test_no_history_is_kept(void **state)
{
	(void)state;
	fill(journal_wall_clock(), 10);
	pass(0, UINT64_MAX);
	assert_int_equal(count("history"), 10); /* what holds now */
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(test_newest_before_the_horizon_stays),
		WITH_FOLDER(test_a_young_journal_is_complete),
		WITH_FOLDER(test_a_run_ends_what_was),
		WITH_FOLDER(test_the_rest_of_the_file),
		WITH_FOLDER(test_size_is_kept),
		WITH_FOLDER(test_steps_are_small),
		WITH_FOLDER(test_no_history_is_kept),
	};

	return cmocka_run_group_tests_name("journal_prune", tests, NULL, NULL);
}
