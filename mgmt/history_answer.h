/*
 * The answer of a command that asks the journal: takes rows from a reader's thread
 * (rr/journal_reader.h) as they come and hands them to the command, a slice a call. Called by the
 * handlers of show history and show routes at; it renders nothing itself.
 */
#ifndef MGMT_HISTORY_ANSWER_H
#define MGMT_HISTORY_ANSWER_H

#include "mgmt/json.h"
#include "mgmt/request.h"
#include "mgmt/table.h"
#include "rr/journal_reader.h"

struct history_answer {
	struct journal_reader *reader;
	struct journal_page *page; /* under way; NULL: the next is to be taken */
	size_t at; /* in the page */
	struct table table; /* collected by the command, flushed once a slice */
	struct json json;
	uint64_t rows; /* that were no notices */
	uint64_t notices;
};

/* Asks. False with the command ended as failed when there is no journal to ask. */
bool history_answer_begin(
	struct history_answer *answer, struct request *request, const struct journal_ask *ask);
/*
 * Calls `render` for each row that is there until the slice is over. Returns true when the command
 * is over; `*complete` says that all rows were rendered, and not that it failed.
 */
bool history_answer_run(struct history_answer *answer, struct request *request,
	void (*render)(void *context, const struct journal_row *row), void *context,
	bool *complete);
/* Lets go of everything, also amid an answer. */
void history_answer_end(struct history_answer *answer);

/*
 * since T until T of a command; both have their widest values without. False with the command ended
 * as failed when they are the wrong way round.
 */
bool history_span(struct request *request, const struct argument_value *since,
	const struct argument_value *until, struct journal_ask *ask);
/* "since T until T" for an answer that found nothing; `text` holds HISTORY_SPAN_MAX bytes. */
#define HISTORY_SPAN_MAX 128
const char *history_span_text(
	const struct argument_value *since, const struct argument_value *until, char *text);

#endif
