/*
 * The client's end of the management protocol (mgmt/protocol.h): connects, sends one request at a
 * time, hands the frames of the answer to whoever asked. Called by main_client.c and shell.c. It
 * never writes to the terminal and knows no command.
 */
#ifndef MGMT_CLIENT_H
#define MGMT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "mgmt/protocol.h"

struct client {
	const char *path;
	int fd; /* -1: not connected */
	int interrupt; /* descriptor that becomes readable when the user wants the answer to end
			  (signalfd); -1: none */
	char buffer[64 * 1024];
	size_t at;
	size_t len;
};

/* Where an answer goes. */
struct client_sink {
	void (*out)(void *context, const char *bytes, size_t len);
	void (*err)(void *context, const char *bytes, size_t len);
	void *context;
};

/* What client_request returns beside enum mgmt_status. */
#define CLIENT_INTERRUPTED 130

/* `path` is borrowed. Does not connect yet. */
void client_begin(struct client *client, const char *path);
/* False with one line in `faults` when nobody answers at the path. */
bool client_connect(struct client *client, FILE *faults);
/*
 * Sends one request (connecting first where it must) and reads its answer to the end. Returns the
 * daemon's status; MGMT_UNREACHABLE, with a line in `faults`, when there is none;
 * CLIENT_INTERRUPTED when the user broke it off. After the last two the connection is closed; the
 * next request opens another.
 */
int client_request(struct client *client, const char *format, const char *command,
	const struct client_sink *sink, FILE *faults);
void client_close(struct client *client);

#endif
