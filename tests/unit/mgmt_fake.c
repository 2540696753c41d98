#include "tests/unit/mgmt_fake.h"

#include <stdio.h>
#include <string.h>

#include "rr/journal.h"

const struct config *reflector_config(const struct reflector *reflector)
{
	return &reflector->config;
}

struct rib *reflector_rib(struct reflector *reflector)
{
	return (struct rib *)reflector;
}

struct event_base *reflector_event_base(struct reflector *reflector)
{
	return reflector->base;
}

void reflector_shutdown(struct reflector *reflector, const char *text)
{
	reflector->shutdowns++;
	snprintf(reflector->shutdown_text, sizeof reflector->shutdown_text, "%s",
		text != NULL ? text : "(none)");
}

void reflector_restart(struct reflector *reflector, const char *text)
{
	(void)text;
	reflector->restarts++;
}

void reflector_totals(const struct reflector *reflector, struct reflector_totals *totals)
{
	*totals = (struct reflector_totals){
		.uptime = 90061, .peers = (unsigned)reflector->n_peers, .connections_refused = 3
	};
}

struct journal_reader *reflector_ask_journal(
	struct reflector *reflector, const struct journal_ask *ask, char *text, size_t size)
{
	if (reflector->journal != NULL)
		return journal_reader_begin(
			reflector->journal_readers, reflector->journal, ask, text, size);
	snprintf(text, size, "no journal is kept");
	return NULL;
}

static void show(const struct reflector *reflector, const struct fake_peer *peer,
	void (*visit)(void *context, const struct peer_view *peer), void *context)
{
	static const struct negotiated negotiated = { .families = FAMILIES_ALL, .hold_time = 90 };
	static const struct capabilities capabilities = { .families = FAMILIES_ALL };
	struct peer_view view = {
		.address = peer->address,
		.group = &reflector->group,
		.as = 64512,
		.state = peer->established ? FSM_ESTABLISHED : FSM_ACTIVE,
		.established_count = peer->established_count,
		.last_down = "",
		.negotiated = peer->established ? &negotiated : NULL,
		.capabilities = peer->established ? &capabilities : NULL,
		.rib_peer = peer->established ? (const struct rib_peer *)peer : NULL,
	};
	visit(context, &view);
}

void reflector_peers(const struct reflector *reflector,
	void (*visit)(void *context, const struct peer_view *peer), void *context)
{
	for (size_t i = 0; i < reflector->n_peers; i++)
		show(reflector, &reflector->peers[i], visit, context);
}

bool reflector_peer(const struct reflector *reflector, const struct ip_address *address,
	void (*visit)(void *context, const struct peer_view *peer), void *context)
{
	for (size_t i = 0; i < reflector->n_peers; i++) {
		if (ip_address_compare(&reflector->peers[i].address, address) == 0) {
			show(reflector, &reflector->peers[i], visit, context);
			return true;
		}
	}
	return false;
}

bool reflector_journal(const struct reflector *reflector, struct journal_view *view)
{
	if (reflector->journal_view != NULL)
		*view = *reflector->journal_view;
	return reflector->journal_view != NULL;
}

bool reflector_compact_journal(struct reflector *reflector, char *text, size_t size)
{
	snprintf(text, size, "the journal is being compacted already");
	return reflector->compactions++ == 0;
}

void reflector_audit(
	struct reflector *reflector, const char *who, const char *action, const char *detail)
{
	snprintf(reflector->audit, sizeof reflector->audit, "%s, %s, %s", who, action,
		detail != NULL ? detail : "(none)");
}

enum clear_result reflector_clear(
	struct reflector *reflector, const struct ip_address *address, enum clear_kind kind)
{
	for (size_t i = 0; i < reflector->n_peers; i++) {
		struct fake_peer *peer = &reflector->peers[i];
		if (ip_address_compare(&peer->address, address) == 0) {
			peer->cleared[kind]++;
			return peer->clear[kind];
		}
	}
	return CLEAR_NO_SUCH_PEER;
}

void rib_counts(const struct rib *rib, struct rib_counts *counts)
{
	(void)rib;
	*counts = (struct rib_counts){ .groups = 1 };
}

void rib_peer_counts(const struct rib_peer *peer, struct rib_peer_counts *counts)
{
	(void)peer;
	*counts = (struct rib_peer_counts){ .paths = { 7, 8 }, .output_state = "current" };
}

void rib_groups(const struct rib *rib,
	void (*visit)(void *context, const struct rib_group_view *group), void *context)
{
	(void)rib;
	const struct rib_group_view view = { .number = 1, .families = FAMILIES_ALL, .peers = 2 };
	visit(context, &view);
}

/*
 * ORIGIN igp; AS_PATH 64513 4200000000; MED 20; LOCAL_PREF 150; communities; ORIGINATOR_ID;
 * CLUSTER_LIST; an unknown one.
 */
static const uint8_t attributes[] = { 0x40, 1, 1, 0, 0x40, 2, 10, 2, 2, 0, 0, 0xfc, 1, 0xfa, 0x56,
	0xea, 0, 0x80, 4, 4, 0, 0, 0, 20, 0x40, 5, 4, 0, 0, 0, 150, 0xc0, 8, 8, 0xfd, 0xe8, 0, 1,
	0xff, 0xff, 0xff, 1, 0x80, 9, 4, 10, 0, 0, 9, 0x80, 10, 8, 10, 0, 0, 1, 10, 0, 0, 2, 0xe0,
	99, 3, 1, 0xab, 0xff };

void rib_walk(struct rib *rib, struct rib_walk *walk, unsigned most,
	void (*visit)(void *context, const struct rib_path_view *path), void *context)
{
	struct reflector *reflector = (struct reflector *)rib;
	static const struct attribute_keys keys = {
		.med = 20, .local_pref = 150, .next_hop_len = 4, .next_hop = { 192, 0, 2, 7 }
	};
	uint32_t i = 0;
	reflector->walks++;
	if (walk->family != FAMILY_IPV4_UNICAST) {
		walk->finished = true;
		return;
	}
	if (walk->started)
		i = ((uint32_t)walk->last.bytes[1] << 16 | (uint32_t)walk->last.bytes[2] << 8 |
			    walk->last.bytes[3]) +
		    1;
	for (; most > 0 && i < reflector->routes; most--, i++) {
		struct rib_path_view path = {
			.prefix = { FAMILY_IPV4_UNICAST, 32,
				{ 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i } },
			.peer_address = reflector->peers[0].address,
			.peer_as = 64512,
			.peer_bgp_id = 0x0A000009,
			.best = true,
			.keys = &keys,
			.attributes = { attributes, sizeof attributes },
		};
		if (reflector->attributes.len > 0)
			path.attributes = reflector->attributes;
		if (walk->match == RIB_MATCH_EXACT &&
			!prefix_equal(&path.prefix, &walk->match_prefix))
			continue;
		reflector->visited++;
		walk->started = true;
		walk->last = path.prefix;
		visit(context, &path);
	}
	walk->finished = i == reflector->routes;
}
