/*
 * Finds a path among the very many of one prefix. A prefix with a few paths is searched by walking
 * its list; behind an anycast address stand thousands of nodes, and a hostile peer may send as many
 * path IDs as it likes, so a long list is indexed here. Owned by the table, one a family.
 */
#ifndef RIB_PATH_INDEX_H
#define RIB_PATH_INDEX_H

#include "rib/slab.h"

/*
 * Grows by the way: a twice as large table takes over a few paths with each that is added, so that
 * nobody waits for a million. Until then a path is in one of the two.
 */
struct path_index {
	uint32_t *slots; /* path numbers + 1; 0: empty */
	size_t n_slots; /* 0, or a power of two */
	uint32_t *old; /* the table before; NULL: all of it was taken over */
	size_t n_old;
	size_t moved; /* slots of `old` that were */
	size_t count;
	uint64_t seed[2]; /* secret */
};

void path_index_init(struct path_index *index, const uint8_t hash_key[16]);
void path_index_destroy(struct path_index *index);
/* SLAB_NONE when it is not there. `paths` is the slab of struct path that the numbers are of. */
uint32_t path_index_find(const struct path_index *index, const struct slab *paths, uint32_t entry,
	uint16_t source, uint32_t path_id);
/* The path must not be there yet. False when memory is short. */
bool path_index_add(struct path_index *index, const struct slab *paths, uint32_t number);
/* No-op when it is not there. */
void path_index_remove(struct path_index *index, const struct slab *paths, uint32_t number);
size_t path_index_memory(const struct path_index *index);

#endif
