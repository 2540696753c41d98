/*
 * rr/journal.c with a writer and a file that are none: what the loop hands over, in which order,
 * and what becomes of it when the writer takes nothing, drops a batch or begins a new file.
 */
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/journal_fake.h"

static void test_changes_are_told_once(void **state)
{
	struct speaker *speaker = speaker_up(&fake.rib, 0, ROLE_CLIENT);

	(void)state;
	for (unsigned round = 0; round < 50; round++)
		announce_many(speaker, 20, round * 100);
	write_all();
	assert_mirrored();
	assert_int_equal(fake.path_rows, 20); /* not 1,000 */
	assert_int_equal(fake.history_rows, 1000); /* each change */
	assert_int_equal(fake.gap_rows, 0);
	fake.path_rows = 0;
	withdraw(speaker, prefix_text(3));
	announce_many(speaker, 3, 7);
	fixture_settle(&fake.rib);
	write_all();
	assert_int_equal(fake.path_rows, 4);
	assert_mirrored();
	speaker_down(speaker);
	speaker_up(&fake.rib, 1, ROLE_CLIENT);
	announce(&fake.rib.speaker[1], "10.9.0.0/16", .as_path = "");
	fixture_settle(&fake.rib);
	write_all();
	assert_mirrored();
	/* Sets that nobody has any more were told to be gone. */
	unsigned alive = 0;

	for (unsigned id = 0; id < SETS_MAX; id++)
		alive += fake.told[id] && !fake.gone[id];
	assert_int_equal(alive, 1);
	speaker_down(&fake.rib.speaker[1]);
	fixture_settle(&fake.rib);
}

/* The numbers of one that goes follow each other, or every other one, or lie far apart. */
static void test_many_paths_go(void **state)
{
	enum { ALONE = 700, SHARED = 300, FAR = 200 };
	struct speaker *goes, *stays;

	(void)state;
	goes = speaker_up(&fake.rib, 0, ROLE_CLIENT);
	stays = speaker_up(&fake.rib, 1, ROLE_CLIENT);
	announce_many(goes, ALONE, 0);
	for (unsigned i = 0; i < SHARED; i++) {
		announce(goes, prefix_text(2000 + i), .as_path = "");
		announce(stays, prefix_text(2000 + i), .as_path = "");
	}
	announce_many(stays, FAR, 0);
	announce(goes, "10.9.0.0/16", .as_path = "");
	write_all();
	assert_mirrored();
	fake.path_rows = 0;
	withdraw(goes, prefix_text(5));
	withdraw(goes, prefix_text(400));
	fixture_settle(&fake.rib);
	write_all();
	assert_mirrored();
	speaker_down(goes);
	fixture_settle(&fake.rib);
	write_all();
	assert_mirrored();
	assert_int_equal(fake.path_rows, ALONE + SHARED + 1);
	speaker_down(stays);
	fixture_settle(&fake.rib);
}

/* A path goes, and comes and goes while the batch that has it is being gathered: it is one row. */
static void test_a_path_goes_twice(void **state)
{
	struct speaker *speaker = speaker_up(&fake.rib, 0, ROLE_CLIENT);

	(void)state;
	announce_many(speaker, 10, 0);
	write_all();
	fake.path_rows = 0;
	for (unsigned i = 3; i < 6; i++)
		withdraw(speaker, prefix_text(i));
	fixture_settle(&fake.rib);
	fake.journal->gathering = true;
	while (rib_capture_waiting(fake.rib.rib) > 0)
		journal_gather(fake.journal, 0);
	assert_non_null(fake.journal->open);
	/* Under the numbers that were given back last, which are above the first. */
	for (unsigned i = 4; i < 6; i++)
		announce(speaker, prefix_text(i), .as_path = "");
	fixture_settle(&fake.rib);
	for (unsigned i = 4; i < 6; i++)
		withdraw(speaker, prefix_text(i));
	fixture_settle(&fake.rib);
	assert_int_equal(rib_capture_waiting(fake.rib.rib), 2);
	write_all();
	assert_int_equal(fake.path_rows, 3);
	assert_mirrored();
	speaker_down(speaker);
	fixture_settle(&fake.rib);
}

/* The numbers of both families begin at 0: those that go of one are not taken for the other's. */
static void test_both_families_go(void **state)
{
	/* Whichever family is told first: the other's numbers follow those of IPv4, or of IPv6. */
	static const unsigned gone[][2][2] = { { { 0, 1 }, { 2, 3 } }, { { 2, 3 }, { 4, 5 } },
		{ { 6, 7 }, { 0, 1 } }, { { 8, 9 }, { 6, 7 } } };
	struct speaker *speaker = speaker_up(&fake.rib, 0, ROLE_CLIENT);
	char prefix[64];

	(void)state;
	announce_many(speaker, 12, 0);
	for (unsigned n = 0; n < 12; n++) {
		snprintf(prefix, sizeof prefix, "fd00:%x::/48", n);
		announce(speaker, prefix, .as_path = "");
	}
	fixture_settle(&fake.rib);
	write_all();
	assert_mirrored();
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < 2; i++) {
			withdraw(speaker, prefix_text(gone[round][0][i]));
			snprintf(prefix, sizeof prefix, "fd00:%x::/48", gone[round][1][i]);
			withdraw(speaker, prefix);
		}
		fixture_settle(&fake.rib);
		write_all();
		assert_mirrored();
	}
	speaker_down(speaker);
	fixture_settle(&fake.rib);
}

static void test_no_history_where_none_is_kept(void **state)
{
	struct speaker *speaker = speaker_up(&fake.rib, 0, ROLE_CLIENT);

	(void)state;
	fake.config.journal_history = 0;
	journal_settings(fake.journal, &fake.config);
	announce_many(speaker, 20, 0);
	write_all();
	assert_mirrored();
	assert_int_equal(fake.history_rows, 0);
	/* Should it be kept by the next run, it lacks these ... */
	assert_int_equal(fake.behind, 20);
	/* ... as it does when it is kept again now, and goes on from what there is. */
	withdraw(speaker, prefix_text(3));
	fixture_settle(&fake.rib);
	fake.config.journal_history = 1;
	journal_settings(fake.journal, &fake.config);
	write_all();
	turns();
	write_all();
	assert_int_equal(fake.gap_rows, 21);
	assert_int_equal(fake.history_rows, 19);
	assert_int_equal(fake.behind, 0);
	speaker_down(speaker);
	fixture_settle(&fake.rib);
}

/* What is best is being told to a new file when none of it is wanted any more, for a while. */
static void test_history_ends_and_begins_amid_the_telling(void **state)
{
	enum { PREFIXES = 3000 };
	struct speaker *speaker = speaker_up(&fake.rib, 0, ROLE_CLIENT);

	(void)state;
	announce_many(speaker, PREFIXES, 0);
	write_all();
	fake.status.generation = 1;
	memset(fake.paths, 0, sizeof fake.paths);
	memset(fake.told, 0, sizeof fake.told);
	memset(fake.gone, 0, sizeof fake.gone);
	fake.history_rows = 0;
	fake.journal->woken = true;
	(void)journal_run(fake.journal, monotonic_us(), 1000);
	assert_true(fake.journal->tells_best);
	fake.config.journal_history = 0;
	journal_settings(fake.journal, &fake.config);
	turns();
	write_all();
	/* Nothing has changed: nothing is missing. */
	assert_int_equal(fake.journal->unrecorded.rows, 0);
	fake.config.journal_history = 1;
	journal_settings(fake.journal, &fake.config);
	turns();
	write_all();
	assert_int_equal(fake.history_rows, PREFIXES);
	assert_int_equal(fake.gap_rows, 0);
	assert_mirrored();
	speaker_down(speaker);
	fixture_settle(&fake.rib);
}

/* The disk takes nothing for long: memory has its bounds, and the state is whole in the end. */
static void test_a_writer_without_room(void **state)
{
	struct speaker *speaker = speaker_up(&fake.rib, 0, ROLE_CLIENT);
	struct journal_view view;
	uint64_t changes = 0;

	(void)state;
	fake.room = 0;
	for (unsigned round = 0; round < 900; round++) {
		announce_many(speaker, 2000, round * 16);
		changes += 2000;
		(void)journal_run(fake.journal, monotonic_us(), 1000);
		assert_true(journal_view(fake.journal, &view));
		assert_true(view.memory < JOURNAL_HISTORY_WAITING_MAX + (1 << 20));
		assert_true(view.waiting_paths <= 2000);
	}
	assert_int_equal(fake.batches, 0);
	assert_true(view.history_lost > 0);
	assert_true(view.waiting_history + view.history_lost == changes);
	fake.room = JOURNAL_QUEUE_MAX;
	write_all();
	assert_mirrored();
	assert_true(fake.gap_rows == view.history_lost);
	assert_true(fake.gap_rows + fake.history_rows == changes);
	assert_true(fake.path_rows == 2000);
	speaker_down(speaker);
	fixture_settle(&fake.rib);
}

static void test_events_are_bounded(void **state)
{
	struct journal_view view;
	struct journal_event_row row = { .text = (char *)(uintptr_t) "why" };

	(void)state;
	fake.room = 0;
	for (unsigned n = 0; n < 60000; n++)
		journal_event(fake.journal, &row);
	assert_true(journal_view(fake.journal, &view));
	assert_int_equal(view.rows_lost, 10000);
	fake.room = JOURNAL_QUEUE_MAX;
	write_all();
	assert_int_equal(fake.events, 50000);
	assert_string_equal(fake.last_event, "why");
}

/* Whoever connects from a large range does not fill the memory; peers are known all the same. */
static void test_strangers_are_bounded(void **state)
{
	struct ip_address address = { .len = 16, .bytes = { 0xfd } };
	uint32_t known, id = 1, n;
	struct journal_view view;

	(void)state;
	for (n = 0; id != 0 && n < 1000000; n++) {
		memcpy(address.bytes + 8, &n, sizeof n);
		id = journal_stranger_id(fake.journal, &address);
	}
	assert_int_equal(id, 0);
	assert_true(journal_view(fake.journal, &view));
	assert_true(view.memory < 64 << 20);
	known = journal_peer_id(fake.journal, &address);
	assert_int_not_equal(known, 0);
	assert_int_equal(journal_stranger_id(fake.journal, &address), known);
}

/* A new file under way: what was on its way to the old one is told again, and what was said. */
static void test_a_new_file(void **state)
{
	struct speaker *speaker = speaker_up(&fake.rib, 0, ROLE_CLIENT);
	uint64_t lost;

	(void)state;
	announce_many(speaker, 500, 0);
	write_all();
	announce_many(speaker, 300, 100);
	journal_audit(fake.journal, "root", "clear peer", NULL);
	(void)journal_flushed(fake.journal);
	turns();
	assert_int_equal(fake.queued, 1);
	announce_many(speaker, 200, 200);
	/* The file was corrupt: the batch is dropped, a file with nothing in it is there. */
	fake.status.generation = 1;
	memset(fake.paths, 0, sizeof fake.paths);
	memset(fake.told, 0, sizeof fake.told);
	memset(fake.gone, 0, sizeof fake.gone);
	fake.history_rows = 0;
	take_off(false);
	(void)journal_run(fake.journal, monotonic_us(), 1000);
	write_all();
	assert_mirrored();
	assert_int_equal(fake.audits, 2); /* that one, and that a new journal was begun */
	assert_int_equal(fake.configs, 1);
	/* The history of the file begins with what is best, and tells what it lacks. */
	lost = fake.gap_rows;
	assert_true(lost >= 300);
	assert_true(fake.history_rows >= 500);
	speaker_down(speaker);
	fixture_settle(&fake.rib);
}

/* A batch of before the new file was known must not get into it. */
static void test_a_batch_has_its_generation(void **state)
{
	struct speaker *speaker = speaker_up(&fake.rib, 0, ROLE_CLIENT);

	(void)state;
	announce_many(speaker, 5, 0);
	(void)journal_flushed(fake.journal);
	turns();
	assert_int_equal(fake.queued, 1);
	assert_true(fake.queue[0]->generation == 0);
	fake.status.generation = 3;
	fake.journal->woken = true;
	announce_many(speaker, 5, 100);
	turns();
	assert_int_equal(fake.queued, 2);
	assert_true(fake.queue[1]->generation == 3);
	take_off(false);
	write_all();
	assert_mirrored();
	speaker_down(speaker);
	fixture_settle(&fake.rib);
}

/* Turns of a time when all that was kept is due. */
static void turns_later(void)
{
	for (unsigned n = 0; n < 100; n++)
		(void)journal_run(fake.journal,
			monotonic_us() + JOURNAL_SPARE_KEEP_US + JOURNAL_SPARE_KEEP_US, 1000);
}

/* Room that is kept for the next burst is given back when none comes. */
static void test_memory_after_a_burst(void **state)
{
	struct speaker *speaker = speaker_up(&fake.rib, 0, ROLE_CLIENT);
	struct journal_view before, after;

	(void)state;
	announce_many(speaker, 2000, 0);
	write_all();
	turns();
	assert_true(journal_view(fake.journal, &before));
	for (unsigned round = 1; round <= 2; round++) {
		announce_many(speaker, 2000, round * 16);
		(void)journal_flushed(fake.journal);
		turns();
		assert_int_equal(fake.queued, round);
	}
	/* Both come back while the next one is being gathered, of more than a chunk of history. */
	for (unsigned round = 3; round <= 6; round++)
		announce_many(speaker, 2000, round * 16);
	for (unsigned round = 0; round < 2; round++) {
		take_off(true);
		(void)journal_run(fake.journal, monotonic_us(), 0);
		(void)journal_run(fake.journal, monotonic_us(), 0);
		assert_non_null(fake.journal->open);
	}
	for (unsigned n = 0; n < 3; n++) {
		write_all(); /* and that sets went with it, and so on */
		turns();
	}
	assert_int_equal(fake.queued, 0);
	assert_mirrored();
	assert_true(journal_view(fake.journal, &after));
	assert_true(after.memory >= before.memory + sizeof(struct journal_history_chunk));
	assert_true(fake.chunks > 0);
	turns_later();
	assert_true(journal_view(fake.journal, &after));
	assert_int_equal(after.memory, before.memory);
	assert_int_equal(fake.chunks, 0);
	speaker_down(speaker);
	fixture_settle(&fake.rib);
}

/* The room of a batch of no common size is given back at once, whatever waits. */
static void test_memory_after_a_large_batch(void **state)
{
	struct journal_view view;

	(void)state;
	for (unsigned n = 0; n < 1500000; n++)
		assert_true(journal_batch_append_gone(journal_open_batch(fake.journal), 1));
	(void)journal_flushed(fake.journal);
	turns();
	assert_int_equal(fake.queued, 1);
	assert_true(journal_view(fake.journal, &view));
	assert_true(view.memory > 12 << 20);
	journal_attrs_gone(fake.journal, 2);
	take_off(false);
	turns();
	assert_true(journal_view(fake.journal, &view));
	assert_true(view.memory < 1 << 20);
	take_off(false);
}

/* When the journal ends amid a burst, too. */
static void test_memory_after_an_end(void **state)
{
	struct speaker *speaker = speaker_up(&fake.rib, 0, ROLE_CLIENT);

	(void)state;
	announce_many(speaker, 2000, 0);
	(void)journal_flushed(fake.journal);
	turns();
	assert_int_equal(fake.queued, 1);
	announce_many(speaker, 2000, 16);
	journal_close(fake.journal, 0);
	fake.journal = NULL;
	assert_int_equal(fake.chunks, 0);
	speaker_down(speaker);
	fixture_settle(&fake.rib);
}

/* History that the state is ahead of: missing, were the daemon killed then. */
static void test_history_behind_the_state(void **state)
{
	struct speaker *speaker = speaker_up(&fake.rib, 0, ROLE_CLIENT);

	(void)state;
	for (unsigned round = 0; round < 40; round++)
		announce_many(speaker, 2000, round * 16);
	(void)journal_flushed(fake.journal);
	turns();
	assert_true(fake.queued > 0);
	take_off(true);
	assert_int_equal(fake.path_rows, 2000);
	assert_true(fake.history_rows < 80000);
	assert_int_equal(fake.history_rows + fake.behind, 80000);
	write_all();
	assert_int_equal(fake.history_rows, 80000);
	assert_int_equal(fake.behind, 0);
	speaker_down(speaker);
	fixture_settle(&fake.rib);
}

/* What comes after the journal was flushed, as that the daemon stops, is written all the same. */
static void test_closing_writes_all(void **state)
{
	struct journal_event_row row = { .text = (char *)(uintptr_t) "why" };

	(void)state;
	journal_event(fake.journal, &row);
	for (unsigned n = 0; n < 1000 && !journal_flushed(fake.journal); n++) {
		(void)journal_run(fake.journal, monotonic_us(), 1000);
		while (fake.queued > 0)
			take_off(true);
	}
	/* The sessions are closed then, which is written. */
	usleep(10000); /* the clock of rows is as coarse */
	journal_event(fake.journal, &row);
	turns();
	take_off(true);
	turns();
	assert_true(journal_flushed(fake.journal));
	assert_int_equal(fake.events, 2);
	journal_audit(fake.journal, "heliostatd", "stop", NULL);
	fake.takes_at_once = true;
	journal_close(fake.journal, SECOND_US);
	fake.journal = NULL;
	assert_int_equal(fake.audits, 1);
}

/* A clock that is set back does not make what was written before the flush stand for it. */
static void test_flushing_knows_no_clock(void **state)
{
	struct journal_event_row row = { .text = (char *)(uintptr_t) "why" };

	(void)state;
	journal_event(fake.journal, &row);
	write_all();
	/* As if the batch had been written before the clock was set back by an hour. */
	fake.status.whole_at += 3600 * SECOND_US;
	fake.journal->woken = true;
	turns();
	journal_event(fake.journal, &row);
	assert_false(journal_flushed(fake.journal));
	write_all();
	assert_int_equal(fake.events, 2);
}

/* One line a minute, also while the disk takes a batch now and then. */
static void test_one_line_a_minute(void **state)
{
	char *text = NULL;
	size_t size = 0, lines = 0;
	FILE *null = fake.reflector.log.to, *to = open_memstream(&text, &size);
	uint64_t now = monotonic_us();

	(void)state;
	assert_non_null(to);
	fake.reflector.log.to = to;
	fake.reflector.log.level = LOG_WARNING;
	for (unsigned n = 0; n < 100; n++) {
		fake.status.degraded = n % 2 == 0;
		fake.journal->woken = true;
		(void)journal_run(fake.journal, now + n * SECOND_US, 1000);
	}
	fclose(to);
	fake.reflector.log.to = null;
	for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	if (lines < 2 || lines > 4)
		fail_msg("%s", text);
	assert_non_null(strstr(text, "cannot be written"));
	free(text);
}

/* Peers of paths stand in the same batch or one before. */
static void test_peers_are_told_first(void **state)
{
	const struct ip_address address = { .len = 4, .bytes = { 192, 0, 2, 1 } };
	struct journal_peer_row row = { .address = address, .as = 65000, .families = 1 };
	uint32_t id = journal_peer_id(fake.journal, &address);

	(void)state;
	assert_int_equal(id, journal_peer_id(fake.journal, &address));
	assert_int_not_equal(id, 0);
	journal_peer(fake.journal, &row);
	assert_int_equal(id, journal_peer_id(fake.journal, &address));
	write_all();
	assert_true(fake.peer[id]);
	assert_int_equal(fake.batches, 1);
	write_all();
	assert_int_equal(fake.batches, 1);
	journal_peer_down(fake.journal, &address, 1);
	write_all();
	assert_int_equal(fake.batches, 2);
}

/* Prefixes whose changes differ in nothing else. */
static void announce_alike(struct speaker *speaker, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		announce(speaker, prefix_text(i), .as_path = "", .med = IS(7));
	fixture_settle(&fake.rib);
}

/* What the rib writes itself is of the turn, and ends with history. */
static void test_room_ends(void **state)
{
	struct speaker *speaker = speaker_up(&fake.rib, 0, ROLE_CLIENT);
	const struct journal_history_run *run;
	uint64_t before;

	(void)state;
	announce_alike(speaker, 0, 5);
	assert_non_null(fake.journal->queue.room.at);
	(void)journal_run(fake.journal, monotonic_us(), 1000);
	before = fake.journal->wall;
	while (journal_time(fake.journal) == before) /* the clock that it looks at is coarse */
		;
	announce_alike(speaker, 5, 10);
	(void)journal_run(fake.journal, monotonic_us(), 1000);
	run = journal_history_first(fake.journal->queue.first);
	assert_int_equal(run->count, 5);
	assert_true(journal_history_next(fake.journal->queue.first, run)->time > run->time);
	announce_alike(speaker, 10, 15);
	fake.config.journal_history = 0;
	journal_settings(fake.journal, &fake.config);
	announce_alike(speaker, 15, 20);
	assert_int_equal(fake.journal->unrecorded.rows, 5);
	assert_int_equal(journal_queue_rows(&fake.journal->queue), 15);
	write_all();
	assert_int_equal(fake.history_rows, 15);
	speaker_down(speaker);
	fixture_settle(&fake.rib);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_begin, fake_end)
	const struct CMUnitTest tests[] = {
		TEST(test_changes_are_told_once),
		TEST(test_many_paths_go),
		TEST(test_a_path_goes_twice),
		TEST(test_both_families_go),
		TEST(test_no_history_where_none_is_kept),
		TEST(test_history_ends_and_begins_amid_the_telling),
		TEST(test_a_writer_without_room),
		TEST(test_events_are_bounded),
		TEST(test_strangers_are_bounded),
		TEST(test_a_new_file),
		TEST(test_a_batch_has_its_generation),
		TEST(test_room_ends),
		TEST(test_memory_after_a_burst),
		TEST(test_memory_after_a_large_batch),
		TEST(test_memory_after_an_end),
		TEST(test_history_behind_the_state),
		TEST(test_closing_writes_all),
		TEST(test_flushing_knows_no_clock),
		TEST(test_one_line_a_minute),
		TEST(test_peers_are_told_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
