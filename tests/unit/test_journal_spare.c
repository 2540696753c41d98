/*
 * Room for the next rows: kept from a burst on until a minute without one has passed, within
 * bounds, and given back piece by piece.
 */
#include "tests/unit/unit.h"

#include "rr/journal_spare.h"

#define BEGIN UINT64_C(1000)

static unsigned chunks; /* that are alive: no sanitizer looks at pages */

struct journal_history_chunk *__real_journal_history_chunk_new(bool burst);
struct journal_history_chunk *__wrap_journal_history_chunk_new(bool burst);
void __real_journal_history_chunk_free(struct journal_history_chunk *chunk);
void __wrap_journal_history_chunk_free(struct journal_history_chunk *chunk);

struct journal_history_chunk *__wrap_journal_history_chunk_new(bool burst)
{
	struct journal_history_chunk *chunk = __real_journal_history_chunk_new(burst);

	assert_non_null(chunk);
	chunks++;
	return chunk;
}

void __wrap_journal_history_chunk_free(struct journal_history_chunk *chunk)
{
	__real_journal_history_chunk_free(chunk);
	chunks--;
}

/* A batch with room for `rows` paths, none of which it has. */
static struct journal_batch *batch_of(struct journal_spare *spare, size_t rows)
{
	struct journal_batch *batch = journal_spare_batch(spare);

	assert_non_null(batch);
	assert_int_equal(journal_batch_count(batch), 0);
	assert_null(batch->next);
	assert_true(journal_batch_reserve(&batch->paths, rows));
	return batch;
}

static void test_light_traffic_keeps_nothing(void **state)
{
	struct journal_spare spare = { .n_chunks = 0 };

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		journal_spare_put_chunk(&spare, journal_spare_chunk(&spare, false));
		journal_spare_put_batch(&spare, batch_of(&spare, 1000), NULL);
		assert_true(journal_spare_is_due(&spare, BEGIN));
		assert_true(journal_spare_trim(&spare, BEGIN) == UINT64_MAX);
		assert_int_equal(chunks, 0);
		assert_int_equal(journal_spare_memory(&spare), 0);
		assert_false(journal_spare_is_due(&spare, BEGIN));
	}
}

static void test_a_burst_is_followed_by_another(void **state)
{
	struct journal_spare spare = { .n_chunks = 0 };
	struct journal_history_chunk *taken[JOURNAL_SPARE_CHUNKS_MAX + 2];
	struct journal_batch *batches[JOURNAL_SPARE_BATCHES_MAX + 1];
	uint64_t now = BEGIN;

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		/* The second has what the first had. */
		for (unsigned n = 0; n < JOURNAL_SPARE_CHUNKS_MAX + 2; n++) {
			taken[n] = journal_spare_chunk(&spare, n > 0);
			assert_int_equal(taken[n]->used + taken[n]->last + taken[n]->count, 0);
			assert_null(taken[n]->next);
			taken[n]->used = taken[n]->last = taken[n]->count = 8;
		}
		assert_int_equal(chunks, JOURNAL_SPARE_CHUNKS_MAX + 2);
		for (unsigned n = 0; n < JOURNAL_SPARE_CHUNKS_MAX + 2; n++)
			journal_spare_put_chunk(&spare, taken[n]);
		/* Those too many go with the first look at the clock. */
		assert_int_equal(chunks, JOURNAL_SPARE_CHUNKS_MAX + 2);
		assert_true(journal_spare_is_due(&spare, now));
		for (unsigned n = 0; n < JOURNAL_SPARE_BATCHES_MAX + 1; n++) {
			batches[n] = batch_of(&spare, 1);
			assert_true(round == 0 || n == JOURNAL_SPARE_BATCHES_MAX ||
				    batches[n]->paths.room >= 5000);
			assert_true(journal_batch_reserve(&batches[n]->paths, 5000));
		}
		for (unsigned n = 0; n < JOURNAL_SPARE_BATCHES_MAX + 1; n++)
			journal_spare_put_batch(&spare, batches[n], NULL);
		assert_int_equal(spare.n_batches, JOURNAL_SPARE_BATCHES_MAX);
		assert_true(journal_spare_trim(&spare, now) == JOURNAL_SPARE_KEEP_US);
		assert_int_equal(chunks, JOURNAL_SPARE_CHUNKS_MAX);
		assert_false(journal_spare_is_due(&spare, now));
		now += JOURNAL_SPARE_KEEP_US - 1;
		assert_false(journal_spare_is_due(&spare, now));
		assert_true(journal_spare_trim(&spare, now) == 1);
	}
	/* Too much room of one. */
	journal_spare_put_batch(&spare, batch_of(&spare, JOURNAL_SPARE_BATCH_BYTES), NULL);
	assert_int_equal(spare.n_batches, JOURNAL_SPARE_BATCHES_MAX - 1);
	assert_int_equal(chunks, JOURNAL_SPARE_CHUNKS_MAX);
	journal_spare_free(&spare);
	assert_int_equal(chunks, 0);
	assert_int_equal(journal_spare_memory(&spare), 0);
}

static void test_what_is_kept_goes_piece_by_piece(void **state)
{
	struct journal_spare spare = { .n_chunks = 0 };
	struct journal_history_chunk *taken[JOURNAL_SPARE_CHUNKS_MAX];
	const uint64_t late = BEGIN + JOURNAL_SPARE_KEEP_US;
	size_t before, steps = 0;

	(void)state;
	for (unsigned n = 0; n < JOURNAL_SPARE_CHUNKS_MAX; n++)
		taken[n] = journal_spare_chunk(&spare, true);
	for (unsigned n = 0; n < JOURNAL_SPARE_CHUNKS_MAX; n++)
		journal_spare_put_chunk(&spare, taken[n]);
	journal_spare_put_batch(&spare, batch_of(&spare, 50000), NULL);
	assert_true(journal_spare_trim(&spare, BEGIN) == JOURNAL_SPARE_KEEP_US);
	assert_true(journal_spare_is_due(&spare, late));
	for (before = journal_spare_memory(&spare); before > 0; steps++) {
		size_t after;

		assert_true(journal_spare_is_due(&spare, late));
		(void)journal_spare_trim(&spare, late);
		after = journal_spare_memory(&spare);
		assert_in_range(before - after, 1, JOURNAL_SPARE_BATCH_BYTES);
		before = after;
	}
	assert_true(steps > 10);
	assert_int_equal(chunks, 0);
	(void)journal_spare_trim(&spare, late);
	assert_false(journal_spare_is_due(&spare, late));
	assert_true(journal_spare_trim(&spare, late) == UINT64_MAX);
	/* Nothing is kept again until the next burst. */
	journal_spare_put_chunk(&spare, journal_spare_chunk(&spare, false));
	(void)journal_spare_trim(&spare, late);
	assert_int_equal(chunks, 0);
}

/* All history is given up at once, long after the burst that it is of. */
static void test_much_that_comes_back_goes_piece_by_piece(void **state)
{
	enum { MUCH = 3 * JOURNAL_SPARE_CHUNKS_MAX };
	struct journal_spare spare = { .n_chunks = 0 };
	struct journal_history_chunk *taken[MUCH];
	uint64_t now = BEGIN;

	(void)state;
	for (unsigned long_after = 0; long_after < 2; long_after++) {
		for (unsigned n = 0; n < MUCH; n++)
			taken[n] = journal_spare_chunk(&spare, true);
		if (long_after) {
			(void)journal_spare_trim(&spare, now);
			now += JOURNAL_SPARE_KEEP_US;
			(void)journal_spare_trim(&spare, now);
		}
		for (unsigned n = 0; n < MUCH; n++)
			journal_spare_put_chunk(&spare, taken[n]);
		for (unsigned n = MUCH; n > (long_after ? 0 : JOURNAL_SPARE_CHUNKS_MAX);) {
			assert_int_equal(chunks, n);
			assert_true(journal_spare_is_due(&spare, now));
			(void)journal_spare_trim(&spare, now);
			assert_in_range(n - chunks, 1, 8);
			n = chunks;
		}
		assert_false(journal_spare_is_due(&spare, now));
	}
	assert_int_equal(chunks, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_light_traffic_keeps_nothing),
		cmocka_unit_test(test_a_burst_is_followed_by_another),
		cmocka_unit_test(test_what_is_kept_goes_piece_by_piece),
		cmocka_unit_test(test_much_that_comes_back_goes_piece_by_piece),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
