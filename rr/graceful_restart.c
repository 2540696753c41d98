#include "rr/graceful_restart.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rr/peer.h"
#include "rr/peer_record.h"

/* A peer that promises no End-of-RIB has announced all it has when it has been quiet for so long.
 */
#define QUIET_US (5 * SECOND_US)
/*
 * A peer whose session began in the last moment before we were killed may be in no journal. No
 * End-of-RIB is sent before it has had so long to come back: it would tell the others that its
 * routes are gone.
 */
#define NEWCOMER_US  (15 * SECOND_US)
#define NAMES_OF_MAX 8 /* peers that a line of the log names */

static uint64_t stale_count(const struct rib_peer *rib_peer, uint8_t families)
{
	uint64_t count = 0;

	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (families & FAMILY_BIT(family))
			count += rib_stale_count(rib_peer, family);
	}
	return count;
}

/* The rib_peer whose stale paths are looked after, with a session or without; NULL: none. */
static struct rib_peer *rib_peer_of(const struct peer *peer)
{
	const struct session *session = peer_established(peer);

	if (peer->graceful_restart.retained != NULL)
		return peer->graceful_restart.retained;
	return session != NULL ? session->rib_peer : NULL;
}

static void schedule(const struct peer *peer)
{
	reflector_schedule(peer->reflector);
}

/* All stale paths are gone, or announced again. */
static void forget_stale(struct graceful_restart *restart)
{
	restart->families = 0;
	restart->restored = false;
	restart->restart_until = 0;
	restart->stale_until = 0;
	restart->bound = 0;
	memset(restart->long_lived_until, 0, sizeof restart->long_lived_until);
}

void graceful_restart_offer(const struct peer *peer, struct capabilities *capabilities)
{
	const struct config_group *group = peer->group;
	const struct reflector *reflector = peer->reflector;
	bool preserved = reflector->restart.restored || peer->established_count > 0;
	/*
	 * Without a journal (the one in use: a reload changes that of the next start) nothing
	 * survives us: RFC 4724 section 3 has the capability without
	 * families for a speaker that only helps others.
	 */
	uint8_t families = reflector->journal != NULL ? group->families : 0;

	if (!group->graceful_restart)
		return;
	capabilities->graceful_restart.present = true;
	capabilities->graceful_restart.notification = true;
	capabilities->graceful_restart.time = reflector->config->restart_time;
	capabilities->graceful_restart.families = families;
	/* A reflector forwards nothing: what it preserves are the paths. */
	capabilities->graceful_restart.forwarding = preserved ? families : 0;
	/* Once the peer was up, it is only the session that began anew. */
	capabilities->graceful_restart.restarting = reflector->restart.until != 0 &&
						    peer->established_count == 0;
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (group->long_lived_time[family] == 0)
			continue;
		capabilities->long_lived.present = true;
		capabilities->long_lived.families |= families & FAMILY_BIT(family);
		capabilities->long_lived.time[family] = group->long_lived_time[family];
	}
	capabilities->long_lived.forwarding = preserved ? capabilities->long_lived.families : 0;
}

bool graceful_restart_offers_long_lived(const struct config *config)
{
	for (size_t i = 0; i < config->n_groups; i++) {
		for (enum family family = 0; family < FAMILY_COUNT; family++) {
			if (config->groups[i].long_lived_time[family] > 0)
				return true;
		}
	}
	return false;
}

enum long_lived_send graceful_restart_long_lived_send(const struct session *session)
{
	if (session->theirs.capabilities.long_lived.present ||
		!graceful_restart_offers_long_lived(session->reflector->config))
		return LONG_LIVED_AS_IS;
	return session->peer->group->long_lived_send_all ? LONG_LIVED_LEAST : LONG_LIVED_NEVER;
}

/*
 * Whose stale paths stay when the session is up again: RFC 4724 section 4.2, RFC 9494 section 4.2.
 */
static uint8_t families_kept(const struct peer *peer, const struct session *session)
{
	const struct graceful_restart *restart = &peer->graceful_restart;
	const struct capabilities *theirs = &session->theirs.capabilities;
	uint8_t forwarding = theirs->graceful_restart.present
				     ? theirs->graceful_restart.families &
					       theirs->graceful_restart.forwarding
				     : 0;
	uint8_t long_lived = theirs->long_lived.present
				     ? theirs->long_lived.families & theirs->long_lived.forwarding
				     : 0;
	uint8_t kept = 0;

	/*
	 * It was we who restarted, so nothing is asked of the peer. Should its R bit be set too:
	 * some set it for a while after their own start, whatever the session has been through
	 * since.
	 */
	if (restart->restored)
		forwarding = FAMILIES_ALL;
	for (enum family family = 0; family < FAMILY_COUNT; family++)
		kept |= (restart->long_lived_until[family] != 0 ? long_lived : forwarding) &
			FAMILY_BIT(family);
	return kept & restart->families & session->negotiated.families;
}

/* What the session that is up grants for the time after it (RFC 9494 section 4.2). */
static void grant_long_lived(struct peer *peer, const struct session *session)
{
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		uint32_t time = session->theirs.capabilities.long_lived.time[family];
		uint32_t most = peer->group->long_lived_time[family];

		if (!(session->negotiated.long_lived_receive & FAMILY_BIT(family)))
			time = 0;
		peer->graceful_restart.long_lived_time[family] = time < most ? time : most;
	}
}

static void log_back(const struct session *session, uint8_t kept, uint64_t before, uint64_t now)
{
	const struct graceful_restart *restart = &session->peer->graceful_restart;
	struct log_subject subject = session_subject(session);
	uint64_t stays = stale_count(session->rib_peer, kept);

	if (kept == 0) {
		log_line(&session->reflector->log, LOG_INFO, "peer-back", &subject,
			"its OPEN keeps nothing of before: %" PRIu64 " stale paths withdrawn",
			before);
		return;
	}
	log_line(&session->reflector->log, LOG_INFO, "peer-back", &subject,
		"%" PRIu64 " stale paths stay until announced again, for End-of-RIB or %" PRIu64
		" s; %" PRIu64 " withdrawn",
		stays, elapsed_us(now, restart->stale_until) / SECOND_US,
		before > stays ? before - stays : 0);
}

bool graceful_restart_up(struct session *session, const struct rib_peer_parameters *parameters)
{
	struct peer *peer = session->peer;
	struct graceful_restart *restart = &peer->graceful_restart;
	struct reflector *reflector = session->reflector;
	uint64_t now = monotonic_us();

	if (restart->retained == NULL) {
		session->rib_peer = rib_peer_up(reflector->rib, parameters);
		if (session->rib_peer == NULL)
			return false;
	} else {
		uint8_t kept = families_kept(peer, session);
		uint64_t before = stale_count(restart->retained, restart->families);

		if (!rib_peer_resume(reflector->rib, restart->retained, parameters, kept))
			return false;
		session->rib_peer = restart->retained;
		restart->retained = NULL;
		restart->restart_until = 0;
		restart->stale_until = now + reflector->config->restart_time * SECOND_US;
		if (restart->bound != 0 && restart->bound < restart->stale_until)
			restart->stale_until = restart->bound;
		log_back(session, kept, before, now);
		for (enum family family = 0; family < FAMILY_COUNT; family++) {
			if (!(kept & FAMILY_BIT(family)))
				restart->long_lived_until[family] = 0;
		}
		if (kept == 0)
			forget_stale(restart);
		restart->families = kept;
	}
	restart->parameters = *parameters;
	restart->parameters.session = NULL;
	grant_long_lived(peer, session);
	restart->end_of_rib_missing = session->negotiated.families;
	/* RFC 4724 section 4.1: all peers are, not only those that we know from before. */
	if (reflector->restart.holding)
		restart->awaited = true;
	restart->quiet_since = now;
	return true;
}

/* The families whose paths the end of `session` leaves in place: 0 when all of them go. */
static uint8_t families_retained(const struct session *session, const struct session_loss *loss)
{
	const struct negotiated *agreed = &session->negotiated;
	const struct graceful_restart *restart = &session->peer->graceful_restart;
	uint8_t families = 0;

	/* The journal is to keep the table as it is: nothing goes any more. */
	if (session->reflector->stopping != STOPPING_NOT)
		return agreed->families;
	/* RFC 4724 section 4: a NOTIFICATION has its usual effect, but for RFC 8538 section 4. */
	if (loss->hard || (loss->notification && !agreed->graceful_notification))
		return 0;
	if (session->theirs.capabilities.graceful_restart.time > 0)
		families = agreed->graceful_restart_receive;
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (restart->long_lived_time[family] > 0)
			families |= FAMILY_BIT(family);
	}
	return families;
}

/*
 * What was stale before the session, and was not announced in it: RFC 4724 section 4.2 has it
 * deleted, RFC 8538 section 4.1 not where the N bit was exchanged, RFC 9494 section 4.2 not before
 * the Long-Lived Stale Time is over.
 */
static void sweep_before(struct session *session, uint64_t now)
{
	struct graceful_restart *restart = &session->peer->graceful_restart;

	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		uint64_t until = restart->long_lived_until[family];

		if (!(restart->families & FAMILY_BIT(family)) || until > now)
			continue;
		if (until == 0 && session->negotiated.graceful_notification)
			continue;
		restart->long_lived_until[family] = 0;
		rib_stale_sweep(session->reflector->rib, session->rib_peer, family);
	}
}

/* RFC 9494 section 4.2: paths of `family` become long-lived stale. False: they are not to. */
static bool begin_long_lived(struct peer *peer, enum family family, uint64_t now)
{
	struct graceful_restart *restart = &peer->graceful_restart;

	if (restart->long_lived_time[family] == 0 && restart->long_lived_until[family] == 0)
		return false;
	/* Not started again before the peer has been synchronised. */
	if (restart->long_lived_until[family] == 0)
		restart->long_lived_until[family] = now +
						    restart->long_lived_time[family] * SECOND_US;
	rib_stale_long_lived(peer->reflector->rib, restart->retained, family);
	return true;
}

void graceful_restart_lost(struct session *session, const struct session_loss *loss)
{
	struct peer *peer = session->peer;
	struct reflector *reflector = session->reflector;
	struct graceful_restart *restart = &peer->graceful_restart;
	uint8_t families = families_retained(session, loss);
	uint8_t waits = session->theirs.capabilities.graceful_restart.time > 0
				? session->negotiated.graceful_restart_receive
				: 0;
	uint64_t now = monotonic_us(), time;

	restart->stale_until = 0;
	restart->end_of_rib_missing = 0;
	if (families == 0) {
		rib_peer_down(reflector->rib, session->rib_peer);
		session->rib_peer = NULL;
		restart->awaited = false; /* nobody has anything of it any more */
		forget_stale(restart);
		return;
	}
	if (reflector->stopping == STOPPING_NOT)
		sweep_before(session, now);
	rib_peer_retain(reflector->rib, session->rib_peer, families);
	restart->retained = session->rib_peer;
	session->rib_peer = NULL;
	restart->families = families;
	time = session->theirs.capabilities.graceful_restart.time * SECOND_US;
	if (restart->bound == 0)
		restart->bound = now + time + reflector->config->restart_time * SECOND_US;
	restart->restart_until = now + time < restart->bound ? now + time : restart->bound;
	/* RFC 9494 section 4.2: without a restart time the long-lived one begins at once. */
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if ((families & ~waits & FAMILY_BIT(family)) && reflector->stopping == STOPPING_NOT)
			begin_long_lived(peer, family, now);
	}
}

const char *graceful_restart_text(const struct peer *peer, char *text, size_t size)
{
	const struct graceful_restart *restart = &peer->graceful_restart;

	text[0] = '\0';
	if (restart->retained != NULL && peer->reflector->stopping == STOPPING_NOT)
		snprintf(text, size, "; %" PRIu64 " paths stay, stale, for %" PRIu64 " s",
			stale_count(restart->retained, restart->families),
			elapsed_us(monotonic_us(), restart->restart_until) / SECOND_US);
	return text;
}

void graceful_restart_drop(struct peer *peer)
{
	struct graceful_restart *restart = &peer->graceful_restart;

	restart->awaited = false;
	if (restart->retained == NULL)
		return;
	rib_peer_down(peer->reflector->rib, restart->retained);
	restart->retained = NULL;
	peer_record_down(peer);
	forget_stale(restart);
	schedule(peer);
}

/* What is still stale of `family` goes. Returns how many paths that are. */
static uint64_t sweep(struct peer *peer, enum family family)
{
	struct graceful_restart *restart = &peer->graceful_restart;
	struct rib_peer *rib_peer = rib_peer_of(peer);
	uint64_t count = 0;

	if (rib_peer != NULL && (restart->families & FAMILY_BIT(family))) {
		count = rib_stale_count(rib_peer, family);
		rib_stale_sweep(peer->reflector->rib, rib_peer, family);
		schedule(peer);
	}
	restart->long_lived_until[family] = 0;
	restart->families &= (uint8_t)~FAMILY_BIT(family);
	if (restart->families == 0) {
		if (restart->retained != NULL) {
			rib_peer_down(peer->reflector->rib, restart->retained);
			restart->retained = NULL;
			restart->awaited = false; /* nobody has anything of it any more */
			peer_record_down(peer);
		}
		forget_stale(restart);
	}
	return count;
}

static void log_swept(struct peer *peer, enum log_level level, enum family family, uint64_t count,
	const char *why)
{
	struct log_subject subject = peer_subject(peer);

	log_line(&peer->reflector->log, level, "stale-paths", &subject,
		"%s: %s, %" PRIu64 " stale paths withdrawn", family_name(family), why, count);
}

void graceful_restart_end_of_rib(struct peer *peer, enum family family)
{
	struct graceful_restart *restart = &peer->graceful_restart;

	restart->end_of_rib_missing &= (uint8_t)~FAMILY_BIT(family);
	if (restart->families & FAMILY_BIT(family)) {
		uint64_t count = sweep(peer, family);

		log_swept(peer, count > 0 ? LOG_INFO : LOG_DEBUG, family, count, "End-of-RIB");
	}
	if (restart->end_of_rib_missing == 0)
		restart->awaited = false;
}

void graceful_restart_regroup(struct peer *peer)
{
	struct graceful_restart *restart = &peer->graceful_restart;

	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		uint32_t most = peer->group->long_lived_time[family];
		uint64_t until = monotonic_us() + most * SECOND_US;

		if (restart->long_lived_time[family] > most)
			restart->long_lived_time[family] = most;
		if (restart->long_lived_until[family] > until)
			restart->long_lived_until[family] = until;
	}
	if (restart->retained == NULL)
		return;
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (restart->families & ~peer->group->families & FAMILY_BIT(family))
			log_swept(peer, LOG_INFO, family, sweep(peer, family),
				"no longer in the configuration");
	}
	if (restart->retained == NULL)
		return;
	restart->parameters.role = peer->group->role;
	restart->parameters.next_hop = peer->group->next_hop;
	/* Short of memory the paths would go on by the old rules: rather not at all. */
	if (!rib_peer_move(peer->reflector->rib, restart->retained, &restart->parameters))
		graceful_restart_drop(peer);
	schedule(peer);
}

static unsigned seconds_left(uint64_t until, uint64_t now)
{
	return (unsigned)((elapsed_us(now, until) + SECOND_US - 1) / SECOND_US);
}

void graceful_restart_view(const struct peer *peer, uint64_t now, struct stale_view *view)
{
	const struct graceful_restart *restart = &peer->graceful_restart;
	const struct rib_peer *rib_peer = rib_peer_of(peer);

	*view = (struct stale_view){
		.retained = restart->retained,
		.families = restart->families,
		.seconds = seconds_left(
			restart->retained != NULL ? restart->restart_until : restart->stale_until,
			now),
		.restored = restart->restored,
		.awaited = restart->awaited,
	};
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (rib_peer != NULL && (restart->families & FAMILY_BIT(family)))
			view->paths[family] = rib_stale_count(rib_peer, family);
		if (restart->long_lived_until[family] == 0)
			continue;
		view->long_lived |= (uint8_t)FAMILY_BIT(family);
		view->long_lived_seconds[family] = seconds_left(
			restart->long_lived_until[family], now);
	}
}

/* The restart time of a peer is over and it has no session. */
static void restart_time_over(struct peer *peer, uint64_t now)
{
	struct graceful_restart *restart = &peer->graceful_restart;

	restart->restart_until = 0;
	for (enum family family = 0; family < FAMILY_COUNT && restart->retained != NULL; family++) {
		struct log_subject subject = peer_subject(peer);

		if (!(restart->families & FAMILY_BIT(family)))
			continue;
		if (begin_long_lived(peer, family, now)) {
			log_line(&peer->reflector->log, LOG_INFO, "long-lived-stale", &subject,
				"%s: not back within its restart time, %" PRIu64
				" paths are long-lived stale for %" PRIu64 " s",
				family_name(family), rib_stale_count(restart->retained, family),
				elapsed_us(now, restart->long_lived_until[family]) / SECOND_US);
			schedule(peer);
			continue;
		}
		log_swept(peer, LOG_WARNING, family, sweep(peer, family),
			"not back within its restart time");
	}
}

void graceful_restart_tick(struct peer *peer, uint64_t now)
{
	struct graceful_restart *restart = &peer->graceful_restart;

	if (restart->families == 0 || peer->reflector->stopping != STOPPING_NOT)
		return;
	if (restart->retained != NULL && restart->restart_until != 0 &&
		now >= restart->restart_until)
		restart_time_over(peer, now);
	if (restart->retained == NULL && restart->stale_until != 0 && now >= restart->stale_until) {
		for (enum family family = 0; family < FAMILY_COUNT; family++) {
			if (restart->families & FAMILY_BIT(family))
				log_swept(peer, LOG_WARNING, family, sweep(peer, family),
					"no End-of-RIB in time");
		}
	}
	/* While the peer is being synchronised End-of-RIB decides (RFC 9494 section 4.2). */
	for (enum family family = 0; family < FAMILY_COUNT && restart->retained != NULL; family++) {
		uint64_t until = restart->long_lived_until[family];

		if (until != 0 && now >= until)
			log_swept(peer, LOG_WARNING, family, sweep(peer, family),
				"the long-lived stale time is over");
	}
}

void graceful_restart_restored(
	struct peer *peer, struct rib_peer *rib_peer, const struct rib_peer_parameters *parameters)
{
	struct reflector *reflector = peer->reflector;
	struct restart_period *period = &reflector->restart;

	if (!period->restored) {
		*period = (struct restart_period){
			.restored = true,
			.holding = true,
			.until = reflector->started + reflector->config->restart_time * SECOND_US,
		};
		rib_hold_end_of_rib(reflector->rib, true);
	}
	period->peers++;
	peer->graceful_restart = (struct graceful_restart){
		.retained = rib_peer,
		.parameters = *parameters,
		.families = parameters->families,
		.restored = true,
		.awaited = true,
		.restart_until = period->until,
		.bound = period->until,
	};
}

/*
 * RFC 4724 section 4.1 (a): all have sent End-of-RIB, but those who restart themselves or do not
 * promise any.
 */
static bool still_awaited(struct peer *peer, uint64_t now)
{
	struct graceful_restart *restart = &peer->graceful_restart;
	const struct session *session = peer_established(peer);
	uint64_t updates = peer->messages_received[MESSAGE_UPDATE];

	if (!restart->awaited || session == NULL)
		return restart->awaited;
	if (session->theirs.capabilities.graceful_restart.present &&
		!session->theirs.capabilities.graceful_restart.restarting)
		return true;
	if (updates != restart->updates_seen) {
		restart->updates_seen = updates;
		restart->quiet_since = now;
	}
	restart->awaited = elapsed_us(restart->quiet_since, now) < QUIET_US;
	return restart->awaited;
}

/* "; not back: 10.0.0.1 10.0.0.2 and 3 more" */
static void name_awaited(const struct reflector *reflector, char *text, size_t size)
{
	char address[IP_ADDRESS_TEXT_MAX];
	unsigned count = 0;
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < reflector->peers.count; i++) {
		const struct peer *peer = reflector->peers.peers[i];

		if (!peer->graceful_restart.awaited || count++ >= NAMES_OF_MAX || len >= size)
			continue;
		len += (size_t)snprintf(text + len, size - len, "%s%s",
			count == 1 ? "; not back: " : " ",
			ip_address_format(&peer->address, address));
	}
	if (count > NAMES_OF_MAX && len < size)
		snprintf(text + len, size - len, " and %u more", count - NAMES_OF_MAX);
}

static void end_hold(struct reflector *reflector, unsigned awaited, uint64_t now)
{
	struct restart_period *period = &reflector->restart;
	char names[NAMES_OF_MAX * IP_ADDRESS_TEXT_MAX + 64];

	period->holding = false;
	rib_hold_end_of_rib(reflector->rib, false);
	reflector_schedule(reflector);
	name_awaited(reflector, names, sizeof names);
	log_line(&reflector->log, awaited == 0 ? LOG_INFO : LOG_WARNING, "restart-synchronised",
		NULL, "restart: %u of %u peers are back after %" PRIu64 " s%s",
		period->peers > awaited ? period->peers - awaited : 0, period->peers,
		elapsed_us(reflector->started, now) / SECOND_US, names);
}

/* Time is over: what was restored and has not been announced again goes. */
static void end_period(struct reflector *reflector, uint64_t now)
{
	uint64_t expired = 0;

	reflector->restart.until = 0;
	for (size_t i = 0; i < reflector->peers.count; i++) {
		struct peer *peer = reflector->peers.peers[i];

		peer->graceful_restart.awaited = false;
		if (!peer->graceful_restart.restored)
			continue;
		peer->graceful_restart.restored = false;
		for (enum family family = 0; family < FAMILY_COUNT; family++) {
			/* A peer that was back and has gone again: its own times count. */
			if ((peer->graceful_restart.families & FAMILY_BIT(family)) &&
				peer->graceful_restart.long_lived_time[family] == 0)
				expired += sweep(peer, family);
		}
	}
	if (expired > 0)
		log_line(&reflector->log, LOG_WARNING, "restart-over", NULL,
			"restart: over after %" PRIu64 " s, %" PRIu64
			" restored paths were not announced again and are withdrawn",
			elapsed_us(reflector->started, now) / SECOND_US, expired);
	else
		log_line(&reflector->log, LOG_INFO, "restart-over", NULL,
			"restart: over after %" PRIu64 " s",
			elapsed_us(reflector->started, now) / SECOND_US);
}

void graceful_restart_period_tick(struct reflector *reflector, uint64_t now)
{
	struct restart_period *period = &reflector->restart;
	unsigned awaited = 0, restored = 0;

	if (period->until == 0 || reflector->stopping != STOPPING_NOT)
		return;
	for (size_t i = 0; i < reflector->peers.count; i++) {
		struct peer *peer = reflector->peers.peers[i];

		awaited += still_awaited(peer, now);
		restored += peer->graceful_restart.restored;
	}
	if (period->holding &&
		((awaited == 0 && now >= reflector->started + NEWCOMER_US) || now >= period->until))
		end_hold(reflector, awaited, now);
	if (now >= period->until || (!period->holding && restored == 0))
		end_period(reflector, now);
}

void graceful_restart_period_cancel(struct reflector *reflector)
{
	reflector->restart.holding = false;
	reflector->restart.until = 0;
}
