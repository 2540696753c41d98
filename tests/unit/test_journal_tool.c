/*
 * mgmt/journal_tool.h: heliostat journal on a file filled by hand, sound and damaged, without a
 * daemon. What it prints is caught in a file.
 */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mgmt/journal_tool.h"
#include "mgmt/output.h"
#include "rib/capture.h"
#include "rr/journal_audit.h"
#include "tests/unit/history_fixture.h"

#define CHANGES 5000

struct context {
	struct history_fixture history;
	struct client client;
	struct output out, err; /* of the last command */
};

static void append_audit(struct history_fixture *history, const char *action)
{
	static char who[] = "root";
	char copy[32];
	strcpy(copy, action);
	struct journal_audit_row row = { .time = 7000000, .who = who, .action = copy };
	assert_int_equal(journal_audit_append(history->db, &row), SQLITE_OK);
}

static int set_up(void **state)
{
	struct context *context = calloc(1, sizeof *context);
	struct history_fixture *history = &context->history;
	struct prefix prefix = prefix_of("10.1.0.0/16");
	history_fixture_begin(history);
	client_begin(&context->client, "/nonexistent/heliostat.sock");
	history_fixture_peer(history, 1);
	history_fixture_attrs(history, 1);
	history_fixture_sql(history, "BEGIN");
	history_fixture_sql(history, "INSERT INTO run VALUES (NULL, 1000000, 0, NULL)");
	for (unsigned i = 1; i <= CHANGES; i++)
		history_fixture_change(
			history, &prefix, 1000000ull + i, i, 1, 0, i % 2, BEST_ANNOUNCED);
	history_fixture_sql(history, "INSERT INTO gap VALUES (NULL, 1000001, 1000002, 5)");
	history_fixture_sql(history, "INSERT INTO event VALUES (NULL, 2000000, 1, 2, 0, 0, 6, 4,"
				     " 'a \"quote\"')");
	append_audit(history, "start");
	append_audit(history, "config");
	append_audit(history, "stop");
	history_fixture_sql(history, "COMMIT");
	history_fixture_sql(history, "PRAGMA wal_checkpoint(TRUNCATE)");
	*state = context;
	return 0;
}

static int tear_down(void **state)
{
	struct context *context = *state;
	history_fixture_end(&context->history);
	output_free(&context->out);
	output_free(&context->err);
	free(context);
	return 0;
}

static void read_back(int fd, struct output *to)
{
	char buffer[65536];
	ssize_t n;
	output_clear(to);
	output_puts(to, "");
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	while ((n = read(fd, buffer, sizeof buffer)) > 0)
		output_add(to, buffer, (size_t)n);
	close(fd);
}

/* Runs "heliostat journal LINE -f FILE"; returns its status. */
static int run(struct context *context, const char *line)
{
	char folder[] = "/tmp/heliostat-test-XXXXXX", whole[512];
	assert_non_null(mkdtemp(folder));
	int caught[2], kept[2];
	for (int fd = 1; fd <= 2; fd++) {
		char name[64];
		snprintf(name, sizeof name, "%s/%d", folder, fd);
		fflush(fd == 1 ? stdout : stderr);
		kept[fd - 1] = dup(fd);
		caught[fd - 1] = open(name, O_RDWR | O_CREAT, 0600);
		assert_true(caught[fd - 1] >= 0);
		assert_int_equal(dup2(caught[fd - 1], fd), fd);
		unlink(name);
	}
	rmdir(folder);
	snprintf(whole, sizeof whole, "journal %s -f %s", line, context->history.path);
	int status = journal_tool_line(&context->client, false, whole);
	for (int fd = 1; fd <= 2; fd++) {
		fflush(fd == 1 ? stdout : stderr);
		dup2(kept[fd - 1], fd);
		close(kept[fd - 1]);
		read_back(caught[fd - 1], fd == 1 ? &context->out : &context->err);
	}
	return status;
}

static void assert_says(const struct output *output, const char *text)
{
	if (strstr(output->bytes, text) == NULL)
		fail_msg("found \"%s\", expected \"%s\" in it", output->bytes, text);
}

static void test_verify(void **state)
{
	struct context *context = *state;
	assert_int_equal(run(context, "verify"), MGMT_OK);
	assert_says(&context->out,
		"is sound: its structure, and 3 audit rows\nhead of the audit trail: ");
	assert_int_equal(context->err.len, 0);
	assert_int_equal(run(context, "verify --json"), MGMT_OK);
	assert_says(&context->out, "\"sound\":true,\"file-faults\":[],\"audit\":{\"sound\":true,"
				   "\"rows\":3,\"bad-row\":null,\"reason\":null,\"head\":\"");

	history_fixture_sql(&context->history, "UPDATE audit SET who = 'toor' WHERE id = 2");
	assert_int_equal(run(context, "verify"), MGMT_FAILED);
	assert_says(&context->out, "the audit trail is not sound: row 2: ");
	assert_int_equal(run(context, "verify --json"), MGMT_FAILED);
	assert_says(&context->out, "\"sound\":false,");
	assert_says(&context->out, "\"bad-row\":2,\"reason\":\"row 2: ");
}

/* Bytes of a page in the middle that are none of SQLite's. */
static void test_verify_damaged(void **state)
{
	struct context *context = *state;
	struct stat stat;
	int fd = open(context->history.path, O_WRONLY);
	static const char noise[4096] = "this is no page of a b-tree";
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &stat), 0);
	assert_true(stat.st_size > 40 * 4096);
	assert_int_equal(pwrite(fd, noise, sizeof noise, 30 * 4096), sizeof noise);
	close(fd);
	assert_int_equal(run(context, "verify"), MGMT_FAILED);
	assert_says(&context->out, "is damaged:\n");
	assert_int_equal(run(context, "verify --json"), MGMT_FAILED);
	assert_says(&context->out, "\"sound\":false,\"file-faults\":[\"");
	/* What else reads it ends with a fault, too. */
	assert_int_equal(run(context, "export"), MGMT_FAILED);
	assert_says(&context->err, "cannot read the journal");
	assert_int_equal(run(context, "stats"), MGMT_FAILED);
	assert_says(&context->err, "cannot read ");
}

static void test_stats(void **state)
{
	struct context *context = *state;
	assert_int_equal(run(context, "stats --json"), MGMT_OK);
	assert_says(&context->out,
		"\"peers\":1,\"paths\":0,\"attribute-sets\":1,\"attribute-sets-of-history\":0,"
		"\"changes\":5000,\"changes-from\":\"1970-01-01T00:00:01.000001Z\","
		"\"changes-until\":\"1970-01-01T00:00:01.005000Z\",\"pruned-until\":null,\"gaps\":"
		"1,"
		"\"changes-lost\":5,\"starts\":1,\"starts-restored\":0,\"events\":1,\"configs\":0,"
		"\"audit-rows\":3}\n");
	assert_says(&context->out, "\"schema\":1,\"alive-at\":null,");
	history_fixture_sql(&context->history, "INSERT INTO meta VALUES ('alive_at', 3000000)");
	assert_int_equal(run(context, "stats -j"), MGMT_OK);
	assert_says(&context->out, "\"alive-at\":\"1970-01-01T00:00:03.000000Z\"");
	assert_int_equal(run(context, "stats"), MGMT_OK);
	assert_says(&context->out, "changes of best paths");
}

static unsigned count_lines(const struct output *output, const char *begun)
{
	unsigned n = 0;
	for (const char *at = output->bytes; *at != '\0'; at = strchr(at, '\n') + 1) {
		n += strncmp(at, begun, strlen(begun)) == 0;
		assert_non_null(strchr(at, '\n'));
	}
	return n;
}

static void test_export(void **state)
{
	struct context *context = *state;
	assert_int_equal(run(context, "export"), MGMT_OK);
	assert_int_equal(count_lines(&context->out, "{\"type\":\"change\","), CHANGES);
	assert_int_equal(count_lines(&context->out, "{\"type\":\"start\","), 1);
	assert_int_equal(count_lines(&context->out, "{\"type\":\"gap\","), 1);
	assert_int_equal(count_lines(&context->out, "{\"type\":\"audit\","), 3);
	assert_int_equal(count_lines(&context->out, "{"), CHANGES + 6);
	assert_says(&context->out,
		"{\"type\":\"event\",\"time\":\"1970-01-01T00:00:02.000000Z\","
		"\"peer\":\"10.0.0.1\",\"event\":\"notification-received\",\"state-before\":null,"
		"\"state\":null,\"code\":6,\"subcode\":4,"
		"\"notification\":\"Cease/Administrative Reset\","
		"\"text\":\"a \\\"quote\\\"\"}\n");
	assert_int_equal(run(context, "export --since 1970-01-01T00:00:01.004991Z"), MGMT_OK);
	assert_int_equal(count_lines(&context->out, "{\"type\":\"change\","), 10);
	assert_int_equal(count_lines(&context->out, "{"), 14);
	assert_int_equal(run(context, "export --since yesterday 03:12"), MGMT_OK);
	assert_int_equal(context->out.len, 0);
	assert_int_equal(run(context, "export --since yesterday"), MGMT_USAGE);
}

static void test_compact(void **state)
{
	struct context *context = *state;
	struct stat before, after;
	history_fixture_sql(&context->history, "DELETE FROM history");
	history_fixture_sql(&context->history, "PRAGMA wal_checkpoint(TRUNCATE)");
	assert_int_equal(stat(context->history.path, &before), 0);
	/* Somebody who has it open is not pushed aside. */
	assert_int_equal(run(context, "compact"), MGMT_FAILED);
	assert_true(context->err.len > 0);
	assert_int_equal(sqlite3_close(context->history.db), SQLITE_OK);
	context->history.db = NULL;
	assert_int_equal(run(context, "compact"), MGMT_OK);
	assert_int_equal(stat(context->history.path, &after), 0);
	assert_true(after.st_size < before.st_size / 2);
	assert_says(&context->out, " before, ");
	assert_int_equal(run(context, "verify"), MGMT_OK);
	assert_int_equal(run(context, "stats -j"), MGMT_OK);
	assert_says(&context->out, "\"events\":1,");
}

static void test_words(void **state)
{
	static const char *const lines[] = { "", "blue", "verify --blue", "verify blue",
		"verify --since -1h", "stats 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17" };
	struct context *context = *state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		assert_int_equal(run(context, lines[i]), MGMT_USAGE);
		assert_says(&context->err, "found ");
		assert_says(&context->err, "usage: heliostat journal ");
	}
	assert_true(journal_tool_takes("journal"));
	assert_true(journal_tool_takes("journal verify"));
	assert_true(journal_tool_takes("journal\tverify"));
	assert_false(journal_tool_takes("journals"));
	assert_false(journal_tool_takes("show journal"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_verify, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_verify_damaged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stats, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_export, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_compact, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_words, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
