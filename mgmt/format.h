/*
 * Small renderings that several commands share: durations, sizes, families. Called by the show
 * commands; writes into buffers of the caller or a JSON writer and knows no reflector.
 */
#ifndef MGMT_FORMAT_H
#define MGMT_FORMAT_H

#include "bgp/types.h"
#include "mgmt/json.h"

#define FORMAT_MAX 64

/* "42s", "00:13:05", "3d04:05:06". `text` holds FORMAT_MAX bytes, as below; returns `text`. */
char *format_duration(uint64_t seconds, char *text);
/* "812 B", "3.4 MiB". */
char *format_bytes(uint64_t bytes, char *text);
/* "ipv4-unicast, ipv6-unicast"; "none". */
char *format_families(uint8_t families, char *text);
/* {"ipv4-unicast":1,"ipv6-unicast":2} under `key`. */
void json_key_family_counts(
	struct json *json, const char *key, const uint64_t counts[FAMILY_COUNT]);
/* ["ipv4-unicast"] under `key`. */
void json_key_families(struct json *json, const char *key, uint8_t families);
/* null when `address` is none. */
void json_key_address(struct json *json, const char *key, const struct ip_address *address);
void json_key_bgp_id(struct json *json, const char *key, uint32_t id);

#endif
