#include "rib/peer_paths.h"

#include "rib/table.h"

#define EPOCH_STALE 0 /* never a peer's: that of paths which were put among the stale ones */

static struct path *path_at(const struct slab *paths, uint32_t number)
{
	return slab_at(paths, number);
}

void peer_paths_init(struct peer_paths *peer_paths)
{
	*peer_paths = (struct peer_paths){ .epoch = EPOCH_STALE + 1 };
	for (unsigned list = 0; list < PATH_LISTS; list++)
		peer_paths->head[list] = SLAB_NONE;
}

void peer_paths_add(struct peer_paths *peer_paths, const struct slab *paths, uint32_t number,
	enum path_list list)
{
	struct path *path = path_at(paths, number);
	uint32_t *head = &peer_paths->head[list];

	path->peer_next = *head;
	path->peer_previous = number;
	if (*head != SLAB_NONE) {
		struct path *second = path_at(paths, *head);

		path->peer_previous = second->peer_previous;
		second->peer_previous = number;
	}
	*head = number;
	path->epoch = list == PATHS_FRESH ? peer_paths->epoch : EPOCH_STALE;
	peer_paths->count++;
	peer_paths->stale += list != PATHS_FRESH;
}

void peer_paths_remove(struct peer_paths *peer_paths, const struct slab *paths, uint32_t number)
{
	const struct path *path = path_at(paths, number);
	uint32_t previous = path->peer_previous, next = path->peer_next;
	uint32_t *head = peer_paths->head;

	peer_paths->count--;
	peer_paths->stale -= path_is_stale(peer_paths, path);
	/* Only at the ends of a list does it matter which one it is. */
	while (next == SLAB_NONE &&
		(*head == SLAB_NONE || path_at(paths, *head)->peer_previous != number))
		head++;
	if (next != SLAB_NONE)
		path_at(paths, next)->peer_previous = previous;
	else
		path_at(paths, *head)->peer_previous = previous;
	for (unsigned list = 0; list < PATH_LISTS; list++) {
		if (peer_paths->head[list] == number) {
			peer_paths->head[list] = next;
			return;
		}
	}
	path_at(paths, previous)->peer_next = next;
}

void peer_paths_put(struct peer_paths *peer_paths, const struct slab *paths, uint32_t number,
	enum path_list list)
{
	peer_paths_remove(peer_paths, paths, number);
	peer_paths_add(peer_paths, paths, number, list);
}

/*
 * No path is fresh any more. The epochs have come round after four billion times: only then are the
 * paths looked at, so that none becomes fresh by it.
 */
static void next_epoch(struct peer_paths *peer_paths, const struct slab *paths)
{
	peer_paths->stale = peer_paths->count;
	if (++peer_paths->epoch != EPOCH_STALE)
		return;
	for (unsigned list = 0; list < PATH_LISTS; list++) {
		for (uint32_t n = peer_paths->head[list]; n != SLAB_NONE;) {
			struct path *path = path_at(paths, n);

			path->epoch = EPOCH_STALE;
			n = path->peer_next;
		}
	}
	peer_paths->epoch = EPOCH_STALE + 1;
}

void peer_paths_move(struct peer_paths *peer_paths, const struct slab *paths, enum path_list from,
	enum path_list to)
{
	uint32_t *source = &peer_paths->head[from], *target = &peer_paths->head[to];

	if (*source != SLAB_NONE && *target != SLAB_NONE) {
		struct path *first = path_at(paths, *source), *second = path_at(paths, *target);
		uint32_t last = second->peer_previous;

		path_at(paths, first->peer_previous)->peer_next = *target;
		second->peer_previous = first->peer_previous;
		first->peer_previous = last;
	}
	if (*source != SLAB_NONE)
		*target = *source;
	*source = SLAB_NONE;
	if (from == PATHS_FRESH)
		next_epoch(peer_paths, paths);
}
