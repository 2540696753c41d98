/*
 * The peers in order of address: an array, because it is walked five times a second and changed
 * seldom.
 */
#include <stdlib.h>
#include <string.h>

#include "rr/peer.h"

/* Dynamic peers without a connection that stay visible; beyond it the oldest go first. */
#define DOWN_DYNAMIC_MAX 8192

/* Where `address` is, or belongs. */
static size_t position(const struct peer_set *set, const struct ip_address *address)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ip_address_compare(&set->peers[middle]->address, address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct peer *peers_find(const struct peer_set *set, const struct ip_address *address)
{
	size_t at = position(set, address);

	if (at < set->count && ip_address_compare(&set->peers[at]->address, address) == 0)
		return set->peers[at];
	return NULL;
}

bool peers_add(struct peer_set *set, struct peer *peer)
{
	size_t at = position(set, &peer->address);

	if (set->count == set->room) {
		size_t room = set->room == 0 ? 64 : set->room * 2;
		struct peer **peers = reallocarray(set->peers, room, sizeof(struct peer *));

		if (peers == NULL)
			return false;
		set->peers = peers;
		set->room = room;
	}
	memmove(&set->peers[at + 1], &set->peers[at], (set->count - at) * sizeof(struct peer *));
	set->peers[at] = peer;
	set->count++;
	return true;
}

void peers_remove(struct peer_set *set, struct peer *peer)
{
	size_t at = position(set, &peer->address);

	set->count--;
	memmove(&set->peers[at], &set->peers[at + 1], (set->count - at) * sizeof(struct peer *));
	peer_free(peer);
}

static bool is_down_dynamic(const struct peer *peer)
{
	return peer->config == NULL && peer->down_since != 0 &&
	       peer->graceful_restart.retained == NULL;
}

static int compare_time(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

/*
 * Lets the oldest go when there are too many: in two walks, since whoever has a range of addresses
 * to connect from can make it thousands at once. Without memory they stay until the next tick.
 */
static void forget_surplus(struct peer_set *set)
{
	size_t surplus, n = 0, kept = 0;
	uint64_t *since, last;

	if (set->down_dynamic <= DOWN_DYNAMIC_MAX)
		return;
	since = reallocarray(NULL, set->down_dynamic, sizeof *since);
	if (since == NULL)
		return;
	for (size_t i = 0; i < set->count && n < set->down_dynamic; i++) {
		if (is_down_dynamic(set->peers[i]))
			since[n++] = set->peers[i]->down_since;
	}
	qsort(since, n, sizeof *since, compare_time);
	surplus = n - DOWN_DYNAMIC_MAX;
	last = since[surplus - 1];
	free(since);
	for (size_t i = 0; i < set->count; i++) {
		struct peer *peer = set->peers[i];

		if (surplus > 0 && is_down_dynamic(peer) && peer->down_since <= last) {
			surplus--;
			set->down_dynamic--;
			peer_free(peer);
			continue;
		}
		set->peers[kept++] = peer;
	}
	set->count = kept;
}

void peers_tick(struct peer_set *set, uint64_t now)
{
	size_t kept = 0, down = 0;

	/*
	 * Sessions that end during the walk change no position: peers come and go only here, in
	 * accept and in reload.
	 */
	for (size_t i = 0; i < set->count; i++) {
		struct peer *peer = set->peers[i];

		peer_tick(peer, now);
		if (peer_forgettable(peer, now)) {
			peer_free(peer);
			continue;
		}
		down += is_down_dynamic(peer);
		set->peers[kept++] = peer;
	}
	set->count = kept;
	set->down_dynamic = down;
	forget_surplus(set);
}

void peers_free(struct peer_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		peer_free(set->peers[i]);
	free(set->peers);
	*set = (struct peer_set){ 0 };
}
