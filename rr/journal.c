#include "rr/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "rr/journal_state.h"

#define MINUTE_US (60 * SECOND_US)
/* The history that begins anew with a file waits in the queue as other history does. */
#define TELL_BEST_STEP 2000 /* prefixes a turn */
#define TELL_BEST_US   1000 /* between two */
#define TELL_BEST_MAX  (JOURNAL_HISTORY_WAITING_MAX / 4)
/* The state of a new table waits this long for the history of the one before, no longer. */
#define BEFORE_US 500000
/* Rows wait this long for company, unless a batch is full before. */
#define GATHER_US 200000
/* The clock may be set back by as much without times going back: it was corrected. */
#define CLOCK_STEP_US (10 * SECOND_US)

uint64_t journal_time(struct journal *journal)
{
	struct timespec now;
	uint64_t wall;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	wall = (uint64_t)now.tv_sec * SECOND_US + (uint64_t)now.tv_nsec / 1000;
	if (wall > journal->wall || journal->wall - wall > CLOCK_STEP_US)
		journal->wall = wall;
	journal->wall_old = false;
	return journal->wall;
}

static const struct rib_capture *capture_of(struct journal *journal, struct rib_capture *capture)
{
	*capture = (struct rib_capture){
		.best_changed = journal_best_changed,
		.room = &journal->queue.room,
		.attrs_gone = journal_attrs_gone,
		.context = journal,
	};
	return capture;
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
	struct journal *journal = context;
	uint64_t count;

	(void)what;
	(void)!read(fd, &count, sizeof count);
	journal->woken = true;
	reflector_schedule(journal->reflector);
}

static void journal_free(struct journal *journal)
{
	journal_give_up_history(journal);
	rib_capture_end(journal->rib);
	if (journal->closed != NULL) {
		journal->closed->next = journal->finished;
		journal->finished = journal->closed;
	}
	if (journal->open != NULL) {
		journal->open->next = journal->finished;
		journal->finished = journal->open;
	}
	(void)journal_release(journal, UINT64_MAX);
	journal_spare_free(&journal->spare);
	if (journal->wake_added)
		event_del(&journal->wake_event);
	if (journal->wake_fd >= 0)
		close(journal->wake_fd);
	journal_peers_free(&journal->peers);
	free(journal->path);
	free(journal);
}

static bool start_writer(struct journal *journal, struct journal_file *file)
{
	const struct config *config = journal->reflector->config;
	struct journal_writer_parameters parameters = {
		.history = config->journal_history,
		.max_size = config->journal_max_size,
	};

	event_assign(&journal->wake_event, journal->reflector->base, journal->wake_fd,
		EV_READ | EV_PERSIST, on_wake, journal);
	if (event_add(&journal->wake_event, NULL) < 0) {
		journal_file_close(file);
		return false;
	}
	journal->wake_added = true;
	journal->writer = journal_writer_start(file, &parameters, journal->wake_fd);
	journal->woken = true; /* what happened at the start is looked at in the first turn */
	return journal->writer != NULL;
}

/* A journal without a file: NULL when memory or descriptors are short. */
static struct journal *journal_new(struct reflector *reflector)
{
	struct journal *journal = calloc(1, sizeof *journal);
	struct rib_capture capture;

	if (journal == NULL)
		return NULL;
	journal->reflector = reflector;
	journal->wall_old = true;
	journal->keeps_history = reflector->config->journal_history > 0;
	journal->rib = reflector->rib;
	journal->queue.spare = &journal->spare;
	memcpy(journal->peers.hash_key, reflector->hash_key, sizeof journal->peers.hash_key);
	journal->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	journal->path = strdup(reflector->config->journal_path);
	if (journal->path == NULL || journal->wake_fd < 0 ||
		!rib_capture_begin(reflector->rib, capture_of(journal, &capture), NULL)) {
		journal_free(journal);
		return NULL;
	}
	return journal;
}

struct journal *journal_open(struct reflector *reflector, char *fault, size_t size)
{
	const char *path = reflector->config->journal_path;
	struct journal_file *file = NULL;
	struct journal *journal;
	char text[512] = "";
	enum journal_open_result result = journal_file_open(path, &file, text, sizeof text);

	if (result == JOURNAL_REFUSED) {
		snprintf(fault, size, "%s", text);
		return NULL;
	}
	if (result == JOURNAL_SET_ASIDE || result == JOURNAL_UNAVAILABLE)
		log_line(&reflector->log, LOG_ERROR, "journal", NULL, "%s", text);
	journal = journal_new(reflector);
	if (journal == NULL) {
		snprintf(fault, size, "no memory for the journal");
		journal_file_close(file);
		return NULL;
	}
	if (result != JOURNAL_UNAVAILABLE)
		journal_restore(journal, file);
	if (!start_writer(journal, file)) {
		snprintf(
			fault, size, "cannot start the writer of the journal: %s", strerror(errno));
		journal_free(journal);
		return NULL;
	}
	return journal;
}

static void finished(void *context, struct journal_batch *batch)
{
	journal_finish(context, batch);
}

/* Hands over all that waits and waits for it, until `deadline`. */
static void write_all(struct journal *journal, uint64_t deadline)
{
	while (!journal_flushed(journal)) {
		uint64_t now = monotonic_us();
		struct pollfd wake = { .fd = journal->wake_fd, .events = POLLIN };
		uint64_t count;

		if (now >= deadline)
			return;
		(void)journal_run(journal, now, deadline - now);
		/* The run may have taken back the last batch: then nothing wakes us any more. */
		if (journal_flushed(journal))
			return;
		if (journal->closed == NULL && journal_waits(journal) &&
			journal_writer_has_room(journal->writer))
			continue;
		(void)poll(&wake, 1, (int)((deadline - now) / 1000 + 1));
		(void)!read(journal->wake_fd, &count, sizeof count);
		journal->woken = true;
	}
}

void journal_close(struct journal *journal, uint64_t most_us)
{
	uint64_t deadline = monotonic_us() + most_us, now;

	if (journal == NULL)
		return;
	/* Also what came since it was flushed last. */
	journal->flushing = false;
	if (most_us > 0)
		write_all(journal, deadline);
	now = monotonic_us();
	journal_writer_stop(
		journal->writer, now < deadline ? deadline - now : 0, finished, journal);
	journal->writer = NULL;
	journal_free(journal);
}

bool journal_prepare_rib(struct journal *journal, struct rib *rib)
{
	struct rib_capture capture;

	return journal == NULL ||
	       rib_capture_begin(rib, capture_of(journal, &capture), journal->rib);
}

/* The first chunk with history of `rib`; NULL without one. */
static struct journal_history_chunk *first_of(
	const struct journal_queue *queue, const struct rib *rib)
{
	struct journal_history_chunk *chunk = queue->first;

	while (chunk != NULL && chunk->rib != rib)
		chunk = chunk->next;
	return chunk;
}

void journal_replace_rib(struct journal *journal, struct rib *rib)
{
	if (journal == NULL)
		return;
	uint64_t sets = journal->chunk != NULL ? journal->chunk->count : 0; /* at most */
	struct journal_history_chunk *chunk = NULL;

	journal_queue_close(&journal->queue);
	if (journal->queue.emptied_at != 0) {
		journal->emptied_at = journal->queue.emptied_at;
		journal->queue.emptied_at = 0;
	}
	/* Of a table that was not told yet it is with its first history, if there is any. */
	if (journal->emptied_at != 0)
		chunk = first_of(&journal->queue, journal->rib);
	if (chunk != NULL)
		chunk->emptied_at = journal->emptied_at;
	if (chunk != NULL || journal->emptied_at == 0) {
		journal->wall = journal_time(journal) + 1; /* after all history so far */
		journal->emptied_at = journal->wall;
	}
	/* The history that waits refers to sets of the RIB that goes, which get their IDs yet. */
	sets += journal_queue_rows(&journal->queue);
	rib_capture_ids_after(rib, journal->rib, sets);
	rib_capture_end(journal->rib);
	journal->rib = rib;
	journal->replaced = monotonic_us();
	journal->tells_best = false;
}

void journal_settings(struct journal *journal, const struct config *config)
{
	struct journal_writer_parameters parameters = {
		.history = config->journal_history,
		.max_size = config->journal_max_size,
	};

	if (journal == NULL)
		return;
	journal_writer_set(journal->writer, &parameters);
	journal->keeps_history = config->journal_history > 0;
	if (!journal->keeps_history)
		journal_queue_close(&journal->queue);
	if (journal->keeps_history && journal->unrecorded.rows > 0) {
		/* History goes on, with a gap, and then with what is the best by now. */
		journal_gap_extend(&journal->queue.gap, journal->unrecorded.from,
			journal->unrecorded.to, journal->unrecorded.rows);
		journal->unrecorded = (struct journal_gap_row){ 0 };
		journal_tell_best(journal);
	}
	if (journal->tells_best) /* it may go on */
		reflector_schedule(journal->reflector);
}

void journal_tell_best(struct journal *journal)
{
	rib_capture_best_anew(journal->rib);
	journal->tells_best = true;
	reflector_schedule(journal->reflector);
}

/* A new file was begun: what the old one had is told to it. */
static void begin_anew(struct journal *journal)
{
	const struct reflector *reflector = journal->reflector;
	const char *moved_to = journal->status.moved_to;

	journal->generation = journal->status.generation;
	journal_tell_again(journal);
	journal->tells_best = true;
	journal_config(journal, reflector->config->text, "journal",
		"in force when a new journal was begun");
	journal_audit(journal, "journal", "begun anew", moved_to[0] != '\0' ? moved_to : NULL);
	if (moved_to[0] != '\0')
		log_line(&reflector->log, LOG_ERROR, "journal-begun-anew", NULL,
			"the journal was moved aside to %s and a new one begun", moved_to);
	else
		log_line(&reflector->log, LOG_WARNING, "journal-begun-anew", NULL,
			"a new journal was begun at %s", journal->path);
}

/*
 * One line when it begins, one a minute, one when it is over; of a disk that takes a batch now and
 * then not more than one a minute either.
 */
static void say_degraded(struct journal *journal, uint64_t now)
{
	const struct log *log = &journal->reflector->log;

	if (journal->status.degraded && !journal->degraded)
		journal->degraded_since = now;
	if (journal->status.degraded &&
		(journal->degraded_line == 0 || now - journal->degraded_line >= MINUTE_US)) {
		journal->degraded_line = now;
		journal->degraded_said = true;
		log_line(log, LOG_ERROR, "journal-degraded", NULL,
			"the journal cannot be written for %" PRIu64
			" s: %s; routes are reflected all the same",
			(now - journal->degraded_since) / SECOND_US, journal->status.reason);
	}
	if (!journal->status.degraded && journal->degraded_said) {
		journal->degraded_said = false;
		log_line(log, LOG_WARNING, "journal-recovered", NULL,
			"the journal is written again, after %" PRIu64 " s and %" PRIu64
			" failed attempts",
			(now - journal->degraded_since) / SECOND_US, journal->status.failures);
	}
	journal->degraded = journal->status.degraded;
}

static bool is_many(const struct journal *journal)
{
	return rib_capture_waiting(journal->rib) + journal_queue_rows(&journal->queue) >=
	       JOURNAL_BATCH_ROWS;
}

/* What waits is not to wait for company: what is of a table before keeps all else waiting. */
static bool is_urgent(const struct journal *journal)
{
	return journal->flushing || is_many(journal) || journal->emptied_at != 0 ||
	       journal_waits_for_before(journal);
}

/* How long until the next batch is to be begun. */
static uint64_t until_due(struct journal *journal, uint64_t now)
{
	uint64_t waited;

	if (!journal_waits(journal)) {
		journal->waits_since = 0;
		return UINT64_MAX;
	}
	if (journal->waits_since == 0)
		journal->waits_since = now;
	waited = elapsed_us(journal->waits_since, now);
	return waited >= GATHER_US || is_urgent(journal) ? 0 : GATHER_US - waited;
}

/* The batch that is due, a step further. */
static uint64_t advance(struct journal *journal, uint64_t now, uint64_t end)
{
	journal_submit(journal);
	if (journal->closed != NULL)
		return UINT64_MAX; /* the writer says when it has room */
	if (!journal->gathering) {
		uint64_t delay = until_due(journal, now);

		if (delay > 0)
			return delay;
		if (!journal_writer_has_room(journal->writer))
			return UINT64_MAX;
		journal->gathering = true;
	}
	journal_gather(journal, end);
	if (journal->gathering) /* before its end: for want of memory */
		return monotonic_us() >= end ? 0 : GATHER_US;
	journal_submit(journal);
	if (!journal_waits(journal))
		return UINT64_MAX;
	return is_urgent(journal) ? 0 : GATHER_US;
}

/*
 * When a turn began. The longest is kept by wall time, for whatever it waited for; but by that of
 * the processor when the kernel gave that to others meanwhile, which is no fault of the journal's.
 */
struct turn {
	uint64_t wall;
	uint64_t cpu;
	long preempted;
};

static void turn_begin(struct turn *turn)
{
	struct rusage usage;
	struct timespec cpu;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	(void)getrusage(RUSAGE_THREAD, &usage);
	*turn = (struct turn){
		.wall = monotonic_us(),
		.cpu = (uint64_t)cpu.tv_sec * SECOND_US + (uint64_t)cpu.tv_nsec / 1000,
		.preempted = usage.ru_nivcsw,
	};
}

static void turn_end(struct journal *journal, const struct turn *begun)
{
	uint64_t took = monotonic_us() - begun->wall;
	struct turn now;

	journal->turns_us += took;
	if (took <= journal->longest_us) /* the kernel is not asked in vain */
		return;
	turn_begin(&now);
	if (now.preempted != begun->preempted)
		took = now.cpu - begun->cpu;
	if (took > journal->longest_us)
		journal->longest_us = took;
}

/* Returns after how many microseconds history of a table before is to be given up. */
static uint64_t look_at_before(struct journal *journal, uint64_t now)
{
	uint64_t waited = elapsed_us(journal->replaced, now);

	if (!journal_waits_for_before(journal))
		return UINT64_MAX;
	if (waited < BEFORE_US)
		return BEFORE_US - waited;
	journal_give_up_before(journal);
	return UINT64_MAX;
}

/* Not while no history is kept: it goes on when it is again. */
static bool tells_best(const struct journal *journal)
{
	return journal->tells_best && journal->keeps_history;
}

uint64_t journal_run(struct journal *journal, uint64_t now, uint64_t budget)
{
	uint64_t started = monotonic_us(), end = started + budget, delay, trim, before;
	bool works;
	struct turn turn;

	if (journal == NULL)
		return UINT64_MAX;
	works = journal->woken || journal->gathering || tells_best(journal) ||
		journal->finished != NULL || journal->queue.aside != NULL ||
		journal_waits_for_before(journal) || journal_spare_is_due(&journal->spare, now) ||
		until_due(journal, started) == 0;
	if (works)
		turn_begin(&turn);
	if (journal->woken) {
		struct journal_batch *batch;

		journal->woken = false;
		while ((batch = journal_writer_collect(journal->writer)) != NULL)
			journal_finish(journal, batch);
		journal_writer_status(journal->writer, &journal->status);
		if (journal->status.generation != journal->generation)
			begin_anew(journal);
	}
	say_degraded(journal, now);
	if (tells_best(journal) && journal_queue_memory(&journal->queue) < TELL_BEST_MAX &&
		journal->queue.held < JOURNAL_HISTORY_SETS_MAX / 4)
		journal->tells_best = rib_capture_best(journal->rib, TELL_BEST_STEP);
	before = look_at_before(journal, now);
	if (!journal_queue_release(&journal->queue, end))
		before = 0;
	if (journal_release(journal, end))
		delay = advance(journal, started, end);
	else
		delay = 0;
	if (tells_best(journal) && delay > TELL_BEST_US)
		delay = TELL_BEST_US;
	trim = journal_spare_trim(&journal->spare, now);
	if (trim < delay)
		delay = trim;
	if (before < delay)
		delay = before;
	journal->wall_old = true;
	journal_queue_close(&journal->queue);
	if (works)
		turn_end(journal, &turn);
	return delay;
}

bool journal_flushed(struct journal *journal)
{
	if (journal == NULL)
		return true;
	if (!journal->flushing) {
		journal->flushing = true;
		journal->flush++;
		reflector_schedule(journal->reflector);
	}
	if (journal->flushed == journal->flush)
		return true;
	return !journal_waits(journal) && journal->closed == NULL && journal->submitted == 0;
}

bool journal_compact(struct journal *journal)
{
	return journal_writer_compact(journal->writer);
}

bool journal_view(const struct journal *journal, struct journal_view *view)
{
	const struct journal_batch *held[] = { journal != NULL ? journal->open : NULL,
		journal != NULL ? journal->closed : NULL,
		journal != NULL ? journal->finished : NULL };

	if (journal == NULL)
		return false;
	*view = (struct journal_view){
		.path = journal->path,
		.waiting_paths = rib_capture_waiting(journal->rib),
		.waiting_history = journal_queue_rows(&journal->queue) +
				   (journal->chunk != NULL ? journal->chunk->count : 0),
		.waiting_batches = journal->submitted + (journal->closed != NULL),
		.history_lost = journal->queue.lost,
		.rows_lost = journal->rows_lost,
		.restored_paths = journal->restored_paths,
		.restored_peers = journal->restored_peers,
		.longest_turn_us = journal->longest_us,
		.turns_us = journal->turns_us,
		.memory = journal_queue_memory(&journal->queue) +
			  journal_spare_memory(&journal->spare) +
			  journal_peers_memory(&journal->peers) + journal->submitted_memory,
	};
	if (journal->open != NULL) {
		view->waiting_paths += journal->open->paths.count + journal->open->n_more_gone;
		view->waiting_history += journal->open->n_history;
	}
	journal_writer_status(journal->writer, &view->status);
	for (size_t i = 0; i < sizeof held / sizeof held[0]; i++) {
		for (const struct journal_batch *batch = held[i]; batch != NULL;
			batch = batch->next)
			view->memory += journal_batch_memory(batch);
	}
	return true;
}
