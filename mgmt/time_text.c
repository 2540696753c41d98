#include "mgmt/time_text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND UINT64_C(1000000)
#define DAY    (86400 * SECOND)

uint64_t time_text_clock(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec / 1000;
}

/* What the words of a time say, field by field. */
struct fields {
	int year, month, day;
	int hour, minute, second;
	uint32_t microsecond;
	bool zoned;
	int zone; /* seconds east of UTC */
};

/* Takes exactly `digits` digits. */
static bool take_number(const char **at, unsigned digits, int *number)
{
	int value = 0;
	for (unsigned i = 0; i < digits; i++) {
		if (!isdigit((unsigned char)(*at)[i]))
			return false;
		value = value * 10 + ((*at)[i] - '0');
	}
	*at += digits;
	*number = value;
	return true;
}

static bool take(const char **at, char c)
{
	if (**at != c)
		return false;
	++*at;
	return true;
}

/* ".123456": one to six digits. */
static bool take_fraction(const char **at, uint32_t *microsecond)
{
	uint32_t value = 0;
	unsigned digits = 0;
	while (isdigit((unsigned char)**at) && digits < 6) {
		value = value * 10 + (uint32_t)(*(*at)++ - '0');
		digits++;
	}
	if (digits == 0)
		return false;
	for (; digits < 6; digits++)
		value *= 10;
	*microsecond = value;
	return true;
}

/* HH:MM[:SS[.f]] */
static bool take_time_of_day(const char **at, struct fields *fields)
{
	if (!take_number(at, 2, &fields->hour) || !take(at, ':') ||
		!take_number(at, 2, &fields->minute))
		return false;
	if (take(at, ':')) {
		if (!take_number(at, 2, &fields->second))
			return false;
		if (take(at, '.') && !take_fraction(at, &fields->microsecond))
			return false;
	}
	return fields->hour < 24 && fields->minute < 60 && fields->second < 60;
}

/* Z or +01:00, if there is one. */
static bool take_zone(const char **at, struct fields *fields)
{
	int sign = **at == '-' ? -1 : 1;
	int hours, minutes;
	if (take(at, 'Z')) {
		fields->zoned = true;
		return true;
	}
	if (**at != '+' && **at != '-')
		return true;
	++*at;
	if (!take_number(at, 2, &hours) || !take(at, ':') || !take_number(at, 2, &minutes))
		return false;
	fields->zoned = true;
	fields->zone = sign * (hours * 3600 + minutes * 60);
	return hours < 24 && minutes < 60;
}

static bool take_date(const char **at, struct fields *fields)
{
	static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	if (!take_number(at, 4, &fields->year) || !take(at, '-') ||
		!take_number(at, 2, &fields->month) || !take(at, '-') ||
		!take_number(at, 2, &fields->day))
		return false;
	if (fields->year < 1970 || fields->month < 1 || fields->month > 12 || fields->day < 1 ||
		fields->day > days[fields->month - 1])
		return false;
	bool leap = (fields->year % 4 == 0 && fields->year % 100 != 0) || fields->year % 400 == 0;
	return leap || fields->month != 2 || fields->day < 29;
}

static struct tm broken_down(const struct fields *fields)
{
	return (struct tm){
		.tm_year = fields->year - 1900,
		.tm_mon = fields->month - 1,
		.tm_mday = fields->day,
		.tm_hour = fields->hour,
		.tm_min = fields->minute,
		.tm_sec = fields->second,
	};
}

/*
 * The first second that the local clock showed as `fields` say; -1 when it never did. mktime takes
 * the hint of tm_isdst as an order to convert, so each is tried and held against the clock.
 */
static time_t local_second(const struct fields *fields)
{
	time_t first = -1;
	for (int isdst = 0; isdst <= 1; isdst++) {
		struct tm tm = broken_down(fields);
		struct tm shown;
		tm.tm_isdst = isdst;
		time_t second = mktime(&tm);
		if (second < 0 || localtime_r(&second, &shown) == NULL)
			continue;
		if (shown.tm_mday == fields->day && shown.tm_hour == fields->hour &&
			shown.tm_min == fields->minute && shown.tm_sec == fields->second &&
			(first < 0 || second < first))
			first = second;
	}
	return first;
}

static bool fields_time(
	const char *text, const struct fields *fields, uint64_t *time, struct output *fault)
{
	time_t second;
	if (fields->zoned) {
		struct tm tm = broken_down(fields);
		second = timegm(&tm) - fields->zone;
	} else {
		second = local_second(fields);
		if (second < 0) {
			output_printf(fault,
				"found \"%s\", a time that local clocks skipped: expected one that "
				"they showed, or one with its zone, as ...T03:12+01:00",
				text);
			return false;
		}
	}
	if (second < 0) {
		output_printf(fault, "found \"%s\", expected a time from 1970 on", text);
		return false;
	}
	*time = (uint64_t)second * SECOND + fields->microsecond;
	return true;
}

/* "-15m": so long before now. */
static bool parse_ago(const char *text, uint64_t now, uint64_t *time)
{
	static const struct {
		char unit;
		uint64_t us;
	} units[] = {
		{ 's', SECOND },
		{ 'm', 60 * SECOND },
		{ 'h', 3600 * SECOND },
		{ 'd', DAY },
		{ 'w', 7 * DAY },
	};
	const char *at = text + 1;
	uint64_t number = 0;
	for (; isdigit((unsigned char)*at); at++) {
		number = number * 10 + (uint64_t)(*at - '0');
		if (number > now / SECOND)
			return false;
	}
	if (at == text + 1 || *at == '\0' || at[1] != '\0')
		return false;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (units[i].unit == *at && number <= now / units[i].us) {
			*time = now - number * units[i].us;
			return true;
		}
	}
	return false;
}

/* The local date of `now`, `back` days before. */
static void local_date(uint64_t now, int back, struct fields *fields)
{
	time_t second = (time_t)(now / SECOND);
	struct tm tm = { 0 };
	localtime_r(&second, &tm);
	/* Noon is on every day, whatever clocks do at night. */
	tm.tm_mday -= back;
	tm.tm_hour = 12;
	tm.tm_isdst = -1;
	mktime(&tm);
	fields->year = tm.tm_year + 1900;
	fields->month = tm.tm_mon + 1;
	fields->day = tm.tm_mday;
}

bool time_text_takes_second(const char *word)
{
	return strcmp(word, "today") == 0 || strcmp(word, "yesterday") == 0;
}

/* The forms without a date: [today|yesterday] HH:MM[:SS[.f]]. */
static bool take_day_and_time(const char *text, uint64_t now, struct fields *fields)
{
	static const char today[] = "today ", yesterday[] = "yesterday ";
	int back = 0;
	if (strncmp(text, today, sizeof today - 1) == 0) {
		text += sizeof today - 1;
	} else if (strncmp(text, yesterday, sizeof yesterday - 1) == 0) {
		text += sizeof yesterday - 1;
		back = 1;
	}
	local_date(now, back, fields);
	return take_time_of_day(&text, fields) && *text == '\0';
}

bool time_text_parse(const char *text, uint64_t now, uint64_t *time, struct output *fault)
{
	struct fields fields = { 0 };
	const char *at = text;
	if (strcmp(text, "now") == 0) {
		*time = now;
		return true;
	}
	if (*text == '-' && parse_ago(text, now, time))
		return true;
	if (take_date(&at, &fields) && take(&at, 'T') && take_time_of_day(&at, &fields) &&
		take_zone(&at, &fields) && *at == '\0')
		return fields_time(text, &fields, time, fault);
	fields = (struct fields){ 0 };
	if (take_day_and_time(text, now, &fields))
		return fields_time(text, &fields, time, fault);
	output_printf(fault, "found \"%s\", expected a time: " TIME_TEXT_FORMS, text);
	return false;
}

char *time_text_format(uint64_t time, char *text)
{
	time_t second = (time_t)(time / SECOND);
	struct tm tm = { 0 };
	localtime_r(&second, &tm);
	size_t len = strftime(text, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	long east = tm.tm_gmtoff < 0 ? -tm.tm_gmtoff : tm.tm_gmtoff;
	snprintf(text + len, TIME_TEXT_MAX - len, ".%06" PRIu64 "%c%02u:%02u", time % SECOND,
		tm.tm_gmtoff < 0 ? '-' : '+', (unsigned)(east / 3600 % 100),
		(unsigned)(east / 60 % 60));
	return text;
}

char *time_text_format_utc(uint64_t time, char *text)
{
	time_t second = (time_t)(time / SECOND);
	struct tm tm = { 0 };
	gmtime_r(&second, &tm);
	size_t len = strftime(text, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, TIME_TEXT_MAX - len, ".%06" PRIu64 "Z", time % SECOND);
	return text;
}
