/*
 * Points in time as people type and read them: "2026-11-22T03:12", "-15m", "yesterday 03:12" in,
 * RFC 3339 out, and what is printed is understood again. Called by the parser of command lines, by
 * the commands that show history and by `heliostat journal`. It never asks for the time: now is an
 * argument, the zone is that of the process (TZ, /etc/localtime).
 */
#ifndef MGMT_TIME_TEXT_H
#define MGMT_TIME_TEXT_H

#include <stdint.h>

#include "mgmt/output.h"

/* Times are wall clock, microseconds since 1970. */

#define TIME_TEXT_MAX 40 /* bytes of a printed time, with the NUL */

/* What is understood, for a fault. */
#define TIME_TEXT_FORMS \
	"2026-11-22T03:12[:05[.123]][Z|+01:00], 03:12, today 03:12, yesterday 03:12, -15m or now"

/* Now. */
uint64_t time_text_clock(void);
/* True for the words behind which a time of day is expected: "yesterday 03:12" is two words. */
bool time_text_takes_second(const char *word);
/*
 * The time that `text` means at `now`. A date and time without zone is local; one that occurs twice
 * because clocks were set back is the first of the two. False, with a line without line feed that
 * says what was found and what was expected added to `fault`, for anything else, also for a local
 * time that clocks set forward have skipped.
 */
bool time_text_parse(const char *text, uint64_t now, uint64_t *time, struct output *fault);
/*
 * "2026-11-22T03:12:05.000123+01:00", local. `text` holds TIME_TEXT_MAX bytes; returns `text`, as
 * below.
 */
char *time_text_format(uint64_t time, char *text);
/* "2026-11-22T02:12:05.000123Z". */
char *time_text_format_utc(uint64_t time, char *text);

#endif
