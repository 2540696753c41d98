/*
 * mgmt/time_text.h: every form of a time, zones and the nights on which clocks change, and what is
 * said about anything else. The zone is set by the test.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <time.h>

#include "mgmt/time_text.h"

#define SECOND UINT64_C(1000000)

static void zone(const char *name)
{
	assert_int_equal(setenv("TZ", name, 1), 0);
	tzset();
}

/* Central European Time by rule, so that no zone files are needed. */
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

/* 2026-11-22T13:00:00Z, 14:00 in Berlin */
#define NOW (UINT64_C(1795352400) * SECOND)

static void means(const char *text, uint64_t now, const char *utc)
{
	struct output fault = { 0 };
	uint64_t time = 0;
	char found[TIME_TEXT_MAX];
	if (!time_text_parse(text, now, &time, &fault))
		fail_msg("\"%s\" is refused: %s", text, fault.bytes);
	assert_string_equal(time_text_format_utc(time, found), utc);
	output_free(&fault);
}

static void refused(const char *text, const char *says)
{
	struct output fault = { 0 };
	uint64_t time = 0;
	if (time_text_parse(text, NOW, &time, &fault))
		fail_msg("\"%s\" is understood", text);
	assert_non_null(fault.bytes);
	if (strstr(fault.bytes, text) == NULL || strstr(fault.bytes, says) == NULL)
		fail_msg("\"%s\": the fault is: %s", text, fault.bytes);
	output_free(&fault);
}

static void test_forms(void **state)
{
	static const struct {
		const char *text;
		const char *utc;
	} rows[] = {
		{ "now", "2026-11-22T13:00:00.000000Z" },
		{ "2026-11-22T03:12", "2026-11-22T02:12:00.000000Z" },
		{ "2026-11-22T03:12:05", "2026-11-22T02:12:05.000000Z" },
		{ "2026-11-22T03:12:05.5", "2026-11-22T02:12:05.500000Z" },
		{ "2026-11-22T03:12:05.123", "2026-11-22T02:12:05.123000Z" },
		{ "2026-11-22T03:12:05.123456", "2026-11-22T02:12:05.123456Z" },
		{ "2026-11-22T03:12Z", "2026-11-22T03:12:00.000000Z" },
		{ "2026-11-22T03:12:05.123Z", "2026-11-22T03:12:05.123000Z" },
		{ "2026-11-22T03:12+05:30", "2026-11-21T21:42:00.000000Z" },
		{ "2026-11-22T03:12:05-03:00", "2026-11-22T06:12:05.000000Z" },
		{ "2024-02-29T00:00Z", "2024-02-29T00:00:00.000000Z" },
		{ "-90s", "2026-11-22T12:58:30.000000Z" },
		{ "-15m", "2026-11-22T12:45:00.000000Z" },
		{ "-2h", "2026-11-22T11:00:00.000000Z" },
		{ "-3d", "2026-11-19T13:00:00.000000Z" },
		{ "-1w", "2026-11-15T13:00:00.000000Z" },
		{ "-0s", "2026-11-22T13:00:00.000000Z" },
		{ "03:12", "2026-11-22T02:12:00.000000Z" },
		{ "today 03:12:07.25", "2026-11-22T02:12:07.250000Z" },
		{ "yesterday 03:12", "2026-11-21T02:12:00.000000Z" },
		{ "23:59", "2026-11-22T22:59:00.000000Z" },
	};
	(void)state;
	zone(BERLIN);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		means(rows[i].text, NOW, rows[i].utc);
}

/* The day is the local one, not that of UTC. */
static void test_local_day(void **state)
{
	(void)state;
	zone(BERLIN);
	/* 00:30 of the 23rd in Berlin */
	uint64_t now = NOW + 10 * 3600 * SECOND + 1800 * SECOND;
	means("today 00:10", now, "2026-11-22T23:10:00.000000Z");
	means("yesterday 00:10", now, "2026-11-21T23:10:00.000000Z");
	zone("UTC0");
	means("today 00:10", now, "2026-11-22T00:10:00.000000Z");
	/* Over the end of a month and of a year. */
	means("yesterday 12:00", UINT64_C(1772323200) * SECOND, "2026-02-28T12:00:00.000000Z");
	means("yesterday 12:00", UINT64_C(1767225600) * SECOND, "2025-12-31T12:00:00.000000Z");
}

static void test_clocks_change(void **state)
{
	(void)state;
	zone(BERLIN);
	/* 2026-03-29: 02:00 becomes 03:00; 2026-10-25: 03:00 becomes 02:00. */
	means("2026-03-29T01:59", NOW, "2026-03-29T00:59:00.000000Z");
	means("2026-03-29T03:00", NOW, "2026-03-29T01:00:00.000000Z");
	refused("2026-03-29T02:30", "clocks skipped");
	means("2026-03-29T02:30+01:00", NOW, "2026-03-29T01:30:00.000000Z");
	means("2026-10-25T01:30", NOW, "2026-10-24T23:30:00.000000Z");
	means("2026-10-25T02:30", NOW, "2026-10-25T00:30:00.000000Z");
	means("2026-10-25T02:30+01:00", NOW, "2026-10-25T01:30:00.000000Z");
	means("2026-10-25T03:00", NOW, "2026-10-25T02:00:00.000000Z");
	/* The day before the night in which clocks change, from the day after it. */
	means("yesterday 12:00", UINT64_C(1774817400) * SECOND, "2026-03-28T11:00:00.000000Z");
	/* A day ago is 24 hours ago. */
	means("-1d", UINT64_C(1774782000) * SECOND, "2026-03-28T11:00:00.000000Z");
	/* A zone whose clocks change at midnight: the day begins at 01:00. */
	zone("CLT4CLST,M9.1.6/24,M4.1.6/24");
	refused("2026-09-06T00:30", "clocks skipped");
	means("yesterday 12:00", UINT64_C(1788753600) * SECOND, "2026-09-06T15:00:00.000000Z");
}

static void test_bad_input(void **state)
{
	static const char *const texts[] = { "", "tomorrow", "yesterday", "today", "yesterday ",
		"yesterday 3:12", "yesterday 24:00", "03:60", "3:12", "03:12:60",
		"03:12:", "03:12:05.", "03:12:05.1234567", "03:12Z", "2026-11-22", "2026-11-22T",
		"2026-11-22T3", "2026-13-01T00:00", "2026-00-01T00:00", "2026-11-31T00:00",
		"2026-02-29T00:00", "2026-11-00T00:00", "2026-11-22 03:12", "2026-11-22T03:12+1",
		"2026-11-22T03:12+24:00", "2026-11-22T03:12+01:60", "2026-11-22T03:12ZZ",
		"2026-11-22T03:12Z+01:00", "1969-12-31T23:59", "99999-01-01T00:00", "-", "-15",
		"-m", "-15x", "-1.5h", "-15mm", "15m", "-99999999999999999999d", "-30000w", "+15m",
		"now ", "-15m " };
	(void)state;
	zone(BERLIN);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		refused(texts[i], "expected");
	refused("half past three", "yesterday 03:12");
	/* In Berlin the first hour of 1970 lies before 1970. */
	refused("1970-01-01T00:30+01:00", "from 1970 on");
}

static void test_printed_is_understood(void **state)
{
	static const char *const zones[] = { BERLIN, "UTC0", "NST3:30NDT,M3.2.0,M11.1.0",
		"<+0545>-5:45" };
	struct output fault = { 0 };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
		zone(zones[i]);
		/* Every hour around the night in which clocks are set back, too. */
		for (uint64_t hour = 0; hour < 48; hour++) {
			uint64_t time = (UINT64_C(1792800000) + hour * 3600) * SECOND + 123456;
			uint64_t again = 0;
			char text[TIME_TEXT_MAX];
			assert_true(
				time_text_parse(time_text_format(time, text), NOW, &again, &fault));
			assert_int_equal(again, time);
			assert_true(time_text_parse(
				time_text_format_utc(time, text), NOW, &again, &fault));
			assert_int_equal(again, time);
		}
	}
	zone(BERLIN);
	char text[TIME_TEXT_MAX];
	assert_string_equal(time_text_format(NOW + 123, text), "2026-11-22T14:00:00.000123+01:00");
	zone("NST3:30");
	assert_string_equal(time_text_format(NOW, text), "2026-11-22T09:30:00.000000-03:30");
	output_free(&fault);
}

static void test_second_word(void **state)
{
	(void)state;
	assert_true(time_text_takes_second("yesterday"));
	assert_true(time_text_takes_second("today"));
	assert_false(time_text_takes_second("now"));
	assert_false(time_text_takes_second("yester"));
	assert_false(time_text_takes_second("03:12"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_local_day),
		cmocka_unit_test(test_clocks_change),
		cmocka_unit_test(test_bad_input),
		cmocka_unit_test(test_printed_is_understood),
		cmocka_unit_test(test_second_word),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
