/*
 * A prefix with very many paths, where the table goes over to its index: against an array that says
 * what must be there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rib/table.h"

#define SOURCES	 3
#define IDS	 400
#define PREFIXES 2

struct fixture {
	struct attr_sets attr_sets;
	struct table table;
	struct attr_set *attrs[2];
	struct peer_paths peer_paths[SOURCES];
	int8_t expected[PREFIXES][SOURCES][IDS]; /* 0: none, else 1 + which attributes */
	uint64_t random;
};

static uint32_t pick(struct fixture *f, uint32_t below)
{
	f->random = f->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(f->random >> 33) % below;
}

static struct prefix prefix_of(unsigned n)
{
	return (struct prefix){ .length = 32, .bytes = { 10, 0, 0, (uint8_t)n } };
}

static void change(struct fixture *f, bool announce)
{
	unsigned n = pick(f, PREFIXES), source = pick(f, SOURCES), id = pick(f, IDS);
	unsigned which = pick(f, 2);
	struct prefix prefix = prefix_of(n);
	int8_t *expected = &f->expected[n][source][id];
	struct table_change done;

	if (announce) {
		assert_true(table_announce(&f->table, (uint16_t)(source + 1),
			&f->peer_paths[source], &prefix, id, f->attrs[which], &done));
		assert_int_equal(done.changed, *expected != (int8_t)(1 + which));
		*expected = (int8_t)(1 + which);
	} else {
		table_withdraw(&f->table, (uint16_t)(source + 1), &f->peer_paths[source], &prefix,
			id, &done);
		assert_int_equal(done.changed, *expected != 0);
		*expected = 0;
	}
	table_settle(&f->table, &done);
}

static void check(struct fixture *f)
{
	uint64_t total = 0;

	for (unsigned n = 0; n < PREFIXES; n++) {
		struct prefix prefix = prefix_of(n);
		uint32_t entry = table_find(&f->table, &prefix), previous = PATH_NONE;
		unsigned expected = 0, found = 0;

		for (unsigned i = 0; i < SOURCES * IDS; i++)
			expected += f->expected[n][i / IDS][i % IDS] != 0;
		total += expected;
		if (entry == TREE_NONE) {
			assert_int_equal(expected, 0);
			continue;
		}
		for (uint32_t p = table_entry(&f->table, entry)->paths; p != PATH_NONE;) {
			const struct path *path = table_path(&f->table, p);

			assert_int_equal(path->previous, previous);
			assert_int_equal(path->entry, entry);
			assert_ptr_equal(path->attrs,
				f->attrs[f->expected[n][path->source - 1][path->path_id] - 1]);
			found++;
			previous = p;
			p = path->next;
		}
		assert_int_equal(found, expected);
	}
	assert_int_equal(f->table.n_paths, total);
}

static void test_many_paths(void **state)
{
	static const uint8_t key[16] = "another test key";
	static struct fixture f;
	struct attribute_keys keys = { .next_hop_len = 4 };
	bool fresh;

	(void)state;
	f = (struct fixture){ .random = 42 };
	assert_true(attr_sets_init(&f.attr_sets, key));
	table_init(&f.table, FAMILY_IPV4_UNICAST, &f.attr_sets);
	for (unsigned i = 0; i < 2; i++)
		f.attrs[i] = attr_set_intern(
			&f.attr_sets, &keys, (struct span){ (const uint8_t *)"ab" + i, 1 }, &fresh);
	for (unsigned i = 0; i < SOURCES; i++)
		peer_paths_init(&f.peer_paths[i]);
	/* Tides: mostly announcements, mostly withdrawals, until little is left, and again. */
	for (unsigned tide = 0; tide < 8; tide++) {
		for (unsigned i = 0; i < 6000; i++)
			change(&f, pick(&f, 10) < (tide % 2 ? 1u : 9u));
		check(&f);
		assert_true(tide % 2 || f.table.path_index.count > 32);
	}
	for (unsigned i = 0; i < SOURCES; i++) {
		const uint32_t *head = &f.peer_paths[i].head[PATHS_FRESH];

		while (*head != PATH_NONE) {
			struct table_change done;

			table_withdraw_path(&f.table, &f.peer_paths[i], *head, &done);
			table_settle(&f.table, &done);
		}
	}
	assert_int_equal(f.table.path_index.count, 0);
	for (unsigned n = 0; n < PREFIXES; n++) {
		struct prefix prefix = prefix_of(n);
		uint32_t entry = table_find(&f.table, &prefix);

		/* Only the decision that is due still holds it. */
		if (entry != TREE_NONE) {
			assert_true(change_set_remove(&f.table.undecided, entry));
			table_unmark_entry(&f.table, entry);
		}
		assert_int_equal(table_find(&f.table, &prefix), TREE_NONE);
	}
	table_destroy(&f.table);
	for (unsigned i = 0; i < 2; i++)
		attr_set_unref(&f.attr_sets, f.attrs[i]);
	assert_int_equal(f.attr_sets.count, 0);
	attr_sets_destroy(&f.attr_sets);
}

/* Whether exactly the paths of `there` are found. */
static void check_index(
	const struct path_index *index, const struct slab *paths, const bool *there, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(path_index_find(index, paths, 7, (uint16_t)(1 + i % 5), i),
			there[i] ? i : SLAB_NONE);
}

/* While the table grows paths are found, added and removed; no single addition moves them all. */
static void test_growing_index(void **state)
{
	enum { N = 3000 };
	static const uint8_t key[16] = "yet another key!";
	static bool there[N];
	struct path_index index;
	struct slab paths;
	unsigned amid = 0;

	(void)state;
	path_index_init(&index, key);
	slab_init(&paths, sizeof(struct path));
	for (uint32_t i = 0; i < N; i++) {
		assert_int_equal(slab_alloc(&paths), i);
		*(struct path *)slab_at(&paths, i) = (struct path){
			.entry = 7, .source = (uint16_t)(1 + i % 5), .path_id = i
		};
		assert_true(path_index_add(&index, &paths, i));
		there[i] = true;
		amid += index.old != NULL;
		if (i % 3 == 2) { /* one that may stand in either table, and one that is gone */
			path_index_remove(&index, &paths, i / 2);
			path_index_remove(&index, &paths, i / 2);
			there[i / 2] = false;
		}
		if (i % 61 == 0 || (index.old != NULL && index.moved < 8))
			check_index(&index, &paths, there, i + 1);
	}
	check_index(&index, &paths, there, N);
	assert_int_equal(index.count, N - N / 3);
	assert_true(amid > N / 8);
	assert_int_equal(path_index_memory(&index), (index.n_slots + index.n_old) * 4);
	path_index_destroy(&index);
	slab_destroy(&paths);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_paths),
		cmocka_unit_test(test_growing_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
