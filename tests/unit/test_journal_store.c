/* What a batch becomes in the file: in which order rows count, what neighbours make of each other.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rr/journal_schema.h"
#include "rr/journal_sql.h"
#include "rr/journal_store.h"
#include "tests/unit/journal_fixture.h"

#define NOW UINT64_C(1795311125000000)

static struct journal_folder folder;
static struct journal_file *file;
static struct journal_store store;

static int set_up(void **state)
{
	char text[512];

	(void)state;
	journal_folder_make(&folder);
	store = (struct journal_store){ .peers = NULL };
	assert_int_equal(journal_file_open(folder.path, &file, text, sizeof text), JOURNAL_CREATED);
	assert_true(journal_file_begin_run(file, NOW - 10, false, NULL, 0, text, sizeof text));
	assert_int_equal(journal_store_open(&store, file), SQLITE_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	journal_store_close(&store);
	journal_file_close(file);
	free(store.peers);
	journal_folder_remove(&folder);
	return 0;
}

static void write_batch(struct journal_batch *batch)
{
	static const atomic_bool abandon;

	assert_int_equal(journal_store_batch(&store, batch, &abandon), SQLITE_OK);
	batch_free(batch);
}

/* The one row, as SQLite quotes it, of a statement. */
static char *row_of(const char *sql)
{
	static char found[1024];
	char text[256];
	sqlite3 *db = journal_read_open(folder.path, text, sizeof text);
	sqlite3_stmt *statement;

	assert_non_null(db);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	snprintf(found, sizeof found, "%s",
		sqlite3_column_text(statement, 0) != NULL
			? (const char *)sqlite3_column_text(statement, 0)
			: "NULL");
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return found;
}

static void path6(struct journal_batch *batch, uint32_t number, uint8_t last, uint64_t attrs)
{
	batch_path(batch, number, attrs != 0, 0, attrs);
	struct journal_path_row *row = &batch->paths.rows[batch->paths.count - 1];

	row->family = FAMILY_IPV6_UNICAST;
	if (attrs == 0)
		return;
	row->length = 128;
	memcpy(row->bytes, (uint8_t[16]){ 0x20, 1, [15] = last }, 16);
}

/* Of a number that is told more than once in a batch the last time counts. */
static void test_the_later_row_counts(void **state)
{
	struct journal_batch *batch = batch_at(NOW);

	(void)state;
	batch_peer(batch, 1, 1, 0);
	for (uint64_t id = 1; id <= 3; id++)
		batch_attrs(batch, id);
	batch_path(batch, 1, 1, 100, 1); /* comes and goes */
	batch_path(batch, 2, 1, 101, 2);
	batch_path(batch, 1, 0, 0, 0);
	batch_path(batch, 2, 0, 0, 0); /* goes and comes back */
	batch_path(batch, 3, 0, 0, 0);
	batch_path(batch, 2, 1, 102, 3);
	batch_path(batch, 4, 1, 103, 1);
	batch_path(batch, 4, 1, 103, 2); /* changes */
	path6(batch, 4, 7, 3); /* the other family's 4 */
	path6(batch, 5, 8, 3);
	path6(batch, 5, 0, 0);
	write_batch(batch);
	assert_string_equal(row_of("SELECT group_concat((id >> 32) || ':' || (id & 0xffffffff) ||"
				   " '=' || hex(prefix) || '*' || attrs, ' ')"
				   " FROM (SELECT * FROM path ORDER BY id)"),
		"0:2=000A00660018*3 0:4=000A00670018*2"
		" 1:4=012001000000000000000000000000000780*3");
}

/* Changes of one prefix at one time stay in their order, within a batch and from batch to batch. */
static void test_changes_of_one_time(void **state)
{
	static const char ordered[] =
		"SELECT group_concat(hex(prefix) || '@' || (time - %lld) || '=' ||"
		" coalesce(attrs, 'none'), ' ') FROM"
		" (SELECT * FROM history ORDER BY prefix, time, sequence)";
	struct journal_batch *batch = batch_at(NOW);
	char *sql = sqlite3_mprintf(ordered, (long long)NOW);

	(void)state;
	batch_peer(batch, 1, 1, 0);
	for (uint64_t id = 1; id <= 3; id++)
		batch_attrs(batch, id);
	batch_history(batch, NOW, 1, 5, 3);
	batch_history(batch, NOW, 1, 4, 1);
	batch_history(batch, NOW, 1, 5, 0);
	batch_history(batch, NOW, 1, 5, 1);
	batch_history(batch, NOW + 1, 1, 5, 2);
	write_batch(batch);
	batch = batch_at(NOW);
	batch_history(batch, NOW, 1, 5, 3); /* the clock was set back */
	batch_history(batch, NOW, 1, 5, 2);
	batch_history(batch, NOW, 1, 4, 0);
	write_batch(batch);
	assert_string_equal(row_of(sql), "000A00040018@0=1 000A00040018@0=none"
					 " 000A00050018@0=3 000A00050018@0=none 000A00050018@0=1"
					 " 000A00050018@0=3 000A00050018@0=2 000A00050018@1=2");
	sqlite3_free(sql);
}

static void change6(struct journal_batch *batch, uint8_t bit63, uint8_t last, uint8_t length)
{
	const struct journal_history_run head = {
		.time = NOW, .attrs = 1, .peer = 1, .family = FAMILY_IPV6_UNICAST
	};

	batch_history(batch, NOW, 1, 0, 1); /* the families take turns */
	struct best_row *row = history_row(batch->history, &head);

	assert_non_null(row);
	row->length = length;
	memcpy(row->bytes, (uint8_t[16]){ 0xfd, [7] = bit63, [15] = last }, 16);
	batch->n_history++;
}

/* Prefixes that differ late are not taken for one: only those of one are numbered. */
static void test_prefixes_that_differ_late(void **state)
{
	struct journal_batch *batch = batch_at(NOW);

	(void)state;
	batch_peer(batch, 1, 1, 0);
	batch_attrs(batch, 1);
	for (unsigned round = 0; round < 3; round++) {
		for (uint8_t n = 0; n < 8; n++)
			change6(batch, n & 1, n >> 1 & 1, 127 + (n >> 2));
	}
	write_batch(batch);
	assert_int_equal(ask(folder.path, "SELECT count(DISTINCT prefix) FROM history"), 9);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM history"), 48);
	assert_int_equal(ask(folder.path, "SELECT max(sequence) FROM history"
					  " WHERE substr(prefix, 1, 1) = x'01'"),
		2);
	assert_int_equal(ask(folder.path, "SELECT max(sequence) FROM history"
					  " WHERE substr(prefix, 1, 1) = x'00'"),
		23);
}

/* Whatever they come in, and however long the list: each value is in its column. */
static void test_each_value_in_its_column(void **state)
{
	enum { ROWS = 1000 };
	struct journal_batch *batch = batch_at(NOW);

	(void)state;
	batch_peer(batch, 1, 1, 0);
	batch_attrs(batch, 1);
	for (uint32_t n = 0; n < ROWS; n++) {
		batch_history(batch, NOW + n / 7, 1, (n * 7919) % ROWS, n % 3 == 0 ? 0 : 1);
		batch_path(batch, n, 1, n, 1);
	}
	write_batch(batch);
	assert_string_equal(row_of("SELECT hex(next_hop) || ' ' || length(bytes) || ' ' ||"
				   " coalesce(dead, 'alive') FROM attrs"),
		"C0000201 9 alive");
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM history WHERE path_id = 0 AND"
					  " peer = 1 AND cause = iif(attrs IS NULL, 2, 0)"),
		ROWS);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM path WHERE peer = 1 AND"
					  " attrs = 1 AND path_id = id % 3"),
		ROWS);
	/* what the connection that writes calls its lists, no other sees */
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM sqlite_master"
					  " WHERE name LIKE 'feed%'"),
		0);
}

/*
 * Rows all over a large table: what SQLite keeps of the pages while it is fed must not grow with
 * the batch.
 */
static void test_memory_of_a_spread_batch(void **state)
{
	enum { ROWS = 400000, FILL = 50000, SPREAD = 20000 };
	struct journal_batch *batch = NULL;
	sqlite3_int64 before;

	(void)state;
	assert_int_equal(journal_sql_run(file->db, "PRAGMA cache_size = -1024"), SQLITE_OK);
	for (uint32_t n = 0; n < ROWS; n++) {
		if (n % FILL == 0)
			batch = batch_at(NOW + n);
		batch_history(batch, NOW + n, 1, n, 0);
		if (n % FILL == FILL - 1)
			write_batch(batch);
	}
	batch = batch_at(NOW + ROWS);
	for (uint32_t n = 0; n < SPREAD; n++)
		batch_history(batch, NOW + ROWS, 1, n * (ROWS / SPREAD), 0);
	before = sqlite3_memory_used();
	(void)sqlite3_memory_highwater(1);
	write_batch(batch);
	assert_in_range(sqlite3_memory_highwater(0) - before, 0, 4 << 20);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM history"), ROWS + SPREAD);
}

/* SQLite's own, but that one allocation fails. */
static sqlite3_mem_methods allocator;
static unsigned fails_in; /* 0: none is to */
static bool failed;

static bool fails(void)
{
	if (fails_in == 0 || --fails_in > 0)
		return false;
	failed = true;
	return true;
}

static void *allocate(int size)
{
	return fails() ? NULL : allocator.xMalloc(size);
}

static void *reallocate(void *memory, int size)
{
	return fails() ? NULL : allocator.xRealloc(memory, size);
}

/* Wherever memory runs out: it is tried again on the same connection, the file is not set aside. */
static void test_memory_runs_out(void **state)
{
	static const atomic_bool abandon;
	unsigned n = 0;

	(void)state;
	do {
		struct journal_batch *batch = batch_at(NOW + n);
		int result;

		batch_peer(batch, 1, 1, 0);
		batch_attrs(batch, ++n);
		batch_path(batch, n, 1, n, n);
		batch_path(batch, n + 1, 0, 0, 0);
		batch_history(batch, NOW + n, 1, n, n);
		failed = false;
		journal_store_close(&store);
		fails_in = n;
		result = journal_store_open(&store, file);
		if (result == SQLITE_OK)
			result = journal_store_batch(&store, batch, &abandon);
		fails_in = 0;
		if (result != SQLITE_OK) {
			assert_true(failed);
			assert_int_equal(journal_fault_of(result), JOURNAL_FAULT_RETRY);
			journal_store_close(&store);
			assert_int_equal(journal_store_open(&store, file), SQLITE_OK);
			assert_int_equal(journal_store_batch(&store, batch, &abandon), SQLITE_OK);
		}
		batch_free(batch);
	} while (failed);
	assert_true(n > 100);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM attrs"), n);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM path"), n);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM history"), n);
}

static int count_down(void *context)
{
	unsigned *left = context;

	return *left == 0 || --*left == 0;
}

/* Wherever it is given up: nothing of the batch is in the file, and it can be written again. */
static void test_a_batch_is_given_up_half_way(void **state)
{
	static const atomic_bool abandon;
	struct journal_batch *batch = batch_at(NOW);
	unsigned interrupted = 0;
	int result;

	(void)state;
	batch_peer(batch, 1, 1, 0);
	batch_attrs(batch, 1);
	for (uint32_t n = 0; n < 2000; n++) {
		batch_path(batch, n, 1, n, 1);
		batch_history(batch, NOW, 1, n, 1);
	}
	for (unsigned looks = 1;; looks += 7, interrupted++) {
		unsigned left = looks;

		sqlite3_progress_handler(file->db, 1000, count_down, &left);
		result = journal_store_batch(&store, batch, &abandon);
		sqlite3_progress_handler(file->db, 0, NULL, NULL);
		if (result == SQLITE_OK)
			break;
		assert_int_equal(result, SQLITE_INTERRUPT);
		assert_int_equal(ask(folder.path, "SELECT (SELECT count(*) FROM peer) +"
						  " (SELECT count(*) FROM attrs) +"
						  " (SELECT count(*) FROM path) +"
						  " (SELECT count(*) FROM history)"),
			0);
	}
	assert_true(interrupted > 3);
	batch_free(batch);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM path"), 2000);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM history"), 2000);
}

/* Before SQLite is used. */
static void take_the_allocator(void)
{
	sqlite3_mem_methods ours;

	assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &allocator), SQLITE_OK);
	ours = allocator;
	ours.xMalloc = allocate;
	ours.xRealloc = reallocate;
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &ours), SQLITE_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_later_row_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_changes_of_one_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_prefixes_that_differ_late, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_each_value_in_its_column, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_memory_of_a_spread_batch, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_memory_runs_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_batch_is_given_up_half_way, set_up, tear_down),
	};

	take_the_allocator();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
