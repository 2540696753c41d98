#include "mgmt/route.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bgp/as_path.h"
#include "mgmt/format.h"

/*
 * The attributes that an output names, by what they hold; everything else is shown as unknown, in
 * hexadecimal.
 */
struct listed_attribute {
	uint8_t type;
	uint8_t element; /* bytes of each of its values */
	const char *key;
	const char *title;
};

static const struct listed_attribute listed[] = {
	{ ATTRIBUTE_COMMUNITIES, 4, "communities", "communities" },
	{ ATTRIBUTE_EXTENDED_COMMUNITIES, 8, "extended-communities", "extended communities" },
	{ ATTRIBUTE_IPV6_EXTENDED_COMMUNITIES, 20, "ipv6-extended-communities",
		"IPv6 extended communities" },
	{ ATTRIBUTE_LARGE_COMMUNITIES, 12, "large-communities", "large communities" },
	{ ATTRIBUTE_CLUSTER_LIST, 4, "cluster-list", "cluster list" },
};

#define LISTED_COUNT (sizeof listed / sizeof listed[0])

/* Types with a place of their own in every output. */
static bool has_own_place(uint8_t type)
{
	switch (type) {
	case ATTRIBUTE_ORIGIN:
	case ATTRIBUTE_AS_PATH:
	case ATTRIBUTE_NEXT_HOP:
	case ATTRIBUTE_MED:
	case ATTRIBUTE_LOCAL_PREF:
	case ATTRIBUTE_ATOMIC_AGGREGATE:
	case ATTRIBUTE_AGGREGATOR:
	case ATTRIBUTE_ORIGINATOR_ID:
	case ATTRIBUTE_MP_REACH_NLRI: return true;
	default: break;
	}
	for (size_t i = 0; i < LISTED_COUNT; i++) {
		if (listed[i].type == type)
			return true;
	}
	return false;
}

static const char *origin_name(uint8_t origin)
{
	static const char *const names[] = {
		[ORIGIN_IGP] = "igp", [ORIGIN_EGP] = "egp", [ORIGIN_INCOMPLETE] = "incomplete"
	};
	return origin <= ORIGIN_INCOMPLETE ? names[origin] : "unknown";
}

/* A 4-octet value attribute; false when it is absent. */
static bool find_u32(struct span attributes, uint8_t type, uint32_t *value)
{
	struct attribute_view view;
	if (!attribute_find(attributes, type, &view))
		return false;
	struct reader reader = reader_of_span(view.value);
	return read_u32(&reader, value);
}

/*
 * LOCAL_PREF: the decision takes 100 where a route came without (RFC 4271 section 9.1.1 leaves it
 * to us); a path shown as it is sent to an external peer has none.
 */
static bool local_pref(const struct rib_path_view *path, bool advertised, uint32_t *value)
{
	if (find_u32(path->attributes, ATTRIBUTE_LOCAL_PREF, value))
		return true;
	*value = path->keys->local_pref;
	return !advertised;
}

/*
 * The next hop as address, and the link-local one behind it (RFC 2545 section 3); len 0 where there
 * is none.
 */
static void next_hops(
	const struct rib_path_view *path, struct ip_address *global, struct ip_address *link_local)
{
	*global = (struct ip_address){ 0 };
	*link_local = (struct ip_address){ 0 };
	/* In a path as it is sent, NEXT_HOP is among the attributes. */
	struct attribute_view sent;
	if (path->prefix.family == FAMILY_IPV4_UNICAST &&
		attribute_find(path->attributes, ATTRIBUTE_NEXT_HOP, &sent) &&
		sent.value.len == 4) {
		global->len = 4;
		memcpy(global->bytes, sent.value.bytes, 4);
		return;
	}
	uint8_t len = path->keys->next_hop_len;
	if (len == 4 || len == 16) {
		global->len = len;
		memcpy(global->bytes, path->keys->next_hop, len);
	} else if (len == 32) {
		global->len = link_local->len = 16;
		memcpy(global->bytes, path->keys->next_hop, 16);
		memcpy(link_local->bytes, path->keys->next_hop + 16, 16);
	}
}

static struct span as_path_of(const struct rib_path_view *path)
{
	struct attribute_view view;
	if (attribute_find(path->attributes, ATTRIBUTE_AS_PATH, &view))
		return view.value;
	return (struct span){ NULL, 0 };
}

/* The whole AS path, however long, ended by a NUL in a buffer of its own. */
static const char *as_path_text(const struct rib_path_view *path, struct output *buffer)
{
	struct span as_path = as_path_of(path);
	/*
	 * 4 bytes become at most 10 digits and a space, a segment header of 2 bytes brackets and a
	 * space.
	 */
	size_t size = as_path.len * 3 + 16;
	char *to = output_reserve(buffer, size);
	if (to == NULL)
		return "(out of memory)";
	as_path_format(as_path, to, size);
	output_grown(buffer, strlen(to));
	return to;
}

static const char *next_hop_text(const struct ip_address *address, char text[IP_ADDRESS_TEXT_MAX])
{
	return address->len == 0 ? "-" : ip_address_format(address, text);
}

/* Calls `visit` with each value of a list attribute, as text; returns how many there are. */
static size_t list_values(struct span attributes, const struct listed_attribute *list,
	void (*visit)(void *context, const char *value), void *context)
{
	struct attribute_view view;
	if (!attribute_find(attributes, list->type, &view))
		return 0;
	struct reader reader = reader_of_span(view.value);
	struct attribute_view one = view;
	size_t n = 0;
	char text[256];
	while (read_span(&reader, list->element, &one.value)) {
		visit(context, attribute_format(&one, text, sizeof text));
		n++;
	}
	return n;
}

/* The row */

const struct table_column route_columns[] = {
	{ .title = " " },
	{ .title = "Prefix", .width = 18 },
	{ .title = "Path ID", .right = true },
	{ .title = "Next hop", .width = 15 },
	{ .title = "Peer", .width = 15 },
	{ .title = "MED", .right = true, .width = 5 },
	{ .title = "Pref", .right = true, .width = 5 },
	{ .title = "Origin", .width = 6 },
	{ .title = "AS path" },
};
const size_t route_columns_count = sizeof route_columns / sizeof route_columns[0];

bool route_long_lived_stale(const struct rib_path_view *path)
{
	return path->keys->flags & ATTR_LLGR_STALE;
}

void route_row(struct table *table, const struct rib_path_view *path, bool advertised)
{
	char text[PREFIX_TEXT_MAX];
	table_cell(table, "%s%s", path->best ? "*" : " ",
		route_long_lived_stale(path) ? "l"
		: path->stale		     ? "s"
					     : "");
	table_cell(table, "%s", prefix_format(&path->prefix, text));
	route_cells(table, path, advertised);
}

void route_cells(struct table *table, const struct rib_path_view *path, bool advertised)
{
	char text[PREFIX_TEXT_MAX];
	struct ip_address next_hop, link_local;
	uint32_t value;
	next_hops(path, &next_hop, &link_local);
	if (path->path_id != 0)
		table_cell(table, "%" PRIu32, path->path_id);
	else
		table_cell(table, "-");
	table_cell(table, "%s", next_hop_text(&next_hop, text));
	table_cell(table, "%s", next_hop_text(&path->peer_address, text));
	if (find_u32(path->attributes, ATTRIBUTE_MED, &value))
		table_cell(table, "%" PRIu32, value);
	else
		table_cell(table, "-");
	if (local_pref(path, advertised, &value))
		table_cell(table, "%" PRIu32, value);
	else
		table_cell(table, "-");
	table_cell(table, "%s", origin_name(path->keys->origin));
	struct output buffer = { 0 };
	table_cell(table, "%s", as_path_text(path, &buffer));
	output_free(&buffer);
}

/* The block */

static void block_value(void *context, const char *value)
{
	struct output *out = context;
	output_printf(out, " %s", value);
}

static void block_lists(struct output *out, struct span attributes)
{
	struct attribute_view view;
	for (size_t i = 0; i < LISTED_COUNT; i++) {
		if (!attribute_find(attributes, listed[i].type, &view))
			continue;
		output_printf(out, "    %-25s", listed[i].title);
		list_values(attributes, &listed[i], block_value, out);
		output_puts(out, "\n");
	}
}

static void hex(struct output *out, struct span value)
{
	static const char digits[] = "0123456789abcdef";
	char *to = output_reserve(out, value.len * 2);
	if (to == NULL)
		return;
	for (size_t i = 0; i < value.len; i++) {
		to[2 * i] = digits[value.bytes[i] >> 4];
		to[2 * i + 1] = digits[value.bytes[i] & 15];
	}
	output_grown(out, value.len * 2);
}

static void block_unknown(struct output *out, struct span attributes)
{
	struct reader reader = reader_of_span(attributes);
	struct attribute_view view;
	while (attribute_next(&reader, &view)) {
		if (has_own_place(view.type))
			continue;
		char title[32];
		snprintf(title, sizeof title, "attribute %u, flags 0x%02x", view.type, view.flags);
		output_printf(out, "    %-25s ", title);
		hex(out, view.value);
		output_puts(out, "\n");
	}
}

void route_block(struct output *out, const struct rib_path_view *path, bool advertised)
{
	char text[PREFIX_TEXT_MAX], id[16];
	output_printf(out, "%s%s%s%s\n", prefix_format(&path->prefix, text),
		path->best ? ", best" : "", path->stale ? ", stale" : "",
		route_long_lived_stale(path) ? ", long-lived stale" : "");
	output_printf(out, "    %-25s %s, AS %" PRIu32 ", %s", "peer",
		next_hop_text(&path->peer_address, text), path->peer_as,
		role_name(path->peer_role));
	output_printf(out, ", BGP Identifier %s\n", bgp_id_format(path->peer_bgp_id, id));
	route_block_attributes(out, path, advertised);
}

void route_block_attributes(struct output *out, const struct rib_path_view *path, bool advertised)
{
	char text[PREFIX_TEXT_MAX], id[16];
	struct ip_address next_hop, link_local;
	struct attribute_view view;
	uint32_t value;
	next_hops(path, &next_hop, &link_local);
	if (path->path_id != 0)
		output_printf(out, "    %-25s %" PRIu32 "\n", "path ID", path->path_id);
	output_printf(out, "    %-25s %s", "next hop", next_hop_text(&next_hop, text));
	if (link_local.len > 0)
		output_printf(out, " (link-local %s)", next_hop_text(&link_local, text));
	output_printf(out, "\n    %-25s %s\n", "origin", origin_name(path->keys->origin));

	struct output buffer = { 0 };
	const char *as_path = as_path_text(path, &buffer);
	output_printf(out, "    %-25s %s (length %u)\n", "AS path",
		as_path[0] != '\0' ? as_path : "empty", as_path_length(as_path_of(path)));
	output_free(&buffer);
	if (find_u32(path->attributes, ATTRIBUTE_MED, &value))
		output_printf(out, "    %-25s %" PRIu32 "\n", "MED", value);
	if (local_pref(path, advertised, &value))
		output_printf(out, "    %-25s %" PRIu32 "\n", "local preference", value);
	if (attribute_find(path->attributes, ATTRIBUTE_ATOMIC_AGGREGATE, &view))
		output_printf(out, "    %s\n", "atomic aggregate");
	if (attribute_find(path->attributes, ATTRIBUTE_AGGREGATOR, &view)) {
		char aggregator[64];
		output_printf(out, "    %-25s %s\n", "aggregator",
			attribute_format(&view, aggregator, sizeof aggregator));
	}
	if (find_u32(path->attributes, ATTRIBUTE_ORIGINATOR_ID, &value))
		output_printf(out, "    %-25s %s\n", "originator ID", bgp_id_format(value, id));
	block_lists(out, path->attributes);
	block_unknown(out, path->attributes);
}

/* JSON */

static void json_value(void *context, const char *value)
{
	json_string(context, value);
}

static void json_optional_u32(struct json *json, const char *key, bool present, uint32_t value)
{
	if (present)
		json_key_uint(json, key, value);
	else
		json_key_null(json, key);
}

static void json_unknown(struct json *json, struct span attributes)
{
	struct reader reader = reader_of_span(attributes);
	struct attribute_view view;
	json_key(json, "unknown-attributes");
	json_array_begin(json);
	while (attribute_next(&reader, &view)) {
		if (has_own_place(view.type))
			continue;
		json_object_begin(json);
		json_key_uint(json, "type", view.type);
		json_key_uint(json, "flags", view.flags);
		json_key(json, "value");
		json_string_begin(json);
		hex(json->out, view.value);
		json_string_end(json);
		json_object_end(json);
	}
	json_array_end(json);
}

void route_json_attributes(struct json *json, const struct rib_path_view *path, bool advertised)
{
	struct ip_address next_hop, link_local;
	struct attribute_view view;
	uint32_t value = 0;
	char text[64];
	struct output buffer = { 0 };
	next_hops(path, &next_hop, &link_local);
	json_key_address(json, "next-hop", &next_hop);
	json_key_address(json, "next-hop-link-local", &link_local);
	json_key_string(json, "origin", origin_name(path->keys->origin));
	json_key_string(json, "as-path", as_path_text(path, &buffer));
	output_free(&buffer);
	json_key_uint(json, "as-path-length", as_path_length(as_path_of(path)));
	bool present = find_u32(path->attributes, ATTRIBUTE_MED, &value);
	json_optional_u32(json, "med", present, value);
	present = local_pref(path, advertised, &value);
	json_optional_u32(json, "local-pref", present, value);
	json_key_bool(json, "atomic-aggregate",
		attribute_find(path->attributes, ATTRIBUTE_ATOMIC_AGGREGATE, &view));
	json_key_string(json, "aggregator",
		attribute_find(path->attributes, ATTRIBUTE_AGGREGATOR, &view)
			? attribute_format(&view, text, sizeof text)
			: NULL);
	json_key_string(json, "originator-id",
		find_u32(path->attributes, ATTRIBUTE_ORIGINATOR_ID, &value)
			? bgp_id_format(value, text)
			: NULL);
	for (size_t i = 0; i < LISTED_COUNT; i++) {
		json_key(json, listed[i].key);
		json_array_begin(json);
		list_values(path->attributes, &listed[i], json_value, json);
		json_array_end(json);
	}
	json_unknown(json, path->attributes);
}

void route_json(struct json *json, const struct rib_path_view *path, bool advertised)
{
	char text[PREFIX_TEXT_MAX];
	json_object_begin(json);
	json_key_string(json, "prefix", prefix_format(&path->prefix, text));
	json_key_string(json, "family", family_name((enum family)path->prefix.family));
	json_key_uint(json, "path-id", path->path_id);
	json_key_bool(json, "best", path->best);
	json_key_bool(json, "stale", path->stale);
	json_key_bool(json, "long-lived-stale", route_long_lived_stale(path));
	json_key_address(json, "peer", &path->peer_address);
	json_key_uint(json, "peer-as", path->peer_as);
	json_key_bgp_id(json, "peer-bgp-identifier", path->peer_bgp_id);
	json_key_string(json, "peer-role", role_name(path->peer_role));
	route_json_attributes(json, path, advertised);
	json_object_end(json);
}
