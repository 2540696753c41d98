/*
 * Records with small dense numbers: what lets a bitmap of a few kilobytes stand for a set of
 * prefixes, and 32 bits for a pointer. Records never move; numbers are used again, the last freed
 * first. The table owns two slabs a family (entries and paths). A slab never initialises a record
 * beyond zeroing it.
 */
#ifndef RIB_SLAB_H
#define RIB_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLAB_NONE	UINT32_MAX
#define SLAB_CHUNK_BITS 12

struct slab {
	uint8_t **chunks;
	size_t n_chunks;
	size_t record_size; /* bytes, a multiple of 4, at least 4 */
	uint32_t used; /* numbers below it were handed out at least once */
	uint32_t free; /* first of the free list, threaded through the records; SLAB_NONE when empty
			*/
	uint32_t live;
};

void slab_init(struct slab *slab, size_t record_size);
void slab_destroy(struct slab *slab);
/*
 * Frees the chunk with the highest numbers, of a slab that is not allocated from any more. False
 * without one.
 */
bool slab_free_chunk(struct slab *slab);
/* A zeroed record's number; SLAB_NONE when memory is short. */
uint32_t slab_alloc(struct slab *slab);
/*
 * ... of that number, which lies at or above `used`: those in between become free. False when
 * memory is short.
 */
bool slab_alloc_at(struct slab *slab, uint32_t number);
void slab_free(struct slab *slab, uint32_t number);
/* Bytes held. */
size_t slab_memory(const struct slab *slab);

static inline void *slab_at(const struct slab *slab, uint32_t number)
{
	return slab->chunks[number >> SLAB_CHUNK_BITS] +
	       (number & ((1u << SLAB_CHUNK_BITS) - 1)) * slab->record_size;
}

#endif
