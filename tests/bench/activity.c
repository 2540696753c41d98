#include "tests/bench/activity.h"

#include <stdlib.h>

#include "tests/bench/session.h"

/* Churned routes carry the number of their announcement in two communities, so that no two are
 * alike. */
#define CHURN_COMMUNITY_HIGH (65010u << 16)
#define CHURN_COMMUNITY_LOW  (65011u << 16)

struct prefix prefix_plus(const struct prefix *first, uint64_t offset)
{
	struct prefix prefix = *first;
	unsigned shift = (8u - prefix.length % 8u) % 8u;
	__uint128_t carry = (__uint128_t)offset << shift;

	for (int i = (prefix.length + 7) / 8 - 1; i >= 0 && carry != 0; i--) {
		carry += prefix.bytes[i];
		prefix.bytes[i] = (uint8_t)carry;
		carry >>= 8;
	}
	return prefix;
}

void activity_start(struct bench *bench, struct activity *activity)
{
	activity->started = bench->now;
	activity->random = 0x9E3779B97F4A7C15u;
	activity->next = bench->activities;
	bench->activities = activity;
}

static void churn_one(struct bench *bench, struct activity *churn)
{
	struct attribute_spec spec = churn->spec;
	uint32_t speakers = churn->selection.last - churn->selection.first + 1;
	uint32_t index = churn->selection.first + (uint32_t)(churn->done % speakers);
	struct speaker *speaker = &churn->selection.group->speakers[index];
	struct prefix prefix = prefix_plus(&churn->prefix,
		(uint64_t)index * churn->count + churn->done / speakers % churn->count);
	uint32_t sequence = (uint32_t)churn->done;

	if (spec.n_communities + 2 <= SPEC_VALUES_MAX) {
		spec.communities[spec.n_communities++] = CHURN_COMMUNITY_HIGH | sequence >> 16;
		spec.communities[spec.n_communities++] = CHURN_COMMUNITY_LOW | (sequence & 0xFFFF);
	}
	spec.has_med = true;
	spec.med = sequence;
	uint32_t slot = table_slot(bench->table, &prefix, 0);
	uint32_t set = attribute_spec_set(
		&spec, bench->table, speaker, (enum family)churn->prefix.family);
	if (slot == TABLE_NONE || set == 0 || !speaker_route(speaker, slot, set))
		bench->log(bench, speaker, "churn", "no memory for a route");
	speaker_flush(bench, speaker);
}

static void flap_one(struct bench *bench, struct activity *flap)
{
	uint32_t speakers = flap->selection.last - flap->selection.first + 1;

	flap->random ^= flap->random << 13;
	flap->random ^= flap->random >> 7;
	flap->random ^= flap->random << 17;
	struct speaker *speaker = &flap->selection.group->speakers[flap->selection.first +
								   (flap->random >> 16) % speakers];

	if (speaker->state == SPEAKER_IDLE)
		speaker_connect(bench, speaker, bench->now);
	else if (speaker->state == SPEAKER_ESTABLISHED)
		speaker_close(bench, speaker, (enum close_how)(flap->random % 3));
}

static void (*const activity_step[])(struct bench *bench, struct activity *activity) = {
	[ACTIVITY_CHURN] = churn_one,
	[ACTIVITY_FLAP] = flap_one,
};

static void activity_end(struct bench *bench, struct activity *activity)
{
	if (activity->kind != ACTIVITY_FLAP)
		return;
	for (uint32_t i = activity->selection.first; i <= activity->selection.last; i++)
		speaker_connect(bench, &activity->selection.group->speakers[i], bench->now);
}

/* How many steps are due by now, or by the end. */
static uint64_t steps_due(const struct bench *bench, const struct activity *activity)
{
	uint64_t at = bench->now < activity->until ? bench->now : activity->until;

	return (uint64_t)((double)(at - activity->started) * activity->rate / (double)SECOND);
}

void activities_run(struct bench *bench)
{
	for (struct activity **at = &bench->activities; *at != NULL;) {
		struct activity *activity = *at;

		for (uint64_t due = steps_due(bench, activity); activity->done < due;
			activity->done++)
			activity_step[activity->kind](bench, activity);
		if (bench->now < activity->until) {
			at = &activity->next;
			continue;
		}
		activity_end(bench, activity);
		*at = activity->next;
		free(activity);
	}
}

int activities_pause(const struct bench *bench)
{
	return bench->activities != NULL ? 1 : -1;
}

void activities_free(struct bench *bench)
{
	while (bench->activities != NULL) {
		struct activity *activity = bench->activities;

		bench->activities = activity->next;
		free(activity);
	}
}
