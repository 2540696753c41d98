/*
 * Keeps the journal within its bounds of age and size, a small step at a time: each takes a few
 * milliseconds and at most one transaction, and the writer's thread calls it between batches. Owns
 * where a pass over the file stands; forgets it when the daemon ends, the next pass begins anew.
 *
 * A pass has a horizon, the time before which history is not kept, and walks the table `history`
 * in the order of its key. Of each prefix the newest row before the horizon stays, since it says
 * what the best path was at the horizon, unless it says "none" or the table was begun anew since.
 * Then go attribute sets that died before the horizon, events, gaps, and configurations and runs
 * but for the newest. The state and the audit trail are never pruned.
 *
 * The horizon is `history` seconds ago. While what the file holds exceeds `max_size` it is moved on
 * by an eighth of what is left of the window, pass for pass.
 */
#ifndef RR_JOURNAL_PRUNE_H
#define RR_JOURNAL_PRUNE_H

#include "rr/journal_connection.h"
#include "rr/journal_writer.h"

#define JOURNAL_PRUNE_ROWS 256 /* deleted in one step at most */

struct journal_prune_key {
	uint8_t prefix[18];
	uint8_t len;
	int64_t time, sequence;
};

enum journal_prune_phase {
	PRUNE_REST, /* until `next_pass` */
	PRUNE_HISTORY,
	PRUNE_ATTRS,
	PRUNE_EVENTS,
	PRUNE_SMALL, /* the tables of which a step is enough */
};

struct journal_prune {
	enum journal_prune_phase phase;
	uint64_t next_pass; /* monotonic microseconds */
	bool walked; /* a pass has been made: `oldest` is known */
	bool again; /* after this pass at once: the settings are others */
	int64_t horizon; /* of this pass; wall clock, microseconds, as all that follow */
	int64_t forced; /* the horizon that max_size asked for; 0: it never did */
	int64_t reset_at; /* rows before are void: the last run that restored nothing */
	int64_t oldest; /* row behind the horizon that this pass has seen; INT64_MAX: none */
	struct journal_prune_key cursor; /* the walk goes on behind it; len 0: at the beginning */
	sqlite3_stmt *walk, *delete;
	struct journal_prune_key doomed[JOURNAL_PRUNE_ROWS];
	size_t n_doomed;
	uint64_t deleted; /* history rows */
	uint64_t deleted_before; /* ... when the pass began */
};

/* Result code; journal_prune_close in any case. Keeps `forced` of an earlier file. */
int journal_prune_open(struct journal_prune *prune, struct journal_file *file);
/* Before the connection is closed. */
void journal_prune_close(struct journal_prune *prune);
/* A pass is to begin as soon as may be: the settings changed. */
void journal_prune_hurry(struct journal_prune *prune);
/* The file holds more than it may. */
void journal_prune_exceeded(struct journal_prune *prune);
/* Monotonic time of the next step. */
uint64_t journal_prune_due(const struct journal_prune *prune);
/* One step. Result code. */
int journal_prune_step(struct journal_prune *prune, struct journal_file *file,
	const struct journal_writer_parameters *parameters);
/*
 * Bytes of what the file holds, without free pages and WAL, and of the free pages (`unused` may be
 * NULL); 0 where it cannot be told. Result code.
 */
int journal_prune_used(sqlite3 *db, uint64_t *used, uint64_t *unused);

#endif
