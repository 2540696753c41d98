/*
 * What waits for the journal's writer: history in bounded memory, the oldest given up first and
 * said to be missing, references to attribute sets neither lost nor kept; and the IDs of addresses.
 */
#include <stdlib.h>

#include "tests/unit/unit.h"

#include "rib/state.h"
#include "rr/journal_state.h"

static const uint8_t hash_key[16] = "not quite random";

struct history {
	struct rib *rib;
	struct journal_spare spare;
	struct journal_queue queue;
	uint64_t gone; /* sets that went */
};

static void gone(void *context, uint64_t id)
{
	struct history *history = context;

	(void)id;
	history->gone++;
}

static void history_begin(struct history *history)
{
	const struct rib_parameters parameters = { .as = 64512, .router_id = 1, .cluster_id = 1 };
	const struct rib_capture capture = { .attrs_gone = gone, .context = history };

	*history = (struct history){ .rib = rib_new(&parameters, hash_key) };
	assert_non_null(history->rib);
	history->queue.spare = &history->spare;
	assert_true(rib_capture_begin(history->rib, &capture, NULL));
}

/* Nothing may refer to a set any more: the sanitizer sees one that stays. */
static void history_end(struct history *history, uint64_t sets)
{
	struct journal_history_chunk *chunk;

	while ((chunk = journal_queue_take(&history->queue)) != NULL)
		journal_queue_give_up(&history->queue, chunk, 0);
	assert_int_equal(history->queue.rows, 0);
	assert_int_equal(history->queue.held, 0);
	assert_int_equal(journal_queue_memory(&history->queue), 0);
	journal_spare_free(&history->spare);
	assert_int_equal(history->gone, sets);
	rib_free(history->rib);
}

/* ORIGIN, an empty AS_PATH, a MED of its own; with a reference for the caller. */
static struct attr_set *set_of(struct history *history, uint32_t n)
{
	const uint8_t next_hop[] = { 192, 0, 2, 1 };
	const uint8_t canonical[] = { 0x40, 1, 1, 0, 0x40, 2, 0, 0x80, 4, 4, (uint8_t)(n >> 24),
		(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };
	bool malformed = false;
	struct attr_set *set = rib_restore_attrs(
		history->rib, n + 1, SPAN(next_hop), SPAN(canonical), &malformed);

	assert_non_null(set);
	return set;
}

/* One of `size` bytes, most of them in a community list. */
static struct attr_set *large_set_of(struct history *history, uint32_t n, size_t size)
{
	const uint8_t next_hop[] = { 192, 0, 2, 1 };
	uint8_t canonical[CANONICAL_MAX] = { 0x40, 1, 1, 0, 0x40, 2, 0, 0xd0, 8 };
	size_t list = (size - 11) / 4 * 4;
	bool malformed = false;
	struct attr_set *set;

	canonical[9] = (uint8_t)(list >> 8);
	canonical[10] = (uint8_t)list;
	for (size_t at = 0; at < list; at += 4) {
		canonical[11 + at] = (uint8_t)(at >> 8);
		canonical[12 + at] = (uint8_t)at;
	}
	memcpy(canonical + 13, &n, 2);
	memcpy(canonical + 17, (const uint8_t *)&n + 2, 2);
	set = rib_restore_attrs(history->rib, n + 1, SPAN(next_hop),
		(struct span){ canonical, 11 + list }, &malformed);
	assert_non_null(set);
	return set;
}

/* The n-th row. */
static void add(struct history *history, uint64_t time, uint32_t n, enum family family,
	struct attr_set *set)
{
	const uint8_t bytes[16] = { 10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };
	const struct best_change change = {
		.family = family,
		.cause = BEST_ANNOUNCED,
		.length = 32,
		.bytes = bytes,
		.attrs = set,
		.peer = set != NULL ? 7 : 0,
		.path_id = n / 1000,
	};

	journal_queue_add(&history->queue, history->rib, time, &change);
}

/* Rows of a run each, of the next `n` chunks that are begun. */
static void fill_chunks(struct history *history, unsigned n, uint64_t *time)
{
	const struct journal_history_chunk *last = history->queue.last;

	while (n > 0) {
		++*time;
		add(history, *time, (uint32_t)*time, FAMILY_IPV4_UNICAST, NULL);
		n -= history->queue.last != last;
		last = history->queue.last;
	}
}

/*
 * When a table began, of which the begin was not told before the next took its place: it is with
 * the table's first history, or with what follows when that is given up.
 */
static void test_a_begin_outlives_its_history(void **state)
{
	struct history history;
	struct rib *ribs[3];
	uint64_t time = 0;

	(void)state;
	history_begin(&history);
	ribs[0] = history.rib;
	fill_chunks(&history, 2, &time);
	history.queue.first->emptied_at = 77;
	for (unsigned n = 1; n < 3; n++) {
		history.rib = ribs[n] = rib_new(&ribs[0]->parameters, hash_key);
		assert_non_null(history.rib);
		fill_chunks(&history, 1, &time);
		assert_ptr_equal(history.queue.last->rib, history.rib);
		if (n == 1)
			history.queue.last->emptied_at = 78;
	}
	while ((history.queue.chunks + 1) * sizeof(struct journal_history_chunk) <=
		JOURNAL_HISTORY_WAITING_MAX)
		fill_chunks(&history, 1, &time);
	assert_int_equal(history.queue.first->next->emptied_at, 0);
	fill_chunks(&history, 1, &time);
	assert_ptr_equal(history.queue.first->rib, ribs[0]);
	assert_int_equal(history.queue.first->emptied_at, 77);
	fill_chunks(&history, 1, &time);
	assert_ptr_equal(history.queue.first->rib, ribs[1]);
	assert_int_equal(history.queue.first->emptied_at, 77);
	assert_int_equal(history.queue.emptied_at, 0);
	fill_chunks(&history, 1, &time);
	assert_ptr_equal(history.queue.first->rib, ribs[2]);
	assert_int_equal(history.queue.first->emptied_at, 0);
	assert_int_equal(history.queue.emptied_at, 77);
	history.rib = ribs[0];
	history_end(&history, 0);
	rib_free(ribs[1]);
	rib_free(ribs[2]);
}

static void test_rows_come_out_as_they_went_in(void **state)
{
	enum { ROWS = 30000, SETS = 10 };
	struct history history;
	struct attr_set *sets[SETS];
	struct journal_history_chunk *chunk;
	uint32_t rows = 0;

	(void)state;
	history_begin(&history);
	for (unsigned n = 0; n < SETS; n++)
		sets[n] = set_of(&history, n);
	for (uint32_t n = 1; n <= ROWS; n++)
		add(&history, (n + 2) / 3, n, n / 2 % 3 ? FAMILY_IPV4_UNICAST : FAMILY_IPV6_UNICAST,
			n % 7 ? sets[n / 5 % SETS] : NULL);
	assert_int_equal(history.queue.rows, ROWS);
	while ((chunk = journal_queue_take(&history.queue)) != NULL) {
		for (const struct journal_history_run *run = journal_history_first(chunk);
			run != NULL; run = journal_history_next(chunk, run)) {
			for (unsigned i = 0; i < run->count; i++) {
				const struct best_row *row = journal_history_row(run, i);
				uint32_t n = ++rows;

				assert_true(run->time == (n + 2) / 3);
				assert_int_equal(run->path_id, n / 1000);
				assert_int_equal(run->family,
					n / 2 % 3 ? FAMILY_IPV4_UNICAST : FAMILY_IPV6_UNICAST);
				assert_ptr_equal(run->set, n % 7 ? sets[n / 5 % SETS] : NULL);
				assert_int_equal(run->peer, n % 7 ? 7 : 0);
				assert_int_equal(row->length, 32);
				assert_int_equal(row->bytes[3], (uint8_t)n);
			}
		}
		journal_queue_give_up(&history.queue, chunk, 0);
	}
	assert_int_equal(rows, ROWS);
	for (unsigned n = 0; n < SETS; n++)
		rib_restore_attrs_done(history.rib, sets[n]);
	history_end(&history, SETS);
}

/* The prefixes of one UPDATE share the head of a run, which ends where anything is another. */
static void test_neighbors_share_a_run(void **state)
{
	struct history history;
	struct attr_set *sets[2];
	const struct journal_history_run *run;
	unsigned runs = 0;

	(void)state;
	history_begin(&history);
	for (unsigned n = 0; n < 2; n++)
		sets[n] = set_of(&history, n);
	for (uint32_t n = 1; n <= 8; n++)
		add(&history, 1, n, FAMILY_IPV4_UNICAST, sets[0]);
	assert_int_equal(history.queue.first->used, 32 + 8 * 5);
	add(&history, 1, 9, FAMILY_IPV4_UNICAST, sets[1]);
	add(&history, 2, 10, FAMILY_IPV4_UNICAST, sets[1]);
	add(&history, 2, 11, FAMILY_IPV6_UNICAST, sets[1]);
	add(&history, 2, 12, FAMILY_IPV6_UNICAST, NULL);
	/* More than a chunk holds. */
	for (uint32_t n = 13; n <= 70000; n++)
		add(&history, 2, 13, FAMILY_IPV4_UNICAST, NULL);
	assert_int_equal(history.queue.rows, 70000);
	/* Another path ID. */
	add(&history, 2, 70001, FAMILY_IPV4_UNICAST, NULL);
	assert_int_equal(
		journal_history_at(history.queue.last, history.queue.last->last)->path_id, 70);
	assert_int_equal(
		journal_history_at(history.queue.last, history.queue.last->last)->count, 1);
	for (struct journal_history_chunk *chunk = history.queue.first; chunk != NULL;
		chunk = chunk->next) {
		uint32_t count = 0;

		for (run = journal_history_first(chunk); run != NULL;
			run = journal_history_next(chunk, run)) {
			assert_true(run->count > 0);
			count += run->count;
			runs++;
		}
		assert_int_equal(count, chunk->count);
	}
	assert_int_equal(runs, 6 + history.queue.chunks);
	for (unsigned n = 0; n < 2; n++)
		rib_restore_attrs_done(history.rib, sets[n]);
	history_end(&history, 2);
}

/* What the rib writes behind the last run. */
static void fill_room(struct history *history, enum family family, size_t rows)
{
	for (; rows > 0; rows--) {
		struct best_row *row = (void *)history->queue.room.at;

		assert_ptr_not_equal(row, history->queue.room.end);
		row->length = 8;
		memset(row->bytes, 9, family_address_len(family));
		history->queue.room.at += best_row_size(family);
	}
}

static size_t room_left(const struct history *history, enum family family)
{
	size_t bytes = (size_t)(history->queue.room.end - history->queue.room.at);

	assert_int_equal(bytes % best_row_size(family), 0);
	return bytes / best_row_size(family);
}

/* Rows count whoever wrote them; the room ends with its chunk. */
static void test_rows_in_the_room(void **state)
{
	struct history history;
	struct journal_history_chunk *chunk;
	size_t filled;

	(void)state;
	history_begin(&history);
	add(&history, 1, 1, FAMILY_IPV6_UNICAST, NULL);
	fill_room(&history, FAMILY_IPV6_UNICAST, 4);
	assert_int_equal(journal_queue_rows(&history.queue), 5);
	/* Goes on with the run, behind them. */
	add(&history, 1, 2, FAMILY_IPV6_UNICAST, NULL);
	assert_int_equal(journal_queue_rows(&history.queue), 6);
	assert_int_equal(journal_history_first(history.queue.first)->count, 6);
	assert_int_equal(
		journal_history_row(journal_history_first(history.queue.first), 4)->length, 8);
	assert_int_equal(
		journal_history_row(journal_history_first(history.queue.first), 5)->length, 32);
	filled = room_left(&history, FAMILY_IPV6_UNICAST);
	assert_in_range(filled, JOURNAL_HISTORY_CHUNK / 17 - 20, JOURNAL_HISTORY_CHUNK / 17);
	fill_room(&history, FAMILY_IPV6_UNICAST, filled);
	add(&history, 1, 3, FAMILY_IPV4_UNICAST, NULL);
	assert_int_equal(history.queue.first->count, 6 + filled);
	assert_int_equal(history.queue.chunks, 2);
	assert_int_equal(room_left(&history, FAMILY_IPV4_UNICAST),
		(JOURNAL_HISTORY_CHUNK - sizeof(struct journal_history_run)) / 5 - 1);
	/* Another time: another run. */
	add(&history, 2, 4, FAMILY_IPV4_UNICAST, NULL);
	fill_room(&history, FAMILY_IPV4_UNICAST, room_left(&history, FAMILY_IPV4_UNICAST));
	/* Taken with what is in the room, and nothing of it can grow any more. */
	chunk = journal_queue_take(&history.queue);
	assert_null(history.queue.room.at);
	assert_null(history.queue.room.end);
	journal_queue_give_up(&history.queue, chunk, 0);
	assert_int_equal(journal_queue_rows(&history.queue), history.queue.first->count);
	chunk = journal_queue_take(&history.queue);
	journal_queue_give_up(&history.queue, chunk, 0);
	assert_int_equal(journal_queue_rows(&history.queue), 0);
	history_end(&history, 0);
}

static void test_the_oldest_go_first(void **state)
{
	enum { ROWS = 3000000 };
	struct history history;
	const size_t size = journal_history_run_size(FAMILY_IPV4_UNICAST, 1);
	uint64_t kept;

	(void)state;
	history_begin(&history);
	for (uint64_t n = 1; n <= ROWS; n++) {
		/* A set of its own for every 100 rows: those of rows given up go with them. */
		struct attr_set *set = set_of(&history, (uint32_t)(n / 100));

		add(&history, n, (uint32_t)n, FAMILY_IPV4_UNICAST, set);
		rib_restore_attrs_done(history.rib, set);
		assert_true(journal_queue_memory(&history.queue) <= JOURNAL_HISTORY_WAITING_MAX);
	}
	kept = history.queue.rows;
	assert_in_range(kept, JOURNAL_HISTORY_WAITING_MAX / size * 95 / 100,
		JOURNAL_HISTORY_WAITING_MAX / size);
	assert_true(history.queue.lost == ROWS - kept);
	assert_true(history.queue.gap.rows == ROWS - kept);
	assert_true(history.queue.gap.from == 1);
	assert_true(history.queue.gap.to == ROWS - kept);
	assert_true(journal_history_first(history.queue.first)->time == ROWS - kept + 1);
	assert_true(history.gone >= (ROWS - kept) / 100);
	history_end(&history, ROWS / 100 + 1);
}

/* Sets that nothing but history refers to: bounded as well, whatever their size. */
static void test_sets_are_bounded(void **state)
{
	enum { ROWS = 60000, LARGE = 4000 };
	struct history history;
	struct journal_history_chunk *chunk, *taken = NULL;
	size_t most = 0;

	(void)state;
	history_begin(&history);
	for (uint32_t n = 0; n < ROWS; n++) {
		struct attr_set *set = large_set_of(&history, n, LARGE);

		/* Each twice, and once more by another run. */
		add(&history, 2 * n + 1, n, FAMILY_IPV4_UNICAST, set);
		add(&history, 2 * n + 1, n, FAMILY_IPV4_UNICAST, set);
		add(&history, 2 * n + 2, n, FAMILY_IPV4_UNICAST, set);
		rib_restore_attrs_done(history.rib, set);
		if (history.queue.held > most)
			most = history.queue.held;
		assert_true(history.queue.held >= (n + 1 - history.gone) * LARGE);
		assert_true(history.rib->attr_sets.memory < JOURNAL_HISTORY_SETS_MAX + (8 << 20));
	}
	/* As much as there may be, and one. */
	assert_in_range(
		most, JOURNAL_HISTORY_SETS_MAX - 2 * LARGE, JOURNAL_HISTORY_SETS_MAX + 2 * LARGE);
	assert_true(history.queue.lost > 0);
	assert_true(history.queue.lost + history.queue.rows == 3 * ROWS);
	/* A chunk that was taken for a batch is not given up for what comes. */
	while ((chunk = journal_queue_take(&history.queue)) != NULL) {
		chunk->next = taken;
		taken = chunk;
	}
	history.queue.held += JOURNAL_HISTORY_SETS_MAX;
	add(&history, UINT32_MAX, 1, FAMILY_IPV4_UNICAST, NULL);
	assert_int_equal(history.queue.rows, 1);
	history.queue.held -= JOURNAL_HISTORY_SETS_MAX;
	while ((chunk = taken) != NULL) {
		taken = chunk->next;
		journal_queue_give_up(&history.queue, chunk, 0);
	}
	history_end(&history, ROWS);
}

/* Half of a chunk was taken over: its rows are missing all the same, its sets are not freed twice.
 */
static void test_a_chunk_is_given_up_half_way(void **state)
{
	struct history history;
	struct attr_set *sets[2];
	struct journal_history_chunk *chunk;
	uint32_t at = 0;

	(void)state;
	history_begin(&history);
	for (unsigned n = 0; n < 2; n++)
		sets[n] = set_of(&history, n);
	for (uint32_t n = 1; n <= 100; n++)
		add(&history, n, n, FAMILY_IPV4_UNICAST, sets[n / 60]);
	chunk = journal_queue_take(&history.queue);
	/* As journal_gather.c does. */
	for (unsigned n = 0; n < 30; n++) {
		struct journal_history_run *run = journal_history_at(chunk, at);

		journal_queue_let_go(&history.queue, run);
		rib_restore_attrs_done(history.rib, run->set);
		run->attrs = 1;
		at += (uint32_t)journal_history_run_size(FAMILY_IPV4_UNICAST, run->count);
	}
	journal_queue_give_up(&history.queue, chunk, at);
	assert_true(history.queue.gap.rows == 100);
	assert_true(history.queue.gap.from == 1);
	assert_true(history.queue.gap.to == 100);
	for (unsigned n = 0; n < 2; n++)
		rib_restore_attrs_done(history.rib, sets[n]);
	history_end(&history, 2);
}

/* Batches that were dropped are older than what the queue gave up before. */
static void test_a_gap_spans_all(void **state)
{
	struct journal_queue queue = { .chunks = 0 };

	(void)state;
	journal_queue_gap(&queue, 100, 120, 5);
	journal_queue_gap(&queue, 50, 60, 2);
	assert_true(queue.gap.from == 50 && queue.gap.to == 120 && queue.gap.rows == 7);
	journal_queue_gap(&queue, 70, 130, 1);
	assert_true(queue.gap.from == 50 && queue.gap.to == 130 && queue.gap.rows == 8);
}

static struct ip_address address_of(uint32_t n)
{
	struct ip_address address = { .len = n % 2 ? 16 : 4 };

	address.bytes[0] = 10;
	memcpy(address.bytes + address.len - 3, &n, 3);
	return address;
}

static void test_ids_of_addresses(void **state)
{
	enum { PEERS = 100000 };
	struct journal_peers peers = { .next_id = 8 };
	struct journal_batch *batch = journal_batch_new();

	(void)state;
	memcpy(peers.hash_key, hash_key, sizeof peers.hash_key);
	for (uint32_t n = 0; n < PEERS; n++) {
		struct journal_peer_row row = { .address = address_of(n), .as = n };

		assert_null(journal_peers_find(&peers, &row.address));
		struct journal_peer_row *added = journal_peers_add(&peers, &row);

		assert_non_null(added);
		assert_int_equal(added->id, 8 + n);
		if (n % 10 == 0)
			journal_peers_touch(&peers, added);
	}
	for (uint32_t n = 0; n < PEERS; n++) {
		struct ip_address address = address_of(n);
		struct journal_peer_row *row = journal_peers_find(&peers, &address);

		assert_non_null(row);
		assert_int_equal(row->id, 8 + n);
		assert_int_equal(row->as, n);
		if (n % 20 == 0)
			journal_peers_touch(&peers, row); /* twice is once */
	}
	assert_int_equal(peers.n_dirty, PEERS / 10);
	assert_true(journal_peers_take(&peers, batch, 1000));
	assert_int_equal(batch->peers.count, 1000);
	assert_true(journal_peers_take(&peers, batch, SIZE_MAX));
	assert_int_equal(batch->peers.count, PEERS / 10);
	assert_int_equal(peers.n_dirty, 0);
	for (size_t i = 0; i < batch->peers.count; i++)
		assert_int_equal(batch->peers.rows[i].as, 10 * i);
	journal_peers_touch_all(&peers);
	assert_int_equal(peers.n_dirty, PEERS);
	/* An ID out of a file: later ones are above it. */
	struct journal_peer_row known = { .id = 900000, .address.len = 4 };

	assert_int_equal(journal_peers_add(&peers, &known)->id, 900000);
	known = (struct journal_peer_row){ .address = { .len = 4, .bytes = { 1 } } };
	assert_int_equal(journal_peers_add(&peers, &known)->id, 900001);
	journal_batch_free(batch, NULL);
	journal_peers_free(&peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_begin_outlives_its_history),
		cmocka_unit_test(test_rows_come_out_as_they_went_in),
		cmocka_unit_test(test_neighbors_share_a_run),
		cmocka_unit_test(test_rows_in_the_room),
		cmocka_unit_test(test_the_oldest_go_first),
		cmocka_unit_test(test_sets_are_bounded),
		cmocka_unit_test(test_a_chunk_is_given_up_half_way),
		cmocka_unit_test(test_a_gap_spans_all),
		cmocka_unit_test(test_ids_of_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
