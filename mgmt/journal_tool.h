/*
 * heliostat journal: verify, stats, export and compact, on the file itself, so that they work
 * without a daemon and beside one. Called by main_client.c and the shell. It only reads, but for
 * compact, which asks the daemon where one runs.
 */
#ifndef MGMT_JOURNAL_TOOL_H
#define MGMT_JOURNAL_TOOL_H

#include "mgmt/client.h"

#define JOURNAL_TOOL_USAGE                                   \
	"heliostat journal verify|stats|compact [-f FILE]\n" \
	"       heliostat journal export [-f FILE] [--since T]"

/*
 * Carries out the words behind "journal" ("verify", "-f", ...). Answers go to standard output,
 * faults to standard error; returns enum mgmt_status.
 */
int journal_tool(struct client *client, bool json, char *const *words, int n);
/* True when `line` is such a command, "journal" included, and not one for the daemon. */
bool journal_tool_takes(const char *line);
/* The same from a line of the shell, cut at spaces. */
int journal_tool_line(struct client *client, bool json, const char *line);

#endif
