/*
 * bgp/types.h and bgp/error.h: text forms, order, cover, names.
 */
#include "tests/unit/unit.h"

#include "bgp/error.h"

static struct prefix prefix_of(const char *text)
{
	struct prefix prefix;

	if (!prefix_parse(text, false, &prefix))
		fail_msg("prefix %s is refused", text);
	return prefix;
}

static void test_families(void **state)
{
	enum family family;

	(void)state;
	assert_true(family_from_afi_safi(1, 1, &family));
	assert_int_equal(family, FAMILY_IPV4_UNICAST);
	assert_true(family_from_afi_safi(2, 1, &family));
	assert_int_equal(family, FAMILY_IPV6_UNICAST);
	static const struct {
		uint16_t afi;
		uint8_t safi;
	} foreign[] = { { 0, 1 }, { 1, 0 }, { 1, 2 }, { 2, 128 }, { 3, 1 }, { 256, 1 }, { 25, 70 },
		{ 16388, 71 } };
	for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
		assert_false(family_from_afi_safi(foreign[i].afi, foreign[i].safi, &family));

	for (unsigned i = 0; i < FAMILY_COUNT; i++) {
		assert_true(family_from_name(family_name((enum family)i), &family));
		assert_int_equal(family, i);
		assert_true(
			family_from_afi_safi(family_afi((enum family)i), SAFI_UNICAST, &family));
		assert_int_equal(family, i);
	}
	assert_string_equal(family_name(FAMILY_IPV4_UNICAST), "ipv4-unicast");
	assert_string_equal(family_name(FAMILY_IPV6_UNICAST), "ipv6-unicast");
	assert_false(family_from_name("ipv4", &family));
	assert_false(family_from_name("", &family));
	assert_int_equal(family_address_len(FAMILY_IPV4_UNICAST), 4);
	assert_int_equal(family_address_len(FAMILY_IPV6_UNICAST), 16);
}

static void test_address_text(void **state)
{
	static const struct {
		const char *text;
		const char *formatted; /* NULL: refused */
		uint8_t len;
	} rows[] = {
		{ "0.0.0.0", "0.0.0.0", 4 },
		{ "192.0.2.255", "192.0.2.255", 4 },
		{ "::", "::", 16 },
		/* RFC 5952 sections 4.1, 4.2 and 4.3 */
		{ "2001:0DB8:0:0:0:0:0:0001", "2001:db8::1", 16 },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", 16 },
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1", 16 },
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", 16 },
		{ "::ffff:192.0.2.1", "::ffff:192.0.2.1", 16 },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
			"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 16 },
		{ "", NULL, 0 },
		{ "1.2.3", NULL, 0 },
		{ "1.2.3.256", NULL, 0 },
		{ " 1.2.3.4", NULL, 0 },
		{ "1.2.3.4 ", NULL, 0 },
		{ "fe80::1%eth0", NULL, 0 },
		{ ":::", NULL, 0 },
		{ "12345::", NULL, 0 },
	};
	char text[IP_ADDRESS_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ip_address address = { .len = 77 };
		if (!rows[i].formatted) {
			if (ip_address_parse(rows[i].text, &address))
				fail_msg("%s is accepted", rows[i].text);
			assert_int_equal(address.len, 77);
			continue;
		}
		assert_true(ip_address_parse(rows[i].text, &address));
		assert_int_equal(address.len, rows[i].len);
		assert_string_equal(ip_address_format(&address, text), rows[i].formatted);
	}
	assert_string_equal(ip_address_format(&(struct ip_address){ 0 }, text), "none");
}

static void test_address_order(void **state)
{
	static const char *const ascending[] = { "0.0.0.0", "9.255.255.255", "10.0.0.1",
		"192.0.2.1", "::", "::1", "2001:db8::" };
	struct ip_address a;
	struct ip_address b;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ascending); i++) {
		for (size_t k = 0; k < ARRAY_LEN(ascending); k++) {
			assert_true(ip_address_parse(ascending[i], &a));
			assert_true(ip_address_parse(ascending[k], &b));
			int order = ip_address_compare(&a, &b);
			assert_int_equal(order < 0, i < k);
			assert_int_equal(order > 0, i > k);
		}
	}
}

static void test_prefix_text(void **state)
{
	static const struct {
		const char *text;
		bool mask;
		const char *formatted; /* NULL: refused */
	} rows[] = {
		{ "10.0.0.0/8", false, "10.0.0.0/8" },
		{ "10.0.0.1", false, "10.0.0.1/32" },
		{ "0.0.0.0/0", false, "0.0.0.0/0" },
		{ "255.255.255.255/32", false, "255.255.255.255/32" },
		{ "10.0.0.1/8", false, NULL },
		{ "10.0.0.1/8", true, "10.0.0.0/8" },
		{ "10.255.255.255/9", true, "10.128.0.0/9" },
		{ "10.255.255.255/31", true, "10.255.255.254/31" },
		{ "10.1.2.3/0", true, "0.0.0.0/0" },
		{ "::/0", false, "::/0" },
		{ "fd00:1::/64", false, "fd00:1::/64" },
		{ "fd00:1::1", false, "fd00:1::1/128" },
		{ "fd00:1::1/64", false, NULL },
		{ "fd00:1::1/64", true, "fd00:1::/64" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127", true,
			"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127" },
		{ "10.0.0.0/33", true, NULL },
		{ "::/129", true, NULL },
		{ "::/256", true, NULL },
		{ "::/264", true, NULL },
		{ "10.0.0.0/", true, NULL },
		{ "10.0.0.0/4294967304", true, NULL }, /* 2^32 + 8 */
		{ "10.0.0.0/-1", true, NULL },
		{ "10.0.0.0/+8", true, NULL },
		{ "10.0.0.0/08", true, NULL },
		{ "10.0.0.0/8 ", true, NULL },
		{ "10.0.0.0/8/8", true, NULL },
		{ "10.0.0.0/0x8", true, NULL },
		{ "10.0.0.0/0000000000000000000000000000000008", true, NULL },
		{ "10/8", true, NULL },
		{ "/8", true, NULL },
		{ "", true, NULL },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/8", true, NULL },
	};
	char text[PREFIX_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct prefix prefix = { .length = 77 };
		if (!rows[i].formatted) {
			if (prefix_parse(rows[i].text, rows[i].mask, &prefix))
				fail_msg("%s is accepted", rows[i].text);
			assert_int_equal(prefix.length, 77);
			continue;
		}
		if (!prefix_parse(rows[i].text, rows[i].mask, &prefix))
			fail_msg("%s is refused", rows[i].text);
		assert_string_equal(prefix_format(&prefix, text), rows[i].formatted);
	}
}

/* Against the plain definition, bit by bit, for every length. */
static void test_prefix_mask(void **state)
{
	(void)state;
	for (unsigned length = 0; length <= 128; length++) {
		struct prefix prefix = { .family = FAMILY_IPV6_UNICAST, .length = (uint8_t)length };
		memset(prefix.bytes, 0xFF, sizeof prefix.bytes);
		prefix_mask(&prefix);
		for (unsigned bit = 0; bit < 128; bit++)
			assert_int_equal(prefix.bytes[bit / 8] >> (7 - bit % 8) & 1, bit < length);
	}
}

static void test_prefix_covers(void **state)
{
	static const struct {
		const char *outer;
		const char *inner;
		bool covers;
	} rows[] = {
		{ "0.0.0.0/0", "10.0.0.0/8", true },
		{ "0.0.0.0/0", "0.0.0.0/0", true },
		{ "10.0.0.0/8", "10.0.0.0/8", true },
		{ "10.0.0.0/8", "10.255.0.0/16", true },
		{ "10.0.0.0/8", "11.0.0.0/8", false },
		{ "10.0.0.0/16", "10.0.0.0/8", false },
		{ "10.128.0.0/9", "10.192.0.0/10", true },
		{ "10.128.0.0/9", "10.64.0.0/10", false },
		{ "10.0.0.0/31", "10.0.0.1/32", true },
		{ "10.0.0.0/32", "10.0.0.1/32", false },
		{ "0.0.0.0/0", "::/0", false },
		{ "::/0", "0.0.0.0/0", false },
		{ "fd00::/8", "fd00:1::/64", true },
		{ "fd00:1::/65", "fd00:1:0:0:8000::/65", false },
		{ "fd00:1::1/128", "fd00:1::1/128", true },
		{ "fd00:1::/127", "fd00:1::1/128", true },
		{ "fd00:1::1/128", "fd00:1::/128", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct prefix outer = prefix_of(rows[i].outer);
		struct prefix inner = prefix_of(rows[i].inner);
		if (prefix_covers(&outer, &inner) != rows[i].covers)
			fail_msg("%s covers %s: expected %d", rows[i].outer, rows[i].inner,
				rows[i].covers);
	}
}

static void test_prefix_order(void **state)
{
	static const char *const ascending[] = { "0.0.0.0/0", "0.0.0.0/8", "10.0.0.0/8",
		"10.0.0.0/9", "10.0.0.0/32", "10.0.0.1/32", "10.128.0.0/9", "::/0", "::/64",
		"::1/128", "fd00::/8" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ascending); i++) {
		for (size_t k = 0; k < ARRAY_LEN(ascending); k++) {
			struct prefix a = prefix_of(ascending[i]);
			struct prefix b = prefix_of(ascending[k]);
			int order = prefix_compare(&a, &b);
			assert_int_equal(order < 0, i < k);
			assert_int_equal(order > 0, i > k);
			assert_int_equal(prefix_equal(&a, &b), i == k);
		}
	}
}

static void test_bgp_id(void **state)
{
	char text[16];
	uint32_t id = 77;

	(void)state;
	assert_true(bgp_id_parse("10.1.2.3", &id));
	assert_int_equal(id, 0x0A010203);
	assert_string_equal(bgp_id_format(id, text), "10.1.2.3");
	assert_string_equal(bgp_id_format(UINT32_MAX, text), "255.255.255.255");
	static const char *const refused[] = { "", "1", "1.2.3", "1.2.3.4.5", "::1", "1.2.3.4 " };
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		assert_false(bgp_id_parse(refused[i], &id));
	assert_int_equal(id, 0x0A010203);
}

static void test_error_names(void **state)
{
	static const struct {
		uint8_t code;
		uint8_t subcode;
		const char *text;
	} rows[] = {
		{ 1, 1, "Message Header Error/Connection Not Synchronized" },
		{ 1, 2, "Message Header Error/Bad Message Length" },
		{ 1, 3, "Message Header Error/Bad Message Type" },
		{ 2, 0, "OPEN Message Error" },
		{ 2, 1, "OPEN Message Error/Unsupported Version Number" },
		{ 2, 4, "OPEN Message Error/Unsupported Optional Parameter" },
		{ 2, 6, "OPEN Message Error/Unacceptable Hold Time" },
		{ 2, 7, "OPEN Message Error/Unsupported Capability" },
		{ 2, 8, "OPEN Message Error/unspecified subcode 8" },
		{ 3, 1, "UPDATE Message Error/Malformed Attribute List" },
		{ 3, 11, "UPDATE Message Error/Malformed AS_PATH" },
		{ 3, 12, "UPDATE Message Error/unspecified subcode 12" },
		{ 4, 0, "Hold Timer Expired" },
		{ 4, 1, "Hold Timer Expired/unspecified subcode 1" },
		{ 5, 3,
			"Finite State Machine Error/Receive Unexpected Message in Established "
			"State" },
		{ 6, 1, "Cease/Maximum Number of Prefixes Reached" },
		{ 6, 2, "Cease/Administrative Shutdown" },
		{ 6, 7, "Cease/Connection Collision Resolution" },
		{ 6, 9, "Cease/Hard Reset" },
		{ 7, 1, "ROUTE-REFRESH Message Error/Invalid Message Length" },
		{ 8, 0, "Send Hold Timer Expired" },
		{ 0, 0, "unknown code 0" },
		{ 9, 0, "unknown code 9" },
		{ 77, 0, "unknown code 77" },
		{ 249, 0, "unknown code 249" },
		{ 255, 255, "unknown code 255/unspecified subcode 255" },
	};
	char text[96];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(
			bgp_error_format(rows[i].code, rows[i].subcode, text, sizeof text),
			rows[i].text);
	for (unsigned code = 0; code < 256; code++) {
		assert_non_null(bgp_error_code_name((uint8_t)code));
		for (unsigned subcode = 0; subcode < 256; subcode++)
			assert_non_null(bgp_error_subcode_name((uint8_t)code, (uint8_t)subcode));
	}
	assert_string_equal(bgp_error_subcode_name(6, 0), "");
	assert_string_equal(bgp_error_subcode_name(6, 200), "unspecified subcode");
	/* Cut, but terminated. */
	assert_string_equal(bgp_error_format(6, 2, text, 8), "Cease/A");
}

static void test_error_set(void **state)
{
	uint8_t data[BGP_ERROR_DATA_MAX + 1];
	struct bgp_error error;

	(void)state;
	memset(data, 0xAB, sizeof data);
	memset(&error, 0xEE, sizeof error);
	assert_false(bgp_error_set(&error, 3, 1, data, sizeof data, "%0*d", 300, 7));
	assert_int_equal(error.code, 3);
	assert_int_equal(error.subcode, 1);
	assert_int_equal(error.data_len, BGP_ERROR_DATA_MAX);
	assert_memory_equal(error.data, data, BGP_ERROR_DATA_MAX);
	assert_int_equal(strlen(error.reason), BGP_ERROR_REASON_MAX - 1);

	assert_false(bgp_error_set(&error, 6, 2, NULL, 0, "found %d, expected %d", 1, 2));
	assert_int_equal(error.data_len, 0);
	assert_int_equal(error.data[0], 0);
	assert_string_equal(error.reason, "found 1, expected 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_families),
		cmocka_unit_test(test_address_text),
		cmocka_unit_test(test_address_order),
		cmocka_unit_test(test_prefix_text),
		cmocka_unit_test(test_prefix_mask),
		cmocka_unit_test(test_prefix_covers),
		cmocka_unit_test(test_prefix_order),
		cmocka_unit_test(test_bgp_id),
		cmocka_unit_test(test_error_names),
		cmocka_unit_test(test_error_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
