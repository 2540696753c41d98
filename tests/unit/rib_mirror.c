#include "tests/unit/rib_mirror.h"

#include <stdlib.h>

#include "rib/state.h"
#include "tests/unit/unit.h"

static void *grown(void *array, size_t *count, size_t index, size_t size)
{
	size_t wanted = *count ? *count : 64;
	uint8_t *bytes;

	if (index < *count)
		return array;
	while (wanted <= index)
		wanted *= 2;
	bytes = realloc(array, wanted * size);
	assert_non_null(bytes);
	memset(bytes + *count * size, 0, (wanted - *count) * size);
	*count = wanted;
	return bytes;
}

static struct prefix prefix_of(enum family family, uint8_t length, const uint8_t *bytes)
{
	struct prefix prefix = { .family = (uint8_t)family, .length = length };

	memcpy(prefix.bytes, bytes, family_address_len(family));
	return prefix;
}

static struct mirror_best *find_best(const struct mirror *m, const struct prefix *prefix)
{
	for (size_t i = 0; i < m->n_best; i++) {
		if (prefix_equal(&m->best[i].prefix, prefix))
			return &m->best[i];
	}
	return NULL;
}

static void note_best(struct mirror *m, const struct best_change *change)
{
	struct prefix prefix = prefix_of(change->family, change->length, change->bytes);
	struct mirror_best *best = find_best(m, &prefix);

	if (best == NULL) {
		assert_true(m->n_best < MIRROR_PREFIXES);
		best = &m->best[m->n_best++];
		*best = (struct mirror_best){ .prefix = prefix };
	}
	assert_true(change->attrs != NULL || best->attrs != NULL);
	assert_int_equal(change->peer != 0, change->attrs != NULL);
	if (best->attrs != NULL)
		rib_restore_attrs_done(m->rib, best->attrs);
	best->attrs = change->attrs != NULL ? attr_set_ref(change->attrs) : NULL;
	best->peer = change->peer;
	best->path_id = change->path_id;
	best->cause = change->cause;
	assert_true(change->cause < BEST_CAUSE_COUNT);
	m->changes++;
}

/* The rows in the room are changes too. */
static void close_room(struct mirror *m)
{
	struct best_change change = m->told_best;

	for (const uint8_t *at = m->room_bytes; m->room.at != NULL && at < m->room.at;
		at += best_row_size(change.family)) {
		const struct best_row *row = (const void *)at;

		change.length = row->length;
		change.bytes = row->bytes;
		note_best(m, &change);
	}
	m->room = (struct best_room){ 0 };
}

const struct mirror_best *mirror_find_best(struct mirror *m, const struct prefix *prefix)
{
	close_room(m);
	return find_best(m, prefix);
}

/* Room for none, one, two, three rows by turns. */
static void best_changed(void *context, const struct best_change *change)
{
	struct mirror *m = context;
	size_t rows = m->changes % (MIRROR_ROOM_ROWS + 1);

	close_room(m);
	note_best(m, change);
	if (m->told_best.attrs != NULL)
		rib_restore_attrs_done(m->rib, m->told_best.attrs);
	m->told_best = *change;
	if (change->attrs != NULL)
		attr_set_ref(change->attrs);
	m->room.at = m->room_bytes;
	m->room.end = m->room_bytes + rows * best_row_size(change->family);
}

static void attrs_gone(void *context, uint64_t id)
{
	struct mirror *m = context;

	assert_in_range(id, 1, m->n_sets - 1);
	assert_true(m->sets[id].there);
	m->sets[id].there = false;
	free(m->sets[id].bytes);
	m->sets[id].bytes = NULL;
}

static void set_told(struct mirror *m, uint64_t id, struct span next_hop, struct span canonical)
{
	struct mirror_set *set;

	m->sets = grown(m->sets, &m->n_sets, id, sizeof(*m->sets));
	set = &m->sets[id];
	assert_false(set->there);
	set->there = true;
	set->next_hop_len = (uint8_t)next_hop.len;
	memcpy(set->next_hop, next_hop.bytes, next_hop.len);
	set->bytes = malloc(canonical.len + 1);
	assert_non_null(set->bytes);
	memcpy(set->bytes, canonical.bytes, canonical.len);
	set->len = canonical.len;
	m->sets_told++;
}

/* The row of a number, which is another now. */
static struct mirror_row *told_row(struct mirror *m, enum family family, uint32_t number)
{
	m->rows[family] = grown(
		m->rows[family], &m->n_rows[family], number, sizeof(struct mirror_row));
	m->rows[family][number] = (struct mirror_row){ .there = false };
	m->told++;
	return &m->rows[family][number];
}

static void paths_gone(void *context, enum family family, uint32_t base, uint64_t bits)
{
	assert_true(bits != 0 && base % 64 == 0);
	for (unsigned n = 0; n < 64; n++) {
		if (bits >> n & 1)
			(void)told_row(context, family, base + n);
	}
}

static void path_changed(struct mirror *m, const struct path_change *change)
{
	struct mirror_row *row = told_row(m, change->family, change->number);
	bool fresh;

	row->there = true;
	row->prefix = prefix_of(change->family, change->length, change->bytes);
	row->peer = change->peer;
	row->path_id = change->path_id;
	row->attrs = rib_capture_attrs_id(m->rib, change->attrs, &fresh);
	if (fresh)
		set_told(m, row->attrs,
			(struct span){
				change->attrs->keys.next_hop, change->attrs->keys.next_hop_len },
			attr_set_bytes(change->attrs));
}

static void paths_changed(void *context, const struct path_change *changes, unsigned n)
{
	assert_in_range(n, 1, PATHS_TOLD_MAX);
	for (unsigned i = 0; i < n; i++)
		path_changed(context, &changes[i]);
}

void mirror_begin(struct mirror *m, struct rib *rib, const struct rib *before)
{
	const struct rib_capture capture = { .best_changed = best_changed,
		.room = &m->room,
		.attrs_gone = attrs_gone,
		.context = m };

	memset(m, 0, sizeof(*m));
	m->rib = rib;
	m->best = calloc(MIRROR_PREFIXES, sizeof(*m->best));
	assert_non_null(m->best);
	assert_true(rib_capture_begin(rib, &capture, before));
}

void mirror_forget_best(struct mirror *m)
{
	close_room(m);
	if (m->told_best.attrs != NULL)
		rib_restore_attrs_done(m->rib, m->told_best.attrs);
	m->told_best.attrs = NULL;
	for (size_t i = 0; i < m->n_best; i++) {
		if (m->best[i].attrs != NULL)
			rib_restore_attrs_done(m->rib, m->best[i].attrs);
	}
	m->n_best = 0;
}

void mirror_end(struct mirror *m)
{
	rib_capture_end(m->rib);
	mirror_forget_best(m);
	for (size_t i = 0; i < m->n_sets; i++)
		free(m->sets[i].bytes);
	for (enum family family = 0; family < FAMILY_COUNT; family++)
		free(m->rows[family]);
	free(m->sets);
	free(m->best);
	memset(m, 0, sizeof(*m));
}

size_t mirror_take(struct mirror *m, size_t most)
{
	size_t waiting = rib_capture_waiting(m->rib);
	const struct path_visitor visitor = { paths_changed, paths_gone, m };
	size_t taken = rib_capture_take(m->rib, most, &visitor);

	assert_int_equal(taken, most < waiting ? most : waiting);
	assert_int_equal(rib_capture_waiting(m->rib), waiting - taken);
	return taken;
}

void mirror_forget_sets(struct mirror *m)
{
	for (size_t id = 0; id < m->n_sets; id++) {
		free(m->sets[id].bytes);
		m->sets[id] = (struct mirror_set){ 0 };
	}
	m->sets_told = 0;
}

static const struct path *living_path(const struct table *table, uint32_t number)
{
	const struct path *path;

	if (number >= table->paths.used)
		return NULL;
	path = table_path(table, number);
	return path->source != 0 && path->attrs != NULL ? path : NULL;
}

static void check_path(const struct mirror *m, const struct table *table, const struct path *path,
	const struct mirror_row *row)
{
	struct prefix prefix = table_prefix(table, table_entry(table, path->entry));
	const struct mirror_set *set;

	assert_true(row->there);
	assert_true(prefix_equal(&prefix, &row->prefix));
	assert_int_equal(row->path_id, path->path_id);
	assert_int_equal(row->peer, m->rib->peers[path->source]->parameters.id);
	assert_int_equal(row->attrs, path->attrs->journal_id);
	assert_in_range(row->attrs, 1, m->n_sets - 1);
	set = &m->sets[row->attrs];
	assert_true(set->there);
	assert_span_equal(((struct span){ set->bytes, set->len }), attr_set_bytes(path->attrs));
	assert_span_equal(((struct span){ set->next_hop, set->next_hop_len }),
		((struct span){ path->attrs->keys.next_hop, path->attrs->keys.next_hop_len }));
}

static void check_paths(const struct mirror *m, const struct table *table)
{
	size_t n_rows = m->n_rows[table->family];
	uint64_t n_paths = 0;

	for (uint32_t number = 0; number < table->paths.used || number < n_rows; number++) {
		const struct path *path = living_path(table, number);
		static const struct mirror_row none;
		const struct mirror_row *row = number < n_rows ? &m->rows[table->family][number]
							       : &none;

		n_paths += path != NULL;
		if (path != NULL)
			check_path(m, table, path, row);
		else
			assert_false(row->there);
	}
	assert_int_equal(n_paths, table->n_paths);
}

static void check_best(const struct mirror *m, const struct table *table)
{
	uint64_t n_best = 0;

	for (size_t i = 0; i < m->n_best; i++) {
		const struct mirror_best *best = &m->best[i];
		const struct path *path;
		uint32_t entry;

		if (best->prefix.family != table->family)
			continue;
		entry = table_find(table, &best->prefix);
		if (best->attrs == NULL) {
			assert_true(
				entry == SLAB_NONE || table_entry(table, entry)->best == PATH_NONE);
			continue;
		}
		assert_int_not_equal(entry, SLAB_NONE);
		path = living_path(table, table_entry(table, entry)->best);
		assert_non_null(path);
		assert_ptr_equal(path->attrs, best->attrs);
		assert_int_equal(path->path_id, best->path_id);
		assert_int_equal(m->rib->peers[path->source]->parameters.id, best->peer);
		n_best++;
	}
	assert_int_equal(n_best, table->n_prefixes);
}

void mirror_check(struct mirror *m)
{
	const struct attr_sets *sets = &m->rib->attr_sets;
	size_t there = 0, with_id = 0;

	close_room(m);
	while (mirror_take(m, 1000) > 0)
		;
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		check_paths(m, &m->rib->tables[family]);
		check_best(m, &m->rib->tables[family]);
	}
	for (size_t i = 0; i < m->n_sets; i++)
		there += m->sets[i].there;
	for (size_t i = 0; i < sets->n_buckets; i++) {
		for (const struct attr_set *set = sets->buckets[i]; set != NULL; set = set->chain)
			with_id += set->journal_id >= sets->first_id;
	}
	assert_int_equal(there, with_id);
}

struct rib_peer *mirror_peer(const struct rib *rib, uint32_t id)
{
	for (size_t i = 1; i < rib->peers_room; i++) {
		if (rib->peers[i] != NULL && !rib->peers[i]->departing &&
			rib->peers[i]->parameters.id == id)
			return rib->peers[i];
	}
	return NULL;
}

static void restore_paths(const struct mirror *m, struct rib *rib, struct attr_set **sets)
{
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		for (uint32_t number = 0; number < m->n_rows[family]; number++) {
			const struct mirror_row *row = &m->rows[family][number];

			if (row->there)
				assert_true(rib_restore_path(rib, mirror_peer(rib, row->peer),
					number, &row->prefix, row->path_id, sets[row->attrs],
					row->attrs));
		}
	}
}

/* What the journal has when the reflector starts again. */
static void copy_rows(struct mirror *copy, const struct mirror *m, struct attr_set **sets)
{
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		size_t size = m->n_rows[family] * sizeof(struct mirror_row);

		copy->rows[family] = malloc(size + 1);
		assert_non_null(copy->rows[family]);
		if (size > 0)
			memcpy(copy->rows[family], m->rows[family], size);
		copy->n_rows[family] = m->n_rows[family];
	}
	for (size_t i = 0; i < m->n_best; i++) {
		copy->best[i] = m->best[i];
		if (copy->best[i].attrs != NULL)
			copy->best[i].attrs = attr_set_ref(sets[m->best[i].attrs->journal_id]);
	}
	copy->n_best = m->n_best;
}

struct rib *mirror_restore(
	const struct mirror *m, const struct rib_parameters *parameters, struct mirror *copy)
{
	static const uint8_t key[16] = "another hash key";
	struct rib *rib = rib_new(parameters, key);
	struct attr_set **sets = calloc(m->n_sets + 1, sizeof(*sets));
	bool malformed;

	assert_non_null(rib);
	assert_non_null(sets);
	mirror_begin(copy, rib, NULL);
	for (size_t i = 1; i < m->rib->peers_room; i++) {
		const struct rib_peer *peer = m->rib->peers[i];

		if (peer != NULL && !peer->departing) {
			struct rib_peer_parameters known = peer->parameters;

			known.session = NULL;
			assert_non_null(rib_peer_restore(rib, &known));
		}
	}
	for (size_t id = 0; id < m->n_sets; id++) {
		const struct mirror_set *set = &m->sets[id];
		const struct span next_hop = { set->next_hop, set->next_hop_len };
		const struct span bytes = { set->bytes, set->len };

		if (!set->there)
			continue;
		set_told(copy, id, next_hop, bytes);
		sets[id] = rib_restore_attrs(rib, id, next_hop, bytes, &malformed);
		assert_non_null(sets[id]);
		assert_false(malformed);
	}
	copy_rows(copy, m, sets);
	restore_paths(m, rib, sets);
	assert_int_equal(rib_restore_end(rib), 0);
	for (size_t id = 0; id < m->n_sets; id++) {
		if (sets[id] != NULL)
			rib_restore_attrs_done(rib, sets[id]);
	}
	free(sets);
	assert_int_equal(copy->changes, 0);
	assert_int_equal(rib_capture_waiting(rib), 0);
	return rib;
}

static uint32_t best_of(const struct table *table, const struct path *path)
{
	return table_entry(table, path->entry)->best;
}

void mirror_same(const struct rib *a, const struct rib *b)
{
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		const struct table *one = &a->tables[family], *other = &b->tables[family];

		assert_int_equal(one->n_paths, other->n_paths);
		assert_int_equal(one->n_prefixes, other->n_prefixes);
		for (uint32_t number = 0; number < one->paths.used; number++) {
			const struct path *x = living_path(one, number);
			const struct path *y = living_path(other, number);
			struct prefix p, q;

			assert_int_equal(x != NULL, y != NULL);
			if (x == NULL)
				continue;
			p = table_prefix(one, table_entry(one, x->entry));
			q = table_prefix(other, table_entry(other, y->entry));
			assert_true(prefix_equal(&p, &q));
			assert_int_equal(x->path_id, y->path_id);
			assert_int_equal(a->peers[x->source]->parameters.id,
				b->peers[y->source]->parameters.id);
			assert_int_equal(x->attrs->journal_id, y->attrs->journal_id);
			/* What follows the next hop is not used. */
			assert_memory_equal(&x->attrs->keys, &y->attrs->keys,
				offsetof(struct attribute_keys, next_hop) +
					x->attrs->keys.next_hop_len);
			assert_span_equal(attr_set_bytes(x->attrs), attr_set_bytes(y->attrs));
			assert_int_equal(best_of(one, x), best_of(other, y));
		}
	}
}

void mirror_free_restored(struct mirror *copy)
{
	struct rib *rib = copy->rib;
	uint64_t now = 0;

	for (size_t i = 1; i < rib->peers_room; i++) {
		if (rib->peers[i] != NULL && !rib->peers[i]->departing)
			rib_peer_down(rib, rib->peers[i]);
	}
	do {
		now += 10000;
	} while (rib_run(rib, now, true, 1000) != UINT64_MAX);
	mirror_check(copy);
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		assert_int_equal(rib->tables[family].n_paths, 0);
		for (size_t n = 0; n < copy->n_rows[family]; n++)
			assert_false(copy->rows[family][n].there);
	}
	for (size_t i = 0; i < copy->n_best; i++)
		assert_null(copy->best[i].attrs);
	mirror_end(copy);
	rib_free(rib);
}
