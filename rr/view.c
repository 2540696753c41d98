/* The reflector as mgmt/ sees it and what it asks for: totals, peers, clear. */
#include <stdio.h>
#include <string.h>

#include "rr/journal.h"
#include "rr/peer.h"
#include "rr/state.h"

static void total_peer(const struct peer *peer, uint64_t now, struct reflector_totals *totals)
{
	struct stale_view stale;

	graceful_restart_view(peer, now, &stale);
	totals->established += peer_established(peer) != NULL;
	totals->stale_peers += stale.families != 0;
	totals->awaited_peers += stale.awaited;
	for (enum family family = 0; family < FAMILY_COUNT; family++)
		totals->stale_paths[family] += stale.paths[family];
}

void reflector_totals(const struct reflector *reflector, struct reflector_totals *totals)
{
	uint64_t now = monotonic_us();

	*totals = (struct reflector_totals){
		.started = reflector->started_wall,
		.uptime = (now - reflector->started) / SECOND_US,
		.peers = (unsigned)reflector->peers.count,
		.connections_accepted = reflector->connections_accepted,
		.connections_refused = reflector->connections_refused,
		.reloads = reflector->reloads,
		.restarting = reflector->restart.until != 0,
		.end_of_rib_held = reflector->restart.holding,
		.restart_seconds = (unsigned)((elapsed_us(now, reflector->restart.until) +
						      SECOND_US - 1) /
					      SECOND_US),
		.restored_peers = reflector->restart.peers,
	};
	for (size_t i = 0; i < reflector->peers.count; i++)
		total_peer(reflector->peers.peers[i], now, totals);
}

static void view_session(const struct session *session, uint64_t now, struct peer_view *view)
{
	view->local = session->local;
	view->remote_port = session->remote_port;
	view->state = session->state;
	view->state_seconds = elapsed_us(session->state_since, now) / SECOND_US;
	/* Before its OPEN was taken nothing of the peer is known. */
	if (session->state >= FSM_OPEN_CONFIRM)
		view->bgp_id = session->theirs.bgp_id;
	if (session->rib_peer == NULL)
		return;
	struct rib_peer_counts counts;

	view->negotiated = &session->negotiated;
	view->capabilities = &session->theirs.capabilities;
	view->capabilities_sent = &session->ours.capabilities;
	view->rib_peer = session->rib_peer;
	rib_peer_counts(session->rib_peer, &counts);
	view->messages_sent[MESSAGE_UPDATE] += counts.updates_sent;
}

static unsigned retry_seconds(const struct peer *peer, uint64_t now)
{
	uint64_t at = 0;

	if (peer->own == NULL || peer_established(peer) != NULL || !peer_connects(peer))
		return 0;
	at = peer->own->state == FSM_IDLE ? peer->own->idle_hold_at : peer->own->connect_retry_at;
	return at > now ? (unsigned)((at - now + SECOND_US - 1) / SECOND_US) : 0;
}

static void view_peer(const struct peer *peer,
	void (*visit)(void *context, const struct peer_view *peer), void *context)
{
	const struct session *session = peer_session(peer);
	uint64_t now = monotonic_us();
	struct peer_view view = {
		.address = peer->address,
		.group = peer->group,
		.description = peer->config != NULL ? peer->config->description : NULL,
		.dynamic = peer->config == NULL,
		.passive = peer->config == NULL || peer->config->passive,
		.as = peer->group->as,
		.state = FSM_IDLE,
		.bytes_received = peer->bytes_received,
		.bytes_sent = peer->bytes_sent,
		.established_count = peer->established_count,
		.retry_seconds = retry_seconds(peer, now),
		.last_down = peer->last_down,
	};

	memcpy(view.messages_received, peer->messages_received, sizeof view.messages_received);
	memcpy(view.messages_sent, peer->messages_sent, sizeof view.messages_sent);
	view.messages_sent[MESSAGE_UPDATE] += peer->updates_sent_before;
	if (session != NULL)
		view_session(session, now, &view);
	else
		view.state_seconds = elapsed_us(peer->down_since, now) / SECOND_US;
	graceful_restart_view(peer, now, &view.stale);
	visit(context, &view);
}

void reflector_peers(const struct reflector *reflector,
	void (*visit)(void *context, const struct peer_view *peer), void *context)
{
	for (size_t i = 0; i < reflector->peers.count; i++)
		view_peer(reflector->peers.peers[i], visit, context);
}

bool reflector_peer(const struct reflector *reflector, const struct ip_address *address,
	void (*visit)(void *context, const struct peer_view *peer), void *context)
{
	const struct peer *peer = peers_find(&reflector->peers, address);

	if (peer == NULL)
		return false;
	view_peer(peer, visit, context);
	return true;
}

struct journal_reader *reflector_ask_journal(
	struct reflector *reflector, const struct journal_ask *ask, char *text, size_t size)
{
	struct journal_view journal;

	if (!journal_view(reflector->journal, &journal)) {
		snprintf(text, size,
			"no journal is kept: %s has no section \"journal\", which history comes "
			"from",
			reflector->config->file);
		return NULL;
	}
	if (reflector->journal_readers == NULL)
		reflector->journal_readers = journal_readers_new();
	if (reflector->journal_readers == NULL) {
		snprintf(text, size, "no memory to ask the journal");
		return NULL;
	}
	return journal_reader_begin(reflector->journal_readers, journal.path, ask, text, size);
}

bool reflector_journal(const struct reflector *reflector, struct journal_view *view)
{
	return journal_view(reflector->journal, view);
}

bool reflector_compact_journal(struct reflector *reflector, char *text, size_t size)
{
	if (reflector->journal == NULL)
		snprintf(text, size, "no journal is kept: %s has no section \"journal\"",
			reflector->config->file);
	else if (!journal_compact(reflector->journal))
		snprintf(text, size, "the journal is being compacted already");
	else
		return true;
	return false;
}

void reflector_audit(
	struct reflector *reflector, const char *who, const char *action, const char *detail)
{
	journal_audit(reflector->journal, who, action, detail);
}

static bool send_again(struct reflector *reflector, struct session *session)
{
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if ((session->negotiated.families & FAMILY_BIT(family)) &&
			!rib_refresh(reflector->rib, session->rib_peer, family, false))
			return false;
	}
	reflector_schedule(reflector);
	return true;
}

enum clear_result reflector_clear(
	struct reflector *reflector, const struct ip_address *address, enum clear_kind kind)
{
	struct peer *peer = peers_find(&reflector->peers, address);
	struct session *session;

	if (peer == NULL)
		return CLEAR_NO_SUCH_PEER;
	if (kind == CLEAR_HARD) {
		peer_stop(peer, CEASE_ADMIN_RESET, NULL, ENDING_HARD, true);
		return CLEAR_DONE;
	}
	session = peer_established(peer);
	if (session == NULL)
		return CLEAR_NOT_ESTABLISHED;
	if (kind == CLEAR_SOFT_IN)
		return session_ask_refresh(session) ? CLEAR_DONE : CLEAR_NO_ROUTE_REFRESH;
	if (!send_again(reflector, session)) {
		struct bgp_error error;

		cease_set(&error, CEASE_OUT_OF_RESOURCES, NULL, "no memory for a route refresh");
		session_event(session, FSM_EVENT_AUTOMATIC_STOP,
			&(struct session_cause){ .error = &error });
	}
	return CLEAR_DONE;
}
