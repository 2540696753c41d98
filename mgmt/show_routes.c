#include <inttypes.h>
#include <stdlib.h>

#include "mgmt/format.h"
#include "mgmt/route.h"
#include "mgmt/show.h"

/*
 * Between two looks at the clock. A path takes a few microseconds to render, but milliseconds where
 * its attributes are 64 KiB of communities: behind such a one they are looked at one by one.
 */
#define PATHS_AT_ONCE	4
#define PATHS_BIG_BYTES (16 * 1024)

enum { DIRECTION_RECEIVED, DIRECTION_ADVERTISED };

struct routes_state {
	struct rib_walk walk;
	uint8_t families; /* still to be walked */
	bool of_peer;
	struct ip_address peer;
	unsigned peer_session; /* how many times it was Established when the walk began */
	bool advertised;
	bool block; /* text: every attribute of each path */
	bool stale; /* a stale path was among them */
	bool big; /* the last paths took PATHS_BIG_BYTES */
	uint64_t paths;
	uint64_t prefixes;
	bool has_last;
	struct prefix last;
	struct request *request;
	struct table table;
	struct json json;
};

static void routes_state_free(void *state)
{
	struct routes_state *routes = state;
	table_free(&routes->table);
	free(routes);
}

static void visit_path(void *context, const struct rib_path_view *path)
{
	struct routes_state *routes = context;
	routes->paths++;
	if (!routes->has_last || !prefix_equal(&routes->last, &path->prefix))
		routes->prefixes++;
	routes->last = path->prefix;
	routes->has_last = true;
	routes->stale |= path->stale || route_long_lived_stale(path);
	if (routes->request->json)
		route_json(&routes->json, path, routes->advertised);
	else if (routes->block)
		route_block(&routes->request->out, path, routes->advertised);
	else
		route_row(&routes->table, path, routes->advertised);
}

/* What the walk needs to know of its peer. */
struct peer_now {
	const struct rib_peer *rib_peer;
	const struct rib_peer *retained; /* paths without a session (RFC 4724) */
	enum fsm_state state;
	unsigned session;
	uint8_t families;
};

static void look(void *context, const struct peer_view *peer)
{
	struct peer_now *now = context;
	now->rib_peer = peer->rib_peer;
	now->retained = peer->stale.retained;
	now->state = peer->state;
	now->session = peer->established_count;
	now->families = peer->negotiated != NULL ? peer->negotiated->families : 0;
}

/*
 * Looks the peer up: it may have gone since the last slice. False with a fault when it cannot be
 * walked.
 */
static bool find_peer(struct request *request, struct routes_state *routes, bool first)
{
	char name[IP_ADDRESS_TEXT_MAX];
	struct peer_now now = { 0 };
	ip_address_format(&routes->peer, name);
	bool exists = reflector_peer(request->reflector, &routes->peer, look, &now);
	if (!routes->advertised && now.rib_peer == NULL)
		now.rib_peer = now.retained;
	if (first && !exists) {
		request_fail(request, "no such peer %s: see show peers", name);
		return false;
	}
	if (first && now.rib_peer == NULL) {
		request_fail(request, "peer %s is not Established but %s: it has no routes", name,
			fsm_state_name(now.state));
		return false;
	}
	if (first)
		routes->peer_session = now.session;
	if (now.rib_peer == NULL || now.session != routes->peer_session) {
		request_fail(request,
			"the session with peer %s ended while its routes were shown: the answer is "
			"incomplete",
			name);
		return false;
	}
	routes->walk.peer = now.rib_peer;
	return true;
}

bool show_routes_families(struct request *request, uint8_t *families)
{
	const struct argument_value *values = request->line->values;
	const struct argument_value *prefix = &values[SHOW_ROUTES_PREFIX];
	const struct argument_value *match = &values[SHOW_ROUTES_MATCH];
	const struct argument_value *family = &values[SHOW_ROUTES_FAMILY];
	*families = FAMILIES_ALL;
	if (family->given)
		*families = FAMILY_BIT(family->family);
	if (prefix->given) {
		if ((*families & FAMILY_BIT(prefix->prefix.family)) == 0) {
			request_fail(request,
				"found family %s, expected %s, the family of the prefix",
				family_name(family->family), family_name(prefix->prefix.family));
			return false;
		}
		*families = FAMILY_BIT(prefix->prefix.family);
	} else if (match->given) {
		request_fail(request, "found %s, expected a prefix with it",
			match->choice == SHOW_ROUTES_LONGER ? "longer" : "exact");
		return false;
	}
	return true;
}

/* Turns the arguments into a walk. False with a fault when they contradict each other. */
static bool set_up(struct request *request, struct routes_state *routes)
{
	const struct argument_value *values = request->line->values;
	const struct argument_value *prefix = &values[SHOW_ROUTES_PREFIX];
	const struct argument_value *match = &values[SHOW_ROUTES_MATCH];
	const struct argument_value *direction = &values[SHOW_ROUTES_DIRECTION];
	struct rib_walk *walk = &routes->walk;

	if (!show_routes_families(request, &routes->families))
		return false;
	if (prefix->given) {
		walk->match_prefix = prefix->prefix;
		walk->match = prefix->bare ? RIB_MATCH_COVERING : RIB_MATCH_EXACT;
		if (match->given)
			walk->match = match->choice == SHOW_ROUTES_LONGER ? RIB_MATCH_LONGER
									  : RIB_MATCH_EXACT;
		routes->block = walk->match != RIB_MATCH_LONGER;
	}
	routes->of_peer = values[SHOW_ROUTES_PEER].given;
	if (!routes->of_peer && direction->given) {
		request_fail(request, "found %s, expected peer ADDRESS with it",
			direction->choice == DIRECTION_ADVERTISED ? "advertised" : "received");
		return false;
	}
	if (routes->of_peer) {
		routes->advertised = direction->given && direction->choice == DIRECTION_ADVERTISED;
		routes->peer = values[SHOW_ROUTES_PEER].address;
		walk->kind = routes->advertised ? RIB_WALK_ADVERTISED : RIB_WALK_RECEIVED;
	}
	return true;
}

static void next_family(struct routes_state *routes)
{
	unsigned family = 0;
	while ((routes->families & FAMILY_BIT(family)) == 0)
		family++;
	routes->walk.family = (enum family)family;
	routes->walk.started = false;
	routes->walk.finished = false;
	routes->walk.last = (struct prefix){ 0 };
}

static bool begin(struct request *request)
{
	struct routes_state *routes = request_state(request, sizeof *routes, routes_state_free);
	if (routes == NULL)
		return false;
	routes->request = request;
	table_begin(&routes->table, route_columns, route_columns_count);
	if (!set_up(request, routes))
		return false;
	if (routes->of_peer && !find_peer(request, routes, true))
		return false;
	next_family(routes);
	if (request->json) {
		routes->json = json_to(&request->out);
		json_object_begin(&routes->json);
		json_key(&routes->json, "routes");
		json_array_begin_lines(&routes->json);
	}
	return true;
}

static void finish(struct request *request, struct routes_state *routes)
{
	struct output *out = &request->out;
	if (request->json) {
		json_array_end(&routes->json);
		json_object_end(&routes->json);
		output_puts(out, "\n");
		return;
	}
	const struct argument_value *prefix = &request->line->values[SHOW_ROUTES_PREFIX];
	char text[PREFIX_TEXT_MAX];
	if (routes->paths == 0 && prefix->given)
		output_printf(out, "no route %s %s\n",
			routes->walk.match == RIB_MATCH_COVERING ? "covers" : "matches",
			prefix_format(&prefix->prefix, text));
	else if (routes->paths == 0)
		output_puts(out, "no routes\n");
	else if (!routes->block)
		output_printf(out,
			"\n%" PRIu64 " path%s of %" PRIu64 " prefix%s; * is the best path%s\n",
			routes->paths, routes->paths == 1 ? "" : "s", routes->prefixes,
			routes->prefixes == 1 ? "" : "es",
			routes->stale ? ", s a stale one, l a long-lived stale one" : "");
}

/* Bytes that this slice has rendered so far. */
static size_t rendered(const struct routes_state *routes)
{
	return routes->request->out.len + routes->table.cells.len;
}

bool show_routes(struct request *request)
{
	if (request->line->values[SHOW_ROUTES_AT].given)
		return show_routes_at(request);
	if (request->state == NULL && !begin(request))
		return true;
	struct routes_state *routes = request->state;
	if (routes->of_peer && !find_peer(request, routes, false))
		return true;

	uint64_t started = request_clock();
	uint64_t until = routes->paths + SLICE_PATHS;
	struct rib *rib = reflector_rib(request->reflector);
	while (routes->families != 0 && routes->paths < until &&
		request_may_go_on(request, started) && routes->table.cells.len < SLICE_BYTES) {
		size_t before = rendered(routes);
		rib_walk(rib, &routes->walk, routes->big ? 1 : PATHS_AT_ONCE, visit_path, routes);
		routes->big = rendered(routes) - before > PATHS_BIG_BYTES;
		if (routes->walk.finished) {
			routes->families &= (uint8_t)~FAMILY_BIT(routes->walk.family);
			if (routes->families != 0)
				next_family(routes);
		}
	}
	if (!request->json && !routes->block && routes->paths > 0)
		table_flush(&routes->table, &request->out);
	if (routes->families != 0)
		return false;
	finish(request, routes);
	return true;
}
