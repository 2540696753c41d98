#include <string.h>

#include "tests/bench/commands.h"
#include "tests/bench/probe.h"
#include "tests/bench/session.h"
#include "tests/bench/synthesize.h"

enum outcome run_mark(struct script *script, char **words, size_t n_words, FILE *reply)
{
	(void)words;
	(void)reply;
	if (n_words > 0)
		return script_fail(script, "expected mark");
	bench_mark(script->bench);
	return OUTCOME_DONE;
}

static bool synthesis_option(
	struct script *script, const char *key, const char *value, struct synthesis *synthesis)
{
	uint64_t number;

	if (!script_number(script, value, "a number", 0, UINT32_MAX, &number))
		return false;
	if (strcmp(key, "ipv4") == 0) {
		synthesis->prefixes[FAMILY_IPV4_UNICAST] = (uint32_t)number;
	} else if (strcmp(key, "ipv6") == 0) {
		synthesis->prefixes[FAMILY_IPV6_UNICAST] = (uint32_t)number;
	} else if (strcmp(key, "variant") == 0) {
		synthesis->variant = (uint32_t)number;
	} else if (strcmp(key, "med") == 0) {
		synthesis->has_med = true;
		synthesis->med = (uint32_t)number;
	} else if (strcmp(key, "per-set") == 0 && number > 0) {
		synthesis->per_set = (uint32_t)number;
	} else {
		script_fail(script,
			"found %s %s, expected ipv4, ipv6, per-set (from 1), variant or med", key,
			value);
		return false;
	}
	return true;
}

enum outcome run_synthesize(struct script *script, char **words, size_t n_words, FILE *reply)
{
	struct bench *bench = script->bench;
	struct synthesis synthesis = { .per_set = 8 };
	struct selection selection;

	if (n_words < 3 || n_words % 2 == 0)
		return script_fail(script, "expected synthesize REF [ipv4 N] [ipv6 N] "
					   "[per-set N] [variant V] [med M]");
	if (!script_selection(script, words[0], &selection))
		return OUTCOME_FAILED;
	for (size_t at = 1; at < n_words; at += 2) {
		if (!synthesis_option(script, words[at], words[at + 1], &synthesis))
			return OUTCOME_FAILED;
	}
	bench_mark(bench);
	FOR_SELECTED(selection, i)
	{
		if (!synthesize(bench, &selection.group->speakers[i], &synthesis))
			return script_fail(script, "%s", synthesis.error);
	}
	/* Making the table up is not what is measured. */
	bench->now = bench->marked_at = bench_clock();
	FOR_SELECTED(selection, i)
	speaker_flush(bench, &selection.group->speakers[i]);
	fprintf(reply, ",\"routes\":%llu,\"sets\":%llu", (unsigned long long)synthesis.routes,
		(unsigned long long)synthesis.sets);
	return OUTCOME_DONE;
}

enum outcome run_probe(struct script *script, char **words, size_t n_words, FILE *reply)
{
	static const char expected[] = "expected probe REF PREFIX count N [gap MS] or probe report";
	struct selection selection;
	struct prefix prefix;
	uint64_t count, gap = 20;

	if (n_words == 1 && strcmp(words[0], "report") == 0) {
		probe_report(script->bench, reply);
		return OUTCOME_DONE;
	}
	if ((n_words != 4 && n_words != 6) || strcmp(words[2], "count") != 0 ||
		(n_words == 6 && strcmp(words[4], "gap") != 0))
		return script_fail(script, "%s", expected);
	if (!script_selection(script, words[0], &selection) ||
		!script_number(script, words[3], "a count", 1, 1000000, &count) ||
		(n_words == 6 && !script_number(script, words[5], "milliseconds", 0, 60000, &gap)))
		return OUTCOME_FAILED;
	if (!prefix_parse(words[1], false, &prefix))
		return script_fail(script, "found \"%s\", expected a prefix", words[1]);
	if (selection.first != selection.last)
		return script_fail(script, "expected one speaker, such as %s[0]", words[0]);
	if (!probe_start(script->bench, &selection.group->speakers[selection.first], &prefix,
		    (uint32_t)count, gap * MILLISECOND))
		return script_fail(script, "no memory");
	return OUTCOME_DONE;
}
