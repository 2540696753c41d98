/*
 * mgmt/server.h: the protocol on the socket, answers in slices, peers and readers that vanish, the
 * socket as a file. The reflector is mgmt_fake.c; the test is the client.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <pwd.h>
#include <unistd.h>
#include <event2/event.h>

#include "mgmt/output.h"
#include "mgmt/protocol.h"
#include "mgmt/server.h"
#include "rr/journal.h"
#include "tests/unit/mgmt_fake.h"

struct fixture {
	char folder[64];
	char path[96];
	char *faults;
	size_t faults_len;
	struct reflector reflector;
	struct mgmt_server *server;
};

static struct mgmt_server *start(struct fixture *fixture, struct reflector *reflector)
{
	free(fixture->faults);
	fixture->faults = NULL;
	FILE *faults = open_memstream(&fixture->faults, &fixture->faults_len);
	assert_non_null(faults);
	struct mgmt_server *server = mgmt_server_new(reflector, faults);
	fclose(faults);
	return server;
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	assert_non_null(fixture);
	strcpy(fixture->folder, "/tmp/heliostat-test-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	snprintf(fixture->path, sizeof fixture->path, "%s/run/heliostat.sock", fixture->folder);
	struct reflector *reflector = &fixture->reflector;
	reflector->base = event_base_new();
	assert_non_null(reflector->base);
	static char text[] = "router: { as: 64512 }\n", file[] = "test.yaml", group[] = "nodes";
	reflector->config = (struct config){
		.file = file, .text = text, .as = 64512, .socket_path = fixture->path
	};
	reflector->group.name = group;
	reflector->n_peers = 2;
	assert_true(ip_address_parse("10.1.0.1", &reflector->peers[0].address));
	assert_true(ip_address_parse("10.1.0.2", &reflector->peers[1].address));
	reflector->peers[0].established = true;
	reflector->peers[0].established_count = 1;
	fixture->server = start(fixture, reflector);
	if (fixture->server == NULL)
		fail_msg("%s", fixture->faults);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	mgmt_server_free(fixture->server);
	event_base_free(fixture->reflector.base);
	unlink(fixture->path);
	char *slash = strrchr(fixture->path, '/');
	*slash = '\0';
	rmdir(fixture->path);
	rmdir(fixture->folder);
	free(fixture->faults);
	free(fixture);
	return 0;
}

static void turn(struct fixture *fixture)
{
	event_base_loop(fixture->reflector.base, EVLOOP_NONBLOCK);
}

static int dial(struct fixture *fixture)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	strcpy(address.sun_path, fixture->path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static void say(int fd, const char *bytes, size_t len)
{
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
}

/* Reads what comes until the answers end `ends` times, or the server closes (then *closed). */
static void hear(struct fixture *fixture, int fd, unsigned ends, struct output *heard, bool *closed)
{
	char buffer[65536];
	unsigned seen = 0;
	*closed = false;
	for (unsigned idle = 0; idle < 20000 && seen < ends;) {
		turn(fixture);
		ssize_t n = recv(fd, buffer, sizeof buffer, 0);
		if (n == 0 || (n < 0 && errno == ECONNRESET)) {
			*closed = true;
			return;
		}
		if (n < 0) {
			idle++;
			usleep(100);
			continue;
		}
		idle = 0;
		output_add(heard, buffer, (size_t)n);
		seen = 0;
		/* "\nend " does not occur in the texts. */
		for (const char *at = heard->bytes; (at = strstr(at, "\nend ")) != NULL; at++)
			seen++;
		seen += strncmp(heard->bytes, "end ", 4) == 0;
	}
	assert_int_equal(seen, ends);
}

/*
 * Fills in the lengths of frames: an answer is written as "out\nBODYend 0\n", and a body ends where
 * "\nend " or the next frame's header begins.
 */
static void framed(const char *answer, struct output *frames)
{
	while (strncmp(answer, "end ", 4) != 0) {
		const char *body = strchr(answer, '\n') + 1;
		const char *end = strstr(body, "\nend ") + 1;
		output_printf(frames, "%.3s %zu\n%.*s", answer, (size_t)(end - body),
			(int)(end - body), body);
		answer = strchr(end, '\n') + 1;
		output_add(frames, end, (size_t)(answer - end));
		if (*answer == '\0')
			return;
	}
	output_puts(frames, answer);
}

static void assert_answer(const struct output *heard, const char *answer)
{
	struct output frames = { 0 };
	framed(answer, &frames);
	assert_string_equal(heard->bytes, frames.bytes);
	output_free(&frames);
}

static void ask(struct fixture *fixture, const char *request, const char *answer)
{
	struct output heard = { 0 };
	bool closed;
	int fd = dial(fixture);
	say(fd, request, strlen(request));
	hear(fixture, fd, 1, &heard, &closed);
	assert_answer(&heard, answer);
	close(fd);
	output_free(&heard);
}

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

static void test_journal(void **state)
{
	struct fixture *fixture = *state;
	struct journal_view journal = {
		.path = "/j.db",
		.status = { .file_size = 4096, .written_at = 1500000, .whole_at = 1500000 },
		.waiting_paths = 3,
		.restored_paths = 7,
		.restored_peers = 2,
	};
	ask(fixture, "text show journal\n",
		"err\nno journal is kept: the configuration has no journal section\nend 1\n");
	ask(fixture, "text show health\n", "out\nhealthy\nend 0\n");
	fixture->reflector.journal_view = &journal;
	ask(fixture, "text show health\n", "out\nhealthy\nend 0\n");
	ask(fixture, "json show health\n",
		"out\n{\"status\":\"healthy\",\"reasons\":[],\"notices\":[]}\nend 0\n");
	ask(fixture, "json show journal\n",
		"out\n{\"path\":\"/j.db\",\"status\":\"ok\",\"reason\":null,\"since\":null,"
		"\"failures\":0,\"batches\":0,\"rows\":0,\"batches-waiting\":0,"
		"\"waiting-paths\":3,\"waiting-history\":0,\"history-lost\":0,\"rows-lost\":0,"
		"\"written-at\":1.500000,\"whole-at\":1.500000,\"file-size\":4096,\"memory\":0,"
		"\"pruned\":0,\"moved-to\":null,\"restored-paths\":7,\"restored-peers\":2,"
		"\"longest-transaction-us\":0,\"longest-turn-us\":0,\"turns-us\":0}\nend 0\n");
	journal.status.degraded = true;
	journal.status.degraded_since = 2000001;
	strcpy(journal.status.reason, "disk full");
	ask(fixture, "text show health\n",
		"out\ndegraded\njournal: the journal cannot be written: disk full\nend 1\n");
	ask(fixture, "json show health\n",
		"out\n{\"status\":\"degraded\",\"reasons\":[{\"part\":\"journal\","
		"\"text\":\"the journal cannot be written: disk full\",\"since\":2.000001}],"
		"\"notices\":[]}\nend 1\n");
	/* What was mended is said, and does not make it unwell. */
	journal.status.degraded = false;
	journal.status.moved_at = 3000000;
	ask(fixture, "text show health\n",
		"out\nhealthy\njournal: the journal's file had been deleted\n"
		"end 0\n");
	strcpy(journal.status.moved_to, "/j.db.corrupt-20261122T031200");
	ask(fixture, "text show health\n",
		"out\nhealthy\njournal: what was found in the journal's place, damaged or none of "
		"ours, is now /j.db.corrupt-20261122T031200\nend 0\n");
	ask(fixture, "json show health\n",
		"out\n{\"status\":\"healthy\",\"reasons\":[],\"notices\":[{\"part\":"
		"\"journal\",\"text\":\"what was found in the journal's place, damaged or none of "
		"ours, is now /j.db.corrupt-20261122T031200\",\"since\":3.000000}]}\nend 0\n");
	fixture->reflector.journal_view = NULL;
}

/* Who did what stands in the audit trail, when it was done. */
static void test_audit(void **state)
{
	struct fixture *fixture = *state;
	struct passwd *user = getpwuid(getuid());
	char expected[128];
	ask(fixture, "text clear peer 10.9.9.9\n",
		"err\nno such peer 10.9.9.9: see show peers\nend 1\n");
	assert_string_equal(fixture->reflector.audit, "");
	ask(fixture, "text clear peer 10.1.0.1\n", "out\npeer 10.1.0.1: session reset\nend 0\n");
	snprintf(expected, sizeof expected, "%s, clear peer, 10.1.0.1 hard", user->pw_name);
	assert_string_equal(fixture->reflector.audit, expected);
	ask(fixture, "text shutdown for a while\n", "out\nheliostatd is shutting down\nend 0\n");
	snprintf(expected, sizeof expected, "%s, shutdown, for a while", user->pw_name);
	assert_string_equal(fixture->reflector.audit, expected);
}

static void test_clear(void **state)
{
	struct fixture *fixture = *state;
	struct fake_peer *peer = &fixture->reflector.peers[0];
	ask(fixture, "text clear peer 10.1.0.1\n", "out\npeer 10.1.0.1: session reset\nend 0\n");
	assert_int_equal(peer->cleared[CLEAR_HARD], 1);
	ask(fixture, "json clear peer 10.1.0.1 hard\n",
		"out\n{\"result\":\"done\",\"message\":\"peer 10.1.0.1: session reset\"}\nend 0\n");
	assert_int_equal(peer->cleared[CLEAR_HARD], 2);
	ask(fixture, "text clear peer 10.1.0.1 soft\n",
		"out\npeer 10.1.0.1: asked for its routes, sending ours again\nend 0\n");
	assert_int_equal(peer->cleared[CLEAR_SOFT_IN], 1);
	assert_int_equal(peer->cleared[CLEAR_SOFT_OUT], 1);
	peer->clear[CLEAR_SOFT_IN] = CLEAR_NO_ROUTE_REFRESH;
	ask(fixture, "text clear peer 10.1.0.1 soft\n",
		"err\npeer 10.1.0.1 has no route refresh (RFC 2918): its routes were not asked for "
		"again; ours "
		"were sent again\nend 1\n");
	assert_int_equal(peer->cleared[CLEAR_SOFT_OUT], 2);
	peer->clear[CLEAR_HARD] = CLEAR_NOT_ESTABLISHED;
	ask(fixture, "text clear peer 10.1.0.1\n",
		"err\npeer 10.1.0.1 is not Established: there is no session to clear\nend 1\n");
	ask(fixture, "text clear peer ::9\n", "err\nno such peer ::9: see show peers\nend 1\n");
}

static void test_shutdown(void **state)
{
	struct fixture *fixture = *state;
	char long_text[400] = "text shutdown ";
	memset(long_text + 14, 'x', 256);
	strcpy(long_text + 14 + 256, "\n");
	ask(fixture, long_text, "err\nfound a text of 256 bytes, expected at most 255\nend 1\n");
	ask(fixture, "text shutdown \xff\n",
		"err\nfound a text that is not printable UTF-8 (RFC 9003 section 2)\nend 1\n");
	assert_int_equal(fixture->reflector.shutdowns, 0);
	ask(fixture, "text shutdown new kernel\n", "out\nheliostatd is shutting down\nend 0\n");
	turn(fixture);
	assert_int_equal(fixture->reflector.shutdowns, 1);
	assert_string_equal(fixture->reflector.shutdown_text, "new kernel");

	/* Also when whoever asked did not wait for the answer. */
	int fd = dial(fixture);
	say(fd, "text shutdown\n", 14);
	close(fd);
	for (int i = 0; i < 10; i++)
		turn(fixture);
	assert_int_equal(fixture->reflector.shutdowns, 2);
	assert_string_equal(fixture->reflector.shutdown_text, "(none)");
}

/* What stands in the file now is what would be started with. */
static void test_restart(void **state)
{
	struct fixture *fixture = *state;
	char path[] = "/tmp/heliostat-test-XXXXXX", answer[256];
	int fd = mkstemp(path);
	char *was = fixture->reflector.config.file;

	assert_true(fd >= 0);
	fixture->reflector.config.file = path;
	assert_int_equal(write(fd, "router: {}\n", 11), 11);
	snprintf(answer, sizeof answer,
		"err\nnot restarted: the configuration is faulty: %s:1:9: found no key \"as\" in "
		"router, "
		"expected the AS number of this reflector\nend 1\n",
		path);
	ask(fixture, "text restart\n", answer);
	turn(fixture);
	assert_int_equal(fixture->reflector.restarts, 0);
	assert_int_equal(pwrite(fd, "router: { as: 1, id: 1.1.1.1 }\n", 31, 0), 31);
	ask(fixture, "text restart\n", "out\nheliostatd is restarting\nend 0\n");
	turn(fixture);
	assert_int_equal(fixture->reflector.restarts, 1);
	fixture->reflector.config.file = was;
	close(fd);
	unlink(path);
}

/*
 * Two of them before the answer of the first has left: the last one counts, once, and nothing is
 * lost of the other.
 */
static void test_shutdown_twice(void **state)
{
	struct fixture *fixture = *state;
	struct reflector *reflector = &fixture->reflector;
	static const char requests[] =
		"json show routes\ntext shutdown first\ntext shutdown second\n";
	char buffer[4096];
	reflector->routes = 60000;
	int fd = dial(fixture);
	say(fd, requests, sizeof requests - 1);
	for (int i = 0; i < 3000; i++)
		turn(fixture);
	/*
	 * The reader stands still. The walk is to end where it is, with much of its text still
	 * waiting.
	 */
	reflector->routes = (uint32_t)reflector->visited;
	uint64_t walks = reflector->walks;
	for (int i = 0; i < 100000 && reflector->walks == walks; i++) {
		(void)!recv(fd, buffer, sizeof buffer, 0);
		turn(fixture);
	}
	assert_true(reflector->walks > walks);
	for (int i = 0; i < 100; i++)
		turn(fixture);
	assert_int_equal(reflector->shutdowns, 0);
	close(fd);
	for (int i = 0; i < 100; i++)
		turn(fixture);
	assert_int_equal(reflector->shutdowns, 1);
	assert_string_equal(reflector->shutdown_text, "second");
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
	assert_null(start(fixture, &fixture->reflector));
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
	fixture->server = start(fixture, &fixture->reflector);
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
		cmocka_unit_test_setup_teardown(test_answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_help_example, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_requests_in_one_write, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_requests, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_walk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_big_paths, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reader_vanishes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_peer_vanishes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_route_json, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_route_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_documented_fields, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_journal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_audit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_clear, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_shutdown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_restart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_shutdown_twice, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_socket_file, set_up, tear_down),
	};
	/* As main.c does: libevent writes to sockets whose reader may be gone. */
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
