#include "mgmt/history.h"

#include <inttypes.h>
#include <string.h>

#include "bgp/error.h"
#include "bgp/fsm.h"
#include "mgmt/format.h"
#include "mgmt/route.h"
#include "mgmt/time_text.h"
#include "rib/capture.h"

/* A path of the past as route.c wants it. `keys` and `best` must outlive the view. */
static struct rib_path_view view_of(
	const struct prefix *prefix, const struct journal_best *best, struct attribute_keys *keys)
{
	struct attribute_view origin;
	*keys = (struct attribute_keys){ .local_pref = 100 };
	if (best->next_hop.len > 0 && best->next_hop.len <= NEXT_HOP_MAX) {
		keys->next_hop_len = (uint8_t)best->next_hop.len;
		memcpy(keys->next_hop, best->next_hop.bytes, best->next_hop.len);
	}
	if (attribute_find(best->attributes, ATTRIBUTE_ORIGIN, &origin) && origin.value.len == 1)
		keys->origin = origin.value.bytes[0];
	return (struct rib_path_view){
		.prefix = *prefix,
		.path_id = best->path_id,
		.peer_address = best->peer,
		.peer_as = best->peer_as,
		.peer_bgp_id = best->peer_bgp_id,
		.best = true,
		.keys = keys,
		.attributes = best->attributes,
	};
}

static const char *cause_name(uint8_t cause)
{
	return cause < BEST_CAUSE_COUNT ? best_cause_name((enum best_cause)cause) : "unknown";
}

/*
 * Whose doing a change was: of who announced the new best path, else of who had the old one and
 * withdrew or changed it, or lost his session.
 */
static const struct ip_address *cause_peer(const struct journal_row *row)
{
	if (!row->old.present || (row->new.present && row->cause == BEST_ANNOUNCED))
		return &row->new.peer;
	return &row->old.peer;
}

static const char *address_text(const struct ip_address *address, char text[IP_ADDRESS_TEXT_MAX])
{
	return address->len == 0 ? "-" : ip_address_format(address, text);
}

/* Text */

const struct table_column history_change_columns[] = {
	{ .title = "Time", .width = 32 },
	{ .title = "Cause", .width = 9 },
	{ .title = "By", .width = 10 },
	{ .title = " " },
	{ .title = "Path ID", .right = true },
	{ .title = "Next hop", .width = 15 },
	{ .title = "Peer", .width = 15 },
	{ .title = "MED", .right = true, .width = 5 },
	{ .title = "Pref", .right = true, .width = 5 },
	{ .title = "Origin", .width = 6 },
	{ .title = "AS path" },
};
const size_t history_change_columns_count = sizeof history_change_columns /
					    sizeof history_change_columns[0];

static void change_row(struct table *table, const struct journal_row *row,
	const struct journal_best *best, bool first, const char *mark)
{
	char text[TIME_TEXT_MAX > IP_ADDRESS_TEXT_MAX ? TIME_TEXT_MAX : IP_ADDRESS_TEXT_MAX];
	struct attribute_keys keys;
	struct rib_path_view view = view_of(&row->prefix, best, &keys);
	table_cell(table, "%s", first ? time_text_format(row->time, text) : "");
	table_cell(table, "%s", first ? cause_name(row->cause) : "");
	table_cell(table, "%s", first ? address_text(cause_peer(row), text) : "");
	table_cell(table, "%s", mark);
	if (best->present) {
		route_cells(table, &view, false);
		return;
	}
	table_cell(table, "%s", "none");
	for (unsigned i = 1; i < ROUTE_CELLS; i++)
		table_cell(table, "%s", "");
}

void history_change_rows(struct table *table, const struct journal_row *row)
{
	if (row->old.present)
		change_row(table, row, &row->old, true, "-");
	if (row->new.present || !row->old.present)
		change_row(table, row, &row->new, !row->old.present, "+");
}

const struct table_column history_event_columns[] = {
	{ .title = "Time", .width = 32 },
	{ .title = "Event", .width = 28 },
	{ .title = "Text" },
};
const size_t history_event_columns_count = sizeof history_event_columns /
					   sizeof history_event_columns[0];

static const char *state_name(uint8_t state)
{
	return state <= FSM_ESTABLISHED ? fsm_state_name((enum fsm_state)state) : "unknown";
}

/* Text that came from a peer or a user: what is not printable would reach the terminal. */
static int printable_len(struct span text)
{
	return utf8_printable((const char *)text.bytes, text.len) ? (int)text.len : 0;
}

void history_event_row(struct table *table, const struct journal_row *row)
{
	char text[96];
	table_cell(table, "%s", time_text_format(row->time, text));
	if (row->event == JOURNAL_EVENT_STATE)
		table_cell(
			table, "%s -> %s", state_name(row->state_before), state_name(row->state));
	else
		table_cell(table, "%s %s", row->event == JOURNAL_EVENT_SENT ? "sent" : "received",
			bgp_error_format(row->code, row->subcode, text, sizeof text));
	table_cell(table, "%.*s", printable_len(row->text),
		row->text.bytes != NULL ? (const char *)row->text.bytes : "");
}

void history_route_row(struct table *table, const struct journal_row *row)
{
	struct attribute_keys keys;
	struct rib_path_view view = view_of(&row->prefix, &row->new, &keys);
	route_row(table, &view, false);
}

void history_route_block(struct output *out, const struct journal_row *row)
{
	char text[PREFIX_TEXT_MAX], since[TIME_TEXT_MAX], id[16];
	struct attribute_keys keys;
	struct rib_path_view view = view_of(&row->prefix, &row->new, &keys);
	output_printf(out, "%s, best since %s\n", prefix_format(&row->prefix, text),
		time_text_format(row->time, since));
	output_printf(out, "    %-25s %s, AS %" PRIu32 ", BGP Identifier %s\n", "peer",
		address_text(&view.peer_address, text), view.peer_as,
		bgp_id_format(view.peer_bgp_id, id));
	route_block_attributes(out, &view, false);
}

bool history_is_notice(const struct journal_row *row)
{
	return row->kind == JOURNAL_ROW_GAP || row->kind == JOURNAL_ROW_RUN ||
	       row->kind == JOURNAL_ROW_PRUNED;
}

void history_notice(struct output *out, const struct journal_row *row)
{
	char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
	time_text_format(row->time, from);
	switch (row->kind) {
	case JOURNAL_ROW_GAP:
		output_printf(out,
			"-- history is incomplete from %s to %s: %" PRIu64 " change%s lost\n", from,
			time_text_format(row->to, to), row->lost, row->lost == 1 ? "" : "s");
		break;
	case JOURNAL_ROW_RUN:
		output_printf(out, "-- %s: heliostatd started %s", from,
			row->restored ? "with its table restored" : "with an empty table");
		if (row->alive_at != 0)
			output_printf(out, "; nothing was recorded after %s",
				time_text_format(row->alive_at, to));
		output_puts(out, "\n");
		break;
	case JOURNAL_ROW_PRUNED:
		output_printf(out, "-- history before %s has been pruned\n", from);
		break;
	default: break;
	}
}

/* JSON */

static void json_key_time(struct json *json, const char *key, uint64_t time)
{
	char text[TIME_TEXT_MAX];
	json_key_string(json, key, time_text_format_utc(time, text));
}

static void json_key_span(struct json *json, const char *key, struct span text)
{
	json_key(json, key);
	if (text.bytes != NULL)
		json_string_of(json, (const char *)text.bytes, text.len);
	else
		json_null(json);
}

static void json_path_head(struct json *json, const struct rib_path_view *view)
{
	json_key_uint(json, "path-id", view->path_id);
	json_key_address(json, "peer", &view->peer_address);
	json_key_uint(json, "peer-as", view->peer_as);
	json_key_bgp_id(json, "peer-bgp-identifier", view->peer_bgp_id);
}

static void json_path(struct json *json, const char *key, const struct prefix *prefix,
	const struct journal_best *best)
{
	struct attribute_keys keys;
	json_key(json, key);
	if (!best->present) {
		json_null(json);
		return;
	}
	struct rib_path_view view = view_of(prefix, best, &keys);
	json_object_begin(json);
	json_path_head(json, &view);
	route_json_attributes(json, &view, false);
	json_object_end(json);
}

static void json_change(struct json *json, const struct journal_row *row)
{
	char text[PREFIX_TEXT_MAX];
	json_key_string(json, "prefix", prefix_format(&row->prefix, text));
	json_key_string(json, "family", family_name((enum family)row->prefix.family));
	json_key_string(json, "cause", cause_name(row->cause));
	json_key_address(json, "peer", cause_peer(row));
	json_path(json, "old", &row->prefix, &row->old);
	json_path(json, "new", &row->prefix, &row->new);
}

static void json_event(struct json *json, const struct journal_row *row)
{
	static const char *const names[] = {
		[JOURNAL_EVENT_STATE] = "state",
		[JOURNAL_EVENT_SENT] = "notification-sent",
		[JOURNAL_EVENT_RECEIVED] = "notification-received",
	};
	char text[96];
	bool state = row->event == JOURNAL_EVENT_STATE;
	json_key_address(json, "peer", &row->peer);
	json_key_string(json, "event",
		row->event < sizeof names / sizeof names[0] ? names[row->event] : NULL);
	json_key_string(json, "state-before", state ? state_name(row->state_before) : NULL);
	json_key_string(json, "state", state ? state_name(row->state) : NULL);
	json_key(json, "code");
	state ? json_null(json) : json_uint(json, row->code);
	json_key(json, "subcode");
	state ? json_null(json) : json_uint(json, row->subcode);
	json_key_string(json, "notification",
		state ? NULL : bgp_error_format(row->code, row->subcode, text, sizeof text));
	json_key_span(json, "text", row->text);
}

static void json_hash(struct json *json, struct span hash)
{
	static const char digits[] = "0123456789abcdef";
	json_key(json, "hash");
	json_string_begin(json);
	for (size_t i = 0; i < hash.len; i++) {
		char pair[2] = { digits[hash.bytes[i] >> 4], digits[hash.bytes[i] & 15] };
		json_string_add(json, pair, 2);
	}
	json_string_end(json);
}

static void json_route(struct json *json, const struct journal_row *row)
{
	char text[PREFIX_TEXT_MAX];
	struct attribute_keys keys;
	struct rib_path_view view = view_of(&row->prefix, &row->new, &keys);
	json_key_string(json, "prefix", prefix_format(&row->prefix, text));
	json_key_string(json, "family", family_name((enum family)row->prefix.family));
	json_key_bool(json, "best", true);
	json_key_time(json, "since", row->time);
	json_path_head(json, &view);
	json_key_null(json, "peer-role");
	route_json_attributes(json, &view, false);
}

void history_json(struct json *json, const struct journal_row *row)
{
	static const char *const types[] = {
		[JOURNAL_ROW_CHANGE] = "change",
		[JOURNAL_ROW_EVENT] = "event",
		[JOURNAL_ROW_GAP] = "gap",
		[JOURNAL_ROW_RUN] = "start",
		[JOURNAL_ROW_PRUNED] = "pruned",
		[JOURNAL_ROW_CONFIG] = "config",
		[JOURNAL_ROW_AUDIT] = "audit",
	};
	json_object_begin(json);
	if (row->kind != JOURNAL_ROW_ROUTE) {
		json_key_string(json, "type", types[row->kind]);
		json_key_time(json, "time", row->time);
	}
	switch (row->kind) {
	case JOURNAL_ROW_CHANGE: json_change(json, row); break;
	case JOURNAL_ROW_ROUTE: json_route(json, row); break;
	case JOURNAL_ROW_EVENT: json_event(json, row); break;
	case JOURNAL_ROW_GAP:
		json_key_time(json, "until", row->to);
		json_key_uint(json, "lost", row->lost);
		break;
	case JOURNAL_ROW_RUN:
		json_key_bool(json, "restored", row->restored);
		if (row->alive_at != 0)
			json_key_time(json, "recorded-until", row->alive_at);
		else
			json_key_null(json, "recorded-until");
		break;
	case JOURNAL_ROW_PRUNED: break;
	case JOURNAL_ROW_CONFIG:
		json_key_uint(json, "number", row->number);
		json_key_span(json, "who", row->who);
		json_key_span(json, "comment", row->about);
		json_key_span(json, "text", row->text);
		break;
	case JOURNAL_ROW_AUDIT:
		json_key_uint(json, "number", row->number);
		json_key_span(json, "who", row->who);
		json_key_span(json, "action", row->about);
		json_key_span(json, "detail", row->text);
		json_hash(json, row->hash);
		break;
	}
	json_object_end(json);
}
