#include "rr/journal_batch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ROWS_FIRST 16 /* rows that a list begins with */

/*
 * A list or chunk of this many bytes has pages of its own: they grow without being copied, and
 * malloc, asked for as much or given it back, would first sort all that was freed since, which is
 * most of a table when a peer with one goes.
 */
#define PAGES_FROM (64u << 10)

static void *pages_new(size_t bytes, int flags)
{
	void *pages = mmap(
		NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	return pages != MAP_FAILED ? pages : NULL;
}

/* As realloc; `before` and `bytes` are sizes. */
static void *rows_resize(void *rows, size_t before, size_t bytes)
{
	void *grown;

	if (bytes < PAGES_FROM)
		return realloc(rows, bytes);
	if (before >= PAGES_FROM) {
		grown = mremap(rows, before, bytes, MREMAP_MAYMOVE);
		return grown != MAP_FAILED ? grown : NULL;
	}
	grown = pages_new(bytes, 0);
	if (grown != NULL && rows != NULL) {
		memcpy(grown, rows, before);
		free(rows);
	}
	return grown;
}

bool journal_rows_reserve(void **rows, size_t wanted, size_t *room, size_t size)
{
	size_t more = *room == 0 ? ROWS_FIRST : *room;

	if (wanted <= *room)
		return true;
	if (wanted > SIZE_MAX / 2 / size)
		return false;
	while (more < wanted)
		more *= 2;
	void *grown = rows_resize(*rows, *room * size, more * size);

	if (grown == NULL)
		return false;
	*rows = grown;
	*room = more;
	return true;
}

void journal_rows_free(void *rows, size_t room, size_t size)
{
	if (room * size >= PAGES_FROM)
		(void)munmap(rows, room * size);
	else
		free(rows);
}

void *journal_rows_append(void **rows, size_t *count, size_t *room, size_t size)
{
	if (!journal_rows_reserve(rows, *count + 1, room, size))
		return NULL;
	uint8_t *row = (uint8_t *)*rows + *count * size;

	memset(row, 0, size);
	(*count)++;
	return row;
}

bool journal_batch_append_gone(struct journal_batch *batch, uint64_t id)
{
	if (!journal_rows_reserve((void **)&batch->attrs_gone, batch->n_attrs_gone + 1,
		    &batch->attrs_gone_room, sizeof(*batch->attrs_gone)))
		return false;
	batch->attrs_gone[batch->n_attrs_gone++] = id;
	return true;
}

struct journal_history_chunk *journal_history_chunk_new(bool burst)
{
	return pages_new(sizeof(struct journal_history_chunk), burst ? MAP_POPULATE : 0);
}

struct best_row *journal_history_begin(
	struct journal_history_chunk *chunk, const struct journal_history_run *head)
{
	uint32_t at = (chunk->used + 7) / 8 * 8;
	struct journal_history_run *run = (void *)(chunk->bytes + at);
	size_t end = at + sizeof(*run) + best_row_size((enum family)head->family);

	if (end > sizeof(chunk->bytes))
		return NULL;
	*run = *head;
	run->count = 1;
	chunk->last = at;
	chunk->count++;
	chunk->used = (uint32_t)end;
	return (void *)(run + 1);
}

void journal_history_chunk_free(struct journal_history_chunk *chunk)
{
	journal_rows_free(chunk, 1, sizeof(*chunk));
}

struct journal_batch *journal_batch_new(void)
{
	return calloc(1, sizeof(struct journal_batch));
}

/* What rows own. */
static void free_rows(struct journal_batch *batch, struct rib *rib)
{
	struct journal_history_chunk *next;

	for (size_t i = 0; i < batch->attrs.count; i++)
		rib_restore_attrs_done(rib, batch->attrs.rows[i].attrs);
	for (struct journal_history_chunk *chunk = batch->history; chunk != NULL; chunk = next) {
		next = chunk->next;
		journal_history_chunk_free(chunk);
	}
	for (size_t i = 0; i < batch->events.count; i++)
		free(batch->events.rows[i].text);
	for (size_t i = 0; i < batch->configs.count; i++) {
		free(batch->configs.rows[i].text);
		free(batch->configs.rows[i].who);
		free(batch->configs.rows[i].comment);
	}
	for (size_t i = 0; i < batch->audit.count; i++) {
		free(batch->audit.rows[i].who);
		free(batch->audit.rows[i].action);
		free(batch->audit.rows[i].detail);
	}
}

void journal_batch_clear(struct journal_batch *batch, struct rib *rib)
{
	struct journal_batch empty = { .peers = batch->peers,
		.attrs = batch->attrs,
		.paths = batch->paths,
		.attrs_gone = batch->attrs_gone,
		.attrs_gone_room = batch->attrs_gone_room };

	free_rows(batch, rib);
	journal_list_free(&batch->gaps);
	journal_list_free(&batch->events);
	journal_list_free(&batch->configs);
	journal_list_free(&batch->audit);
	empty.peers.count = 0;
	empty.attrs.count = 0;
	empty.paths.count = 0;
	*batch = empty;
}

void journal_batch_free(struct journal_batch *batch, struct rib *rib)
{
	if (batch == NULL)
		return;
	journal_batch_clear(batch, rib);
	journal_list_free(&batch->peers);
	journal_list_free(&batch->attrs);
	journal_list_free(&batch->paths);
	journal_rows_free(batch->attrs_gone, batch->attrs_gone_room, sizeof(*batch->attrs_gone));
	free(batch);
}

size_t journal_batch_count(const struct journal_batch *batch)
{
	return batch->peers.count + batch->attrs.count + batch->paths.count + batch->n_more_gone +
	       batch->n_history + batch->gaps.count + batch->events.count + batch->configs.count +
	       batch->audit.count + batch->n_attrs_gone + (batch->emptied_at != 0);
}

size_t journal_batch_memory(const struct journal_batch *batch)
{
	size_t bytes = sizeof *batch;

	bytes += batch->peers.room * sizeof(*batch->peers.rows);
	bytes += batch->attrs.room * sizeof(*batch->attrs.rows);
	bytes += batch->paths.room * sizeof(*batch->paths.rows);
	bytes += batch->gaps.room * sizeof(*batch->gaps.rows);
	bytes += batch->events.room * sizeof(*batch->events.rows);
	bytes += batch->configs.room * sizeof(*batch->configs.rows);
	bytes += batch->audit.room * sizeof(*batch->audit.rows);
	bytes += batch->attrs_gone_room * sizeof(*batch->attrs_gone);
	for (const struct journal_history_chunk *chunk = batch->history; chunk != NULL;
		chunk = chunk->next)
		bytes += sizeof *chunk;
	return bytes;
}
