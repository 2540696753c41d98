/*
 * The paths that one peer has announced in one family, in lists by what is to become of them: those
 * of its session, those that outlived one (RFC 4724) or that it has not sent again yet (RFC 7313),
 * and those that wait for rib_run to change or withdraw them. All of a list moves to another in one
 * step, whatever its length: a session that ends marks a million paths stale at no cost. Owned by
 * struct rib_peer; the table moves single paths as they are announced and withdrawn, stale.c moves
 * lists. It knows neither attributes nor prefixes.
 */
#ifndef RIB_PEER_PATHS_H
#define RIB_PEER_PATHS_H

#include "rib/slab.h"

enum path_list {
	PATHS_FRESH, /* announced in this session, and since its last BoRR */
	PATHS_STALE, /* kept until announced again or swept */
	PATHS_RULES, /* stale, and about to be decided anew: the rules for the peer changed */
	PATHS_AGING, /* stale, and about to become long-lived stale (RFC 9494) */
	PATHS_DOOMED, /* about to be withdrawn */
	PATH_LISTS,
};

struct peer_paths {
	uint32_t head[PATH_LISTS]; /* path numbers; SLAB_NONE: empty. A head's peer_previous is the
				      last of its list. */
	uint32_t epoch; /* of the fresh paths, and of no other; never 0 */
	uint64_t count; /* all */
	uint64_t stale; /* of these, not fresh */
	bool reconsider; /* the rules for the peer changed, and some that were stale then have
			    neither been decided anew nor withdrawn yet */
};

void peer_paths_init(struct peer_paths *peer_paths);
/* `paths` is the slab of struct path that the numbers are of. The path is in no list. */
void peer_paths_add(struct peer_paths *peer_paths, const struct slab *paths, uint32_t number,
	enum path_list list);
void peer_paths_remove(struct peer_paths *peer_paths, const struct slab *paths, uint32_t number);
/* Moves one path. */
void peer_paths_put(struct peer_paths *peer_paths, const struct slab *paths, uint32_t number,
	enum path_list list);
/* Moves all of a list, into one other than PATHS_FRESH: in constant time. */
void peer_paths_move(struct peer_paths *peer_paths, const struct slab *paths, enum path_list from,
	enum path_list to);

#endif
