/*
 * What a question under way consists of, shared by the files that answer the kinds of questions:
 * journal_query.c (the order of things, events, the log), journal_query_prefix.c (the history of a
 * prefix), journal_query_table.c (the table at a time). Nobody else includes this.
 */
#ifndef RR_JOURNAL_QUERY_STATE_H
#define RR_JOURNAL_QUERY_STATE_H

#include "rr/journal_query.h"
#include "rr/journal_schema.h"

/* Statements are prepared when first used; journal_query.c has their text. */
enum query_statement {
	QUERY_PEER, /* by ID */
	QUERY_PEER_ID, /* by address */
	QUERY_ATTRS_OLD, /* by ID; two, so that both sets of a change can be held */
	QUERY_ATTRS_NEW,
	QUERY_RUNS, /* within a span of time */
	QUERY_GAPS,
	QUERY_EVENTS_OF, /* of a peer, behind (time, id) */
	QUERY_EVENTS_NTH, /* the n-th from the end */
	QUERY_EVENTS, /* all, behind an id */
	QUERY_CONFIGS,
	QUERY_AUDIT,
	QUERY_CHANGES, /* of a prefix, behind (time, sequence) */
	QUERY_CHANGES_NTH,
	QUERY_CHANGE_BEFORE, /* the last one before (time, sequence) */
	QUERY_CHANGES_FROM, /* of all prefixes from a key to a key */
	QUERY_CHANGES_ALL, /* of all prefixes, behind (prefix, time, sequence) */
	QUERY_STATEMENTS,
};

/* A row of `history`, as the statements of changes yield it. */
struct query_change {
	uint64_t time;
	int64_t sequence;
	uint32_t peer;
	uint32_t path_id;
	uint64_t attrs; /* 0: no best path */
	uint8_t cause;
};

struct query_peer {
	uint32_t id; /* 0: empty */
	struct ip_address address;
	uint32_t as;
	uint32_t bgp_id;
};

#define QUERY_PEERS 256 /* kept of those looked up; a power of two */

struct journal_query {
	sqlite3 *db;
	struct journal_ask ask;
	sqlite3_stmt *statements[QUERY_STATEMENTS];
	bool in_snapshot;
	bool begun; /* what is set up at the first step is */
	bool told; /* a row, of whatever kind */
	char fault[256];
	struct query_peer peers[QUERY_PEERS];

	uint64_t pruned; /* history before is not complete; 0: it is */
	struct journal_row *runs; /* all RUN rows, oldest first */
	size_t n_runs, run_room;
	/* RUN, GAP and PRUNED rows to yield, oldest first, and the next of them. */
	struct journal_row *notices;
	size_t n_notices, notice_room, notice;

	/* What was yielded last: where to go on after a pause. */
	uint64_t last_time;
	int64_t last_id; /* or sequence */
	uint8_t last_key[JOURNAL_PREFIX_KEY_MAX + 1];
	size_t last_key_len;
	bool stepping; /* the statement of rows is on its way, not paused */
	unsigned phase; /* of JOURNAL_EVERYTHING and JOURNAL_TABLE_AT */

	struct query_change before; /* the change before the next, of last_key; time 0: none */

	/* JOURNAL_PREFIX_HISTORY and JOURNAL_PEER_HISTORY */
	struct prefix prefix; /* the one that matches */
	uint32_t peer;
	bool held; /* `row` is there, but notices come first */
	struct journal_row row;
	struct query_place {
		uint64_t time;
		int64_t id;
		struct query_change before;
	} place; /* where `row` was found: what it borrows does not outlive a pause */

	/* JOURNAL_TABLE_AT */
	uint64_t floor; /* rows before are void: the table was empty then */
	uint8_t end_key[JOURNAL_PREFIX_KEY_MAX]; /* of the range under way */
	size_t end_key_len;
	bool on_row; /* the scan stands on the first row of the next prefix */
	uint8_t families; /* still to scan */
	bool done; /* the single prefix was yielded */
};

/* All return false, or JOURNAL_STEP_FAULT, with query->fault set. */

/* The statement, reset, in a snapshot; NULL: fault. */
sqlite3_stmt *query_statement(struct journal_query *query, enum query_statement which);
/* The next row of a statement that is bound: ROW, END or FAULT. */
enum journal_step query_step(struct journal_query *query, sqlite3_stmt *statement);
/* Records that the file holds what it cannot hold. Always false. */
bool query_damaged(struct journal_query *query, const char *what);
/* False, with a fault, when `at` is a time that the journal does not know, or not any more. */
bool query_had_begun(struct journal_query *query, uint64_t at);
/* Loads the GAP rows that touch the span, and sorts what was added to the notices. */
bool query_load_gaps(struct journal_query *query, uint64_t since, uint64_t until);
bool query_notice(struct journal_query *query, const struct journal_row *notice);

/* The span of a column's BLOB or text; bytes NULL for NULL. */
struct span query_span(sqlite3_stmt *statement, int column);
/* Columns time, sequence, peer, path_id, attrs, cause from `column` on. */
struct query_change query_read_change(sqlite3_stmt *statement, int column);
/* A CHANGE row; `before` is the change before of the same prefix, time 0 or NULL without one. */
bool query_change_row(struct journal_query *query, const struct prefix *prefix,
	const struct query_change *before, const struct query_change *change,
	struct journal_row *row);
/*
 * When the table was empty last, up to and with `time`: the last run without a restored table. 0:
 * never.
 */
uint64_t query_emptied(const struct journal_query *query, uint64_t time);

enum journal_step query_next_prefix(struct journal_query *query, struct journal_row *row);
bool query_begin_prefix(struct journal_query *query);
enum journal_step query_next_route(struct journal_query *query, struct journal_row *row);
bool query_begin_table(struct journal_query *query);

#endif
