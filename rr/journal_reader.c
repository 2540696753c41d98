#include "rr/journal_reader.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "rr/journal_file.h"
#include "rr/journal_sql.h"

/*
 * A scan that finds little must not keep its snapshot for long: about so many microseconds of work
 * between two pauses.
 */
#define SNAPSHOT_US 200000

struct journal_readers {
	pthread_mutex_t lock;
	pthread_cond_t stopped; /* a thread has ended */
	unsigned running; /* threads, also of questions that nobody wants any more */
};

/* Shared by the thread and the loop; whoever lets go of it last frees it. */
struct journal_reader {
	struct journal_readers *readers;
	struct journal_ask ask;
	char *path;
	int fd; /* eventfd: readable while pages wait or the answer is complete */

	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t room; /* a page was taken, or the question is cancelled */
	unsigned holders; /* thread and loop */
	struct journal_page *first, *last;
	unsigned pages;
	bool cancelled;
	bool finished; /* the thread adds nothing more */
	bool faulty; /* ... because of `fault` */
	char fault[256];
	sqlite3 *db; /* to interrupt it; NULL while there is none */
};

struct journal_readers *journal_readers_new(void)
{
	struct journal_readers *readers = calloc(1, sizeof *readers);
	if (readers == NULL)
		return NULL;
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&readers->lock, NULL);
	pthread_cond_init(&readers->stopped, &attributes);
	pthread_condattr_destroy(&attributes);
	return readers;
}

void journal_readers_free(struct journal_readers *readers, uint64_t most_us)
{
	if (readers == NULL)
		return;
	uint64_t until = journal_monotonic() + most_us;
	struct timespec deadline = { .tv_sec = (time_t)(until / 1000000),
		.tv_nsec = (long)(until % 1000000) * 1000 };
	int status = 0;
	pthread_mutex_lock(&readers->lock);
	while (readers->running > 0 && status == 0)
		status = pthread_cond_timedwait(&readers->stopped, &readers->lock, &deadline);
	bool all = readers->running == 0;
	pthread_mutex_unlock(&readers->lock);
	if (!all)
		return;
	pthread_cond_destroy(&readers->stopped);
	pthread_mutex_destroy(&readers->lock);
	free(readers);
}

static void reader_free(struct journal_reader *reader)
{
	while (reader->first != NULL) {
		struct journal_page *page = reader->first;
		reader->first = page->next;
		free(page);
	}
	if (reader->fd >= 0)
		close(reader->fd);
	pthread_cond_destroy(&reader->room);
	pthread_mutex_destroy(&reader->lock);
	free(reader->path);
	free(reader);
}

static void reader_release(struct journal_reader *reader)
{
	pthread_mutex_lock(&reader->lock);
	bool last = --reader->holders == 0;
	pthread_mutex_unlock(&reader->lock);
	if (last)
		reader_free(reader);
}

/* The eventfd is level: it stays readable until journal_reader_take finds nothing. */
static void wake(struct journal_reader *reader)
{
	uint64_t one = 1;
	(void)!write(reader->fd, &one, sizeof one);
}

/* Hands a page over, waiting for room. False when nobody wants it any more. */
static bool hand_over(struct journal_reader *reader, struct journal_page *page)
{
	pthread_mutex_lock(&reader->lock);
	while (reader->pages == JOURNAL_PAGES_MAX && !reader->cancelled)
		pthread_cond_wait(&reader->room, &reader->lock);
	bool wanted = !reader->cancelled;
	if (wanted) {
		if (reader->last != NULL)
			reader->last->next = page;
		else
			reader->first = page;
		reader->last = page;
		reader->pages++;
		wake(reader);
	}
	pthread_mutex_unlock(&reader->lock);
	if (!wanted)
		free(page);
	return wanted;
}

static void finish(struct journal_reader *reader, const char *fault)
{
	pthread_mutex_lock(&reader->lock);
	reader->finished = true;
	reader->faulty = fault != NULL;
	if (fault != NULL)
		snprintf(reader->fault, sizeof reader->fault, "%s", fault);
	wake(reader);
	pthread_mutex_unlock(&reader->lock);
}

static bool cancelled(struct journal_reader *reader)
{
	pthread_mutex_lock(&reader->lock);
	bool is = reader->cancelled;
	pthread_mutex_unlock(&reader->lock);
	return is;
}

/* Lets go of the snapshot, then hands over what there is. False when nobody wants it any more. */
static bool flush(struct journal_reader *reader, struct journal_query *query,
	struct journal_page **page, uint64_t *since)
{
	struct journal_page *full = *page;
	*page = NULL;
	journal_query_pause(query);
	bool wanted = full != NULL ? hand_over(reader, full) : !cancelled(reader);
	*since = journal_monotonic();
	return wanted;
}

/* Reads to the end, page by page. Returns NULL or why it ended before. */
static const char *read_all(struct journal_reader *reader, struct journal_query *query)
{
	struct journal_page *page = NULL;
	uint64_t since = journal_monotonic();
	for (;;) {
		struct journal_row row;
		enum journal_step step = journal_query_next(query, &row);
		if (step == JOURNAL_STEP_END || step == JOURNAL_STEP_FAULT) {
			bool wanted = flush(reader, query, &page, &since);
			return wanted && step == JOURNAL_STEP_FAULT ? journal_query_fault(query)
								    : NULL;
		}
		struct journal_page *full = NULL;
		if (step == JOURNAL_STEP_ROW && page != NULL && !journal_page_add(page, &row)) {
			full = page;
			page = NULL;
		}
		if (step == JOURNAL_STEP_ROW && page == NULL) {
			/* Before the pause: the row borrows from the snapshot. */
			page = journal_page_new(&row);
			if (page == NULL) {
				free(full);
				return "heliostatd is out of memory: the answer is incomplete";
			}
			journal_page_add(page, &row);
		}
		if (full != NULL && !flush(reader, query, &full, &since)) {
			free(page);
			return NULL;
		}
		if (journal_monotonic() - since > SNAPSHOT_US &&
			!flush(reader, query, &page, &since))
			return NULL;
	}
}

static void *reader_main(void *context)
{
	struct journal_reader *reader = context;
	struct journal_readers *readers = reader->readers;
	char text[256] = "";
	sqlite3 *db = journal_read_open(reader->path, text, sizeof text);
	struct journal_query *query = NULL;
	pthread_mutex_lock(&reader->lock);
	reader->db = db;
	bool wanted = !reader->cancelled;
	pthread_mutex_unlock(&reader->lock);
	if (db != NULL && wanted)
		query = journal_query_begin(db, &reader->ask, text, sizeof text);
	finish(reader, query != NULL ? read_all(reader, query) : text);
	journal_query_end(query);
	/* From here on nobody interrupts it. */
	pthread_mutex_lock(&reader->lock);
	reader->db = NULL;
	pthread_mutex_unlock(&reader->lock);
	sqlite3_close(db);
	reader_release(reader);

	pthread_mutex_lock(&readers->lock);
	readers->running--;
	pthread_cond_signal(&readers->stopped);
	pthread_mutex_unlock(&readers->lock);
	return NULL;
}

/* Signals are the loop's. */
static int start_thread(struct journal_reader *reader)
{
	sigset_t all, before;
	pthread_attr_t attributes;
	pthread_t thread;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&thread, &attributes, reader_main, reader);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return error;
}

static bool take_place(struct journal_readers *readers)
{
	pthread_mutex_lock(&readers->lock);
	bool free_place = readers->running < JOURNAL_READERS_MAX;
	if (free_place)
		readers->running++;
	pthread_mutex_unlock(&readers->lock);
	return free_place;
}

struct journal_reader *journal_reader_begin(struct journal_readers *readers, const char *path,
	const struct journal_ask *ask, char *text, size_t size)
{
	if (!take_place(readers)) {
		snprintf(text, size,
			"found %d questions to the journal under way, expected fewer: try again "
			"when one has been answered",
			JOURNAL_READERS_MAX);
		return NULL;
	}
	int error = ENOMEM;
	struct journal_reader *reader = calloc(1, sizeof *reader);
	if (reader != NULL) {
		reader->readers = readers;
		reader->ask = *ask;
		reader->holders = 2;
		pthread_mutex_init(&reader->lock, NULL);
		pthread_cond_init(&reader->room, NULL);
		reader->path = strdup(path);
		reader->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		error = reader->fd < 0	       ? errno
			: reader->path == NULL ? ENOMEM
					       : start_thread(reader);
		if (error == 0)
			return reader;
		reader_free(reader);
	}
	pthread_mutex_lock(&readers->lock);
	readers->running--;
	pthread_mutex_unlock(&readers->lock);
	snprintf(text, size, "cannot ask the journal: %s", strerror(error));
	return NULL;
}

int journal_reader_fd(const struct journal_reader *reader)
{
	return reader->fd;
}

enum journal_taken journal_reader_take(struct journal_reader *reader, struct journal_page **page)
{
	enum journal_taken taken = JOURNAL_TAKEN_WAIT;
	pthread_mutex_lock(&reader->lock);
	if (reader->first != NULL) {
		*page = reader->first;
		reader->first = reader->first->next;
		if (reader->first == NULL)
			reader->last = NULL;
		(*page)->next = NULL;
		reader->pages--;
		pthread_cond_signal(&reader->room);
		taken = JOURNAL_TAKEN_PAGE;
	} else if (reader->finished) {
		taken = reader->faulty ? JOURNAL_TAKEN_FAULT : JOURNAL_TAKEN_END;
	} else {
		uint64_t count;
		(void)!read(reader->fd, &count, sizeof count);
	}
	pthread_mutex_unlock(&reader->lock);
	return taken;
}

const char *journal_reader_fault(const struct journal_reader *reader)
{
	return reader->fault;
}

void journal_reader_end(struct journal_reader *reader)
{
	pthread_mutex_lock(&reader->lock);
	reader->cancelled = true;
	if (reader->db != NULL && !reader->finished)
		sqlite3_interrupt(reader->db);
	pthread_cond_signal(&reader->room);
	pthread_mutex_unlock(&reader->lock);
	reader_release(reader);
}
