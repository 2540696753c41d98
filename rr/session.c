#include "rr/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rr/graceful_restart.h"
#include "rr/journal.h"
#include "rr/peer.h"
#include "rr/peer_record.h"

#define HOLD_LARGE_US	 (240 * SECOND_US) /* RFC 4271 section 8.2.2 */
#define SEND_HOLD_MIN_US (480 * SECOND_US) /* RFC 9687 section 3.2 */

#define CONTROL_MESSAGE_MAX BGP_MESSAGE_MAX

struct session *session_new(struct peer *peer, bool incoming)
{
	struct session *session = malloc(sizeof *session);

	if (session == NULL)
		return NULL;
	*session = (struct session){
		.reflector = peer->reflector,
		.peer = peer,
		.incoming = incoming,
		.state = incoming ? FSM_ACTIVE : FSM_IDLE,
		.fd = -1,
		.state_since = monotonic_us(),
	};
	return session;
}

void session_free(struct session *session)
{
	if (session->rib_peer != NULL)
		rib_peer_down(session->reflector->rib, session->rib_peer);
	session->rib_peer = NULL;
	session_detach(session, NULL, 0);
	free(session);
}

struct log_subject session_subject(const struct session *session)
{
	return peer_subject(session->peer);
}

static void send_open(struct session *session)
{
	const struct config_group *group = session->peer->group;
	const struct config *config = session->reflector->config;
	uint8_t bytes[CONTROL_MESSAGE_MAX];
	struct writer w = writer_of(bytes, sizeof bytes);

	session->ours = (struct open){
		.version = 4,
		.as = config->as,
		.hold_time = group->hold_time,
		.bgp_id = config->router_id,
		.capabilities = {
			.multiprotocol = true,
			.families = group->families,
			.route_refresh = true,
			.enhanced_route_refresh = true,
			.extended_message = true,
			.as4 = true,
			.as4_number = config->as,
			.add_path_receive = group->add_path_receive ? group->families : 0,
			.add_path_send = group->add_path_send == ADD_PATH_ALL ? group->families : 0,
		},
	};
	graceful_restart_offer(session->peer, &session->ours.capabilities);
	open_write(&w, &session->ours);
	session_send(session, MESSAGE_OPEN, bytes, writer_len(&w));
}

static void send_keepalive(struct session *session)
{
	uint8_t bytes[BGP_HEADER_LEN];
	struct writer w = writer_of(bytes, sizeof bytes);

	/*
	 * Output that waits says as much as a KEEPALIVE behind it would; but an OPEN is to be
	 * answered with one.
	 */
	if (session->state == FSM_ESTABLISHED && session->control.len > 0)
		return;
	keepalive_write(&w);
	session_send(session, MESSAGE_KEEPALIVE, bytes, writer_len(&w));
}

static void start_keepalive(struct session *session, uint64_t now)
{
	session->keepalive_at = session->negotiated.hold_time == 0
					? 0
					: now + jittered(session->reflector,
							session->negotiated.keepalive_time *
								SECOND_US);
}

static void start_connecting(struct session *session)
{
	const struct config_peer *config = session->peer->config;
	int fd = socket_connect(&session->peer->address, config->port, &config->local);

	/* A failure comes back as TcpConnectionFails, as one of the network would. */
	if (fd >= 0 && session_attach(session, fd, true)) {
		session->remote_port = config->port;
		return;
	}
	int error = fd < 0 ? errno : ENOMEM;
	char text[128];

	snprintf(text, sizeof text, "cannot connect: %s", strerror(error));
	session_event(session, FSM_EVENT_TCP_FAILS, &(struct session_cause){ .text = text });
}

void session_accept(struct session *session, int fd, uint16_t remote_port)
{
	socket_prepare(fd, session->peer->address.len);
	if (!session_attach(session, fd, false)) {
		session_event(session, FSM_EVENT_TCP_FAILS,
			&(struct session_cause){ .text = "cannot watch the connection" });
		return;
	}
	session->remote_port = remote_port;
	session_event(session, FSM_EVENT_TCP_CONFIRMED, NULL);
}

void session_rib_parameters(const struct session *session, struct rib_peer_parameters *parameters)
{
	struct reflector *reflector = session->reflector;
	const struct peer *peer = session->peer;
	uint64_t now = monotonic_us();

	*parameters = (struct rib_peer_parameters){
		.address = peer->address,
		.as = session->negotiated.as,
		.bgp_id = session->negotiated.bgp_id,
		.role = peer->group->role,
		.families = session->negotiated.families,
		.as4 = session->negotiated.as4,
		.extended_message = session->negotiated.extended_message,
		.add_path_receive = session->negotiated.add_path_receive,
		.add_path_send = session->negotiated.add_path_send,
		.next_hop = peer->group->next_hop,
		.long_lived = graceful_restart_long_lived_send(session),
		.id = journal_peer_id(reflector->journal, &peer->address),
		.session = (void *)(uintptr_t)session,
	};
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (peer->group->next_hop == NEXT_HOP_SELF ||
			session->local.len == family_address_len(family))
			parameters->local[family] = local_address_of_family(
				&reflector->local_addresses, now, &session->local, family);
	}
}

static void establish(struct session *session)
{
	struct rib_peer_parameters parameters;
	struct bgp_error error;

	session_rib_parameters(session, &parameters);
	if (!graceful_restart_up(session, &parameters)) {
		cease_set(&error, CEASE_OUT_OF_RESOURCES, NULL, "no memory for another session");
		session_event(session, FSM_EVENT_AUTOMATIC_STOP,
			&(struct session_cause){ .error = &error });
		return;
	}
	peer_record_up(session);
	peer_session_established(session);
	/*
	 * The RIB calls output_ready only after its output was asked for and had run dry: the first
	 * question is ours.
	 */
	session_set_ready(session);
	reflector_schedule(session->reflector);
}

/* The NOTIFICATION that `step` asks for. */
static void choose_error(const struct fsm_step *step, enum fsm_state before, enum fsm_event event,
	const struct session_cause *cause, struct bgp_error *error)
{
	if (cause != NULL && cause->error != NULL && step->code != ERROR_FSM) {
		*error = *cause->error;
		return;
	}
	switch (step->code) {
	case ERROR_CEASE:
		cease_set(error, step->subcode != 0 ? step->subcode : CEASE_ADMIN_SHUTDOWN, NULL,
			NULL);
		return;
	case ERROR_HOLD_TIMER:
		bgp_error_set(error, ERROR_HOLD_TIMER, 0, NULL, 0,
			"nothing was received for the hold time");
		return;
	case ERROR_SEND_HOLD_TIMER:
		bgp_error_set(error, ERROR_SEND_HOLD_TIMER, 0, NULL, 0,
			"nothing could be sent for the send hold time");
		return;
	default: {
		uint8_t type = cause != NULL ? cause->message_type : 0;

		/* RFC 6608 section 4: the type of the message is the data. */
		bgp_error_set(error, ERROR_FSM, step->subcode, &type, type != 0,
			"%s was not expected in state %s", fsm_event_name(event),
			fsm_state_name(before));
	}
	}
}

/* Sends the NOTIFICATION and closes. */
static void send_notification(struct session *session, const struct fsm_step *step,
	const struct session_cause *cause, struct session_end *end, char *reason, size_t size)
{
	struct bgp_error error;
	uint8_t bytes[BGP_HEADER_LEN + 2 + BGP_ERROR_DATA_MAX];
	struct writer w = writer_of(bytes, sizeof bytes);
	bool hard = cause->hard && end->before == FSM_ESTABLISHED &&
		    session->negotiated.graceful_notification;
	char name[96];
	bool plain, sent;

	choose_error(step, end->before, end->event, cause, &error);
	plain = strcmp(error.reason, bgp_error_subcode_name(error.code, error.subcode)) == 0;
	bgp_error_format(error.code, error.subcode, name, sizeof name);
	if (hard)
		hard_reset_wrap(&error);
	notification_write(&w, &error);
	sent = session_detach(session, bytes, w.overflow ? 0 : writer_len(&w));
	if (sent) {
		session->peer->messages_sent[MESSAGE_NOTIFICATION]++;
		peer_record_sent(session, &error);
	}
	end->code_sent = error.code;
	/* RFC 8538 section 6: a Hard Reset is reported as one, with what it carries. */
	int len = snprintf(reason, size, "%s %s%s%s", sent ? "sent" : "could not send",
		hard ? "Cease/Hard Reset (" : "", name, hard ? ")" : "");

	if (!plain && (size_t)len < size)
		snprintf(reason + len, size - (size_t)len, ": %s", error.reason);
	utf8_trim(reason);
}

/* The part of a step that ends the connection. Fills `end` for the peer. */
static void end_connection(struct session *session, const struct fsm_step *step,
	const struct session_cause *cause, struct session_end *end, char *reason, size_t size)
{
	const struct session_cause none = { 0 };
	struct session_loss loss;

	cause = cause != NULL ? cause : &none;
	loss = (struct session_loss){
		.notification = end->event == FSM_EVENT_NOTIFICATION ||
				end->event == FSM_EVENT_NOTIFICATION_VERSION,
		.hard = cause->hard,
	};
	if ((step->actions & FSM_DO_SEND_NOTIFICATION) && !cause->silent) {
		loss.notification = true;
		send_notification(session, step, cause, end, reason, size);
	} else {
		session_detach(session, cause->silent ? (const uint8_t *)"" : NULL, 0);
		snprintf(reason, size, "%s",
			cause->text != NULL ? cause->text : fsm_event_name(end->event));
	}
	/* "Deletes all routes", unless Graceful Restart has them stay. */
	if ((step->actions & FSM_DO_DELETE_ROUTES) && session->rib_peer != NULL) {
		peer_count_updates(session);
		graceful_restart_lost(session, &loss);
		peer_record_down(session->peer);
		reflector_schedule(session->reflector);
	}
	session->hold_at = 0;
	session->keepalive_at = 0;
	end->reason = reason;
}

/* The part of a step that goes on with the connection. Stops where an action ended it. */
static void go_on(struct session *session, const struct fsm_step *step, uint64_t now)
{
	if (step->actions & FSM_DO_SEND_OPEN)
		send_open(session);
	if (step->actions & FSM_DO_SEND_KEEPALIVE)
		send_keepalive(session);
	if (step->actions & FSM_DO_START_KEEPALIVE)
		start_keepalive(session, now);
	if (step->actions & FSM_DO_HOLD_LARGE)
		session->hold_at = now + HOLD_LARGE_US;
	if (step->actions & FSM_DO_HOLD_NEGOTIATED)
		session->hold_at = session->negotiated.hold_time == 0
					   ? 0
					   : now + session->negotiated.hold_time * SECOND_US;
	if (step->actions & FSM_DO_ESTABLISH)
		establish(session);
	else if (step->actions & FSM_DO_CONNECT)
		start_connecting(session);
}

void session_event(struct session *session, enum fsm_event event, const struct session_cause *cause)
{
	enum fsm_state before = session->state;
	struct fsm_step step = fsm_step(before, event);
	uint64_t now = monotonic_us();
	struct session_end end = {
		.before = before,
		.state_us = elapsed_us(session->state_since, now),
		.actions = step.actions,
		.event = event,
	};
	char reason[DOWN_REASON_MAX];

	if (step.state != before) {
		session->state = step.state;
		session->state_since = now;
		session->idle_hold_at = 0;
	}
	if (step.actions & FSM_DO_DROP)
		end_connection(session, &step, cause, &end, reason, sizeof reason);
	if (step.state != before || end.reason != NULL)
		peer_record_step(session, &end);
	if (step.actions & FSM_DO_STOP_CONNECT_RETRY)
		session->connect_retry_at = 0;
	/* A passive peer is never connected to, so its timer would expire for nothing. */
	if ((step.actions & FSM_DO_START_CONNECT_RETRY) && peer_connects(session->peer))
		session->connect_retry_at = now + jittered(session->reflector,
							  session->peer->group->connect_retry *
								  SECOND_US);
	if (step.actions & FSM_DO_START_IDLE_HOLD)
		session->idle_hold_at = now + peer_idle_hold_time(session->peer);
	if (step.actions & FSM_DO_DROP) {
		if (!(step.actions & FSM_DO_CONNECT)) {
			peer_session_ended(session, &end);
			return;
		}
		peer_unreachable(session->peer, reason);
	}
	if (step.actions & FSM_DO_START) {
		session_event(session,
			peer_connects(session->peer) ? FSM_EVENT_AUTOMATIC_START
						     : FSM_EVENT_AUTOMATIC_START_PASSIVE,
			NULL);
		return;
	}
	go_on(session, &step, now);
}

void session_stop(struct session *session, enum cease_subcode subcode, const char *text,
	enum session_ending ending)
{
	const struct negotiated *agreed = &session->negotiated;
	struct bgp_error error;
	struct session_cause cause = { .error = &error, .hard = ending == ENDING_HARD };

	cease_set(&error, subcode, text, text);
	/*
	 * RFC 4724 section 4: after a NOTIFICATION the peer keeps nothing, unless it has the N bit
	 * (RFC 8538 section 4).
	 */
	if (ending == ENDING_RESTART && session->state == FSM_ESTABLISHED &&
		!agreed->graceful_notification &&
		(agreed->graceful_restart_send | agreed->long_lived_send) != 0) {
		cause.silent = true;
		cause.text = "closed without NOTIFICATION: the peer keeps our routes";
	}
	session_event(session, FSM_EVENT_MANUAL_STOP, &cause);
}

bool session_ask_refresh(struct session *session)
{
	if (session->rib_peer == NULL || !session->negotiated.route_refresh)
		return false;
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		uint8_t bytes[BGP_HEADER_LEN + 4];
		struct writer w = writer_of(bytes, sizeof bytes);

		if (!(session->negotiated.families & FAMILY_BIT(family)))
			continue;
		route_refresh_write(&w, family, ROUTE_REFRESH_NORMAL);
		session_send(session, MESSAGE_ROUTE_REFRESH, bytes, writer_len(&w));
	}
	return true;
}

/* RFC 9687 section 3.2: the greater of 8 minutes and twice the hold time. */
static bool send_hold_expired(const struct session *session, uint64_t now)
{
	uint64_t limit = 2 * session->negotiated.hold_time * SECOND_US;

	if (session->rib_peer == NULL || session->blocked_since == 0)
		return false;
	if (limit < SEND_HOLD_MIN_US)
		limit = SEND_HOLD_MIN_US;
	return elapsed_us(session->blocked_since, now) >= limit;
}

static bool due(uint64_t at, uint64_t now)
{
	return at != 0 && now >= at;
}

void session_tick(struct session *session, uint64_t now)
{
	if (due(session->idle_hold_at, now)) {
		session->idle_hold_at = 0;
		session_event(session, FSM_EVENT_IDLE_HOLD_EXPIRES, NULL);
		return;
	}
	if (due(session->connect_retry_at, now)) {
		session->connect_retry_at = 0;
		session_event(session, FSM_EVENT_CONNECT_RETRY_EXPIRES,
			&(struct session_cause){ .text = "cannot connect: no answer" });
		return;
	}
	if (session->fd < 0)
		return;
	/*
	 * The peer may have spoken in time and we not have listened: bytes that wait are read
	 * first.
	 */
	if (due(session->hold_at, now) && session_read(session) == 0 &&
		due(session->hold_at, now)) {
		session_event(session, FSM_EVENT_HOLD_EXPIRES, NULL);
		return;
	}
	if (send_hold_expired(session, now)) {
		session_event(session, FSM_EVENT_SEND_HOLD_EXPIRES, NULL);
		return;
	}
	if (due(session->keepalive_at, now))
		session_event(session, FSM_EVENT_KEEPALIVE_EXPIRES, NULL);
}
