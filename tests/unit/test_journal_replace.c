/*
 * rr/journal.c where another RIB takes the place of the one that is: the history of the one before
 * comes first, its sets go with it, and the file knows when the new one began.
 */
#include "tests/unit/journal_fake.h"

static struct rib *another_rib(void)
{
	const struct rib_parameters parameters = { .as = OUR_AS, .router_id = 7, .cluster_id = 7 };
	struct rib *rib = rib_new(&parameters, (const uint8_t *)"another hash key");

	assert_non_null(rib);
	return rib;
}

/* As a reload that changes the AS does it. */
static void replace_rib(struct rib *rib)
{
	assert_true(journal_prepare_rib(fake.journal, rib));
	journal_replace_rib(fake.journal, rib);
	rib_retire(&fake.reflector.retired, fake.reflector.rib);
	fake.rib.rib = fake.reflector.rib = rib;
}

/* False when one that was replaced is held yet. */
static bool free_retired(void)
{
	while (rib_retired_free_part(&fake.reflector.retired))
		;
	return fake.reflector.retired == NULL;
}

/* The table is a new one, while batches with sets of the old are on their way. */
static void test_another_rib(void **state)
{
	struct speaker *speaker = speaker_up(&fake.rib, 0, ROLE_CLIENT);
	struct rib *rib = another_rib();

	(void)state;
	announce_many(speaker, 300, 0);
	write_all();
	announce_many(speaker, 300, 100);
	(void)journal_flushed(fake.journal);
	turns();
	assert_int_equal(fake.queued, 1);
	announce_many(speaker, 300, 200);
	speaker_down(speaker);
	replace_rib(rib);
	assert_false(free_retired());
	/* The new one has paths and history at once, which must not get into batches of the old. */
	speaker = speaker_up(&fake.rib, 1, ROLE_CLIENT);
	announce_many(speaker, 300, 300);
	take_off(true);
	for (size_t n = 0; n < 1000 && fake.emptied == 0; n++) {
		(void)journal_run(fake.journal, monotonic_us(), 1000);
		(void)journal_flushed(fake.journal);
		if (fake.queued > 0) {
			const struct journal_batch *batch = fake.queue[0];

			assert_true((batch->rib == rib) == (batch->emptied_at != 0));
			assert_true(batch->rib == rib || batch->paths.count == 0);
			take_off(true);
		}
	}
	fake.journal->flushing = false;
	assert_int_equal(fake.history_before, 900);
	speaker_down(speaker);
	fixture_settle(&fake.rib);
	write_all();
	assert_true(free_retired());
	assert_int_equal(fake.emptied, 1);
	assert_int_equal(fake.gap_rows, 0);
	assert_int_equal(fake.history_rows, 900 + 300 + 300);
	for (unsigned number = 0; number < ROWS_MAX; number++)
		assert_true(fake.paths[FAMILY_IPV4_UNICAST][number].attrs == 0);
	/* Its sets have IDs of their own: history names those of before. */
	speaker = speaker_up(&fake.rib, 1, ROLE_CLIENT);
	announce_many(speaker, 30, 500);
	write_all();
	assert_mirrored();
	speaker_down(speaker);
	fixture_settle(&fake.rib);
}

/* Twice a new table, before the file was told of the first: no path of the one before stays in it.
 */
static void test_another_rib_at_once(void **state)
{
	struct speaker *speaker = speaker_up(&fake.rib, 0, ROLE_CLIENT);

	(void)state;
	announce_many(speaker, 300, 0);
	write_all();
	assert_mirrored();
	speaker_down(speaker);
	fake.room = 0;
	for (unsigned n = 0; n < 2; n++) {
		struct rib *rib = another_rib();

		replace_rib(rib);
	}
	fake.room = JOURNAL_QUEUE_MAX;
	write_all();
	for (unsigned number = 0; number < ROWS_MAX; number++)
		assert_true(fake.paths[FAMILY_IPV4_UNICAST][number].attrs == 0);
}

/* Peers of a batch that was begun with the table of before are told all the same. */
static void test_peers_outlive_the_rib(void **state)
{
	const struct ip_address address = { .len = 4, .bytes = { 192, 0, 2, 9 } };
	struct rib *rib = another_rib();
	uint32_t id = journal_peer_id(fake.journal, &address);

	(void)state;
	/* A turn that had just the time to gather it. */
	fake.journal->gathering = true;
	journal_gather(fake.journal, 0);
	assert_non_null(fake.journal->open);
	fake.room = 0;
	replace_rib(rib);
	fake.room = JOURNAL_QUEUE_MAX;
	write_all();
	assert_true(fake.peer[id]);
}

/* What was given up with the table of before is the last that named a set that the file knows. */
static void test_sets_go_with_the_rib(void **state)
{
	enum { SETS = 200 };
	struct speaker *speaker = speaker_up(&fake.rib, 0, ROLE_CLIENT);
	struct rib *rib = another_rib();

	(void)state;
	/* Two prefixes a set: while one of them comes and goes, the other keeps it. */
	for (unsigned i = 0; i < 2 * SETS; i++)
		announce(speaker, prefix_text(i), .as_path = "", .med = IS(i / 2));
	fixture_settle(&fake.rib);
	write_all();
	for (unsigned i = 0; i < SETS; i++) {
		withdraw(speaker, prefix_text(2 * i));
		fixture_settle(&fake.rib);
		announce(speaker, prefix_text(2 * i), .as_path = "", .med = IS(i));
	}
	/* Other sets take their places in the cache of what was parsed last. */
	for (unsigned i = 0; i < 4000; i++)
		announce(speaker, prefix_text(3000), .as_path = "", .med = IS(1000 + i));
	fixture_settle(&fake.rib);
	fake.room = 0;
	speaker_down(speaker);
	fixture_settle(&fake.rib);
	assert_null(fake.journal->open);
	replace_rib(rib);
	(void)journal_run(fake.journal, monotonic_us() + SECOND_US, 1000);
	fake.room = JOURNAL_QUEUE_MAX;
	write_all();
	assert_true(free_retired());
	assert_int_equal(fake.emptied, 1);
	assert_true(fake.gap_rows > 0);
	assert_int_equal(fake.history_before, 2 * SETS);
}

/* The state of the new table does not wait for ever for the history of the one before. */
static void test_history_of_before_is_given_up(void **state)
{
	struct speaker *speaker = speaker_up(&fake.rib, 0, ROLE_CLIENT);
	struct rib *rib = another_rib();
	size_t chunks, steps;
	uint64_t delay;

	(void)state;
	fake.room = 0;
	for (unsigned i = 0; i < 15; i++)
		announce_many(speaker, 1000, i * 3);
	speaker_down(speaker);
	assert_true(fake.journal->queue.chunks > 1);
	replace_rib(rib);
	speaker = speaker_up(&fake.rib, 1, ROLE_CLIENT);
	announce_many(speaker, 30, 500);
	delay = journal_run(fake.journal, monotonic_us(), 1000);
	assert_true(delay > 0 && delay <= SECOND_US);
	assert_true(journal_waits_for_before(fake.journal));
	/* Its sets are given back a step a turn, where there is time for no more. */
	chunks = fake.journal->queue.chunks;
	for (steps = 0; steps == 0 || fake.journal->queue.aside != NULL; steps++) {
		assert_false(free_retired());
		delay = journal_run(fake.journal, monotonic_us() + SECOND_US, 0);
		assert_false(journal_waits_for_before(fake.journal));
		assert_true(delay == 0 || fake.journal->queue.aside == NULL);
	}
	assert_true(chunks > 2);
	assert_int_equal(steps, chunks - 1); /* one is the new table's */
	assert_true(free_retired());
	fake.room = JOURNAL_QUEUE_MAX;
	write_all();
	assert_int_equal(fake.emptied, 1);
	assert_int_equal(fake.history_before, 0);
	assert_int_equal(fake.gap_rows, 15000);
	assert_int_equal(fake.history_rows, 30);
	assert_mirrored();
	speaker_down(speaker);
	fixture_settle(&fake.rib);
}

/* Three tables within a moment: each has its history, and its begin before it. */
static void test_three_tables_at_once(void **state)
{
	uint64_t begin = 0;

	(void)state;
	for (unsigned in_time = 0; in_time < 2; in_time++) {
		uint64_t lost = fake.gap_rows, rows = fake.history_rows;

		fake.room = 0;
		fake.emptied = 0;
		for (unsigned n = 0; n < 3; n++) {
			struct speaker *speaker = speaker_up(&fake.rib, n, ROLE_CLIENT);

			announce_many(speaker, 100, n * 100);
			speaker_down(speaker);
			replace_rib(another_rib());
			if (n == 0)
				begin = fake.journal->emptied_at;
			assert_true(n == 0 || fake.journal->emptied_at > begin);
		}
		if (in_time == 0)
			(void)journal_run(fake.journal, monotonic_us() + SECOND_US, 1000);
		fake.room = JOURNAL_QUEUE_MAX;
		write_all();
		assert_true(free_retired());
		assert_int_equal(fake.gap_rows - lost, in_time ? 0 : 300);
		assert_int_equal(fake.history_rows - rows, in_time ? 300 : 0);
		assert_int_equal(fake.emptied, in_time ? 3 : 1);
		assert_true(in_time ? fake.emptied_at > begin : fake.emptied_at == begin);
		assert_int_equal(fake.history_rows - fake.history_before, 0);
	}
	/* Nothing was in the one between. */
	fake.room = 0;
	fake.emptied = 0;
	replace_rib(another_rib());
	begin = fake.journal->emptied_at;
	replace_rib(another_rib());
	fake.room = JOURNAL_QUEUE_MAX;
	write_all();
	assert_int_equal(fake.emptied, 1);
	assert_true(fake.emptied_at == begin);
}

/* Each waits for the one before: none of them waits for more rows. */
static void test_no_batch_waits_for_company(void **state)
{
	struct speaker *speaker = speaker_up(&fake.rib, 0, ROLE_CLIENT);

	(void)state;
	announce_many(speaker, 3, 0);
	speaker_down(speaker);
	replace_rib(another_rib());
	speaker = speaker_up(&fake.rib, 1, ROLE_CLIENT);
	announce_many(speaker, 3, 0);
	assert_true(journal_run(fake.journal, monotonic_us(), SECOND_US) == 0);
	assert_int_equal(fake.queued, 1);
	(void)journal_run(fake.journal, monotonic_us(), SECOND_US);
	assert_int_equal(fake.queued, 2);
	assert_true(fake.queue[1]->emptied_at != 0);
	write_all();
	assert_mirrored();
	speaker_down(speaker);
	fixture_settle(&fake.rib);
}

/* A table without a route is replaced by another: the file is told all the same, and at once. */
static void test_an_empty_rib_is_replaced(void **state)
{
	struct speaker *speaker = speaker_up(&fake.rib, 0, ROLE_CLIENT);

	(void)state;
	announce_many(speaker, 300, 0);
	speaker_down(speaker);
	fixture_settle(&fake.rib);
	write_all();
	fake.room = 0;
	announce_many(speaker_up(&fake.rib, 0, ROLE_CLIENT), 1, 0);
	speaker_down(speaker);
	fixture_settle(&fake.rib);
	replace_rib(another_rib());
	assert_false(journal_flushed(fake.journal));
	fake.room = JOURNAL_QUEUE_MAX;
	write_all();
	assert_int_equal(fake.emptied, 1);
	assert_true(free_retired());
}

/* The file is lost while history of a table before waits: no other knows the IDs of its sets. */
static void test_a_new_file_knows_no_set_of_before(void **state)
{
	struct speaker *speaker = speaker_up(&fake.rib, 0, ROLE_CLIENT);

	(void)state;
	announce_many(speaker, 300, 0);
	write_all();
	fake.room = 0;
	announce_many(speaker, 300, 100);
	announce_many(speaker, 300, 0);
	speaker_down(speaker);
	replace_rib(another_rib());
	fake.status.generation = 1;
	memset(fake.paths, 0, sizeof fake.paths);
	memset(fake.told, 0, sizeof fake.told);
	memset(fake.gone, 0, sizeof fake.gone);
	fake.journal->woken = true;
	fake.room = JOURNAL_QUEUE_MAX;
	write_all();
	assert_int_equal(fake.gap_rows, 600);
	assert_int_equal(fake.emptied, 0);
	assert_true(free_retired());
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_begin, fake_end)
	const struct CMUnitTest tests[] = {
		TEST(test_another_rib),
		TEST(test_another_rib_at_once),
		TEST(test_peers_outlive_the_rib),
		TEST(test_sets_go_with_the_rib),
		TEST(test_history_of_before_is_given_up),
		TEST(test_three_tables_at_once),
		TEST(test_no_batch_waits_for_company),
		TEST(test_an_empty_rib_is_replaced),
		TEST(test_a_new_file_knows_no_set_of_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
