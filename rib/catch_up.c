/*
 * Peers that leave their place in a log: slow ones that would hold too much of it (design, "Slow
 * peers"), those that asked for a refresh, those whose role changed. Slow ones get a cohort
 * together, so that a hundred cost what one does; the others get one of their own. It has the set
 * of numbers its members have to hear of: what they had not read yet is turned into that set by
 * reading the messages back, once, from where the slowest stands; withdrawals of prefixes that are
 * no longer in the table are kept as messages. To those of the members who knew it already it is
 * said again, which changes nothing.
 */
#include "bgp/update.h"
#include "rib/state.h"

/* Keeps a message as it is, for the member of that number. False: memory. */
static bool keep_message(struct cohort *cohort, struct span message, uint16_t target)
{
	struct writer w;

	if (!group_log_begin(&cohort->log, message.len, &w))
		return false;
	write_bytes(&w, message.bytes, message.len);
	group_log_publish(&cohort->log, &w, 0, target);
	return true;
}

/* A message that withdraws prefixes (or paths) which the table no longer knows. */
struct gone {
	struct cohort *cohort;
	enum family family;
	bool began;
	struct update_builder builder;
	struct writer w;
};

static void gone_end(struct gone *gone)
{
	if (!gone->began)
		return;
	update_end(&gone->builder);
	group_log_publish(&gone->cohort->log, &gone->w, 0, 0);
	gone->began = false;
}

/* False: memory. */
static bool gone_add(struct gone *gone, const struct nlri *nlri)
{
	bool add_path = family_is_add_path(gone->cohort->group, gone->family);

	if (gone->began && update_add(&gone->builder, &nlri->prefix, nlri->path_id))
		return true;
	gone_end(gone);
	if (!group_log_begin(&gone->cohort->log, BGP_MESSAGE_MAX, &gone->w) ||
		!update_begin_unreach(
			&gone->builder, &gone->w, BGP_MESSAGE_MAX, gone->family, add_path))
		return false;
	gone->began = true;
	return update_add(&gone->builder, &nlri->prefix, nlri->path_id);
}

/* The number that an NLRI we sent stands for now; SLAB_NONE when the table no longer has it. */
static uint32_t number_of(
	const struct update_group *group, enum family family, const struct nlri *nlri)
{
	const struct table *table = &group->rib->tables[family];
	uint32_t number = nlri->path_id - 1;
	const struct path *path;
	struct prefix prefix;

	if (!family_is_add_path(group, family))
		return table_find(table, &nlri->prefix);
	if (nlri->path_id == 0 || number >= table->paths.used)
		return SLAB_NONE;
	path = table_path(table, number);
	if (path->source == 0)
		return SLAB_NONE;
	prefix = table_prefix(table, table_entry(table, path->entry));
	return prefix_equal(&prefix, &nlri->prefix) ? number : SLAB_NONE;
}

static bool take_back_nlri(
	struct cohort *cohort, enum family family, struct span nlri_field, bool withdrawn)
{
	bool add_path = family_is_add_path(cohort->group, family);
	struct gone gone = { .cohort = cohort, .family = family };
	struct reader r = reader_of_span(nlri_field);
	struct nlri nlri;

	while (nlri_next(&r, family, add_path, &nlri)) {
		uint32_t number = number_of(cohort->group, family, &nlri);

		if (number != SLAB_NONE)
			cohort_mark(cohort, family, number);
		else if (withdrawn && !gone_add(&gone, &nlri))
			return false;
		/* An announcement of what is gone is followed by its withdrawal. */
	}
	gone_end(&gone);
	return true;
}

static bool take_back_message(struct cohort *cohort, struct span message)
{
	const struct attribute_context context = {
		.as4 = cohort->group->key.as4,
		.external = cohort->group->key.role == ROLE_EXTERNAL,
		.add_path_receive = cohort->group->key.add_path_send,
	};
	struct attribute_faults faults = { 0 };
	struct bgp_error error;
	struct update update;
	struct span body;

	if (message.bytes[BGP_HEADER_LEN - 1] != MESSAGE_UPDATE) {
		/* BoRR or EoRR: the resending that follows has markers of its own. */
		return keep_message(cohort, message, 0);
	}
	body = (struct span){ message.bytes + BGP_HEADER_LEN, message.len - BGP_HEADER_LEN };
	update_parse(body, &context, &update, &faults, &error);
	if (update.end_of_rib) {
		cohort->end_of_rib |= FAMILY_BIT(update.end_of_rib_family);
		return true;
	}
	if (!take_back_nlri(cohort, FAMILY_IPV4_UNICAST, update.withdrawn, true) ||
		!take_back_nlri(cohort, FAMILY_IPV4_UNICAST, update.nlri, false))
		return false;
	if (update.has_mp_reach &&
		!take_back_nlri(cohort, update.reach_family, update.reach_nlri, false))
		return false;
	return !update.has_mp_unreach ||
	       take_back_nlri(cohort, update.unreach_family, update.unreach_nlri, true);
}

/*
 * Turns what stands in a log behind `from`, as far as it is for `reader`, into numbers. False:
 * memory.
 */
static bool take_back_log(struct cohort *cohort, const struct log_cursor *from, uint16_t reader)
{
	struct log_cursor cursor;
	struct span message;
	bool ok = true;

	log_cursor_copy(&cursor, from);
	while (ok && log_cursor_next(&cursor, reader, &message))
		ok = take_back_message(cohort, message);
	log_cursor_release(&cursor);
	return ok;
}

/* Everything in the table of `family` from `number` on. */
static void mark_family(struct cohort *cohort, enum family family, uint32_t number)
{
	const struct update_group *group = cohort->group;
	const struct table *table = &group->rib->tables[family];
	bool add_path = family_is_add_path(group, family);
	uint32_t end = add_path ? table->paths.used : table->entries.used;

	if (!(group->key.families & FAMILY_BIT(family)))
		return;
	for (; number < end; number++) {
		if (add_path ? table_path(table, number)->source != 0
			     : table_entry(table, number)->flags & ENTRY_IN_USE)
			cohort_mark(cohort, family, number);
	}
}

/* ... and of the families behind it. */
static void mark_rest(struct cohort *cohort, uint8_t from, uint32_t number)
{
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (family >= from)
			mark_family(cohort, family, family == from ? number : 0);
	}
}

/* ... and what the members of another cohort that catches up have to hear of. */
static void mark_pending(struct cohort *cohort, const struct cohort *from)
{
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		const struct change_set *pending = &from->pending[family];
		uint32_t number = 0;

		while ((number = change_set_next(pending, number)) != CHANGE_SET_END)
			cohort_mark(cohort, family, number++);
	}
}

/*
 * What a member of `from` (NULL: of no cohort) that stands at `cursor` has not been told. False:
 * memory.
 */
static bool take_back_all(struct cohort *cohort, const struct cohort *from,
	const struct log_cursor *cursor, uint16_t reader)
{
	if (from != NULL && !from->started) {
		cohort->end_of_rib = cohort->group->key.families;
		mark_rest(cohort, 0, 0);
		return true;
	}
	if (!take_back_log(cohort, cursor, reader))
		return false;
	if (from == NULL)
		return true;
	cohort->end_of_rib |= from->end_of_rib;
	if (from->catching_up) {
		mark_pending(cohort, from);
		return true;
	}
	if (!from->complete)
		mark_rest(cohort, from->family, from->number);
	return take_back_log(cohort, &from->start, reader);
}

/* Keeps the message that the peer was sent a part of, so that the rest of it follows first. */
static bool keep_begun_message(struct cohort *cohort, const struct rib_peer *peer)
{
	struct log_cursor cursor;
	struct span message;
	bool kept;

	if (peer->cursor.sent == 0)
		return true;
	log_cursor_copy(&cursor, &peer->cursor);
	kept = log_cursor_next(&cursor, peer->number, &message) &&
	       keep_message(cohort, message, peer->number);
	log_cursor_release(&cursor);
	return kept;
}

/*
 * Moves the peer from where it reads to `begin`, in the log of the cohort, which may be one of
 * another group.
 */
static void move_reader(
	struct cohort *cohort, struct rib_peer *peer, const struct log_cursor *begin)
{
	const struct rib_callbacks *callbacks = &peer->rib->parameters.callbacks;
	uint32_t sent = peer->cursor.sent;
	bool was_dry = peer->is_dry;

	update_group_dry_remove(peer);
	log_cursor_release(&peer->cursor);
	cohort->end_of_rib |= peer->owed; /* again to those who had it already, which is harmless */
	peer->owed = 0;
	if (peer->cohort != NULL)
		cohort_leave(peer);
	if (peer->group != cohort->group) {
		update_group_remove(peer);
		update_group_add(cohort->group, peer);
	}
	log_cursor_copy(&peer->cursor, begin);
	peer->cursor.sent = sent;
	cohort_add(cohort, peer);
	if (was_dry)
		callbacks->output_ready(callbacks->context, peer);
}

/*
 * Moves the peer from where it reads into a cohort of its own that brings it up to date. False when
 * memory is short: the peer is where it was. A peer that already catches up alone stays as it is.
 */
static bool catch_up_begin(struct rib_peer *peer)
{
	const struct cohort *old = peer->cohort;
	struct log_cursor begin;
	struct cohort *cohort;
	bool ok;

	if (old != NULL && old->catching_up && old->n_members == 1)
		return true;
	cohort = cohort_new_catching_up(peer->group);
	if (cohort == NULL)
		return false;
	log_cursor_at_end(&begin, &cohort->log);
	ok = keep_begun_message(cohort, peer) &&
	     take_back_all(cohort, old, &peer->cursor, peer->number);
	if (ok)
		move_reader(cohort, peer, &begin);
	log_cursor_release(&begin);
	if (!ok)
		cohort_destroy(cohort);
	return ok;
}

/*
 * The peer behind `peer` (NULL: the first) among those that read the log of `from`; NULL: of those
 * that read the group's.
 */
static struct rib_peer *next_reader(
	const struct update_group *group, const struct cohort *from, const struct rib_peer *peer)
{
	struct rib_peer *next;

	if (from != NULL)
		return peer != NULL ? peer->cohort_next : from->members;
	next = peer != NULL ? peer->group_next : group->members;
	while (next != NULL && next->cohort != NULL)
		next = next->group_next;
	return next;
}

/* What the peer has yet to read of the logs that it holds. */
static size_t backlog_of(const struct cohort *from, const struct rib_peer *peer)
{
	size_t backlog = log_cursor_backlog(&peer->cursor);

	if (from != NULL && !from->catching_up)
		backlog += log_cursor_backlog(&from->start);
	return backlog;
}

/* The reader with the most to read, if that is more than is allowed; NULL otherwise. */
static const struct rib_peer *farthest_reader(
	const struct update_group *group, const struct cohort *from, size_t allowed)
{
	const struct rib_peer *farthest = NULL, *peer = NULL;

	while ((peer = next_reader(group, from, peer)) != NULL) {
		size_t backlog = backlog_of(from, peer);

		if (backlog > allowed) {
			allowed = backlog;
			farthest = peer;
		}
	}
	return farthest;
}

/*
 * Those who catch up are all behind, and what one of them has just pulled all have to read: the
 * first of them is the measure.
 */
static size_t backlog_of_first(const struct update_group *group, const struct cohort *from)
{
	const struct rib_peer *peer = NULL;
	size_t least = SIZE_MAX;

	while ((peer = next_reader(group, from, peer)) != NULL) {
		size_t backlog = backlog_of(from, peer);

		least = backlog < least ? backlog : least;
	}
	return least;
}

/*
 * Moves all who have more than `allowed` bytes to read of the log of `from` (NULL: of the group's)
 * into one cohort that brings them up to date. False when memory is short: they are where they
 * were.
 */
bool catch_up_shed(struct update_group *group, struct cohort *from, size_t allowed)
{
	const struct rib_peer *farthest;
	struct rib_peer *peer = NULL, *next;
	struct log_cursor begin;
	struct cohort *cohort;
	bool ok = true;

	if (from != NULL && from->catching_up)
		allowed += backlog_of_first(group, from);
	farthest = farthest_reader(group, from, allowed);
	if (farthest == NULL)
		return true;
	cohort = cohort_new_catching_up(group);
	if (cohort == NULL)
		return false;
	log_cursor_at_end(&begin, &cohort->log);
	while (ok && (peer = next_reader(group, from, peer)) != NULL) {
		if (backlog_of(from, peer) > allowed)
			ok = keep_begun_message(cohort, peer);
	}
	ok = ok && take_back_all(cohort, from, &farthest->cursor, PEER_NUMBER_ANY);
	for (peer = next_reader(group, from, NULL); ok && peer != NULL; peer = next) {
		next = next_reader(group, from, peer);
		if (backlog_of(from, peer) > allowed)
			move_reader(cohort, peer, &begin);
	}
	log_cursor_release(&begin);
	if (!ok)
		cohort_destroy(cohort);
	return ok;
}

/*
 * The Adj-RIB-Out of `family` is to be sent again to the one member. False when memory is short:
 * nothing has happened.
 */
bool catch_up_resend_begin(struct cohort *cohort, enum family family)
{
	uint8_t message[BGP_HEADER_LEN + 4];

	/*
	 * RFC 7313 section 4: no BoRR in front of the End-of-RIB; what is being sent then is the
	 * whole table anyway.
	 */
	if (cohort->enhanced && !(cohort->end_of_rib & FAMILY_BIT(family))) {
		struct writer w = writer_of(message, sizeof(message));

		route_refresh_write(&w, family, ROUTE_REFRESH_BORR);
		if (!keep_message(cohort, (struct span){ message, writer_len(&w) }, 0))
			return false;
		cohort->end_of_refresh |= FAMILY_BIT(family);
	}
	cohort->resending |= FAMILY_BIT(family);
	cohort->resend_again &= (uint8_t)~FAMILY_BIT(family);
	mark_family(cohort, family, 0);
	return true;
}

/*
 * Sends the whole Adj-RIB-Out of `family` again, with `enhanced` between BoRR and EoRR (RFC 7313
 * section 4). While it is being sent a peer may ask as often as it likes: that makes one more time,
 * afterwards. False when memory is short.
 */
bool catch_up_resend(struct rib_peer *peer, enum family family, bool enhanced)
{
	const struct rib_callbacks *callbacks = &peer->rib->parameters.callbacks;
	struct cohort *cohort;

	if (!(peer->group->key.families & FAMILY_BIT(family)))
		return true;
	if (!catch_up_begin(peer))
		return false;
	cohort = peer->cohort;
	if (cohort->resending & FAMILY_BIT(family)) {
		cohort->resend_again |= FAMILY_BIT(family);
		return true;
	}
	cohort->enhanced = enhanced;
	if (!catch_up_resend_begin(cohort, family))
		return false;
	if (peer->is_dry) {
		peer->is_dry = false;
		callbacks->output_ready(callbacks->context, peer);
	}
	return true;
}

/*
 * True when the one member of the cohort (NULL: none) is amid a refresh: BoRR and EoRR are its
 * alone.
 */
static bool is_resent(const struct cohort *cohort)
{
	return cohort != NULL &&
	       (cohort->end_of_refresh | cohort->resending | cohort->resend_again) != 0;
}

/*
 * Moves the peer into a cohort of its own that is the group's and has all to say. False: memory;
 * the peer is where it was.
 */
static bool move_alone(struct rib_peer *peer, struct update_group *group)
{
	struct cohort *cohort;

	if (!catch_up_begin(peer))
		return false;
	cohort = peer->cohort;
	/* First: what is dirty in the old group and gone from the table may go with the group. */
	mark_rest(cohort, 0, 0);
	cohort_unlink(cohort);
	update_group_remove(peer);
	update_group_add(group, peer);
	cohort_link(cohort, group);
	group->moving = cohort;
	cohort->whole_at = peer->rib->updates_received;
	return true;
}

/*
 * The cohort of the peer that moved to the group before, when it has said nothing yet and the table
 * knows no more numbers than it: a change of the configuration moves thousands at once. NULL: none.
 */
static struct cohort *cohort_of_move(const struct update_group *group)
{
	struct cohort *cohort = group->moving;

	return cohort != NULL && cohort->whole_at == group->rib->updates_received &&
			       !is_resent(cohort)
		       ? cohort
		       : NULL;
}

/* Moves the peer into that cohort. False: memory; the peer is where it was. */
static bool move_along(struct rib_peer *peer, struct cohort *cohort)
{
	struct log_cursor begin;
	bool ok;

	log_cursor_at_end(&begin, &cohort->log);
	ok = keep_begun_message(cohort, peer) &&
	     take_back_all(cohort, peer->cohort, &peer->cursor, peer->number);
	if (ok)
		move_reader(cohort, peer, &begin);
	log_cursor_release(&begin);
	return ok;
}

/*
 * The peer's parameters changed in a way that its session survives: it goes to the group they call
 * for and is told there whatever it should know. False when memory is short: it is still in its old
 * group, with its old parameters. Capabilities and families are the session's, so numbers mean the
 * same in both groups.
 */
bool catch_up_move(struct rib_peer *peer, const struct rib_peer_parameters *parameters)
{
	const struct rib_callbacks *callbacks = &peer->rib->parameters.callbacks;
	struct update_group *group = update_group_find(peer->rib, parameters);
	struct cohort *cohort;

	if (group == NULL)
		return false;
	if (group != peer->group) {
		cohort = is_resent(peer->cohort) ? NULL : cohort_of_move(group);
		if (!(cohort != NULL ? move_along(peer, cohort) : move_alone(peer, group))) {
			update_group_release(group);
			return false;
		}
		update_group_recount(peer);
		if (peer->is_dry) {
			peer->is_dry = false;
			callbacks->output_ready(callbacks->context, peer);
		}
	}
	peer->parameters = *parameters;
	return true;
}
