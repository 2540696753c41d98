/*
 * The journal's ear in the table: the numbers of changed paths are in a change set of each table
 * (table_settle puts them there), here they are turned into rows; and decisions are told as they
 * fall.
 */
#include "rib/capture.h"

#include <stdlib.h>

#include "rib/state.h"

/* Has the journal told of all numbers below `limit`. False: memory. */
static bool capture_below(struct table *table, uint32_t limit)
{
	if (!change_set_reserve(&table->captured, limit))
		return false;
	for (uint32_t number = 0; number < limit; number++)
		change_set_add(&table->captured, number);
	return true;
}

bool rib_capture_begin(struct rib *rib, const struct rib_capture *capture, const struct rib *before)
{
	struct capture fresh = {
		.hooks = *capture, .best_family = FAMILY_COUNT, .told_rest = TOLD_NONE
	};

	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		struct table *table = &rib->tables[family];
		uint32_t limit = table->paths.used;

		if (before != NULL && before->tables[family].paths.used > limit)
			limit = before->tables[family].paths.used;
		/* Rows that `before` has not told of yet. */
		if (before != NULL && before->capture.limits[family] > limit)
			limit = before->capture.limits[family];
		if (!capture_below(table, limit))
			return false;
		fresh.limits[family] = limit;
	}
	for (enum family family = 0; family < FAMILY_COUNT; family++)
		rib->tables[family].capturing = true;
	rib->capture = fresh;
	rib->attr_sets.gone = capture->attrs_gone;
	rib->attr_sets.gone_context = capture->context;
	return true;
}

void rib_capture_end(struct rib *rib)
{
	for (enum family family = 0; family < FAMILY_COUNT; family++)
		rib->tables[family].capturing = false;
	free(rib->capture.refused_rows);
	rib->capture = (struct capture){ 0 };
	rib->attr_sets.gone = NULL;
}

void rib_capture_ids_above(struct rib *rib, uint64_t id)
{
	if (id >= rib->attr_sets.next_id)
		rib->attr_sets.next_id = id + 1;
}

void rib_capture_ids_after(struct rib *rib, const struct rib *before, uint64_t more)
{
	rib_capture_ids_above(rib, before->attr_sets.next_id - 1 + more);
}

size_t rib_capture_waiting(const struct rib *rib)
{
	size_t waiting = 0;

	for (enum family family = 0; family < FAMILY_COUNT; family++)
		waiting += rib->tables[family].captured.count;
	return waiting;
}

/* Paths of a word of the bitmap: their sets are asked for together, before they are needed. */
static unsigned describe(const struct rib *rib, const struct table *table, uint32_t base,
	uint64_t bits, struct path_change changes[PATHS_TOLD_MAX])
{
	unsigned n = 0;

	for (; bits != 0; bits &= bits - 1) {
		uint32_t number = base + (uint32_t)__builtin_ctzll(bits);
		const struct path *path = table_path(table, number);
		const struct entry *entry = table_entry(table, path->entry);

		if (n == 0 || changes[n - 1].attrs != path->attrs)
			__builtin_prefetch(path->attrs, 1);
		changes[n++] = (struct path_change){
			.family = table->family,
			.number = number,
			.attrs = path->attrs,
			.length = entry->length,
			.bytes = entry->bytes,
			.peer = rib->peers[path->source]->parameters.id,
			.path_id = path->path_id,
		};
	}
	return n;
}

size_t rib_capture_take(struct rib *rib, size_t most, const struct path_visitor *visitor)
{
	struct path_change changes[PATHS_TOLD_MAX];
	struct capture *capture = &rib->capture;
	size_t taken = 0;
	/* From amid a family to its end, the others, and its begin. */
	unsigned tables_left = FAMILY_COUNT + 1;

	while (taken < most && tables_left > 0) {
		struct table *table = &rib->tables[capture->family];
		uint64_t bits, living;
		uint32_t base;
		unsigned n = change_set_take(
			&table->captured, capture->next, most - taken, &base, &bits);

		if (n == 0) {
			capture->family = (uint8_t)((capture->family + 1) % FAMILY_COUNT);
			capture->next = 0;
			tables_left--;
			continue;
		}
		taken += n;
		capture->next = base + 64 - (uint32_t)__builtin_clzll(bits);
		living = bits & bitmap_word(&table->living, base);
		if (living != bits)
			visitor->gone(visitor->context, table->family, base, bits ^ living);
		if (living != 0)
			visitor->paths(visitor->context, changes,
				describe(rib, table, base, living, changes));
	}
	return taken;
}

void rib_capture_all(struct rib *rib)
{
	rib->attr_sets.first_id = rib->attr_sets.next_id;
	/* There is room: each number in use was reserved when it was given. */
	for (enum family family = 0; family < FAMILY_COUNT; family++)
		(void)capture_below(&rib->tables[family], rib->tables[family].paths.used);
	rib_capture_best_anew(rib);
}

uint64_t rib_capture_attrs_id(struct rib *rib, struct attr_set *attrs, bool *fresh)
{
	struct attr_sets *sets = &rib->attr_sets;

	*fresh = attrs->journal_id < sets->first_id;
	if (*fresh)
		attrs->journal_id = sets->next_id++;
	return attrs->journal_id;
}

/* Why the best path of an entry is no longer what it was. */
static enum best_cause cause_of(
	const struct rib *rib, const struct table *table, const struct entry *entry, uint32_t best)
{
	/* Its paths are out of the running before they are withdrawn. */
	if (best != entry->best && entry->best != PATH_NONE &&
		rib->peers[table_path(table, entry->best)->source]->departing)
		return BEST_PEER_DOWN;
	return (enum best_cause)((entry->flags & ENTRY_CAUSE) >> ENTRY_CAUSE_SHIFT);
}

void capture_tell(struct rib *rib, const struct table *table, uint8_t length, const uint8_t *bytes,
	uint32_t best, enum best_cause cause)
{
	struct capture *capture = &rib->capture;
	struct best_room *room = capture->hooks.room;
	struct attr_set *attrs = NULL;
	uint32_t path_id = 0;
	uint16_t source = 0;
	uint64_t rest;

	if (best != PATH_NONE) {
		const struct path *path = table_path(table, best);

		attrs = path->attrs;
		path_id = path->path_id;
		source = path->source;
	}
	rest = (uint64_t)path_id << 32 | (uint32_t)source << 16 | (uint32_t)cause << 8 |
	       table->family;
	if (room != NULL && room->at != room->end && attrs == capture->told_attrs &&
		rest == capture->told_rest) {
		struct best_row *row = (void *)room->at;

		row->length = length;
		family_copy_address(table->family, row->bytes, bytes);
		room->at += best_row_size(table->family);
		return;
	}
	capture->told_attrs = attrs;
	capture->told_rest = rest;
	capture->hooks.best_changed(capture->hooks.context,
		&(struct best_change){
			.family = table->family,
			.cause = cause,
			.peer = source != 0 ? rib->peers[source]->parameters.id : 0,
			.length = length,
			.bytes = bytes,
			.attrs = attrs,
			.path_id = path_id,
		});
}

void capture_best(
	struct rib *rib, const struct table *table, const struct entry *entry, uint32_t best)
{
	enum best_cause cause = cause_of(rib, table, entry, best);

	/* Decided by other rules, and the same. */
	if (rib->capture.restoring || (best == entry->best && cause == BEST_RULES))
		return;
	capture_tell(rib, table, entry->length, entry->bytes, best, cause);
}

void rib_capture_best_anew(struct rib *rib)
{
	rib->capture.best_family = 0;
	rib->capture.best_next = 0;
}

bool rib_capture_best(struct rib *rib, size_t most)
{
	struct capture *capture = &rib->capture;

	if (capture->hooks.best_changed == NULL)
		return false;
	for (; capture->best_family < FAMILY_COUNT; capture->best_family++) {
		const struct table *table = &rib->tables[capture->best_family];

		while (capture->best_next < table->entries.used) {
			const struct entry *entry = table_entry(table, capture->best_next++);

			if ((entry->flags & ENTRY_IN_USE) && entry->best != PATH_NONE)
				capture_tell(rib, table, entry->length, entry->bytes, entry->best,
					BEST_ANNOUNCED);
			if (--most == 0)
				return true;
		}
		capture->best_next = 0;
	}
	return false;
}
