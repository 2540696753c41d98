#include "tests/bench/feed.h"

#include <stdlib.h>
#include <string.h>

#include "tests/bench/announce.h"
#include "tests/bench/mrt.h"
#include "tests/bench/session.h"

#define FEED_PEERS_MAX 65536

struct fed_route {
	uint32_t set; /* first, to sort by */
	uint32_t slot;
	uint32_t peer_index;
};

struct feeding {
	struct bench *bench;
	const struct selection *selection;
	struct feed *feed;
	struct fed_route *routes;
	size_t n_routes, max_routes;
	uint32_t *speaker_of_peer; /* by peer index; while reading, 1 where a peer has routes */
	uint32_t n_fed_peers;
	bool no_memory;
	uint8_t canonical[CANONICAL_MAX];
};

/* MP_REACH_NLRI of a RIB entry: next hop length and next hop alone (RFC 6396 section 4.3.4), or, as
 * some write it, whole. */
static bool rib_next_hop(struct span value, struct span *next_hop)
{
	struct reader r = reader_of_span(value);
	uint8_t len, safi;
	uint16_t afi;

	if (value.len > 0 && value.bytes[0] == value.len - 1)
		return read_u8(&r, &len) && read_span(&r, len, next_hop);
	return read_u16(&r, &afi) && read_u8(&r, &safi) && read_u8(&r, &len) &&
	       read_span(&r, len, next_hop);
}

/* The attribute set of a RIB entry; 0 when its attributes are not fit to be announced. */
static uint32_t set_of_route(struct feeding *feeding, const struct mrt_route *route)
{
	/* The peers of a collector are external to it: what RFC 7606 discards from those does not
	 * count. */
	const struct attribute_context context = { .external = true, .as4 = true };
	struct attribute_faults faults = { 0 };
	struct attribute_keys keys;
	struct bgp_error error;
	struct span pieces[2] = { { route->attributes.bytes, 0 }, { NULL, 0 } },
		    next_hop = { NULL, 0 };
	struct reader r = reader_of_span(route->attributes);
	struct attribute_view view;
	struct writer w = writer_of(feeding->canonical, sizeof(feeding->canonical));
	size_t n_pieces = 0;

	while (attribute_next(&r, &view)) {
		if (view.type == ATTRIBUTE_MP_REACH_NLRI) {
			if (!rib_next_hop(view.value, &next_hop))
				return 0;
			n_pieces = 1;
			pieces[1] = (struct span){ r.at, 0 };
		} else {
			pieces[n_pieces].len = (size_t)(r.at - pieces[n_pieces].bytes);
		}
	}
	if (route->prefix.family == FAMILY_IPV6_UNICAST && next_hop.len == 0)
		return 0;
	if (feeding->feed->global_next_hops && next_hop.len == 32)
		next_hop.len = 16;
	attributes_decode(pieces, n_pieces + 1, (enum family)route->prefix.family,
		route->prefix.family == FAMILY_IPV6_UNICAST ? &next_hop : NULL, &context, &w, &keys,
		&faults, &error);
	if (faults.action >= ATTRIBUTE_TREAT_AS_WITHDRAW)
		return 0;
	uint32_t set = table_set(feeding->bench->table,
		(struct span){ feeding->canonical, writer_len(&w) },
		(struct span){ keys.next_hop, keys.next_hop_len });
	feeding->no_memory = feeding->no_memory || set == 0;
	return set;
}

static bool add_route(struct feeding *feeding, uint32_t slot, uint32_t set, uint32_t peer_index)
{
	if (feeding->n_routes == feeding->max_routes) {
		size_t max = feeding->max_routes ? feeding->max_routes * 2 : 4096;
		struct fed_route *bigger = realloc(feeding->routes, max * sizeof(*bigger));

		if (bigger == NULL)
			return false;
		feeding->routes = bigger;
		feeding->max_routes = max;
	}
	feeding->routes[feeding->n_routes++] = (struct fed_route){ set, slot, peer_index };
	return true;
}

static bool wanted(const struct feed *feed, const struct mrt_route *route)
{
	return (feed->families & FAMILY_BIT(route->prefix.family)) != 0 &&
	       (feed->peer_index < 0 || feed->peer_index == route->peer_index) &&
	       (feed->address.len == 0 ||
		       ip_address_compare(&feed->address, &route->peer->address) == 0);
}

static bool on_route(void *context, const struct mrt_route *route)
{
	struct feeding *feeding = context;

	if (!wanted(feeding->feed, route))
		return true;
	feeding->speaker_of_peer[route->peer_index] = 1;
	uint32_t set = set_of_route(feeding, route);
	uint32_t slot = table_slot(feeding->bench->table, &route->prefix, route->path_id);
	if (set == 0 && !feeding->no_memory) {
		feeding->feed->skipped++;
		return true;
	}
	feeding->no_memory = feeding->no_memory || slot == TABLE_NONE ||
			     !add_route(feeding, slot, set, route->peer_index);
	return !feeding->no_memory;
}

/* By attribute set, so that UPDATEs are as full as a router's; in the order of the file among
 * equals. */
static int fed_route_compare(const void *a, const void *b)
{
	const struct fed_route *x = a, *y = b;

	if (x->set != y->set)
		return x->set < y->set ? -1 : 1;
	return (x->slot > y->slot) - (x->slot < y->slot);
}

static bool announce_fed(struct feeding *feeding)
{
	const struct selection *selection = feeding->selection;

	if (feeding->n_routes > 0)
		qsort(feeding->routes, feeding->n_routes, sizeof(*feeding->routes),
			fed_route_compare);
	for (size_t i = 0; i < feeding->n_routes; i++) {
		const struct fed_route *route = &feeding->routes[i];
		uint32_t first = selection->first;

		if (feeding->feed->all)
			first += feeding->speaker_of_peer[route->peer_index];
		uint32_t last = feeding->feed->all ? first : selection->last;

		for (uint32_t k = first; k <= last; k++) {
			if (!speaker_route(&selection->group->speakers[k], route->slot, route->set))
				return false;
		}
	}
	for (uint32_t k = selection->first; k <= selection->last; k++)
		speaker_flush(feeding->bench, &selection->group->speakers[k]);
	feeding->feed->routes = feeding->n_routes;
	return true;
}

/* Gives the peers that have routes numbers from 0 in the order of their indexes. False when there
 * are too many. */
static bool number_peers(struct feeding *feeding)
{
	uint32_t speakers = feeding->selection->last - feeding->selection->first + 1;

	for (uint32_t i = 0; i < FEED_PEERS_MAX; i++) {
		if (feeding->speaker_of_peer[i] != 0)
			feeding->speaker_of_peer[i] = feeding->n_fed_peers++;
	}
	if (!feeding->feed->all || feeding->n_fed_peers <= speakers)
		return true;
	snprintf(feeding->feed->error, sizeof(feeding->feed->error),
		"%s: found %u peers with routes, expected at most %u, one a speaker",
		feeding->feed->path, feeding->n_fed_peers, speakers);
	return false;
}

static bool feed_file(struct feeding *feeding, const struct mrt_visitor *visitor)
{
	struct feed *feed = feeding->feed;

	feeding->speaker_of_peer = calloc(FEED_PEERS_MAX, sizeof(*feeding->speaker_of_peer));
	bool done = feeding->speaker_of_peer != NULL &&
		    mrt_read(feed->path, visitor, feed->error, sizeof(feed->error)) &&
		    !feeding->no_memory && number_peers(feeding) && announce_fed(feeding);
	if (!done && feed->error[0] == '\0')
		snprintf(feed->error, sizeof(feed->error), "%s: no memory for its routes",
			feed->path);
	free(feeding->routes);
	free(feeding->speaker_of_peer);
	return done;
}

bool feed_table(struct bench *bench, const struct selection *selection, struct feed *feed)
{
	struct feeding *feeding = calloc(1, sizeof(*feeding));

	if (feeding == NULL) {
		snprintf(feed->error, sizeof(feed->error), "no memory");
		return false;
	}
	feeding->bench = bench;
	feeding->selection = selection;
	feeding->feed = feed;
	const struct mrt_visitor visitor = { .route = on_route, .context = feeding };
	bool done = feed_file(feeding, &visitor);
	if (done && feed->routes == 0) {
		snprintf(feed->error, sizeof(feed->error), "%s: found no route of such a peer",
			feed->path);
		done = false;
	}
	free(feeding);
	return done;
}

static bool on_update(void *context, const struct mrt_update *update)
{
	struct feeding *feeding = context;
	const struct feed *feed = feeding->feed;
	const struct attribute_context attribute_context = { .external = true, .as4 = update->as4 };
	struct bgp_error error;

	if (feed->address.len != 0 &&
		ip_address_compare(&feed->address, &update->peer_address) != 0)
		return true;
	const struct decoded_update *decoded = table_decode(
		feeding->bench->table, update->body, &attribute_context, &error);
	if (decoded == NULL) {
		feeding->feed->skipped++;
		return true;
	}
	for (uint32_t i = 0; i < decoded->n_changes; i++) {
		uint32_t slot = decoded->changes[i].slot;
		uint8_t family = table_slot_of(feeding->bench->table, slot)->prefix.family;

		if ((feed->families & FAMILY_BIT(family)) == 0)
			continue;
		feeding->feed->routes++;
		for (uint32_t k = feeding->selection->first; k <= feeding->selection->last; k++) {
			if (!speaker_route(&feeding->selection->group->speakers[k], slot,
				    decoded->changes[i].set)) {
				feeding->no_memory = true;
				return false;
			}
		}
	}
	return true;
}

bool feed_updates(struct bench *bench, const struct selection *selection, struct feed *feed)
{
	struct feeding *feeding = calloc(1, sizeof(*feeding));
	uint64_t changes;

	if (feeding == NULL) {
		snprintf(feed->error, sizeof(feed->error), "no memory");
		return false;
	}
	feeding->bench = bench;
	feeding->selection = selection;
	feeding->feed = feed;
	const struct mrt_visitor visitor = { .update = on_update, .context = feeding };
	bool done = mrt_read(feed->path, &visitor, feed->error, sizeof(feed->error)) &&
		    !feeding->no_memory;
	changes = feed->routes;
	for (uint32_t k = selection->first; done && k <= selection->last; k++)
		speaker_flush(bench, &selection->group->speakers[k]);
	if (done && changes == 0) {
		snprintf(feed->error, sizeof(feed->error), "%s: found no UPDATE of such a peer",
			feed->path);
		done = false;
	}
	free(feeding);
	return done;
}

struct peer_count {
	struct mrt_peer peer;
	uint64_t routes[FAMILY_COUNT];
};

static bool count_route(void *context, const struct mrt_route *route)
{
	struct peer_count *count = (struct peer_count *)context + route->peer_index;

	count->peer = *route->peer;
	count->routes[route->prefix.family]++;
	return true;
}

bool feed_peers(struct feed *feed, FILE *to)
{
	struct peer_count *counts = calloc(FEED_PEERS_MAX, sizeof(*counts));
	const struct mrt_visitor visitor = { .route = count_route, .context = counts };
	char address[IP_ADDRESS_TEXT_MAX];
	const char *separator = "";

	if (counts == NULL) {
		snprintf(feed->error, sizeof(feed->error), "no memory");
		return false;
	}
	bool done = mrt_read(feed->path, &visitor, feed->error, sizeof(feed->error));
	for (uint32_t i = 0; done && i < FEED_PEERS_MAX; i++) {
		if (counts[i].peer.address.len == 0)
			continue;
		fprintf(to,
			"%s{\"peer-index\":%u,\"address\":\"%s\",\"as\":%u,\"ipv4-unicast\":%llu,"
			"\"ipv6-unicast\":%llu}",
			separator, i, ip_address_format(&counts[i].peer.address, address),
			counts[i].peer.as, (unsigned long long)counts[i].routes[0],
			(unsigned long long)counts[i].routes[1]);
		separator = ",";
	}
	free(counts);
	return done;
}
