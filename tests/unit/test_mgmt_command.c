/*
 * mgmt/command.h: what the shell understands, what it says when it does not, completion. On the
 * table that the daemon has; no command is run.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <time.h>

#include "mgmt/show.h"
#include "mgmt/time_text.h"

static void understood(const char *line, const char *words, struct command_line *parsed)
{
	struct output fault = { 0 };
	if (!command_parse(mgmt_commands(), line, parsed, &fault))
		fail_msg("\"%s\" is refused: %s", line, fault.bytes);
	assert_string_equal(parsed->command->words, words);
	assert_int_equal(fault.len, 0);
	output_free(&fault);
}

static void test_words(void **state)
{
	static const struct {
		const char *line;
		const char *words;
	} rows[] = {
		{ "show summary", "show summary" },
		{ "  show\t summary  ", "show summary" },
		{ "sho s", "show summary" },
		{ "show p", "show peers" },
		{ "show g", "show groups" },
		{ "show r", "show routes" },
		{ "show v", "show version" },
		{ "sho c", "show config" },
		{ "c p 10.0.0.1", "clear peer" },
		{ "shu", "shutdown" },
		{ "h", "help" },
		{ "help show routes", "help" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct command_line parsed;
		understood(rows[i].line, rows[i].words, &parsed);
	}
}

static void test_routes_arguments(void **state)
{
	struct command_line parsed;
	const struct argument_value *values = parsed.values;
	char text[PREFIX_TEXT_MAX];
	(void)state;

	understood("show routes 10.0.0.0/8 longer peer 192.0.2.1 advertised family ipv4",
		"show routes", &parsed);
	assert_true(values[SHOW_ROUTES_PREFIX].given);
	assert_false(values[SHOW_ROUTES_PREFIX].bare);
	assert_string_equal(prefix_format(&values[SHOW_ROUTES_PREFIX].prefix, text), "10.0.0.0/8");
	assert_int_equal(values[SHOW_ROUTES_MATCH].choice, 0);
	assert_string_equal(
		ip_address_format(&values[SHOW_ROUTES_PEER].address, text), "192.0.2.1");
	assert_int_equal(values[SHOW_ROUTES_DIRECTION].choice, 1);
	assert_int_equal(values[SHOW_ROUTES_FAMILY].family, FAMILY_IPV4_UNICAST);

	/* Any order, abbreviated, a bare address. */
	understood("show routes fam ipv6-unicast rec pe 2001:db8::9 2001:db8::1", "show routes",
		&parsed);
	assert_true(values[SHOW_ROUTES_PREFIX].bare);
	assert_int_equal(values[SHOW_ROUTES_PREFIX].prefix.family, FAMILY_IPV6_UNICAST);
	assert_int_equal(values[SHOW_ROUTES_PREFIX].prefix.length, 128);
	assert_string_equal(
		ip_address_format(&values[SHOW_ROUTES_PEER].address, text), "2001:db8::9");
	assert_int_equal(values[SHOW_ROUTES_DIRECTION].choice, 0);
	assert_int_equal(values[SHOW_ROUTES_FAMILY].family, FAMILY_IPV6_UNICAST);
	assert_false(values[SHOW_ROUTES_MATCH].given);

	understood("show routes exact ::/0", "show routes", &parsed);
	assert_int_equal(values[SHOW_ROUTES_MATCH].choice, 1);
	assert_true(values[SHOW_ROUTES_PREFIX].given);

	understood("clear peer ::1 soft", "clear peer", &parsed);
	assert_int_equal(values[CLEAR_PEER_KIND].choice, 0);
	understood("clear peer ::1", "clear peer", &parsed);
	assert_false(values[CLEAR_PEER_KIND].given);
}

/* Times are relative to when the line was understood; "yesterday 03:12" is two words. */
static void test_history_arguments(void **state)
{
	struct command_line parsed;
	const struct argument_value *values = parsed.values;
	char time[TIME_TEXT_MAX];
	(void)state;
	assert_int_equal(setenv("TZ", "CET-1", 1), 0);
	tzset();

	understood("show hist pre 10.0.0.0/8 since -15m until now limit 7", "show history prefix",
		&parsed);
	assert_int_equal(parsed.now - values[SHOW_HISTORY_SINCE].time, 15 * 60 * UINT64_C(1000000));
	assert_int_equal(parsed.now, values[SHOW_HISTORY_UNTIL].time);
	assert_int_equal(values[SHOW_HISTORY_LIMIT].number, 7);
	assert_false(values[SHOW_HISTORY_PREFIX].bare);

	understood("sho hi pe ::1 until 2026-11-22T03:12 since 2026-11-21T03:12Z",
		"show history peer", &parsed);
	assert_string_equal(time_text_format_utc(values[SHOW_HISTORY_SINCE].time, time),
		"2026-11-21T03:12:00.000000Z");
	assert_string_equal(time_text_format_utc(values[SHOW_HISTORY_UNTIL].time, time),
		"2026-11-22T02:12:00.000000Z");
	assert_false(values[SHOW_HISTORY_LIMIT].given);

	understood("show routes at yesterday 03:12:07 10.0.0.0/8 longer", "show routes", &parsed);
	assert_string_equal(
		time_text_format(values[SHOW_ROUTES_AT].time, time) + 11, "03:12:07.000000+01:00");
	assert_true(values[SHOW_ROUTES_PREFIX].given);
	assert_true(values[SHOW_ROUTES_MATCH].given);
	understood("show routes 10.0.0.0/8 at today 03:12", "show routes", &parsed);
	assert_true(values[SHOW_ROUTES_AT].given);
	understood("show routes", "show routes", &parsed);
	assert_false(values[SHOW_ROUTES_AT].given);
	understood("show history gaps since -3d", "show history gaps", &parsed);
	assert_true(values[SHOW_HISTORY_GAPS_SINCE].given);
}

static void test_text(void **state)
{
	static const struct {
		const char *line;
		const char *text;
	} rows[] = {
		{ "shutdown back at  six ", "back at  six" },
		{ "shutdown \"new kernel\"", "new kernel" },
		{ "shut show summary", "show summary" },
		{ "shutdown \"", "\"" },
		{ "help show  routes", "show  routes" },
	};
	struct command_line parsed;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct output fault = { 0 };
		assert_true(command_parse(mgmt_commands(), rows[i].line, &parsed, &fault));
		assert_string_equal(parsed.values[0].text, rows[i].text);
	}
	understood("shutdown", "shutdown", &parsed);
	assert_false(parsed.values[SHUTDOWN_TEXT].given);

	/* More words than are counted elsewhere: a text is taken whole. */
	char line[512] = "shutdown";
	for (int i = 0; i < 200; i++)
		strcat(line, " x");
	understood(line, "shutdown", &parsed);
	assert_int_equal(strlen(parsed.values[SHUTDOWN_TEXT].text), 399);
}

static void test_faults(void **state)
{
	static const struct {
		const char *line;
		const char *fault;
	} rows[] = {
		{ "", "empty line: expected one of: show, clear, journal, shutdown, restart, "
		      "help" },
		{ "shwo summary", "unknown command \"shwo\": did you mean \"show\"?" },
		{ "show pers", "unknown command \"show pers\": did you mean \"show peers\"?" },
		{ "monitor", "unknown command \"monitor\": found \"monitor\", expected one of: "
			     "show, clear, journal, shutdown, restart, help" },
		{ "sh", "\"sh\" is ambiguous: show, shutdown" },
		{ "show", "incomplete command \"show\": expected one of: summary, peers, groups, "
			  "routes, history, journal, health, version, config" },
		{ "show history", "incomplete command \"show history\": expected one of: prefix, "
				  "peer, gaps" },
		{ "show history prefix",
			"show history prefix: expected PREFIX, found the end of the line" },
		{ "show history prefix 10.0.0.0/8 since", "show history prefix: expected T behind "
							  "\"since\", found the end of the line" },
		{ "show history prefix 10.0.0.0/8 since yesterday",
			"found \"yesterday\", expected a time: " TIME_TEXT_FORMS },
		{ "show history prefix 10.0.0.0/8 since yesterday until now",
			"found \"yesterday until\", expected a time: " TIME_TEXT_FORMS },
		{ "show history peer ::1 limit 0",
			"found \"0\", expected a number from 1 to 4294967295" },
		{ "show history peer ::1 limit 4294967296",
			"found \"4294967296\", expected a number from 1 to 4294967295" },
		{ "show history peer ::1 limit -1",
			"found \"-1\", expected a number from 1 to 4294967295" },
		{ "show history peer ::1 limit 7x",
			"found \"7x\", expected a number from 1 to 4294967295" },
		{ "show routes at 3:12", "found \"3:12\", expected a time: " TIME_TEXT_FORMS },
		{ "show summary now", "show summary: found \"now\", expected the end of the line" },
		{ "show summary 7", "show summary: found \"7\", expected the end of the line" },
		{ "show peers 10.0.0",
			"found \"10.0.0\", expected an address, as 10.0.0.1 or 2001:db8::1" },
		{ "show peers node-7", "show peers: found \"node-7\", expected ADDRESS" },
		{ "show peers ::1 ::2", "show peers: found \"::2\", expected the end of the line" },
		{ "show routes 10.0.0.1/24",
			"found \"10.0.0.1/24\", which has bits set behind its length: did you mean "
			"10.0.0.0/24?" },
		{ "show routes 10.0.0.0/33",
			"found \"10.0.0.0/33\", expected a prefix or an address, as 10.0.0.0/24 or "
			"2001:db8::1" },
		{ "show routes recieved",
			"show routes: found \"recieved\", expected \"received\"?" },
		{ "show routes blue", "show routes: found \"blue\", expected PREFIX or one of: "
				      "longer, exact, peer, received, "
				      "advertised, family, at" },
		{ "show routes longer exact", "show routes: found \"exact\", expected PREFIX or "
					      "one of: peer, received, advertised, "
					      "family, at" },
		{ "show routes peer", "show routes: expected ADDRESS behind \"peer\", found the "
				      "end of the line" },
		{ "show routes peer 1",
			"found \"1\", expected an address, as 10.0.0.1 or 2001:db8::1" },
		{ "show routes family vpnv4",
			"found \"vpnv4\", expected a family: ipv4-unicast, ipv6-unicast" },
		{ "show routes family ipv",
			"found \"ipv\", expected a family: ipv4-unicast, ipv6-unicast" },
		{ "clear peer", "clear peer: expected ADDRESS, found the end of the line" },
		{ "clear peer hard", "clear peer: expected ADDRESS, found the end of the line" },
		{ "clear peer ::1 sfot", "clear peer: found \"sfot\", expected \"soft\"?" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct command_line parsed;
		struct output fault = { 0 };
		if (command_parse(mgmt_commands(), rows[i].line, &parsed, &fault))
			fail_msg("\"%s\" is accepted", rows[i].line);
		assert_string_equal(fault.bytes, rows[i].fault);
		output_free(&fault);
	}
}

static void ignore_word(void *context, const char *word, const char *words_help)
{
	(void)words_help;
	*(size_t *)context += strlen(word);
}

static void ignore_value(void *context, const struct argument *argument, const char *begun)
{
	(void)begun;
	*(size_t *)context += strlen(argument->name);
}

static void ignore_row(void *context, const struct command *command)
{
	*(size_t *)context += strlen(command->words);
}

/* Bytes of any kind, and lines at the limits, end in a fault or a command, never in a crash. */
static void test_any_line(void **state)
{
	static const char *const pieces[] = { "show", "routes", "peer", "\t", " ", "10.0.0.0/8",
		"::", "/", "\"", "longer", "\x80\xff", "family", "help", "shutdown", "clear",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"a",
		"exact", "at", "since", "yesterday", "03:12", "-15m", "history", "prefix", "limit",
		"7" };
	uint32_t random = 12345;
	unsigned accepted = 0;
	size_t completed = 0;
	(void)state;
	for (int round = 0; round < 20000; round++) {
		char line[1024] = "";
		for (int i = 0; i < 8; i++) {
			random = random * 1664525 + 1013904223;
			strcat(line, pieces[(random >> 16) % ARRAY_LEN(pieces)]);
			strcat(line, (random >> 8) % 3 != 0 ? " " : "");
		}
		struct command_line parsed;
		struct output fault = { 0 };
		bool good = command_parse(mgmt_commands(), line, &parsed, &fault);
		accepted += good;
		assert_int_equal(good, fault.len == 0);
		output_free(&fault);
		struct completion completion = { ignore_word, ignore_value, &completed };
		command_complete(mgmt_commands(), line, &completion);
		command_matching(mgmt_commands(), line, ignore_row, &completed);
	}
	assert_true(accepted > 0);
	assert_true(completed > 0);

	char line[COMMAND_LINE_MAX + 1];
	memset(line, 'x', sizeof line - 1);
	line[sizeof line - 1] = '\0';
	struct command_line parsed;
	struct output fault = { 0 };
	assert_false(command_parse(mgmt_commands(), line, &parsed, &fault));
	assert_string_equal(fault.bytes, "found a line of 4096 bytes, expected at most 4095");
	output_free(&fault);
}

static void completed_word(void *context, const char *word, const char *words_help)
{
	assert_true(words_help[0] != '\0');
	output_printf(context, "%s ", word);
}

static void completed_value(void *context, const struct argument *argument, const char *begun)
{
	output_printf(context, "<%s:%s> ", argument->name, begun);
}

static void test_completion(void **state)
{
	static const struct {
		const char *line;
		const char *words;
	} rows[] = {
		{ "", "show clear journal shutdown restart help " },
		{ "s", "show shutdown " },
		{ "show", "show " },
		{ "show ", "summary peers groups routes history journal health version config " },
		{ "sho s", "summary " },
		{ "show x", "" },
		{ "x ", "" },
		{ "show summary ", "" },
		{ "show peers ", "<ADDRESS:> " },
		{ "show peers 10.", "<ADDRESS:10.> " },
		{ "show routes ", "<PREFIX:> longer exact peer received advertised family at " },
		{ "show routes pe", "<PREFIX:pe> peer " },
		{ "show routes peer ", "<ADDRESS:> " },
		{ "show routes peer 1", "<ADDRESS:1> " },
		{ "show routes 10.0.0.0/8 longer peer ::1 a", "advertised at " },
		{ "show routes family ", "ipv4-unicast ipv6-unicast " },
		{ "show routes family ipv6", "ipv6-unicast " },
		{ "show routes at ", "<T:> " },
		{ "show routes at yes", "<T:yes> " },
		{ "show routes at yesterday ", "<T:> " },
		{ "show routes at yesterday 03", "<T:03> " },
		{ "show routes at yesterday 03:12 l", "<PREFIX:l> longer " },
		{ "show routes at -15m l", "<PREFIX:l> longer " },
		{ "show history ", "prefix peer gaps " },
		{ "show history peer ", "<ADDRESS:> since until limit " },
		{ "show history prefix ::/0 limit ", "<N:> " },
		{ "show history prefix ::/0 since -1h ", "until limit " },
		{ "show history gaps until today 03:12 ", "since " },
		{ "clear peer ::1 ", "soft hard " },
		{ "shutdown now ", "" },
		{ "help sho", "show " },
		{ "help show r", "routes " },
		{ "help show ",
			"summary peers groups routes history journal health version config " },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct output words = { 0 };
		struct completion completion = { completed_word, completed_value, &words };
		command_complete(mgmt_commands(), rows[i].line, &completion);
		const char *found = words.bytes != NULL ? words.bytes : "";
		if (strcmp(found, rows[i].words) != 0)
			fail_msg("\"%s\": found \"%s\", expected \"%s\"", rows[i].line, found,
				rows[i].words);
		output_free(&words);
	}
}

static void count_row(void *context, const struct command *command)
{
	struct output usage = { 0 };
	command_usage(command, &usage);
	output_printf(context, "%s\n", usage.bytes);
	output_free(&usage);
}

static void test_usage(void **state)
{
	struct output usages = { 0 };
	(void)state;
	assert_int_equal(command_matching(mgmt_commands(), "", count_row, &usages), 16);
	assert_string_equal(usages.bytes,
		"show summary\n"
		"show peers [ADDRESS]\n"
		"show groups\n"
		"show routes [PREFIX] [longer|exact] [peer ADDRESS] "
		"[received|advertised] [family FAMILY] [at T]\n"
		"show history prefix PREFIX [since T] [until T] "
		"[limit N]\n"
		"show history peer ADDRESS [since T] [until T] [limit N]\n"
		"show history gaps [since T] [until T]\n"
		"show journal\n"
		"show health\n"
		"show version\n"
		"show config [effective]\n"
		"clear peer ADDRESS [soft|hard]\n"
		"journal compact\n"
		"shutdown [TEXT]\n"
		"restart\n"
		"help [COMMAND]\n");
	output_clear(&usages);
	assert_int_equal(command_matching(mgmt_commands(), "cl", count_row, &usages), 1);
	assert_string_equal(usages.bytes, "clear peer ADDRESS [soft|hard]\n");
	output_clear(&usages);
	assert_int_equal(command_matching(mgmt_commands(), "show", count_row, &usages), 11);
	assert_int_equal(command_matching(mgmt_commands(), "show blue", count_row, &usages), 0);
	output_free(&usages);
}

static bool run_nothing(struct request *request)
{
	(void)request;
	return true;
}

/*
 * A word that begins another one, and a command that begins another one, as tables to come will
 * have them.
 */
static void test_words_within_words(void **state)
{
	static const struct command rows[] = {
		{ .words = "show routes", .help = "a", .run = run_nothing },
		{ .words = "show route",
			.help = "b",
			.arguments = { { .kind = ARGUMENT_PREFIX,
				.required = true,
				.name = "PREFIX" } },
			.run = run_nothing },
		{ .words = "config", .help = "c", .run = run_nothing },
		{ .words = "config check", .help = "d", .run = run_nothing },
	};
	static const struct command_table table = { rows, ARRAY_LEN(rows) };
	static const struct {
		const char *line;
		const char *words; /* NULL: refused */
	} lines[] = {
		{ "show route 10.0.0.0/8", "show route" },
		{ "show routes", "show routes" },
		{ "show rout", NULL },
		{ "conf", "config" },
		{ "conf ch", "config check" },
		{ "config checks", NULL },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct command_line parsed;
		struct output fault = { 0 };
		bool good = command_parse(&table, lines[i].line, &parsed, &fault);
		assert_int_equal(good, lines[i].words != NULL);
		if (good)
			assert_string_equal(parsed.command->words, lines[i].words);
		output_free(&fault);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_routes_arguments),
		cmocka_unit_test(test_history_arguments),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_any_line),
		cmocka_unit_test(test_words_within_words),
		cmocka_unit_test(test_completion),
		cmocka_unit_test(test_usage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
