#include "rib/table.h"

#include <string.h>

#define LIST_MAX 32 /* paths that are searched one by one */

void table_init(struct table *table, enum family family, struct attr_sets *attr_sets)
{
	*table = (struct table){ .family = family, .attr_sets = attr_sets };
	tree_init(&table->tree);
	slab_init(&table->entries, sizeof(struct entry) + family_address_len(family));
	slab_init(&table->paths, sizeof(struct path));
	path_index_init(&table->path_index, attr_sets->hash_key);
}

/* The paths of the chunk with the highest numbers. */
static bool free_paths(struct table *table)
{
	struct slab *paths = &table->paths;
	uint32_t chunks = (uint32_t)paths->n_chunks;

	if (chunks == 0)
		return false;
	for (uint32_t n = (chunks - 1) << SLAB_CHUNK_BITS; n < paths->used; n++) {
		const struct path *path = table_path(table, n);

		/* source is 0 in a free record, whose first bytes are the free list's */
		if (path->source != 0 && path->attrs != NULL)
			attr_set_unref(table->attr_sets, path->attrs);
	}
	return slab_free_chunk(paths);
}

bool table_free_part(struct table *table)
{
	return free_paths(table) || slab_free_chunk(&table->entries) ||
	       tree_free_part(&table->tree);
}

void table_destroy(struct table *table)
{
	while (table_free_part(table))
		;
	path_index_destroy(&table->path_index);
	slab_destroy(&table->paths);
	slab_destroy(&table->entries);
	tree_destroy(&table->tree);
	change_set_destroy(&table->undecided);
	change_set_destroy(&table->captured);
	bitmap_destroy(&table->living);
}

struct prefix table_prefix(const struct table *table, const struct entry *entry)
{
	struct prefix prefix = { .family = (uint8_t)table->family, .length = entry->length };

	memcpy(prefix.bytes, entry->bytes, family_address_len(table->family));
	return prefix;
}

uint32_t table_find(const struct table *table, const struct prefix *prefix)
{
	return tree_find(&table->tree, prefix);
}

uint32_t table_find_or_add(struct table *table, const struct prefix *prefix)
{
	uint32_t number = tree_find(&table->tree, prefix);
	struct entry *entry;
	uint32_t *place;

	if (number != TREE_NONE)
		return number;
	number = slab_alloc(&table->entries);
	if (number == SLAB_NONE)
		return SLAB_NONE;
	place = tree_insert(&table->tree, prefix);
	if (place == NULL || !change_set_reserve(&table->undecided, number + 1)) {
		if (place != NULL)
			tree_remove(&table->tree, prefix);
		slab_free(&table->entries, number);
		return SLAB_NONE;
	}
	*place = number;
	entry = table_entry(table, number);
	entry->paths = PATH_NONE;
	entry->best = PATH_NONE;
	entry->flags = ENTRY_IN_USE;
	entry->length = prefix->length;
	memcpy(entry->bytes, prefix->bytes, family_address_len(table->family));
	return number;
}

static void entry_free_if_idle(struct table *table, uint32_t number)
{
	struct entry *entry = table_entry(table, number);
	struct prefix prefix;

	if (entry->marks > 0 || entry->paths != PATH_NONE)
		return;
	prefix = table_prefix(table, entry);
	tree_remove(&table->tree, &prefix);
	slab_free(&table->entries, number);
}

/* Puts all paths of an entry into the index; without memory it stays a list. */
static void entry_index(struct table *table, struct entry *entry)
{
	uint32_t number;

	for (number = entry->paths; number != PATH_NONE; number = table_path(table, number)->next) {
		if (path_index_add(&table->path_index, &table->paths, number))
			continue;
		for (uint32_t n = entry->paths; n != number; n = table_path(table, n)->next)
			path_index_remove(&table->path_index, &table->paths, n);
		return;
	}
	entry->flags |= ENTRY_INDEXED;
}

static uint32_t entry_find_path(
	struct table *table, uint32_t entry_number, uint16_t source, uint32_t path_id)
{
	struct entry *entry = table_entry(table, entry_number);
	unsigned steps = 0;

	if (entry->flags & ENTRY_INDEXED)
		return path_index_find(
			&table->path_index, &table->paths, entry_number, source, path_id);
	for (uint32_t number = entry->paths; number != PATH_NONE;) {
		const struct path *path = table_path(table, number);

		if (path->source == source && path->path_id == path_id)
			return number;
		if (++steps > LIST_MAX) {
			entry_index(table, entry);
			if (entry->flags & ENTRY_INDEXED)
				return path_index_find(&table->path_index, &table->paths,
					entry_number, source, path_id);
			steps = 0;
		}
		number = path->next;
	}
	return PATH_NONE;
}

/* A record for a path: of the number `wanted`, or of any where that is PATH_NONE. */
static uint32_t path_alloc(struct table *table, uint32_t wanted)
{
	uint32_t number = wanted;

	if (wanted == PATH_NONE)
		number = slab_alloc(&table->paths);
	else if (!slab_alloc_at(&table->paths, wanted))
		return PATH_NONE;
	if (number != PATH_NONE && table->capturing &&
		(!change_set_reserve(&table->captured, number + 1) ||
			!bitmap_reserve(&table->living, number + 1))) {
		slab_free(&table->paths, number);
		return PATH_NONE;
	}
	return number;
}

/* A new path of the entry, without attributes. PATH_NONE when memory is short. */
static uint32_t entry_add_path(struct table *table, uint32_t entry_number, uint16_t source,
	uint32_t path_id, uint32_t wanted)
{
	struct entry *entry = table_entry(table, entry_number);
	uint32_t number = path_alloc(table, wanted);

	if (number == PATH_NONE)
		return PATH_NONE;
	*table_path(table, number) = (struct path){ .path_id = path_id,
		.entry = entry_number,
		.previous = PATH_NONE,
		.next = entry->paths,
		.source = source };
	if ((entry->flags & ENTRY_INDEXED) &&
		!path_index_add(&table->path_index, &table->paths, number)) {
		slab_free(&table->paths, number);
		return PATH_NONE;
	}
	if (entry->paths != PATH_NONE)
		table_path(table, entry->paths)->previous = number;
	entry->paths = number;
	return number;
}

static void path_free_if_idle(struct table *table, uint32_t number)
{
	struct path *path = table_path(table, number);
	uint32_t entry_number = path->entry;
	struct entry *entry = table_entry(table, entry_number);

	if (path->attrs != NULL || path->marks > 0)
		return;
	if (entry->flags & ENTRY_INDEXED)
		path_index_remove(&table->path_index, &table->paths, number);
	if (path->previous != PATH_NONE)
		table_path(table, path->previous)->next = path->next;
	else
		entry->paths = path->next;
	if (path->next != PATH_NONE)
		table_path(table, path->next)->previous = path->previous;
	slab_free(&table->paths, number);
	entry_free_if_idle(table, entry_number);
}

/* The attributes of a path that has some are others now. */
static void replace_attrs(
	struct table *table, uint32_t number, struct attr_set *attrs, struct table_change *change)
{
	struct path *path = table_path(table, number);
	struct entry *entry = table_entry(table, path->entry);

	attr_set_unref(table->attr_sets, path->attrs);
	path->attrs = attr_set_ref(attrs);
	if (entry->best != number)
		return;
	entry->flags |= ENTRY_BEST_TOUCHED;
	change->was_best = true;
	change->cause = BEST_CHANGED;
}

/* A path without attributes has some now. */
static void first_attrs(struct table *table, struct peer_paths *peer_paths, uint32_t number,
	struct attr_set *attrs, enum path_list list)
{
	table_path(table, number)->attrs = attr_set_ref(attrs);
	peer_paths_add(peer_paths, &table->paths, number, list);
	if (table->capturing)
		bitmap_set(&table->living, number);
	table->n_paths++;
}

/*
 * The first announcement of a path. One that is to have the number `wanted`, unless that is
 * PATH_NONE, is stale. False when memory is short; then an entry made for it is gone.
 */
static bool announce_new(struct table *table, uint16_t source, struct peer_paths *peer_paths,
	uint32_t path_id, struct attr_set *attrs, uint32_t wanted, struct table_change *change)
{
	change->path = entry_add_path(table, change->entry, source, path_id, wanted);
	if (change->path == PATH_NONE) {
		entry_free_if_idle(table, change->entry);
		return false;
	}
	first_attrs(table, peer_paths, change->path, attrs,
		wanted == PATH_NONE ? PATHS_FRESH : PATHS_STALE);
	return true;
}

/*
 * The path, with the attributes that it has, is announced once more: RFC 4271 section 9 sees no
 * change, but for a decision by other rules that is due.
 */
static void announce_same(struct table *table, struct peer_paths *peer_paths, uint32_t number,
	struct table_change *change)
{
	struct entry *entry = table_entry(table, change->entry);

	change->changed = false;
	if (!path_is_stale(peer_paths, table_path(table, number)))
		return;
	peer_paths_put(peer_paths, &table->paths, number, PATHS_FRESH);
	if (!peer_paths->reconsider)
		return;
	change->changed = true;
	change->cause = BEST_RULES;
	if (entry->best == number)
		entry->flags |= ENTRY_BEST_TOUCHED;
}

bool table_announce(struct table *table, uint16_t source, struct peer_paths *peer_paths,
	const struct prefix *prefix, uint32_t path_id, struct attr_set *attrs,
	struct table_change *change)
{
	uint32_t entry_number = table_find_or_add(table, prefix);
	const struct path *path;
	uint32_t number;

	if (entry_number == SLAB_NONE)
		return false;
	number = entry_find_path(table, entry_number, source, path_id);
	*change = (struct table_change){
		.changed = true, .cause = BEST_ANNOUNCED, .entry = entry_number, .path = number
	};
	if (number == PATH_NONE)
		return announce_new(table, source, peer_paths, path_id, attrs, PATH_NONE, change);
	path = table_path(table, number);
	if (path->attrs == NULL) {
		first_attrs(table, peer_paths, number, attrs, PATHS_FRESH);
	} else if (path->attrs == attrs) {
		announce_same(table, peer_paths, number, change);
	} else {
		if (path_is_stale(peer_paths, path))
			peer_paths_put(peer_paths, &table->paths, number, PATHS_FRESH);
		replace_attrs(table, number, attrs, change);
	}
	return true;
}

bool table_announce_at(struct table *table, uint16_t source, struct peer_paths *peer_paths,
	const struct prefix *prefix, uint32_t path_id, struct attr_set *attrs, uint32_t number,
	struct table_change *change)
{
	uint32_t entry_number = table_find_or_add(table, prefix);

	if (entry_number == SLAB_NONE)
		return false;
	*change = (struct table_change){
		.changed = true, .cause = BEST_ANNOUNCED, .entry = entry_number
	};
	change->path = entry_find_path(table, entry_number, source, path_id);
	if (change->path == PATH_NONE)
		return announce_new(table, source, peer_paths, path_id, attrs, number, change);
	change->changed = false;
	return true;
}

void table_replace(
	struct table *table, uint32_t number, struct attr_set *attrs, struct table_change *change)
{
	*change = (struct table_change){ .changed = true,
		.cause = BEST_ANNOUNCED,
		.entry = table_path(table, number)->entry,
		.path = number };
	replace_attrs(table, number, attrs, change);
}

void table_withdraw_path(struct table *table, struct peer_paths *peer_paths, uint32_t number,
	struct table_change *change)
{
	struct path *path = table_path(table, number);
	struct entry *entry = table_entry(table, path->entry);

	*change = (struct table_change){
		.changed = true, .cause = BEST_WITHDRAWN, .entry = path->entry, .path = number
	};
	peer_paths_remove(peer_paths, &table->paths, number);
	attr_set_unref(table->attr_sets, path->attrs);
	path->attrs = NULL;
	if (table->capturing)
		bitmap_clear(&table->living, number);
	table->n_paths--;
	if (entry->best == number) {
		change->was_best = true;
		entry->best = PATH_NONE;
		entry->flags |= ENTRY_BEST_TOUCHED;
		table->n_prefixes--;
	}
}

void table_withdraw(struct table *table, uint16_t source, struct peer_paths *peer_paths,
	const struct prefix *prefix, uint32_t path_id, struct table_change *change)
{
	uint32_t entry = tree_find(&table->tree, prefix);
	uint32_t number;

	*change = (struct table_change){ .changed = false };
	if (entry == TREE_NONE)
		return;
	number = entry_find_path(table, entry, source, path_id);
	if (number == PATH_NONE || table_path(table, number)->attrs == NULL)
		return;
	table_withdraw_path(table, peer_paths, number, change);
}

/*
 * Puts an entry up for decision. Of several causes before it the one stands that touched the best
 * path last; where none did, a path that came rather than one that went.
 */
static void put_up(struct table *table, uint32_t number, bool was_best, enum best_cause cause)
{
	struct entry *entry = table_entry(table, number);
	bool first = change_set_add(&table->undecided, number);

	if (first)
		table_mark_entry(table, number);
	if (!was_best && !first && ((entry->flags & ENTRY_BEST_TOUCHED) || cause != BEST_ANNOUNCED))
		return;
	entry->flags = (uint8_t)((entry->flags & ~ENTRY_CAUSE) | cause << ENTRY_CAUSE_SHIFT);
}

void table_settle(struct table *table, const struct table_change *change)
{
	if (!change->changed)
		return;
	put_up(table, change->entry, change->was_best, change->cause);
	if (table->capturing)
		change_set_add(&table->captured, change->path);
	path_free_if_idle(table, change->path);
}

void table_redecide(struct table *table, uint32_t number)
{
	const struct path *path = table_path(table, number);
	struct entry *entry = table_entry(table, path->entry);

	put_up(table, path->entry, false, BEST_RULES);
	if (entry->best == number)
		entry->flags |= ENTRY_BEST_TOUCHED;
}

void table_unmark_entry(struct table *table, uint32_t number)
{
	table_entry(table, number)->marks--;
	entry_free_if_idle(table, number);
}

void table_unmark_path(struct table *table, uint32_t number)
{
	table_path(table, number)->marks--;
	path_free_if_idle(table, number);
}

size_t table_memory(const struct table *table)
{
	return tree_memory(&table->tree) + slab_memory(&table->entries) +
	       slab_memory(&table->paths) + path_index_memory(&table->path_index) +
	       change_set_memory(&table->undecided) + change_set_memory(&table->captured) +
	       bitmap_memory(&table->living);
}
