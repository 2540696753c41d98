/*
 * The audit trail: rows chained by SHA-256, so that a changed, inserted or deleted one shows. Owns
 * the form of the chain; journal_store.c appends to it, `heliostat journal verify` checks it.
 *
 * The hash of a row is SHA-256 (FIPS 180-4) over, in this order: the hash of the row before (32
 * bytes; zeros before the first), the row's number and time (64 bits each, most significant byte
 * first), then `who`, `action` and `detail`, each as one byte (0: NULL, 1: there is a text), and,
 * if there is one, its length in bytes (32 bits, most significant first) and its bytes. Numbers go
 * 1, 2, 3. `meta` keeps the number and hash of the last row (audit_count, audit_head), so that
 * rows cut off at the end show too.
 *
 * What it cannot show: there is no secret in it, so whoever can write the file can compute every
 * hash anew from the row he changes to the end, and write audit_head; or put an older copy of the
 * whole file in place. Against that, note audit_head elsewhere from time to time: the verdict
 * carries it.
 */
#ifndef RR_JOURNAL_AUDIT_H
#define RR_JOURNAL_AUDIT_H

#include "rr/journal_batch.h"
#include "rr/journal_sql.h"

#define JOURNAL_HASH_LEN 32

struct journal_audit_verdict {
	bool sound;
	uint64_t rows; /* looked at, up to the bad one */
	uint64_t bad; /* number of the first bad row; 0 when sound */
	uint8_t head[JOURNAL_HASH_LEN]; /* hash of the last row */
	char reason[256]; /* "row 12: the hash is not that of its content"; "" when sound */
};

/*
 * Appends a row within the caller's transaction. SQLite result code; SQLITE_NOMEM when OpenSSL
 * fails.
 */
int journal_audit_append(sqlite3 *db, const struct journal_audit_row *row);
/*
 * Checks the whole chain, as it is at one moment. False when the file cannot be read: one line in
 * `text`; otherwise the verdict is valid.
 */
bool journal_audit_verify(
	sqlite3 *db, struct journal_audit_verdict *verdict, char *text, size_t size);

#endif
