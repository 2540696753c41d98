#include "tests/bench/script.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

bool script_add(struct script *script, const char *text, size_t len)
{
	if (script->at > 0) {
		memmove(script->text, script->text + script->at, script->len - script->at);
		script->len -= script->at;
		script->at = 0;
	}
	char *bigger = realloc(script->text, script->len + len + 1);

	if (bigger == NULL)
		return false;
	memcpy(bigger + script->len, text, len);
	script->text = bigger;
	script->len += len;
	return true;
}

void script_free(struct script *script)
{
	free(script->text);
	free(script->line);
}

enum outcome script_fail(struct script *script, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(script->error, sizeof(script->error), format, arguments);
	va_end(arguments);
	return OUTCOME_FAILED;
}

bool script_number(struct script *script, const char *word, const char *what, uint64_t least,
	uint64_t most, uint64_t *number)
{
	char *end = NULL;
	unsigned long long value = word[0] >= '0' && word[0] <= '9' ? strtoull(word, &end, 10) : 0;

	if (end == NULL || *end != '\0' || value < least || value > most) {
		script_fail(script, "found \"%s\", expected %s from %llu to %llu", word, what,
			(unsigned long long)least, (unsigned long long)most);
		return false;
	}
	*number = value;
	return true;
}

bool script_decimal(struct script *script, const char *word, const char *what, double *number)
{
	char *end = NULL;
	double value = strtod(word, &end);

	if (end == word || *end != '\0' || !isfinite(value) || value < 0 || value > 1e9) {
		script_fail(script, "found \"%s\", expected %s", word, what);
		return false;
	}
	*number = value;
	return true;
}

bool script_families(struct script *script, const char *word, uint8_t *families)
{
	char copy[128], *rest = copy, *name;

	snprintf(copy, sizeof(copy), "%s", word);
	*families = 0;
	while ((name = strsep(&rest, ",")) != NULL) {
		enum family family;
		char full[64];

		snprintf(full, sizeof(full), "%s-unicast", name);
		if (!family_from_name(name, &family) && !family_from_name(full, &family)) {
			script_fail(script, "found family \"%s\", expected ipv4 or ipv6", name);
			return false;
		}
		*families |= (uint8_t)FAMILY_BIT(family);
	}
	return true;
}

static struct speaker_group *group_find(const struct bench *bench, const char *name, size_t len)
{
	for (struct speaker_group *group = bench->groups; group != NULL; group = group->next) {
		if (strlen(group->name) == len && memcmp(group->name, name, len) == 0)
			return group;
	}
	return NULL;
}

bool script_selection(struct script *script, const char *word, struct selection *selection)
{
	const char *bracket = strchr(word, '[');
	size_t len = bracket != NULL ? (size_t)(bracket - word) : strlen(word);
	unsigned first, last;
	int end = 0;

	selection->group = group_find(script->bench, word, len);
	if (selection->group == NULL) {
		script_fail(
			script, "found \"%s\", expected the name of a group made by `peers`", word);
		return false;
	}
	selection->first = 0;
	selection->last = selection->group->count - 1;
	if (bracket == NULL)
		return true;
	if (sscanf(bracket, "[%u..%u]%n", &first, &last, &end) != 2 || bracket[end] != '\0' ||
		end == 0) {
		end = 0;
		if (sscanf(bracket, "[%u]%n", &first, &end) != 1 || end == 0 ||
			bracket[end] != '\0') {
			script_fail(script, "found \"%s\", expected NAME[3] or NAME[3..7]", word);
			return false;
		}
		last = first;
	}
	if (first > last || last >= selection->group->count) {
		script_fail(script, "found \"%s\", expected speakers 0 to %u of %s", word,
			selection->group->count - 1, selection->group->name);
		return false;
	}
	selection->first = first;
	selection->last = last;
	return true;
}

/* Words are parted by blanks; quotes keep blanks; # begins a comment. Changes `line`. False: an
 * open quote or too many. */
static bool split(struct script *script, char *line, char **words, size_t *n_words)
{
	*n_words = 0;
	for (char *at = line;;) {
		at += strspn(at, " \t\r");
		if (*at == '\0' || *at == '#')
			return true;
		if (*n_words == SCRIPT_WORDS_MAX) {
			script_fail(script, "more than %d words", SCRIPT_WORDS_MAX);
			return false;
		}
		bool quoted = *at == '"';

		at += quoted;
		words[(*n_words)++] = at;
		at += strcspn(at, quoted ? "\"" : " \t\r");
		if (quoted && *at == '\0') {
			script_fail(script, "a quote that does not end");
			return false;
		}
		if (*at == '\0')
			return true;
		*at++ = '\0';
	}
}

static void reply_with(struct script *script, enum outcome outcome, const char *members)
{
	FILE *to = script->replies;

	if (outcome == OUTCOME_FAILED) {
		script->bench->failed = true;
		if (script->stop_at_failure)
			script->bench->quit = true;
		if (to == NULL)
			fprintf(stderr, "heliostat-speaker: %s: %s\n", script->line, script->error);
	}
	if (to == NULL)
		return;
	fprintf(to, "{\"command\":");
	json_string(to, script->line);
	fprintf(to, ",\"ok\":%s", outcome == OUTCOME_DONE ? "true" : "false");
	if (outcome == OUTCOME_FAILED) {
		fprintf(to, ",\"error\":");
		json_string(to, script->error);
	}
	fprintf(to, "%s}\n", members);
	fflush(to);
}

static enum outcome dispatch(struct script *script, char **words, size_t n_words, FILE *reply)
{
	for (const struct command *command = commands; command->name != NULL; command++) {
		if (strcmp(command->name, words[0]) == 0)
			return command->run(script, words + 1, n_words - 1, reply);
	}
	return script_fail(
		script, "found command \"%s\", expected one that `help` lists", words[0]);
}

static void run_line(struct script *script, const char *line, size_t len)
{
	char *words[SCRIPT_WORDS_MAX], *copy = strndup(line, len), *members = NULL;
	size_t n_words = 0, members_len = 0;
	FILE *reply = open_memstream(&members, &members_len);
	enum outcome outcome = OUTCOME_FAILED;

	free(script->line);
	script->line = strndup(line, len);
	if (copy == NULL || reply == NULL || script->line == NULL) {
		fprintf(stderr, "heliostat-speaker: no memory for a line of the script\n");
		script->bench->failed = script->bench->quit = true;
	} else if (split(script, copy, words, &n_words) && n_words > 0) {
		outcome = dispatch(script, words, n_words, reply);
	} else if (n_words == 0) {
		outcome = OUTCOME_WAITING; /* a comment: no reply */
	}
	if (reply != NULL)
		fclose(reply);
	if (script->line != NULL && outcome != OUTCOME_WAITING)
		reply_with(script, outcome, members != NULL ? members : "");
	free(members);
	free(copy);
}

/* True when a wait still holds the script back. */
static bool held_back(struct script *script)
{
	char *members = NULL;
	size_t len = 0;

	if (script->wait.kind == NULL)
		return false;
	FILE *reply = open_memstream(&members, &len);
	if (reply == NULL)
		return true;
	enum outcome outcome = wait_poll(script, reply);
	fclose(reply);
	if (outcome != OUTCOME_WAITING) {
		script->wait.kind = NULL;
		reply_with(script, outcome, members != NULL ? members : "");
	}
	free(members);
	return outcome == OUTCOME_WAITING;
}

void script_run(struct script *script)
{
	while (!script->bench->quit && !held_back(script) && script->at < script->len) {
		const char *line = script->text + script->at;
		const char *end = memchr(line, '\n', script->len - script->at);

		if (end == NULL && !script->ended)
			return;
		size_t len = end != NULL ? (size_t)(end - line) : script->len - script->at;

		script->at += len + (end != NULL);
		script->bench->now = bench_clock();
		run_line(script, line, len);
	}
}

bool script_finished(const struct script *script)
{
	return script->ended && script->at == script->len && script->wait.kind == NULL;
}
