/*
 * The end of a rib. Its peers are gone and nobody is told anything any more, so nothing is
 * withdrawn or decided: the table goes as it lies in memory, a part at a time, for a million paths
 * take longer than a turn of the loop may.
 */
#include <stdlib.h>

#include "rib/let_go.h"
#include "rib/state.h"

void rib_hold(struct rib *rib)
{
	rib->holders++;
}

void rib_unhold(struct rib *rib)
{
	rib->holders--;
}

static void free_peers(struct rib_peer **list)
{
	while (*list != NULL) {
		struct rib_peer *peer = *list;

		*list = peer->departing_next;
		free(peer);
	}
}

/* All but the attribute sets that somebody holds. False when little is left of it. */
static bool free_part(struct rib *rib)
{
	update_group_destroy_all(rib);
	let_go_forget(rib);
	free_peers(&rib->departing);
	free_peers(&rib->departed);
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (table_free_part(&rib->tables[family]))
			return true;
	}
	if (rib->to_sweep == 0 || rib->holders > 0) /* what is held the sweep would leave */
		return false;
	attr_sets_sweep(&rib->attr_sets, SWEEP_SLOTS);
	rib->to_sweep -= SWEEP_SLOTS;
	return true;
}

static void free_rest(struct rib *rib)
{
	for (enum family family = 0; family < FAMILY_COUNT; family++)
		table_destroy(&rib->tables[family]);
	attr_sets_destroy(&rib->attr_sets);
	free(rib->peers);
	free(rib->canonical);
	free(rib->attributes);
	free(rib->batch);
	free(rib->sorting);
	free(rib->candidates);
	free(rib);
}

void rib_retire(struct rib **retired, struct rib *rib)
{
	rib_capture_end(rib); /* what ends with the rib has not gone from the network */
	rib->to_sweep = ATTR_CACHE_SLOTS;
	rib->next = *retired;
	*retired = rib;
}

bool rib_retired_free_part(struct rib **retired)
{
	for (struct rib *rib; (rib = *retired) != NULL; retired = &rib->next) {
		if (free_part(rib))
			return true;
		if (rib->holders > 0)
			continue;
		*retired = rib->next;
		free_rest(rib);
		return true;
	}
	return false;
}

void rib_free(struct rib *rib)
{
	struct rib *retired = NULL;

	if (rib == NULL)
		return;
	rib_retire(&retired, rib);
	while (rib_retired_free_part(&retired))
		;
}
