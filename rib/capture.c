/*
 * The journal's ear in the table: the numbers of changed paths are in a change set of each table
 * (table_settle puts them there), here they are turned into rows; decisions are told as they fall;
 * and rows become paths again.
 */
#include "rib/capture.h"

#include <limits.h>
#include <string.h>

#include "rib/state.h"

#define TAKE_AHEAD 32 /* numbers that are looked at together, so that memory is fetched ahead */
/*
 * Numbers that a journal may leave out before the next one: each costs a record. Above, a path gets
 * another number.
 */
#define GAP_MAX (1u << 20)
/* Numbers that a journal can be told of: as many as the bitmap may take 32 MiB. */
#define NUMBER_MAX (1u << 28)

const char *best_cause_name(enum best_cause cause)
{
	static const char *const names[] = {
		[BEST_ANNOUNCED] = "announced",
		[BEST_CHANGED] = "changed",
		[BEST_WITHDRAWN] = "withdrawn",
		[BEST_REFUSED] = "refused",
		[BEST_PEER_DOWN] = "peer-down",
		[BEST_STALE_EXPIRED] = "stale-expired",
		[BEST_LONG_LIVED_STALE] = "long-lived-stale",
		[BEST_RULES] = "rules",
	};

	return names[cause];
}

/* Has the journal told of all numbers below `limit`. False: memory. */
static bool capture_below(struct table *table, uint32_t limit)
{
	if (!change_set_reserve(&table->captured, limit))
		return false;
	for (uint32_t number = 0; number < limit; number++)
		change_set_add(&table->captured, number);
	return true;
}

bool rib_capture_begin(struct rib *rib, const struct rib_capture *capture, const struct rib *before)
{
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		struct table *table = &rib->tables[family];
		uint32_t limit = table->paths.used;

		if (before != NULL && before->tables[family].paths.used > limit)
			limit = before->tables[family].paths.used;
		if (!capture_below(table, limit))
			return false;
	}
	for (enum family family = 0; family < FAMILY_COUNT; family++)
		rib->tables[family].capturing = true;
	rib->capture = (struct capture){ .hooks = *capture };
	rib->attr_sets.gone = capture->attrs_gone;
	rib->attr_sets.gone_context = capture->context;
	if (before != NULL)
		rib_capture_ids_above(rib, before->attr_sets.next_id - 1);
	return true;
}

void rib_capture_end(struct rib *rib)
{
	for (enum family family = 0; family < FAMILY_COUNT; family++)
		rib->tables[family].capturing = false;
	rib->capture.hooks = (struct rib_capture){ 0 };
	rib->attr_sets.gone = NULL;
}

void rib_capture_ids_above(struct rib *rib, uint64_t id)
{
	if (id >= rib->attr_sets.next_id)
		rib->attr_sets.next_id = id + 1;
}

size_t rib_capture_waiting(const struct rib *rib)
{
	size_t waiting = 0;

	for (enum family family = 0; family < FAMILY_COUNT; family++)
		waiting += rib->tables[family].captured.count;
	return waiting;
}

/* What lives under a number. */
static void describe(const struct rib *rib, const struct table *table, uint32_t number,
	struct path_change *change)
{
	const struct entry *entry;
	const struct path *path;

	*change = (struct path_change){ .family = table->family, .number = number };
	if (number >= table->paths.used)
		return;
	path = table_path(table, number);
	/* A record that is free has no source; what is in place of `attrs` is the free list's. */
	if (path->source == 0 || path->attrs == NULL)
		return;
	entry = table_entry(table, path->entry);
	change->length = entry->length;
	change->bytes = entry->bytes;
	change->attrs = path->attrs;
	change->peer = rib->peers[path->source]->parameters.id;
	change->path_id = path->path_id;
}

/* The next numbers of a table from rib->capture.next on, taken off the set; how many. */
static size_t take_numbers(struct rib *rib, struct table *table, uint32_t *numbers, size_t most)
{
	size_t n = 0;

	while (n < most) {
		uint32_t number = change_set_next(&table->captured, rib->capture.next);

		if (number == CHANGE_SET_END)
			break;
		change_set_remove(&table->captured, number);
		rib->capture.next = number + 1;
		numbers[n++] = number;
	}
	return n;
}

size_t rib_capture_take(struct rib *rib, size_t most,
	void (*visit)(void *context, const struct path_change *change), void *context)
{
	struct capture *capture = &rib->capture;
	uint32_t numbers[TAKE_AHEAD];
	struct path_change changes[TAKE_AHEAD];
	size_t taken = 0;
	/* From amid a family to its end, the others, and its begin. */
	unsigned tables_left = FAMILY_COUNT + 1;

	while (taken < most && tables_left > 0) {
		struct table *table = &rib->tables[capture->family];
		size_t wanted = most - taken < TAKE_AHEAD ? most - taken : TAKE_AHEAD;
		size_t n = take_numbers(rib, table, numbers, wanted);

		for (size_t i = 0; i < n; i++) {
			describe(rib, table, numbers[i], &changes[i]);
			__builtin_prefetch(changes[i].attrs, 1);
		}
		for (size_t i = 0; i < n; i++)
			visit(context, &changes[i]);
		taken += n;
		if (n == wanted)
			continue;
		capture->family = (uint8_t)((capture->family + 1) % FAMILY_COUNT);
		capture->next = 0;
		tables_left--;
	}
	return taken;
}

void rib_capture_all(struct rib *rib)
{
	rib->attr_sets.first_id = rib->attr_sets.next_id;
	/* There is room: each number in use was reserved when it was given. */
	for (enum family family = 0; family < FAMILY_COUNT; family++)
		(void)capture_below(&rib->tables[family], rib->tables[family].paths.used);
}

uint64_t rib_capture_attrs_id(struct rib *rib, struct attr_set *attrs, bool *fresh)
{
	struct attr_sets *sets = &rib->attr_sets;

	*fresh = attrs->journal_id < sets->first_id;
	if (*fresh)
		attrs->journal_id = sets->next_id++;
	return attrs->journal_id;
}

/* Why the best path of an entry is no longer what it was. */
static enum best_cause cause_of(
	const struct rib *rib, const struct table *table, const struct entry *entry, uint32_t best)
{
	/* Its paths are out of the running before they are withdrawn. */
	if (best != entry->best && entry->best != PATH_NONE &&
		rib->peers[table_path(table, entry->best)->source]->departing)
		return BEST_PEER_DOWN;
	return (enum best_cause)((entry->flags & ENTRY_CAUSE) >> ENTRY_CAUSE_SHIFT);
}

void capture_best(
	struct rib *rib, const struct table *table, const struct entry *entry, uint32_t best)
{
	const struct rib_capture *hooks = &rib->capture.hooks;
	struct best_change change = { .family = table->family,
		.cause = cause_of(rib, table, entry, best),
		.length = entry->length,
		.bytes = entry->bytes };

	/* By other rules, the same. */
	if (rib->capture.restoring || (best == entry->best && change.cause == BEST_RULES))
		return;
	if (best != PATH_NONE) {
		const struct path *path = table_path(table, best);

		change.attrs = path->attrs;
		change.peer = rib->peers[path->source]->parameters.id;
		change.path_id = path->path_id;
	}
	hooks->best_changed(hooks->context, &change);
}

static void attrs_gone(struct rib *rib, uint64_t id)
{
	if (rib->attr_sets.gone != NULL)
		rib->attr_sets.gone(rib->attr_sets.gone_context, id);
}

struct attr_set *rib_restore_attrs(
	struct rib *rib, uint64_t id, struct span next_hop, struct span canonical, bool *malformed)
{
	struct writer scratch = writer_of(rib->canonical, CANONICAL_MAX);
	struct attribute_keys keys;
	struct attr_set *set;
	bool fresh;

	*malformed = true;
	if (id == 0 || id > RIB_ATTRS_ID_MAX)
		return NULL;
	rib_capture_ids_above(rib, id);
	if (!attributes_restore(canonical, next_hop, &scratch, &keys)) {
		attrs_gone(rib, id);
		return NULL;
	}
	*malformed = false;
	set = attr_set_intern(&rib->attr_sets, &keys, canonical, &fresh);
	if (set == NULL)
		return NULL;
	if (fresh)
		set->verdict = adj_rib_in_verdict(rib, &keys, canonical);
	if (set->journal_id < rib->attr_sets.first_id)
		set->journal_id = id;
	else if (set->journal_id != id)
		attrs_gone(rib, id); /* the same twice: the first ID stays */
	return set;
}

void rib_restore_attrs_done(struct rib *rib, struct attr_set *attrs)
{
	attr_set_unref(&rib->attr_sets, attrs);
}

/* The journal is to be told what lives under a number of its own. False: memory. */
static bool tell_anew(struct table *table, uint32_t number)
{
	if (number >= NUMBER_MAX)
		return true;
	if (!change_set_reserve(&table->captured, number + 1))
		return false;
	change_set_add(&table->captured, number);
	return true;
}

/*
 * Whether this rib could have told such a row; `clean` becomes its prefix, with nothing in the
 * bytes that the family does not use.
 */
static bool is_welcome(const struct table *table, const struct rib_peer *peer, uint32_t number,
	const struct prefix *prefix, const struct attr_set *attrs, struct prefix *clean)
{
	uint8_t size = family_address_len(table->family);

	if (peer == NULL || attrs == NULL || attrs->verdict != 0 || prefix->length > size * 8)
		return false;
	/* RFC 4760 section 3: the next hop is of the family, but for RFC 8950, not spoken here. */
	if ((table->family == FAMILY_IPV4_UNICAST) != (attrs->keys.next_hop_len == 4))
		return false;
	*clean = (struct prefix){ .family = prefix->family, .length = prefix->length };
	memcpy(clean->bytes, prefix->bytes, size);
	prefix_mask(clean);
	return memcmp(clean->bytes, prefix->bytes, size) == 0 &&
	       (peer->parameters.families & FAMILY_BIT(table->family)) != 0 &&
	       number >= table->paths.used && number < NUMBER_MAX;
}

/* The row is not restored. False: memory. */
static bool refuse(struct rib *rib, struct table *table, uint32_t number)
{
	rib->capture.refused++;
	return tell_anew(table, number);
}

bool rib_restore_path(struct rib *rib, struct rib_peer *peer, uint32_t number,
	const struct prefix *prefix, uint32_t path_id, struct attr_set *attrs, uint64_t attrs_id)
{
	enum family family = prefix->family;
	struct table_change change;
	struct table *table;
	struct prefix clean;
	uint32_t wanted;

	rib->capture.restoring = true;
	if (family >= FAMILY_COUNT) {
		rib->capture.refused++; /* nor is there a number that could be told */
		return true;
	}
	table = &rib->tables[family];
	if (!is_welcome(table, peer, number, prefix, attrs, &clean))
		return refuse(rib, table, number);
	wanted = number - table->paths.used > GAP_MAX ? table->paths.used : number;
	if (!table_announce_at(table, peer->number, &peer->paths[family], &clean, path_id, attrs,
		    wanted, &change))
		return false;
	if (!change.changed)
		return refuse(rib, table, number);
	/* Its epoch is none that the peer announces paths in: it is stale. */
	table_path(table, wanted)->epoch = (uint8_t)(peer->epoch[family] - 1);
	peer->n_paths[family]++;
	table_settle(table, &change);
	if (wanted != number)
		return tell_anew(table, number);
	if (attrs->journal_id == attrs_id)
		change_set_remove(&table->captured, number); /* the journal has it from itself */
	return true;
}

uint64_t rib_restore_end(struct rib *rib)
{
	unsigned items = UINT_MAX;

	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		/* There are no groups yet: what comes later finds room for all numbers. */
		(void)rib_reserve(rib, family);
	}
	/* Where memory is short, the rest is decided later and is history after all. */
	(void)rib_decide(rib, &items);
	rib->capture.restoring = false;
	return rib->capture.refused;
}
