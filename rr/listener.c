#include "rr/listener.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rr/peer.h"

/*
 * As many connections as one wake-up takes, so that 5,000 that come at once do not keep the others
 * waiting.
 */
#define ACCEPT_MAX 256
#define PAUSE_US   (SECOND_US / 2)

struct listener {
	LIST_ENTRY(listener) link;
	struct reflector *reflector;
	struct event event;
	struct ip_address address;
	uint16_t port;
	bool only_ipv6;
	bool fresh;
	int fd;
	uint64_t resume_at; /* 0: it is accepting */
};

/*
 * Descriptors or memory ran out: nothing that trying again at once would help, and epoll would
 * report it again and again.
 */
static void listener_pause(struct listener *listener, int error)
{
	struct reflector *reflector = listener->reflector;
	char text[IP_ADDRESS_TEXT_MAX + 8];
	uint64_t now = monotonic_us(), suppressed;

	event_del(&listener->event);
	listener->resume_at = now + PAUSE_US;
	if (log_rate_allow(&reflector->accept_rate, now, &suppressed))
		log_line(&reflector->log, LOG_ERROR, "accept-failed", NULL,
			"cannot accept connections on %s: %s; waiting half a second (%" PRIu64
			" such lines suppressed)",
			socket_address_format(&listener->address, listener->port, text),
			strerror(error), suppressed);
}

static void on_listener_ready(evutil_socket_t fd, short what, void *context)
{
	struct listener *listener = context;

	(void)what;
	for (int i = 0; i < ACCEPT_MAX; i++) {
		struct sockaddr_storage from;
		socklen_t len = sizeof from;
		struct ip_address address;
		uint16_t port;
		int connection = accept4(
			fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (connection < 0) {
			if (errno == EAGAIN || errno == EWOULDBLOCK)
				return;
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
				errno == ENOMEM) {
				listener_pause(listener, errno);
				return;
			}
			/* The others concern that one connection alone (accept(2)). */
			continue;
		}
		if (!socket_address_from(&from, &address, &port)) {
			close(connection);
			continue;
		}
		peer_accept(listener->reflector, connection, &address, port);
	}
}

/*
 * "::" with "0.0.0.0" at the same port: the two share the port only when the first leaves IPv4
 * alone.
 */
static bool config_has_ipv4_any(const struct config *config, uint16_t port)
{
	static const struct ip_address any = { .len = 4 };

	for (size_t i = 0; i < config->n_listen; i++) {
		if (config->listen[i].port == port &&
			ip_address_compare(&config->listen[i].address, &any) == 0)
			return true;
	}
	return false;
}

static bool wants_only_ipv6(const struct config *config, const struct config_listen *listen)
{
	static const struct ip_address any = { .len = 16 };

	return listen->address.len == 16 && (ip_address_compare(&listen->address, &any) != 0 ||
						    config_has_ipv4_any(config, listen->port));
}

static bool listener_matches(const struct listener *listener, const struct config *config,
	const struct config_listen *listen)
{
	return listener->port == listen->port &&
	       ip_address_compare(&listener->address, &listen->address) == 0 &&
	       listener->only_ipv6 == wants_only_ipv6(config, listen);
}

static void listener_close(struct listener *listener)
{
	event_del(&listener->event);
	close(listener->fd);
	LIST_REMOVE(listener, link);
	free(listener);
}

static struct listener *listener_open(struct reflector *reflector, const struct config *config,
	const struct config_listen *listen)
{
	struct listener *listener = malloc(sizeof *listener);

	if (listener == NULL)
		return NULL;
	*listener = (struct listener){
		.reflector = reflector,
		.address = listen->address,
		.port = listen->port,
		.only_ipv6 = wants_only_ipv6(config, listen),
		.fresh = true,
	};
	listener->fd = socket_listen(&listen->address, listen->port, listener->only_ipv6);
	if (listener->fd < 0) {
		int error = errno;

		free(listener);
		errno = error;
		return NULL;
	}
	event_assign(&listener->event, reflector->base, listener->fd, EV_READ | EV_PERSIST,
		on_listener_ready, listener);
	LIST_INSERT_HEAD(&reflector->listeners, listener, link);
	if (event_add(&listener->event, NULL) < 0) {
		listener_close(listener);
		errno = ENOMEM;
		return NULL;
	}
	return listener;
}

static struct listener *listener_find(struct reflector *reflector, const struct config *config,
	const struct config_listen *listen)
{
	struct listener *listener;

	LIST_FOREACH(listener, &reflector->listeners, link)
	{
		if (listener_matches(listener, config, listen))
			return listener;
	}
	return NULL;
}

bool listeners_open(
	struct reflector *reflector, const struct config *config, char *fault, size_t fault_size)
{
	struct listener *listener, *next;
	char text[IP_ADDRESS_TEXT_MAX + 8];
	bool fine = true;

	for (size_t i = 0; i < config->n_listen && fine; i++) {
		const struct config_listen *listen = &config->listen[i];

		if (listener_find(reflector, config, listen) != NULL)
			continue;
		if (listener_open(reflector, config, listen) != NULL)
			continue;
		snprintf(fault, fault_size, "cannot listen on %s: %s%s",
			socket_address_format(&listen->address, listen->port, text),
			strerror(errno),
			errno == EACCES ? " (ports below 1024 need CAP_NET_BIND_SERVICE)" : "");
		fine = false;
	}
	for (listener = LIST_FIRST(&reflector->listeners); listener != NULL; listener = next) {
		next = LIST_NEXT(listener, link);
		if (!fine && listener->fresh)
			listener_close(listener);
		else
			listener->fresh = false;
	}
	return fine;
}

void listeners_prune(struct reflector *reflector, const struct config *config)
{
	struct listener *listener, *next;

	for (listener = LIST_FIRST(&reflector->listeners); listener != NULL; listener = next) {
		bool wanted = false;

		next = LIST_NEXT(listener, link);
		for (size_t i = 0; config != NULL && i < config->n_listen; i++)
			wanted |= listener_matches(listener, config, &config->listen[i]);
		if (!wanted)
			listener_close(listener);
	}
}

void listeners_tick(struct reflector *reflector, uint64_t now)
{
	struct listener *listener;

	LIST_FOREACH(listener, &reflector->listeners, link)
	{
		if (listener->resume_at == 0 || now < listener->resume_at)
			continue;
		if (event_add(&listener->event, NULL) == 0)
			listener->resume_at = 0;
	}
}
