#include <string.h>

#include "rib/bitmap.h"
#include "rr/journal_state.h"

#define STEP_ROWS  256 /* between two looks at the clock */
#define STEP_PEERS 1024
#define STEP_RUNS  64

#define RELEASE_AHEAD 8 /* sets that are fetched from memory before they are let go of */

/*
 * While paths wait, history leaves them more than half of a batch: it may wait, and be given up at
 * last; the state may not. But before it comes to that, history gets most of a batch: paths only
 * wait, and those that change meanwhile are still one row each.
 */
#define HISTORY_SHARE	      20000
#define HISTORY_SHARE_PRESSED 40000

/* The chunk that is gathered next; NULL without one. */
static struct journal_history_chunk *next_chunk(const struct journal *journal)
{
	return journal->chunk != NULL ? journal->chunk : journal->queue.first;
}

bool journal_waits_for_before(const struct journal *journal)
{
	const struct journal_history_chunk *chunk = next_chunk(journal);

	return chunk != NULL && chunk->rib != journal->rib;
}

/* When what was before the table that is ended, if it was not told yet. */
static uint64_t take_emptied_at(struct journal *journal)
{
	uint64_t at = journal->queue.emptied_at != 0 ? journal->queue.emptied_at
						     : journal->emptied_at;

	journal->queue.emptied_at = journal->emptied_at = 0;
	return at;
}

struct journal_batch *journal_open_batch(struct journal *journal)
{
	struct journal_batch *batch = journal->open;
	struct journal_history_chunk *chunk;

	if (batch != NULL)
		return batch;
	batch = journal_spare_batch(&journal->spare);
	if (batch == NULL)
		return NULL;
	batch->rib = journal->rib;
	if (journal_waits_for_before(journal)) {
		chunk = next_chunk(journal);
		batch->rib = chunk->rib;
		batch->emptied_at = chunk->emptied_at;
		chunk->emptied_at = 0;
	} else {
		batch->emptied_at = take_emptied_at(journal);
	}
	batch->generation = journal->generation;
	rib_hold(batch->rib);
	journal->open = batch;
	return batch;
}

bool journal_waits(const struct journal *journal)
{
	return rib_capture_waiting(journal->rib) > 0 || journal_queue_rows(&journal->queue) > 0 ||
	       journal->chunk != NULL || journal->queue.gap.rows > 0 ||
	       journal->peers.n_dirty > 0 || journal->emptied_at != 0 || journal->open != NULL;
}

void journal_attrs_gone(void *context, uint64_t id)
{
	struct journal *journal = context;
	struct journal_batch *batch = journal_open_batch(journal);

	/* Without memory the file keeps a set that nothing refers to until it is loaded. */
	if (batch != NULL)
		(void)journal_batch_append_gone(batch, id);
}

/*
 * The ID of a set. True when its content goes into the batch, told for the first time: the batch
 * takes a reference over. Room for a row must have been reserved.
 */
static bool tell_attrs(struct journal_batch *batch, struct attr_set *attrs, uint64_t *id)
{
	bool fresh = false;

	*id = rib_capture_attrs_id(batch->rib, attrs, &fresh);
	if (fresh)
		batch->attrs.rows[batch->attrs.count++] = (struct journal_attrs_row){ *id, attrs };
	return fresh;
}

/* The next step of the chunk: runs get the IDs of their sets. False when memory is short. */
static bool convert_history(struct journal *journal, struct journal_batch *batch)
{
	struct journal_history_chunk *chunk = journal->chunk;
	struct journal_history_run *runs[STEP_RUNS];
	unsigned n = 0;

	if (!journal_batch_reserve(&batch->attrs, STEP_RUNS))
		return false;
	/* Sets lie all over memory: it is asked for before they are needed. */
	while (n < STEP_RUNS && (runs[n] = journal_history_at(chunk, journal->chunk_at)) != NULL) {
		struct journal_history_run *run = runs[n++];

		__builtin_prefetch(run->set, 1);
		journal->chunk_at += (uint32_t)journal_history_run_size(
			(enum family)run->family, run->count);
	}
	for (unsigned i = 0; i < n; i++) {
		struct attr_set *set = runs[i]->set;

		journal_queue_let_go(&journal->queue, runs[i]);
		runs[i]->attrs = 0;
		if (set != NULL && !tell_attrs(batch, set, &runs[i]->attrs))
			rib_restore_attrs_done(chunk->rib, set);
	}
	if (journal->chunk_at < chunk->used)
		return true;
	struct journal_history_chunk **last = &batch->history;

	while (*last != NULL)
		last = &(*last)->next;
	*last = chunk;
	batch->n_history += chunk->count;
	rib_unhold(chunk->rib); /* the batch holds it */
	chunk->rib = NULL;
	journal->chunk = NULL;
	return true;
}

/* False when no history is left for this batch, or memory is short. */
static bool gather_history(struct journal *journal, struct journal_batch *batch, size_t most)
{
	if (journal->queue.gap.rows > 0) {
		struct journal_gap_row *gap = journal_batch_append(&batch->gaps);

		if (gap == NULL)
			return false;
		*gap = journal->queue.gap;
		journal->queue.gap = (struct journal_gap_row){ 0 };
	}
	if (journal->chunk == NULL) {
		const struct journal_history_chunk *next = journal->queue.first;

		if (batch->n_history >= most || next == NULL || next->rib != batch->rib)
			return false;
		journal->chunk = journal_queue_take(&journal->queue);
		journal->chunk_at = 0;
	}
	return convert_history(journal, batch);
}

/* What take_paths remembers from row to row: paths of one UPDATE follow each other. */
struct path_taker {
	struct journal_batch *batch;
	const struct attr_set *set; /* of the row before */
	uint64_t id;
};

/* The numbers base + n where bit n of `bits` is set go too: all are above the row's. */
static unsigned also_gone(struct journal_path_row *row, uint32_t base, uint64_t bits)
{
	uint32_t from = row->number + 1;
	unsigned ahead = base > from ? base - from : 0, word = ahead / 64, by = ahead % 64;
	uint64_t low = (base < from ? bits >> (from - base) : bits) << by;
	uint64_t high = by > 0 ? bits >> (64 - by) : 0;
	/* They may have gone, come and gone again. */
	unsigned fresh = count_bits(low & ~row->gone[word]);

	row->gone[word] |= low;
	if (high != 0) {
		fresh += count_bits(high & ~row->gone[word + 1]);
		row->gone[word + 1] |= high;
	}
	return fresh;
}

/* Numbers that have no path any more: a row, and bits in it for those that follow soon. */
static void take_gone(void *context, enum family family, uint32_t base, uint64_t bits)
{
	struct journal_batch *batch = ((struct path_taker *)context)->batch;
	struct journal_path_row *row = &batch->paths.rows[batch->paths.count];
	uint32_t first = base + (uint32_t)__builtin_ctzll(bits);
	uint32_t last = base + 63 - (uint32_t)__builtin_clzll(bits);

	if (batch->paths.count > 0 && row[-1].attrs == 0 && row[-1].family == family &&
		first > row[-1].number && last - row[-1].number <= JOURNAL_GONE_MORE) {
		row--;
	} else {
		batch->paths.count++;
		*row = (struct journal_path_row){ .number = first, .family = (uint8_t)family };
		bits &= bits - 1;
	}
	if (bits != 0)
		batch->n_more_gone += also_gone(row, base, bits);
}

static void take_paths(void *context, const struct path_change *changes, unsigned n)
{
	struct path_taker *taker = context;
	struct journal_batch *batch = taker->batch;
	struct journal_path_row *row = &batch->paths.rows[batch->paths.count];

	for (const struct path_change *change = changes; change < changes + n; change++, row++) {
		if (change->attrs != taker->set) {
			taker->set = change->attrs;
			if (tell_attrs(batch, change->attrs, &taker->id))
				attr_set_ref(change->attrs);
		}
		row->attrs = taker->id;
		row->number = change->number;
		row->peer = change->peer;
		row->path_id = change->path_id;
		row->family = (uint8_t)change->family;
		row->length = change->length;
		family_copy_address(change->family, row->bytes, change->bytes);
	}
	batch->paths.count += n;
}

/* False when no paths are left, or memory is short. */
static bool gather_paths(struct journal *journal, struct journal_batch *batch)
{
	struct path_taker taker = { .batch = batch };
	const struct path_visitor visitor = { take_paths, take_gone, &taker };

	if (batch->rib != journal->rib || rib_capture_waiting(journal->rib) == 0 ||
		!journal_batch_reserve(&batch->paths, STEP_ROWS) ||
		!journal_batch_reserve(&batch->attrs, STEP_ROWS))
		return false;
	(void)rib_capture_take(journal->rib, STEP_ROWS, &visitor);
	return true;
}

/*
 * At once as many rows as there may be: what is not used of them is never touched, and a list that
 * grows later may have to move, upon which other processors are interrupted. Without memory each
 * step asks for its own.
 */
static void reserve(struct journal *journal, struct journal_batch *batch)
{
	size_t paths = batch->rib == journal->rib ? rib_capture_waiting(journal->rib) : 0;
	size_t all = paths + journal_queue_rows(&journal->queue);

	if (all >= JOURNAL_BATCH_ROWS)
		journal->spare.burst = true;
	if (paths > STEP_ROWS)
		(void)journal_batch_reserve(
			&batch->paths, paths < JOURNAL_BATCH_ROWS ? paths : JOURNAL_BATCH_ROWS);
	if (all > STEP_ROWS)
		(void)journal_batch_reserve(
			&batch->attrs, all < JOURNAL_BATCH_ROWS ? all : JOURNAL_BATCH_ROWS);
}

static bool nothing_waits_outside(const struct journal *journal)
{
	return rib_capture_waiting(journal->rib) == 0 && journal_queue_rows(&journal->queue) == 0 &&
	       journal->chunk == NULL && journal->queue.gap.rows == 0 &&
	       journal->peers.n_dirty == 0 && journal->emptied_at == 0;
}

/* What history lacks of the times up to that of the batch, which is being closed. */
static struct journal_gap_row history_behind(
	const struct journal *journal, const struct journal_batch *batch)
{
	const struct journal_queue *queue = &journal->queue;
	struct journal_gap_row behind = journal->unrecorded;

	if (queue->gap.rows > 0)
		journal_gap_extend(&behind, queue->gap.from, queue->gap.to, queue->gap.rows);
	if (journal_queue_rows(queue) > 0)
		journal_gap_extend(&behind, journal_history_first(queue->first)->time, batch->time,
			journal_queue_rows(queue));
	return behind;
}

static void close_batch(struct journal *journal)
{
	struct journal_batch *batch = journal->open;

	/* Peers that came meanwhile: the batch may have paths of theirs. */
	if (!journal_peers_take(&journal->peers, batch, journal->peers.n_dirty))
		return;
	batch->time = journal_time(journal);
	batch->whole = nothing_waits_outside(journal);
	batch->flush = journal->flush;
	batch->behind = history_behind(journal, batch);
	journal->open = NULL;
	journal->closed = batch;
	journal->text_waiting = 0;
	journal->gathering = false;
	journal->waits_since = 0;
}

void journal_gather(struct journal *journal, uint64_t end)
{
	struct journal_batch *batch = journal_open_batch(journal);
	bool pressed = journal_queue_memory(&journal->queue) > JOURNAL_HISTORY_WAITING_MAX / 2 ||
		       journal->queue.held > JOURNAL_HISTORY_SETS_MAX / 2;
	size_t share = pressed ? HISTORY_SHARE_PRESSED : HISTORY_SHARE;

	if (batch == NULL)
		return;
	if (batch->paths.count == 0 && batch->attrs.count == 0)
		reserve(journal, batch);
	for (;;) {
		bool full = journal_batch_count(batch) >= JOURNAL_BATCH_ROWS;

		if (!full && journal->peers.n_dirty > 0) {
			if (!journal_peers_take(&journal->peers, batch, STEP_PEERS))
				return;
		} else if (full || !(gather_history(journal, batch, share) ||
					   gather_paths(journal, batch) ||
					   gather_history(journal, batch, JOURNAL_BATCH_ROWS))) {
			/* A chunk that was begun belongs to this batch, with its sets. */
			while (journal->chunk != NULL) {
				if (!convert_history(journal, batch))
					return;
			}
			close_batch(journal);
			return;
		}
		if (monotonic_us() >= end)
			return;
	}
}

void journal_submit(struct journal *journal)
{
	size_t memory = journal->closed != NULL ? journal_batch_memory(journal->closed) : 0;

	if (journal->closed != NULL && journal_writer_submit(journal->writer, journal->closed)) {
		journal->closed = NULL;
		journal->submitted++;
		journal->submitted_memory += memory;
	}
}

/* What a dropped batch held that is not told again goes into the next one. */
static void save_dropped(struct journal *journal, struct journal_batch *batch)
{
	struct journal_batch *open = journal_open_batch(journal);

	for (struct journal_history_chunk *chunk = batch->history; chunk != NULL;
		chunk = chunk->next) {
		const struct journal_history_run *run = journal_history_first(chunk);

		if (run != NULL)
			journal_queue_gap(&journal->queue, run->time,
				journal_history_at(chunk, chunk->last)->time, chunk->count);
	}
	for (size_t i = 0; i < batch->gaps.count; i++) {
		const struct journal_gap_row *gap = &batch->gaps.rows[i];

		journal_queue_gap(&journal->queue, gap->from, gap->to, gap->rows);
		journal->queue.lost -= gap->rows; /* it was counted before */
	}
	if (open == NULL || !journal_batch_reserve(&open->events, batch->events.count) ||
		!journal_batch_reserve(&open->configs, batch->configs.count) ||
		!journal_batch_reserve(&open->audit, batch->audit.count)) {
		journal->rows_lost += batch->events.count + batch->configs.count +
				      batch->audit.count;
		return;
	}
	for (size_t i = 0; i < batch->events.count; i++)
		*journal_batch_append(&open->events) = batch->events.rows[i];
	for (size_t i = 0; i < batch->configs.count; i++)
		*journal_batch_append(&open->configs) = batch->configs.rows[i];
	for (size_t i = 0; i < batch->audit.count; i++)
		*journal_batch_append(&open->audit) = batch->audit.rows[i];
	batch->events.count = batch->configs.count = batch->audit.count = 0;
}

void journal_finish(struct journal *journal, struct journal_batch *batch)
{
	struct journal_batch **last = &journal->finished;

	journal->submitted--;
	journal->submitted_memory -= journal_batch_memory(batch);
	if (!batch->written)
		save_dropped(journal, batch);
	else if (batch->whole)
		journal->flushed = batch->flush;
	while (*last != NULL)
		last = &(*last)->next;
	batch->next = NULL;
	*last = batch;
}

static void retire_batch(struct journal *journal, struct journal_batch *batch)
{
	struct journal_history_chunk *chunk;

	while ((chunk = batch->history) != NULL) {
		batch->history = chunk->next;
		journal_spare_put_chunk(&journal->spare, chunk);
	}
	journal_spare_put_batch(&journal->spare, batch, batch->rib);
}

bool journal_release(struct journal *journal, uint64_t end)
{
	while (journal->finished != NULL) {
		struct journal_batch *batch = journal->finished;
		struct rib *rib = batch->rib;

		/* From the end: what is left is what journal_batch_free sees. */
		for (unsigned n = 0; n < STEP_ROWS && batch->attrs.count > 0; n++) {
			const struct journal_attrs_row *row = batch->attrs.rows;

			row += --batch->attrs.count;
			if (batch->attrs.count >= RELEASE_AHEAD)
				__builtin_prefetch(row[-RELEASE_AHEAD].attrs, 1);
			rib_restore_attrs_done(rib, row->attrs);
		}
		if (batch->attrs.count == 0) {
			journal->finished = batch->next;
			retire_batch(journal, batch);
			rib_unhold(rib);
		}
		if (monotonic_us() >= end)
			return journal->finished == NULL;
	}
	return true;
}

void journal_discard(struct journal *journal, struct journal_batch *batch)
{
	/* Taken back as from the writer. */
	journal->submitted++;
	journal->submitted_memory += journal_batch_memory(batch);
	journal_finish(journal, batch);
}

/* The chunk that is being taken over. */
static void give_up_chunk(struct journal *journal)
{
	if (journal->chunk != NULL)
		journal_queue_give_up(&journal->queue, journal->chunk, journal->chunk_at);
	journal->chunk = NULL;
}

void journal_give_up_history(struct journal *journal)
{
	struct journal_history_chunk *chunk;

	give_up_chunk(journal);
	while ((chunk = journal_queue_take(&journal->queue)) != NULL)
		journal_queue_give_up(&journal->queue, chunk, 0);
	(void)journal_queue_release(&journal->queue, UINT64_MAX);
}

void journal_give_up_before(struct journal *journal)
{
	uint64_t emptied_at = 0;

	while (journal_waits_for_before(journal)) {
		struct journal_history_chunk *chunk = next_chunk(journal);

		if (emptied_at == 0)
			emptied_at = chunk->emptied_at;
		if (chunk == journal->chunk)
			give_up_chunk(journal);
		else
			journal_queue_set_aside(
				&journal->queue, journal_queue_take(&journal->queue));
	}
	/* Tables of which nothing is told: what they took the place of ended with the first. */
	if (emptied_at != 0)
		journal->emptied_at = emptied_at;
}

void journal_tell_again(struct journal *journal)
{
	struct journal_batch *open = journal->open, *closed = journal->closed;

	give_up_chunk(journal);
	/* Its sets have IDs that the old file knew. */
	journal_give_up_before(journal);
	(void)take_emptied_at(journal);
	journal->open = NULL;
	journal->closed = NULL;
	journal->gathering = false;
	if (closed != NULL)
		journal_discard(journal, closed);
	if (open != NULL)
		journal_discard(journal, open);
	rib_capture_all(journal->rib);
	journal_peers_touch_all(&journal->peers);
}
