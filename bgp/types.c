/*
 * Families, addresses, prefixes and BGP Identifiers: their text forms, order and arithmetic.
 */
#include "bgp/types.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* Indexed by enum family. */
static const struct {
	const char *name;
	uint16_t afi;
	uint8_t safi;
} families[FAMILY_COUNT] = {
	[FAMILY_IPV4_UNICAST] = { "ipv4-unicast", AFI_IPV4, SAFI_UNICAST },
	[FAMILY_IPV6_UNICAST] = { "ipv6-unicast", AFI_IPV6, SAFI_UNICAST },
};

bool family_from_afi_safi(uint16_t afi, uint8_t safi, enum family *family)
{
	for (unsigned i = 0; i < FAMILY_COUNT; i++) {
		if (families[i].afi == afi && families[i].safi == safi) {
			*family = (enum family)i;
			return true;
		}
	}
	return false;
}

uint16_t family_afi(enum family family)
{
	return (unsigned)family < FAMILY_COUNT ? families[family].afi : 0;
}

const char *family_name(enum family family)
{
	return (unsigned)family < FAMILY_COUNT ? families[family].name : "unknown";
}

bool family_from_name(const char *name, enum family *family)
{
	for (unsigned i = 0; i < FAMILY_COUNT; i++) {
		if (strcmp(families[i].name, name) == 0) {
			*family = (enum family)i;
			return true;
		}
	}
	return false;
}

/* `len` is 4 or 16. */
static void bytes_format(const uint8_t *bytes, unsigned len, char *text)
{
	/* inet_ntop fails only for an unknown family or too small a buffer; neither can be here. */
	if (!inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, text, IP_ADDRESS_TEXT_MAX))
		text[0] = '\0';
}

char *ip_address_format(const struct ip_address *address, char *text)
{
	if (address->len == 4 || address->len == 16)
		bytes_format(address->bytes, address->len, text);
	else
		memcpy(text, "none", sizeof "none");
	return text;
}

bool ip_address_parse(const char *text, struct ip_address *address)
{
	struct ip_address parsed = { 0 };

	if (inet_pton(AF_INET, text, parsed.bytes) == 1)
		parsed.len = 4;
	else if (inet_pton(AF_INET6, text, parsed.bytes) == 1)
		parsed.len = 16;
	else
		return false;
	*address = parsed;
	return true;
}

int ip_address_compare(const struct ip_address *a, const struct ip_address *b)
{
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

char *prefix_format(const struct prefix *prefix, char *text)
{
	bytes_format(prefix->bytes, prefix->family == FAMILY_IPV4_UNICAST ? 4 : 16, text);
	size_t used = strlen(text);
	snprintf(text + used, PREFIX_TEXT_MAX - used, "/%u", prefix->length);
	return text;
}

/* One to three decimal digits, no sign, no leading zero, at most `max`. */
static bool prefix_length_parse(const char *text, unsigned max, uint8_t *length)
{
	unsigned value = 0;
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 3 || text[digits] != '\0' || (digits > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (unsigned)(text[i] - '0');
	if (value > max)
		return false;
	*length = (uint8_t)value;
	return true;
}

bool prefix_parse(const char *text, bool mask, struct prefix *prefix)
{
	char address_text[IP_ADDRESS_TEXT_MAX];
	struct ip_address address;
	const char *slash = strchrnul(text, '/');
	size_t len = (size_t)(slash - text);

	if (len >= sizeof address_text)
		return false;
	memcpy(address_text, text, len);
	address_text[len] = '\0';
	if (!ip_address_parse(address_text, &address))
		return false;

	struct prefix parsed = {
		.family = address.len == 4 ? FAMILY_IPV4_UNICAST : FAMILY_IPV6_UNICAST,
		.length = (uint8_t)(address.len * 8),
	};
	memcpy(parsed.bytes, address.bytes, sizeof parsed.bytes);
	if (*slash == '/' && !prefix_length_parse(slash + 1, parsed.length, &parsed.length))
		return false;

	struct prefix masked = parsed;
	prefix_mask(&masked);
	if (!mask && !prefix_equal(&masked, &parsed))
		return false;
	*prefix = masked;
	return true;
}

void prefix_mask(struct prefix *prefix)
{
	unsigned whole = prefix->length / 8;

	if (whole >= sizeof prefix->bytes)
		return;
	prefix->bytes[whole] &= (uint8_t) ~(0xFFu >> prefix->length % 8);
	memset(prefix->bytes + whole + 1, 0, sizeof prefix->bytes - whole - 1);
}

bool prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
	if (outer->family != inner->family || outer->length > inner->length)
		return false;

	unsigned whole = outer->length / 8;
	unsigned bits = outer->length % 8;
	if (memcmp(outer->bytes, inner->bytes, whole) != 0)
		return false;
	return bits == 0 || (outer->bytes[whole] ^ inner->bytes[whole]) >> (8 - bits) == 0;
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->family == b->family && a->length == b->length &&
	       memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;

	int order = memcmp(a->bytes, b->bytes, sizeof a->bytes);
	if (order != 0)
		return order;
	return (int)a->length - (int)b->length;
}

char *bgp_id_format(uint32_t id, char *text)
{
	snprintf(text, 16, "%u.%u.%u.%u", id >> 24, id >> 16 & 0xFF, id >> 8 & 0xFF, id & 0xFF);
	return text;
}

bool bgp_id_parse(const char *text, uint32_t *id)
{
	struct in_addr address;

	if (inet_pton(AF_INET, text, &address) != 1)
		return false;
	*id = ntohl(address.s_addr);
	return true;
}
