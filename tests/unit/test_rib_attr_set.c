/* Interned attribute sets, their counts, and the cache of raw attributes in front of them. */
#include "tests/unit/unit.h"

#include "rib/attr_set.h"

static const uint8_t hash_key[16] = "fifteen letters";

static struct attribute_keys keys_of(uint8_t last_of_next_hop)
{
	return (struct attribute_keys){
		.local_pref = 100,
		.next_hop_len = 4,
		.next_hop = { 192, 0, 2, last_of_next_hop },
	};
}

/* An interned set whose bytes say `n`. */
static struct attr_set *intern(struct attr_sets *sets, uint32_t n, bool *fresh)
{
	uint8_t bytes[7] = { 0x80, 4, 4, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8),
		(uint8_t)n };
	struct attribute_keys keys = keys_of(1);
	struct attr_set *set;

	keys.med = n;
	set = attr_set_intern(sets, &keys, SPAN(bytes), fresh);
	assert_non_null(set);
	assert_int_equal(set->keys.med, n);
	assert_span_equal(attr_set_bytes(set), SPAN(bytes));
	return set;
}

static void test_equal_sets_are_one(void **state)
{
	static const uint8_t a[] = { 0x40, 1, 1, 0 }, b[] = { 0x40, 1, 1, 1 };
	struct attribute_keys keys = keys_of(1), other = keys_of(2), wide = keys_of(1);
	struct attr_sets sets;
	struct attr_set *set[6];
	size_t empty;
	bool fresh;

	(void)state;
	wide.next_hop_len = 16;
	assert_true(attr_sets_init(&sets, hash_key));
	empty = sets.memory;
	set[0] = attr_set_intern(&sets, &keys, SPAN(a), &fresh);
	assert_true(fresh);
	assert_int_equal(set[0]->verdict, 0);
	set[1] = attr_set_intern(&sets, &keys, SPAN(a), &fresh);
	assert_false(fresh);
	assert_ptr_equal(set[0], set[1]);
	assert_int_equal(set[0]->refs, 2);
	/* other bytes, another next hop, a longer one, fewer bytes: each is another set */
	set[2] = attr_set_intern(&sets, &keys, SPAN(b), &fresh);
	assert_true(fresh);
	set[3] = attr_set_intern(&sets, &other, SPAN(a), &fresh);
	assert_true(fresh);
	set[4] = attr_set_intern(&sets, &wide, SPAN(a), &fresh);
	assert_true(fresh);
	set[5] = attr_set_intern(&sets, &keys, (struct span){ a, 3 }, &fresh);
	assert_true(fresh);
	assert_int_equal(sets.count, 5);
	assert_true(sets.memory >= empty + 5 * sizeof(struct attr_set) + 4 * 4 + 3);
	for (size_t i = 0; i < ARRAY_LEN(set); i++)
		attr_set_unref(&sets, set[i]);
	assert_int_equal(sets.count, 0);
	assert_int_equal(sets.memory, empty);
	/* Gone means made anew. */
	set[0] = attr_set_intern(&sets, &keys, SPAN(a), &fresh);
	assert_true(fresh);
	attr_set_unref(&sets, set[0]);
	attr_sets_destroy(&sets);
}

/* Enough for the table to grow a few times. */
static void test_many(void **state)
{
	enum { MANY = 9000 };
	static struct attr_set *set[MANY];
	struct attr_sets sets;
	size_t buckets;
	bool fresh;

	(void)state;
	assert_true(attr_sets_init(&sets, hash_key));
	buckets = sets.n_buckets;
	for (uint32_t n = 0; n < MANY; n++) {
		set[n] = intern(&sets, n, &fresh);
		assert_true(fresh);
	}
	assert_true(sets.n_buckets > buckets);
	assert_int_equal(sets.count, MANY);
	assert_int_equal(sets.memory,
		sets.n_buckets * sizeof(*sets.buckets) + MANY * (sizeof(struct attr_set) + 7));
	for (uint32_t n = 0; n < MANY; n++) {
		assert_ptr_equal(intern(&sets, n, &fresh), set[n]);
		assert_false(fresh);
	}
	/* Out of order, so that chains are cut at their begin, middle and end. */
	for (uint32_t n = 0; n < MANY; n++) {
		struct attr_set *one = set[n * 7919u % MANY];

		assert_int_equal(one->refs, 2);
		attr_set_unref(&sets, one);
		attr_set_unref(&sets, one);
		assert_int_equal(sets.count, MANY - 1 - n);
	}
	attr_sets_destroy(&sets);
}

static void test_cache(void **state)
{
	const struct siphash_result key = { 5, 77 }, other_high = { 5, 78 };
	const struct siphash_result same_slot = { 5 + ATTR_CACHE_SLOTS, 77 };
	struct attr_sets sets;
	struct attr_set *a, *b;
	bool fresh;

	(void)state;
	assert_true(attr_sets_init(&sets, hash_key));
	a = intern(&sets, 1, &fresh);
	b = intern(&sets, 2, &fresh);
	assert_null(attr_cache_find(&sets, &key));
	attr_cache_put(&sets, &key, a);
	assert_ptr_equal(attr_cache_find(&sets, &key), a);
	assert_int_equal(a->refs, 2); /* a hit is borrowed */
	/* All 128 bits count. */
	assert_null(attr_cache_find(&sets, &other_high));
	assert_null(attr_cache_find(&sets, &same_slot));
	/* The same again, then another in the same slot. */
	attr_cache_put(&sets, &key, a);
	assert_int_equal(a->refs, 2);
	attr_cache_put(&sets, &same_slot, b);
	assert_int_equal(a->refs, 1);
	assert_int_equal(b->refs, 2);
	assert_null(attr_cache_find(&sets, &key));
	assert_ptr_equal(attr_cache_find(&sets, &same_slot), b);
	attr_set_unref(&sets, a);
	attr_set_unref(&sets, b);
	assert_int_equal(sets.count, 1); /* the cache holds b */
	attr_sets_destroy(&sets);
}

static void test_sweep(void **state)
{
	const struct siphash_result first = { 3, 1 }, again = { 40, 2 }, last = { 100, 3 };
	struct attr_sets sets;
	struct attr_set *used, *idle;
	bool fresh;

	(void)state;
	assert_true(attr_sets_init(&sets, hash_key));
	used = intern(&sets, 1, &fresh);
	idle = intern(&sets, 2, &fresh);
	attr_cache_put(&sets, &first, used);
	attr_cache_put(&sets, &again, idle);
	attr_cache_put(&sets, &last, idle); /* other raw bytes with the same meaning */
	attr_sets_sweep(&sets, ATTR_CACHE_SLOTS);
	assert_ptr_equal(attr_cache_find(&sets, &again), idle);
	attr_set_unref(&sets, idle);
	assert_int_equal(sets.count, 2);
	attr_sets_sweep(&sets, 40); /* slots 0 to 39: not its turn */
	assert_ptr_equal(attr_cache_find(&sets, &again), idle);
	attr_sets_sweep(&sets, 1);
	assert_null(attr_cache_find(&sets, &again));
	assert_ptr_equal(attr_cache_find(&sets, &last), idle);
	attr_sets_sweep(&sets, ATTR_CACHE_SLOTS - 41 + 1); /* to the end and on from the begin */
	assert_null(attr_cache_find(&sets, &last));
	assert_int_equal(sets.sweep, 1);
	assert_int_equal(sets.count, 1);
	assert_ptr_equal(attr_cache_find(&sets, &first), used);
	attr_set_unref(&sets, used);
	attr_sets_destroy(&sets); /* a leak of what the cache held alone would show here */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_sets_are_one),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_cache),
		cmocka_unit_test(test_sweep),
	};

	return cmocka_run_group_tests_name("rib_attr_set", tests, NULL, NULL);
}
