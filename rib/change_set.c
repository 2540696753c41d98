#include "rib/change_set.h"

#include <stdlib.h>
#include <string.h>

#include "rib/bitmap.h"

void change_set_destroy(struct change_set *set)
{
	free(set->words);
	free(set->summary);
	*set = (struct change_set){ 0 };
}

bool change_set_grow(struct change_set *set, uint32_t limit)
{
	size_t wanted = ((size_t)limit + 63) / 64;
	size_t n_words = set->n_words ? set->n_words : 64;
	uint64_t *words, *summary;

	while (n_words < wanted)
		n_words *= 2;
	words = realloc(set->words, n_words * sizeof(*words));
	if (words == NULL)
		return false;
	set->words = words;
	summary = realloc(set->summary, n_words / 64 * sizeof(*summary));
	if (summary == NULL)
		return false; /* `words` is larger than n_words says: harmless */
	set->summary = summary;
	memset(words + set->n_words, 0, (n_words - set->n_words) * sizeof(*words));
	memset(summary + set->n_words / 64, 0, (n_words - set->n_words) / 64 * sizeof(*summary));
	set->n_words = n_words;
	return true;
}

uint32_t change_set_next(const struct change_set *set, uint32_t from)
{
	size_t word = from / 64;
	uint64_t bits;

	if (set->count == 0 || word >= set->n_words)
		return CHANGE_SET_END;
	bits = set->words[word] & ~(uint64_t)0 << from % 64;
	if (bits == 0) {
		size_t group = ++word / 64;
		size_t n_groups = set->n_words / 64;

		if (group >= n_groups)
			return CHANGE_SET_END;
		bits = set->summary[group] & ~(uint64_t)0 << word % 64;
		while (bits == 0) {
			if (++group == n_groups)
				return CHANGE_SET_END;
			bits = set->summary[group];
		}
		word = group * 64 + (size_t)__builtin_ctzll(bits);
		bits = set->words[word];
	}
	return (uint32_t)(word * 64 + (size_t)__builtin_ctzll(bits));
}

uint32_t change_set_next_without(
	const struct change_set *set, const struct change_set *without, uint32_t from)
{
	for (;;) {
		uint32_t number = change_set_next(set, from);
		size_t word = number / 64;
		uint64_t bits;

		if (number == CHANGE_SET_END)
			return CHANGE_SET_END;
		bits = set->words[word] & ~(uint64_t)0 << number % 64;
		if (word < without->n_words)
			bits &= ~without->words[word];
		if (bits != 0)
			return (uint32_t)(word * 64 + (size_t)__builtin_ctzll(bits));
		from = (uint32_t)(word + 1) * 64;
	}
}

unsigned change_set_take(
	struct change_set *set, uint32_t from, size_t most, uint32_t *base, uint64_t *bits)
{
	uint32_t first = change_set_next(set, from);
	size_t word = first / 64;
	unsigned n;

	if (first == CHANGE_SET_END || most == 0)
		return 0;
	*base = (uint32_t)word * 64;
	*bits = set->words[word] & ~(uint64_t)0 << first % 64;
	for (n = count_bits(*bits); n > most; n--)
		*bits ^= (uint64_t)1 << (63 - __builtin_clzll(*bits));
	set->words[word] ^= *bits;
	if (set->words[word] == 0)
		set->summary[word / 64] &= ~((uint64_t)1 << word % 64);
	set->count -= n;
	return n;
}

size_t change_set_memory(const struct change_set *set)
{
	return set->n_words * sizeof(uint64_t) + set->n_words / 64 * sizeof(uint64_t);
}
