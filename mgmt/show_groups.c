#include <inttypes.h>

#include "mgmt/format.h"
#include "mgmt/show.h"
#include "mgmt/table.h"

static const char *next_hop_name(enum next_hop_mode mode)
{
	return mode == NEXT_HOP_SELF ? "self" : "keep";
}

static void group_json(void *context, const struct rib_group_view *group)
{
	struct json *json = context;
	json_object_begin(json);
	json_key_uint(json, "number", group->number);
	json_key_string(json, "role", role_name(group->role));
	json_key_families(json, "families", group->families);
	json_key_bool(json, "as4", group->as4);
	json_key_bool(json, "extended-message", group->extended_message);
	json_key_families(json, "add-path-send", group->add_path_send);
	json_key_string(json, "next-hop", next_hop_name(group->next_hop));
	json_key_uint(json, "peers", group->peers);
	json_key_uint(json, "joining", group->joining);
	json_key_uint(json, "detached", group->detached);
	json_key_family_counts(json, "advertised", group->advertised);
	json_key_uint(json, "messages", group->messages);
	json_key_uint(json, "bytes", group->bytes);
	json_key_uint(json, "log-bytes", group->log_bytes);
	json_object_end(json);
}

static const struct table_column columns[] = {
	{ .title = "Group", .right = true },
	{ .title = "Role" },
	{ .title = "Families" },
	{ .title = "AS4" },
	{ .title = "Ext-msg" },
	{ .title = "Add-path" },
	{ .title = "Next hop" },
	{ .title = "Peers", .right = true },
	{ .title = "Joining", .right = true },
	{ .title = "Detached", .right = true },
	{ .title = "IPv4 sent", .right = true },
	{ .title = "IPv6 sent", .right = true },
	{ .title = "Messages", .right = true },
	{ .title = "Bytes", .right = true },
	{ .title = "Log held", .right = true },
};

/* "ipv4", "ipv4+ipv6": the table has no room for the whole names. */
static const char *short_families(uint8_t families)
{
	static const char *const names[FAMILIES_ALL + 1] = { "-", "ipv4", "ipv6", "ipv4+ipv6" };
	return names[families & FAMILIES_ALL];
}

static void group_row(void *context, const struct rib_group_view *group)
{
	struct table *table = context;
	char bytes[FORMAT_MAX], held[FORMAT_MAX];
	table_cell(table, "%u", group->number);
	table_cell(table, "%s", role_name(group->role));
	table_cell(table, "%s", short_families(group->families));
	table_cell(table, "%s", group->as4 ? "yes" : "no");
	table_cell(table, "%s", group->extended_message ? "yes" : "no");
	table_cell(table, "%s", short_families(group->add_path_send));
	table_cell(table, "%s", next_hop_name(group->next_hop));
	table_cell(table, "%u", group->peers);
	table_cell(table, "%u", group->joining);
	table_cell(table, "%u", group->detached);
	table_cell(table, "%" PRIu64, group->advertised[FAMILY_IPV4_UNICAST]);
	table_cell(table, "%" PRIu64, group->advertised[FAMILY_IPV6_UNICAST]);
	table_cell(table, "%" PRIu64, group->messages);
	table_cell(table, "%s", format_bytes(group->bytes, bytes));
	table_cell(table, "%s", format_bytes(group->log_bytes, held));
}

/* There are as many groups as ways of encoding, a handful: one call renders them all. */
bool show_groups(struct request *request)
{
	struct rib *rib = reflector_rib(request->reflector);
	if (request->json) {
		struct json json = json_to(&request->out);
		json_object_begin(&json);
		json_key(&json, "groups");
		json_array_begin_lines(&json);
		rib_groups(rib, group_json, &json);
		json_array_end(&json);
		json_object_end(&json);
		output_puts(&request->out, "\n");
		return true;
	}
	struct table table;
	table_begin(&table, columns, sizeof columns / sizeof columns[0]);
	rib_groups(rib, group_row, &table);
	if (table.n_cells == 0)
		output_puts(&request->out, "no update groups: no peer is Established\n");
	else
		table_flush(&table, &request->out);
	table_free(&table);
	return true;
}
