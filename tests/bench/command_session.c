#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/activity.h"
#include "tests/bench/commands.h"
#include "tests/bench/session.h"

enum outcome run_target(struct script *script, char **words, size_t n_words, FILE *reply)
{
	uint64_t port = 179;

	(void)reply;
	if (n_words < 1 || n_words > 2)
		return script_fail(script, "expected target ADDRESS [PORT]");
	if (!ip_address_parse(words[0], &script->bench->target))
		return script_fail(script, "found \"%s\", expected an address", words[0]);
	if (n_words == 2 && !script_number(script, words[1], "a port", 1, 65535, &port))
		return OUTCOME_FAILED;
	script->bench->target_port = (uint16_t)port;
	return OUTCOME_DONE;
}

struct peers_options {
	struct speaker_group *group;
	struct ip_address from;
	uint32_t bgp_id;
};

static bool peers_number(
	struct script *script, const char *value, const char *what, uint64_t most, uint64_t *number)
{
	return script_number(script, value, what, 0, most, number);
}

static bool peers_add_path(struct script *script, const char *value, struct speaker_group *group)
{
	bool both = strcmp(value, "both") == 0;

	if (!both && strcmp(value, "receive") != 0 && strcmp(value, "send") != 0) {
		script_fail(script, "found add-path \"%s\", expected receive, send or both", value);
		return false;
	}
	group->add_path_receive = both || value[0] == 'r' ? FAMILIES_ALL : 0;
	group->add_path_send = both || value[0] == 's' ? FAMILIES_ALL : 0;
	return true;
}

/* Options that are a word by themselves. */
static bool peers_flag(const char *word, struct speaker_group *group)
{
	if (strcmp(word, "no-as4") == 0)
		group->as4 = false;
	else if (strcmp(word, "no-extended-message") == 0)
		group->extended_message = false;
	else if (strcmp(word, "ignore-own") == 0)
		group->ignore_own = true;
	else if (strcmp(word, "reconnect") == 0)
		group->reconnect = true;
	else
		return false;
	return true;
}

static bool peers_option(
	struct script *script, const char *key, const char *value, struct peers_options *options)
{
	struct speaker_group *group = options->group;
	uint64_t number = 0;

	if (strcmp(key, "from") == 0) {
		if (ip_address_parse(value, &options->from))
			return true;
		script_fail(script, "found from \"%s\", expected an address", value);
		return false;
	}
	if (strcmp(key, "id-from") == 0) {
		if (bgp_id_parse(value, &options->bgp_id))
			return true;
		script_fail(script, "found id-from \"%s\", expected a BGP Identifier", value);
		return false;
	}
	if (strcmp(key, "families") == 0)
		return script_families(script, value, &group->families);
	if (strcmp(key, "add-path") == 0)
		return peers_add_path(script, value, group);
	if (strcmp(key, "as") == 0 && peers_number(script, value, "an AS", UINT32_MAX, &number)) {
		group->as = (uint32_t)number;
		return true;
	}
	if (strcmp(key, "remote-as") == 0 &&
		peers_number(script, value, "an AS", UINT32_MAX, &number)) {
		group->remote_as = (uint32_t)number;
		return true;
	}
	if (strcmp(key, "hold") == 0 &&
		peers_number(script, value, "a hold time", 65535, &number)) {
		group->hold_time = (uint16_t)number;
		return true;
	}
	if (strcmp(key, "local-port") == 0 &&
		peers_number(script, value, "a port", 65535, &number)) {
		group->local_port = (uint16_t)number;
		return true;
	}
	if (script->error[0] == '\0')
		script_fail(script, "found option \"%s\", expected one that `help` lists", key);
	return false;
}

static void peers_fill(struct bench *bench, const struct peers_options *options)
{
	struct speaker_group *group = options->group, **end = &bench->groups;

	for (uint32_t i = 0; i < group->count; i++) {
		struct speaker *speaker = &group->speakers[i];

		speaker->group = group;
		speaker->index = i;
		speaker->fd = speaker->listen_fd = -1;
		speaker->local = ip_address_plus(&options->from, i);
		speaker->bgp_id = options->bgp_id + i;
	}
	bench->next_bgp_id = options->bgp_id + group->count;
	while (*end != NULL)
		end = &(*end)->next;
	*end = group;
}

static void group_free(struct speaker_group *group)
{
	free(group->name);
	free(group->speakers);
	free(group);
}

static bool peers_read(
	struct script *script, char **words, size_t n_words, struct peers_options *options)
{
	script->error[0] = '\0';
	for (size_t at = 2; at < n_words;) {
		if (peers_flag(words[at], options->group)) {
			at++;
			continue;
		}
		if (at + 1 == n_words) {
			script_fail(script, "%s: nothing found, expected a value", words[at]);
			return false;
		}
		if (!peers_option(script, words[at], words[at + 1], options))
			return false;
		at += 2;
	}
	if (options->from.len == 0 || options->group->as == 0) {
		script_fail(script, "expected from ADDRESS and as AS");
		return false;
	}
	return true;
}

enum outcome run_peers(struct script *script, char **words, size_t n_words, FILE *reply)
{
	uint64_t count;
	struct selection existing;

	(void)reply;
	if (n_words < 2 || strpbrk(words[0], "[]") != NULL)
		return script_fail(script, "expected peers NAME COUNT from ADDRESS as AS ...");
	if (!script_number(script, words[1], "a count", 1, 1000000, &count))
		return OUTCOME_FAILED;
	if (script_selection(script, words[0], &existing))
		return script_fail(script, "found %s a second time", words[0]);
	struct speaker_group *group = calloc(1, sizeof(*group));
	struct peers_options options = { .group = group, .bgp_id = script->bench->next_bgp_id };
	if (group == NULL)
		return script_fail(script, "no memory");
	group->name = strdup(words[0]);
	group->count = (uint32_t)count;
	group->speakers = calloc(count, sizeof(*group->speakers));
	group->families = FAMILIES_ALL;
	group->hold_time = 90;
	group->as4 = group->extended_message = true;
	if (group->name == NULL || group->speakers == NULL)
		script_fail(script, "no memory");
	else if (peers_read(script, words, n_words, &options)) {
		peers_fill(script->bench, &options);
		return OUTCOME_DONE;
	}
	group_free(group);
	return OUTCOME_FAILED;
}

enum outcome run_flap(struct script *script, char **words, size_t n_words, FILE *reply)
{
	struct selection selection;
	double rate, seconds;

	(void)reply;
	if (n_words != 5 || strcmp(words[1], "rate") != 0 || strcmp(words[3], "seconds") != 0)
		return script_fail(script, "expected flap REF rate N seconds N");
	if (!script_selection(script, words[0], &selection) ||
		!script_decimal(script, words[2], "a rate a second", &rate) ||
		!script_decimal(script, words[4], "a time in seconds", &seconds))
		return OUTCOME_FAILED;
	struct activity *activity = calloc(1, sizeof(*activity));
	if (activity == NULL)
		return script_fail(script, "no memory");
	activity->kind = ACTIVITY_FLAP;
	activity->selection = selection;
	activity->until = script->bench->now + (uint64_t)(seconds * (double)SECOND);
	activity->rate = rate;
	activity_start(script->bench, activity);
	return OUTCOME_DONE;
}

enum outcome run_connect(struct script *script, char **words, size_t n_words, FILE *reply)
{
	struct selection selection;
	double rate = 0;
	uint64_t at_once = 0;

	(void)reply;
	if (n_words < 1 || n_words % 2 == 0)
		return script_fail(script, "expected connect REF [rate N] [at-once N]");
	if (!script_selection(script, words[0], &selection))
		return OUTCOME_FAILED;
	for (size_t at = 1; at < n_words; at += 2) {
		bool is_rate = strcmp(words[at], "rate") == 0;

		if (!is_rate && strcmp(words[at], "at-once") != 0)
			return script_fail(
				script, "found \"%s\", expected rate or at-once", words[at]);
		if (is_rate ? !script_decimal(script, words[at + 1], "a rate a second", &rate)
			    : !script_number(script, words[at + 1], "a number of sessions", 1,
				      1000000, &at_once))
			return OUTCOME_FAILED;
	}
	if (script->bench->target.len != selection.group->speakers[0].local.len)
		return script_fail(script, "expected a target of the address family of %s first",
			selection.group->name);
	selection.group->target = script->bench->target;
	selection.group->target_port = script->bench->target_port;
	selection.group->at_once = (uint32_t)at_once;
	FOR_SELECTED(selection, i)
	{
		double wait = rate > 0 ? (i - selection.first) / rate : 0;

		speaker_connect(script->bench, &selection.group->speakers[i],
			script->bench->now + (uint64_t)(wait * (double)SECOND));
	}
	return OUTCOME_DONE;
}

enum outcome run_listen(struct script *script, char **words, size_t n_words, FILE *reply)
{
	struct selection selection;
	uint64_t port;

	(void)reply;
	if (n_words != 2)
		return script_fail(script, "expected listen REF PORT");
	if (!script_selection(script, words[0], &selection) ||
		!script_number(script, words[1], "a port", 1, 65535, &port))
		return OUTCOME_FAILED;
	FOR_SELECTED(selection, i)
	{
		struct speaker *speaker = &selection.group->speakers[i];

		if (speaker->state != SPEAKER_IDLE)
			return script_fail(script, "%s[%u] is %s, expected idle",
				selection.group->name, i, speaker_state_name(speaker->state));
		if (!speaker_listen(script->bench, speaker, (uint16_t)port))
			return script_fail(script, "%s[%u]: cannot listen: %s",
				selection.group->name, i, strerror(errno));
	}
	return OUTCOME_DONE;
}

enum outcome run_close(struct script *script, char **words, size_t n_words, FILE *reply)
{
	static const char *const names[] = { "notification", "reset", "fin" };
	struct selection selection;
	size_t how = 0;

	(void)reply;
	if (n_words < 1 || n_words > 2)
		return script_fail(script, "expected close REF [notification|reset|fin]");
	while (n_words == 2 && how < 3 && strcmp(words[1], names[how]) != 0)
		how++;
	if (how == 3)
		return script_fail(
			script, "found \"%s\", expected notification, reset or fin", words[1]);
	if (!script_selection(script, words[0], &selection))
		return OUTCOME_FAILED;
	FOR_SELECTED(selection, i)
	speaker_close(script->bench, &selection.group->speakers[i], (enum close_how)how);
	return OUTCOME_DONE;
}

static enum outcome pause_selected(struct script *script, char **words, size_t n_words, bool paused)
{
	struct selection selection;

	if (n_words != 1)
		return script_fail(script, "expected REF");
	if (!script_selection(script, words[0], &selection))
		return OUTCOME_FAILED;
	FOR_SELECTED(selection, i)
	speaker_pause(script->bench, &selection.group->speakers[i], paused);
	return OUTCOME_DONE;
}

enum outcome run_pause(struct script *script, char **words, size_t n_words, FILE *reply)
{
	(void)reply;
	return pause_selected(script, words, n_words, true);
}

enum outcome run_resume(struct script *script, char **words, size_t n_words, FILE *reply)
{
	(void)reply;
	return pause_selected(script, words, n_words, false);
}

enum outcome run_refresh(struct script *script, char **words, size_t n_words, FILE *reply)
{
	struct selection selection;
	uint8_t families;

	(void)reply;
	if (n_words != 2)
		return script_fail(script, "expected refresh REF FAMILY");
	if (!script_selection(script, words[0], &selection) ||
		!script_families(script, words[1], &families))
		return OUTCOME_FAILED;
	FOR_SELECTED(selection, i)
	{
		for (unsigned f = 0; f < FAMILY_COUNT; f++) {
			if ((families & FAMILY_BIT(f)) != 0 &&
				!speaker_refresh(script->bench, &selection.group->speakers[i],
					(enum family)f))
				return script_fail(script, "%s[%u] is %s, expected established",
					selection.group->name, i,
					speaker_state_name(selection.group->speakers[i].state));
		}
	}
	return OUTCOME_DONE;
}
