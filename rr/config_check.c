#include "rr/config_read.h"

#include <stdlib.h>
#include <string.h>

#include "rr/config_value.h"

/*
 * RFC 4456 section 2: clients and non-clients are internal peers. An external peer is of another
 * AS.
 */
static void check_group_as(struct config_draft *draft, size_t index)
{
	const struct config *config = draft->config;
	struct config_group *group = &draft->config->groups[index];
	const struct group_places *places = &draft->groups[index];
	if (places->faulty)
		return;
	if (!places->as.line) {
		if (group->role == ROLE_EXTERNAL)
			config_fault(draft->faults, places->name,
				"found the external group %s without the key \"as\", expected the "
				"AS number of its peers",
				group->name);
		group->as = config->as;
		return;
	}
	if (!draft->as_valid)
		return;
	if (group->role == ROLE_EXTERNAL && group->as == config->as)
		config_fault(draft->faults, places->as,
			"found as %u, the AS of the router, for the external group %s, expected "
			"another AS (or the role client or non-client)",
			group->as, group->name);
	else if (group->role != ROLE_EXTERNAL && group->as != config->as)
		config_fault(draft->faults, places->as,
			"found as %u for the %s group %s, expected %u, the AS of the router (or "
			"the role external)",
			group->as, group->role == ROLE_CLIENT ? "client" : "non-client",
			group->name, config->as);
}

/* RFC 9494 section 4.1: it goes on where Graceful Restart ends, for families of the session. */
static void check_long_lived(struct config_draft *draft, size_t index)
{
	const struct config_group *group = &draft->config->groups[index];
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		const struct config_position *at = &draft->groups[index].long_lived[family];
		if (!at->line || !group->long_lived_time[family])
			continue;
		if (!group->graceful_restart)
			config_fault(draft->faults, *at,
				"found long-lived-graceful-restart for group %s, which has "
				"graceful-restart: false, expected graceful-restart: true with it",
				group->name);
		else if (!(group->families & FAMILY_BIT(family)))
			config_fault(draft->faults, *at,
				"found a time for %s, which is not among the families of group "
				"%s, expected one of its families",
				family_name(family), group->name);
	}
}

/* A dynamic range and where it stands. */
struct placed_range {
	const struct prefix *prefix;
	const struct config_group *group;
	struct config_position at;
};

/*
 * In the order of a table walk, so that a range follows those that cover it; equal ones as they
 * stand in the file.
 */
static int compare_range(const void *left, const void *right)
{
	const struct placed_range *a = left, *b = right;
	int order = prefix_compare(a->prefix, b->prefix);
	if (order)
		return order;
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	return a->at.column < b->at.column ? -1 : a->at.column > b->at.column;
}

static void overlap_fault(struct config_draft *draft, const struct placed_range *outer,
	const struct placed_range *inner)
{
	char text[PREFIX_TEXT_MAX], other[PREFIX_TEXT_MAX];
	/* Complain of the one that comes later in the file, point at the earlier. */
	bool swap = inner->at.line < outer->at.line ||
		    (inner->at.line == outer->at.line && inner->at.column < outer->at.column);
	const struct placed_range *later = swap ? outer : inner, *earlier = swap ? inner : outer;
	prefix_format(later->prefix, text);
	prefix_format(earlier->prefix, other);
	if (prefix_equal(outer->prefix, inner->prefix))
		config_fault(draft->faults, later->at,
			"found the dynamic range %s again, expected it once (it is at line %zu, "
			"column %zu, in group %s)",
			text, earlier->at.line, earlier->at.column, earlier->group->name);
	else
		config_fault(draft->faults, later->at,
			"found the dynamic range %s, which overlaps %s at line %zu, column %zu, in "
			"group %s, expected ranges apart",
			text, other, earlier->at.line, earlier->at.column, earlier->group->name);
}

static void check_ranges(struct config_draft *draft)
{
	const struct config *config = draft->config;
	size_t total = 0, n = 0;
	for (size_t i = 0; i < config->n_groups; i++)
		total += config->groups[i].n_dynamic;
	struct placed_range *ranges = calloc(total + 1, sizeof(*ranges));
	if (!ranges) {
		draft->faults->no_memory = true;
		return;
	}
	for (size_t i = 0; i < config->n_groups; i++)
		for (size_t j = 0; j < config->groups[i].n_dynamic; j++)
			ranges[n++] = (struct placed_range){ &config->groups[i].dynamic[j],
				&config->groups[i], draft->groups[i].dynamic[j] };
	qsort(ranges, n, sizeof(*ranges), compare_range);
	/* Prefixes nest or are apart: one that the last outermost does not cover begins anew. */
	size_t outer = 0;
	for (size_t i = 1; i < n; i++) {
		if (prefix_covers(ranges[outer].prefix, ranges[i].prefix))
			overlap_fault(draft, &ranges[outer], &ranges[i]);
		else
			outer = i;
	}
	free(ranges);
}

static bool covers_listen(const struct config_listen *wild, const struct config_listen *other)
{
	/* "::" is a dual-stack socket, so it takes the port for IPv4 too. */
	return wild->port == other->port && address_is_unspecified(&wild->address) &&
	       wild->address.len >= other->address.len;
}

static void check_listen(struct config_draft *draft)
{
	const struct config *config = draft->config;
	char text[IP_ADDRESS_TEXT_MAX], other[IP_ADDRESS_TEXT_MAX];
	for (size_t i = 1; draft->listen && i < config->n_listen; i++) {
		for (size_t j = 0; j < i; j++) {
			const struct config_listen *a = &config->listen[j], *b = &config->listen[i];
			if (!a->address.len || !b->address.len || !a->port || !b->port)
				continue;
			ip_address_format(&b->address, text);
			ip_address_format(&a->address, other);
			if (a->port == b->port && ip_address_compare(&a->address, &b->address) == 0)
				config_fault(draft->faults, draft->listen[i],
					"found %s port %u again, expected it once (it is at line "
					"%zu, column %zu)",
					text, b->port, draft->listen[j].line,
					draft->listen[j].column);
			else if (covers_listen(a, b) || covers_listen(b, a))
				config_fault(draft->faults, draft->listen[i],
					"found %s port %u, which overlaps %s port %u at line %zu, "
					"column %zu (\"::\" takes IPv4 too), expected sockets "
					"apart",
					text, b->port, other, a->port, draft->listen[j].line,
					draft->listen[j].column);
			else
				continue;
			break;
		}
	}
}

static void find_peer_group(struct config_draft *draft, size_t index)
{
	const struct config *config = draft->config;
	const struct peer_places *places = &draft->peers[index];
	struct config_peer *peer = &draft->config->peers[index];
	char quoted[CONFIG_QUOTE_MAX], hint[CONFIG_QUOTE_MAX + 32];
	if (!places->group_name)
		return;
	peer->group = config_group_find(config, places->group_name);
	if (peer->group)
		return;
	struct config_nearest nearest = { .text = places->group_name };
	/* Hints that nobody will see are not worth their time: this is done a peer and a group. */
	for (size_t i = 0; i < config->n_groups && draft->faults->n < CONFIG_FAULTS_MAX; i++)
		config_nearest_offer(&nearest, config->groups[i].name);
	config_fault(draft->faults, places->group,
		"found the unknown group %s, expected the name of a group under \"groups\"%s",
		config_quote(places->group_name, quoted), config_nearest_hint(&nearest, hint));
}

static void check_peer(struct config_draft *draft, size_t index)
{
	const struct peer_places *places = &draft->peers[index];
	struct config_peer *peer = &draft->config->peers[index];
	char text[IP_ADDRESS_TEXT_MAX];
	find_peer_group(draft, index);
	if (!places->passive_given && peer->group)
		peer->passive = peer->group->passive;
	if (places->address.line && places->local.line && peer->address.len != peer->local.len)
		config_fault(draft->faults, places->local,
			"found the local-address %s, expected an address of the peer's family, %s",
			ip_address_format(&peer->local, text),
			peer->address.len == 4 ? "IPv4" : "IPv6");
	/* Without an interface there is no way to connect to one. */
	if (places->address.line && peer->group && address_is_link_local(&peer->address) &&
		!peer->passive)
		config_fault(draft->faults, places->address,
			"found the link-local address %s, expected a global one (or passive: true)",
			ip_address_format(&peer->address, text));
}

/* A peer's address and where it stands. */
struct placed_peer {
	const struct ip_address *address;
	size_t index;
};

static int compare_peer(const void *left, const void *right)
{
	const struct placed_peer *a = left, *b = right;
	int order = ip_address_compare(a->address, b->address);
	if (order)
		return order;
	return a->index < b->index ? -1 : a->index > b->index;
}

static void check_peer_duplicates(struct config_draft *draft)
{
	const struct config *config = draft->config;
	char text[IP_ADDRESS_TEXT_MAX];
	struct placed_peer *peers = calloc(config->n_peers + 1, sizeof(*peers));
	if (!peers) {
		draft->faults->no_memory = true;
		return;
	}
	size_t n = 0, first = 0;
	for (size_t i = 0; i < config->n_peers; i++)
		if (draft->peers[i].address.line)
			peers[n++] = (struct placed_peer){ &config->peers[i].address, i };
	qsort(peers, n, sizeof(*peers), compare_peer);
	for (size_t i = 1; i < n; i++) {
		if (ip_address_compare(peers[first].address, peers[i].address) != 0) {
			first = i;
			continue;
		}
		const struct peer_places *earlier = &draft->peers[peers[first].index];
		config_fault(draft->faults, draft->peers[peers[i].index].address,
			"found the peer %s again, expected it once (it is at line %zu, column %zu)",
			ip_address_format(peers[i].address, text), earlier->address.line,
			earlier->address.column);
	}
	free(peers);
}

void config_check(struct config_draft *draft)
{
	const struct config *config = draft->config;
	if (draft->faults->no_memory)
		return;
	check_listen(draft);
	for (size_t i = 0; i < config->n_groups; i++) {
		check_group_as(draft, i);
		check_long_lived(draft, i);
	}
	check_ranges(draft);
	for (size_t i = 0; i < config->n_peers; i++)
		check_peer(draft, i);
	check_peer_duplicates(draft);
}
