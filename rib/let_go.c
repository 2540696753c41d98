#include "rib/let_go.h"

#include <limits.h>
#include <stdlib.h>

#include "rib/state.h"

#define AT_ONCE 4096 /* numbers that are not worth waiting for */
#define SETS_MAX \
	64 /* that wait: peers that come and go make no more of them, but wait themselves */

struct let_go {
	struct let_go *next;
	struct change_set set;
	enum family family;
	bool paths;
};

static void unmark(
	struct table *table, bool paths, struct change_set *set, uint32_t *from, unsigned *items)
{
	for (; *items > 0 && (*from = change_set_next(set, *from)) != CHANGE_SET_END; --*items) {
		change_set_remove(set, *from);
		if (paths)
			table_unmark_path(table, *from);
		else
			table_unmark_entry(table, *from);
	}
}

void let_go(struct rib *rib, enum family family, bool paths, struct change_set *set)
{
	const struct rib_callbacks *callbacks = &rib->parameters.callbacks;
	unsigned all = UINT_MAX;
	uint32_t from = 0;
	struct let_go *later = NULL;

	if (set->count > AT_ONCE && rib->n_let_go < SETS_MAX)
		later = malloc(sizeof(*later));
	if (later == NULL) { /* few, too many sets, or no memory */
		unmark(&rib->tables[family], paths, set, &from, &all);
		change_set_destroy(set);
		return;
	}
	*later = (struct let_go){
		.next = rib->let_go, .set = *set, .family = family, .paths = paths
	};
	*set = (struct change_set){ 0 };
	rib->let_go = later;
	rib->n_let_go++;
	callbacks->output_ready(callbacks->context, NULL);
}

static void forget_first(struct rib *rib)
{
	struct let_go *later = rib->let_go;

	rib->let_go = later->next;
	rib->n_let_go--;
	change_set_destroy(&later->set);
	free(later);
}

void let_go_run(struct rib *rib, unsigned *items)
{
	while (rib->let_go != NULL && *items > 0) {
		struct let_go *later = rib->let_go;
		uint32_t from = 0;

		unmark(&rib->tables[later->family], later->paths, &later->set, &from, items);
		if (later->set.count > 0)
			return;
		forget_first(rib);
	}
}

void let_go_forget(struct rib *rib)
{
	while (rib->let_go != NULL)
		forget_first(rib);
}
