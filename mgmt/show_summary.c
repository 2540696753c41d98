#include <inttypes.h>
#include <stdlib.h>

#include "mgmt/format.h"
#include "mgmt/show.h"

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
	json_object_end(&json);
	output_puts(&request->out, "\n");
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
