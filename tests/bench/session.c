#include "tests/bench/session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/announce.h"
#include "tests/bench/probe.h"

#define OUT_SIZE	(192u << 10) /* of one speaker's buffer, while it has something to send */
#define READ_SIZE	(256u << 10)
#define READS_A_TURN	4
#define CONNECTS_A_TURN 256
#define PREFETCH_AHEAD	16

const char *speaker_state_name(enum speaker_state state)
{
	static const char *const names[SPEAKER_STATE_COUNT] = {
		"idle",
		"waiting",
		"listening",
		"connecting",
		"open-sent",
		"open-confirm",
		"established",
	};

	return names[state];
}

static socklen_t socket_address(
	struct sockaddr_storage *to, const struct ip_address *address, uint16_t port)
{
	memset(to, 0, sizeof(*to));
	if (address->len == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)to;

		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, address->bytes, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, address->bytes, 16);
	return sizeof(*in6);
}

static void set_state(struct bench *bench, struct speaker *speaker, enum speaker_state state)
{
	bench->waiting += (state == SPEAKER_WAITING) -
			  (uint32_t)(speaker->state == SPEAKER_WAITING);
	speaker->state = state;
}

static void poll_for(struct bench *bench, struct speaker *speaker, bool want_write, int operation)
{
	struct epoll_event event = { .data.ptr = &speaker->target };

	event.events = (speaker->paused ? 0u : EPOLLIN) | (want_write ? EPOLLOUT : 0u);
	speaker->want_write = want_write;
	(void)epoll_ctl(bench->epoll_fd, operation, speaker->fd, &event);
}

static void forget_adj_rib_in(struct speaker *speaker)
{
	free(speaker->adj_rib_in);
	speaker->adj_rib_in = NULL;
	speaker->adj_rib_in_len = 0;
	memset(speaker->received, 0, sizeof(speaker->received));
	speaker->end_of_rib = 0;
	speaker->fresh = 0;
}

static void drop_connection(struct speaker *speaker)
{
	if (speaker->fd >= 0)
		close(speaker->fd);
	speaker->fd = -1;
	free(speaker->partial);
	free(speaker->out);
	speaker->partial = speaker->out = NULL;
	speaker->partial_len = speaker->out_len = speaker->out_at = 0;
	speaker->want_write = false;
	speaker->end_of_rib_due = 0;
	forget_adj_rib_in(speaker);
}

void speaker_connect(struct bench *bench, struct speaker *speaker, uint64_t when)
{
	if (speaker->state != SPEAKER_IDLE && speaker->state != SPEAKER_WAITING)
		return;
	speaker->attempts = 0;
	speaker->connect_at = when;
	set_state(bench, speaker, SPEAKER_WAITING);
}

/* The session or the attempt ended without our doing. */
static void speaker_down(struct bench *bench, struct speaker *speaker, const char *why)
{
	bool was_established = speaker->state == SPEAKER_ESTABLISHED;

	drop_connection(speaker);
	if (was_established) {
		speaker->counters.down++;
		bench->log(bench, speaker, "down", why);
	} else if (speaker->attempts == 1) {
		bench->log(bench, speaker, "attempt-failed", why);
	}
	if (speaker->listen_fd >= 0) {
		set_state(bench, speaker, SPEAKER_LISTENING);
	} else if (was_established && !speaker->group->reconnect) {
		set_state(bench, speaker, SPEAKER_IDLE);
	} else {
		unsigned shift = speaker->attempts < 5 ? speaker->attempts : 5;

		speaker->connect_at = bench->now + ((100 * MILLISECOND) << shift) / 2;
		set_state(bench, speaker, SPEAKER_WAITING);
	}
}

static bool out_room(struct speaker *speaker)
{
	if (speaker->out == NULL) {
		speaker->out = malloc(OUT_SIZE);
		speaker->out_len = speaker->out_at = 0;
	}
	return speaker->out != NULL;
}

/* A writer behind the bytes that already wait. */
static struct writer out_writer(struct speaker *speaker)
{
	return writer_of(speaker->out + speaker->out_len, OUT_SIZE - speaker->out_len);
}

static void send_message(struct bench *bench, struct speaker *speaker, enum message_type type,
	void (*write)(struct writer *w, const void *argument), const void *argument)
{
	if (!out_room(speaker))
		return;
	struct writer w = out_writer(speaker);

	write(&w, argument);
	if (w.overflow)
		return;
	speaker->out_len += writer_len(&w);
	speaker->counters.messages_sent[type]++;
	speaker_flush(bench, speaker);
}

static void write_open(struct writer *w, const void *open)
{
	open_write(w, open);
}

static void write_keepalive(struct writer *w, const void *unused)
{
	(void)unused;
	keepalive_write(w);
}

static void write_notification(struct writer *w, const void *error)
{
	notification_write(w, error);
}

static void write_refresh(struct writer *w, const void *family)
{
	route_refresh_write(w, *(const enum family *)family, 0);
}

bool speaker_refresh(struct bench *bench, struct speaker *speaker, enum family family)
{
	if (speaker->state != SPEAKER_ESTABLISHED)
		return false;
	send_message(bench, speaker, MESSAGE_ROUTE_REFRESH, write_refresh, &family);
	return true;
}

/* The last message of a session: no route goes out behind it. */
static void send_notification(
	struct bench *bench, struct speaker *speaker, const struct bgp_error *error)
{
	speaker->pending_at = speaker->n_pending = 0;
	speaker->end_of_rib_due = 0;
	send_message(bench, speaker, MESSAGE_NOTIFICATION, write_notification, error);
}

/* Ends the session with a NOTIFICATION of our own. */
static void speaker_fail(
	struct bench *bench, struct speaker *speaker, const struct bgp_error *error)
{
	char name[96], why[BGP_ERROR_REASON_MAX + 128];

	send_notification(bench, speaker, error);
	snprintf(why, sizeof(why), "sent %s: %s",
		bgp_error_format(error->code, error->subcode, name, sizeof(name)), error->reason);
	speaker_down(bench, speaker, why);
}

void speaker_close(struct bench *bench, struct speaker *speaker, enum close_how how)
{
	if (speaker->listen_fd >= 0)
		close(speaker->listen_fd);
	speaker->listen_fd = -1;
	if (speaker->fd >= 0 && how == CLOSE_RESET) {
		struct linger linger = { .l_onoff = 1 };

		setsockopt(speaker->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	} else if (speaker->state >= SPEAKER_OPEN_SENT && how == CLOSE_NOTIFICATION) {
		struct bgp_error error = { 0 };

		cease_set(&error, CEASE_ADMIN_SHUTDOWN, NULL, "closed by the script");
		send_notification(bench, speaker, &error);
	}
	drop_connection(speaker);
	speaker->paused = false;
	set_state(bench, speaker, SPEAKER_IDLE);
}

void speaker_release(struct bench *bench, struct speaker *speaker)
{
	speaker_close(bench, speaker, CLOSE_FIN);
	speaker_routes_free(speaker);
}

void speaker_pause(struct bench *bench, struct speaker *speaker, bool paused)
{
	speaker->paused = paused;
	speaker->last_received = bench->now;
	if (speaker->fd >= 0)
		poll_for(bench, speaker, speaker->want_write, EPOLL_CTL_MOD);
}

/* Sends what is buffered. False: the socket takes no more for now (or the session is over). */
static bool send_buffered(struct bench *bench, struct speaker *speaker)
{
	while (speaker->out_at < speaker->out_len) {
		ssize_t n = send(speaker->fd, speaker->out + speaker->out_at,
			speaker->out_len - speaker->out_at, MSG_NOSIGNAL);

		if (n < 0) {
			/* An error is found again, with its reason, by the read that follows. */
			if (!speaker->want_write)
				poll_for(bench, speaker, true, EPOLL_CTL_MOD);
			return false;
		}
		speaker->out_at += (size_t)n;
		speaker->counters.bytes_sent += (uint64_t)n;
		speaker->last_sent = bench->now;
	}
	speaker->out_at = speaker->out_len = 0;
	return true;
}

void speaker_flush(struct bench *bench, struct speaker *speaker)
{
	if (speaker->fd < 0 || speaker->state < SPEAKER_OPEN_SENT)
		return;
	for (;;) {
		if (!send_buffered(bench, speaker))
			return;
		if (speaker->state != SPEAKER_ESTABLISHED || !speaker_has_pending(speaker))
			break;
		if (!out_room(speaker))
			return;
		struct writer w = out_writer(speaker);

		speaker_write_pending(speaker, bench->table, &w);
		speaker->out_len += writer_len(&w);
		bench->last_update = bench->now;
	}
	free(speaker->out);
	speaker->out = NULL;
	if (speaker->want_write)
		poll_for(bench, speaker, false, EPOLL_CTL_MOD);
}

static void send_open(struct bench *bench, struct speaker *speaker)
{
	const struct speaker_group *group = speaker->group;

	speaker->ours = (struct open){
		.version = 4,
		.as = group->as,
		.hold_time = group->hold_time,
		.bgp_id = speaker->bgp_id,
		.capabilities =
			{
				.multiprotocol = true,
				.families = group->families,
				.route_refresh = true,
				.extended_message = group->extended_message,
				.as4 = group->as4,
				.as4_number = group->as,
				.add_path_receive = group->add_path_receive,
				.add_path_send = group->add_path_send,
			},
	};
	speaker->last_received = bench->now;
	set_state(bench, speaker, SPEAKER_OPEN_SENT);
	send_message(bench, speaker, MESSAGE_OPEN, write_open, &speaker->ours);
}

static bool on_open(
	struct bench *bench, struct speaker *speaker, struct span body, struct bgp_error *error)
{
	struct open theirs;

	if (speaker->state != SPEAKER_OPEN_SENT)
		return bgp_error_set(error, ERROR_FSM, 0, NULL, 0, "OPEN found in state %s",
			speaker_state_name(speaker->state));
	if (!open_read(body, &theirs, error) ||
		!open_negotiate(&speaker->ours, &theirs, speaker->group->remote_as,
			&speaker->negotiated, error))
		return false;
	set_state(bench, speaker, SPEAKER_OPEN_CONFIRM);
	send_message(bench, speaker, MESSAGE_KEEPALIVE, write_keepalive, NULL);
	return true;
}

static bool on_keepalive(
	struct bench *bench, struct speaker *speaker, struct span body, struct bgp_error *error)
{
	(void)body;
	if (speaker->state == SPEAKER_OPEN_SENT)
		return bgp_error_set(error, ERROR_FSM, FSM_UNEXPECTED_IN_OPENSENT, NULL, 0,
			"KEEPALIVE found, OPEN expected");
	if (speaker->state != SPEAKER_OPEN_CONFIRM)
		return true;
	set_state(bench, speaker, SPEAKER_ESTABLISHED);
	speaker->attempts = 0;
	speaker->counters.established++;
	bench->last_established = bench->now;
	bench->log(bench, speaker, "established", "");
	if (!speaker_routes_due(speaker, bench->table, speaker->negotiated.families, true))
		return bgp_error_set(error, ERROR_CEASE, CEASE_OUT_OF_RESOURCES, NULL, 0,
			"no memory for the routes to send");
	speaker_flush(bench, speaker);
	return true;
}

static bool adj_rib_in_room(struct speaker *speaker, uint32_t slots)
{
	if (slots <= speaker->adj_rib_in_len)
		return true;
	uint32_t len = slots + slots / 8 + 256;
	uint32_t *bigger = realloc(speaker->adj_rib_in, len * sizeof(*bigger));

	if (bigger == NULL)
		return false;
	memset(bigger + speaker->adj_rib_in_len, 0,
		(len - speaker->adj_rib_in_len) * sizeof(*bigger));
	speaker->adj_rib_in = bigger;
	speaker->adj_rib_in_len = len;
	return true;
}

/*
 * RFC 4456 section 8: a router ignores a route with its own ORIGINATOR_ID. A reflector need not
 * send it one, and the group says whether the one under test may.
 */
static uint32_t set_to_keep(
	const struct bench *bench, const struct speaker *speaker, const struct change *change)
{
	if (change->set != 0 && speaker->group->ignore_own &&
		table_set_of(bench->table, change->set)->originator_id == speaker->bgp_id)
		return 0;
	return change->set;
}

static void apply(struct bench *bench, struct speaker *speaker, const struct decoded_update *update)
{
	for (uint32_t i = 0; i < update->n_changes; i++) {
		const struct change *change = &update->changes[i];
		uint32_t *entry = &speaker->adj_rib_in[change->slot];
		uint32_t set = set_to_keep(bench, speaker, change);

		/* Ten Adj-RIB-Ins of a million prefixes fit no cache. */
		if (update->n_changes - i > PREFETCH_AHEAD)
			__builtin_prefetch(&speaker->adj_rib_in[change[PREFETCH_AHEAD].slot], 1);
		if (change->set != 0)
			speaker->counters.announced++;
		else
			speaker->counters.withdrawn++;
		if (*entry == set) {
			if (set != 0)
				speaker->counters.same++;
			else
				speaker->counters.absent++;
			continue;
		}
		if (*entry == 0 || set == 0)
			speaker->received[change->family] += set != 0 ? 1u : UINT32_MAX;
		speaker->fresh += (set > bench->mark) - (uint32_t)(*entry > bench->mark);
		*entry = set;
		speaker->last_change = bench->now;
		if (bench->probe != NULL)
			probe_received(bench, change);
	}
}

static bool on_update(
	struct bench *bench, struct speaker *speaker, struct span body, struct bgp_error *error)
{
	const struct attribute_context context = {
		.external = speaker->negotiated.as != speaker->group->as,
		.as4 = speaker->negotiated.as4,
		.add_path_receive = speaker->negotiated.add_path_receive,
	};

	if (speaker->state != SPEAKER_ESTABLISHED)
		return bgp_error_set(error, ERROR_FSM, 0, NULL, 0, "UPDATE found in state %s",
			speaker_state_name(speaker->state));
	bench->last_update = bench->now;
	const struct decoded_update *update = table_decode(bench->table, body, &context, error);

	if (update == NULL) {
		speaker->counters.faults++;
		return false;
	}
	if (update->faulty) {
		speaker->counters.faults++;
		bench->log(bench, speaker, "faulty-update", update->reason);
	}
	if (update->end_of_rib)
		speaker->end_of_rib |= (uint8_t)FAMILY_BIT(update->end_of_rib_family);
	if (!adj_rib_in_room(speaker, table_slots(bench->table)))
		return bgp_error_set(error, ERROR_CEASE, CEASE_OUT_OF_RESOURCES, NULL, 0,
			"no memory for the Adj-RIB-In");
	apply(bench, speaker, update);
	return true;
}

static bool on_refresh(
	struct bench *bench, struct speaker *speaker, struct span body, struct bgp_error *error)
{
	struct route_refresh refresh;
	enum family family;

	if (!route_refresh_read(body, &refresh, error))
		return false;
	if (speaker->state != SPEAKER_ESTABLISHED || refresh.subtype != 0 ||
		!family_from_afi_safi(refresh.afi, refresh.safi, &family))
		return true;
	if (!speaker_routes_due(speaker, bench->table, (uint8_t)FAMILY_BIT(family), false))
		return bgp_error_set(error, ERROR_CEASE, CEASE_OUT_OF_RESOURCES, NULL, 0,
			"no memory for the routes to send");
	speaker_flush(bench, speaker);
	return true;
}

static bool on_notification(
	struct bench *bench, struct speaker *speaker, struct span body, struct bgp_error *error)
{
	struct notification notification;
	char name[96], why[512];

	(void)error;
	notification_read(body, &notification);
	snprintf(why, sizeof(why), "received %s%s%s",
		bgp_error_format(notification.code, notification.subcode, name, sizeof(name)),
		notification.shutdown_text[0] ? ": " : "", notification.shutdown_text);
	speaker_down(bench, speaker, why);
	return true;
}

static bool (*const on_message[])(
	struct bench *bench, struct speaker *speaker, struct span body, struct bgp_error *error) = {
	[MESSAGE_OPEN] = on_open,
	[MESSAGE_UPDATE] = on_update,
	[MESSAGE_NOTIFICATION] = on_notification,
	[MESSAGE_KEEPALIVE] = on_keepalive,
	[MESSAGE_ROUTE_REFRESH] = on_refresh,
};

/* Works off whole messages at the front of `input`; returns the bytes used. Stops when the session
 * ends. */
static size_t work_off(struct bench *bench, struct speaker *speaker, struct span input)
{
	size_t used = 0;

	while (speaker->fd >= 0) {
		struct bgp_error error = { 0 };
		struct message message;
		size_t consumed = 0;
		bool extended = speaker->state == SPEAKER_ESTABLISHED &&
				speaker->negotiated.extended_message;
		enum frame_result result = message_frame(
			(struct span){ input.bytes + used, input.len - used }, extended, &message,
			&consumed, &error);

		if (result == FRAME_INCOMPLETE)
			break;
		used += consumed;
		if (result == FRAME_COMPLETE) {
			speaker->counters.messages_received[message.type]++;
			if (on_message[message.type](bench, speaker, message.body, &error))
				continue;
		}
		speaker_fail(bench, speaker, &error);
	}
	return used;
}

/* One read. False when there is no more for now. */
static bool receive(struct bench *bench, struct speaker *speaker)
{
	size_t kept = speaker->partial_len;

	if (kept > 0)
		memcpy(bench->input, speaker->partial, kept);
	ssize_t n = recv(speaker->fd, bench->input + kept, READ_SIZE, 0);
	if (n <= 0) {
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return false;
		speaker_down(bench, speaker, n == 0 ? "closed by the peer" : strerror(errno));
		return false;
	}
	speaker->counters.bytes_received += (uint64_t)n;
	speaker->last_received = bench->now;

	size_t len = kept + (size_t)n;
	size_t used = work_off(bench, speaker, (struct span){ bench->input, len });
	if (speaker->fd < 0)
		return false;
	if (used == len) {
		free(speaker->partial);
		speaker->partial = NULL;
		speaker->partial_len = 0;
	} else {
		uint8_t *partial = realloc(speaker->partial, len - used);

		if (partial == NULL) {
			speaker_down(bench, speaker, "no memory for a partial message");
			return false;
		}
		memcpy(partial, bench->input + used, len - used);
		speaker->partial = partial;
		speaker->partial_len = len - used;
	}
	return n == READ_SIZE;
}

static void connection_ready(struct bench *bench, struct poll_target *target, uint32_t events)
{
	struct speaker *speaker = (struct speaker *)target; /* its first member */

	if (speaker->fd < 0)
		return;
	/* A turn of the loop may serve thousands of sockets; what is measured must not take the
	 * time of its begin. */
	bench->now = bench_clock();
	if (speaker->state == SPEAKER_CONNECTING) {
		int error = 0;
		socklen_t len = sizeof(error);

		getsockopt(speaker->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		if (error != 0) {
			speaker_down(bench, speaker, strerror(error));
			return;
		}
		if ((events & EPOLLOUT) == 0)
			return;
		poll_for(bench, speaker, false, EPOLL_CTL_MOD);
		send_open(bench, speaker);
		return;
	}
	if ((events & EPOLLOUT) != 0)
		speaker_flush(bench, speaker);
	if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) == 0)
		return;
	for (int i = 0; i < READS_A_TURN && speaker->fd >= 0; i++) {
		if (!receive(bench, speaker))
			return;
	}
}

/* A new connection of either direction. */
static void adopt(struct bench *bench, struct speaker *speaker, int fd, bool connecting)
{
	int on = 1;

	speaker->fd = fd;
	speaker->target.ready = connection_ready;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	poll_for(bench, speaker, connecting, EPOLL_CTL_ADD);
}

static void start_connecting(struct bench *bench, struct speaker *speaker)
{
	struct sockaddr_storage address;
	int on = 1;
	int fd = socket(speaker->local.len == 4 ? AF_INET : AF_INET6,
		SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	speaker->attempts++;
	if (bench->first_connect == 0)
		bench->first_connect = bench->now;
	if (fd < 0) {
		speaker_down(bench, speaker, strerror(errno));
		return;
	}
	/* Addresses of a local route (ip route add local) may be bound without being on an
	 * interface. */
	if (speaker->local.len == 4)
		setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
	else
		setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
	if (speaker->group->local_port != 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	else
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	socklen_t len = socket_address(&address, &speaker->local, speaker->group->local_port);
	if (bind(fd, (struct sockaddr *)&address, len) != 0) {
		int error = errno;

		close(fd);
		speaker_down(bench, speaker, strerror(error));
		return;
	}
	len = socket_address(&address, &speaker->group->target, speaker->group->target_port);
	if (connect(fd, (struct sockaddr *)&address, len) != 0 && errno != EINPROGRESS) {
		int error = errno;

		close(fd);
		speaker_down(bench, speaker, strerror(error));
		return;
	}
	set_state(bench, speaker, SPEAKER_CONNECTING);
	adopt(bench, speaker, fd, true);
}

static void listener_ready(struct bench *bench, struct poll_target *target, uint32_t events)
{
	struct speaker *speaker = (struct speaker *)((char *)target -
						     offsetof(struct speaker, listener));
	int fd = accept4(speaker->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		return;
	if (speaker->fd >= 0) {
		close(fd);
		return;
	}
	speaker->attempts++;
	adopt(bench, speaker, fd, false);
	send_open(bench, speaker);
}

bool speaker_listen(struct bench *bench, struct speaker *speaker, uint16_t port)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &speaker->listener };
	struct sockaddr_storage address;
	socklen_t len = socket_address(&address, &speaker->local, port);
	int on = 1;
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	speaker->listener.ready = listener_ready;
	if (bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 16) != 0 ||
		epoll_ctl(bench->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
		int error = errno;

		close(fd);
		errno = error;
		return false;
	}
	speaker->listen_fd = fd;
	set_state(bench, speaker, SPEAKER_LISTENING);
	return true;
}

static void tick(struct bench *bench, struct speaker *speaker, unsigned *connects)
{
	if (speaker->state == SPEAKER_WAITING) {
		if (speaker->connect_at > bench->now || *connects == 0)
			return;
		(*connects)--;
		start_connecting(bench, speaker);
		return;
	}
	if (speaker->state < SPEAKER_OPEN_SENT)
		return;
	/* RFC 4271 section 8.2.2: a large hold time (4 minutes) until the OPENs agree on one. */
	uint64_t hold = speaker->state == SPEAKER_OPEN_SENT ? 240 : speaker->negotiated.hold_time;

	if (hold == 0)
		return;
	if (!speaker->paused && bench->now > speaker->last_received + hold * SECOND) {
		struct bgp_error error = { 0 };

		bgp_error_set(&error, ERROR_HOLD_TIMER, 0, NULL, 0, "nothing received for %u s",
			(unsigned)hold);
		speaker_fail(bench, speaker, &error);
		return;
	}
	if (speaker->state >= SPEAKER_OPEN_CONFIRM && speaker->out_len == 0 &&
		bench->now >= speaker->last_sent + speaker->negotiated.keepalive_time * SECOND)
		send_message(bench, speaker, MESSAGE_KEEPALIVE, write_keepalive, NULL);
}

/* How many more of the group may begin to connect. */
static unsigned connects_allowed(const struct speaker_group *group, unsigned most)
{
	uint32_t under_way = 0;

	if (group->at_once == 0)
		return most;
	for (uint32_t i = 0; i < group->count; i++) {
		enum speaker_state state = group->speakers[i].state;

		under_way += state >= SPEAKER_CONNECTING && state < SPEAKER_ESTABLISHED;
	}
	if (under_way >= group->at_once)
		return 0;
	return group->at_once - under_way < most ? group->at_once - under_way : most;
}

void sessions_tick(struct bench *bench)
{
	unsigned connects = CONNECTS_A_TURN;

	for (struct speaker_group *group = bench->groups; group != NULL; group = group->next) {
		unsigned allowed = connects_allowed(group, connects), left = allowed;

		for (uint32_t i = 0; i < group->count; i++)
			tick(bench, &group->speakers[i], &left);
		connects -= allowed - left;
	}
}
