/*
 * A disk that fails, under SQLite: a VFS in front of the real one that lets an operation of choice
 * go wrong, and that can lose, or tear, what was written and not synced, as a power cut does.
 * Belongs to the tests of the journal alone. Files of the journal and its WAL go through it; the
 * WAL's shared memory is memory, and is passed on.
 */
#ifndef FAULT_FAULT_VFS_H
#define FAULT_FAULT_VFS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

enum fault_operation {
	FAULT_READ,
	FAULT_WRITE, /* and truncate */
	FAULT_SYNC,
	FAULT_OPEN, /* and delete */
	FAULT_OPERATIONS,
};

#define FAULT_BIT(operation) (1u << (operation))
#define FAULT_ANY	     (FAULT_BIT(FAULT_OPERATIONS) - 1)

/* Makes it the default VFS of the process; once. */
void fault_vfs_install(void);
/*
 * From now on: of the operations in the mask `on`, the `first`-th fails (1: the next one), and
 * every one after it if `all`. `result` 0: the code that the operation fails with usually; `error`
 * is errno then.
 */
void fault_plan(unsigned on, uint64_t first, bool all, int result, int error);
/* No more faults; returns how many there were since the plan was made. */
uint64_t fault_clear(void);

/* From now on what is written is remembered until it is synced. All files must be closed. */
void fault_power_on(void);
/*
 * The power is cut: every operation fails from here on. Close all files, then call
 * fault_power_back, which leaves in each of them what was synced and, of what was written since, a
 * part: each write as a whole, not at all, or up to some sector, as `random` decides.
 */
void fault_power_cut(void);
void fault_power_back(uint32_t (*random)(void));

#endif
