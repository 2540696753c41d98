#include "mgmt/history_answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mgmt/history.h"
#include "mgmt/time_text.h"

#define ROWS_AT_ONCE 8 /* between two looks at the clock */

bool history_answer_begin(
	struct history_answer *answer, struct request *request, const struct journal_ask *ask)
{
	char fault[256];
	answer->reader = reflector_ask_journal(request->reflector, ask, fault, sizeof fault);
	if (answer->reader == NULL)
		request_fail(request, "%s", fault);
	return answer->reader != NULL;
}

/* Takes the next page. False when the call is over; then `*over` says whether the command is. */
static bool next_page(
	struct history_answer *answer, struct request *request, bool *over, bool *complete)
{
	switch (journal_reader_take(answer->reader, &answer->page)) {
	case JOURNAL_TAKEN_PAGE: answer->at = 0; return true;
	case JOURNAL_TAKEN_WAIT:
		*over = request_wait(request, journal_reader_fd(answer->reader));
		return false;
	case JOURNAL_TAKEN_END: *complete = true; break;
	case JOURNAL_TAKEN_FAULT:
		request_fail(request, "%s", journal_reader_fault(answer->reader));
		break;
	}
	*over = true;
	return false;
}

bool history_answer_run(struct history_answer *answer, struct request *request,
	void (*render)(void *context, const struct journal_row *row), void *context, bool *complete)
{
	uint64_t started = request_clock();
	bool over = false;
	unsigned n = 0;
	*complete = false;
	for (;;) {
		if (answer->page == NULL && !next_page(answer, request, &over, complete))
			break;
		const struct journal_row *row = journal_page_next(answer->page, &answer->at);
		if (row == NULL) {
			free(answer->page);
			answer->page = NULL;
			continue;
		}
		render(context, row);
		if (history_is_notice(row))
			answer->notices++;
		else
			answer->rows++;
		/* A path with 64 KiB of attributes is rendered in milliseconds. */
		bool big = row->new.attributes.len > 4096 || row->text.len > 4096;
		if ((big || ++n % ROWS_AT_ONCE == 0) &&
			(!request_may_go_on(request, started) ||
				answer->table.cells.len > SLICE_BYTES))
			break;
	}
	if (!request->json && answer->table.n_cells > 0)
		table_flush(&answer->table, &request->out);
	return over;
}

void history_answer_end(struct history_answer *answer)
{
	if (answer->reader != NULL)
		journal_reader_end(answer->reader);
	free(answer->page);
	table_free(&answer->table);
}

bool history_span(struct request *request, const struct argument_value *since,
	const struct argument_value *until, struct journal_ask *ask)
{
	char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
	ask->since = since->given ? since->time : 0;
	ask->until = until->given ? until->time : UINT64_MAX;
	if (ask->since <= ask->until)
		return true;
	request_fail(request,
		"found since %s, which is later than until %s, expected an earlier time",
		time_text_format(ask->since, from), time_text_format(ask->until, to));
	return false;
}

const char *history_span_text(
	const struct argument_value *since, const struct argument_value *until, char *text)
{
	char time[TIME_TEXT_MAX];
	size_t len = 0;
	text[0] = '\0';
	if (since->given)
		len = (size_t)snprintf(
			text, HISTORY_SPAN_MAX, " since %s", time_text_format(since->time, time));
	if (until->given)
		snprintf(text + len, HISTORY_SPAN_MAX - len, " until %s",
			time_text_format(until->time, time));
	return text;
}
