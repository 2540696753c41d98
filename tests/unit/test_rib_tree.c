/*
 * The radix tree against a sorted array: both families, all lengths, prefixes near each other and
 * far apart, at random but repeatably. Entry numbers are the model's: what a find or a walk gives
 * is compared with it in full.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "rib/tree.h"

#define MODEL_MAX 3000

struct model {
	struct tree tree;
	struct prefix prefix[MODEL_MAX]; /* in the order of prefix_compare */
	uint32_t entry[MODEL_MAX];
	size_t n;
	uint32_t next_entry;
	uint64_t random;
};

static uint32_t pick(struct model *m, uint32_t below)
{
	m->random = m->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(m->random >> 33) % below;
}

/* The place of the first prefix that is not less than this one. */
static size_t lower_bound(const struct model *m, const struct prefix *prefix)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (prefix_compare(&m->prefix[middle], prefix) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool model_has(const struct model *m, size_t at, const struct prefix *prefix)
{
	return at < m->n && prefix_equal(&m->prefix[at], prefix);
}

static void insert(struct model *m, const struct prefix *prefix)
{
	size_t at = lower_bound(m, prefix);
	bool known = model_has(m, at, prefix);
	uint32_t *place;

	if (!known && m->n == MODEL_MAX)
		return;
	place = tree_insert(&m->tree, prefix);
	assert_non_null(place);
	if (known) {
		assert_int_equal(*place, m->entry[at]);
		return;
	}
	assert_int_equal(*place, TREE_NONE);
	*place = m->next_entry;
	memmove(&m->prefix[at + 1], &m->prefix[at], (m->n - at) * sizeof(*m->prefix));
	memmove(&m->entry[at + 1], &m->entry[at], (m->n - at) * sizeof(*m->entry));
	m->prefix[at] = *prefix;
	m->entry[at] = m->next_entry++;
	m->n++;
}

/* No-op in both when it is not there. */
static void remove_prefix(struct model *m, const struct prefix *prefix)
{
	size_t at = lower_bound(m, prefix);

	tree_remove(&m->tree, prefix);
	if (!model_has(m, at, prefix))
		return;
	m->n--;
	memmove(&m->prefix[at], &m->prefix[at + 1], (m->n - at) * sizeof(*m->prefix));
	memmove(&m->entry[at], &m->entry[at + 1], (m->n - at) * sizeof(*m->entry));
}

static void check_find(const struct model *m, const struct prefix *prefix)
{
	size_t at = lower_bound(m, prefix);

	assert_int_equal(
		tree_find(&m->tree, prefix), model_has(m, at, prefix) ? m->entry[at] : TREE_NONE);
}

/*
 * Any length; the bits are random, or near those of a prefix that is there, or mostly zeros or
 * ones, so that nodes are full, runs of bits are skipped, and prefixes of the same address differ
 * in length.
 */
static struct prefix random_prefix(struct model *m, enum family family)
{
	unsigned bits = family_address_len(family) * 8u;
	struct prefix prefix = { .family = (uint8_t)family };
	unsigned kind = pick(m, 5);

	prefix.length = (uint8_t)pick(m, bits + 1);
	if (kind < 2 && m->n > 0)
		memcpy(prefix.bytes, m->prefix[pick(m, (uint32_t)m->n)].bytes, 16);
	else if (kind == 2)
		memset(prefix.bytes, 0xff, family_address_len(family));
	else if (kind == 3)
		for (size_t i = 0; i < family_address_len(family); i++)
			prefix.bytes[i] = (uint8_t)pick(m, 256);
	if (kind == 0 || kind == 2 || kind == 4) {
		unsigned bit = pick(m, bits);

		prefix.bytes[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
	}
	prefix_mask(&prefix);
	return prefix;
}

struct visited {
	const struct model *model;
	size_t at; /* in the model */
	size_t most; /* visits until it stops */
};

static bool visit(void *context, uint32_t entry)
{
	struct visited *v = context;

	assert_true(v->at < v->model->n);
	assert_int_equal(entry, v->model->entry[v->at]);
	v->at++;
	return --v->most > 0;
}

/* What comes behind `after` (NULL: everything), in slices of a random size. */
static void check_walk(struct model *m, const struct prefix *after)
{
	struct visited v = { .model = m };
	struct prefix last;
	bool done = false;

	if (after != NULL) {
		v.at = lower_bound(m, after);
		v.at += model_has(m, v.at, after);
	}
	while (!done) {
		size_t from = v.at;

		v.most = 1 + pick(m, 200);
		done = tree_walk(&m->tree, after, visit, &v);
		assert_int_equal(done, v.most > 0);
		if (done)
			break;
		assert_true(v.at > from);
		last = m->prefix[v.at - 1];
		after = &last;
	}
	assert_int_equal(v.at, m->n);
}

static void check_all(struct model *m, enum family family)
{
	struct prefix outside;

	for (size_t i = 0; i < m->n; i++)
		assert_int_equal(tree_find(&m->tree, &m->prefix[i]), m->entry[i]);
	for (size_t i = 1; i < m->n; i++)
		assert_true(prefix_compare(&m->prefix[i - 1], &m->prefix[i]) < 0);
	check_walk(m, NULL);
	for (unsigned i = 0; i < 40; i++) {
		outside = random_prefix(m, family);
		check_walk(m, &outside);
		if (m->n > 0) {
			outside = m->prefix[pick(m, (uint32_t)m->n)];
			check_walk(m, &outside);
			/* the same address, another length */
			outside.length = (uint8_t)pick(m, family_address_len(family) * 8u + 1);
			prefix_mask(&outside);
			check_walk(m, &outside);
		}
	}
}

static void delete_all(struct model *m)
{
	while (m->n > 0) {
		struct prefix prefix = m->prefix[pick(m, (uint32_t)m->n)];

		remove_prefix(m, &prefix);
		check_find(m, &prefix);
	}
}

static void run_random(enum family family, uint64_t seed, uint32_t most)
{
	static struct model m;
	size_t empty;

	memset(&m, 0, sizeof(m));
	tree_init(&m.tree);
	empty = m.tree.pool.used;
	m.random = seed;
	for (unsigned round = 0; round < 6; round++) {
		for (unsigned i = 0; i < 800; i++) {
			struct prefix prefix = random_prefix(&m, family);

			check_find(&m, &prefix);
			if (pick(&m, 3) > 0 && m.n < most) {
				insert(&m, &prefix);
			} else if (m.n > 0 && pick(&m, 2)) {
				prefix = m.prefix[pick(&m, (uint32_t)m.n)];
				remove_prefix(&m, &prefix);
			} else {
				remove_prefix(&m, &prefix);
			}
			check_find(&m, &prefix);
		}
		check_all(&m, family);
		assert_true(m.tree.pool.used > empty);
		if (round % 2) {
			delete_all(&m);
			assert_int_equal(m.tree.pool.used, empty);
			check_walk(&m, NULL);
		}
	}
	insert(&m, &(struct prefix){ .family = (uint8_t)family, .length = 1 });
	tree_destroy(&m.tree);
	assert_int_equal(tree_memory(&m.tree), 0);
}

static void test_random_ipv4(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 6; seed++)
		run_random(FAMILY_IPV4_UNICAST, seed * 7919, seed % 2 ? MODEL_MAX : 30);
}

static void test_random_ipv6(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 6; seed++)
		run_random(FAMILY_IPV6_UNICAST, seed * 104729, seed % 2 ? MODEL_MAX : 30);
}

/*
 * Every length of one address, at both ends of the address space; then a full node: all prefixes of
 * up to six bits.
 */
static void run_lengths(enum family family)
{
	static struct model m;
	unsigned bits = family_address_len(family) * 8u;

	memset(&m, 0, sizeof(m));
	tree_init(&m.tree);
	for (unsigned fill = 0; fill < 2; fill++) {
		for (unsigned length = 0; length <= bits; length++) {
			struct prefix prefix = { .family = (uint8_t)family,
				.length = (uint8_t)length };

			memset(prefix.bytes, fill ? 0xff : 0, family_address_len(family));
			prefix_mask(&prefix);
			insert(&m, &prefix);
		}
	}
	assert_int_equal(m.n, 1 + 2 * bits);
	for (unsigned length = 1; length <= 8; length++) {
		for (unsigned value = 0; value < 1u << length; value++) {
			struct prefix prefix = { .family = (uint8_t)family,
				.length = (uint8_t)length };

			prefix.bytes[0] = (uint8_t)(value << (8 - length));
			insert(&m, &prefix);
		}
	}
	check_all(&m, family);
	for (size_t i = 0; i < m.n; i++) {
		struct prefix after = m.prefix[i];

		check_walk(&m, &after);
	}
	delete_all(&m);
	assert_int_equal(m.tree.pool.used, 0);
	assert_true(tree_walk(&m.tree, NULL, visit, NULL));
	tree_destroy(&m.tree);
}

static void test_all_lengths(void **state)
{
	(void)state;
	run_lengths(FAMILY_IPV4_UNICAST);
	run_lengths(FAMILY_IPV6_UNICAST);
}

/* Nodes that the tree leaves out: removal must put the tree back to the very bytes it had. */
static void test_memory_comes_back(void **state)
{
	static const char *const texts[] = { "10.0.0.0/8", "10.0.0.1/32", "10.0.0.0/12",
		"10.0.0.2/32", "10.128.0.0/9", "0.0.0.0/0", "10.0.0.0/32", "10.0.0.0/31",
		"11.0.0.0/8", "10.0.64.0/18" };
	size_t before[ARRAY_LEN(texts)];
	struct tree tree;

	(void)state;
	tree_init(&tree);
	for (unsigned times = 0; times < 2; times++) {
		for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
			struct prefix prefix;
			uint32_t *place;

			assert_true(prefix_parse(texts[i], false, &prefix));
			if (times == 0)
				before[i] = tree.pool.used;
			place = tree_insert(&tree, &prefix);
			assert_non_null(place);
			*place = (uint32_t)i;
		}
		for (size_t i = ARRAY_LEN(texts); i-- > 0;) {
			struct prefix prefix;

			assert_true(prefix_parse(texts[i], false, &prefix));
			assert_int_equal(tree_find(&tree, &prefix), i);
			tree_remove(&tree, &prefix);
			assert_int_equal(tree_find(&tree, &prefix), TREE_NONE);
			/* room of nodes that stay is kept */
			assert_true(tree.pool.used < before[i] + 64);
		}
		assert_int_equal(tree.pool.used, 0);
	}
	tree_destroy(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_ipv4),
		cmocka_unit_test(test_random_ipv6),
		cmocka_unit_test(test_all_lengths),
		cmocka_unit_test(test_memory_comes_back),
	};

	return cmocka_run_group_tests_name("rib_tree", tests, NULL, NULL);
}
