/*
 * A streaming JSON writer (RFC 8259): puts commas, quotes and escapes right while values are
 * written one after the other into a struct output that may be emptied between any two calls.
 * Called by the show commands. It keeps no values, so an array of a million routes costs no memory;
 * it never checks that keys are unique.
 */
#ifndef MGMT_JSON_H
#define MGMT_JSON_H

#include <stdint.h>

#include "mgmt/output.h"

#define JSON_DEPTH_MAX 16

struct json {
	struct output *out;
	unsigned depth;
	bool filled[JSON_DEPTH_MAX + 1]; /* something was written at this depth: a comma is due */
	bool lines[JSON_DEPTH_MAX + 1]; /* one value a line at this depth */
	bool after_key;
};

struct json json_to(struct output *out);
void json_object_begin(struct json *json);
void json_object_end(struct json *json);
void json_array_begin(struct json *json);
/* An array with one value a line, so that line tools can work on it. */
void json_array_begin_lines(struct json *json);
void json_array_end(struct json *json);
void json_key(struct json *json, const char *key);
/* Bytes that are not valid UTF-8 come out as U+FFFD. */
void json_string(struct json *json, const char *string);
void json_string_of(struct json *json, const char *bytes, size_t len);
/* A string in pieces, cut anywhere but within a character. */
void json_string_begin(struct json *json);
void json_string_add(struct json *json, const char *bytes, size_t len);
void json_string_end(struct json *json);
void json_uint(struct json *json, uint64_t value);
void json_bool(struct json *json, bool value);
void json_null(struct json *json);

/* Key and value in one. A NULL string is written as null. */
void json_key_string(struct json *json, const char *key, const char *value);
void json_key_uint(struct json *json, const char *key, uint64_t value);
/* As a number of seconds with its fraction. */
void json_key_microseconds(struct json *json, const char *key, uint64_t microseconds);
void json_key_bool(struct json *json, const char *key, bool value);
void json_key_null(struct json *json, const char *key);

#endif
