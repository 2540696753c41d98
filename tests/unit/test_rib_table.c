/*
 * The table of one family against a model: paths by (prefix, source, path ID) that come, change and
 * go, a prefix with so many that they are indexed, numbers that stay while change sets hold them,
 * and nothing left at the end.
 */
#include "tests/unit/unit.h"

#include "rib/table.h"

#define SOURCES	 3
#define PREFIXES 4
#define IDS	 150 /* of the first prefix; the others have few */

struct slot {
	struct attr_set *attrs; /* NULL: not announced */
	uint32_t number; /* of its path, while announced or marked */
	uint32_t marks; /* of the path */
	enum path_list list; /* of its peer's, while announced */
};

struct model {
	struct attr_sets sets;
	struct table table;
	struct attr_set *attrs[4];
	struct peer_paths peer_paths[SOURCES + 1];
	struct slot slot[PREFIXES][SOURCES + 1][IDS];
	uint64_t random;
};

static uint32_t pick(struct model *m, uint32_t below)
{
	m->random = m->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(m->random >> 33) % below;
}

static struct prefix prefix_of(unsigned n)
{
	struct prefix prefix = { .family = FAMILY_IPV6_UNICAST, .length = (uint8_t)(32 + n) };

	prefix.bytes[0] = 0xfd;
	return prefix;
}

static void begin(struct model *m, uint64_t seed)
{
	static const uint8_t hash_key[16] = "only for a test";
	struct attribute_keys keys = { .next_hop_len = 16 };
	bool fresh;

	memset(m, 0, sizeof(*m));
	m->random = seed;
	assert_true(attr_sets_init(&m->sets, hash_key));
	table_init(&m->table, FAMILY_IPV6_UNICAST, &m->sets);
	for (size_t i = 0; i < ARRAY_LEN(m->attrs); i++) {
		keys.next_hop[0] = (uint8_t)i;
		m->attrs[i] = attr_set_intern(
			&m->sets, &keys, (struct span){ hash_key, 4 }, &fresh);
		assert_true(fresh);
	}
	for (size_t i = 0; i <= SOURCES; i++) {
		peer_paths_init(&m->peer_paths[i]);
	}
}

/* As the decision does once it has looked. */
static void decide_all(struct model *m)
{
	uint32_t number = 0;

	while ((number = change_set_next(&m->table.undecided, number)) != CHANGE_SET_END) {
		change_set_remove(&m->table.undecided, number);
		table_unmark_entry(&m->table, number);
	}
}

static void announce(struct model *m, unsigned p, uint16_t source, uint32_t id)
{
	struct slot *slot = &m->slot[p][source][id];
	struct attr_set *attrs = m->attrs[pick(m, ARRAY_LEN(m->attrs))];
	struct prefix prefix = prefix_of(p);
	struct table_change change;

	assert_true(table_announce(
		&m->table, source, &m->peer_paths[source], &prefix, id, attrs, &change));
	assert_int_equal(change.changed, slot->attrs != attrs);
	assert_int_equal(change.entry, table_find(&m->table, &prefix));
	if (slot->attrs != NULL || slot->marks > 0)
		assert_int_equal(change.path, slot->number);
	slot->attrs = attrs;
	slot->number = change.path;
	slot->list = PATHS_FRESH;
	table_settle(&m->table, &change);
}

static void withdraw(struct model *m, unsigned p, uint16_t source, uint32_t id)
{
	struct slot *slot = &m->slot[p][source][id];
	struct prefix prefix = prefix_of(p);
	struct table_change change;

	table_withdraw(&m->table, source, &m->peer_paths[source], &prefix, id, &change);
	assert_int_equal(change.changed, slot->attrs != NULL);
	if (slot->attrs != NULL)
		assert_int_equal(change.path, slot->number);
	slot->attrs = NULL;
	table_settle(&m->table, &change);
}

static void mark(struct model *m, unsigned p, uint16_t source, uint32_t id)
{
	struct slot *slot = &m->slot[p][source][id];

	if (slot->marks > 0) {
		slot->marks--;
		table_unmark_path(&m->table, slot->number);
	} else if (slot->attrs != NULL) {
		slot->marks++;
		table_mark_path(&m->table, slot->number);
	}
}

/* The path has other attributes, or another fate, without its peer saying so. */
static void change_one(struct model *m, unsigned p, uint16_t source, uint32_t id)
{
	struct slot *slot = &m->slot[p][source][id];
	struct attr_set *attrs = m->attrs[pick(m, ARRAY_LEN(m->attrs))];
	struct table_change change;

	if (slot->attrs == NULL)
		return;
	if (slot->attrs != attrs) {
		table_replace(&m->table, slot->number, attrs, &change);
		assert_true(change.changed);
		slot->attrs = attrs;
		table_settle(&m->table, &change);
	}
	if (slot->list == PATHS_FRESH)
		return;
	slot->list = 1 + pick(m, PATH_LISTS - 1);
	peer_paths_put(&m->peer_paths[source], &m->table.paths, slot->number, slot->list);
}

static void move_list(struct model *m, uint16_t source)
{
	enum path_list from = pick(m, PATH_LISTS), to = 1 + pick(m, PATH_LISTS - 1);

	if (from == to)
		return;
	peer_paths_move(&m->peer_paths[source], &m->table.paths, from, to);
	for (unsigned p = 0; p < PREFIXES; p++) {
		for (unsigned id = 0; id < IDS; id++) {
			if (m->slot[p][source][id].list == from)
				m->slot[p][source][id].list = to;
		}
	}
}

/* The lists of one peer; how many paths there are in them. */
static uint64_t check_lists(const struct model *m, uint16_t source)
{
	const struct peer_paths *paths = &m->peer_paths[source];
	uint64_t count = 0, stale = 0;

	for (unsigned list = 0; list < PATH_LISTS; list++) {
		uint32_t previous = PATH_NONE;

		for (uint32_t n = paths->head[list]; n != PATH_NONE;
			n = table_path(&m->table, n)->peer_next) {
			const struct path *path = table_path(&m->table, n);
			struct prefix prefix = table_prefix(
				&m->table, table_entry(&m->table, path->entry));

			assert_int_equal(path->source, source);
			assert_non_null(path->attrs);
			if (previous != PATH_NONE)
				assert_int_equal(path->peer_previous, previous);
			assert_int_equal(
				m->slot[prefix.length - 32][source][path->path_id].list, list);
			assert_int_equal(path_is_stale(paths, path), list != PATHS_FRESH);
			previous = n;
			stale += list != PATHS_FRESH;
			count++;
		}
		if (previous != PATH_NONE)
			assert_int_equal(
				table_path(&m->table, paths->head[list])->peer_previous, previous);
	}
	assert_int_equal(paths->count, count);
	assert_int_equal(paths->stale, stale);
	return count;
}

/*
 * Each path of the model is in the lists of its entry and its peer, and the lists hold no other
 * that has attributes.
 */
static void check(const struct model *m)
{
	uint64_t n_paths = 0;
	size_t listed = 0, live = 0;

	for (unsigned p = 0; p < PREFIXES; p++) {
		struct prefix prefix = prefix_of(p);
		uint32_t entry = table_find(&m->table, &prefix), previous = PATH_NONE;

		for (uint32_t n = entry == TREE_NONE ? PATH_NONE
						     : table_entry(&m->table, entry)->paths;
			n != PATH_NONE; n = table_path(&m->table, n)->next) {
			const struct path *path = table_path(&m->table, n);
			const struct slot *slot = &m->slot[p][path->source][path->path_id];

			assert_int_equal(path->entry, entry);
			assert_int_equal(path->previous, previous);
			assert_int_equal(slot->number, n);
			assert_ptr_equal(slot->attrs, path->attrs);
			assert_int_equal(path->marks, slot->marks);
			assert_true(path->attrs != NULL || path->marks > 0);
			previous = n;
			live++;
		}
		for (unsigned source = 1; source <= SOURCES; source++)
			for (unsigned id = 0; id < IDS; id++) {
				const struct slot *slot = &m->slot[p][source][id];

				n_paths += slot->attrs != NULL;
				listed += slot->attrs != NULL || slot->marks > 0;
			}
	}
	assert_int_equal(live, listed);
	assert_int_equal(m->table.paths.live, live);
	assert_int_equal(m->table.n_paths, n_paths);
	for (uint16_t source = 1; source <= SOURCES; source++)
		n_paths -= check_lists(m, source);
	assert_int_equal(n_paths, 0);
}

/* `all`: nothing may be left; else what is announced stays for table_destroy. */
static void end(struct model *m, bool all)
{
	for (unsigned p = 0; p < PREFIXES; p++)
		for (uint16_t source = 1; source <= SOURCES; source++)
			for (unsigned id = 0; id < IDS; id++) {
				if (all)
					withdraw(m, p, source, id);
				if (m->slot[p][source][id].marks > 0)
					mark(m, p, source, id);
			}
	check(m);
	decide_all(m);
	if (all) {
		assert_int_equal(m->table.entries.live, 0);
		assert_int_equal(m->table.paths.live, 0);
		assert_int_equal(m->table.path_index.count, 0);
		assert_int_equal(m->table.tree.pool.used, 0);
		assert_int_equal(m->table.n_prefixes, 0);
	}
	table_destroy(&m->table);
	for (size_t i = 0; i < ARRAY_LEN(m->attrs); i++) {
		assert_int_equal(m->attrs[i]->refs, 1);
		attr_set_unref(&m->sets, m->attrs[i]);
	}
	attr_sets_destroy(&m->sets);
}

static void test_random(void **state)
{
	static struct model m;

	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		/* it fills, stays full, and empties again */
		static const unsigned announcing[] = { 8, 8, 5, 5, 2, 2, 8, 1 };

		begin(&m, seed * 7919);
		for (unsigned round = 0; round < ARRAY_LEN(announcing); round++) {
			for (unsigned i = 0; i < 500; i++) {
				unsigned p = pick(&m, 2) ? 0 : pick(&m, PREFIXES);
				uint16_t source = (uint16_t)(1 + pick(&m, SOURCES));
				uint32_t id = pick(&m, p == 0 ? IDS : 4), what = pick(&m, 10);

				if (pick(&m, 20) == 0)
					move_list(&m, source);
				if (what == 9 && pick(&m, 2))
					change_one(&m, p, source, id);
				else if (what == 9)
					mark(&m, p, source, id);
				else if (what < announcing[round])
					announce(&m, p, source, id);
				else
					withdraw(&m, p, source, id);
			}
			check(&m);
			if (round % 2)
				decide_all(&m);
			check(&m);
		}
		end(&m, seed % 2);
	}
}

/*
 * An entry stays while something is to be told about it, with its number; then the number is free.
 */
static void test_entry_numbers(void **state)
{
	static struct model m;
	struct prefix first = prefix_of(0), second = prefix_of(1);
	uint32_t number;

	(void)state;
	begin(&m, 1);
	announce(&m, 0, 1, 0);
	number = table_find(&m.table, &first);
	table_mark_entry(&m.table, number);
	withdraw(&m, 0, 1, 0);
	decide_all(&m);
	assert_int_equal(table_find(&m.table, &first), number);
	assert_true(table_entry(&m.table, number)->flags & ENTRY_IN_USE);
	announce(&m, 1, 1, 0);
	assert_int_not_equal(table_find(&m.table, &second), number);
	table_unmark_entry(&m.table, number);
	assert_int_equal(table_find(&m.table, &first), TREE_NONE);
	assert_false(table_entry(&m.table, number)->flags & ENTRY_IN_USE);
	announce(&m, 2, 1, 0);
	assert_int_equal(
		table_find(&m.table, &(struct prefix){ FAMILY_IPV6_UNICAST, 34, { 0xfd } }),
		number);
	end(&m, true);
}

/* What became stale when the epoch was the same four billion times ago is stale still. */
static void test_epochs_come_round(void **state)
{
	static struct model m;

	(void)state;
	begin(&m, 1);
	announce(&m, 0, 1, 0);
	announce(&m, 1, 1, 0);
	peer_paths_move(&m.peer_paths[1], &m.table.paths, PATHS_FRESH, PATHS_STALE);
	m.slot[0][1][0].list = m.slot[1][1][0].list = PATHS_STALE;
	check(&m);
	m.peer_paths[1].epoch = UINT32_MAX;
	announce(&m, 1, 1, 0);
	check(&m);
	peer_paths_move(&m.peer_paths[1], &m.table.paths, PATHS_FRESH, PATHS_DOOMED);
	m.slot[1][1][0].list = PATHS_DOOMED;
	check(&m);
	end(&m, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_entry_numbers),
		cmocka_unit_test(test_epochs_come_round),
	};

	return cmocka_run_group_tests_name("rib_table", tests, NULL, NULL);
}
