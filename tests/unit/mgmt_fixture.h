/*
 * A management server on a socket of its own, before the reflector of mgmt_fake.c, and its client.
 * Everything happens in the caller's thread: the server has its turns while the client waits.
 */
#ifndef UNIT_MGMT_FIXTURE_H
#define UNIT_MGMT_FIXTURE_H

#include "tests/unit/unit.h"

#include "mgmt/output.h"
#include "mgmt/server.h"
#include "tests/unit/mgmt_fake.h"

struct fixture {
	char folder[64];
	char path[96];
	char *faults;
	size_t faults_len;
	struct reflector reflector;
	struct mgmt_server *server;
};

/* Of cmocka, with the fixture as state: two peers, the first Established. */
int server_begin(void **state);
int server_end(void **state);
/* Another server at the fixture's path; NULL with the reason in fixture->faults. */
struct mgmt_server *server_start(struct fixture *fixture, struct reflector *reflector);
void turn(struct fixture *fixture);

/* A connection, which does not block. */
int dial(struct fixture *fixture);
void say(int fd, const char *bytes, size_t len);
/* Reads what comes until the answers end `ends` times, or the server closes (then *closed). */
void hear(struct fixture *fixture, int fd, unsigned ends, struct output *heard, bool *closed);
/* What was heard is the answer, which is written without the lengths: "out\nBODYend 0\n". */
void assert_answer(const struct output *heard, const char *answer);
/* A connection, a request and its answer. */
void ask(struct fixture *fixture, const char *request, const char *answer);

#endif
