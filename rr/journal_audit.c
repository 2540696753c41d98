#include "rr/journal_audit.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

/* As the row is hashed. A text with `bytes` NULL is NULL. */
struct content {
	int64_t id;
	int64_t time;
	struct span who, action, detail;
};

static void put_be(uint8_t *to, uint64_t value, size_t len)
{
	for (size_t i = len; i-- > 0; value >>= 8)
		to[i] = (uint8_t)value;
}

static bool add_text(EVP_MD_CTX *context, struct span text)
{
	uint8_t head[5] = { text.bytes != NULL };

	put_be(head + 1, text.len, 4);
	return EVP_DigestUpdate(context, head, text.bytes == NULL ? 1 : sizeof head) == 1 &&
	       EVP_DigestUpdate(context, text.bytes, text.len) == 1;
}

/* `hash` is that of the row before, and then that of this one. */
static bool chain(const struct content *content, uint8_t hash[JOURNAL_HASH_LEN])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t numbers[16];
	bool hashed;

	put_be(numbers, (uint64_t)content->id, 8);
	put_be(numbers + 8, (uint64_t)content->time, 8);
	hashed = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
		 EVP_DigestUpdate(context, hash, JOURNAL_HASH_LEN) == 1 &&
		 EVP_DigestUpdate(context, numbers, sizeof numbers) == 1 &&
		 add_text(context, content->who) && add_text(context, content->action) &&
		 add_text(context, content->detail) && EVP_DigestFinal_ex(context, hash, NULL) == 1;
	EVP_MD_CTX_free(context);
	return hashed;
}

static struct span text_span(const char *text)
{
	return (struct span){ (const uint8_t *)text, text == NULL ? 0 : strlen(text) };
}

/* The last row's number and hash; zeros when there is none. */
static int last_row(sqlite3 *db, int64_t *id, uint8_t hash[JOURNAL_HASH_LEN])
{
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(
		db, "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1", -1, &statement, NULL);

	*id = 0;
	memset(hash, 0, JOURNAL_HASH_LEN);
	if (result != SQLITE_OK)
		return result;
	result = sqlite3_step(statement);
	if (result == SQLITE_ROW) {
		*id = sqlite3_column_int64(statement, 0);
		/* a hash that was changed stays visible: the chain goes on from what is there */
		if (sqlite3_column_bytes(statement, 1) == JOURNAL_HASH_LEN)
			memcpy(hash, sqlite3_column_blob(statement, 1), JOURNAL_HASH_LEN);
		result = SQLITE_DONE;
	}
	sqlite3_finalize(statement);
	return result == SQLITE_DONE ? SQLITE_OK : result;
}

static int insert(sqlite3 *db, const struct journal_audit_row *row, int64_t id,
	const uint8_t hash[JOURNAL_HASH_LEN])
{
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(db,
		"INSERT INTO audit (id, time, who, action, detail, hash) VALUES (?,?,?,?,?,?)", -1,
		&statement, NULL);

	if (result != SQLITE_OK)
		return result;
	sqlite3_bind_int64(statement, 1, id);
	sqlite3_bind_int64(statement, 2, (int64_t)row->time);
	sqlite3_bind_text(statement, 3, row->who, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 4, row->action, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 5, row->detail, -1, SQLITE_STATIC);
	sqlite3_bind_blob(statement, 6, hash, JOURNAL_HASH_LEN, SQLITE_STATIC);
	result = journal_sql_step(statement);
	sqlite3_finalize(statement);
	return result;
}

static int set_head(sqlite3 *db, const uint8_t hash[JOURNAL_HASH_LEN])
{
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(
		db, "INSERT OR REPLACE INTO meta VALUES ('audit_head', ?)", -1, &statement, NULL);

	if (result != SQLITE_OK)
		return result;
	sqlite3_bind_blob(statement, 1, hash, JOURNAL_HASH_LEN, SQLITE_STATIC);
	result = journal_sql_step(statement);
	sqlite3_finalize(statement);
	return result;
}

int journal_audit_append(sqlite3 *db, const struct journal_audit_row *row)
{
	uint8_t hash[JOURNAL_HASH_LEN];
	struct content content = { .time = (int64_t)row->time,
		.who = text_span(row->who),
		.action = text_span(row->action),
		.detail = text_span(row->detail) };
	int64_t id, count;
	int result = last_row(db, &id, hash);

	if (result == SQLITE_OK)
		result = journal_meta_get(db, "audit_count", &count);
	if (result == SQLITE_NOTFOUND)
		result = SQLITE_OK;
	if (result != SQLITE_OK)
		return result;
	/* numbers that were cut off are not given again: they stay missing */
	content.id = (id > count ? id : count) + 1;
	if (!chain(&content, hash))
		return SQLITE_NOMEM;
	result = insert(db, row, content.id, hash);
	if (result == SQLITE_OK)
		result = journal_meta_set(db, "audit_count", content.id);
	return result == SQLITE_OK ? set_head(db, hash) : result;
}

/* False, and why, in the verdict. */
static bool bad(struct journal_audit_verdict *verdict, int64_t id, const char *reason)
{
	verdict->sound = false;
	verdict->bad = (uint64_t)id;
	snprintf(verdict->reason, sizeof verdict->reason, "row %" PRId64 ": %s", id, reason);
	return false;
}

/* The text of a column as a span; false when it is of another type. */
static bool column_text(sqlite3_stmt *row, int column, bool optional, struct span *text)
{
	*text = (struct span){ NULL, 0 };
	if (sqlite3_column_type(row, column) == SQLITE_NULL)
		return optional;
	if (sqlite3_column_type(row, column) != SQLITE_TEXT)
		return false;
	text->bytes = sqlite3_column_text(row, column);
	text->len = (size_t)sqlite3_column_bytes(row, column);
	return text->bytes != NULL;
}

static bool check_row(sqlite3_stmt *row, struct journal_audit_verdict *verdict)
{
	struct content content = { .id = sqlite3_column_int64(row, 0),
		.time = sqlite3_column_int64(row, 1) };
	int64_t expected = (int64_t)verdict->rows + 1;

	if (content.id < 1)
		return bad(verdict, content.id, "rows begin at 1: it was inserted");
	if (content.id != expected)
		return bad(verdict, expected, "it is missing");
	verdict->rows++;
	if (sqlite3_column_type(row, 1) != SQLITE_INTEGER ||
		!column_text(row, 2, false, &content.who) ||
		!column_text(row, 3, false, &content.action) ||
		!column_text(row, 4, true, &content.detail) ||
		sqlite3_column_type(row, 5) != SQLITE_BLOB ||
		sqlite3_column_bytes(row, 5) != JOURNAL_HASH_LEN)
		return bad(verdict, content.id, "a value is of a type that was never written");
	if (!chain(&content, verdict->head))
		return bad(verdict, content.id, "it could not be hashed (out of memory)");
	if (memcmp(verdict->head, sqlite3_column_blob(row, 5), JOURNAL_HASH_LEN) != 0)
		return bad(verdict, content.id,
			"its hash is not that of its content and of the row before");
	return true;
}

/* The last row against what `meta` says it is. */
static int check_end(sqlite3 *db, struct journal_audit_verdict *verdict)
{
	int64_t count;
	sqlite3_stmt *statement;
	int result = journal_meta_get(db, "audit_count", &count);

	if (result != SQLITE_OK && result != SQLITE_NOTFOUND)
		return result;
	if (count > (int64_t)verdict->rows) {
		bad(verdict, (int64_t)verdict->rows + 1, "it is missing");
		return SQLITE_OK;
	}
	if (count < (int64_t)verdict->rows) {
		bad(verdict, count + 1, "it was appended by somebody else");
		return SQLITE_OK;
	}
	if (count == 0)
		return SQLITE_OK;
	result = sqlite3_prepare_v2(
		db, "SELECT value FROM meta WHERE key = 'audit_head'", -1, &statement, NULL);
	if (result != SQLITE_OK)
		return result;
	result = sqlite3_step(statement);
	if (result == SQLITE_DONE ||
		(result == SQLITE_ROW && (sqlite3_column_bytes(statement, 0) != JOURNAL_HASH_LEN ||
						 memcmp(sqlite3_column_blob(statement, 0),
							 verdict->head, JOURNAL_HASH_LEN) != 0)))
		bad(verdict, count, "it is not the last row that was written");
	sqlite3_finalize(statement);
	return result == SQLITE_DONE || result == SQLITE_ROW ? SQLITE_OK : result;
}

static int verify(sqlite3 *db, struct journal_audit_verdict *verdict)
{
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(db,
		"SELECT id, time, who, action, detail, hash FROM audit ORDER BY id", -1, &statement,
		NULL);

	if (result != SQLITE_OK)
		return result;
	while ((result = sqlite3_step(statement)) == SQLITE_ROW && check_row(statement, verdict))
		;
	sqlite3_finalize(statement);
	if (result != SQLITE_DONE)
		return result == SQLITE_ROW ? SQLITE_OK : result;
	return check_end(db, verdict);
}

bool journal_audit_verify(
	sqlite3 *db, struct journal_audit_verdict *verdict, char *text, size_t size)
{
	char reason[160];
	int result;

	*verdict = (struct journal_audit_verdict){ .sound = true };
	/* one moment of a file that is being written; the caller may have begun one already */
	result = journal_sql_run(db, "SAVEPOINT verify");
	if (result == SQLITE_OK) {
		result = verify(db, verdict);
		journal_sql_run(db, "RELEASE verify");
	}
	if (result != SQLITE_OK)
		snprintf(text, size, "cannot read the audit trail: %s",
			journal_sql_reason(db, result, reason, sizeof reason));
	return result == SQLITE_OK;
}
