/*
 * The log: one line an event whatever the text holds, in both forms, and at most one a second where
 * it is rated.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rr/log.h"
#include "rr/socket.h"

/* What one call writes, without the time in front (fixed length) in text form. */
static char *line_of(enum log_format format, enum log_level in_force,
	const struct log_subject *subject, const char *text)
{
	char *line = NULL;
	size_t size = 0;
	struct log log = { open_memstream(&line, &size), in_force, format };

	assert_non_null(log.to);
	log_line(&log, LOG_WARNING, "an-event", subject, "%s", text);
	assert_int_equal(fclose(log.to), 0);
	return line;
}

static void text_lines(void **unused)
{
	struct ip_address address;
	struct log_subject subject = { &address, "nodes", "tor\n1" };
	char *line;

	(void)unused;
	assert_true(ip_address_parse("2001:db8::1", &address));
	line = line_of(LOG_TEXT, LOG_INFO, &subject, "up\nforged: line\x1b[31m");
	assert_string_equal(line + strlen("2026-01-01T00:00:00.000Z"),
		" warning: peer 2001:db8::1 (nodes, tor?1): up?forged: line?[31m\n");
	free(line);
	line = line_of(LOG_TEXT, LOG_INFO, NULL, "no subject");
	assert_string_equal(line + strlen("2026-01-01T00:00:00.000Z"), " warning: no subject\n");
	free(line);
	subject = (struct log_subject){ .peer = &address };
	line = line_of(LOG_TEXT, LOG_INFO, &subject, "x");
	assert_string_equal(
		line + strlen("2026-01-01T00:00:00.000Z"), " warning: peer 2001:db8::1: x\n");
	free(line);
}

static void json_lines(void **unused)
{
	struct ip_address address;
	struct log_subject subject = { &address, "no\"des", NULL };
	char *line;

	(void)unused;
	assert_true(ip_address_parse("192.0.2.1", &address));
	line = line_of(LOG_JSON, LOG_DEBUG, &subject, "say \"hi\"\\\n\t\x7f");
	assert_memory_equal(line, "{\"time\":\"", strlen("{\"time\":\""));
	assert_string_equal(line + strlen("{\"time\":\"2026-01-01T00:00:00.000Z"),
		"\",\"level\":\"warning\",\"event\":\"an-event\",\"peer\":\"192.0.2.1\","
		"\"group\":\"no\\\"des\","
		"\"message\":\"say \\\"hi\\\"\\\\\\u000a\\u0009\\u007f\"}\n");
	free(line);
}

static void levels_below_are_silent(void **unused)
{
	char *line = line_of(LOG_TEXT, LOG_ERROR, NULL, "not said");

	(void)unused;
	assert_string_equal(line, "");
	free(line);
	line = line_of(LOG_TEXT, LOG_WARNING, NULL, "said");
	assert_non_null(strstr(line, "said"));
	free(line);
}

static void one_line_a_second(void **unused)
{
	const uint64_t second = 1000000;
	struct log_rate rate = { 0 };
	uint64_t suppressed = 99;

	(void)unused;
	assert_true(log_rate_allow(&rate, 5 * second, &suppressed));
	assert_int_equal(suppressed, 0);
	assert_false(log_rate_settle(&rate, 7 * second, &suppressed)); /* nothing was kept back */
	for (int i = 0; i < 7; i++)
		assert_false(log_rate_allow(&rate, 5 * second + 1 + (uint64_t)i, &suppressed));
	assert_false(log_rate_settle(&rate, 6 * second - 1, &suppressed));
	/* A clock a little behind the last line is no second later. */
	assert_false(log_rate_settle(&rate, 5 * second - 1, &suppressed));
	assert_true(log_rate_settle(&rate, 6 * second, &suppressed));
	assert_int_equal(suppressed, 7);
	assert_false(log_rate_allow(&rate, 6 * second + 1, &suppressed));
	assert_true(log_rate_allow(&rate, 7 * second, &suppressed));
	assert_int_equal(suppressed, 1);
}

static void addresses_to_and_from_the_kernel(void **unused)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1:179" },
		{ "2001:db8::1", "[2001:db8::1]:179" },
		{ "::", "[::]:179" },
	};
	struct sockaddr_storage storage;
	struct ip_address address, back;
	char text[IP_ADDRESS_TEXT_MAX + 8];
	uint16_t port;

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_true(ip_address_parse(cases[i].text, &address));
		assert_true(socket_address_to(&address, 179, &storage) <= sizeof storage);
		assert_true(socket_address_from(&storage, &back, &port));
		assert_int_equal(ip_address_compare(&address, &back), 0);
		assert_int_equal(port, 179);
		assert_string_equal(socket_address_format(&back, port, text), cases[i].shown);
	}
	/* What a dual-stack socket says of an IPv4 peer. */
	assert_true(ip_address_parse("::ffff:192.0.2.7", &address));
	socket_address_to(&address, 1, &storage);
	assert_true(socket_address_from(&storage, &back, NULL));
	assert_true(ip_address_parse("192.0.2.7", &address));
	assert_int_equal(ip_address_compare(&address, &back), 0);
	storage.ss_family = AF_UNIX;
	assert_false(socket_address_from(&storage, &back, NULL));
}

static void the_other_family_on_the_same_interface(void **unused)
{
	struct local_addresses cache = { 0 };
	struct ip_address loopback, other, found;

	(void)unused;
	assert_true(ip_address_parse("127.0.0.1", &loopback));
	found = local_address_of_family(&cache, 1, &loopback, FAMILY_IPV4_UNICAST);
	assert_int_equal(ip_address_compare(&found, &loopback), 0);
	found = local_address_of_family(&cache, 1, &loopback, FAMILY_IPV6_UNICAST);
	/* Machines without IPv6 have none. */
	assert_true(ip_address_parse("::1", &other));
	assert_true(found.len == 0 || ip_address_compare(&found, &other) == 0);
	/* No interface has this one. */
	assert_true(ip_address_parse("192.0.2.99", &other));
	found = local_address_of_family(&cache, 1, &other, FAMILY_IPV6_UNICAST);
	assert_int_equal(found.len, 0);
	local_addresses_free(&cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_lines),
		cmocka_unit_test(json_lines),
		cmocka_unit_test(levels_below_are_silent),
		cmocka_unit_test(one_line_a_second),
		cmocka_unit_test(addresses_to_and_from_the_kernel),
		cmocka_unit_test(the_other_family_on_the_same_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
