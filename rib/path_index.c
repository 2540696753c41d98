#include "rib/path_index.h"

#include <stdlib.h>
#include <string.h>

#include "rib/table.h"

#define EMPTY	   0
#define GONE	   UINT32_MAX /* in the old table: removed or taken over */
#define TAKEN_OVER 4 /* slots of the old table, with each path that is added */

void path_index_init(struct path_index *index, const uint8_t hash_key[16])
{
	*index = (struct path_index){ 0 };
	memcpy(index->seed, hash_key, sizeof(index->seed));
}

void path_index_destroy(struct path_index *index)
{
	free(index->slots);
	free(index->old);
	index->slots = index->old = NULL;
	index->n_slots = index->n_old = index->count = 0;
}

/*
 * Two rounds of multiply and fold, each with half of the secret: enough against who cannot see the
 * result. The low bits are the place in a table.
 */
static size_t hash_of(
	const struct path_index *index, uint32_t entry, uint16_t source, uint32_t path_id)
{
	unsigned __int128 product;
	uint64_t x = ((uint64_t)entry << 32 | path_id) ^ index->seed[0];

	product = (unsigned __int128)x * 0x9e3779b97f4a7c15u;
	x = (uint64_t)(product >> 64) ^ (uint64_t)product ^ source ^ index->seed[1];
	product = (unsigned __int128)x * 0xd6e8feb86659fd93u;
	return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

static size_t hash_of_path(const struct path_index *index, const struct path *path)
{
	return hash_of(index, path->entry, path->source, path->path_id);
}

uint32_t path_index_find(const struct path_index *index, const struct slab *paths, uint32_t entry,
	uint16_t source, uint32_t path_id)
{
	size_t hash = hash_of(index, entry, source, path_id);
	const uint32_t *tables[] = { index->slots, index->old };
	size_t sizes[] = { index->n_slots, index->n_old };

	for (int i = 0; i < 2 && tables[i] != NULL; i++) {
		const uint32_t *slots = tables[i];
		size_t mask = sizes[i] - 1;

		for (size_t at = hash & mask; slots[at] != EMPTY; at = (at + 1) & mask) {
			const struct path *path;

			if (slots[at] == GONE)
				continue;
			path = slab_at(paths, slots[at] - 1);
			if (path->entry == entry && path->source == source &&
				path->path_id == path_id)
				return slots[at] - 1;
		}
	}
	return SLAB_NONE;
}

static void put(struct path_index *index, const struct slab *paths, uint32_t number)
{
	size_t mask = index->n_slots - 1;
	size_t at = hash_of_path(index, slab_at(paths, number)) & mask;

	while (index->slots[at] != EMPTY)
		at = (at + 1) & mask;
	index->slots[at] = number + 1;
}

/* Takes over what stands in the next `n` slots of the old table. */
static void take_over(struct path_index *index, const struct slab *paths, size_t n)
{
	for (; index->old != NULL && n > 0; n--) {
		uint32_t *slot = &index->old[index->moved++];

		if (*slot != EMPTY && *slot != GONE) {
			put(index, paths, *slot - 1);
			*slot = GONE;
		}
		if (index->moved == index->n_old) {
			free(index->old);
			index->old = NULL;
			index->n_old = 0;
		}
	}
}

static bool grow(struct path_index *index)
{
	size_t n_slots = index->n_slots ? index->n_slots * 2 : 256;
	uint32_t *slots = calloc(n_slots, sizeof(*slots));

	if (slots == NULL)
		return false;
	index->old = index->slots;
	index->n_old = index->n_slots;
	index->moved = 0;
	index->slots = slots;
	index->n_slots = n_slots;
	return true;
}

bool path_index_add(struct path_index *index, const struct slab *paths, uint32_t number)
{
	/*
	 * The old table is gone after n_old / 4 additions; the next time that this one is half full
	 * comes after n_old / 2 at the earliest.
	 */
	take_over(index, paths, TAKEN_OVER);
	if (index->count * 2 >= index->n_slots && !grow(index))
		return false;
	put(index, paths, number);
	index->count++;
	return true;
}

/* Where the number stands in a table; SIZE_MAX: nowhere. */
static size_t slot_of_number(const uint32_t *slots, size_t n_slots, size_t hash, uint32_t number)
{
	size_t mask = n_slots - 1;

	if (slots == NULL)
		return SIZE_MAX;
	for (size_t at = hash & mask; slots[at] != EMPTY; at = (at + 1) & mask) {
		if (slots[at] == number + 1)
			return at;
	}
	return SIZE_MAX;
}

/* What stands behind the hole and would have liked to stand in front of it moves up. */
static void close_hole(struct path_index *index, const struct slab *paths, size_t hole)
{
	size_t mask = index->n_slots - 1;

	for (size_t at = (hole + 1) & mask; index->slots[at] != EMPTY; at = (at + 1) & mask) {
		const struct path *path = slab_at(paths, index->slots[at] - 1);
		size_t wanted = hash_of_path(index, path) & mask;

		if (((at - wanted) & mask) >= ((at - hole) & mask)) {
			index->slots[hole] = index->slots[at];
			hole = at;
		}
	}
	index->slots[hole] = EMPTY;
}

void path_index_remove(struct path_index *index, const struct slab *paths, uint32_t number)
{
	size_t hash = hash_of_path(index, slab_at(paths, number));
	size_t at = slot_of_number(index->slots, index->n_slots, hash, number);

	if (at != SIZE_MAX) {
		close_hole(index, paths, at);
	} else {
		at = slot_of_number(index->old, index->n_old, hash, number);
		if (at == SIZE_MAX)
			return;
		/* Nothing may move up, out of the part that is yet to be taken over. */
		index->old[at] = GONE;
	}
	index->count--;
}

size_t path_index_memory(const struct path_index *index)
{
	return (index->n_slots + index->n_old) * sizeof(uint32_t);
}
