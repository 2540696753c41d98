/*
 * Interned attribute sets: every path with the same attributes and next hop points to one object,
 * counted. Owns the table of sets and, in front of it, a cache from the raw bytes of an UPDATE to
 * its set, so that attributes seen before are not parsed again. Called by adj_rib_in.c (in) and the
 * table (counts); it knows no peer and no prefix. Sets that the journal was told of have an ID: see
 * rib/capture.h.
 */
#ifndef RIB_ATTR_SET_H
#define RIB_ATTR_SET_H

#include "bgp/attribute.h"
#include "rib/siphash.h"

/* There may be a million: 32 bytes in front of the keys. */
struct attr_set {
	struct attr_set *chain; /* in the table */
	uint64_t journal_id; /* below attr_sets.first_id: the journal does not know the set */
	uint32_t hash;
	uint32_t refs;
	uint32_t cached : 31; /* of these, held by slots of the cache: other raw bytes may mean the
				 same */
	uint32_t counted : 1; /* its bytes are in a sum of the journal's, see rib/capture.h */
	uint32_t : 0; /* what is above changes while the journal's writer reads what is below */
	uint32_t len : 24; /* of `bytes`: CANONICAL_MAX at most */
	uint32_t verdict : 8; /* 0: usable; else 1 + enum drop_reason: a loop (see adj_rib_in.c) */
	struct attribute_keys keys;
	uint8_t bytes[]; /* canonical, see bgp/attribute.h */
};

struct attr_cache_slot {
	struct siphash_result key;
	struct attr_set *set; /* holds a reference; NULL: empty */
};

#define ATTR_CACHE_SLOTS 16384

struct attr_sets {
	uint8_t hash_key[16];
	struct attr_set **buckets;
	size_t n_buckets; /* a power of two */
	size_t count;
	size_t memory; /* bytes of sets and buckets */
	struct attr_cache_slot *cache;
	size_t sweep; /* next slot that attr_sets_sweep looks at */
	uint64_t first_id; /* journal IDs: lower ones are forgotten; never 0 */
	uint64_t next_id;
	void (*gone)(void *context, uint64_t id); /* a set with an ID has gone; NULL: nobody asks */
	void *gone_context;
};

/* False when memory is short. */
bool attr_sets_init(struct attr_sets *sets, const uint8_t hash_key[16]);
/* All references must have been given back. */
void attr_sets_destroy(struct attr_sets *sets);

/*
 * The set with these keys and canonical bytes, with a reference for the caller; made if it is new,
 * then `*fresh` is true. NULL when memory is short.
 */
struct attr_set *attr_set_intern(struct attr_sets *sets, const struct attribute_keys *keys,
	struct span canonical, bool *fresh);

static inline struct attr_set *attr_set_ref(struct attr_set *set)
{
	set->refs++;
	return set;
}

void attr_set_unref(struct attr_sets *sets, struct attr_set *set);

static inline size_t attr_set_size(const struct attr_set *set)
{
	return sizeof(*set) + set->len;
}

static inline struct span attr_set_bytes(const struct attr_set *set)
{
	return (struct span){ set->bytes, set->len };
}

/*
 * The cache. `key` is a hash of 128 bits over the raw bytes and all that their meaning depends on.
 * A hit is borrowed, not referenced for the caller.
 */
struct attr_set *attr_cache_find(const struct attr_sets *sets, const struct siphash_result *key);
void attr_cache_put(struct attr_sets *sets, const struct siphash_result *key, struct attr_set *set);
/* Lets go of sets that nothing but the cache holds, among the next `slots` slots. */
void attr_sets_sweep(struct attr_sets *sets, size_t slots);

#endif
