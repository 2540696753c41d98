/*
 * What every user of the journal's SQLite connection needs: running and preparing statements,
 * reading a single value, and what a failure means, for people and for the next step. It knows no
 * table but `meta`.
 */
#ifndef RR_JOURNAL_SQL_H
#define RR_JOURNAL_SQL_H

#include <sqlite3.h>

#include "bgp/types.h"

/* What a result code asks for. */
enum journal_fault {
	JOURNAL_FAULT_NONE,
	JOURNAL_FAULT_RETRY, /* disk full, I/O error, locked ...: the same may succeed later */
	JOURNAL_FAULT_CORRUPT, /* the file is not what we wrote: it is to be set aside */
};

enum journal_fault journal_fault_of(int result);
/*
 * "disk full", "input/output error", "read-only file or file system" ... for the result code of
 * what has just failed on `db` (which may be NULL): errno is looked at too.
 */
const char *journal_sql_reason(sqlite3 *db, int result, char *text, size_t size);

/* Wall clock, microseconds since 1970, and monotonic microseconds. */
uint64_t journal_wall_clock(void);
uint64_t journal_monotonic(void);

/* These return an SQLite result code. */
int journal_sql_run(sqlite3 *db, const char *sql);
/* Of what has just failed; keeps errno. */
void journal_sql_rollback(sqlite3 *db);
/* The first column of the first row; SQLITE_NOTFOUND and 0 when there is none or it is NULL. */
int journal_sql_integer(sqlite3 *db, const char *sql, int64_t *value);
/* A statement that is kept. */
int journal_sql_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **statement);
/* Steps a bound statement that yields no rows, and resets it. */
int journal_sql_step(sqlite3_stmt *statement);
/* A value of `meta`; SQLITE_NOTFOUND and 0 without. */
int journal_meta_get(sqlite3 *db, const char *key, int64_t *value);
int journal_meta_set(sqlite3 *db, const char *key, int64_t value);

#endif
