/*
 * The journal's file: opening it for the daemon (made, migrated, locked, or set aside when it is
 * none of ours), opening it to read beside the daemon or without one, its schema, and loading the
 * state from it. It starts no thread; every call may block on the disk. Each connection belongs to
 * one thread at a time.
 */
#ifndef RR_JOURNAL_FILE_H
#define RR_JOURNAL_FILE_H

#include <sqlite3.h>

#include "bgp/types.h"
#include "rr/journal_batch.h"

struct journal_file; /* path, connection, lock: see journal_connection.h */

enum journal_open_result {
	JOURNAL_OPENED, /* as it was */
	JOURNAL_CREATED, /* there was none */
	JOURNAL_SET_ASIDE, /* corrupt or foreign: moved away, a new one begun; `text` says where and
			      why */
	JOURNAL_UNAVAILABLE, /* cannot be opened or made now (read-only, no space, no permission):
				`text`; *file is usable all the same: the writer tries again */
	JOURNAL_REFUSED, /* made by a newer program, or in use by another daemon: `text` says so;
			  *file is NULL */
};

enum journal_open_result journal_file_open(
	const char *path, struct journal_file **file, char *text, size_t size);
void journal_file_close(struct journal_file *file);

/* For readers: read-only, also while a daemon writes. NULL with one line in `text`. */
sqlite3 *journal_read_open(const char *path, char *text, size_t size);

/* The state to restart from, handed over row by row in the order peers, sets, paths. */
struct journal_loading {
	/*
	 * Age of the state in microseconds (UINT64_MAX: there is none), the ID to give the next
	 * peer, and the highest ID of an attribute set, which is not to be given again; false ends
	 * the loading, as any of the others does.
	 */
	bool (*begin)(void *context, uint64_t age, uint32_t next_peer, uint64_t last_attrs);
	bool (*peer)(void *context, const struct journal_peer_row *peer);
	/* Those in use, and those that died so lately that a path may still name them. */
	bool (*attrs)(void *context, uint64_t id, struct span next_hop, struct span canonical);
	/* In ascending order of number within a family. */
	bool (*path)(void *context, const struct journal_path_row *path);
	void *context;
};
/*
 * False when the file could not be read to its end; `text` says why. A callback that ended it
 * leaves `text` empty. A file found corrupt is set aside and a new one begun. After a loading that
 * began and did not come to its end the state in the file goes when the run begins, and is to be
 * told anew: the writer's first status has another `generation` than 0.
 */
bool journal_file_load(struct journal_file *file, uint64_t now,
	const struct journal_loading *loading, char *text, size_t size);
/*
 * True when the daemon ended before it had written all history of the changes that are in the
 * state: until the next run begins, which makes it a gap.
 */
bool journal_file_is_behind(struct journal_file *file);
/*
 * What was not restored is dropped from the state: all of it, or what belongs to the given peers;
 * and a run begins, which history needs to know: `restored` false says that at `now` the table was
 * empty.
 */
bool journal_file_begin_run(struct journal_file *file, uint64_t now, bool restored,
	const uint32_t *peers_dropped, size_t n_peers_dropped, char *text, size_t size);

#endif
