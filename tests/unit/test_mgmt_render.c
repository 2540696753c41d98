/*
 * mgmt/output.h, json.h, table.h, format.h: what the management commands render with.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "mgmt/format.h"
#include "mgmt/json.h"
#include "mgmt/table.h"

static void test_json_structure(void **state)
{
	struct output out = { 0 };
	struct json json = json_to(&out);
	static const uint64_t counts[FAMILY_COUNT] = { 1, 2 };
	static const struct ip_address none = { 0 };
	(void)state;
	json_object_begin(&json);
	json_key_string(&json, "a", "b");
	json_key_string(&json, "none", NULL);
	json_key_uint(&json, "most", UINT64_MAX);
	json_key_bool(&json, "yes", true);
	json_key_null(&json, "nothing");
	json_key(&json, "empty");
	json_array_begin(&json);
	json_array_end(&json);
	json_key(&json, "list");
	json_array_begin(&json);
	json_uint(&json, 1);
	json_object_begin(&json);
	json_object_end(&json);
	json_bool(&json, false);
	json_null(&json);
	json_array_end(&json);
	json_key_family_counts(&json, "counts", counts);
	json_key_families(&json, "families", FAMILY_BIT(FAMILY_IPV6_UNICAST));
	json_key_address(&json, "address", &none);
	json_key_bgp_id(&json, "id", 0x0A000001);
	json_object_end(&json);
	assert_string_equal(out.bytes,
		"{\"a\":\"b\",\"none\":null,\"most\":18446744073709551615,\"yes\":true,\"nothing\":"
		"null,"
		"\"empty\":[],\"list\":[1,{},false,null],\"counts\":{\"ipv4-unicast\":1,\"ipv6-"
		"unicast\":2},"
		"\"families\":[\"ipv6-unicast\"],\"address\":null,\"id\":\"10.0.0.1\"}");
	output_free(&out);
}

/* The output may be taken away between any two values: separators must not depend on it. */
static void test_json_streams(void **state)
{
	struct output out = { 0 };
	struct output whole = { 0 };
	struct json json = json_to(&out);
	(void)state;
	json_object_begin(&json);
	json_key(&json, "lines");
	json_array_begin_lines(&json);
	for (uint64_t i = 0; i < 3; i++) {
		output_add(&whole, out.bytes, out.len);
		output_clear(&out);
		json_object_begin(&json);
		json_key_uint(&json, "i", i);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_object_end(&json);
	output_add(&whole, out.bytes, out.len);
	assert_string_equal(whole.bytes, "{\"lines\":[\n{\"i\":0},\n{\"i\":1},\n{\"i\":2}\n]}");
	output_free(&out);
	output_free(&whole);
}

static void test_json_escapes(void **state)
{
	static const struct {
		const char *string;
		size_t len;
		const char *json;
	} rows[] = {
		{ "", 0, "\"\"" },
		{ "plain /~", 8, "\"plain /~\"" },
		{ "\"\\", 2, "\"\\\"\\\\\"" },
		{ "\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"" },
		{ "\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\\u007f\"" },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9,
			"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		/*
		 * Not UTF-8: overlong, surrogate, beyond U+10FFFF, cut short, a stray continuation.
		 */
		{ "\xc0\xaf", 2, "\"\\ufffd\\ufffd\"" },
		{ "\xe0\x80\xaf", 3, "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "\xed\xa0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "\xf4\x90\x80\x80", 4, "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
		{ "a\xe2\x82", 3, "\"a\\ufffd\\ufffd\"" },
		{ "\x80z", 2, "\"\\ufffdz\"" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct output out = { 0 };
		struct json json = json_to(&out);
		json_string_of(&json, rows[i].string, rows[i].len);
		assert_string_equal(out.bytes, rows[i].json);
		output_free(&out);
	}
}

static void test_printable(void **state)
{
	(void)state;
	assert_true(utf8_printable("maintenance \xc3\xa9", 14));
	assert_false(utf8_printable("a\nb", 3));
	assert_false(utf8_printable("\x1b[0m", 4));
	assert_false(utf8_printable("\x7f", 1));
	assert_false(utf8_printable("\xc2\x85", 2)); /* NEL, a C1 control */
	assert_false(utf8_printable("\xff", 1));
}

static const struct table_column columns[] = {
	{ .title = "Name" },
	{ .title = "N", .right = true, .width = 3 },
	{ .title = "Rest" },
};

static void row(struct table *table, const char *name, unsigned number, const char *rest)
{
	table_cell(table, "%s", name);
	table_cell(table, "%u", number);
	table_cell(table, "%s", rest);
}

static void test_table(void **state)
{
	struct output out = { 0 };
	struct table table;
	(void)state;
	table_begin(&table, columns, ARRAY_LEN(columns));
	row(&table, "a", 1, "x y");
	row(&table, "longer", 12345, "");
	row(&table, "\xc3\xa9", 7, "two-byte character");
	table_flush(&table, &out);
	assert_string_equal(out.bytes, "Name        N  Rest\n"
				       "a           1  x y\n"
				       "longer  12345\n"
				       "\xc3\xa9           7  two-byte character\n");

	/* Later rows keep the widths, wider ones grow them; no second title. */
	output_clear(&out);
	row(&table, "b", 2, "z");
	table_flush(&table, &out);
	assert_string_equal(out.bytes, "b           2  z\n");
	output_clear(&out);
	row(&table, "much longer", 3, "z");
	table_flush(&table, &out);
	assert_string_equal(out.bytes, "much longer      3  z\n");
	output_clear(&out);
	table_flush(&table, &out);
	assert_int_equal(out.len, 0);
	table_free(&table);
	output_free(&out);
}

static void test_table_long_cell(void **state)
{
	struct output out = { 0 };
	struct table table;
	char *path = malloc(100001);
	(void)state;
	assert_non_null(path);
	memset(path, '6', 100000);
	path[100000] = '\0';
	table_begin(&table, columns, ARRAY_LEN(columns));
	row(&table, "a", 1, path);
	table_flush(&table, &out);
	assert_int_equal(out.len, strlen("Name    N  Rest\n") + strlen("a       1  ") + 100000 + 1);
	assert_string_equal(out.bytes + out.len - 3, "66\n");
	table_free(&table);
	output_free(&out);
	free(path);
}

static void test_formats(void **state)
{
	char text[FORMAT_MAX];
	(void)state;
	assert_string_equal(format_duration(0, text), "0s");
	assert_string_equal(format_duration(59, text), "59s");
	assert_string_equal(format_duration(60, text), "00:01:00");
	assert_string_equal(format_duration(86399, text), "23:59:59");
	assert_string_equal(format_duration(86400 * 400 + 3661, text), "400d01:01:01");
	assert_string_equal(format_bytes(1023, text), "1023 B");
	assert_string_equal(format_bytes(1024, text), "1.0 KiB");
	assert_string_equal(format_bytes(3u << 20, text), "3.0 MiB");
	assert_string_equal(format_bytes(UINT64_MAX, text), "16777216.0 TiB");
	assert_string_equal(format_families(0, text), "none");
	assert_string_equal(format_families(FAMILIES_ALL, text), "ipv4-unicast, ipv6-unicast");
	assert_string_equal(format_families(2, text), "ipv6-unicast");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_structure),
		cmocka_unit_test(test_json_streams),
		cmocka_unit_test(test_json_escapes),
		cmocka_unit_test(test_printable),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_table_long_cell),
		cmocka_unit_test(test_formats),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
