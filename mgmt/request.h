/*
 * One command while it runs: what a command's handler is given and what it leaves behind. Handlers
 * (show_*.c, clear.c ...) fill it, the server calls them and sends what they rendered. A handler
 * never waits, never touches the socket, and works for about 2 ms a call; one whose answer comes
 * from elsewhere returns and says what is to be waited for (request_wait).
 */
#ifndef MGMT_REQUEST_H
#define MGMT_REQUEST_H

#include <sys/types.h>

#include "mgmt/command.h"
#include "mgmt/output.h"
#include "rr/reflector.h"

/* A call of a handler ends when it has done one of these. */
#define SLICE_PATHS	   500
#define SLICE_BYTES	   (64 * 1024)
#define SLICE_MICROSECONDS 2000

struct request {
	struct reflector *reflector;
	const struct command_table *table;
	const struct command_line *line;
	bool json;
	uid_t uid; /* of whoever asks; -1: not known */
	struct output out; /* rendered in this call; the server sends and empties it after each */
	struct output fault; /* why the command failed, one line without a line feed */
	int status; /* enum mgmt_status */
	/*
	 * The handler's own between its calls; freed by the server through state_free when the
	 * command ends, however it ends.
	 */
	void *state;
	void (*state_free)(void *state);
	/*
	 * Set by request_wait, cleared by the server before each call: the descriptor that must be
	 * readable before the handler is called again.
	 */
	bool waiting;
	int wait_fd;
	/*
	 * Done by the server once the whole answer has left, or its reader is gone. Takes ownership
	 * of after_text.
	 */
	void (*after)(struct reflector *reflector, const char *text);
	char *after_text;
};

/* Monotonic, microseconds. */
uint64_t request_clock(void);
/* True while the slice that began at `started` may go on. */
bool request_may_go_on(const struct request *request, uint64_t started);
#define REQUEST_WHO_MAX 64
/* Who asks, for the audit trail: the name of the user, or "uid 1000". Returns `who`. */
const char *request_who(const struct request *request, char *who);
/*
 * There is nothing to do until `fd` is readable. A reader that goes away meanwhile ends the
 * command. Returns false, so that a handler can `return request_wait(...)`.
 */
bool request_wait(struct request *request, int fd);
/*
 * Ends the command as failed, with a line for people. Returns true, so that a handler can `return
 * request_fail(...)`.
 */
bool request_fail(struct request *request, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* As request_fail, for memory. */
bool request_no_memory(struct request *request);
/*
 * Allocates `size` zeroed bytes as request->state; NULL, with request_no_memory done, when memory
 * is short.
 */
void *request_state(struct request *request, size_t size, void (*state_free)(void *state));
/*
 * The answer of a command that only acts: the line, or {"result":"done","message":LINE}. Returns
 * true.
 */
bool request_done(struct request *request, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Frees what the request owns. */
void request_end(struct request *request);

#endif
