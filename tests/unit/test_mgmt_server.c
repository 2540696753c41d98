/*
 * mgmt/server.h: the protocol on the socket, answers in slices, peers and readers that vanish, the
 * socket as a file. The reflector is mgmt_fake.c; the test is the client.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "mgmt/protocol.h"
#include "rr/journal.h"
#include "tests/unit/mgmt_fixture.h"

static void test_answers(void **state)
{
	static const struct {
		const char *request;
		const char *answer;
	} rows[] = {
		{ "text show config\n", "out\nrouter: { as: 64512 }\nend 0\n" },
		{ "json show config\n", "out\n{\"file\":\"test.yaml\",\"effective\":false,"
					"\"text\":\"router: { as: 64512 }\\n\"}\nend 0\n" },
		{ "text show blue\r\n",
			"err\nunknown command \"show blue\": found \"blue\", "
			"expected one of: summary, peers, "
			"groups, routes, history, journal, health, version, config\nend 2\n" },
		{ "text show peers 10.9.9.9\n",
			"err\nno such peer 10.9.9.9: see show peers\nend 1\n" },
		{ "text show routes longer\n",
			"err\nfound longer, expected a prefix with it\nend 1\n" },
		{ "text show routes 10.0.0.0/8 family ipv6\n",
			"err\nfound family ipv6-unicast, expected ipv4-unicast, the family of the "
			"prefix\n"
			"end 1\n" },
		{ "text show routes received\n",
			"err\nfound received, expected peer ADDRESS with it\nend 1\n" },
		{ "text show routes peer 10.1.0.2\n", "err\npeer 10.1.0.2 is not Established but "
						      "Active: it has no routes\nend 1\n" },
		{ "json show routes\n", "out\n{\"routes\":[]}\nend 0\n" },
		{ "complete show peers 10.1.0.1\n", "out\n10.1.0.1\tnodes, Established\nend 0\n" },
		{ "complete shut\n", "out\nshutdown\tend heliostatd; TEXT is told to all peers "
				     "(RFC 9003)\nend 0\n" },
		{ "complete zzz\n", "end 0\n" },
		{ "xml show version\n", "err\nfound an unknown format at the beginning of the "
					"request, expected text, json or "
					"complete\nend 2\n" },
		{ "text\n", "err\nempty line: expected one of: show, clear, journal, shutdown, "
			    "restart, "
			    "help\nend 2\n" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ask(*state, rows[i].request, rows[i].answer);
}

/* What help gives as an example of shortened words is understood, as what help says it is. */
static void test_help_example(void **state)
{
	struct fixture *fixture = *state;
	struct output heard = { 0 };
	char request[64], shortened[32], whole[32];
	bool closed;
	int fd = dial(fixture);
	say(fd, "text help\n", 10);
	hear(fixture, fd, 1, &heard, &closed);
	const char *example = strstr(heard.bytes, "unambiguous (");
	assert_non_null(example);
	assert_int_equal(sscanf(example, "unambiguous (%31[^=]= %31[^)]", shortened, whole), 2);
	close(fd);
	output_free(&heard);
	assert_string_equal(whole, "show routes");
	snprintf(request, sizeof request, "json %s\n", shortened);
	ask(fixture, request, "out\n{\"routes\":[]}\nend 0\n");
}

static void test_requests_in_one_write(void **state)
{
	static const char requests[] = "text show config\ntext nonsense\ntext show config\n";
	struct fixture *fixture = *state;
	struct output heard = { 0 };
	bool closed;
	int fd = dial(fixture);
	say(fd, requests, sizeof requests - 1);
	/* The sending side is closed: all is answered, then the server closes too. */
	shutdown(fd, SHUT_WR);
	hear(fixture, fd, 99, &heard, &closed);
	assert_true(closed);
	assert_answer(&heard, "out\nrouter: { as: 64512 }\nend 0\n"
			      "err\nunknown command \"nonsense\": found \"nonsense\", expected "
			      "one of: show, clear, journal, shutdown, restart, help\nend 2\n"
			      "out\nrouter: { as: 64512 }\nend 0\n");
	close(fd);
	output_free(&heard);
}

static void test_bad_requests(void **state)
{
	struct fixture *fixture = *state;
	struct output heard = { 0 };
	bool closed;
	int fd = dial(fixture);
	say(fd, "text show\0 config\n", 18);
	hear(fixture, fd, 1, &heard, &closed);
	assert_non_null(strstr(heard.bytes, "found a NUL byte"));
	output_clear(&heard);

	/* The longest line that is allowed, then one byte more. */
	char line[MGMT_REQUEST_MAX + 1];
	memset(line, ' ', sizeof line);
	memcpy(line, "text show config", 16);
	line[MGMT_REQUEST_MAX - 1] = '\n';
	say(fd, line, MGMT_REQUEST_MAX);
	hear(fixture, fd, 1, &heard, &closed);
	assert_answer(&heard, "out\nrouter: { as: 64512 }\nend 0\n");
	output_clear(&heard);
	line[MGMT_REQUEST_MAX - 1] = ' ';
	line[MGMT_REQUEST_MAX] = '\n';
	say(fd, line, sizeof line);
	hear(fixture, fd, 99, &heard, &closed);
	assert_true(closed);
	assert_answer(&heard, "err\nfound a request of more than 4096 bytes\nend 2\n");
	close(fd);
	output_free(&heard);
}

/* Not strstr: under AddressSanitizer that measures the whole rest first. */
static size_t count(const struct output *heard, const char *needle)
{
	size_t n = 0, len = strlen(needle);
	for (size_t at = 0; at + len <= heard->len; at++)
		n += heard->bytes[at] == needle[0] && memcmp(heard->bytes + at, needle, len) == 0;
	return n;
}

static void test_long_walk(void **state)
{
	struct fixture *fixture = *state;
	struct output heard = { 0 };
	fixture->reflector.routes = 60000;
	int fd = dial(fixture);
	say(fd, "json show routes\n", 17);
	for (int i = 0; i < 3000; i++)
		turn(fixture);
	/* Nobody reads: the walk stands still, with the socket's buffer and ours full. */
	uint64_t held = fixture->reflector.visited;
	assert_true(held > 0);
	assert_true(held < 3000);
	for (int i = 0; i < 100; i++)
		turn(fixture);
	assert_int_equal(fixture->reflector.visited, held);
	/* Other clients are served meanwhile. */
	ask(fixture, "text show config\n", "out\nrouter: { as: 64512 }\nend 0\n");

	char buffer[65536];
	for (unsigned idle = 0; idle < 20000;) {
		turn(fixture);
		ssize_t n = recv(fd, buffer, sizeof buffer, 0);
		if (n <= 0) {
			idle++;
			usleep(50);
			continue;
		}
		idle = 0;
		output_add(&heard, buffer, (size_t)n);
		if (heard.len > 6 && strcmp(heard.bytes + heard.len - 6, "end 0\n") == 0)
			break;
	}
	assert_int_equal(fixture->reflector.visited, 60000);
	assert_int_equal(count(&heard, "\"best\":true"), 60000);
	close(fd);
	output_free(&heard);
}

/*
 * Paths with as many communities as a message holds take milliseconds each: few of them at once,
 * then one a slice.
 */
static void test_big_paths(void **state)
{
	struct fixture *fixture = *state;
	static uint8_t attributes[4 + 60000] = {
		ATTRIBUTE_FLAG_OPTIONAL | ATTRIBUTE_FLAG_TRANSITIVE | ATTRIBUTE_FLAG_EXTENDED,
		ATTRIBUTE_COMMUNITIES, 60000 >> 8, 60000 & 0xFF
	};
	fixture->reflector.attributes = (struct span){ attributes, sizeof attributes };
	fixture->reflector.routes = 100;
	int fd = dial(fixture);
	say(fd, "json show routes\n", 17);
	char buffer[65536];
	uint64_t before = 0, most = 5; /* four, and one where the first turn holds two slices */
	for (int i = 0; i < 100000 && fixture->reflector.visited < 20; i++) {
		turn(fixture);
		assert_in_range(fixture->reflector.visited - before, 0, most);
		if (fixture->reflector.visited > before)
			most = 2; /* a turn may hold two slices */
		before = fixture->reflector.visited;
		while (recv(fd, buffer, sizeof buffer, 0) > 0)
			continue;
	}
	assert_int_equal(fixture->reflector.visited, 20);
	close(fd);
}

static void test_reader_vanishes(void **state)
{
	struct fixture *fixture = *state;
	fixture->reflector.routes = 60000;
	int fd = dial(fixture);
	say(fd, "text show routes\n", 17);
	for (int i = 0; i < 100; i++)
		turn(fixture);
	close(fd);
	for (int i = 0; i < 1000; i++)
		turn(fixture);
	assert_in_range(fixture->reflector.visited, 1, 10000);
	ask(fixture, "text show config\n", "out\nrouter: { as: 64512 }\nend 0\n");
}

static void peer_goes(struct fixture *fixture, bool comes_back)
{
	struct output heard = { 0 };
	char buffer[4096];
	fixture->reflector.routes = 60000;
	fixture->reflector.peers[0].established = true;
	int fd = dial(fixture);
	static const char request[] = "json show routes peer 10.1.0.1 received\n";
	say(fd, request, sizeof request - 1);
	for (int i = 0; i < 100; i++)
		turn(fixture);
	fixture->reflector.peers[0].established = comes_back;
	fixture->reflector.peers[0].established_count += comes_back;
	for (unsigned idle = 0; idle < 20000;) {
		turn(fixture);
		ssize_t n = recv(fd, buffer, sizeof buffer, 0);
		if (n > 0)
			output_add(&heard, buffer, (size_t)n);
		else
			idle++;
		if (heard.len > 6 && strncmp(heard.bytes + heard.len - 6, "end ", 4) == 0)
			break;
	}
	const char *err = strstr(heard.bytes, "}err ");
	assert_non_null(err);
	assert_non_null(strstr(err,
		"the session with peer 10.1.0.1 ended while its routes were shown: the answer "
		"is incomplete\nend 1\n"));
	close(fd);
	output_free(&heard);
}

static void test_peer_vanishes(void **state)
{
	peer_goes(*state, false);
	peer_goes(*state, true);
}

static void test_route_json(void **state)
{
	struct fixture *fixture = *state;
	fixture->reflector.routes = 1;
	static const char answer[] =
		"out\n{\"routes\":[\n"
		"{\"prefix\":\"10.0.0.0/"
		"32\",\"family\":\"ipv4-unicast\",\"path-id\":0,\"best\":true,"
		"\"stale\":false,\"long-lived-stale\":false,"
		"\"peer\":\"10.1.0.1\",\"peer-as\":64512,\"peer-bgp-identifier\":\"10.0.0.9\","
		"\"peer-role\":\"client\",\"next-hop\":\"192.0.2.7\",\"next-hop-link-local\":null,"
		"\"origin\":\"igp\",\"as-path\":\"64513 "
		"4200000000\",\"as-path-length\":2,\"med\":20,"
		"\"local-pref\":150,\"atomic-aggregate\":false,\"aggregator\":null,"
		"\"originator-id\":\"10.0.0.9\",\"communities\":[\"65000:1\",\"no-export\"],"
		"\"extended-communities\":[],\"ipv6-extended-communities\":[],\"large-"
		"communities\":[],"
		"\"cluster-list\":[\"10.0.0.1\",\"10.0.0.2\"],"
		"\"unknown-attributes\":[{\"type\":99,\"flags\":224,\"value\":\"01abff\"}]}\n"
		"]}\nend 0\n";
	ask(fixture, "json show routes\n", answer);
	ask(fixture, "json show routes 10.0.0.0/32\n", answer);
}

static void test_route_text(void **state)
{
	struct fixture *fixture = *state;
	fixture->reflector.routes = 2;
	static const char table[] = "out\n"
				    "   Prefix              Path ID  Next hop         Peer         "
				    "      MED   Pref  Origin  AS path\n"
				    "*  10.0.0.0/32               -  192.0.2.7        10.1.0.1     "
				    "       20    150  igp     64513 "
				    "4200000000\n"
				    "*  10.0.0.1/32               -  192.0.2.7        10.1.0.1     "
				    "       20    150  igp     64513 "
				    "4200000000\n"
				    "\n2 paths of 2 prefixes; * is the best path\nend 0\n";
	static const char block[] = "out\n"
				    "10.0.0.1/32, best\n"
				    "    peer                      10.1.0.1, AS 64512, client, BGP "
				    "Identifier 10.0.0.9\n"
				    "    next hop                  192.0.2.7\n"
				    "    origin                    igp\n"
				    "    AS path                   64513 4200000000 (length 2)\n"
				    "    MED                       20\n"
				    "    local preference          150\n"
				    "    originator ID             10.0.0.9\n"
				    "    communities               65000:1 no-export\n"
				    "    cluster list              10.0.0.1 10.0.0.2\n"
				    "    attribute 99, flags 0xe0  01abff\nend 0\n";
	ask(fixture, "text show routes\n", table);
	ask(fixture, "text show routes 10.0.0.1/32\n", block);
	ask(fixture, "text show routes 10.9.0.1/32\n",
		"out\nno route matches 10.9.0.1/32\nend 0\n");
}

/* heliostat(1) promises stable field names: every one that is written stands there. */
static void test_documented_fields(void **state)
{
	static const char *const requests[] = { "json show summary\n", "json show peers\n",
		"json show peers 10.1.0.1\n", "json show groups\n", "json show routes\n",
		"json show version\n", "json show config\n", "json clear peer 10.1.0.1\n",
		"json show journal\n", "json show health\n", "json help show\n" };
	struct fixture *fixture = *state;
	const char *source = getenv("HELIOSTAT_SOURCE");
	char path[512];
	snprintf(path, sizeof path, "%s/packaging/man/heliostat.1", source != NULL ? source : ".");
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	static char manual[64 * 1024];
	size_t len = fread(manual, 1, sizeof manual - 1, file);
	manual[len] = '\0';
	fclose(file);

	struct journal_view journal = { .path = "/j.db", .status = { .degraded = true } };
	fixture->reflector.routes = 1;
	fixture->reflector.journal_view = &journal;
	unsigned fields = 0;
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		struct output heard = { 0 };
		bool closed;
		int fd = dial(fixture);
		say(fd, requests[i], strlen(requests[i]));
		hear(fixture, fd, 1, &heard, &closed);
		for (const char *colon = heard.bytes; (colon = strstr(colon, "\":")) != NULL;
			colon++) {
			const char *begin = colon;
			while (begin[-1] != '"')
				begin--;
			char field[64];
			snprintf(field, sizeof field, "\"%.*s\":", (int)(colon - begin), begin);
			if (strstr(manual, field) == NULL)
				fail_msg("heliostat.1 does not have %s", field);
			fields++;
		}
		close(fd);
		output_free(&heard);
	}
	fixture->reflector.journal_view = NULL;
	assert_true(fields > 100);
}

static void test_too_many(void **state)
{
	struct fixture *fixture = *state;
	struct output heard = { 0 };
	bool closed;
	int fds[65];
	for (size_t i = 0; i < 65; i++) {
		fds[i] = dial(fixture);
		turn(fixture);
	}
	hear(fixture, fds[64], 99, &heard, &closed);
	assert_true(closed);
	assert_answer(
		&heard, "err\ntoo many management connections, at most 64 are served\nend 1\n");
	output_free(&heard);
	close(fds[64]);
	close(fds[0]);
	turn(fixture);
	/* A place is free again. */
	ask(fixture, "text show config\n", "out\nrouter: { as: 64512 }\nend 0\n");
	for (size_t i = 1; i < 64; i++)
		close(fds[i]);
	turn(fixture);
}

static void refused(struct fixture *fixture, const char *fault)
{
	char expected[256];
	snprintf(expected, sizeof expected, "management socket %s: %s\n", fixture->path, fault);
	assert_null(server_start(fixture, &fixture->reflector));
	assert_string_equal(fixture->faults, expected);
}

static void test_socket_file(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;
	assert_int_equal(lstat(fixture->path, &status), 0);
	assert_true(S_ISSOCK(status.st_mode));
	assert_int_equal(status.st_mode & 07777, 0660);
	char *slash = strrchr(fixture->path, '/');
	*slash = '\0';
	assert_int_equal(lstat(fixture->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0755);
	*slash = '/';

	refused(fixture, "in use, another heliostatd is running");
	/* It was left alone, and works. */
	ask(fixture, "text show config\n", "out\nrouter: { as: 64512 }\nend 0\n");

	mgmt_server_free(fixture->server);
	fixture->server = NULL;
	assert_int_equal(lstat(fixture->path, &status), -1);

	static char group[] = "no-group-of-this-name";
	fixture->reflector.config.socket_group = group;
	refused(fixture, "no such group \"no-group-of-this-name\"");
	fixture->reflector.config.socket_group = NULL;

	int fd = open(fixture->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	refused(fixture, "found a file that is no socket; not replacing it");
	unlink(fixture->path);

	/* A stale one: bound once, nobody listens. */
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	strcpy(address.sun_path, fixture->path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	close(fd);
	fixture->server = server_start(fixture, &fixture->reflector);
	assert_non_null(fixture->server);
	ask(fixture, "text show config\n", "out\nrouter: { as: 64512 }\nend 0\n");

	/* A file that is no longer ours is not removed. */
	unlink(fixture->path);
	fd = open(fixture->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	mgmt_server_free(fixture->server);
	fixture->server = NULL;
	assert_int_equal(lstat(fixture->path, &status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, server_begin, server_end),
		cmocka_unit_test_setup_teardown(test_help_example, server_begin, server_end),
		cmocka_unit_test_setup_teardown(
			test_requests_in_one_write, server_begin, server_end),
		cmocka_unit_test_setup_teardown(test_bad_requests, server_begin, server_end),
		cmocka_unit_test_setup_teardown(test_long_walk, server_begin, server_end),
		cmocka_unit_test_setup_teardown(test_big_paths, server_begin, server_end),
		cmocka_unit_test_setup_teardown(test_reader_vanishes, server_begin, server_end),
		cmocka_unit_test_setup_teardown(test_peer_vanishes, server_begin, server_end),
		cmocka_unit_test_setup_teardown(test_route_json, server_begin, server_end),
		cmocka_unit_test_setup_teardown(test_route_text, server_begin, server_end),
		cmocka_unit_test_setup_teardown(test_documented_fields, server_begin, server_end),
		cmocka_unit_test_setup_teardown(test_too_many, server_begin, server_end),
		cmocka_unit_test_setup_teardown(test_socket_file, server_begin, server_end),
	};
	/* As main.c does: libevent writes to sockets whose reader may be gone. */
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
