/*
 * A second connection of a peer whose session is Established with Graceful Restart: it may be the
 * peer that has restarted, and then it ends that session (RFC 4724 section 4.2, "the subsequent
 * open connection"). But anybody behind the peer's address can connect: a probe of the port, a pod
 * whose address the node translates. So it is tracked until it sends an OPEN that could be the
 * peer's, as RFC 4271 section 8.2.2 has it for all others; nothing is sent on it, and it takes no
 * byte. peer.c begins it and ticks it.
 */
#ifndef RR_SECOND_CONNECTION_H
#define RR_SECOND_CONNECTION_H

#include <stdint.h>

struct peer;
struct second_connection;

/* Closes `fd` with Cease/Connection Collision Resolution (RFC 4271 section 6.8). */
void second_connection_refuse(struct peer *peer, int fd, const char *why);
/* Takes over `fd`, in place of the one before. Without memory it is closed. */
void second_connection_begin(struct peer *peer, int fd, uint16_t port);
/* Closes it, if there is one. */
void second_connection_end(struct peer *peer);
/* It goes when its time is over, and is the peer's connection when the session is. */
void second_connection_tick(struct peer *peer, uint64_t now);

#endif
