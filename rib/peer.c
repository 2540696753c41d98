/*
 * Peers that come and go: with a session, which makes them members of an update group; without one
 * while their paths are retained (RFC 4724 section 4.2); and gone, until their paths are withdrawn
 * and nobody names them any more.
 */
#include <stdlib.h>
#include <string.h>

#include "rib/state.h"

/* A free peer number; 0 when there is none or memory is short. */
static uint16_t peer_number(struct rib *rib)
{
	struct rib_peer **peers;
	size_t room;
	size_t number = rib->peer_hint > 0 ? rib->peer_hint : 1;

	while (number < rib->peers_room && rib->peers[number] != NULL)
		number++;
	if (number > PEER_NUMBER_MAX)
		return 0;
	if (number >= rib->peers_room) {
		room = rib->peers_room ? rib->peers_room * 2 : 64;
		peers = realloc(rib->peers, room * sizeof(*peers));
		if (peers == NULL)
			return 0;
		memset(peers + rib->peers_room, 0, (room - rib->peers_room) * sizeof(*peers));
		rib->peers = peers;
		rib->peers_room = room;
	}
	rib->peer_hint = (uint16_t)(number + 1);
	return (uint16_t)number;
}

static void peer_free(struct rib_peer *peer)
{
	struct rib *rib = peer->rib;

	rib->peers[peer->number] = NULL;
	if (peer->number < rib->peer_hint)
		rib->peer_hint = peer->number;
	free(peer);
}

/* A peer without paths, and without a group yet. */
struct rib_peer *rib_peer_restore(struct rib *rib, const struct rib_peer_parameters *parameters)
{
	struct rib_peer *peer = calloc(1, sizeof(*peer));

	if (peer == NULL)
		return NULL;
	peer->number = peer_number(rib);
	if (peer->number == 0) {
		free(peer);
		return NULL;
	}
	peer->rib = rib;
	peer->parameters = *parameters;
	for (enum family family = 0; family < FAMILY_COUNT; family++)
		peer_paths_init(&peer->paths[family]);
	rib->peers[peer->number] = peer;
	return peer;
}

/*
 * Makes the peer a member of the group that these parameters call for. False when memory is short:
 * it has none then.
 */
static bool peer_join(struct rib_peer *peer, const struct rib_peer_parameters *parameters)
{
	struct update_group *group = update_group_find(peer->rib, parameters);

	if (group == NULL)
		return false;
	update_group_add(group, peer);
	if (!cohort_join(peer)) {
		update_group_leave(peer);
		return false;
	}
	peer->rib->n_peers++;
	return true;
}

struct rib_peer *rib_peer_up(struct rib *rib, const struct rib_peer_parameters *parameters)
{
	struct rib_peer *peer = rib_peer_restore(rib, parameters);

	if (peer == NULL)
		return NULL;
	if (!peer_join(peer, parameters)) {
		peer_free(peer);
		return NULL;
	}
	return peer;
}

/* The session is over. */
static void peer_leave(struct rib_peer *peer)
{
	peer->parameters.session = NULL;
	if (peer->group == NULL)
		return;
	update_group_leave(peer);
	peer->rib->n_peers--;
}

void rib_peer_down(struct rib *rib, struct rib_peer *peer)
{
	peer_leave(peer);
	stale_forget(peer);
	peer->departing = true;
	peer->departing_next = NULL;
	if (rib->departing != NULL)
		rib->departing_last->departing_next = peer;
	else
		rib->departing = peer;
	rib->departing_last = peer;
}

void rib_peer_retain(struct rib *rib, struct rib_peer *peer, uint8_t families)
{
	peer_leave(peer);
	peer->refreshing = 0;
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		struct peer_paths *paths = &peer->paths[family];

		peer_paths_move(paths, &rib->tables[family].paths, PATHS_FRESH, PATHS_STALE);
		if (!(families & FAMILY_BIT(family)))
			stale_doom(peer, family, BEST_PEER_DOWN);
	}
}

bool rib_peer_resume(struct rib *rib, struct rib_peer *peer,
	const struct rib_peer_parameters *parameters, uint8_t families)
{
	bool other_rules = parameters->role != peer->parameters.role ||
			   parameters->bgp_id != peer->parameters.bgp_id;

	(void)rib;
	if (!peer_join(peer, parameters))
		return false;
	update_group_recount(peer);
	peer->parameters = *parameters;
	peer->updates_received = peer->updates_sent = 0;
	memset(peer->dropped, 0, sizeof(peer->dropped));
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (!(families & parameters->families & FAMILY_BIT(family)))
			stale_doom(peer, family, BEST_STALE_EXPIRED);
	}
	if (other_rules)
		stale_reconsider(peer);
	return true;
}

/* The path is chosen, and told to others, by other rules now. */
void peer_redecide(struct rib *rib, enum family family, uint32_t number)
{
	table_redecide(&rib->tables[family], number);
	for (struct update_group *g = rib->groups; g != NULL; g = g->next) {
		if (family_is_add_path(g, family))
			update_group_mark(g, family, number);
	}
}

bool rib_peer_move(
	struct rib *rib, struct rib_peer *peer, const struct rib_peer_parameters *parameters)
{
	enum role before = peer->parameters.role;

	if (peer->group == NULL) {
		peer->parameters = *parameters;
		peer->parameters.session = NULL;
	} else if (!catch_up_move(peer, parameters)) {
		return false;
	}
	if (parameters->role == before)
		return true;
	stale_reconsider(peer);
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		const struct table *table = &rib->tables[family];
		uint32_t number = peer->paths[family].head[PATHS_FRESH];

		for (; number != PATH_NONE; number = table_path(table, number)->peer_next)
			peer_redecide(rib, family, number);
	}
	return true;
}

void *rib_peer_session(const struct rib_peer *peer)
{
	return peer->parameters.session;
}

bool rib_refresh(struct rib *rib, struct rib_peer *peer, enum family family, bool enhanced)
{
	(void)rib;
	return peer->group == NULL || catch_up_resend(peer, family, enhanced);
}

/* Withdraws the paths that a departed peer left, as far as the items go. True when all are gone. */
static bool withdraw_all(struct rib *rib, struct rib_peer *peer, unsigned *items)
{
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		const struct table *table = &rib->tables[family];

		for (unsigned list = 0; list < PATH_LISTS; list++) {
			const uint32_t *head = &peer->paths[family].head[list];

			for (; *head != PATH_NONE; --*items) {
				uint32_t next = table_path(table, *head)->peer_next;

				if (*items == 0)
					return false;
				/* The attributes lie anywhere: the next ones come while these go.
				 */
				if (next != PATH_NONE)
					__builtin_prefetch(table_path(table, next)->attrs, 1);
				adj_rib_in_withdraw(rib, peer, family, *head, BEST_PEER_DOWN);
			}
		}
	}
	return true;
}

/* Withdraws what departed peers left: as many paths as there are items. */
void peer_departures(struct rib *rib, unsigned *items)
{
	while (rib->departing != NULL && *items > 0) {
		struct rib_peer *peer = rib->departing;

		if (!withdraw_all(rib, peer, items))
			return;
		*items -= *items > 0; /* a peer without paths is work too */
		rib->departing = peer->departing_next;
		peer->departing_next = rib->departed;
		rib->departed = peer;
	}
}

/*
 * The numbers of peers that are gone may be given anew once no group has anything dirty: then no
 * Adj-RIB-Out names them.
 */
void peer_free_departed(struct rib *rib)
{
	for (const struct update_group *g = rib->groups; g != NULL; g = g->next) {
		for (enum family family = 0; family < FAMILY_COUNT; family++) {
			if (g->family[family].dirty.count > 0)
				return;
		}
	}
	while (rib->departed != NULL) {
		struct rib_peer *peer = rib->departed;

		rib->departed = peer->departing_next;
		peer_free(peer);
	}
}
