/*
 * The journal as the reflector sees it: what is worth remembering goes in here, and after a restart
 * the state comes back out. Owns the capture of the RIB, the history that waits to be written and
 * the writer. Called from the event loop alone; no call waits for the disk, but for journal_open
 * and journal_close.
 */
#ifndef RR_JOURNAL_H
#define RR_JOURNAL_H

#include "rr/config.h"
#include "rr/journal_batch.h"
#include "rr/journal_writer.h"

struct journal;
struct reflector;

/*
 * Opens the journal of `reflector`'s configuration and restores the state from it: peers (through
 * reflector's peer set), paths. Before any session. NULL with a line in `fault` when the daemon
 * must not start (a newer schema, in use by another daemon); a journal that is merely out of order
 * is opened degraded.
 */
struct journal *journal_open(struct reflector *reflector, char *fault, size_t size);
/* Writes what waits, for at most `most_us`, and closes. */
void journal_close(struct journal *journal, uint64_t most_us);

/* The ID of an address, given now if it has none. 0 when memory is short or `journal` is NULL. */
uint32_t journal_peer_id(struct journal *journal, const struct ip_address *address);
/*
 * ... of an address that has only tried to be a peer so far: 0, too, when very many have. IDs are
 * for ever, and a range may have more addresses than there is memory.
 */
uint32_t journal_stranger_id(struct journal *journal, const struct ip_address *address);
/*
 * All that follows copies what it is given, drops and counts what there is no memory for, and does
 * nothing when `journal` is NULL.
 */
void journal_peer(struct journal *journal, const struct journal_peer_row *peer);
/* The session of a peer is over since now; its paths of `families` (0: none) may be restored. */
void journal_peer_down(struct journal *journal, const struct ip_address *address, uint8_t families);
void journal_event(struct journal *journal, const struct journal_event_row *event);
void journal_config(
	struct journal *journal, const char *text, const char *who, const char *comment);
void journal_audit(
	struct journal *journal, const char *who, const char *action, const char *detail);

/*
 * The RIB is to be replaced (the AS or an ID of the router changed): first `rib` is prepared, false
 * when memory is short; then, with all peers gone from the one before, it takes its place. That one
 * is held until the history is written that refers to its sets.
 */
bool journal_prepare_rib(struct journal *journal, struct rib *rib);
void journal_replace_rib(struct journal *journal, struct rib *rib);
/* Settings that a reload changed; the path is not looked at. */
void journal_settings(struct journal *journal, const struct config *config);

/*
 * Gathers rows, hands batches over, frees finished ones: for about `budget` microseconds. Returns
 * how long until it wants to be called again, as rib_run does.
 */
uint64_t journal_run(struct journal *journal, uint64_t now, uint64_t budget);
/* All that waits now is handed over as soon as may be: before the end. True when it is written. */
bool journal_flushed(struct journal *journal);

/*
 * The file is to give room back to the file system; done by the writer, by the way. False when it
 * is under way already.
 */
bool journal_compact(struct journal *journal);

struct journal_view {
	const char *path;
	struct journal_status status;
	size_t waiting_paths; /* rows not handed over yet */
	size_t waiting_history;
	unsigned waiting_batches; /* handed over, or about to be, and not written yet */
	uint64_t history_lost; /* rows given up because the queue was full */
	uint64_t rows_lost; /* events, configurations, audit: no memory, or too many waited */
	uint64_t restored_paths, restored_peers; /* at the start */
	uint64_t longest_turn_us; /* the longest that journal_run held the loop ... */
	uint64_t turns_us; /* ... and the wall time of all turns in which it had work */
	size_t memory; /* bytes of queues and batches */
};
/* False when there is no journal. */
bool journal_view(const struct journal *journal, struct journal_view *view);

#endif
