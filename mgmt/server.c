#include "mgmt/server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "mgmt/connection.h"
#include "mgmt/protocol.h"
#include "mgmt/socket.h"

#define CONNECTIONS_MAX 64

struct mgmt_server {
	struct reflector *reflector;
	struct management_socket socket;
	struct evconnlistener *listener; /* owns socket.fd */
	struct event *resume; /* accepts again after descriptors had run out */
	struct connection *connections[CONNECTIONS_MAX];
};

static void connection_closed(void *context, struct connection *connection)
{
	struct mgmt_server *server = context;
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		if (server->connections[i] == connection)
			server->connections[i] = NULL;
	}
}

/* As much as can be said to a client for which there is no place. */
static void turn_away(evutil_socket_t fd)
{
	static const char message[] = "too many management connections, at most 64 are served\n";
	char answer[128];
	int len = snprintf(answer, sizeof answer, "err %zu\n%send %d\n", sizeof message - 1,
		message, MGMT_FAILED);
	(void)!send(fd, answer, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static void accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
	int address_len, void *context)
{
	(void)listener;
	(void)address;
	(void)address_len;
	struct mgmt_server *server = context;
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		if (server->connections[i] == NULL) {
			server->connections[i] = connection_new(
				server->reflector, fd, connection_closed, server);
			return;
		}
	}
	turn_away(fd);
}

/* No descriptor or no memory left: accepting again at once would only spin. */
static void accept_failed(struct evconnlistener *listener, void *context)
{
	struct mgmt_server *server = context;
	static const struct timeval pause = { 1, 0 };
	evconnlistener_disable(listener);
	event_add(server->resume, &pause);
}

static void resume_callback(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	struct mgmt_server *server = context;
	evconnlistener_enable(server->listener);
}

struct mgmt_server *mgmt_server_new(struct reflector *reflector, FILE *faults)
{
	struct mgmt_server *server = calloc(1, sizeof *server);
	if (server == NULL) {
		fprintf(faults, "management socket: no memory\n");
		return NULL;
	}
	server->reflector = reflector;
	const struct config *config = reflector_config(reflector);
	if (!management_socket_open(
		    &server->socket, config->socket_path, config->socket_group, faults)) {
		free(server);
		return NULL;
	}
	struct event_base *base = reflector_event_base(reflector);
	server->resume = event_new(base, -1, 0, resume_callback, server);
	if (server->resume != NULL)
		server->listener = evconnlistener_new(base, accepted, server,
			LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, server->socket.fd);
	if (server->listener == NULL) {
		fprintf(faults, "management socket %s: no memory\n", server->socket.path);
		close(server->socket.fd);
		mgmt_server_free(server);
		return NULL;
	}
	evconnlistener_set_error_cb(server->listener, accept_failed);
	return server;
}

void mgmt_server_free(struct mgmt_server *server)
{
	if (server == NULL)
		return;
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		if (server->connections[i] != NULL)
			connection_free(server->connections[i]);
	}
	if (server->listener != NULL)
		evconnlistener_free(server->listener);
	if (server->resume != NULL)
		event_free(server->resume);
	management_socket_remove(&server->socket);
	free(server);
}
