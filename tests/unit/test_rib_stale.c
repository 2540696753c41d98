/*
 * Paths that outlive their session: retained, announced again, swept, made long-lived stale; what
 * other peers hear of it, and that no turn of the rib does more than its budget.
 */
#include "tests/unit/rib_fixture.h"

#include <stdio.h>

#define V4    "10.1.0.0/16"
#define V4B   "10.2.0.0/16"
#define V4C   "10.3.0.0/16"
#define V6    "fd00:1::/32"
#define IPV4  FAMILY_BIT(FAMILY_IPV4_UNICAST)
#define IPV6  FAMILY_BIT(FAMILY_IPV6_UNICAST)
#define STALE COMMUNITY_LLGR_STALE

static struct fixture f;

static uint64_t stale(const struct speaker *s)
{
	return rib_stale_count(s->peer, FAMILY_IPV4_UNICAST);
}

struct stale_walk {
	unsigned n, stale;
};

static void visit(void *context, const struct rib_path_view *path)
{
	struct stale_walk *seen = context;

	seen->n++;
	seen->stale += path->stale;
}

/* How many of the speaker's paths are shown as stale; of all `n`. */
static unsigned shown_stale(const struct speaker *s, unsigned n)
{
	struct rib_walk walk = {
		.kind = RIB_WALK_RECEIVED, .peer = s->peer, .family = FAMILY_IPV4_UNICAST
	};
	struct stale_walk seen = { 0 };

	while (!walk.finished)
		rib_walk(f.rib, &walk, 10, visit, &seen);
	assert_int_equal(seen.n, n);
	return seen.stale;
}

static void expect_traffic(const struct speaker *s, unsigned announcements, unsigned withdrawals)
{
	assert_int_equal(s->announcements, announcements);
	assert_int_equal(s->withdrawals, withdrawals);
}

static void announce_many(struct speaker *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char text[PREFIX_TEXT_MAX];

		snprintf(text, sizeof(text), "10.%u.%u.0/24", 100 + i / 256, i % 256);
		announce(s, text);
	}
}

/* RFC 4724 section 4.2: nobody notices a restart but for what is not announced after it. */
static void test_retain_and_resume(void **state)
{
	struct speaker *source, *to;
	struct rib_peer_counts counts;

	(void)state;
	fixture_begin(&f, 0);
	f.sweeps = true;
	source = speaker_up(&f, 0, ROLE_CLIENT);
	to = speaker_up(&f, 1, ROLE_CLIENT);
	announce(source, V4);
	announce(source, V4B);
	announce(source, V4C);
	announce(source, V6);
	announce(to, "10.9.0.0/16");
	fixture_settle(&f);
	expect_traffic(to, 4, 0);
	assert_int_equal(stale(source), 0);

	speaker_retain(source, FAMILIES_ALL);
	fixture_settle(&f);
	expect_traffic(to, 4, 0);
	assert_int_equal(stale(source), 3);
	assert_int_equal(shown_stale(source, 3), 3);
	counts = speaker_counts(source);
	assert_string_equal(counts.output_state, "retained");
	assert_int_equal(counts.group, 0);
	assert_int_equal(counts.paths[FAMILY_IPV4_UNICAST], 3);
	assert_int_equal(counts.best[FAMILY_IPV4_UNICAST], 3);
	assert_int_equal(counts.advertised[FAMILY_IPV4_UNICAST], 0);
	assert_int_equal(fixture_counts(&f).peers, 1);
	/* Others come and go meanwhile, and are sent what is stale. */
	speaker_up(&f, 2, ROLE_CLIENT);
	fixture_settle(&f);
	assert_int_equal(heard_count(&f.speaker[2], NULL), 5);

	assert_true(speaker_resume(source, FAMILIES_ALL));
	announce(source, V4); /* the same: nothing to tell, but stale no more */
	announce(source, V4B, .med = IS(3));
	fixture_settle(&f);
	expect_traffic(to, 5, 0);
	assert_int_equal(stale(source), 1);
	assert_int_equal(shown_stale(source, 3), 1);
	assert_int_equal(heard_count(source, NULL), 1);
	counts = speaker_counts(source);
	assert_int_equal(counts.advertised[FAMILY_IPV4_UNICAST], 1);
	assert_int_equal(counts.updates_received, 2);
	speaker_end_of_rib(source, FAMILY_IPV4_UNICAST);
	assert_int_equal(source->said_end_of_rib, IPV4);
	fixture_settle(&f);
	expect_traffic(to, 5, 1);
	assert_null(heard(to, V4C));
	assert_non_null(heard(to, V6));
	assert_int_equal(stale(source), 0);
	assert_int_equal(shown_stale(source, 2), 0);
	speaker_end_of_rib(source, FAMILY_IPV6_UNICAST);
	fixture_settle(&f);
	expect_traffic(to, 5, 2);
	fixture_end(&f);
}

/* What is not retained goes: by family, at the end of the session or when the next one begins. */
static void test_families(void **state)
{
	struct speaker *source, *to;

	(void)state;
	fixture_begin(&f, 0);
	source = speaker_up(&f, 0, ROLE_CLIENT);
	to = speaker_up(&f, 1, ROLE_CLIENT);
	announce(source, V4);
	announce(source, V6);
	speaker_retain(source, IPV4);
	fixture_settle(&f);
	assert_non_null(heard(to, V4));
	assert_null(heard(to, V6));
	assert_true(speaker_resume(source, IPV6)); /* no F bit for IPv4 */
	announce(source, V4B);
	fixture_settle(&f);
	assert_null(heard(to, V4));
	assert_non_null(heard(to, V4B));
	/* A family that the new session has not is not kept whatever is asked. */
	announce(source, V6);
	fixture_settle(&f);
	speaker_retain(source, FAMILIES_ALL);
	source->parameters.families = IPV4;
	assert_true(speaker_resume(source, FAMILIES_ALL));
	fixture_settle(&f);
	assert_non_null(heard(to, V4B));
	assert_null(heard(to, V6));
	fixture_end(&f);
}

/* Restarts that follow each other before the End-of-RIB, refreshes amid them, and the end of it. */
static void test_consecutive(void **state)
{
	struct speaker *source, *to;

	(void)state;
	fixture_begin(&f, 0);
	source = speaker_up(&f, 0, ROLE_CLIENT);
	to = speaker_up(&f, 1, ROLE_CLIENT);
	announce(source, V4);
	announce(source, V4B);
	for (unsigned i = 0; i < 300; i++) {
		speaker_retain(source, FAMILIES_ALL);
		assert_true(speaker_resume(source, FAMILIES_ALL));
		announce(source, V4C);
		assert_int_equal(stale(source), 2);
	}
	fixture_settle(&f);
	assert_int_equal(heard_count(to, NULL), 3);
	/* BoRR makes all stale, EoRR takes what did not come since: RFC 7313 section 4 */
	rib_refresh_begins(f.rib, source->peer, FAMILY_IPV4_UNICAST);
	assert_int_equal(stale(source), 3);
	announce(source, V4B);
	rib_refresh_ends(f.rib, source->peer, FAMILY_IPV4_UNICAST);
	fixture_settle(&f);
	assert_int_equal(heard_count(to, NULL), 1);
	assert_non_null(heard(to, V4B));
	/* An EoRR ends nothing in another session. */
	rib_refresh_begins(f.rib, source->peer, FAMILY_IPV4_UNICAST);
	speaker_retain(source, FAMILIES_ALL);
	assert_true(speaker_resume(source, FAMILIES_ALL));
	rib_refresh_ends(f.rib, source->peer, FAMILY_IPV4_UNICAST);
	fixture_settle(&f);
	assert_int_equal(heard_count(to, NULL), 1);
	assert_int_equal(stale(source), 1);
	withdraw(source, V4B);
	assert_int_equal(stale(source), 0);
	announce(source, V4);
	speaker_retain(source, FAMILIES_ALL);
	speaker_down(source);
	fixture_settle(&f);
	assert_int_equal(heard_count(to, NULL), 0);
	fixture_end(&f);
}

/* The same peer in another role and with another BGP Identifier: its old paths follow. */
static void test_other_rules(void **state)
{
	struct speaker *source, *to, *other;

	(void)state;
	for (unsigned again = 0; again < 3; again++) {
		fixture_begin(&f, 0);
		source = speaker_up(&f, 0, ROLE_CLIENT);
		to = speaker_up(&f, 1, ROLE_NON_CLIENT);
		other = speaker_of(&f, 2, ROLE_CLIENT);
		other->parameters.add_path_send = FAMILIES_ALL;
		speaker_connect(other);
		announce(source, V4);
		announce(source, V4B);
		fixture_settle(&f);
		assert_int_equal(heard(other, V4)->keys.originator_id, source->parameters.bgp_id);
		assert_int_equal(heard_count(to, NULL), 2);
		speaker_retain(source, FAMILIES_ALL);
		source->parameters.role = ROLE_NON_CLIENT;
		source->parameters.bgp_id = 0x0a0a0a0a;
		if (again == 2) /* the role changes while it is away */
			assert_true(rib_peer_move(f.rib, source->peer, &source->parameters));
		assert_true(speaker_resume(source, FAMILIES_ALL));
		if (again == 1) /* the same again, before the rib has come to it */
			announce(source, V4);
		fixture_settle(&f);
		assert_int_equal(heard_count(to, NULL), 0);
		assert_int_equal(heard(other, V4)->keys.originator_id, 0x0a0a0a0a);
		assert_int_equal(heard(other, V4B)->keys.originator_id, 0x0a0a0a0a);
		assert_int_equal(stale(source), again == 1 ? 1 : 2);
		fixture_end(&f);
	}
}

/* What was to be withdrawn is announced again, as it was, by a peer that is another now. */
static void test_other_rules_doomed(void **state)
{
	const unsigned n = 60;
	struct speaker *source, *to, *other;

	(void)state;
	for (unsigned turns = 0; turns < 3; turns++) {
		fixture_begin(&f, 0);
		source = speaker_up(&f, 0, ROLE_CLIENT);
		to = speaker_up(&f, 1, ROLE_NON_CLIENT);
		other = speaker_of(&f, 2, ROLE_CLIENT);
		other->parameters.add_path_send = FAMILIES_ALL;
		speaker_connect(other);
		announce_many(source, n);
		fixture_settle(&f);
		speaker_retain(source, FAMILIES_ALL);
		source->parameters.role = ROLE_NON_CLIENT;
		source->parameters.bgp_id = 0x0a0a0a0a;
		assert_true(speaker_resume(source, 0));
		for (unsigned i = 0; i < turns; i++) /* 20 are withdrawn in each */
			rib_run(f.rib, f.now += 10000, true, 10);
		announce_many(source, n);
		fixture_settle(&f);
		assert_int_equal(heard_count(to, NULL), 0);
		assert_int_equal(heard_count(other, NULL), n);
		assert_int_equal(heard(other, "10.100.0.0/24")->keys.originator_id, 0x0a0a0a0a);
		assert_int_equal(heard(other, "10.100.59.0/24")->keys.originator_id, 0x0a0a0a0a);
		fixture_end(&f);
	}
}

/* A peer of the time before the reflector was started again. */
static void test_restored(void **state)
{
	struct speaker *to, *away;

	(void)state;
	fixture_begin(&f, 0);
	to = speaker_of(&f, 0, ROLE_CLIENT);
	away = speaker_of(&f, 1, ROLE_CLIENT);
	to->peer = rib_peer_restore(f.rib, &to->parameters);
	away->peer = rib_peer_restore(f.rib, &away->parameters);
	assert_non_null(to->peer);
	to->retained = away->retained = true;
	assert_int_equal(fixture_counts(&f).peers, 0);
	/* Without a session there is nothing to send, to move or to walk. */
	assert_int_equal(rib_peer_output(away->peer, &(struct iovec){ 0 }, 1), 0);
	assert_true(rib_refresh(f.rib, away->peer, FAMILY_IPV4_UNICAST, true));
	assert_true(speaker_resume(to, FAMILIES_ALL));
	speaker_up(&f, 2, ROLE_CLIENT);
	announce(&f.speaker[2], V4);
	fixture_settle(&f);
	assert_non_null(heard(to, V4));
	assert_int_equal(to->end_of_rib, FAMILIES_ALL);
	assert_int_equal(fixture_counts(&f).peers, 2);
	fixture_end(&f);
}

/* A turn of 10 us is 20 paths: what is left may become fresh again, or go with the peer. */
static void test_budget(void **state)
{
	const unsigned n = 600;
	struct speaker *source, *to;
	uint64_t before;
	unsigned turns = 0;

	(void)state;
	fixture_begin(&f, 0);
	source = speaker_up(&f, 0, ROLE_CLIENT);
	to = speaker_up(&f, 1, ROLE_CLIENT);
	announce_many(source, n);
	fixture_settle(&f);
	speaker_retain(source, FAMILIES_ALL);
	assert_int_equal(stale(source), n);
	rib_stale_long_lived(f.rib, source->peer, FAMILY_IPV4_UNICAST);
	rib_run(f.rib, f.now += 10000, true, 10);
	assert_int_equal(stale(source), n); /* they stay, as stale as they were */
	rib_stale_sweep(f.rib, source->peer, FAMILY_IPV4_UNICAST);
	for (before = n; stale(source) > n / 2; turns++) {
		assert_int_equal(rib_run(f.rib, f.now += 10000, true, 10), 0);
		assert_in_range(before - stale(source), 1, 20);
		before = stale(source);
	}
	assert_true(turns >= n / 2 / 20);
	/* It comes back meanwhile: what it announces stays, though the sweep goes on. */
	assert_true(speaker_resume(source, FAMILIES_ALL));
	announce_many(source, 100);
	before = stale(source);
	speaker_retain(source, FAMILIES_ALL);
	assert_int_equal(stale(source), before + 100);
	rib_run(f.rib, f.now += 10000, true, 10);
	assert_true(stale(source) < before + 100);
	fixture_settle(&f);
	assert_int_equal(stale(source), 100);
	assert_int_equal(heard_count(to, NULL), 100);
	rib_stale_sweep(f.rib, source->peer, FAMILY_IPV4_UNICAST);
	rib_run(f.rib, f.now += 10000, true, 10);
	speaker_down(source);
	fixture_settle(&f);
	assert_int_equal(heard_count(to, NULL), 0);
	fixture_end(&f);
}

/* RFC 9494 sections 4.2 and 4.3: marked, least preferred, sent only to those who know it. */
static void test_long_lived(void **state)
{
	struct speaker *source, *other, *knows, *least, *never, *external;

	(void)state;
	fixture_begin(&f, 0);
	source = speaker_up(&f, 0, ROLE_CLIENT);
	other = speaker_up(&f, 1, ROLE_CLIENT);
	knows = speaker_of(&f, 2, ROLE_CLIENT);
	knows->parameters.long_lived = LONG_LIVED_AS_IS;
	least = speaker_of(&f, 3, ROLE_CLIENT);
	least->parameters.long_lived = LONG_LIVED_LEAST;
	never = speaker_of(&f, 4, ROLE_CLIENT);
	external = speaker_of(&f, 5, ROLE_EXTERNAL);
	external->parameters.long_lived = LONG_LIVED_LEAST;
	for (unsigned i = 2; i < 6; i++)
		speaker_connect(&f.speaker[i]);
	announce(source, V4, .local_pref = IS(900), .communities = { 77 });
	announce(source, V4B, .local_pref = IS(900));
	announce(source, V4C, .communities = { 77, COMMUNITY_NO_LLGR });
	announce(other, V4, .local_pref = IS(1));
	fixture_settle(&f);
	assert_int_equal(heard(never, V4)->keys.local_pref, 900);
	assert_non_null(heard(external, V4B));
	speaker_retain(source, FAMILIES_ALL);
	rib_stale_long_lived(f.rib, source->peer, FAMILY_IPV4_UNICAST);
	fixture_settle(&f);
	assert_int_equal(stale(source), 2);
	assert_int_equal(speaker_counts(source).paths[FAMILY_IPV4_UNICAST], 2);
	/* The path of the other peer is preferred now, whatever its LOCAL_PREF. */
	for (unsigned i = 2; i < 5; i++) {
		assert_int_equal(heard(&f.speaker[i], V4)->keys.local_pref, 1);
		assert_null(heard(&f.speaker[i], V4C));
	}
	assert_int_equal(heard(knows, V4B)->community, STALE);
	assert_int_equal(heard(knows, V4B)->keys.local_pref, 900);
	assert_false(heard(knows, V4B)->keys.flags & ATTR_NO_EXPORT);
	assert_int_equal(heard(least, V4B)->community, STALE);
	assert_int_equal(heard(least, V4B)->keys.local_pref, 0);
	assert_true(heard(least, V4B)->keys.flags & ATTR_NO_EXPORT);
	assert_null(heard(never, V4B));
	assert_null(heard(external, V4B));
	/* Where there is no other it is used, with its communities. */
	withdraw(other, V4);
	fixture_settle(&f);
	assert_int_equal(heard(knows, V4)->community, 77);
	assert_true(heard(knows, V4)->keys.flags & ATTR_LLGR_STALE);
	/* Once more changes nothing. */
	unsigned before = knows->announcements;
	rib_stale_long_lived(f.rib, source->peer, FAMILY_IPV4_UNICAST);
	fixture_settle(&f);
	assert_int_equal(knows->announcements, before);
	assert_int_equal(stale(source), 2);
	/* Announced again it is as any other. */
	assert_true(speaker_resume(source, FAMILIES_ALL));
	announce(source, V4B, .local_pref = IS(900));
	fixture_settle(&f);
	assert_int_equal(heard(never, V4B)->keys.local_pref, 900);
	assert_null(heard(never, V4));
	assert_int_equal(stale(source), 1);
	rib_stale_sweep(f.rib, source->peer, FAMILY_IPV4_UNICAST);
	fixture_settle(&f);
	assert_null(heard(knows, V4));
	fixture_end(&f);
}

/* A path that the neighbor says is long-lived stale (section 4.3) loses against any other too. */
static void test_received_long_lived(void **state)
{
	struct speaker *a, *b, *to;

	(void)state;
	fixture_begin(&f, 0);
	a = speaker_up(&f, 0, ROLE_CLIENT);
	b = speaker_up(&f, 1, ROLE_CLIENT);
	to = speaker_of(&f, 2, ROLE_CLIENT);
	to->parameters.long_lived = LONG_LIVED_AS_IS;
	speaker_connect(to);
	announce(a, V4, .local_pref = IS(900), .communities = { STALE });
	announce(b, V4, .local_pref = IS(5), .med = IS(5));
	fixture_settle(&f);
	assert_int_equal(heard(to, V4)->keys.local_pref, 5);
	announce(b, V4, .local_pref = IS(5), .communities = { STALE });
	fixture_settle(&f);
	assert_int_equal(heard(to, V4)->keys.local_pref, 900);
	assert_int_equal(heard(to, V4)->community, STALE);
	fixture_end(&f);
}

/* RFC 4724 section 2: what is an End-of-RIB, and what is not. */
static void test_end_of_rib_received(void **state)
{
	static const struct {
		struct span body;
		uint8_t said;
	} rows[] = {
		{ SPAN_OF("\x00\x00\x00\x00"), IPV4 },
		{ SPAN_OF("\x00\x00\x00\x06\x80\x0f\x03\x00\x02\x01"), IPV6 },
		{ SPAN_OF("\x00\x00\x00\x07\x90\x0f\x00\x03\x00\x02\x01"), IPV6 },
		{ SPAN_OF("\x00\x00\x00\x06\x80\x0f\x03\x00\x01\x01"), IPV4 },
		/* a family that is not ours; withdrawals; attributes without routes */
		{ SPAN_OF("\x00\x00\x00\x06\x80\x0f\x03\x00\x02\x02"), 0 },
		{ SPAN_OF("\x00\x02\x08\x0a\x00\x00"), 0 },
		{ SPAN_OF("\x00\x00\x00\x08\x80\x0f\x05\x00\x02\x01\x08\xfd"), 0 },
		{ SPAN_OF("\x00\x00\x00\x04\x40\x01\x01\x00"), 0 },
		{ SPAN_OF("\x00\x00\x00\x0a\x80\x0f\x03\x00\x02\x01\x40\x01\x01\x00"), 0 },
	};
	struct speaker *s, *four;

	(void)state;
	fixture_begin(&f, 0);
	s = speaker_up(&f, 0, ROLE_CLIENT);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		s->said_end_of_rib = 0;
		assert_true(speaker_send_bytes(s, rows[i].body));
		assert_int_equal(s->said_end_of_rib, rows[i].said);
	}
	/* Malformed: an MP_UNREACH_NLRI that is cut off. */
	s->said_end_of_rib = 0;
	assert_false(speaker_send_bytes(s, SPAN_OF("\x00\x00\x00\x05\x80\x0f\x02\x00\x02")));
	assert_int_equal(s->said_end_of_rib, 0);
	/* Not negotiated. */
	four = speaker_of(&f, 1, ROLE_CLIENT);
	four->parameters.families = IPV4;
	speaker_connect(four);
	speaker_end_of_rib(four, FAMILY_IPV6_UNICAST);
	assert_int_equal(four->said_end_of_rib, 0);
	speaker_end_of_rib(four, FAMILY_IPV4_UNICAST);
	assert_int_equal(four->said_end_of_rib, IPV4);
	fixture_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retain_and_resume),
		cmocka_unit_test(test_families),
		cmocka_unit_test(test_consecutive),
		cmocka_unit_test(test_other_rules),
		cmocka_unit_test(test_other_rules_doomed),
		cmocka_unit_test(test_restored),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_long_lived),
		cmocka_unit_test(test_received_long_lived),
		cmocka_unit_test(test_end_of_rib_received),
	};

	return cmocka_run_group_tests_name("rib_stale", tests, NULL, NULL);
}
