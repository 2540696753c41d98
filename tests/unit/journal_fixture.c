#include "tests/unit/unit.h"

#include "tests/unit/journal_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void journal_folder_make(struct journal_folder *folder)
{
	snprintf(folder->folder, sizeof folder->folder, "/tmp/heliostat-journal.XXXXXX");
	assert_non_null(mkdtemp(folder->folder));
	snprintf(folder->path, sizeof folder->path, "%s/journal.db", folder->folder);
}

void journal_folder_remove(struct journal_folder *folder)
{
	DIR *dir;
	struct dirent *entry;
	char name[sizeof folder->folder + 300];

	chmod(folder->folder, 0700);
	dir = opendir(folder->folder);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		snprintf(name, sizeof name, "%s/%s", folder->folder, entry->d_name);
		if (entry->d_name[0] != '.' && unlink(name) != 0)
			rmdir(name);
	}
	closedir(dir);
	assert_int_equal(rmdir(folder->folder), 0);
}

bool journal_folder_find(const struct journal_folder *folder, const char *part, char *name)
{
	DIR *dir = opendir(folder->folder);
	struct dirent *entry;
	bool found = false;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		size_t len = strlen(entry->d_name);
		bool tail = len > 4 && (strcmp(entry->d_name + len - 4, "-wal") == 0 ||
					       strcmp(entry->d_name + len - 4, "-shm") == 0);

		if (strstr(entry->d_name, part) == NULL || tail)
			continue;
		assert_false(found);
		found = true;
		sprintf(name, "%s/%s", folder->folder, entry->d_name);
	}
	closedir(dir);
	return found;
}

struct journal_batch *batch_at(uint64_t time)
{
	struct journal_batch *batch = journal_batch_new();

	assert_non_null(batch);
	batch->time = time;
	batch->whole = true;
	return batch;
}

void batch_free(struct journal_batch *batch)
{
	for (size_t i = 0; i < batch->attrs.count; i++)
		free(batch->attrs.rows[i].attrs);
	batch->attrs.count = 0; /* there is no RIB to give them back to */
	journal_batch_free(batch, NULL);
}

void batch_attrs(struct journal_batch *batch, uint64_t id)
{
	struct journal_attrs_row *row = journal_batch_append(&batch->attrs);
	struct attr_set *set = calloc(1, sizeof *set + 24);

	assert_true(row != NULL && set != NULL);
	set->len = 8 + id % 16;
	memcpy(set->bytes, &id, sizeof id);
	set->keys.next_hop_len = 4;
	memcpy(set->keys.next_hop, (uint8_t[]){ 192, 0, 2, (uint8_t)id }, 4);
	*row = (struct journal_attrs_row){ id, set };
}

static void prefix_of(uint32_t n, uint8_t *bytes)
{
	bytes[0] = (uint8_t)(10 + (n >> 16));
	bytes[1] = (uint8_t)(n >> 8);
	bytes[2] = (uint8_t)n;
	bytes[3] = 0;
}

void batch_path(
	struct journal_batch *batch, uint32_t number, uint32_t peer, uint32_t n, uint64_t attrs)
{
	struct journal_path_row *row = journal_batch_append(&batch->paths);

	assert_non_null(row);
	*row = (struct journal_path_row){ .attrs = attrs,
		.number = number,
		.peer = peer,
		.path_id = n % 3,
		.family = FAMILY_IPV4_UNICAST,
		.length = 24 };
	if (attrs != 0)
		prefix_of(n, row->bytes);
}

struct best_row *history_row(
	struct journal_history_chunk *chunk, const struct journal_history_run *head)
{
	struct best_row *row = journal_history_continue(chunk, head);

	return row != NULL ? row : journal_history_begin(chunk, head);
}

void batch_history(
	struct journal_batch *batch, uint64_t time, uint32_t peer, uint32_t n, uint64_t attrs)
{
	const struct journal_history_run head = { .time = time,
		.attrs = attrs,
		.peer = peer,
		.family = FAMILY_IPV4_UNICAST,
		.cause = attrs == 0 ? BEST_WITHDRAWN : BEST_ANNOUNCED };
	struct journal_history_chunk **chunk = &batch->history;
	struct best_row *row = NULL;

	while (*chunk != NULL && (*chunk)->next != NULL)
		chunk = &(*chunk)->next;
	if (*chunk != NULL) {
		row = history_row(*chunk, &head);
		if (row == NULL)
			chunk = &(*chunk)->next;
	}
	if (row == NULL) {
		*chunk = journal_history_chunk_new(false);
		assert_non_null(*chunk);
		row = history_row(*chunk, &head);
	}
	row->length = 24;
	prefix_of(n, row->bytes);
	batch->n_history++;
}

void batch_peer(struct journal_batch *batch, uint32_t id, uint8_t last, uint64_t down_at)
{
	struct journal_peer_row *row = journal_batch_append(&batch->peers);

	assert_non_null(row);
	*row = (struct journal_peer_row){ .id = id,
		.address = { .len = 4, .bytes = { 192, 0, 2, last } },
		.as = 4200000000u,
		.bgp_id = 0xc0000200u + last,
		.families = FAMILIES_ALL,
		.add_path_receive = FAMILY_BIT(FAMILY_IPV4_UNICAST),
		.down_at = down_at };
}

static char *copy(const char *text)
{
	char *made = text == NULL ? NULL : strdup(text);

	assert_true(text == NULL || made != NULL);
	return made;
}

void batch_audit(struct journal_batch *batch, const char *action, const char *detail)
{
	struct journal_audit_row *row = journal_batch_append(&batch->audit);

	assert_non_null(row);
	*row = (struct journal_audit_row){ batch->time, copy("root"), copy(action), copy(detail) };
}

void batch_event(struct journal_batch *batch, uint32_t peer, const char *text)
{
	struct journal_event_row *row = journal_batch_append(&batch->events);

	assert_non_null(row);
	*row = (struct journal_event_row){ .time = batch->time,
		.peer = peer,
		.kind = JOURNAL_EVENT_RECEIVED,
		.state_before = 6,
		.state = 1,
		.code = 6,
		.subcode = 2,
		.text = copy(text) };
}

void batch_config(struct journal_batch *batch, const char *text)
{
	struct journal_config_row *row = journal_batch_append(&batch->configs);

	assert_non_null(row);
	*row = (struct journal_config_row){ batch->time, copy(text), copy("start"), NULL };
}

static void add(struct loaded *loaded, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		loaded->sum = (loaded->sum ^ ((const uint8_t *)bytes)[i]) * 1099511628211u;
}

static bool goes_on(const struct loaded *loaded)
{
	return loaded->stop_after == 0 ||
	       loaded->peers + loaded->attrs + loaded->paths < loaded->stop_after;
}

static bool on_begin(void *context, uint64_t age, uint32_t next_peer, uint64_t last_attrs)
{
	struct loaded *loaded = context;

	loaded->begun++;
	loaded->age = age;
	loaded->next_peer = next_peer;
	loaded->last_attrs = last_attrs;
	return true;
}

static bool on_peer(void *context, const struct journal_peer_row *peer)
{
	struct loaded *loaded = context;

	assert_int_equal(loaded->attrs + loaded->paths, 0);
	loaded->peers++;
	loaded->peer = *peer;
	add(loaded, &peer->id, sizeof peer->id);
	add(loaded, &peer->address, sizeof peer->address);
	add(loaded, &peer->down_at, sizeof peer->down_at);
	return goes_on(loaded);
}

static bool on_attrs(void *context, uint64_t id, struct span next_hop, struct span canonical)
{
	struct loaded *loaded = context;

	assert_int_equal(loaded->paths, 0);
	assert_true(id > loaded->last_id);
	loaded->last_id = id;
	loaded->attrs++;
	add(loaded, &id, sizeof id);
	add(loaded, next_hop.bytes, next_hop.len);
	add(loaded, canonical.bytes, canonical.len);
	return goes_on(loaded);
}

static bool on_path(void *context, const struct journal_path_row *path)
{
	struct loaded *loaded = context;

	if (loaded->paths > 0 && path->family == loaded->path.family)
		assert_true(path->number > loaded->path.number);
	loaded->paths++;
	loaded->path = *path;
	add(loaded, path, sizeof *path);
	return goes_on(loaded);
}

bool load_all(
	struct journal_file *file, uint64_t now, struct loaded *loaded, char *text, size_t size)
{
	struct journal_loading loading = { on_begin, on_peer, on_attrs, on_path, loaded };
	uint64_t stop_after = loaded->stop_after;

	*loaded = (struct loaded){ .sum = 14695981039346656037u, .stop_after = stop_after };
	return journal_file_load(file, now, &loading, text, size);
}

int64_t ask(const char *path, const char *sql)
{
	char text[256] = "";
	sqlite3 *db = journal_read_open(path, text, sizeof text);
	sqlite3_stmt *statement;
	int64_t value;

	if (db == NULL)
		print_message("%s\n", text);
	assert_non_null(db);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return value;
}

void meddle(const char *path, const char *sql)
{
	sqlite3 *db;
	char *message = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
	sqlite3_close(db);
}
