/* What each type of message means to a session: from a framed message to an event of the FSM. */
#include <stdio.h>

#include "rr/peer.h"
#include "rr/peer_record.h"
#include "rr/session.h"

/* Feeds the event of a message that carries nothing to check. */
static void plain_event(struct session *session, enum fsm_event event, uint8_t type)
{
	session_event(session, event, &(struct session_cause){ .message_type = type });
}

static void take_open(struct session *session, struct span body)
{
	struct bgp_error error;

	if (session->state != FSM_OPEN_SENT) {
		plain_event(session, FSM_EVENT_OPEN, MESSAGE_OPEN);
		return;
	}
	if (!open_read(body, &session->theirs, &error) ||
		!open_negotiate(&session->ours, &session->theirs, session->peer->group->as,
			&session->negotiated, &error)) {
		session_event(
			session, FSM_EVENT_OPEN_ERROR, &(struct session_cause){ .error = &error });
		return;
	}
	/* RFC 4271 section 6.8: upon receipt of an OPEN the other connection is looked at. */
	if (peer_resolve_collision(session))
		plain_event(session, FSM_EVENT_OPEN, MESSAGE_OPEN);
}

static void take_notification(struct session *session, struct span body)
{
	struct notification notification;
	char name[96], text[DOWN_REASON_MAX];

	notification_read(body, &notification);
	peer_record_received(session, &notification);
	bgp_error_format(notification.reason_code, notification.reason_subcode, name, sizeof name);
	/* RFC 8538 section 6: a Hard Reset is reported as one, with what it carries. */
	snprintf(text, sizeof text, "received %s%s%s%s%.128s",
		notification.hard_reset ? "Cease/Hard Reset (" : "", name,
		notification.hard_reset ? ")" : "",
		notification.shutdown_text[0] != '\0' ? ": " : "", notification.shutdown_text);
	utf8_trim(text);
	session_event(session,
		notification.code == ERROR_OPEN && notification.subcode == OPEN_BAD_VERSION
			? FSM_EVENT_NOTIFICATION_VERSION
			: FSM_EVENT_NOTIFICATION,
		&(struct session_cause){ .text = text, .hard = notification.hard_reset });
}

static void take_update(struct session *session, struct span body)
{
	struct bgp_error error;

	plain_event(session, FSM_EVENT_UPDATE, MESSAGE_UPDATE);
	if (session->rib_peer == NULL)
		return;
	if (!rib_update(session->reflector->rib, session->rib_peer, body, &error))
		session_event(session, FSM_EVENT_UPDATE_ERROR,
			&(struct session_cause){ .error = &error });
}

/*
 * RFC 7313 section 4: what the peer does not announce between BoRR and EoRR it no longer has; but a
 * BoRR in front of the End-of-RIB that its Graceful Restart Capability promises is ignored.
 */
static void take_refresh_marker(struct session *session, uint8_t subtype, enum family family)
{
	struct peer *peer = session->peer;
	bool early = session->theirs.capabilities.graceful_restart.present &&
		     (peer->graceful_restart.end_of_rib_missing & FAMILY_BIT(family));
	struct log_subject subject = session_subject(session);
	uint64_t suppressed;

	if (subtype == ROUTE_REFRESH_BORR && early) {
		if (log_rate_allow(&peer->fault_rate, monotonic_us(), &suppressed))
			log_line(&session->reflector->log, LOG_WARNING, "early-borr", &subject,
				"%s: a route refresh that begins before End-of-RIB is ignored",
				family_name(family));
	} else if (subtype == ROUTE_REFRESH_BORR) {
		rib_refresh_begins(session->reflector->rib, session->rib_peer, family);
	} else if (subtype == ROUTE_REFRESH_EORR) {
		rib_refresh_ends(session->reflector->rib, session->rib_peer, family);
	}
}

static void take_route_refresh(struct session *session, struct span body)
{
	struct route_refresh refresh;
	struct bgp_error error;
	enum family family;

	plain_event(session, FSM_EVENT_ROUTE_REFRESH, MESSAGE_ROUTE_REFRESH);
	if (session->rib_peer == NULL)
		return;
	if (!route_refresh_read(body, &refresh, &error)) {
		session_event(session, FSM_EVENT_UPDATE_ERROR,
			&(struct session_cause){ .error = &error });
		return;
	}
	/*
	 * RFC 2918 section 4: a family that was not advertised is ignored; RFC 7313 section 5: so
	 * is an unknown subtype.
	 */
	if (!family_from_afi_safi(refresh.afi, refresh.safi, &family) ||
		!(session->negotiated.families & FAMILY_BIT(family)))
		return;
	if (refresh.subtype != ROUTE_REFRESH_NORMAL) {
		if (session->negotiated.enhanced_route_refresh)
			take_refresh_marker(session, refresh.subtype, family);
		return;
	}
	if (rib_refresh(session->reflector->rib, session->rib_peer, family,
		    session->negotiated.enhanced_route_refresh))
		return;
	cease_set(&error, CEASE_OUT_OF_RESOURCES, NULL, "no memory for a route refresh");
	session_event(
		session, FSM_EVENT_AUTOMATIC_STOP, &(struct session_cause){ .error = &error });
}

bool session_message(struct session *session, const struct message *message)
{
	session->peer->messages_received[message->type]++;
	switch ((enum message_type)message->type) {
	case MESSAGE_OPEN: take_open(session, message->body); break;
	case MESSAGE_UPDATE: take_update(session, message->body); break;
	case MESSAGE_NOTIFICATION: take_notification(session, message->body); break;
	case MESSAGE_KEEPALIVE: plain_event(session, FSM_EVENT_KEEPALIVE, MESSAGE_KEEPALIVE); break;
	case MESSAGE_ROUTE_REFRESH: take_route_refresh(session, message->body); break;
	}
	return session->fd >= 0;
}
