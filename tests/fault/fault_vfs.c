#include "tests/fault/fault_vfs.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR	  512
#define FILES_MAX 16

/* A write since the last sync; data NULL: a truncation to `at`. */
struct pending {
	struct pending *next;
	sqlite3_int64 at;
	int len;
	uint8_t *data;
};

/* A file as it would be after a power cut. */
struct shadow {
	char *path;
	uint8_t *durable;
	size_t len;
	struct pending *pending, **last;
};

struct fault_file {
	sqlite3_file base;
	struct shadow *shadow; /* NULL while the power is not watched */
	sqlite3_file *real; /* behind this struct */
};

static struct {
	pthread_mutex_t mutex;
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	unsigned on;
	uint64_t first, count, failed;
	bool all;
	int result, error;
	bool watched, cut;
	struct shadow shadows[FILES_MAX];
} disk = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* True when this operation is to fail; *result is then what with. */
static bool fails(enum fault_operation operation, int usual, int *result)
{
	bool fault = false;

	pthread_mutex_lock(&disk.mutex);
	if (disk.cut) {
		fault = true;
		*result = usual;
		errno = EIO;
	} else if ((disk.on & FAULT_BIT(operation)) != 0) {
		disk.count++;
		fault = disk.all ? disk.count >= disk.first : disk.count == disk.first;
		if (fault) {
			disk.failed++;
			*result = disk.result != 0 ? disk.result : usual;
			errno = disk.error;
		}
	}
	pthread_mutex_unlock(&disk.mutex);
	return fault;
}

void fault_plan(unsigned on, uint64_t first, bool all, int result, int error)
{
	pthread_mutex_lock(&disk.mutex);
	disk.on = on;
	disk.first = first;
	disk.all = all;
	disk.result = result;
	disk.error = error;
	disk.count = disk.failed = 0;
	pthread_mutex_unlock(&disk.mutex);
}

uint64_t fault_clear(void)
{
	uint64_t failed;

	pthread_mutex_lock(&disk.mutex);
	disk.on = 0;
	failed = disk.failed;
	pthread_mutex_unlock(&disk.mutex);
	return failed;
}

static void *must(void *pointer)
{
	if (pointer == NULL)
		abort();
	return pointer;
}

static void note(struct shadow *shadow, sqlite3_int64 at, const void *data, int len)
{
	struct pending *pending;

	if (shadow == NULL)
		return;
	pending = must(calloc(1, sizeof *pending));
	pending->at = at;
	pending->len = len;
	if (data != NULL)
		pending->data = memcpy(must(malloc((size_t)len + 1)), data, (size_t)len);
	pthread_mutex_lock(&disk.mutex);
	*shadow->last = pending;
	shadow->last = &pending->next;
	pthread_mutex_unlock(&disk.mutex);
}

/* Up to `len` bytes of a pending write into the durable content. */
static void apply(struct shadow *shadow, const struct pending *pending, int len)
{
	size_t end = (size_t)pending->at + (size_t)len;

	if (pending->data == NULL)
		end = (size_t)pending->at;
	if (end > shadow->len) {
		shadow->durable = must(realloc(shadow->durable, end + 1));
		memset(shadow->durable + shadow->len, 0, end - shadow->len);
		shadow->len = end;
	}
	if (pending->data == NULL)
		shadow->len = end;
	else
		memcpy(shadow->durable + pending->at, pending->data, (size_t)len);
}

/* What is pending becomes durable: all of it, or, with `random`, a part. */
static void settle(struct shadow *shadow, uint32_t (*random)(void))
{
	struct pending *pending;

	while ((pending = shadow->pending) != NULL) {
		uint32_t fate = random == NULL ? 0 : random() % 3;

		if (fate == 0)
			apply(shadow, pending, pending->len);
		else if (fate == 1 && pending->len > SECTOR)
			apply(shadow, pending,
				(int)(random() % (uint32_t)(pending->len / SECTOR)) * SECTOR);
		shadow->pending = pending->next;
		free(pending->data);
		free(pending);
	}
	shadow->last = &shadow->pending;
}

static struct fault_file *ours(sqlite3_file *file)
{
	return (struct fault_file *)file;
}

static sqlite3_file *real(sqlite3_file *file)
{
	return ours(file)->real;
}

static int on_close(sqlite3_file *file)
{
	return real(file)->pMethods->xClose(real(file));
}

static int on_read(sqlite3_file *file, void *to, int len, sqlite3_int64 at)
{
	int result;

	if (fails(FAULT_READ, SQLITE_IOERR_READ, &result))
		return result;
	return real(file)->pMethods->xRead(real(file), to, len, at);
}

static int on_write(sqlite3_file *file, const void *from, int len, sqlite3_int64 at)
{
	int result;

	if (fails(FAULT_WRITE, SQLITE_IOERR_WRITE, &result))
		return result;
	note(ours(file)->shadow, at, from, len);
	return real(file)->pMethods->xWrite(real(file), from, len, at);
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	int result;

	if (fails(FAULT_WRITE, SQLITE_IOERR_TRUNCATE, &result))
		return result;
	note(ours(file)->shadow, size, NULL, 0);
	return real(file)->pMethods->xTruncate(real(file), size);
}

static int on_sync(sqlite3_file *file, int flags)
{
	struct shadow *shadow = ours(file)->shadow;
	int result;

	(void)flags;
	if (fails(FAULT_SYNC, SQLITE_IOERR_FSYNC, &result))
		return result;
	/* the disk is not asked: its cache outlives this process */
	pthread_mutex_lock(&disk.mutex);
	if (shadow != NULL)
		settle(shadow, NULL);
	pthread_mutex_unlock(&disk.mutex);
	return SQLITE_OK;
}

static int on_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return real(file)->pMethods->xFileSize(real(file), size);
}

static int on_lock(sqlite3_file *file, int level)
{
	return real(file)->pMethods->xLock(real(file), level);
}

static int on_unlock(sqlite3_file *file, int level)
{
	return real(file)->pMethods->xUnlock(real(file), level);
}

static int on_check_lock(sqlite3_file *file, int *locked)
{
	return real(file)->pMethods->xCheckReservedLock(real(file), locked);
}

static int on_control(sqlite3_file *file, int op, void *argument)
{
	return real(file)->pMethods->xFileControl(real(file), op, argument);
}

static int on_sector_size(sqlite3_file *file)
{
	(void)file;
	return SECTOR;
}

static int on_characteristics(sqlite3_file *file)
{
	(void)file;
	return 0; /* nothing is promised: not that writes are atomic or in order */
}

static int on_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **at)
{
	return real(file)->pMethods->xShmMap(real(file), page, size, extend, at);
}

static int on_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	return real(file)->pMethods->xShmLock(real(file), offset, n, flags);
}

static void on_shm_barrier(sqlite3_file *file)
{
	real(file)->pMethods->xShmBarrier(real(file));
}

static int on_shm_unmap(sqlite3_file *file, int remove_it)
{
	return real(file)->pMethods->xShmUnmap(real(file), remove_it);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = on_close,
	.xRead = on_read,
	.xWrite = on_write,
	.xTruncate = on_truncate,
	.xSync = on_sync,
	.xFileSize = on_size,
	.xLock = on_lock,
	.xUnlock = on_unlock,
	.xCheckReservedLock = on_check_lock,
	.xFileControl = on_control,
	.xSectorSize = on_sector_size,
	.xDeviceCharacteristics = on_characteristics,
	.xShmMap = on_shm_map,
	.xShmLock = on_shm_lock,
	.xShmBarrier = on_shm_barrier,
	.xShmUnmap = on_shm_unmap,
};

/* The shadow of a path, begun with what is in the file now. */
static struct shadow *shadow_of(const char *path)
{
	struct shadow *shadow = disk.shadows;
	FILE *file;

	while (shadow < disk.shadows + FILES_MAX && shadow->path != NULL &&
		strcmp(shadow->path, path) != 0)
		shadow++;
	if (shadow == disk.shadows + FILES_MAX)
		abort();
	if (shadow->path != NULL)
		return shadow;
	shadow->path = must(strdup(path));
	shadow->last = &shadow->pending;
	file = fopen(path, "r");
	if (file == NULL)
		return shadow;
	fseek(file, 0, SEEK_END);
	shadow->len = (size_t)ftell(file);
	shadow->durable = must(malloc(shadow->len + 1));
	rewind(file);
	if (fread(shadow->durable, 1, shadow->len, file) != shadow->len)
		abort();
	fclose(file);
	return shadow;
}

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
	struct fault_file *mine = ours(file);
	int result;

	(void)vfs;
	memset(mine, 0, sizeof *mine);
	if (fails(FAULT_OPEN, SQLITE_CANTOPEN, &result))
		return result;
	mine->real = (sqlite3_file *)(mine + 1);
	if (disk.watched && name != NULL && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) != 0)
		mine->shadow = shadow_of(name);
	result = disk.real->xOpen(disk.real, name, mine->real, flags, out);
	if (result == SQLITE_OK)
		mine->base.pMethods = &methods;
	return result;
}

static int on_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
	int result;

	(void)vfs;
	if (fails(FAULT_OPEN, SQLITE_IOERR_DELETE, &result))
		return result;
	/* at once durable: it is done only to files that are of no use any more */
	for (struct shadow *shadow = disk.shadows; shadow < disk.shadows + FILES_MAX; shadow++)
		if (disk.watched && shadow->path != NULL && strcmp(shadow->path, name) == 0) {
			settle(shadow, NULL);
			shadow->len = 0;
		}
	return disk.real->xDelete(disk.real, name, sync_folder);
}

static int on_error(sqlite3_vfs *vfs, int size, char *text)
{
	(void)vfs;
	(void)size;
	(void)text;
	return errno;
}

void fault_vfs_install(void)
{
	disk.real = sqlite3_vfs_find(NULL);
	disk.vfs = *disk.real;
	disk.vfs.zName = "fault";
	disk.vfs.szOsFile = (int)sizeof(struct fault_file) + disk.real->szOsFile;
	disk.vfs.xOpen = on_open;
	disk.vfs.xDelete = on_delete;
	disk.vfs.xGetLastError = on_error;
	if (sqlite3_vfs_register(&disk.vfs, 1) != SQLITE_OK)
		abort();
}

void fault_power_on(void)
{
	disk.watched = true;
}

void fault_power_cut(void)
{
	pthread_mutex_lock(&disk.mutex);
	disk.cut = true;
	pthread_mutex_unlock(&disk.mutex);
}

void fault_power_back(uint32_t (*random)(void))
{
	for (struct shadow *shadow = disk.shadows; shadow < disk.shadows + FILES_MAX; shadow++) {
		FILE *file;

		if (shadow->path == NULL)
			continue;
		settle(shadow, random);
		file = must(fopen(shadow->path, "w"));
		if (shadow->len > 0 && fwrite(shadow->durable, 1, shadow->len, file) != shadow->len)
			abort();
		fclose(file);
		free(shadow->path);
		free(shadow->durable);
	}
	memset(disk.shadows, 0, sizeof disk.shadows);
	disk.cut = false;
	disk.watched = false;
}
