/*
 * End-of-RIB held back (RFC 4724 section 4.1): peers are sent the table and what changes, no
 * marker; when the hold ends each gets one, behind all that had been received before.
 */
#include "tests/unit/rib_fixture.h"

#include <stdio.h>

#define IPV4 FAMILY_BIT(FAMILY_IPV4_UNICAST)

static struct fixture f;

static void announce_number(struct speaker *s, unsigned i, unsigned med)
{
	char text[PREFIX_TEXT_MAX];

	snprintf(text, sizeof(text), "10.%u.%u.0/24", i / 256, i % 256);
	announce(s, text, .med = IS(med));
}

static void expect_markers(const struct speaker *s, unsigned n, unsigned announcements)
{
	assert_int_equal(s->end_of_rib, n > 0 ? FAMILIES_ALL : 0);
	assert_int_equal(s->end_of_ribs, n);
	assert_int_equal(s->at_end_of_rib, announcements);
}

/* Members of one group, one of them late, and one of another group. */
static void test_hold(void **state)
{
	struct speaker *source, *a, *b, *late, *six;

	(void)state;
	fixture_begin(&f, 0);
	rib_hold_end_of_rib(f.rib, true);
	source = speaker_up(&f, 0, ROLE_CLIENT);
	a = speaker_up(&f, 1, ROLE_CLIENT);
	fixture_settle(&f);
	announce(source, "10.1.0.0/16");
	fixture_settle(&f);
	b = speaker_up(&f, 2, ROLE_CLIENT);
	six = speaker_of(&f, 3, ROLE_CLIENT);
	six->parameters.families = FAMILY_BIT(FAMILY_IPV6_UNICAST);
	speaker_connect(six);
	fixture_settle(&f);
	for (unsigned i = 0; i < 3; i++) {
		/* They are done with their walk, and hear of what changes. */
		assert_string_equal(speaker_counts(a).output_state, "current");
		assert_string_equal(speaker_counts(b).output_state, "current");
		announce(source, "10.1.0.0/16", .med = IS(i));
		fixture_settle(&f);
		assert_int_equal(heard(a, "10.1.0.0/16")->keys.med, i);
		assert_int_equal(heard(b, "10.1.0.0/16")->keys.med, i);
	}
	for (unsigned i = 0; i < 4; i++)
		expect_markers(&f.speaker[i], 0, 0);
	/* What is received now, and the hold ends before anybody was told. */
	announce(source, "10.2.0.0/16");
	announce(source, "fd00::/32");
	rib_hold_end_of_rib(f.rib, false);
	late = speaker_up(&f, 4, ROLE_CLIENT);
	fixture_settle(&f);
	expect_markers(a, 2, a->announcements);
	assert_int_equal(a->announcements, 6);
	expect_markers(b, 2, 6);
	expect_markers(source, 2, 0);
	expect_markers(late, 2, 3);
	assert_int_equal(six->end_of_rib, FAMILY_BIT(FAMILY_IPV6_UNICAST));
	assert_int_equal(six->end_of_ribs, 1);
	assert_int_equal(six->at_end_of_rib, 1);
	/* Held once more, with somebody who has not had it. */
	announce(source, "10.3.0.0/16");
	rib_hold_end_of_rib(f.rib, true);
	rib_hold_end_of_rib(f.rib, false);
	fixture_settle(&f);
	expect_markers(a, 2, 6);
	rib_hold_end_of_rib(f.rib, true);
	speaker_up(&f, 5, ROLE_CLIENT);
	fixture_settle(&f);
	expect_markers(&f.speaker[5], 0, 0);
	rib_hold_end_of_rib(f.rib, false);
	fixture_settle(&f);
	expect_markers(&f.speaker[5], 2, 4);
	fixture_end(&f);
}

/* The hold ends amid walks, before walks, and among peers that are slow. */
static void test_amid_walk(void **state)
{
	const unsigned n = 300;
	struct speaker *source, *slow, *asks, *moved;

	(void)state;
	for (unsigned when = 0; when < 6; when++) {
		fixture_begin(&f, 1500);
		rib_hold_end_of_rib(f.rib, true);
		source = speaker_up(&f, 0, ROLE_CLIENT);
		fixture_settle(&f);
		for (unsigned i = 0; i < n; i++)
			announce_number(source, i, 1);
		fixture_settle(&f);
		slow = speaker_up(&f, 1, ROLE_CLIENT);
		asks = speaker_up(&f, 2, ROLE_CLIENT);
		moved = speaker_up(&f, 3, ROLE_CLIENT);
		for (unsigned turn = 0; turn < 200; turn++) {
			fixture_run(&f);
			speaker_read(slow, 40);
			if (turn == 20 + 30 * when) {
				for (unsigned i = 0; i < n; i += 2)
					announce_number(source, i, 2 + when);
				rib_hold_end_of_rib(f.rib, false);
			}
			if (turn > 3 && turn % 4 == 0) {
				while (speaker_read(moved, 5000))
					continue;
				moved->parameters.role = turn % 8 == 0 ? ROLE_NON_CLIENT
								       : ROLE_CLIENT;
				assert_true(rib_peer_move(f.rib, moved->peer, &moved->parameters));
			}
			if (turn > 30 && turn % 8 == 0) {
				assert_true(
					rib_refresh(f.rib, asks->peer, FAMILY_IPV4_UNICAST, true));
				while (speaker_read(asks, 300))
					continue;
			}
		}
		fixture_settle(&f);
		for (unsigned i = 1; i < 4; i++) {
			assert_int_equal(f.speaker[i].end_of_rib, FAMILIES_ALL);
			assert_int_equal(heard_count(&f.speaker[i], NULL), n);
			assert_int_equal(heard(&f.speaker[i], "10.0.0.0/24")->keys.med, 2 + when);
			/* No BoRR stands in front of the End-of-RIB: RFC 7313 section 4. */
			assert_false(f.speaker[i].early_borr);
		}
		fixture_end(&f);
	}
}

/*
 * What a peer had been sent when its marker came: all that was received before the hold ended,
 * though more comes all the time than a turn can decide, or than it can flush to several groups.
 */
static void test_order(void **state)
{
	const unsigned n = 500, again = 100;
	struct speaker *busy, *to;

	(void)state;
	for (unsigned groups = 1; groups < 6; groups++) {
		unsigned turns = 0;

		fixture_begin(&f, 0);
		rib_hold_end_of_rib(f.rib, true);
		busy = speaker_up(&f, 1, ROLE_CLIENT);
		to = speaker_up(&f, 2, ROLE_CLIENT);
		for (unsigned i = 1; i < groups; i++) {
			struct speaker *s = speaker_of(&f, 2 + i, ROLE_CLIENT);

			s->parameters.extended_message = i & 1;
			s->parameters.add_path_send = i & 2 ? FAMILIES_ALL : 0;
			s->parameters.long_lived = i & 4 ? LONG_LIVED_AS_IS : LONG_LIVED_NEVER;
			speaker_connect(s);
		}
		fixture_settle(&f);
		speaker_up(&f, 0, ROLE_CLIENT);
		for (unsigned i = 0; i < n; i++)
			announce_number(&f.speaker[0], i, 0);
		/* The hold ends when some were told already, of which some change. */
		for (unsigned i = 0; i < 10; i++)
			rib_run(f.rib, f.now += 10000, true, 20);
		for (unsigned i = 0; i < again; i++)
			announce_number(&f.speaker[0], i, 7);
		rib_hold_end_of_rib(f.rib, false);
		for (; !(to->end_of_rib & IPV4); turns++) {
			assert_true(turns < 1000);
			for (unsigned i = 0; i < 60; i++)
				announce_number(busy, 5000 + i, turns);
			rib_run(f.rib, f.now += 10000, true, 20);
			/* In small pieces: the marker is met where it stands. */
			while (!(to->end_of_rib & IPV4) && speaker_read(to, 100))
				continue;
		}
		for (unsigned i = 0; i < n; i++) {
			char text[PREFIX_TEXT_MAX];

			snprintf(text, sizeof(text), "10.%u.%u.0/24", i / 256, i % 256);
			assert_non_null(heard(to, text));
			assert_int_equal(heard(to, text)->keys.med, i < again ? 7 : 0);
		}
		assert_true(turns > (n - 400) / 40);
		fixture_end(&f);
	}
}

/* A peer that alone makes up a group, and is brought up to date there, while markers are held. */
static void test_moved(void **state)
{
	struct speaker *source, *to;

	(void)state;
	for (unsigned deaf = 0; deaf < 2; deaf++) {
		fixture_begin(&f, 0);
		rib_hold_end_of_rib(f.rib, true);
		source = speaker_up(&f, 0, ROLE_CLIENT);
		to = speaker_up(&f, 1, ROLE_CLIENT);
		announce(source, "10.1.0.0/16");
		to->deaf = deaf;
		fixture_settle(&f);
		to->parameters.role = ROLE_NON_CLIENT;
		assert_true(rib_peer_move(f.rib, to->peer, &to->parameters));
		to->deaf = false;
		fixture_settle(&f);
		assert_string_equal(speaker_counts(to).output_state, "current");
		assert_non_null(heard(to, "10.1.0.0/16"));
		expect_markers(to, 0, 0);
		rib_hold_end_of_rib(f.rib, false);
		fixture_settle(&f);
		expect_markers(to, 2, to->announcements);
		fixture_end(&f);
	}
}

static void withdraw_number(struct speaker *s, unsigned i)
{
	char text[PREFIX_TEXT_MAX];

	snprintf(text, sizeof(text), "10.%u.%u.0/24", i / 256, i % 256);
	withdraw(s, text);
}

static void read_to_marker(struct speaker *s)
{
	while (!(s->end_of_rib & IPV4) && speaker_read(s, 100))
		continue;
}

/* Two speakers with the same routes, of which the better ones go; that is not decided yet. */
static void begin_undecided(unsigned n)
{
	fixture_begin(&f, 0);
	speaker_up(&f, 0, ROLE_CLIENT);
	speaker_up(&f, 1, ROLE_CLIENT);
	for (unsigned i = 0; i < n; i++) {
		announce_number(&f.speaker[0], i, 1);
		announce_number(&f.speaker[1], i, 2);
	}
	fixture_settle(&f);
	for (unsigned i = 0; i < n; i++)
		withdraw_number(&f.speaker[0], i);
}

/*
 * Peers that come up while best paths are yet to be decided: the marker does not stand in front of
 * what they are to be told of them.
 */
static void test_undecided(void **state)
{
	const unsigned n = 300;
	unsigned turns = 0;
	struct speaker *to;

	(void)state;
	begin_undecided(n);
	to = speaker_up(&f, 2, ROLE_CLIENT);
	for (; !(to->end_of_rib & IPV4); turns++) {
		assert_true(turns < 1000);
		rib_run(f.rib, f.now += 10000, true, 20); /* 40 decisions */
		read_to_marker(to);
	}
	assert_int_equal(heard_count(to, NULL), n);
	fixture_settle(&f);
	assert_int_equal(heard_count(to, NULL), n);
	expect_markers(to, 2, n);
	/* It was for this one alone. */
	assert_int_equal(f.speaker[1].end_of_ribs, 2);
	fixture_end(&f);
}

static void announce_big(struct speaker *s, unsigned i)
{
	/* Optional, transitive, unknown, its length in two octets: 1400. */
	uint8_t raw[4 + 1400] = { 0xd0, 200, 1400 >> 8, 1400 & 0xff, (uint8_t)(i >> 8),
		(uint8_t)i };
	char text[PREFIX_TEXT_MAX];

	snprintf(text, sizeof(text), "10.%u.%u.0/24", i / 256, i % 256);
	announce(s, text, .raw = SPAN(raw));
}

/*
 * What is decided while a walk goes on comes behind it, from the group's log, and the marker comes
 * behind that: also where the end of a hold has one written meanwhile for those who wait for it.
 */
static void test_decided_amid_walk(void **state)
{
	const unsigned n = 50, big = 1000;
	struct speaker *to, *early;

	(void)state;
	for (unsigned hold = 0; hold < 2; hold++) {
		begin_undecided(n);
		for (unsigned i = 0; i < big; i++)
			announce_big(&f.speaker[0], 1000 + i);
		for (unsigned i = 0; i < n; i++)
			announce_number(&f.speaker[0], i, 1);
		rib_hold_end_of_rib(f.rib, hold);
		early = speaker_up(&f, 2, ROLE_CLIENT);
		fixture_settle(&f);
		for (unsigned i = 0; i < n; i++)
			withdraw_number(&f.speaker[0], i);
		to = speaker_up(&f, 3, ROLE_CLIENT);
		rib_run(f.rib, f.now += 10000, true, 1); /* 2 decisions, and the walk begins */
		assert_string_equal(speaker_counts(to).output_state, "joining");
		rib_hold_end_of_rib(f.rib, false);
		for (unsigned i = 0; i < 5; i++)
			fixture_run(&f);
		read_to_marker(to);
		assert_int_equal(heard_count(to, NULL), n + big);
		fixture_settle(&f);
		expect_markers(to, 2, to->announcements);
		assert_int_equal(early->end_of_rib, FAMILIES_ALL);
		assert_int_equal(early->end_of_ribs, 2);
		fixture_end(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_amid_walk),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_undecided),
		cmocka_unit_test(test_decided_amid_walk),
	};

	return cmocka_run_group_tests_name("rib_end_of_rib", tests, NULL, NULL);
}
