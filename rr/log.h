/*
 * The log: one line an event, in text or JSON, to a stream (stderr). Everything in rr/ that people
 * must know of goes through it; it decides the form of a line, never whether something happened.
 */
#ifndef RR_LOG_H
#define RR_LOG_H

#include <stdio.h>

#include "rr/config.h"

struct log {
	FILE *to;
	enum log_level level;
	enum log_format format;
};

/* Whom a line is about; NULL or len 0 where it does not apply. */
struct log_subject {
	const struct ip_address *peer;
	const char *group;
	const char *description;
};

/*
 * Writes one line when `level` is in force. `event` is a stable short name ("session-up") for
 * machines; the text is for people. `subject` may be NULL. Without memory, text longer than 1 KiB
 * is cut.
 */
void log_line(const struct log *log, enum log_level level, const char *event,
	const struct log_subject *subject, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* At most one line a second: what is kept back is counted. Zero at first. */
struct log_rate {
	uint64_t at; /* microseconds, of the last line */
	uint64_t suppressed; /* since */
};

/*
 * True when a line may be written at `now` (monotonic microseconds); `suppressed` is then how many
 * were kept back before it.
 */
bool log_rate_allow(struct log_rate *rate, uint64_t now, uint64_t *suppressed);
/* True when lines were kept back and a second has passed: for the line that says how many. */
bool log_rate_settle(struct log_rate *rate, uint64_t now, uint64_t *suppressed);

#endif
