/*
 * Completion as the server answers it: the words of the command table, and the peers' addresses
 * where an address may stand. Called by connection.c for requests of the format "complete".
 */
#ifndef MGMT_COMPLETE_H
#define MGMT_COMPLETE_H

#include "mgmt/request.h"

/* Adds one line a word that may stand at the end of `line`: WORD TAB HELP. */
void complete(struct reflector *reflector, const struct command_table *table, const char *line,
	struct output *out);

#endif
