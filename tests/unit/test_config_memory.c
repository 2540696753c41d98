/*
 * rr/config with memory running out: every allocation fails once, and every one after it. Nothing
 * may be accepted half read, nothing may leak. Linked with --wrap for the allocating functions that
 * rr/config*.c uses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/config_fixture.h"

/* Allocations that still succeed; negative: all of them. */
static long left = -1;
static bool failed;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__real_reallocarray(void *memory, size_t n, size_t size);
void *__wrap_reallocarray(void *memory, size_t n, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__real_strndup(const char *text, size_t len);
char *__wrap_strndup(const char *text, size_t len);
int __real_vasprintf(char **text, const char *format, va_list arguments);
int __wrap_vasprintf(char **text, const char *format, va_list arguments);

static bool fails(void)
{
	if (left < 0)
		return false;
	if (left > 0) {
		left--;
		return false;
	}
	failed = true;
	return true;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails() ? NULL : __real_realloc(memory, size);
}

void *__wrap_reallocarray(void *memory, size_t n, size_t size)
{
	return fails() ? NULL : __real_reallocarray(memory, n, size);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t len)
{
	return fails() ? NULL : __real_strndup(text, len);
}

int __wrap_vasprintf(char **text, const char *format, va_list arguments)
{
	return fails() ? -1 : __real_vasprintf(text, format, arguments);
}

static const char good[] = "router: { as: 64512, id: 10.0.0.1 }\n"
			   "listen: [ { address: \"::1\" }, { address: 127.0.0.1 } ]\n"
			   "groups:\n  a: { dynamic: [10.1.0.0/16, 10.2.0.0/16] }\n  b: {}\n"
			   "peers:\n  - { address: 192.0.2.1, group: a, description: x }\n"
			   "  - { address: 192.0.2.2, group: b }\n"
			   "management: { socket: { path: /a, group: b } }\n";

static const char bad[] = "router: { as: 0, id: 10.0.0.1 }\nrouter: {}\nnonsense: &a 1\n"
			  "groups:\n  a: { dynamic: [10.1.0.1/16] }\n"
			  "peers:\n  - { address: 192.0.2.1, group: c }\n  - *a\n"
			  "  - { address: 192.0.2.1, group: a, port: 0 }\n";

/* How often an allocation could fail until the parse ran through. */
static long parse_short_of_memory(const char *text, bool accepted)
{
	for (long allowed = 0; allowed < 10000; allowed++) {
		char *faults;
		size_t size;
		FILE *stream = open_memstream(&faults, &size);
		assert_non_null(stream);
		failed = false;
		left = allowed;
		struct config *config = config_parse("t", text, strlen(text), stream);
		left = -1;
		fclose(stream);
		if (failed) {
			assert_null(config);
			assert_non_null(strstr(faults, "t: not read whole: out of memory\n"));
		} else {
			assert_int_equal(config != NULL, accepted);
			assert_null(strstr(faults, "memory"));
		}
		config_free(config);
		free(faults);
		if (!failed)
			return allowed;
	}
	fail_msg("still short of memory after 10000 allocations");
	return -1;
}

static void a_good_file_is_refused_without_memory(void **state)
{
	(void)state;
	assert_in_range(parse_short_of_memory(good, true), 50, 1000);
}

static void a_bad_file_is_refused_without_memory(void **state)
{
	(void)state;
	assert_in_range(parse_short_of_memory(bad, false), 50, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_file_is_refused_without_memory),
		cmocka_unit_test(a_bad_file_is_refused_without_memory),
	};
	return cmocka_run_group_tests_name("config_memory", tests, NULL, NULL);
}
