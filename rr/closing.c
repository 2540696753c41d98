#include "rr/closing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLOSING_US (2 * SECOND_US)

struct closing {
	LIST_ENTRY(closing) link;
	struct reflector *reflector;
	struct event read_event;
	struct event write_event;
	uint64_t deadline;
	int fd;
	size_t len;
	size_t sent;
	uint8_t bytes[];
};

static void closing_end(struct closing *closing)
{
	event_del(&closing->read_event);
	event_del(&closing->write_event);
	close(closing->fd);
	LIST_REMOVE(closing, link);
	closing->reflector->closing_bytes -= closing->len;
	free(closing);
}

/* False when the connection is gone. */
static bool closing_send(struct closing *closing)
{
	while (closing->sent < closing->len) {
		ssize_t n = write(
			closing->fd, closing->bytes + closing->sent, closing->len - closing->sent);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return event_add(&closing->write_event, NULL) == 0;
		if (n < 0)
			return false;
		closing->sent += (size_t)n;
	}
	return shutdown(closing->fd, SHUT_WR) == 0;
}

static void on_closing_write(evutil_socket_t fd, short what, void *context)
{
	struct closing *closing = context;

	(void)fd;
	(void)what;
	if (!closing_send(closing))
		closing_end(closing);
}

static void on_closing_read(evutil_socket_t fd, short what, void *context)
{
	struct closing *closing = context;
	ssize_t n = read(fd, closing->reflector->input, INPUT_READ_MAX);

	(void)what;
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)))
		return;
	closing_end(closing);
}

void closing_start(struct reflector *reflector, int fd, const uint8_t *bytes, size_t len)
{
	struct closing *closing = malloc(sizeof *closing + len);

	if (closing == NULL) {
		close(fd);
		return;
	}
	*closing = (struct closing){
		.reflector = reflector,
		.deadline = monotonic_us() + CLOSING_US,
		.fd = fd,
		.len = len,
	};
	if (len > 0)
		memcpy(closing->bytes, bytes, len);
	event_assign(&closing->read_event, reflector->base, fd, EV_READ | EV_PERSIST,
		on_closing_read, closing);
	event_assign(
		&closing->write_event, reflector->base, fd, EV_WRITE, on_closing_write, closing);
	LIST_INSERT_HEAD(&reflector->closings, closing, link);
	reflector->closing_bytes += len;
	if (event_add(&closing->read_event, NULL) < 0 || !closing_send(closing))
		closing_end(closing);
}

void closing_tick(struct reflector *reflector, uint64_t now)
{
	struct closing *next;

	for (struct closing *closing = LIST_FIRST(&reflector->closings); closing != NULL;
		closing = next) {
		next = LIST_NEXT(closing, link);
		if (now >= closing->deadline)
			closing_end(closing);
	}
}

void closing_end_all(struct reflector *reflector)
{
	while (!LIST_EMPTY(&reflector->closings))
		closing_end(LIST_FIRST(&reflector->closings));
}
