#include "rr/journal_writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "rr/journal_compact.h"
#include "rr/journal_connection.h"
#include "rr/journal_prune.h"
#include "rr/journal_sql.h"
#include "rr/journal_store.h"

/* Microseconds. */
#define HEARTBEAT_US	UINT64_C(5000000)
#define RETRY_MIN_US	UINT64_C(250000)
#define RETRY_MAX_US	UINT64_C(5000000)
#define SET_ASIDE_US	UINT64_C(60000000) /* between two corrupt files */
#define STEP_PAUSE_US	UINT64_C(25000) /* between two steps of pruning when there is no haste */
#define NICE		10 /* of the thread: a tenth of a processor where the loop wants it all */
#define PROGRESS_OPS	20000 /* of SQLite's machine between two looks at `abandon` */
#define WAL_MIN		(UINT64_C(64) << 20) /* bytes that a WAL may always take */
#define SHRINK_FRACTION 8 /* of the file that is free before it is given back for little gain */

/*
 * The mutex guards what the loop and the thread share; it is held for a few assignments only, never
 * during SQL. What is below belongs to the thread alone.
 */
struct journal_writer {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake; /* the thread, or whoever waits for its end */
	int wake_fd;
	atomic_bool abandon; /* the time to stop is over */

	/* under the mutex */
	struct journal_batch *queue; /* the first may be the one that is being written */
	unsigned queued;
	struct journal_batch *finished, **finished_tail;
	struct journal_writer_parameters parameters;
	struct journal_status status;
	bool stopping;
	bool ended; /* the thread is about to */
	bool compact; /* asked for or under way */
	bool changed; /* the parameters have */

	/* the thread's */
	struct journal_file *file;
	struct journal_store store;
	struct journal_prune prune;
	struct journal_compact compaction;
	bool prepared; /* connected, with its statements */
	bool corrupt; /* the file is to be set aside */
	const char *why; /* it is set aside: part of a file name */
	uint64_t retry_at; /* monotonic; 0: nothing has failed */
	uint64_t backoff;
	uint64_t alive_at; /* monotonic: alive_at in the file */
	uint64_t step_at; /* monotonic: of the last step of pruning or compaction */
	uint64_t owed; /* microseconds of pruning before the next batch: the file is too large */
};

static void notify(struct journal_writer *writer)
{
	uint64_t one = 1;

	/* full is as good as written */
	(void)!write(writer->wake_fd, &one, sizeof one);
}

/* With the mutex held: the first of the queue is done with. */
static void finish_first(struct journal_writer *writer, bool written)
{
	struct journal_batch *batch = writer->queue;

	writer->queue = batch->next;
	writer->queued--;
	batch->next = NULL;
	batch->written = written;
	*writer->finished_tail = batch;
	writer->finished_tail = &batch->next;
}

static uint64_t size_of(const char *path, const char *suffix)
{
	char name[4096];
	struct stat status;

	snprintf(name, sizeof name, "%s%s", path, suffix);
	return stat(name, &status) == 0 ? (uint64_t)status.st_size : 0;
}

/* A failure, for people; the next attempt is at retry_at. */
static void degrade(struct journal_writer *writer, const char *reason)
{
	struct journal_status *status = &writer->status;

	writer->backoff = writer->backoff == 0 ? RETRY_MIN_US : writer->backoff * 2;
	if (writer->backoff > RETRY_MAX_US)
		writer->backoff = RETRY_MAX_US;
	writer->retry_at = journal_monotonic() + writer->backoff;
	pthread_mutex_lock(&writer->mutex);
	if (!status->degraded)
		status->degraded_since = journal_wall_clock();
	status->degraded = true;
	status->failures++;
	snprintf(status->reason, sizeof status->reason, "%s", reason);
	pthread_mutex_unlock(&writer->mutex);
	notify(writer);
}

/* Something was written. */
static void recover(struct journal_writer *writer)
{
	bool was;

	writer->retry_at = 0;
	writer->backoff = 0;
	pthread_mutex_lock(&writer->mutex);
	was = writer->status.degraded;
	writer->status.degraded = false;
	writer->status.degraded_since = 0;
	writer->status.reason[0] = '\0';
	pthread_mutex_unlock(&writer->mutex);
	if (was)
		notify(writer);
}

/* Statements go before their connection. */
static void unprepare(struct journal_writer *writer)
{
	journal_store_close(&writer->store);
	journal_prune_close(&writer->prune);
	writer->prepared = false;
}

/* Tells the loop of a file begun anew; batches that were begun for the one before are dropped. */
static void publish_file(struct journal_writer *writer)
{
	struct journal_status *status = &writer->status;
	bool fresh;

	pthread_mutex_lock(&writer->mutex);
	fresh = status->generation != writer->file->generation;
	status->generation = writer->file->generation;
	status->moved_at = writer->file->moved_at;
	snprintf(status->moved_to, sizeof status->moved_to, "%s", writer->file->moved_to);
	while (writer->queue != NULL && writer->queue->generation < status->generation)
		finish_first(writer, false);
	pthread_mutex_unlock(&writer->mutex);
	if (fresh)
		notify(writer);
}

/* What is at the path is of no use: a new file. False: later. */
static bool begin_anew(struct journal_writer *writer)
{
	char text[256];
	bool begun;

	unprepare(writer);
	begun = journal_file_begin_anew(writer->file, writer->why, text, sizeof text);
	writer->corrupt = false;
	/* or else it is opened, which is the same but for its name */
	publish_file(writer);
	if (!begun)
		degrade(writer, text);
	return begun;
}

/* What a failure of a statement means for the next attempt. */
static void failed(struct journal_writer *writer, int result)
{
	struct journal_file *file = writer->file;
	char text[256];

	if (result == SQLITE_INTERRUPT && atomic_load(&writer->abandon))
		return;
	journal_file_fault(file, result, text, sizeof text);
	if (file->db != NULL && journal_file_moved(file)) {
		writer->corrupt = true;
		writer->why = "replaced";
		snprintf(text, sizeof text, "the file was moved or deleted: %s", file->path);
	} else if (journal_fault_of(result) == JOURNAL_FAULT_CORRUPT) {
		writer->corrupt = true;
		writer->why = "corrupt";
	}
	degrade(writer, text);
	if (!writer->corrupt)
		return;
	unprepare(writer);
	writer->retry_at = 0;
	/* a disk that spoils every file must not be filled with them */
	if (strcmp(writer->why, "corrupt") == 0 && file->set_aside_at != 0 &&
		journal_monotonic() < file->set_aside_at + SET_ASIDE_US)
		writer->retry_at = file->set_aside_at + SET_ASIDE_US;
}

/* Amid a statement: one that takes long must not keep the daemon from ending. */
static int on_progress(void *context)
{
	struct journal_writer *writer = context;

	return atomic_load_explicit(&writer->abandon, memory_order_relaxed);
}

/*
 * A file that could not be opened at the start now was. If it is an old one then the state in it is
 * of before, and its IDs mean other sets and peers than the loop's.
 */
static int adopt(struct journal_file *file, bool old)
{
	int result = SQLITE_OK;

	if (old) {
		file->late = true;
		result = journal_sql_integer(
			file->db, "SELECT max(id) FROM attrs", &file->attrs_base);
		if (result == SQLITE_NOTFOUND)
			result = SQLITE_OK;
	}
	file->run.restored = false;
	file->run.pending = true;
	return result;
}

/* Makes the connection ready to write; false: not now. */
static bool prepare(struct journal_writer *writer)
{
	struct journal_file *file = writer->file;
	char text[256];
	int result = SQLITE_OK;

	if (writer->corrupt && !begin_anew(writer))
		return false;
	if (writer->prepared)
		return true;
	if (file->db == NULL) {
		enum journal_open_result opened = journal_file_connect(file, text, sizeof text);

		if (opened == JOURNAL_UNAVAILABLE || opened == JOURNAL_REFUSED) {
			degrade(writer, text);
			return false;
		}
		result = adopt(file, opened == JOURNAL_OPENED);
		publish_file(writer);
		if (result != SQLITE_OK) { /* it is not to be used as if it had been */
			failed(writer, result);
			journal_file_disconnect(file);
			return false;
		}
	}
	sqlite3_progress_handler(file->db, PROGRESS_OPS, on_progress, writer);
	if (result == SQLITE_OK && file->run.pending)
		result = journal_file_write_run(file);
	if (result == SQLITE_OK)
		result = journal_store_open(&writer->store, file);
	if (result == SQLITE_OK)
		result = journal_prune_open(&writer->prune, file);
	writer->prepared = result == SQLITE_OK;
	if (result != SQLITE_OK) {
		unprepare(writer);
		failed(writer, result);
	}
	return writer->prepared;
}

/* Is the file still at its path? What is written into a deleted one is lost. */
static bool in_place(struct journal_writer *writer)
{
	if (!journal_file_moved(writer->file))
		return true;
	failed(writer, SQLITE_READONLY_DBMOVED);
	return false;
}

/*
 * The WAL cannot be emptied while a reader looks at a moment that lies before it. So that a reader
 * that never ends does not fill the disk, nothing is written beyond the size that the journal may
 * have; what changes meanwhile waits in the loop's bitmap, and history for a while.
 */
static bool wal_has_room(struct journal_writer *writer, uint64_t max_size)
{
	uint64_t limit = max_size < WAL_MIN ? WAL_MIN : max_size;
	char text[256];
	int result;

	if (size_of(writer->file->path, "-wal") <= limit)
		return true;
	result = sqlite3_wal_checkpoint_v2(
		writer->file->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	if (result == SQLITE_OK)
		return true;
	if ((result & 0xff) != SQLITE_BUSY) {
		failed(writer, result);
		return false;
	}
	snprintf(text, sizeof text,
		"another process has been reading too long: %s-wal cannot be emptied and has %u "
		"MiB",
		writer->file->path, (unsigned)(size_of(writer->file->path, "-wal") >> 20));
	degrade(writer, text);
	return false;
}

/* After a transaction. */
static void publish_size(struct journal_writer *writer, uint64_t max_size, uint64_t took)
{
	uint64_t size = size_of(writer->file->path, ""), wal = size_of(writer->file->path, "-wal");
	uint64_t used;

	if (journal_prune_used(writer->file->db, &used, NULL) == SQLITE_OK && used > max_size) {
		journal_prune_exceeded(&writer->prune);
		writer->owed = took;
	}
	pthread_mutex_lock(&writer->mutex);
	writer->status.file_size = size + wal;
	pthread_mutex_unlock(&writer->mutex);
}

static void write_batch(struct journal_writer *writer, const struct journal_batch *batch,
	const struct journal_writer_parameters *parameters)
{
	struct journal_status *status = &writer->status;
	uint64_t begun, took;
	int result;

	if (!in_place(writer) || !wal_has_room(writer, parameters->max_size))
		return;
	begun = journal_monotonic();
	result = journal_store_batch(&writer->store, batch, &writer->abandon);
	if (result != SQLITE_OK) {
		failed(writer, result);
		return;
	}
	writer->alive_at = journal_monotonic();
	took = writer->alive_at - begun;
	publish_size(writer, parameters->max_size, took);
	pthread_mutex_lock(&writer->mutex);
	status->batches++;
	status->rows += journal_batch_count(batch);
	status->written_at = batch->time;
	if (batch->whole)
		status->whole_at = batch->time;
	if (took > status->longest_us)
		status->longest_us = took;
	finish_first(writer, true);
	pthread_mutex_unlock(&writer->mutex);
	recover(writer);
	notify(writer);
}

/* Makes ready what is not, and says that the daemon is alive. */
static void beat(struct journal_writer *writer, uint64_t max_size)
{
	int result;

	if (!prepare(writer) || !in_place(writer))
		return;
	result = journal_store_heartbeat(&writer->store, journal_wall_clock());
	if (result != SQLITE_OK) {
		failed(writer, result);
		return;
	}
	writer->alive_at = journal_monotonic();
	publish_size(writer, max_size, 0);
	recover(writer);
}

/*
 * At the end of a pass: does what is free go back to the file system? It does when the file is too
 * large and would not be without it; where it would be all the same, only when it is much.
 */
static bool is_to_shrink(const struct journal_writer *writer, uint64_t max_size)
{
	uint64_t used, unused;

	if (journal_prune_used(writer->file->db, &used, &unused) != SQLITE_OK ||
		used + unused <= max_size)
		return false;
	return used <= max_size || unused > (used + unused) / SHRINK_FRACTION;
}

/* A step of pruning. */
static void prune(struct journal_writer *writer, const struct journal_writer_parameters *parameters)
{
	uint64_t begun = journal_monotonic(), took;
	bool shrinks;
	int result = journal_prune_step(&writer->prune, writer->file, parameters);

	writer->step_at = journal_monotonic();
	took = writer->step_at - begun;
	writer->owed = writer->owed > took ? writer->owed - took : 0;
	if (result != SQLITE_OK) {
		failed(writer, result);
		return;
	}
	shrinks = writer->prune.phase == PRUNE_REST && is_to_shrink(writer, parameters->max_size);
	pthread_mutex_lock(&writer->mutex);
	writer->status.pruned = writer->prune.deleted;
	if (shrinks)
		writer->compact = true;
	pthread_mutex_unlock(&writer->mutex);
}

/* A step of giving room back. */
static void compact(struct journal_writer *writer)
{
	bool done = false;
	int result = journal_compact_step(&writer->compaction, writer->file->db, &done);

	writer->step_at = journal_monotonic();
	if (result == SQLITE_OK && done)
		/* as far as readers let it: the file itself shrinks by this */
		sqlite3_wal_checkpoint_v2(
			writer->file->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	if (result != SQLITE_OK)
		failed(writer, result);
	if (!done)
		return;
	pthread_mutex_lock(&writer->mutex);
	writer->compact = false;
	writer->status.file_size = size_of(writer->file->path, "") +
				   size_of(writer->file->path, "-wal");
	pthread_mutex_unlock(&writer->mutex);
	notify(writer);
}

/* What is to be done next, and from when on (monotonic). */
enum work { WORK_BATCH, WORK_BEAT, WORK_PRUNE, WORK_COMPACT };

/* With the mutex held. */
static enum work next_work(const struct journal_writer *writer, uint64_t now, uint64_t *at)
{
	uint64_t beat_at = writer->alive_at + HEARTBEAT_US;
	uint64_t step_at = writer->step_at + STEP_PAUSE_US;
	uint64_t prune_at = journal_prune_due(&writer->prune);
	enum work work = WORK_BEAT;

	*at = beat_at;
	if (writer->retry_at > 0 || !writer->prepared) {
		*at = writer->retry_at;
		/* a file is made ready by a sign of life: batches of the one before are dropped */
		return writer->prepared && writer->queue != NULL ? WORK_BATCH : WORK_BEAT;
	}
	if (writer->owed > 0 && prune_at <= now) {
		*at = now;
		return WORK_PRUNE;
	}
	if (writer->queue != NULL) {
		*at = now;
		return WORK_BATCH;
	}
	if (writer->compact && step_at < *at) {
		*at = step_at;
		work = WORK_COMPACT;
	}
	if (prune_at < step_at)
		prune_at = step_at;
	if (prune_at < *at) {
		*at = prune_at;
		work = WORK_PRUNE;
	}
	return work;
}

/* With the mutex held, which it lets go while it works. */
static void do_work(struct journal_writer *writer, enum work work)
{
	const struct journal_batch *batch = writer->queue;
	struct journal_writer_parameters parameters = writer->parameters;

	pthread_mutex_unlock(&writer->mutex);
	switch (work) {
	case WORK_BATCH: write_batch(writer, batch, &parameters); break;
	case WORK_BEAT: beat(writer, parameters.max_size); break;
	case WORK_PRUNE: prune(writer, &parameters); break;
	case WORK_COMPACT: compact(writer); break;
	}
	pthread_mutex_lock(&writer->mutex);
}

/* With the mutex held: until `at` (monotonic microseconds) or woken. */
static void wait_until(struct journal_writer *writer, uint64_t at)
{
	struct timespec until = { (time_t)(at / 1000000), (long)(at % 1000000) * 1000 };

	pthread_cond_timedwait(&writer->wake, &writer->mutex, &until);
}

/* Stopping: what is queued is still tried, as long as the time is not over. */
static bool goes_on(const struct journal_writer *writer)
{
	return !atomic_load(&writer->abandon) && (!writer->stopping || writer->queue != NULL);
}

static void *run(void *context)
{
	struct journal_writer *writer = context;
	uint64_t now, at;

	/* Of this thread alone: where processors are few, routes are reflected first. */
	(void)setpriority(PRIO_PROCESS, 0, NICE);
	pthread_mutex_lock(&writer->mutex);
	while (goes_on(writer)) {
		enum work work;

		if (writer->changed)
			journal_prune_hurry(&writer->prune);
		writer->changed = false;
		now = journal_monotonic();
		work = next_work(writer, now, &at);
		if (at <= now)
			do_work(writer, work);
		else
			wait_until(writer, at);
	}
	pthread_mutex_unlock(&writer->mutex);
	if (writer->prepared && writer->retry_at == 0 && !atomic_load(&writer->abandon))
		beat(writer, writer->parameters.max_size);
	else if (writer->file->db != NULL) /* no time left */
		sqlite3_db_config(writer->file->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	unprepare(writer);
	journal_file_close(writer->file);
	pthread_mutex_lock(&writer->mutex);
	writer->ended = true;
	pthread_cond_broadcast(&writer->wake);
	pthread_mutex_unlock(&writer->mutex);
	return NULL;
}

/* Signals are the loop's. */
static int create_thread(struct journal_writer *writer)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&writer->thread, NULL, run, writer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0)
		pthread_setname_np(writer->thread, "journal");
	return error;
}

struct journal_writer *journal_writer_start(
	struct journal_file *file, const struct journal_writer_parameters *parameters, int wake_fd)
{
	struct journal_writer *writer = calloc(1, sizeof *writer);
	pthread_condattr_t attributes;

	if (writer == NULL) {
		journal_file_close(file);
		return NULL;
	}
	writer->file = file;
	writer->wake_fd = wake_fd;
	writer->parameters = *parameters;
	writer->finished_tail = &writer->finished;
	writer->status.generation = file->generation;
	writer->status.moved_at = file->moved_at;
	snprintf(writer->status.moved_to, sizeof writer->status.moved_to, "%s", file->moved_to);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&writer->mutex, NULL);
	pthread_cond_init(&writer->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	if (create_thread(writer) != 0) {
		pthread_cond_destroy(&writer->wake);
		pthread_mutex_destroy(&writer->mutex);
		journal_file_close(file);
		free(writer);
		return NULL;
	}
	return writer;
}

bool journal_writer_submit(struct journal_writer *writer, struct journal_batch *batch)
{
	struct journal_batch **last = &writer->queue;
	bool taken, dropped = false;

	pthread_mutex_lock(&writer->mutex);
	taken = writer->queued < JOURNAL_QUEUE_MAX;
	if (taken) {
		batch->next = NULL;
		batch->written = false;
		while (*last != NULL)
			last = &(*last)->next;
		*last = batch;
		writer->queued++;
		/* nothing older is queued by then: publish_file dropped it */
		dropped = batch->generation < writer->status.generation && writer->queue == batch;
		if (dropped)
			finish_first(writer, false);
		pthread_cond_signal(&writer->wake);
	}
	pthread_mutex_unlock(&writer->mutex);
	if (dropped)
		notify(writer);
	return taken;
}

bool journal_writer_has_room(const struct journal_writer *writer)
{
	struct journal_writer *shared = (struct journal_writer *)writer;
	bool room;

	pthread_mutex_lock(&shared->mutex);
	room = shared->queued < JOURNAL_QUEUE_MAX;
	pthread_mutex_unlock(&shared->mutex);
	return room;
}

struct journal_batch *journal_writer_collect(struct journal_writer *writer)
{
	struct journal_batch *batch;

	pthread_mutex_lock(&writer->mutex);
	batch = writer->finished;
	if (batch != NULL) {
		writer->finished = batch->next;
		if (writer->finished == NULL)
			writer->finished_tail = &writer->finished;
		batch->next = NULL;
	}
	pthread_mutex_unlock(&writer->mutex);
	return batch;
}

void journal_writer_status(const struct journal_writer *writer, struct journal_status *status)
{
	struct journal_writer *shared = (struct journal_writer *)writer;

	pthread_mutex_lock(&shared->mutex);
	*status = shared->status;
	pthread_mutex_unlock(&shared->mutex);
}

void journal_writer_set(
	struct journal_writer *writer, const struct journal_writer_parameters *parameters)
{
	pthread_mutex_lock(&writer->mutex);
	writer->parameters = *parameters;
	writer->changed = true;
	pthread_cond_signal(&writer->wake);
	pthread_mutex_unlock(&writer->mutex);
}

bool journal_writer_compact(struct journal_writer *writer)
{
	bool begun;

	pthread_mutex_lock(&writer->mutex);
	begun = !writer->compact;
	writer->compact = true;
	pthread_cond_signal(&writer->wake);
	pthread_mutex_unlock(&writer->mutex);
	return begun;
}

void journal_writer_stop(struct journal_writer *writer, uint64_t most_us,
	void (*finished)(void *context, struct journal_batch *batch), void *context)
{
	uint64_t until = journal_monotonic() + most_us;
	struct journal_batch *batch;

	pthread_mutex_lock(&writer->mutex);
	writer->stopping = true;
	pthread_cond_broadcast(&writer->wake);
	while (!writer->ended && journal_monotonic() < until)
		wait_until(writer, until);
	atomic_store(&writer->abandon, true);
	pthread_cond_broadcast(&writer->wake);
	pthread_mutex_unlock(&writer->mutex);
	pthread_join(writer->thread, NULL);
	while ((batch = journal_writer_collect(writer)) != NULL)
		finished(context, batch);
	while ((batch = writer->queue) != NULL) {
		writer->queue = batch->next;
		finished(context, batch);
	}
	free(writer->store.peers);
	pthread_cond_destroy(&writer->wake);
	pthread_mutex_destroy(&writer->mutex);
	free(writer);
}
