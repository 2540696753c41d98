/*
 * The management server: owns the Unix socket and the connections of shells to it, and runs their
 * commands a slice at a time, so that the event loop never waits for a reader and an answer of any
 * length takes bounded memory. main.c creates it; it reads and asks the reflector through
 * rr/reflector.h and decides nothing of the protocol itself.
 */
#ifndef MGMT_SERVER_H
#define MGMT_SERVER_H

#include <stdio.h>

#include "rr/reflector.h"

struct mgmt_server;

/*
 * Listens on the socket of the reflector's configuration: mode 0660, with its group if one is
 * configured; a missing parent directory is created, a socket that nobody listens on any more is
 * replaced. NULL when it cannot; then one clear line has been written to `faults`.
 */
struct mgmt_server *mgmt_server_new(struct reflector *reflector, FILE *faults);
/*
 * Closes all connections and removes the socket file, if it is still ours. Before reflector_free.
 * NULL is allowed.
 */
void mgmt_server_free(struct mgmt_server *server);

#endif
