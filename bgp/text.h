/*
 * Bounded text: collects printf pieces in a buffer the caller owns and ends it with "..." when
 * something did not fit. For the formatting functions of bgp/; it never allocates and never writes
 * behind the buffer.
 */
#ifndef BGP_TEXT_H
#define BGP_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct text {
	char *start;
	size_t size; /* with the terminating NUL */
	size_t len;
	bool cut;
};

static inline struct text text_of(char *buffer, size_t size)
{
	if (size > 0)
		buffer[0] = '\0';
	return (struct text){ buffer, size, 0, size == 0 };
}

__attribute__((format(printf, 2, 3))) static inline void text_add(
	struct text *text, const char *format, ...)
{
	if (text->cut)
		return;
	va_list arguments;
	va_start(arguments, format);
	size_t room = text->size - text->len;
	int n = vsnprintf(text->start + text->len, room, format, arguments);
	va_end(arguments);
	if (n < 0 || (size_t)n >= room)
		text->cut = true;
	else
		text->len += (size_t)n;
}

/* Marks a cut and returns the buffer. */
static inline char *text_end(struct text *text)
{
	if (text->cut && text->size >= 4)
		memcpy(text->start + text->size - 4, "...", 4);
	return text->start;
}

#endif
