/*
 * The rib as a whole, and the turn of the wheel that carries changes from table to logs.
 */
#include "rib/rib.h"

#include <stdlib.h>
#include <string.h>

#include "rib/let_go.h"
#include "rib/state.h"

#define FLUSH_DELAY    5000 /* us that the first change waits for company while input keeps coming */
#define FLUSH_INTERVAL 2000 /* us between flushes: a busy reflector packs */
#define MEMORY_RETRY   100000 /* us until work that memory was short for is tried again */
#define SWEEP_INTERVAL 20000 /* us between slices of the attribute cache */
#define PATHS_PER_ITEM 8 /* that a decision compares: thousands may announce one address */
/*
 * Rough cost of a decision, a flushed number, a withdrawn path: each kind gets its share of a turn.
 */
#define ITEMS_PER_US 2

struct rib *rib_new(const struct rib_parameters *parameters, const uint8_t hash_key[16])
{
	struct rib *rib = calloc(1, sizeof(*rib));

	if (rib == NULL)
		return NULL;
	rib->parameters = *parameters;
	if (rib->parameters.log_limit == 0)
		rib->parameters.log_limit = LOG_LIMIT_DEFAULT;
	rib->canonical = malloc(CANONICAL_MAX);
	rib->attributes = malloc(CANONICAL_MAX);
	/* A dirty number takes two items at most: see flush_items. */
	rib->batch = malloc(2 * BATCH_ITEMS * sizeof(*rib->batch));
	rib->sorting = malloc(2 * BATCH_ITEMS * sizeof(*rib->sorting));
	if (rib->canonical == NULL || rib->attributes == NULL || rib->batch == NULL ||
		rib->sorting == NULL || !attr_sets_init(&rib->attr_sets, hash_key)) {
		free(rib->canonical);
		free(rib->attributes);
		free(rib->batch);
		free(rib->sorting);
		free(rib);
		return NULL;
	}
	for (enum family family = 0; family < FAMILY_COUNT; family++)
		table_init(&rib->tables[family], family, &rib->attr_sets);
	return rib;
}

/*
 * The next full chunk of numbers above those in use: reserving is rare and never a byte at a time.
 */
static uint32_t reserve_limit(const struct slab *slab)
{
	uint32_t chunk = 1u << SLAB_CHUNK_BITS;

	return (slab->used / chunk + 1) * chunk;
}

bool rib_reserve(struct rib *rib, enum family family)
{
	uint32_t entries = rib->reserved_entries[family], paths = rib->reserved_paths[family];

	rib->reserved_entries[family] = reserve_limit(&rib->tables[family].entries);
	rib->reserved_paths[family] = reserve_limit(&rib->tables[family].paths);
	for (struct update_group *group = rib->groups; group != NULL; group = group->next) {
		bool ok = update_group_reserve(group, family);

		for (struct cohort *c = group->cohorts; ok && c != NULL; c = c->next)
			ok = cohort_reserve(c, family);
		if (!ok) {
			rib->reserved_entries[family] = entries;
			rib->reserved_paths[family] = paths;
			return false;
		}
	}
	return true;
}

/*
 * Decides one entry that is due, and takes what that cost off *items. False: memory; it stays due.
 */
static bool decide(struct rib *rib, struct table *table, uint32_t number, unsigned *items)
{
	struct entry *entry = table_entry(table, number);
	unsigned looked_at, cost;
	uint32_t best;

	if (!decision_select(rib, table, entry, &best, &looked_at))
		return false;
	cost = 1 + looked_at / PATHS_PER_ITEM;
	*items -= cost < *items ? cost : *items;
	if (best != entry->best || (entry->flags & ENTRY_BEST_TOUCHED)) {
		if (rib->capture.hooks.best_changed != NULL)
			capture_best(rib, table, entry, best);
		table->n_prefixes += best != PATH_NONE;
		table->n_prefixes -= entry->best != PATH_NONE;
		if (entry->best != PATH_NONE)
			rib->peers[table_path(table, entry->best)->source]->n_best[table->family]--;
		if (best != PATH_NONE)
			rib->peers[table_path(table, best)->source]->n_best[table->family]++;
		entry->best = best;
		entry->flags &= (uint8_t)~ENTRY_BEST_TOUCHED;
		for (struct update_group *g = rib->groups; g != NULL; g = g->next) {
			if ((g->key.families & FAMILY_BIT(table->family)) &&
				!family_is_add_path(g, table->family))
				update_group_mark(g, table->family, number);
		}
	}
	change_set_remove(&table->undecided, number);
	table_unmark_entry(table, number);
	return true;
}

static bool decide_family(struct rib *rib, enum family family, unsigned *items)
{
	struct table *table = &rib->tables[family];
	uint32_t *at = &rib->decided_to[family];

	while (*items > 0 && table->undecided.count > 0) {
		uint32_t number = change_set_next(&table->undecided, *at);

		if (number == CHANGE_SET_END) {
			*at = 0;
			rib->decide_round[family]++;
			continue;
		}
		if (!decide(rib, table, number, items))
			return false;
		*at = number + 1;
	}
	return true;
}

bool rib_decide(struct rib *rib, unsigned *items)
{
	for (unsigned n = 0; n < FAMILY_COUNT; n++) {
		enum family family = rib->decide_first;

		if (*items == 0)
			break; /* the other family is first the next time */
		rib->decide_first = (uint8_t)((family + 1) % FAMILY_COUNT);
		if (!decide_family(rib, family, items))
			return false;
	}
	return true;
}

/* True when a flush, a decision or a cohort is due. */
static bool is_due(const struct rib *rib)
{
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (rib->tables[family].undecided.count > 0)
			return true;
	}
	for (struct update_group *g = rib->groups; g != NULL; g = g->next) {
		if (g->gathering != NULL || update_group_is_due(g) || end_of_rib_is_due(g) ||
			g->count_begun || g->count_wanted)
			return true;
	}
	return false;
}

/* The group of that number; the first of all when it has gone. */
static struct update_group *group_of_number(const struct rib *rib, unsigned number)
{
	for (struct update_group *g = rib->groups; g != NULL; g = g->next) {
		if (g->number == number)
			return g;
	}
	return rib->groups;
}

/*
 * Flushes all groups, and starts the walks of the peers that came up: after the flush, so that the
 * walk finds next to nothing dirty. The items are shared: where they run out, the next group is
 * first the next time. False: memory.
 */
static bool flush_all(struct rib *rib, unsigned *items)
{
	struct update_group *first = group_of_number(rib, rib->flush_first), *g = first;
	bool ok = true;

	while (g != NULL) {
		struct update_group *next = g->next != NULL ? g->next : rib->groups;
		bool some = *items > 0;

		if (!update_group_flush(g, items))
			ok = false;
		if (g->gathering != NULL)
			cohort_start(g->gathering);
		if (some && *items == 0)
			rib->flush_first = next->number;
		update_group_count(g, items);
		g = next != first ? next : NULL;
	}
	return ok;
}

/*
 * Nothing else to do: one slice of the attribute cache lets go of what nobody uses any more. How
 * long until the next one.
 */
static uint64_t sweep(struct rib *rib)
{
	if (rib->to_sweep == 0)
		return UINT64_MAX;
	attr_sets_sweep(&rib->attr_sets, SWEEP_SLOTS);
	rib->to_sweep -= SWEEP_SLOTS;
	return rib->to_sweep > 0 ? SWEEP_INTERVAL : UINT64_MAX;
}

/*
 * Members of cohorts for whom there was no memory run dry, though there is more for them: they are
 * told to ask again.
 */
static void wake_starved(struct rib *rib)
{
	const struct rib_callbacks *callbacks = &rib->parameters.callbacks;

	rib->starved = false;
	for (struct update_group *g = rib->groups; g != NULL; g = g->next) {
		for (struct cohort *c = g->cohorts; c != NULL; c = c->next) {
			for (struct rib_peer *peer = c->members; peer != NULL;
				peer = peer->cohort_next) {
				if (!peer->is_dry)
					continue;
				update_group_dry_remove(peer);
				callbacks->output_ready(callbacks->context, peer);
			}
		}
	}
}

/*
 * Withdraws what peers left behind, and lets go of what groups did. Departed peers and stale paths
 * share the items. False: memory.
 */
static bool tidy(struct rib *rib, unsigned items)
{
	unsigned share = rib->let_go != NULL ? items / 2 : 0;

	items -= share;
	let_go_run(rib, &share);
	items += share;
	share = rib->tidying != NULL ? items / 2 : items;
	items -= share;
	peer_departures(rib, &share);
	items += share;
	return stale_run(rib, &items);
}

uint64_t rib_run(struct rib *rib, uint64_t now, bool input_idle, uint64_t budget)
{
	unsigned items = (unsigned)(budget * ITEMS_PER_US);
	bool ok, untidy;

	if (rib->starved)
		wake_starved(rib);
	ok = tidy(rib, items);
	untidy = ok && (rib->departing != NULL || rib->tidying != NULL || rib->let_go != NULL);
	if (!is_due(rib)) {
		rib->waiting = false;
		peer_free_departed(rib);
		return untidy ? 0 : ok ? sweep(rib) : MEMORY_RETRY;
	}
	rib->to_sweep = ATTR_CACHE_SLOTS;
	if (!rib->waiting) {
		rib->waiting = true;
		rib->since = now;
	}
	if (!input_idle && now - rib->since < FLUSH_DELAY)
		return untidy ? 0 : rib->since + FLUSH_DELAY - now;
	if (now - rib->last_flush < FLUSH_INTERVAL)
		return untidy ? 0 : rib->last_flush + FLUSH_INTERVAL - now;
	items = (unsigned)(budget * ITEMS_PER_US);
	ok = rib_decide(rib, &items) && ok;
	/*
	 * A share of its own: many decisions, as when a large peer has gone, must not keep their
	 * results back.
	 */
	items = (unsigned)(budget * ITEMS_PER_US);
	ok = flush_all(rib, &items) && ok;
	ok = ok && end_of_rib_pay(rib);
	if (!ok)
		return MEMORY_RETRY;
	if (untidy || is_due(rib))
		return 0; /* cut short by the budget: the rest follows at once */
	rib->waiting = false;
	rib->last_flush = now;
	peer_free_departed(rib);
	return SWEEP_INTERVAL;
}
