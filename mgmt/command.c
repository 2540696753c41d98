#include "mgmt/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mgmt/time_text.h"

#define WORD_MAX 32 /* longer words are no word of a command */

/* The line cut into words, in place. */
struct words {
	char *word[COMMAND_WORDS_MAX];
	size_t at[COMMAND_WORDS_MAX]; /* offset of each in the line */
	size_t n;
	bool too_many;
	bool open; /* the line ends within the last word: no space behind it */
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static void split(char *line, struct words *words)
{
	*words = (struct words){ 0 };
	char *at = line;
	for (;;) {
		while (is_space(*at))
			*at++ = '\0';
		if (*at == '\0')
			return;
		if (words->n == COMMAND_WORDS_MAX) {
			words->too_many = true;
			return;
		}
		words->at[words->n] = (size_t)(at - line);
		words->word[words->n++] = at;
		while (*at != '\0' && !is_space(*at))
			at++;
		words->open = *at == '\0';
	}
}

/* The `index`th word of a row; false when it has fewer. */
static bool row_word(const struct command *row, size_t index, char word[WORD_MAX])
{
	const char *at = row->words;
	for (; index > 0; index--) {
		at = strchr(at, ' ');
		if (at == NULL)
			return false;
		at++;
	}
	size_t len = strcspn(at, " ");
	if (len >= WORD_MAX)
		return false;
	memcpy(word, at, len);
	word[len] = '\0';
	return true;
}

static bool begins_with(const char *word, const char *begun)
{
	return strncmp(word, begun, strlen(begun)) == 0;
}

#define CHOICE_SET_MAX 64

/* Distinct words of which a step of the parser chooses one. */
struct choice_set {
	char kept[CHOICE_SET_MAX][WORD_MAX];
	size_t n;
};

static void choice_add(struct choice_set *set, const char *word)
{
	if (set->n == CHOICE_SET_MAX || strlen(word) >= WORD_MAX)
		return;
	for (size_t i = 0; i < set->n; i++) {
		if (strcmp(set->kept[i], word) == 0)
			return;
	}
	strcpy(set->kept[set->n], word);
	set->n++;
}

static void choice_list(const struct choice_set *set, const char *begun, struct output *out)
{
	const char *comma = "";
	for (size_t i = 0; i < set->n; i++) {
		if (!begins_with(set->kept[i], begun))
			continue;
		output_printf(out, "%s%s", comma, set->kept[i]);
		comma = ", ";
	}
}

enum match { MATCH_NONE, MATCH_ONE, MATCH_MANY };

/* The word of `set` that `word` is or abbreviates. */
static enum match choice_match(const struct choice_set *set, const char *word, const char **found)
{
	enum match match = MATCH_NONE;
	for (size_t i = 0; i < set->n; i++) {
		if (strcmp(set->kept[i], word) == 0) {
			*found = set->kept[i];
			return MATCH_ONE;
		}
		if (begins_with(set->kept[i], word)) {
			*found = set->kept[i];
			match = match == MATCH_NONE ? MATCH_ONE : MATCH_MANY;
		}
	}
	return match;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein distance of two words shorter than WORD_MAX. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t rows[2][WORD_MAX];
	size_t a_len = strlen(a), b_len = strlen(b);
	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *now = rows[i % 2];
		const size_t *before = rows[(i + 1) % 2];
		now[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t replaced = before[j - 1] + (a[i - 1] != b[j - 1]);
			now[j] = least(replaced, least(before[j], now[j - 1]) + 1);
		}
	}
	return rows[a_len % 2][b_len];
}

/* The word of `set` that `word` is most probably a slip of; NULL when none is near. */
static const char *choice_nearest(const struct choice_set *set, const char *word)
{
	size_t len = strlen(word);
	if (len >= WORD_MAX)
		return NULL;
	const char *nearest = NULL;
	size_t best = len / 3 + 2;
	for (size_t i = 0; i < set->n; i++) {
		size_t distance = edit_distance(word, set->kept[i]);
		if (distance < best && distance < strlen(set->kept[i])) {
			best = distance;
			nearest = set->kept[i];
		}
	}
	return nearest;
}

/* Rows that the words so far leave possible. */
struct candidates {
	const struct command_table *table;
	bool out[COMMAND_ROWS_MAX]; /* by row: no longer possible */
};

static bool candidate(const struct candidates *candidates, size_t row)
{
	return row < COMMAND_ROWS_MAX && !candidates->out[row];
}

static void candidate_words(
	const struct candidates *candidates, size_t index, struct choice_set *set)
{
	set->n = 0;
	char word[WORD_MAX];
	for (size_t row = 0; row < candidates->table->n_rows; row++) {
		if (candidate(candidates, row) &&
			row_word(&candidates->table->rows[row], index, word))
			choice_add(set, word);
	}
}

static void candidates_narrow(struct candidates *candidates, size_t index, const char *word)
{
	char other[WORD_MAX];
	for (size_t row = 0; row < candidates->table->n_rows; row++) {
		if (candidate(candidates, row) &&
			(!row_word(&candidates->table->rows[row], index, other) ||
				strcmp(other, word) != 0))
			candidates->out[row] = true;
	}
}

/* The possible row that has no more than `count` words; NULL when each wants more. */
static const struct command *candidate_complete(const struct candidates *candidates, size_t count)
{
	char word[WORD_MAX];
	for (size_t row = 0; row < candidates->table->n_rows; row++) {
		const struct command *command = &candidates->table->rows[row];
		if (candidate(candidates, row) && !row_word(command, count, word))
			return command;
	}
	return NULL;
}

static void said_so_far(const struct words *words, size_t count, struct output *out)
{
	for (size_t i = 0; i < count; i++)
		output_printf(out, "%s%s", i > 0 ? " " : "", words->word[i]);
}

static void command_unknown(
	const struct words *words, size_t index, const struct choice_set *set, struct output *fault)
{
	output_puts(fault, "unknown command \"");
	said_so_far(words, index + 1, fault);
	output_puts(fault, "\"");
	const char *nearest = choice_nearest(set, words->word[index]);
	if (nearest != NULL) {
		output_puts(fault, ": did you mean \"");
		said_so_far(words, index, fault);
		output_printf(fault, "%s%s\"?", index > 0 ? " " : "", nearest);
	} else {
		output_printf(fault, ": found \"%s\", expected one of: ", words->word[index]);
		choice_list(set, "", fault);
	}
}

/* The row that the line's first words name; `used` counts them. NULL with a fault. */
static const struct command *find_row(const struct command_table *table, const struct words *words,
	size_t *used, struct output *fault)
{
	struct candidates candidates = { .table = table };
	struct choice_set set;
	for (size_t index = 0;; index++) {
		const struct command *complete = candidate_complete(&candidates, index);
		candidate_words(&candidates, index, &set);
		const char *found;
		enum match match = index < words->n ? choice_match(&set, words->word[index], &found)
						    : MATCH_NONE;
		if (match == MATCH_ONE) {
			candidates_narrow(&candidates, index, found);
			continue;
		}
		if (index > 0 && complete != NULL) {
			*used = index;
			return complete;
		}
		if (index == words->n) {
			if (index > 0) {
				output_puts(fault, "incomplete command \"");
				said_so_far(words, index, fault);
				output_puts(fault, "\": expected one of: ");
			} else {
				output_puts(fault, "empty line: expected one of: ");
			}
			choice_list(&set, "", fault);
			return NULL;
		}
		if (match == MATCH_MANY) {
			output_printf(fault, "\"%s\" is ambiguous: ", words->word[index]);
			choice_list(&set, words->word[index], fault);
			return NULL;
		}
		command_unknown(words, index, &set, fault);
		return NULL;
	}
}

static size_t n_arguments(const struct command *command)
{
	size_t n = 0;
	while (n < ARGUMENTS_MAX && command->arguments[n].kind != ARGUMENT_NONE)
		n++;
	return n;
}

static bool takes_rest(const struct argument *argument)
{
	return argument->kind == ARGUMENT_TEXT || argument->kind == ARGUMENT_COMMAND;
}

/* The fixed words that may stand next, given what was said already. */
static void argument_words(
	const struct command *command, const struct argument_value *values, struct choice_set *set)
{
	set->n = 0;
	for (size_t i = 0; i < n_arguments(command); i++) {
		const struct argument *argument = &command->arguments[i];
		if (values[i].given)
			continue;
		if (argument->keyword != NULL) {
			choice_add(set, argument->keyword);
		} else if (argument->kind == ARGUMENT_CHOICE) {
			for (size_t c = 0; c < CHOICES_MAX && argument->choices[c] != NULL; c++)
				choice_add(set, argument->choices[c]);
		}
	}
}

/* The argument that the fixed word `word` belongs to. */
static size_t argument_of_word(const struct command *command, const struct argument_value *values,
	const char *word, unsigned *choice)
{
	for (size_t i = 0; i < n_arguments(command); i++) {
		const struct argument *argument = &command->arguments[i];
		if (values[i].given)
			continue;
		if (argument->keyword != NULL) {
			if (strcmp(argument->keyword, word) == 0)
				return i;
			continue;
		}
		for (unsigned c = 0; c < CHOICES_MAX && argument->choices[c] != NULL; c++) {
			if (strcmp(argument->choices[c], word) == 0) {
				*choice = c;
				return i;
			}
		}
	}
	return ARGUMENTS_MAX;
}

/* The next value that stands without a keyword; ARGUMENTS_MAX when there is none. */
static size_t argument_alone(const struct command *command, const struct argument_value *values)
{
	for (size_t i = 0; i < n_arguments(command); i++) {
		const struct argument *argument = &command->arguments[i];
		if (!values[i].given && argument->keyword == NULL &&
			argument->kind != ARGUMENT_CHOICE)
			return i;
	}
	return ARGUMENTS_MAX;
}

static bool parse_prefix(const char *word, struct argument_value *value, struct output *fault)
{
	value->bare = strchr(word, '/') == NULL;
	if (prefix_parse(word, false, &value->prefix))
		return true;
	if (prefix_parse(word, true, &value->prefix)) {
		char text[PREFIX_TEXT_MAX];
		output_printf(fault,
			"found \"%s\", which has bits set behind its length: did you mean %s?",
			word, prefix_format(&value->prefix, text));
		return false;
	}
	output_printf(fault,
		"found \"%s\", expected a prefix or an address, as 10.0.0.0/24 or 2001:db8::1",
		word);
	return false;
}

static bool parse_family(const char *word, struct argument_value *value, struct output *fault)
{
	struct choice_set set = { .n = 0 };
	for (unsigned family = 0; family < FAMILY_COUNT; family++)
		choice_add(&set, family_name((enum family)family));
	const char *found;
	if (choice_match(&set, word, &found) == MATCH_ONE &&
		family_from_name(found, &value->family))
		return true;
	output_printf(fault, "found \"%s\", expected a family: ", word);
	choice_list(&set, "", fault);
	return false;
}

static bool parse_number(const char *word, struct argument_value *value, struct output *fault)
{
	char *end;
	errno = 0;
	uintmax_t number = strtoumax(word, &end, 10);
	if (word[0] >= '0' && word[0] <= '9' && *end == '\0' && errno == 0 && number > 0 &&
		number <= UINT32_MAX) {
		value->number = number;
		return true;
	}
	output_printf(
		fault, "found \"%s\", expected a number from 1 to %" PRIu32, word, UINT32_MAX);
	return false;
}

/* The `*w`th word, or that and the next. */
static bool parse_time(const struct words *words, size_t *w, uint64_t now,
	struct argument_value *value, struct output *fault)
{
	char both[2 * WORD_MAX + 2];
	const char *first = words->word[*w];
	if (!time_text_takes_second(first) || *w + 1 == words->n)
		return time_text_parse(first, now, &value->time, fault);
	snprintf(both, sizeof both, "%s %s", first, words->word[++*w]);
	return time_text_parse(both, now, &value->time, fault);
}

static bool parse_value(const struct argument *argument, const char *word,
	struct argument_value *value, struct output *fault)
{
	bool good = false;
	switch (argument->kind) {
	case ARGUMENT_ADDRESS:
		good = ip_address_parse(word, &value->address);
		if (!good)
			output_printf(fault,
				"found \"%s\", expected an address, as 10.0.0.1 or 2001:db8::1",
				word);
		break;
	case ARGUMENT_PREFIX: good = parse_prefix(word, value, fault); break;
	case ARGUMENT_FAMILY: good = parse_family(word, value, fault); break;
	case ARGUMENT_NUMBER: good = parse_number(word, value, fault); break;
	case ARGUMENT_CHOICE:
		for (unsigned c = 0; c < CHOICES_MAX && argument->choices[c] != NULL; c++) {
			if (begins_with(argument->choices[c], word)) {
				value->choice = c;
				good = true;
				break;
			}
		}
		if (!good) {
			output_printf(fault, "found \"%s\", expected ", word);
			argument_form(argument, fault);
		}
		break;
	case ARGUMENT_NONE:
	case ARGUMENT_TIME: /* parse_keyword_value */
	case ARGUMENT_TEXT:
	case ARGUMENT_COMMAND: break;
	}
	value->given = good;
	return good;
}

/* The value behind a keyword: the `*w`th word, which goes on to the last word used. */
static bool parse_keyword_value(const struct argument *argument, const struct words *words,
	size_t *w, uint64_t now, struct argument_value *value, struct output *fault)
{
	if (argument->kind != ARGUMENT_TIME)
		return parse_value(argument, words->word[*w], value, fault);
	value->given = parse_time(words, w, now, value, fault);
	return value->given;
}

/* What could have stood where `word` was found: values and fixed words that are still free. */
static void argument_unknown(const struct command *command, const struct argument_value *values,
	const char *word, struct output *fault)
{
	struct choice_set set;
	argument_words(command, values, &set);
	output_printf(fault, "%s: found \"%s\", expected ", command->words, word);
	size_t alone = argument_alone(command, values);
	if (set.n == 0 && alone == ARGUMENTS_MAX) {
		output_puts(fault, "the end of the line");
		return;
	}
	const char *nearest = choice_nearest(&set, word);
	if (nearest != NULL) {
		output_printf(fault, "\"%s\"?", nearest);
		return;
	}
	if (alone != ARGUMENTS_MAX)
		argument_form(&command->arguments[alone], fault);
	if (alone != ARGUMENTS_MAX && set.n > 0)
		output_puts(fault, " or one of: ");
	else if (set.n > 0)
		output_puts(fault, "one of: ");
	choice_list(&set, "", fault);
}

/* True when `word` looks like an address or a prefix rather than a misspelt word. */
static bool looks_numeric(const char *word)
{
	return strpbrk(word, ":./") != NULL || (word[0] >= '0' && word[0] <= '9');
}

/*
 * The rest of the line from word `from` on, as it was typed: spaces kept, one pair of quotes taken
 * off.
 */
static void take_rest(
	const struct words *words, size_t from, const char *line, struct argument_value *value)
{
	char *rest = words->word[from];
	strcpy(rest, line + words->at[from]);
	size_t len = strlen(rest);
	while (len > 0 && is_space(rest[len - 1]))
		rest[--len] = '\0';
	if (len >= 2 && rest[0] == '"' && rest[len - 1] == '"') {
		rest[len - 1] = '\0';
		rest++;
	}
	value->text = rest;
	value->given = true;
}

static bool parse_arguments(const struct words *words, size_t used, const char *line,
	struct command_line *parsed, struct output *fault)
{
	const struct command *command = parsed->command;
	struct choice_set set;
	for (size_t w = used; w < words->n; w++) {
		const char *word = words->word[w];
		size_t alone = argument_alone(command, parsed->values);
		if (alone != ARGUMENTS_MAX && takes_rest(&command->arguments[alone])) {
			take_rest(words, w, line, &parsed->values[alone]);
			return true;
		}
		argument_words(command, parsed->values, &set);
		const char *found = NULL;
		enum match match = choice_match(&set, word, &found);
		if (match == MATCH_MANY) {
			output_printf(fault, "\"%s\" is ambiguous: ", word);
			choice_list(&set, word, fault);
			return false;
		}
		if (match == MATCH_ONE) {
			unsigned choice = 0;
			size_t i = argument_of_word(command, parsed->values, found, &choice);
			struct argument_value *value = &parsed->values[i];
			value->choice = choice;
			value->given = true;
			if (command->arguments[i].keyword == NULL)
				continue;
			if (w + 1 == words->n) {
				output_printf(fault,
					"%s: expected %s behind \"%s\", found the end of the line",
					command->words, command->arguments[i].name, found);
				return false;
			}
			w++;
			if (!parse_keyword_value(
				    &command->arguments[i], words, &w, parsed->now, value, fault))
				return false;
			continue;
		}
		if (alone == ARGUMENTS_MAX || !looks_numeric(word)) {
			argument_unknown(command, parsed->values, word, fault);
			return false;
		}
		if (!parse_value(&command->arguments[alone], word, &parsed->values[alone], fault))
			return false;
	}
	return true;
}

bool command_parse(const struct command_table *table, const char *line, struct command_line *parsed,
	struct output *fault)
{
	*parsed = (struct command_line){ .now = time_text_clock() };
	size_t len = strlen(line);
	if (len >= sizeof parsed->line) {
		output_printf(fault, "found a line of %zu bytes, expected at most %zu", len,
			sizeof parsed->line - 1);
		return false;
	}
	memcpy(parsed->line, line, len + 1);
	struct words words;
	split(parsed->line, &words);
	size_t used = 0;
	parsed->command = find_row(table, &words, &used, fault);
	if (parsed->command == NULL)
		return false;
	bool rest = takes_rest(&parsed->command->arguments[0]);
	if (words.too_many && !rest) {
		output_printf(fault, "found more than %d words", COMMAND_WORDS_MAX);
		return false;
	}
	if (!parse_arguments(&words, used, line, parsed, fault))
		return false;
	for (size_t i = 0; i < n_arguments(parsed->command); i++) {
		const struct argument *argument = &parsed->command->arguments[i];
		if (argument->required && !parsed->values[i].given) {
			output_printf(fault, "%s: expected ", parsed->command->words);
			argument_form(argument, fault);
			output_puts(fault, ", found the end of the line");
			return false;
		}
	}
	return true;
}

void argument_form(const struct argument *argument, struct output *out)
{
	if (argument->keyword != NULL)
		output_printf(out, "%s ", argument->keyword);
	if (argument->kind == ARGUMENT_CHOICE) {
		for (size_t c = 0; c < CHOICES_MAX && argument->choices[c] != NULL; c++)
			output_printf(out, "%s%s", c > 0 ? "|" : "", argument->choices[c]);
	} else {
		output_puts(out, argument->name);
	}
}

void command_usage(const struct command *command, struct output *out)
{
	output_puts(out, command->words);
	for (size_t i = 0; i < n_arguments(command); i++) {
		const struct argument *argument = &command->arguments[i];
		output_puts(out, argument->required ? " " : " [");
		argument_form(argument, out);
		output_puts(out, argument->required ? "" : "]");
	}
}

size_t command_matching(const struct command_table *table, const char *line,
	void (*visit)(void *context, const struct command *command), void *context)
{
	char copy[COMMAND_LINE_MAX];
	struct words words = { 0 };
	if (strlen(line) < sizeof copy) {
		strcpy(copy, line);
		split(copy, &words);
	}
	struct candidates candidates = { .table = table };
	struct choice_set set;
	for (size_t index = 0; index < words.n; index++) {
		candidate_words(&candidates, index, &set);
		const char *found;
		if (choice_match(&set, words.word[index], &found) == MATCH_ONE) {
			candidates_narrow(&candidates, index, found);
			continue;
		}
		char word[WORD_MAX];
		for (size_t row = 0; row < table->n_rows; row++) {
			if (candidate(&candidates, row) &&
				(!row_word(&table->rows[row], index, word) ||
					!begins_with(word, words.word[index])))
				candidates.out[row] = true;
		}
	}
	size_t visited = 0;
	for (size_t row = 0; row < table->n_rows; row++) {
		if (candidate(&candidates, row)) {
			visit(context, &table->rows[row]);
			visited++;
		}
	}
	return visited;
}

/* What may stand as the value of `argument`. */
static void complete_value(
	const struct argument *argument, const char *begun, const struct completion *completion)
{
	if (argument->kind == ARGUMENT_FAMILY) {
		for (unsigned family = 0; family < FAMILY_COUNT; family++) {
			const char *name = family_name((enum family)family);
			if (begins_with(name, begun))
				completion->word(completion->context, name, argument->help);
		}
		return;
	}
	if (argument->kind == ARGUMENT_CHOICE) {
		for (size_t c = 0; c < CHOICES_MAX && argument->choices[c] != NULL; c++) {
			if (begins_with(argument->choices[c], begun))
				completion->word(completion->context, argument->choices[c],
					argument->choice_help[c] != NULL ? argument->choice_help[c]
									 : argument->help);
		}
		return;
	}
	completion->value(completion->context, argument, begun);
}

/* Arguments: everything that is not said yet may stand next. */
static void complete_arguments(const struct command_table *table, const struct command *command,
	const struct words *words, size_t from, size_t until, const char *begun, const char *line,
	const struct completion *completion)
{
	struct argument_value values[ARGUMENTS_MAX] = { 0 };
	struct choice_set set;
	for (size_t w = from; w < until; w++) {
		size_t alone = argument_alone(command, values);
		if (alone != ARGUMENTS_MAX && command->arguments[alone].kind == ARGUMENT_COMMAND) {
			command_complete(table, line + words->at[w], completion);
			return;
		}
		argument_words(command, values, &set);
		const char *found;
		unsigned choice = 0;
		if (choice_match(&set, words->word[w], &found) == MATCH_ONE) {
			size_t i = argument_of_word(command, values, found, &choice);
			values[i].given = true;
			if (command->arguments[i].keyword == NULL)
				continue;
			bool two = w + 1 < until && command->arguments[i].kind == ARGUMENT_TIME &&
				   time_text_takes_second(words->word[w + 1]);
			w += two ? 2 : 1;
			if (w >= until) {
				complete_value(&command->arguments[i], begun, completion);
				return;
			}
		} else if (alone != ARGUMENTS_MAX) {
			values[alone].given = true;
			if (takes_rest(&command->arguments[alone]))
				return;
		} else {
			return;
		}
	}
	size_t alone = argument_alone(command, values);
	for (size_t i = 0; i < n_arguments(command); i++) {
		const struct argument *argument = &command->arguments[i];
		if (values[i].given)
			continue;
		if (argument->keyword != NULL) {
			if (begins_with(argument->keyword, begun))
				completion->word(
					completion->context, argument->keyword, argument->help);
		} else if (argument->kind == ARGUMENT_COMMAND) {
			command_complete(table, begun, completion);
		} else if (argument->kind == ARGUMENT_CHOICE || i == alone) {
			complete_value(argument, begun, completion);
		}
	}
}

/* The help of the words of the table at `index`: the row's own when it ends there. */
static void complete_words(const struct candidates *candidates, size_t index, const char *begun,
	const struct completion *completion)
{
	struct choice_set set;
	candidate_words(candidates, index, &set);
	for (size_t i = 0; i < set.n; i++) {
		if (!begins_with(set.kept[i], begun))
			continue;
		const struct command *only = NULL;
		bool several = false;
		char word[WORD_MAX];
		for (size_t row = 0; row < candidates->table->n_rows; row++) {
			if (!candidate(candidates, row) ||
				!row_word(&candidates->table->rows[row], index, word) ||
				strcmp(word, set.kept[i]) != 0)
				continue;
			several = several || only != NULL;
			only = &candidates->table->rows[row];
		}
		completion->word(completion->context, set.kept[i],
			several || only == NULL ? "..." : only->help);
	}
}

void command_complete(
	const struct command_table *table, const char *line, const struct completion *completion)
{
	char copy[COMMAND_LINE_MAX];
	if (strlen(line) >= sizeof copy)
		return;
	strcpy(copy, line);
	struct words words;
	split(copy, &words);
	if (words.too_many)
		return;
	size_t until = words.open ? words.n - 1 : words.n;
	const char *begun = words.open ? words.word[until] : "";

	struct candidates candidates = { .table = table };
	struct choice_set set;
	size_t index = 0;
	for (; index < until; index++) {
		candidate_words(&candidates, index, &set);
		const char *found;
		if (choice_match(&set, words.word[index], &found) != MATCH_ONE)
			break;
		candidates_narrow(&candidates, index, found);
	}
	const struct command *complete = index > 0 ? candidate_complete(&candidates, index) : NULL;
	if (index == until)
		complete_words(&candidates, index, begun, completion);
	if (complete != NULL)
		complete_arguments(table, complete, &words, index, until, begun, line, completion);
}
