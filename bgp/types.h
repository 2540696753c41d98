/*
 * The numbers and small value types that every part of Heliostat shares: address families,
 * addresses, prefixes, spans of bytes, message types. Everybody includes this; it owns no memory
 * and calls nobody.
 */
#ifndef BGP_TYPES_H
#define BGP_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* RFC 4760 address families that Heliostat reflects; also the index of per-family arrays. */
enum family {
	FAMILY_IPV4_UNICAST,
	FAMILY_IPV6_UNICAST,
	FAMILY_COUNT,
};

#define FAMILY_BIT(family) (1u << (family))
#define FAMILIES_ALL	   (FAMILY_BIT(FAMILY_COUNT) - 1)

#define AFI_IPV4     1
#define AFI_IPV6     2
#define SAFI_UNICAST 1

#define AS_TRANS 23456 /* RFC 6793 section 9 */

/* Addresses that a borrower may read and nobody may write: `bytes` stays owned by its owner. */
struct span {
	const uint8_t *bytes;
	size_t len;
};

/*
 * An IPv4 (len 4) or IPv6 (len 16) address; len 0 is "none". Unused bytes are zero, so memcmp
 * works.
 */
struct ip_address {
	uint8_t len;
	uint8_t bytes[16];
};

#define IP_ADDRESS_TEXT_MAX 46 /* INET6_ADDRSTRLEN */

/* Bits behind `length` are zero; bytes the family does not use are zero. */
struct prefix {
	uint8_t family; /* enum family */
	uint8_t length; /* in bits */
	uint8_t bytes[16];
};

#define PREFIX_TEXT_MAX (IP_ADDRESS_TEXT_MAX + 4)

/* False when the pair is not one that Heliostat reflects. */
bool family_from_afi_safi(uint16_t afi, uint8_t safi, enum family *family);
uint16_t family_afi(enum family family);
/* "ipv4-unicast", "ipv6-unicast": the names of the configuration. */
const char *family_name(enum family family);
bool family_from_name(const char *name, enum family *family);
/* Bytes of an address: 4 or 16. Asked for each route several times. */
static inline uint8_t family_address_len(enum family family)
{
	return family == FAMILY_IPV4_UNICAST ? 4 : family == FAMILY_IPV6_UNICAST ? 16 : 0;
}

/* 4 or 16 bytes. */
static inline void family_copy_address(enum family family, uint8_t *to, const uint8_t *from)
{
	if (family == FAMILY_IPV4_UNICAST)
		memcpy(to, from, 4);
	else
		memcpy(to, from, 16);
}

/* Dotted or RFC 5952 form. `text` holds IP_ADDRESS_TEXT_MAX bytes; returns `text`. */
char *ip_address_format(const struct ip_address *address, char *text);
/* Accepts exactly what inet_pton accepts. False, address untouched, otherwise. */
bool ip_address_parse(const char *text, struct ip_address *address);
/* IPv4 before IPv6, then numerically; <0, 0, >0. */
int ip_address_compare(const struct ip_address *a, const struct ip_address *b);

/* `text` holds PREFIX_TEXT_MAX bytes; returns `text`. */
char *prefix_format(const struct prefix *prefix, char *text);
/*
 * "10.0.0.0/8", or a bare address (a host prefix). Bits behind the length are refused unless
 * `mask` is true, in which case they are cleared.
 */
bool prefix_parse(const char *text, bool mask, struct prefix *prefix);
/* Clears the bits behind `length`. */
void prefix_mask(struct prefix *prefix);
/* True when `outer` covers `inner` (also when they are equal). */
bool prefix_covers(const struct prefix *outer, const struct prefix *inner);
bool prefix_equal(const struct prefix *a, const struct prefix *b);
/* By family, then address, then length: the order of a table walk. */
int prefix_compare(const struct prefix *a, const struct prefix *b);

/* A BGP Identifier in dotted form. `text` holds 16 bytes; returns `text`. */
char *bgp_id_format(uint32_t id, char *text);
bool bgp_id_parse(const char *text, uint32_t *id);

#endif
