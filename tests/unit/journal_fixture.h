/*
 * For the tests of the journal's file: a folder of its own, batches made without a RIB, and the
 * state of a file as one text that is compared. Belongs to the tests alone (tests/fault too).
 */
#ifndef UNIT_JOURNAL_FIXTURE_H
#define UNIT_JOURNAL_FIXTURE_H

#include <stdatomic.h>

#include "rr/journal_file.h"

struct journal_folder {
	char folder[64];
	char path[96]; /* of the journal in it */
};

void journal_folder_make(struct journal_folder *folder);
/* With all that is in it. */
void journal_folder_remove(struct journal_folder *folder);
/* The name of the one file in the folder that contains `part`; false when there is none. */
bool journal_folder_find(const struct journal_folder *folder, const char *part, char *name);

/* Sets are made, and their reference is the batch's: journal_fixture_free. */
struct journal_batch *batch_at(uint64_t time);
void batch_free(struct journal_batch *batch);
/* A set whose bytes say `id` and whose next hop is 192.0.2.(id % 256). */
void batch_attrs(struct journal_batch *batch, uint64_t id);
/* 10.0.0.0/8 and so on: the prefix of n is 10.x.x.0/24 with n in the middle. */
void batch_path(
	struct journal_batch *batch, uint32_t number, uint32_t peer, uint32_t n, uint64_t attrs);
/* A row at the end of a chunk, in a run of that head; NULL when it is full. */
struct best_row *history_row(
	struct journal_history_chunk *chunk, const struct journal_history_run *head);
void batch_history(
	struct journal_batch *batch, uint64_t time, uint32_t peer, uint32_t n, uint64_t attrs);
void batch_peer(struct journal_batch *batch, uint32_t id, uint8_t last, uint64_t down_at);
void batch_audit(struct journal_batch *batch, const char *action, const char *detail);
void batch_event(struct journal_batch *batch, uint32_t peer, const char *text);
void batch_config(struct journal_batch *batch, const char *text);

/* What journal_file_load hands over. */
struct loaded {
	uint64_t age;
	uint32_t next_peer;
	uint64_t last_attrs;
	uint64_t begun, peers, attrs, paths;
	uint64_t sum; /* over all that was handed over */
	uint64_t stop_after; /* rows; 0: never */
	struct journal_peer_row peer; /* the last ones */
	struct journal_path_row path;
	uint64_t last_id;
};

bool load_all(
	struct journal_file *file, uint64_t now, struct loaded *loaded, char *text, size_t size);
/* An integer out of a statement, run on a reading connection of its own. */
int64_t ask(const char *path, const char *sql);
/* Runs a statement on a connection of its own, as another program would. */
void meddle(const char *path, const char *sql);

#endif
