#include "tests/unit/mgmt_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <event2/event.h>

struct mgmt_server *server_start(struct fixture *fixture, struct reflector *reflector)
{
	free(fixture->faults);
	fixture->faults = NULL;
	FILE *faults = open_memstream(&fixture->faults, &fixture->faults_len);
	assert_non_null(faults);
	struct mgmt_server *server = mgmt_server_new(reflector, faults);
	fclose(faults);
	return server;
}

int server_begin(void **state)
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
	fixture->server = server_start(fixture, reflector);
	if (fixture->server == NULL)
		fail_msg("%s", fixture->faults);
	*state = fixture;
	return 0;
}

int server_end(void **state)
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

void turn(struct fixture *fixture)
{
	event_base_loop(fixture->reflector.base, EVLOOP_NONBLOCK);
}

int dial(struct fixture *fixture)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	strcpy(address.sun_path, fixture->path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

void say(int fd, const char *bytes, size_t len)
{
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
}

void hear(struct fixture *fixture, int fd, unsigned ends, struct output *heard, bool *closed)
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

void assert_answer(const struct output *heard, const char *answer)
{
	struct output frames = { 0 };
	framed(answer, &frames);
	assert_string_equal(heard->bytes, frames.bytes);
	output_free(&frames);
}

void ask(struct fixture *fixture, const char *request, const char *answer)
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
