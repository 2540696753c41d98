#include <stdlib.h>
#include <string.h>

#include "rib/siphash.h"
#include "rr/journal_state.h"

/* Addresses come from whoever connects: the hash is keyed. */
static size_t slot_of(const struct journal_peers *peers, const struct ip_address *address)
{
	struct siphash hash;

	siphash_begin(&hash, peers->hash_key);
	siphash_add(&hash, address->bytes, address->len);
	return (size_t)siphash_end(&hash).low & (peers->n_slots - 1);
}

struct journal_peer_row *journal_peers_find(
	struct journal_peers *peers, const struct ip_address *address)
{
	if (peers->n_slots == 0)
		return NULL;
	for (size_t slot = slot_of(peers, address); peers->slots[slot] != 0;
		slot = (slot + 1) & (peers->n_slots - 1)) {
		struct journal_peer_row *row = &peers->rows[peers->slots[slot] - 1];

		if (ip_address_compare(&row->address, address) == 0)
			return row;
	}
	return NULL;
}

static void enter(struct journal_peers *peers, size_t index)
{
	size_t slot = slot_of(peers, &peers->rows[index].address);

	while (peers->slots[slot] != 0)
		slot = (slot + 1) & (peers->n_slots - 1);
	peers->slots[slot] = (uint32_t)index + 1;
}

/* Room for one more, with at most half of the slots taken. */
static bool make_room(struct journal_peers *peers)
{
	size_t n_slots = peers->n_slots == 0 ? 64 : peers->n_slots * 2;

	if (peers->count == peers->room) {
		size_t room = peers->room == 0 ? 32 : peers->room * 2;
		void *rows = reallocarray(peers->rows, room, sizeof(*peers->rows));

		if (rows == NULL)
			return false;
		peers->rows = rows;
		uint8_t *dirty = realloc(peers->dirty, room);

		if (dirty == NULL)
			return false;
		peers->dirty = dirty;
		peers->room = room;
	}
	if ((peers->count + 1) * 2 <= peers->n_slots)
		return true;
	uint32_t *slots = calloc(n_slots, sizeof(*slots));

	if (slots == NULL)
		return false;
	free(peers->slots);
	peers->slots = slots;
	peers->n_slots = n_slots;
	for (size_t i = 0; i < peers->count; i++)
		enter(peers, i);
	return true;
}

struct journal_peer_row *journal_peers_add(
	struct journal_peers *peers, const struct journal_peer_row *row)
{
	struct journal_peer_row *added;

	if (peers->next_id == 0 && row->id == 0)
		peers->next_id = 1;
	if (!make_room(peers) || (row->id == 0 && peers->next_id == UINT32_MAX))
		return NULL;
	added = &peers->rows[peers->count];
	*added = *row;
	if (added->id == 0)
		added->id = peers->next_id;
	if (added->id >= peers->next_id && added->id < UINT32_MAX)
		peers->next_id = added->id + 1;
	peers->dirty[peers->count] = 0;
	enter(peers, peers->count++);
	return added;
}

void journal_peers_touch(struct journal_peers *peers, const struct journal_peer_row *row)
{
	size_t index = (size_t)(row - peers->rows);

	peers->n_dirty += peers->dirty[index] == 0;
	peers->dirty[index] = 1;
}

void journal_peers_touch_all(struct journal_peers *peers)
{
	if (peers->count > 0)
		memset(peers->dirty, 1, peers->count);
	peers->n_dirty = peers->count;
}

bool journal_peers_take(struct journal_peers *peers, struct journal_batch *batch, size_t most)
{
	size_t wanted = peers->n_dirty < most ? peers->n_dirty : most;

	if (wanted == 0)
		return true;
	if (!journal_batch_reserve(&batch->peers, wanted))
		return false;
	while (wanted > 0) {
		size_t index;

		if (peers->cursor >= peers->count)
			peers->cursor = 0;
		index = peers->cursor++;
		if (!peers->dirty[index])
			continue;
		peers->dirty[index] = 0;
		peers->n_dirty--;
		wanted--;
		*journal_batch_append(&batch->peers) = peers->rows[index];
	}
	return true;
}

size_t journal_peers_memory(const struct journal_peers *peers)
{
	return peers->room * (sizeof(*peers->rows) + 1) + peers->n_slots * sizeof(*peers->slots);
}

void journal_peers_free(struct journal_peers *peers)
{
	free(peers->rows);
	free(peers->dirty);
	free(peers->slots);
	*peers = (struct journal_peers){ 0 };
}
