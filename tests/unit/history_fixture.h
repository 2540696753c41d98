/*
 * A journal's file that a test fills by hand, row by row, so that what is read from it can be held
 * against what was put in. It goes through no code of the writer.
 */
#ifndef UNIT_HISTORY_FIXTURE_H
#define UNIT_HISTORY_FIXTURE_H

#include <sqlite3.h>

#include "bgp/types.h"

struct history_fixture {
	char folder[64];
	char path[96];
	sqlite3 *db; /* to write with */
};

/* An empty journal in a folder of its own. */
void history_fixture_begin(struct history_fixture *fixture);
void history_fixture_end(struct history_fixture *fixture);

void history_fixture_sql(struct history_fixture *fixture, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* 10.0.0.ID, AS 64512 + ID. */
void history_fixture_peer(struct history_fixture *fixture, uint32_t id);
/* Next hop 192.0.2.ID (of the low byte), ORIGIN igp, AS_PATH of one AS, 65000 + ID. */
void history_fixture_attrs(struct history_fixture *fixture, uint64_t id);
/* `attrs` 0: no best path any more. */
void history_fixture_change(struct history_fixture *fixture, const struct prefix *prefix,
	uint64_t time, int64_t sequence, uint32_t peer, uint32_t path_id, uint64_t attrs,
	int cause);

struct prefix prefix_of(const char *text);

#endif
