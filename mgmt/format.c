#include "mgmt/format.h"

#include <inttypes.h>
#include <stdio.h>

char *format_duration(uint64_t seconds, char *text)
{
	uint64_t days = seconds / 86400;
	unsigned hours = (unsigned)(seconds / 3600 % 24);
	unsigned minutes = (unsigned)(seconds / 60 % 60);
	if (days > 0)
		snprintf(text, FORMAT_MAX, "%" PRIu64 "d%02u:%02u:%02u", days, hours, minutes,
			(unsigned)(seconds % 60));
	else if (seconds >= 60)
		snprintf(text, FORMAT_MAX, "%02u:%02u:%02u", hours, minutes,
			(unsigned)(seconds % 60));
	else
		snprintf(text, FORMAT_MAX, "%us", (unsigned)seconds);
	return text;
}

char *format_bytes(uint64_t bytes, char *text)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	if (bytes < 1024) {
		snprintf(text, FORMAT_MAX, "%u B", (unsigned)bytes);
		return text;
	}
	double value = (double)bytes / 1024;
	size_t unit = 0;
	while (value >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
		value /= 1024;
		unit++;
	}
	snprintf(text, FORMAT_MAX, "%.1f %s", value, units[unit]);
	return text;
}

char *format_families(uint8_t families, char *text)
{
	size_t len = 0;
	snprintf(text, FORMAT_MAX, "none");
	for (unsigned family = 0; family < FAMILY_COUNT; family++) {
		if ((families & FAMILY_BIT(family)) == 0)
			continue;
		int more = snprintf(text + len, FORMAT_MAX - len, "%s%s", len > 0 ? ", " : "",
			family_name((enum family)family));
		if (more < 0 || (size_t)more >= FORMAT_MAX - len)
			break;
		len += (size_t)more;
	}
	return text;
}

void json_key_family_counts(struct json *json, const char *key, const uint64_t counts[FAMILY_COUNT])
{
	json_key(json, key);
	json_object_begin(json);
	for (unsigned family = 0; family < FAMILY_COUNT; family++)
		json_key_uint(json, family_name((enum family)family), counts[family]);
	json_object_end(json);
}

void json_key_families(struct json *json, const char *key, uint8_t families)
{
	json_key(json, key);
	json_array_begin(json);
	for (unsigned family = 0; family < FAMILY_COUNT; family++) {
		if (families & FAMILY_BIT(family))
			json_string(json, family_name((enum family)family));
	}
	json_array_end(json);
}

void json_key_address(struct json *json, const char *key, const struct ip_address *address)
{
	char text[IP_ADDRESS_TEXT_MAX];
	json_key_string(json, key, address->len == 0 ? NULL : ip_address_format(address, text));
}

void json_key_bgp_id(struct json *json, const char *key, uint32_t id)
{
	char text[16];
	json_key_string(json, key, bgp_id_format(id, text));
}
