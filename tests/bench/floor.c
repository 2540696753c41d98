/*
 * heliostat-floor: what the same bytes cost with no BGP behind them. It answers each OPEN with an
 * OPEN, puts every UPDATE that it receives into one log, and writes the log to everybody else, byte
 * by byte as it came: no attribute is looked at, no table kept. The benchmark runs it beside the
 * reflectors, to tell their cost from that of the machine. It stands alone and is no part of the
 * reflector.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER_LEN   19 /* RFC 4271 section 4.1 */
#define OPEN	     1
#define UPDATE	     2
#define NOTIFICATION 3
#define KEEPALIVE    4
#define BGP_ID_AT    24 /* in an OPEN, header included (RFC 4271 section 4.2) */
#define LOG_MAX	     (8ull << 30) /* of address space; memory is taken as it fills */
#define READ_SIZE    (256u << 10)
#define EVENTS	     4096

struct connection {
	int fd;
	bool open; /* its OPEN was answered */
	bool blocked; /* its socket takes no more for now */
	size_t cursor; /* in the log: what it was sent */
	size_t run; /* the run that the cursor is in */
	uint8_t *partial; /* of a message */
	size_t partial_len;
};

/* Bytes of the log that came from one connection. */
struct run {
	size_t end;
	const struct connection *source;
};

struct floor {
	int epoll_fd, listen_fd;
	uint8_t *log;
	size_t log_len;
	struct run *runs;
	size_t n_runs, max_runs;
	struct connection **connections;
	size_t n_connections, max_connections;
	uint8_t input[READ_SIZE + 65536];
};

static void fail(const char *what)
{
	fprintf(stderr, "heliostat-floor: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *grown(void *array, size_t used, size_t *max, size_t size)
{
	if (used < *max)
		return array;
	*max = *max ? *max * 2 : 64;
	array = realloc(array, *max * size);
	if (array == NULL)
		fail("no memory");
	return array;
}

static void log_add(
	struct floor *f, const struct connection *source, const uint8_t *bytes, size_t len)
{
	if (f->log_len + len > LOG_MAX) {
		errno = ENOSPC;
		fail("the log is full");
	}
	memcpy(f->log + f->log_len, bytes, len);
	f->log_len += len;
	if (f->n_runs == 0 || f->runs[f->n_runs - 1].source != source) {
		f->runs = grown(f->runs, f->n_runs, &f->max_runs, sizeof(*f->runs));
		f->runs[f->n_runs++].source = source;
	}
	f->runs[f->n_runs - 1].end = f->log_len;
}

static void watch(struct floor *f, struct connection *c, int operation)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	if (c->blocked)
		event.events |= EPOLLOUT;
	if (epoll_ctl(f->epoll_fd, operation, c->fd, &event) != 0)
		fail("epoll_ctl");
}

/* The memory of a closed connection stays: it names a source of the log. */
static void end(struct connection *c)
{
	close(c->fd);
	free(c->partial);
	c->fd = -1;
	c->partial = NULL;
	c->open = c->blocked = false;
}

/* Sends what is in the log for it, but for its own. */
static void pump(struct floor *f, struct connection *c)
{
	while (c->open && !c->blocked && c->cursor < f->log_len) {
		size_t to = c->cursor, run = c->run;

		for (; run < f->n_runs && f->runs[run].source != c; run++)
			to = f->runs[run].end;
		if (to == c->cursor) { /* its own */
			c->cursor = f->runs[c->run++].end;
			/* A run that grew while it was the last one goes on at its old end. */
			if (c->cursor == f->log_len)
				c->run--;
			continue;
		}
		ssize_t n = send(c->fd, f->log + c->cursor, to - c->cursor, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN) {
			end(c);
			return;
		}
		if (n < 0) {
			c->blocked = true;
			watch(f, c, EPOLL_CTL_MOD);
			return;
		}
		c->cursor += (size_t)n;
		while (c->run + 1 < f->n_runs && f->runs[c->run].end <= c->cursor)
			c->run++;
	}
}

static void answer_open(struct connection *c, const uint8_t *message, size_t len)
{
	uint8_t answer[4096 + HEADER_LEN];

	if (len > 4096 || len < BGP_ID_AT + 4)
		return;
	memcpy(answer, message, len);
	answer[BGP_ID_AT] ^= 0x80;
	memset(answer + len, 0xff, 16);
	memcpy(answer + len + 16, (uint8_t[]){ 0, HEADER_LEN, KEEPALIVE }, 3);
	c->open = send(c->fd, answer, len + HEADER_LEN, MSG_NOSIGNAL) ==
		  (ssize_t)(len + HEADER_LEN);
}

static void on_message(struct floor *f, struct connection *c, const uint8_t *message, size_t len)
{
	switch (message[18]) {
	case OPEN: answer_open(c, message, len); break;
	case UPDATE: log_add(f, c, message, len); break;
	case KEEPALIVE:
		/* In between of messages alone; while it is sent UPDATEs it needs no KEEPALIVE. */
		if (c->open && !c->blocked && c->cursor == f->log_len)
			(void)!send(c->fd, message, len, MSG_NOSIGNAL);
		break;
	default: break;
	}
}

static void receive(struct floor *f, struct connection *c)
{
	size_t kept = c->partial_len, at = 0;

	if (kept > 0)
		memcpy(f->input, c->partial, kept);
	ssize_t n = recv(c->fd, f->input + kept, READ_SIZE, 0);
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			end(c);
		return;
	}
	size_t len = kept + (size_t)n;
	while (len - at >= HEADER_LEN) {
		size_t message = (size_t)f->input[at + 16] << 8 | f->input[at + 17];

		if (message < HEADER_LEN || f->input[at + 18] == NOTIFICATION) {
			end(c);
			return;
		}
		if (len - at < message)
			break;
		on_message(f, c, f->input + at, message);
		at += message;
	}
	free(c->partial);
	c->partial = NULL;
	c->partial_len = len - at;
	if (c->partial_len == 0)
		return;
	c->partial = malloc(c->partial_len);
	if (c->partial == NULL)
		fail("no memory");
	memcpy(c->partial, f->input + at, c->partial_len);
}

static void accept_all(struct floor *f)
{
	int fd, on = 1;

	while ((fd = accept4(f->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct connection *c = calloc(1, sizeof(*c));

		if (c == NULL)
			fail("no memory");
		c->fd = fd;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		f->connections = grown(f->connections, f->n_connections, &f->max_connections,
			sizeof(struct connection *));
		f->connections[f->n_connections++] = c;
		watch(f, c, EPOLL_CTL_ADD);
	}
}

static void serve(struct floor *f)
{
	static struct epoll_event events[EVENTS];

	for (;;) {
		int n = epoll_wait(f->epoll_fd, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (c == NULL) {
				accept_all(f);
				continue;
			}
			if (c->blocked && (events[i].events & EPOLLOUT) != 0) {
				c->blocked = false;
				watch(f, c, EPOLL_CTL_MOD);
			}
			if (c->fd >= 0 && (events[i].events & ~(uint32_t)EPOLLOUT) != 0)
				receive(f, c);
		}
		for (size_t i = 0; i < f->n_connections; i++)
			pump(f, f->connections[i]);
	}
}

static void listen_at(struct floor *f, const char *address, const char *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	struct epoll_event event = { .events = EPOLLIN };
	int on = 1;

	f->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (inet_pton(AF_INET, address, &in.sin_addr) != 1) {
		errno = EINVAL;
		fail(address);
	}
	setsockopt(f->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (f->listen_fd < 0 || bind(f->listen_fd, (struct sockaddr *)&in, sizeof(in)) != 0 ||
		listen(f->listen_fd, EVENTS) != 0 ||
		epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, f->listen_fd, &event) != 0)
		fail(address);
}

int main(int argc, char **argv)
{
	struct floor *f = calloc(1, sizeof(*f));
	struct rlimit files;

	if (argc != 3) {
		fputs("Usage: heliostat-floor IPV4-ADDRESS PORT\n\n"
		      "Hands every BGP UPDATE on to all other connections, unread.\n",
			stderr);
		free(f);
		return 2;
	}
	if (f == NULL)
		fail("no memory");
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	f->log = mmap(NULL, LOG_MAX, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	f->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (f->log == MAP_FAILED || f->epoll_fd < 0)
		fail("cannot start");
	listen_at(f, argv[1], argv[2]);
	serve(f);
}
