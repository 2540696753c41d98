/*
 * Rows of the journal as text and as JSON. Called by the commands that show history and by
 * `heliostat journal`; it renders one row and keeps nothing. Every notice among the rows (a gap, a
 * start, what was pruned) is a line of its own.
 */
#ifndef MGMT_HISTORY_H
#define MGMT_HISTORY_H

#include "mgmt/json.h"
#include "mgmt/table.h"
#include "rr/journal_query.h"

extern const struct table_column history_change_columns[];
extern const size_t history_change_columns_count;
extern const struct table_column history_event_columns[];
extern const size_t history_event_columns_count;

/*
 * A change: a row for the old best path, marked -, and one for the new, marked +, as far as there
 * are such.
 */
void history_change_rows(struct table *table, const struct journal_row *row);
void history_event_row(struct table *table, const struct journal_row *row);
/* A row of a table with route_columns (route.h). */
void history_route_row(struct table *table, const struct journal_row *row);
/* A block of lines with every attribute. */
void history_route_block(struct output *out, const struct journal_row *row);

/* True for GAP, RUN and PRUNED rows. */
bool history_is_notice(const struct journal_row *row);
void history_notice(struct output *out, const struct journal_row *row);

/*
 * An object with "type": change, event, gap, start, pruned, config or audit; a ROUTE has none, its
 * fields are those of show routes.
 */
void history_json(struct json *json, const struct journal_row *row);

#endif
