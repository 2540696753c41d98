/*
 * What struct journal is made of, for the files of the loop's side of the journal alone: journal.c
 * (lifecycle and turns), journal_gather.c (rows into batches), journal_queue.c (history that
 * waits), journal_spare.c (room for both), journal_peers.c (the IDs of addresses),
 * journal_restore.c (the way back) and journal_rows.c (what it is told). All of it belongs to the
 * thread that owns BGP state; the writer has batches and nothing else.
 */
#ifndef RR_JOURNAL_STATE_H
#define RR_JOURNAL_STATE_H

#include "rr/journal.h"
#include "rr/journal_spare.h"
#include "rr/state.h"

/* An address that the journal knows: its ID is its row's for ever. */
struct journal_peers {
	struct journal_peer_row *rows; /* in the order in which they were added */
	uint8_t *dirty; /* 1: the row waits to be told */
	size_t count;
	size_t room;
	uint32_t *slots; /* index of a row + 1 by the hash of its address; 0: empty */
	size_t n_slots; /* a power of two */
	size_t n_dirty;
	size_t cursor; /* where the search for dirty rows goes on */
	uint32_t next_id;
	uint8_t hash_key[16];
};

/* NULL when the address is not known. */
struct journal_peer_row *journal_peers_find(
	struct journal_peers *peers, const struct ip_address *address);
/* Takes a copy, which is not dirty; NULL when memory is short. An ID of 0 gets the next one. */
struct journal_peer_row *journal_peers_add(
	struct journal_peers *peers, const struct journal_peer_row *row);
void journal_peers_touch(struct journal_peers *peers, const struct journal_peer_row *row);
void journal_peers_touch_all(struct journal_peers *peers);
/* Appends up to `most` dirty rows to `batch`. False when memory is short. */
bool journal_peers_take(struct journal_peers *peers, struct journal_batch *batch, size_t most);
size_t journal_peers_memory(const struct journal_peers *peers);
void journal_peers_free(struct journal_peers *peers);

/*
 * Bytes of chunks: what happens when a peer with a whole table of 1.2 million routes comes or goes
 * within a second fits in.
 */
#define JOURNAL_HISTORY_WAITING_MAX (48u << 20)
/*
 * ... and of the sets that it refers to. Most are some path's too; but each change of a route may
 * leave one behind that nothing else needs, as large as a message. Each counts with the oldest run
 * that holds it: when that is written the set may live on in later ones, uncounted, so twice as
 * much is the most, and what one chunk refers to.
 */
#define JOURNAL_HISTORY_SETS_MAX (128u << 20)

/* History that waits: the tail grows, the oldest chunk is taken or given up. */
struct journal_queue {
	struct journal_history_chunk *first, *last;
	size_t chunks;
	struct journal_history_chunk *aside; /* list: given up, but for its sets */
	uint64_t emptied_at; /* of chunks given up, if none is left to have it; else 0 */
	size_t held; /* bytes of sets */
	struct journal_spare *spare; /* where chunks come from and go */
	size_t rows; /* but for those in `room` */
	struct best_room room; /* behind the last run of the last chunk, for the rib */
	uint64_t lost; /* rows given up since the start */
	struct journal_gap_row gap; /* not told yet; rows 0: none */
};

/*
 * Copies the change, and opens room for more that are like it; one there is no memory for becomes a
 * gap. `rib` has the sets of the change; earlier ones may be another's.
 */
void journal_queue_add(struct journal_queue *queue, struct rib *rib, uint64_t time,
	const struct best_change *change);
/* The best path of a prefix is another (struct rib_capture; the context is the journal). */
void journal_best_changed(void *context, const struct best_change *change);
/*
 * Takes the room back in which the rib wrote further rows like the last: they count, and the next
 * change is told. What follows is of another time, or of no history.
 */
void journal_queue_close(struct journal_queue *queue);
size_t journal_queue_rows(const struct journal_queue *queue);
/* The oldest chunk, for the caller; NULL without one. */
struct journal_history_chunk *journal_queue_take(struct journal_queue *queue);
/*
 * Gives up the rows of a chunk, as a gap, and is done with it. The runs before the byte `at` were
 * taken over: they have IDs in place of their sets.
 */
void journal_queue_give_up(
	struct journal_queue *queue, struct journal_history_chunk *chunk, uint32_t at);
/* The same with a whole chunk, whose sets are given back by journal_queue_release. */
void journal_queue_set_aside(struct journal_queue *queue, struct journal_history_chunk *chunk);
/* Gives back the sets of what was set aside, until `end`. True when none is left. */
bool journal_queue_release(struct journal_queue *queue, uint64_t end);
/* A run gets its set off its hands: from here on its bytes do not count. */
void journal_queue_let_go(struct journal_queue *queue, struct journal_history_run *run);
/* Of the times of further rows, which are older or younger than those before. */
void journal_gap_extend(struct journal_gap_row *gap, uint64_t from, uint64_t to, uint64_t rows);
/* `rows` rows of times from `from` to `to` are lost. */
void journal_queue_gap(struct journal_queue *queue, uint64_t from, uint64_t to, uint64_t rows);
size_t journal_queue_memory(const struct journal_queue *queue); /* bytes of what waits */

struct journal {
	struct reflector *reflector;
	char *path; /* of the file; a reload does not change it */
	struct rib *rib; /* of the state; history of one whose place it took may wait yet */
	uint64_t emptied_at; /* when it took that place, wall clock, not told yet; or 0 */
	uint64_t replaced; /* the same, monotonic */
	struct journal_writer *writer; /* NULL while it is restored */
	int wake_fd;
	struct event wake_event;
	bool wake_added;
	bool woken; /* the writer has something to say */

	struct journal_peers peers;
	struct journal_queue queue;
	struct journal_gap_row unrecorded; /* changes while no history was kept */
	struct journal_batch *open; /* NULL: nothing is in it */
	struct journal_spare spare;
	struct journal_batch *closed; /* waits for room with the writer */
	struct journal_history_chunk *chunk; /* being taken over into `open` ... */
	uint32_t chunk_at; /* ... bytes of it that were */
	bool gathering;
	bool flushing; /* nothing is to wait for company */
	uint64_t flush; /* the flushes so far, each of which ends when a whole batch ... */
	uint64_t flushed; /* ... that was closed after its begin is written: the last that did */
	uint64_t waits_since; /* monotonic; 0: nothing waits */
	unsigned submitted; /* batches with the writer ... */
	size_t submitted_memory; /* ... and their bytes */
	struct journal_batch *finished; /* list: references to give back, in slices */

	bool keeps_history; /* config.journal_history, looked at for each change of a best path */
	uint64_t wall; /* the latest time given to a row */
	bool wall_old; /* a turn of the loop has passed since */
	uint64_t generation; /* that was told everything */
	bool tells_best; /* it is being told the best paths of all prefixes, if history is kept */
	struct journal_status status; /* as of the last wake */
	bool degraded; /* as last said in the log */
	uint64_t degraded_since; /* monotonic */
	uint64_t degraded_line; /* monotonic, when the log said it last; 0: never */
	bool degraded_said; /* and did not say since that it is over */
	size_t text_waiting; /* bytes of texts in `open` */
	uint64_t rows_lost; /* events, configurations, audit: no memory, or too many waited */
	uint64_t restored_paths, restored_peers;
	uint64_t longest_us; /* the longest turn ... */
	uint64_t turns_us; /* ... and the sum of all */
};

/* Wall clock in microseconds, a few milliseconds coarse: it does not go back by little. */
uint64_t journal_time(struct journal *journal);

/* History lacks changes: what is the best of each prefix is to be told, by the way. */
void journal_tell_best(struct journal *journal);

/* journal_gather.c */

/* The batch that rows go to; NULL when memory is short. */
struct journal_batch *journal_open_batch(struct journal *journal);
/* True when something waits that no closed batch has. */
bool journal_waits(const struct journal *journal);
/* Goes on with the batch until it is full or nothing waits, then closes it; or `end` has come. */
void journal_gather(struct journal *journal, uint64_t end);
/* All history that waits becomes a gap. */
void journal_give_up_history(struct journal *journal);
/* History of a RIB before waits: it goes into batches before anything of the one that is. */
bool journal_waits_for_before(const struct journal *journal);
/* ... becomes a gap. */
void journal_give_up_before(struct journal *journal);
/* Hands the closed batch to the writer. */
void journal_submit(struct journal *journal);
/* Takes a batch back that the writer is done with. */
void journal_finish(struct journal *journal, struct journal_batch *batch);
/* Throws a batch away that the writer has not had, but for what is told once only. */
void journal_discard(struct journal *journal, struct journal_batch *batch);
/* Gives references of finished batches back. True when none is left. */
bool journal_release(struct journal *journal, uint64_t end);
/* The file is a new one: what was gathered for the old is thrown away, all is told again. */
void journal_tell_again(struct journal *journal);
/* An attribute set with an ID has gone (struct rib_capture). */
void journal_attrs_gone(void *context, uint64_t id);

/* journal_restore.c */

/*
 * Loads the state from `file` into peers and RIB. What cannot be loaded is logged, and told again.
 */
void journal_restore(struct journal *journal, struct journal_file *file);

#endif
