/*
 * Chunks between the loop and the writer's thread: made ready amid a burst, given back after it,
 * one kept; and both at once.
 */
#include <stdatomic.h>

#include "tests/unit/unit.h"

#include "rr/journal_stock.h"

#define CHUNK sizeof(struct journal_history_chunk)

static void test_a_burst_comes_and_goes(void **state)
{
	struct journal_stock stock;
	struct journal_history_chunk *taken[JOURNAL_STOCK_MAX];

	(void)state;
	journal_stock_init(&stock);
	/* Nothing is made ready before it is needed, nor for light traffic. */
	journal_stock_tend(&stock);
	assert_null(journal_stock_take(&stock, false));
	journal_stock_tend(&stock);
	assert_int_equal(journal_stock_memory(&stock), 0);
	assert_null(journal_stock_take(&stock, true));
	journal_stock_tend(&stock);
	assert_int_equal(journal_stock_memory(&stock), JOURNAL_STOCK_MAX * CHUNK);
	for (unsigned n = 0; n < JOURNAL_STOCK_MAX; n++) {
		taken[n] = journal_stock_take(&stock, true);
		assert_non_null(taken[n]);
		assert_int_equal(taken[n]->used, 0);
		taken[n]->used = taken[n]->last = taken[n]->count = 8;
	}
	assert_null(journal_stock_take(&stock, true));
	/* Those that come back are empty again; more than there should be are freed. */
	journal_stock_put(&stock, taken[0]);
	assert_ptr_equal(journal_stock_take(&stock, true), taken[0]);
	assert_int_equal(taken[0]->used + taken[0]->last + taken[0]->count, 0);
	assert_null(taken[0]->next);
	journal_stock_tend(&stock);
	for (unsigned n = 0; n < JOURNAL_STOCK_MAX; n++)
		journal_stock_put(&stock, taken[n]);
	assert_int_equal(journal_stock_memory(&stock), 2 * JOURNAL_STOCK_MAX * CHUNK);
	journal_stock_tend(&stock);
	assert_int_equal(journal_stock_memory(&stock), JOURNAL_STOCK_MAX * CHUNK);
	journal_stock_rest(&stock);
	journal_stock_tend(&stock);
	assert_int_equal(journal_stock_memory(&stock), JOURNAL_STOCK_REST * CHUNK);
	journal_stock_destroy(&stock);
}

struct tending {
	struct journal_stock stock;
	atomic_bool ends;
};

static void *tend(void *context)
{
	struct tending *tending = context;

	while (!atomic_load(&tending->ends))
		journal_stock_tend(&tending->stock);
	return NULL;
}

/* No chunk is had twice, none is lost: the sanitizer sees one that is. */
static void test_two_threads(void **state)
{
	struct tending tending = { .ends = false };
	struct journal_history_chunk *held[2 * JOURNAL_STOCK_MAX] = { NULL };
	size_t ready = 0;
	pthread_t thread;

	(void)state;
	journal_stock_init(&tending.stock);
	assert_int_equal(pthread_create(&thread, NULL, tend, &tending), 0);
	for (unsigned n = 0; n < 20000 || ready < 1000; n++) {
		struct journal_history_chunk **at = &held[n * 7 % (2 * JOURNAL_STOCK_MAX)];

		if (n % 500 == 499)
			journal_stock_rest(&tending.stock);
		if (*at != NULL) {
			assert_int_equal((*at)->count, n * 7 % (2 * JOURNAL_STOCK_MAX) + 1);
			journal_stock_put(&tending.stock, *at);
			*at = NULL;
			continue;
		}
		*at = journal_stock_take(&tending.stock, n % 3 > 0);
		if (*at == NULL)
			continue;
		ready++;
		assert_int_equal((*at)->count, 0);
		(*at)->count = n * 7 % (2 * JOURNAL_STOCK_MAX) + 1;
	}
	atomic_store(&tending.ends, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	for (unsigned n = 0; n < 2 * JOURNAL_STOCK_MAX; n++) {
		if (held[n] != NULL)
			journal_stock_put(&tending.stock, held[n]);
	}
	journal_stock_destroy(&tending.stock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_burst_comes_and_goes),
		cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
