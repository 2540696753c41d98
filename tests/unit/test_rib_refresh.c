/*
 * Route refresh, both ways: what a peer that asks is sent again, and what a peer that sends all
 * again no longer has.
 */
#include "tests/unit/rib_fixture.h"

#define V4 "10.1.0.0/16"

static struct fixture f;

static void expect_traffic(const struct speaker *s, unsigned announcements, unsigned withdrawals)
{
	assert_int_equal(s->announcements, announcements);
	assert_int_equal(s->withdrawals, withdrawals);
}

/*
 * RFC 2918; RFC 7313 section 4: between BoRR and EoRR stands the whole Adj-RIB-Out of the family.
 */
static void test_refresh(void **state)
{
	struct speaker *source, *to, *four;

	(void)state;
	fixture_begin(&f, 0);
	source = speaker_up(&f, 0, ROLE_CLIENT);
	to = speaker_up(&f, 1, ROLE_CLIENT);
	four = speaker_of(&f, 2, ROLE_CLIENT);
	four->parameters.families = FAMILY_BIT(FAMILY_IPV4_UNICAST);
	speaker_connect(four);
	announce(source, V4);
	announce(source, "10.2.0.0/16");
	announce(source, "fd00::/32");
	announce(to, "fd00:1::/32");
	fixture_settle(&f);
	expect_traffic(to, 3, 0);
	assert_true(rib_refresh(f.rib, to->peer, FAMILY_IPV4_UNICAST, false));
	fixture_settle(&f);
	assert_int_equal(to->announcements, 5);
	assert_int_equal(to->markers[1] + to->markers[2], 0);
	assert_true(rib_refresh(f.rib, to->peer, FAMILY_IPV6_UNICAST, true));
	fixture_settle(&f);
	assert_int_equal(to->announcements, 6);
	assert_int_equal(to->markers[1], 1);
	assert_int_equal(to->at_marker[1], 5);
	assert_int_equal(to->markers[2], 1);
	assert_int_equal(to->at_marker[2], 6);
	assert_int_equal(heard_count(to, NULL), 3);
	assert_int_equal(heard_count(source, NULL), 1);
	/* Not negotiated: nothing is sent. */
	assert_true(rib_refresh(f.rib, four->peer, FAMILY_IPV6_UNICAST, true));
	fixture_settle(&f);
	expect_traffic(four, 2, 0);
	assert_int_equal(four->markers[1], 0);
	fixture_end(&f);
}

/*
 * A peer that asks again and again is sent the family once more when it has taken it, not as often
 * as it asked.
 */
static void test_refresh_flood(void **state)
{
	struct speaker *source, *to;

	(void)state;
	fixture_begin(&f, 0);
	source = speaker_up(&f, 0, ROLE_CLIENT);
	to = speaker_up(&f, 1, ROLE_CLIENT);
	announce(source, V4);
	announce(source, "10.2.0.0/16");
	fixture_settle(&f);
	expect_traffic(to, 2, 0);
	for (unsigned i = 0; i < 100; i++)
		assert_true(rib_refresh(f.rib, to->peer, FAMILY_IPV4_UNICAST, true));
	announce(source, V4, .med = IS(7));
	fixture_settle(&f);
	assert_int_equal(to->markers[1], 2);
	assert_int_equal(to->markers[2], 2);
	assert_int_equal(to->announcements, 2 + 2 * 2);
	assert_int_equal(to->at_marker[1], 2 + 2);
	assert_int_equal(to->at_marker[2], 2 + 2 * 2);
	assert_int_equal(heard(to, V4)->keys.med, 7);
	assert_string_equal(speaker_counts(to).output_state, "current");
	for (unsigned i = 0; i < 100; i++)
		assert_true(rib_refresh(f.rib, to->peer, FAMILY_IPV4_UNICAST, false));
	fixture_settle(&f);
	assert_int_equal(to->announcements, 2 + 4 * 2);
	assert_int_equal(to->markers[1], 2);
	fixture_end(&f);
}

/*
 * RFC 7313 section 4, from the peer: however often it begins anew, what it did not announce since
 * the last time goes at the end.
 */
static void test_refresh_begun_often(void **state)
{
	struct speaker *source, *to;

	(void)state;
	fixture_begin(&f, 0);
	source = speaker_up(&f, 0, ROLE_CLIENT);
	to = speaker_up(&f, 1, ROLE_CLIENT);
	/* 255 and 256: where a count of times in a byte comes round */
	for (unsigned begins = 1; begins < 600; begins += begins < 254 || begins > 256 ? 253 : 1) {
		announce(source, V4);
		announce(source, "10.2.0.0/16");
		announce(source, "10.3.0.0/16");
		announce(source, "fd00::/32");
		rib_refresh_ends(f.rib, source->peer, FAMILY_IPV4_UNICAST); /* ends nothing */
		fixture_settle(&f);
		assert_int_equal(heard_count(to, NULL), 4);
		for (unsigned i = 0; i < begins; i++) {
			announce(source, "10.2.0.0/16");
			rib_refresh_begins(f.rib, source->peer, FAMILY_IPV4_UNICAST);
		}
		announce(source, V4);
		rib_refresh_ends(f.rib, source->peer, FAMILY_IPV4_UNICAST);
		fixture_settle(&f);
		assert_non_null(heard(to, V4));
		assert_int_equal(heard_count(to, NULL), 2);
	}
	fixture_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_refresh_flood),
		cmocka_unit_test(test_refresh_begun_often),
	};

	return cmocka_run_group_tests_name("rib_refresh", tests, NULL, NULL);
}
