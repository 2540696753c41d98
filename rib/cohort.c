/*
 * Cohorts: peers of a group that do not read its log yet. A joining cohort is one walk over the
 * table for all peers that came up together; a cohort that catches up (catch_up.c makes it) is
 * peers that fell behind, and the set of numbers they have to hear of. Both are pulled: a slice is
 * encoded when a member has taken what there was.
 *
 * Numbers that are dirty in the group are left out: the flush that is due tells all members, and
 * only so does the group's Adj-RIB-Out stay what every member was told.
 */
#include <stdlib.h>

#include "bgp/update.h"
#include "rib/let_go.h"
#include "rib/state.h"

#define EAGER_BYTES  (1u << 20) /* of a walk that are encoded as soon as it begins ... */
#define EAGER_SLICES 12 /* ... in so many slices: some milliseconds */
#define SCAN_MAX     65536 /* numbers looked at in one slice */

static struct cohort *cohort_new(struct update_group *group)
{
	struct cohort *cohort = calloc(1, sizeof(*cohort));

	if (cohort == NULL)
		return NULL;
	if (!group_log_init(&cohort->log)) {
		free(cohort);
		return NULL;
	}
	cohort_link(cohort, group);
	return cohort;
}

void cohort_link(struct cohort *cohort, struct update_group *group)
{
	cohort->group = group;
	cohort->next = group->cohorts;
	group->cohorts = cohort;
}

void cohort_unlink(struct cohort *cohort)
{
	struct update_group *group = cohort->group;
	struct cohort **at = &group->cohorts;

	while (*at != cohort)
		at = &(*at)->next;
	*at = cohort->next;
	if (group->gathering == cohort)
		group->gathering = NULL;
	if (group->moving == cohort)
		group->moving = NULL;
}

/* A cohort without members. */
void cohort_destroy(struct cohort *cohort)
{
	struct update_group *group = cohort->group;

	cohort_unlink(cohort);
	for (enum family family = 0; family < FAMILY_COUNT; family++)
		let_go(group->rib, family, family_is_add_path(group, family),
			&cohort->pending[family]);
	log_cursor_release(&cohort->start);
	group_log_destroy(&cohort->log);
	free(cohort);
}

void cohort_add(struct cohort *cohort, struct rib_peer *peer)
{
	peer->cohort = cohort;
	peer->cohort_previous = NULL;
	peer->cohort_next = cohort->members;
	if (cohort->members != NULL)
		cohort->members->cohort_previous = peer;
	cohort->members = peer;
	cohort->n_members++;
}

/*
 * Takes the peer, whose cursor the caller has released, out of its cohort, which goes with its last
 * member.
 */
void cohort_leave(struct rib_peer *peer)
{
	struct cohort *cohort = peer->cohort;

	if (peer->cohort_previous != NULL)
		peer->cohort_previous->cohort_next = peer->cohort_next;
	else
		cohort->members = peer->cohort_next;
	if (peer->cohort_next != NULL)
		peer->cohort_next->cohort_previous = peer->cohort_previous;
	peer->cohort = NULL;
	peer->cohort_next = peer->cohort_previous = NULL;
	if (--cohort->n_members == 0)
		cohort_destroy(cohort);
}

/* Puts a new member of a group into the cohort that gathers. False when memory is short. */
bool cohort_join(struct rib_peer *peer)
{
	struct update_group *group = peer->group;

	if (group->gathering == NULL)
		group->gathering = cohort_new(group);
	if (group->gathering == NULL)
		return false;
	cohort_add(group->gathering, peer);
	return true;
}

/* A cohort for peers that catch up; empty. NULL when memory is short. */
struct cohort *cohort_new_catching_up(struct update_group *group)
{
	struct cohort *cohort = cohort_new(group);

	if (cohort == NULL)
		return NULL;
	cohort->catching_up = true;
	cohort->started = true;
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (!cohort_reserve(cohort, family)) {
			cohort_destroy(cohort);
			return NULL;
		}
	}
	return cohort;
}

bool cohort_reserve(struct cohort *cohort, enum family family)
{
	const struct update_group *group = cohort->group;

	if (!cohort->catching_up || !(group->key.families & FAMILY_BIT(family)))
		return true;
	return change_set_reserve(&cohort->pending[family],
		family_is_add_path(group, family) ? group->rib->reserved_paths[family]
						  : group->rib->reserved_entries[family]);
}

void cohort_mark(struct cohort *cohort, enum family family, uint32_t number)
{
	struct table *table = &cohort->group->rib->tables[family];

	if (!change_set_add(&cohort->pending[family], number))
		return;
	if (family_is_add_path(cohort->group, family))
		table_mark_path(table, number);
	else
		table_mark_entry(table, number);
}

/* The group's log said something about the number: all who catch up have to hear of it too. */
void cohort_mark_all(struct update_group *group, enum family family, uint32_t number)
{
	for (struct cohort *cohort = group->cohorts; cohort != NULL; cohort = cohort->next) {
		if (cohort->catching_up)
			cohort_mark(cohort, family, number);
	}
}

static void cohort_wake(struct cohort *cohort)
{
	const struct rib_callbacks *callbacks = &cohort->group->rib->parameters.callbacks;

	for (struct rib_peer *peer = cohort->members; peer != NULL; peer = peer->cohort_next) {
		if (peer->is_dry) {
			peer->is_dry = false;
			callbacks->output_ready(callbacks->context, peer);
		}
	}
}

/* Those who catch up and had nothing they could be told have something since the flush. */
void cohort_wake_pending(struct update_group *group)
{
	for (struct cohort *cohort = group->cohorts; cohort != NULL; cohort = cohort->next) {
		if (cohort->catching_up)
			cohort_wake(cohort);
	}
}

/* The walk begins: no more members, the group's log is read from here on afterwards. */
void cohort_start(struct cohort *cohort)
{
	struct update_group *group = cohort->group;

	group->gathering = NULL;
	cohort->started = true;
	cohort->end_of_rib = group->key.families;
	log_cursor_at_end(&cohort->start, &group->log);
	for (struct rib_peer *peer = cohort->members; peer != NULL; peer = peer->cohort_next)
		log_cursor_at_end(&peer->cursor, &cohort->log);
	/*
	 * What is encoded now, members need not be told again from the group's log: a small table
	 * is told whole. A failure is met again, and handled, when they ask.
	 */
	for (unsigned n = 0; n < EAGER_SLICES && !cohort->complete; n++) {
		if (cohort->log.end >= EAGER_BYTES || !cohort_produce(cohort))
			break;
	}
	cohort_wake(cohort);
}

/* True when a member that has taken the whole log of the cohort is to go on in the group's. */
bool cohort_is_done(const struct cohort *cohort)
{
	if (!cohort->catching_up)
		return cohort->complete;
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (cohort->pending[family].count > 0)
			return false;
	}
	return (cohort->end_of_rib & ~end_of_rib_waits(cohort->group)) == 0 &&
	       cohort->end_of_refresh == 0 && cohort->resend_again == 0;
}

static void cohort_commit(
	void *context, enum family family, const struct export_item *item, bool sent)
{
	struct cohort *cohort = context;
	struct update_group *group = cohort->group;
	struct group_family *out = &group->family[family];
	struct table *table = &group->rib->tables[family];
	bool add_path = family_is_add_path(group, family);

	if (item->target != 0)
		return; /* the announcement that follows says it to the others */
	/* The first walk of a new group makes its Adj-RIB-Out. */
	if (sent && (add_path || out->source[item->number] == 0))
		update_group_told(group, family, item->number, item->source, true);
	if (!cohort->catching_up || !change_set_remove(&cohort->pending[family], item->number))
		return;
	if (add_path)
		table_unmark_path(table, item->number);
	else
		table_unmark_entry(table, item->number);
}

/*
 * The next numbers of a walk that are to be told. Leaves cohort->number behind the last one looked
 * at.
 */
static size_t joining_items(struct cohort *cohort, enum family family, struct export_item *items)
{
	const struct update_group *group = cohort->group;
	const struct table *table = &group->rib->tables[family];
	uint32_t end = family_is_add_path(group, family) ? table->paths.used : table->entries.used;
	uint32_t scan_end = end - cohort->number > SCAN_MAX ? cohort->number + SCAN_MAX : end;
	size_t n = 0, bytes = 0;

	while (cohort->number < scan_end && n < BATCH_ITEMS && bytes < BATCH_BYTES) {
		uint32_t number = cohort->number++;
		const struct path *path;

		if (change_set_contains(&group->family[family].dirty, number))
			continue;
		path = adj_rib_out_path(group, family, number);
		if (path == NULL)
			continue;
		items[n++] = (struct export_item){
			.attrs = path->attrs, .number = number, .source = path->source
		};
		bytes += adj_rib_out_cost(items, n);
	}
	return n;
}

/* What those who catch up have to hear: about each number the whole state, whatever they know. */
static size_t pending_items(struct cohort *cohort, enum family family, struct export_item *items)
{
	const struct update_group *group = cohort->group;
	uint32_t number = 0;
	size_t n = 0, bytes = 0, waiting = 0;

	for (; n < BATCH_ITEMS && bytes < BATCH_BYTES && waiting < BATCH_ITEMS; number++) {
		const struct path *path;
		bool own; /* a member's: it alone may have been sent the path of another before */

		number = change_set_next_without(
			&cohort->pending[family], &group->family[family].dirty, number);
		if (number == CHANGE_SET_END)
			break;
		if (adj_rib_out_in_doubt(group, family, number)) {
			waiting++;
			group->rib->starved = true; /* who waits for it asks again */
			continue;
		}
		path = adj_rib_out_path(group, family, number);
		own = path != NULL && group->rib->peers[path->source]->cohort == cohort;
		if (own && cohort->n_members > 1) {
			items[n] = (struct export_item){ .number = number, .target = path->source };
			bytes += adj_rib_out_cost(items, ++n);
		}
		items[n] = (struct export_item){ .number = number };
		if (path != NULL && !(own && cohort->n_members == 1)) {
			items[n].attrs = path->attrs;
			items[n].source = path->source;
		}
		bytes += adj_rib_out_cost(items, ++n);
	}
	return n;
}

/* One message that is not an UPDATE with routes. False: memory. */
static bool produce_marker(struct cohort *cohort, enum family family, bool refresh)
{
	struct writer w;

	if (!group_log_begin(&cohort->log, BGP_MESSAGE_MAX, &w))
		return false;
	if (refresh)
		route_refresh_write(&w, family, ROUTE_REFRESH_EORR);
	else
		end_of_rib_write(&w, family);
	group_log_publish(&cohort->log, &w, 0, 0);
	if (refresh)
		cohort->end_of_refresh &= (uint8_t)~FAMILY_BIT(family);
	else
		cohort->end_of_rib &= (uint8_t)~FAMILY_BIT(family);
	return true;
}

/*
 * The families whose marker the cohort may write at the end of their walk. What the group's log has
 * said since the walk began is read behind the cohort's.
 */
static uint8_t markers_due(const struct cohort *cohort)
{
	if (log_cursor_backlog(&cohort->start) > 0)
		return 0;
	return cohort->end_of_rib & (uint8_t)~end_of_rib_waits(cohort->group);
}

static bool produce_joining(struct cohort *cohort)
{
	struct update_group *group = cohort->group;
	struct export_item *batch = group->rib->batch;

	while (cohort->family < FAMILY_COUNT) {
		enum family family = cohort->family;
		uint32_t from = cohort->number;
		size_t n = 0;

		if (group->key.families & FAMILY_BIT(family))
			n = joining_items(cohort, family, batch);
		if (n > 0) {
			if (adj_rib_out_encode(
				    group, family, batch, n, &cohort->log, cohort_commit, cohort))
				return true;
			cohort->number = from; /* again, when there is memory */
			return false;
		}
		if (cohort->number != from)
			return true; /* a slice without anything to tell; more numbers follow */
		if ((markers_due(cohort) & FAMILY_BIT(family)) &&
			!produce_marker(cohort, family, false))
			return false;
		cohort->family++;
		cohort->number = 0;
	}
	cohort->complete = true;
	end_of_rib_owe(group, cohort->end_of_rib);
	return true;
}

static bool produce_pending(struct cohort *cohort)
{
	struct update_group *group = cohort->group;
	struct export_item *batch = group->rib->batch;

	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		size_t n = pending_items(cohort, family, batch);

		if (n > 0)
			return adj_rib_out_encode(
				group, family, batch, n, &cohort->log, cohort_commit, cohort);
		if (cohort->pending[family].count > 0)
			continue; /* the rest waits for the group's flush */
		if ((cohort->end_of_rib & ~end_of_rib_waits(group) & FAMILY_BIT(family)) &&
			!produce_marker(cohort, family, false))
			return false;
		if ((cohort->end_of_refresh & FAMILY_BIT(family)) &&
			!produce_marker(cohort, family, true))
			return false;
		cohort->resending &= (uint8_t)~FAMILY_BIT(family);
		if (cohort->resend_again & FAMILY_BIT(family))
			return catch_up_resend_begin(cohort, family) && produce_pending(cohort);
	}
	return true;
}

/*
 * Encodes the next slice, when the members need one: one slice a call. False when memory is short
 * (nothing is lost). The caller sees from the log whether there is something new and from
 * cohort_is_done whether more will come.
 */
bool cohort_produce(struct cohort *cohort)
{
	uint64_t end = cohort->log.end;
	bool ok;

	if (cohort->group->moving == cohort)
		cohort->group->moving = NULL;
	ok = cohort->catching_up ? produce_pending(cohort) : produce_joining(cohort);
	if (cohort->log.end != end || cohort_is_done(cohort))
		cohort_wake(cohort);
	return ok;
}

/*
 * The group's log, or a cohort's, holds more than the limit: peers with more than half of it to
 * read are taken off it and catch up later, those of one log together. Without memory for that they
 * stay, and it is tried again.
 */
void cohort_limit(struct update_group *group)
{
	size_t limit = group->rib->parameters.log_limit;
	bool ok = group->log.held <= limit || catch_up_shed(group, NULL, limit / 2);
	struct cohort *next;

	for (struct cohort *cohort = group->cohorts; ok && cohort != NULL; cohort = next) {
		size_t held = cohort->log.held;

		next = cohort->next;
		if (!cohort->catching_up && group->log.held > held)
			held = group->log.held;
		if (cohort->started && held > limit)
			ok = catch_up_shed(group, cohort, limit / 2);
	}
}
