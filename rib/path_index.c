#include "rib/path_index.h"

#include <stdlib.h>
#include <string.h>

#include "rib/table.h"

void path_index_init(struct path_index *index, const uint8_t hash_key[16])
{
	*index = (struct path_index){ 0 };
	memcpy(index->seed, hash_key, sizeof(index->seed));
}

void path_index_destroy(struct path_index *index)
{
	free(index->slots);
	index->slots = NULL;
	index->n_slots = index->count = 0;
}

/*
 * Two rounds of multiply and fold, each with half of the secret: enough against who cannot see the
 * result.
 */
static size_t place_of(
	const struct path_index *index, uint32_t entry, uint16_t source, uint32_t path_id)
{
	unsigned __int128 product;
	uint64_t x = ((uint64_t)entry << 32 | path_id) ^ index->seed[0];

	product = (unsigned __int128)x * 0x9e3779b97f4a7c15u;
	x = (uint64_t)(product >> 64) ^ (uint64_t)product ^ source ^ index->seed[1];
	product = (unsigned __int128)x * 0xd6e8feb86659fd93u;
	return ((uint64_t)(product >> 64) ^ (uint64_t)product) & (index->n_slots - 1);
}

static size_t place_of_path(const struct path_index *index, const struct path *path)
{
	return place_of(index, path->entry, path->source, path->path_id);
}

uint32_t path_index_find(const struct path_index *index, const struct slab *paths, uint32_t entry,
	uint16_t source, uint32_t path_id)
{
	size_t at;

	if (index->n_slots == 0)
		return SLAB_NONE;
	at = place_of(index, entry, source, path_id);
	for (; index->slots[at] != SLAB_NONE; at = (at + 1) & (index->n_slots - 1)) {
		const struct path *path = slab_at(paths, index->slots[at]);

		if (path->entry == entry && path->source == source && path->path_id == path_id)
			return index->slots[at];
	}
	return SLAB_NONE;
}

static void put(struct path_index *index, const struct slab *paths, uint32_t number)
{
	size_t at = place_of_path(index, slab_at(paths, number));

	while (index->slots[at] != SLAB_NONE)
		at = (at + 1) & (index->n_slots - 1);
	index->slots[at] = number;
}

static bool grow(struct path_index *index, const struct slab *paths)
{
	size_t n_old = index->n_slots, n_slots = n_old ? n_old * 2 : 256;
	uint32_t *old = index->slots, *slots = malloc(n_slots * sizeof(*slots));

	if (slots == NULL)
		return false;
	memset(slots, 0xff, n_slots * sizeof(*slots));
	index->slots = slots;
	index->n_slots = n_slots;
	for (size_t i = 0; i < n_old; i++) {
		if (old[i] != SLAB_NONE)
			put(index, paths, old[i]);
	}
	free(old);
	return true;
}

bool path_index_add(struct path_index *index, const struct slab *paths, uint32_t number)
{
	if (index->count * 2 >= index->n_slots && !grow(index, paths))
		return false;
	put(index, paths, number);
	index->count++;
	return true;
}

void path_index_remove(struct path_index *index, const struct slab *paths, uint32_t number)
{
	size_t mask = index->n_slots - 1, hole, at;

	if (index->n_slots == 0)
		return;
	hole = place_of_path(index, slab_at(paths, number));
	while (index->slots[hole] != number) {
		if (index->slots[hole] == SLAB_NONE)
			return;
		hole = (hole + 1) & mask;
	}
	/* What stands behind the hole and would have liked to stand in front of it moves up. */
	for (at = (hole + 1) & mask; index->slots[at] != SLAB_NONE; at = (at + 1) & mask) {
		size_t wanted = place_of_path(index, slab_at(paths, index->slots[at]));

		if (((at - wanted) & mask) >= ((at - hole) & mask)) {
			index->slots[hole] = index->slots[at];
			hole = at;
		}
	}
	index->slots[hole] = SLAB_NONE;
	index->count--;
}
