/*
 * Change sets whose owner is gone: an update group without members, a cohort whose last member
 * left. A number in them may be the last thing that holds a withdrawn entry or path, so letting go
 * of a million takes long: rib_run does it a slice a turn. update_group.c and cohort.c hand the
 * sets over; nobody asks for them any more.
 */
#ifndef RIB_LET_GO_H
#define RIB_LET_GO_H

#include "rib/table.h"

struct rib;
struct let_go;

/*
 * Takes the set over (it is empty afterwards): of paths or of entries, each of which it has marked.
 */
void let_go(struct rib *rib, enum family family, bool paths, struct change_set *set);
/* The table itself goes: what waits is dropped, and unmarks nothing. */
void let_go_forget(struct rib *rib);
/* Lets go of as many numbers as there are items, and takes them off. */
void let_go_run(struct rib *rib, unsigned *items);

#endif
