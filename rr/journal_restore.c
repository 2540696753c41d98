/* The way back: the state of the file becomes peers and stale paths, before the first session. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "rr/graceful_restart.h"
#include "rr/journal_state.h"
#include "rr/peer.h"

/*
 * Sets and peers by their IDs, which are near each other: the low bits are the hash. An ID of 0
 * means an empty slot.
 */
struct restore_slot {
	uint64_t id;
	void *what;
};

struct restore_map {
	struct restore_slot *slots;
	size_t n; /* a power of two, or 0 */
	size_t count;
};

struct restore {
	struct journal *journal;
	uint64_t now; /* wall clock */
	bool restores; /* the state is young enough */
	bool no_memory;
	struct restore_map sets, peers;
	uint32_t *dropped; /* IDs of peers whose paths are not restored */
	size_t n_dropped, dropped_room;
	uint64_t age, malformed, paths, n_peers;
};

static struct restore_slot *slot_of(const struct restore_map *map, uint64_t id)
{
	size_t at = (size_t)id & (map->n - 1);

	while (map->slots[at].id != 0 && map->slots[at].id != id)
		at = (at + 1) & (map->n - 1);
	return &map->slots[at];
}

static void *map_find(const struct restore_map *map, uint64_t id)
{
	return map->n == 0 || id == 0 ? NULL : slot_of(map, id)->what;
}

/* False when memory is short. Of an ID that comes twice the first stays. */
static bool map_add(struct restore_map *map, uint64_t id, void *what, bool *added)
{
	if ((map->count + 1) * 2 > map->n) {
		struct restore_map larger = { .n = map->n == 0 ? 1024 : map->n * 2 };

		larger.slots = calloc(larger.n, sizeof(*larger.slots));
		if (larger.slots == NULL)
			return false;
		for (size_t i = 0; i < map->n; i++) {
			if (map->slots[i].id != 0)
				*slot_of(&larger, map->slots[i].id) = map->slots[i];
		}
		free(map->slots);
		map->slots = larger.slots;
		map->n = larger.n;
	}
	struct restore_slot *slot = slot_of(map, id);

	*added = slot->id == 0;
	if (*added) {
		*slot = (struct restore_slot){ id, what };
		map->count++;
	}
	return true;
}

static bool begin(void *context, uint64_t age, uint32_t next_peer, uint64_t last_attrs)
{
	struct restore *restore = context;
	const struct reflector *reflector = restore->journal->reflector;

	restore->age = age;
	restore->restores = age <= reflector->config->journal_restore_max_age * SECOND_US;
	restore->journal->peers.next_id = next_peer;
	rib_capture_ids_above(restore->journal->rib, last_attrs);
	return true;
}

/* The group that the peer is in now, when it may have the paths that it had. */
static const struct config_group *group_of(const struct restore *restore,
	const struct journal_peer_row *row, const struct config_peer **config_peer)
{
	const struct reflector *reflector = restore->journal->reflector;
	uint64_t period = reflector->config->restart_time * SECOND_US;
	const struct config_group *group;
	const struct prefix *range;

	*config_peer = config_peer_find(reflector->config, &row->address);
	group = *config_peer != NULL
			? (*config_peer)->group
			: config_group_for_address(reflector->config, &row->address, &range);
	if (group == NULL || group->as != row->as || (group->families & row->families) == 0)
		return NULL;
	/* Its session had ended before we did: its paths had so long, no longer. */
	if (row->down_at != 0 && elapsed_us(row->down_at, restore->now) >= period)
		return NULL;
	return group;
}

/* The peer of the row, made if it has to be. NULL when memory is short. */
static struct peer *peer_of(struct reflector *reflector, const struct journal_peer_row *row,
	const struct config_group *group, const struct config_peer *config_peer)
{
	struct peer *peer = peers_find(&reflector->peers, &row->address);

	if (peer != NULL)
		return peer;
	peer = peer_new(reflector, &row->address, group, config_peer);
	if (peer != NULL && !peers_add(&reflector->peers, peer)) {
		peer_free(peer);
		return NULL;
	}
	return peer;
}

static bool restore_peer(struct restore *restore, struct journal_peer_row *row)
{
	struct journal *journal = restore->journal;
	const struct config_peer *config_peer;
	const struct config_group *group = group_of(restore, row, &config_peer);
	struct rib_peer_parameters parameters;
	struct rib_peer *rib_peer;
	struct peer *peer;
	bool added;

	if (group == NULL)
		return false;
	parameters = (struct rib_peer_parameters){
		.address = row->address,
		.as = row->as,
		.bgp_id = row->bgp_id,
		.role = group->role,
		.families = row->families & group->families,
		.as4 = true,
		.add_path_receive = row->add_path_receive & group->families,
		.next_hop = group->next_hop,
		.id = row->id,
	};
	peer = peer_of(journal->reflector, row, group, config_peer);
	rib_peer = peer != NULL ? rib_peer_restore(journal->rib, &parameters) : NULL;
	if (rib_peer == NULL || !map_add(&restore->peers, row->id, rib_peer, &added)) {
		restore->no_memory = true;
		if (rib_peer != NULL)
			rib_peer_down(journal->rib, rib_peer);
		return false;
	}
	graceful_restart_restored(peer, rib_peer, &parameters);
	restore->n_peers++;
	/* Unless it comes back: should we stop again before, its time goes on. */
	if (row->down_at == 0)
		row->down_at = restore->now;
	journal_peers_touch(&journal->peers, row);
	return true;
}

static bool peer(void *context, const struct journal_peer_row *row)
{
	struct restore *restore = context;
	struct journal_peer_row *known;

	if (row->id == 0 || row->id == UINT32_MAX ||
		journal_peers_find(&restore->journal->peers, &row->address) != NULL)
		return true; /* such a row is none of ours: its paths have no peer */
	known = journal_peers_add(&restore->journal->peers, row);
	if (known == NULL) {
		restore->no_memory = true;
		return false;
	}
	if (row->families == 0 || !restore->restores || restore_peer(restore, known))
		return true;
	uint32_t *dropped = journal_rows_append((void **)&restore->dropped, &restore->n_dropped,
		&restore->dropped_room, sizeof(*restore->dropped));

	if (dropped != NULL)
		*dropped = row->id;
	restore->no_memory |= dropped == NULL;
	return !restore->no_memory;
}

/* What is read beyond the peers otherwise is passed over: the file drops it as a run begins. */
static bool restores_paths(const struct restore *restore)
{
	return restore->restores && restore->n_peers > 0;
}

static bool attrs(void *context, uint64_t id, struct span next_hop, struct span canonical)
{
	struct restore *restore = context;
	struct rib *rib = restore->journal->rib;
	bool malformed = false, added;
	struct attr_set *set;

	if (!restores_paths(restore) || id == 0 || id > RIB_ATTRS_ID_MAX)
		return true;
	set = rib_restore_attrs(rib, id, next_hop, canonical, &malformed);
	if (set == NULL && malformed) {
		restore->malformed++;
		return true;
	}
	if (set == NULL || !map_add(&restore->sets, id, set, &added)) {
		restore->no_memory = true;
		added = false;
	}
	if (set != NULL && !added)
		rib_restore_attrs_done(rib, set);
	return !restore->no_memory;
}

static bool path(void *context, const struct journal_path_row *row)
{
	struct restore *restore = context;
	struct prefix prefix = { .family = (enum family)row->family, .length = row->length };

	if (!restores_paths(restore) || row->family >= FAMILY_COUNT)
		return true;
	memcpy(prefix.bytes, row->bytes, family_address_len(prefix.family));
	restore->no_memory = !rib_restore_path(restore->journal->rib,
		map_find(&restore->peers, row->peer), row->number, &prefix, row->path_id,
		map_find(&restore->sets, row->attrs), row->attrs);
	restore->paths++;
	return !restore->no_memory;
}

static void give_back(struct restore *restore)
{
	for (size_t i = 0; i < restore->sets.n; i++) {
		if (restore->sets.slots[i].what != NULL)
			rib_restore_attrs_done(restore->journal->rib, restore->sets.slots[i].what);
	}
	free(restore->sets.slots);
	free(restore->peers.slots);
	journal_rows_free(restore->dropped, restore->dropped_room, sizeof(*restore->dropped));
}

static void say(const struct restore *restore, uint64_t refused, uint64_t took_us)
{
	const struct journal *journal = restore->journal;
	const struct log *log = &journal->reflector->log;

	if (!restore->restores) {
		if (restore->age != UINT64_MAX)
			log_line(log, LOG_INFO, "journal", NULL,
				"the state in the journal is %" PRIu64
				" s old, more than restore-max-age: it is not restored",
				restore->age / SECOND_US);
		return;
	}
	log_line(log, LOG_INFO, "journal-restored", NULL,
		"restored %" PRIu64 " paths of %" PRIu64 " peers in %" PRIu64 " ms, %" PRIu64
		" ms old (%" PRIu64 " paths refused, %zu peers not restored)",
		journal->restored_paths, journal->restored_peers, took_us / 1000,
		restore->age / 1000, refused, restore->n_dropped);
}

void journal_restore(struct journal *journal, struct journal_file *file)
{
	struct restore restore = {
		.journal = journal,
		.now = journal_time(journal),
		.age = UINT64_MAX,
	};
	const struct journal_loading loading = { begin, peer, attrs, path, &restore };
	const struct log *log = &journal->reflector->log;
	uint64_t started = monotonic_us(), refused;
	char text[512] = "";

	if (!journal_file_load(file, restore.now, &loading, text, sizeof text) && text[0] != '\0')
		log_line(log, LOG_ERROR, "journal", NULL, "the journal was not read to its end: %s",
			text);
	if (restore.no_memory)
		log_line(log, LOG_ERROR, "journal", NULL,
			"no memory to restore all of the state in the journal");
	refused = rib_restore_end(journal->rib);
	journal->restored_peers = restore.n_peers;
	journal->restored_paths = restore.paths - refused;
	if (restore.n_peers > 0 && journal->reflector->config->journal_history > 0 &&
		journal_file_is_behind(file))
		journal_tell_best(journal);
	text[0] = '\0';
	if (!journal_file_begin_run(file, restore.now, restore.n_peers > 0, restore.dropped,
		    restore.n_dropped, text, sizeof text))
		log_line(log, LOG_ERROR, "journal", NULL, "%s", text);
	say(&restore, refused, monotonic_us() - started);
	give_back(&restore);
}
