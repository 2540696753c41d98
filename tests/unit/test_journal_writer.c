/* The journal's writer: batches through its thread, failures and recovery, files that go wrong. */
#include "tests/unit/unit.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rr/journal_sql.h"
#include "rr/journal_writer.h"
#include "tests/unit/journal_fixture.h"

#define PATIENCE_US UINT64_C(30000000)

static const struct journal_writer_parameters week = { 7 * 86400, UINT64_C(4) << 30 };
static struct journal_folder folder;
static char text[512];
static int wake_fd;

static int set_up(void **state)
{
	(void)state;
	journal_folder_make(&folder);
	wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_true(wake_fd >= 0);
	text[0] = '\0';
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(wake_fd);
	journal_folder_remove(&folder);
	return 0;
}

static struct journal_writer *start_with(
	const struct journal_writer_parameters *parameters, enum journal_open_result expected)
{
	struct journal_file *file;
	struct journal_writer *writer;

	assert_int_equal(journal_file_open(folder.path, &file, text, sizeof text), expected);
	/* before all that is written */
	if (expected != JOURNAL_UNAVAILABLE)
		journal_file_begin_run(file, 1, false, NULL, 0, text, sizeof text);
	writer = journal_writer_start(file, parameters, wake_fd);
	assert_non_null(writer);
	return writer;
}

static void stopped(void *context, struct journal_batch *batch)
{
	unsigned *unwritten = context;

	*unwritten += !batch->written;
	batch_free(batch);
}

/* Returns how many batches were left unwritten. */
static unsigned stop(struct journal_writer *writer, uint64_t most_us)
{
	unsigned unwritten = 0;

	journal_writer_stop(writer, most_us, stopped, &unwritten);
	return unwritten;
}

static void submit(struct journal_writer *writer, struct journal_batch *batch)
{
	assert_true(journal_writer_has_room(writer));
	assert_true(journal_writer_submit(writer, batch));
}

/* The next batch that comes back; fails when none does. */
static struct journal_batch *collect(struct journal_writer *writer)
{
	uint64_t until = journal_monotonic() + PATIENCE_US, woken;
	struct pollfd waiting = { .fd = wake_fd, .events = POLLIN };
	struct journal_batch *batch;

	while ((batch = journal_writer_collect(writer)) == NULL) {
		assert_true(journal_monotonic() < until);
		if (poll(&waiting, 1, 1000) > 0)
			(void)!read(wake_fd, &woken, sizeof woken);
	}
	return batch;
}

static void collect_written(struct journal_writer *writer)
{
	struct journal_batch *batch = collect(writer);

	assert_true(batch->written);
	batch_free(batch);
}

/* Waits until `holds` says so of the status. */
static struct journal_status wait_for(
	struct journal_writer *writer, bool (*holds)(const struct journal_status *))
{
	uint64_t until = journal_monotonic() + PATIENCE_US;
	struct journal_status status;

	while (journal_writer_status(writer, &status), !holds(&status)) {
		if (journal_monotonic() >= until)
			fail_msg("degraded %d (%s), generation %d, pruned %d", status.degraded,
				status.reason, (int)status.generation, (int)status.pruned);
		usleep(2000);
	}
	return status;
}

static bool is_degraded(const struct journal_status *status)
{
	return status->degraded;
}

static bool is_well(const struct journal_status *status)
{
	return !status->degraded;
}

static bool is_second_file(const struct journal_status *status)
{
	return status->generation == 1 && !status->degraded;
}

/* A batch of `n` paths with one set each. */
static struct journal_batch *some_paths(uint32_t first, uint32_t n, uint64_t generation)
{
	struct journal_batch *batch = batch_at(journal_wall_clock());

	batch->generation = generation;
	batch_peer(batch, 1, 1, 0);
	for (uint32_t i = first; i < first + n; i++) {
		batch_attrs(batch, i);
		batch_path(batch, i, 1, i, i);
		batch_history(batch, batch->time, 1, i, i);
	}
	return batch;
}

static void test_batches_are_written_in_order(void **state)
{
	struct journal_writer *writer = start_with(&week, JOURNAL_CREATED);
	struct journal_batch *batch;
	struct journal_status status;

	(void)state;
	for (uint32_t i = 0; i < 20; i++) {
		batch = batch_at(1000 + i);
		batch_peer(batch, 1, (uint8_t)(1 + i), 0); /* each replaces the one before */
		submit(writer, batch);
		batch = batch_at(1100 + i);
		batch->whole = false;
		batch_event(batch, 1, "x");
		submit(writer, batch);
		collect_written(writer);
		collect_written(writer);
	}
	assert_null(journal_writer_collect(writer));
	journal_writer_status(writer, &status);
	assert_true(!status.degraded && status.generation == 0 && status.failures == 0);
	assert_true(status.batches == 40 && status.rows == 40);
	assert_true(status.written_at == 1119 && status.whole_at == 1019);
	assert_true(status.file_size > 0 && status.longest_us > 0);
	assert_int_equal(stop(writer, PATIENCE_US), 0);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM peer"), 1);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM event"), 20);
	assert_int_equal(
		ask(folder.path, "SELECT count(*) FROM peer WHERE address = x'c0000214'"), 1);
	/* the last sign of life is that of the end */
	assert_true(ask(folder.path, "SELECT value FROM meta WHERE key = 'alive_at'") > 1000000000);
}

static void test_queue_is_bounded_and_written_at_the_end(void **state)
{
	struct journal_writer *writer = start_with(&week, JOURNAL_CREATED);
	sqlite3 *other;

	(void)state;
	/* somebody else's lock holds the writer up */
	assert_int_equal(sqlite3_open(folder.path, &other), SQLITE_OK);
	sqlite3_busy_timeout(other, 10000);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	for (int i = 0; i < JOURNAL_QUEUE_MAX; i++)
		submit(writer, some_paths(1 + 10 * (uint32_t)i, 10, 0));
	assert_false(journal_writer_has_room(writer));
	struct journal_batch *more = some_paths(1000, 1, 0);

	assert_false(journal_writer_submit(writer, more));
	batch_free(more);
	assert_string_equal(wait_for(writer, is_degraded).reason,
		(snprintf(text, sizeof text, "locked by another process: %s", folder.path), text));
	sqlite3_exec(other, "COMMIT", NULL, NULL, NULL);
	sqlite3_close(other);
	assert_int_equal(stop(writer, PATIENCE_US), 0);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM path"), 20);
}

static void test_end_does_not_wait_for_ever(void **state)
{
	struct journal_writer *writer = start_with(&week, JOURNAL_CREATED);
	sqlite3 *other;

	(void)state;
	submit(writer, some_paths(1, 10, 0));
	collect_written(writer);
	assert_int_equal(sqlite3_open(folder.path, &other), SQLITE_OK);
	sqlite3_busy_timeout(other, 10000);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	submit(writer, some_paths(11, 10, 0));
	assert_int_equal(stop(writer, 1000), 1); /* handed back unwritten */
	sqlite3_close(other);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM path"), 10);
}

static void test_lock_passes_and_all_is_well(void **state)
{
	struct journal_writer *writer = start_with(&week, JOURNAL_CREATED);
	sqlite3 *other;
	struct journal_status status;

	(void)state;
	wait_for(writer, is_well);
	assert_int_equal(sqlite3_open(folder.path, &other), SQLITE_OK);
	sqlite3_busy_timeout(other, 10000);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	submit(writer, some_paths(1, 10, 0));
	status = wait_for(writer, is_degraded);
	assert_true(status.degraded_since > 0 && status.failures > 0 && status.generation == 0);
	sqlite3_exec(other, "COMMIT", NULL, NULL, NULL);
	sqlite3_close(other);
	collect_written(writer);
	status = wait_for(writer, is_well);
	assert_string_equal(status.reason, "");
	assert_int_equal(status.degraded_since, 0);
	assert_int_equal(stop(writer, PATIENCE_US), 0);
}

/* After `spoil` has done something to the file, a new one is begun and told from the start. */
static void begun_anew(void (*spoil)(void), const char *aside)
{
	struct journal_writer *writer = start_with(&week, JOURNAL_CREATED);
	struct journal_batch *batch;
	struct journal_status status;
	char name[400];

	submit(writer, some_paths(1, 2000, 0));
	collect_written(writer);
	spoil();
	/* told for the old file: dropped, now or at the next sign of life */
	submit(writer, some_paths(2001, 500, 0));
	batch = collect(writer);
	while (batch->written) {
		batch_free(batch);
		submit(writer, some_paths(2001, 500, 0));
		batch = collect(writer);
	}
	batch_free(batch);
	status = wait_for(writer, is_second_file);
	assert_true(status.failures > 0);
	if (aside != NULL) {
		assert_non_null(strstr(status.moved_to, aside));
		assert_true(journal_folder_find(&folder, aside, name));
		assert_string_equal(name, status.moved_to);
	} else {
		assert_string_equal(status.moved_to, "");
	}
	submit(writer, some_paths(4001, 5, 0)); /* begun before the loop knew */
	batch = collect(writer);
	assert_false(batch->written);
	batch_free(batch);
	submit(writer, some_paths(4001, 7, 1));
	collect_written(writer);
	assert_int_equal(stop(writer, PATIENCE_US), 0);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM path"), 7);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM attrs"), 7);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM run WHERE restored = 0"), 1);
}

static void delete_it(void)
{
	assert_int_equal(unlink(folder.path), 0);
}

static void test_deleted_file(void **state)
{
	(void)state;
	begun_anew(delete_it, NULL);
}

static void replace_it(void)
{
	char name[200];

	snprintf(name, sizeof name, "%s/other", folder.folder);
	meddle(name, "CREATE TABLE mine (x); INSERT INTO mine VALUES (7);");
	assert_int_equal(rename(name, folder.path), 0);
}

static void test_replaced_file(void **state)
{
	(void)state;
	begun_anew(replace_it, "journal.db.replaced-");
}

static void drop_a_table(void)
{
	meddle(folder.path, "DROP TABLE path");
}

static void test_file_that_lost_a_table(void **state)
{
	(void)state;
	begun_anew(drop_a_table, "journal.db.corrupt-");
}

static void test_unavailable_at_the_start(void **state)
{
	char target[200];
	struct journal_writer *writer;
	struct loaded loaded = { 0 };
	struct journal_file *file;
	struct journal_batch *batch;

	(void)state;
	/* an old journal: peer 3 is 192.0.2.1, sets up to 20 */
	writer = start_with(&week, JOURNAL_CREATED);
	batch = some_paths(11, 10, 0);
	batch_peer(batch, 3, 1, 0);
	batch_peer(batch, 2, 2, 0);
	batch->peers.rows[0] = batch->peers.rows[2]; /* no peer 1 */
	submit(writer, batch);
	assert_int_equal(stop(writer, PATIENCE_US), 0);
	/* a folder in its place cannot be opened */
	snprintf(target, sizeof target, "%s/kept", folder.folder);
	assert_int_equal(rename(folder.path, target), 0);
	assert_int_equal(mkdir(folder.path, 0700), 0);
	writer = start_with(&week, JOURNAL_UNAVAILABLE);
	submit(writer, some_paths(1, 4, 0));
	wait_for(writer, is_degraded);
	assert_int_equal(rmdir(folder.path), 0);
	assert_int_equal(rename(target, folder.path), 0);
	collect_written(writer);
	assert_int_equal(wait_for(writer, is_well).generation, 0);
	submit(writer, some_paths(5, 2, 0));
	collect_written(writer);
	assert_int_equal(stop(writer, PATIENCE_US), 0);

	/* only the new state, under IDs that history did not know yet; history whole */
	assert_int_equal(journal_file_open(folder.path, &file, text, sizeof text), JOURNAL_OPENED);
	assert_true(load_all(file, journal_wall_clock(), &loaded, text, sizeof text));
	assert_int_equal(loaded.paths, 6);
	assert_int_equal(loaded.attrs, 6);
	assert_int_equal(loaded.path.peer, 3);
	assert_int_equal(loaded.path.attrs, 26);
	assert_int_equal(loaded.last_attrs, 26);
	assert_int_equal(loaded.next_peer, 4);
	journal_file_close(file);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM history"), 16);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM run WHERE restored = 0"), 2);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM history WHERE peer = 3"), 6);
	/* the run began when the daemon did, before the first of its changes */
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM history"
					  " WHERE time >= (SELECT max(time) FROM run)"),
		6);
}

#define MINUTE_US UINT64_C(60000000)

/* A batch of history over 2,000 prefixes, with a set of that ID, which is written. */
static void write_minute(struct journal_writer *writer, uint64_t time, uint32_t attrs)
{
	struct journal_batch *batch = batch_at(journal_wall_clock());

	for (uint32_t prefix = 0; prefix < 2000; prefix++)
		batch_history(batch, time, 1, prefix, attrs);
	submit(writer, batch);
	collect_written(writer);
}

/* `n` of them, a minute apart. */
static void write_history(struct journal_writer *writer, uint32_t n)
{
	uint64_t begin = journal_wall_clock() - MINUTE_US * n;

	for (uint32_t i = 0; i < n; i++)
		write_minute(writer, begin + i * MINUTE_US, i + 1);
}

static uint64_t pruned_before;

static bool has_pruned(const struct journal_status *status)
{
	return status->pruned >= pruned_before;
}

static void test_pruning_by_settings(void **state)
{
	struct journal_writer *writer = start_with(&week, JOURNAL_CREATED);
	struct journal_writer_parameters hour = { 3600, UINT64_MAX };
	int64_t left;

	(void)state;
	write_history(writer, 20);
	pruned_before = 0;
	assert_int_equal(wait_for(writer, has_pruned).pruned, 0);
	hour.history = 300;
	journal_writer_set(writer, &hour);
	pruned_before = 12 * 2000;
	wait_for(writer, has_pruned);
	assert_int_equal(stop(writer, PATIENCE_US), 0);
	left = ask(folder.path, "SELECT count(*) FROM history");
	assert_in_range(left, 5 * 2000, 8 * 2000);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM history WHERE attrs = 20"), 2000);
}

static uint64_t size_limit;

static bool is_within_size(const struct journal_status *status)
{
	/* without the WAL, which a later batch may have begun anew */
	return status->pruned > 0 &&
	       (uint64_t)ask(folder.path, "PRAGMA page_count") * 4096 <= size_limit;
}

static void test_size_of_the_file(void **state)
{
	struct journal_writer *writer;
	struct journal_writer_parameters small = { 7 * 86400, 1 << 20 };

	(void)state;
	size_limit = 1 << 20;
	writer = start_with(&small, JOURNAL_CREATED);
	write_history(writer, 40); /* some 3 MiB */
	/* pruned, and the room given back */
	wait_for(writer, is_within_size);
	/* also where it is little that has grown too much */
	for (uint32_t n = 0; n < 8; n++) {
		write_minute(writer, journal_wall_clock(), 100 + n);
		wait_for(writer, is_within_size);
	}
	assert_int_equal(stop(writer, PATIENCE_US), 0);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM history WHERE attrs = 107"), 2000);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM history WHERE attrs = 1"), 0);
}

static bool is_small(const struct journal_status *status)
{
	return status->file_size < 300000;
}

static void test_compacting_under_way(void **state)
{
	struct journal_writer *writer = start_with(&week, JOURNAL_CREATED);
	struct journal_status status;

	(void)state;
	write_history(writer, 20);
	meddle(folder.path, "DELETE FROM history WHERE attrs > 1");
	journal_writer_status(writer, &status);
	assert_true(status.file_size > 1000000);
	assert_true(journal_writer_compact(writer));
	wait_for(writer, is_small);
	submit(writer, some_paths(1, 10, 0));
	collect_written(writer);
	assert_int_equal(stop(writer, PATIENCE_US), 0);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM history"), 2000 + 10);
}

static bool is_held_up(const struct journal_status *status)
{
	return status->degraded && strstr(status->reason, "reading too long") != NULL;
}

/* A reader that never ends does not fill the disk. */
static void test_reader_that_does_not_end(void **state)
{
	struct journal_writer_parameters small = { 7 * 86400, 1 << 20 };
	struct journal_writer *writer = start_with(&small, JOURNAL_CREATED);
	sqlite3 *reader;
	struct journal_batch *batch;
	struct journal_status status;
	uint32_t i = 0;

	(void)state;
	submit(writer, some_paths(1, 10, 0));
	collect_written(writer);
	reader = journal_read_open(folder.path, text, sizeof text);
	assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM path", NULL, NULL, NULL),
		SQLITE_OK);
	/* some 5 MiB each, until it is too much */
	do {
		batch = batch_at(journal_wall_clock());
		for (int row = 0; row < 5; row++) {
			char *big = malloc((1 << 20) + 1);

			memset(big, 'x', 1 << 20);
			big[1 << 20] = '\0';
			batch_audit(batch, "big", big);
			free(big);
		}
		submit(writer, batch);
		do {
			usleep(2000);
			journal_writer_status(writer, &status);
			batch = journal_writer_collect(writer);
		} while (batch == NULL && !is_held_up(&status));
		if (batch != NULL)
			batch_free(batch);
	} while (batch != NULL && ++i < 100);
	assert_in_range(i, 10, 20);
	sqlite3_close(reader);
	collect_written(writer);
	assert_int_equal(wait_for(writer, is_well).generation, 0);
	journal_writer_status(writer, &status);
	assert_int_equal(stop(writer, PATIENCE_US), 0);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM audit") / 5, i + 1);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(test_batches_are_written_in_order),
		WITH_FOLDER(test_queue_is_bounded_and_written_at_the_end),
		WITH_FOLDER(test_end_does_not_wait_for_ever),
		WITH_FOLDER(test_lock_passes_and_all_is_well),
		WITH_FOLDER(test_deleted_file),
		WITH_FOLDER(test_replaced_file),
		WITH_FOLDER(test_file_that_lost_a_table),
		WITH_FOLDER(test_unavailable_at_the_start),
		WITH_FOLDER(test_pruning_by_settings),
		WITH_FOLDER(test_size_of_the_file),
		WITH_FOLDER(test_compacting_under_way),
		WITH_FOLDER(test_reader_that_does_not_end),
	};

	return cmocka_run_group_tests_name("journal_writer", tests, NULL, NULL);
}
