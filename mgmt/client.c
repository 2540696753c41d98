#include "mgmt/client.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void client_begin(struct client *client, const char *path)
{
	client->path = path;
	client->fd = -1;
	client->interrupt = -1;
	client->at = client->len = 0;
}

void client_close(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	client->at = client->len = 0;
}

static bool unreachable(const struct client *client, int error, FILE *faults)
{
	fprintf(faults, "cannot reach heliostatd at %s: %s; %s\n", client->path, strerror(error),
		error == EACCES || error == EPERM ? "are you root or in the socket's group?"
						  : "is it running?");
	return false;
}

bool client_connect(struct client *client, FILE *faults)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (client->fd >= 0)
		return true;
	if (strlen(client->path) >= sizeof address.sun_path)
		return unreachable(client, ENAMETOOLONG, faults);
	strcpy(address.sun_path, client->path);
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0)
		return unreachable(client, errno, faults);
	if (connect(client->fd, (const struct sockaddr *)&address, sizeof address) != 0) {
		int error = errno;
		client_close(client);
		return unreachable(client, error, faults);
	}
	return true;
}

enum filled { FILLED, FILLED_NOT, FILLED_INTERRUPTED };

/* More bytes of the answer, when all read so far are used up. */
static enum filled fill(struct client *client)
{
	for (;;) {
		struct pollfd fds[2] = {
			{ .fd = client->fd, .events = POLLIN },
			{ .fd = client->interrupt, .events = POLLIN },
		};
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return FILLED_NOT;
		if (fds[1].revents != 0)
			return FILLED_INTERRUPTED;
		if (fds[0].revents == 0)
			continue;
		ssize_t n = recv(client->fd, client->buffer, sizeof client->buffer, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return FILLED_NOT;
		client->at = 0;
		client->len = (size_t)n;
		return FILLED;
	}
}

static bool send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static enum filled read_header(struct client *client, char header[MGMT_HEADER_MAX])
{
	for (size_t len = 0; len < MGMT_HEADER_MAX; len++) {
		if (client->at == client->len) {
			enum filled filled = fill(client);
			if (filled != FILLED)
				return filled;
		}
		header[len] = client->buffer[client->at++];
		if (header[len] == '\n') {
			header[len] = '\0';
			return FILLED;
		}
	}
	errno = EPROTO;
	return FILLED_NOT;
}

static enum filled pass_on(struct client *client, size_t left,
	void (*take)(void *context, const char *bytes, size_t len), void *context)
{
	while (left > 0) {
		if (client->at == client->len) {
			enum filled filled = fill(client);
			if (filled != FILLED)
				return filled;
		}
		size_t piece = client->len - client->at;
		if (piece > left)
			piece = left;
		take(context, client->buffer + client->at, piece);
		client->at += piece;
		left -= piece;
	}
	return FILLED;
}

/* The number behind the word of a header; false when it is none or above `most`. */
static bool header_number(const char *header, size_t most, size_t *number)
{
	char *end;
	if (header[0] < '0' || header[0] > '9')
		return false;
	errno = 0;
	uintmax_t value = strtoumax(header, &end, 10);
	if (errno != 0 || *end != '\0' || value > most)
		return false;
	*number = (size_t)value;
	return true;
}

/* Reads frames to the end of the answer. */
static enum filled read_answer(struct client *client, const struct client_sink *sink, int *status)
{
	for (;;) {
		char header[MGMT_HEADER_MAX];
		size_t number;
		enum filled filled = read_header(client, header);
		if (filled != FILLED)
			return filled;
		if (strncmp(header, "end ", 4) == 0 &&
			header_number(header + 4, MGMT_USAGE, &number)) {
			*status = (int)number;
			return FILLED;
		}
		bool err = strncmp(header, "err ", 4) == 0;
		if ((!err && strncmp(header, "out ", 4) != 0) ||
			!header_number(header + 4, MGMT_FRAME_MAX, &number)) {
			errno = EPROTO;
			return FILLED_NOT;
		}
		filled = pass_on(client, number, err ? sink->err : sink->out, sink->context);
		if (filled != FILLED)
			return filled;
	}
}

int client_request(struct client *client, const char *format, const char *command,
	const struct client_sink *sink, FILE *faults)
{
	char request[MGMT_REQUEST_MAX + 1];
	int len = snprintf(request, sizeof request, "%s %s\n", format, command);
	if (len < 0 || len > MGMT_REQUEST_MAX) {
		fprintf(faults, "found a command of %zu bytes, expected at most %zu\n",
			strlen(command), MGMT_REQUEST_MAX - strlen(format) - 2);
		return MGMT_USAGE;
	}
	/*
	 * A connection that was open may be from before a restart of the daemon: then a new one is
	 * worth a try.
	 */
	bool reused = client->fd >= 0;
	if (!client_connect(client, faults))
		return MGMT_UNREACHABLE;
	bool sent = send_all(client->fd, request, (size_t)len);
	if (!sent && reused) {
		client_close(client);
		if (!client_connect(client, faults))
			return MGMT_UNREACHABLE;
		sent = send_all(client->fd, request, (size_t)len);
	}
	int status = MGMT_FAILED;
	int error = sent ? 0 : errno;
	errno = 0;
	/* A server that has no place left says so and closes, maybe before the request is sent. */
	enum filled filled = sent || error == EPIPE || error == ECONNRESET
				     ? read_answer(client, sink, &status)
				     : FILLED_NOT;
	if (sent && filled == FILLED)
		return status;
	if (sent)
		error = errno;
	client_close(client);
	if (filled == FILLED)
		return status;
	if (filled == FILLED_INTERRUPTED)
		return CLIENT_INTERRUPTED;
	fprintf(faults,
		"the connection to heliostatd at %s was lost%s%s: the answer is incomplete\n",
		client->path, error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
	return MGMT_UNREACHABLE;
}
