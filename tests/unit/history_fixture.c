#include "tests/unit/history_fixture.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "rr/journal_schema.h"

void history_fixture_begin(struct history_fixture *fixture)
{
	strcpy(fixture->folder, "/tmp/heliostat-test-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	snprintf(fixture->path, sizeof fixture->path, "%s/journal.db", fixture->folder);
	assert_int_equal(sqlite3_open(fixture->path, &fixture->db), SQLITE_OK);
	history_fixture_sql(fixture, "PRAGMA journal_mode = WAL");
	history_fixture_sql(fixture, "PRAGMA synchronous = OFF");
	assert_int_equal(journal_schema_apply(fixture->db, 0), SQLITE_OK);
}

void history_fixture_end(struct history_fixture *fixture)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", ".lock" };
	assert_int_equal(sqlite3_close(fixture->db), SQLITE_OK);
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		char name[128];
		snprintf(name, sizeof name, "%s%s", fixture->path, suffixes[i]);
		unlink(name);
	}
	assert_int_equal(rmdir(fixture->folder), 0);
}

void history_fixture_sql(struct history_fixture *fixture, const char *format, ...)
{
	char sql[512], *fault = NULL;
	va_list arguments;
	va_start(arguments, format);
	int len = vsnprintf(sql, sizeof sql, format, arguments);
	va_end(arguments);
	assert_in_range(len, 1, sizeof sql - 1);
	if (sqlite3_exec(fixture->db, sql, NULL, NULL, &fault) != SQLITE_OK)
		fail_msg("%s: %s", sql, fault);
}

void history_fixture_peer(struct history_fixture *fixture, uint32_t id)
{
	history_fixture_sql(fixture, "INSERT INTO peer VALUES (%u, x'0a0000%02x', %u, %u, 3, 0, 0)",
		id, id, 64512 + id, 0x0a000000 + id);
}

void history_fixture_attrs(struct history_fixture *fixture, uint64_t id)
{
	history_fixture_sql(fixture,
		"INSERT INTO attrs VALUES (%llu, x'c00002%02x', x'40010100400206%s%08x', NULL)",
		(unsigned long long)id, (unsigned)(id & 0xff), "0201", (unsigned)(65000 + id));
}

void history_fixture_change(struct history_fixture *fixture, const struct prefix *prefix,
	uint64_t time, int64_t sequence, uint32_t peer, uint32_t path_id, uint64_t attrs, int cause)
{
	static const char sql[] = "INSERT INTO history VALUES (?, ?, ?, ?, ?, nullif(?, 0), ?)";
	uint8_t key[JOURNAL_PREFIX_KEY_MAX];
	size_t len = journal_prefix_key(
		(enum family)prefix->family, prefix->length, prefix->bytes, key);
	sqlite3_stmt *statement;
	assert_int_equal(sqlite3_prepare_v2(fixture->db, sql, -1, &statement, NULL), SQLITE_OK);
	sqlite3_bind_blob(statement, 1, key, (int)len, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 2, (sqlite3_int64)time);
	sqlite3_bind_int64(statement, 3, sequence);
	sqlite3_bind_int64(statement, 4, peer);
	sqlite3_bind_int64(statement, 5, path_id);
	sqlite3_bind_int64(statement, 6, (sqlite3_int64)attrs);
	sqlite3_bind_int64(statement, 7, cause);
	assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
	sqlite3_finalize(statement);
}

struct prefix prefix_of(const char *text)
{
	struct prefix prefix;
	assert_true(prefix_parse(text, false, &prefix));
	return prefix;
}
