/*
 * The journal's writer: one thread that owns the connection to the SQLite file and writes the
 * batches it is handed, one transaction each, in order. The loop (journal.c) starts it, hands
 * batches over without ever waiting, and takes finished ones back. It also prunes, a small step at
 * a time between batches, keeps the heartbeat, and retries what fails. It never touches the RIB.
 *
 * A batch that cannot be written (disk full, I/O error, read-only) is kept and tried again until
 * it can: nothing of the state is lost, the loop meanwhile gathers the next in its bitmap. A file
 * found corrupt is moved aside under a dated name and a new one begun: the writer then drops what
 * it has and says so by a new `generation`, upon which the loop tells everything again.
 */
#ifndef RR_JOURNAL_WRITER_H
#define RR_JOURNAL_WRITER_H

#include "rr/journal_batch.h"
#include "rr/journal_file.h"

struct journal_writer;

struct journal_writer_parameters {
	uint32_t history; /* seconds that history is kept; 0: none is */
	uint64_t max_size; /* bytes of the file */
};

#define JOURNAL_QUEUE_MAX 2 /* batches that wait for the writer or are being written */

struct journal_status {
	bool degraded;
	char reason[256]; /* why: "disk full: ..."; "" when all is well */
	uint64_t degraded_since; /* wall clock, microseconds */
	uint64_t generation; /* one more each time a new file was begun under way */
	uint64_t moved_at; /* wall clock, when the file was set aside, or found gone, last; or 0 */
	char moved_to[512]; /* where it went; "": nowhere */
	uint64_t failures; /* attempts that failed */
	uint64_t batches; /* written */
	uint64_t rows; /* written */
	uint64_t written_at; /* wall clock, microseconds: `time` of the last batch written */
	uint64_t whole_at; /* ... and of the last one that was whole */
	uint64_t file_size; /* bytes, with the WAL */
	uint64_t pruned; /* history rows */
	uint64_t longest_us; /* the longest transaction */
};

/*
 * Takes over `file`. `wake_fd` is an eventfd that is written when a batch is finished or the status
 * changed. NULL when memory or threads are short (the file is closed).
 */
struct journal_writer *journal_writer_start(
	struct journal_file *file, const struct journal_writer_parameters *parameters, int wake_fd);
/* Hands a batch over; false when the queue is full (the caller keeps it). */
bool journal_writer_submit(struct journal_writer *writer, struct journal_batch *batch);
/* True when journal_writer_submit would take one. */
bool journal_writer_has_room(const struct journal_writer *writer);
/* A batch that was written or dropped, for the caller to free; NULL: none. */
struct journal_batch *journal_writer_collect(struct journal_writer *writer);
void journal_writer_status(const struct journal_writer *writer, struct journal_status *status);
/* Changed settings take effect from the next step on. */
void journal_writer_set(
	struct journal_writer *writer, const struct journal_writer_parameters *parameters);
/* Rebuilds the file into as little room as it needs; at most one at a time, false otherwise. */
bool journal_writer_compact(struct journal_writer *writer);
/*
 * Writes what it has been handed, for at most `most_us`, closes the file and frees the writer.
 * Batches that are left are handed to `unwritten` with those finished.
 */
void journal_writer_stop(struct journal_writer *writer, uint64_t most_us,
	void (*finished)(void *context, struct journal_batch *batch), void *context);

#endif
