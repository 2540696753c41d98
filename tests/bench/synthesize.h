/*
 * A made-up Internet table, the same on every machine: distinct prefixes with the lengths of the
 * real one and, for each few of them, an attribute set of its own. A variant has the same prefixes
 * with other paths, as a second border router would. Called by the script; it only adds routes to
 * speakers.
 */
#ifndef BENCH_SYNTHESIZE_H
#define BENCH_SYNTHESIZE_H

#include "tests/bench/bench.h"

struct synthesis {
	uint32_t prefixes[FAMILY_COUNT];
	uint32_t per_set; /* prefixes that share an attribute set */
	uint32_t variant;
	bool has_med; /* every path has `med`; otherwise some have one of their own */
	uint32_t med;
	/* results */
	uint64_t routes, sets;
	char error[160];
};

/* Announces the table from `speaker`; nothing is sent yet. False with synthesis->error. */
bool synthesize(struct bench *bench, struct speaker *speaker, struct synthesis *synthesis);

#endif
