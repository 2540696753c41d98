/*
 * Update groups: peers that are sent the same bytes, their Adj-RIB-Out and what of it is dirty.
 * Work here is done once a group; only joining, leaving and waking look at single peers.
 */
#include <stdlib.h>
#include <string.h>

#include "rib/let_go.h"
#include "rib/state.h"

#define COUNT_NUMBERS 16 /* that update_group_count takes for one item */

static void key_of(const struct rib_peer_parameters *parameters, struct group_key *key)
{
	memset(key, 0, sizeof(*key)); /* padding too: keys are compared as bytes */
	key->role = (uint8_t)parameters->role;
	key->families = parameters->families;
	key->add_path_send = parameters->add_path_send & parameters->families;
	key->next_hop = (uint8_t)parameters->next_hop;
	key->long_lived = (uint8_t)parameters->long_lived;
	/* RFC 9494 section 4.6: what a peer without the capability gets stays in the AS. */
	if (parameters->role == ROLE_EXTERNAL && parameters->long_lived == LONG_LIVED_LEAST)
		key->long_lived = LONG_LIVED_NEVER;
	key->as4 = parameters->as4;
	key->extended_message = parameters->extended_message;
	if (parameters->next_hop == NEXT_HOP_SELF)
		memcpy(key->local, parameters->local, sizeof(key->local));
}

bool update_group_reserve(struct update_group *group, enum family family)
{
	struct rib *rib = group->rib;
	struct group_family *out = &group->family[family];
	uint32_t entries = rib->reserved_entries[family], paths = rib->reserved_paths[family];
	size_t room;
	uint16_t *source;

	if (!(group->key.families & FAMILY_BIT(family)))
		return true;
	if (family_is_add_path(group, family))
		return change_set_reserve(&out->dirty, paths) &&
		       change_set_reserve(&out->advertised, paths);
	if (!change_set_reserve(&out->dirty, entries))
		return false;
	room = out->dirty.n_words * 64;
	if (room > out->source_room) {
		source = realloc(out->source, room * sizeof(*source));
		if (source == NULL)
			return false;
		memset(source + out->source_room, 0, (room - out->source_room) * sizeof(*source));
		out->source = source;
		out->source_room = room;
	}
	return true;
}

static void group_unmark(struct update_group *group, enum family family, uint32_t number)
{
	struct table *table = &group->rib->tables[family];

	if (!change_set_remove(&group->family[family].dirty, number))
		return;
	if (family_is_add_path(group, family))
		table_unmark_path(table, number);
	else
		table_unmark_entry(table, number);
}

static void update_group_destroy(struct update_group *group)
{
	struct update_group **at = &group->rib->groups;

	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		struct group_family *out = &group->family[family];

		let_go(group->rib, family, family_is_add_path(group, family), &out->dirty);
		change_set_destroy(&out->advertised);
		free(out->source);
	}
	while (*at != NULL && *at != group)
		at = &(*at)->next;
	if (*at != NULL) {
		*at = group->next;
		group->rib->n_groups--;
	}
	group_log_destroy(&group->log);
	free(group);
}

static struct update_group *update_group_new(struct rib *rib, const struct group_key *key)
{
	struct update_group *group = calloc(1, sizeof(*group));

	if (group == NULL)
		return NULL;
	group->rib = rib;
	group->key = *key;
	if (!group_log_init(&group->log)) {
		free(group);
		return NULL;
	}
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (!update_group_reserve(group, family)) {
			update_group_destroy(group);
			return NULL;
		}
	}
	group->number = ++rib->group_numbers;
	group->next = rib->groups;
	rib->groups = group;
	rib->n_groups++;
	return group;
}

/*
 * The group for these parameters, made if it is new (then without members). NULL when memory is
 * short.
 */
struct update_group *update_group_find(
	struct rib *rib, const struct rib_peer_parameters *parameters)
{
	struct update_group *group;
	struct group_key key;

	key_of(parameters, &key);
	for (group = rib->groups; group != NULL; group = group->next) {
		if (memcmp(&group->key, &key, sizeof(key)) == 0)
			return group;
	}
	return update_group_new(rib, &key);
}

/* A group goes with its last member. */
void update_group_release(struct update_group *group)
{
	if (group->n_members == 0)
		update_group_destroy(group);
}

void update_group_add(struct update_group *group, struct rib_peer *peer)
{
	peer->group = group;
	peer->group_previous = NULL;
	peer->group_next = group->members;
	if (group->members != NULL)
		group->members->group_previous = peer;
	group->members = peer;
	group->n_members++;
}

/* Takes the peer, which does not read the group's log any more, off the group. */
void update_group_remove(struct rib_peer *peer)
{
	struct update_group *group = peer->group;

	if (peer->group_previous != NULL)
		peer->group_previous->group_next = peer->group_next;
	else
		group->members = peer->group_next;
	if (peer->group_next != NULL)
		peer->group_next->group_previous = peer->group_previous;
	peer->group = NULL;
	peer->group_next = peer->group_previous = NULL;
	group->n_members--;
	update_group_release(group);
}

/* Takes the peer off its group, wherever it reads. */
void update_group_leave(struct rib_peer *peer)
{
	update_group_dry_remove(peer);
	log_cursor_release(&peer->cursor);
	if (peer->cohort != NULL)
		cohort_leave(peer);
	peer->owed = 0;
	update_group_remove(peer);
}

/*
 * A changed entry (or path, with ADD-PATH): once a group, however often it changes before the
 * flush.
 */
void update_group_mark(struct update_group *group, enum family family, uint32_t number)
{
	struct table *table = &group->rib->tables[family];

	if (!change_set_add(&group->family[family].dirty, number))
		return;
	if (family_is_add_path(group, family))
		table_mark_path(table, number);
	else
		table_mark_entry(table, number);
}

void update_group_dry_add(struct rib_peer *peer)
{
	struct update_group *group = peer->group;

	if (peer->is_dry)
		return;
	peer->is_dry = true;
	if (peer->cohort != NULL)
		return; /* cohorts are small and walk their members */
	peer->dry_previous = NULL;
	peer->dry_next = group->dry;
	if (group->dry != NULL)
		group->dry->dry_previous = peer;
	group->dry = peer;
}

void update_group_dry_remove(struct rib_peer *peer)
{
	struct update_group *group = peer->group;

	if (!peer->is_dry)
		return;
	peer->is_dry = false;
	if (peer->cohort != NULL)
		return;
	if (peer->dry_previous != NULL)
		peer->dry_previous->dry_next = peer->dry_next;
	else
		group->dry = peer->dry_next;
	if (peer->dry_next != NULL)
		peer->dry_next->dry_previous = peer->dry_previous;
}

/* Tells the members that had run dry that there is something again. */
void update_group_wake(struct update_group *group)
{
	const struct rib_callbacks *callbacks = &group->rib->parameters.callbacks;
	struct rib_peer *peer;

	while ((peer = group->dry) != NULL) {
		update_group_dry_remove(peer);
		callbacks->output_ready(callbacks->context, peer);
	}
}

/* True when the number lies where the members' n_told are counted already, or are not in doubt. */
static bool is_counted(const struct update_group *group, const struct rib_peer *peer,
	enum family family, uint32_t number)
{
	if (peer->group != group || peer->count == COUNT_WANTED)
		return false;
	return peer->count == COUNTED || family < group->counting ||
	       (family == group->counting && number < group->counted_to);
}

static void count_told(
	struct update_group *group, enum family family, uint32_t number, uint16_t source, int by)
{
	struct rib_peer *peer = group->rib->peers[source];

	group->family[family].n_advertised += by;
	if (is_counted(group, peer, family, number))
		peer->n_told[family] += by;
}

/*
 * Writes into the Adj-RIB-Out that the path of `source` is advertised under the number, or (`told`
 * false) nothing is.
 */
void update_group_told(
	struct update_group *group, enum family family, uint32_t number, uint16_t source, bool told)
{
	struct group_family *out = &group->family[family];

	if (family_is_add_path(group, family)) {
		source = table_path(&group->rib->tables[family], number)->source;
		if (told ? change_set_add(&out->advertised, number)
			 : change_set_remove(&out->advertised, number))
			count_told(group, family, number, source, told ? 1 : -1);
		return;
	}
	if (out->source[number] != 0)
		count_told(group, family, number, out->source[number], -1);
	out->source[number] = told ? source : 0;
	if (told)
		count_told(group, family, number, source, 1);
}

/*
 * Has it counted anew what of the peer's its group, of which it has just become a member, was told:
 * by number, since paths may be gone already, and for all who wait for it together.
 */
void update_group_recount(struct rib_peer *peer)
{
	struct update_group *group = peer->group;

	peer->count = COUNTED;
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		peer->n_told[family] = 0;
		if (group->family[family].n_advertised > 0) {
			peer->count = COUNT_WANTED;
			group->count_wanted = true;
		}
	}
}

/* The members whose count is `from` have it `to`. */
static void set_count(struct update_group *group, enum count_state from, enum count_state to)
{
	for (struct rib_peer *peer = group->members; peer != NULL; peer = peer->group_next) {
		if (peer->count == from)
			peer->count = (uint8_t)to;
	}
}

/* Counts the next numbers of a family, as far as the items go. */
static void count_family(struct update_group *group, enum family family, unsigned *items)
{
	const struct group_family *out = &group->family[family];
	const struct table *table = &group->rib->tables[family];
	bool add_path = family_is_add_path(group, family);
	uint32_t end = (uint32_t)(add_path ? out->advertised.n_words * 64 : out->source_room);

	for (; *items > 0 && group->counted_to < end; --*items) {
		uint32_t number = group->counted_to, stop = number + COUNT_NUMBERS;

		for (; number < stop && number < end; number++) {
			struct rib_peer *peer = NULL;

			if (!add_path)
				peer = group->rib->peers[out->source[number]];
			else if (change_set_contains(&out->advertised, number))
				peer = group->rib->peers[table_path(table, number)->source];
			if (peer != NULL && peer->group == group && peer->count == COUNT_BEGUN)
				peer->n_told[family]++;
		}
		group->counted_to = number;
	}
}

/*
 * Goes on with the counts that update_group_recount asked for. What changes meanwhile behind the
 * place where it stands is counted as it changes.
 */
void update_group_count(struct update_group *group, unsigned *items)
{
	while (*items > 0 && (group->count_begun || group->count_wanted)) {
		if (!group->count_begun) {
			group->count_begun = true;
			group->count_wanted = false;
			group->counting = 0;
			group->counted_to = 0;
			set_count(group, COUNT_WANTED, COUNT_BEGUN);
		}
		count_family(group, group->counting, items);
		if (*items == 0)
			return;
		group->counted_to = 0;
		if (++group->counting == FAMILY_COUNT) {
			group->count_begun = false;
			set_count(group, COUNT_BEGUN, COUNTED);
		}
	}
}

/* An item went into the group's log: the Adj-RIB-Out is what it says, and it is dirty no more. */
static void flush_commit(
	void *context, enum family family, const struct export_item *item, bool sent)
{
	struct update_group *group = context;

	/* It says something to one peer; the announcement that follows says it to the group. */
	if (item->target != 0)
		return;
	update_group_told(group, family, item->number, item->source, sent);
	cohort_mark_all(group, family, item->number);
	group_unmark(group, family, item->number);
}

/*
 * What is to be said about a dirty number: the items it takes (at most two) are appended to
 * `items`. With none the group knows already.
 */
static size_t flush_items(
	struct update_group *group, enum family family, uint32_t number, struct export_item *items)
{
	struct group_family *out = &group->family[family];
	const struct path *path = adj_rib_out_path(group, family, number);
	bool add_path = family_is_add_path(group, family);
	uint16_t before = add_path ? 0 : out->source[number];
	size_t n = 0;

	if (path == NULL) {
		if (!(add_path ? change_set_contains(&out->advertised, number) : before != 0))
			return 0;
		/* Who announced it never heard of it from us. */
		if (add_path)
			before = table_path(&group->rib->tables[family], number)->source;
		items[n++] = (struct export_item){ .number = number, .source = before };
		return n;
	}
	/*
	 * Split horizon: the new path's source is skipped by its announcement, but it was sent the
	 * path of another peer before, so it alone gets a withdrawal.
	 */
	if (before != 0 && before != path->source &&
		group->rib->peers[path->source]->group == group)
		items[n++] = (struct export_item){ .number = number, .target = path->source };
	items[n++] = (struct export_item){
		.attrs = path->attrs, .number = number, .source = path->source
	};
	return n;
}

/*
 * Flushes up to *items dirty numbers of one family, and takes them off *items. False when memory is
 * short.
 */
static bool flush_family(struct update_group *group, enum family family, unsigned *items)
{
	struct group_family *out = &group->family[family];
	struct export_item *batch = group->rib->batch;
	uint32_t from = out->flushed_to, round = out->flush_round;
	unsigned taken = 0;
	size_t n = 0, bytes = 0;

	while (taken < *items && taken < BATCH_ITEMS && bytes < BATCH_BYTES) {
		uint32_t number = change_set_next(&out->dirty, out->flushed_to);
		size_t more;

		if (number == CHANGE_SET_END) {
			if (out->flushed_to == 0)
				break;
			out->flushed_to = 0;
			out->flush_round++;
			if (taken > 0)
				break; /* a number must not come twice in one batch */
			continue;
		}
		out->flushed_to = number + 1;
		taken++;
		if (adj_rib_out_in_doubt(group, family, number))
			continue; /* stays dirty */
		more = flush_items(group, family, number, batch + n);
		if (more == 0) {
			group_unmark(group, family, number);
			continue;
		}
		n += more;
		bytes += adj_rib_out_cost(batch, n);
	}
	*items -= taken;
	if (adj_rib_out_encode(group, family, batch, n, &group->log, flush_commit, group))
		return true;
	out->flushed_to = from; /* none is passed over */
	out->flush_round = round;
	return false;
}

/* True when the group has something dirty that it may flush. */
bool update_group_is_due(const struct update_group *group)
{
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (group->family[family].dirty.count > 0)
			return !group->blocked;
	}
	return false;
}

/* True when a member has nothing left to read before the next flush. */
static bool somebody_waits(const struct update_group *group)
{
	if (group->dry != NULL)
		return true;
	for (const struct cohort *c = group->cohorts; c != NULL; c = c->next) {
		for (const struct rib_peer *peer = c->catching_up ? c->members : NULL; peer != NULL;
			peer = peer->cohort_next) {
			if (peer->is_dry)
				return true;
		}
	}
	return false;
}

/*
 * Flushes one family until nothing is dirty, or all that is waits for a decision, or the group is
 * blocked. False: memory.
 */
static bool flush_all_of(struct update_group *group, enum family family, unsigned *items)
{
	struct group_family *out = &group->family[family];
	size_t limit = group->rib->parameters.log_limit;

	while (*items > 0 && out->dirty.count > 0) {
		size_t count = out->dirty.count;
		uint32_t round = out->flush_round;
		uint64_t end = group->log.end;
		bool ok;

		if (group->log.held > limit / 2 && !somebody_waits(group)) {
			group->blocked = true;
			return true;
		}
		ok = flush_family(group, family, items);
		if (group->log.held > limit)
			cohort_limit(group);
		if (group->log.end != end)
			update_group_wake(group);
		cohort_wake_pending(group);
		if (!ok)
			return false;
		if (out->dirty.count == count && out->flush_round != round)
			break;
	}
	return true;
}

/*
 * Appends what is dirty to the group's log, at most *items numbers, and wakes the members. When the
 * log already holds half of what a peer may, and no member has run dry, it waits for one: changes
 * then gather in the dirty set, where they cost nothing. False when memory is short: what is left
 * stays dirty.
 */
bool update_group_flush(struct update_group *group, unsigned *items)
{
	bool ok = true;

	group->blocked = false;
	for (unsigned n = 0; ok && n < FAMILY_COUNT; n++) {
		enum family family = group->flush_first;

		if (*items == 0)
			break; /* the other family is first the next time */
		group->flush_first = (uint8_t)((family + 1) % FAMILY_COUNT);
		ok = flush_all_of(group, family, items);
		if (group->blocked)
			return true;
	}
	return ok;
}

void update_group_destroy_all(struct rib *rib)
{
	while (rib->groups != NULL)
		update_group_destroy(rib->groups);
}
