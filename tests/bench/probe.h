/*
 * The latency of one change: a speaker announces a route with attributes it never had, and the time
 * is taken until the last of all other established speakers has it; then, after a pause, the next.
 * One measurement at a time belongs to a process. The script starts it, the poll loop runs it, the
 * session reports what is received. It knows no socket.
 */
#ifndef BENCH_PROBE_H
#define BENCH_PROBE_H

#include "tests/bench/announce.h"

/* `count` changes of `prefix`, `gap` nanoseconds apart. Replaces the measurement before it. False
 * when memory is short. */
bool probe_start(struct bench *bench, struct speaker *from, const struct prefix *prefix,
	uint32_t count, uint64_t gap);
/* True until the last change has arrived everywhere. */
bool probe_under_way(const struct bench *bench);
/* Announces the next change when its time has come. */
void probe_run(struct bench *bench);
/* A client's path changed; bench->probe is there. */
void probe_received(struct bench *bench, const struct change *change);
/* Adds members (each with a leading comma) with the number of changes that arrived and their times
 * in milliseconds. */
void probe_report(const struct bench *bench, FILE *reply);
void probe_free(struct bench *bench);

#endif
