#include "mgmt/output.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_KEPT (256 * 1024)

char *output_reserve(struct output *output, size_t len)
{
	if (output->failed)
		return NULL;
	if (len >= SIZE_MAX / 4 || output->len >= SIZE_MAX / 4) {
		output->failed = true;
		return NULL;
	}
	size_t need = output->len + len + 1;
	if (need > output->size) {
		size_t size = output->size < 256 ? 256 : output->size;
		while (size < need)
			size *= 2;
		char *bytes = realloc(output->bytes, size);
		if (bytes == NULL) {
			output->failed = true;
			return NULL;
		}
		output->bytes = bytes;
		output->size = size;
	}
	return output->bytes + output->len;
}

void output_grown(struct output *output, size_t len)
{
	if (output->failed)
		return;
	output->len += len;
	output->bytes[output->len] = '\0';
}

void output_add(struct output *output, const char *bytes, size_t len)
{
	char *to = output_reserve(output, len);
	if (to == NULL)
		return;
	if (len > 0)
		memcpy(to, bytes, len);
	output_grown(output, len);
}

void output_puts(struct output *output, const char *string)
{
	output_add(output, string, strlen(string));
}

void output_printf(struct output *output, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	va_list again;
	va_copy(again, arguments);
	char small[256];
	int len = vsnprintf(small, sizeof small, format, arguments);
	if (len >= 0 && (size_t)len < sizeof small) {
		output_add(output, small, (size_t)len);
	} else if (len >= 0) {
		char *to = output_reserve(output, (size_t)len);
		if (to != NULL) {
			vsnprintf(to, (size_t)len + 1, format, again);
			output_grown(output, (size_t)len);
		}
	} else {
		output->failed = true;
	}
	va_end(again);
	va_end(arguments);
}

void output_spaces(struct output *output, size_t count)
{
	char *to = output_reserve(output, count);
	if (to == NULL)
		return;
	memset(to, ' ', count);
	output_grown(output, count);
}

void output_clear(struct output *output)
{
	if (output->size > OUTPUT_KEPT) {
		output_free(output);
		return;
	}
	output->len = 0;
	output->failed = false;
	if (output->bytes != NULL)
		output->bytes[0] = '\0';
}

void output_free(struct output *output)
{
	free(output->bytes);
	*output = (struct output){ 0 };
}

static bool is_continuation(char byte)
{
	return ((unsigned char)byte & 0xC0) == 0x80;
}

size_t utf8_character(const char *bytes, size_t len)
{
	if (len == 0)
		return 0;
	unsigned char first = (unsigned char)bytes[0];
	if (first < 0x80)
		return 1;
	size_t need = first >= 0xC2 && first <= 0xDF   ? 2
		      : (first & 0xF0) == 0xE0	       ? 3
		      : first >= 0xF0 && first <= 0xF4 ? 4
						       : 0;
	if (need == 0 || need > len)
		return 0;
	for (size_t i = 1; i < need; i++) {
		if (!is_continuation(bytes[i]))
			return 0;
	}
	/*
	 * RFC 3629 section 4: the second byte bars overlong forms, surrogates and what lies behind
	 * U+10FFFF.
	 */
	unsigned char second = (unsigned char)bytes[1];
	if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
		(first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F))
		return 0;
	return need;
}

bool utf8_printable(const char *bytes, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t character = utf8_character(bytes + at, len - at);
		if (character == 0)
			return false;
		unsigned char first = (unsigned char)bytes[at];
		if (first < 0x20 || first == 0x7F ||
			(first == 0xC2 && (unsigned char)bytes[at + 1] < 0xA0))
			return false;
		at += character;
	}
	return true;
}
