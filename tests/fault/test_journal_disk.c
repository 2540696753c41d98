/*
 * The journal on a disk that fails: each operation in turn, disks that are full or read-only for a
 * while, a power cut at any write, and bytes that change by themselves. Whatever happens the state
 * in the file is that of a batch, and what was written is not lost.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rr/journal_audit.h"
#include "rr/journal_prune.h"
#include "rr/journal_sql.h"
#include "rr/journal_store.h"
#include "rr/journal_writer.h"
#include "tests/fault/fault_vfs.h"
#include "tests/unit/journal_fixture.h"

#define PATHS	    300u
#define PATIENCE_US UINT64_C(60000000)

static struct journal_folder folder;
static char text[512];
static atomic_bool go_on; /* false: no batch is to be abandoned */

static int set_up(void **state)
{
	(void)state;
	journal_folder_make(&folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fault_clear();
	journal_folder_remove(&folder);
	return 0;
}

/* The same numbers at each run: what fails can be looked into. */
static uint32_t random_number(void)
{
	static uint64_t seed = 88172645463325252u;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32);
}

/* Batch `k` gives every path the set of ID k, and kills the one before. */
static struct journal_batch *batch_number(uint32_t k)
{
	struct journal_batch *batch = batch_at(k);

	batch_peer(batch, 1, 1, 0);
	batch_attrs(batch, k);
	for (uint32_t i = 1; i <= PATHS; i++) {
		batch_path(batch, i, 1, i, k);
		if (i % 4 == 0)
			batch_history(batch, k, 1, random_number() % 5000, k);
	}
	batch_audit(batch, "batch", NULL);
	if (k > 1)
		assert_true(journal_batch_append_gone(batch, k - 1));
	return batch;
}

/* The number of the batch whose state the file holds; fails when it is the state of none. */
static uint32_t state_in(struct journal_file *file)
{
	struct journal_audit_verdict verdict;
	struct loaded loaded = { 0 };
	int64_t different, attrs;

	if (!load_all(file, 0, &loaded, text, sizeof text))
		fail_msg("%s", text);
	if (loaded.paths == 0)
		return 0;
	assert_int_equal(loaded.paths, PATHS);
	assert_int_equal(
		journal_sql_integer(file->db, "SELECT count(DISTINCT attrs) FROM path", &different),
		SQLITE_OK);
	assert_int_equal(different, 1);
	assert_int_equal(
		journal_sql_integer(file->db, "SELECT max(attrs) FROM path", &attrs), SQLITE_OK);
	assert_int_equal(loaded.last_attrs, attrs);
	assert_true(journal_audit_verify(file->db, &verdict, text, sizeof text));
	assert_true(verdict.sound);
	assert_int_equal(verdict.rows, attrs);
	return (uint32_t)attrs;
}

static void expect_sound(struct journal_file *file)
{
	int64_t rows;

	assert_int_equal(
		journal_sql_integer(file->db,
			"SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
			&rows),
		SQLITE_OK);
	assert_int_equal(rows, 0);
}

static struct journal_file *open_it(void)
{
	struct journal_file *file;
	enum journal_open_result result = journal_file_open(folder.path, &file, text, sizeof text);

	if (result > JOURNAL_CREATED)
		fail_msg("%d: %s", result, text);
	return file;
}

/* One after the other, each operation of a kind fails once while a file is made and opened. */
static void test_opening_while_operations_fail(void **state)
{
	static const struct {
		unsigned on;
		int result, error;
	} kinds[] = {
		{ FAULT_BIT(FAULT_OPEN), 0, EMFILE },
		{ FAULT_BIT(FAULT_WRITE), 0, EIO },
		{ FAULT_BIT(FAULT_WRITE), SQLITE_FULL, ENOSPC },
		{ FAULT_BIT(FAULT_SYNC), 0, EIO },
		{ FAULT_BIT(FAULT_READ), 0, EIO },
	};
	char name[400];

	(void)state;
	for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++) {
		uint64_t failed = 1;

		for (uint64_t nth = 1; failed > 0; nth++) {
			struct journal_file *file;
			enum journal_open_result result;

			tear_down(NULL);
			set_up(NULL);
			if (nth % 2 == 0)
				journal_file_close(open_it()); /* half of them find one */
			fault_plan(kinds[kind].on, nth / 2 + 1, false, kinds[kind].result,
				kinds[kind].error);
			result = journal_file_open(folder.path, &file, text, sizeof text);
			failed = fault_clear();
			if (nth < 3)
				failed = 1; /* both ways have been tried only then */
			if (result == JOURNAL_SET_ASIDE || result == JOURNAL_REFUSED)
				fail_msg("kind %d, operation %d: %s", (int)kind, (int)nth, text);
			/* the same file can be used as soon as the disk can */
			assert_true(
				journal_file_connect(file, text, sizeof text) <= JOURNAL_CREATED);
			assert_false(journal_folder_find(&folder, "corrupt", name));
			assert_false(journal_folder_find(&folder, "foreign", name));
			assert_int_equal(state_in(file), 0);
			journal_file_close(file);
		}
	}
}

/* Writes batch k; true when it was, false when a fault that will pass kept it from being. */
static bool try_batch(struct journal_store *store, uint32_t k)
{
	struct journal_batch *batch = batch_number(k);
	int result = journal_store_batch(store, batch, &go_on);

	batch_free(batch);
	if (result != SQLITE_OK && journal_fault_of(result) != JOURNAL_FAULT_RETRY)
		fail_msg("batch %u: %s", k, sqlite3_errstr(result));
	return result == SQLITE_OK;
}

static void test_writing_while_operations_fail(void **state)
{
	static const struct {
		unsigned on;
		int result, error;
	} kinds[] = {
		{ FAULT_BIT(FAULT_WRITE), 0, EIO },
		{ FAULT_BIT(FAULT_WRITE), SQLITE_FULL, ENOSPC },
		{ FAULT_BIT(FAULT_SYNC), 0, EIO },
		{ FAULT_BIT(FAULT_READ), 0, EIO },
		{ FAULT_ANY, 0, EIO },
	};
	struct journal_store store = { .peers = NULL };
	struct journal_file *file = open_it();
	uint32_t k = 1;

	(void)state;
	/* checkpoints often, so that their writes fail too */
	assert_int_equal(journal_sql_run(file->db, "PRAGMA wal_autocheckpoint = 20"), SQLITE_OK);
	assert_int_equal(journal_sql_run(file->db, "PRAGMA cache_size = 10"), SQLITE_OK);
	assert_int_equal(journal_store_open(&store, file), SQLITE_OK);
	for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++)
		for (uint64_t nth = 1; nth < 120; nth++) {
			bool written;

			fault_plan(
				kinds[kind].on, nth, false, kinds[kind].result, kinds[kind].error);
			written = try_batch(&store, k);
			fault_clear();
			assert_int_equal(state_in(file), written ? k : k - 1);
			if (!written)
				assert_true(try_batch(&store, k));
			k++;
		}
	expect_sound(file);
	journal_store_close(&store);
	journal_file_close(file);
	file = open_it();
	assert_int_equal(state_in(file), k - 1);
	journal_file_close(file);
}

/* Pruning and giving room back, every n-th operation failing. */
static void test_pruning_while_operations_fail(void **state)
{
	static const struct journal_writer_parameters parameters = { 1, UINT64_MAX };
	struct journal_store store = { .peers = NULL };
	static struct journal_prune prune;
	struct journal_file *file = open_it();
	unsigned failures = 0, steps = 0;
	int64_t rows;

	(void)state;
	assert_int_equal(journal_sql_run(file->db, "PRAGMA cache_size = 10"), SQLITE_OK);
	assert_int_equal(journal_store_open(&store, file), SQLITE_OK);
	for (uint32_t k = 1; k <= 30; k++)
		assert_true(try_batch(&store, k));
	assert_int_equal(journal_prune_open(&prune, file), SQLITE_OK);
	do {
		int result;

		fault_plan(FAULT_ANY, 1 + random_number() % 60, false, 0, EIO);
		result = journal_prune_step(&prune, file, &parameters);
		fault_clear();
		assert_true(journal_fault_of(result) <= JOURNAL_FAULT_RETRY);
		failures += result != SQLITE_OK;
	} while (++steps < 10000 && (prune.phase != PRUNE_REST || steps < 2));
	assert_true(failures > 0 && prune.phase == PRUNE_REST);
	assert_int_equal(journal_sql_integer(file->db,
				 "SELECT count(*) - count(DISTINCT prefix) FROM history", &rows),
		SQLITE_OK);
	assert_int_equal(rows, 0); /* of each prefix the newest */
	assert_int_equal(state_in(file), 30);
	expect_sound(file);
	journal_prune_close(&prune);
	journal_store_close(&store);
	journal_file_close(file);
}

static struct journal_status wait_until(struct journal_writer *writer, bool degraded)
{
	uint64_t until = journal_monotonic() + PATIENCE_US;
	struct journal_status status;

	while (journal_writer_status(writer, &status), status.degraded != degraded) {
		assert_true(journal_monotonic() < until);
		usleep(2000);
	}
	return status;
}

static void free_finished(void *context, struct journal_batch *batch)
{
	(void)context;
	assert_true(batch->written);
	batch_free(batch);
}

static void collect_written(struct journal_writer *writer)
{
	uint64_t until = journal_monotonic() + PATIENCE_US;
	struct journal_batch *batch;

	while ((batch = journal_writer_collect(writer)) == NULL) {
		assert_true(journal_monotonic() < until);
		usleep(2000);
	}
	free_finished(NULL, batch);
}

/* The disk fails for a while, the writer says why, and goes on by itself. */
static void outage(unsigned on, int result, int error, const char *reason)
{
	static const struct journal_writer_parameters parameters = { 3600, UINT64_MAX };
	struct journal_file *file = open_it();
	struct journal_writer *writer;
	struct journal_status status;
	char expected[200];
	int wake_fd = eventfd(0, EFD_NONBLOCK);

	assert_true(journal_file_begin_run(file, 0, false, NULL, 0, text, sizeof text));
	writer = journal_writer_start(file, &parameters, wake_fd);
	assert_true(journal_writer_submit(writer, batch_number(1)));
	collect_written(writer);
	fault_plan(on, 1, true, result, error);
	assert_true(journal_writer_submit(writer, batch_number(2)));
	status = wait_until(writer, true);
	snprintf(expected, sizeof expected, "%s: %s", reason, folder.path);
	assert_string_equal(status.reason, expected);
	assert_true(status.failures > 0 && status.degraded_since > 0 && status.batches == 1);
	assert_true(journal_writer_submit(writer, batch_number(3)));
	assert_false(journal_writer_has_room(writer));
	assert_true(fault_clear() > 0);
	collect_written(writer);
	collect_written(writer);
	status = wait_until(writer, false);
	assert_true(status.generation == 0 && status.batches == 3);
	journal_writer_stop(writer, PATIENCE_US, free_finished, NULL);
	close(wake_fd);
	file = open_it();
	assert_int_equal(state_in(file), 3);
	expect_sound(file);
	journal_file_close(file);
}

/* An old journal: peer 3 is 192.0.2.1, peer 5 192.0.2.2; sets up to 20. */
static void make_old(void)
{
	struct journal_store store = { .peers = NULL };
	struct journal_batch *batch = batch_at(1);
	struct journal_file *file = open_it();

	batch_peer(batch, 3, 1, 0);
	batch_peer(batch, 5, 2, 0);
	for (uint32_t id = 1; id <= 20; id++) {
		batch_attrs(batch, id);
		batch_path(batch, id, 3, id, id);
		batch_history(batch, id, 3, id, id);
	}
	assert_int_equal(journal_store_open(&store, file), SQLITE_OK);
	assert_int_equal(journal_store_batch(&store, batch, &go_on), SQLITE_OK);
	batch_free(batch);
	journal_store_close(&store);
	journal_file_close(file);
}

/* What the loop tells after the load: of the first peer, which it knows or does not. */
static struct journal_batch *told_after(const struct loaded *loaded, uint64_t generation)
{
	struct journal_batch *batch = batch_at(journal_wall_clock());
	uint32_t peer = loaded->peers == 2 ? 3 : loaded->next_peer == 0 ? 1 : loaded->next_peer;

	batch->generation = generation;
	batch_peer(batch, peer, 1, 0);
	for (uint32_t id = 1; id <= 4; id++) {
		batch_attrs(batch, loaded->last_attrs + id);
		batch_path(batch, id, peer, 100 + id, loaded->last_attrs + id);
		batch_history(batch, batch->time, peer, 100 + id, loaded->last_attrs + id);
	}
	return batch;
}

/* What the old journal had is what it was, and the new rows are by themselves. */
static void expect_ids_kept(void)
{
	assert_int_equal(ask(folder.path, "SELECT id FROM peer WHERE address = x'c0000201'"), 3);
	assert_int_equal(ask(folder.path, "SELECT id FROM peer WHERE address = x'c0000202'"), 5);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM attrs"), 24);
	assert_int_equal(
		ask(folder.path, "SELECT count(*) FROM attrs WHERE id <= 20 AND dead NOT NULL"),
		20);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM path"), 4);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM path JOIN attrs"
					  " ON attrs.id = path.attrs WHERE path.peer = 3"),
		4);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM history WHERE peer = 3"), 24);
}

/*
 * A disk that could not be read when the daemon began, at the load or already when the file was
 * opened, and could be again soon after, once at each operation: no ID means two things.
 */
static void test_reading_while_operations_fail(void **state)
{
	static const struct journal_writer_parameters parameters = { 3600, UINT64_MAX };

	(void)state;
	for (unsigned late = 0; late < 2; late++) {
		uint64_t failed = 1;

		for (uint64_t nth = 1; failed > 0; nth++) {
			struct journal_file *file;
			struct journal_writer *writer;
			struct journal_status status;
			struct loaded loaded = { 0 };
			int wake_fd = eventfd(0, EFD_NONBLOCK);

			tear_down(NULL);
			set_up(NULL);
			make_old();
			if (late)
				fault_plan(FAULT_ANY, 1, true, 0, EIO);
			assert_int_equal(journal_file_open(folder.path, &file, text, sizeof text),
				late ? JOURNAL_UNAVAILABLE : JOURNAL_OPENED);
			fault_plan(FAULT_BIT(FAULT_READ), nth, false, 0, EIO);
			if (!late) {
				bool all = load_all(file, 2, &loaded, text, sizeof text);

				failed = fault_clear();
				assert_int_equal(all, failed == 0);
				if (failed == 0)
					loaded = (struct loaded){ .peers = 2, .last_attrs = 20 };
				journal_file_begin_run(file, 2, false, NULL, 0, text, sizeof text);
			}
			writer = journal_writer_start(file, &parameters, wake_fd);
			journal_writer_status(writer, &status);
			assert_true(journal_writer_submit(
				writer, told_after(&loaded, status.generation)));
			collect_written(writer);
			if (late)
				failed = fault_clear();
			journal_writer_stop(writer, PATIENCE_US, free_finished, NULL);
			close(wake_fd);
			expect_ids_kept();
		}
	}
}

static void test_full_disk(void **state)
{
	(void)state;
	outage(FAULT_BIT(FAULT_WRITE), SQLITE_FULL, ENOSPC, "disk full");
}

static void test_bad_disk(void **state)
{
	(void)state;
	outage(FAULT_BIT(FAULT_WRITE) | FAULT_BIT(FAULT_SYNC), 0, EIO, "input/output error");
}

static void test_sync_that_fails(void **state)
{
	(void)state;
	outage(FAULT_BIT(FAULT_SYNC), 0, EIO, "input/output error");
}

static void test_read_only_disk(void **state)
{
	(void)state;
	outage(FAULT_BIT(FAULT_WRITE), 0, EROFS, "read-only file or file system");
}

/* One round: batches until the power goes, at an operation of chance. */
static void power_cut_round(uint32_t *k)
{
	struct journal_store store = { .peers = NULL };
	struct journal_file *file;
	uint32_t begun = *k, found;

	fault_power_on();
	file = open_it();
	assert_int_equal(journal_sql_run(file->db, "PRAGMA wal_autocheckpoint = 60"), SQLITE_OK);
	assert_int_equal(journal_sql_run(file->db, "PRAGMA cache_size = 10"), SQLITE_OK);
	assert_int_equal(journal_store_open(&store, file), SQLITE_OK);
	fault_plan(FAULT_ANY, 1 + random_number() % 1500, true, 0, EIO);
	while (try_batch(&store, *k))
		(*k)++;
	fault_power_cut();
	fault_clear();
	journal_store_close(&store);
	journal_file_close(file);
	fault_power_back(random_number);
	sprintf(text, "%s-shm", folder.path);
	unlink(text); /* memory */

	file = open_it();
	expect_sound(file);
	found = state_in(file);
	/* all that were written, and at most the one that was being written */
	if (found + 1 != *k && found != *k)
		fail_msg(
			"found the state of batch %u; %u to %u were written", found, begun, *k - 1);
	*k = found + 1;
	journal_file_close(file);
}

static void test_power_cut(void **state)
{
	uint32_t k = 1;

	(void)state;
	journal_file_close(open_it());
	for (int round = 0; round < 100; round++)
		power_cut_round(&k);
	if (k < 200)
		fail_msg("%u batches", k);
}

/* A copy of a journal with a few bytes changed. */
static void damage(const uint8_t *content, size_t len)
{
	FILE *file = fopen(folder.path, "w");
	size_t at = random_number() % len;
	unsigned n = 1 + random_number() % 60;

	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, len, file), len);
	/* the header of the file, or of a page, more often than chance would have it */
	if (random_number() % 4 == 0)
		at = random_number() % 100;
	else if (random_number() % 2 == 0)
		at -= at % 4096;
	for (unsigned i = 0; i < n && at + i < len; i++) {
		fseek(file, (long)(at + i), SEEK_SET);
		putc((int)random_number() & 0xff, file);
	}
	fclose(file);
}

/* All that a daemon does with a file, on one that is damaged. Returns what was found out. */
static enum journal_open_result use_damaged(void)
{
	static const struct journal_writer_parameters parameters = { 1, UINT64_MAX };
	static struct journal_prune prune;
	struct journal_store store = { .peers = NULL };
	struct journal_audit_verdict verdict;
	struct journal_file *file;
	struct journal_batch *batch = batch_number(900);
	struct loaded loaded = { 0 };
	enum journal_open_result result = journal_file_open(folder.path, &file, text, sizeof text);
	int stored;

	if (result == JOURNAL_REFUSED) { /* it may say that it is of a newer schema */
		assert_non_null(strstr(text, "found schema version"));
		batch_free(batch);
		return result;
	}
	if (result == JOURNAL_UNAVAILABLE)
		fail_msg("%s", text);
	load_all(file, 0, &loaded, text, sizeof text);
	journal_file_begin_run(file, 5, true, (uint32_t[]){ 1 }, 1, text, sizeof text);
	journal_audit_verify(file->db, &verdict, text, sizeof text);
	memset(&prune, 0, sizeof prune);
	stored = journal_prune_open(&prune, file);
	for (int i = 0; i < 50 && stored == SQLITE_OK; i++)
		stored = journal_prune_step(&prune, file, &parameters);
	journal_prune_close(&prune);
	if (stored == SQLITE_OK)
		stored = journal_store_open(&store, file);
	if (stored == SQLITE_OK)
		stored = journal_store_batch(&store, batch, &go_on);
	journal_store_close(&store);
	if (stored != SQLITE_OK) {
		assert_int_equal(journal_fault_of(stored), JOURNAL_FAULT_CORRUPT);
		assert_true(journal_file_begin_anew(file, "corrupt", text, sizeof text));
		assert_int_equal(journal_store_open(&store, file), SQLITE_OK);
		assert_int_equal(journal_store_batch(&store, batch, &go_on), SQLITE_OK);
		journal_store_close(&store);
		result = JOURNAL_SET_ASIDE;
	}
	if (file->generation > 0)
		result = JOURNAL_SET_ASIDE;
	batch_free(batch);
	journal_file_close(file);
	return result;
}

static void test_damaged_bytes(void **state)
{
	struct journal_store store = { .peers = NULL };
	struct journal_file *file = open_it();
	static uint8_t content[4 << 20];
	unsigned results[JOURNAL_REFUSED + 1] = { 0 };
	FILE *copy;
	size_t len;

	(void)state;
	assert_int_equal(journal_store_open(&store, file), SQLITE_OK);
	for (uint32_t k = 1; k <= 12; k++)
		assert_true(try_batch(&store, k));
	journal_store_close(&store);
	journal_file_close(file);
	copy = fopen(folder.path, "r");
	len = fread(content, 1, sizeof content, copy);
	if (len < 50000 || len == sizeof content)
		fail_msg("%d bytes", (int)len);
	fclose(copy);
	for (int i = 0; i < 300; i++) {
		tear_down(NULL);
		set_up(NULL);
		damage(content, len);
		results[use_damaged()]++;
	}
	/* damage was both found and such that it does not matter */
	assert_true(results[JOURNAL_OPENED] > 20 && results[JOURNAL_SET_ASIDE] > 20);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(test_opening_while_operations_fail),
		WITH_FOLDER(test_writing_while_operations_fail),
		WITH_FOLDER(test_pruning_while_operations_fail),
		WITH_FOLDER(test_reading_while_operations_fail),
		WITH_FOLDER(test_full_disk),
		WITH_FOLDER(test_bad_disk),
		WITH_FOLDER(test_sync_that_fails),
		WITH_FOLDER(test_read_only_disk),
		WITH_FOLDER(test_power_cut),
		WITH_FOLDER(test_damaged_bytes),
	};

	fault_vfs_install();
	return cmocka_run_group_tests_name("journal_disk", tests, NULL, NULL);
}
