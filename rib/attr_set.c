#include "rib/attr_set.h"

#include <stdlib.h>
#include <string.h>

bool attr_sets_init(struct attr_sets *sets, const uint8_t hash_key[16])
{
	*sets = (struct attr_sets){ .n_buckets = 1024, .first_id = 1, .next_id = 1 };
	memcpy(sets->hash_key, hash_key, sizeof(sets->hash_key));
	sets->buckets = calloc(sets->n_buckets, sizeof(*sets->buckets));
	sets->cache = calloc(ATTR_CACHE_SLOTS, sizeof(*sets->cache));
	if (sets->buckets == NULL || sets->cache == NULL) {
		free(sets->buckets);
		free(sets->cache);
		return false;
	}
	sets->memory = sets->n_buckets * sizeof(*sets->buckets);
	return true;
}

void attr_sets_destroy(struct attr_sets *sets)
{
	attr_sets_sweep(sets, ATTR_CACHE_SLOTS);
	free(sets->buckets);
	free(sets->cache);
	*sets = (struct attr_sets){ 0 };
}

/*
 * Each chain becomes two. All of the new table is written, and nothing of it is read before: to
 * read a fresh page first costs a second fault and, where other threads run, an interrupt to them.
 */
static void attr_sets_grow(struct attr_sets *sets)
{
	size_t half = sets->n_buckets, n_buckets = half * 2;
	struct attr_set **buckets = reallocarray(NULL, n_buckets, sizeof(*buckets));

	if (buckets == NULL)
		return; /* longer chains are slower, not wrong */
	for (size_t i = 0; i < half; i++) {
		struct attr_set *split[2] = { NULL, NULL };

		for (struct attr_set *set = sets->buckets[i], *next; set != NULL; set = next) {
			struct attr_set **chain = &split[(set->hash & half) != 0];

			next = set->chain;
			set->chain = *chain;
			*chain = set;
		}
		buckets[i] = split[0];
		buckets[half + i] = split[1];
	}
	free(sets->buckets);
	sets->memory += (n_buckets - sets->n_buckets) * sizeof(*buckets);
	sets->buckets = buckets;
	sets->n_buckets = n_buckets;
}

/*
 * The canonical bytes and the next hop say everything; the other keys follow from them, except the
 * verdict, which is the same for the same bytes.
 */
static uint32_t attr_set_hash(
	const struct attr_sets *sets, const struct attribute_keys *keys, struct span canonical)
{
	struct siphash hash;

	siphash_begin(&hash, sets->hash_key);
	siphash_add(&hash, &keys->next_hop_len, sizeof(keys->next_hop_len));
	siphash_add(&hash, keys->next_hop, keys->next_hop_len);
	siphash_add(&hash, canonical.bytes, canonical.len);
	return (uint32_t)siphash_end(&hash).low;
}

struct attr_set *attr_set_intern(struct attr_sets *sets, const struct attribute_keys *keys,
	struct span canonical, bool *fresh)
{
	uint32_t hash = attr_set_hash(sets, keys, canonical);
	struct attr_set **bucket = &sets->buckets[hash & (sets->n_buckets - 1)];
	struct attr_set *set;

	*fresh = false;
	for (set = *bucket; set != NULL; set = set->chain) {
		if (set->hash == hash && set->len == canonical.len &&
			set->keys.next_hop_len == keys->next_hop_len &&
			memcmp(set->keys.next_hop, keys->next_hop, keys->next_hop_len) == 0 &&
			memcmp(set->bytes, canonical.bytes, canonical.len) == 0)
			return attr_set_ref(set);
	}
	set = malloc(sizeof(*set) + canonical.len);
	if (set == NULL)
		return NULL;
	*set = (struct attr_set){ .chain = *bucket, .hash = hash, .refs = 1, .keys = *keys };
	_Static_assert(CANONICAL_MAX < 1u << 24, "the length of a set has 24 bits");
	set->len = (uint32_t)canonical.len;
	memcpy(set->bytes, canonical.bytes, canonical.len);
	*bucket = set;
	*fresh = true;
	sets->memory += attr_set_size(set);
	if (++sets->count > sets->n_buckets)
		attr_sets_grow(sets);
	return set;
}

void attr_set_unref(struct attr_sets *sets, struct attr_set *set)
{
	struct attr_set **at;

	if (--set->refs > 0)
		return;
	at = &sets->buckets[set->hash & (sets->n_buckets - 1)];
	while (*at != set)
		at = &(*at)->chain;
	*at = set->chain;
	if (set->journal_id >= sets->first_id && sets->gone != NULL)
		sets->gone(sets->gone_context, set->journal_id);
	sets->count--;
	sets->memory -= attr_set_size(set);
	free(set);
}

struct attr_set *attr_cache_find(const struct attr_sets *sets, const struct siphash_result *key)
{
	const struct attr_cache_slot *slot = &sets->cache[key->low % ATTR_CACHE_SLOTS];

	if (slot->set == NULL || slot->key.low != key->low || slot->key.high != key->high)
		return NULL;
	return slot->set;
}

static void cache_clear(struct attr_sets *sets, struct attr_cache_slot *slot)
{
	if (slot->set == NULL)
		return;
	slot->set->cached--;
	attr_set_unref(sets, slot->set);
	slot->set = NULL;
}

void attr_cache_put(struct attr_sets *sets, const struct siphash_result *key, struct attr_set *set)
{
	struct attr_cache_slot *slot = &sets->cache[key->low % ATTR_CACHE_SLOTS];

	set->cached++;
	attr_set_ref(set);
	cache_clear(sets, slot);
	slot->key = *key;
	slot->set = set;
}

void attr_sets_sweep(struct attr_sets *sets, size_t slots)
{
	for (; slots > 0; slots--) {
		struct attr_cache_slot *slot = &sets->cache[sets->sweep];

		if (slot->set != NULL && slot->set->refs == slot->set->cached)
			cache_clear(sets, slot);
		sets->sweep = (sets->sweep + 1) % ATTR_CACHE_SLOTS;
	}
}
