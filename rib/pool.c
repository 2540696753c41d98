#include "rib/pool.h"

#include <stdlib.h>
#include <string.h>

#ifndef __has_feature /* clang's */
#define __has_feature(feature) 0
#endif

/* Blocks that nobody has are out of bounds: the address sanitizer says who looks at one. */
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size)   ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

#define CHUNK_SIZE (64u << 10)

struct pool_chunk {
	struct pool_chunk *next;
	_Alignas(POOL_UNIT) uint8_t bytes[CHUNK_SIZE];
};

void pool_destroy(struct pool *pool)
{
	while (pool_free_chunk(pool))
		;
	*pool = (struct pool){ 0 };
}

bool pool_free_chunk(struct pool *pool)
{
	struct pool_chunk *chunk = pool->chunks;

	if (chunk == NULL)
		return false;
	pool->chunks = chunk->next;
	ASAN_UNPOISON_MEMORY_REGION(chunk->bytes, sizeof(chunk->bytes));
	free(chunk);
	return true;
}

static size_t units_of(size_t size)
{
	return (size + POOL_UNIT - 1) / POOL_UNIT;
}

/* A block that nobody has is threaded through its first bytes. */
static void put(struct pool *pool, void *block, size_t units)
{
	ASAN_UNPOISON_MEMORY_REGION(block, sizeof(void *));
	memcpy(block, &pool->returned[units - 1], sizeof(void *));
	ASAN_POISON_MEMORY_REGION(block, units * POOL_UNIT);
	pool->returned[units - 1] = block;
}

/* What is left of the chunk in use becomes one block. */
static bool add_chunk(struct pool *pool)
{
	struct pool_chunk *chunk = malloc(sizeof(*chunk));

	if (chunk == NULL)
		return false;
	if (pool->n_fresh > 0)
		put(pool, pool->fresh, pool->n_fresh / POOL_UNIT);
	chunk->next = pool->chunks;
	pool->chunks = chunk;
	pool->fresh = chunk->bytes;
	pool->n_fresh = sizeof(chunk->bytes);
	pool->memory += sizeof(*chunk);
	ASAN_POISON_MEMORY_REGION(chunk->bytes, sizeof(chunk->bytes));
	return true;
}

void *pool_alloc(struct pool *pool, size_t size)
{
	size_t units = units_of(size);
	void *block = pool->returned[units - 1];

	if (block != NULL) {
		ASAN_UNPOISON_MEMORY_REGION(block, sizeof(void *));
		memcpy(&pool->returned[units - 1], block, sizeof(void *));
		ASAN_POISON_MEMORY_REGION(block, sizeof(void *));
	} else {
		if (pool->n_fresh < units * POOL_UNIT && !add_chunk(pool))
			return NULL;
		block = pool->fresh;
		pool->fresh += units * POOL_UNIT;
		pool->n_fresh -= units * POOL_UNIT;
	}
	ASAN_UNPOISON_MEMORY_REGION(block, size);
	pool->used += units * POOL_UNIT;
	return block;
}

void pool_free(struct pool *pool, void *block, size_t size)
{
	if (block == NULL)
		return;
	put(pool, block, units_of(size));
	pool->used -= units_of(size) * POOL_UNIT;
}
