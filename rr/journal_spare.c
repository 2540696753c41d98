#include "rr/journal_spare.h"

#include <string.h>

#define TRIM_CHUNKS 4 /* that are freed at once, a quarter of a millisecond at most */
#define TRIM_US	    1000 /* between two times */

/* Outside of bursts no batch is kept. */
static bool keeps(const struct journal_spare *spare)
{
	return spare->burst || spare->until != 0;
}

static struct journal_history_chunk *take_chunk(struct journal_spare *spare)
{
	struct journal_history_chunk *chunk = spare->chunks;

	spare->chunks = chunk->next;
	spare->n_chunks--;
	return chunk;
}

static struct journal_batch *take_batch(struct journal_spare *spare)
{
	struct journal_batch *batch = spare->batches;

	spare->batches = batch->next;
	spare->n_batches--;
	batch->next = NULL;
	return batch;
}

struct journal_history_chunk *journal_spare_chunk(struct journal_spare *spare, bool burst)
{
	struct journal_history_chunk *chunk;

	spare->burst |= burst;
	if (spare->chunks == NULL)
		return journal_history_chunk_new(burst);
	chunk = take_chunk(spare);
	memset(chunk, 0, offsetof(struct journal_history_chunk, bytes));
	return chunk;
}

void journal_spare_put_chunk(struct journal_spare *spare, struct journal_history_chunk *chunk)
{
	chunk->next = spare->chunks;
	spare->chunks = chunk;
	spare->n_chunks++;
}

struct journal_batch *journal_spare_batch(struct journal_spare *spare)
{
	return spare->batches != NULL ? take_batch(spare) : journal_batch_new();
}

void journal_spare_put_batch(
	struct journal_spare *spare, struct journal_batch *batch, struct rib *rib)
{
	if (!keeps(spare) || spare->n_batches == JOURNAL_SPARE_BATCHES_MAX ||
		journal_batch_memory(batch) > JOURNAL_SPARE_BATCH_BYTES) {
		journal_batch_free(batch, rib);
		return;
	}
	journal_batch_clear(batch, rib);
	batch->next = spare->batches;
	spare->batches = batch;
	spare->n_batches++;
}

uint64_t journal_spare_trim(struct journal_spare *spare, uint64_t now)
{
	unsigned most; /* chunks that are kept */

	if (spare->burst) {
		spare->burst = false;
		spare->until = now + JOURNAL_SPARE_KEEP_US;
	}
	most = now < spare->until ? JOURNAL_SPARE_CHUNKS_MAX : 0;
	for (unsigned n = 0; n < TRIM_CHUNKS && spare->n_chunks > most; n++)
		journal_history_chunk_free(take_chunk(spare));
	if (spare->n_chunks > most)
		return TRIM_US;
	if (now < spare->until)
		return spare->until - now;
	if (spare->batches != NULL) {
		journal_batch_free(take_batch(spare), NULL);
		return TRIM_US;
	}
	spare->until = 0;
	return UINT64_MAX;
}

void journal_spare_free(struct journal_spare *spare)
{
	while (spare->chunks != NULL)
		journal_history_chunk_free(take_chunk(spare));
	while (spare->batches != NULL)
		journal_batch_free(take_batch(spare), NULL);
}

size_t journal_spare_memory(const struct journal_spare *spare)
{
	size_t bytes = spare->n_chunks * sizeof(*spare->chunks);

	for (const struct journal_batch *batch = spare->batches; batch != NULL; batch = batch->next)
		bytes += journal_batch_memory(batch);
	return bytes;
}
