/*
 * Aligned columns of text for people. Rows are collected, then written together: a long output
 * flushes once a slice, and columns keep the widest width seen so far, so that memory stays bounded
 * and the columns still line up. Called by the show commands; it renders into a struct output and
 * never decides what is shown.
 */
#ifndef MGMT_TABLE_H
#define MGMT_TABLE_H

#include "mgmt/output.h"

#define TABLE_COLUMNS_MAX 16

struct table_column {
	const char *title;
	bool right; /* aligned right: numbers */
	unsigned width; /* at least, in characters; the title's width counts anyway */
};

struct table {
	const struct table_column *columns;
	size_t n_columns;
	size_t widths[TABLE_COLUMNS_MAX];
	size_t filled; /* cells of the row that is being filled */
	size_t n_cells; /* collected, all rows */
	bool titled; /* the title line was written */
	struct output cells; /* each ends with a NUL byte */
};

/* `columns` is borrowed for the life of the table. */
void table_begin(struct table *table, const struct table_column *columns, size_t n_columns);
/* The next cell, row by row. */
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/*
 * Writes the title line (once) and the complete rows collected, and forgets them. Every line ends
 * without trailing spaces.
 */
void table_flush(struct table *table, struct output *out);
void table_free(struct table *table);

#endif
