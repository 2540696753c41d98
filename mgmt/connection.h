/*
 * One connection of a shell to the management server: takes request lines off it, runs each command
 * a slice at a time as the socket drains, and frames the answers (mgmt/protocol.h). Owned by
 * server.c. It never holds more than about 256 KiB of output, and gives up on a reader that takes
 * nothing for a minute.
 */
#ifndef MGMT_CONNECTION_H
#define MGMT_CONNECTION_H

#include "rr/reflector.h"

struct connection;

/*
 * Takes over `fd`. `closed` is called when the connection has ended by itself, just before it is
 * freed. NULL when memory is short; `fd` is closed then.
 */
struct connection *connection_new(struct reflector *reflector, int fd,
	void (*closed)(void *context, struct connection *connection), void *context);
/* Ends it at once; `closed` is not called. */
void connection_free(struct connection *connection);

#endif
