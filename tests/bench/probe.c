#include "tests/bench/probe.h"

#include <stdlib.h>
#include <string.h>

#include "tests/bench/session.h"

#define PROBE_COMMUNITY (65012u << 16)

struct probe {
	struct speaker *from;
	enum family family;
	uint32_t slot;
	uint32_t count, done;
	uint32_t expected, received; /* clients that must have the change, and that have it */
	uint64_t gap;
	uint64_t next_at; /* of the next change; 0 while one is on its way */
	uint64_t sent_at;
	struct attribute_spec spec;
	uint64_t times[]; /* of the changes done */
};

bool probe_start(struct bench *bench, struct speaker *from, const struct prefix *prefix,
	uint32_t count, uint64_t gap)
{
	struct probe *probe = calloc(1, sizeof(*probe) + count * sizeof(probe->times[0]));
	uint32_t slot = table_slot(bench->table, prefix, 0);

	if (probe == NULL || slot == TABLE_NONE) {
		free(probe);
		return false;
	}
	probe->from = from;
	probe->family = (enum family)prefix->family;
	probe->slot = slot;
	probe->count = count;
	probe->gap = gap;
	probe->next_at = bench->now;
	probe->spec.has_med = true;
	probe->spec.n_communities = 1;
	free(bench->probe);
	bench->probe = probe;
	return true;
}

bool probe_under_way(const struct bench *bench)
{
	return bench->probe != NULL && bench->probe->done < bench->probe->count;
}

static uint32_t receivers(const struct bench *bench, const struct speaker *from)
{
	uint32_t n = 0;

	for (const struct speaker_group *group = bench->groups; group != NULL;
		group = group->next) {
		for (uint32_t i = 0; i < group->count; i++)
			n += group->speakers[i].state == SPEAKER_ESTABLISHED &&
			     &group->speakers[i] != from;
	}
	return n;
}

void probe_run(struct bench *bench)
{
	struct probe *probe = bench->probe;

	if (!probe_under_way(bench) || probe->next_at == 0 || bench->now < probe->next_at)
		return;
	probe->spec.med = probe->done + 1;
	probe->spec.communities[0] = PROBE_COMMUNITY | ((table_sets(bench->table) + 1) & 0xFFFF);
	uint32_t set = attribute_spec_set(&probe->spec, bench->table, probe->from, probe->family);

	probe->expected = receivers(bench, probe->from);
	probe->received = 0;
	probe->next_at = 0;
	if (set == 0 || probe->expected == 0 || !speaker_route(probe->from, probe->slot, set)) {
		bench->log(bench, probe->from, "probe", "nobody to receive it, or no memory");
		probe->count = probe->done;
		return;
	}
	probe->sent_at = bench_clock();
	speaker_flush(bench, probe->from);
}

void probe_received(struct bench *bench, const struct change *change)
{
	struct probe *probe = bench->probe;

	if (change->slot != probe->slot || change->set == 0 || probe->next_at != 0 ||
		!probe_under_way(bench) || ++probe->received < probe->expected)
		return;
	uint64_t now = bench_clock();

	probe->times[probe->done++] = now - probe->sent_at;
	probe->next_at = now + probe->gap;
}

static int time_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Nearest rank: the smallest time that `percent` of the changes do not exceed. */
static double percentile(const uint64_t *times, uint32_t n, unsigned percent)
{
	uint32_t rank = (uint32_t)(((uint64_t)n * percent + 99) / 100);

	return (double)times[rank > 0 ? rank - 1 : 0] / (double)MILLISECOND;
}

void probe_report(const struct bench *bench, FILE *reply)
{
	const struct probe *probe = bench->probe;
	uint32_t n = probe != NULL ? probe->done : 0;

	fprintf(reply, ",\"count\":%u", n);
	if (n == 0)
		return;
	uint64_t *times = malloc(n * sizeof(*times));
	if (times == NULL)
		return;
	memcpy(times, probe->times, n * sizeof(*times));
	qsort(times, n, sizeof(*times), time_compare);
	fprintf(reply, ",\"receivers\":%u,\"p50-ms\":%.3f,\"p99-ms\":%.3f,\"max-ms\":%.3f",
		probe->expected, percentile(times, n, 50), percentile(times, n, 99),
		percentile(times, n, 100));
	free(times);
}

void probe_free(struct bench *bench)
{
	free(bench->probe);
	bench->probe = NULL;
}
