/*
 * Typed values out of the nodes of a configuration: integers, booleans, AS numbers, addresses,
 * prefixes, names; and the wording of what was found and the nearest valid name. Called by
 * config_read.c and config_check.c. Each value_ function is strict, leaves its result untouched and
 * adds one fault when it returns false; it is silent on a node that has been complained of before.
 * `key` is the name that the fault speaks of.
 */
#ifndef RR_CONFIG_VALUE_H
#define RR_CONFIG_VALUE_H

#include "bgp/types.h"
#include "rr/config_tree.h"

#define CONFIG_QUOTE_MAX 80
#define CONFIG_LIST_MAX	 512

/*
 * A text in double quotes for a message: cut when long, control characters escaped. Returns
 * `quoted`, of CONFIG_QUOTE_MAX.
 */
const char *config_quote(const char *text, char *quoted);
/*
 * What a node is, for a message: a quoted text, "a list" ... Returns `found`, of CONFIG_QUOTE_MAX.
 */
const char *config_found(const struct config_node *node, char *found);

/* False, with a fault that says `expected`, unless `node` is of `kind`. */
bool value_is(struct config_faults *faults, const struct config_node *node, const char *key,
	enum config_node_kind kind, const char *expected);

/* Decimal digits alone, without quotes, sign or leading zero. */
bool value_integer(struct config_faults *faults, const struct config_node *node, const char *key,
	uint32_t min, uint32_t max, uint32_t *value);
/*
 * A duration in seconds: an integer, alone or followed by s, m, h or d ("90", "90s", "15m", "7d").
 */
bool value_duration(struct config_faults *faults, const struct config_node *node, const char *key,
	uint32_t min, uint32_t max, uint32_t *value);
/* A size in bytes: an integer, alone or followed by KiB, MiB, GiB or TiB. */
bool value_size(struct config_faults *faults, const struct config_node *node, const char *key,
	uint64_t min, uint64_t max, uint64_t *value);
/* `true` or `false`, without quotes. */
bool value_boolean(
	struct config_faults *faults, const struct config_node *node, const char *key, bool *value);
/* asplain or asdot (RFC 5396); neither 0 (RFC 7607) nor AS_TRANS (RFC 6793 section 9). */
bool value_as(struct config_faults *faults, const struct config_node *node, const char *key,
	uint32_t *value);
/* A BGP Identifier or a cluster ID in dotted form, not 0 (RFC 6286 section 2.1). */
bool value_bgp_id(struct config_faults *faults, const struct config_node *node, const char *key,
	uint32_t *value);
/* Any IPv4 or IPv6 address but an IPv4-mapped one: connections carry those as IPv4. */
bool value_address(struct config_faults *faults, const struct config_node *node, const char *key,
	struct ip_address *value);
/* Host bits are refused; a bare address is a host prefix. */
bool value_prefix(struct config_faults *faults, const struct config_node *node, const char *key,
	struct prefix *value);
/* A text of `min` to `max` bytes without control characters; `*value` is the caller's to free. */
bool value_text(struct config_faults *faults, const struct config_node *node, const char *key,
	size_t min, size_t max, char **value);
/* One of `n` names; `*value` is its index. */
bool value_choice(struct config_faults *faults, const struct config_node *node, const char *key,
	const char *const names[], size_t n, unsigned *value);

bool address_is_multicast(const struct ip_address *address);
bool address_is_unspecified(const struct ip_address *address);
bool address_is_link_local(const struct ip_address *address); /* fe80::/10 */

/*
 * Insertions, deletions, substitutions and swaps of neighbors that make `b` of `a`. Names longer
 * than 64 bytes: SIZE_MAX.
 */
size_t config_edit_distance(const char *a, const char *b);

/* Looks for the name nearest to `text`: offer each candidate, then ask. */
struct config_nearest {
	const char *text;
	const char *name; /* NULL: none is near */
	size_t distance;
};
void config_nearest_offer(struct config_nearest *nearest, const char *candidate);
/* "; did you mean "x"?" or "". Returns `hint`, of CONFIG_QUOTE_MAX + 32. */
const char *config_nearest_hint(const struct config_nearest *nearest, char *hint);

#endif
