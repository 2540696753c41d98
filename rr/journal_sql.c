#include "rr/journal_sql.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum journal_fault journal_fault_of(int result)
{
	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE: return JOURNAL_FAULT_NONE;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	/* a table or column is missing or takes other values: somebody else has been at it */
	case SQLITE_ERROR:
	case SQLITE_SCHEMA:
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH: return JOURNAL_FAULT_CORRUPT;
	default: return JOURNAL_FAULT_RETRY;
	}
}

const char *journal_sql_reason(sqlite3 *db, int result, char *text, size_t size)
{
	/* SQLite keeps it for what it says about opening, errno is what is left of the rest */
	int error = (result & 0xff) == SQLITE_CANTOPEN && db != NULL ? sqlite3_system_errno(db)
								     : errno;
	const char *reason;
	bool disk = false;

	switch (result & 0xff) {
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN: disk = true; break;
	default: break;
	}
	if ((result & 0xff) == SQLITE_FULL || (disk && error == ENOSPC))
		reason = "disk full";
	else if (disk && error == EDQUOT)
		reason = "disk quota exceeded";
	else if (result == SQLITE_READONLY_DBMOVED)
		reason = "the file was moved or deleted";
	else if ((result & 0xff) == SQLITE_READONLY || (disk && error == EROFS))
		reason = "read-only file or file system";
	else if ((result & 0xff) == SQLITE_IOERR)
		reason = "input/output error";
	else if ((result & 0xff) == SQLITE_CANTOPEN)
		reason = error == 0 ? "cannot open the file" : strerror(error);
	else if ((result & 0xff) == SQLITE_BUSY || (result & 0xff) == SQLITE_LOCKED)
		reason = "locked by another process";
	else if ((result & 0xff) == SQLITE_NOMEM)
		reason = "out of memory";
	else if ((result & 0xff) == SQLITE_NOTADB)
		reason = "not an SQLite database";
	else if (result == SQLITE_ERROR && db != NULL)
		reason = sqlite3_errmsg(db); /* "no such table: path" */
	else
		reason = sqlite3_errstr(result);
	snprintf(text, size, "%s", reason);
	return text;
}

void journal_sql_rollback(sqlite3 *db)
{
	int error = errno;

	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	errno = error;
}

static uint64_t microseconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t journal_wall_clock(void)
{
	return microseconds(CLOCK_REALTIME);
}

uint64_t journal_monotonic(void)
{
	return microseconds(CLOCK_MONOTONIC);
}

int journal_sql_run(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* The first column of the first row of a statement; finalizes it. */
static int single_integer(sqlite3_stmt *statement, int64_t *value)
{
	int result = sqlite3_step(statement), end;

	*value = 0;
	if (result == SQLITE_ROW && sqlite3_column_type(statement, 0) == SQLITE_INTEGER) {
		*value = sqlite3_column_int64(statement, 0);
		result = SQLITE_OK;
	} else if (result == SQLITE_ROW || result == SQLITE_DONE) {
		result = SQLITE_NOTFOUND;
	}
	end = sqlite3_finalize(statement);
	return result == SQLITE_OK && end != SQLITE_OK ? end : result;
}

int journal_sql_integer(sqlite3 *db, const char *sql, int64_t *value)
{
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	*value = 0;
	return result == SQLITE_OK ? single_integer(statement, value) : result;
}

int journal_sql_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **statement)
{
	return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
}

int journal_sql_step(sqlite3_stmt *statement)
{
	int result = sqlite3_step(statement), end = sqlite3_reset(statement);

	if (result == SQLITE_DONE || result == SQLITE_ROW)
		return end;
	return result;
}

int journal_meta_get(sqlite3 *db, const char *key, int64_t *value)
{
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(
		db, "SELECT value FROM meta WHERE key = ?", -1, &statement, NULL);

	*value = 0;
	if (result != SQLITE_OK)
		return result;
	sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
	return single_integer(statement, value);
}

int journal_meta_set(sqlite3 *db, const char *key, int64_t value)
{
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(
		db, "INSERT OR REPLACE INTO meta VALUES (?, ?)", -1, &statement, NULL);

	if (result != SQLITE_OK)
		return result;
	sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 2, value);
	result = journal_sql_step(statement);
	sqlite3_finalize(statement);
	return result;
}
