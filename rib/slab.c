#include "rib/slab.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_RECORDS (1u << SLAB_CHUNK_BITS)

void slab_init(struct slab *slab, size_t record_size)
{
	*slab = (struct slab){ .record_size = record_size, .free = SLAB_NONE };
}

void slab_destroy(struct slab *slab)
{
	while (slab_free_chunk(slab))
		;
	free(slab->chunks);
	slab_init(slab, slab->record_size);
}

bool slab_free_chunk(struct slab *slab)
{
	if (slab->n_chunks == 0)
		return false;
	free(slab->chunks[--slab->n_chunks]);
	if (slab->used > slab->n_chunks * CHUNK_RECORDS)
		slab->used = (uint32_t)(slab->n_chunks * CHUNK_RECORDS);
	return true;
}

static bool slab_grow(struct slab *slab)
{
	uint8_t **chunks;
	uint8_t *chunk;

	/* The array of chunks doubles when its length is a power of two. */
	if ((slab->n_chunks & (slab->n_chunks - 1)) == 0) {
		size_t room = slab->n_chunks ? slab->n_chunks * 2 : 1;

		chunks = realloc(slab->chunks, room * sizeof(*chunks));
		if (chunks == NULL)
			return false;
		slab->chunks = chunks;
	}
	chunk = malloc(CHUNK_RECORDS * slab->record_size);
	if (chunk == NULL)
		return false;
	slab->chunks[slab->n_chunks++] = chunk;
	return true;
}

uint32_t slab_alloc(struct slab *slab)
{
	uint32_t number = slab->free;

	if (number != SLAB_NONE) {
		memcpy(&slab->free, slab_at(slab, number), sizeof(slab->free));
	} else {
		if (slab->used == SLAB_NONE - 1)
			return SLAB_NONE;
		if (slab->used == slab->n_chunks * CHUNK_RECORDS && !slab_grow(slab))
			return SLAB_NONE;
		number = slab->used++;
	}
	memset(slab_at(slab, number), 0, slab->record_size);
	slab->live++;
	return number;
}

/* Puts a record in front of the free list. */
static void free_list_add(struct slab *slab, uint32_t number)
{
	void *record = slab_at(slab, number);

	/* Zero first: a walk over the numbers must see that nothing lives here. */
	memset(record, 0, slab->record_size);
	memcpy(record, &slab->free, sizeof(slab->free));
	slab->free = number;
}

bool slab_alloc_at(struct slab *slab, uint32_t number)
{
	if (number == SLAB_NONE)
		return false;
	while (slab->n_chunks * CHUNK_RECORDS <= number) {
		if (!slab_grow(slab))
			return false;
	}
	/* Downwards, so that the lowest is handed out first. */
	for (uint32_t n = number; n > slab->used; n--)
		free_list_add(slab, n - 1);
	slab->used = number + 1;
	memset(slab_at(slab, number), 0, slab->record_size);
	slab->live++;
	return true;
}

void slab_free(struct slab *slab, uint32_t number)
{
	free_list_add(slab, number);
	slab->live--;
}

size_t slab_memory(const struct slab *slab)
{
	return slab->n_chunks * CHUNK_RECORDS * slab->record_size;
}
