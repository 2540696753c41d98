/*
 * What the tests of the configuration share: parsing from memory with the faults as a text.
 * Included by test_config.c and test_config_faults.c, after cmocka.h.
 */
#ifndef UNIT_CONFIG_FIXTURE_H
#define UNIT_CONFIG_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rr/config.h"

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
#define ROUTER		  "router: { as: 64512, id: 10.0.0.1 }\n"

/* Parses `len` bytes; `*faults`, never NULL, is the caller's to free. */
static inline struct config *parse_bytes(const char *text, size_t len, char **faults)
{
	size_t size;
	FILE *stream = open_memstream(faults, &size);
	assert_non_null(stream);
	struct config *config = config_parse("t", text, len, stream);
	fclose(stream);
	return config;
}

static inline struct config *parse(const char *text, char **faults)
{
	return parse_bytes(text, strlen(text), faults);
}

/* A configuration that must be valid. */
static inline struct config *valid(const char *text)
{
	char *faults;
	struct config *config = parse(text, &faults);
	if (!config || faults[0])
		fail_msg("refused:\n%s\nbecause:\n%s", text, faults);
	free(faults);
	return config;
}

static inline size_t count_lines(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += *text == '\n';
	return n;
}

#endif
