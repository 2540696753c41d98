/*
 * The language of the management shell: a table with one row a command, a parser that accepts every
 * unambiguous abbreviation, and completion and help from the same rows. The server calls it with
 * request lines. It runs nothing itself, knows no reflector and opens no socket; which rows there
 * are stands in commands.c.
 */
#ifndef MGMT_COMMAND_H
#define MGMT_COMMAND_H

#include "bgp/types.h"
#include "mgmt/output.h"

struct request;

enum argument_kind {
	ARGUMENT_NONE, /* ends a row's list */
	ARGUMENT_ADDRESS,
	ARGUMENT_PREFIX, /* or a bare address */
	ARGUMENT_FAMILY,
	ARGUMENT_CHOICE, /* one of fixed words */
	ARGUMENT_TIME, /* a point in time (time_text.h); "yesterday 03:12" is two words; only behind
			  a keyword */
	ARGUMENT_NUMBER, /* from 1 on; only behind a keyword */
	ARGUMENT_TEXT, /* the rest of the line */
	ARGUMENT_COMMAND, /* the rest of the line, completed as a command */
};

#define ARGUMENTS_MAX 6
#define CHOICES_MAX   3

struct argument {
	enum argument_kind kind;
	bool required;
	const char *keyword; /* the word that announces the value; NULL: the value stands alone */
	const char *name; /* "ADDRESS"; what a choice is about */
	const char *choices[CHOICES_MAX];
	const char *choice_help[CHOICES_MAX]; /* of each; NULL: `help` */
	const char *help;
};

struct command {
	const char *words; /* "show peers" */
	const char *help; /* one line */
	const char *detail; /* lines for `help COMMAND`; NULL without */
	struct argument arguments[ARGUMENTS_MAX];
	/* Called until it returns true: see mgmt/request.h. */
	bool (*run)(struct request *request);
};

struct command_table {
	const struct command *rows;
	size_t n_rows;
};

struct argument_value {
	bool given;
	bool bare; /* of a prefix: an address without a length */
	unsigned choice; /* index into choices */
	enum family family;
	struct ip_address address;
	struct prefix prefix;
	uint64_t time; /* wall clock, microseconds */
	uint64_t number;
	const char *text; /* points into command_line.line */
};

#define COMMAND_LINE_MAX  4096
#define COMMAND_WORDS_MAX 64
#define COMMAND_ROWS_MAX  64 /* of a table */

struct command_line {
	const struct command *command;
	struct argument_value values[ARGUMENTS_MAX]; /* as the command's arguments */
	uint64_t now; /* when it was understood: what the times in it are relative to */
	char line[COMMAND_LINE_MAX]; /* words cut by NUL bytes */
};

/*
 * Understands `line`. False when it does not; then `fault` holds one line without a line feed that
 * names the word found and what was expected. An empty line is such a fault.
 */
bool command_parse(const struct command_table *table, const char *line, struct command_line *parsed,
	struct output *fault);

/*
 * Where completion may stand: values that only the caller knows (the peers' addresses) are asked
 * for by kind.
 */
struct completion {
	/* A word that may stand next and begins as the line's last word does, with its help. */
	void (*word)(void *context, const char *word, const char *help);
	/* A value may stand here. `begun` is what was typed of it. */
	void (*value)(void *context, const struct argument *argument, const char *begun);
	void *context;
};
void command_complete(
	const struct command_table *table, const char *line, const struct completion *completion);

/* "show routes [PREFIX] [longer|exact] ..." */
void command_usage(const struct command *command, struct output *out);
/* The form of one argument, without brackets: "peer ADDRESS", "longer|exact". */
void argument_form(const struct argument *argument, struct output *out);
/*
 * Rows whose words begin with those of `line` (abbreviations count; "" is all rows), in order.
 * Returns how many were visited.
 */
size_t command_matching(const struct command_table *table, const char *line,
	void (*visit)(void *context, const struct command *command), void *context);

#endif
