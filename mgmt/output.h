/*
 * A growing run of text: what the management commands render into before the server sends it.
 * Called by every part of mgmt/ that renders. Owns its bytes; a failed allocation marks the text as
 * failed and makes every later addition a no-op, so that a command checks once at the end. It never
 * writes to a file or a socket.
 */
#ifndef MGMT_OUTPUT_H
#define MGMT_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

struct output {
	char *bytes; /* NULL while empty; ends with a NUL that `len` does not count */
	size_t len;
	size_t size;
	bool failed; /* memory was short: the text is incomplete */
};

/*
 * Room for `len` more bytes and a NUL at the end; NULL (and failed) when memory is short.
 * output_grown tells how many were used.
 */
char *output_reserve(struct output *output, size_t len);
void output_grown(struct output *output, size_t len);
void output_add(struct output *output, const char *bytes, size_t len);
void output_puts(struct output *output, const char *string);
void output_printf(struct output *output, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Pads with spaces up to `count` more. */
void output_spaces(struct output *output, size_t count);
/* Empties it, keeping the memory (up to 256 KiB of it). */
void output_clear(struct output *output);
void output_free(struct output *output);

/*
 * Bytes of the UTF-8 character at `bytes` (RFC 3629: no overlong form, no surrogate, at most
 * U+10FFFF); 0 when there is no valid one within `len`.
 */
size_t utf8_character(const char *bytes, size_t len);
/* True when all `len` bytes are valid UTF-8 without control characters. */
bool utf8_printable(const char *bytes, size_t len);

#endif
