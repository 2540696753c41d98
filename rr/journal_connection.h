/*
 * The inside of struct journal_file, for those that work on the writing connection: journal_file.c
 * (opening), journal_load.c, and the writer with its parts (store, prune, compact). Nobody else
 * includes it.
 */
#ifndef RR_JOURNAL_CONNECTION_H
#define RR_JOURNAL_CONNECTION_H

#include "rr/journal_file.h"

/* Begun by journal_file_begin_run; the writer tries again what the disk refused then. */
struct journal_run {
	bool pending;
	bool restored;
	uint64_t time;
	uint32_t *dropped; /* peers */
	size_t n_dropped;
};

struct journal_file {
	char *path;
	int lock; /* descriptor of PATH.lock, locked; -1: not held */
	sqlite3 *db; /* NULL: not open */
	/*
	 * One more each time the file was set aside while in use: what was told of the state before
	 * is not in this one.
	 */
	uint64_t generation;
	uint64_t set_aside_at; /* monotonic microseconds; 0: never */
	uint64_t moved_at; /* ... wall clock */
	char moved_to[512]; /* where the file went that was set aside last; "": it was gone */
	struct journal_run run;
	int64_t *malformed; /* IDs of path rows that make no sense; deleted when the run begins */
	size_t n_malformed;
	/*
	 * Opened after the loop had begun to give IDs: those of sets are raised by this much, and
	 * peers found by their address (see journal_store.c).
	 */
	bool late;
	int64_t attrs_base;
};

/*
 * Locks and opens the file if it is not open, as journal_file_open does; JOURNAL_OPENED when it is.
 * JOURNAL_REFUSED leaves `file` as it was.
 */
enum journal_open_result journal_file_connect(struct journal_file *file, char *text, size_t size);
/* Closes the connection, keeps the lock. */
void journal_file_disconnect(struct journal_file *file);
/*
 * The file is not what we wrote, or no longer at its path: moves aside what is there and begins a
 * new one. False when that cannot be done now: the connection is closed then, and
 * journal_file_connect is to be tried. `why` is "corrupt", "replaced" ...
 */
bool journal_file_begin_anew(struct journal_file *file, const char *why, char *text, size_t size);
/* True when another file or none is at the path. */
bool journal_file_moved(const struct journal_file *file);
/* The pending run, in a transaction of its own; SQLite result code. */
int journal_file_write_run(struct journal_file *file);
/* A copy of "why PATH: reason" for a result code of the connection. */
void journal_file_fault(const struct journal_file *file, int result, char *text, size_t size);

#endif
