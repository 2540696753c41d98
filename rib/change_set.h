/*
 * A set of dense numbers (prefix entries, or paths in ADD-PATH groups) that changed and have not
 * been told yet: a bitmap with a summary above it, so adding twice costs nothing, walking costs the
 * set's size, and a million numbers take 128 KiB. Update groups, detached peers and the decision
 * each own some. It knows nothing of what the numbers mean.
 */
#ifndef RIB_CHANGE_SET_H
#define RIB_CHANGE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct change_set {
	uint64_t *words; /* a bit a number */
	uint64_t *summary; /* a bit a word that is not zero */
	size_t n_words; /* a multiple of 64 */
	size_t count;
};

#define CHANGE_SET_END UINT32_MAX

void change_set_destroy(struct change_set *set);
/* Of a set that lacks it: see change_set_reserve. */
bool change_set_grow(struct change_set *set, uint32_t limit);
/* The first member that is >= `from`; CHANGE_SET_END when there is none. */
uint32_t change_set_next(const struct change_set *set, uint32_t from);
/* ... and is none of `without`: passes over what both have a word at a time. */
uint32_t change_set_next_without(
	const struct change_set *set, const struct change_set *without, uint32_t from);
/*
 * Takes up to `most` members off, the lowest of the first word that has one >= `from`: the member
 * *base + n where bit n of *bits is set. How many; 0 when there is none.
 */
unsigned change_set_take(
	struct change_set *set, uint32_t from, size_t most, uint32_t *base, uint64_t *bits);
size_t change_set_memory(const struct change_set *set);

/*
 * Makes room for numbers below `limit`: no change_set_add below it can fail afterwards. False when
 * memory is short.
 */
static inline bool change_set_reserve(struct change_set *set, uint32_t limit)
{
	return limit <= set->n_words * 64 || change_set_grow(set, limit);
}

static inline bool change_set_contains(const struct change_set *set, uint32_t number)
{
	size_t word = number / 64;

	return word < set->n_words && (set->words[word] >> number % 64 & 1);
}

/* True when it was not a member before. `number` lies below what was reserved. */
static inline bool change_set_add(struct change_set *set, uint32_t number)
{
	uint64_t bit = (uint64_t)1 << number % 64;
	uint64_t *word = &set->words[number / 64];

	if (*word & bit)
		return false;
	*word |= bit;
	set->summary[number / 4096] |= (uint64_t)1 << number / 64 % 64;
	set->count++;
	return true;
}

/* True when it was a member. */
static inline bool change_set_remove(struct change_set *set, uint32_t number)
{
	uint64_t bit = (uint64_t)1 << number % 64;
	size_t word = number / 64;

	if (word >= set->n_words || !(set->words[word] & bit))
		return false;
	set->words[word] &= ~bit;
	if (set->words[word] == 0)
		set->summary[word / 64] &= ~((uint64_t)1 << word % 64);
	set->count--;
	return true;
}

#endif
