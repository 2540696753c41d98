/*
 * Phase 2 of the decision process, RFC 4271 section 9.1.2.2 with RFC 4456 section 9, over the paths
 * of one prefix:
 *
 *    -  a path without LLGR_STALE before one with it (RFC 9494 section 4.3)
 *    -  the highest degree of preference (LOCAL_PREF; 100 where a path has none)
 *    a) the shortest AS_PATH, an AS_SET counting one
 *    b) the lowest ORIGIN
 *    c) the lowest MULTI_EXIT_DISC, compared only between paths of the same neighboring AS; absent
 * counts as 0 d) a path learned via EBGP before one via IBGP e) the interior cost to the next hop:
 * a reflector forwards nothing and has no interior routes, all are equal f) the lowest BGP
 * Identifier, ORIGINATOR_ID in its place where there is one (RFC 4456) the shortest CLUSTER_LIST
 * (RFC 4456) g) the lowest peer address
 *    -  the lowest received path ID (RFC 7911 leaves it open)
 *
 * Step c removes paths from a set, so it is done on a set: the result does not depend on the order
 * of arrival
 * ("deterministic MED").
 */
#include <stdlib.h>

#include "rib/state.h"

static bool path_is_usable(const struct rib *rib, const struct path *path)
{
	return path->attrs != NULL && !rib->peers[path->source]->departing;
}

/* Long-lived staleness, preference and steps a and b; <0: `a` is better. */
static int compare_before_med(const struct attribute_keys *a, const struct attribute_keys *b)
{
	if ((a->flags ^ b->flags) & ATTR_LLGR_STALE)
		return b->flags & ATTR_LLGR_STALE ? -1 : 1;
	if (a->local_pref != b->local_pref)
		return a->local_pref > b->local_pref ? -1 : 1;
	if (a->as_path_length != b->as_path_length)
		return a->as_path_length < b->as_path_length ? -1 : 1;
	return (int)a->origin - (int)b->origin;
}

/* Steps d to the end; never 0 for two paths of one prefix. */
static int compare_after_med(const struct rib *rib, const struct path *a, const struct path *b)
{
	const struct rib_peer_parameters *peer_a = &rib->peers[a->source]->parameters;
	const struct rib_peer_parameters *peer_b = &rib->peers[b->source]->parameters;
	const struct attribute_keys *keys_a = &a->attrs->keys, *keys_b = &b->attrs->keys;
	uint32_t id_a, id_b;
	int order;

	if ((peer_a->role == ROLE_EXTERNAL) != (peer_b->role == ROLE_EXTERNAL))
		return peer_a->role == ROLE_EXTERNAL ? -1 : 1;
	id_a = keys_a->flags & ATTR_HAS_ORIGINATOR_ID ? keys_a->originator_id : peer_a->bgp_id;
	id_b = keys_b->flags & ATTR_HAS_ORIGINATOR_ID ? keys_b->originator_id : peer_b->bgp_id;
	if (id_a != id_b)
		return id_a < id_b ? -1 : 1;
	if (keys_a->cluster_list_length != keys_b->cluster_list_length)
		return (int)keys_a->cluster_list_length - (int)keys_b->cluster_list_length;
	order = ip_address_compare(&peer_a->address, &peer_b->address);
	if (order != 0)
		return order;
	return a->path_id < b->path_id ? -1 : 1;
}

struct candidate_order {
	const struct table *table;
};

/* By neighboring AS, then MED. */
static int compare_med(const void *a, const void *b, void *context)
{
	const struct candidate_order *order = context;
	const struct attribute_keys *x = &table_path(order->table, *(const uint32_t *)a)
						  ->attrs->keys;
	const struct attribute_keys *y = &table_path(order->table, *(const uint32_t *)b)
						  ->attrs->keys;

	if (x->neighbor_as != y->neighbor_as)
		return x->neighbor_as < y->neighbor_as ? -1 : 1;
	if (x->med != y->med)
		return x->med < y->med ? -1 : 1;
	return 0;
}

/*
 * Step c: drops from `candidates` every path that another of the same neighboring AS beats; how
 * many are left.
 */
static size_t remove_worse_med(const struct table *table, uint32_t *candidates, size_t n)
{
	struct candidate_order order = { table };
	const struct attribute_keys *lowest;
	size_t kept = 1;

	qsort_r(candidates, n, sizeof(*candidates), compare_med, &order);
	lowest = &table_path(table, candidates[0])->attrs->keys;
	for (size_t i = 1; i < n; i++) {
		const struct attribute_keys *keys = &table_path(table, candidates[i])->attrs->keys;

		if (keys->neighbor_as != lowest->neighbor_as)
			lowest = keys;
		if (keys->med == lowest->med)
			candidates[kept++] = candidates[i];
	}
	return kept;
}

static bool candidate_add(struct rib *rib, size_t n, uint32_t number)
{
	if (n == rib->candidates_room) {
		size_t room = n ? n * 2 : 64;
		uint32_t *candidates = realloc(rib->candidates, room * sizeof(*candidates));

		if (candidates == NULL)
			return false;
		rib->candidates = candidates;
		rib->candidates_room = room;
	}
	rib->candidates[n] = number;
	return true;
}

bool decision_select(struct rib *rib, const struct table *table, const struct entry *entry,
	uint32_t *best, unsigned *looked_at)
{
	const struct attribute_keys *leader = NULL;
	bool same_med = true;
	size_t n = 0;

	*best = PATH_NONE;
	*looked_at = 0;
	for (uint32_t number = entry->paths; number != PATH_NONE;) {
		const struct path *path = table_path(table, number);
		int order;

		++*looked_at;
		if (path_is_usable(rib, path)) {
			const struct attribute_keys *keys = &path->attrs->keys;

			order = leader == NULL ? -1 : compare_before_med(keys, leader);
			if (order < 0) {
				leader = keys;
				n = 0;
				same_med = true;
			}
			if (order <= 0) {
				if (!candidate_add(rib, n, number))
					return false;
				n++;
				same_med = same_med && keys->med == leader->med;
			}
		}
		number = path->next;
	}
	if (n > 1 && !same_med)
		n = remove_worse_med(table, rib->candidates, n);
	for (size_t i = 0; i < n; i++) {
		if (*best == PATH_NONE ||
			compare_after_med(rib, table_path(table, rib->candidates[i]),
				table_path(table, *best)) < 0)
			*best = rib->candidates[i];
	}
	return true;
}
