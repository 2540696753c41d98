#include "tests/unit/journal_fake.h"

struct fake fake;

/* What the journal calls, by way of the linker's --wrap. */

enum journal_open_result __wrap_journal_file_open(
	const char *path, struct journal_file **file, char *text, size_t size);
void __wrap_journal_file_close(struct journal_file *file);
bool __wrap_journal_file_load(struct journal_file *file, uint64_t now,
	const struct journal_loading *loading, char *text, size_t size);
bool __wrap_journal_file_is_behind(struct journal_file *file);
bool __wrap_journal_file_begin_run(struct journal_file *file, uint64_t now, bool restored,
	const uint32_t *peers_dropped, size_t n_peers_dropped, char *text, size_t size);
struct journal_writer *__wrap_journal_writer_start(
	struct journal_file *file, const struct journal_writer_parameters *parameters, int wake_fd);
bool __wrap_journal_writer_has_room(const struct journal_writer *writer);
bool __wrap_journal_writer_submit(struct journal_writer *writer, struct journal_batch *batch);
struct journal_batch *__wrap_journal_writer_collect(struct journal_writer *writer);
void __wrap_journal_writer_status(
	const struct journal_writer *writer, struct journal_status *status);
void __wrap_journal_writer_set(
	struct journal_writer *writer, const struct journal_writer_parameters *parameters);
bool __wrap_journal_writer_compact(struct journal_writer *writer);
void __wrap_journal_writer_stop(struct journal_writer *writer, uint64_t most_us,
	void (*finished)(void *context, struct journal_batch *batch), void *context);
struct journal_history_chunk *__real_journal_history_chunk_new(bool burst);
struct journal_history_chunk *__wrap_journal_history_chunk_new(bool burst);
void __real_journal_history_chunk_free(struct journal_history_chunk *chunk);
void __wrap_journal_history_chunk_free(struct journal_history_chunk *chunk);

enum journal_open_result __wrap_journal_file_open(
	const char *path, struct journal_file **file, char *text, size_t size)
{
	(void)path;
	(void)text;
	(void)size;
	*file = (void *)&fake;
	return JOURNAL_CREATED;
}

void __wrap_journal_file_close(struct journal_file *file)
{
	(void)file;
}

bool __wrap_journal_file_load(struct journal_file *file, uint64_t now,
	const struct journal_loading *loading, char *text, size_t size)
{
	(void)file;
	(void)now;
	(void)loading;
	(void)text;
	(void)size;
	return true; /* it is empty */
}

bool __wrap_journal_file_is_behind(struct journal_file *file)
{
	(void)file;
	return false;
}

bool __wrap_journal_file_begin_run(struct journal_file *file, uint64_t now, bool restored,
	const uint32_t *peers_dropped, size_t n_peers_dropped, char *text, size_t size)
{
	(void)file;
	(void)now;
	(void)peers_dropped;
	(void)text;
	(void)size;
	assert_false(restored);
	assert_int_equal(n_peers_dropped, 0);
	return true;
}

struct journal_writer *__wrap_journal_writer_start(
	struct journal_file *file, const struct journal_writer_parameters *parameters, int wake_fd)
{
	(void)parameters;
	(void)wake_fd;
	return (void *)file;
}

bool __wrap_journal_writer_has_room(const struct journal_writer *writer)
{
	(void)writer;
	return fake.queued < fake.room;
}

bool __wrap_journal_writer_submit(struct journal_writer *writer, struct journal_batch *batch)
{
	if (!__wrap_journal_writer_has_room(writer))
		return false;
	fake.queue[fake.queued++] = batch;
	if (fake.takes_at_once)
		take_off(true);
	return true;
}

struct journal_batch *__wrap_journal_writer_collect(struct journal_writer *writer)
{
	struct journal_batch *batch = fake.finished;

	(void)writer;
	if (batch != NULL)
		fake.finished = batch->next;
	return batch;
}

void __wrap_journal_writer_status(
	const struct journal_writer *writer, struct journal_status *status)
{
	(void)writer;
	*status = fake.status;
}

void __wrap_journal_writer_set(
	struct journal_writer *writer, const struct journal_writer_parameters *parameters)
{
	(void)writer;
	(void)parameters;
}

bool __wrap_journal_writer_compact(struct journal_writer *writer)
{
	(void)writer;
	return true;
}

void __wrap_journal_writer_stop(struct journal_writer *writer, uint64_t most_us,
	void (*finished)(void *context, struct journal_batch *batch), void *context)
{
	struct journal_batch *batch;

	(void)most_us;
	while (fake.queued > 0)
		take_off(true);
	while ((batch = __wrap_journal_writer_collect(writer)) != NULL)
		finished(context, batch);
}

struct journal_history_chunk *__wrap_journal_history_chunk_new(bool burst)
{
	struct journal_history_chunk *chunk = __real_journal_history_chunk_new(burst);

	fake.chunks += chunk != NULL;
	return chunk;
}

void __wrap_journal_history_chunk_free(struct journal_history_chunk *chunk)
{
	__real_journal_history_chunk_free(chunk);
	fake.chunks--;
}

/* The file. */

static void play_paths(const struct journal_batch *batch)
{
	size_t more_gone = 0;

	for (size_t i = 0; i < batch->paths.count; i++) {
		const struct journal_path_row *row = &batch->paths.rows[i];

		struct journal_path_row *paths = fake.paths[row->family];

		assert_true(row->number < ROWS_MAX);
		paths[row->number] = *row;
		for (uint32_t n = 0; row->attrs == 0 && n < JOURNAL_GONE_MORE; n++) {
			if ((row->gone[n / 64] >> n % 64 & 1) == 0)
				continue;
			assert_true(row->number + 1 + n < ROWS_MAX);
			paths[row->number + 1 + n] = (struct journal_path_row){ 0 };
			more_gone++;
		}
		if (row->attrs == 0)
			continue;
		assert_true(row->attrs < SETS_MAX);
		assert_true(fake.told[row->attrs]);
		assert_false(fake.gone[row->attrs]);
		assert_true(row->peer == 0 || row->peer >= 100 || fake.peer[row->peer]);
	}
	assert_int_equal(more_gone, batch->n_more_gone);
	fake.path_rows += batch->paths.count + batch->n_more_gone;
}

static void play_history(const struct journal_batch *batch)
{
	size_t n = 0;

	for (const struct journal_history_chunk *chunk = batch->history; chunk != NULL;
		chunk = chunk->next) {
		for (const struct journal_history_run *run = journal_history_first(chunk);
			run != NULL; run = journal_history_next(chunk, run)) {
			assert_true(run->time >= fake.last_time);
			fake.last_time = run->time;
			assert_true(run->attrs < SETS_MAX);
			assert_true(run->attrs == 0 || fake.told[run->attrs]);
			n += run->count;
		}
	}
	assert_int_equal(n, batch->n_history);
	fake.history_rows += n;
}

static void play(const struct journal_batch *batch)
{
	fake.batches++;
	if (batch->emptied_at != 0) {
		fake.emptied++;
		fake.emptied_at = batch->emptied_at;
		fake.history_before = fake.history_rows;
	}
	for (size_t i = 0; i < batch->peers.count; i++)
		fake.peer[batch->peers.rows[i].id] = true;
	for (size_t i = 0; i < batch->attrs.count; i++) {
		assert_true(batch->attrs.rows[i].id < SETS_MAX);
		assert_false(fake.told[batch->attrs.rows[i].id]);
		fake.told[batch->attrs.rows[i].id] = true;
	}
	play_paths(batch);
	play_history(batch);
	for (size_t i = 0; i < batch->gaps.count; i++)
		fake.gap_rows += batch->gaps.rows[i].rows;
	for (size_t i = 0; i < batch->events.count; i++)
		snprintf(fake.last_event, sizeof fake.last_event, "%s", batch->events.rows[i].text);
	fake.events += batch->events.count;
	fake.configs += batch->configs.count;
	fake.audits += batch->audit.count;
	fake.behind = batch->behind.rows;
	assert_true(batch->behind.rows == 0 || batch->behind.from <= batch->time);
	for (size_t i = 0; i < batch->n_attrs_gone; i++) {
		assert_true(fake.told[batch->attrs_gone[i]]);
		assert_false(fake.gone[batch->attrs_gone[i]]);
		fake.gone[batch->attrs_gone[i]] = true;
	}
	fake.status.written_at = batch->time;
	if (batch->whole)
		fake.status.whole_at = batch->time;
}

void take_off(bool written)
{
	struct journal_batch *batch = fake.queue[0], **last = &fake.finished;

	assert_true(fake.queued > 0);
	fake.queued--;
	fake.queue[0] = fake.queue[1];
	batch->written = written;
	if (written)
		play(batch);
	batch->next = NULL;
	while (*last != NULL)
		last = &(*last)->next;
	*last = batch;
	fake.journal->woken = true;
}

int fake_begin(void **state)
{
	char fault[256] = "";

	(void)state;
	fake = (struct fake){ .room = JOURNAL_QUEUE_MAX };
	fixture_begin(&fake.rib, 0);
	fake.config = (struct config){ .journal_path = (char *)(uintptr_t) "/nowhere",
		.journal_history = 1,
		.text = (char *)(uintptr_t) "text" };
	fake.reflector = (struct reflector){ .config = &fake.config,
		.rib = fake.rib.rib,
		.base = event_base_new(),
		.log = { .to = stderr, .level = LOG_ERROR } };
	fake.reflector.log.to = fopen("/dev/null", "w");
	fake.journal = journal_open(&fake.reflector, fault, sizeof fault);
	assert_string_equal(fault, "");
	assert_non_null(fake.journal);
	fake.reflector.journal = fake.journal;
	return 0;
}

int fake_end(void **state)
{
	(void)state;
	journal_close(fake.journal, 0); /* NULL: it was */
	assert_int_equal(fake.chunks, 0);
	while (rib_retired_free_part(&fake.reflector.retired))
		;
	assert_null(fake.reflector.retired);
	fixture_end(&fake.rib);
	event_base_free(fake.reflector.base);
	fclose(fake.reflector.log.to);
	return 0;
}

void turns(void)
{
	for (unsigned n = 0; n < 200; n++)
		(void)journal_run(fake.journal, monotonic_us(), 1000);
}

void write_all(void)
{
	for (unsigned n = 0; n < 1000 && !journal_flushed(fake.journal); n++) {
		(void)journal_run(fake.journal, monotonic_us(), 1000);
		while (fake.queued > 0)
			take_off(true);
	}
	assert_true(journal_flushed(fake.journal));
	fake.journal->flushing = false;
}

static void count_path(void *context, const struct rib_path_view *path)
{
	unsigned *n = context, found = 0;

	(*n)++;
	for (unsigned number = 0; number < ROWS_MAX; number++) {
		const struct journal_path_row *row = &fake.paths[path->prefix.family][number];

		found += row->attrs != 0 && row->path_id == path->path_id &&
			 row->length == path->prefix.length &&
			 memcmp(row->bytes, path->prefix.bytes,
				 family_address_len((enum family)path->prefix.family)) == 0 &&
			 row->peer == 100u + path->peer_address.bytes[3] - 1;
	}
	assert_int_equal(found, 1);
}

void assert_mirrored(void)
{
	unsigned n = 0, rows = 0;

	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		struct rib_walk walk = { .kind = RIB_WALK_TABLE, .family = family };

		rib_walk(fake.rib.rib, &walk, UINT32_MAX, count_path, &n);
		for (unsigned number = 0; number < ROWS_MAX; number++)
			rows += fake.paths[family][number].attrs != 0;
	}
	assert_int_equal(rows, n);
	assert_true(n > 0);
}

const char *prefix_text(unsigned n)
{
	static char text[32];

	snprintf(text, sizeof text, "10.%u.%u.0/24", n / 256, n % 256);
	return text;
}

void announce_many(struct speaker *speaker, unsigned n, unsigned med)
{
	for (unsigned i = 0; i < n; i++)
		announce(speaker, prefix_text(i), .as_path = "", .med = IS(med + i % 16));
	fixture_settle(&fake.rib);
}
