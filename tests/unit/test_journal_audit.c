/* The chain of the audit trail: what was changed is named. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "rr/journal_audit.h"
#include "rr/journal_store.h"
#include "tests/unit/journal_fixture.h"

#define NOW  UINT64_C(1795311125000000)
#define ROWS 6

static struct journal_folder folder;
static char text[512];

static void append(const char *action, const char *detail)
{
	struct journal_store store = { .peers = NULL };
	struct journal_batch *batch = batch_at(NOW);
	struct journal_file *file;
	atomic_bool abandon = false;

	batch_audit(batch, action, detail);
	assert_true(journal_file_open(folder.path, &file, text, sizeof text) <= JOURNAL_CREATED);
	assert_int_equal(journal_store_open(&store, file), SQLITE_OK);
	assert_int_equal(journal_store_batch(&store, batch, &abandon), SQLITE_OK);
	journal_store_close(&store);
	journal_file_close(file);
	batch_free(batch);
}

static int set_up(void **state)
{
	static const char *const details[ROWS] = { NULL, "", "a", "ab", "\xc3\xa9", "last" };

	(void)state;
	journal_folder_make(&folder);
	for (int i = 0; i < ROWS; i++)
		append(i == 0 ? "start" : "clear peer", details[i]);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	journal_folder_remove(&folder);
	return 0;
}

static struct journal_audit_verdict verify(void)
{
	struct journal_audit_verdict verdict;
	sqlite3 *db = journal_read_open(folder.path, text, sizeof text);

	assert_non_null(db);
	assert_true(journal_audit_verify(db, &verdict, text, sizeof text));
	sqlite3_close(db);
	return verdict;
}

static void test_sound(void **state)
{
	struct journal_audit_verdict verdict = verify();
	/* computed by a few lines of Python from the text of journal_audit.h */
	static const uint8_t head[JOURNAL_HASH_LEN] = { 0xa9, 0x84, 0xd7, 0x91, 0x14, 0xc0, 0x23,
		0x0e, 0xeb, 0xb5, 0xd5, 0xad, 0xd7, 0xa8, 0x60, 0x53, 0x33, 0x27, 0xcb, 0x06, 0x17,
		0x4e, 0xf7, 0xac, 0xc0, 0x23, 0x18, 0x31, 0x82, 0x12, 0xa1, 0xa5 };

	(void)state;
	assert_true(verdict.sound && verdict.rows == ROWS && verdict.bad == 0);
	assert_string_equal(verdict.reason, "");
	assert_memory_equal(verdict.head, head, sizeof head);
}

static void test_empty(void **state)
{
	struct journal_audit_verdict verdict;

	(void)state;
	meddle(folder.path, "DELETE FROM audit; DELETE FROM meta");
	verdict = verify();
	assert_true(verdict.sound && verdict.rows == 0);
}

static void test_each_change_is_named(void **state)
{
	static const struct {
		const char *sql;
		uint64_t bad;
		const char *reason;
	} cases[] = {
		{ "UPDATE audit SET detail = 'b' WHERE id = 3", 3, "hash" },
		{ "UPDATE audit SET detail = NULL WHERE id = 2", 2, "hash" },
		{ "UPDATE audit SET detail = '' WHERE id = 1", 1, "hash" },
		/* the same bytes, parted elsewhere */
		{ "UPDATE audit SET action = 'clear peera', detail = '' WHERE id = 3", 3, "hash" },
		{ "UPDATE audit SET time = time + 1 WHERE id = 4", 4, "hash" },
		{ "UPDATE audit SET who = 'toor' WHERE id = 6", 6, "hash" },
		{ "UPDATE audit SET detail = CAST(detail AS BLOB) WHERE id = 5", 5, "type" },
		{ "UPDATE audit SET hash = zeroblob(32) WHERE id = 2", 2, "hash" },
		{ "UPDATE audit SET hash = x'00' WHERE id = 2", 2, "type" },
		{ "DELETE FROM audit WHERE id = 1", 1, "missing" },
		{ "DELETE FROM audit WHERE id = 4", 4, "missing" },
		{ "DELETE FROM audit WHERE id = 6", 6, "missing" },
		{ "DELETE FROM audit WHERE id > 2", 3, "missing" },
		{ "DELETE FROM audit", 1, "missing" },
		{ "DELETE FROM audit WHERE id = 3; UPDATE audit SET id = id - 1 WHERE id > 3", 3,
			"hash" },
		{ "INSERT INTO audit VALUES (0, 1, 'x', 'y', NULL, zeroblob(32))", 0, "inserted" },
		{ "INSERT INTO audit VALUES (7, 1, 'x', 'y', NULL, zeroblob(32))", 7, "hash" },
		{ "UPDATE meta SET value = zeroblob(32) WHERE key = 'audit_head'", 6, "last" },
		{ "UPDATE meta SET value = 5 WHERE key = 'audit_count'", 6, "somebody else" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct journal_audit_verdict verdict;

		meddle(folder.path, cases[i].sql);
		verdict = verify();
		if (verdict.sound || verdict.bad != cases[i].bad ||
			strstr(verdict.reason, cases[i].reason) == NULL)
			fail_msg("%s: row %d, %s", cases[i].sql, (int)verdict.bad, verdict.reason);
		tear_down(NULL);
		set_up(NULL);
	}
}

static void test_cut_tail_shows_after_more_rows(void **state)
{
	struct journal_audit_verdict verdict;

	(void)state;
	meddle(folder.path, "DELETE FROM audit WHERE id > 4");
	append("start", NULL);
	verdict = verify();
	assert_true(!verdict.sound && verdict.bad == 5);
	assert_string_equal(verdict.reason, "row 5: it is missing");
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(test_sound),
		WITH_FOLDER(test_empty),
		WITH_FOLDER(test_each_change_is_named),
		WITH_FOLDER(test_cut_tail_shows_after_more_rows),
	};

	return cmocka_run_group_tests_name("journal_audit", tests, NULL, NULL);
}
