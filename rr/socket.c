#include "rr/socket.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 4096

socklen_t socket_address_to(
	const struct ip_address *address, uint16_t port, struct sockaddr_storage *storage)
{
	memset(storage, 0, sizeof *storage);
	if (address->len == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)storage;

		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, address->bytes, 4);
		return sizeof *in;
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)storage;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, address->bytes, 16);
	return sizeof *in6;
}

bool socket_address_from(
	const struct sockaddr_storage *storage, struct ip_address *address, uint16_t *port)
{
	uint16_t wire_port;

	memset(address, 0, sizeof *address);
	if (storage->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)storage;

		address->len = 4;
		memcpy(address->bytes, &in->sin_addr, 4);
		wire_port = in->sin_port;
	} else if (storage->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)storage;

		wire_port = in6->sin6_port;
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			address->len = 4;
			memcpy(address->bytes, in6->sin6_addr.s6_addr + 12, 4);
		} else {
			address->len = 16;
			memcpy(address->bytes, &in6->sin6_addr, 16);
		}
	} else {
		return false;
	}
	if (port != NULL)
		*port = ntohs(wire_port);
	return true;
}

char *socket_address_format(const struct ip_address *address, uint16_t port, char *text)
{
	char plain[IP_ADDRESS_TEXT_MAX];

	ip_address_format(address, plain);
	snprintf(text, IP_ADDRESS_TEXT_MAX + 8, address->len == 16 ? "[%s]:%u" : "%s:%u", plain,
		port);
	return text;
}

bool socket_local(int fd, struct ip_address *local)
{
	struct sockaddr_storage storage;
	socklen_t len = sizeof storage;

	if (getsockname(fd, (struct sockaddr *)&storage, &len) < 0)
		return false;
	return socket_address_from(&storage, local, NULL);
}

void socket_prepare(int fd, uint8_t address_len)
{
	int on = 1, class = IPTOS_CLASS_CS6;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	/*
	 * An IPv4 connection of a dual-stack socket needs the IPv4 option; on a plain IPv6 one it
	 * fails and does not matter.
	 */
	(void)setsockopt(fd, IPPROTO_IP, IP_TOS, &class, sizeof class);
	if (address_len == 16)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof class);
}

static int close_keeping_errno(int fd)
{
	int error = errno;

	close(fd);
	errno = error;
	return -1;
}

int socket_listen(const struct ip_address *address, uint16_t port, bool only_ipv6)
{
	struct sockaddr_storage storage;
	socklen_t len = socket_address_to(address, port, &storage);
	int on = 1, v6only = only_ipv6;
	int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
		return close_keeping_errno(fd);
	if (address->len == 16 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only) < 0)
		return close_keeping_errno(fd);
	if (bind(fd, (struct sockaddr *)&storage, len) < 0 || listen(fd, BACKLOG) < 0)
		return close_keeping_errno(fd);
	return fd;
}

int socket_connect(const struct ip_address *address, uint16_t port, const struct ip_address *local)
{
	struct sockaddr_storage storage;
	int fd = socket(address->len == 4 ? AF_INET : AF_INET6,
		SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	socket_prepare(fd, address->len);
	if (local->len != 0) {
		socklen_t len = socket_address_to(local, 0, &storage);
		int on = 1;

		/*
		 * The kernel may choose the port as late as at connect: many peers share one source
		 * address.
		 */
		(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
		if (bind(fd, (struct sockaddr *)&storage, len) < 0)
			return close_keeping_errno(fd);
	}
	socklen_t len = socket_address_to(address, port, &storage);

	if (connect(fd, (struct sockaddr *)&storage, len) < 0 && errno != EINPROGRESS)
		return close_keeping_errno(fd);
	return fd;
}

static bool is_link_local(const struct ip_address *address)
{
	return address->len == 16 ? address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80
				  : address->bytes[0] == 169 && address->bytes[1] == 254;
}

static bool interface_address(const struct ifaddrs *entry, struct ip_address *address)
{
	struct sockaddr_storage storage;

	if (entry->ifa_addr == NULL)
		return false;
	memset(&storage, 0, sizeof storage);
	if (entry->ifa_addr->sa_family == AF_INET)
		memcpy(&storage, entry->ifa_addr, sizeof(struct sockaddr_in));
	else if (entry->ifa_addr->sa_family == AF_INET6)
		memcpy(&storage, entry->ifa_addr, sizeof(struct sockaddr_in6));
	else
		return false;
	return socket_address_from(&storage, address, NULL);
}

struct ip_address local_address_of_family(struct local_addresses *cache, uint64_t now,
	const struct ip_address *local, enum family family)
{
	struct ip_address found = { 0 }, address;
	const char *interface = NULL;

	if (local->len == family_address_len(family))
		return *local;
	if (cache->list == NULL || now - cache->at > 1000000) {
		local_addresses_free(cache);
		if (getifaddrs(&cache->list) < 0) {
			cache->list = NULL;
			return found;
		}
		cache->at = now;
	}
	for (const struct ifaddrs *entry = cache->list; entry != NULL; entry = entry->ifa_next) {
		if (interface_address(entry, &address) && ip_address_compare(&address, local) == 0)
			interface = entry->ifa_name;
	}
	if (interface == NULL)
		return found;
	for (const struct ifaddrs *entry = cache->list; entry != NULL; entry = entry->ifa_next) {
		if (strcmp(entry->ifa_name, interface) != 0 ||
			!interface_address(entry, &address) ||
			address.len != family_address_len(family))
			continue;
		if (!is_link_local(&address))
			return address;
		if (found.len == 0)
			found = address;
	}
	return found;
}

void local_addresses_free(struct local_addresses *cache)
{
	if (cache->list != NULL)
		freeifaddrs(cache->list);
	cache->list = NULL;
}
