/*
 * Questions to the journal that run beside the event loop: each on a thread of its own with a
 * connection of its own, a few at once. The loop asks, is woken through a descriptor when rows are
 * there, takes them a page at a time, and may lose interest at any moment; no call of it waits for
 * the disk. Owned by the reflector; mgmt/'s commands ask. A thread stops reading while a few pages
 * wait for the loop, and holds no snapshot of the file meanwhile.
 */
#ifndef RR_JOURNAL_READER_H
#define RR_JOURNAL_READER_H

#include "rr/journal_page.h"

struct journal_readers; /* all of them */
struct journal_reader; /* one */

#define JOURNAL_READERS_MAX 4 /* questions at once */
#define JOURNAL_PAGES_MAX   4 /* that wait for the loop, a question */

/* NULL when memory is short. */
struct journal_readers *journal_readers_new(void);
/*
 * Every question must have ended. Waits up to `most_us` for threads that are still about to notice;
 * one that hangs in the disk is left behind, with what it uses. NULL is allowed.
 */
void journal_readers_free(struct journal_readers *readers, uint64_t most_us);

/*
 * Asks the file at `path`. NULL with one line in `text` when there are too many questions already,
 * or no memory or thread.
 */
struct journal_reader *journal_reader_begin(struct journal_readers *readers, const char *path,
	const struct journal_ask *ask, char *text, size_t size);
/* Readable when journal_reader_take has more to say than WAIT. Closed by journal_reader_end. */
int journal_reader_fd(const struct journal_reader *reader);

enum journal_taken {
	JOURNAL_TAKEN_PAGE, /* *page is the caller's, to be freed with free() */
	JOURNAL_TAKEN_WAIT, /* nothing yet */
	JOURNAL_TAKEN_END, /* that was all */
	JOURNAL_TAKEN_FAULT, /* journal_reader_fault says why */
};
enum journal_taken journal_reader_take(struct journal_reader *reader, struct journal_page **page);
/* One line; valid until journal_reader_end. */
const char *journal_reader_fault(const struct journal_reader *reader);
/* The answer is complete, or nobody wants it any more: then the thread is told to stop. */
void journal_reader_end(struct journal_reader *reader);

#endif
