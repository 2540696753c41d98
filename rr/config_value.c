#include "rr/config_value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 64

const char *config_quote(const char *text, char *quoted)
{
	/* Room for the closing quote, the dots and one escape of four bytes. */
	size_t room = CONFIG_QUOTE_MAX - 9, n = 0;
	quoted[n++] = '"';
	for (; *text && n < room; text++) {
		unsigned char c = (unsigned char)*text;
		if (c < 0x20 || c == 0x7f)
			n += (size_t)snprintf(quoted + n, 5, "\\x%02x", c);
		else
			quoted[n++] = (char)c;
	}
	/* Never cut amid a character. */
	if (*text) {
		while (((unsigned char)quoted[n - 1] & 0xc0) == 0x80)
			n--;
		if ((unsigned char)quoted[n - 1] >= 0xc0)
			n--;
		n += (size_t)snprintf(quoted + n, 4, "...");
	}
	quoted[n++] = '"';
	quoted[n] = '\0';
	return quoted;
}

const char *config_found(const struct config_node *node, char *found)
{
	switch (node->kind) {
	case CONFIG_LIST: return strcpy(found, "a list");
	case CONFIG_MAPPING: return strcpy(found, "a mapping");
	case CONFIG_FAULTY: return strcpy(found, "a faulty value");
	case CONFIG_SCALAR: break;
	}
	if (!node->text[0])
		return strcpy(found, node->plain ? "nothing" : "an empty text");
	return config_quote(node->text, found);
}

bool value_is(struct config_faults *faults, const struct config_node *node, const char *key,
	enum config_node_kind kind, const char *expected)
{
	char found[CONFIG_QUOTE_MAX];
	if (node->kind == kind)
		return true;
	if (node->kind != CONFIG_FAULTY)
		config_fault(faults, node->at, "found %s for %s, expected %s",
			config_found(node, found), key, expected);
	return false;
}

static bool refuse(struct config_faults *faults, const struct config_node *node, const char *key,
	const char *expected)
{
	char found[CONFIG_QUOTE_MAX];
	if (node->kind == CONFIG_SCALAR && !node->plain && node->text[0])
		config_fault(faults, node->at, "found the text %s for %s, expected %s",
			config_found(node, found), key, expected);
	else if (node->kind != CONFIG_FAULTY)
		config_fault(faults, node->at, "found %s for %s, expected %s",
			config_found(node, found), key, expected);
	return false;
}

/* Digits up to `end`; "0" or no leading zero. */
static bool parse_number(const char *text, size_t len, uint32_t max, uint32_t *value)
{
	uint64_t number = 0;
	if (len == 0 || len > 10 || (len > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		number = number * 10 + (uint64_t)(text[i] - '0');
	}
	if (number > max)
		return false;
	*value = (uint32_t)number;
	return true;
}

bool value_integer(struct config_faults *faults, const struct config_node *node, const char *key,
	uint32_t min, uint32_t max, uint32_t *value)
{
	char expected[64];
	uint32_t number = 0;
	if (node->kind == CONFIG_SCALAR && node->plain &&
		parse_number(node->text, strlen(node->text), max, &number) && number >= min) {
		*value = number;
		return true;
	}
	snprintf(expected, sizeof(expected), "an integer from %u to %u", min, max);
	return refuse(faults, node, key, expected);
}

struct unit {
	const char *name;
	uint64_t factor;
};

/* Digits and one of `units`, or no unit. */
static bool parse_quantity(
	const char *text, const struct unit units[], size_t n, uint64_t max, uint64_t *value)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t factor = text[digits] == '\0' ? 1 : 0, number = 0;
	for (size_t i = 0; i < n; i++)
		if (strcmp(text + digits, units[i].name) == 0)
			factor = units[i].factor;
	if (factor == 0 || digits == 0 || digits > 19 || (digits > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < digits; i++)
		number = number * 10 + (uint64_t)(text[i] - '0');
	if (number > max / factor)
		return false;
	*value = number * factor;
	return true;
}

/* The largest unit in which `value` is a whole number. */
static const char *format_quantity(
	uint64_t value, const struct unit units[], size_t n, char *text, size_t size)
{
	const struct unit *unit = &units[0];
	for (size_t i = 1; i < n; i++)
		if (value > 0 && value % units[i].factor == 0)
			unit = &units[i];
	snprintf(text, size, "%" PRIu64 "%s", value / unit->factor, unit->name);
	return text;
}

static const struct unit durations[] = { { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
static const struct unit sizes[] = { { "", 1 }, { "KiB", 1ull << 10 }, { "MiB", 1ull << 20 },
	{ "GiB", 1ull << 30 }, { "TiB", 1ull << 40 } };

bool value_duration(struct config_faults *faults, const struct config_node *node, const char *key,
	uint32_t min, uint32_t max, uint32_t *value)
{
	const size_t n = sizeof(durations) / sizeof(durations[0]);
	char expected[128], least[24], most[24];
	uint64_t seconds;
	if (node->kind == CONFIG_SCALAR &&
		parse_quantity(node->text, durations, n, max, &seconds) && seconds >= min) {
		*value = (uint32_t)seconds;
		return true;
	}
	snprintf(expected, sizeof(expected),
		"a duration from %s to %s, in seconds or with a unit (90s, 15m, 24h, 7d)",
		format_quantity(min, durations, n, least, sizeof(least)),
		format_quantity(max, durations, n, most, sizeof(most)));
	return refuse(faults, node, key, expected);
}

bool value_size(struct config_faults *faults, const struct config_node *node, const char *key,
	uint64_t min, uint64_t max, uint64_t *value)
{
	const size_t n = sizeof(sizes) / sizeof(sizes[0]);
	char expected[128], least[32], most[32];
	uint64_t bytes;
	if (node->kind == CONFIG_SCALAR && parse_quantity(node->text, sizes, n, max, &bytes) &&
		bytes >= min) {
		*value = bytes;
		return true;
	}
	snprintf(expected, sizeof(expected),
		"a size from %s to %s, in bytes or with a unit (512MiB, 4GiB)",
		format_quantity(min, sizes, n, least, sizeof(least)),
		format_quantity(max, sizes, n, most, sizeof(most)));
	return refuse(faults, node, key, expected);
}

bool value_boolean(
	struct config_faults *faults, const struct config_node *node, const char *key, bool *value)
{
	if (node->kind == CONFIG_SCALAR && node->plain) {
		bool yes = strcmp(node->text, "true") == 0;
		if (yes || strcmp(node->text, "false") == 0) {
			*value = yes;
			return true;
		}
	}
	return refuse(faults, node, key, "true or false");
}

static bool parse_as(const char *text, uint32_t *value)
{
	const char *dot = strchr(text, '.');
	uint32_t high, low;
	if (!dot)
		return parse_number(text, strlen(text), UINT32_MAX, value);
	if (!parse_number(text, (size_t)(dot - text), UINT16_MAX, &high) ||
		!parse_number(dot + 1, strlen(dot + 1), UINT16_MAX, &low))
		return false;
	*value = high << 16 | low;
	return true;
}

bool value_as(struct config_faults *faults, const struct config_node *node, const char *key,
	uint32_t *value)
{
	uint32_t as;
	if (node->kind != CONFIG_SCALAR || !parse_as(node->text, &as) || as == 0)
		return refuse(faults, node, key,
			"an AS number from 1 to 4294967295 (or as 0.1 to 65535.65535)");
	if (as == AS_TRANS)
		return refuse(faults, node, key, "another AS number: 23456 is reserved (AS_TRANS)");
	*value = as;
	return true;
}

bool value_bgp_id(struct config_faults *faults, const struct config_node *node, const char *key,
	uint32_t *value)
{
	uint32_t id;
	if (node->kind != CONFIG_SCALAR || !bgp_id_parse(node->text, &id) || id == 0)
		return refuse(faults, node, key,
			"four numbers from 0 to 255 with dots between them, not all 0");
	*value = id;
	return true;
}

static bool is_mapped(const uint8_t bytes[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	return memcmp(bytes, mapped, sizeof(mapped)) == 0;
}

bool value_address(struct config_faults *faults, const struct config_node *node, const char *key,
	struct ip_address *value)
{
	struct ip_address address;
	char found[CONFIG_QUOTE_MAX], text[IP_ADDRESS_TEXT_MAX];
	if (node->kind != CONFIG_SCALAR || !ip_address_parse(node->text, &address))
		return refuse(faults, node, key, "an IPv4 or IPv6 address");
	if (address.len == 16 && is_mapped(address.bytes)) {
		struct ip_address ipv4 = { .len = 4 };
		memcpy(ipv4.bytes, address.bytes + 12, 4);
		config_fault(faults, node->at,
			"found the IPv4-mapped address %s for %s, expected %s",
			config_quote(node->text, found), key, ip_address_format(&ipv4, text));
		return false;
	}
	*value = address;
	return true;
}

bool value_prefix(struct config_faults *faults, const struct config_node *node, const char *key,
	struct prefix *value)
{
	struct prefix prefix;
	char found[CONFIG_QUOTE_MAX], text[PREFIX_TEXT_MAX];
	if (node->kind != CONFIG_SCALAR || !prefix_parse(node->text, true, &prefix))
		return refuse(faults, node, key,
			"an IPv4 or IPv6 prefix such as 10.1.0.0/16 or fd00:1::/64");
	if (prefix.family == FAMILY_IPV6_UNICAST && prefix.length >= 96 && is_mapped(prefix.bytes))
		return refuse(faults, node, key,
			"an IPv4 prefix (connections of IPv4-mapped addresses count as IPv4)");
	if (!prefix_parse(node->text, false, value)) {
		config_fault(faults, node->at,
			"found %s for %s, which has bits set behind its length, expected %s",
			config_quote(node->text, found), key, prefix_format(&prefix, text));
		return false;
	}
	return true;
}

/* C0, DEL and C1: what a terminal might obey. */
static bool has_control(const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c < 0x20 || c == 0x7f)
			return true;
		if (c == 0xc2 && (unsigned char)text[1] < 0xa0)
			return true;
	}
	return false;
}

bool value_text(struct config_faults *faults, const struct config_node *node, const char *key,
	size_t min, size_t max, char **value)
{
	char expected[96];
	size_t len = node->kind == CONFIG_SCALAR ? strlen(node->text) : 0;
	if (node->kind != CONFIG_SCALAR || len < min || len > max || has_control(node->text)) {
		snprintf(expected, sizeof(expected),
			"a text of %zu to %zu bytes on one line, without control characters", min,
			max);
		return refuse(faults, node, key, expected);
	}
	char *copy = strdup(node->text);
	if (!copy) {
		faults->no_memory = true;
		return false;
	}
	*value = copy;
	return true;
}

bool value_choice(struct config_faults *faults, const struct config_node *node, const char *key,
	const char *const names[], size_t n, unsigned *value)
{
	char expected[CONFIG_LIST_MAX] = "", hint[CONFIG_QUOTE_MAX + 32] = "";
	struct config_nearest nearest = { .text = node->text };
	size_t len = 0;
	for (unsigned i = 0; i < n; i++) {
		if (node->kind == CONFIG_SCALAR && strcmp(node->text, names[i]) == 0) {
			*value = i;
			return true;
		}
		if (node->kind == CONFIG_SCALAR)
			config_nearest_offer(&nearest, names[i]);
		const char *joint = i == 0 ? "" : i + 1 == n ? " or " : ", ";
		len += (size_t)snprintf(
			expected + len, sizeof(expected) - len, "%s%s", joint, names[i]);
	}
	config_nearest_hint(&nearest, hint);
	snprintf(expected + len, sizeof(expected) - len, "%s", hint);
	return refuse(faults, node, key, expected);
}

bool address_is_multicast(const struct ip_address *address)
{
	if (address->len == 4)
		return (address->bytes[0] & 0xf0) == 0xe0;
	return address->bytes[0] == 0xff;
}

bool address_is_unspecified(const struct ip_address *address)
{
	static const uint8_t zero[16];
	return memcmp(address->bytes, zero, sizeof(zero)) == 0;
}

bool address_is_link_local(const struct ip_address *address)
{
	return address->len == 16 && address->bytes[0] == 0xfe &&
	       (address->bytes[1] & 0xc0) == 0x80;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Three rows of the table of the optimal string alignment distance are enough. */
size_t config_edit_distance(const char *a, const char *b)
{
	size_t rows[3][NAME_MAX_BYTES + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];
	size_t n = strlen(a), m = strlen(b);
	if (n > NAME_MAX_BYTES || m > NAME_MAX_BYTES)
		return SIZE_MAX;
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *free_row = before;
		before = above;
		above = row;
		row = free_row;
		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t substitution = above[j - 1] + (a[i - 1] != b[j - 1]);
			row[j] = least(substitution, least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
	}
	return row[m];
}

void config_nearest_offer(struct config_nearest *nearest, const char *candidate)
{
	size_t distance = config_edit_distance(nearest->text, candidate);
	size_t longest = strlen(nearest->text), len = strlen(candidate);
	if (len > longest)
		longest = len;
	/*
	 * More than half of it wrong is another word, not a slip; unless it is the beginning of the
	 * name.
	 */
	bool begins = nearest->text[0] &&
		      strncmp(candidate, nearest->text, strlen(nearest->text)) == 0;
	if (distance == SIZE_MAX || (distance * 2 > longest && !begins))
		return;
	if (!nearest->name || distance < nearest->distance) {
		nearest->name = candidate;
		nearest->distance = distance;
	}
}

const char *config_nearest_hint(const struct config_nearest *nearest, char *hint)
{
	char quoted[CONFIG_QUOTE_MAX];
	hint[0] = '\0';
	if (nearest->name)
		snprintf(hint, CONFIG_QUOTE_MAX + 32, "; did you mean %s?",
			config_quote(nearest->name, quoted));
	return hint;
}
