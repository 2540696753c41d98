#include "mgmt/shell.h"

#include <histedit.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "mgmt/words.h"

#define HISTORY_LINES	 500
#define CANDIDATES_SHOWN 40

static const char *prompt_text(EditLine *edit)
{
	(void)edit;
	return "heliostat> ";
}

/* The last word of the line up to the cursor. */
static const char *begun_word(const char *line)
{
	const char *space = strrchr(line, ' ');
	const char *tab = strrchr(line, '\t');
	const char *last = tab != NULL && (space == NULL || tab > space) ? tab : space;
	return last != NULL ? last + 1 : line;
}

/* Types ahead what is certain; shows the choices when nothing is. */
static unsigned char offer(EditLine *edit, const struct word_list *words, const char *line)
{
	const char *more;
	bool only;
	size_t len = words_common(words, begun_word(line), &more, &only);
	char insert[256];
	if ((len > 0 || only) && len < sizeof insert - 1) {
		memcpy(insert, more, len);
		insert[len] = only ? ' ' : '\0';
		insert[len + 1] = '\0';
		return el_insertstr(edit, insert) == 0 ? CC_REFRESH : CC_ERROR;
	}
	if (words->n == 0)
		return CC_ERROR;
	putchar('\n');
	words_print(words, stdout, CANDIDATES_SHOWN);
	fflush(stdout);
	return CC_REDISPLAY;
}

static unsigned char complete_key(EditLine *edit, int key)
{
	(void)key;
	struct shell *shell = NULL;
	el_get(edit, EL_CLIENTDATA, &shell);
	const LineInfo *info = el_line(edit);
	char *line = strndup(info->buffer, (size_t)(info->cursor - info->buffer));
	FILE *nowhere = fopen("/dev/null", "w");
	unsigned char result = CC_ERROR;
	if (shell != NULL && line != NULL && nowhere != NULL) {
		struct word_list words;
		if (words_fetch(&words, &shell->client, line, nowhere) == MGMT_OK)
			result = offer(edit, &words, line);
		words_free(&words);
	}
	if (nowhere != NULL)
		fclose(nowhere);
	free(line);
	return result;
}

/* Ctrl-C at the prompt: the line is given up. */
static unsigned char interrupt_key(EditLine *edit, int key)
{
	(void)key;
	const LineInfo *info = el_line(edit);
	int len = (int)(info->lastchar - info->buffer);
	el_cursor(edit, len);
	el_deletestr(edit, len);
	puts("^C");
	return CC_REDISPLAY;
}

static EditLine *edit_new(struct shell *shell, History *history_lines)
{
	EditLine *edit = el_init("heliostat", stdin, stdout, stderr);
	if (edit == NULL)
		return NULL;
	el_set(edit, EL_CLIENTDATA, shell);
	el_set(edit, EL_PROMPT, prompt_text);
	el_set(edit, EL_EDITOR, "emacs");
	el_set(edit, EL_HIST, history, history_lines);
	/*
	 * The wide form keeps the names it is given; the other copies them and never frees the
	 * copies.
	 */
	el_wset(edit, EL_ADDFN, L"heliostat-complete", L"Complete the word", complete_key);
	el_wset(edit, EL_ADDFN, L"heliostat-interrupt", L"Give the line up", interrupt_key);
	el_set(edit, EL_BIND, "^I", "heliostat-complete", NULL);
	el_set(edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
	el_source(edit, NULL);
	/*
	 * While a line is edited Ctrl-C is a key like others; while a command runs it ends the
	 * command.
	 */
	el_set(edit, EL_SETTY, "-d", "-isig", NULL);
	el_set(edit, EL_BIND, "^C", "heliostat-interrupt", NULL);
	return edit;
}

/* ~/.heliostat_history; NULL without a home. The caller frees. */
static char *history_path(void)
{
	const char *home = getenv("HOME");
	char *path = NULL;
	if (home == NULL || home[0] != '/' || asprintf(&path, "%s/.heliostat_history", home) < 0)
		return NULL;
	return path;
}

static void prompt_loop(struct shell *shell, EditLine *edit, History *history_lines)
{
	HistEvent event;
	while (!shell->left) {
		int count = 0;
		const char *line = el_gets(edit, &count);
		if (line == NULL || count <= 0) {
			putchar('\n');
			return;
		}
		if (line[strspn(line, " \t\r\n")] == '\0')
			continue;
		history(history_lines, &event, H_ENTER, line);
		if (shell_line(shell, line) != CLIENT_INTERRUPTED)
			continue;
		/* Takes the signal off the descriptor, and the cursor off the line it stands in. */
		struct signalfd_siginfo info;
		(void)!read(shell->client.interrupt, &info, sizeof info);
		puts("\ninterrupted");
	}
}

int shell_interactive(struct shell *shell)
{
	/* The first thing to know is whether the daemon is there. */
	if (!client_connect(&shell->client, stderr))
		return MGMT_UNREACHABLE;
	sigset_t signals, before;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, &before);
	shell->client.interrupt = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);

	HistEvent event;
	History *history_lines = history_init();
	EditLine *edit = history_lines != NULL ? edit_new(shell, history_lines) : NULL;
	char *path = history_path();
	int status = MGMT_OK;
	if (edit != NULL) {
		history(history_lines, &event, H_SETSIZE, HISTORY_LINES);
		history(history_lines, &event, H_SETUNIQUE, 1);
		if (path != NULL)
			history(history_lines, &event, H_LOAD, path);
		puts("heliostat shell: help lists the commands, exit leaves");
		prompt_loop(shell, edit, history_lines);
		if (path != NULL)
			history(history_lines, &event, H_SAVE, path);
	} else {
		fputs("cannot set up the prompt: out of memory\n", stderr);
		status = MGMT_FAILED;
	}
	free(path);
	if (edit != NULL)
		el_end(edit);
	if (history_lines != NULL)
		history_end(history_lines);
	if (shell->client.interrupt >= 0)
		close(shell->client.interrupt);
	shell->client.interrupt = -1;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}
