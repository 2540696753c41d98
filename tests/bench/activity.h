/*
 * What goes on in the background while the script continues: churn (prefixes announced with ever
 * new attributes at a given rate) and flap (speakers that leave and join). The script starts them;
 * the poll loop calls activities_run as often as activities_pause says.
 */
#ifndef BENCH_ACTIVITY_H
#define BENCH_ACTIVITY_H

#include "tests/bench/announce.h"

enum activity_kind { ACTIVITY_CHURN, ACTIVITY_FLAP };

struct activity {
	struct activity *next;
	enum activity_kind kind;
	struct selection selection;
	uint64_t started;
	uint64_t until;
	double rate; /* announcements, or leaves and joins, a second */
	uint64_t done;
	uint64_t random;
	/* churn */
	struct prefix prefix;
	uint32_t count; /* prefixes a speaker */
	struct attribute_spec spec;
};

/* Takes ownership of `activity` (from malloc). */
void activity_start(struct bench *bench, struct activity *activity);
/* Does what is due. An activity that ends is freed; a flap ends with all its speakers connecting.
 */
void activities_run(struct bench *bench);
/* Milliseconds until activities_run has something to do; -1: there is no activity. */
int activities_pause(const struct bench *bench);
void activities_free(struct bench *bench);

/* The prefix `offset` prefixes of the same length behind `first`. */
struct prefix prefix_plus(const struct prefix *first, uint64_t offset);

#endif
