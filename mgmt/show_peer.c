#include <inttypes.h>

#include "mgmt/format.h"
#include "mgmt/show.h"
#include "mgmt/table.h"

/* Indexed by enum message_type. */
static const char *const message_names[6] = {
	[MESSAGE_OPEN] = "open",
	[MESSAGE_UPDATE] = "update",
	[MESSAGE_NOTIFICATION] = "notification",
	[MESSAGE_KEEPALIVE] = "keepalive",
	[MESSAGE_ROUTE_REFRESH] = "route-refresh",
};

static void messages_json(struct json *json, const char *key, const uint64_t counts[6])
{
	json_key(json, key);
	json_object_begin(json);
	for (unsigned type = MESSAGE_OPEN; type <= MESSAGE_ROUTE_REFRESH; type++)
		json_key_uint(json, message_names[type], counts[type]);
	json_object_end(json);
}

static void long_lived_json(struct json *json, const struct capabilities *capabilities)
{
	json_key(json, "long-lived-graceful-restart");
	if (!capabilities->long_lived.present) {
		json_null(json);
		return;
	}
	json_object_begin(json);
	json_key(json, "stale-time");
	json_object_begin(json);
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (capabilities->long_lived.families & FAMILY_BIT(family))
			json_key_uint(
				json, family_name(family), capabilities->long_lived.time[family]);
	}
	json_object_end(json);
	json_key_families(json, "forwarding", capabilities->long_lived.forwarding);
	json_object_end(json);
}

static void capabilities_json(
	struct json *json, const char *key, const struct capabilities *capabilities)
{
	json_key(json, key);
	if (capabilities == NULL) {
		json_null(json);
		return;
	}
	json_object_begin(json);
	json_key_bool(json, "multiprotocol", capabilities->multiprotocol);
	json_key_families(json, "families", capabilities->families);
	json_key_bool(json, "as4", capabilities->as4);
	json_key_bool(json, "route-refresh", capabilities->route_refresh);
	json_key_bool(json, "enhanced-route-refresh", capabilities->enhanced_route_refresh);
	json_key_bool(json, "extended-message", capabilities->extended_message);
	json_key_families(json, "add-path-receive", capabilities->add_path_receive);
	json_key_families(json, "add-path-send", capabilities->add_path_send);
	json_key(json, "graceful-restart");
	if (capabilities->graceful_restart.present) {
		json_object_begin(json);
		json_key_uint(json, "restart-time", capabilities->graceful_restart.time);
		json_key_bool(json, "restarting", capabilities->graceful_restart.restarting);
		json_key_bool(json, "notification", capabilities->graceful_restart.notification);
		json_key_families(json, "families", capabilities->graceful_restart.families);
		json_key_families(json, "forwarding", capabilities->graceful_restart.forwarding);
		json_object_end(json);
	} else {
		json_null(json);
	}
	long_lived_json(json, capabilities);
	json_object_end(json);
}

static void negotiated_json(struct json *json, const struct negotiated *negotiated)
{
	json_key(json, "negotiated");
	if (negotiated == NULL) {
		json_null(json);
		return;
	}
	json_object_begin(json);
	json_key_families(json, "families", negotiated->families);
	json_key_uint(json, "hold-time", negotiated->hold_time);
	json_key_uint(json, "keepalive-time", negotiated->keepalive_time);
	json_key_bool(json, "as4", negotiated->as4);
	json_key_bool(json, "route-refresh", negotiated->route_refresh);
	json_key_bool(json, "enhanced-route-refresh", negotiated->enhanced_route_refresh);
	json_key_bool(json, "extended-message", negotiated->extended_message);
	json_key_families(json, "add-path-receive", negotiated->add_path_receive);
	json_key_families(json, "add-path-send", negotiated->add_path_send);
	json_key_families(json, "graceful-restart-receive", negotiated->graceful_restart_receive);
	json_key_families(json, "graceful-restart-send", negotiated->graceful_restart_send);
	json_key_bool(json, "graceful-notification", negotiated->graceful_notification);
	json_key_families(json, "long-lived-receive", negotiated->long_lived_receive);
	json_key_families(json, "long-lived-send", negotiated->long_lived_send);
	json_object_end(json);
}

/* Paths that outlive their session: null when there are none. */
static void stale_json(struct json *json, const struct stale_view *stale)
{
	json_key(json, "stale");
	if (stale->families == 0) {
		json_null(json);
		return;
	}
	json_object_begin(json);
	json_key_families(json, "families", stale->families);
	json_key_family_counts(json, "paths", stale->paths);
	json_key_bool(json, "session", stale->retained == NULL);
	json_key_bool(json, "restored", stale->restored);
	json_key_bool(json, "awaited", stale->awaited);
	json_key_uint(json, "seconds-left", stale->seconds);
	json_key(json, "long-lived-seconds-left");
	json_object_begin(json);
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (stale->long_lived & FAMILY_BIT(family))
			json_key_uint(json, family_name(family), stale->long_lived_seconds[family]);
	}
	json_object_end(json);
	json_object_end(json);
}

static void routes_json(struct json *json, const struct peer_view *peer)
{
	struct rib_peer_counts counts;
	peer_counts(peer, &counts);
	json_key_family_counts(json, "paths-received", counts.paths);
	json_key_family_counts(json, "paths-best", counts.best);
	json_key_family_counts(json, "paths-advertised", counts.advertised);
	json_key_uint(json, "updates-received", counts.updates_received);
	json_key_uint(json, "updates-sent", counts.updates_sent);
	json_key(json, "dropped");
	json_object_begin(json);
	for (unsigned reason = 0; reason < DROP_REASON_COUNT; reason++)
		json_key_uint(
			json, drop_reason_name((enum drop_reason)reason), counts.dropped[reason]);
	json_object_end(json);
	if (peer->rib_peer != NULL)
		json_key_uint(json, "update-group", counts.group);
	else
		json_key_null(json, "update-group");
	json_key_string(json, "output-state", counts.output_state);
	json_key_uint(json, "output-backlog-bytes", counts.output_backlog);
}

void peer_detail_json(struct json *json, const struct peer_view *peer)
{
	json_object_begin(json);
	json_key_address(json, "address", &peer->address);
	json_key_uint(json, "as", peer->as);
	json_key_string(json, "group", peer->group->name);
	json_key_string(json, "role", role_name(peer->group->role));
	json_key_string(json, "description", peer->description);
	json_key_bool(json, "dynamic", peer->dynamic);
	json_key_bool(json, "passive", peer->passive);
	json_key_string(json, "state", fsm_state_name(peer->state));
	json_key_uint(json, "state-seconds", peer->state_seconds);
	json_key_address(json, "local-address", &peer->local);
	json_key_uint(json, "remote-port", peer->remote_port);
	if (peer->bgp_id != 0)
		json_key_bgp_id(json, "bgp-identifier", peer->bgp_id);
	else
		json_key_null(json, "bgp-identifier");
	json_key_uint(json, "established-count", peer->established_count);
	json_key_uint(json, "retry-seconds", peer->retry_seconds);
	json_key_string(json, "last-down",
		peer->last_down != NULL && peer->last_down[0] != '\0' ? peer->last_down : NULL);
	capabilities_json(json, "capabilities-sent", peer->capabilities_sent);
	capabilities_json(json, "capabilities-received", peer->capabilities);
	negotiated_json(json, peer->negotiated);
	stale_json(json, &peer->stale);
	messages_json(json, "messages-received", peer->messages_received);
	messages_json(json, "messages-sent", peer->messages_sent);
	json_key_uint(json, "bytes-received", peer->bytes_received);
	json_key_uint(json, "bytes-sent", peer->bytes_sent);
	routes_json(json, peer);
	json_object_end(json);
}

static const char *yes_no(bool value)
{
	return value ? "yes" : "no";
}

static void add_path_line(struct output *out, uint8_t receive, uint8_t send, const char *verb)
{
	char receive_text[FORMAT_MAX], send_text[FORMAT_MAX];
	if (receive == 0 && send == 0) {
		output_puts(out, "    ADD-PATH                 no\n");
		return;
	}
	output_printf(out, "    ADD-PATH                 %sreceive %s; send %s\n", verb,
		format_families(receive, receive_text), format_families(send, send_text));
}

static void capabilities_text(
	struct output *out, const char *title, const struct capabilities *capabilities)
{
	char families[FORMAT_MAX];
	if (capabilities == NULL)
		return;
	output_printf(out, "  %s\n", title);
	output_printf(out, "    families                 %s%s\n",
		format_families(capabilities->families, families),
		capabilities->multiprotocol ? "" : " (implied: no multiprotocol capability)");
	if (capabilities->as4)
		output_printf(out, "    4-octet AS               yes, AS %" PRIu32 "\n",
			capabilities->as4_number);
	else
		output_puts(out, "    4-octet AS               no\n");
	output_printf(out, "    route refresh            %s, enhanced %s\n",
		yes_no(capabilities->route_refresh), yes_no(capabilities->enhanced_route_refresh));
	output_printf(
		out, "    extended message         %s\n", yes_no(capabilities->extended_message));
	add_path_line(out, capabilities->add_path_receive, capabilities->add_path_send, "can ");
	if (capabilities->graceful_restart.present)
		output_printf(out, "    graceful restart         %us, families %s%s%s\n",
			capabilities->graceful_restart.time,
			format_families(capabilities->graceful_restart.families, families),
			capabilities->graceful_restart.restarting ? ", restarting" : "",
			capabilities->graceful_restart.notification ? ", notification" : "");
	else
		output_puts(out, "    graceful restart         no\n");
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (capabilities->long_lived.families & FAMILY_BIT(family))
			output_printf(out, "    long-lived               %s %" PRIu32 "s%s\n",
				family_name(family), capabilities->long_lived.time[family],
				capabilities->long_lived.forwarding & FAMILY_BIT(family)
					? ", forwarding"
					: "");
	}
}

static void graceful_restart_text(struct output *out, const struct negotiated *negotiated)
{
	char receive[FORMAT_MAX], send[FORMAT_MAX];
	output_printf(out, "    graceful restart         we keep its %s, it keeps our %s%s\n",
		format_families(negotiated->graceful_restart_receive, receive),
		format_families(negotiated->graceful_restart_send, send),
		negotiated->graceful_notification ? ", after a NOTIFICATION too" : "");
	if ((negotiated->long_lived_receive | negotiated->long_lived_send) != 0)
		output_printf(out, "    long-lived               we keep its %s, it keeps our %s\n",
			format_families(negotiated->long_lived_receive, receive),
			format_families(negotiated->long_lived_send, send));
}

/* Paths that outlive their session. */
static void stale_text(struct output *out, const struct stale_view *stale)
{
	if (stale->families == 0)
		return;
	output_printf(out, "  Stale paths                %s%s\n",
		stale->retained != NULL ? "of the last session" : "wait for End-of-RIB",
		stale->restored ? ", restored from the journal" : "");
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if ((stale->families & FAMILY_BIT(family)) == 0)
			continue;
		output_printf(out, "    %-24s %" PRIu64, family_name(family), stale->paths[family]);
		if (stale->long_lived & FAMILY_BIT(family))
			output_printf(out, ", long-lived stale for %us\n",
				stale->long_lived_seconds[family]);
		else
			output_printf(out, ", for %us\n", stale->seconds);
	}
}

static void negotiated_text(struct output *out, const struct negotiated *negotiated)
{
	char families[FORMAT_MAX];
	if (negotiated == NULL)
		return;
	output_puts(out, "  Negotiated\n");
	output_printf(out, "    families                 %s\n",
		format_families(negotiated->families, families));
	if (negotiated->hold_time > 0)
		output_printf(out, "    timers                   hold %us, keepalive %us\n",
			negotiated->hold_time, negotiated->keepalive_time);
	else
		output_puts(out, "    timers                   none: hold time 0\n");
	output_printf(out, "    4-octet AS               %s\n", yes_no(negotiated->as4));
	output_printf(out, "    route refresh            %s, enhanced %s\n",
		yes_no(negotiated->route_refresh), yes_no(negotiated->enhanced_route_refresh));
	output_printf(
		out, "    extended message         %s\n", yes_no(negotiated->extended_message));
	add_path_line(out, negotiated->add_path_receive, negotiated->add_path_send, "we ");
	graceful_restart_text(out, negotiated);
}

static void messages_text(struct output *out, const struct peer_view *peer)
{
	static const struct table_column columns[] = {
		{ .title = "  Messages", .width = 26 },
		{ .title = "received", .right = true, .width = 12 },
		{ .title = "sent", .right = true, .width = 12 },
	};
	struct table table;
	table_begin(&table, columns, sizeof columns / sizeof columns[0]);
	for (unsigned type = MESSAGE_OPEN; type <= MESSAGE_ROUTE_REFRESH; type++) {
		table_cell(&table, "    %s", message_names[type]);
		table_cell(&table, "%" PRIu64, peer->messages_received[type]);
		table_cell(&table, "%" PRIu64, peer->messages_sent[type]);
	}
	table_cell(&table, "    bytes");
	table_cell(&table, "%" PRIu64, peer->bytes_received);
	table_cell(&table, "%" PRIu64, peer->bytes_sent);
	table_flush(&table, out);
	table_free(&table);
}

static void routes_text(struct output *out, const struct peer_view *peer)
{
	static const struct table_column columns[] = {
		{ .title = "  Routes", .width = 26 },
		{ .title = "received", .right = true, .width = 12 },
		{ .title = "best", .right = true, .width = 12 },
		{ .title = "advertised", .right = true, .width = 12 },
	};
	struct rib_peer_counts counts;
	struct table table;
	peer_counts(peer, &counts);
	table_begin(&table, columns, sizeof columns / sizeof columns[0]);
	for (unsigned family = 0; family < FAMILY_COUNT; family++) {
		if ((peer->negotiated->families & FAMILY_BIT(family)) == 0)
			continue;
		table_cell(&table, "    %s", family_name((enum family)family));
		table_cell(&table, "%" PRIu64, counts.paths[family]);
		table_cell(&table, "%" PRIu64, counts.best[family]);
		table_cell(&table, "%" PRIu64, counts.advertised[family]);
	}
	table_flush(&table, out);
	table_free(&table);
	output_puts(out, "  Dropped\n");
	for (unsigned reason = 0; reason < DROP_REASON_COUNT; reason++)
		output_printf(out, "    %-24s %" PRIu64 "\n",
			drop_reason_name((enum drop_reason)reason), counts.dropped[reason]);
	char backlog[FORMAT_MAX];
	output_printf(out, "  Output\n    update group             %u\n", counts.group);
	output_printf(out, "    state                    %s\n",
		counts.output_state != NULL ? counts.output_state : "-");
	output_printf(out, "    backlog                  %s\n",
		format_bytes(counts.output_backlog, backlog));
}

void peer_detail_text(struct output *out, const struct peer_view *peer)
{
	char address[IP_ADDRESS_TEXT_MAX], duration[FORMAT_MAX], id[16];
	output_printf(out, "Peer %s, AS %" PRIu32 ", group %s (%s)%s%s\n",
		ip_address_format(&peer->address, address), peer->as, peer->group->name,
		role_name(peer->group->role), peer->dynamic ? ", dynamic" : "",
		peer->passive ? ", passive" : "");
	if (peer->description != NULL)
		output_printf(out, "  Description                %s\n", peer->description);
	output_printf(out, "  State                      %s for %s\n", fsm_state_name(peer->state),
		format_duration(peer->state_seconds, duration));
	if (peer->retry_seconds > 0)
		output_printf(out, "  Next attempt               in %us\n", peer->retry_seconds);
	if (peer->local.len > 0)
		output_printf(out,
			"  Connection                 local address %s, remote port %u\n",
			ip_address_format(&peer->local, address), peer->remote_port);
	if (peer->bgp_id != 0)
		output_printf(
			out, "  BGP Identifier             %s\n", bgp_id_format(peer->bgp_id, id));
	output_printf(out, "  Established                %u time%s\n", peer->established_count,
		peer->established_count == 1 ? "" : "s");
	output_printf(out, "  Last down                  %s\n",
		peer->last_down != NULL && peer->last_down[0] != '\0' ? peer->last_down : "never");
	stale_text(out, &peer->stale);
	capabilities_text(out, "Capabilities we sent", peer->capabilities_sent);
	capabilities_text(out, "Capabilities received", peer->capabilities);
	negotiated_text(out, peer->negotiated);
	messages_text(out, peer);
	if (peer->rib_peer != NULL && peer->negotiated != NULL)
		routes_text(out, peer);
}
