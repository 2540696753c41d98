/*
 * The words that may stand next in a command line, as the daemon answers a request of the format
 * "complete". Called by shell.c for "?" and by prompt.c for the tab key; it only fetches, sorts out
 * and prints.
 */
#ifndef MGMT_WORDS_H
#define MGMT_WORDS_H

#include "mgmt/client.h"
#include "mgmt/output.h"

struct word_list {
	struct output text; /* the words and their helps, cut by NUL bytes */
	struct {
		const char *word;
		const char *help;
	} * entries;
	size_t n;
};

/* `words` is to be freed whatever is returned (as client_request). */
int words_fetch(struct word_list *words, struct client *client, const char *line, FILE *faults);
/* The first `most` words with their helps, one a line. */
void words_print(const struct word_list *words, FILE *to, size_t most);
/*
 * What can be typed ahead for `begun`: returns how many bytes of *more (points into `words`) stand
 * behind it in every word; *only says that there is one word, so that it is complete.
 */
size_t words_common(
	const struct word_list *words, const char *begun, const char **more, bool *only);
void words_free(struct word_list *words);

#endif
