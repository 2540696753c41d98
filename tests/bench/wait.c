#include <string.h>

#include "tests/bench/announce.h"
#include "tests/bench/probe.h"
#include "tests/bench/script.h"
#include "tests/bench/session.h"

#define TIMEOUT_DEFAULT 60 /* seconds */

static uint64_t paths_of(const struct wait *wait, const struct speaker *speaker)
{
	uint64_t paths = 0;

	for (unsigned f = 0; f < FAMILY_COUNT; f++) {
		if ((wait->families & FAMILY_BIT(f)) != 0)
			paths += speaker->received[f];
	}
	return paths;
}

static bool is_established(const struct wait *wait, const struct speaker *speaker)
{
	(void)wait;
	return speaker->state == SPEAKER_ESTABLISHED;
}

static bool is_down(const struct wait *wait, const struct speaker *speaker)
{
	(void)wait;
	return speaker->state < SPEAKER_CONNECTING;
}

static bool has_exactly(const struct wait *wait, const struct speaker *speaker)
{
	return paths_of(wait, speaker) == (uint64_t)wait->number;
}

static bool has_at_least(const struct wait *wait, const struct speaker *speaker)
{
	return paths_of(wait, speaker) >= (uint64_t)wait->number;
}

static bool has_end_of_rib(const struct wait *wait, const struct speaker *speaker)
{
	uint8_t families = wait->families & speaker->negotiated.families;

	return speaker->state == SPEAKER_ESTABLISHED &&
	       (speaker->end_of_rib & families) == families;
}

static bool has_sent(const struct wait *wait, const struct speaker *speaker)
{
	(void)wait;
	return speaker->state == SPEAKER_ESTABLISHED && !speaker_has_pending(speaker) &&
	       speaker->out_len == speaker->out_at;
}

static bool has_fresh(const struct wait *wait, const struct speaker *speaker)
{
	return speaker->fresh == (uint64_t)wait->number;
}

static bool probe_over(const struct wait *wait, const struct bench *bench)
{
	(void)wait;
	return !probe_under_way(bench);
}

static bool all_quiet(const struct wait *wait, const struct bench *bench)
{
	uint64_t quiet = (uint64_t)(wait->number * (double)MILLISECOND);

	return bench->now >= wait->started + quiet && bench->now >= bench->last_update + quiet;
}

static bool activities_over(const struct wait *wait, const struct bench *bench)
{
	(void)wait;
	return bench->activities == NULL;
}

static bool time_passed(const struct wait *wait, const struct bench *bench)
{
	return bench->now >= wait->started + (uint64_t)(wait->number * (double)SECOND);
}

static const struct wait_kind wait_kinds[] = {
	{ "established", "REF", true, false, is_established, NULL },
	{ "down", "REF", true, false, is_down, NULL },
	{ "prefixes", "REF N [family F]", true, true, has_exactly, NULL },
	{ "at-least", "REF N [family F]", true, true, has_at_least, NULL },
	{ "end-of-rib", "REF [family F]", true, false, has_end_of_rib, NULL },
	{ "sent", "REF", true, false, has_sent, NULL },
	{ "fresh", "REF N", true, true, has_fresh, NULL },
	{ "probe", "", false, false, NULL, probe_over },
	{ "quiet", "MILLISECONDS", false, true, NULL, all_quiet },
	{ "activity", "", false, false, NULL, activities_over },
	{ "seconds", "N", false, true, NULL, time_passed },
};

void wait_help(FILE *to)
{
	for (size_t i = 0; i < sizeof(wait_kinds) / sizeof(wait_kinds[0]); i++)
		fprintf(to, "  wait %s %s [timeout SECONDS]\n", wait_kinds[i].name,
			wait_kinds[i].arguments);
}

static bool wait_option(
	struct script *script, const char *key, const char *value, struct wait *wait)
{
	if (strcmp(key, "timeout") == 0)
		return script_decimal(script, value, "a timeout in seconds", &wait->timeout);
	if (strcmp(key, "family") == 0)
		return script_families(script, value, &wait->families);
	script_fail(script, "found \"%s\", expected timeout or family", key);
	return false;
}

enum outcome wait_begin(struct script *script, char **words, size_t n_words, FILE *reply)
{
	struct wait wait = {
		.families = FAMILIES_ALL, .timeout = TIMEOUT_DEFAULT, .started = script->bench->now
	};
	size_t at = 1;

	(void)reply;
	for (size_t i = 0; n_words > 0 && i < sizeof(wait_kinds) / sizeof(wait_kinds[0]); i++) {
		if (strcmp(words[0], wait_kinds[i].name) == 0)
			wait.kind = &wait_kinds[i];
	}
	if (wait.kind == NULL)
		return script_fail(script, "found \"%s\", expected what to wait for (see `help`)",
			n_words > 0 ? words[0] : "");
	if (n_words < 1u + wait.kind->takes_selection + wait.kind->takes_number)
		return script_fail(
			script, "expected wait %s %s", wait.kind->name, wait.kind->arguments);
	if (wait.kind->takes_selection && !script_selection(script, words[at++], &wait.selection))
		return OUTCOME_FAILED;
	if (wait.kind->takes_number &&
		!script_decimal(script, words[at++], "a number", &wait.number))
		return OUTCOME_FAILED;
	for (; at < n_words; at += 2) {
		if (at + 1 == n_words)
			return script_fail(
				script, "%s: nothing found, expected a value", words[at]);
		if (!wait_option(script, words[at], words[at + 1], &wait))
			return OUTCOME_FAILED;
	}
	/* A wait for a time must not run into the default timeout. */
	if (wait.kind->all == time_passed && wait.timeout <= wait.number)
		wait.timeout = wait.number + TIMEOUT_DEFAULT;
	wait.deadline = wait.started + (uint64_t)(wait.timeout * (double)SECOND);
	script->wait = wait;
	return OUTCOME_WAITING;
}

/* How many of the selected speakers are not there yet, and the first of them. */
static uint32_t laggards(const struct wait *wait, const struct speaker **first)
{
	uint32_t count = 0;

	*first = NULL;
	for (uint32_t i = wait->selection.first; i <= wait->selection.last; i++) {
		const struct speaker *speaker = &wait->selection.group->speakers[i];

		if (wait->kind->speaker(wait, speaker))
			continue;
		if (count++ == 0)
			*first = speaker;
	}
	return count;
}

enum outcome wait_poll(struct script *script, FILE *reply)
{
	const struct wait *wait = &script->wait;
	const struct speaker *laggard = NULL;
	uint32_t missing = 0;
	bool holds;
	char name[128];

	if (wait->kind->all != NULL) {
		holds = wait->kind->all(wait, script->bench);
	} else {
		missing = laggards(wait, &laggard);
		holds = missing == 0;
	}
	if (holds) {
		fprintf(reply, ",\"seconds\":%.3f",
			(double)(script->bench->now - wait->started) / (double)SECOND);
		return OUTCOME_DONE;
	}
	if (script->bench->now < wait->deadline)
		return OUTCOME_WAITING;
	if (laggard == NULL)
		return script_fail(script, "not within %g s", wait->timeout);
	return script_fail(script, "not within %g s at %u of %u; the first is %s: %s, %llu paths",
		wait->timeout, missing, wait->selection.last - wait->selection.first + 1,
		speaker_name(laggard, name, sizeof(name)), speaker_state_name(laggard->state),
		(unsigned long long)paths_of(wait, laggard));
}
