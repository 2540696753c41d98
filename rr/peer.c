#include "rr/peer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rr/second_connection.h"
#include "rr/update_fault.h"

#define STABLE_US	(60 * SECOND_US) /* a session that lived this long was no oscillation */
#define IDLE_HOLD_FIRST SECOND_US
#define IDLE_HOLD_MAX	(120 * SECOND_US)
#define FAULTS_FREE	3 /* failing sessions in a row before connections are refused */
#define FORGET_US	(300 * SECOND_US)
#define CROSSING_US	(2 * SECOND_US)

struct peer *peer_new(struct reflector *reflector, const struct ip_address *address,
	const struct config_group *group, const struct config_peer *config)
{
	struct peer *peer = calloc(1, sizeof *peer);

	if (peer == NULL)
		return NULL;
	peer->reflector = reflector;
	peer->address = *address;
	peer->group = group;
	peer->config = config;
	peer->down_since = monotonic_us();
	if (config != NULL) {
		peer->own = session_new(peer, false);
		if (peer->own == NULL) {
			free(peer);
			return NULL;
		}
	}
	return peer;
}

void peer_free(struct peer *peer)
{
	second_connection_end(peer);
	if (peer->own != NULL)
		session_free(peer->own);
	if (peer->incoming != NULL)
		session_free(peer->incoming);
	graceful_restart_drop(peer);
	free(peer->failure_recorded);
	free(peer);
}

bool peer_connects(const struct peer *peer)
{
	return peer->config != NULL && !peer->config->passive;
}

struct log_subject peer_subject(const struct peer *peer)
{
	return (struct log_subject){
		.peer = &peer->address,
		.group = peer->group->name,
		.description = peer->config != NULL ? peer->config->description : NULL,
	};
}

struct session *peer_session(const struct peer *peer)
{
	if (peer->own == NULL ||
		(peer->incoming != NULL && peer->incoming->state > peer->own->state))
		return peer->incoming;
	return peer->own;
}

struct session *peer_established(const struct peer *peer)
{
	struct session *session = peer_session(peer);

	return session != NULL && session->state == FSM_ESTABLISHED ? session : NULL;
}

/* The other one of the two sessions; NULL when there is none. */
static struct session *other_session(const struct session *session)
{
	return session->incoming ? session->peer->own : session->peer->incoming;
}

/*
 * Exponential, from one second, with jitter: peers that failed together do not come back together.
 */
static uint64_t back_off(struct reflector *reflector, unsigned failures)
{
	uint64_t us = IDLE_HOLD_FIRST;

	for (unsigned i = 1; i < failures && us < IDLE_HOLD_MAX; i++)
		us *= 2;
	return jittered(reflector, us < IDLE_HOLD_MAX ? us : IDLE_HOLD_MAX);
}

uint64_t peer_idle_hold_time(const struct peer *peer)
{
	return back_off(peer->reflector, peer->connect_retry_counter);
}

void peer_start(struct peer *peer)
{
	if (peer->own == NULL || peer->leaving || peer->reflector->stopping != STOPPING_NOT)
		return;
	session_event(peer->own,
		peer_connects(peer) ? FSM_EVENT_MANUAL_START : FSM_EVENT_MANUAL_START_PASSIVE,
		NULL);
}

/* Starts the own FSM again after a while, unless the peer's own connection serves. */
static void start_later(struct peer *peer)
{
	if (peer->own == NULL || peer->own->state != FSM_IDLE || peer->leaving ||
		peer->reflector->stopping != STOPPING_NOT)
		return;
	if (peer->incoming != NULL && peer->incoming->state >= FSM_OPEN_CONFIRM)
		return;
	session_event(peer->own,
		peer_connects(peer) ? FSM_EVENT_AUTOMATIC_START_DAMPED
				    : FSM_EVENT_AUTOMATIC_START_DAMPED_PASSIVE,
		NULL);
}

void peer_stop(struct peer *peer, enum cease_subcode subcode, const char *text,
	enum session_ending ending, bool again)
{
	bool leaving = peer->leaving;

	second_connection_end(peer);
	/* Keeps peer_session_ended from starting anything before both are stopped. */
	peer->leaving = true;
	if (peer->own != NULL)
		session_stop(peer->own, subcode, text, ending);
	if (peer->incoming != NULL)
		session_stop(peer->incoming, subcode, text, ending);
	if (peer->own != NULL)
		peer->own->idle_hold_at = 0;
	peer->leaving = leaving;
	/* At the end of the daemon the table stays as it is, for the journal. */
	if (ending == ENDING_HARD && peer->reflector->stopping == STOPPING_NOT)
		graceful_restart_drop(peer);
	peer->faults = 0;
	peer->refuse_until = 0;
	if (again)
		peer_start(peer);
}

void peer_unreachable(struct peer *peer, const char *reason)
{
	struct log_subject subject = peer_subject(peer);

	log_line(&peer->reflector->log, LOG_DEBUG, "connect-failed", &subject, "%s", reason);
	/* Why the last session ended says more; what to write while there was none is this. */
	if (peer->established_count == 0)
		snprintf(peer->last_down, sizeof peer->last_down, "%s", reason);
}

/* Counts towards damping, as the step says and as a session that was stable undoes. */
static void count_end(struct peer *peer, const struct session_end *end, uint64_t now)
{
	bool stable = end->before == FSM_ESTABLISHED && end->state_us >= STABLE_US;

	if (stable || (end->actions & FSM_DO_COUNT_ZERO)) {
		peer->connect_retry_counter = 0;
		peer->faults = 0;
	}
	if (end->event == FSM_EVENT_COLLISION_DUMP)
		return; /* nobody failed */
	if (end->actions & FSM_DO_COUNT_UP)
		peer->connect_retry_counter++;
	if (end->code_sent == 0 || end->code_sent == ERROR_CEASE ||
		end->code_sent == ERROR_HOLD_TIMER || end->code_sent == ERROR_SEND_HOLD_TIMER)
		return;
	if (++peer->faults >= FAULTS_FREE)
		peer->refuse_until = now +
				     back_off(peer->reflector, peer->faults - FAULTS_FREE + 2);
}

static void log_end(const struct session *session, const struct session_end *end)
{
	const struct log *log = &session->reflector->log;
	struct log_subject subject = session_subject(session);
	char kept[128];

	if (end->before == FSM_ESTABLISHED)
		log_line(log, LOG_INFO, "session-down", &subject,
			"session down after %" PRIu64 " s: %s%s", end->state_us / SECOND_US,
			end->reason, graceful_restart_text(session->peer, kept, sizeof kept));
	else if (end->event == FSM_EVENT_COLLISION_DUMP)
		log_line(log, LOG_DEBUG, "session-collision", &subject,
			"%s connection closed in %s: %s",
			session->incoming ? "incoming" : "outgoing", fsm_state_name(end->before),
			end->reason);
	else
		log_line(log,
			end->event == FSM_EVENT_MANUAL_STOP || end->event == FSM_EVENT_TCP_FAILS
				? LOG_INFO
				: LOG_WARNING,
			"session-failed", &subject, "session did not come up (%s): %s",
			fsm_state_name(end->before), end->reason);
}

void peer_session_ended(struct session *session, const struct session_end *end)
{
	struct peer *peer = session->peer;
	uint64_t now = monotonic_us();

	count_end(peer, end, now);
	if (end->before >= FSM_OPEN_SENT) {
		log_end(session, end);
		if (end->event != FSM_EVENT_COLLISION_DUMP)
			snprintf(peer->last_down, sizeof peer->last_down, "%s", end->reason);
	} else if (end->event == FSM_EVENT_TCP_FAILS) {
		peer_unreachable(peer, end->reason);
	}
	if (session->incoming) {
		peer->incoming = NULL;
		session->peer = NULL;
		TAILQ_INSERT_TAIL(&peer->reflector->dead, session, link);
		reflector_schedule(peer->reflector);
	}
	peer->down_since = now;
	start_later(peer);
}

bool peer_resolve_collision(struct session *session)
{
	struct session *other = other_session(session);
	bool keeps_ours;

	if (other == NULL || other->state < FSM_OPEN_CONFIRM)
		return true;
	/*
	 * "A connection collision with an existing BGP connection that is in the Established state
	 * causes closing of the newly created connection."
	 */
	if (other->state == FSM_ESTABLISHED) {
		session_event(session, FSM_EVENT_COLLISION_DUMP, NULL);
		return false;
	}
	keeps_ours = open_collision_keeps_ours(&session->ours, &session->theirs);
	if (keeps_ours == session->incoming) {
		session_event(session, FSM_EVENT_COLLISION_DUMP, NULL);
		return false;
	}
	session_event(other, FSM_EVENT_COLLISION_DUMP, NULL);
	return true;
}

/* "ipv4-unicast, ipv6-unicast" */
static const char *families_text(uint8_t families, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (enum family family = 0; family < FAMILY_COUNT && len < size; family++) {
		if (families & FAMILY_BIT(family))
			len += (size_t)snprintf(text + len, size - len, "%s%s", len > 0 ? " " : "",
				family_name(family));
	}
	return text;
}

static void log_established(const struct session *session)
{
	const struct negotiated *agreed = &session->negotiated;
	struct log_subject subject = session_subject(session);
	char families[64], id[16], receive[80] = "", send[80] = "", list[64];

	if (agreed->add_path_receive != 0)
		snprintf(receive, sizeof receive, ", add-path receive %s",
			families_text(agreed->add_path_receive, list, sizeof list));
	if (agreed->add_path_send != 0)
		snprintf(send, sizeof send, ", add-path send %s",
			families_text(agreed->add_path_send, list, sizeof list));
	log_line(&session->reflector->log, LOG_INFO, "session-up", &subject,
		"session up (%s): AS %" PRIu32 ", BGP Identifier %s, %s, hold time %u s%s%s%s%s%s",
		session->incoming ? "incoming" : "outgoing", agreed->as,
		bgp_id_format(agreed->bgp_id, id),
		families_text(agreed->families, families, sizeof families), agreed->hold_time,
		agreed->as4 ? ", 4-octet AS" : "",
		agreed->enhanced_route_refresh ? ", enhanced route refresh"
		: agreed->route_refresh	       ? ", route refresh"
					       : "",
		agreed->extended_message ? ", extended messages" : "", receive, send);
}

void peer_session_established(struct session *session)
{
	struct peer *peer = session->peer;
	unsigned counter = peer->connect_retry_counter;

	peer->established_count++;
	log_established(session);
	/*
	 * The peer's connection serves: ours need not be tried. One that has got as far as OpenSent
	 * is left to section 6.8: should the peer prefer it, it is our only one in a moment.
	 */
	if (session->incoming && peer->own != NULL && peer->own->state < FSM_OPEN_SENT) {
		session_event(peer->own, FSM_EVENT_MANUAL_STOP, NULL);
		peer->own->idle_hold_at = 0;
		peer->connect_retry_counter = counter;
	}
}

void peer_count_updates(const struct session *session)
{
	struct rib_peer_counts counts;

	rib_peer_counts(session->rib_peer, &counts);
	session->peer->updates_sent_before += counts.updates_sent;
}

void peer_update_fault(struct peer *peer, struct span body, const struct attribute_context *context,
	const struct attribute_faults *faults)
{
	struct log_subject subject = peer_subject(peer);
	char before[64] = "";
	uint64_t suppressed;
	char *text;

	if (!log_rate_allow(&peer->fault_rate, monotonic_us(), &suppressed))
		return;
	if (suppressed > 0)
		snprintf(before, sizeof before, "(and %" PRIu64 " more before) ", suppressed);
	text = update_fault_text(body, context, faults);
	log_line(&peer->reflector->log, LOG_WARNING, "update-fault", &subject,
		"malformed UPDATE: %s%s", before, text != NULL ? text : "(no memory to say more)");
	free(text);
}

void peer_tick(struct peer *peer, uint64_t now)
{
	struct session *incoming = peer->incoming;
	uint64_t suppressed;

	if (peer->own != NULL) {
		/* While the peer's connection is on its way up, ours would only collide with it. */
		if (incoming != NULL && incoming->state >= FSM_OPEN_SENT &&
			peer->own->state == FSM_ACTIVE && peer->own->connect_retry_at != 0 &&
			now >= peer->own->connect_retry_at)
			peer->own->connect_retry_at = now + SECOND_US;
		session_tick(peer->own, now);
	}
	if (peer->incoming != NULL)
		session_tick(peer->incoming, now);
	second_connection_tick(peer, now);
	graceful_restart_tick(peer, now);
	if (log_rate_settle(&peer->fault_rate, now, &suppressed)) {
		struct log_subject subject = peer_subject(peer);

		log_line(&peer->reflector->log, LOG_WARNING, "update-fault", &subject,
			"%" PRIu64 " more malformed UPDATEs in the last second", suppressed);
	}
}

bool peer_forgettable(const struct peer *peer, uint64_t now)
{
	return peer->config == NULL && peer->incoming == NULL &&
	       peer->graceful_restart.retained == NULL &&
	       elapsed_us(peer->down_since, now) >= FORGET_US;
}

/* No peer and no range covers the address, or the peer fails again and again. */
static void refuse(struct reflector *reflector, int fd, const struct ip_address *address,
	struct log_rate *rate, const char *event, const char *why)
{
	char text[IP_ADDRESS_TEXT_MAX];
	uint64_t suppressed;

	close(fd);
	if (!log_rate_allow(rate, monotonic_us(), &suppressed))
		return;
	if (suppressed > 0)
		log_line(&reflector->log, LOG_WARNING, event, NULL,
			"connection from %s refused: %s (%" PRIu64 " more suppressed)",
			ip_address_format(address, text), why, suppressed);
	else
		log_line(&reflector->log, LOG_WARNING, event, NULL,
			"connection from %s refused: %s", ip_address_format(address, text), why);
}

/*
 * The peer may have restarted and its session be dead without our knowing: a KEEPALIVE provokes the
 * RST that tells us.
 */
static void probe(struct peer *peer, struct session *established)
{
	uint64_t now = monotonic_us();

	if (elapsed_us(peer->probed_at, now) < SECOND_US)
		return;
	peer->probed_at = now;
	session_event(established, FSM_EVENT_KEEPALIVE_EXPIRES, NULL);
}

/*
 * RFC 4724 sections 4.2 and 5: a connection of a peer that restarts with Graceful Restart is the
 * end of the one before. A connection that was on its way when the session came up is none of a
 * restart ("the subsequent open connection"): it collides.
 */
static bool may_be_restart(const struct session *established)
{
	return established->negotiated.graceful_restart_receive != 0 &&
	       elapsed_us(established->state_since, monotonic_us()) >= CROSSING_US;
}

static void end_restarted(struct session *established)
{
	struct peer *peer = established->peer;

	session_event(established, FSM_EVENT_TCP_FAILS,
		&(struct session_cause){
			.text = "the peer has connected again: it has restarted" });
	peer->connect_retry_counter = 0;
}

void peer_take_connection(struct peer *peer, int fd, uint16_t port)
{
	struct session *established = peer_established(peer);
	struct session *session;

	if (established != NULL)
		end_restarted(established);
	/* The peer can only have one connection to us in earnest: the one before is gone for it. */
	if (peer->incoming != NULL)
		session_event(peer->incoming, FSM_EVENT_COLLISION_DUMP, NULL);
	session = session_new(peer, true);
	if (session == NULL) {
		close(fd);
		return;
	}
	peer->incoming = session;
	peer->down_since = 0;
	session_accept(session, fd, port);
}

/* The peer of the address: configured, known, or new from a range; NULL when nothing covers it. */
static struct peer *peer_for(
	struct reflector *reflector, const struct ip_address *address, const char **why)
{
	struct peer *peer = peers_find(&reflector->peers, address);
	const struct config_group *group;
	const struct prefix *range;

	if (peer != NULL)
		return peer;
	*why = "no peer and no dynamic range covers the address";
	group = config_group_for_address(reflector->config, address, &range);
	if (group == NULL)
		return NULL;
	*why = "no memory for another peer";
	peer = peer_new(reflector, address, group, NULL);
	if (peer != NULL && !peers_add(&reflector->peers, peer)) {
		peer_free(peer);
		return NULL;
	}
	return peer;
}

void peer_accept(
	struct reflector *reflector, int fd, const struct ip_address *address, uint16_t port)
{
	const char *why = NULL;
	struct peer *peer = peer_for(reflector, address, &why);
	struct session *established;

	if (peer == NULL || peer->leaving) {
		reflector->connections_refused++;
		refuse(reflector, fd, address, &reflector->refused_rate, "connection-refused",
			peer == NULL ? why : "the peer is being removed");
		return;
	}
	if (monotonic_us() < peer->refuse_until) {
		refuse(reflector, fd, address, &reflector->damped_rate, "connection-damped",
			"its sessions fail again and again, waiting before the next");
		return;
	}
	established = peer_established(peer);
	if (established == NULL) {
		reflector->connections_accepted++;
		peer_take_connection(peer, fd, port);
		return;
	}
	if (may_be_restart(established)) {
		reflector->connections_accepted++;
		second_connection_begin(peer, fd, port);
	} else {
		second_connection_refuse(peer, fd, "the session is Established");
	}
	probe(peer, established);
}
