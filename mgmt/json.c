#include "mgmt/json.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

struct json json_to(struct output *out)
{
	return (struct json){ .out = out };
}

/* The comma and line break that stand between two values. */
static void separate(struct json *json)
{
	if (json->after_key) {
		json->after_key = false;
		return;
	}
	if (json->filled[json->depth])
		output_add(json->out, ",", 1);
	if (json->lines[json->depth])
		output_add(json->out, "\n", 1);
	json->filled[json->depth] = true;
}

static void begin(struct json *json, const char *bracket, bool lines)
{
	separate(json);
	output_add(json->out, bracket, 1);
	assert(json->depth < JSON_DEPTH_MAX);
	json->depth++;
	json->filled[json->depth] = false;
	json->lines[json->depth] = lines;
}

static void end(struct json *json, const char *bracket)
{
	assert(json->depth > 0);
	if (json->lines[json->depth] && json->filled[json->depth])
		output_add(json->out, "\n", 1);
	json->depth--;
	output_add(json->out, bracket, 1);
}

void json_object_begin(struct json *json)
{
	begin(json, "{", false);
}

void json_object_end(struct json *json)
{
	end(json, "}");
}

void json_array_begin(struct json *json)
{
	begin(json, "[", false);
}

void json_array_begin_lines(struct json *json)
{
	begin(json, "[", true);
}

void json_array_end(struct json *json)
{
	end(json, "]");
}

void json_key(struct json *json, const char *key)
{
	json_string(json, key);
	output_add(json->out, ":", 1);
	json->after_key = true;
}

/* RFC 8259 section 7: what has a short escape. */
static const char short_escapes[128] = {
	['"'] = '"',
	['\\'] = '\\',
	['\b'] = 'b',
	['\f'] = 'f',
	['\n'] = 'n',
	['\r'] = 'r',
	['\t'] = 't',
};

static bool is_plain(unsigned char byte)
{
	return byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\';
}

void json_string_begin(struct json *json)
{
	separate(json);
	output_add(json->out, "\"", 1);
}

void json_string_end(struct json *json)
{
	output_add(json->out, "\"", 1);
}

void json_string_add(struct json *json, const char *bytes, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t run = 0;
		while (at + run < len && is_plain((unsigned char)bytes[at + run]))
			run++;
		if (run > 0) {
			output_add(json->out, bytes + at, run);
			at += run;
			continue;
		}
		unsigned char byte = (unsigned char)bytes[at];
		size_t character = utf8_character(bytes + at, len - at);
		if (character > 1) {
			output_add(json->out, bytes + at, character);
		} else if (character == 0) {
			output_puts(json->out, "\\ufffd");
			character = 1;
		} else if (short_escapes[byte] != '\0') {
			output_printf(json->out, "\\%c", short_escapes[byte]);
		} else {
			output_printf(json->out, "\\u%04x", byte);
		}
		at += character;
	}
}

void json_string_of(struct json *json, const char *bytes, size_t len)
{
	json_string_begin(json);
	json_string_add(json, bytes, len);
	json_string_end(json);
}

void json_string(struct json *json, const char *string)
{
	json_string_of(json, string, strlen(string));
}

void json_uint(struct json *json, uint64_t value)
{
	separate(json);
	output_printf(json->out, "%" PRIu64, value);
}

void json_bool(struct json *json, bool value)
{
	separate(json);
	output_puts(json->out, value ? "true" : "false");
}

void json_null(struct json *json)
{
	separate(json);
	output_puts(json->out, "null");
}

void json_key_string(struct json *json, const char *key, const char *value)
{
	json_key(json, key);
	if (value == NULL)
		json_null(json);
	else
		json_string(json, value);
}

void json_key_uint(struct json *json, const char *key, uint64_t value)
{
	json_key(json, key);
	json_uint(json, value);
}

void json_key_microseconds(struct json *json, const char *key, uint64_t microseconds)
{
	json_key(json, key);
	separate(json);
	output_printf(json->out, "%" PRIu64 ".%06" PRIu64, microseconds / 1000000,
		microseconds % 1000000);
}

void json_key_bool(struct json *json, const char *key, bool value)
{
	json_key(json, key);
	json_bool(json, value);
}

void json_key_null(struct json *json, const char *key)
{
	json_key(json, key);
	json_null(json);
}
