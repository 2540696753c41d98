#include "rr/journal_connection.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "rr/journal_schema.h"
#include "rr/journal_sql.h"

#define READ_BUSY_MS  5000
#define WRITE_BUSY_MS 500 /* as long as journal_writer_stop may be held up by somebody's lock */

/*
 * A million paths and a million history rows in random order, from an empty file: 4096 bytes a page
 * write 1.06 GB in all, 2048 1.29 GB, 8192 0.93 GB, in about the same time; small changes later
 * write a page each, so the smaller one. A cache of 64 MiB writes as much as this one. A WAL of 128
 * MiB saves a fifth of what is written, and would have to be kept.
 */
static const char new_file_pragmas[] = "PRAGMA page_size = 4096;"
				       "PRAGMA auto_vacuum = INCREMENTAL;";
static const char connection_pragmas[] =
	"PRAGMA synchronous = FULL;" /* a batch that was written outlasts a power cut */
	"PRAGMA cache_size = -12288;" /* KiB */
	"PRAGMA temp_store = MEMORY;"
	"PRAGMA mmap_size = 0;" /* an I/O error must not be a SIGBUS */
	"PRAGMA cell_size_check = ON;" /* finds corrupt pages before they are believed */
	"PRAGMA wal_autocheckpoint = 8192;" /* pages: 32 MiB */
	"PRAGMA journal_size_limit = 67108864;"; /* bytes that an emptied WAL keeps */

/* What is at the path. */
enum found {
	FOUND_OURS,
	FOUND_OLDER, /* ours, to be migrated */
	FOUND_EMPTY, /* no bytes, or a database without tables */
	FOUND_NEWER,
	FOUND_FOREIGN,
	FOUND_CORRUPT,
	FOUND_FAULT, /* cannot be told now */
};

void journal_file_fault(const struct journal_file *file, int result, char *text, size_t size)
{
	char reason[160];

	snprintf(text, size, "%s: %s", journal_sql_reason(file->db, result, reason, sizeof reason),
		file->path);
}

/* The folder of the path, if it alone is missing. Others say what is wrong if this fails. */
static void make_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash == NULL || slash == path ? NULL
						      : strndup(path, (size_t)(slash - path));

	if (folder != NULL)
		mkdir(folder, 0750);
	free(folder);
}

/* "PATH" + suffix, to be freed. */
static char *with_suffix(const char *path, const char *suffix)
{
	char *text;

	return asprintf(&text, "%s%s", path, suffix) < 0 ? NULL : text;
}

/*
 * The lock is on a file of its own: SQLite's own locks are on the journal, and are let go when any
 * descriptor of it is closed. Nobody removes it, since another may hold it by then.
 */
static enum journal_open_result take_lock(struct journal_file *file, char *text, size_t size)
{
	char *path = with_suffix(file->path, ".lock"), holder[16] = "";
	ssize_t got;
	int fd;

	if (path == NULL) {
		snprintf(text, size, "out of memory: %s", file->path);
		return JOURNAL_UNAVAILABLE;
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0 && errno == ENOENT) {
		make_folder(file->path);
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	}
	if (fd < 0) {
		snprintf(text, size, "cannot open %s: %s", path, strerror(errno));
		free(path);
		return JOURNAL_UNAVAILABLE;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		bool held = errno == EWOULDBLOCK;
		int error = errno;

		got = held ? pread(fd, holder, sizeof holder - 1, 0) : 0;
		holder[got > 0 ? got : 0] = '\0';
		if (held)
			snprintf(text, size,
				"%s is in use by another process (PID %ld, it holds %s)",
				file->path, strtol(holder, NULL, 10), path);
		else
			snprintf(text, size, "cannot lock %s: %s", path, strerror(error));
		close(fd);
		free(path);
		return held ? JOURNAL_REFUSED : JOURNAL_UNAVAILABLE;
	}
	free(path);
	/* for the message above alone: a disk that is full does not matter */
	snprintf(holder, sizeof holder, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, holder, strlen(holder), 0);
	file->lock = fd;
	return JOURNAL_OPENED;
}

void journal_file_disconnect(struct journal_file *file)
{
	sqlite3_close(file->db);
	file->db = NULL;
}

/* What a failure to read says of the file. */
static enum found found_of(struct journal_file *file, int result, char *text, size_t size)
{
	if (result == SQLITE_NOTADB) {
		snprintf(text, size, "found a file that is no SQLite database, expected a journal");
		return FOUND_FOREIGN;
	}
	if (journal_fault_of(result) == JOURNAL_FAULT_CORRUPT) {
		journal_sql_reason(file->db, result, text, size);
		return FOUND_CORRUPT;
	}
	journal_file_fault(file, result, text, size);
	return FOUND_FAULT;
}

/* Opens the connection and tells what the file is; `text` says what was found unless ours. */
static enum found inspect(struct journal_file *file, char *text, size_t size)
{
	int64_t application, version, tables;
	int result = sqlite3_open_v2(file->path, &file->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_busy_timeout(file->db, WRITE_BUSY_MS);
	if (result == SQLITE_OK)
		result = journal_sql_integer(file->db, "PRAGMA application_id", &application);
	if (result == SQLITE_OK)
		result = journal_sql_integer(file->db, "PRAGMA user_version", &version);
	if (result == SQLITE_OK)
		result = journal_sql_integer(
			file->db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (result != SQLITE_OK)
		return found_of(file, result, text, size);
	if (sqlite3_db_readonly(file->db, "main") != 0) {
		snprintf(text, size, "read-only file or file system: %s", file->path);
		return FOUND_FAULT;
	}
	if (application == 0 && version == 0 && tables == 0)
		return FOUND_EMPTY;
	if (application != JOURNAL_APPLICATION_ID) {
		snprintf(text, size,
			"found a database of another program (application_id %" PRId64
			"), expected a journal (%d)",
			application, JOURNAL_APPLICATION_ID);
		return FOUND_FOREIGN;
	}
	if (version > JOURNAL_SCHEMA) {
		snprintf(text, size,
			"found schema version %" PRId64 " in %s, expected %d at most: it was made "
			"by a newer heliostatd; run that one, or move the file away",
			version, file->path, JOURNAL_SCHEMA);
		return FOUND_NEWER;
	}
	if (version < 1) {
		snprintf(text, size, "found schema version %" PRId64 ", expected 1 to %d", version,
			JOURNAL_SCHEMA);
		return FOUND_CORRUPT;
	}
	if (version < JOURNAL_SCHEMA)
		return FOUND_OLDER;
	result = journal_schema_check(file->db);
	return result == SQLITE_OK ? FOUND_OURS : found_of(file, result, text, size);
}

/* Makes, or brings up to date, the schema: one transaction. */
static int migrate(sqlite3 *db)
{
	int64_t version;
	int result = journal_sql_run(db, "BEGIN IMMEDIATE");

	if (result != SQLITE_OK)
		return result;
	result = journal_sql_integer(db, "PRAGMA user_version", &version);
	if (result == SQLITE_OK)
		result = journal_schema_apply(db, (int)version);
	if (result == SQLITE_OK)
		result = journal_sql_run(db, "COMMIT");
	if (result != SQLITE_OK)
		journal_sql_rollback(db);
	return result;
}

/* The settings of a connection that writes. */
static int configure(sqlite3 *db)
{
	sqlite3_stmt *statement;
	int result;

	/* A file that was tampered with must not run code of its own. */
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	result = sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	if (result == SQLITE_ROW) {
		const char *mode = (const char *)sqlite3_column_text(statement, 0);

		/* a file system without shared memory keeps the mode that was */
		result = mode != NULL && strcmp(mode, "wal") == 0 ? SQLITE_OK : SQLITE_CANTOPEN;
	}
	sqlite3_finalize(statement);
	return result == SQLITE_OK ? journal_sql_run(db, connection_pragmas) : result;
}

/* Moves PATH+suffix to TARGET+suffix if it is there. */
static bool move_one(const char *path, const char *target, const char *suffix)
{
	char *from = with_suffix(path, suffix), *to = with_suffix(target, suffix);
	bool moved = from != NULL && to != NULL && (rename(from, to) == 0 || errno == ENOENT);

	free(from);
	free(to);
	return moved;
}

static void remove_one(const char *path, const char *suffix)
{
	char *name = with_suffix(path, suffix);

	if (name != NULL)
		unlink(name);
	free(name);
}

/* Chooses a name for what is moved: PATH.why-20261122T031205, in UTC. */
static void name_aside(const struct journal_file *file, const char *why, char *target, size_t size)
{
	char date[32];
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(date, sizeof date, "%Y%m%dT%H%M%S", &utc);
	snprintf(target, size, "%s.%s-%s", file->path, why, date);
	for (int again = 2; access(target, F_OK) == 0; again++)
		snprintf(target, size, "%s.%s-%s-%d", file->path, why, date, again);
}

/*
 * Moves the file, its WAL and its shared memory aside. The main file goes last, so that one
 * interrupted is found, and moved, at the next start. If the file at the path is no longer the one
 * that was open, then the WAL is not that one's: it would spoil it.
 */
static bool set_aside(struct journal_file *file, const char *why, char *text, size_t size)
{
	bool moved = file->db != NULL && journal_file_moved(file);
	char target[sizeof file->moved_to];

	if (file->db != NULL) /* as found, for whoever looks into it */
		sqlite3_db_config(file->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	journal_file_disconnect(file);
	name_aside(file, why, target, sizeof target);
	if (moved) {
		remove_one(file->path, "-wal");
		remove_one(file->path, "-shm");
	}
	if (!move_one(file->path, target, "-wal") || !move_one(file->path, target, "-shm") ||
		!move_one(file->path, target, "")) {
		snprintf(text, size, "cannot move %s to %s: %s", file->path, target,
			strerror(errno));
		return false;
	}
	file->set_aside_at = journal_monotonic();
	file->moved_at = journal_wall_clock();
	/* it may have been deleted: then there is nothing to name */
	snprintf(file->moved_to, sizeof file->moved_to, "%s",
		access(target, F_OK) == 0 ? target : "");
	return true;
}

/* An empty file at the path, if there is none. */
static bool make_file(struct journal_file *file, bool *made, char *text, size_t size)
{
	struct stat status;
	int fd = open(file->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

	*made = fd >= 0;
	if (fd >= 0) {
		close(fd);
		return true;
	}
	if (errno != EEXIST) {
		snprintf(text, size, "cannot create %s: %s", file->path, strerror(errno));
		return false;
	}
	if (stat(file->path, &status) == 0 && !S_ISREG(status.st_mode)) {
		snprintf(text, size, "found something that is no file at %s, expected a journal",
			file->path);
		return false;
	}
	return true;
}

/* With the connection open on an empty or older file. */
static bool make_schema(struct journal_file *file, bool fresh, char *text, size_t size)
{
	int result = fresh ? journal_sql_run(file->db, new_file_pragmas) : SQLITE_OK;

	if (result == SQLITE_OK)
		result = migrate(file->db);
	if (result == SQLITE_OK)
		result = configure(file->db);
	if (result != SQLITE_OK) {
		journal_file_fault(file, result, text, size);
		return false;
	}
	return true;
}

/* Makes the file that is to be there and opens it. */
static bool create(struct journal_file *file, char *text, size_t size)
{
	bool made;

	if (!make_file(file, &made, text, size))
		return false;
	if (inspect(file, text, size) != FOUND_EMPTY) {
		if (text[0] == '\0')
			snprintf(text, size, "%s came to be meanwhile", file->path);
		return false;
	}
	return make_schema(file, true, text, size);
}

static enum journal_open_result unavailable(struct journal_file *file)
{
	journal_file_disconnect(file);
	return JOURNAL_UNAVAILABLE;
}

/* The file is foreign or corrupt, as `text` says. */
static enum journal_open_result renew(
	struct journal_file *file, enum found found, char *text, size_t size)
{
	char why[256];

	snprintf(why, sizeof why, "%s", text);
	text[0] = '\0';
	if (!set_aside(file, found == FOUND_FOREIGN ? "foreign" : "corrupt", text, size) ||
		!create(file, text, size))
		return unavailable(file);
	snprintf(text, size, "%s: moved to %s, a new journal was begun: %s",
		found == FOUND_FOREIGN ? "foreign file" : "corrupt file", file->moved_to, why);
	return JOURNAL_SET_ASIDE;
}

enum journal_open_result journal_file_connect(struct journal_file *file, char *text, size_t size)
{
	enum found found;
	int result;
	bool made;

	text[0] = '\0';
	if (file->db != NULL)
		return JOURNAL_OPENED;
	if (file->lock < 0) {
		enum journal_open_result locked = take_lock(file, text, size);

		if (locked != JOURNAL_OPENED)
			return locked;
	}
	if (!make_file(file, &made, text, size))
		return JOURNAL_UNAVAILABLE;
	found = inspect(file, text, size);
	if (found == FOUND_OURS) {
		result = configure(file->db);
		if (result == SQLITE_OK)
			return JOURNAL_OPENED;
		found = found_of(file, result, text, size);
	}
	switch (found) {
	case FOUND_EMPTY:
	case FOUND_OLDER:
		if (!make_schema(file, found == FOUND_EMPTY, text, size))
			break;
		return found == FOUND_EMPTY ? JOURNAL_CREATED : JOURNAL_OPENED;
	case FOUND_FOREIGN:
	case FOUND_CORRUPT: return renew(file, found, text, size);
	case FOUND_NEWER: journal_file_disconnect(file); return JOURNAL_REFUSED;
	default: break;
	}
	/* an empty file is no loss, and one that was not there should not be left there */
	if (made)
		unlink(file->path);
	return unavailable(file);
}

bool journal_file_begin_anew(struct journal_file *file, const char *why, char *text, size_t size)
{
	file->generation++;
	file->run.pending = true;
	file->run.restored = false;
	file->run.time = journal_wall_clock();
	file->late = false;
	file->attrs_base = 0;
	return set_aside(file, why, text, size) && create(file, text, size);
}

bool journal_file_moved(const struct journal_file *file)
{
	int moved = 0;

	return sqlite3_file_control(file->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) ==
		       SQLITE_OK &&
	       moved != 0;
}

/*
 * Where a link leads: there SQLite keeps the WAL, and there a file is moved aside or replaced by a
 * compacted one, not the link. To be freed.
 */
static char *real_path(const char *path)
{
	struct stat status;
	char *real = lstat(path, &status) == 0 && S_ISLNK(status.st_mode) ? realpath(path, NULL)
									  : NULL;

	return real != NULL ? real : strdup(path);
}

enum journal_open_result journal_file_open(
	const char *path, struct journal_file **file, char *text, size_t size)
{
	enum journal_open_result result;
	struct journal_file *made = calloc(1, sizeof *made);

	*file = NULL;
	if (made == NULL || (made->path = real_path(path)) == NULL) {
		free(made);
		snprintf(text, size, "out of memory: %s", path);
		return JOURNAL_REFUSED;
	}
	made->lock = -1;
	/* if it can only be opened later: what is told by then was true from now on */
	made->run.time = journal_wall_clock();
	result = journal_file_connect(made, text, size);
	if (result == JOURNAL_REFUSED)
		journal_file_close(made);
	else
		*file = made;
	return result;
}

void journal_file_close(struct journal_file *file)
{
	if (file == NULL)
		return;
	journal_file_disconnect(file);
	if (file->lock >= 0)
		close(file->lock);
	free(file->run.dropped);
	free(file->malformed);
	free(file->path);
	free(file);
}

/* A connection that reads; `immutable` without a look at WAL, locks or other users. */
static int open_to_read(const char *path, bool immutable, sqlite3 **db)
{
	int64_t version;
	int result;
	/* of a URI's bytes only these mean something else than themselves */
	char *uri = sqlite3_mprintf("file:%s%s", path, immutable ? "?immutable=1" : "");

	*db = NULL;
	if (uri == NULL)
		return SQLITE_NOMEM;
	result = sqlite3_open_v2(immutable ? uri : path, db,
		SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
			(immutable ? SQLITE_OPEN_URI : 0),
		NULL);
	sqlite3_free(uri);
	if (result == SQLITE_OK)
		result = sqlite3_busy_timeout(*db, READ_BUSY_MS);
	/* the first touch of the file */
	return result == SQLITE_OK ? journal_sql_integer(*db, "PRAGMA user_version", &version)
				   : result;
}

/* Is it a journal of this schema? */
static bool readable(sqlite3 *db, const char *path, char *text, size_t size)
{
	int64_t application = 0, version = 0;
	int result = journal_sql_integer(db, "PRAGMA application_id", &application);
	char reason[160];

	if (result == SQLITE_OK)
		result = journal_sql_integer(db, "PRAGMA user_version", &version);
	if (result == SQLITE_OK && application != JOURNAL_APPLICATION_ID) {
		snprintf(text, size,
			"%s: found a database of another program (application_id %" PRId64
			"), expected a journal (%d)",
			path, application, JOURNAL_APPLICATION_ID);
		return false;
	}
	if (result == SQLITE_OK && version != JOURNAL_SCHEMA) {
		snprintf(text, size, "%s: found schema version %" PRId64 ", expected %d%s", path,
			version, JOURNAL_SCHEMA,
			version > JOURNAL_SCHEMA
				? ": it was made by a newer heliostatd"
				: ": heliostatd brings it up to date at its start");
		return false;
	}
	if (result == SQLITE_OK)
		result = journal_schema_check(db);
	if (result == SQLITE_OK)
		result = journal_sql_run(db, "PRAGMA query_only = ON; PRAGMA cache_size = -8192;"
					     "PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON;");
	if (result != SQLITE_OK)
		snprintf(text, size, "%s: %s", path,
			journal_sql_reason(db, result, reason, sizeof reason));
	return result == SQLITE_OK;
}

sqlite3 *journal_read_open(const char *path, char *text, size_t size)
{
	char *wal = with_suffix(path, "-wal"), reason[160];
	sqlite3 *db;
	int result;

	if (access(path, R_OK) != 0) {
		snprintf(text, size, "cannot read %s: %s", path, strerror(errno));
		free(wal);
		return NULL;
	}
	result = open_to_read(path, false, &db);
	/*
	 * To read a WAL database SQLite makes its shared memory, which a folder that is not to be
	 * written refuses. Without a WAL nobody is at work on the file.
	 */
	if (((result & 0xff) == SQLITE_CANTOPEN || (result & 0xff) == SQLITE_READONLY) &&
		wal != NULL && access(wal, F_OK) != 0 && strpbrk(path, "?#%") == NULL) {
		sqlite3_close(db);
		result = open_to_read(path, true, &db);
	}
	free(wal);
	if (result != SQLITE_OK)
		snprintf(text, size, "cannot read %s: %s", path,
			journal_sql_reason(db, result, reason, sizeof reason));
	if (result != SQLITE_OK || !readable(db, path, text, size)) {
		sqlite3_close(db);
		return NULL;
	}
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	return db;
}
