#include "rr/log.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND 1000000

static const char *const level_names[] = {
	[LOG_ERROR] = "error",
	[LOG_WARNING] = "warning",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

/*
 * Control characters would let a peer's text forge lines of the log. Here and below log_line holds
 * the stream's lock.
 */
static void write_plain(FILE *to, const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++)
		putc_unlocked(*at < 0x20 || *at == 0x7f ? '?' : *at, to);
}

static void write_json_string(FILE *to, const char *text)
{
	putc_unlocked('"', to);
	for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
		if (*at == '"' || *at == '\\')
			fprintf(to, "\\%c", *at);
		else if (*at < 0x20 || *at == 0x7f)
			fprintf(to, "\\u%04x", *at);
		else
			putc_unlocked(*at, to);
	}
	putc_unlocked('"', to);
}

static void write_time(FILE *to)
{
	struct timespec now;
	struct tm utc;
	char text[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
	fprintf(to, "%s.%03ldZ", text, now.tv_nsec / 1000000);
}

static void write_text_line(const struct log *log, enum log_level level,
	const struct log_subject *subject, const char *text)
{
	char address[IP_ADDRESS_TEXT_MAX];

	write_time(log->to);
	fprintf(log->to, " %s: ", level_names[level]);
	if (subject != NULL && subject->peer != NULL && subject->peer->len != 0) {
		fprintf(log->to, "peer %s", ip_address_format(subject->peer, address));
		if (subject->group != NULL)
			fprintf(log->to, " (%s", subject->group);
		if (subject->description != NULL) {
			fputs(subject->group != NULL ? ", " : " (", log->to);
			write_plain(log->to, subject->description);
		}
		fputs(subject->group != NULL || subject->description != NULL ? "): " : ": ",
			log->to);
	}
	write_plain(log->to, text);
	putc_unlocked('\n', log->to);
}

static void write_json_line(const struct log *log, enum log_level level, const char *event,
	const struct log_subject *subject, const char *text)
{
	char address[IP_ADDRESS_TEXT_MAX];

	fputs("{\"time\":\"", log->to);
	write_time(log->to);
	fprintf(log->to, "\",\"level\":\"%s\",\"event\":\"%s\"", level_names[level], event);
	if (subject != NULL && subject->peer != NULL && subject->peer->len != 0)
		fprintf(log->to, ",\"peer\":\"%s\"", ip_address_format(subject->peer, address));
	if (subject != NULL && subject->group != NULL) {
		fputs(",\"group\":", log->to);
		write_json_string(log->to, subject->group);
	}
	if (subject != NULL && subject->description != NULL) {
		fputs(",\"description\":", log->to);
		write_json_string(log->to, subject->description);
	}
	fputs(",\"message\":", log->to);
	write_json_string(log->to, text);
	fputs("}\n", log->to);
}

void log_line(const struct log *log, enum log_level level, const char *event,
	const struct log_subject *subject, const char *format, ...)
{
	char room[1024], *text = room;
	va_list arguments;
	int len;

	if (level > log->level)
		return;
	va_start(arguments, format);
	len = vsnprintf(room, sizeof room, format, arguments);
	va_end(arguments);
	if (len >= (int)sizeof room) {
		va_start(arguments, format);
		if (vasprintf(&text, format, arguments) < 0)
			text = room; /* without memory it is cut */
		va_end(arguments);
	}
	/* One lock, one flush: a line stays whole beside what others write to the stream. */
	flockfile(log->to);
	if (log->format == LOG_JSON)
		write_json_line(log, level, event, subject, text);
	else
		write_text_line(log, level, subject, text);
	fflush(log->to);
	funlockfile(log->to);
	if (text != room)
		free(text);
}

bool log_rate_allow(struct log_rate *rate, uint64_t now, uint64_t *suppressed)
{
	if (rate->at != 0 && now < rate->at + SECOND) {
		rate->suppressed++;
		return false;
	}
	*suppressed = rate->suppressed;
	*rate = (struct log_rate){ .at = now };
	return true;
}

bool log_rate_settle(struct log_rate *rate, uint64_t now, uint64_t *suppressed)
{
	if (rate->suppressed == 0 || now < rate->at + SECOND)
		return false;
	*suppressed = rate->suppressed;
	*rate = (struct log_rate){ .at = now };
	return true;
}
