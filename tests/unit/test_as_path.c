/* AS_PATH: every expected value is bytes written out by hand after RFC 4271 section 4.3 b. */
#include "tests/unit/unit.h"

#include "bgp/as_path.h"

#define BYTES(...)      \
	((struct span){ \
		(const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }) })
#define EMPTY ((struct span){ (const uint8_t *)"", 0 })

#define AS(n)  (uint8_t)((n) >> 24), (uint8_t)((n) >> 16), (uint8_t)((n) >> 8), (uint8_t)(n)
#define AS2(n) (uint8_t)((n) >> 8), (uint8_t)(n)

static uint8_t buffer[4096];

static void assert_written(const struct writer *w, struct span expected)
{
	assert_false(w->overflow);
	assert_span_equal(((struct span){ w->start, writer_len(w) }), expected);
}

static void test_valid(void **state)
{
	(void)state;
	assert_true(as_path_valid(EMPTY, 4));
	assert_true(as_path_valid(BYTES(2, 1, AS(1)), 4));
	assert_true(as_path_valid(BYTES(2, 2, AS2(1), AS2(2)), 2));
	assert_true(as_path_valid(BYTES(2, 1, AS(1), 1, 1, AS(2), 3, 1, AS(3), 4, 1, AS(4)), 4));
	assert_false(as_path_valid(BYTES(0, 1, AS(1)), 4)); /* segment type 0 */
	assert_false(as_path_valid(BYTES(5, 1, AS(1)), 4)); /* segment type 5 */
	assert_false(as_path_valid(BYTES(2, 0), 4)); /* empty segment */
	assert_false(as_path_valid(BYTES(2, 2, AS(1)), 4)); /* overrun */
	assert_false(as_path_valid(BYTES(2, 1, AS(1), 2), 4)); /* one octet left */
	assert_false(as_path_valid(BYTES(2, 1, AS2(1)), 4)); /* the other AS size */
	assert_false(as_path_valid(BYTES(2, 1, AS(1)), 2));
}

static void test_examine(void **state)
{
	(void)state;
	struct as_path_facts facts;
	assert_true(as_path_examine(
		BYTES(3, 1, AS(9), 2, 2, AS(7), AS(8), 1, 2, AS(1), AS(2)), 4, &facts));
	assert_int_equal(facts.length, 3);
	assert_int_equal(facts.first, 7);
	assert_true(facts.has_confederation);
	assert_false(facts.has_zero);
	assert_true(as_path_examine(BYTES(2, 2, AS2(7), AS2(0)), 2, &facts));
	assert_true(facts.has_zero);
	assert_false(facts.has_confederation);
	assert_true(as_path_examine(BYTES(2, 1, AS(0)), 4, &facts));
	assert_true(facts.has_zero);
	assert_true(as_path_examine(BYTES(1, 1, AS(5), 2, 1, AS(6)), 4, &facts));
	assert_int_equal(facts.first, 0);
}

static void test_keys(void **state)
{
	(void)state;
	struct span path = BYTES(
		2, 2, AS(64512), AS(70000), 1, 3, AS(1), AS(2), AS(3), 4, 1, AS(9));
	assert_int_equal(as_path_length(path), 3);
	assert_int_equal(as_path_length(EMPTY), 0);
	assert_int_equal(as_path_first(path), 64512);
	assert_int_equal(as_path_first(EMPTY), 0);
	assert_int_equal(as_path_first(BYTES(1, 1, AS(1), 2, 1, AS(2))), 0);
	assert_int_equal(as_path_first(BYTES(3, 1, AS(1), 2, 1, AS(2))), 2);
	assert_true(as_path_contains(path, 70000));
	assert_true(as_path_contains(path, 3));
	assert_true(as_path_contains(path, 9));
	assert_false(as_path_contains(path, 4));
	/* 70000 is 0x00011170: no match across AS borders. */
	assert_false(as_path_contains(path, 0x11170000));
}

static void test_widen_and_narrow(void **state)
{
	(void)state;
	struct writer w = writer_of(buffer, sizeof buffer);
	as_path_widen(&w, BYTES(2, 2, AS2(64512), AS2(23456), 1, 1, AS2(3)));
	assert_written(&w, BYTES(2, 2, 0, 0, 0xFC, 0, 0, 0, 0x5B, 0xA0, 1, 1, 0, 0, 0, 3));

	w = writer_of(buffer, sizeof buffer);
	assert_false(as_path_narrow(&w, BYTES(2, 2, AS(64512), AS(65535), 1, 1, AS(3))));
	assert_written(&w, BYTES(2, 2, 0xFC, 0, 0xFF, 0xFF, 1, 1, 0, 3));

	w = writer_of(buffer, sizeof buffer);
	assert_true(as_path_narrow(&w, BYTES(2, 2, AS(64512), AS(65536))));
	assert_written(&w, BYTES(2, 2, 0xFC, 0, 0x5B, 0xA0));

	w = writer_of(buffer, 5);
	as_path_narrow(&w, BYTES(2, 2, AS(1), AS(2)));
	assert_true(w.overflow);
}

static void test_prepend(void **state)
{
	(void)state;
	struct writer w = writer_of(buffer, sizeof buffer);
	as_path_prepend(&w, EMPTY, 70000);
	assert_written(&w, BYTES(2, 1, 0, 1, 0x11, 0x70));

	w = writer_of(buffer, sizeof buffer);
	as_path_prepend(&w, BYTES(2, 1, AS(5), 1, 1, AS(6)), 4);
	assert_written(&w, BYTES(2, 2, AS(4), AS(5), 1, 1, AS(6)));

	w = writer_of(buffer, sizeof buffer);
	as_path_prepend(&w, BYTES(1, 1, AS(6)), 4);
	assert_written(&w, BYTES(2, 1, AS(4), 1, 1, AS(6)));

	uint8_t full[2 + 255 * 4] = { 2, 255 };
	for (unsigned i = 0; i < 255; i++)
		full[2 + 4 * i + 3] = 1;
	w = writer_of(buffer, sizeof buffer);
	as_path_prepend(&w, (struct span){ full, sizeof full }, 4);
	assert_int_equal(writer_len(&w), 6 + sizeof full);
	assert_memory_equal(buffer, BYTES(2, 1, AS(4), 2, 255).bytes, 8);

	/* One below the limit still takes it. */
	full[1] = 254;
	w = writer_of(buffer, sizeof buffer);
	as_path_prepend(&w, (struct span){ full, sizeof full - 4 }, 4);
	assert_int_equal(writer_len(&w), sizeof full);
	assert_int_equal(buffer[1], 255);
}

static void test_write_without_confederation(void **state)
{
	(void)state;
	struct as_path_form form = {
		.as_size = 2, .prepend = true, .as = 70000, .drop_confederation = true
	};
	struct writer w = writer_of(buffer, sizeof buffer);
	assert_true(as_path_write(
		&w, BYTES(3, 1, AS(65001), 2, 1, AS(5), 4, 1, AS(65002), 1, 1, AS(6)), &form));
	assert_written(&w, BYTES(2, 2, 0x5B, 0xA0, 0, 5, 1, 1, 0, 6));
	form.as = 9;
	w = writer_of(buffer, sizeof buffer);
	assert_false(as_path_write(&w, BYTES(3, 1, AS(70001)), &form));
	assert_written(&w, BYTES(2, 1, 0, 9));
}

/* RFC 6793 section 4.2.3 */
static void test_merge(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		uint8_t path[32], path_len, as4[32], as4_len, merged[40], merged_len;
	} cases[] = {
		{ "an old AS in front of the last new one", { 2, 3, AS2(10), AS2(23456), AS2(20) },
			8, { 2, 2, AS(70000), AS(20) }, 10, { 2, 3, AS(10), AS(70000), AS(20) },
			14 },
		{ "equally long: AS4_PATH replaces all", { 2, 2, AS2(23456), AS2(20) }, 6,
			{ 2, 2, AS(70000), AS(20) }, 10, { 2, 2, AS(70000), AS(20) }, 10 },
		{ "AS4_PATH longer: ignored", { 2, 1, AS2(23456) }, 4, { 2, 2, AS(70000), AS(20) },
			10, { 2, 1, AS(23456) }, 6 },
		{ "a set counts one and is taken whole", { 1, 2, AS2(5), AS2(6), 2, 1, AS2(23456) },
			10, { 2, 1, AS(70000) }, 6, { 1, 2, AS(5), AS(6), 2, 1, AS(70000) }, 16 },
		{ "a sequence is not joined with a set",
			{ 2, 1, AS2(10), 1, 2, AS2(23456), AS2(6) }, 10, { 1, 2, AS(70000), AS(6) },
			10, { 2, 1, AS(10), 1, 2, AS(70000), AS(6) }, 16 },
		{ "leading confederation segments stay",
			{ 3, 1, AS2(65001), 2, 2, AS2(10), AS2(23456) }, 10, { 2, 1, AS(70000) }, 6,
			{ 3, 1, AS(65001), 2, 2, AS(10), AS(70000) }, 16 },
		{ "leading confederation segment with nothing else to take",
			{ 3, 1, AS2(65001), 2, 1, AS2(23456) }, 8, { 2, 1, AS(70000) }, 6,
			{ 3, 1, AS(65001), 2, 1, AS(70000) }, 12 },
		{ "a confederation segment behind one that was taken whole",
			{ 2, 1, AS2(10), 3, 1, AS2(65001), 2, 1, AS2(23456) }, 12,
			{ 2, 1, AS(70000) }, 6, { 2, 1, AS(10), 3, 1, AS(65001), 2, 1, AS(70000) },
			18 },
		{ "confederation segments of AS4_PATH are discarded", { 2, 2, AS2(10), AS2(23456) },
			6, { 3, 1, AS(65001), 2, 1, AS(70000) }, 12, { 2, 2, AS(10), AS(70000) },
			10 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct writer w = writer_of(buffer, sizeof buffer);
		as_path_merge(&w, (struct span){ cases[i].path, cases[i].path_len },
			(struct span){ cases[i].as4, cases[i].as4_len });
		if (writer_len(&w) != cases[i].merged_len ||
			memcmp(buffer, cases[i].merged, cases[i].merged_len) != 0) {
			char text[128];
			as_path_format((struct span){ buffer, writer_len(&w) }, text, sizeof text);
			fail_msg("%s: got %s", cases[i].what, text);
		}
	}
}

static void test_format(void **state)
{
	(void)state;
	char text[64];
	assert_string_equal(
		as_path_format(BYTES(2, 2, AS(64512), AS(4200000000u), 1, 2, AS(1), AS(2), 3, 2,
				       AS(65001), AS(65002), 4, 2, AS(3), AS(4)),
			text, sizeof text),
		"64512 4200000000 {1,2} (65001 65002) [3,4]");
	assert_string_equal(as_path_format(EMPTY, text, sizeof text), "");
	assert_string_equal(
		as_path_format(BYTES(2, 2, AS(64512), AS(64513)), text, 11), "64512 6...");
	assert_string_equal(
		as_path_format(BYTES(2, 2, AS(64512), AS(6451)), text, 11), "64512 6451");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_examine),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_widen_and_narrow),
		cmocka_unit_test(test_prepend),
		cmocka_unit_test(test_write_without_confederation),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_format),
	};
	return cmocka_run_group_tests_name("as_path", tests, NULL, NULL);
}
