/*
 * Connections on their way out: sends the last bytes (a NOTIFICATION) best effort, half-closes, and
 * reads until the peer closes too or a short time has passed, so that a RST does not take the
 * NOTIFICATION from the peer (RFC 4271 section 6 wants it delivered). Sessions hand their socket
 * over and are free at once; the reflector's tick ends it.
 */
#ifndef RR_CLOSING_H
#define RR_CLOSING_H

#include "rr/state.h"

/* Takes over `fd`, which is non-blocking, and copies `bytes`. Short of memory it closes at once. */
void closing_start(struct reflector *reflector, int fd, const uint8_t *bytes, size_t len);
/* Closes those whose time is over. */
void closing_tick(struct reflector *reflector, uint64_t now);
/* Closes all of them. */
void closing_end_all(struct reflector *reflector);

#endif
