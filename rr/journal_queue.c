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

/* Of the last run, which has room. */
static unsigned rows_in_room(
	const struct journal_queue *queue, const struct journal_history_run *run)
{
	const struct journal_history_chunk *chunk = queue->last;

	return (unsigned)((size_t)(queue->room.at - (chunk->bytes + chunk->used)) /
			  best_row_size((enum family)run->family));
}

void journal_queue_close(struct journal_queue *queue)
{
	struct journal_history_chunk *chunk = queue->last;
	struct journal_history_run *run;
	unsigned rows;

	if (queue->room.at == NULL)
		return;
	run = journal_history_at(chunk, chunk->last);
	rows = rows_in_room(queue, run);
	run->count = (uint16_t)(run->count + rows);
	chunk->count += rows;
	chunk->used = (uint32_t)(queue->room.at - chunk->bytes);
	queue->rows += rows;
	queue->room = (struct best_room){ 0 };
}

/* After a row was added to the last chunk. */
static void open_room(struct journal_queue *queue)
{
	struct journal_history_chunk *chunk = queue->last;
	const struct journal_history_run *run = journal_history_at(chunk, chunk->last);
	size_t size = best_row_size((enum family)run->family);

	queue->room.at = chunk->bytes + chunk->used;
	queue->room.end = queue->room.at + (sizeof(chunk->bytes) - chunk->used) / size * size;
}

size_t journal_queue_rows(const struct journal_queue *queue)
{
	if (queue->room.at == NULL)
		return queue->rows;
	return queue->rows +
	       rows_in_room(queue, journal_history_at(queue->last, queue->last->last));
}

struct journal_history_chunk *journal_queue_take(struct journal_queue *queue)
{
	struct journal_history_chunk *chunk = queue->first;

	journal_queue_close(queue);
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

void journal_queue_let_go(struct journal_queue *queue, struct journal_history_run *run)
{
	if (run->held == 0)
		return;
	run->set->counted = false;
	queue->held -= run->held;
	run->held = 0;
}

/* The rows of a chunk are lost. */
static void lose(struct journal_queue *queue, struct journal_history_chunk *chunk)
{
	const struct journal_history_run *first = journal_history_first(chunk);

	if (first != NULL)
		journal_queue_gap(queue, first->time, journal_history_at(chunk, chunk->last)->time,
			chunk->count);
}

/* Gives back the sets of the runs from the byte `at` on, and the chunk. */
static void release(struct journal_queue *queue, struct journal_history_chunk *chunk, uint32_t at)
{
	struct journal_history_run *run;

	while ((run = journal_history_at(chunk, at)) != NULL) {
		at += (uint32_t)journal_history_run_size((enum family)run->family, run->count);
		journal_queue_let_go(queue, run);
		if (run->set != NULL)
			rib_restore_attrs_done(chunk->rib, run->set);
	}
	rib_unhold(chunk->rib);
	journal_spare_put_chunk(queue->spare, chunk);
}

void journal_queue_give_up(
	struct journal_queue *queue, struct journal_history_chunk *chunk, uint32_t at)
{
	lose(queue, chunk);
	release(queue, chunk, at);
}

void journal_queue_set_aside(struct journal_queue *queue, struct journal_history_chunk *chunk)
{
	lose(queue, chunk);
	chunk->next = queue->aside;
	queue->aside = chunk;
}

bool journal_queue_release(struct journal_queue *queue, uint64_t end)
{
	while (queue->aside != NULL) {
		struct journal_history_chunk *chunk = queue->aside;

		queue->aside = chunk->next;
		release(queue, chunk, 0);
		if (monotonic_us() >= end)
			return queue->aside == NULL;
	}
	return true;
}

static void give_up_oldest(struct journal_queue *queue)
{
	struct journal_history_chunk *chunk = journal_queue_take(queue);

	/* What the table took the place of ended then, whatever is told of the table itself. */
	if (chunk->emptied_at != 0) {
		struct journal_history_chunk *next = queue->first;
		bool of_before = next != NULL && (next->rib == chunk->rib || next->emptied_at != 0);

		*(of_before ? &next->emptied_at : &queue->emptied_at) = chunk->emptied_at;
	}
	journal_queue_give_up(queue, chunk, 0);
}

/* A chunk at the end of the queue; NULL when memory is short. */
static struct journal_history_chunk *add_chunk(struct journal_queue *queue, struct rib *rib)
{
	struct journal_history_chunk *chunk;

	if ((queue->chunks + 1) * sizeof(*chunk) > JOURNAL_HISTORY_WAITING_MAX)
		give_up_oldest(queue);
	chunk = journal_spare_chunk(queue->spare, queue->chunks > 0);
	if (chunk == NULL)
		return NULL;
	rib_hold(rib);
	chunk->rib = rib;
	if (queue->last != NULL)
		queue->last->next = chunk;
	else
		queue->first = chunk;
	queue->last = chunk;
	queue->chunks++;
	return chunk;
}

static inline struct journal_history_run head_of(uint64_t time, const struct best_change *change)
{
	return (struct journal_history_run){
		.time = time,
		.set = change->attrs,
		.peer = change->peer,
		.path_id = change->path_id,
		.family = (uint8_t)change->family,
		.cause = (uint8_t)change->cause,
	};
}

/* The last run refers to the set. */
static void hold(struct journal_queue *queue, struct attr_set *set)
{
	struct journal_history_run *run = journal_history_at(queue->last, queue->last->last);

	if (set->counted)
		return;
	set->counted = true;
	run->held = (uint32_t)attr_set_size(set);
	queue->held += run->held;
}

/* A row in a run of its own; NULL when memory is short. */
static struct best_row *begin_run(struct journal_queue *queue, struct rib *rib, uint64_t time,
	const struct best_change *change)
{
	const struct journal_history_run head = head_of(time, change);
	struct best_row *row = NULL;

	/* One a run, as for the rows; never what the run would go on in. */
	if (queue->held > JOURNAL_HISTORY_SETS_MAX && queue->first != queue->last)
		give_up_oldest(queue);
	if (queue->last != NULL && queue->last->rib == rib)
		row = journal_history_begin(queue->last, &head);
	if (row == NULL && add_chunk(queue, rib) != NULL)
		row = journal_history_begin(queue->last, &head);
	if (row == NULL)
		journal_queue_gap(queue, time, time, 1);
	else if (change->attrs != NULL)
		hold(queue, attr_set_ref(change->attrs));
	return row;
}

void journal_queue_add(struct journal_queue *queue, struct rib *rib, uint64_t time,
	const struct best_change *change)
{
	const struct journal_history_run head = head_of(time, change);
	struct best_row *row = NULL;

	journal_queue_close(queue);
	/* A turn later, or the rib was not sure. */
	if (queue->last != NULL && queue->last->rib == rib)
		row = journal_history_continue(queue->last, &head);
	if (row == NULL)
		row = begin_run(queue, rib, time, change);
	if (row == NULL)
		return;
	row->length = change->length;
	family_copy_address(change->family, row->bytes, change->bytes);
	queue->rows++;
	open_room(queue);
}

void journal_best_changed(void *context, const struct best_change *change)
{
	struct journal *journal = context;

	/* One look at the clock a turn: a turn is shorter than what this clock tells apart. */
	if (journal->wall_old)
		(void)journal_time(journal);
	if (journal->keeps_history)
		journal_queue_add(&journal->queue, journal->rib, journal->wall, change);
	else
		journal_gap_extend(&journal->unrecorded, journal->wall, journal->wall, 1);
}

size_t journal_queue_memory(const struct journal_queue *queue)
{
	size_t chunks = queue->chunks;

	for (const struct journal_history_chunk *c = queue->aside; c != NULL; c = c->next)
		chunks++;
	return chunks * sizeof(struct journal_history_chunk);
}
