#include "mgmt/words.h"

#include <stdlib.h>
#include <string.h>

static void collect(void *context, const char *bytes, size_t len)
{
	output_add(context, bytes, len);
}

static void ignore(void *context, const char *bytes, size_t len)
{
	(void)context;
	(void)bytes;
	(void)len;
}

int words_fetch(struct word_list *words, struct client *client, const char *line, FILE *faults)
{
	*words = (struct word_list){ 0 };
	struct client_sink sink = { collect, ignore, &words->text };
	int status = client_request(client, MGMT_FORMAT_COMPLETE, line, &sink, faults);
	if (status != MGMT_OK || words->text.len == 0)
		return status;
	size_t lines = 0;
	for (size_t i = 0; i < words->text.len; i++)
		lines += words->text.bytes[i] == '\n';
	words->entries = calloc(lines + 1, sizeof words->entries[0]);
	if (words->entries == NULL || words->text.failed)
		return MGMT_FAILED;
	char *at = words->text.bytes;
	while (words->n < lines) {
		char *end = strchr(at, '\n');
		char *tab = memchr(at, '\t', (size_t)(end - at));
		*end = '\0';
		if (tab != NULL)
			*tab = '\0';
		words->entries[words->n].word = at;
		words->entries[words->n].help = tab != NULL ? tab + 1 : "";
		words->n++;
		at = end + 1;
	}
	return status;
}

void words_print(const struct word_list *words, FILE *to, size_t most)
{
	size_t width = 0;
	for (size_t i = 0; i < words->n && i < most; i++) {
		size_t len = strlen(words->entries[i].word);
		width = len > width ? len : width;
	}
	for (size_t i = 0; i < words->n && i < most; i++)
		fprintf(to, "  %-*s  %s\n", (int)width, words->entries[i].word,
			words->entries[i].help);
	if (words->n > most)
		fprintf(to, "  ... and %zu more\n", words->n - most);
}

size_t words_common(const struct word_list *words, const char *begun, const char **more, bool *only)
{
	size_t len = strlen(begun);
	const char *first = NULL;
	size_t common = 0;
	*only = false;
	*more = "";
	for (size_t i = 0; i < words->n; i++) {
		const char *word = words->entries[i].word;
		/*
		 * A value that is free cannot be typed ahead, and any word may be meant to be one.
		 */
		if (word[0] == '<') {
			*only = false;
			return 0;
		}
		if (strncmp(word, begun, len) != 0)
			continue;
		if (first == NULL) {
			first = word + len;
			common = strlen(first);
			*only = true;
			continue;
		}
		*only = false;
		size_t same = 0;
		while (same < common && first[same] == word[len + same])
			same++;
		common = same;
	}
	if (first != NULL)
		*more = first;
	return common;
}

void words_free(struct word_list *words)
{
	output_free(&words->text);
	free(words->entries);
	*words = (struct word_list){ 0 };
}
