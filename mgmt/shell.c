#include "mgmt/shell.h"

#include <stdlib.h>
#include <string.h>

#include "mgmt/journal_tool.h"
#include "mgmt/output.h"
#include "mgmt/words.h"

static void to_stdout(void *context, const char *bytes, size_t len)
{
	(void)context;
	fwrite(bytes, 1, len, stdout);
}

static void to_stderr(void *context, const char *bytes, size_t len)
{
	(void)context;
	/* What was said so far stands before the message, on a terminal. */
	fflush(stdout);
	fwrite(bytes, 1, len, stderr);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t trimmed(const char *line, size_t len)
{
	while (len > 0 && is_space(line[len - 1]))
		len--;
	return len;
}

/* Takes "| json" off the end; the line's length shrinks. */
static bool take_json_suffix(const char *line, size_t *len)
{
	size_t n = *len;
	if (n < 5 || strncmp(line + n - 4, "json", 4) != 0)
		return false;
	n = trimmed(line, n - 4);
	if (n == 0 || line[n - 1] != '|')
		return false;
	*len = trimmed(line, n - 1);
	return true;
}

/* "show ?": what may stand there. */
static int explain(struct shell *shell, const char *line)
{
	struct word_list words;
	int status = words_fetch(&words, &shell->client, line, stderr);
	if (status == MGMT_OK && words.n == 0)
		puts("nothing more may stand here");
	else if (status == MGMT_OK)
		words_print(&words, stdout, words.n);
	words_free(&words);
	return status;
}

int shell_line(struct shell *shell, const char *line)
{
	while (is_space(*line))
		line++;
	size_t len = trimmed(line, strlen(line));
	if (len == 0 || *line == '#')
		return MGMT_OK;
	if (memchr(line, '\n', len) != NULL) {
		fputs("found a line feed within the command, expected one line\n", stderr);
		return MGMT_USAGE;
	}
	bool json = take_json_suffix(line, &len) || shell->json;
	char *command = strndup(line, len);
	if (command == NULL) {
		fputs("out of memory\n", stderr);
		return MGMT_FAILED;
	}
	int status = MGMT_OK;
	if (strcmp(command, "exit") == 0 || strcmp(command, "quit") == 0) {
		shell->left = true;
	} else if (command[len - 1] == '?' && (len == 1 || is_space(command[len - 2]))) {
		command[len - 1] = '\0';
		status = explain(shell, command);
	} else if (journal_tool_takes(command)) {
		status = journal_tool_line(&shell->client, json, command);
	} else {
		struct client_sink sink = { to_stdout, to_stderr, NULL };
		status = client_request(&shell->client, json ? MGMT_FORMAT_JSON : MGMT_FORMAT_TEXT,
			command, &sink, stderr);
	}
	free(command);
	/* A full disk behind a redirection is a failed command too. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		clearerr(stdout);
		perror("cannot write the answer");
		if (status == MGMT_OK)
			status = MGMT_FAILED;
	}
	return status;
}

int shell_script(struct shell *shell, FILE *input)
{
	char *line = NULL;
	size_t size = 0;
	int worst = MGMT_OK;
	while (!shell->left && getline(&line, &size, input) >= 0) {
		int status = shell_line(shell, line);
		if (status > worst)
			worst = status;
		if (status == MGMT_UNREACHABLE)
			break;
	}
	free(line);
	return worst;
}
