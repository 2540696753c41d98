/* Open files: what a configuration needs of them, the warning, and the limit that is raised. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "rr/descriptors.h"
#include "tests/unit/config_fixture.h"

static uint64_t needed(const char *text)
{
	struct config *config = valid(text);
	uint64_t n = descriptors_needed(config);

	config_free(config);
	return n;
}

static void test_needed(void **state)
{
	uint64_t none = needed(ROUTER "groups: { a: { role: client } }\n");

	(void)state;
	assert_in_range(none, 64, 512); /* management, journal, listener */
	assert_int_equal(needed(ROUTER "groups: { a: { role: client } }\n"
				       "peers: [ { address: 192.0.2.1, group: a },"
				       " { address: 192.0.2.2, group: a } ]\n"),
		none + 2);
	assert_int_equal(
		needed(ROUTER "groups: { a: { role: client,"
			      " dynamic: [10.0.0.0/28, 10.1.0.0/32, \"fd00::/120\"] } }\n"),
		none + 16 + 1 + 256);
	/* Ranges wider than what a reflector is made for. */
	assert_int_equal(needed(ROUTER "groups: { a: { role: client, dynamic: [10.0.0.0/16] } }\n"),
		none + DESCRIPTORS_DYNAMIC_MAX);
	assert_int_equal(needed(ROUTER "groups: { a: { role: client, dynamic: [\"::/0\"] },"
				       " b: { role: client, dynamic: [0.0.0.0/0] } }\n"),
		none + DESCRIPTORS_DYNAMIC_MAX);
}

/* What is logged with that soft limit. */
static char *warning(const struct config *config, rlim_t soft)
{
	struct rlimit limit;
	char *line = NULL;
	size_t size = 0;
	struct log log = { open_memstream(&line, &size), LOG_INFO, LOG_TEXT };

	assert_non_null(log.to);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = soft;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	descriptors_check(config, &log);
	assert_int_equal(fclose(log.to), 0);
	return line;
}

static void test_warning(void **state)
{
	struct config *config = valid(
		ROUTER "groups: { a: { role: client, dynamic: [10.0.0.0/26] } }\n"
		       "peers: [ { address: 192.0.2.1, group: a } ]\n");
	uint64_t n = descriptors_needed(config);
	char expected[64], *line = warning(config, n - 1);

	(void)state;
	snprintf(expected, sizeof(expected), "found a limit of %u open files, expected %u for 1 ",
		(unsigned)n - 1, (unsigned)n);
	assert_non_null(strstr(line, expected));
	assert_non_null(strstr(line, "64 addresses of dynamic ranges"));
	assert_int_equal(count_lines(line), 1);
	free(line);
	line = warning(config, n);
	assert_string_equal(line, "");
	free(line);
	config_free(config);
}

static void test_raise(void **state)
{
	struct rlimit limit;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max - 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	descriptors_raise();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(limit.rlim_cur, limit.rlim_max);
}

/* Slots of the kernel's table of open files (proc(5)). */
static unsigned slots(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[256];
	unsigned n = 0;

	assert_non_null(status);
	while (n == 0 && fgets(line, sizeof line, status) != NULL)
		(void)sscanf(line, "FDSize: %u", &n);
	fclose(status);
	return n;
}

static void test_reserve(void **state)
{
	struct rlimit limit;
	int before = dup(0);

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	descriptors_reserve();
	assert_true(slots() >= (limit.rlim_cur < 65536 ? limit.rlim_cur : 65536));
	/* It keeps none. */
	close(before);
	assert_int_equal(dup(0), before);
	close(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_needed),
		cmocka_unit_test(test_warning),
		cmocka_unit_test(test_raise),
		cmocka_unit_test(test_reserve),
	};

	return cmocka_run_group_tests_name("descriptors", tests, NULL, NULL);
}
