/*
 * Paths that their peer has not announced lately: since its session ended (RFC 4724 section 4.2),
 * or since it began to send all again (RFC 7313 section 4). They are marked in one step, whatever
 * their number (peer_paths.h); what is to be withdrawn or made long-lived stale (RFC 9494 section
 * 4.2) waits in a list, and rib_run works the lists off a slice a turn, so that a peer with a
 * million paths never holds the loop. A path that is announced meanwhile leaves its list.
 */
#include "rib/state.h"

#define AGED_SLOTS 64 /* a power of two */
#define AGING_COST 4 /* items that an attribute set takes which is not in struct aged_sets */

/*
 * The attribute sets that were made long-lived stale in this turn: neighbors in a list mostly have
 * the same. Holds references, so that no set can take another's place.
 */
struct aged_sets {
	struct attr_set *from[AGED_SLOTS]; /* NULL: empty */
	struct attr_set *to[AGED_SLOTS];
};

/* Has the peer's lists worked off by stale_run: it is the last whose turn it is. */
static void tidy_later(struct rib_peer *peer)
{
	struct rib *rib = peer->rib;
	const struct rib_callbacks *callbacks = &rib->parameters.callbacks;
	struct rib_peer *first = rib->tidying;

	if (peer->tidying)
		return;
	peer->tidying = true;
	if (first == NULL) {
		peer->tidying_next = peer->tidying_previous = peer;
		rib->tidying = peer;
		callbacks->output_ready(callbacks->context, NULL);
		return;
	}
	peer->tidying_next = first;
	peer->tidying_previous = first->tidying_previous;
	first->tidying_previous->tidying_next = peer;
	first->tidying_previous = peer;
}

/* The peer has nothing to be worked off, or goes. */
void stale_forget(struct rib_peer *peer)
{
	struct rib *rib = peer->rib;

	if (!peer->tidying)
		return;
	peer->tidying = false;
	peer->tidying_previous->tidying_next = peer->tidying_next;
	peer->tidying_next->tidying_previous = peer->tidying_previous;
	if (rib->tidying == peer)
		rib->tidying = peer->tidying_next != peer ? peer->tidying_next : NULL;
}

static void move(struct rib_peer *peer, enum family family, enum path_list from, enum path_list to)
{
	struct peer_paths *paths = &peer->paths[family];

	if (from != PATHS_FRESH && paths->head[from] == PATH_NONE)
		return;
	peer_paths_move(paths, &peer->rib->tables[family].paths, from, to);
	if (to != PATHS_STALE)
		tidy_later(peer);
}

/* All that is stale is to be withdrawn. */
void stale_doom(struct rib_peer *peer, enum family family, enum best_cause cause)
{
	peer->doomed_by[family] = (uint8_t)cause;
	move(peer, family, PATHS_STALE, PATHS_DOOMED);
	move(peer, family, PATHS_RULES, PATHS_DOOMED);
	move(peer, family, PATHS_AGING, PATHS_DOOMED);
}

/* True when none of the paths waits for stale_run. */
static bool is_tidy(const struct peer_paths *paths)
{
	const uint32_t *head = paths->head;

	return head[PATHS_DOOMED] == PATH_NONE && head[PATHS_RULES] == PATH_NONE &&
	       head[PATHS_AGING] == PATH_NONE;
}

/* All that is stale is to be decided anew: the peer's role or BGP Identifier changed. */
void stale_reconsider(struct rib_peer *peer)
{
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		struct peer_paths *paths = &peer->paths[family];

		move(peer, family, PATHS_STALE, PATHS_RULES);
		paths->reconsider = !is_tidy(paths);
	}
}

void rib_refresh_begins(struct rib *rib, struct rib_peer *peer, enum family family)
{
	(void)rib;
	peer->refreshing |= FAMILY_BIT(family);
	move(peer, family, PATHS_FRESH, PATHS_STALE);
}

void rib_refresh_ends(struct rib *rib, struct rib_peer *peer, enum family family)
{
	(void)rib;
	if (!(peer->refreshing & FAMILY_BIT(family)))
		return;
	peer->refreshing &= (uint8_t)~FAMILY_BIT(family);
	stale_doom(peer, family, BEST_STALE_EXPIRED);
}

void rib_stale_sweep(struct rib *rib, struct rib_peer *peer, enum family family)
{
	(void)rib;
	stale_doom(peer, family, BEST_STALE_EXPIRED);
}

void rib_stale_long_lived(struct rib *rib, struct rib_peer *peer, enum family family)
{
	(void)rib;
	move(peer, family, PATHS_STALE, PATHS_AGING);
	move(peer, family, PATHS_RULES, PATHS_AGING);
}

uint64_t rib_stale_count(const struct rib_peer *peer, enum family family)
{
	return peer->paths[family].stale;
}

static void aged_sets_release(struct aged_sets *aged, struct attr_sets *sets)
{
	for (unsigned i = 0; i < AGED_SLOTS; i++) {
		if (aged->from[i] == NULL)
			continue;
		attr_set_unref(sets, aged->from[i]);
		attr_set_unref(sets, aged->to[i]);
	}
}

/*
 * The set with LLGR_STALE added, borrowed. NULL with *full when the communities have no room for
 * it, NULL without when memory is short.
 */
static struct attr_set *age_set(
	struct rib *rib, struct aged_sets *aged, struct attr_set *set, bool *full, unsigned *cost)
{
	unsigned slot = (unsigned)((uintptr_t)set / sizeof(*set) % AGED_SLOTS);
	struct writer canonical = writer_of(rib->canonical, CANONICAL_MAX);
	struct attribute_keys keys = set->keys;
	struct attr_set *to;
	bool fresh;

	if (aged->from[slot] == set)
		return aged->to[slot];
	*cost = AGING_COST;
	attributes_add_community(&canonical, attr_set_bytes(set), COMMUNITY_LLGR_STALE);
	*full = canonical.overflow;
	if (canonical.overflow)
		return NULL;
	keys.flags |= ATTR_LLGR_STALE;
	to = attr_set_intern(&rib->attr_sets, &keys,
		(struct span){ rib->canonical, writer_len(&canonical) }, &fresh);
	if (to == NULL)
		return NULL;
	if (fresh)
		to->verdict = set->verdict; /* a community makes no loop */
	if (aged->from[slot] != NULL) {
		attr_set_unref(&rib->attr_sets, aged->from[slot]);
		attr_set_unref(&rib->attr_sets, aged->to[slot]);
	}
	aged->from[slot] = attr_set_ref(set);
	aged->to[slot] = to;
	return to;
}

/* Makes one path long-lived stale: RFC 9494 section 4.2. False: memory. */
static bool age(struct rib_peer *peer, enum family family, uint32_t number, struct aged_sets *aged,
	unsigned *cost)
{
	struct rib *rib = peer->rib;
	struct peer_paths *paths = &peer->paths[family];
	const struct table *table = &rib->tables[family];
	struct attr_set *set = table_path(table, number)->attrs;
	bool full = false;

	if (!(set->keys.flags & (ATTR_LLGR_STALE | ATTR_NO_LLGR))) {
		set = age_set(rib, aged, set, &full, cost);
		if (set == NULL && !full)
			return false;
	}
	/* One that cannot be marked would be taken for one that is not stale. */
	if (full || (set->keys.flags & ATTR_NO_LLGR)) {
		adj_rib_in_withdraw(rib, peer, family, number, BEST_LONG_LIVED_STALE);
		return true;
	}
	peer_paths_put(paths, &table->paths, number, PATHS_STALE);
	if (set != table_path(table, number)->attrs)
		adj_rib_in_replace(rib, family, number, set, BEST_LONG_LIVED_STALE);
	else if (paths->reconsider)
		peer_redecide(rib, family, number);
	return true;
}

/* Works off the lists of the peer, as far as the items go. False: memory. */
static bool tidy(struct rib_peer *peer, struct aged_sets *aged, unsigned *items)
{
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		struct peer_paths *paths = &peer->paths[family];
		const struct slab *slab = &peer->rib->tables[family].paths;
		const uint32_t *head = paths->head;

		for (; *items > 0 && head[PATHS_DOOMED] != PATH_NONE; --*items)
			adj_rib_in_withdraw(peer->rib, peer, family, head[PATHS_DOOMED],
				peer->doomed_by[family]);
		for (; *items > 0 && head[PATHS_RULES] != PATH_NONE; --*items) {
			uint32_t number = head[PATHS_RULES];

			peer_paths_put(paths, slab, number, PATHS_STALE);
			peer_redecide(peer->rib, family, number);
		}
		while (*items > 0 && head[PATHS_AGING] != PATH_NONE) {
			unsigned cost = 1;

			if (!age(peer, family, head[PATHS_AGING], aged, &cost))
				return false;
			*items -= cost < *items ? cost : *items;
		}
		if (is_tidy(paths))
			paths->reconsider = false;
	}
	return true;
}

static bool is_all_tidy(const struct rib_peer *peer)
{
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (!is_tidy(&peer->paths[family]))
			return false;
	}
	return true;
}

/*
 * Withdraws and changes the paths that wait for it, as many as there are items: one peer after the
 * other, the next turn goes on with another. False when memory is short: they wait on.
 */
bool stale_run(struct rib *rib, unsigned *items)
{
	struct aged_sets aged = { 0 };
	bool ok = true;

	while (ok && rib->tidying != NULL && *items > 0) {
		struct rib_peer *peer = rib->tidying;

		ok = tidy(peer, &aged, items);
		rib->tidying = peer->tidying_next;
		if (is_all_tidy(peer))
			stale_forget(peer);
	}
	aged_sets_release(&aged, &rib->attr_sets);
	return ok;
}
