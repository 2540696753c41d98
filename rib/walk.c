/* What `show` reads: counts, groups, and walks over the table in slices. It changes nothing. */
#include <string.h>

#include "rib/state.h"

void rib_peer_counts(const struct rib_peer *peer, struct rib_peer_counts *counts)
{
	const struct update_group *group = peer->group;

	*counts = (struct rib_peer_counts){
		.updates_received = peer->updates_received,
		.updates_sent = peer->updates_sent,
		.group = group != NULL ? group->number : 0,
		.output_state = group == NULL		    ? "retained"
				: peer->cohort == NULL	    ? "current"
				: peer->cohort->catching_up ? "detached"
							    : "joining",
		.output_backlog = group != NULL ? log_cursor_backlog(&peer->cursor) : 0,
	};
	memcpy(counts->dropped, peer->dropped, sizeof(counts->dropped));
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		counts->paths[family] = peer->paths[family].count;
		counts->best[family] = peer->n_best[family];
		if (group != NULL)
			counts->advertised[family] = group->family[family].n_advertised -
						     peer->n_told[family];
	}
}

void rib_counts(const struct rib *rib, struct rib_counts *counts)
{
	*counts = (struct rib_counts){
		.attribute_sets = rib->attr_sets.count,
		.peers = rib->n_peers,
		.groups = rib->n_groups,
		.updates_received = rib->updates_received,
		.updates_encoded = rib->updates_encoded,
		.memory = rib->attr_sets.memory,
	};
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		counts->prefixes[family] = rib->tables[family].n_prefixes;
		counts->paths[family] = rib->tables[family].n_paths;
		counts->memory += table_memory(&rib->tables[family]);
	}
	for (const struct update_group *g = rib->groups; g != NULL; g = g->next) {
		counts->memory += g->log.held;
		for (enum family family = 0; family < FAMILY_COUNT; family++) {
			const struct group_family *out = &g->family[family];

			counts->memory += change_set_memory(&out->dirty) +
					  change_set_memory(&out->advertised) +
					  out->source_room * sizeof(*out->source);
		}
		for (const struct cohort *c = g->cohorts; c != NULL; c = c->next)
			counts->memory += c->log.held;
	}
}

static void group_view(const struct update_group *group, struct rib_group_view *view)
{
	*view = (struct rib_group_view){
		.number = group->number,
		.role = group->key.role,
		.families = group->key.families,
		.as4 = group->key.as4,
		.extended_message = group->key.extended_message,
		.add_path_send = group->key.add_path_send,
		.next_hop = group->key.next_hop,
		.long_lived = group->key.long_lived,
		.peers = group->n_members,
		.messages = group->messages,
		.bytes = group->bytes,
		.log_bytes = group->log.held,
	};
	for (enum family family = 0; family < FAMILY_COUNT; family++)
		view->advertised[family] = group->family[family].n_advertised;
	for (const struct cohort *c = group->cohorts; c != NULL; c = c->next) {
		view->log_bytes += c->log.held;
		if (c->catching_up)
			view->detached += c->n_members;
		else
			view->joining += c->n_members;
	}
}

void rib_groups(const struct rib *rib,
	void (*visit)(void *context, const struct rib_group_view *group), void *context)
{
	for (const struct update_group *g = rib->groups; g != NULL; g = g->next) {
		struct rib_group_view view;

		group_view(g, &view);
		visit(context, &view);
	}
}

struct table_walk {
	struct rib *rib;
	struct rib_walk *walk;
	const struct table *table;
	unsigned left;
	bool visited; /* anything */
	void (*visit)(void *context, const struct rib_path_view *path);
	void *context;
};

static void visit_path(struct table_walk *w, const struct entry *entry, uint32_t number)
{
	const struct path *path = table_path(w->table, number);
	const struct rib_peer *source;
	struct rib_path_view view;

	if (path->attrs == NULL)
		return;
	source = w->rib->peers[path->source];
	view = (struct rib_path_view){
		.prefix = table_prefix(w->table, entry),
		.path_id = path->path_id,
		.peer_address = source->parameters.address,
		.peer_as = source->parameters.as,
		.peer_bgp_id = source->parameters.bgp_id,
		.peer_role = source->parameters.role,
		.best = entry->best == number,
		.stale = path_is_stale(&source->paths[w->table->family], path),
		.keys = &path->attrs->keys,
		.attributes = attr_set_bytes(path->attrs),
	};
	w->visited = true;
	w->visit(w->context, &view);
	if (w->left > 0)
		w->left--;
}

/* The path as the peer was sent it. */
static void visit_advertised(struct table_walk *w, const struct entry *entry, uint32_t number)
{
	const struct rib_peer *peer = w->walk->peer;
	const struct update_group *group = peer->group;
	enum family family = w->table->family;
	bool add_path = family_is_add_path(group, family);
	const struct path *path = table_path(w->table, number);
	struct writer writer = writer_of(w->rib->attributes, CANONICAL_MAX);
	struct attribute_export rules;
	struct attribute_keys keys;
	const struct rib_peer *source;
	struct rib_path_view view;
	struct span next_hop;

	if (path->source == peer->number || !adj_rib_out_eligible(group, family, path))
		return;
	source = w->rib->peers[path->source];
	next_hop = adj_rib_out_next_hop(group, family, path->attrs);
	adj_rib_out_rules(group, family, path, &rules);
	rules.as4 = true;
	/* As canonical bytes, which hold no next hop: it is shown beside them. */
	rules.family = FAMILY_IPV6_UNICAST;
	attributes_encode(&writer, attr_set_bytes(path->attrs), next_hop, &rules);
	keys = path->attrs->keys;
	if (rules.long_lived_least) {
		keys.local_pref = 0;
		keys.flags |= ATTR_HAS_LOCAL_PREF | ATTR_NO_EXPORT;
	}
	memcpy(keys.next_hop, next_hop.bytes, next_hop.len);
	keys.next_hop_len = (uint8_t)next_hop.len;
	view = (struct rib_path_view){
		.prefix = table_prefix(w->table, entry),
		.path_id = add_path ? number + 1 : 0,
		.peer_address = source->parameters.address,
		.peer_as = source->parameters.as,
		.peer_bgp_id = source->parameters.bgp_id,
		.peer_role = source->parameters.role,
		.best = entry->best == number,
		.stale = path_is_stale(&source->paths[family], path),
		.keys = &keys,
		.attributes = { w->rib->attributes, writer_len(&writer) },
	};
	w->visited = true;
	w->visit(w->context, &view);
	if (w->left > 0)
		w->left--;
}

static void visit_entry(struct table_walk *w, const struct entry *entry)
{
	const struct rib_walk *walk = w->walk;
	bool best_only = walk->kind == RIB_WALK_BEST ||
			 (walk->kind == RIB_WALK_ADVERTISED &&
				 !family_is_add_path(walk->peer->group, w->table->family));
	uint32_t next;

	if (w->left > 0)
		w->left--; /* entries without anything to show cost too */
	for (uint32_t n = best_only ? entry->best : entry->paths; n != PATH_NONE; n = next) {
		const struct path *path = table_path(w->table, n);

		next = best_only ? PATH_NONE : path->next;
		if (walk->kind == RIB_WALK_ADVERTISED)
			visit_advertised(w, entry, n);
		else if (walk->kind != RIB_WALK_RECEIVED || path->source == walk->peer->number)
			visit_path(w, entry, n);
	}
}

/* For tree_walk. */
static bool walk_one(void *context, uint32_t number)
{
	struct table_walk *w = context;
	const struct entry *entry = table_entry(w->table, number);
	struct prefix prefix = table_prefix(w->table, entry);

	if (w->walk->match == RIB_MATCH_LONGER && !prefix_covers(&w->walk->match_prefix, &prefix)) {
		w->walk->finished = true; /* covered prefixes stand together in the order */
		return false;
	}
	if (w->left == 0)
		return false;
	visit_entry(w, entry);
	w->walk->last = prefix;
	w->walk->started = true;
	return true;
}

static void walk_exact(struct table_walk *w, const struct prefix *prefix)
{
	uint32_t number = table_find(w->table, prefix);

	if (number != TREE_NONE)
		visit_entry(w, table_entry(w->table, number));
	w->walk->finished = true;
}

/* The longest prefix that covers match_prefix and has anything to show. */
static void walk_covering(struct table_walk *w)
{
	struct prefix prefix = w->walk->match_prefix;

	for (unsigned length = prefix.length + 1u; length-- > 0 && !w->visited;) {
		uint32_t number;

		prefix.length = (uint8_t)length;
		prefix_mask(&prefix);
		number = table_find(w->table, &prefix);
		if (number != TREE_NONE)
			visit_entry(w, table_entry(w->table, number));
	}
	w->walk->finished = true;
}

void rib_walk(struct rib *rib, struct rib_walk *walk, unsigned most,
	void (*visit)(void *context, const struct rib_path_view *path), void *context)
{
	struct table_walk w = { rib, walk, &rib->tables[walk->family], most, false, visit,
		context };

	walk->finished |= walk->kind == RIB_WALK_ADVERTISED && walk->peer->group == NULL;
	if (walk->finished)
		return;
	if (walk->match == RIB_MATCH_EXACT) {
		walk_exact(&w, &walk->match_prefix);
		return;
	}
	if (walk->match == RIB_MATCH_COVERING) {
		walk_covering(&w);
		return;
	}
	if (!walk->started && walk->match == RIB_MATCH_LONGER) {
		/* The prefix itself first; the walk then goes on behind it. */
		uint32_t number = table_find(w.table, &walk->match_prefix);

		if (number != TREE_NONE)
			visit_entry(&w, table_entry(w.table, number));
		walk->last = walk->match_prefix;
		walk->started = true;
	}
	if (tree_walk(&w.table->tree, walk->started ? &walk->last : NULL, walk_one, &w))
		walk->finished = true;
}
