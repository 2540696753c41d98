#include "mgmt/journal_tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mgmt/format.h"
#include "mgmt/history.h"
#include "mgmt/table.h"
#include "mgmt/time_text.h"
#include "rr/config.h"
#include "rr/journal_audit.h"
#include "rr/journal_compact.h"
#include "rr/journal_file.h"

#define WORDS_MAX    16
#define FAULTS_SHOWN 20 /* of SQLite's check */
#define OUTPUT_HELD  (64 * 1024)
#define ROWS_A_PAUSE 2000 /* an export that waits for its reader holds no snapshot for long */

struct tool {
	struct client *client;
	bool json;
	const char *path; /* the journal's file */
	bool path_given;
	uint64_t since;
	struct output out;
};

/* Writes what was rendered. False when nobody takes it. */
static bool flush(struct tool *tool)
{
	bool written = !tool->out.failed &&
		       fwrite(tool->out.bytes, 1, tool->out.len, stdout) == tool->out.len;
	if (tool->out.failed)
		fputs("out of memory\n", stderr);
	else if (!written)
		perror("cannot write the answer");
	output_clear(&tool->out);
	return written;
}

static int end(struct tool *tool, int status)
{
	if (tool->out.len > 0 && !flush(tool))
		status = MGMT_FAILED;
	if (fflush(stdout) != 0) {
		perror("cannot write the answer");
		status = MGMT_FAILED;
	}
	output_free(&tool->out);
	return status;
}

/* NULL with a line on standard error. */
static sqlite3 *open_file(const struct tool *tool)
{
	char text[512];
	if (!tool->path_given && access(tool->path, F_OK) != 0) {
		fprintf(stderr,
			"found no journal at %s, expected one there, or another path with -f: show "
			"journal tells where heliostatd keeps it, if it keeps one\n",
			tool->path);
		return NULL;
	}
	sqlite3 *db = journal_read_open(tool->path, text, sizeof text);
	if (db == NULL)
		fprintf(stderr, "%s\n", text);
	return db;
}

/* verify */

struct verdict {
	unsigned faults; /* of the file, as SQLite sees it */
	struct output texts; /* of them, a line each */
	struct journal_audit_verdict audit;
};

/* False with a line on standard error when it cannot be found out. */
static bool check(sqlite3 *db, struct verdict *verdict)
{
	char text[sizeof verdict->audit.reason];
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(db, "PRAGMA integrity_check(20)", -1, &statement, NULL);
	while (result == SQLITE_OK && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *found = (const char *)sqlite3_column_text(statement, 0);
		if (found != NULL && strcmp(found, "ok") != 0 && verdict->faults < FAULTS_SHOWN) {
			output_printf(&verdict->texts, "%s\n", found);
			verdict->faults++;
		}
		result = SQLITE_OK;
	}
	/* What the check cannot step over is a fault too. */
	if (result != SQLITE_DONE) {
		output_printf(
			&verdict->texts, "%s\n", journal_sql_reason(db, result, text, sizeof text));
		verdict->faults++;
	}
	sqlite3_finalize(statement);
	if (journal_audit_verify(db, &verdict->audit, text, sizeof text))
		return true;
	if (verdict->faults > 0) {
		memcpy(verdict->audit.reason, text, sizeof text);
		verdict->audit.sound = false;
		return true;
	}
	fprintf(stderr, "%s\n", text);
	return false;
}

static void hex(const uint8_t hash[JOURNAL_HASH_LEN], char text[2 * JOURNAL_HASH_LEN + 1])
{
	for (size_t i = 0; i < JOURNAL_HASH_LEN; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
}

static void verdict_json(struct tool *tool, const struct verdict *verdict)
{
	struct json json = json_to(&tool->out);
	char head[2 * JOURNAL_HASH_LEN + 1];
	hex(verdict->audit.head, head);
	json_object_begin(&json);
	json_key_string(&json, "file", tool->path);
	json_key_bool(&json, "sound", verdict->faults == 0 && verdict->audit.sound);
	json_key(&json, "file-faults");
	json_array_begin(&json);
	for (const char *at = verdict->texts.bytes; at != NULL && *at != '\0';) {
		size_t len = strcspn(at, "\n");
		json_string_of(&json, at, len);
		at += len + 1;
	}
	json_array_end(&json);
	json_key(&json, "audit");
	json_object_begin(&json);
	json_key_bool(&json, "sound", verdict->audit.sound);
	json_key_uint(&json, "rows", verdict->audit.rows);
	json_key(&json, "bad-row");
	if (verdict->audit.bad != 0)
		json_uint(&json, verdict->audit.bad);
	else
		json_null(&json);
	json_key_string(
		&json, "reason", verdict->audit.reason[0] != '\0' ? verdict->audit.reason : NULL);
	json_key_string(&json, "head", head);
	json_object_end(&json);
	json_object_end(&json);
	output_puts(&tool->out, "\n");
}

static int verify(struct tool *tool)
{
	struct verdict verdict = { 0 };
	sqlite3 *db = open_file(tool);
	if (db == NULL)
		return MGMT_FAILED;
	bool known = check(db, &verdict);
	bool sound = known && verdict.faults == 0 && verdict.audit.sound;
	if (known && tool->json) {
		verdict_json(tool, &verdict);
	} else if (sound) {
		char head[2 * JOURNAL_HASH_LEN + 1];
		hex(verdict.audit.head, head);
		output_printf(&tool->out,
			"%s is sound: its structure, and %" PRIu64 " audit rows\n"
			"head of the audit trail: %s\n",
			tool->path, verdict.audit.rows, head);
	} else if (known) {
		if (verdict.faults > 0)
			output_printf(
				&tool->out, "%s is damaged:\n%s", tool->path, verdict.texts.bytes);
		if (!verdict.audit.sound)
			output_printf(&tool->out, "%s: the audit trail is not sound: %s\n",
				tool->path, verdict.audit.reason);
	}
	output_free(&verdict.texts);
	sqlite3_close(db);
	return sound ? MGMT_OK : MGMT_FAILED;
}

/* stats */

enum stat_kind { STAT_COUNT, STAT_BYTES, STAT_TIME };

/* One number; 0 or NULL times are unknown. Several of one query stand in its columns. */
static const struct stat_row {
	const char *key;
	const char *title;
	enum stat_kind kind;
	const char *sql; /* NULL: the next column of the row before */
} stat_rows[] = {
	{ "file-bytes", "file", STAT_BYTES,
		"SELECT page_count * page_size FROM pragma_page_count, pragma_page_size" },
	{ "free-bytes", "of these, free", STAT_BYTES,
		"SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size" },
	{ "schema", "schema", STAT_COUNT, "SELECT user_version FROM pragma_user_version" },
	{ "alive-at", "heliostatd alive at", STAT_TIME,
		"SELECT value FROM meta WHERE key = 'alive_at'" },
	{ "whole-at", "state whole at", STAT_TIME,
		"SELECT value FROM meta WHERE key = 'whole_at'" },
	{ "peers", "peers", STAT_COUNT, "SELECT count(*) FROM peer" },
	{ "paths", "paths", STAT_COUNT, "SELECT count(*) FROM path" },
	{ "attribute-sets", "attribute sets", STAT_COUNT,
		"SELECT count(*), count(dead) FROM attrs" },
	{ "attribute-sets-of-history", "of these, of history only", STAT_COUNT, NULL },
	{ "changes", "changes of best paths", STAT_COUNT,
		"SELECT count(*), min(time), max(time) FROM history" },
	{ "changes-from", "the first at", STAT_TIME, NULL },
	{ "changes-until", "the last at", STAT_TIME, NULL },
	{ "pruned-until", "pruned until", STAT_TIME,
		"SELECT value FROM meta WHERE key = 'history_from'" },
	{ "gaps", "gaps", STAT_COUNT, "SELECT count(*), total(lost) FROM gap" },
	{ "changes-lost", "changes lost in them", STAT_COUNT, NULL },
	{ "starts", "starts of heliostatd", STAT_COUNT, "SELECT count(*), sum(restored) FROM run" },
	{ "starts-restored", "of these, with a table restored", STAT_COUNT, NULL },
	{ "events", "events of sessions", STAT_COUNT, "SELECT count(*) FROM event" },
	{ "configs", "configurations", STAT_COUNT, "SELECT count(*) FROM config" },
	{ "audit-rows", "audit rows", STAT_COUNT, "SELECT count(*) FROM audit" },
};

static void stat_text(struct table *table, const struct stat_row *row, int64_t value)
{
	char text[FORMAT_MAX > TIME_TEXT_MAX ? FORMAT_MAX : TIME_TEXT_MAX];
	table_cell(table, "%s", row->title);
	if (row->kind == STAT_TIME)
		table_cell(table, "%s", value > 0 ? time_text_format((uint64_t)value, text) : "-");
	else if (row->kind == STAT_BYTES)
		table_cell(table, "%s", format_bytes((uint64_t)value, text));
	else
		table_cell(table, "%" PRId64, value);
}

static void stat_json(struct json *json, const struct stat_row *row, int64_t value)
{
	char text[TIME_TEXT_MAX];
	if (row->kind == STAT_TIME)
		json_key_string(json, row->key,
			value > 0 ? time_text_format_utc((uint64_t)value, text) : NULL);
	else
		json_key_uint(json, row->key, (uint64_t)value);
}

/* The values of stat_rows, as they are at one moment. An SQLite result code. */
static int read_stats(sqlite3 *db, int64_t values[sizeof stat_rows / sizeof stat_rows[0]])
{
	sqlite3_stmt *statement = NULL;
	int column = 0;
	int result = journal_sql_run(db, "BEGIN");
	for (size_t i = 0; i < sizeof stat_rows / sizeof stat_rows[0] && result == SQLITE_OK; i++) {
		column++;
		if (stat_rows[i].sql != NULL) {
			sqlite3_finalize(statement);
			result = sqlite3_prepare_v2(db, stat_rows[i].sql, -1, &statement, NULL);
			if (result != SQLITE_OK)
				break;
			result = sqlite3_step(statement);
			column = 0;
			if (result != SQLITE_ROW && result != SQLITE_DONE)
				break;
			/* No row: a value of `meta` that is not there. */
			if (result == SQLITE_DONE)
				sqlite3_reset(statement);
		}
		values[i] = sqlite3_data_count(statement) > column
				    ? sqlite3_column_int64(statement, column)
				    : 0;
		result = SQLITE_OK;
	}
	sqlite3_finalize(statement);
	journal_sql_run(db, "COMMIT");
	return result;
}

static int stats(struct tool *tool)
{
	static const struct table_column columns[] = { { .title = "" },
		{ .title = "", .right = true } };
	const size_t n = sizeof stat_rows / sizeof stat_rows[0];
	int64_t values[sizeof stat_rows / sizeof stat_rows[0]];
	char text[256];
	sqlite3 *db = open_file(tool);
	if (db == NULL)
		return MGMT_FAILED;
	int result = read_stats(db, values);
	if (result != SQLITE_OK) {
		fprintf(stderr, "cannot read %s: %s\n", tool->path,
			journal_sql_reason(db, result, text, sizeof text));
	} else if (tool->json) {
		struct json json = json_to(&tool->out);
		json_object_begin(&json);
		json_key_string(&json, "file", tool->path);
		for (size_t i = 0; i < n; i++)
			stat_json(&json, &stat_rows[i], values[i]);
		json_object_end(&json);
		output_puts(&tool->out, "\n");
	} else {
		struct table table;
		output_printf(&tool->out, "%s\n", tool->path);
		table_begin(&table, columns, 2);
		table.titled = true;
		for (size_t i = 0; i < n; i++)
			stat_text(&table, &stat_rows[i], values[i]);
		table_flush(&table, &tool->out);
		table_free(&table);
	}
	sqlite3_close(db);
	return result == SQLITE_OK ? MGMT_OK : MGMT_FAILED;
}

/* export */

static int export_rows(struct tool *tool, struct journal_query *query)
{
	for (unsigned n = 1;; n++) {
		struct journal_row row;
		enum journal_step step = journal_query_next(query, &row);
		if (step == JOURNAL_STEP_FAULT)
			fprintf(stderr, "%s\n", journal_query_fault(query));
		if (step == JOURNAL_STEP_FAULT || step == JOURNAL_STEP_END)
			return step == JOURNAL_STEP_END ? MGMT_OK : MGMT_FAILED;
		if (step == JOURNAL_STEP_ROW) {
			struct json json = json_to(&tool->out);
			history_json(&json, &row);
			output_puts(&tool->out, "\n");
		}
		/* Who takes his time must not keep the daemon from emptying its log. */
		if (tool->out.len > OUTPUT_HELD || n % ROWS_A_PAUSE == 0) {
			journal_query_pause(query);
			if (!flush(tool))
				return MGMT_FAILED;
		}
	}
}

static int export(struct tool *tool)
{
	struct journal_ask ask = {
		.question = JOURNAL_EVERYTHING, .since = tool->since, .until = UINT64_MAX
	};
	char text[256];
	sqlite3 *db = open_file(tool);
	if (db == NULL)
		return MGMT_FAILED;
	int status = MGMT_FAILED;
	struct journal_query *query = journal_query_begin(db, &ask, text, sizeof text);
	if (query != NULL)
		status = export_rows(tool, query);
	else
		fprintf(stderr, "%s\n", text);
	journal_query_end(query);
	sqlite3_close(db);
	return status;
}

/* compact */

static void to_stdout(void *context, const char *bytes, size_t len)
{
	(void)context;
	fwrite(bytes, 1, len, stdout);
}

static void to_stderr(void *context, const char *bytes, size_t len)
{
	(void)context;
	fwrite(bytes, 1, len, stderr);
}

static bool daemon_answers(struct client *client)
{
	char *text = NULL;
	size_t len;
	FILE *ignored = open_memstream(&text, &len);
	if (ignored == NULL)
		return false;
	bool connected = client_connect(client, ignored);
	fclose(ignored);
	free(text);
	return connected;
}

static int compact(struct tool *tool)
{
	struct client_sink sink = { to_stdout, to_stderr, NULL };
	uint64_t before, after;
	char text[512], was[FORMAT_MAX], is[FORMAT_MAX];
	if (!tool->path_given && daemon_answers(tool->client))
		return client_request(tool->client,
			tool->json ? MGMT_FORMAT_JSON : MGMT_FORMAT_TEXT, "journal compact", &sink,
			stderr);
	if (!journal_file_compact(tool->path, &before, &after, text, sizeof text)) {
		fprintf(stderr, "%s\n", text);
		return MGMT_FAILED;
	}
	snprintf(text, sizeof text, "%s: %s before, %s now", tool->path, format_bytes(before, was),
		format_bytes(after, is));
	if (tool->json) {
		struct json json = json_to(&tool->out);
		json_object_begin(&json);
		json_key_string(&json, "result", "done");
		json_key_string(&json, "message", text);
		json_object_end(&json);
		output_puts(&tool->out, "\n");
	} else {
		output_printf(&tool->out, "%s\n", text);
	}
	return MGMT_OK;
}

/* The words */

static const struct verb {
	const char *name;
	int (*run)(struct tool *tool);
	bool since; /* takes --since */
} verbs[] = {
	{ "verify", verify, false },
	{ "stats", stats, false },
	{ "export", export, true },
	{ "compact", compact, false },
};

static const struct verb *find_verb(const char *word)
{
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		if (strcmp(verbs[i].name, word) == 0)
			return &verbs[i];
	}
	return NULL;
}

bool journal_tool_takes(const char *line)
{
	static const char word[] = "journal";
	char behind = strncmp(line, word, sizeof word - 1) == 0 ? line[sizeof word - 1] : 'x';
	return behind == '\0' || behind == ' ' || behind == '\t';
}

static int usage(const char *format, const char *found)
{
	fprintf(stderr, format, found);
	fputs("\nusage: " JOURNAL_TOOL_USAGE "\n", stderr);
	return MGMT_USAGE;
}

/* The time behind --since, which may be two words. */
static int take_since(struct tool *tool, char *const *words, int n, int *at)
{
	struct output fault = { 0 };
	char both[128];
	const char *text = words[*at];
	if (time_text_takes_second(text) && *at + 1 < n) {
		snprintf(both, sizeof both, "%s %s", text, words[++*at]);
		text = both;
	}
	bool good = time_text_parse(text, time_text_clock(), &tool->since, &fault);
	if (!good)
		fprintf(stderr, "%s\n", fault.failed ? "out of memory" : fault.bytes);
	output_free(&fault);
	return good ? MGMT_OK : MGMT_USAGE;
}

static int take_options(struct tool *tool, const struct verb *verb, char *const *words, int n)
{
	for (int i = 1; i < n; i++) {
		bool file = strcmp(words[i], "-f") == 0 || strcmp(words[i], "--file") == 0;
		bool since = verb->since && strcmp(words[i], "--since") == 0;
		if (strcmp(words[i], "-j") == 0 || strcmp(words[i], "--json") == 0) {
			tool->json = true;
			continue;
		}
		if (!file && !since)
			return usage("found \"%s\", expected an option", words[i]);
		if (i + 1 == n)
			return usage("found nothing behind %s, expected its value", words[i]);
		i++;
		if (file) {
			tool->path = words[i];
			tool->path_given = true;
		} else if (take_since(tool, words, n, &i) != MGMT_OK) {
			return MGMT_USAGE;
		}
	}
	return MGMT_OK;
}

int journal_tool(struct client *client, bool json, char *const *words, int n)
{
	struct tool tool = { .client = client, .json = json, .path = CONFIG_JOURNAL_PATH };
	if (n == 0)
		return usage("found \"%s\" alone, expected what is to be done", "journal");
	const struct verb *verb = find_verb(words[0]);
	if (verb == NULL)
		return usage("found \"journal %s\", expected verify, stats, export or compact",
			words[0]);
	int status = take_options(&tool, verb, words, n);
	if (status == MGMT_OK)
		status = verb->run(&tool);
	return end(&tool, status);
}

int journal_tool_line(struct client *client, bool json, const char *line)
{
	char copy[MGMT_REQUEST_MAX], *words[WORDS_MAX], *rest = copy, *word;
	int n = 0;
	if (strlen(line) >= sizeof copy)
		return usage("found a line that is too long, expected %s", "less");
	strcpy(copy, line);
	while ((word = strsep(&rest, " \t")) != NULL) {
		if (*word != '\0' && n == WORDS_MAX)
			return usage("found too many words, the last \"%s\"", word);
		if (*word != '\0')
			words[n++] = word;
	}
	return journal_tool(client, json, words + 1, n - 1);
}
