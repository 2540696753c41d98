/*
 * Small blocks of memory, for an owner who has hundreds of thousands of them in a few sizes: one
 * list of free blocks a size, carved from chunks that are given back with the pool only. So it
 * holds the most that was ever needed of each size: not for an owner whose sizes others choose. No
 * header a block and no lock, which malloc takes once the process has a second thread. It belongs
 * to one thread, and never initialises a block. The tree owns one.
 */
#ifndef RIB_POOL_H
#define RIB_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_UNIT 8 /* sizes are rounded up to a multiple, which is the alignment too */
#define POOL_MAX  512 /* bytes of a block */

struct pool {
	struct pool_chunk *chunks;
	uint8_t *fresh; /* of the first chunk: never handed out ... */
	size_t n_fresh; /* ... so many bytes */
	void *returned[POOL_MAX / POOL_UNIT]; /* by size: blocks that came back, threaded through
						 their first bytes */
	size_t used; /* bytes of the blocks that are out */
	size_t memory; /* ... and of all chunks */
};

/* All blocks go. A zeroed pool is an empty one. */
void pool_destroy(struct pool *pool);
/* Frees one chunk of a pool whose blocks nobody uses or asks for any more. False without one. */
bool pool_free_chunk(struct pool *pool);
/* A block of `size` bytes, 1 to POOL_MAX; NULL when memory is short. */
void *pool_alloc(struct pool *pool, size_t size);
/* Takes back a block of `size` bytes; NULL: nothing happens. */
void pool_free(struct pool *pool, void *block, size_t size);

#endif
