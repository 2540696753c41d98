#include "rr/descriptors.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * The management's connections (64 at most), the journal, the event loop, the log, and connections
 * that are being closed.
 */
#define BESIDE 128

/* Eight bytes each: more than there can be sessions. */
#define RESERVED 65536

void descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

void descriptors_reserve(void)
{
	struct rlimit limit;
	int one = eventfd(0, EFD_CLOEXEC), last = -1;

	if (one >= 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0)
		last = fcntl(one, F_DUPFD_CLOEXEC,
			(int)(limit.rlim_cur < RESERVED ? limit.rlim_cur : RESERVED) - 1);
	if (last >= 0)
		close(last);
	if (one >= 0)
		close(one);
}

/* At most DESCRIPTORS_DYNAMIC_MAX. */
static uint64_t dynamic_addresses(const struct config *config)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < config->n_groups; i++) {
		const struct config_group *group = &config->groups[i];

		for (size_t j = 0; j < group->n_dynamic && sum < DESCRIPTORS_DYNAMIC_MAX; j++) {
			const struct prefix *range = &group->dynamic[j];
			unsigned bits = family_address_len(range->family) * 8u - range->length;

			sum += bits < 32 ? (uint64_t)1 << bits : DESCRIPTORS_DYNAMIC_MAX;
		}
	}
	return sum < DESCRIPTORS_DYNAMIC_MAX ? sum : DESCRIPTORS_DYNAMIC_MAX;
}

uint64_t descriptors_needed(const struct config *config)
{
	return BESIDE + config->n_listen + config->n_peers + dynamic_addresses(config);
}

void descriptors_check(const struct config *config, const struct log *log)
{
	uint64_t needed = descriptors_needed(config);
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ||
		limit.rlim_cur >= needed)
		return;
	log_line(log, LOG_WARNING, "descriptors", NULL,
		"found a limit of %" PRIu64 " open files, expected %" PRIu64
		" for %zu configured peers and %" PRIu64
		" addresses of dynamic ranges: connections beyond it will wait; raise it with "
		"ulimit -n, or LimitNOFILE in systemd",
		(uint64_t)limit.rlim_cur, needed, config->n_peers, dynamic_addresses(config));
}
