/*
 * UPDATE messages: taken apart with every fault of RFC 7606 sections 3 to 5, and built. Messages
 * are bytes written out by hand.
 */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "bgp/update.h"

#define BYTES(...)      \
	((struct span){ \
		(const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }) })

#define AS(n) (uint8_t)((n) >> 24), (uint8_t)((n) >> 16), (uint8_t)((n) >> 8), (uint8_t)(n)

#define ORIGIN_I   0x40, 1, 1, 0
#define PATH_5	   0x40, 2, 6, 2, 1, AS(5)
#define NEXT_HOP_1 0x40, 3, 4, 192, 0, 2, 1
#define GLOBAL_1   0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1
#define NET_10	   8, 10
#define NET_192	   24, 192, 0, 2
#define NET_6	   32, 0x20, 1, 0xd, 0xb8

/* MP_REACH_NLRI of IPv6 with one prefix: 3 + 26 bytes. */
#define MP_REACH_6 0x80, 14, 26, 0, 2, 1, 16, GLOBAL_1, 0, NET_6
/* MP_UNREACH_NLRI of IPv6 with one prefix: 3 + 8 bytes. */
#define MP_UNREACH_6 0x80, 15, 8, 0, 2, 1, NET_6

static struct update update;
static struct attribute_faults faults;
static struct bgp_error error;

static const struct attribute_context plain = { .as4 = true };
static const struct attribute_context add_path = { .as4 = true, .add_path_receive = FAMILIES_ALL };

static void parse(struct span body, const struct attribute_context *context)
{
	/* What a caller left behind from the message before must not matter. */
	memset(&update, 0xA5, sizeof update);
	memset(&faults, 0xA5, sizeof faults);
	memset(&error, 0, sizeof error);
	update_parse(body, context, &update, &faults, &error);
}

/* The prefixes of a field as text: "10.0.0.0/8 192.0.2.0/24#7". */
static const char *prefixes(struct span field, enum family family, bool with_id)
{
	static char text[512];
	char prefix[PREFIX_TEXT_MAX];
	struct reader r = reader_of_span(field);
	struct nlri nlri;
	size_t at = 0;
	text[0] = '\0';
	while (nlri_next(&r, family, with_id, &nlri)) {
		at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", at ? " " : "",
			prefix_format(&nlri.prefix, prefix));
		if (with_id)
			at += (size_t)snprintf(text + at, sizeof text - at, "#%u", nlri.path_id);
	}
	return r.left ? "malformed" : text;
}

static void test_classic(void **state)
{
	(void)state;
	parse(BYTES(0, 2, NET_10, 0, 20, ORIGIN_I, PATH_5, NEXT_HOP_1, NET_192, 25, 192, 0, 3, 0xFF,
		      0),
		&plain);
	assert_int_equal(faults.action, ATTRIBUTE_ACCEPT);
	assert_int_equal(faults.count, 0);
	assert_string_equal(prefixes(update.withdrawn, FAMILY_IPV4_UNICAST, false), "10.0.0.0/8");
	assert_string_equal(prefixes(update.nlri, FAMILY_IPV4_UNICAST, false),
		"192.0.2.0/24 192.0.3.128/25 0.0.0.0/0");
	assert_int_equal(update.n_pieces, 1);
	assert_span_equal(update.pieces[0], BYTES(ORIGIN_I, PATH_5, NEXT_HOP_1));
	assert_false(update.has_mp_reach);
	assert_false(update.has_mp_unreach);
	assert_false(update.end_of_rib);
}

static void test_multiprotocol(void **state)
{
	(void)state;
	parse(BYTES(0, 0, 0, 53, ORIGIN_I, MP_REACH_6, PATH_5, MP_UNREACH_6), &plain);
	assert_int_equal(faults.count, 0);
	assert_true(update.has_mp_reach);
	assert_int_equal(update.reach_family, FAMILY_IPV6_UNICAST);
	assert_span_equal(update.reach_next_hop, BYTES(GLOBAL_1));
	assert_string_equal(
		prefixes(update.reach_nlri, FAMILY_IPV6_UNICAST, false), "2001:db8::/32");
	assert_true(update.has_mp_unreach);
	assert_string_equal(
		prefixes(update.unreach_nlri, FAMILY_IPV6_UNICAST, false), "2001:db8::/32");
	assert_int_equal(update.n_pieces, 2);
	assert_span_equal(update.pieces[0], BYTES(ORIGIN_I));
	assert_span_equal(update.pieces[1], BYTES(PATH_5));
	assert_false(update.end_of_rib);
}

/* Three pieces, the most there can be; and IPv4 in MP_REACH_NLRI (RFC 4760). */
static void test_three_pieces(void **state)
{
	(void)state;
	parse(BYTES(0, 0, 0, 42, ORIGIN_I, 0x80, 14, 11, 0, 1, 1, 4, 192, 0, 2, 1, 0, NET_10,
		      PATH_5, 0x80, 15, 5, 0, 1, 1, NET_10, NEXT_HOP_1),
		&plain);
	assert_int_equal(faults.count, 0);
	assert_int_equal(update.reach_family, FAMILY_IPV4_UNICAST);
	assert_span_equal(update.reach_next_hop, BYTES(192, 0, 2, 1));
	assert_string_equal(prefixes(update.reach_nlri, FAMILY_IPV4_UNICAST, false), "10.0.0.0/8");
	assert_int_equal(update.unreach_family, FAMILY_IPV4_UNICAST);
	assert_int_equal(update.n_pieces, 3);
	assert_span_equal(update.pieces[2], BYTES(NEXT_HOP_1));
}

static void test_path_ids(void **state)
{
	(void)state;
	parse(BYTES(0, 6, AS(9), NET_10, 0, 20, ORIGIN_I, PATH_5, NEXT_HOP_1, AS(1), NET_192, AS(2),
		      NET_192),
		&add_path);
	assert_int_equal(faults.count, 0);
	assert_string_equal(prefixes(update.withdrawn, FAMILY_IPV4_UNICAST, true), "10.0.0.0/8#9");
	assert_string_equal(
		prefixes(update.nlri, FAMILY_IPV4_UNICAST, true), "192.0.2.0/24#1 192.0.2.0/24#2");
	/*
	 * Without the capability the path ID reads as four default routes and more: here, a fault.
	 */
	struct attribute_context ipv6_only = { .add_path_receive = FAMILY_BIT(
						       FAMILY_IPV6_UNICAST) };
	parse(BYTES(0, 6, AS(0x21000000), NET_10, 0, 0), &ipv6_only);
	assert_int_equal(faults.action, ATTRIBUTE_RESET);
}

static void test_foreign_families(void **state)
{
	(void)state;
	/* VPNv4 reach and L2VPN unreach: not ours, skipped whatever they hold. */
	parse(BYTES(0, 0, 0, 34, 0x80, 14, 7, 0, 1, 128, 0, 0, 0xFF, 0xFF, 0x80, 15, 5, 0, 25, 70,
		      0xFF, 0xFF, ORIGIN_I, PATH_5, 0xC0, 0x63, 0),
		&plain);
	assert_int_equal(faults.count, 0);
	assert_int_equal(update.foreign_families, 2);
	assert_false(update.has_mp_reach);
	assert_false(update.has_mp_unreach);
	assert_false(update.end_of_rib);
	/* An End-of-RIB of another family is not one of ours. */
	parse(BYTES(0, 0, 0, 6, 0x80, 15, 3, 0, 25, 70), &plain);
	assert_false(update.end_of_rib);
	assert_int_equal(update.foreign_families, 1);
}

static void test_end_of_rib(void **state)
{
	(void)state;
	parse(BYTES(0, 0, 0, 0), &plain);
	assert_true(update.end_of_rib);
	assert_int_equal(update.end_of_rib_family, FAMILY_IPV4_UNICAST);
	parse(BYTES(0, 0, 0, 6, 0x80, 15, 3, 0, 2, 1), &plain);
	assert_true(update.end_of_rib);
	assert_int_equal(update.end_of_rib_family, FAMILY_IPV6_UNICAST);
	parse(BYTES(0, 0, 0, 7, 0x90, 15, 0, 3, 0, 1, 1), &plain);
	assert_true(update.end_of_rib);
	assert_int_equal(update.end_of_rib_family, FAMILY_IPV4_UNICAST);
	/* These withdraw or announce something, or carry attributes. */
	parse(BYTES(0, 2, NET_10, 0, 0), &plain);
	assert_false(update.end_of_rib);
	parse(BYTES(0, 0, 0, 11, MP_UNREACH_6), &plain);
	assert_false(update.end_of_rib);
	parse(BYTES(0, 0, 0, 10, 0x80, 15, 3, 0, 2, 1, ORIGIN_I), &plain);
	assert_false(update.end_of_rib);
}

#define WITHDRAW ATTRIBUTE_TREAT_AS_WITHDRAW
#define RESET	 ATTRIBUTE_RESET

/*
 * A body, what is done, the subcode of the NOTIFICATION when it is a reset, and a piece of the
 * reason.
 */
static const struct fault_case {
	const char *what;
	struct span body;
	enum attribute_action action;
	uint8_t subcode;
	const char *reason;
} fault_cases[] = {
#define CASE(what, action, subcode, reason, ...)                            \
	{                                                                   \
		what,                                                       \
			{ (const uint8_t[]){ __VA_ARGS__ },                 \
				sizeof((const uint8_t[]){ __VA_ARGS__ }) }, \
			action, subcode, reason                             \
	}
	/* RFC 7606 section 3 b */
	CASE("body of 3 bytes", RESET, 1, "body of 3", 0, 0, 0),
	CASE("withdrawn length too large", RESET, 1, "withdrawn routes of 3", 0, 3, NET_10, 0, 0),
	CASE("attribute length too large", RESET, 1, "attributes of 5", 0, 0, 0, 5, ORIGIN_I),
	/* Section 3 i and 5.3 */
	CASE("withdrawn prefix of 33 bits", RESET, 10, "withdrawn routes", 0, 6, 33, 10, 0, 0, 0, 0,
		0, 0),
	CASE("withdrawn prefix cut short", RESET, 10, "withdrawn routes", 0, 2, 24, 10, 0, 0),
	CASE("NLRI of 33 bits", RESET, 10, "NLRI", 0, 0, 0, 20, ORIGIN_I, PATH_5, NEXT_HOP_1, 33, 1,
		2, 3, 4, 5),
	CASE("NLRI cut short", RESET, 10, "NLRI", 0, 0, 0, 20, ORIGIN_I, PATH_5, NEXT_HOP_1, 24, 1,
		2),
	CASE("MP_REACH_NLRI prefix of 129 bits", RESET, 9, "MP_REACH_NLRI: 18 bytes", 0, 0, 0, 42,
		0x80, 14, 39, 0, 2, 1, 16, GLOBAL_1, 0, 129, GLOBAL_1, 0),
	CASE("MP_REACH_NLRI prefix cut short", RESET, 9, "MP_REACH_NLRI: 2 bytes", 0, 0, 0, 26,
		0x80, 14, 23, 0, 2, 1, 16, GLOBAL_1, 0, 32, 1),
	CASE("IPv4 prefix of 33 bits in MP_REACH_NLRI", RESET, 9, "ipv4-unicast", 0, 0, 0, 18, 0x80,
		14, 15, 0, 1, 1, 4, 192, 0, 2, 1, 0, 33, 1, 2, 3, 4, 5),
	CASE("MP_UNREACH_NLRI prefix of 129 bits", RESET, 9, "MP_UNREACH_NLRI", 0, 0, 0, 24, 0x80,
		15, 21, 0, 2, 1, 129, GLOBAL_1, 0),
	CASE("MP_REACH_NLRI of 4 bytes", RESET, 9, "length 4", 0, 0, 0, 7, 0x80, 14, 4, 0, 2, 1, 0),
	CASE("MP_UNREACH_NLRI of 2 bytes", RESET, 9, "length 2", 0, 0, 0, 5, 0x80, 15, 2, 0, 2),
	CASE("MP_REACH_NLRI transitive", RESET, 4, "flags 0xc0", 0, 0, 0, 29, 0xC0, 14, 26, 0, 2, 1,
		16, GLOBAL_1, 0, NET_6),
	CASE("MP_UNREACH_NLRI well-known", RESET, 4, "flags 0x40", 0, 0, 0, 11, 0x40, 15, 8, 0, 2,
		1, NET_6),
	/* Section 3 g */
	CASE("MP_REACH_NLRI twice", RESET, 1, "twice", 0, 0, 0, 58, MP_REACH_6, MP_REACH_6),
	CASE("MP_UNREACH_NLRI twice, one of a foreign family", RESET, 1, "twice", 0, 0, 0, 17, 0x80,
		15, 3, 0, 25, 70, MP_UNREACH_6),
	/* Section 7.11 */
	CASE("IPv6 next hop of 4 bytes", RESET, 9, "next hop of 4 bytes", 0, 0, 0, 17, 0x80, 14, 14,
		0, 2, 1, 4, 192, 0, 2, 1, 0, NET_6),
	CASE("IPv6 next hop of 24 bytes", RESET, 9, "next hop of 24", 0, 0, 0, 37, 0x80, 14, 34, 0,
		2, 1, 24, GLOBAL_1, 0, 0, 0, 0, 0, 0, 0, 0, 0, NET_6),
	CASE("IPv4 next hop of 16 bytes", RESET, 9, "next hop of 16", 0, 0, 0, 26, 0x80, 14, 23, 0,
		1, 1, 16, GLOBAL_1, 0, NET_10),
	CASE("next hop behind the end", RESET, 9, "next hop of 16 bytes in 8", 0, 0, 0, 11, 0x80,
		14, 8, 0, 2, 1, 16, 1, 2, 3, 4),
	CASE("no reserved octet behind the next hop", RESET, 9, "next hop", 0, 0, 0, 23, 0x80, 14,
		20, 0, 2, 1, 16, GLOBAL_1),
	/* Section 4 */
	CASE("overrun with NLRI", WITHDRAW, 0, "overruns", 0, 0, 0, 8, ORIGIN_I, 0x40, 2, 6, 2,
		NET_10),
	CASE("fraction of a header with NLRI", WITHDRAW, 0, "ends with 2 bytes", 0, 0, 0, 6,
		ORIGIN_I, 0x40, 2, NET_10),
	CASE("overrun of an attribute that has no name", WITHDRAW, 0, "unknown (99): length 6", 0,
		0, 0, 8, ORIGIN_I, 0xC0, 99, 6, 2, NET_10),
	CASE("overrun behind MP_REACH_NLRI", WITHDRAW, 0, "overruns", 0, 0, 0, 33, MP_REACH_6, 0x40,
		1, 9, 0),
	CASE("overrun in front of where MP_REACH_NLRI may be", RESET, 1, "overruns", 0, 0, 0, 33,
		0x40, 1, 90, 0, MP_REACH_6),
	CASE("overrun of MP_REACH_NLRI itself", RESET, 1, "cannot be located", 0, 0, 0, 28, 0x80,
		14, 26, 0, 2, 1, 16, GLOBAL_1, 0, 32, 0x20, 1, 0xd, 8, 10),
	/* Section 5.2 */
	CASE("withdraw with a malformed ORIGIN", RESET, 1, "no reachable NLRI, and ORIGIN", 0, 2,
		NET_10, 0, 4, 0x40, 1, 1, 9),
	CASE("MP_REACH_NLRI without NLRI, with a malformed ORIGIN", RESET, 1, "no reachable", 0, 0,
		0, 28, 0x80, 14, 21, 0, 2, 1, 16, GLOBAL_1, 0, 0x40, 1, 1, 9),
	CASE("withdraw with a malformed ATOMIC_AGGREGATE", ATTRIBUTE_DISCARD, 0, "ATOMIC_AGGREGATE",
		0, 2, NET_10, 0, 4, 0x40, 6, 1, 9),
	CASE("withdraw with sound attributes, not all mandatory ones", ATTRIBUTE_ACCEPT, 0, NULL, 0,
		2, NET_10, 0, 4, ORIGIN_I),
	/* RFC 4760 section 3: without NLRI of the classic field NEXT_HOP is ignored, whatever it
	   says. */
	CASE("withdraw with a NEXT_HOP of 0.0.0.0", ATTRIBUTE_ACCEPT, 0, NULL, 0, 0, 0, 18,
		MP_UNREACH_6, 0x40, 3, 4, 0, 0, 0, 0),
	CASE("routes of another family with a malformed ORIGIN", ATTRIBUTE_ACCEPT, 0, NULL, 0, 0, 0,
		14, 0x80, 14, 7, 0, 1, 128, 0, 0, 0xFF, 0xFF, 0x40, 1, 1, 9),
	/* The attributes themselves are looked at in attributes_decode where there are routes. */
	CASE("malformed ORIGIN with NLRI", ATTRIBUTE_ACCEPT, 0, NULL, 0, 0, 0, 4, 0x40, 1, 1, 9,
		NET_10),
	/* Section 3 h: what stands in front of the break may be worse. */
	CASE("unknown well-known, then an overrun", RESET, 2, "overruns", 0, 0, 0, 7, 0x40, 99, 0,
		0x40, 1, 9, 0, NET_10),
#undef CASE
};

static void test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fault_cases); i++) {
		const struct fault_case *c = &fault_cases[i];
		parse(c->body, &plain);
		if (faults.action != c->action)
			fail_msg("%s: action %u, expected %u", c->what, faults.action, c->action);
		if (error.code != (c->action == RESET ? ERROR_UPDATE : 0) ||
			error.subcode != c->subcode)
			fail_msg("%s: error %u/%u, expected subcode %u", c->what, error.code,
				error.subcode, c->subcode);
		/* The log speaks of the recorded faults: what is done must be among them. */
		uint8_t strongest = ATTRIBUTE_ACCEPT;
		for (unsigned k = 0; k < faults.count; k++)
			if (faults.fault[k].action > strongest)
				strongest = faults.fault[k].action;
		if (strongest != c->action)
			fail_msg("%s: the strongest fault asks for %u, expected %u", c->what,
				strongest, c->action);
		const char *found = faults.count == 0 ? "" : faults.fault[0].reason;
		if (c->reason && !strstr(found, c->reason) && !strstr(error.reason, c->reason))
			fail_msg("%s: reason \"%s\", \"%s\"", c->what, found, error.reason);
		if (!c->reason && faults.count > 0)
			fail_msg("%s: fault \"%s\"", c->what, found);
		assert_false(update.end_of_rib);
	}
}

/* Treat-as-withdraw: what is to be withdrawn is there. */
static void test_withdrawn_routes_are_located(void **state)
{
	(void)state;
	parse(BYTES(0, 0, 0, 33, MP_REACH_6, 0x40, 1, 9, 0, NET_10), &plain);
	assert_int_equal(faults.action, ATTRIBUTE_TREAT_AS_WITHDRAW);
	assert_string_equal(
		prefixes(update.reach_nlri, FAMILY_IPV6_UNICAST, false), "2001:db8::/32");
	assert_string_equal(prefixes(update.nlri, FAMILY_IPV4_UNICAST, false), "10.0.0.0/8");
}

/* RFC 4760 section 7 with RFC 4271 section 6.3: the NOTIFICATION holds the attribute. */
static void test_error_data(void **state)
{
	(void)state;
	parse(BYTES(0, 0, 0, 7, 0x80, 14, 4, 0, 2, 1, 0), &plain);
	assert_span_equal(
		((struct span){ error.data, error.data_len }), BYTES(0x80, 14, 4, 0, 2, 1, 0));
}

static void test_nlri_next(void **state)
{
	(void)state;
	struct nlri nlri;
	struct span field = BYTES(9, 10, 0xFF);
	struct reader r = reader_of_span(field);
	assert_true(nlri_next(&r, FAMILY_IPV4_UNICAST, false, &nlri));
	assert_int_equal(nlri.prefix.bytes[1], 0x80);
	assert_false(nlri_next(&r, FAMILY_IPV4_UNICAST, false, &nlri));
	assert_int_equal(r.left, 0);
	struct span cut = BYTES(24, 10, 0);
	r = reader_of_span(cut);
	assert_false(nlri_next(&r, FAMILY_IPV4_UNICAST, false, &nlri));
	assert_int_equal(r.left, 3);
	struct span host = BYTES(AS(7), 128, GLOBAL_1);
	r = reader_of_span(host);
	assert_true(nlri_next(&r, FAMILY_IPV6_UNICAST, true, &nlri));
	assert_int_equal(nlri.path_id, 7);
	assert_int_equal(nlri.prefix.length, 128);
	assert_memory_equal(nlri.prefix.bytes, BYTES(GLOBAL_1).bytes, 16);
	assert_int_equal(nlri_size(&nlri.prefix, true), 21);
	assert_int_equal(nlri_size(&nlri.prefix, false), 17);
	r = reader_of_span(host);
	assert_false(nlri_next(&r, FAMILY_IPV4_UNICAST, true, &nlri));
}

#define MARKER	       255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255
#define HEADER(length) MARKER, (length) >> 8, (length)&0xFF, 2

static uint8_t buffer[70000];

static struct prefix prefix_of(const char *text)
{
	struct prefix prefix;
	assert_true(prefix_parse(text, false, &prefix));
	return prefix;
}

static void test_build_ipv4(void **state)
{
	(void)state;
	struct writer w = writer_of(buffer, sizeof buffer);
	struct update_builder b;
	struct prefix first = prefix_of("10.0.0.0/8"), second = prefix_of("192.0.2.128/25");
	assert_true(update_begin_reach(&b, &w, 4096, FAMILY_IPV4_UNICAST, false, BYTES(0),
		BYTES(ORIGIN_I, PATH_5, NEXT_HOP_1)));
	assert_true(update_add(&b, &first, 0));
	assert_true(update_add(&b, &second, 0));
	update_end(&b);
	assert_int_equal(b.count, 2);
	/* Unreach, behind it in the same writer. */
	assert_true(update_begin_unreach(&b, &w, 4096, FAMILY_IPV4_UNICAST, true));
	assert_true(update_add(&b, &first, 0x01020304));
	update_end(&b);
	assert_span_equal(((struct span){ buffer, writer_len(&w) }),
		BYTES(HEADER(50), 0, 0, 0, 20, ORIGIN_I, PATH_5, NEXT_HOP_1, NET_10, 25, 192, 0, 2,
			128, HEADER(29), 0, 6, 1, 2, 3, 4, NET_10, 0, 0));
}

/* RFC 7606 section 5.1: MP_REACH_NLRI is the first attribute. */
static void test_build_ipv6(void **state)
{
	(void)state;
	struct writer w = writer_of(buffer, sizeof buffer);
	struct update_builder b;
	struct prefix prefix = prefix_of("2001:db8::/32");
	assert_true(update_begin_reach(&b, &w, 4096, FAMILY_IPV6_UNICAST, false, BYTES(GLOBAL_1),
		BYTES(ORIGIN_I, PATH_5)));
	assert_true(update_add(&b, &prefix, 0));
	update_end(&b);
	assert_true(update_begin_unreach(&b, &w, 4096, FAMILY_IPV6_UNICAST, true));
	assert_true(update_add(&b, &prefix, 9));
	update_end(&b);
	assert_span_equal(((struct span){ buffer, writer_len(&w) }),
		BYTES(HEADER(66), 0, 0, 0, 43, 0x90, 14, 0, 26, 0, 2, 1, 16, GLOBAL_1, 0, NET_6,
			ORIGIN_I, PATH_5, HEADER(39), 0, 0, 0, 16, 0x90, 15, 0, 12, 0, 2, 1, 0, 0,
			0, 9, NET_6));
}

static void test_end_of_rib_bytes(void **state)
{
	(void)state;
	struct writer w = writer_of(buffer, sizeof buffer);
	end_of_rib_write(&w, FAMILY_IPV4_UNICAST);
	end_of_rib_write(&w, FAMILY_IPV6_UNICAST);
	assert_span_equal(((struct span){ buffer, writer_len(&w) }),
		BYTES(HEADER(23), 0, 0, 0, 0, HEADER(29), 0, 0, 0, 6, 0x80, 15, 3, 0, 2, 1));
}

/* Nothing was added: nothing is left, above all no End-of-RIB. */
static void test_build_nothing(void **state)
{
	(void)state;
	for (int family = 0; family < FAMILY_COUNT; family++) {
		struct writer w = writer_of(buffer, sizeof buffer);
		struct update_builder b;
		assert_true(update_begin_unreach(&b, &w, 4096, (enum family)family, false));
		update_end(&b);
		assert_int_equal(writer_len(&w), 0);
	}
}

/* Fills messages to their limit, takes them apart again: nothing lost, nothing above the limit. */
static void fill(size_t max, enum family family, bool ids, bool reach, unsigned expected)
{
	struct writer w = writer_of(buffer, sizeof buffer);
	struct update_builder b;
	bool ipv4 = family == FAMILY_IPV4_UNICAST;
	struct span attributes = ipv4 ? BYTES(ORIGIN_I, PATH_5, NEXT_HOP_1)
				      : BYTES(ORIGIN_I, PATH_5);
	assert_true(
		reach ? update_begin_reach(&b, &w, max, family, ids, BYTES(GLOBAL_1), attributes)
		      : update_begin_unreach(&b, &w, max, family, ids));
	struct prefix prefix = prefix_of(ipv4 ? "10.0.0.0/24" : "2001:db8::/48");
	unsigned count = 0;
	while (update_add(&b, &prefix, count))
		count++;
	size_t room = max - writer_len(&w);
	update_end(&b);
	assert_false(w.overflow);
	assert_int_equal(count, expected);
	assert_int_equal(b.count, expected);
	assert_true(writer_len(&w) <= max);
	/* The next prefix would not have fit. */
	assert_true(max - writer_len(&w) < nlri_size(&prefix, ids));
	assert_true(room >= max - writer_len(&w));

	struct span body = { buffer + BGP_HEADER_LEN, writer_len(&w) - BGP_HEADER_LEN };
	parse(body, ids ? &add_path : &plain);
	assert_int_equal(faults.count, 0);
	struct span field = ipv4 ? (reach ? update.nlri : update.withdrawn)
				 : (reach ? update.reach_nlri : update.unreach_nlri);
	struct reader r = reader_of_span(field);
	struct nlri nlri;
	unsigned found = 0;
	while (nlri_next(&r, family, ids, &nlri)) {
		assert_int_equal(nlri.path_id, ids ? found : 0);
		found++;
	}
	assert_int_equal(found, expected);
}

static void test_build_full(void **state)
{
	(void)state;
	/* 4096 - 23 - 20 bytes of attributes = 4053, 4 bytes a prefix */
	fill(4096, FAMILY_IPV4_UNICAST, false, true, 1013);
	fill(4096, FAMILY_IPV4_UNICAST, true, true, 506);
	fill(4096, FAMILY_IPV4_UNICAST, false, false, 1018);
	/* 4096 - 23 - 13 - 25 of MP_REACH_NLRI = 4035, 7 bytes a prefix */
	fill(4096, FAMILY_IPV6_UNICAST, false, true, 576);
	fill(4096, FAMILY_IPV6_UNICAST, true, true, 366);
	/* 4096 - 23 - 7 = 4066 */
	fill(4096, FAMILY_IPV6_UNICAST, false, false, 580);
	/* RFC 8654: 65535 - 23 - 20 = 65492 */
	fill(65535, FAMILY_IPV4_UNICAST, false, true, 16373);
	fill(65535, FAMILY_IPV6_UNICAST, false, true, 9353);
}

static void test_build_no_room(void **state)
{
	(void)state;
	static uint8_t big[4096];
	struct update_builder b;
	struct writer w = writer_of(buffer, sizeof buffer);
	/* 23 bytes and the longest prefix, 5, are left to attributes of 4068. */
	assert_true(update_begin_reach(
		&b, &w, 4096, FAMILY_IPV4_UNICAST, false, BYTES(0), (struct span){ big, 4068 }));
	struct prefix host = prefix_of("192.0.2.1/32");
	assert_true(update_add(&b, &host, 0));
	assert_false(update_add(&b, &host, 0));
	update_end(&b);
	assert_int_equal(writer_len(&w), 4096);
	w = writer_of(buffer, sizeof buffer);
	assert_false(update_begin_reach(
		&b, &w, 4096, FAMILY_IPV4_UNICAST, false, BYTES(0), (struct span){ big, 4069 }));
	assert_int_equal(writer_len(&w), 0);
	assert_false(w.overflow);
	/* IPv6: 23 + 25 of MP_REACH_NLRI + 17 of the longest prefix leave 4031. */
	assert_true(update_begin_reach(&b, &w, 4096, FAMILY_IPV6_UNICAST, false, BYTES(GLOBAL_1),
		(struct span){ big, 4031 }));
	w = writer_of(buffer, sizeof buffer);
	assert_false(update_begin_reach(&b, &w, 4096, FAMILY_IPV6_UNICAST, false, BYTES(GLOBAL_1),
		(struct span){ big, 4032 }));
	/* A writer smaller than a message is the limit, and does not overflow. */
	w = writer_of(buffer, 60);
	assert_true(update_begin_reach(&b, &w, 4096, FAMILY_IPV4_UNICAST, false, BYTES(0),
		BYTES(ORIGIN_I, PATH_5, NEXT_HOP_1)));
	unsigned count = 0;
	while (update_add(&b, &host, 0))
		count++;
	update_end(&b);
	assert_int_equal(count, 3);
	assert_false(w.overflow);
	/*
	 * The same for a withdraw, whose last two bytes are written at the end: 19 + 2 + 2 * 5 + 2
	 * are 33.
	 */
	for (size_t size = 33; size < 38; size++) {
		w = writer_of(buffer, size);
		assert_true(update_begin_unreach(&b, &w, 4096, FAMILY_IPV4_UNICAST, false));
		for (count = 0; update_add(&b, &host, 0);)
			count++;
		update_end(&b);
		assert_int_equal(count, 2);
		assert_false(w.overflow);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classic),
		cmocka_unit_test(test_multiprotocol),
		cmocka_unit_test(test_three_pieces),
		cmocka_unit_test(test_path_ids),
		cmocka_unit_test(test_foreign_families),
		cmocka_unit_test(test_end_of_rib),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_withdrawn_routes_are_located),
		cmocka_unit_test(test_error_data),
		cmocka_unit_test(test_nlri_next),
		cmocka_unit_test(test_build_ipv4),
		cmocka_unit_test(test_build_ipv6),
		cmocka_unit_test(test_end_of_rib_bytes),
		cmocka_unit_test(test_build_nothing),
		cmocka_unit_test(test_build_full),
		cmocka_unit_test(test_build_no_room),
	};
	return cmocka_run_group_tests_name("update", tests, NULL, NULL);
}
