/*
 * What one turn of the rib does is bounded, whatever there is to do, and everything that waits has
 * its turn.
 */
#include "tests/unit/rib_fixture.h"

#include <stdio.h>

#include "rib/state.h"

static struct fixture f;

/* One of 256 prefixes. */
static void announce_own(struct speaker *s, unsigned i, unsigned local_pref)
{
	char text[PREFIX_TEXT_MAX];

	snprintf(text, sizeof(text), "10.0.%u.0/24", i);
	announce(s, text, .local_pref = IS(local_pref));
}

static void announce_number(struct speaker *s, unsigned i, unsigned med)
{
	char text[PREFIX_TEXT_MAX];

	snprintf(text, sizeof(text), "10.%u.%u.0/24", i / 256, i % 256);
	announce(s, text, .med = IS(med));
}

static void withdraw_number(struct speaker *s, unsigned i)
{
	char text[PREFIX_TEXT_MAX];

	snprintf(text, sizeof(text), "10.%u.%u.0/24", i / 256, i % 256);
	withdraw(s, text);
}

/*
 * A prefix with many paths is more than one decision's worth of a turn, and the others have their
 * turn all the same.
 */
static void test_budget_of_paths(void **state)
{
	const unsigned paths = 800, prefixes = 4;
	struct speaker *source;

	(void)state;
	fixture_begin(&f, 0);
	source = speaker_of(&f, 0, ROLE_CLIENT);
	source->parameters.add_path_receive = FAMILIES_ALL;
	speaker_connect(source);
	for (unsigned i = 0; i < prefixes; i++) {
		char text[PREFIX_TEXT_MAX];

		snprintf(text, sizeof(text), i % 2 ? "fd00:%u::/32" : "10.%u.0.0/16", i);
		for (unsigned k = 1; k <= paths; k++)
			announce(source, text, .path_id = k);
	}
	for (unsigned turn = 1; turn <= prefixes; turn++) {
		struct rib_counts counts;

		f.now += 10000;
		rib_run(f.rib, f.now, true, 10);
		counts = fixture_counts(&f);
		assert_int_equal(counts.prefixes[0] + counts.prefixes[1], turn);
		/* One that changes every time does not keep the rest waiting. */
		announce(source, "10.0.0.0/16", .path_id = 1, .med = IS(turn));
	}
	fixture_end(&f);
}

/* More changes in every turn than a turn can do: every group and family has its part of it. */
static void test_budget_is_shared(void **state)
{
	struct speaker *source, *to[2];

	(void)state;
	fixture_begin(&f, 0);
	source = speaker_up(&f, 0, ROLE_CLIENT);
	to[0] = speaker_up(&f, 1, ROLE_CLIENT);
	to[1] = speaker_up(&f, 2, ROLE_NON_CLIENT);
	fixture_settle(&f);
	announce(source, "fd00::/32");
	for (unsigned turn = 1; turn <= 12; turn++) {
		for (unsigned i = 0; i < 200; i++)
			announce_own(source, i, turn);
		f.now += 10000;
		rib_run(f.rib, f.now, true, 10);
		for (unsigned i = 0; i < 2; i++) {
			while (to[i]->ready)
				speaker_read(to[i], SIZE_MAX);
		}
	}
	for (unsigned i = 0; i < 2; i++) {
		assert_non_null(heard(to[i], "fd00::/32"));
		assert_true(to[i]->announcements > 20);
	}
	fixture_settle(&f);
	assert_int_equal(heard(to[1], "10.0.199.0/24")->keys.local_pref, 12);
	fixture_end(&f);
}

/* What a turn withdraws is bounded by its budget, however many peers went at once. */
static void test_departing_together(void **state)
{
	const unsigned peers = 4, prefixes = 400;

	(void)state;
	fixture_begin(&f, 0);
	for (unsigned i = 0; i < peers; i++) {
		struct speaker *s = speaker_up(&f, i, ROLE_CLIENT);

		for (unsigned k = 0; k < prefixes; k++) {
			char text[PREFIX_TEXT_MAX];

			snprintf(text, sizeof(text), "10.%u.%u.0/24", 2 * i + k / 256, k % 256);
			announce(s, text);
		}
	}
	for (unsigned i = 0; i < peers; i++)
		speaker_down(&f.speaker[i]);
	for (unsigned left = peers * prefixes; left > 0; left -= 200) {
		assert_int_equal(fixture_counts(&f).paths[FAMILY_IPV4_UNICAST], left);
		f.now += 10000;
		rib_run(f.rib, f.now, true, 100);
	}
	fixture_end(&f);
}

/*
 * The last member of a group, or of those who catch up in one, goes before it was told of many
 * withdrawals: only then do the prefixes go, a turn's worth a turn.
 */
static void test_deaf_peer_goes(void **state)
{
	const unsigned n = 9000;

	(void)state;
	for (unsigned together = 0; together < 2; together++) {
		struct speaker *source, *deaf;
		unsigned left = n, turns = 0;

		fixture_begin(&f, together ? 20000 : 400000);
		source = speaker_up(&f, 0, ROLE_CLIENT);
		deaf = speaker_up(&f, 1, together ? ROLE_CLIENT : ROLE_NON_CLIENT);
		fixture_settle(&f);
		deaf->deaf = true;
		for (unsigned i = 0; i < n; i++)
			announce_number(source, i, i);
		fixture_settle(&f);
		for (unsigned i = 0; i < n; i++)
			withdraw_number(source, i);
		fixture_settle(&f);
		assert_string_equal(
			speaker_counts(deaf).output_state, together ? "detached" : "current");
		assert_true(f.rib->tables[0].entries.live > n / 2);
		speaker_down(deaf);
		for (; left > 0; turns++) {
			uint64_t wait = rib_run(f.rib, f.now += 10000, true, 1000);
			unsigned now = f.rib->tables[0].entries.live;

			assert_true(turns == 0 || left - now <= 2000);
			assert_true(now == 0 || wait == 0);
			assert_true(turns < 100);
			left = now;
		}
		assert_true(turns >= n / 2 / 2000);
		fixture_end(&f);
	}
}

/* Two speakers have the same routes; those of the first are the better ones, and change. */
static void begin_changed(unsigned n, size_t log_limit)
{
	fixture_begin(&f, log_limit);
	speaker_up(&f, 0, ROLE_CLIENT);
	speaker_up(&f, 1, ROLE_CLIENT);
	speaker_up(&f, 2, ROLE_CLIENT);
	speaker_up(&f, 3, ROLE_NON_CLIENT);
	for (unsigned i = 0; i < n; i++) {
		announce_number(&f.speaker[0], i, 500);
		announce_number(&f.speaker[1], i, 1000);
	}
	fixture_settle(&f);
	f.speaker[2].deaf = log_limit > 0;
	for (unsigned i = 0; i < n; i++)
		announce_number(&f.speaker[0], i, i);
}

/* All is told now, and it was said of no route that it is gone. */
static void expect_no_withdrawal(unsigned n)
{
	f.speaker[2].deaf = false;
	fixture_settle(&f);
	for (unsigned i = 2; i < 4; i++) {
		assert_int_equal(heard_count(&f.speaker[i], NULL), n);
		assert_int_equal(heard(&f.speaker[i], "10.0.5.0/24")->keys.med, 1000);
		assert_int_equal(f.speaker[i].withdrawals, 0);
	}
	fixture_end(&f);
}

/*
 * The best path of a prefix goes while what changed of it before is yet to be told: not told as
 * gone, but once the next best is known.
 */
static void test_next_best_is_waited_for(void **state)
{
	const unsigned n = 60, more = 300;

	(void)state;
	begin_changed(n, 0);
	for (unsigned turn = 0; turn < 2; turn++) {
		/* In both turns more than is decided, or told to one of the groups. */
		rib_run(f.rib, f.now += 10000, true, 20);
		for (unsigned i = 0; i < n && turn == 0; i++)
			withdraw_number(&f.speaker[0], i);
	}
	expect_no_withdrawal(n);

	/* One who catches up, alone once the others are through. */
	begin_changed(more, 1500);
	fixture_settle(&f);
	for (unsigned i = 0; i < more; i++)
		announce_number(&f.speaker[0], i, 1 + i);
	fixture_settle(&f);
	assert_string_equal(speaker_counts(&f.speaker[2]).output_state, "detached");
	for (unsigned i = 0; i < more; i++)
		withdraw_number(&f.speaker[0], i);
	while (speaker_read(&f.speaker[2], SIZE_MAX))
		continue;
	expect_no_withdrawal(more);
}

/* A large peer that has gone is not kept in the table by others that come and go. */
static void test_departures_take_turns(void **state)
{
	const unsigned n = 60;
	unsigned turns = 0;

	(void)state;
	fixture_begin(&f, 0);
	speaker_up(&f, 0, ROLE_CLIENT);
	speaker_up(&f, 2, ROLE_CLIENT);
	for (unsigned i = 0; i < n; i++)
		announce_number(&f.speaker[0], i, 0);
	fixture_settle(&f);
	speaker_down(&f.speaker[0]);
	for (; heard_count(&f.speaker[2], "10.0.0.0/24") > 0; turns++) {
		assert_true(turns < 20);
		speaker_up(&f, 1, ROLE_CLIENT);
		for (unsigned i = 0; i < n; i++)
			announce_number(&f.speaker[1], 1000 + i, 0);
		speaker_down(&f.speaker[1]);
		rib_run(f.rib, f.now += 10000, true, 10);
		while (f.speaker[2].ready)
			speaker_read(&f.speaker[2], SIZE_MAX);
	}
	fixture_end(&f);
}

/* One that gives more to sweep in every turn than a turn does keeps nobody else's waiting. */
static void test_sweeps_take_turns(void **state)
{
	const unsigned n = 60;
	struct speaker *away, *hostile;
	unsigned turns = 0;

	(void)state;
	fixture_begin(&f, 0);
	away = speaker_up(&f, 0, ROLE_CLIENT);
	hostile = speaker_up(&f, 1, ROLE_CLIENT);
	for (unsigned i = 0; i < n; i++)
		announce_number(away, i, 0);
	fixture_settle(&f);
	speaker_retain(away, FAMILIES_ALL);
	rib_stale_sweep(f.rib, away->peer, FAMILY_IPV4_UNICAST);
	for (; rib_stale_count(away->peer, FAMILY_IPV4_UNICAST) > 0; turns++) {
		assert_true(turns < 20);
		for (unsigned i = 0; i < n; i++)
			announce_number(hostile, 1000 + i, 0);
		rib_refresh_begins(f.rib, hostile->peer, FAMILY_IPV4_UNICAST);
		rib_refresh_ends(f.rib, hostile->peer, FAMILY_IPV4_UNICAST);
		rib_run(f.rib, f.now += 10000, true, 10);
	}
	fixture_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_budget_of_paths),
		cmocka_unit_test(test_budget_is_shared),
		cmocka_unit_test(test_departing_together),
		cmocka_unit_test(test_deaf_peer_goes),
		cmocka_unit_test(test_next_best_is_waited_for),
		cmocka_unit_test(test_departures_take_turns),
		cmocka_unit_test(test_sweeps_take_turns),
	};

	return cmocka_run_group_tests_name("rib_budget", tests, NULL, NULL);
}
