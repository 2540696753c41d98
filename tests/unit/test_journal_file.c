/* The journal's file: made, opened, refused, set aside; batches into it and the state out of it. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rr/journal_audit.h"
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
	journal_file_close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_state_comes_back, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("journal_file", tests, NULL, NULL);
}
