/*
 * What the commands of the shell do to the daemon, and what they tell of its journal and health:
 * asked through a socket, since a shutdown ends when its answer is out.
 */
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rr/journal.h"
#include "tests/unit/mgmt_fixture.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_journal, server_begin, server_end),
		cmocka_unit_test_setup_teardown(test_audit, server_begin, server_end),
		cmocka_unit_test_setup_teardown(test_clear, server_begin, server_end),
		cmocka_unit_test_setup_teardown(test_shutdown, server_begin, server_end),
		cmocka_unit_test_setup_teardown(test_restart, server_begin, server_end),
		cmocka_unit_test_setup_teardown(test_shutdown_twice, server_begin, server_end),
	};
	/* As main.c does: libevent writes to sockets whose reader may be gone. */
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
