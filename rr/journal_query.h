/*
 * Questions to the journal's file: the history of a prefix, the events of a peer, the best paths of
 * the table at a time, gaps, everything. A question runs on a read-only connection
 * (journal_read_open) and yields row after row, whoever asks: the daemon's reader threads
 * (journal_reader.c) or `heliostat journal` without a daemon. It writes nothing, knows no RIB, and
 * blocks on the disk, so the event loop never calls it.
 *
 * Between two rows a question may be paused: then it holds no snapshot of the file, so that a
 * reader who takes his time does not keep the write-ahead log from being emptied. What it yields
 * stays right: rows of the past do not change, and go at the old end alone.
 */
#ifndef RR_JOURNAL_QUERY_H
#define RR_JOURNAL_QUERY_H

#include <sqlite3.h>

#include "bgp/types.h"
#include "rr/journal_batch.h"

enum journal_question {
	JOURNAL_PREFIX_HISTORY, /* CHANGE rows of `prefix`; where they fall, PRUNED, GAP, and RUN
				   rows of those that began with an empty table; oldest first */
	JOURNAL_PEER_HISTORY, /* EVENT rows of `peer`, RUN rows among them; oldest first */
	JOURNAL_TABLE_AT, /* GAP rows that make the answer uncertain, a RUN row when the daemon was
			     not running then, and a ROUTE a prefix, in the order of prefix_compare:
			     the best paths at `until`. A fault when the journal does not go back to
			     that time. */
	JOURNAL_GAPS, /* PRUNED, GAP and RUN rows, oldest first */
	JOURNAL_EVERYTHING, /* RUN, GAP, EVENT, CONFIG and AUDIT rows, oldest first each, then
			       CHANGE rows by prefix and time */
};

enum journal_match {
	JOURNAL_MATCH_ALL,
	JOURNAL_MATCH_EXACT,
	JOURNAL_MATCH_LONGER,
	JOURNAL_MATCH_COVERING
};

struct journal_ask {
	enum journal_question question;
	uint64_t since, until; /* wall clock, microseconds; both count as within */
	uint64_t limit; /* no more than so many CHANGE or EVENT rows, the newest; 0: all */
	struct prefix prefix;
	struct ip_address peer;
	enum journal_match
		match; /* of JOURNAL_TABLE_AT; COVERING: the longest match of `prefix`, also
			  of JOURNAL_PREFIX_HISTORY: the longest that there is history of */
	uint8_t families; /* of JOURNAL_TABLE_AT with JOURNAL_MATCH_ALL; bits of enum family */
};

enum journal_row_kind {
	JOURNAL_ROW_CHANGE,
	JOURNAL_ROW_ROUTE,
	JOURNAL_ROW_EVENT,
	JOURNAL_ROW_GAP,
	JOURNAL_ROW_RUN,
	JOURNAL_ROW_PRUNED, /* what was before `time` is not in the file any more */
	JOURNAL_ROW_CONFIG,
	JOURNAL_ROW_AUDIT,
};

/* A best path. Spans are borrowed until the next row or pause. */
struct journal_best {
	bool present; /* false: the prefix had none, and nothing else counts */
	struct ip_address peer; /* len 0: the journal does not know it any more */
	uint32_t peer_as; /* as of its last session */
	uint32_t peer_bgp_id;
	uint32_t path_id; /* as received */
	struct span next_hop; /* as attribute_keys.next_hop */
	struct span attributes; /* canonical; empty when the journal does not have them */
};

struct journal_row {
	enum journal_row_kind kind;
	uint64_t time; /* wall clock, microseconds; of a GAP its begin; of a ROUTE when it became
			  the best */
	/* CHANGE and ROUTE */
	struct prefix prefix;
	uint8_t cause; /* enum best_cause */
	struct journal_best old; /* of a CHANGE */
	struct journal_best new; /* of a CHANGE and a ROUTE */
	/* EVENT */
	struct ip_address peer;
	uint8_t event; /* enum journal_event_kind */
	uint8_t state_before, state; /* enum fsm_state */
	uint8_t code, subcode;
	/* GAP */
	uint64_t to; /* the time of the last change lost */
	uint64_t lost; /* how many */
	/* RUN: the daemon was started */
	bool restored; /* false: with an empty table */
	uint64_t alive_at; /* from then on the run before recorded nothing more; 0: there was none,
			      or it is not known */
	/* Borrowed; bytes NULL where there is none. */
	struct span text; /* EVENT: why; CONFIG: the whole text; AUDIT: the detail */
	struct span who; /* CONFIG, AUDIT */
	struct span about; /* CONFIG: the comment; AUDIT: the action */
	struct span hash; /* AUDIT: of the chain, 32 bytes */
	uint64_t number; /* CONFIG, AUDIT: the row's */
};

enum journal_step {
	JOURNAL_STEP_ROW,
	JOURNAL_STEP_AGAIN, /* much was read, nothing found yet: a place to pause or give up */
	JOURNAL_STEP_END,
	JOURNAL_STEP_FAULT,
};

struct journal_query;

/*
 * `db` is borrowed until journal_query_end and used by nobody else meanwhile. NULL with one line in
 * `text` when it cannot be asked.
 */
struct journal_query *journal_query_begin(
	sqlite3 *db, const struct journal_ask *ask, char *text, size_t size);
enum journal_step journal_query_next(struct journal_query *query, struct journal_row *row);
/* Lets go of the snapshot of the file; the next step takes another. */
void journal_query_pause(struct journal_query *query);
/* Why the last step was a fault: one line, valid until journal_query_end. */
const char *journal_query_fault(const struct journal_query *query);
/* NULL is allowed. */
void journal_query_end(struct journal_query *query);

#endif
