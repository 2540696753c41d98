/*
 * Who hears of what, and in which bytes: the import and export rules of RFC 4456, RFC 4271, RFC
 * 1997 and RFC 7606 as they show at the peers of a rib. Output under load (slow peers, split
 * horizon, refresh) is in test_rib_output.c.
 */
#include "tests/unit/rib_fixture.h"

#include <stdio.h>

#define V4 "10.1.0.0/16"
#define V6 "fd00:1::/32"

static struct fixture f;

struct refused {
	const char *what;
	struct attributes attributes;
	enum role role;
	enum drop_reason reason;
};

static const struct refused refusals[] = {
	{ "ORIGINATOR_ID is our BGP Identifier (RFC 4456 section 8)", { .originator = IS(OUR_ID) },
		ROLE_CLIENT, DROP_ORIGINATOR_LOOP },
	{ "... from a non-client", { .originator = IS(OUR_ID), .clusters = { 1, 2 } },
		ROLE_NON_CLIENT, DROP_ORIGINATOR_LOOP },
	{ "our cluster ID first", { .originator = IS(9), .clusters = { OUR_CLUSTER, 7 } },
		ROLE_CLIENT, DROP_CLUSTER_LOOP },
	{ "our cluster ID last", { .originator = IS(9), .clusters = { 7, 8, OUR_CLUSTER } },
		ROLE_NON_CLIENT, DROP_CLUSTER_LOOP },
	{ "our AS first", { .as_path = "64512 1" }, ROLE_CLIENT, DROP_AS_LOOP },
	{ "our AS last", { .as_path = "1 64512" }, ROLE_EXTERNAL, DROP_AS_LOOP },
	{ "our AS in a set", { .as_path = "1 {2 64512 3}" }, ROLE_EXTERNAL, DROP_AS_LOOP },
	{ "our address as next hop", { .next_hop = "192.0.2.100" }, ROLE_CLIENT,
		DROP_BAD_NEXT_HOP },
	{ "our address as next hop, external", { .next_hop = "192.0.2.100", .as_path = "1" },
		ROLE_EXTERNAL, DROP_BAD_NEXT_HOP },
};

static struct speaker *source_up(unsigned n, enum role role)
{
	struct speaker *s = speaker_of(&f, n, role);

	assert_true(ip_address_parse("192.0.2.100", &s->parameters.local[FAMILY_IPV4_UNICAST]));
	assert_true(ip_address_parse("fd00::100", &s->parameters.local[FAMILY_IPV6_UNICAST]));
	speaker_connect(s);
	return s;
}

/*
 * What was announced before is withdrawn at the others; each refused prefix counts, also when its
 * attributes are known.
 */
static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		const struct refused *row = &refusals[i];
		struct speaker *source, *other;

		fixture_begin(&f, 0);
		source = source_up(0, row->role);
		other = speaker_up(&f, 1, ROLE_CLIENT);
		announce(source, V4, .as_path = "3");
		fixture_settle(&f);
		assert_non_null(heard(other, V4));
		for (unsigned times = 1; times <= 2; times++) {
			assert_true(speaker_send(source, V4, &row->attributes));
			fixture_settle(&f);
			if (heard(other, V4) != NULL)
				fail_msg("%s: still there", row->what);
			for (enum drop_reason reason = 0; reason < DROP_REASON_COUNT; reason++)
				assert_int_equal(
					dropped(source, reason), reason == row->reason ? times : 0);
		}
		assert_int_equal(other->withdrawals, 1);
		assert_int_equal(speaker_counts(source).paths[FAMILY_IPV4_UNICAST], 0);
		assert_int_equal(f.update_faults, 0); /* not a fault of the sender's */
		announce(source, V4, .as_path = "3");
		fixture_settle(&f);
		assert_non_null(heard(other, V4));
		fixture_end(&f);
	}
}

static void test_not_refused(void **state)
{
	struct speaker *source, *other;
	const struct heard *got;

	(void)state;
	fixture_begin(&f, 0);
	source = source_up(0, ROLE_CLIENT);
	other = speaker_up(&f, 1, ROLE_CLIENT);
	/*
	 * Near misses: our router ID as cluster ID, our cluster ID as ORIGINATOR_ID, the next hop
	 * of the other family.
	 */
	announce(source, V4, .originator = IS(OUR_CLUSTER), .clusters = { OUR_ID, 1 },
		.as_path = "645120 64511", .next_hop = "192.0.2.101");
	announce(source, V6, .next_hop = "fd00::101");
	announce(other, "10.2.0.0/16", .next_hop = "192.0.2.100"); /* this session has no address */
	fixture_settle(&f);
	got = heard(other, V4);
	assert_non_null(got);
	assert_int_equal(got->keys.originator_id, OUR_CLUSTER);
	assert_non_null(heard(other, V6));
	assert_non_null(heard(source, "10.2.0.0/16"));
	announce(source, V6, .next_hop = "fd00::100");
	fixture_settle(&f);
	assert_null(heard(other, V6));
	assert_int_equal(dropped(source, DROP_BAD_NEXT_HOP), 1);
	fixture_end(&f);
}

/* Three prefixes in one UPDATE are three. */
static void test_refused_prefixes_are_counted(void **state)
{
	struct speaker *source;

	(void)state;
	fixture_begin(&f, 0);
	source = source_up(0, ROLE_CLIENT);
	assert_true(speaker_send_bytes(
		source, SPAN_OF("\0\0\0\x1b"
				"\x40\x01\x01\0\x40\x02\x06\x02\x01\0\0\xfc\0\x40\x03\x04\xc0\0\2\1"
				"\x40\x05\x04\0\0\0\x64"
				"\x08\x0a\x08\x0b\x10\x0c\x01")));
	assert_int_equal(dropped(source, DROP_AS_LOOP), 3);
	assert_int_equal(speaker_counts(source).updates_received, 1);
	fixture_end(&f);
}

/* RFC 7606 section 2, treat-as-withdraw: at the others the route goes, the session stays. */
static void test_treat_as_withdraw(void **state)
{
	struct speaker *source, *other;

	(void)state;
	fixture_begin(&f, 0);
	source = source_up(0, ROLE_CLIENT);
	other = speaker_up(&f, 1, ROLE_CLIENT);
	announce(source, V4);
	announce(source, V6);
	announce(source, "10.2.0.0/16");
	fixture_settle(&f);
	for (unsigned times = 1; times <= 2; times++) { /* nothing faulty is remembered as good */
		announce(source, V4, .origin = 3);
		announce(source, V6, .origin = 3);
		fixture_settle(&f);
		assert_null(heard(other, V4));
		assert_null(heard(other, V6));
		assert_non_null(heard(other, "10.2.0.0/16"));
		assert_int_equal(dropped(source, DROP_TREAT_AS_WITHDRAW), 2 * times);
		assert_int_equal(f.update_faults, 2 * times);
	}
	assert_int_equal(dropped(source, DROP_ATTRIBUTE_DISCARD), 0);
	/* NEXT_HOP is missing for the IPv4 routes only: those of both families go (section 3 h). */
	announce(source, V4);
	announce(source, V6);
	fixture_settle(&f);
	assert_true(
		speaker_send_bytes(source, SPAN_OF("\0\0\0\x2b"
						   "\x80\x0e\x1a\0\2\1\x10\xfd\0\0\0\0\0\0\0\0"
						   "\0\0\0\0\0\0\1\0\x20\xfd\0\0\1"
						   "\x40\x01\x01\0\x40\x02\0\x40\x05\x04\0\0\0\x64"
						   "\x10\x0a\1")));
	fixture_settle(&f);
	assert_null(heard(other, V4));
	assert_null(heard(other, V6));
	fixture_end(&f);
}

/*
 * Attribute discard: the route stands without it; counted each time, though the attributes were
 * seen before.
 */
static void test_attribute_discard(void **state)
{
	struct speaker *source, *other;

	(void)state;
	fixture_begin(&f, 0);
	source = source_up(0, ROLE_CLIENT);
	other = speaker_up(&f, 1, ROLE_CLIENT);
	for (unsigned times = 1; times <= 3; times++) {
		announce(source, V4, .raw = SPAN_OF("\xc0\x07\x03xyz"), .med = IS(times / 2));
		fixture_settle(&f);
		assert_non_null(heard(other, V4));
		assert_int_equal(dropped(source, DROP_ATTRIBUTE_DISCARD), times);
		assert_int_equal(f.update_faults, times);
	}
	assert_int_equal(dropped(source, DROP_TREAT_AS_WITHDRAW), 0);
	fixture_end(&f);
}

/*
 * The same bytes from another kind of peer, or beside another next hop, are not the same
 * attributes.
 */
static void test_cached_attributes(void **state)
{
	/* As 2-octet numbers three segments of one AS, as 4-octet numbers two. */
	static const uint8_t body[] = { 0, 0, 0, 33, 0x40, 1, 1, 0, 0x40, 2, 12, 2, 1, 0, 9, 2, 1,
		2, 1, 2, 1, 0, 8, 0x40, 3, 4, 192, 0, 2, 1, 0x40, 5, 4, 0, 0, 0, 200, 8, 10 };
	struct speaker *client, *external, *two_octets, *to;

	(void)state;
	fixture_begin(&f, 0);
	client = speaker_up(&f, 0, ROLE_CLIENT);
	external = speaker_up(&f, 1, ROLE_EXTERNAL);
	two_octets = speaker_of(&f, 2, ROLE_CLIENT);
	two_octets->parameters.as4 = false;
	speaker_connect(two_octets);
	to = speaker_up(&f, 3, ROLE_CLIENT);
	assert_true(speaker_send_bytes(client, SPAN(body)));
	fixture_settle(&f);
	assert_int_equal(heard(to, "10.0.0.0/8")->keys.as_path_length, 2);
	assert_int_equal(heard(to, "10.0.0.0/8")->keys.local_pref, 200);
	withdraw(client, "10.0.0.0/8");
	assert_true(speaker_send_bytes(two_octets, SPAN(body)));
	fixture_settle(&f);
	assert_int_equal(heard(to, "10.0.0.0/8")->keys.as_path_length, 3);
	withdraw(two_octets, "10.0.0.0/8");
	assert_true(speaker_send_bytes(external, SPAN(body)));
	fixture_settle(&f);
	assert_int_equal(dropped(external, DROP_ATTRIBUTE_DISCARD), 1); /* its LOCAL_PREF */
	assert_int_equal(heard(to, "10.0.0.0/8")->keys.local_pref, 100);
	announce(client, V6, .next_hop = "fd00::1");
	announce(client, "fd00:2::/32", .next_hop = "fd00::2");
	fixture_settle(&f);
	assert_int_equal(heard(to, V6)->keys.next_hop[15], 1);
	assert_int_equal(heard(to, "fd00:2::/32")->keys.next_hop[15], 2);
	fixture_end(&f);
}

static void test_session_reset(void **state)
{
	struct speaker *source, *other;
	struct bgp_error error;

	(void)state;
	fixture_begin(&f, 0);
	source = source_up(0, ROLE_CLIENT);
	other = speaker_up(&f, 1, ROLE_CLIENT);
	announce(source, V4);
	fixture_settle(&f);
	assert_false(rib_update(f.rib, source->peer, SPAN_OF("\0\x09\x10\x0a"), &error));
	assert_int_equal(error.code, ERROR_UPDATE);
	assert_int_equal(error.subcode, UPDATE_MALFORMED_ATTRIBUTE_LIST);
	assert_int_equal(f.update_faults, 1);
	assert_int_equal(dropped(source, DROP_TREAT_AS_WITHDRAW), 0);
	speaker_down(source);
	fixture_settle(&f);
	assert_null(heard(other, V4));
	fixture_end(&f);
}

/* RFC 4760 section 6: what was not negotiated is passed over, the rest of the message is not. */
static void test_families(void **state)
{
	struct speaker *four, *six, *both;

	(void)state;
	fixture_begin(&f, 0);
	four = speaker_of(&f, 0, ROLE_CLIENT);
	four->parameters.families = FAMILY_BIT(FAMILY_IPV4_UNICAST);
	speaker_connect(four);
	six = speaker_of(&f, 1, ROLE_CLIENT);
	six->parameters.families = FAMILY_BIT(FAMILY_IPV6_UNICAST);
	speaker_connect(six);
	both = speaker_up(&f, 2, ROLE_CLIENT);
	announce(four, V4);
	announce(four, V6);
	announce(six, "10.2.0.0/16");
	announce(six, "fd00:2::/32");
	announce(both, "10.3.0.0/16");
	announce(both, "fd00:3::/32");
	/* of AFI 25: no family that is known */
	assert_true(speaker_send_bytes(both, SPAN_OF("\0\0\0\x06\x80\x0f\x03\0\x19\x41")));
	fixture_settle(&f);
	assert_int_equal(dropped(four, DROP_FOREIGN_FAMILY), 1);
	assert_int_equal(dropped(six, DROP_FOREIGN_FAMILY), 1);
	assert_int_equal(dropped(both, DROP_FOREIGN_FAMILY), 1);
	assert_int_equal(heard_count(four, NULL), 1);
	assert_non_null(heard(four, "10.3.0.0/16"));
	assert_int_equal(heard_count(six, NULL), 1);
	assert_non_null(heard(six, "fd00:3::/32"));
	assert_int_equal(heard_count(both, NULL), 2);
	assert_non_null(heard(both, V4));
	assert_non_null(heard(both, "fd00:2::/32"));
	assert_int_equal(four->end_of_rib, FAMILY_BIT(FAMILY_IPV4_UNICAST));
	assert_int_equal(six->end_of_rib, FAMILY_BIT(FAMILY_IPV6_UNICAST));
	assert_int_equal(both->end_of_rib, FAMILIES_ALL);
	assert_int_equal(fixture_counts(&f).groups, 3);
	fixture_end(&f);
}

/* RFC 4456 section 6: to clients everything, to non-clients what clients and externals say. */
static void test_who_hears(void **state)
{
	static const bool told[3][3] = {
		[ROLE_CLIENT] = { true, true, true },
		[ROLE_NON_CLIENT] = { true, false, true },
		[ROLE_EXTERNAL] = { true, true, true },
	};

	(void)state;
	for (unsigned add_path = 0; add_path < 2; add_path++) {
		for (enum role from = 0; from < 3; from++) {
			struct speaker *source, *to[3];

			fixture_begin(&f, 0);
			source = speaker_up(&f, 0, from);
			for (enum role role = 0; role < 3; role++) {
				to[role] = speaker_of(&f, 1 + role, role);
				to[role]->parameters.add_path_send = add_path ? FAMILIES_ALL : 0;
				speaker_connect(to[role]);
			}
			announce(source, V4, .as_path = "1");
			announce(source, V6, .as_path = "1");
			fixture_settle(&f);
			for (enum role role = 0; role < 3; role++) {
				assert_int_equal(heard_count(to[role], V4), told[from][role]);
				assert_int_equal(heard_count(to[role], V6), told[from][role]);
			}
			assert_int_equal(heard_count(source, NULL), 0);
			withdraw(source, V4);
			fixture_settle(&f);
			for (enum role role = 0; role < 3; role++) {
				assert_int_equal(heard_count(to[role], V4), 0);
				assert_int_equal(to[role]->withdrawals, told[from][role]);
			}
			assert_int_equal(source->announcements, 0);
			fixture_end(&f);
		}
	}
}

/*
 * RFC 4456 section 8 on ORIGINATOR_ID and CLUSTER_LIST, section 10 on NEXT_HOP, AS_PATH, LOCAL_PREF
 * and MED.
 */
static void test_reflected_attributes(void **state)
{
	struct speaker *source, *other, *external;
	const struct heard *got;

	(void)state;
	fixture_begin(&f, 0);
	source = speaker_up(&f, 0, ROLE_CLIENT);
	other = speaker_up(&f, 1, ROLE_NON_CLIENT);
	external = speaker_up(&f, 2, ROLE_EXTERNAL);
	announce(source, "10.1.0.0/16", .as_path = "1 2", .med = IS(5), .local_pref = IS(200));
	announce(source, "10.2.0.0/16", .originator = IS(9), .clusters = { 7, 8 });
	announce(source, "10.3.0.0/16", .originator = IS(9));
	announce(source, "10.4.0.0/16", .clusters = { 7 });
	announce(external, "10.5.0.0/16", .as_path = "65002 1", .med = IS(6));
	fixture_settle(&f);
	got = heard(other, "10.1.0.0/16");
	assert_int_equal(got->keys.originator_id, source->parameters.bgp_id);
	assert_int_equal(got->keys.cluster_list_length, 1);
	assert_int_equal(got->clusters[0], OUR_CLUSTER);
	assert_string_equal(got->as_path, "1 2");
	assert_int_equal(got->keys.med, 5);
	assert_int_equal(got->keys.local_pref, 200);
	assert_memory_equal(got->keys.next_hop, "\xc0\x00\x02\xfe", 4);
	got = heard(other, "10.2.0.0/16");
	assert_int_equal(got->keys.originator_id, 9);
	assert_int_equal(got->keys.cluster_list_length, 3);
	assert_int_equal(got->clusters[0], OUR_CLUSTER);
	assert_int_equal(got->clusters[1], 7);
	assert_int_equal(got->clusters[2], 8);
	assert_false(got->keys.flags & ATTR_HAS_MED);
	got = heard(other, "10.3.0.0/16");
	assert_int_equal(got->keys.originator_id, 9);
	assert_int_equal(got->keys.cluster_list_length, 1);
	got = heard(other, "10.4.0.0/16");
	assert_int_equal(got->keys.originator_id, source->parameters.bgp_id);
	assert_int_equal(got->keys.cluster_list_length, 2);
	/* Not reflected: learned from an external peer, told as any speaker tells it. */
	got = heard(other, "10.5.0.0/16");
	assert_int_equal(got->keys.flags, ATTR_HAS_MED | ATTR_HAS_LOCAL_PREF);
	assert_int_equal(got->keys.local_pref, 100);
	assert_int_equal(got->keys.med, 6);
	assert_int_equal(got->keys.cluster_list_length, 0);
	assert_string_equal(got->as_path, "65002 1");
	assert_memory_equal(got->keys.next_hop, "\xc0\x00\x02\xfe", 4);
	fixture_end(&f);
}

/*
 * RFC 4271 section 5.1: what an external peer is told. The fixture fails on LOCAL_PREF,
 * ORIGINATOR_ID and CLUSTER_LIST.
 */
static void test_external_attributes(void **state)
{
	struct speaker *source, *external, *two_octets, *third;
	const struct heard *got;

	(void)state;
	fixture_begin(&f, 0);
	source = speaker_up(&f, 0, ROLE_CLIENT);
	external = speaker_up(&f, 1, ROLE_EXTERNAL);
	two_octets = speaker_of(&f, 2, ROLE_EXTERNAL);
	two_octets->parameters.as4 = false;
	speaker_connect(two_octets);
	third = speaker_up(&f, 3, ROLE_EXTERNAL);
	announce(source, "10.1.0.0/16", .as_path = "70000 2", .med = IS(5), .local_pref = IS(200),
		.originator = IS(9), .clusters = { 7 });
	announce(source, "10.2.0.0/16", .med = IS(5));
	announce(source, "10.3.0.0/16", .as_path = "(65001) 3 {4 5}", .med = IS(5));
	announce(source, "10.4.0.0/16", .as_path = "{4 5}", .med = IS(5));
	announce(third, "10.5.0.0/16", .as_path = "65003", .med = IS(6));
	fixture_settle(&f);
	got = heard(external, "10.1.0.0/16");
	assert_string_equal(got->as_path, "64512 70000 2");
	assert_int_equal(got->keys.flags, 0); /* section 5.1.4: no MED of another AS */
	assert_int_equal(got->keys.cluster_list_length, 0);
	assert_memory_equal(got->keys.next_hop, "\xc0\x00\x02\xfe", 4);
	got = heard(external, "10.2.0.0/16");
	assert_string_equal(got->as_path, "64512");
	assert_int_equal(got->keys.flags, ATTR_HAS_MED); /* our AS's own */
	assert_int_equal(got->keys.med, 5);
	got = heard(external, "10.3.0.0/16");
	assert_string_equal(got->as_path, "64512 3 {4,5}");
	assert_int_equal(got->keys.flags, 0);
	got = heard(external, "10.4.0.0/16");
	assert_string_equal(got->as_path, "64512 {4,5}");
	assert_int_equal(got->keys.flags, 0);
	got = heard(external, "10.5.0.0/16");
	assert_string_equal(got->as_path, "64512 65003");
	assert_int_equal(got->keys.flags, 0);
	/* RFC 6793: through AS4_PATH the old speaker knows the same */
	assert_string_equal(heard(two_octets, "10.1.0.0/16")->as_path, "64512 70000 2");
	assert_string_equal(heard(two_octets, "10.3.0.0/16")->as_path, "64512 3 {4,5}");
	fixture_end(&f);
}

static void test_next_hop_self(void **state)
{
	static const enum role roles[] = { ROLE_EXTERNAL, ROLE_CLIENT };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		struct speaker *source, *to;
		const struct heard *got;

		fixture_begin(&f, 0);
		source = speaker_up(&f, 0, ROLE_CLIENT);
		to = speaker_of(&f, 1, roles[i]);
		to->parameters.next_hop = NEXT_HOP_SELF;
		assert_true(ip_address_parse(
			"192.0.2.200", &to->parameters.local[FAMILY_IPV4_UNICAST]));
		assert_true(
			ip_address_parse("fd00::200", &to->parameters.local[FAMILY_IPV6_UNICAST]));
		speaker_connect(to);
		announce(source, V4);
		announce(source, V6);
		fixture_settle(&f);
		got = heard(to, V4);
		assert_int_equal(got->keys.next_hop_len, 4);
		assert_memory_equal(got->keys.next_hop, "\xc0\x00\x02\xc8", 4);
		got = heard(to, V6);
		assert_int_equal(got->keys.next_hop_len, 16);
		assert_memory_equal(got->keys.next_hop,
			"\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00", 16);
		speaker_down(to);
		fixture_settle(&f);
		/* Without an address of the family there is nothing true to say. */
		to->parameters.local[FAMILY_IPV6_UNICAST] = (struct ip_address){ 0 };
		to->n_heard = 0;
		to->filled = 0;
		speaker_connect(to);
		fixture_settle(&f);
		assert_non_null(heard(to, V4));
		assert_null(heard(to, V6));
		fixture_end(&f);
	}
}

/* RFC 2545 section 3: the link-local address of another link is left out. */
static void test_link_local_next_hop(void **state)
{
	static const uint8_t body[] = { 0, 0, 0, 0x42, /* MP_REACH_NLRI with both addresses */
		0x80, 0x0e, 0x2a, 0, 2, 1, 32, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x33,
		0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x44, 0, 0x20, 0xfd, 0, 0, 1,
		/* ORIGIN, AS_PATH, LOCAL_PREF, MED */
		0x40, 1, 1, 0, 0x40, 2, 0, 0x40, 5, 4, 0, 0, 0, 100, 0x80, 4, 4, 0, 0, 0, 9 };
	struct speaker *source, *to;
	const struct heard *got;

	(void)state;
	fixture_begin(&f, 0);
	source = speaker_up(&f, 0, ROLE_CLIENT);
	to = speaker_up(&f, 1, ROLE_CLIENT);
	assert_true(speaker_send_bytes(source, SPAN(body)));
	fixture_settle(&f);
	got = heard(to, V6);
	assert_non_null(got);
	assert_int_equal(got->keys.next_hop_len, 16);
	assert_int_equal(got->keys.next_hop[15], 0x33);
	fixture_end(&f);
}

/* RFC 1997. A route that gets the community is withdrawn from those who may not have it. */
static void test_communities(void **state)
{
	static const struct {
		uint32_t community;
		bool internal, external;
	} rows[] = { { 0xfc000001, true, true }, { COMMUNITY_NO_EXPORT, true, false },
		{ COMMUNITY_NO_EXPORT_SUBCONFED, true, false },
		{ COMMUNITY_NO_ADVERTISE, false, false } };

	(void)state;
	for (unsigned add_path = 0; add_path < 2; add_path++) {
		struct speaker *source, *internal, *external;

		fixture_begin(&f, 0);
		source = speaker_up(&f, 0, ROLE_CLIENT);
		internal = speaker_of(&f, 1, ROLE_CLIENT);
		external = speaker_of(&f, 2, ROLE_EXTERNAL);
		internal->parameters.add_path_send = add_path ? FAMILIES_ALL : 0;
		external->parameters.add_path_send = add_path ? FAMILIES_ALL : 0;
		speaker_connect(internal);
		speaker_connect(external);
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			announce(source, V4, .communities = { 3, rows[i].community });
			fixture_settle(&f);
			assert_int_equal(heard_count(internal, V4), rows[i].internal);
			assert_int_equal(heard_count(external, V4), rows[i].external);
			announce(source, V4);
			fixture_settle(&f);
			assert_int_equal(heard_count(internal, V4), 1);
			assert_int_equal(heard_count(external, V4), 1);
		}
		assert_int_equal(internal->withdrawals, 1);
		assert_int_equal(external->withdrawals, 3);
		fixture_end(&f);
	}
}

#define assert_last(speaker, bytes) \
	assert_span_equal(((struct span){ (speaker)->last, (speaker)->last_len }), SPAN_OF(bytes))

/*
 * What a client is sent, to the byte: attributes in ascending order, MP attributes first (RFC 7606
 * section 5.1).
 */
static void test_golden_bytes(void **state)
{
	struct speaker *source, *to;

	(void)state;
	fixture_begin(&f, 0);
	source = speaker_up(&f, 0, ROLE_CLIENT);
	to = speaker_up(&f, 1, ROLE_CLIENT);
	announce(source, V4, .as_path = "65001 65002", .med = IS(5), .local_pref = IS(200),
		.communities = { 0xfc000001 });
	fixture_settle(&f);
	assert_last(to,
		"\0\0" /* withdrawn routes */
		"\0\x3b"
		"\x40\x01\x01\0"
		"\x40\x02\x0a\x02\x02\0\0\xfd\xe9\0\0\xfd\xea"
		"\x40\x03\x04\xc0\0\x02\xfe"
		"\x80\x04\x04\0\0\0\x05"
		"\x40\x05\x04\0\0\0\xc8"
		"\xc0\x08\x04\xfc\0\0\x01"
		"\x80\x09\x04\x0a\0\x01\0" /* ORIGINATOR_ID: the announcer's BGP Identifier */
		"\x80\x0a\x04\x0a\0\0\xff" /* CLUSTER_LIST: our cluster ID */
		"\x10\x0a\x01");
	announce(source, V6, .origin = ORIGIN_INCOMPLETE, .originator = IS(0x01020304),
		.clusters = { 0x05060708 });
	fixture_settle(&f);
	assert_last(to, "\0\0"
			"\0\x3e"
			"\x90\x0e\0\x1a\0\x02\x01\x10\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xfe\0\x20\xfd"
			"\0\0\x01"
			"\x40\x01\x01\x02"
			"\x40\x02\0"
			"\x40\x05\x04\0\0\0\x64" /* LOCAL_PREF was absent */
			"\x80\x09\x04\x01\x02\x03\x04"
			"\x80\x0a\x08\x0a\0\0\xff\x05\x06\x07\x08");
	withdraw(source, V4);
	fixture_settle(&f);
	assert_last(to, "\0\x03\x10\x0a\x01\0\0");
	withdraw(source, V6);
	fixture_settle(&f);
	assert_last(to, "\0\0\0\x0c\x90\x0f\0\x08\0\x02\x01\x20\xfd\0\0\x01");
	fixture_end(&f);
}

/* RFC 7911: the path ID we send is ours, and stays the path's while it is there. */
static void test_golden_bytes_add_path(void **state)
{
	struct speaker *source, *to;

	(void)state;
	fixture_begin(&f, 0);
	source = speaker_of(&f, 0, ROLE_CLIENT);
	source->parameters.add_path_receive = FAMILIES_ALL;
	speaker_connect(source);
	to = speaker_of(&f, 1, ROLE_CLIENT);
	to->parameters.add_path_send = FAMILIES_ALL;
	speaker_connect(to);
	announce(source, V4, .path_id = 77);
	fixture_settle(&f);
	assert_last(to, "\0\0"
			"\0\x23"
			"\x40\x01\x01\0"
			"\x40\x02\0"
			"\x40\x03\x04\xc0\0\x02\xfe"
			"\x40\x05\x04\0\0\0\x64"
			"\x80\x09\x04\x0a\0\x01\0"
			"\x80\x0a\x04\x0a\0\0\xff"
			"\0\0\0\1\x10\x0a\x01");
	announce(source, V4, .path_id = 78);
	fixture_settle(&f);
	assert_int_equal(heard_count(to, V4), 2);
	announce(source, V4, .path_id = 77, .med = IS(1));
	fixture_settle(&f);
	assert_int_equal(heard_count(to, V4), 2);
	announce(source, V4, .path_id = 77, .communities = { COMMUNITY_NO_ADVERTISE });
	fixture_settle(&f);
	assert_last(to, "\0\x07\0\0\0\1\x10\x0a\x01\0\0");
	assert_int_equal(heard(to, V4)->path_id, 2);
	fixture_end(&f);
}

/*
 * What came in any order goes out with as few messages as there are attribute sets of a source, and
 * each prefix with its own.
 */
static void test_packing(void **state)
{
	enum { PREFIXES = 600, SETS = 3 };
	struct speaker *source[2], *to;
	uint64_t before;
	char prefix[32];

	(void)state;
	fixture_begin(&f, 0);
	for (unsigned i = 0; i < 2; i++)
		source[i] = speaker_up(&f, i, ROLE_CLIENT);
	to = speaker_up(&f, 2, ROLE_CLIENT);
	fixture_settle(&f);
	before = fixture_counts(&f).updates_encoded;
	for (unsigned i = 0; i < PREFIXES; i++) {
		snprintf(prefix, sizeof(prefix), "10.%u.%u.0/24", i / 256, i % 256);
		announce(source[i % 2], prefix, .local_pref = IS(100 + i * 7 % SETS));
	}
	fixture_settle(&f);
	assert_int_equal(fixture_counts(&f).updates_encoded - before, 2 * SETS);
	for (unsigned i = 0; i < PREFIXES; i++) {
		snprintf(prefix, sizeof(prefix), "10.%u.%u.0/24", i / 256, i % 256);
		assert_non_null(heard(to, prefix));
		assert_int_equal(heard(to, prefix)->keys.local_pref, 100 + i * 7 % SETS);
		assert_int_equal(
			heard(to, prefix)->keys.originator_id, source[i % 2]->parameters.bgp_id);
		assert_true((heard(source[0], prefix) == NULL) == (i % 2 == 0));
	}
	before = fixture_counts(&f).updates_encoded;
	for (unsigned i = PREFIXES; i-- > 0;) {
		snprintf(prefix, sizeof(prefix), "10.%u.%u.0/24", i / 256, i % 256);
		withdraw(source[i % 2], prefix);
	}
	fixture_settle(&f);
	assert_int_equal(fixture_counts(&f).updates_encoded - before, 2);
	assert_int_equal(heard_count(to, NULL), 0);
	fixture_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_not_refused),
		cmocka_unit_test(test_refused_prefixes_are_counted),
		cmocka_unit_test(test_treat_as_withdraw),
		cmocka_unit_test(test_attribute_discard),
		cmocka_unit_test(test_cached_attributes),
		cmocka_unit_test(test_session_reset),
		cmocka_unit_test(test_families),
		cmocka_unit_test(test_who_hears),
		cmocka_unit_test(test_reflected_attributes),
		cmocka_unit_test(test_external_attributes),
		cmocka_unit_test(test_next_hop_self),
		cmocka_unit_test(test_link_local_next_hop),
		cmocka_unit_test(test_communities),
		cmocka_unit_test(test_golden_bytes),
		cmocka_unit_test(test_golden_bytes_add_path),
		cmocka_unit_test(test_packing),
	};

	return cmocka_run_group_tests_name("rib_rules", tests, NULL, NULL);
}
