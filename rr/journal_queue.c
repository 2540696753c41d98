#include <stdlib.h>
#include <string.h>

#include "rr/journal_state.h"

void journal_gap_extend(struct journal_gap_row *gap, uint64_t from, uint64_t to, uint64_t rows)
{
	if (gap->rows == 0 || from < gap->from)
		gap->from = from;
	if (to > gap->to)
		gap->to = to;
	gap->rows += rows;
}

void journal_queue_gap(struct journal_queue *queue, uint64_t from, uint64_t to, uint64_t rows)
{
	queue->lost += rows;
	/* What a dropped batch had is older than what the queue gave up meanwhile. */
	journal_gap_extend(&queue->gap, from, to, rows);
}

struct journal_history_chunk *journal_queue_take(struct journal_queue *queue)
{
	struct journal_history_chunk *chunk = queue->first;

	if (chunk == NULL)
		return NULL;
	queue->first = chunk->next;
	if (queue->first == NULL)
		queue->last = NULL;
	queue->chunks--;
	queue->rows -= chunk->count;
	chunk->next = NULL;
	return chunk;
}

void journal_queue_give_up(struct journal_queue *queue, struct rib *rib,
	struct journal_history_chunk *chunk, uint32_t at, struct attr_set *run)
{
	uint64_t from = 0, to = 0, rows = 0;

	for (uint32_t here = 0; here < chunk->used;) {
		struct journal_history_row *row = (void *)(chunk->bytes + here);

		if (rows++ == 0)
			from = row->time;
		to = row->time;
		if (here >= at && row->set != run) {
			if (run != NULL)
				rib_restore_attrs_done(rib, run);
			run = row->set;
		}
		here += (uint32_t)journal_history_row_size((enum family)row->family);
	}
	if (run != NULL)
		rib_restore_attrs_done(rib, run);
	if (rows > 0)
		journal_queue_gap(queue, from, to, rows);
	free(chunk);
}

/* The chunk that has room for `size` bytes; NULL when memory is short. */
static struct journal_history_chunk *tail(struct journal_queue *queue, struct rib *rib, size_t size)
{
	struct journal_history_chunk *chunk = queue->last;

	if (chunk != NULL && sizeof(chunk->bytes) - chunk->used >= size)
		return chunk;
	if ((queue->chunks + 1) * sizeof(*chunk) > JOURNAL_HISTORY_WAITING_MAX)
		journal_queue_give_up(queue, rib, journal_queue_take(queue), 0, NULL);
	chunk = malloc(sizeof(*chunk));
	if (chunk == NULL)
		return NULL;
	/* Not the bytes: pages that are not written to are not there. */
	chunk->next = NULL;
	chunk->used = 0;
	chunk->count = 0;
	if (queue->last != NULL)
		queue->last->next = chunk;
	else
		queue->first = chunk;
	queue->last = chunk;
	queue->run = NULL;
	queue->chunks++;
	return chunk;
}

void journal_queue_add(struct journal_queue *queue, struct rib *rib, uint64_t time,
	const struct best_change *change)
{
	size_t size = journal_history_row_size(change->family);
	struct journal_history_chunk *chunk = tail(queue, rib, size);
	struct journal_history_row *row;

	if (chunk == NULL) {
		journal_queue_gap(queue, time, time, 1);
		return;
	}
	row = (void *)(chunk->bytes + chunk->used);
	row->time = time;
	row->set = change->attrs;
	if (change->attrs != queue->run) {
		queue->run = change->attrs;
		if (change->attrs != NULL)
			attr_set_ref(change->attrs);
	}
	row->peer = change->peer;
	row->path_id = change->path_id;
	row->family = (uint8_t)change->family;
	row->cause = (uint8_t)change->cause;
	row->length = change->length;
	memcpy(row->bytes, change->bytes, family_address_len(change->family));
	chunk->used += (uint32_t)size;
	chunk->count++;
	queue->rows++;
}

size_t journal_queue_memory(const struct journal_queue *queue)
{
	return queue->chunks * sizeof(struct journal_history_chunk);
}
