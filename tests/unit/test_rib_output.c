/*
 * How changes reach the peers: split horizon, oversized attributes, slow peers and the limit of the
 * log, joining together, moves, and when a flush comes. What is told, and in which bytes, is in
 * test_rib_rules.c.
 */
#include "tests/unit/rib_fixture.h"

#include <stdio.h>

#include "rib/group_log.h"

#define V4 "10.1.0.0/16"

static struct fixture f;

static void expect_traffic(const struct speaker *s, unsigned announcements, unsigned withdrawals)
{
	assert_int_equal(s->announcements, announcements);
	assert_int_equal(s->withdrawals, withdrawals);
}

/* Where the best path moves to a path of B, B alone is told that the path it had is gone. */
static void test_split_horizon(void **state)
{
	struct speaker *a, *b, *c;

	(void)state;
	fixture_begin(&f, 0);
	a = speaker_up(&f, 0, ROLE_CLIENT);
	b = speaker_up(&f, 1, ROLE_CLIENT);
	c = speaker_up(&f, 2, ROLE_CLIENT);
	announce(a, V4);
	fixture_settle(&f);
	expect_traffic(a, 0, 0);
	expect_traffic(b, 1, 0);
	expect_traffic(c, 1, 0);
	announce(b, V4, .local_pref = IS(200));
	fixture_settle(&f);
	expect_traffic(a, 1, 0);
	expect_traffic(b, 1, 1);
	expect_traffic(c, 2, 0);
	assert_null(heard(b, V4));
	assert_int_equal(heard(a, V4)->keys.originator_id, b->parameters.bgp_id);
	announce(b, V4, .local_pref = IS(201)); /* same source: no withdrawal */
	fixture_settle(&f);
	expect_traffic(a, 2, 0);
	expect_traffic(b, 1, 1);
	expect_traffic(c, 3, 0);
	announce(b, V4, .local_pref = IS(201)); /* the same again: nothing */
	fixture_settle(&f);
	expect_traffic(c, 3, 0);
	withdraw(b, V4);
	fixture_settle(&f);
	expect_traffic(a, 2, 1);
	expect_traffic(b, 2, 1);
	expect_traffic(c, 4, 0);
	assert_int_equal(heard(b, V4)->keys.originator_id, a->parameters.bgp_id);
	assert_int_equal(speaker_counts(a).advertised[FAMILY_IPV4_UNICAST], 0);
	assert_int_equal(speaker_counts(b).advertised[FAMILY_IPV4_UNICAST], 1);
	fixture_end(&f);
}

/* The new source stands in another group: nobody of this group is its source. */
static void test_split_horizon_other_group(void **state)
{
	struct speaker *a, *other, *c;
	uint64_t before;

	(void)state;
	fixture_begin(&f, 0);
	a = speaker_up(&f, 0, ROLE_CLIENT);
	other = speaker_up(&f, 1, ROLE_NON_CLIENT);
	c = speaker_up(&f, 2, ROLE_CLIENT);
	announce(a, V4);
	fixture_settle(&f);
	before = fixture_counts(&f).updates_encoded;
	announce(other, V4, .local_pref = IS(200));
	fixture_settle(&f);
	assert_null(heard(other, V4)); /* non-client: its group hears of no non-client */
	expect_traffic(other, 1, 1);
	expect_traffic(a, 1, 0);
	expect_traffic(c, 2, 0);
	assert_int_equal(fixture_counts(&f).updates_encoded - before, 2);
	fixture_end(&f);
}

/* One path of many goes, and touches no other (RFC 7911). */
static void test_add_path(void **state)
{
	struct speaker *to, *source[5];
	uint32_t gone;

	(void)state;
	fixture_begin(&f, 0);
	to = speaker_of(&f, 7, ROLE_CLIENT);
	to->parameters.add_path_send = FAMILIES_ALL;
	speaker_connect(to);
	for (unsigned i = 0; i < 5; i++) {
		source[i] = speaker_of(&f, i, ROLE_CLIENT);
		source[i]->parameters.add_path_send = FAMILIES_ALL;
		speaker_connect(source[i]);
		announce(source[i], V4, .local_pref = IS(100 + i));
	}
	fixture_settle(&f);
	assert_int_equal(heard_count(to, V4), 5);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(heard_count(source[i], V4), 4); /* all but its own */
		assert_int_equal(speaker_counts(source[i]).advertised[FAMILY_IPV4_UNICAST], 4);
		for (size_t k = 0; k < source[i]->n_heard; k++)
			assert_int_not_equal(source[i]->heard[k].keys.originator_id,
				source[i]->parameters.bgp_id);
	}
	assert_int_equal(speaker_counts(to).advertised[FAMILY_IPV4_UNICAST], 5);
	expect_traffic(to, 5, 0);
	withdraw(source[3], V4);
	fixture_settle(&f);
	expect_traffic(to, 5, 1);
	assert_int_equal(heard_count(to, V4), 4);
	gone = 0;
	for (size_t k = 0; k < to->n_heard; k++)
		gone += !to->heard[k].there &&
			to->heard[k].keys.originator_id == source[3]->parameters.bgp_id;
	assert_int_equal(gone, 1);
	fixture_end(&f);
}

/* A raw attribute, optional and transitive, unknown, with a value of `len` bytes. */
static struct span unknown_attribute(size_t len)
{
	static uint8_t bytes[60000];

	bytes[0] = 0xd0;
	bytes[1] = 99;
	bytes[2] = (uint8_t)(len >> 8);
	bytes[3] = (uint8_t)len;
	return (struct span){ bytes, len + 4 };
}

/*
 * RFC 8654 section 4: attributes that no message of 4096 bytes holds. The route is withdrawn from
 * those who cannot be told, wherever they stand; those with extended messages are told.
 */
static void test_oversized(void **state)
{
	struct speaker *source, *small, *large, *late, *other;

	(void)state;
	fixture_begin(&f, 0);
	source = speaker_of(&f, 0, ROLE_CLIENT);
	small = speaker_up(&f, 1, ROLE_CLIENT);
	other = speaker_up(&f, 2, ROLE_CLIENT);
	large = speaker_of(&f, 3, ROLE_CLIENT);
	source->parameters.extended_message = true;
	large->parameters.extended_message = true;
	speaker_connect(source);
	speaker_connect(large);
	announce(source, V4);
	announce(source, "10.2.0.0/16", .raw = unknown_attribute(5000));
	fixture_settle(&f);
	assert_non_null(heard(small, V4));
	assert_null(heard(small, "10.2.0.0/16"));
	assert_non_null(heard(large, "10.2.0.0/16"));
	announce(source, V4, .raw = unknown_attribute(50000));
	fixture_settle(&f);
	assert_null(heard(small, V4));
	assert_int_equal(heard_count(other, NULL), 0);
	assert_non_null(heard(large, V4));
	assert_true(large->last_len > 50000);
	announce(
		source, "10.3.0.0/16", .raw = unknown_attribute(40000)); /* the chunk has no room */
	fixture_settle(&f);
	assert_non_null(heard(large, "10.3.0.0/16"));
	withdraw(source, "10.3.0.0/16");
	fixture_settle(&f);
	assert_int_equal(speaker_counts(small).advertised[FAMILY_IPV4_UNICAST], 0);
	assert_int_equal(speaker_counts(large).advertised[FAMILY_IPV4_UNICAST], 2);
	late = speaker_up(&f, 4, ROLE_CLIENT);
	fixture_settle(&f);
	assert_int_equal(late->end_of_rib, FAMILIES_ALL);
	assert_int_equal(late->announcements, 0);
	announce(source, V4, .med = IS(1));
	fixture_settle(&f);
	assert_non_null(heard(small, V4));
	assert_non_null(heard(late, V4));
	/* Someone else's path, then an oversized better one: nobody keeps the old one. */
	announce(other, V4, .local_pref = IS(200));
	fixture_settle(&f);
	assert_int_equal(heard(small, V4)->keys.originator_id, other->parameters.bgp_id);
	announce(small, V4, .local_pref = IS(300), .raw = unknown_attribute(4060));
	fixture_settle(&f);
	assert_null(heard(small, V4));
	assert_null(heard(late, V4));
	assert_null(heard(other, V4));
	assert_int_equal(heard(large, V4)->keys.originator_id, small->parameters.bgp_id);
	withdraw(small, V4);
	fixture_settle(&f);
	assert_int_equal(heard(small, V4)->keys.originator_id, other->parameters.bgp_id);
	assert_int_equal(heard(late, V4)->keys.originator_id, other->parameters.bgp_id);
	fixture_end(&f);
}

/*
 * The longest attributes that fit, and one byte more: with the prefix of full length that the
 * builder leaves room for.
 */
static void test_oversized_by_a_byte(void **state)
{
	/*
	 * header, lengths, ORIGIN, AS_PATH, NEXT_HOP, LOCAL_PREF, ORIGINATOR_ID, CLUSTER_LIST, the
	 * header of the unknown one, /32
	 */
	const size_t most = 4096 - 19 - 4 - 4 - 3 - 7 - 7 - 7 - 7 - 4 - 5;
	struct speaker *source, *to;

	(void)state;
	fixture_begin(&f, 0);
	source = speaker_up(&f, 0, ROLE_CLIENT);
	to = speaker_up(&f, 1, ROLE_CLIENT);
	announce(source, "10.0.0.1/32", .raw = unknown_attribute(most));
	fixture_settle(&f);
	assert_non_null(heard(to, "10.0.0.1/32"));
	assert_int_equal(to->last_len, 4096 - 19);
	announce(source, "10.0.0.1/32", .raw = unknown_attribute(most + 1));
	fixture_settle(&f);
	assert_null(heard(to, "10.0.0.1/32"));
	fixture_end(&f);
}

#define AFTER_WORK 10000 /* us: nothing but housekeeping is left to do */

struct groups {
	unsigned n, peers, joining, detached;
	size_t log_bytes;
	uint64_t messages;
};

static void count_group(void *context, const struct rib_group_view *group)
{
	struct groups *groups = context;

	groups->n++;
	groups->peers += group->peers;
	groups->joining += group->joining;
	groups->detached += group->detached;
	groups->log_bytes += group->log_bytes;
	groups->messages += group->messages;
}

static struct groups groups_of(const struct fixture *fixture)
{
	struct groups groups = { 0 };

	rib_groups(fixture->rib, count_group, &groups);
	return groups;
}

#define LIMIT	 200000
#define PREFIXES 1000

/* All prefixes, each with attributes of its own, so that they fill the log. */
static void announce_all(struct speaker *s, unsigned round)
{
	for (unsigned i = 0; i < PREFIXES; i++) {
		char text[PREFIX_TEXT_MAX];

		snprintf(text, sizeof(text), "10.%u.%u.0/24", i / 256, i % 256);
		announce(s, text, .med = IS(i), .local_pref = IS(round));
	}
}

static void check_all(const struct speaker *s, unsigned round)
{
	assert_int_equal(heard_count(s, NULL), PREFIXES);
	for (size_t i = 0; i < s->n_heard; i++)
		assert_int_equal(s->heard[i].keys.local_pref, round);
}

/* What one slow peer costs is bounded, and the others never wait for it. */
static void test_slow_peer(void **state)
{
	struct speaker *source, *fast, *slow;
	const unsigned rounds = 20;

	(void)state;
	fixture_begin(&f, LIMIT);
	source = speaker_up(&f, 0, ROLE_CLIENT);
	fast = speaker_up(&f, 1, ROLE_CLIENT);
	slow = speaker_up(&f, 2, ROLE_CLIENT);
	fixture_settle(&f);
	slow->deaf = true;
	for (unsigned round = 1; round <= rounds; round++) {
		announce_all(source, round);
		fixture_settle(&f);
		check_all(fast, round);
		/* a batch on top of the limit, in chunks */
		assert_true(groups_of(&f).log_bytes < LIMIT + (512u << 10) + LOG_CHUNK_BYTES);
	}
	assert_string_equal(speaker_counts(slow).output_state, "detached");
	assert_string_equal(speaker_counts(fast).output_state, "current");
	assert_int_equal(groups_of(&f).detached, 1);
	assert_true(groups_of(&f).log_bytes < LIMIT);
	assert_int_equal(slow->announcements, 0);
	slow->deaf = false;
	fixture_settle(&f);
	check_all(slow, rounds);
	assert_int_equal(slow->announcements, PREFIXES); /* the state, not the history */
	assert_string_equal(speaker_counts(slow).output_state, "current");
	assert_int_equal(groups_of(&f).detached, 0);
	fixture_end(&f);
}

/* A prefix of the speaker's own, better or worse than what `source` announces of it. */
static void announce_own(struct speaker *s, unsigned i, unsigned local_pref)
{
	char text[PREFIX_TEXT_MAX];

	snprintf(text, sizeof(text), "10.0.%u.0/24", i);
	announce(s, text, .local_pref = IS(local_pref));
}

/* Those who fell behind together are brought up to date together: five cost what one does. */
static void test_slow_peers_together(void **state)
{
	const unsigned n_slow = 5, rounds = 8;
	struct speaker *source, *fast, *slow[5];
	uint64_t messages;

	(void)state;
	fixture_begin(&f, LIMIT);
	source = speaker_up(&f, 0, ROLE_CLIENT);
	fast = speaker_up(&f, 1, ROLE_CLIENT);
	for (unsigned i = 0; i < n_slow; i++)
		slow[i] = speaker_up(&f, 2 + i, ROLE_CLIENT);
	fixture_settle(&f);
	for (unsigned i = 0; i < n_slow; i++)
		slow[i]->deaf = true;
	for (unsigned round = 1; round <= rounds; round++) {
		announce_all(source, round);
		fixture_settle(&f);
		/* Each stops elsewhere, most amid a message. */
		for (unsigned i = 0; round == 1 && i < n_slow; i++)
			speaker_read(slow[i], 1 + 1003 * i);
	}
	check_all(fast, rounds);
	assert_int_equal(groups_of(&f).detached, n_slow);
	/*
	 * The path of one of them comes first, that of another does no more: each hears of all but
	 * its own.
	 */
	announce_own(slow[0], 0, 1000);
	announce_own(slow[1], 1, 1);
	fixture_settle(&f);
	messages = groups_of(&f).messages;
	for (unsigned i = 0; i < n_slow; i++)
		slow[i]->deaf = false;
	fixture_settle(&f);
	assert_true(groups_of(&f).messages - messages < 2 * PREFIXES);
	assert_null(heard(slow[0], "10.0.0.0/24"));
	for (unsigned i = 0; i < n_slow; i++) {
		assert_int_equal(heard_count(slow[i], NULL), i == 0 ? PREFIXES - 1 : PREFIXES);
		assert_int_equal(heard(slow[i], "10.0.1.0/24")->keys.local_pref, rounds);
		assert_string_equal(speaker_counts(slow[i]).output_state, "current");
	}
	assert_int_equal(
		heard(slow[1], "10.0.0.0/24")->keys.originator_id, slow[0]->parameters.bgp_id);
	fixture_end(&f);
}

/*
 * One of those who catch up together stops: the others go on, and what is kept for it stays
 * bounded.
 */
static void test_slow_among_slow(void **state)
{
	struct speaker *source, *fast, *slow[2];
	unsigned round = 0;

	(void)state;
	fixture_begin(&f, LIMIT);
	source = speaker_up(&f, 0, ROLE_CLIENT);
	fast = speaker_up(&f, 1, ROLE_CLIENT);
	slow[0] = speaker_up(&f, 2, ROLE_CLIENT);
	slow[1] = speaker_up(&f, 3, ROLE_CLIENT);
	fixture_settle(&f);
	slow[0]->deaf = slow[1]->deaf = true;
	while (groups_of(&f).detached < 2) {
		assert_true(round < 10);
		announce_all(source, ++round);
		fixture_settle(&f);
	}
	for (unsigned i = 0; i < 20; i++) {
		/* slow[0] reads, but never to the end of what it is told */
		announce_all(source, ++round);
		fixture_settle(&f);
		while (slow[0]->ready && speaker_counts(slow[0]).output_backlog > 1)
			speaker_read(slow[0], speaker_counts(slow[0]).output_backlog - 1);
		check_all(fast, round);
		assert_true(fixture_counts(&f).memory < 8000000);
	}
	assert_int_equal(slow[1]->announcements, 0);
	slow[0]->deaf = slow[1]->deaf = false;
	fixture_settle(&f);
	check_all(slow[0], round);
	check_all(slow[1], round);
	assert_int_equal(groups_of(&f).detached, 0);
	fixture_end(&f);
}

/* Nobody reads: what changes gathers where it costs nothing, and the log stops growing. */
static void test_all_peers_slow(void **state)
{
	struct speaker *source, *slow[2];
	uint64_t messages = 0;

	(void)state;
	fixture_begin(&f, LIMIT);
	source = speaker_up(&f, 0, ROLE_CLIENT);
	slow[0] = speaker_up(&f, 1, ROLE_CLIENT);
	slow[1] = speaker_up(&f, 2, ROLE_CLIENT);
	fixture_settle(&f);
	source->deaf = slow[0]->deaf = slow[1]->deaf = true;
	for (unsigned round = 1; round <= 20; round++) {
		announce_all(source, round);
		fixture_settle(&f);
		assert_true(groups_of(&f).log_bytes < LIMIT + (512u << 10) + LOG_CHUNK_BYTES);
		if (round == 10)
			messages = groups_of(&f).messages;
	}
	assert_int_equal(groups_of(&f).messages, messages); /* nothing was encoded for nobody */
	source->deaf = slow[0]->deaf = slow[1]->deaf = false;
	fixture_settle(&f);
	check_all(slow[0], 20);
	check_all(slow[1], 20);
	assert_int_equal(source->announcements, 0);
	fixture_end(&f);
}

/*
 * Withdrawals that a slow peer had not read reach it, also those of prefixes that are gone from the
 * table.
 */
static void test_slow_peer_withdrawals(void **state)
{
	struct speaker *source, *slow;

	(void)state;
	fixture_begin(&f, LIMIT);
	source = speaker_up(&f, 0, ROLE_CLIENT);
	slow = speaker_up(&f, 1, ROLE_CLIENT);
	speaker_up(&f, 2, ROLE_CLIENT);
	announce_all(source, 1);
	announce(source, "fd00::/32");
	fixture_settle(&f);
	slow->deaf = true;
	for (unsigned round = 2; round <= 8; round++) {
		announce_all(source, round);
		fixture_settle(&f);
	}
	assert_string_equal(speaker_counts(slow).output_state, "detached");
	/* One while it catches up, the rest in the log of a peer that is not detached yet. */
	withdraw(source, "fd00::/32");
	withdraw(source, "10.0.0.0/24");
	fixture_settle(&f);
	slow->deaf = false;
	fixture_settle(&f);
	assert_int_equal(heard_count(slow, NULL), PREFIXES - 1);
	assert_null(heard(slow, "fd00::/32"));
	assert_null(heard(slow, "10.0.0.0/24"));
	slow->deaf = true;
	withdraw(source, "10.0.1.0/24");
	fixture_settle(&f);
	assert_string_equal(speaker_counts(slow).output_state, "current");
	for (unsigned round = 9; round <= 16; round++) {
		announce_all(source, round);
		withdraw(source, "10.0.1.0/24");
		fixture_settle(&f);
	}
	assert_string_equal(speaker_counts(slow).output_state, "detached");
	slow->deaf = false;
	fixture_settle(&f);
	assert_null(heard(slow, "10.0.1.0/24"));
	assert_int_equal(heard_count(slow, NULL), PREFIXES - 1);
	fixture_end(&f);
}

/*
 * Peers that come up together are walked for once; each is sent the whole table, then End-of-RIB.
 */
static void test_joining_together(void **state)
{
	struct speaker *source;
	uint64_t encoded;

	(void)state;
	fixture_begin(&f, 0);
	source = speaker_up(&f, 0, ROLE_NON_CLIENT);
	announce_all(source, 1);
	fixture_settle(&f);
	encoded = fixture_counts(&f).updates_encoded;
	for (unsigned i = 1; i < SPEAKERS; i++)
		speaker_up(&f, i, ROLE_CLIENT);
	assert_int_equal(groups_of(&f).joining, SPEAKERS - 1);
	assert_string_equal(speaker_counts(&f.speaker[1]).output_state, "joining");
	fixture_settle(&f);
	for (unsigned i = 1; i < SPEAKERS; i++) {
		check_all(&f.speaker[i], 1);
		expect_traffic(&f.speaker[i], PREFIXES, 0);
		assert_int_equal(f.speaker[i].end_of_rib, FAMILIES_ALL);
		assert_string_equal(speaker_counts(&f.speaker[i]).output_state, "current");
		assert_int_equal(speaker_counts(&f.speaker[i]).updates_sent, PREFIXES + 2);
	}
	assert_int_equal(groups_of(&f).joining, 0);
	assert_int_equal(fixture_counts(&f).updates_encoded - encoded, PREFIXES);
	fixture_end(&f);
}

/* RFC 4456: a change of role is told by updates, both to the peer and of it. */
static void test_move(void **state)
{
	struct speaker *moving, *client, *non_client;

	(void)state;
	fixture_begin(&f, 0);
	moving = speaker_up(&f, 0, ROLE_CLIENT);
	client = speaker_up(&f, 1, ROLE_CLIENT);
	non_client = speaker_up(&f, 2, ROLE_NON_CLIENT);
	announce(moving, "10.0.0.0/16");
	announce(client, "10.1.0.0/16");
	announce(non_client, "10.2.0.0/16");
	fixture_settle(&f);
	assert_int_equal(heard_count(moving, NULL), 2);
	assert_int_equal(heard_count(non_client, NULL), 2);
	moving->parameters.role = ROLE_NON_CLIENT;
	assert_true(rib_peer_move(f.rib, moving->peer, &moving->parameters));
	fixture_settle(&f);
	assert_non_null(heard(moving, "10.1.0.0/16"));
	assert_null(heard(moving, "10.2.0.0/16"));
	assert_non_null(heard(client, "10.0.0.0/16"));
	assert_null(heard(non_client, "10.0.0.0/16"));
	assert_int_equal(groups_of(&f).n, 2);
	moving->parameters.role = ROLE_CLIENT;
	moving->parameters.next_hop = NEXT_HOP_SELF;
	assert_true(ip_address_parse("192.0.2.77", &moving->parameters.local[FAMILY_IPV4_UNICAST]));
	assert_true(rib_peer_move(f.rib, moving->peer, &moving->parameters));
	fixture_settle(&f);
	assert_int_equal(heard_count(moving, NULL), 2);
	assert_int_equal(heard(moving, "10.2.0.0/16")->keys.next_hop[3], 77);
	assert_non_null(heard(non_client, "10.0.0.0/16"));
	assert_int_equal(groups_of(&f).n, 3);
	assert_int_equal(groups_of(&f).peers, 3);
	fixture_end(&f);
}

/* A change of the configuration moves many at once: that costs what one costs. */
static void test_move_together(void **state)
{
	const unsigned n_moved = 5;
	struct speaker *source, *moved[5];
	uint64_t messages;

	(void)state;
	fixture_begin(&f, 0);
	source = speaker_up(&f, 0, ROLE_CLIENT);
	for (unsigned i = 0; i < n_moved; i++) {
		moved[i] = speaker_up(&f, 1 + i, ROLE_CLIENT);
		announce_own(moved[i], 100 + i, 1000);
	}
	announce_all(source, 1);
	fixture_settle(&f);
	announce_all(source, 2);
	fixture_run(&f);
	messages = groups_of(&f).messages;
	for (unsigned i = 0; i < n_moved; i++) {
		speaker_read(moved[i], 1 + 1003 * i); /* most amid a message */
		moved[i]->parameters.role = ROLE_NON_CLIENT;
		if (i == 3) /* amid a refresh too */
			assert_true(rib_refresh(f.rib, moved[i]->peer, FAMILY_IPV4_UNICAST, true));
		assert_true(rib_peer_move(f.rib, moved[i]->peer, &moved[i]->parameters));
	}
	assert_int_equal(groups_of(&f).detached, n_moved);
	fixture_settle(&f);
	assert_int_equal(groups_of(&f).detached, 0);
	/* once for the three before the refresh, for that one, and for the one after it */
	assert_true(groups_of(&f).messages - messages < 4 * PREFIXES);
	for (unsigned i = 0; i < n_moved; i++) {
		/* Of what non-clients announce, non-clients hear nothing. */
		assert_int_equal(heard_count(moved[i], NULL), PREFIXES - n_moved);
		assert_int_equal(heard(moved[i], "10.0.0.0/24")->keys.local_pref, 2);
		assert_int_equal(moved[i]->markers[1], i == 3);
		assert_int_equal(moved[i]->markers[2], i == 3);
	}
	assert_int_equal(heard_count(source, NULL), n_moved);
	fixture_end(&f);
}

/* Quiet: at once. Busy: up to 5 ms for company, and not before 2 ms after the last flush. */
static void test_when_a_flush_comes(void **state)
{
	struct speaker *source, *to;
	uint64_t now;

	(void)state;
	fixture_begin(&f, 0);
	source = speaker_up(&f, 0, ROLE_CLIENT);
	to = speaker_up(&f, 1, ROLE_CLIENT);
	fixture_settle(&f);
	now = f.now + 100000;
	assert_int_equal(rib_run(f.rib, now, true, 1000), UINT64_MAX);
	announce(source, V4);
	assert_int_equal(rib_run(f.rib, now, false, 1000), 5000);
	assert_false(to->ready);
	assert_int_equal(rib_run(f.rib, now + 4000, false, 1000), 1000);
	assert_false(to->ready);
	assert_true(rib_run(f.rib, now + 5000, false, 1000) >= AFTER_WORK);
	assert_true(to->ready);
	assert_true(speaker_read(to, SIZE_MAX));
	assert_false(speaker_read(to, SIZE_MAX));
	assert_non_null(heard(to, V4));
	now += 5000;
	announce(source, V4, .med = IS(1));
	assert_int_equal(rib_run(f.rib, now + 500, true, 1000), 1500);
	assert_false(to->ready);
	assert_true(rib_run(f.rib, now + 2000, true, 1000) >= AFTER_WORK);
	assert_true(to->ready);
	now += 200000;
	withdraw(source, V4);
	assert_true(rib_run(f.rib, now, true, 1000) >= AFTER_WORK); /* idle: at once */
	f.now = now;
	fixture_settle(&f);
	assert_null(heard(to, V4));
	fixture_end(&f);
}

static void take_med(void *context, const struct rib_path_view *path)
{
	*(int64_t *)context = path->keys->med;
}

static int64_t best_med(const char *text)
{
	struct rib_walk walk = { .kind = RIB_WALK_BEST, .match = RIB_MATCH_EXACT };
	int64_t med = -1;

	assert_true(prefix_parse(text, false, &walk.match_prefix));
	rib_walk(f.rib, &walk, 1, take_med, &med);
	return med;
}

/*
 * While the paths of a peer that left are being withdrawn, piece by piece, none of them is chosen
 * or told any more.
 */
static void test_departing(void **state)
{
	struct speaker *gone, *stays, *to, *late;

	(void)state;
	fixture_begin(&f, 0);
	gone = speaker_up(&f, 0, ROLE_CLIENT);
	stays = speaker_up(&f, 1, ROLE_CLIENT);
	to = speaker_up(&f, 2, ROLE_CLIENT);
	announce(gone, V4, .local_pref = IS(200)); /* first in, so last to be withdrawn */
	announce(stays, V4);
	announce_all(gone, 1);
	withdraw(gone, "10.1.0.0/24");
	fixture_settle(&f);
	assert_int_equal(heard(to, V4)->keys.local_pref, 200);
	speaker_down(gone);
	late = speaker_of(&f, 3, ROLE_CLIENT);
	late->parameters.add_path_send = FAMILIES_ALL;
	speaker_connect(late);
	announce(stays, V4, .med = IS(9));
	for (unsigned turns = 0; turns < 4; turns++) {
		f.now += 10000;
		assert_int_equal(rib_run(f.rib, f.now, true, 3), 0);
	}
	while (speaker_read(late, SIZE_MAX))
		continue;
	assert_int_equal(best_med(V4), 9);
	assert_true(heard_count(late, NULL) <= 1); /* nothing of what is still to be withdrawn */
	fixture_settle(&f);
	assert_int_equal(heard_count(to, NULL), 1);
	assert_int_equal(heard_count(late, NULL), 1);
	fixture_end(&f);
}

/* A small budget is kept to: the rest comes in the next turns, and all of it. */
static void test_budget(void **state)
{
	struct speaker *source, *to;
	unsigned turns = 1;

	(void)state;
	fixture_begin(&f, 0);
	source = speaker_up(&f, 0, ROLE_CLIENT);
	to = speaker_up(&f, 1, ROLE_CLIENT);
	fixture_settle(&f);
	announce_all(source, 1);
	for (f.now += 100000; rib_run(f.rib, f.now, true, 10) == 0; f.now += 10000)
		turns++;
	assert_in_range(turns, 10, PREFIXES);
	fixture_settle(&f);
	check_all(to, 1);
	/* departures too */
	speaker_down(source);
	for (turns = 1; rib_run(f.rib, f.now, true, 10) == 0; f.now += 10000)
		turns++;
	assert_in_range(turns, 10, 2 * PREFIXES);
	fixture_settle(&f);
	assert_int_equal(heard_count(to, NULL), 0);
	fixture_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_horizon),
		cmocka_unit_test(test_split_horizon_other_group),
		cmocka_unit_test(test_add_path),
		cmocka_unit_test(test_oversized),
		cmocka_unit_test(test_oversized_by_a_byte),
		cmocka_unit_test(test_slow_peer),
		cmocka_unit_test(test_slow_peers_together),
		cmocka_unit_test(test_slow_among_slow),
		cmocka_unit_test(test_all_peers_slow),
		cmocka_unit_test(test_slow_peer_withdrawals),
		cmocka_unit_test(test_joining_together),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_move_together),
		cmocka_unit_test(test_when_a_flush_comes),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_departing),
	};

	return cmocka_run_group_tests_name("rib_output", tests, NULL, NULL);
}
