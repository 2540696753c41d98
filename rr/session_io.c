/*
 * The socket side of a session: reading messages, and writing control messages and the RIB's
 * output.
 */
#include "rr/session.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rr/closing.h"
#include "rr/peer.h"

#define IOVECS_MAX     64
#define WRITE_TURN_MAX (1024 * 1024)

void session_buffer_free(struct session_buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct session_buffer){ 0 };
}

/* Replaces the content. False when memory is short; the buffer is unchanged. */
static bool session_buffer_set(struct session_buffer *buffer, const uint8_t *bytes, size_t len)
{
	if (len == 0) {
		session_buffer_free(buffer);
		return true;
	}
	if (buffer->room < len) {
		uint8_t *room = malloc(len);

		if (room == NULL)
			return false;
		free(buffer->bytes);
		buffer->bytes = room;
		buffer->room = len;
	}
	memcpy(buffer->bytes, bytes, len);
	buffer->len = len;
	return true;
}

static bool session_buffer_append(struct session_buffer *buffer, const uint8_t *bytes, size_t len)
{
	if (len == 0) /* the end of a session without a NOTIFICATION */
		return true;
	if (buffer->room - buffer->len < len) {
		uint8_t *room = realloc(buffer->bytes, buffer->len + len);

		if (room == NULL)
			return false;
		buffer->bytes = room;
		buffer->room = buffer->len + len;
	}
	memcpy(buffer->bytes + buffer->len, bytes, len);
	buffer->len += len;
	return true;
}

static void connection_failed(struct session *session, int error)
{
	char text[128];

	if (error == 0)
		snprintf(text, sizeof text, "connection closed by the peer");
	else if (session->state <= FSM_ACTIVE)
		snprintf(text, sizeof text, "cannot connect: %s", strerror(error));
	else
		snprintf(text, sizeof text, "connection lost: %s", strerror(error));
	session_event(session, FSM_EVENT_TCP_FAILS, &(struct session_cause){ .text = text });
}

static void on_session_read(evutil_socket_t fd, short what, void *context)
{
	struct session *session = context;

	(void)fd;
	(void)what;
	session_read(session);
}

static void on_session_write(evutil_socket_t fd, short what, void *context)
{
	struct session *session = context;

	(void)what;
	session->blocked = false;
	if (session->state == FSM_CONNECT) {
		int error = 0;
		socklen_t len = sizeof error;

		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
			error = errno;
		if (error != 0) {
			connection_failed(session, error);
			return;
		}
		if (event_add(&session->read_event, NULL) < 0 ||
			!socket_local(fd, &session->local)) {
			connection_failed(session, ENOMEM);
			return;
		}
		session_event(session, FSM_EVENT_TCP_ACKED, NULL);
		return;
	}
	/* At the end of the turn, with all others, within the budget that they share. */
	session_set_ready(session);
	reflector_schedule(session->reflector);
}

bool session_attach(struct session *session, int fd, bool connecting)
{
	session->fd = fd;
	session->blocked = false;
	session->blocked_since = 0;
	event_assign(&session->read_event, session->reflector->base, fd, EV_READ | EV_PERSIST,
		on_session_read, session);
	event_assign(&session->write_event, session->reflector->base, fd, EV_WRITE,
		on_session_write, session);
	session->events_assigned = true;
	if (connecting)
		return event_add(&session->write_event, NULL) == 0;
	return event_add(&session->read_event, NULL) == 0 && socket_local(fd, &session->local);
}

/*
 * What closing connections may hold in all: beyond it a NOTIFICATION that is not at a boundary is
 * given up.
 */
#define CLOSING_BYTES_MAX (16 * 1024 * 1024)

/* Almost always it is one piece, which costs the kernel less by send than by a list of pieces. */
static ssize_t send_pieces(int fd, struct iovec *iov, int n)
{
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = (size_t)n };

	if (n == 1)
		return send(fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL);
	return sendmsg(fd, &message, MSG_NOSIGNAL);
}

/*
 * A NOTIFICATION amid another message would be noise to the peer. Writes what the socket still
 * takes; should that end amid a message again, the rest up to a boundary (rib/rib.h: an entry of
 * `iov` ends at one) is copied, to go out in front of the NOTIFICATION when the peer reads again.
 */
static bool reach_boundary(struct session *session)
{
	struct iovec iov[IOVECS_MAX];
	int n = 0;

	while (session->rib_peer != NULL && rib_peer_output_amid_message(session->rib_peer)) {
		ssize_t sent;

		n = rib_peer_output(session->rib_peer, iov, IOVECS_MAX);
		if (n == 0)
			return false;
		sent = send_pieces(session->fd, iov, n);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
			return false;
		if (sent < 0)
			break;
		rib_peer_output_sent(session->rib_peer, (size_t)sent);
	}
	if (session->rib_peer == NULL || !rib_peer_output_amid_message(session->rib_peer))
		return true;
	if (session->reflector->closing_bytes + iov[0].iov_len > CLOSING_BYTES_MAX)
		return false;
	/* KEEPALIVEs that wait behind the message have nothing left to say. */
	session_buffer_free(&session->control);
	if (!session_buffer_append(&session->control, iov[0].iov_base, iov[0].iov_len))
		return false;
	rib_peer_output_sent(session->rib_peer, iov[0].iov_len);
	return true;
}

bool session_detach(struct session *session, const uint8_t *notification, size_t len)
{
	int fd = session->fd;
	bool gentle;

	if (fd < 0)
		return false;
	/*
	 * Bytes of control output that are waiting go first: they are OPEN and KEEPALIVE, or the
	 * rest of one.
	 */
	gentle = notification != NULL && reach_boundary(session) &&
		 session_buffer_append(&session->control, notification, len);
	if (session->events_assigned) {
		event_del(&session->read_event);
		event_del(&session->write_event);
		session->events_assigned = false;
	}
	session->fd = -1;
	session->blocked = false;
	session->blocked_since = 0;
	session_clear_ready(session);
	if (gentle)
		closing_start(session->reflector, fd, session->control.bytes, session->control.len);
	else
		close(fd);
	session_buffer_free(&session->control);
	session_buffer_free(&session->tail);
	session->local = (struct ip_address){ 0 };
	session->remote_port = 0;
	return gentle;
}

/*
 * Takes the whole messages of `input`; returns how many bytes they were, or SIZE_MAX when the
 * session has ended.
 */
static size_t take_messages(struct session *session, struct span input)
{
	size_t taken = 0;

	while (taken < input.len) {
		struct span rest = { input.bytes + taken, input.len - taken };
		struct message message;
		struct bgp_error error;
		size_t consumed;

		switch (message_frame(rest,
			session->state >= FSM_OPEN_CONFIRM &&
				session->ours.capabilities.extended_message,
			&message, &consumed, &error)) {
		case FRAME_INCOMPLETE: return taken;
		case FRAME_BAD:
			session_event(session, FSM_EVENT_HEADER_ERROR,
				&(struct session_cause){ .error = &error });
			return SIZE_MAX;
		case FRAME_COMPLETE: break;
		}
		taken += consumed;
		if (!session_message(session, &message))
			return SIZE_MAX;
	}
	return taken;
}

size_t session_read(struct session *session)
{
	uint8_t *input = session->reflector->input;
	size_t kept = session->tail.len, taken;
	ssize_t n;

	if (session->fd < 0)
		return 0;
	if (kept > 0)
		memcpy(input, session->tail.bytes, kept);
	n = read(session->fd, input + kept, INPUT_READ_MAX);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return 0;
	if (n <= 0) {
		connection_failed(session, n < 0 ? errno : 0);
		return 0;
	}
	if (n == INPUT_READ_MAX)
		session->reflector->input_full = true;
	session->peer->bytes_received += (uint64_t)n;
	reflector_schedule(session->reflector);
	taken = take_messages(session, (struct span){ input, kept + (size_t)n });
	if (taken == SIZE_MAX)
		return (size_t)n;
	if (!session_buffer_set(&session->tail, input + taken, kept + (size_t)n - taken)) {
		struct bgp_error error;

		cease_set(&error, CEASE_OUT_OF_RESOURCES, NULL, "no memory for a partial message");
		session_event(session, FSM_EVENT_AUTOMATIC_STOP,
			&(struct session_cause){ .error = &error });
	}
	return (size_t)n;
}

void session_set_ready(struct session *session)
{
	if (session->ready || session->blocked || session->fd < 0)
		return;
	session->ready = true;
	TAILQ_INSERT_TAIL(&session->reflector->ready, session, link);
	session->reflector->n_ready++;
}

void session_clear_ready(struct session *session)
{
	if (!session->ready)
		return;
	session->ready = false;
	TAILQ_REMOVE(&session->reflector->ready, session, link);
	session->reflector->n_ready--;
}

static void note_sent(struct session *session, size_t sent)
{
	session->peer->bytes_sent += sent;
	session->blocked_since = 0;
}

/* False when nothing more can be written now. */
static bool note_stop(struct session *session, int error)
{
	if (error == EINTR)
		return true;
	/*
	 * A broken connection is the reading side's to report: what the peer said before it closed
	 * (a NOTIFICATION) may still be there to read. Should reading not notice, the send-hold
	 * timer does.
	 */
	session->blocked = true;
	if (error == EAGAIN || error == EWOULDBLOCK)
		(void)event_add(&session->write_event, NULL);
	if (session->blocked_since == 0)
		session->blocked_since = monotonic_us();
	return false;
}

/* False when nothing more can be written now. */
static bool write_control(struct session *session)
{
	struct session_buffer *control = &session->control;

	while (control->len > 0) {
		ssize_t n = write(session->fd, control->bytes, control->len);

		if (n < 0) {
			if (!note_stop(session, errno))
				return false;
			continue;
		}
		note_sent(session, (size_t)n);
		control->len -= (size_t)n;
		memmove(control->bytes, control->bytes + n, control->len);
	}
	session_buffer_free(control);
	return true;
}

void session_write(struct session *session)
{
	struct iovec iov[IOVECS_MAX];
	size_t turn = 0;

	if (session->fd < 0 || session->state < FSM_OPEN_SENT || session->blocked)
		return;
	for (;;) {
		ssize_t sent;
		int n;

		if (session->control.len > 0 &&
			(session->rib_peer == NULL ||
				!rib_peer_output_amid_message(session->rib_peer)) &&
			!write_control(session))
			return;
		n = session->rib_peer != NULL ? rib_peer_output(session->rib_peer, iov, IOVECS_MAX)
					      : 0;
		if (n == 0)
			return;
		if (turn >= WRITE_TURN_MAX) {
			session_set_ready(session);
			reflector_schedule(session->reflector);
			return;
		}
		sent = send_pieces(session->fd, iov, n);
		if (sent < 0) {
			if (!note_stop(session, errno))
				return;
			continue;
		}
		rib_peer_output_sent(session->rib_peer, (size_t)sent);
		note_sent(session, (size_t)sent);
		turn += (size_t)sent;
		/* RFC 4271 section 8.2.2: an UPDATE restarts the KeepaliveTimer. */
		if (session->keepalive_at != 0)
			session->keepalive_at = monotonic_us() +
						jittered(session->reflector,
							session->negotiated.keepalive_time *
								SECOND_US);
	}
}

void session_send(struct session *session, enum message_type type, const uint8_t *bytes, size_t len)
{
	if (session->fd < 0)
		return;
	if (!session_buffer_append(&session->control, bytes, len)) {
		/*
		 * Out of memory: reading reports the end, when no event of this session is being
		 * carried out.
		 */
		(void)shutdown(session->fd, SHUT_RDWR);
		return;
	}
	session->peer->messages_sent[type]++;
	session_write(session);
}
