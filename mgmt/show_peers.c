#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mgmt/format.h"
#include "mgmt/show.h"
#include "mgmt/table.h"

#define PEERS_AT_ONCE 50 /* between two looks at the clock */

static const struct table_column columns[] = {
	{ .title = "Peer", .width = 15 },
	{ .title = "AS", .right = true, .width = 5 },
	{ .title = "Group", .width = 8 },
	{ .title = "State", .width = 11 },
	{ .title = "Since", .right = true, .width = 8 },
	{ .title = "IPv4 in", .right = true },
	{ .title = "IPv6 in", .right = true },
	{ .title = "IPv4 out", .right = true },
	{ .title = "IPv6 out", .right = true },
	{ .title = "Last down" },
};

/*
 * The peers by address: a slice is rendered a call, and peers may go between two calls, so each is
 * looked up again when its turn comes.
 */
struct peer_list {
	struct ip_address *addresses;
	size_t n;
	size_t size;
	size_t at;
	bool failed;
	bool begun; /* json: the opening was written */
	struct table table;
	struct json json;
};

static void peer_list_add(void *context, const struct peer_view *peer)
{
	struct peer_list *list = context;
	if (list->failed)
		return;
	if (list->n == list->size) {
		size_t size = list->size > 0 ? list->size * 2 : 64;
		struct ip_address *addresses = reallocarray(
			list->addresses, size, sizeof addresses[0]);
		if (addresses == NULL) {
			list->failed = true;
			return;
		}
		list->addresses = addresses;
		list->size = size;
	}
	list->addresses[list->n++] = peer->address;
}

struct peer_list *peer_list_new(struct reflector *reflector)
{
	struct peer_list *list = calloc(1, sizeof *list);
	if (list == NULL)
		return NULL;
	reflector_peers(reflector, peer_list_add, list);
	table_begin(&list->table, columns, sizeof columns / sizeof columns[0]);
	if (list->failed) {
		peer_list_free(list);
		return NULL;
	}
	return list;
}

void peer_list_free(void *list)
{
	struct peer_list *peer_list = list;
	free(peer_list->addresses);
	table_free(&peer_list->table);
	free(peer_list);
}

void peer_counts(const struct peer_view *peer, struct rib_peer_counts *counts)
{
	*counts = (struct rib_peer_counts){ 0 };
	if (peer->rib_peer != NULL)
		rib_peer_counts(peer->rib_peer, counts);
	else if (peer->stale.retained != NULL)
		rib_peer_counts(peer->stale.retained, counts);
}

/* A count, or "-" where `families` has not the family. */
static void count_cell(struct table *table, uint8_t families, enum family family, uint64_t count)
{
	if ((families & FAMILY_BIT(family)) == 0)
		table_cell(table, "-");
	else
		table_cell(table, "%" PRIu64, count);
}

static void peer_row(void *context, const struct peer_view *peer)
{
	struct table *table = context;
	char address[IP_ADDRESS_TEXT_MAX], since[FORMAT_MAX];
	struct rib_peer_counts counts;
	uint8_t sent = peer->negotiated != NULL ? peer->negotiated->families : 0;
	uint8_t received = peer->stale.retained != NULL ? peer->stale.families : sent;
	peer_counts(peer, &counts);
	table_cell(table, "%s", ip_address_format(&peer->address, address));
	table_cell(table, "%" PRIu32, peer->as);
	table_cell(table, "%s", peer->group->name);
	table_cell(table, "%s%s", fsm_state_name(peer->state),
		peer->stale.families != 0 ? " (stale)" : "");
	table_cell(table, "%s", format_duration(peer->state_seconds, since));
	count_cell(table, received, FAMILY_IPV4_UNICAST, counts.paths[FAMILY_IPV4_UNICAST]);
	count_cell(table, received, FAMILY_IPV6_UNICAST, counts.paths[FAMILY_IPV6_UNICAST]);
	count_cell(table, sent, FAMILY_IPV4_UNICAST, counts.advertised[FAMILY_IPV4_UNICAST]);
	count_cell(table, sent, FAMILY_IPV6_UNICAST, counts.advertised[FAMILY_IPV6_UNICAST]);
	table_cell(table, "%s", peer->last_down != NULL ? peer->last_down : "");
}

static void peer_object(void *context, const struct peer_view *peer)
{
	peer_detail_json(context, peer);
}

static void json_begin(struct peer_list *list, struct request *request)
{
	if (list->begun)
		return;
	list->begun = true;
	list->json = json_to(&request->out);
	json_object_begin(&list->json);
	json_key(&list->json, "peers");
	json_array_begin_lines(&list->json);
}

static void json_finish(struct peer_list *list, struct request *request)
{
	json_array_end(&list->json);
	json_object_end(&list->json);
	output_puts(&request->out, "\n");
}

bool peer_list_render(struct peer_list *list, struct request *request)
{
	uint64_t started = request_clock();
	if (request->json)
		json_begin(list, request);
	while (list->at < list->n && request_may_go_on(request, started)) {
		for (unsigned i = 0; i < PEERS_AT_ONCE && list->at < list->n; i++, list->at++) {
			const struct ip_address *address = &list->addresses[list->at];
			if (request->json)
				reflector_peer(
					request->reflector, address, peer_object, &list->json);
			else
				reflector_peer(request->reflector, address, peer_row, &list->table);
		}
	}
	bool done = list->at == list->n;
	if (request->json && done)
		json_finish(list, request);
	else if (!request->json && list->n > 0)
		table_flush(&list->table, &request->out);
	else if (!request->json)
		output_puts(&request->out, "no peers: none is configured, none has connected\n");
	return done;
}

static void detail_text(void *context, const struct peer_view *peer)
{
	struct request *request = context;
	peer_detail_text(&request->out, peer);
}

static void detail_json(void *context, const struct peer_view *peer)
{
	struct request *request = context;
	struct json json = json_to(&request->out);
	json_object_begin(&json);
	json_key(&json, "peers");
	json_array_begin_lines(&json);
	peer_detail_json(&json, peer);
	json_array_end(&json);
	json_object_end(&json);
	output_puts(&request->out, "\n");
}

bool show_peers(struct request *request)
{
	if (request->state != NULL)
		return peer_list_render(request->state, request);

	const struct argument_value *address = &request->line->values[SHOW_PEERS_ADDRESS];
	if (address->given) {
		char text[IP_ADDRESS_TEXT_MAX];
		if (!reflector_peer(request->reflector, &address->address,
			    request->json ? detail_json : detail_text, request))
			return request_fail(request, "no such peer %s: see show peers",
				ip_address_format(&address->address, text));
		return true;
	}
	struct peer_list *list = peer_list_new(request->reflector);
	if (list == NULL)
		return request_no_memory(request);
	request->state = list;
	request->state_free = peer_list_free;
	return peer_list_render(list, request);
}
