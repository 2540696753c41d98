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

const struct mirror_best *mirror_find_best(const struct mirror *m, const struct prefix *prefix)
{
	return find_best(m, prefix);
}

static void best_changed(void *context, const struct best_change *change)
{
	struct mirror *m = context;
	struct prefix prefix = prefix_of(change->family, change->length, change->bytes);
	struct mirror_best *best = find_best(m, &prefix);

	if (best == NULL) {
		m->best = realloc(m->best, (m->n_best + 1) * sizeof(*m->best));
		assert_non_null(m->best);
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
	m->by_cause[change->cause]++;
	m->changes++;
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

static void path_changed(void *context, const struct path_change *change)
{
	struct mirror *m = context;
	struct mirror_row *row;
	bool fresh;

	m->rows[change->family] = grown(
		m->rows[change->family], &m->n_rows[change->family], change->number, sizeof(*row));
	row = &m->rows[change->family][change->number];
	*row = (struct mirror_row){ .there = change->attrs != NULL };
	m->told++;
	if (change->attrs == NULL)
		return;
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

void mirror_begin(struct mirror *m, struct rib *rib, const struct rib *before)
{
	const struct rib_capture capture = {
		.best_changed = best_changed, .attrs_gone = attrs_gone, .context = m
	};

	memset(m, 0, sizeof(*m));
	m->rib = rib;
	assert_true(rib_capture_begin(rib, &capture, before));
}

void mirror_forget_best(struct mirror *m)
{
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
	size_t taken = rib_capture_take(m->rib, most, path_changed, m);

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
