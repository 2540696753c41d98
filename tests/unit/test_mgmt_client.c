/*
 * mgmt/client.h, words.h, shell.h: the client against the management server, which runs in a
 * process of its own with the reflector of mgmt_fake.c; and against servers that answer nonsense.
 */
#include "tests/unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <event2/event.h>

#include "mgmt/server.h"
#include "mgmt/shell.h"
#include "mgmt/words.h"
#include "tests/unit/mgmt_fake.h"

struct fixture {
	char folder[64];
	char path[96];
	pid_t daemon;
	FILE *faults;
	char *faults_text;
	size_t faults_len;
	struct shell shell;
	struct output out;
	struct output err;
};

/* The daemon's process: ends when its parent does. */
static void serve(const char *path)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	static struct reflector reflector;
	static char text[] = "router: { as: 64512 }\n", file[] = "test.yaml", group[] = "nodes";
	reflector.config = (struct config){
		.file = file, .text = text, .as = 64512, .socket_path = strdup(path)
	};
	reflector.group.name = group;
	reflector.base = event_base_new();
	reflector.routes = 20000;
	reflector.n_peers = 2;
	ip_address_parse("10.1.0.1", &reflector.peers[0].address);
	ip_address_parse("10.1.0.12", &reflector.peers[1].address);
	if (reflector.base == NULL || mgmt_server_new(&reflector, stderr) == NULL)
		_exit(1);
	event_base_dispatch(reflector.base);
	_exit(0);
}

static void start_daemon(struct fixture *fixture)
{
	fixture->daemon = fork();
	assert_true(fixture->daemon >= 0);
	if (fixture->daemon == 0)
		serve(fixture->path);
	/* Up once it answers. */
	FILE *nowhere = fopen("/dev/null", "w");
	assert_non_null(nowhere);
	bool up = false;
	for (int i = 0; i < 2000 && !up; i++) {
		struct client probe;
		client_begin(&probe, fixture->path);
		up = client_connect(&probe, nowhere);
		client_close(&probe);
		usleep(up ? 0 : 5000);
	}
	fclose(nowhere);
	assert_true(up);
}

static void stop_daemon(struct fixture *fixture)
{
	if (fixture->daemon <= 0)
		return;
	kill(fixture->daemon, SIGKILL);
	waitpid(fixture->daemon, NULL, 0);
	fixture->daemon = 0;
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	assert_non_null(fixture);
	strcpy(fixture->folder, "/tmp/heliostat-test-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	snprintf(fixture->path, sizeof fixture->path, "%s/h.sock", fixture->folder);
	fixture->faults = open_memstream(&fixture->faults_text, &fixture->faults_len);
	assert_non_null(fixture->faults);
	client_begin(&fixture->shell.client, fixture->path);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	stop_daemon(fixture);
	client_close(&fixture->shell.client);
	fclose(fixture->faults);
	free(fixture->faults_text);
	output_free(&fixture->out);
	output_free(&fixture->err);
	unlink(fixture->path);
	rmdir(fixture->folder);
	free(fixture);
	return 0;
}

static void take_out(void *context, const char *bytes, size_t len)
{
	struct fixture *fixture = context;
	output_add(&fixture->out, bytes, len);
}

static void take_err(void *context, const char *bytes, size_t len)
{
	struct fixture *fixture = context;
	output_add(&fixture->err, bytes, len);
}

static int request(struct fixture *fixture, const char *format, const char *command)
{
	struct client_sink sink = { take_out, take_err, fixture };
	output_clear(&fixture->out);
	output_clear(&fixture->err);
	rewind(fixture->faults);
	int status = client_request(
		&fixture->shell.client, format, command, &sink, fixture->faults);
	fputc('\0', fixture->faults);
	fflush(fixture->faults);
	return status;
}

static void test_requests(void **state)
{
	struct fixture *fixture = *state;
	start_daemon(fixture);
	assert_int_equal(request(fixture, "text", "show config"), MGMT_OK);
	assert_string_equal(fixture->out.bytes, "router: { as: 64512 }\n");
	assert_int_equal(request(fixture, "text", "show peers ::9"), MGMT_FAILED);
	assert_int_equal(fixture->out.len, 0);
	assert_string_equal(fixture->err.bytes, "no such peer ::9: see show peers\n");
	assert_int_equal(request(fixture, "text", "nonsense"), MGMT_USAGE);

	/* Many frames, on the same connection; cut anywhere, they join without a seam. */
	assert_int_equal(request(fixture, "json", "show routes"), MGMT_OK);
	assert_true(fixture->out.len > 1000000);
	size_t lines = 0;
	for (size_t i = 0; i < fixture->out.len; i++)
		lines += fixture->out.bytes[i] == '\n';
	assert_int_equal(lines, 20000 + 2);
	assert_memory_equal(fixture->out.bytes, "{\"routes\":[\n{\"prefix\":\"10.0.0.0/32\"", 35);
	assert_string_equal(fixture->out.bytes + fixture->out.len - 4, "\n]}\n");

	char line[MGMT_REQUEST_MAX + 10];
	memset(line, 'x', sizeof line - 1);
	line[sizeof line - 1] = '\0';
	assert_int_equal(request(fixture, "text", line), MGMT_USAGE);
	assert_string_equal(
		fixture->faults_text, "found a command of 4105 bytes, expected at most 4090\n");
}

static void test_unreachable(void **state)
{
	struct fixture *fixture = *state;
	char expected[256];
	assert_int_equal(request(fixture, "text", "show config"), MGMT_UNREACHABLE);
	snprintf(expected, sizeof expected,
		"cannot reach heliostatd at %s: No such file or directory; is it running?\n",
		fixture->path);
	assert_string_equal(fixture->faults_text, expected);

	/* A daemon that was restarted between two commands of a prompt is found again. */
	start_daemon(fixture);
	assert_int_equal(request(fixture, "text", "show config"), MGMT_OK);
	stop_daemon(fixture);
	start_daemon(fixture);
	assert_int_equal(request(fixture, "text", "show config"), MGMT_OK);
	stop_daemon(fixture);
	assert_int_equal(request(fixture, "text", "show config"), MGMT_UNREACHABLE);
}

/*
 * The server has no place left: its word about that arrives, whether it closes before the request
 * is sent or behind it.
 */
static void test_turned_away(void **state)
{
	struct fixture *fixture = *state;
	struct client held[80];
	size_t n = 0;
	start_daemon(fixture);
	/* Until all places are taken, those too that connections of before give up only now. */
	while (request(fixture, "text", "show config") == MGMT_OK) {
		assert_true(n < 80);
		held[n++] = fixture->shell.client;
		client_begin(&fixture->shell.client, fixture->path);
	}
	assert_true(n >= 64);
	client_close(&fixture->shell.client);
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(request(fixture, "text", "show config"), MGMT_FAILED);
		assert_string_equal(fixture->err.bytes,
			"too many management connections, at most 64 are served\n");
		client_close(&fixture->shell.client);
	}
	while (n > 0)
		client_close(&held[--n]);
}

/* A server that says `answer` and closes. */
static void say_once(struct fixture *fixture, const char *answer)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	strcpy(address.sun_path, fixture->path);
	unlink(fixture->path);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(listener, 1), 0);
	fixture->daemon = fork();
	assert_true(fixture->daemon >= 0);
	if (fixture->daemon == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int fd = accept(listener, NULL, NULL);
		char request_line[64];
		ssize_t got = recv(fd, request_line, sizeof request_line, 0);
		_exit(got > 0 && send(fd, answer, strlen(answer), MSG_NOSIGNAL) > 0 ? 0 : 1);
	}
	close(listener);
}

static void test_nonsense(void **state)
{
	static const char *const answers[] = {
		"220 mail.example.org ESMTP\r\n",
		"out 99999999999999999999\nx",
		"out 16777217\nx",
		"out -1\n",
		"out \n",
		"out 4x\nabcd",
		"out 10\nshort",
		"end 3\n",
		"end\n",
		"out 000000000000000000000000000000000000000000000001\nxend 0\n",
		"err 5\nabcd\n",
	};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		say_once(fixture, answers[i]);
		int status = request(fixture, "text", "show config");
		int child = 0;
		waitpid(fixture->daemon, &child, 0);
		fixture->daemon = 0;
		assert_int_equal(child, 0);
		if (status != MGMT_UNREACHABLE)
			fail_msg("answer %zu: status %d", i, status);
		assert_non_null(strstr(fixture->faults_text, "was lost"));
	}
	say_once(fixture, "out 3\nabcerr 2\nx\nend 1\n");
	assert_int_equal(request(fixture, "text", "show config"), MGMT_FAILED);
	assert_string_equal(fixture->out.bytes, "abc");
	assert_string_equal(fixture->err.bytes, "x\n");
}

static void test_words(void **state)
{
	static const struct {
		const char *line;
		const char *begun;
		const char *more;
		bool only;
	} rows[] = {
		{ "show sum", "sum", "mary", true },
		{ "s", "s", "h", false },
		{ "sh", "sh", "", false },
		{ "show", "show", "", true },
		{ "show peers ", "", "10.1.0.1", false },
		{ "show peers 10.1.0.12", "10.1.0.12", "", true },
		{ "show routes l", "l", "", false }, /* may be a prefix for all that is known */
		{ "show routes family ", "", "ipv", false },
		{ "show nothing", "nothing", "", false },
	};
	struct fixture *fixture = *state;
	start_daemon(fixture);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct word_list words;
		const char *more;
		bool only;
		assert_int_equal(
			words_fetch(&words, &fixture->shell.client, rows[i].line, stderr), MGMT_OK);
		size_t len = words_common(&words, rows[i].begun, &more, &only);
		if (len != strlen(rows[i].more) || strncmp(more, rows[i].more, len) != 0 ||
			only != rows[i].only)
			fail_msg("\"%s\": found \"%.*s\" (%d)", rows[i].line, (int)len, more, only);
		words_free(&words);
	}
}

static int script(struct fixture *fixture, const char *lines)
{
	FILE *input = fmemopen((void *)(uintptr_t)lines, strlen(lines), "r");
	assert_non_null(input);
	fixture->shell.left = false;
	int status = shell_script(&fixture->shell, input);
	fclose(input);
	return status;
}

static void test_script(void **state)
{
	struct fixture *fixture = *state;
	start_daemon(fixture);
	assert_int_equal(script(fixture, ""), MGMT_OK);
	assert_int_equal(script(fixture, "\n  \n# a comment\nshow config\n"), MGMT_OK);
	assert_int_equal(
		script(fixture, "show config | json\nshow config|json\nshow con ?"), MGMT_OK);
	assert_int_equal(script(fixture, "show peers ::9\nshow config\n"), MGMT_FAILED);
	assert_int_equal(script(fixture, "nonsense\nshow peers ::9\n"), MGMT_USAGE);
	assert_int_equal(script(fixture, "show config | grep x\n"), MGMT_USAGE);
	assert_int_equal(script(fixture, "exit\nnonsense\n"), MGMT_OK);
	assert_true(fixture->shell.left);
	assert_int_equal(script(fixture, "quit"), MGMT_OK);
	stop_daemon(fixture);
	assert_int_equal(script(fixture, "show config\nshow config\n"), MGMT_UNREACHABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_requests, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unreachable, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_turned_away, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nonsense, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_words, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_script, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
