#include <inttypes.h>
#include <stdlib.h>

#include "mgmt/format.h"
#include "mgmt/show.h"
#include "rr/journal.h"

#define AWAITED_MAX 8 /* peers that a line names */

struct awaited {
	struct output *out; /* text */
	struct json *json; /* or JSON */
	unsigned n;
};

static void name_awaited(void *context, const struct peer_view *peer)
{
	struct awaited *awaited = context;
	char address[IP_ADDRESS_TEXT_MAX];
	if (!peer->stale.awaited)
		return;
	ip_address_format(&peer->address, address);
	if (awaited->json != NULL)
		json_string(awaited->json, address);
	else if (awaited->n++ < AWAITED_MAX)
		output_printf(awaited->out, " %s", address);
}

/* The reflector's own restart: null when none is under way. */
static void restart_json(
	struct request *request, struct json *json, const struct reflector_totals *totals)
{
	struct awaited awaited = { .json = json };
	json_key(json, "restart");
	if (!totals->restarting) {
		json_null(json);
		return;
	}
	json_object_begin(json);
	json_key_uint(json, "seconds-left", totals->restart_seconds);
	json_key_bool(json, "end-of-rib-held", totals->end_of_rib_held);
	json_key_uint(json, "restored-peers", totals->restored_peers);
	json_key(json, "awaited-peers");
	json_array_begin(json);
	reflector_peers(request->reflector, name_awaited, &awaited);
	json_array_end(json);
	json_object_end(json);
}

static void restart_text(struct request *request, const struct reflector_totals *totals)
{
	struct output *out = &request->out;
	struct awaited awaited = { .out = out };
	if (totals->restarting) {
		output_printf(out, "Restarting: at most %us left, %u of %u peers back",
			totals->restart_seconds,
			totals->restored_peers > totals->awaited_peers
				? totals->restored_peers - totals->awaited_peers
				: 0,
			totals->restored_peers);
		if (totals->awaited_peers > 0)
			output_puts(out, "; waiting for");
		reflector_peers(request->reflector, name_awaited, &awaited);
		if (awaited.n > AWAITED_MAX)
			output_printf(out, " and %u more", awaited.n - AWAITED_MAX);
		output_puts(out, "\n");
	}
	if (totals->stale_peers > 0)
		output_printf(out,
			"Stale: %" PRIu64 " ipv4-unicast, %" PRIu64
			" ipv6-unicast paths of %u peer%s\n",
			totals->stale_paths[FAMILY_IPV4_UNICAST],
			totals->stale_paths[FAMILY_IPV6_UNICAST], totals->stale_peers,
			totals->stale_peers == 1 ? "" : "s");
}

static void summary_json(struct request *request, const struct config *config,
	const struct reflector_totals *totals, const struct rib_counts *counts)
{
	struct json json = json_to(&request->out);
	json_object_begin(&json);
	json_key_string(&json, "version", HELIOSTAT_VERSION);
	json_key_bgp_id(&json, "router-id", config->router_id);
	json_key_uint(&json, "as", config->as);
	json_key_bgp_id(&json, "cluster-id", config->cluster_id);
	json_key_uint(&json, "started", totals->started);
	json_key_uint(&json, "uptime-seconds", totals->uptime);
	json_key_uint(&json, "peers", totals->peers);
	json_key_uint(&json, "established", totals->established);
	json_key_family_counts(&json, "prefixes", counts->prefixes);
	json_key_family_counts(&json, "paths", counts->paths);
	json_key_uint(&json, "attribute-sets", counts->attribute_sets);
	json_key_uint(&json, "update-groups", counts->groups);
	json_key_uint(&json, "updates-received", counts->updates_received);
	json_key_uint(&json, "updates-encoded", counts->updates_encoded);
	json_key_uint(&json, "memory-bytes", counts->memory);
	json_key_uint(&json, "connections-accepted", totals->connections_accepted);
	json_key_uint(&json, "connections-refused", totals->connections_refused);
	json_key_uint(&json, "reloads", totals->reloads);
	json_key_uint(&json, "stale-peers", totals->stale_peers);
	json_key_family_counts(&json, "stale-paths", totals->stale_paths);
	restart_json(request, &json, totals);
	struct journal_view journal;
	json_key_string(&json, "journal",
		!reflector_journal(request->reflector, &journal) ? NULL
		: journal.status.degraded			 ? "degraded"
								 : "ok");
	json_object_end(&json);
	output_puts(&request->out, "\n");
}

static void summary_journal(struct request *request)
{
	struct journal_view journal;
	char size[FORMAT_MAX];
	if (!reflector_journal(request->reflector, &journal))
		return;
	output_printf(&request->out, "Journal: %s, %s%s%s\n",
		journal.status.degraded ? "degraded" : "ok",
		format_bytes(journal.status.file_size, size), journal.status.degraded ? ": " : "",
		journal.status.degraded ? journal.status.reason : "");
}

static void summary_text(struct request *request, const struct config *config,
	const struct reflector_totals *totals, const struct rib_counts *counts)
{
	struct output *out = &request->out;
	char router_id[16], cluster_id[16], uptime[FORMAT_MAX], memory[FORMAT_MAX];
	output_printf(out, "heliostatd %s, router ID %s, AS %" PRIu32 ", cluster ID %s, up %s\n",
		HELIOSTAT_VERSION, bgp_id_format(config->router_id, router_id), config->as,
		bgp_id_format(config->cluster_id, cluster_id),
		format_duration(totals->uptime, uptime));
	output_printf(out, "Peers: %u, of these %u Established, in %" PRIu64 " update group%s\n",
		totals->peers, totals->established, counts->groups, counts->groups == 1 ? "" : "s");
	for (unsigned family = 0; family < FAMILY_COUNT; family++)
		output_printf(out, "%s: %" PRIu64 " prefixes, %" PRIu64 " paths\n",
			family_name((enum family)family), counts->prefixes[family],
			counts->paths[family]);
	output_printf(out, "Table: %" PRIu64 " attribute sets, %s of memory\n",
		counts->attribute_sets, format_bytes(counts->memory, memory));
	output_printf(out, "UPDATE messages: %" PRIu64 " received, %" PRIu64 " encoded\n",
		counts->updates_received, counts->updates_encoded);
	summary_journal(request);
	restart_text(request, totals);
	output_printf(out,
		"Connections: %" PRIu64 " accepted, %" PRIu64
		" refused (no such peer); reloads: %" PRIu64 "\n\n",
		totals->connections_accepted, totals->connections_refused, totals->reloads);
}

bool show_summary(struct request *request)
{
	if (request->state != NULL)
		return peer_list_render(request->state, request);

	struct reflector_totals totals;
	reflector_totals(request->reflector, &totals);
	struct rib_counts counts;
	rib_counts(reflector_rib(request->reflector), &counts);
	const struct config *config = reflector_config(request->reflector);
	if (request->json) {
		summary_json(request, config, &totals, &counts);
		return true;
	}
	summary_text(request, config, &totals, &counts);
	struct peer_list *list = peer_list_new(request->reflector);
	if (list == NULL)
		return request_no_memory(request);
	request->state = list;
	request->state_free = peer_list_free;
	return false;
}
