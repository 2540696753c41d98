/*
 * Room that the journal's next rows will need: chunks and batches that are done with, kept from a
 * burst until a minute without one has passed. To have pages from the kernel costs the loop more
 * than the rows that go into them, and to give them back interrupts every processor that runs a
 * thread of the process; and after a burst the next is near, as when the routes that left with a
 * session come back. What is kept was needed at once before. It belongs to the loop: a thread of
 * lower priority that did this in its place would hold the kernel's lock of the memory map, and the
 * loop up.
 */
#ifndef RR_JOURNAL_SPARE_H
#define RR_JOURNAL_SPARE_H

#include "rr/journal_batch.h"

#define JOURNAL_SPARE_KEEP_US	  UINT64_C(60000000)
#define JOURNAL_SPARE_CHUNKS_MAX  64 /* what 1.2 million routes that come or go take, and more */
#define JOURNAL_SPARE_BATCHES_MAX 4 /* gathered, closed, and two with the writer */
#define JOURNAL_SPARE_BATCH_BYTES \
	(8u << 20) /* one with more room is not kept: most never have it */

struct journal_spare {
	struct journal_history_chunk *chunks; /* list */
	unsigned n_chunks;
	struct journal_batch *batches; /* list, empty, with the room of their large lists */
	unsigned n_batches;
	bool burst; /* one was seen since the last look at the clock */
	uint64_t until; /* monotonic, microseconds: all is kept until then; 0: nothing is */
};

/* An empty chunk; NULL when memory is short. `burst`: history that waits fills more than one. */
struct journal_history_chunk *journal_spare_chunk(struct journal_spare *spare, bool burst);
/*
 * Takes a chunk over that is done with. More than are kept come back at once where much is given
 * up: those too are freed by journal_spare_trim, a few at a time.
 */
void journal_spare_put_chunk(struct journal_spare *spare, struct journal_history_chunk *chunk);
/* An empty batch; NULL when memory is short. */
struct journal_batch *journal_spare_batch(struct journal_spare *spare);
/* Takes a batch over that is done with, but for its references to sets of `rib`. */
void journal_spare_put_batch(
	struct journal_spare *spare, struct journal_batch *batch, struct rib *rib);
/*
 * Frees a part of what is too much or was kept long enough; returns after how many microseconds
 * there is more to do, UINT64_MAX when nothing is kept.
 */
uint64_t journal_spare_trim(struct journal_spare *spare, uint64_t now);
void journal_spare_free(struct journal_spare *spare); /* all that is kept */
size_t journal_spare_memory(const struct journal_spare *spare); /* bytes */

/* Would journal_spare_trim free something? */
static inline bool journal_spare_is_due(const struct journal_spare *spare, uint64_t now)
{
	return spare->n_chunks > JOURNAL_SPARE_CHUNKS_MAX ||
	       (!spare->burst && now >= spare->until && (spare->until != 0 || spare->n_chunks > 0));
}

#endif
