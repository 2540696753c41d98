#include "rr/journal_page.h"

#include <stdlib.h>
#include <string.h>

#define SPANS 8

/* What a row borrows. */
static void spans_of(struct journal_row *row, struct span *spans[SPANS])
{
	struct span *all[SPANS] = { &row->old.next_hop, &row->old.attributes, &row->new.next_hop,
		&row->new.attributes, &row->text, &row->who, &row->about, &row->hash };
	memcpy(spans, all, sizeof all);
}

static size_t aligned(size_t size)
{
	return (size + 15) / 16 * 16;
}

static size_t row_size(const struct journal_row *row)
{
	struct journal_row copy = *row;
	struct span *spans[SPANS];
	size_t size = sizeof *row;
	spans_of(&copy, spans);
	for (size_t i = 0; i < SPANS; i++)
		size += spans[i]->len;
	return aligned(size);
}

struct journal_page *journal_page_new(const struct journal_row *row)
{
	size_t size = row_size(row);
	if (size < JOURNAL_PAGE_SIZE)
		size = JOURNAL_PAGE_SIZE;
	struct journal_page *page = malloc(sizeof *page + size);
	if (page == NULL)
		return NULL;
	*page = (struct journal_page){ .size = size };
	return page;
}

bool journal_page_add(struct journal_page *page, const struct journal_row *row)
{
	size_t size = row_size(row);
	if (page->size - page->used < size)
		return false;
	struct journal_row *copy = (struct journal_row *)(page->bytes + page->used);
	uint8_t *to = (uint8_t *)(copy + 1);
	struct span *spans[SPANS];
	*copy = *row;
	spans_of(copy, spans);
	for (size_t i = 0; i < SPANS; i++) {
		/* An empty text is not the same as none. */
		if (spans[i]->bytes == NULL)
			continue;
		memcpy(to, spans[i]->bytes, spans[i]->len);
		spans[i]->bytes = to;
		to += spans[i]->len;
	}
	page->used += size;
	page->count++;
	return true;
}

const struct journal_row *journal_page_next(const struct journal_page *page, size_t *at)
{
	if (*at == page->used)
		return NULL;
	const struct journal_row *row = (const struct journal_row *)(page->bytes + *at);
	*at += row_size(row);
	return row;
}
