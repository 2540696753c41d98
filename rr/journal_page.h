/*
 * Rows of the journal (journal_query.h) on their way from a reader's thread to the loop: packed
 * into pages with all that they point to. A page is filled by one thread and then read by another;
 * it knows neither.
 */
#ifndef RR_JOURNAL_PAGE_H
#define RR_JOURNAL_PAGE_H

#include "rr/journal_query.h"

#define JOURNAL_PAGE_SIZE (64u << 10)

struct journal_page {
	struct journal_page *next; /* for its owner */
	size_t size; /* of `bytes` */
	size_t used;
	size_t count; /* rows */
	_Alignas(16) uint8_t bytes[];
};

/*
 * Room for `row` and more like it: JOURNAL_PAGE_SIZE, or as much as `row` alone needs. NULL when
 * memory is short.
 */
struct journal_page *journal_page_new(const struct journal_row *row);
/* Copies the row and what it borrows; false when it does not fit any more. */
bool journal_page_add(struct journal_page *page, const struct journal_row *row);
/*
 * The row at `*at` (0 at first), which is advanced to the next; NULL behind the last one. Valid as
 * long as the page is.
 */
const struct journal_row *journal_page_next(const struct journal_page *page, size_t *at);

#endif
