/*
 * Whether the daemon is well: the one place that judges it, for `heliostat show health` and for
 * whatever else is asked the same. Reads the reflector through its views; changes and logs nothing.
 * A peer that is down is no fault of the daemon's health. A notice is of what was out of order, and
 * was mended at a price that somebody should know of.
 */
#ifndef RR_HEALTH_H
#define RR_HEALTH_H

#include "rr/reflector.h"

#define HEALTH_REASONS_MAX 4
#define HEALTH_NOTICES_MAX 4
#define HEALTH_REASON_MAX  640

struct health_reason {
	const char *part; /* a stable name of what is out of order: "journal" */
	uint64_t since; /* wall clock, microseconds */
	char text[HEALTH_REASON_MAX];
};

struct health {
	unsigned n_reasons; /* 0: healthy */
	struct health_reason reasons[HEALTH_REASONS_MAX];
	unsigned n_notices;
	struct health_reason notices[HEALTH_NOTICES_MAX];
};

void health_judge(const struct reflector *reflector, struct health *health);

#endif
