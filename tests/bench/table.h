/*
 * What all speakers of the process share so that thousands of received tables stay small: prefixes
 * with their path IDs are numbered (a slot), attribute sets with their next hop are interned and
 * numbered, and an UPDATE that was taken apart once is found again by its bytes when the next
 * client receives it. A client's Adj-RIB-In is then an array of attribute set numbers by slot
 * number. Called by the receiving and the announcing half of the speaker; it knows no speaker, no
 * socket and no clock, and never forgets a slot or an attribute set.
 */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include "bgp/attribute.h"
#include "bgp/update.h"

struct slot {
	struct prefix prefix;
	uint32_t path_id; /* RFC 7911; 0 without ADD-PATH */
	uint32_t base; /* the slot of the same prefix with path ID 0 */
};

/* Attributes as bgp/attribute.h calls canonical, with the next hop beside them. */
struct attribute_set {
	uint32_t hash;
	uint32_t canonical_len;
	uint32_t originator_id; /* 0: none */
	uint8_t next_hop_len;
	uint8_t next_hop[NEXT_HOP_MAX];
	uint8_t canonical[];
};

/* One change that an UPDATE makes to an Adj-RIB-In. */
struct change {
	uint32_t slot;
	uint32_t set; /* 0: withdrawn */
	uint8_t family; /* enum family; the slot's */
};

/* An UPDATE taken apart; the same for every client that receives the same bytes in the same
 * context. */
struct decoded_update {
	struct decoded_update *next;
	uint64_t hash;
	uint32_t body_len;
	uint32_t n_changes;
	struct attribute_context context;
	bool end_of_rib;
	uint8_t end_of_rib_family;
	bool faulty; /* `reason` says why; the changes are still what RFC 7606 makes of it */
	char reason[160];
	struct change *changes;
	uint8_t *body;
};

struct table;

/* NULL when memory is short. */
struct table *table_new(void);
void table_free(struct table *table);

#define TABLE_NONE UINT32_MAX

/* The number of a prefix and path ID, new if need be; TABLE_NONE when memory is short. */
uint32_t table_slot(struct table *table, const struct prefix *prefix, uint32_t path_id);
const struct slot *table_slot_of(const struct table *table, uint32_t slot);
uint32_t table_slots(const struct table *table);

/* The number (from 1) of an attribute set, new if need be; 0 when memory is short. */
uint32_t table_set(struct table *table, struct span canonical, struct span next_hop);
const struct attribute_set *table_set_of(const struct table *table, uint32_t set);
uint32_t table_sets(const struct table *table);
struct span attribute_set_canonical(const struct attribute_set *set);
struct span attribute_set_next_hop(const struct attribute_set *set);

/*
 * Takes the body of an UPDATE apart, or finds it among those seen before. Borrowed until the next
 * call. NULL when the session must end; `error` then says why (also when memory is short).
 */
const struct decoded_update *table_decode(struct table *table, struct span body,
	const struct attribute_context *context, struct bgp_error *error);

/* UPDATE bodies that were decoded, and those that were found again. */
void table_decode_counts(const struct table *table, uint64_t *decoded, uint64_t *found);

#endif
