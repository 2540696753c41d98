#include "rib/bitmap.h"

#include <stdlib.h>
#include <string.h>

void bitmap_destroy(struct bitmap *bitmap)
{
	free(bitmap->words);
	*bitmap = (struct bitmap){ 0 };
}

bool bitmap_grow(struct bitmap *bitmap, uint32_t limit)
{
	size_t wanted = ((size_t)limit + 63) / 64;
	size_t n_words = bitmap->n_words ? bitmap->n_words : 64;
	uint64_t *words;

	while (n_words < wanted)
		n_words *= 2;
	words = realloc(bitmap->words, n_words * sizeof(*words));
	if (words == NULL)
		return false;
	memset(words + bitmap->n_words, 0, (n_words - bitmap->n_words) * sizeof(*words));
	bitmap->words = words;
	bitmap->n_words = n_words;
	return true;
}

size_t bitmap_memory(const struct bitmap *bitmap)
{
	return bitmap->n_words * sizeof(*bitmap->words);
}
