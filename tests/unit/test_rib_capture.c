/*
 * What the journal is told: rows of changed paths, whatever their numbers went through meanwhile,
 * attribute sets by ID, and each change of a best path with its cause.
 */
#include "tests/unit/rib_fixture.h"
#include "tests/unit/rib_mirror.h"

#include <stdio.h>

#include "rib/state.h"

static struct fixture f;
static struct mirror m;

static void begin(void)
{
	fixture_begin(&f, 0);
	mirror_begin(&m, f.rib, NULL);
}

static void end(void)
{
	mirror_check(&m);
	for (unsigned i = 0; i < SPEAKERS; i++) {
		if (f.speaker[i].peer != NULL)
			speaker_down(&f.speaker[i]);
	}
	fixture_settle(&f);
	mirror_check(&m);
	mirror_end(&m);
	fixture_end(&f);
}

static const struct mirror_best *best(const char *text)
{
	struct prefix prefix;

	assert_true(prefix_parse(text, false, &prefix));
	return mirror_find_best(&m, &prefix);
}

/* The newest row of 10.0.0.0/8, after one more change than `changes`. */
static void expect_best(size_t changes, enum best_cause cause, const struct speaker *from)
{
	const struct mirror_best *b;

	fixture_settle(&f);
	b = best("10.0.0.0/8");
	assert_non_null(b);
	assert_string_equal(best_cause_name(b->cause), best_cause_name(cause));
	assert_int_equal(b->peer, from != NULL ? from->parameters.id : 0);
	assert_int_equal(m.changes, changes + 1);
	mirror_check(&m);
}

static void test_rows(void **state)
{
	struct speaker *s;

	(void)state;
	begin();
	s = speaker_up(&f, 0, ROLE_CLIENT);
	announce(s, "10.0.0.0/8", .as_path = "1");
	announce(s, "fd00::/16", .as_path = "1");
	assert_int_equal(rib_capture_waiting(f.rib), 2);
	/* Told often or not at all in between, a path is one row. */
	announce(s, "10.0.0.0/8", .as_path = "2");
	announce(s, "10.0.0.0/8", .as_path = "3");
	assert_int_equal(rib_capture_waiting(f.rib), 2);
	assert_int_equal(mirror_take(&m, 1), 1);
	assert_int_equal(mirror_take(&m, 10), 1);
	assert_int_equal(m.sets_told, 2);
	/* The same again is no change. */
	announce(s, "10.0.0.0/8", .as_path = "3");
	assert_int_equal(rib_capture_waiting(f.rib), 0);
	/* A set that is known is not told twice. */
	announce(s, "11.0.0.0/8", .as_path = "3");
	assert_int_equal(mirror_take(&m, 10), 1);
	assert_int_equal(m.sets_told, 2);
	withdraw(s, "10.0.0.0/8");
	withdraw(s, "12.0.0.0/8");
	assert_int_equal(rib_capture_waiting(f.rib), 1);
	end();
}

/* A number that is given to another peer's path before it was told. */
static void test_number_given_anew(void **state)
{
	struct speaker *a, *b;

	(void)state;
	begin();
	a = speaker_up(&f, 0, ROLE_CLIENT);
	b = speaker_up(&f, 1, ROLE_CLIENT);
	announce(a, "10.0.0.0/8", .as_path = "1");
	fixture_settle(&f);
	mirror_check(&m);
	withdraw(a, "10.0.0.0/8");
	fixture_settle(&f);
	announce(b, "11.0.0.0/8", .as_path = "2");
	assert_int_equal(table_path(&f.rib->tables[FAMILY_IPV4_UNICAST], 0)->source, 2);
	assert_int_equal(rib_capture_waiting(f.rib), 1);
	fixture_settle(&f);
	mirror_check(&m);
	assert_int_equal(m.rows[FAMILY_IPV4_UNICAST][0].peer, b->parameters.id);
	end();
}

/* A path that is withdrawn and that an ADD-PATH group still has to hear of is no path. */
static void test_withdrawn_and_held(void **state)
{
	struct speaker *a, *b;

	(void)state;
	begin();
	a = speaker_up(&f, 0, ROLE_CLIENT);
	b = speaker_of(&f, 1, ROLE_CLIENT);
	b->parameters.add_path_send = FAMILIES_ALL;
	speaker_connect(b);
	announce(a, "10.0.0.0/8", .as_path = "1");
	fixture_settle(&f);
	mirror_check(&m);
	withdraw(a, "10.0.0.0/8");
	assert_int_equal(table_path(&f.rib->tables[FAMILY_IPV4_UNICAST], 0)->source, 1);
	assert_int_equal(mirror_take(&m, 10), 1);
	assert_false(m.rows[FAMILY_IPV4_UNICAST][0].there);
	/* Announced again under the number that it still has. */
	announce(a, "10.0.0.0/8", .as_path = "2");
	assert_int_equal(mirror_take(&m, 10), 1);
	assert_true(m.rows[FAMILY_IPV4_UNICAST][0].there);
	fixture_settle(&f);
	end();
}

/* Whoever changes all the time keeps nobody else waiting. */
static void test_cursor(void **state)
{
	struct speaker *s;

	(void)state;
	begin();
	s = speaker_up(&f, 0, ROLE_CLIENT);
	for (unsigned i = 0; i < 200; i++) {
		char text[PREFIX_TEXT_MAX];

		snprintf(text, sizeof(text), i % 2 ? "10.%u.0.0/16" : "fd00:%u::/32", i);
		announce(s, text, .as_path = "1");
	}
	for (unsigned i = 1; i <= 20; i++) {
		/* Ten rows a time, and the first ten numbers of IPv4 change in between. */
		for (unsigned n = 1; n < 20; n += 2) {
			char text[PREFIX_TEXT_MAX];

			snprintf(text, sizeof(text), "10.%u.0.0/16", n);
			announce(s, text, .med = IS(i));
		}
		assert_int_equal(mirror_take(&m, 10), 10);
	}
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		for (size_t n = 0; n < 100; n++)
			assert_true(m.rows[family][n].there);
	}
	fixture_settle(&f);
	end();
}

static void test_ids_are_not_used_again(void **state)
{
	struct speaker *s;
	uint64_t last = 0;

	(void)state;
	begin();
	rib_capture_ids_above(f.rib, 41);
	s = speaker_up(&f, 0, ROLE_CLIENT);
	for (unsigned i = 0; i < 10; i++) {
		announce(s, "10.0.0.0/8", .med = IS(i));
		fixture_settle(&f);
		mirror_check(&m);
		assert_true(m.rows[FAMILY_IPV4_UNICAST][0].attrs > last);
		last = m.rows[FAMILY_IPV4_UNICAST][0].attrs;
		withdraw(s, "10.0.0.0/8");
		fixture_settle(&f);
		attr_sets_sweep(&f.rib->attr_sets, ATTR_CACHE_SLOTS);
		mirror_check(&m);
	}
	assert_int_equal(last, 51);
	end();
}

/* A journal that begins anew is told everything, by other IDs, and no set of before has gone. */
static void test_all(void **state)
{
	struct speaker *s;

	(void)state;
	begin();
	s = speaker_up(&f, 0, ROLE_CLIENT);
	announce(s, "10.0.0.0/8", .as_path = "1");
	announce(s, "11.0.0.0/8", .as_path = "2");
	announce(s, "fd00::/16", .as_path = "1");
	fixture_settle(&f);
	mirror_check(&m);
	rib_capture_all(f.rib);
	assert_int_equal(rib_capture_waiting(f.rib), 3);
	mirror_forget_sets(&m);
	withdraw(s, "11.0.0.0/8");
	fixture_settle(&f);
	attr_sets_sweep(&f.rib->attr_sets, ATTR_CACHE_SLOTS);
	m.sets_told = 0;
	assert_int_equal(mirror_take(&m, 10), 3);
	assert_int_equal(m.sets_told, 2); /* one for each kind of next hop */
	mirror_forget_best(&m);
	assert_true(rib_capture_best(f.rib, 1));
	assert_int_equal(m.n_best, 1);
	while (rib_capture_best(f.rib, 1))
		;
	assert_int_equal(m.n_best, 2);
	mirror_check(&m);
	assert_false(rib_capture_best(f.rib, 1));
	end();
}

static void test_causes(void **state)
{
	struct speaker *a, *b;
	size_t n;

	(void)state;
	begin();
	a = speaker_up(&f, 0, ROLE_CLIENT);
	b = speaker_up(&f, 1, ROLE_CLIENT);
	n = m.changes;
	announce(a, "10.0.0.0/8", .as_path = "1 2");
	expect_best(n, BEST_ANNOUNCED, a);
	n = m.changes;
	announce(b, "10.0.0.0/8", .as_path = "1");
	expect_best(n, BEST_ANNOUNCED, b);
	n = m.changes;
	announce(b, "10.0.0.0/8", .as_path = "1", .med = IS(1));
	expect_best(n, BEST_CHANGED, b);
	n = m.changes;
	announce(b, "10.0.0.0/8", .as_path = "1 2 3");
	expect_best(n, BEST_CHANGED, a);
	n = m.changes;
	/* One that was not the best got better: it came, in the eyes of the prefix. */
	announce(b, "10.0.0.0/8", .as_path = "1");
	expect_best(n, BEST_ANNOUNCED, b);
	n = m.changes;
	withdraw(b, "10.0.0.0/8");
	expect_best(n, BEST_WITHDRAWN, a);
	n = m.changes;
	/* A loop: what was announced before is no longer true. */
	announce(a, "10.0.0.0/8", .originator = IS(OUR_ID));
	expect_best(n, BEST_REFUSED, NULL);
	n = m.changes;
	announce(b, "10.0.0.0/8", .as_path = "1");
	expect_best(n, BEST_ANNOUNCED, b);
	n = m.changes;
	speaker_down(b);
	expect_best(n, BEST_PEER_DOWN, NULL);
	end();
}

/* RFC 7606: treat-as-withdraw is a withdrawal that the peer did not ask for. */
static void test_cause_malformed(void **state)
{
	static const uint8_t bad_med[] = { 0x80, 4, 3, 0, 0, 0 };
	struct speaker *a;
	size_t n;

	(void)state;
	begin();
	a = speaker_up(&f, 0, ROLE_CLIENT);
	announce(a, "10.0.0.0/8", .as_path = "1");
	fixture_settle(&f);
	n = m.changes;
	announce(a, "10.0.0.0/8", .as_path = "1", .raw = SPAN(bad_med));
	expect_best(n, BEST_REFUSED, NULL);
	end();
}

static void test_cause_refresh(void **state)
{
	struct speaker *a;
	size_t n;

	(void)state;
	begin();
	a = speaker_up(&f, 0, ROLE_CLIENT);
	announce(a, "10.0.0.0/8", .as_path = "1");
	fixture_settle(&f);
	n = m.changes;
	rib_refresh_begins(f.rib, a->peer, FAMILY_IPV4_UNICAST);
	rib_refresh_ends(f.rib, a->peer, FAMILY_IPV4_UNICAST);
	expect_best(n, BEST_STALE_EXPIRED, NULL);
	end();
}

/* The role of a peer counts in the decision: other rules, and no row where they change nothing. */
static void test_cause_rules(void **state)
{
	struct rib_peer_parameters moved;
	struct speaker *a, *b;
	size_t n;

	(void)state;
	begin();
	a = speaker_up(&f, 0, ROLE_CLIENT);
	b = speaker_up(&f, 1, ROLE_CLIENT);
	announce(a, "10.0.0.0/8", .as_path = "65001");
	announce(b, "10.0.0.0/8", .as_path = "65001");
	announce(b, "11.0.0.0/8", .as_path = "65001");
	fixture_settle(&f);
	assert_int_equal(best("10.0.0.0/8")->peer, a->parameters.id);
	n = m.changes;
	moved = b->parameters;
	moved.role = ROLE_EXTERNAL;
	assert_true(rib_peer_move(f.rib, b->peer, &moved));
	/* of 10.0.0.0/8 alone */
	expect_best(n, BEST_RULES, b);
	end();
}

/*
 * A path whose number was freed before the decision, and the last of several causes that touched
 * the best path.
 */
static void test_several_causes(void **state)
{
	struct speaker *a, *b, *c;
	size_t n;

	(void)state;
	begin();
	a = speaker_up(&f, 0, ROLE_CLIENT);
	b = speaker_up(&f, 1, ROLE_CLIENT);
	c = speaker_up(&f, 2, ROLE_CLIENT);
	announce(a, "10.0.0.0/8", .as_path = "1");
	announce(b, "10.0.0.0/8", .as_path = "1 2");
	fixture_settle(&f);
	n = m.changes;
	announce(a, "10.0.0.0/8", .as_path = "1", .med = IS(2));
	withdraw(a, "10.0.0.0/8");
	announce(c, "10.0.0.0/8", .as_path = "1 2 3");
	withdraw(c, "10.0.0.0/8");
	expect_best(n, BEST_WITHDRAWN, b);
	n = m.changes;
	/* What went was not the best: it is the one that came. */
	announce(c, "10.0.0.0/8", .as_path = "1 2 3");
	fixture_settle(&f);
	announce(a, "10.0.0.0/8", .as_path = "1");
	withdraw(c, "10.0.0.0/8");
	expect_best(n, BEST_ANNOUNCED, a);
	n = m.changes;
	/* Came and went before anybody looked. */
	announce(c, "12.0.0.0/8", .as_path = "1");
	withdraw(c, "12.0.0.0/8");
	fixture_settle(&f);
	assert_int_equal(m.changes, n);
	assert_null(best("12.0.0.0/8"));
	end();
}

/* A path that was never the best may keep another from being it: MED is compared within an AS. */
static void test_cause_med(void **state)
{
	struct speaker *a, *b, *c;
	size_t n;

	(void)state;
	begin();
	a = speaker_up(&f, 0, ROLE_CLIENT);
	b = speaker_up(&f, 1, ROLE_CLIENT);
	c = speaker_up(&f, 2, ROLE_CLIENT);
	announce(a, "10.0.0.0/8", .as_path = "1", .med = IS(9)); /* beaten by c's MED */
	announce(b, "10.0.0.0/8", .as_path = "2", .med = IS(5));
	announce(c, "10.0.0.0/8", .as_path = "1", .med = IS(1));
	fixture_settle(&f);
	assert_int_equal(best("10.0.0.0/8")->peer, b->parameters.id);
	n = m.changes;
	withdraw(c, "10.0.0.0/8");
	expect_best(n, BEST_WITHDRAWN, a);
	end();
}

/* The peer departs, and the decision looks before its path is withdrawn. */
static void test_departing(void **state)
{
	struct speaker *a, *b;
	unsigned items = 1000;
	size_t n;

	(void)state;
	begin();
	a = speaker_up(&f, 0, ROLE_CLIENT);
	b = speaker_up(&f, 1, ROLE_CLIENT);
	announce(a, "10.0.0.0/8", .as_path = "1");
	announce(b, "10.0.0.0/8", .as_path = "1 2");
	fixture_settle(&f);
	n = m.changes;
	speaker_down(a);
	announce(b, "10.0.0.0/8", .as_path = "1 2 3");
	assert_true(rib_decide(f.rib, &items));
	expect_best(n, BEST_PEER_DOWN, b);
	end();
}

/* Another rib takes the place of one: what the journal has of the first goes. */
static void test_replaced(void **state)
{
	static const uint8_t key[16];
	struct rib *other;
	struct mirror second;
	struct speaker *s;
	uint64_t last;

	(void)state;
	begin();
	s = speaker_up(&f, 0, ROLE_CLIENT);
	for (unsigned i = 0; i < 10; i++) {
		char text[PREFIX_TEXT_MAX];

		snprintf(text, sizeof(text), "10.%u.0.0/16", i);
		announce(s, text, .med = IS(i));
	}
	mirror_check(&m);
	last = f.rib->attr_sets.next_id;
	other = rib_new(&f.rib->parameters, key);
	assert_non_null(other);
	mirror_begin(&second, other, f.rib);
	assert_int_equal(rib_capture_waiting(other), 10);
	assert_int_equal(mirror_take(&second, 100), 10);
	for (size_t n = 0; n < 10; n++)
		assert_false(second.rows[FAMILY_IPV4_UNICAST][n].there);
	rib_capture_ids_after(other, f.rib, 3);
	assert_int_equal(other->attr_sets.next_id, last + 3);
	mirror_end(&second);
	rib_free(other);
	fixture_settle(&f);
	end();
}

/* Changes that follow each other and differ in the peer, or the cause, alone. */
static void test_alike_but_for(void **state)
{
	static const char *const prefix[] = { "10.0.0.0/8", "11.0.0.0/8", "12.0.0.0/8",
		"13.0.0.0/8", "14.0.0.0/8", "15.0.0.0/8", "16.0.0.0/8", "17.0.0.0/8" };
	struct speaker *s[2];

	(void)state;
	begin();
	s[0] = speaker_up(&f, 0, ROLE_CLIENT);
	s[1] = speaker_up(&f, 1, ROLE_CLIENT);
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < 8; i++)
			announce(s[i / (round + 1) % 2], prefix[i], .as_path = "1",
				.next_hop = "192.0.2.9");
		fixture_settle(&f);
		for (unsigned i = 0; i < 8; i++) {
			assert_non_null(best(prefix[i]));
			assert_int_equal(
				best(prefix[i])->peer, s[i / (round + 1) % 2]->parameters.id);
		}
		mirror_check(&m);
		/* s[1]'s go by the end of its session, s[0]'s by a word of its own. */
		for (unsigned i = 0; i < 8; i++) {
			if (i / (round + 1) % 2 == 0)
				withdraw(s[0], prefix[i]);
		}
		speaker_down(s[1]);
		fixture_settle(&f);
		for (unsigned i = 0; i < 8; i++)
			assert_int_equal(best(prefix[i])->cause,
				i / (round + 1) % 2 == 0 ? BEST_WITHDRAWN : BEST_PEER_DOWN);
		s[1] = speaker_up(&f, 1, ROLE_CLIENT);
	}
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_alike_but_for),
		cmocka_unit_test(test_number_given_anew),
		cmocka_unit_test(test_withdrawn_and_held),
		cmocka_unit_test(test_cursor),
		cmocka_unit_test(test_ids_are_not_used_again),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_causes),
		cmocka_unit_test(test_cause_malformed),
		cmocka_unit_test(test_cause_refresh),
		cmocka_unit_test(test_cause_rules),
		cmocka_unit_test(test_several_causes),
		cmocka_unit_test(test_cause_med),
		cmocka_unit_test(test_departing),
		cmocka_unit_test(test_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
