#include "mgmt/connection.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "mgmt/complete.h"
#include "mgmt/protocol.h"
#include "mgmt/show.h"

#define OUTPUT_HIGH	(128 * 1024) /* no slice is run while more than this waits to be sent */
#define OUTPUT_LOW	(64 * 1024) /* below this the next slice is */
#define INPUT_HIGH	(2 * MGMT_REQUEST_MAX)
#define STALLED_SECONDS 60

struct connection {
	struct reflector *reflector;
	struct bufferevent *bufferevent;
	struct event *more; /* the next slice, after other events had their turn */
	struct event *wait; /* what the command waits for; NULL: it waits for nothing */
	void (*closed)(void *context, struct connection *connection);
	void *context;
	uid_t uid; /* of the other end; -1: not known */
	bool running; /* `request` is under way */
	bool ended; /* the client sends no more: close when all is answered */
	bool broken; /* memory was short for a frame: close */
	/* Of the last command, once its answer has left. */
	void (*after)(struct reflector *reflector, const char *text);
	char *after_text;
	struct request request;
	struct command_line line;
};

static struct evbuffer *output_of(struct connection *connection)
{
	return bufferevent_get_output(connection->bufferevent);
}

static void send_frame(
	struct connection *connection, const char *kind, const char *bytes, size_t len)
{
	struct evbuffer *to = output_of(connection);
	/*
	 * A prefix with thousands of paths is rendered in one go: its text may take several frames.
	 */
	for (size_t at = 0; at < len;) {
		size_t piece = len - at < MGMT_FRAME_MAX ? len - at : MGMT_FRAME_MAX;
		if (evbuffer_add_printf(to, "%s %zu\n", kind, piece) < 0 ||
			evbuffer_add(to, bytes + at, piece) != 0) {
			connection->broken = true;
			return;
		}
		at += piece;
	}
}

static void send_end(struct connection *connection, int status)
{
	if (evbuffer_add_printf(output_of(connection), "end %d\n", status) < 0)
		connection->broken = true;
}

/* An answer that is one message for people. */
static void send_fault(struct connection *connection, struct output *fault, int status)
{
	static const char memory[] = "heliostatd is out of memory\n";
	output_puts(fault, "\n");
	if (fault->failed)
		send_frame(connection, "err", memory, sizeof memory - 1);
	else
		send_frame(connection, "err", fault->bytes, fault->len);
	send_end(connection, status);
}

static void carry_out_after(struct connection *connection)
{
	void (*after)(struct reflector * reflector, const char *text) = connection->after;
	if (after == NULL)
		return;
	connection->after = NULL;
	after(connection->reflector, connection->after_text);
	free(connection->after_text);
	connection->after_text = NULL;
}

static void stop_waiting(struct connection *connection)
{
	if (connection->wait != NULL)
		event_free(connection->wait);
	connection->wait = NULL;
}

void connection_free(struct connection *connection)
{
	/* Before the command closes the descriptor. */
	stop_waiting(connection);
	request_end(&connection->request);
	free(connection->request.after_text);
	free(connection->after_text);
	if (connection->more != NULL)
		event_free(connection->more);
	if (connection->bufferevent != NULL)
		bufferevent_free(connection->bufferevent);
	free(connection);
}

/* The connection ended by itself. What a command left to be done is done still. */
static void close_connection(struct connection *connection)
{
	connection->closed(connection->context, connection);
	carry_out_after(connection);
	connection_free(connection);
}

static void finish_request(struct connection *connection)
{
	struct request *request = &connection->request;
	/* A command that failed by what it says has said it. */
	if (request->status != MGMT_OK && (request->fault.len > 0 || request->fault.failed))
		send_fault(connection, &request->fault, request->status);
	else
		send_end(connection, request->status);
	if (request->after != NULL) {
		free(connection->after_text); /* of a command before, whose answer has not left yet
					       */
		connection->after = request->after;
		connection->after_text = request->after_text;
		request->after_text = NULL;
	}
	request_end(request);
	free(request->after_text);
	*request = (struct request){ 0 };
	connection->running = false;
}

/*
 * True when the client has closed both directions: nobody will read the answer. A client that has
 * closed its sending side alone still does.
 */
static bool hung_up(const struct connection *connection)
{
	struct pollfd pollfd = { .fd = bufferevent_getfd(connection->bufferevent) };
	return poll(&pollfd, 1, 0) > 0 && (pollfd.revents & (POLLHUP | POLLERR)) != 0;
}

static void pump(struct connection *connection);

static void wait_over(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	struct connection *connection = context;
	if (hung_up(connection)) {
		close_connection(connection);
	} else if (what & EV_READ) {
		stop_waiting(connection);
		pump(connection);
	}
}

/*
 * What the command waits for may be long in coming, so a client that goes is looked for every
 * second: one that has said its last word before is not told of by an event.
 */
static bool start_waiting(struct connection *connection)
{
	static const struct timeval look = { 1, 0 };
	connection->wait = event_new(reflector_event_base(connection->reflector),
		connection->request.wait_fd, EV_READ | EV_PERSIST, wait_over, connection);
	return connection->wait != NULL && event_add(connection->wait, &look) == 0;
}

/* One slice of the command that runs. */
static void run_slice(struct connection *connection)
{
	struct request *request = &connection->request;
	request->waiting = false;
	bool done = connection->line.command->run(request);
	if (request->out.failed)
		done = request_no_memory(request);
	else
		send_frame(connection, "out", request->out.bytes, request->out.len);
	output_clear(&request->out);
	if (!done && request->waiting && !start_waiting(connection))
		done = request_no_memory(request);
	if (done) {
		stop_waiting(connection);
		finish_request(connection);
	}
}

static void start_command(struct connection *connection, const char *line, bool json)
{
	struct request *request = &connection->request;
	struct output fault = { 0 };
	if (!command_parse(mgmt_commands(), line, &connection->line, &fault)) {
		send_fault(connection, &fault, MGMT_USAGE);
		output_free(&fault);
		return;
	}
	*request = (struct request){
		.reflector = connection->reflector,
		.table = mgmt_commands(),
		.line = &connection->line,
		.json = json,
		.uid = connection->uid,
	};
	connection->running = true;
}

static void answer_completion(struct connection *connection, const char *line)
{
	struct output words = { 0 };
	complete(connection->reflector, mgmt_commands(), line, &words);
	if (words.failed) {
		send_fault(connection, &words, MGMT_FAILED);
	} else {
		send_frame(connection, "out", words.bytes, words.len);
		send_end(connection, MGMT_OK);
	}
	output_free(&words);
}

static void refuse(struct connection *connection, const char *text)
{
	struct output fault = { 0 };
	output_puts(&fault, text);
	send_fault(connection, &fault, MGMT_USAGE);
	output_free(&fault);
}

/* FORMAT SP COMMAND, without the line feed. */
static void start_request(struct connection *connection, char *line, size_t len)
{
	if (memchr(line, '\0', len) != NULL) {
		refuse(connection, "found a NUL byte in the request, expected a line of text");
		return;
	}
	if (len > 0 && line[len - 1] == '\r')
		line[len - 1] = '\0';
	char *command = strchr(line, ' ');
	if (command != NULL)
		*command++ = '\0';
	else
		command = line + strlen(line);
	if (strcmp(line, MGMT_FORMAT_TEXT) == 0)
		start_command(connection, command, false);
	else if (strcmp(line, MGMT_FORMAT_JSON) == 0)
		start_command(connection, command, true);
	else if (strcmp(line, MGMT_FORMAT_COMPLETE) == 0)
		answer_completion(connection, command);
	else
		refuse(connection,
			"found an unknown format at the beginning of the request, expected text, "
			"json or complete");
}

/* Takes one request line off the input. False when there is none yet. */
static bool take_request(struct connection *connection)
{
	struct evbuffer *input = bufferevent_get_input(connection->bufferevent);
	struct evbuffer_ptr end = evbuffer_search(input, "\n", 1, NULL);
	size_t held = evbuffer_get_length(input);
	if (end.pos >= MGMT_REQUEST_MAX || (end.pos < 0 && held >= MGMT_REQUEST_MAX)) {
		/* Where the next request begins cannot be told: this one is the last. */
		refuse(connection, "found a request of more than 4096 bytes");
		evbuffer_drain(input, held);
		bufferevent_disable(connection->bufferevent, EV_READ);
		connection->ended = true;
		return false;
	}
	if (end.pos < 0)
		return false;
	char line[MGMT_REQUEST_MAX + 1];
	size_t len = (size_t)end.pos;
	evbuffer_remove(input, line, len + 1);
	line[len] = '\0';
	start_request(connection, line, len);
	return true;
}

/*
 * Does what can be done now: one request or one slice, then other events have their turn. May free
 * the connection.
 */
static void pump(struct connection *connection)
{
	size_t waiting = evbuffer_get_length(output_of(connection));
	bool worked = false;
	if (waiting == 0 && !connection->running)
		carry_out_after(connection);
	if (waiting < OUTPUT_HIGH && connection->wait == NULL) {
		worked = connection->running || take_request(connection);
		if (connection->running)
			run_slice(connection);
	}
	if (connection->broken || (connection->ended && !worked && !connection->running &&
					  evbuffer_get_length(output_of(connection)) == 0)) {
		close_connection(connection);
		return;
	}
	static const struct timeval soon = { 0, 0 };
	if (worked && connection->wait == NULL)
		event_add(connection->more, &soon);
}

static void more_callback(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	pump(context);
}

static void readable(struct bufferevent *bufferevent, void *context)
{
	(void)bufferevent;
	pump(context);
}

static void drained(struct bufferevent *bufferevent, void *context)
{
	(void)bufferevent;
	pump(context);
}

static void happened(struct bufferevent *bufferevent, short what, void *context)
{
	(void)bufferevent;
	struct connection *connection = context;
	if ((what & BEV_EVENT_EOF) && (what & BEV_EVENT_READING)) {
		/* Only its sending side may be closed: what it asked is answered. */
		connection->ended = true;
		if (connection->wait != NULL && hung_up(connection))
			close_connection(connection);
		else
			pump(connection);
	} else {
		/* An error, or nothing was taken for STALLED_SECONDS. */
		close_connection(connection);
	}
}

static uid_t uid_of(int fd)
{
	struct ucred credentials;
	socklen_t size = sizeof credentials;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
		return (uid_t)-1;
	return credentials.uid;
}

struct connection *connection_new(struct reflector *reflector, int fd,
	void (*closed)(void *context, struct connection *connection), void *context)
{
	struct event_base *base = reflector_event_base(reflector);
	struct connection *connection = calloc(1, sizeof *connection);
	if (connection == NULL) {
		close(fd);
		return NULL;
	}
	*connection = (struct connection){
		.reflector = reflector, .uid = uid_of(fd), .closed = closed, .context = context
	};
	connection->bufferevent = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (connection->bufferevent == NULL) {
		close(fd);
		connection_free(connection);
		return NULL;
	}
	static const struct timeval stalled = { STALLED_SECONDS, 0 };
	connection->more = event_new(base, -1, 0, more_callback, connection);
	bufferevent_setcb(connection->bufferevent, readable, drained, happened, connection);
	bufferevent_setwatermark(connection->bufferevent, EV_READ, 0, INPUT_HIGH);
	bufferevent_setwatermark(connection->bufferevent, EV_WRITE, OUTPUT_LOW, 0);
	if (connection->more == NULL ||
		bufferevent_set_timeouts(connection->bufferevent, NULL, &stalled) != 0 ||
		bufferevent_enable(connection->bufferevent, EV_READ | EV_WRITE) != 0) {
		connection_free(connection);
		return NULL;
	}
	return connection;
}
