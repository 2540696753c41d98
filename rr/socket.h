/*
 * TCP sockets as BGP wants them: addresses to and from sockaddr (IPv4-mapped IPv6 becomes IPv4),
 * options, connecting, listening, and which addresses this machine has. Listeners and sessions call
 * it; it keeps no state but the cache handed to it.
 */
#ifndef RR_SOCKET_H
#define RR_SOCKET_H

#include <sys/socket.h>

#include "bgp/types.h"

/* Returns the length of what it wrote to `storage`. */
socklen_t socket_address_to(
	const struct ip_address *address, uint16_t port, struct sockaddr_storage *storage);
/* False for a family that is not IP. `port` may be NULL. */
bool socket_address_from(
	const struct sockaddr_storage *storage, struct ip_address *address, uint16_t *port);
/* "192.0.2.1:179" or "[::]:179" into `text` of IP_ADDRESS_TEXT_MAX + 8 bytes; returns `text`. */
char *socket_address_format(const struct ip_address *address, uint16_t port, char *text);

/* Our end of a connection; false when the kernel no longer knows. */
bool socket_local(int fd, struct ip_address *local);

/*
 * No delay, Class Selector 6 (RFC 4271 section E.1: the precedence of routing). Failures do not
 * matter.
 */
void socket_prepare(int fd, uint8_t address_len);

/* A listening, non-blocking socket, or -1 with errno. "::" takes IPv4 too unless `only_ipv6`. */
int socket_listen(const struct ip_address *address, uint16_t port, bool only_ipv6);
/*
 * A non-blocking socket that is connecting (or connected), or -1 with errno. `local` is the source
 * address; len 0: the kernel's choice.
 */
int socket_connect(const struct ip_address *address, uint16_t port, const struct ip_address *local);

/* The addresses of this machine, read again when older than a second. Zero at first. */
struct local_addresses {
	struct ifaddrs *list;
	uint64_t at; /* monotonic microseconds */
};

/*
 * An address of `family` on the interface that has `local`, the global scope preferred; `local`
 * itself for its own family. len 0 when there is none.
 */
struct ip_address local_address_of_family(struct local_addresses *cache, uint64_t now,
	const struct ip_address *local, enum family family);
void local_addresses_free(struct local_addresses *cache);

#endif
