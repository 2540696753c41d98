#include "rib/group_log.h"

#include <stdlib.h>

static struct log_chunk *chunk_new(struct group_log *log)
{
	/* Not zeroed: pages that no message reaches are never touched. */
	struct log_chunk *chunk = malloc(sizeof(*chunk));

	if (chunk == NULL)
		return NULL;
	chunk->log = log;
	chunk->next = NULL;
	chunk->refs = 1;
	chunk->used = 0;
	chunk->n_records = 0;
	chunk->base = log->end;
	return chunk;
}

static void chunk_unref(struct log_chunk *chunk)
{
	while (chunk != NULL && --chunk->refs == 0) {
		struct log_chunk *next = chunk->next;

		chunk->log->held -= chunk->used;
		free(chunk);
		chunk = next;
	}
}

bool group_log_init(struct group_log *log)
{
	*log = (struct group_log){ 0 };
	log->tail = chunk_new(log);
	return log->tail != NULL;
}

void group_log_destroy(struct group_log *log)
{
	chunk_unref(log->tail);
	log->tail = NULL;
}

bool group_log_begin(struct group_log *log, size_t need, struct writer *w)
{
	struct log_chunk *chunk = log->tail;

	if (chunk->n_records == LOG_CHUNK_RECORDS || LOG_CHUNK_BYTES - chunk->used < need) {
		struct log_chunk *next = chunk_new(log);

		if (next == NULL)
			return false;
		next->refs = 2; /* the chunk before and the log's tail */
		chunk->next = next;
		log->tail = next;
		chunk_unref(chunk);
		chunk = next;
	}
	*w = writer_of(chunk->bytes + chunk->used, LOG_CHUNK_BYTES - chunk->used);
	return true;
}

void group_log_publish(
	struct group_log *log, const struct writer *w, uint16_t source, uint16_t target)
{
	struct log_chunk *chunk = log->tail;
	size_t len = writer_len(w);

	chunk->records[chunk->n_records] = (struct log_record){ chunk->used, source, target };
	chunk->used += (uint32_t)len;
	chunk->n_records++;
	log->end += len;
	log->held += len;
	log->messages++;
}

void log_cursor_at_end(struct log_cursor *cursor, const struct group_log *log)
{
	*cursor = (struct log_cursor){ log->tail, log->tail->n_records, 0 };
	log->tail->refs++;
}

void log_cursor_copy(struct log_cursor *cursor, const struct log_cursor *from)
{
	*cursor = *from;
	cursor->chunk->refs++;
}

void log_cursor_release(struct log_cursor *cursor)
{
	chunk_unref(cursor->chunk);
	*cursor = (struct log_cursor){ 0 };
}

static uint32_t record_end(const struct log_chunk *chunk, uint32_t record)
{
	return record + 1 < chunk->n_records ? chunk->records[record + 1].offset : chunk->used;
}

size_t log_cursor_backlog(const struct log_cursor *cursor)
{
	const struct log_chunk *chunk = cursor->chunk;
	uint32_t offset;

	if (chunk == NULL)
		return 0;
	offset = cursor->record < chunk->n_records ? chunk->records[cursor->record].offset
						   : chunk->used;
	return (size_t)(chunk->log->end - chunk->base - offset - cursor->sent);
}

static bool record_is_for(const struct log_record *record, uint16_t peer)
{
	return record->target == 0 ? record->source != peer
				   : record->target == peer || peer == PEER_NUMBER_ANY;
}

/*
 * Moves a cursor that stands behind the last message of a chunk to the next chunk; false when there
 * is none.
 */
static bool cursor_next_chunk(struct log_cursor *cursor)
{
	struct log_chunk *chunk = cursor->chunk, *next = chunk->next;

	if (next == NULL)
		return false;
	next->refs++;
	cursor->chunk = next;
	cursor->record = 0;
	chunk_unref(chunk);
	return true;
}

/* Puts the cursor on the next message for `peer`; false when there is none. */
static bool cursor_seek(struct log_cursor *cursor, uint16_t peer)
{
	do {
		const struct log_chunk *chunk = cursor->chunk;

		for (; cursor->record < chunk->n_records; cursor->record++) {
			if (record_is_for(&chunk->records[cursor->record], peer))
				return true;
		}
	} while (cursor_next_chunk(cursor));
	return false;
}

int log_cursor_gather(struct log_cursor *cursor, uint16_t peer, struct iovec *iov, int max)
{
	const struct log_chunk *chunk;
	uint32_t record, from;
	int n = 0;

	if (!cursor_seek(cursor, peer))
		return 0;
	chunk = cursor->chunk;
	record = cursor->record;
	from = chunk->records[record].offset + cursor->sent;
	while (n < max) {
		/* One piece: messages for the peer without a gap. */
		while (record < chunk->n_records && record_is_for(&chunk->records[record], peer))
			record++;
		iov[n].iov_base = (void *)(chunk->bytes + from);
		iov[n].iov_len = record_end(chunk, record - 1) - from;
		n++;
		for (;;) {
			while (record < chunk->n_records &&
				!record_is_for(&chunk->records[record], peer))
				record++;
			if (record < chunk->n_records)
				break;
			chunk = chunk->next;
			if (chunk == NULL)
				return n;
			record = 0;
		}
		from = chunk->records[record].offset;
	}
	return n;
}

unsigned log_cursor_advance(struct log_cursor *cursor, uint16_t peer, size_t sent)
{
	unsigned messages = 0;

	while (sent > 0 && cursor_seek(cursor, peer)) {
		const struct log_chunk *chunk = cursor->chunk;
		uint32_t left = record_end(chunk, cursor->record) -
				chunk->records[cursor->record].offset - cursor->sent;

		if (sent < left) {
			cursor->sent += (uint32_t)sent;
			return messages;
		}
		sent -= left;
		cursor->sent = 0;
		cursor->record++;
		messages++;
	}
	return messages;
}

bool log_cursor_next(struct log_cursor *cursor, uint16_t peer, struct span *message)
{
	const struct log_chunk *chunk;
	uint32_t offset;

	if (!cursor_seek(cursor, peer))
		return false;
	chunk = cursor->chunk;
	offset = chunk->records[cursor->record].offset;
	*message = (struct span){ chunk->bytes + offset,
		record_end(chunk, cursor->record) - offset };
	cursor->record++;
	cursor->sent = 0;
	return true;
}
