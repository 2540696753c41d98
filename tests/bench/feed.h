/*
 * Makes MRT files what speakers announce: the table of one peer of the file, the tables of all its
 * peers, or its updates. Called by the script. It reads the file through mrt.h and leaves the
 * sending to the sessions.
 */
#ifndef BENCH_FEED_H
#define BENCH_FEED_H

#include "tests/bench/bench.h"

struct feed {
	const char *path;
	bool all; /* the n-th peer of the file that has routes feeds the n-th speaker selected */
	bool global_next_hops; /* no link-local address goes along (RFC 2545 section 3) */
	int peer_index; /* -1: any */
	struct ip_address address; /* len 0: any */
	uint8_t families;
	uint64_t routes; /* result: announced (or changed by updates) */
	uint64_t skipped; /* result: with attributes that RFC 7606 would treat as withdrawn */
	char error[256];
};

/* False with feed->error when the file cannot be read, nothing matched, or memory is short. */
bool feed_table(struct bench *bench, const struct selection *selection, struct feed *feed);
bool feed_updates(struct bench *bench, const struct selection *selection, struct feed *feed);
/* Writes the peers of the file that have routes as members of a JSON array. */
bool feed_peers(struct feed *feed, FILE *to);

#endif
