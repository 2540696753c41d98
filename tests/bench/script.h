/*
 * The script: lines of text in, one JSON line out for each. Splits lines into words, finds the
 * command in the table of commands.c, and holds back further lines while a `wait` is unfinished.
 * speaker.c feeds it; it reads no file itself.
 */
#ifndef BENCH_SCRIPT_H
#define BENCH_SCRIPT_H

#include "tests/bench/bench.h"

#define SCRIPT_WORDS_MAX 256

enum outcome { OUTCOME_DONE, OUTCOME_FAILED, OUTCOME_WAITING };

struct wait;

/* What is waited for: of every speaker selected, or (speaker NULL) of all together. */
struct wait_kind {
	const char *name;
	const char *arguments;
	bool takes_selection, takes_number;
	bool (*speaker)(const struct wait *wait, const struct speaker *speaker);
	bool (*all)(const struct wait *wait, const struct bench *bench);
};

struct wait {
	const struct wait_kind *kind; /* NULL: nothing is waited for */
	struct selection selection;
	double number;
	uint8_t families;
	uint64_t started;
	uint64_t deadline;
	double timeout; /* seconds */
};

struct script {
	struct bench *bench;
	char *text; /* lines not yet run */
	size_t len, at;
	bool ended; /* no more text will come */
	bool stop_at_failure;
	struct wait wait;
	char *line; /* the command being run, for its reply */
	FILE *replies; /* NULL: only failures are told, on stderr */
	char error[512];
};

struct command {
	const char *name;
	const char *arguments;
	const char *help;
	/* Adds members (each with a leading comma) to the reply; on failure fills script->error. */
	enum outcome (*run)(struct script *script, char **words, size_t n_words, FILE *reply);
};

/* commands.c; ends with a NULL name. */
extern const struct command commands[];

/* Adds text behind what is there. False when memory is short. */
bool script_add(struct script *script, const char *text, size_t len);
/* Runs lines as long as no wait holds them back. */
void script_run(struct script *script);
/* True when every line has been run and no more will come. */
bool script_finished(const struct script *script);
void script_free(struct script *script);

/* Fills script->error in printf form; returns OUTCOME_FAILED. */
enum outcome script_fail(struct script *script, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* "nodes", "nodes[3]", "nodes[3..7]". False with script->error. */
bool script_selection(struct script *script, const char *word, struct selection *selection);
/* Numbers with the whole word used; false with script->error, which names `what` was expected. */
bool script_number(struct script *script, const char *word, const char *what, uint64_t least,
	uint64_t most, uint64_t *number);
bool script_decimal(struct script *script, const char *word, const char *what, double *number);
/* "ipv4", "ipv4-unicast,ipv6": family bits. False with script->error. */
bool script_families(struct script *script, const char *word, uint8_t *families);

/* wait.c: the command, and the check whether what is waited for came (or the time ran out; then
 * script->error is set). */
enum outcome wait_begin(struct script *script, char **words, size_t n_words, FILE *reply);
enum outcome wait_poll(struct script *script, FILE *reply);
void wait_help(FILE *to);

#endif
