/*
 * What a peer of a given update group may be told, and in which bytes: the rules of RFC 4456
 * section 6 and RFC 1997 on who hears of a path, next hop and attribute changes (RFC 4271 section
 * 5, RFC 4456 section 8), and the packing of prefixes with the same attributes into UPDATE
 * messages. It writes to a log and reports what went in; the state of the group is its callers'.
 */
#include "bgp/update.h"
#include "rib/state.h"

bool adj_rib_out_eligible(
	const struct update_group *group, enum family family, const struct path *path)
{
	const struct rib_peer *source;
	uint8_t flags;

	if (path == NULL || path->attrs == NULL)
		return false;
	source = group->rib->peers[path->source];
	flags = path->attrs->keys.flags;
	if (source->departing || (flags & ATTR_NO_ADVERTISE))
		return false;
	if (group->key.role == ROLE_EXTERNAL && (flags & ATTR_NO_EXPORT))
		return false;
	if (group->key.long_lived == LONG_LIVED_NEVER && (flags & ATTR_LLGR_STALE))
		return false; /* RFC 9494 section 4.3 */
	/* RFC 4456 section 6: from a non-client peer to clients (and external peers) only. */
	if (source->parameters.role == ROLE_NON_CLIENT && group->key.role == ROLE_NON_CLIENT)
		return false;
	if (group->key.next_hop == NEXT_HOP_SELF && group->key.local[family].len == 0)
		return false; /* no address of our own to give */
	return true;
}

struct span adj_rib_out_next_hop(
	const struct update_group *group, enum family family, const struct attr_set *attrs)
{
	const struct ip_address *self = &group->key.local[family];

	if (group->key.next_hop == NEXT_HOP_SELF)
		return (struct span){ self->bytes, self->len };
	/*
	 * RFC 2545 section 3: the link-local address goes along only where next hop and receiver
	 * share a link, which a reflector cannot know.
	 */
	return (struct span){ attrs->keys.next_hop,
		attrs->keys.next_hop_len < NEXT_HOP_MAX ? attrs->keys.next_hop_len : 16 };
}

void adj_rib_out_rules(const struct update_group *group, enum family family,
	const struct path *path, struct attribute_export *rules)
{
	const struct rib *rib = group->rib;
	const struct rib_peer_parameters *source = &rib->peers[path->source]->parameters;
	const struct attribute_keys *keys = &path->attrs->keys;

	*rules = (struct attribute_export){
		.family = family,
		.as4 = group->key.as4,
		.external = group->key.role == ROLE_EXTERNAL,
		/*
		 * RFC 4271 section 5.1.4: a MED that came from a neighboring AS goes to no other.
		 */
		.keep_med = keys->as_path_length == 0 && keys->neighbor_as == 0,
		.local_as = rib->parameters.as,
		.reflect = group->key.role != ROLE_EXTERNAL && source->role != ROLE_EXTERNAL,
		.originator_id = source->bgp_id,
		.cluster_id = rib->parameters.cluster_id,
		.long_lived_least = group->key.long_lived == LONG_LIVED_LEAST &&
				    (keys->flags & ATTR_LLGR_STALE),
	};
}

const struct path *adj_rib_out_path(
	const struct update_group *group, enum family family, uint32_t number)
{
	const struct table *table = &group->rib->tables[family];
	const struct path *path;

	if (!family_is_add_path(group, family)) {
		const struct entry *entry = table_entry(table, number);

		if (!(entry->flags & ENTRY_IN_USE) || entry->best == PATH_NONE)
			return NULL;
		number = entry->best;
	}
	path = table_path(table, number);
	if (path->source == 0 || !adj_rib_out_eligible(group, family, path))
		return NULL;
	return path;
}

bool adj_rib_out_in_doubt(const struct update_group *group, enum family family, uint32_t number)
{
	const struct table *table = &group->rib->tables[family];

	return !family_is_add_path(group, family) &&
	       table_entry(table, number)->best == PATH_NONE &&
	       change_set_contains(&table->undecided, number);
}

/*
 * About how many bytes the last of `n` items adds to the messages of a batch, when the items come
 * as they stand in the table, where prefixes of one UPDATE are neighbors: what bounds a batch,
 * since attributes may be long.
 */
size_t adj_rib_out_cost(const struct export_item *items, size_t n)
{
	const struct attr_set *attrs = items[n - 1].attrs;

	if (attrs == NULL || (n > 1 && items[n - 2].attrs == attrs))
		return 20;
	return attrs->len + 100;
}

/*
 * Withdrawals first, by target; then by attributes and source, so that what can share a message is
 * adjacent.
 */
static bool item_before(const struct export_item *x, const struct export_item *y)
{
	if (x->attrs != y->attrs)
		return (uintptr_t)x->attrs < (uintptr_t)y->attrs;
	if (x->source != y->source)
		return x->source < y->source;
	if (x->target != y->target)
		return x->target < y->target;
	return x->number < y->number;
}

/* Where the run of items in order that begins at `at` ends. */
static size_t run_end(const struct export_item *items, size_t n, size_t at)
{
	for (at++; at < n && !item_before(&items[at], &items[at - 1]); at++)
		continue;
	return at;
}

/* Merges neighboring runs in pairs into `to`. How many runs are left. */
static size_t merge_runs(const struct export_item *from, size_t n, struct export_item *to)
{
	size_t runs = 0;

	for (size_t at = 0; at < n; runs++) {
		size_t a = at, middle = run_end(from, n, at), b = middle, end = middle;

		if (middle < n)
			end = run_end(from, n, middle);
		while (at < end) {
			bool first = b == end || (a < middle && !item_before(&from[b], &from[a]));

			to[at++] = first ? from[a++] : from[b++];
		}
	}
	return runs;
}

/*
 * Sorts by merging what is in order already: withdrawals come in order of their numbers, and a new
 * table's attributes nearly in that of their addresses. `spare` has room for as many.
 */
static void items_sort(struct export_item *items, size_t n, struct export_item *spare)
{
	if (n == 0 || run_end(items, n, 0) == n)
		return;
	do {
		merge_runs(items, n, spare);
	} while (merge_runs(spare, n, items) > 1);
}

struct encoding {
	struct update_group *group;
	enum family family;
	struct group_log *log;
	adj_rib_out_commit *commit;
	void *context;
	bool add_path;
	size_t max; /* of a message */
};

static struct prefix item_prefix(const struct encoding *e, const struct export_item *item)
{
	const struct table *table = &e->group->rib->tables[e->family];
	uint32_t entry = e->add_path ? table_path(table, item->number)->entry : item->number;

	return table_prefix(table, table_entry(table, entry));
}

/*
 * Packs `items`, all withdrawn or all with the same attributes and source, into messages. False:
 * memory; the rest is not committed.
 */
static bool encode_run(struct encoding *e, const struct export_item *items, size_t n,
	struct span next_hop, struct span attributes, bool sent)
{
	size_t need = attributes.len + 128 > BGP_MESSAGE_MAX ? attributes.len + 128
							     : BGP_MESSAGE_MAX;

	if (need > e->max)
		need = e->max;
	for (size_t i = 0; i < n;) {
		struct update_builder builder;
		struct writer w;
		size_t first = i, limit;
		bool began;

		if (!group_log_begin(e->log, need, &w))
			return false;
		limit = writer_room(&w) < e->max ? writer_room(&w) : e->max;
		began = attributes.len > 0
				? update_begin_reach(&builder, &w, limit, e->family, e->add_path,
					  next_hop, attributes)
				: update_begin_unreach(&builder, &w, limit, e->family, e->add_path);
		while (began && i < n) {
			struct prefix prefix = item_prefix(e, &items[i]);

			if (!update_add(&builder, &prefix, items[i].number + 1))
				break;
			i++;
		}
		if (i == first) /* not even one prefix fits behind these attributes */
			return encode_run(
				e, items + i, n - i, (struct span){ 0 }, (struct span){ 0 }, false);
		update_end(&builder);
		group_log_publish(e->log, &w, items[first].source, items[first].target);
		e->group->messages++;
		e->group->rib->updates_encoded++;
		e->group->bytes += writer_len(&w);
		for (size_t k = first; k < i; k++)
			e->commit(e->context, e->family, &items[k], sent);
	}
	return true;
}

/*
 * Encodes items of one family into messages and publishes them. `items` is sorted in the process.
 * For each item that went into a message `commit` is told whether it was announced (`sent`) or
 * withdrawn: an announcement whose attributes exceed what the group's messages can hold becomes a
 * withdrawal (RFC 8654 section 4). False when memory ran out: the items not committed are still to
 * do.
 */
bool adj_rib_out_encode(struct update_group *group, enum family family, struct export_item *items,
	size_t n, struct group_log *log, adj_rib_out_commit *commit, void *context)
{
	struct rib *rib = group->rib;
	const struct table *table = &rib->tables[family];
	struct encoding e = { group, family, log, commit, context,
		family_is_add_path(group, family),
		group->key.extended_message ? BGP_MESSAGE_EXTENDED_MAX : BGP_MESSAGE_MAX };

	items_sort(items, n, rib->sorting);
	for (size_t i = 0, run; i < n; i += run) {
		const struct export_item *item = &items[i];
		struct span next_hop = { 0 }, attributes = { 0 };

		for (run = 1; i + run < n; run++) {
			if (items[i + run].attrs != item->attrs ||
				items[i + run].source != item->source ||
				items[i + run].target != item->target)
				break;
		}
		if (item->attrs != NULL) {
			struct writer w = writer_of(rib->attributes, CANONICAL_MAX);
			struct attribute_export rules;
			const struct path *path = table_path(table,
				e.add_path ? item->number : table_entry(table, item->number)->best);

			next_hop = adj_rib_out_next_hop(group, family, item->attrs);
			adj_rib_out_rules(group, family, path, &rules);
			attributes_encode(&w, attr_set_bytes(item->attrs), next_hop, &rules);
			attributes = (struct span){ rib->attributes, writer_len(&w) };
			if (w.overflow) /* cannot fit any message either */
				attributes.len = CANONICAL_MAX;
		}
		if (!encode_run(&e, item, run, next_hop, attributes, item->attrs != NULL))
			return false;
	}
	return true;
}
