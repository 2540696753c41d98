/* The journal's file: made, opened, refused, set aside; batches into it and the state out of it. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rr/journal_compact.h"
#include "rr/journal_schema.h"
#include "rr/journal_store.h"
#include "tests/unit/journal_fixture.h"

#define NOW UINT64_C(1795311125000000)

static struct journal_folder folder;
static char text[512];

static int set_up(void **state)
{
	(void)state;
	journal_folder_make(&folder);
	text[0] = '\0';
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	journal_folder_remove(&folder);
	return 0;
}

static struct journal_file *open_as(enum journal_open_result expected)
{
	struct journal_file *file;
	enum journal_open_result result = journal_file_open(folder.path, &file, text, sizeof text);

	if (result != expected)
		print_message("%s\n", text);
	assert_int_equal(result, expected);
	return file;
}

/* Writes the batch and frees it. */
static void write_batch(struct journal_file *file, struct journal_batch *batch)
{
	struct journal_store store = { .peers = NULL };
	atomic_bool abandon = false;

	assert_int_equal(journal_store_open(&store, file), SQLITE_OK);
	assert_int_equal(journal_store_batch(&store, batch, &abandon), SQLITE_OK);
	journal_store_close(&store);
	free(store.peers);
	batch_free(batch);
}

/* Two peers, three sets, four paths, and something of everything else. */
static struct journal_batch *sample(void)
{
	struct journal_batch *batch = batch_at(NOW);

	batch_peer(batch, 1, 1, 0);
	batch_peer(batch, 2, 2, NOW - 5);
	for (uint64_t id = 1; id <= 3; id++)
		batch_attrs(batch, id);
	batch_path(batch, 1, 1, 100, 1);
	batch_path(batch, 2, 1, 101, 2);
	batch_path(batch, 5, 2, 100, 2);
	batch_path(batch, 9, 2, 102, 3);
	batch_history(batch, NOW - 3, 1, 101, 2);
	batch_history(batch, NOW - 2, 2, 100, 1);
	batch_event(batch, 1, "bye \xe2\x98\x95");
	batch_config(batch, "router: { as: 64512 }\n");
	batch_audit(batch, "start", NULL);
	*journal_batch_append(&batch->gaps) = (struct journal_gap_row){ NOW - 9, NOW - 8, 77 };
	return batch;
}

static void test_state_comes_back(void **state)
{
	struct journal_file *file = open_as(JOURNAL_CREATED);
	struct journal_batch *batch;
	struct loaded loaded = { 0 };

	(void)state;
	assert_true(load_all(file, NOW, &loaded, text, sizeof text));
	assert_true(loaded.begun == 1 && loaded.age == UINT64_MAX && loaded.next_peer == 1);
	assert_int_equal(loaded.last_attrs + loaded.peers + loaded.attrs + loaded.paths, 0);
	assert_true(journal_file_begin_run(file, NOW - 10, false, NULL, 0, text, sizeof text));
	write_batch(file, sample());
	journal_file_close(file);

	file = open_as(JOURNAL_OPENED);
	assert_true(load_all(file, NOW + 1500000, &loaded, text, sizeof text));
	assert_string_equal(text, "");
	assert_int_equal(loaded.age, 1500000);
	assert_int_equal(loaded.next_peer, 3);
	assert_int_equal(loaded.last_attrs, 3);
	assert_true(loaded.peers == 2 && loaded.attrs == 3 && loaded.paths == 4);
	assert_true(loaded.peer.id == 2 && loaded.peer.as == 4200000000u &&
		    loaded.peer.bgp_id == 0xc0000202u && loaded.peer.families == FAMILIES_ALL &&
		    loaded.peer.add_path_receive == 1 && loaded.peer.down_at == NOW - 5);
	assert_true(loaded.path.number == 9 && loaded.path.peer == 2 && loaded.path.attrs == 3 &&
		    loaded.path.length == 24 && loaded.path.path_id == 0);
	assert_memory_equal(loaded.path.bytes, ((uint8_t[16]){ 10, 0, 102, 0 }), 16);

	batch = batch_at(NOW + 20); /* changed, gone, never there; a set dies */
	batch_path(batch, 1, 2, 107, 3);
	batch_path(batch, 2, 0, 0, 0);
	batch_path(batch, 77, 0, 0, 0);
	batch->whole = true;
	assert_true(journal_batch_append_gone(batch, 1));
	write_batch(file, batch);
	assert_true(load_all(file, NOW + 20, &loaded, text, sizeof text));
	assert_true(loaded.age == 0 && loaded.attrs == 2 && loaded.paths == 3);
	assert_int_equal(loaded.last_attrs, 3); /* not given again though it is dead */
	loaded.stop_after = 4;
	assert_false(load_all(file, NOW, &loaded, text, sizeof text));
	assert_string_equal(text, "");
	assert_int_equal(loaded.peers + loaded.attrs + loaded.paths, 4);
	/* what was not handed over must not come back at the next start */
	assert_true(journal_file_begin_run(file, NOW + 30, true, NULL, 0, text, sizeof text));
	loaded.stop_after = 0;
	assert_true(load_all(file, NOW, &loaded, text, sizeof text));
	assert_int_equal(loaded.attrs + loaded.paths, 0);
	journal_file_close(file);
}

/* A link stays a link: what is on another disk stays there. */
static void test_a_link(void **state)
{
	char link[200], name[400];
	uint64_t before, after;
	struct journal_file *file;
	struct stat status;

	(void)state;
	journal_file_close(open_as(JOURNAL_CREATED));
	assert_int_equal(mkdtemp(strcpy(link, "/tmp/journal-link-XXXXXX")) == NULL, 0);
	strcat(link, "/link.db");
	assert_int_equal(symlink(folder.path, link), 0);
	assert_true(journal_file_compact(link, &before, &after, text, sizeof text));
	assert_true(lstat(link, &status) == 0 && S_ISLNK(status.st_mode));
	meddle(folder.path, "PRAGMA application_id = 7");
	assert_int_equal(journal_file_open(link, &file, text, sizeof text), JOURNAL_SET_ASIDE);
	assert_true(lstat(link, &status) == 0 && S_ISLNK(status.st_mode));
	assert_true(journal_folder_find(&folder, "foreign", name));
	journal_file_close(file);
	unlink(link);
	*strrchr(link, '/') = '\0';
	assert_int_equal(rmdir(link), 0); /* nothing else is in it */
}

/* A daemon that is killed while history waits leaves a gap, which is said once. */
static void test_history_that_was_behind(void **state)
{
	struct journal_file *file = open_as(JOURNAL_CREATED);
	struct journal_batch *batch = sample();

	(void)state;
	assert_false(journal_file_is_behind(file));
	batch->behind = (struct journal_gap_row){ .from = NOW - 7, .to = NOW, .rows = 5 };
	write_batch(file, batch);
	assert_true(journal_file_is_behind(file));
	for (unsigned n = 0; n < 2; n++) {
		assert_true(
			journal_file_begin_run(file, NOW + 30, true, NULL, 0, text, sizeof text));
		assert_false(journal_file_is_behind(file));
		assert_int_equal(
			ask(folder.path, "SELECT count(*) FROM gap"), 2); /* and sample's */
		assert_int_equal(
			ask(folder.path, "SELECT lost FROM gap WHERE since = 1795311124999993"
					 " AND until = 1795311125000000"),
			5);
	}
	batch = sample();
	batch->behind = (struct journal_gap_row){ .from = NOW - 7, .to = NOW, .rows = 5 };
	write_batch(file, batch);
	write_batch(file, batch_at(NOW + 1)); /* caught up */
	assert_false(journal_file_is_behind(file));
	journal_file_close(file);
}

/* One row for many numbers that have no path any more: those alone go. */
static void test_neighbors_go_together(void **state)
{
	static const struct {
		uint32_t number, more;
	} gone[] = { { 100, 1 }, { 100, 2 }, { 100, 64 }, { 100, 65 }, { 100, 127 }, { 100, 128 },
		{ 300, 7 }, { 300, 9 }, { 400, 0 } };
	struct journal_file *file = open_as(JOURNAL_CREATED);
	struct journal_batch *batch = sample();
	struct loaded loaded = { 0 };
	uint32_t number = 0;

	(void)state;
	for (uint32_t n = 100; n < 500; n++)
		batch_path(batch, n, 1, n, 1);
	write_batch(file, batch);
	assert_true(load_all(file, NOW, &loaded, text, sizeof text));
	assert_int_equal(loaded.paths, 404);
	batch = batch_at(NOW + 20);
	for (size_t i = 0; i < ARRAY_LEN(gone); i++) {
		if (gone[i].number != number)
			batch_path(batch, gone[i].number, 0, 0, 0);
		number = gone[i].number;
		if (gone[i].more == 0)
			continue;
		batch->paths.rows[batch->paths.count - 1]
			.gone[(gone[i].more - 1) / 64] |= (uint64_t)1 << (gone[i].more - 1) % 64;
		batch->n_more_gone++;
	}
	batch_path(batch, 101, 1, 101, 1); /* came back in the same batch */
	assert_int_equal(journal_batch_count(batch), 12);
	write_batch(file, batch);
	assert_true(load_all(file, NOW + 20, &loaded, text, sizeof text));
	assert_int_equal(loaded.paths, 404 - 11 + 1);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM path WHERE id IN"
					  " (100, 102, 164, 165, 227, 228, 300, 307, 309, 400)"),
		0);
	assert_int_equal(
		ask(folder.path, "SELECT count(*) FROM path WHERE id IN"
				 " (101, 103, 163, 166, 226, 229, 299, 301, 308, 399, 401)"),
		11);
	journal_file_close(file);
}

/*
 * Sets that die while path rows still name them are there at the next start, though the clock was
 * set back, or stands since it was.
 */
static void test_sets_outlive_the_clock(void **state)
{
	static const uint64_t back[] = { 0, UINT64_C(3600000000) };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(back); i++) {
		struct journal_file *file = open_as(i == 0 ? JOURNAL_CREATED : JOURNAL_OPENED);
		struct journal_batch *batch = sample();
		struct loaded loaded = { 0 };

		batch->whole = true;
		write_batch(file, batch);
		batch = batch_at(NOW - back[i]);
		batch->whole = false;
		assert_true(journal_batch_append_gone(batch, 2));
		write_batch(file, batch);
		assert_true(load_all(file, NOW, &loaded, text, sizeof text));
		assert_int_equal(loaded.attrs, 3);
		/* not longer than they have to */
		batch = batch_at(NOW + 1000);
		batch_path(batch, 2, 1, 101, 1);
		batch_path(batch, 5, 2, 100, 1);
		batch->whole = true;
		write_batch(file, batch);
		assert_true(load_all(file, NOW, &loaded, text, sizeof text));
		assert_int_equal(loaded.attrs, 2);
		journal_file_close(file);
	}
}

static void test_second_daemon_is_refused(void **state)
{
	struct journal_file *file = open_as(JOURNAL_CREATED), *other;
	char reader_text[256], expected[200];
	sqlite3 *reader;

	(void)state;
	assert_null(open_as(JOURNAL_REFUSED));
	snprintf(expected, sizeof expected, "%s is in use by another process (PID %ld", folder.path,
		(long)getpid());
	assert_memory_equal(text, expected, strlen(expected));
	/* readers are not */
	reader = journal_read_open(folder.path, reader_text, sizeof reader_text);
	assert_non_null(reader);
	sqlite3_close(reader);
	journal_file_close(file);
	other = open_as(JOURNAL_OPENED);
	journal_file_close(other);
}

static void test_newer_schema_is_refused(void **state)
{
	char expected[300];

	(void)state;
	journal_file_close(open_as(JOURNAL_CREATED));
	meddle(folder.path, "PRAGMA user_version = 7");
	assert_null(open_as(JOURNAL_REFUSED));
	snprintf(expected, sizeof expected,
		"found schema version 7 in %s, expected %d at most: it was made by a newer "
		"heliostatd; run that one, or move the file away",
		folder.path, JOURNAL_SCHEMA);
	assert_string_equal(text, expected);
	assert_null(journal_read_open(folder.path, text, sizeof text));
	assert_non_null(strstr(text, "found schema version 7, expected 1"));
	/* untouched, and not locked by us */
	meddle(folder.path, "PRAGMA user_version = 1");
	journal_file_close(open_as(JOURNAL_OPENED));
}

/* A new file was begun, and the old one is beside it with its bytes. */
static void expect_set_aside(const char *part, off_t size)
{
	struct journal_file *file = open_as(JOURNAL_SET_ASIDE);
	struct stat status;
	char name[400];

	assert_true(journal_folder_find(&folder, part, name));
	assert_non_null(strstr(text, name));
	assert_int_equal(stat(name, &status), 0);
	assert_int_equal(status.st_size, size);
	write_batch(file, sample());
	journal_file_close(file);
	journal_file_close(open_as(JOURNAL_OPENED));
}

static off_t write_junk(size_t size)
{
	FILE *junk = fopen(folder.path, "w");

	assert_non_null(junk);
	for (size_t i = 0; i < size; i++)
		putc("not a journal "[i % 14], junk);
	fclose(junk);
	return (off_t)size;
}

static void test_file_that_is_no_database(void **state)
{
	(void)state;
	expect_set_aside("journal.db.foreign-", write_junk(5000));
}

static void test_short_file(void **state)
{
	(void)state;
	expect_set_aside("journal.db.foreign-", write_junk(10));
}

static void test_database_of_another_program(void **state)
{
	struct stat status;

	(void)state;
	meddle(folder.path, "CREATE TABLE mine (x); PRAGMA application_id = 77");
	assert_int_equal(stat(folder.path, &status), 0);
	assert_null(journal_read_open(folder.path, text, sizeof text));
	assert_non_null(strstr(text, "application_id 77"));
	expect_set_aside("journal.db.foreign-", status.st_size);
}

static void test_journal_without_a_table(void **state)
{
	struct stat status;

	(void)state;
	journal_file_close(open_as(JOURNAL_CREATED));
	meddle(folder.path, "DROP TABLE history");
	assert_int_equal(stat(folder.path, &status), 0);
	assert_null(journal_read_open(folder.path, text, sizeof text));
	assert_non_null(strstr(text, "no such table: history"));
	expect_set_aside("journal.db.corrupt-", status.st_size);
}

static void test_empty_file_is_begun(void **state)
{
	(void)state;
	write_junk(0);
	journal_file_close(open_as(JOURNAL_CREATED));
	journal_file_close(open_as(JOURNAL_OPENED));
}

static void test_folder_is_made(void **state)
{
	struct journal_file *file;
	char path[200], name[210];
	struct stat status;

	(void)state;
	snprintf(path, sizeof path, "%s/sub/journal.db", folder.folder);
	assert_int_equal(journal_file_open(path, &file, text, sizeof text), JOURNAL_CREATED);
	journal_file_close(file);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	unlink(path);
	snprintf(name, sizeof name, "%s.lock", path);
	unlink(name);
	/* but not more than one */
	snprintf(path, sizeof path, "%s/no/sub/journal.db", folder.folder);
	assert_int_equal(journal_file_open(path, &file, text, sizeof text), JOURNAL_UNAVAILABLE);
	assert_non_null(strstr(text, "No such file or directory"));
	assert_false(journal_file_begin_run(file, NOW, false, NULL, 0, text, sizeof text));
	journal_file_close(file);
}

static void test_run_drops_what_was_not_restored(void **state)
{
	struct journal_file *file = open_as(JOURNAL_CREATED);
	struct journal_batch *batch;
	struct loaded loaded = { 0 };

	(void)state;
	write_batch(file, sample());
	/* set 2 dies although paths name it: their rows had not been written yet */
	batch = batch_at(NOW + 9);
	batch->whole = false;
	assert_true(journal_batch_append_gone(batch, 2));
	write_batch(file, batch);
	assert_true(load_all(file, NOW, &loaded, text, sizeof text));
	assert_int_equal(loaded.attrs, 3);
	assert_true(journal_file_begin_run(
		file, NOW + 20, true, (uint32_t[]){ 1 }, 1, text, sizeof text));
	assert_true(load_all(file, NOW, &loaded, text, sizeof text));
	assert_int_equal(loaded.paths, 2);
	assert_int_equal(loaded.path.peer, 2);
	assert_int_equal(loaded.attrs, 3);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM attrs WHERE dead NOT NULL"), 0);
	assert_int_equal(ask(folder.path, "SELECT down_at FROM peer WHERE id = 1"), NOW + 20);
	assert_int_equal(ask(folder.path, "SELECT down_at FROM peer WHERE id = 2"), NOW - 5);
	assert_int_equal(ask(folder.path, "SELECT restored FROM run"), 1);
	assert_int_equal(ask(folder.path, "SELECT alive_at FROM run"), NOW + 9);
	assert_true(journal_file_begin_run(file, NOW + 30, false, NULL, 0, text, sizeof text));
	assert_true(load_all(file, NOW, &loaded, text, sizeof text));
	assert_int_equal(loaded.paths + loaded.attrs, 0);
	assert_true(loaded.peers == 2 && loaded.last_attrs == 3 && loaded.next_peer == 3);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM history"), 2);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM attrs WHERE dead"), 3);
	journal_file_close(file);
}

static void test_rows_that_make_no_sense(void **state)
{
	struct journal_file *file = open_as(JOURNAL_CREATED);
	struct loaded loaded = { 0 };

	(void)state;
	write_batch(file, sample());
	meddle(folder.path, "INSERT INTO path VALUES (20, 1, x'000a000000', 0, 1)," /* too short */
			    "(21, 1, x'000a0000010a', 0, 1)," /* bits behind the length */
			    "(22, 1, x'000a00000021', 0, 1)," /* too long */
			    "(23, 1, x'050a00000008', 0, 1)," /* family */
			    "(4294967320, 1, x'000a00000008', 0, 1)," /* not that of the ID */
			    "(24, -1, x'000a00000008', 0, 1), (25, 'x', x'000a00000008', 0, 1),"
			    "(26, 1, 'text', 0, 1), (27, 1, x'000a00000008', 99999999999, 1),"
			    "(28, 1, x'000a00000008', 0, 0), (-1, 1, x'000a00000008', 0, 1);"
			    "INSERT INTO peer VALUES (0, x'01020304', 1, 1, 1, 0, 0),"
			    "(8, x'010203', 1, 1, 1, 0, 0), (9, x'01020305', 1, 1, 255, 0, 0)");
	assert_true(load_all(file, NOW, &loaded, text, sizeof text));
	assert_string_equal(text, "14 rows of the state made no sense and were dropped");
	assert_true(loaded.peers == 2 && loaded.attrs == 3 && loaded.paths == 4);
	assert_true(journal_file_begin_run(file, NOW, true, NULL, 0, text, sizeof text));
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM path"), 4);
	assert_true(load_all(file, NOW, &loaded, text, sizeof text));
	assert_non_null(strstr(text, "3 rows")); /* of peers, which stay */
	journal_file_close(file);
}

/* Spoils the pages of a table behind the first one. */
static void spoil_pages(int64_t first)
{
	FILE *file = fopen(folder.path, "r+");

	assert_non_null(file);
	fseek(file, first * 4096, SEEK_SET);
	for (int i = 0; i < 40 * 4096; i++)
		putc(0xee, file);
	fclose(file);
}

static void test_corrupt_state_is_set_aside_by_loading(void **state)
{
	struct journal_file *file = open_as(JOURNAL_CREATED);
	struct journal_batch *batch = batch_at(NOW);
	struct loaded loaded = { 0 };
	char name[400];

	(void)state;
	batch_peer(batch, 1, 1, 0);
	batch_attrs(batch, 1);
	for (uint32_t i = 1; i < 20000; i++)
		batch_path(batch, i, 1, i, 1);
	write_batch(file, batch);
	journal_file_close(file);
	spoil_pages(30);
	file = open_as(JOURNAL_OPENED);
	assert_false(load_all(file, NOW, &loaded, text, sizeof text));
	assert_true(journal_folder_find(&folder, "journal.db.corrupt-", name));
	assert_non_null(strstr(text, name));
	/* what the caller kept of it is not in the new file: that is a run that did not restore */
	assert_true(journal_file_begin_run(file, NOW, true, NULL, 0, text, sizeof text));
	assert_int_equal(ask(folder.path, "SELECT restored FROM run"), 0);
	write_batch(file, sample());
	assert_true(load_all(file, NOW, &loaded, text, sizeof text));
	assert_int_equal(loaded.paths, 4);
	journal_file_close(file);
}

static void test_keys_of_prefixes(void **state)
{
	static const char *const order[] = { "0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/9", "10.0.0.0/32",
		"10.128.0.0/9", "10.255.255.255/32", "11.0.0.0/8", "::/0", "2001:db8::/32",
		"2001:db8::/64", "2001:db8:ffff::/48", "2001:db9::/32" };
	uint8_t key[JOURNAL_PREFIX_KEY_MAX], before[JOURNAL_PREFIX_KEY_MAX],
		last[JOURNAL_PREFIX_KEY_MAX];
	struct prefix prefix, back, outer;

	(void)state;
	memset(before, 0, sizeof before);
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		assert_true(prefix_parse(order[i], false, &prefix));
		memset(key, 0, sizeof key);
		size_t len = journal_prefix_key(
			(enum family)prefix.family, prefix.length, prefix.bytes, key);

		assert_int_equal(len, prefix.family == FAMILY_IPV4_UNICAST ? 6 : 18);
		assert_true(i == 0 || memcmp(before, key, sizeof key) < 0);
		memcpy(before, key, sizeof key);
		assert_true(journal_prefix_from_key((struct span){ key, len }, &back));
		assert_true(prefix_equal(&back, &prefix));
		for (size_t j = 0; j < ARRAY_LEN(order); j++) {
			uint8_t first[JOURNAL_PREFIX_KEY_MAX] = { 0 };

			assert_true(prefix_parse(order[j], false, &outer));
			memset(last, 0, sizeof last);
			journal_prefix_key(
				(enum family)outer.family, outer.length, outer.bytes, first);
			journal_prefix_last_key(&outer, last);
			assert_int_equal(prefix_covers(&outer, &prefix),
				memcmp(key, first, sizeof key) >= 0 &&
					memcmp(key, last, sizeof key) <= 0);
		}
	}
}

static void test_compacting_at_rest(void **state)
{
	struct journal_file *file = open_as(JOURNAL_CREATED);
	struct journal_batch *batch = batch_at(NOW);
	uint64_t before, after;
	sqlite3 *reader;

	(void)state;
	batch_peer(batch, 1, 1, 0);
	for (uint32_t i = 1; i < 20000; i++) {
		batch_attrs(batch, i);
		batch_path(batch, i, 1, i, i);
	}
	batch_audit(batch, "start", NULL);
	write_batch(file, batch);
	assert_false(journal_file_compact(folder.path, &before, &after, text, sizeof text));
	assert_non_null(strstr(text, "in use by another process"));
	assert_true(journal_file_begin_run(file, NOW, false, NULL, 0, text, sizeof text));
	journal_file_close(file);
	meddle(folder.path, "DELETE FROM attrs WHERE id > 100");

	reader = journal_read_open(folder.path, text, sizeof text);
	assert_int_equal(
		sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM attrs", NULL, NULL, NULL),
		SQLITE_OK);
	assert_false(journal_file_compact(folder.path, &before, &after, text, sizeof text));
	assert_non_null(strstr(text, "locked by another process"));
	sqlite3_close(reader);

	if (!journal_file_compact(folder.path, &before, &after, text, sizeof text))
		fail_msg("%s", text);
	assert_true(before > 1000000 && after < 100000);
	assert_int_equal(ask(folder.path, "SELECT count(*) FROM attrs"), 100);
	file = open_as(JOURNAL_OPENED);
	write_batch(file, sample());
	journal_file_close(file);
	assert_int_equal(ask(folder.path, "PRAGMA auto_vacuum"), 2);

	/* what is no journal is left alone */
	unlink(folder.path);
	write_junk(100);
	assert_false(journal_file_compact(folder.path, &before, &after, text, sizeof text));
	assert_false(journal_folder_find(&folder, "foreign", text));
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(test_state_comes_back),
		WITH_FOLDER(test_a_link),
		WITH_FOLDER(test_history_that_was_behind),
		WITH_FOLDER(test_neighbors_go_together),
		WITH_FOLDER(test_sets_outlive_the_clock),
		WITH_FOLDER(test_second_daemon_is_refused),
		WITH_FOLDER(test_newer_schema_is_refused),
		WITH_FOLDER(test_file_that_is_no_database),
		WITH_FOLDER(test_short_file),
		WITH_FOLDER(test_database_of_another_program),
		WITH_FOLDER(test_journal_without_a_table),
		WITH_FOLDER(test_empty_file_is_begun),
		WITH_FOLDER(test_folder_is_made),
		WITH_FOLDER(test_run_drops_what_was_not_restored),
		WITH_FOLDER(test_rows_that_make_no_sense),
		WITH_FOLDER(test_corrupt_state_is_set_aside_by_loading),
		WITH_FOLDER(test_keys_of_prefixes),
		WITH_FOLDER(test_compacting_at_rest),
	};

	return cmocka_run_group_tests_name("journal_file", tests, NULL, NULL);
}
