/*
 * A bit for each of many dense numbers, unset at first: for what is set, cleared and asked about by
 * number or by word. What is to be walked, or counted, is a change set (change_set.h). The table
 * owns one a family. It knows nothing of what the bits mean. And how many bits of a word are set,
 * for all who have words of them.
 */
#ifndef RIB_BITMAP_H
#define RIB_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The compiler's own is a call to a table look-up on x86-64, whose baseline has no instruction for
 * it; what it recognizes in this is an instruction where there is one.
 */
static inline unsigned count_bits(uint64_t bits)
{
	bits -= bits >> 1 & 0x5555555555555555u;
	bits = (bits & 0x3333333333333333u) + (bits >> 2 & 0x3333333333333333u);
	bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0fu;
	return (unsigned)(bits * 0x0101010101010101u >> 56);
}

struct bitmap {
	uint64_t *words;
	size_t n_words;
};

void bitmap_destroy(struct bitmap *bitmap);
/* Of one that lacks it: see bitmap_reserve. */
bool bitmap_grow(struct bitmap *bitmap, uint32_t limit);
size_t bitmap_memory(const struct bitmap *bitmap);

/* Makes room for numbers below `limit`. False when memory is short. */
static inline bool bitmap_reserve(struct bitmap *bitmap, uint32_t limit)
{
	return limit <= bitmap->n_words * 64 || bitmap_grow(bitmap, limit);
}

/* Both: `number` lies below what was reserved. */
static inline void bitmap_set(struct bitmap *bitmap, uint32_t number)
{
	bitmap->words[number / 64] |= (uint64_t)1 << number % 64;
}
static inline void bitmap_clear(struct bitmap *bitmap, uint32_t number)
{
	bitmap->words[number / 64] &= ~((uint64_t)1 << number % 64);
}

/* Those from `base` on, a multiple of 64: bit n is that of base + n. Beyond the room none is set.
 */
static inline uint64_t bitmap_word(const struct bitmap *bitmap, uint32_t base)
{
	return base / 64 < bitmap->n_words ? bitmap->words[base / 64] : 0;
}

#endif
