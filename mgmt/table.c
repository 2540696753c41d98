#include "mgmt/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Characters, not bytes: group names and descriptions may hold UTF-8. */
static size_t display_width(const char *cell)
{
	size_t width = 0;
	for (; *cell != '\0'; cell++)
		width += ((unsigned char)*cell & 0xC0) != 0x80;
	return width;
}

void table_begin(struct table *table, const struct table_column *columns, size_t n_columns)
{
	assert(n_columns <= TABLE_COLUMNS_MAX);
	*table = (struct table){ .columns = columns, .n_columns = n_columns };
	for (size_t i = 0; i < n_columns; i++) {
		size_t title = display_width(columns[i].title);
		table->widths[i] = title > columns[i].width ? title : columns[i].width;
	}
}

void table_cell(struct table *table, const char *format, ...)
{
	char cell[1024];
	va_list arguments;
	va_start(arguments, format);
	int len = vsnprintf(cell, sizeof cell, format, arguments);
	if (len >= 0 && (size_t)len < sizeof cell) {
		output_add(&table->cells, cell, (size_t)len + 1);
	} else if (len >= 0) {
		/* A very long AS path: format it in place. */
		va_list again;
		va_start(again, format);
		char *to = output_reserve(&table->cells, (size_t)len + 1);
		if (to != NULL) {
			vsnprintf(to, (size_t)len + 1, format, again);
			output_grown(&table->cells, (size_t)len + 1);
		}
		va_end(again);
	}
	va_end(arguments);
	table->n_cells++;
	table->filled = (table->filled + 1) % table->n_columns;
}

static void write_cell(const struct table *table, size_t column, const char *cell, size_t *owed,
	struct output *out)
{
	size_t width = display_width(cell);
	size_t pad = width < table->widths[column] ? table->widths[column] - width : 0;
	bool right = table->columns[column].right;
	/* Spaces are owed until something visible follows, so that no line has trailing ones. */
	if (right)
		*owed += pad;
	if (width > 0) {
		output_spaces(out, *owed);
		*owed = 0;
		output_puts(out, cell);
	}
	if (!right)
		*owed += pad;
	*owed += 2;
}

void table_flush(struct table *table, struct output *out)
{
	assert(table->filled == 0);
	if (table->cells.failed) {
		out->failed = true;
		return;
	}
	const char *cell = table->cells.bytes;
	for (size_t i = 0; i < table->n_cells; i++, cell += strlen(cell) + 1) {
		size_t width = display_width(cell);
		size_t column = i % table->n_columns;
		/* The last column needs no width: nothing stands behind it. */
		if (column + 1 < table->n_columns && width > table->widths[column])
			table->widths[column] = width;
	}
	size_t owed = 0;
	if (!table->titled) {
		for (size_t i = 0; i < table->n_columns; i++)
			write_cell(table, i, table->columns[i].title, &owed, out);
		output_puts(out, "\n");
		table->titled = true;
	}
	cell = table->cells.bytes;
	for (size_t i = 0; i < table->n_cells; i++, cell += strlen(cell) + 1) {
		size_t column = i % table->n_columns;
		if (column == 0)
			owed = 0;
		write_cell(table, column, cell, &owed, out);
		if (column + 1 == table->n_columns)
			output_puts(out, "\n");
	}
	table->n_cells = 0;
	output_clear(&table->cells);
}

void table_free(struct table *table)
{
	output_free(&table->cells);
}
