#include "rr/second_connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rr/closing.h"
#include "rr/peer.h"

#define OPEN_US (10 * SECOND_US) /* for the OPEN: whoever connects sends it at once */

struct second_connection {
	struct peer *peer;
	struct event event;
	uint64_t until;
	int fd;
	uint16_t port;
};

enum verdict { VERDICT_WAIT, VERDICT_TAKE, VERDICT_CLOSE };

/* Whether `input`, the first bytes of the connection, are an OPEN of the peer. */
static enum verdict judge(const struct peer *peer, struct span input)
{
	struct message message;
	struct bgp_error error;
	struct open open;
	size_t consumed;

	switch (message_frame(input, false, &message, &consumed, &error)) {
	case FRAME_INCOMPLETE: return VERDICT_WAIT;
	case FRAME_BAD: return VERDICT_CLOSE;
	case FRAME_COMPLETE: break;
	}
	if (message.type != MESSAGE_OPEN || !open_read(message.body, &open, &error) ||
		open.as != peer->group->as)
		return VERDICT_CLOSE;
	return VERDICT_TAKE;
}

static enum verdict look(const struct second_connection *second)
{
	uint8_t *input = second->peer->reflector->input;
	ssize_t n = recv(second->fd, input, BGP_MESSAGE_MAX, MSG_PEEK | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return VERDICT_WAIT;
	if (n <= 0)
		return VERDICT_CLOSE;
	return judge(second->peer, (struct span){ input, (size_t)n });
}

/* From here on it is a connection like any other. */
static void take(struct second_connection *second)
{
	struct peer *peer = second->peer;
	int fd = second->fd;
	uint16_t port = second->port;

	event_del(&second->event);
	peer->second = NULL;
	free(second);
	peer_take_connection(peer, fd, port);
}

void second_connection_refuse(struct peer *peer, int fd, const char *why)
{
	uint8_t bytes[BGP_HEADER_LEN + 2 + BGP_ERROR_DATA_MAX];
	struct writer w = writer_of(bytes, sizeof bytes);
	struct log_subject subject = peer_subject(peer);
	struct bgp_error error;

	cease_set(&error, CEASE_COLLISION, NULL, NULL);
	notification_write(&w, &error);
	closing_start(peer->reflector, fd, bytes, w.overflow ? 0 : writer_len(&w));
	log_line(&peer->reflector->log, LOG_DEBUG, "session-collision", &subject,
		"second connection refused: %s", why);
}

static void refuse(struct second_connection *second, const char *why)
{
	struct peer *peer = second->peer;
	int fd = second->fd;

	event_del(&second->event);
	peer->second = NULL;
	free(second);
	second_connection_refuse(peer, fd, why);
}

static void on_second_read(evutil_socket_t fd, short what, void *context)
{
	struct second_connection *second = context;

	(void)fd;
	(void)what;
	switch (look(second)) {
	/* The event is added again by the tick: the bytes that there are would wake us at once. */
	case VERDICT_WAIT: return;
	case VERDICT_TAKE: take(second); return;
	case VERDICT_CLOSE: refuse(second, "it has sent no OPEN of the peer"); return;
	}
}

void second_connection_begin(struct peer *peer, int fd, uint16_t port)
{
	struct second_connection *second = malloc(sizeof *second);

	second_connection_end(peer);
	if (second == NULL) {
		close(fd);
		return;
	}
	*second = (struct second_connection){
		.peer = peer,
		.until = monotonic_us() + OPEN_US,
		.fd = fd,
		.port = port,
	};
	event_assign(&second->event, peer->reflector->base, fd, EV_READ, on_second_read, second);
	peer->second = second;
	if (event_add(&second->event, NULL) < 0)
		second_connection_end(peer);
}

void second_connection_end(struct peer *peer)
{
	struct second_connection *second = peer->second;

	if (second == NULL)
		return;
	peer->second = NULL;
	event_del(&second->event);
	close(second->fd);
	free(second);
}

void second_connection_tick(struct peer *peer, uint64_t now)
{
	struct second_connection *second = peer->second;

	if (second == NULL)
		return;
	if (peer_established(peer) == NULL)
		take(second);
	else if (now >= second->until)
		refuse(second, "it has sent no OPEN in time");
	else
		(void)event_add(&second->event, NULL); /* if it failed: at the next tick */
}
