#include "rr/journal_compact.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "rr/journal_connection.h"
#include "rr/journal_prune.h"
#include "rr/journal_sql.h"

#define STEP_US	   3000 /* of work in a step */
#define PAGES_MIN  8
#define PAGES_MAX  4096
#define ROOM_SPARE (UINT64_C(1) << 20) /* bytes of the disk that are left over */

int journal_compact_step(struct journal_compact *compact, sqlite3 *db, bool *done)
{
	uint64_t begun = journal_monotonic(), took;
	int64_t before, after;
	char sql[64];
	int result;

	if (compact->pages < PAGES_MIN)
		compact->pages = PAGES_MIN;
	snprintf(sql, sizeof sql, "PRAGMA incremental_vacuum(%u)", compact->pages);
	result = journal_sql_integer(db, "PRAGMA freelist_count", &before);
	if (result == SQLITE_OK)
		result = journal_sql_run(db, sql);
	if (result == SQLITE_OK)
		result = journal_sql_integer(db, "PRAGMA freelist_count", &after);
	if (result != SQLITE_OK)
		return result;
	took = journal_monotonic() - begun;
	if (took > STEP_US && compact->pages > PAGES_MIN)
		compact->pages /= 2;
	else if (took < STEP_US / 2 && compact->pages < PAGES_MAX)
		compact->pages *= 2;
	/* a file that was made without auto_vacuum keeps its free pages */
	*done = after == 0 || after >= before;
	return SQLITE_OK;
}

/* Is there room for another file of `wanted` bytes beside `path`? */
static bool has_room(const char *path, uint64_t wanted, char *text, size_t size)
{
	struct statvfs disk;
	uint64_t room;

	if (statvfs(path, &disk) != 0) {
		snprintf(text, size, "cannot tell the free room beside %s: %s", path,
			strerror(errno));
		return false;
	}
	room = (uint64_t)disk.f_bavail * disk.f_frsize;
	if (room < wanted + ROOM_SPARE) {
		snprintf(text, size,
			"found %" PRIu64 " MiB free beside %s, expected %" PRIu64
			" MiB for the new file",
			room >> 20, path, ((wanted + ROOM_SPARE) >> 20) + 1);
		return false;
	}
	return true;
}

static uint64_t size_of(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
}

/* The whole database into a new file. Alone on the old one: nothing may be written meanwhile. */
static int copy_into(sqlite3 *db, const char *target)
{
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(db, "VACUUM INTO ?", -1, &statement, NULL);

	if (result != SQLITE_OK)
		return result;
	sqlite3_bind_text(statement, 1, target, -1, SQLITE_STATIC);
	result = journal_sql_step(statement);
	sqlite3_finalize(statement);
	return result;
}

/* SQLite writes the copy without syncing it. */
static bool sync_path(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);
	bool synced = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return synced;
}

/* The new file in place of the old one. */
static bool replace(const char *path, const char *target, char *text, size_t size)
{
	char *folder = strdup(path), *slash = folder == NULL ? NULL : strrchr(folder, '/');
	struct stat status;
	bool done = stat(path, &status) == 0 && chmod(target, status.st_mode & 07777) == 0 &&
		    (geteuid() != 0 || chown(target, status.st_uid, status.st_gid) == 0) &&
		    sync_path(target, O_RDWR) && rename(target, path) == 0;

	if (!done)
		snprintf(text, size, "cannot put %s in place of %s: %s", target, path,
			strerror(errno));
	if (done && slash != NULL) {
		*slash = '\0';
		/* without it the old file may come back after a power cut: as good */
		(void)sync_path(slash == folder ? "/" : folder, O_RDONLY | O_DIRECTORY);
	}
	free(folder);
	return done;
}

/* With the file open and locked. */
static bool rewrite(struct journal_file *file, const char *target, char *text, size_t size)
{
	uint64_t used;
	int result = journal_prune_used(file->db, &used, NULL);

	if (result == SQLITE_OK && !has_room(file->path, used, text, size))
		return false;
	/* leaving WAL mode needs that nobody else has the file open, and removes the WAL */
	if (result == SQLITE_OK)
		result = journal_sql_run(file->db, "PRAGMA locking_mode = EXCLUSIVE;"
						   "PRAGMA journal_mode = DELETE");
	unlink(target); /* of an earlier attempt */
	if (result == SQLITE_OK)
		result = copy_into(file->db, target);
	if (result != SQLITE_OK) {
		journal_file_fault(file, result, text, size);
		return false;
	}
	journal_file_disconnect(file);
	return replace(file->path, target, text, size);
}

bool journal_file_compact(
	const char *path, uint64_t *before, uint64_t *after, char *text, size_t size)
{
	struct journal_file *file;
	sqlite3 *reader;
	char *target;
	bool done;

	*before = *after = 0;
	/* the daemon's way of opening moves a file aside that is no journal: not here */
	reader = journal_read_open(path, text, size);
	if (reader == NULL)
		return false;
	sqlite3_close(reader);
	if (journal_file_open(path, &file, text, size) != JOURNAL_OPENED) {
		journal_file_close(file);
		return false;
	}
	if (asprintf(&target, "%s.compact", file->path) < 0) {
		snprintf(text, size, "out of memory: %s", path);
		journal_file_close(file);
		return false;
	}
	*before = size_of(path);
	done = rewrite(file, target, text, size);
	if (!done)
		unlink(target);
	*after = size_of(path);
	journal_file_close(file);
	free(target);
	return done;
}
