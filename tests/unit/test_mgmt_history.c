/*
 * show history and show routes at, from the request to the last byte: what is said, in text and
 * JSON, of a journal filled by hand; long answers; a disk that hangs; shells that go away.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <event2/event.h>

#include "mgmt/connection.h"
#include "mgmt/output.h"
#include "mgmt/request.h"
#include "rib/capture.h"
#include "tests/unit/history_fixture.h"
#include "tests/unit/mgmt_fake.h"

#define PATIENCE_US 20000000

/* 2026-11-22T03:00:00Z and so many seconds. */
#define AT(seconds) ((UINT64_C(1795316400) + (seconds)) * 1000000)

struct context {
	struct history_fixture history;
	struct reflector reflector;
	struct connection *connection; /* of the shell; NULL: it has ended by itself */
	int fd; /* the shell's end */
};

static void closed(void *context, struct connection *connection)
{
	struct context *each = context;
	assert_ptr_equal(each->connection, connection);
	each->connection = NULL;
}

static void dial(struct context *context)
{
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	context->fd = fds[0];
	context->connection = connection_new(&context->reflector, fds[1], closed, context);
	assert_non_null(context->connection);
}

static void hang_up(struct context *context)
{
	if (context->connection != NULL)
		connection_free(context->connection);
	context->connection = NULL;
	if (context->fd >= 0)
		close(context->fd);
	context->fd = -1;
}

static void fill(struct history_fixture *history)
{
	struct prefix prefix = prefix_of("10.1.0.0/16"), inner = prefix_of("10.1.2.0/24");
	for (uint32_t id = 1; id <= 2; id++)
		history_fixture_peer(history, id);
	for (uint64_t id = 1; id <= 3; id++)
		history_fixture_attrs(history, id);
	history_fixture_sql(history, "INSERT INTO run VALUES (NULL, %llu, 0, NULL)", AT(0ull));
	history_fixture_change(history, &prefix, AT(1), 1, 1, 0, 1, BEST_ANNOUNCED);
	history_fixture_change(history, &prefix, AT(2) + 5, 2, 2, 7, 2, BEST_ANNOUNCED);
	history_fixture_change(history, &inner, AT(3), 3, 1, 0, 3, BEST_ANNOUNCED);
	history_fixture_sql(
		history, "INSERT INTO gap VALUES (NULL, %llu, %llu, 1)", AT(4ull), AT(5ull));
	history_fixture_change(history, &prefix, AT(6), 4, 1, 0, 1, BEST_PEER_DOWN);
	history_fixture_change(history, &prefix, AT(7), 5, 0, 0, 0, BEST_WITHDRAWN);
	history_fixture_sql(
		history, "INSERT INTO run VALUES (NULL, %llu, 1, %llu)", AT(9ull), AT(8ull));
	history_fixture_sql(
		history, "INSERT INTO event VALUES (NULL, %llu, 1, 0, 4, 5, 0, 0, NULL)", AT(1ull));
	history_fixture_sql(history,
		"INSERT INTO event VALUES (NULL, %llu, 1, 2, 0, 0, 6, 2, 'so long')", AT(6ull));
	history_fixture_sql(history,
		"INSERT INTO event VALUES (NULL, %llu, 1, 1, 0, 0, 4, 0, x'0a1b')", AT(7ull));
}

static int set_up(void **state)
{
	struct context *context = calloc(1, sizeof *context);
	assert_int_equal(setenv("TZ", "CET-1", 1), 0);
	tzset();
	history_fixture_begin(&context->history);
	context->reflector.base = event_base_new();
	context->reflector.journal = context->history.path;
	context->reflector.journal_readers = journal_readers_new();
	dial(context);
	*state = context;
	return 0;
}

static int tear_down(void **state)
{
	struct context *context = *state;
	hang_up(context);
	journal_readers_free(context->reflector.journal_readers, PATIENCE_US);
	event_base_free(context->reflector.base);
	history_fixture_end(&context->history);
	free(context);
	return 0;
}

static void turn(struct context *context)
{
	struct timespec pause = { .tv_nsec = 100000 };
	event_base_loop(context->reflector.base, EVLOOP_NONBLOCK);
	nanosleep(&pause, NULL);
}

static void say(struct context *context, const char *line)
{
	size_t len = strlen(line);
	assert_int_equal(send(context->fd, line, len, MSG_NOSIGNAL), len);
	assert_int_equal(send(context->fd, "\n", 1, MSG_NOSIGNAL), 1);
}

/* Reads the answer to its end; the headers of frames stay out of `heard`. */
static void hear(struct context *context, struct output *heard)
{
	struct output raw = { 0 };
	char buffer[65536];
	uint64_t begun = request_clock();
	size_t at = 0;
	for (;;) {
		char *line = raw.len > at ? memchr(raw.bytes + at, '\n', raw.len - at) : NULL;
		if (line != NULL && strncmp(raw.bytes + at, "end ", 4) == 0)
			break;
		size_t len = line != NULL ? strtoul(raw.bytes + at + 4, NULL, 10) : 0;
		size_t from = line != NULL ? (size_t)(line + 1 - raw.bytes) : 0;
		if (line != NULL && raw.len >= from + len) {
			if (strncmp(raw.bytes + at, "err ", 4) == 0)
				output_puts(heard, "err ");
			output_add(heard, raw.bytes + from, len);
			at = from + len;
			continue;
		}
		assert_true(request_clock() - begun < PATIENCE_US);
		ssize_t n = recv(context->fd, buffer, sizeof buffer, 0);
		if (n > 0)
			output_add(&raw, buffer, (size_t)n);
		else
			turn(context);
	}
	output_add(heard, raw.bytes + at, raw.len - at);
	output_free(&raw);
}

static void ask(struct context *context, const char *line, const char *answer)
{
	struct output heard = { 0 };
	say(context, line);
	hear(context, &heard);
	assert_string_equal(heard.bytes, answer);
	output_free(&heard);
}

static void test_text(void **state)
{
	struct context *context = *state;
	fill(&context->history);
	ask(context, "text show history prefix 10.1.0.0/16",
		"-- 2026-11-22T04:00:00.000000+01:00: heliostatd started with an empty table\n"
		"Time                              Cause      By             Path ID  Next hop     "
		"    "
		"Peer               MED   Pref  Origin  AS path\n"
		"2026-11-22T04:00:01.000000+01:00  announced  10.0.0.1    +        -  192.0.2.1    "
		"    "
		"10.0.0.1             -    100  igp     65001\n"
		"2026-11-22T04:00:02.000005+01:00  announced  10.0.0.2    -        -  192.0.2.1    "
		"    "
		"10.0.0.1             -    100  igp     65001\n"
		"                                                         +        7  192.0.2.2    "
		"    "
		"10.0.0.2             -    100  igp     65002\n"
		"-- history is incomplete from 2026-11-22T04:00:04.000000+01:00 to "
		"2026-11-22T04:00:05.000000+01:00: 1 change lost\n"
		"2026-11-22T04:00:06.000000+01:00  peer-down  10.0.0.2    -        7  192.0.2.2    "
		"    "
		"10.0.0.2             -    100  igp     65002\n"
		"                                                         +        -  192.0.2.1    "
		"    "
		"10.0.0.1             -    100  igp     65001\n"
		"2026-11-22T04:00:07.000000+01:00  withdrawn  10.0.0.1    -        -  192.0.2.1    "
		"    "
		"10.0.0.1             -    100  igp     65001\n"
		"\n4 changes; - the old best path, + the new\nend 0\n");
	ask(context, "text show history prefix 10.1.0.0/16 limit 1 until 2026-11-22T03:00:01Z",
		"Time                              Cause      By             Path ID  Next hop     "
		"    "
		"Peer               MED   Pref  Origin  AS path\n"
		"2026-11-22T04:00:01.000000+01:00  announced  10.0.0.1    +        -  192.0.2.1    "
		"    "
		"10.0.0.1             -    100  igp     65001\n"
		"\n1 change; - the old best path, + the new\nend 0\n");
	ask(context, "text show history prefix ::/0 since 2026-11-22T04:00:08",
		"no change of the best path of ::/0 since 2026-11-22T04:00:08.000000+01:00\nend "
		"0\n");
	ask(context, "text show history peer 10.0.0.1",
		"-- 2026-11-22T04:00:00.000000+01:00: heliostatd started with an empty table\n"
		"Time                              Event                                   Text\n"
		"2026-11-22T04:00:01.000000+01:00  OpenConfirm -> Established\n"
		"2026-11-22T04:00:06.000000+01:00  received Cease/Administrative Shutdown  so "
		"long\n"
		/* What a terminal would obey is left out. */
		"2026-11-22T04:00:07.000000+01:00  sent Hold Timer Expired\n"
		"-- 2026-11-22T04:00:09.000000+01:00: heliostatd started with its table restored; "
		"nothing was recorded after 2026-11-22T04:00:08.000000+01:00\nend 0\n");
	ask(context, "text show history gaps since 2026-11-22T03:00:01Z until 2026-11-22T03:00:08Z",
		"-- history is incomplete from 2026-11-22T04:00:04.000000+01:00 to "
		"2026-11-22T04:00:05.000000+01:00: 1 change lost\nend 0\n");
	ask(context, "text show history gaps since 2026-11-22T03:00:10Z",
		"no gap and no start since 2026-11-22T04:00:10.000000+01:00\nend 0\n");
}

static void test_text_routes_at(void **state)
{
	struct context *context = *state;
	fill(&context->history);
	ask(context, "text show routes at 2026-11-22T03:00:03Z",
		"   Prefix              Path ID  Next hop         Peer               MED   Pref  "
		"Origin  AS path\n"
		"*  10.1.0.0/16               7  192.0.2.2        10.0.0.2             -    100  "
		"igp     65002\n"
		"*  10.1.2.0/24               -  192.0.2.3        10.0.0.1             -    100  "
		"igp     65003\n"
		"\n2 best paths at 2026-11-22T04:00:03.000000+01:00\nend 0\n");
	ask(context, "text show routes 10.1.0.0/16 at 2026-11-22T03:00:04Z",
		"-- history is incomplete from 2026-11-22T04:00:04.000000+01:00 to "
		"2026-11-22T04:00:05.000000+01:00: 1 change lost\n"
		"10.1.0.0/16, best since 2026-11-22T04:00:02.000005+01:00\n"
		"    peer                      10.0.0.2, AS 64514, BGP Identifier 10.0.0.2\n"
		"    path ID                   7\n"
		"    next hop                  192.0.2.2\n"
		"    origin                    igp\n"
		"    AS path                   65002 (length 1)\n"
		"    local preference          100\nend 0\n");
	ask(context, "text show routes 10.1.2.3 at 2026-11-22T03:00:02Z",
		"10.1.0.0/16, best since 2026-11-22T04:00:01.000000+01:00\n"
		"    peer                      10.0.0.1, AS 64513, BGP Identifier 10.0.0.1\n"
		"    next hop                  192.0.2.1\n"
		"    origin                    igp\n"
		"    AS path                   65001 (length 1)\n"
		"    local preference          100\nend 0\n");
	ask(context, "text show routes at 2026-11-22T03:00:01Z family ipv6-unicast",
		"no routes at 2026-11-22T04:00:01.000000+01:00\nend 0\n");
	ask(context, "text show routes at 2026-11-22T03:00:01Z 10.2.0.0/15 longer",
		"no route matches 10.2.0.0/15 at 2026-11-22T04:00:01.000000+01:00\nend 0\n");
	ask(context, "text show routes at 2026-11-22T03:00:01Z 192.0.2.1",
		"no route covers 192.0.2.1/32 at 2026-11-22T04:00:01.000000+01:00\nend 0\n");
	ask(context, "text show routes at 2026-11-22T02:59:59Z",
		"err found a time before the journal began, expected a later one: see show history "
		"gaps\nend 1\n");
}

#define PATH_TAIL                                                                          \
	"\"next-hop-link-local\":null,\"origin\":\"igp\",\"as-path\":\"6500%u\","          \
	"\"as-path-length\":1,\"med\":null,\"local-pref\":100,\"atomic-aggregate\":false," \
	"\"aggregator\":null,\"originator-id\":null,\"communities\":[],"                   \
	"\"extended-communities\":[],\"ipv6-extended-communities\":[],"                    \
	"\"large-communities\":[],\"cluster-list\":[],\"unknown-attributes\":[]}"

/* A path of peer and set `n`. */
static void add_path(struct output *out, unsigned n, unsigned path_id)
{
	output_printf(out,
		"\"path-id\":%u,\"peer\":\"10.0.0.%u\",\"peer-as\":%u,"
		"\"peer-bgp-identifier\":\"10.0.0.%u\",",
		path_id, n, 64512 + n, n);
}

static void test_json(void **state)
{
	struct context *context = *state;
	struct output want = { 0 };
	fill(&context->history);
	output_puts(&want, "{\"history\":[\n"
			   "{\"type\":\"change\",\"time\":\"2026-11-22T03:00:02.000005Z\","
			   "\"prefix\":\"10.1.0.0/16\",\"family\":\"ipv4-unicast\","
			   "\"cause\":\"announced\",\"peer\":\"10.0.0.2\",\"old\":{");
	add_path(&want, 1, 0);
	output_printf(&want, "\"next-hop\":\"192.0.2.1\"," PATH_TAIL ",\"new\":{", 1);
	add_path(&want, 2, 7);
	output_printf(&want, "\"next-hop\":\"192.0.2.2\"," PATH_TAIL "},\n", 2);
	output_puts(&want, "{\"type\":\"gap\",\"time\":\"2026-11-22T03:00:04.000000Z\","
			   "\"until\":\"2026-11-22T03:00:05.000000Z\",\"lost\":1}\n]}\nend 0\n");
	ask(context,
		"json show history prefix 10.1.0.0/16 since 2026-11-22T03:00:02Z "
		"until 2026-11-22T03:00:05Z",
		want.bytes);
	output_clear(&want);

	ask(context, "json show history peer 10.0.0.1 since 2026-11-22T03:00:01Z",
		"{\"history\":[\n"
		"{\"type\":\"event\",\"time\":\"2026-11-22T03:00:01.000000Z\",\"peer\":\"10.0.0."
		"1\","
		"\"event\":\"state\",\"state-before\":\"OpenConfirm\",\"state\":\"Established\","
		"\"code\":null,\"subcode\":null,\"notification\":null,\"text\":null},\n"
		"{\"type\":\"event\",\"time\":\"2026-11-22T03:00:06.000000Z\",\"peer\":\"10.0.0."
		"1\","
		"\"event\":\"notification-received\",\"state-before\":null,\"state\":null,"
		"\"code\":6,\"subcode\":2,\"notification\":\"Cease/Administrative Shutdown\","
		"\"text\":\"so long\"},\n"
		"{\"type\":\"event\",\"time\":\"2026-11-22T03:00:07.000000Z\",\"peer\":\"10.0.0."
		"1\","
		"\"event\":\"notification-sent\",\"state-before\":null,\"state\":null,"
		"\"code\":4,\"subcode\":0,\"notification\":\"Hold Timer Expired\","
		"\"text\":\"\\n\\u001b\"},\n"
		"{\"type\":\"start\",\"time\":\"2026-11-22T03:00:09.000000Z\",\"restored\":true,"
		"\"recorded-until\":\"2026-11-22T03:00:08.000000Z\"}\n]}\nend 0\n");
	ask(context, "json show history gaps until 2026-11-22T03:00:01Z",
		"{\"gaps\":[\n"
		"{\"type\":\"start\",\"time\":\"2026-11-22T03:00:00.000000Z\",\"restored\":false,"
		"\"recorded-until\":null}\n]}\nend 0\n");

	output_puts(&want, "{\"at\":\"2026-11-22T03:00:02.000000Z\",\"gaps\":[],\"routes\":[\n"
			   "{\"prefix\":\"10.1.0.0/16\",\"family\":\"ipv4-unicast\",\"best\":true,"
			   "\"since\":\"2026-11-22T03:00:01.000000Z\",");
	add_path(&want, 1, 0);
	output_printf(&want, "\"peer-role\":null,\"next-hop\":\"192.0.2.1\"," PATH_TAIL, 1);
	output_puts(&want, "\n]}\nend 0\n");
	ask(context, "json show routes at 2026-11-22T03:00:02Z", want.bytes);
	ask(context, "json show routes at 2026-11-22T03:00:08.5Z 10.1.0.0/16",
		"{\"at\":\"2026-11-22T03:00:08.500000Z\",\"gaps\":[\n"
		"{\"type\":\"gap\",\"time\":\"2026-11-22T03:00:04.000000Z\","
		"\"until\":\"2026-11-22T03:00:05.000000Z\",\"lost\":1},\n"
		"{\"type\":\"start\",\"time\":\"2026-11-22T03:00:09.000000Z\",\"restored\":true,"
		"\"recorded-until\":\"2026-11-22T03:00:08.000000Z\"}\n"
		"],\"routes\":[]}\nend 0\n");
	output_free(&want);
}

static void test_refused(void **state)
{
	struct context *context = *state;
	struct output heard = { 0 };
	ask(context,
		"text show history prefix ::/0 since 2026-11-22T03:12Z until 2026-11-22T03:11Z",
		"err found since 2026-11-22T04:12:00.000000+01:00, which is later than until "
		"2026-11-22T04:11:00.000000+01:00, expected an earlier time\nend 1\n");
	ask(context, "text show routes at 2106-01-01T00:00Z",
		"err found at 2106-01-01T01:00:00.000000+01:00, which is yet to come, expected a "
		"time up to now\nend 1\n");
	ask(context, "text show routes at -1s peer 10.1.0.1",
		"err found peer ADDRESS or its direction, expected none with at T: the journal has "
		"the best paths of the table\nend 1\n");
	ask(context, "text show routes at -1s longer",
		"err found longer, expected a prefix with it\nend 1\n");
	ask(context, "text show routes at -1s ::/0 family ipv4-unicast",
		"err found family ipv4-unicast, expected ipv6-unicast, the family of the prefix\n"
		"end 1\n");
	ask(context, "text show history peer 10.0.0.9",
		"err the journal knows no peer 10.0.0.9, expected the address of one that had a "
		"session\nend 1\n");
	context->reflector.journal = NULL;
	ask(context, "text show history gaps", "err no journal is kept\nend 1\n");
	ask(context, "text show routes at -1s", "err no journal is kept\nend 1\n");
	context->reflector.journal = "/nonexistent/journal.db";
	say(context, "text show history gaps");
	hear(context, &heard);
	assert_non_null(strstr(heard.bytes, "/nonexistent/journal.db: No such file"));
	output_free(&heard);
}

static void test_compact(void **state)
{
	struct context *context = *state;
	ask(context, "text journal compact",
		"the journal gives its free room back in the background: show journal tells its "
		"size\n"
		"end 0\n");
	assert_int_equal(context->reflector.compactions, 1);
	ask(context, "text journal compact", "err the journal is being compacted already\nend 1\n");
}

/* Far more than the pages hold, read by a shell that takes its time. */
static void test_long_answer(void **state)
{
	struct context *context = *state;
	struct prefix prefix = prefix_of("10.1.0.0/16");
	const unsigned changes = 30000;
	struct output heard = { 0 };
	history_fixture_peer(&context->history, 1);
	history_fixture_attrs(&context->history, 1);
	history_fixture_sql(&context->history, "BEGIN");
	for (unsigned i = 1; i <= changes; i++)
		history_fixture_change(
			&context->history, &prefix, AT(0) + i, i, 1, 0, i % 2, BEST_ANNOUNCED);
	history_fixture_sql(&context->history, "COMMIT");
	say(context, "json show history prefix 10.1.0.0/16");
	/* It must come to a standstill, whatever the loop turns. */
	for (unsigned i = 0; i < 2000; i++)
		turn(context);
	hear(context, &heard);
	unsigned n = 0;
	static const char begun[] = "{\"type\":\"change\",\"time\":\"";
	for (const char *at = heard.bytes; (at = strchr(at, '\n')) != NULL;) {
		at++;
		if (strncmp(at, begun, sizeof begun - 1) != 0)
			continue;
		char time[64];
		snprintf(time, sizeof time, "2026-11-22T03:00:00.%06uZ", ++n);
		assert_memory_equal(at + sizeof begun - 1, time, strlen(time));
	}
	assert_int_equal(n, changes);
	assert_string_equal(heard.bytes + heard.len - 10, "\n]}\nend 0\n");
	output_free(&heard);
}

/*
 * A disk that hangs: opening a FIFO blocks until somebody writes to it. The loop goes on, other
 * shells are served, and a shell that goes away is noticed.
 */
static void test_hanging_disk(void **state)
{
	struct context *context = *state;
	char fifo[128];
	snprintf(fifo, sizeof fifo, "%s/fifo", context->history.folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	context->reflector.journal = fifo;
	/* Hangs up; hangs up after it has said that it sends no more. */
	for (unsigned half = 0; half < 2; half++) {
		say(context, "text show history gaps");
		for (unsigned i = 0; i < 100; i++)
			turn(context);
		if (half == 1)
			assert_int_equal(shutdown(context->fd, SHUT_WR), 0);
		for (unsigned i = 0; i < 100; i++)
			turn(context);
		assert_non_null(context->connection);
		close(context->fd);
		uint64_t begun = request_clock();
		while (context->connection != NULL) {
			assert_true(request_clock() - begun < PATIENCE_US);
			turn(context);
		}
		dial(context);
	}
	ask(context, "blue",
		"err found an unknown format at the beginning of the request, expected text, json "
		"or complete\nend 2\n");
	/* Both threads are let go. */
	int fd = open(fifo, O_WRONLY);
	assert_true(fd >= 0);
	journal_readers_free(context->reflector.journal_readers, PATIENCE_US);
	context->reflector.journal_readers = journal_readers_new();
	close(fd);
	unlink(fifo);
	context->reflector.journal = context->history.path;
	ask(context, "text show history gaps", "no gap and no start\nend 0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_text_routes_at, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_json, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_compact, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hanging_disk, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
