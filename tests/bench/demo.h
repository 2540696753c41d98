/*
 * The demonstration: two speakers with a few IPv4 and IPv6 routes, told of in plain lines. Called
 * by main; it writes the script that makes them and the log in which people read along.
 */
#ifndef BENCH_DEMO_H
#define BENCH_DEMO_H

#include "tests/bench/script.h"

/* Adds the demonstration to `script` after `argv` (behind the word demo). False, with a line on
 * stderr, when it is wrong. */
bool demo_prepare(struct script *script, int argc, char **argv);
/* bench->log of the demonstration. */
void demo_log(
	struct bench *bench, const struct speaker *speaker, const char *event, const char *detail);
void demo_help(FILE *to);

#endif
