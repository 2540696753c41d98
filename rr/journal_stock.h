/*
 * Empty chunks for history, between the loop, which fills them, and the writer's thread, which gets
 * them from the kernel amid a burst and gives them back after it: a page of memory costs more than
 * the rows that go into it, and to give pages back interrupts every processor that runs a thread of
 * the process. The writer owns one. It never waits: where none is ready, the loop makes its own.
 */
#ifndef RR_JOURNAL_STOCK_H
#define RR_JOURNAL_STOCK_H

#include <pthread.h>

#include "rr/journal_batch.h"

#define JOURNAL_STOCK_MAX  16 /* chunks that are ready amid a burst ... */
#define JOURNAL_STOCK_REST 1 /* ... and otherwise: light traffic asks the kernel for none */

/* The mutex is held for a few assignments. */
struct journal_stock {
	pthread_mutex_t mutex;
	struct journal_history_chunk *ready; /* list */
	unsigned n_ready;
	bool burst;
};

void journal_stock_init(struct journal_stock *stock);
/* Frees what is in it; when no other thread has it any more. */
void journal_stock_destroy(struct journal_stock *stock);

/* An empty chunk, for the caller; NULL: none is ready. Amid a burst more will be asked for. */
struct journal_history_chunk *journal_stock_take(struct journal_stock *stock, bool burst);
/* Takes a chunk over that is done with. */
void journal_stock_put(struct journal_stock *stock, struct journal_history_chunk *chunk);
/* The burst is over. */
void journal_stock_rest(struct journal_stock *stock);
size_t journal_stock_memory(struct journal_stock *stock); /* bytes */

/* The writer's: makes as many ready as there should be, or frees those beyond. */
void journal_stock_tend(struct journal_stock *stock);

#endif
