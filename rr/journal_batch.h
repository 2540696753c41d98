/*
 * What the loop hands to the journal's writer: rows of one batch, immutable once submitted. The
 * loop fills it (journal.c), the writer's thread reads it (journal_store.c), the loop gets it back
 * and frees it or fills it again, since it holds references to attribute sets that only the loop
 * may give back.
 */
#ifndef RR_JOURNAL_BATCH_H
#define RR_JOURNAL_BATCH_H

#include <stddef.h>

#include "rib/capture.h"

#define JOURNAL_BATCH_ROWS 50000

/* Times are wall clock, microseconds since 1970. */

struct journal_attrs_row { /* a set told for the first time */
	uint64_t id;
	struct attr_set *attrs; /* the batch holds a reference */
};

/*
 * A path, or that `number` and neighbors of it have none any more: when a peer goes, a million
 * numbers that mostly follow each other do.
 */
#define JOURNAL_GONE_MORE 128

struct journal_path_row {
	uint64_t attrs; /* ID; 0: the row goes */
	uint32_t number;
	uint32_t peer;
	uint32_t path_id;
	uint8_t family;
	uint8_t length;
	union {
		uint8_t bytes[16];
		uint64_t gone[JOURNAL_GONE_MORE / 64]; /* attrs 0; bit n: number + 1 + n goes too */
	};
};

/*
 * Changes of best paths. Kept by the million in a burst, so they are small: what neighbors have in
 * common, as the prefixes of one UPDATE do, is in the head of their run, and a row behind it
 * (struct best_row) takes 5 bytes for IPv4, 17 for IPv6.
 */
struct journal_history_run {
	uint64_t time;
	union {
		struct attr_set *set; /* while it waits, with a reference */
		uint64_t attrs; /* in a batch: ID; 0: no best path any more */
	};
	uint32_t peer;
	uint32_t path_id;
	uint16_t count; /* rows behind it */
	uint8_t family;
	uint8_t cause; /* enum best_cause */
	uint32_t held; /* while it waits: bytes of its set, if no run before holds the same; or 0 */
};

enum journal_event_kind {
	JOURNAL_EVENT_STATE, /* the FSM went from one state to another */
	JOURNAL_EVENT_SENT, /* a NOTIFICATION sent */
	JOURNAL_EVENT_RECEIVED, /* a NOTIFICATION received */
};

struct journal_event_row {
	uint64_t time;
	uint32_t peer;
	uint8_t kind; /* enum journal_event_kind */
	uint8_t state_before, state; /* enum fsm_state */
	uint8_t code, subcode; /* of a NOTIFICATION */
	char *text; /* why, for people; the shutdown communication (RFC 9003); NULL without */
};

struct journal_peer_row { /* upserted by `id` */
	uint32_t id;
	struct ip_address address;
	uint32_t as;
	uint32_t bgp_id;
	uint8_t families; /* of the session that announced its paths */
	uint8_t add_path_receive;
	uint64_t down_at; /* its paths are stale since; 0: it is up, or was when we stopped */
};

struct journal_config_row { /* a configuration that came into force */
	uint64_t time;
	char *text; /* whole */
	char *who; /* "start", "SIGHUP", a user's name */
	char *comment; /* NULL without */
};

struct journal_audit_row { /* hash and chain are the writer's */
	uint64_t time;
	char *who;
	char *action; /* "start", "stop", "config", "clear peer" ... */
	char *detail; /* NULL without */
};

struct journal_gap_row { /* history that was given up */
	uint64_t from, to; /* times of the first and last row lost */
	uint64_t rows;
};

#define JOURNAL_ROWS(type)         \
	struct {                   \
		struct type *rows; \
		size_t count;      \
		size_t room;       \
	}

struct journal_batch {
	struct journal_batch *next;
	struct rib *rib; /* whose sets `attrs` refers to, held; not for the writer */
	uint64_t generation; /* journal_status.generation when it was begun: the writer drops
				batches of an older one */
	bool written; /* by the writer; false in a batch that comes back: it was dropped */
	uint64_t time; /* when it was closed */
	/*
	 * A new table was begun then (the AS or the BGP Identifier of the router changed): for
	 * history it is a run that did not restore, and no set is alive any more. Comes before all
	 * else in the batch. 0: no.
	 */
	uint64_t emptied_at;
	uint64_t flush; /* of the loop: how many flushes had begun when it was closed */
	/*
	 * Changes that are in no history, because they wait yet or none is kept: missing for good
	 * if this is the last batch of the run.
	 */
	struct journal_gap_row behind;
	bool whole; /* nothing else waits: the state in the file is that of `time` once written */
	JOURNAL_ROWS(journal_peer_row) peers; /* written first ... */
	JOURNAL_ROWS(journal_attrs_row) attrs; /* ... then these: paths and history refer to them */
	JOURNAL_ROWS(journal_path_row) paths; /* a number's later row is the one that counts */
	size_t n_more_gone; /* bits set in their `gone` */
	struct journal_history_chunk *history; /* list, oldest first */
	size_t n_history;
	JOURNAL_ROWS(journal_gap_row) gaps;
	JOURNAL_ROWS(journal_event_row) events;
	JOURNAL_ROWS(journal_config_row) configs;
	JOURNAL_ROWS(journal_audit_row) audit;
	uint64_t *attrs_gone; /* IDs that no path refers to any more; written last */
	size_t n_attrs_gone;
	size_t attrs_gone_room;
};

/* Runs of history rows in the order in which they happened, packed. */
#define JOURNAL_HISTORY_CHUNK (256u << 10)
_Static_assert(JOURNAL_HISTORY_CHUNK / (sizeof(struct best_row) + 4) <= UINT16_MAX,
	"a run counts all the rows that a chunk holds");

struct journal_history_chunk {
	struct journal_history_chunk *next;
	/* while it waits: to whose sets its runs refer, held ... */
	struct rib *rib;
	uint64_t emptied_at; /* ... and when that one began, if another came before this was told */
	uint32_t used; /* bytes: where the last row ends; the next run begins at a multiple of 8 */
	uint32_t count; /* rows */
	uint32_t last; /* where the last run begins */
	_Alignas(8) uint8_t bytes[JOURNAL_HISTORY_CHUNK];
};

/* Of a run with `count` rows, its head included. */
static inline size_t journal_history_run_size(enum family family, unsigned count)
{
	return (sizeof(struct journal_history_run) + count * best_row_size(family) + 7) / 8 * 8;
}

/*
 * The runs of a chunk: from journal_history_first on, while it is not NULL. Those of an empty one
 * are none.
 */
static inline struct journal_history_run *journal_history_at(
	struct journal_history_chunk *chunk, uint32_t at)
{
	return at < chunk->used ? (struct journal_history_run *)(void *)(chunk->bytes + at) : NULL;
}

static inline const struct journal_history_run *journal_history_first(
	const struct journal_history_chunk *chunk)
{
	return chunk->used > 0 ? (const void *)chunk->bytes : NULL;
}

static inline const struct journal_history_run *journal_history_next(
	const struct journal_history_chunk *chunk, const struct journal_history_run *run)
{
	const uint8_t *next = (const uint8_t *)run +
			      journal_history_run_size((enum family)run->family, run->count);

	return next < chunk->bytes + chunk->used ? (const void *)next : NULL;
}

/* The n-th row of a run, from 0 on. */
static inline const struct best_row *journal_history_row(
	const struct journal_history_run *run, unsigned n)
{
	return (const void *)((const uint8_t *)(run + 1) +
			      n * best_row_size((enum family)run->family));
}

/*
 * A row at the end of the last run, for the caller to fill: NULL when a row with that head (whose
 * count is not looked at) does not belong to it, or the chunk is full.
 */
static inline struct best_row *journal_history_continue(
	struct journal_history_chunk *chunk, const struct journal_history_run *head)
{
	struct journal_history_run *run = (void *)(chunk->bytes + chunk->last);
	uint32_t at = chunk->used;
	uint32_t end = at + (uint32_t)best_row_size((enum family)head->family);

	if (at == 0 || end > sizeof(chunk->bytes))
		return NULL;
	if (run->time != head->time || run->attrs != head->attrs || run->cause != head->cause)
		return NULL;
	if (run->peer != head->peer || run->path_id != head->path_id)
		return NULL;
	if (run->family != head->family)
		return NULL;
	run->count++;
	chunk->count++;
	chunk->used = end;
	return (void *)(chunk->bytes + at);
}

/*
 * The first row of a run of its own, for the caller to fill, who owes the run a reference to its
 * set. NULL when the chunk is full.
 */
struct best_row *journal_history_begin(
	struct journal_history_chunk *chunk, const struct journal_history_run *head);
/*
 * NULL when memory is short. Amid a burst all of a chunk will be used: its pages are had at once,
 * for less than a fault each.
 */
struct journal_history_chunk *journal_history_chunk_new(bool burst);
void journal_history_chunk_free(struct journal_history_chunk *chunk);

/*
 * A zeroed row at the end of a list of a batch (journal_batch_append(&batch->events)); NULL when
 * memory is short.
 */
#define journal_batch_append(list)                  \
	((typeof((list)->rows))journal_rows_append( \
		(void **)&(list)->rows, &(list)->count, &(list)->room, sizeof(*(list)->rows)))
void *journal_rows_append(void **rows, size_t *count, size_t *room, size_t size);
/* Makes room for `more` rows, which then do not fail. False when memory is short. */
#define journal_batch_reserve(list, more)                                                   \
	journal_rows_reserve((void **)&(list)->rows, (list)->count + (more), &(list)->room, \
		sizeof(*(list)->rows))
bool journal_rows_reserve(void **rows, size_t wanted, size_t *room, size_t size);
/* What was given for `room` rows of `size` bytes. */
#define journal_list_free(list) journal_rows_free((list)->rows, (list)->room, sizeof(*(list)->rows))
void journal_rows_free(void *rows, size_t room, size_t size);
/* False when memory is short. */
bool journal_batch_append_gone(struct journal_batch *batch, uint64_t id);
/* NULL when memory is short. */
struct journal_batch *journal_batch_new(void);
/*
 * Gives the references back to `rib`; on the thread that owns BGP state. What is left is an empty
 * batch that has kept the room of its large lists.
 */
void journal_batch_clear(struct journal_batch *batch, struct rib *rib);
/* ... and nothing is left. NULL: nothing happens. */
void journal_batch_free(struct journal_batch *batch, struct rib *rib);
size_t journal_batch_count(const struct journal_batch *batch); /* rows of all kinds */
size_t journal_batch_memory(const struct journal_batch *batch); /* bytes, without texts */

#endif
