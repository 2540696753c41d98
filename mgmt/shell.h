/*
 * The shell around the client: one command line to the daemon and its answer to the terminal, and
 * the interactive prompt with history, editing and completion (libedit). Called by main_client.c.
 * What the commands are it does not know: help and completion come from the daemon's own table.
 */
#ifndef MGMT_SHELL_H
#define MGMT_SHELL_H

#include "mgmt/client.h"

struct shell {
	struct client client;
	bool json; /* --json */
	bool left; /* exit or quit was said */
};

/*
 * Carries out one line: exit, quit, a line that ends with "?" (what may stand there), or a command,
 * with or without "| json". Empty lines and lines that begin with # do nothing. Returns enum
 * mgmt_status or CLIENT_INTERRUPTED; messages are on stderr.
 */
int shell_line(struct shell *shell, const char *line);
/*
 * Commands from `input`, one a line, until its end. Returns the worst status; stops at once when
 * the daemon is out of reach.
 */
int shell_script(struct shell *shell, FILE *input);
/* The prompt. Returns MGMT_OK when left by the user. */
int shell_interactive(struct shell *shell);

#endif
