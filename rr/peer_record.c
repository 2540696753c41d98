#include "rr/peer_record.h"

#include <stdlib.h>
#include <string.h>

#include "rr/journal.h"
#include "rr/peer.h"

void peer_record_up(const struct session *session)
{
	const struct negotiated *agreed = &session->negotiated;

	journal_peer(
		session->reflector->journal, &(struct journal_peer_row){
						     .address = session->peer->address,
						     .as = agreed->as,
						     .bgp_id = agreed->bgp_id,
						     .families = agreed->families,
						     .add_path_receive = agreed->add_path_receive,
					     });
}

void peer_record_down(const struct peer *peer)
{
	const struct graceful_restart *restart = &peer->graceful_restart;

	/* At the end of the daemon what a start needs is told already: the session was up. */
	if (peer->reflector->stopping == STOPPING_NOT)
		journal_peer_down(peer->reflector->journal, &peer->address,
			restart->retained != NULL ? restart->families : 0);
}

static void record(const struct session *session, struct journal_event_row row)
{
	struct journal *journal = session->reflector->journal;
	struct peer *peer = session->peer;

	if (peer->journal_id == 0)
		peer->journal_id = session->state == FSM_ESTABLISHED
					   ? journal_peer_id(journal, &peer->address)
					   : journal_stranger_id(journal, &peer->address);
	row.peer = peer->journal_id;
	journal_event(journal, &row);
}

/* True when the peer's last failure was another one; this one is remembered. */
static bool is_news(struct peer *peer, const char *reason)
{
	if (peer->failure_recorded != NULL && strcmp(peer->failure_recorded, reason) == 0)
		return false;
	free(peer->failure_recorded);
	peer->failure_recorded = strdup(reason); /* without memory it is news again */
	return true;
}

static void forget_failure(struct peer *peer)
{
	free(peer->failure_recorded);
	peer->failure_recorded = NULL;
}

static bool is_worth_telling(struct session *session, const struct session_end *end)
{
	struct peer *peer = session->peer;

	if (session->state == FSM_ESTABLISHED || end->before == FSM_ESTABLISHED) {
		forget_failure(peer);
		return true;
	}
	if (end->reason != NULL)
		return is_news(peer, end->reason);
	return session->state >= FSM_OPEN_SENT && peer->failure_recorded == NULL;
}

void peer_record_step(struct session *session, const struct session_end *end)
{
	/* Of two connections one was too many: nothing became of the peer by that. */
	if (session->reflector->journal == NULL || end->event == FSM_EVENT_COLLISION_DUMP ||
		!is_worth_telling(session, end))
		return;
	record(session, (struct journal_event_row){
				.kind = JOURNAL_EVENT_STATE,
				.state_before = end->before,
				.state = session->state,
				.text = (char *)(uintptr_t)end->reason,
			});
}

void peer_record_sent(const struct session *session, const struct bgp_error *error)
{
	record(session, (struct journal_event_row){
				.kind = JOURNAL_EVENT_SENT,
				.state_before = session->state,
				.state = session->state,
				.code = error->code,
				.subcode = error->subcode,
				.text = (char *)(uintptr_t)error->reason,
			});
}

void peer_record_received(const struct session *session, const struct notification *notification)
{
	const char *text = notification->shutdown_text;

	record(session, (struct journal_event_row){
				.kind = JOURNAL_EVENT_RECEIVED,
				.state_before = session->state,
				.state = session->state,
				.code = notification->code,
				.subcode = notification->subcode,
				.text = text[0] != '\0' ? (char *)(uintptr_t)text : NULL,
			});
}
