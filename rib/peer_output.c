/*
 * What a peer's socket is fed with: the peer reads its cohort's log first, then its group's, straight from the chunks. Asking for
 * output is what pulls cohorts and blocked groups on: nothing is encoded before somebody has room for it.
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
	cohort_leave(peer);
	peer->cursor = cursor;
}

int rib_peer_output(struct rib_peer *peer, struct iovec *iov, int max)
{
	unsigned items = FLUSH_ITEMS;
	int n;

	for (;;) {
		struct cohort *cohort = peer->cohort;
		uint64_t end;

		n = peer->cursor.chunk == NULL
			    ? 0
			    : log_cursor_gather(&peer->cursor, peer->number, iov, max);
		if (n > 0) {
			update_group_dry_remove(peer);
			return n;
		}
		if (cohort == NULL) {
			update_group_dry_add(peer);
			if (!peer->group->blocked)
				return 0;
			/* The flush waited for a member to run dry. It wakes us when there is something. */
			(void)update_group_flush(peer->group, &items);
			if (peer->is_dry)
				return 0;
			continue;
		}
		if (!cohort->started) {
			update_group_dry_add(peer);
			return 0;
		}
		if (cohort_is_done(cohort)) {
			leave_cohort(peer);
			continue;
		}
		end = cohort->log.end;
		if (!cohort_produce(cohort) || (cohort->catching_up && cohort->log.end == end &&
						       !cohort_is_done(cohort))) {
			/* Out of memory, or all that is left waits for the group's flush: which wakes us. */
			update_group_dry_add(peer);
			return 0;
		}
		if (cohort->log.held > peer->rib->parameters.log_limit)
			cohort_limit(peer->group);
	}
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
