#include "tests/bench/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* UPDATEs kept to be found again; all are dropped at once beyond that, which costs one decode each.
 */
#define DECODED_BYTES_MAX (64u << 20)
#define DECODED_BUCKETS	  (1u << 16)

struct table {
	struct slot *slots;
	uint32_t n_slots, max_slots;
	uint32_t *slot_index; /* slot + 1, open addressing */
	uint32_t slot_index_size;

	struct attribute_set **sets; /* sets[0] is NULL */
	uint32_t n_sets, max_sets;
	uint32_t *set_index; /* set, open addressing; 0 is empty */
	uint32_t set_index_size;

	struct decoded_update **decoded;
	size_t decoded_bytes;
	uint64_t n_decoded, n_found;

	/* room for the update being decoded */
	struct change *changes;
	size_t n_changes, max_changes;
	uint8_t canonical[CANONICAL_MAX];
};

/* Multiply and fold, eight bytes a step: the peer is the daemon under test, so speed counts and
 * keys do not. */
static uint64_t hash_word(uint64_t hash, uint64_t word)
{
	__uint128_t product = (__uint128_t)(hash ^ word ^ 0xD6E8FEB86659FD93u) *
			      0xA0761D6478BD642Fu;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_bytes(const uint8_t *bytes, size_t len, uint64_t seed)
{
	uint64_t hash = seed ^ (len * 0x9E3779B97F4A7C15u), word;

	for (; len >= sizeof(word); len -= sizeof(word), bytes += sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		hash = hash_word(hash, word);
	}
	if (len == 0)
		return hash;
	word = 0;
	memcpy(&word, bytes, len);
	return hash_word(hash, word);
}

struct table *table_new(void)
{
	struct table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return NULL;
	table->slot_index_size = table->set_index_size = 1024;
	table->max_sets = 256;
	table->n_sets = 1;
	table->slot_index = calloc(table->slot_index_size, sizeof(*table->slot_index));
	table->set_index = calloc(table->set_index_size, sizeof(*table->set_index));
	table->sets = calloc(table->max_sets, sizeof(*table->sets));
	table->decoded = calloc(DECODED_BUCKETS, sizeof(struct decoded_update *));
	if (table->slot_index == NULL || table->set_index == NULL || table->sets == NULL ||
		table->decoded == NULL) {
		table_free(table);
		return NULL;
	}
	return table;
}

static void decoded_drop_all(struct table *table)
{
	for (size_t i = 0; i < DECODED_BUCKETS; i++) {
		while (table->decoded[i] != NULL) {
			struct decoded_update *update = table->decoded[i];

			table->decoded[i] = update->next;
			free(update->changes);
			free(update->body);
			free(update);
		}
	}
	table->decoded_bytes = 0;
}

void table_free(struct table *table)
{
	if (table == NULL)
		return;
	if (table->decoded != NULL)
		decoded_drop_all(table);
	if (table->sets != NULL) {
		for (uint32_t i = 1; i < table->n_sets; i++)
			free(table->sets[i]);
	}
	free(table->decoded);
	free(table->sets);
	free(table->set_index);
	free(table->slot_index);
	free(table->slots);
	free(table->changes);
	free(table);
}

static uint32_t slot_hash(const struct prefix *prefix, uint32_t path_id)
{
	uint64_t hash = (uint64_t)path_id << 16 | (uint64_t)prefix->family << 8 | prefix->length;
	uint64_t words[2];

	memcpy(words, prefix->bytes, sizeof(words));
	return (uint32_t)hash_word(hash_word(hash, words[0]), words[1]);
}

static bool slot_index_grow(struct table *table)
{
	uint32_t size = table->slot_index_size * 2;
	uint32_t *index = calloc(size, sizeof(*index));

	if (index == NULL)
		return false;
	for (uint32_t i = 0; i < table->n_slots; i++) {
		uint32_t at = slot_hash(&table->slots[i].prefix, table->slots[i].path_id);

		while (index[at & (size - 1)] != 0)
			at++;
		index[at & (size - 1)] = i + 1;
	}
	free(table->slot_index);
	table->slot_index = index;
	table->slot_index_size = size;
	return true;
}

/* `hash` is the prefix's and the path ID's. */
static uint32_t slot_of_hash(
	struct table *table, const struct prefix *prefix, uint32_t path_id, uint32_t hash)
{
	uint32_t at = hash, found;

	while ((found = table->slot_index[at & (table->slot_index_size - 1)]) != 0) {
		const struct slot *slot = &table->slots[found - 1];

		if (slot->path_id == path_id && prefix_equal(&slot->prefix, prefix))
			return found - 1;
		at++;
	}
	uint32_t base = path_id == 0 ? table->n_slots : table_slot(table, prefix, 0);
	if (base == TABLE_NONE)
		return TABLE_NONE;
	if (table->n_slots == table->max_slots) {
		uint32_t max = table->max_slots ? table->max_slots * 2 : 1024;
		struct slot *slots = realloc(table->slots, max * sizeof(*slots));

		if (slots == NULL)
			return TABLE_NONE;
		table->slots = slots;
		table->max_slots = max;
	}
	if (table->n_slots >= table->slot_index_size / 2 && !slot_index_grow(table))
		return TABLE_NONE;
	at = hash;
	while (table->slot_index[at & (table->slot_index_size - 1)] != 0)
		at++;
	table->slots[table->n_slots] = (struct slot){ *prefix, path_id, base };
	table->slot_index[at & (table->slot_index_size - 1)] = table->n_slots + 1;
	return table->n_slots++;
}

uint32_t table_slot(struct table *table, const struct prefix *prefix, uint32_t path_id)
{
	return slot_of_hash(table, prefix, path_id, slot_hash(prefix, path_id));
}

const struct slot *table_slot_of(const struct table *table, uint32_t slot)
{
	return &table->slots[slot];
}

uint32_t table_slots(const struct table *table)
{
	return table->n_slots;
}

static bool set_index_grow(struct table *table)
{
	uint32_t size = table->set_index_size * 2;
	uint32_t *index = calloc(size, sizeof(*index));

	if (index == NULL)
		return false;
	for (uint32_t i = 1; i < table->n_sets; i++) {
		uint32_t at = table->sets[i]->hash;

		while (index[at & (size - 1)] != 0)
			at++;
		index[at & (size - 1)] = i;
	}
	free(table->set_index);
	table->set_index = index;
	table->set_index_size = size;
	return true;
}

static bool set_room(struct table *table)
{
	if (table->n_sets == table->max_sets) {
		uint32_t max = table->max_sets * 2;
		struct attribute_set **sets = realloc(
			table->sets, max * sizeof(struct attribute_set *));

		if (sets == NULL)
			return false;
		table->sets = sets;
		table->max_sets = max;
	}
	return table->n_sets < table->set_index_size / 2 || set_index_grow(table);
}

uint32_t table_set(struct table *table, struct span canonical, struct span next_hop)
{
	uint32_t hash = (uint32_t)hash_bytes(
		canonical.bytes, canonical.len, hash_bytes(next_hop.bytes, next_hop.len, 0));
	uint32_t at = hash, found;
	struct attribute_view view;

	while ((found = table->set_index[at & (table->set_index_size - 1)]) != 0) {
		const struct attribute_set *set = table->sets[found];

		if (set->hash == hash && set->canonical_len == canonical.len &&
			set->next_hop_len == next_hop.len &&
			memcmp(set->next_hop, next_hop.bytes, next_hop.len) == 0 &&
			memcmp(set->canonical, canonical.bytes, canonical.len) == 0)
			return found;
		at++;
	}
	if (next_hop.len > NEXT_HOP_MAX || !set_room(table))
		return 0;
	struct attribute_set *set = calloc(1, sizeof(*set) + canonical.len);
	if (set == NULL)
		return 0;
	set->hash = hash;
	set->canonical_len = (uint32_t)canonical.len;
	set->next_hop_len = (uint8_t)next_hop.len;
	if (attribute_find(canonical, ATTRIBUTE_ORIGINATOR_ID, &view) && view.value.len == 4) {
		struct reader r = reader_of_span(view.value);

		(void)!read_u32(&r, &set->originator_id);
	}
	memcpy(set->next_hop, next_hop.bytes, next_hop.len);
	memcpy(set->canonical, canonical.bytes, canonical.len);
	at = hash;
	while (table->set_index[at & (table->set_index_size - 1)] != 0)
		at++;
	table->set_index[at & (table->set_index_size - 1)] = table->n_sets;
	table->sets[table->n_sets] = set;
	return table->n_sets++;
}

const struct attribute_set *table_set_of(const struct table *table, uint32_t set)
{
	return table->sets[set];
}

uint32_t table_sets(const struct table *table)
{
	return table->n_sets - 1;
}

struct span attribute_set_canonical(const struct attribute_set *set)
{
	return (struct span){ set->canonical, set->canonical_len };
}

struct span attribute_set_next_hop(const struct attribute_set *set)
{
	return (struct span){ set->next_hop, set->next_hop_len };
}

static bool change_add(struct table *table, enum family family, uint32_t slot, uint32_t set)
{
	if (slot == TABLE_NONE)
		return false;
	if (table->n_changes == table->max_changes) {
		size_t max = table->max_changes ? table->max_changes * 2 : 1024;
		struct change *changes = realloc(table->changes, max * sizeof(*changes));

		if (changes == NULL)
			return false;
		table->changes = changes;
		table->max_changes = max;
	}
	table->changes[table->n_changes++] = (struct change){ slot, set, (uint8_t)family };
	return true;
}

/* NLRI that are looked up together. */
#define BATCH 32

struct batch {
	size_t n;
	struct nlri nlri[BATCH];
	uint32_t hash[BATCH];
};

/*
 * Nearly every look-up in a large table misses the cache twice, in the index and in the slots: what
 * all of the batch will look at is on its way before the first is looked at.
 */
static void batch_prefetch(const struct table *table, const struct batch *batch)
{
	for (size_t i = 0; i < batch->n; i++) {
		uint32_t found = table->slot_index[batch->hash[i] & (table->slot_index_size - 1)];

		if (found != 0)
			__builtin_prefetch(&table->slots[found - 1]);
	}
}

/* Takes the next NLRI of a field. Fewer than BATCH: no more follow. */
static void batch_fill(const struct table *table, struct reader *r, enum family family,
	bool add_path, struct batch *batch)
{
	batch->n = 0;
	while (batch->n < BATCH && nlri_next(r, family, add_path, &batch->nlri[batch->n])) {
		const struct nlri *nlri = &batch->nlri[batch->n];
		uint32_t hash = slot_hash(&nlri->prefix, nlri->path_id);

		__builtin_prefetch(&table->slot_index[hash & (table->slot_index_size - 1)]);
		batch->hash[batch->n++] = hash;
	}
}

/* Adds one change for each NLRI of a field; `set` 0 withdraws. */
static bool changes_of(struct table *table, struct span field, enum family family,
	const struct attribute_context *context, uint32_t set)
{
	bool add_path = (context->add_path_receive & FAMILY_BIT(family)) != 0;
	struct reader r = reader_of_span(field);
	struct batch batch;

	do {
		batch_fill(table, &r, family, add_path, &batch);
		batch_prefetch(table, &batch);
		for (size_t i = 0; i < batch.n; i++) {
			const struct nlri *nlri = &batch.nlri[i];
			uint32_t slot = slot_of_hash(
				table, &nlri->prefix, nlri->path_id, batch.hash[i]);

			if (!change_add(table, family, slot, set))
				return false;
		}
	} while (batch.n == BATCH);
	return true;
}

/* The announced field of one family: attributes, then NLRI. */
static bool reach_of(struct table *table, const struct update *update, enum family family,
	struct span field, const struct span *next_hop, const struct attribute_context *context,
	struct attribute_faults *faults, struct bgp_error *error)
{
	struct writer w = writer_of(table->canonical, sizeof(table->canonical));
	struct attribute_keys keys;
	uint32_t set = 0;

	if (faults->action < ATTRIBUTE_TREAT_AS_WITHDRAW) {
		attributes_decode(update->pieces, update->n_pieces, family, next_hop, context, &w,
			&keys, faults, error);
		if (faults->action == ATTRIBUTE_RESET)
			return false;
	}
	if (faults->action < ATTRIBUTE_TREAT_AS_WITHDRAW) {
		set = table_set(table, (struct span){ table->canonical, writer_len(&w) },
			(struct span){ keys.next_hop, keys.next_hop_len });
		if (set == 0)
			return bgp_error_set(error, ERROR_CEASE, CEASE_OUT_OF_RESOURCES, NULL, 0,
				"no memory for an attribute set");
	}
	if (!changes_of(table, field, family, context, set))
		return bgp_error_set(error, ERROR_CEASE, CEASE_OUT_OF_RESOURCES, NULL, 0,
			"no memory for a prefix");
	return true;
}

static bool decode(struct table *table, struct span body, const struct attribute_context *context,
	struct decoded_update *decoded, struct bgp_error *error)
{
	struct attribute_faults faults = { 0 };
	struct update update = { 0 };

	table->n_changes = 0;
	update_parse(body, context, &update, &faults, error);
	if (faults.action == ATTRIBUTE_RESET)
		return false;
	/* RFC 4271 section 4.3: a prefix both withdrawn and announced counts as announced, so
	 * withdraw first. */
	if (!changes_of(table, update.withdrawn, FAMILY_IPV4_UNICAST, context, 0) ||
		(update.has_mp_unreach &&
			!changes_of(table, update.unreach_nlri, update.unreach_family, context, 0)))
		return bgp_error_set(error, ERROR_CEASE, CEASE_OUT_OF_RESOURCES, NULL, 0,
			"no memory for a withdrawn prefix");
	if (update.nlri.len > 0 && !reach_of(table, &update, FAMILY_IPV4_UNICAST, update.nlri, NULL,
					   context, &faults, error))
		return false;
	if (update.has_mp_reach && !reach_of(table, &update, update.reach_family, update.reach_nlri,
					   &update.reach_next_hop, context, &faults, error))
		return false;
	decoded->end_of_rib = update.end_of_rib;
	decoded->end_of_rib_family = (uint8_t)update.end_of_rib_family;
	decoded->faulty = faults.count > 0 || faults.action != ATTRIBUTE_ACCEPT ||
			  update.foreign_families > 0;
	if (faults.count > 0)
		snprintf(decoded->reason, sizeof(decoded->reason), "%s: %s",
			attribute_name(faults.fault[0].type), faults.fault[0].reason);
	else if (update.foreign_families > 0)
		snprintf(decoded->reason, sizeof(decoded->reason),
			"a family that is neither IPv4 nor IPv6 unicast");
	return true;
}

static bool context_equal(const struct attribute_context *a, const struct attribute_context *b)
{
	return a->external == b->external && a->as4 == b->as4 &&
	       a->add_path_receive == b->add_path_receive;
}

const struct decoded_update *table_decode(struct table *table, struct span body,
	const struct attribute_context *context, struct bgp_error *error)
{
	uint64_t hash = hash_bytes(body.bytes, body.len, context->add_path_receive);
	struct decoded_update **bucket = &table->decoded[hash & (DECODED_BUCKETS - 1)], *update;

	for (update = *bucket; update != NULL; update = update->next) {
		if (update->hash == hash && update->body_len == body.len &&
			context_equal(&update->context, context) &&
			memcmp(update->body, body.bytes, body.len) == 0) {
			table->n_found++;
			return update;
		}
	}
	if (table->decoded_bytes > DECODED_BYTES_MAX)
		decoded_drop_all(table);
	update = calloc(1, sizeof(*update));
	if (update == NULL) {
		bgp_error_set(error, ERROR_CEASE, CEASE_OUT_OF_RESOURCES, NULL, 0,
			"no memory for an UPDATE");
		return NULL;
	}
	if (!decode(table, body, context, update, error)) {
		free(update);
		return NULL;
	}
	size_t changes_len = table->n_changes * sizeof(*table->changes);
	update->hash = hash;
	update->context = *context;
	update->body_len = (uint32_t)body.len;
	update->n_changes = (uint32_t)table->n_changes;
	update->body = malloc(body.len ? body.len : 1);
	update->changes = malloc(changes_len ? changes_len : 1);
	if (update->body == NULL || update->changes == NULL) {
		free(update->body);
		free(update->changes);
		free(update);
		bgp_error_set(error, ERROR_CEASE, CEASE_OUT_OF_RESOURCES, NULL, 0,
			"no memory for an UPDATE");
		return NULL;
	}
	memcpy(update->body, body.bytes, body.len);
	if (changes_len > 0)
		memcpy(update->changes, table->changes, changes_len);
	update->next = *bucket;
	*bucket = update;
	table->decoded_bytes += sizeof(*update) + body.len + changes_len;
	table->n_decoded++;
	return update;
}

void table_decode_counts(const struct table *table, uint64_t *decoded, uint64_t *found)
{
	*decoded = table->n_decoded;
	*found = table->n_found;
}
