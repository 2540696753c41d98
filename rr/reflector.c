#include "rr/reflector.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "rr/closing.h"
#include "rr/descriptors.h"
#include "rr/journal.h"
#include "rr/listener.h"
#include "rr/peer.h"
#include "rr/reload.h"
#include "rr/state.h"
#include "rr/stopping.h"

#define TICK_US		  200000
#define RUN_BUDGET_US	  5000
#define JOURNAL_BUDGET_US 1000
#define RETIRED_BUDGET_US 1000
#define JOURNAL_CLOSE_US  (5 * SECOND_US)
/* Of a journal that could not be flushed before: the peers are counting already. */
#define JOURNAL_LAST_US (SECOND_US / 2)
#define WRITE_BUDGET_US 20000 /* a turn; what is left over is written in the next */
#define READERS_END_US	SECOND_US /* for questions to the journal that were broken off */

/*
 * Every write of UPDATEs sets a timer, so a random number must not cost a system call: Weyl's
 * sequence, mixed by multiplying and folding. Nothing is secret about it but where it starts.
 */
uint64_t jittered(struct reflector *reflector, uint64_t us)
{
	uint64_t mixed;

	reflector->jitter += 0x9e3779b97f4a7c15u;
	mixed = (reflector->jitter ^ reflector->jitter >> 32) * 0xd6e8feb86659fd93u;
	return us - us / 4 * (mixed >> 54) / 1024;
}

static struct timeval timeval_of(uint64_t us)
{
	return (struct timeval){ .tv_sec = (time_t)(us / SECOND_US),
		.tv_usec = (suseconds_t)(us % SECOND_US) };
}

/*
 * Writes what the RIB has for the sessions that it named, in turn, each at most once, until the
 * budget is spent: thousands with much to write must not keep the loop from reading and from its
 * timers.
 */
static void write_ready(struct reflector *reflector)
{
	uint64_t end = monotonic_us() + WRITE_BUDGET_US;

	for (size_t n = reflector->n_ready; n > 0 && !TAILQ_EMPTY(&reflector->ready); n--) {
		struct session *session = TAILQ_FIRST(&reflector->ready);

		session_clear_ready(session);
		session_write(session);
		if (monotonic_us() >= end)
			return;
	}
}

static void reap(struct reflector *reflector)
{
	struct session *session;

	while ((session = TAILQ_FIRST(&reflector->dead)) != NULL) {
		TAILQ_REMOVE(&reflector->dead, session, link);
		session_free(session);
	}
}

/* False when there is more to free. */
static bool free_retired(struct reflector *reflector)
{
	uint64_t end = monotonic_us() + RETIRED_BUDGET_US;

	while (rib_retired_free_part(&reflector->retired)) {
		if (monotonic_us() >= end)
			return false;
	}
	return true;
}

/*
 * The end of a turn: all sockets that had input were read, now the RIB works it off and the result
 * goes out.
 */
static void on_run(evutil_socket_t fd, short what, void *context)
{
	struct reflector *reflector = context;
	bool idle = !reflector->input_full;
	uint64_t delay, journal_delay;

	(void)fd;
	(void)what;
	reflector->run_queued = false;
	reflector->input_full = false;
	reflector->running = true;
	delay = rib_run(reflector->rib, monotonic_us(), idle, RUN_BUDGET_US);
	write_ready(reflector);
	reap(reflector);
	journal_delay = journal_run(reflector->journal, monotonic_us(), JOURNAL_BUDGET_US);
	if (journal_delay < delay)
		delay = journal_delay;
	if (!free_retired(reflector))
		delay = 0;
	reflector->running = false;
	/* The journal may be up to date now. */
	if (reflector->stopping == STOPPING_FLUSH)
		stopping_tick(reflector, monotonic_us());
	if (!TAILQ_EMPTY(&reflector->ready))
		delay = 0;
	if (delay == UINT64_MAX) {
		event_del(&reflector->run_timer);
		return;
	}
	/*
	 * A timer even for 0: made active again at once, the event would keep the loop from the
	 * sockets.
	 */
	struct timeval after = timeval_of(delay);

	event_add(&reflector->run_timer, &after);
}

void reflector_schedule(struct reflector *reflector)
{
	if (reflector->run_queued || !reflector->events_added)
		return;
	if (reflector->running) {
		struct timeval now = { 0 };

		event_add(&reflector->run_timer, &now);
		return;
	}
	reflector->run_queued = true;
	event_active(&reflector->run_event, EV_TIMEOUT, 0);
}

static void settle_refused(struct reflector *reflector, uint64_t now)
{
	uint64_t suppressed;

	if (log_rate_settle(&reflector->refused_rate, now, &suppressed))
		log_line(&reflector->log, LOG_WARNING, "connection-refused", NULL,
			"%" PRIu64 " more connections refused in the last second: no peer and no "
			"dynamic range covers their addresses",
			suppressed);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
	struct reflector *reflector = context;
	uint64_t now = monotonic_us();

	(void)fd;
	(void)what;
	graceful_restart_period_tick(reflector, now);
	peers_tick(&reflector->peers, now);
	closing_tick(reflector, now);
	listeners_tick(reflector, now);
	settle_refused(reflector, now);
	reap(reflector);
	reflector_schedule(
		reflector); /* what the RIB could not do for want of memory is tried again */
	stopping_tick(reflector, now);
}

static void on_output_ready(void *context, struct rib_peer *peer)
{
	if (peer != NULL)
		session_set_ready(rib_peer_session(peer));
	reflector_schedule(context);
}

static void on_update_fault(void *context, struct rib_peer *peer, struct span body,
	const struct attribute_context *attribute_context, const struct attribute_faults *faults)
{
	struct session *session = rib_peer_session(peer);

	(void)context;
	peer_update_fault(session->peer, body, attribute_context, faults);
}

static void on_end_of_rib(void *context, struct rib_peer *peer, enum family family)
{
	struct session *session = rib_peer_session(peer);

	(void)context;
	graceful_restart_end_of_rib(session->peer, family);
}

struct rib *reflector_rib_new(struct reflector *reflector, const struct config *config)
{
	struct rib_parameters parameters = {
		.as = config->as,
		.router_id = config->router_id,
		.cluster_id = config->cluster_id,
		.callbacks = {
			.output_ready = on_output_ready,
			.update_fault = on_update_fault,
			.end_of_rib = on_end_of_rib,
			.context = reflector,
		},
	};

	return rib_new(&parameters, reflector->hash_key);
}

static bool start_events(struct reflector *reflector)
{
	struct timeval tick = timeval_of(TICK_US);

	event_assign(&reflector->tick_event, reflector->base, -1, EV_PERSIST, on_tick, reflector);
	event_assign(&reflector->run_event, reflector->base, -1, 0, on_run, reflector);
	event_assign(&reflector->run_timer, reflector->base, -1, EV_TIMEOUT, on_run, reflector);
	reflector->events_added = true;
	/* Timers go before sockets where the loop has priorities (main.c). */
	(void)event_priority_set(&reflector->tick_event, 0);
	return event_add(&reflector->tick_event, &tick) == 0;
}

/* The peers of the configuration, before the journal restores paths of theirs. */
static bool add_peers(struct reflector *reflector)
{
	const struct config *config = reflector->config;

	for (size_t i = 0; i < config->n_peers; i++) {
		const struct config_peer *config_peer = &config->peers[i];
		struct peer *peer = peer_new(
			reflector, &config_peer->address, config_peer->group, config_peer);

		if (peer == NULL)
			return false;
		if (!peers_add(&reflector->peers, peer)) {
			peer_free(peer);
			return false;
		}
	}
	return true;
}

static bool open_journal(struct reflector *reflector, char *fault, size_t size)
{
	const struct config *config = reflector->config;

	if (config->journal_path == NULL)
		return true;
	reflector->journal = journal_open(reflector, fault, size);
	journal_config(reflector->journal, config->text, "start", NULL);
	journal_audit(reflector->journal, "start", "start", "heliostatd " HELIOSTAT_VERSION);
	return reflector->journal != NULL;
}

static void start_peers(struct reflector *reflector)
{
	for (size_t i = 0; i < reflector->peers.count; i++)
		peer_start(reflector->peers.peers[i]);
}

static void log_start(const struct reflector *reflector)
{
	const struct config *config = reflector->config;
	char id[16];

	log_line(&reflector->log, LOG_INFO, "start", NULL,
		"heliostatd " HELIOSTAT_VERSION " started: AS %" PRIu32
		", BGP Identifier %s, %zu listeners, %zu configured peers",
		config->as, bgp_id_format(config->router_id, id), config->n_listen,
		config->n_peers);
}

struct reflector *reflector_new(struct config *config, struct event_base *base, FILE *faults)
{
	struct reflector *reflector = calloc(1, sizeof *reflector);

	if (reflector == NULL) {
		fprintf(faults, "heliostatd: out of memory\n");
		config_free(config);
		return NULL;
	}
	reflector->base = base;
	reflector->config = config;
	reflector->log = (struct log){ stderr, config->log_level, config->log_format };
	reflector->started = monotonic_us();
	reflector->started_wall = (uint64_t)time(NULL);
	TAILQ_INIT(&reflector->ready);
	TAILQ_INIT(&reflector->dead);
	arc4random_buf(reflector->hash_key, sizeof reflector->hash_key);
	arc4random_buf(&reflector->jitter, sizeof reflector->jitter);
	reflector->input = malloc(INPUT_BUFFER_SIZE);
	reflector->rib = reflector_rib_new(reflector, config);
	if (reflector->input == NULL || reflector->rib == NULL || !start_events(reflector)) {
		fprintf(faults, "heliostatd: out of memory\n");
		reflector_free(reflector);
		return NULL;
	}
	return reflector;
}

bool reflector_start(struct reflector *reflector, FILE *faults)
{
	char fault[1024] = "out of memory";

	/* First what may refuse to start, and what the first session must find done. */
	if (!add_peers(reflector) || !open_journal(reflector, fault, sizeof fault) ||
		!listeners_open(reflector, reflector->config, fault, sizeof fault)) {
		fprintf(faults, "heliostatd: %s\n", fault);
		return false;
	}
	log_start(reflector);
	descriptors_check(reflector->config, &reflector->log);
	start_peers(reflector);
	return true;
}

void reflector_shutdown(struct reflector *reflector, const char *text)
{
	stopping_begin(reflector, STOPPING_TO_SHUT_DOWN, text);
}

void reflector_restart(struct reflector *reflector, const char *text)
{
	(void)text;
	stopping_begin(reflector, STOPPING_TO_RESTART, NULL);
}

bool reflector_restarts(const struct reflector *reflector)
{
	return reflector->stopping != STOPPING_NOT &&
	       reflector->stopping_reason == STOPPING_TO_RESTART && !reflector->abandoned;
}

void reflector_terminate(struct reflector *reflector)
{
	stopping_begin(reflector,
		reflector->config->on_terminate == TERMINATE_SHUTDOWN ? STOPPING_TO_SHUT_DOWN
								      : STOPPING_TO_TERMINATE,
		NULL);
}

void reflector_abandon(struct reflector *reflector)
{
	reflector->abandoned = true;
	event_base_loopbreak(reflector->base);
}

void reflector_free(struct reflector *reflector)
{
	if (reflector == NULL)
		return;
	listeners_prune(reflector, NULL);
	/* Before the sessions go: the state in it is the one to restart from. */
	journal_audit(reflector->journal, "heliostatd", "stop", NULL);
	journal_close(reflector->journal, reflector->abandoned	    ? 0
					  : reflector->flush_failed ? JOURNAL_LAST_US
								    : JOURNAL_CLOSE_US);
	reflector->journal = NULL;
	peers_free(&reflector->peers);
	reap(reflector);
	closing_end_all(reflector);
	if (reflector->events_added) {
		event_del(&reflector->tick_event);
		event_del(&reflector->run_event);
		event_del(&reflector->run_timer);
	}
	if (reflector->rib != NULL)
		rib_free(reflector->rib);
	while (rib_retired_free_part(&reflector->retired))
		;
	journal_readers_free(reflector->journal_readers, READERS_END_US);
	local_addresses_free(&reflector->local_addresses);
	config_free(reflector->config);
	free(reflector->stopping_text);
	free(reflector->input);
	free(reflector);
}

/* Logs the faults line by line as config_load wrote them. */
static void log_faults(const struct reflector *reflector, char *text)
{
	char *rest = text;

	for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
		if (*line != '\0')
			log_line(&reflector->log, LOG_ERROR, "config-fault", NULL, "%s", line);
	}
	log_line(&reflector->log, LOG_ERROR, "reload-failed", NULL,
		"%s is faulty: the old configuration stays", reflector->config->file);
}

bool reflector_reload(struct reflector *reflector)
{
	struct config *config;
	char *text = NULL;
	size_t size = 0;
	FILE *faults;

	if (reflector->stopping != STOPPING_NOT)
		return false;
	faults = open_memstream(&text, &size);
	if (faults == NULL) {
		log_line(&reflector->log, LOG_ERROR, "reload-failed", NULL,
			"no memory: the old configuration stays");
		return false;
	}
	config = config_load(reflector->config->file, faults);
	if (fclose(faults) != 0 || config == NULL) {
		if (text != NULL)
			log_faults(reflector, text);
		free(text);
		config_free(config);
		return false;
	}
	free(text);
	if (!reload_apply(reflector, config))
		return false;
	log_line(&reflector->log, LOG_INFO, "reload", NULL, "configuration %s is in force",
		reflector->config->file);
	descriptors_check(reflector->config, &reflector->log);
	journal_config(reflector->journal, reflector->config->text, "SIGHUP", NULL);
	journal_audit(reflector->journal, "SIGHUP", "config", reflector->config->file);
	return true;
}

const struct config *reflector_config(const struct reflector *reflector)
{
	return reflector->config;
}

struct rib *reflector_rib(struct reflector *reflector)
{
	return reflector->rib;
}

struct event_base *reflector_event_base(struct reflector *reflector)
{
	return reflector->base;
}
