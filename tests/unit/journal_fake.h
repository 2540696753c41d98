/*
 * A writer and a file that are none, for the tests of rr/journal.c: what the loop hands over is
 * played into a mirror, which must become what the RIB is. The linker's --wrap puts it in the place
 * of the real ones (tests/unit/meson.build). Belongs to the tests alone.
 */
#ifndef UNIT_JOURNAL_FAKE_H
#define UNIT_JOURNAL_FAKE_H

#include "tests/unit/rib_fixture.h"

#include "rr/journal_state.h"

#define ROWS_MAX 4096
#define SETS_MAX 20000

/* The writer, and all that it would have in its file. */
struct fake {
	struct fixture rib;
	struct reflector reflector;
	struct config config;
	struct journal *journal;
	unsigned room; /* batches that are taken before they are written */
	struct journal_batch *queue[JOURNAL_QUEUE_MAX];
	unsigned queued;
	struct journal_batch *finished;
	struct journal_status status;
	uint64_t batches;
	bool takes_at_once; /* what is handed over is written */

	struct journal_path_row paths[FAMILY_COUNT][ROWS_MAX]; /* by number */
	bool told[SETS_MAX]; /* sets, by ID */
	bool gone[SETS_MAX];
	bool peer[64]; /* by ID */
	uint64_t path_rows, history_rows, gap_rows, events, audits, configs, emptied;
	uint64_t emptied_at; /* the last time */
	uint64_t history_before; /* rows when a table was emptied last */
	uint64_t behind; /* of the last batch */
	uint64_t last_time;
	char last_event[128];

	size_t chunks; /* of history, that are alive: no sanitizer looks at pages */
};

extern struct fake fake;

/* Set-up and tear-down of each test. */
int fake_begin(void **state);
int fake_end(void **state);
/* The writer is done with the oldest batch. */
void take_off(bool written);
/* Turns until nothing is left to hand over; the writer takes what it has room for. */
void turns(void);
/* ... and all is written. */
void write_all(void);
/* The file has each path of the table, once, and no other. */
void assert_mirrored(void);
/* 10.x.x.0/24 with n in the middle; valid until the next call. */
const char *prefix_text(unsigned n);
/* The first n of them, with 16 MEDs from `med` on. */
void announce_many(struct speaker *speaker, unsigned n, unsigned med);

#endif
