/*
 * What a peer's socket is fed with: the peer reads its cohort's log first, then its group's,
 * straight from the chunks. Asking for output is what pulls cohorts and blocked groups on: nothing
 * is encoded before somebody has room for it.
 */
#include "rib/state.h"

#define FLUSH_ITEMS 16384 /* that a member which ran dry may flush */

/* The peer has taken all of its cohort's log: on to the group's. */
static void leave_cohort(struct rib_peer *peer)
{
	struct cohort *cohort = peer->cohort;
	struct update_group *group = peer->group;
	struct log_cursor cursor;

	if (cohort->catching_up)
		log_cursor_at_end(&cursor, &group->log);
	else
		log_cursor_copy(&cursor, &cohort->start);
	log_cursor_release(&peer->cursor);
	peer->is_dry = false;
	peer->owed |= cohort->end_of_rib; /* what it leaves to the group */
	if (cohort->catching_up)
		end_of_rib_owe(group, cohort->end_of_rib);
	cohort_leave(peer);
	peer->cursor = cursor;
}

/*
 * Nothing to read. A flush that waited for that is made now; true when there is something to read
 * then.
 */
static bool run_dry(struct rib_peer *peer)
{
	unsigned items = FLUSH_ITEMS;

	update_group_dry_add(peer);
	if (peer->group->blocked)
		(void)update_group_flush(
			peer->group, &items); /* without memory: tried again by rib_run */
	return !peer->is_dry;
}

/* Encodes the next slice for the peer's cohort. False when there is nothing to encode now. */
static bool pull_cohort(struct cohort *cohort)
{
	uint64_t end = cohort->log.end;
	bool ok;

	if (!cohort->started)
		return false;
	ok = cohort_produce(cohort);
	if (cohort->log.end != end || cohort_is_done(cohort))
		return true;
	if (!ok)
		cohort->group->rib->starved = true; /* rib_run has it tried again */
	/* What is left for a peer that catches up may wait for the group's flush. */
	return ok && !cohort->catching_up;
}

int rib_peer_output(struct rib_peer *peer, struct iovec *iov, int max)
{
	while (peer->group != NULL) {
		struct cohort *cohort = peer->cohort;

		if (peer->cursor.chunk != NULL) {
			int n = log_cursor_gather(&peer->cursor, peer->number, iov, max);

			if (n > 0) {
				update_group_dry_remove(peer);
				return n;
			}
		}
		if (cohort != NULL && cohort->started && cohort_is_done(cohort)) {
			leave_cohort(peer);
		} else if (cohort != NULL && pull_cohort(cohort)) {
			if (cohort->log.held > peer->rib->parameters.log_limit)
				cohort_limit(peer->group);
		} else if (!run_dry(peer)) {
			return 0;
		}
	}
	return 0;
}

void rib_peer_output_sent(struct rib_peer *peer, size_t sent)
{
	if (sent > 0 && peer->cursor.chunk != NULL)
		peer->updates_sent += log_cursor_advance(&peer->cursor, peer->number, sent);
}

bool rib_peer_output_amid_message(const struct rib_peer *peer)
{
	return peer->cursor.sent > 0;
}
