#include <inttypes.h>
#include <stdlib.h>

#include "mgmt/history.h"
#include "mgmt/history_answer.h"
#include "mgmt/show.h"

struct history_state {
	struct history_answer answer;
	struct request *request;
};

static void state_free(void *state)
{
	struct history_state *history = state;
	history_answer_end(&history->answer);
	free(history);
}

static void render(void *context, const struct journal_row *row)
{
	struct history_state *history = context;
	struct history_answer *answer = &history->answer;
	if (history->request->json) {
		history_json(&answer->json, row);
	} else if (history_is_notice(row)) {
		/* In its place among the rows. */
		if (answer->table.n_cells > 0)
			table_flush(&answer->table, &history->request->out);
		history_notice(&history->request->out, row);
	} else if (row->kind == JOURNAL_ROW_EVENT) {
		history_event_row(&answer->table, row);
	} else {
		history_change_rows(&answer->table, row);
	}
}

/* Asks, and writes what stands before the rows; `array` is the key that they stand under. */
static bool begin(struct request *request, const struct journal_ask *ask, const char *array)
{
	struct history_state *history = request_state(request, sizeof *history, state_free);
	if (history == NULL)
		return false;
	history->request = request;
	if (ask->question == JOURNAL_PEER_HISTORY)
		table_begin(
			&history->answer.table, history_event_columns, history_event_columns_count);
	else
		table_begin(&history->answer.table, history_change_columns,
			history_change_columns_count);
	if (!history_answer_begin(&history->answer, request, ask))
		return false;
	if (request->json) {
		history->answer.json = json_to(&request->out);
		json_object_begin(&history->answer.json);
		json_key(&history->answer.json, array);
		json_array_begin_lines(&history->answer.json);
	}
	return true;
}

struct outcome {
	bool complete; /* the answer is whole, and in text something may follow it */
	uint64_t found; /* rows of the answer */
};

/* The next slice of the answer to `ask` within the span. True when the command is over. */
static bool answer(struct request *request, struct journal_ask *ask, const char *array,
	const struct argument_value *since, const struct argument_value *until,
	struct outcome *outcome)
{
	*outcome = (struct outcome){ 0 };
	if (request->state == NULL &&
		(!history_span(request, since, until, ask) || !begin(request, ask, array)))
		return true;
	struct history_state *history = request->state;
	bool over = history_answer_run(
		&history->answer, request, render, history, &outcome->complete);
	outcome->found = history->answer.rows;
	if (outcome->complete && request->json) {
		json_array_end(&history->answer.json);
		json_object_end(&history->answer.json);
		output_puts(&request->out, "\n");
		outcome->complete = false;
	}
	return over;
}

bool show_history_prefix(struct request *request)
{
	const struct argument_value *values = request->line->values;
	const struct argument_value *prefix = &values[SHOW_HISTORY_PREFIX];
	const struct argument_value *since = &values[SHOW_HISTORY_SINCE];
	const struct argument_value *until = &values[SHOW_HISTORY_UNTIL];
	struct journal_ask ask = {
		.question = JOURNAL_PREFIX_HISTORY,
		.prefix = prefix->prefix,
		.match = prefix->bare ? JOURNAL_MATCH_COVERING : JOURNAL_MATCH_EXACT,
		.limit = values[SHOW_HISTORY_LIMIT].number,
	};
	struct outcome outcome;
	bool over = answer(request, &ask, "history", since, until, &outcome);
	char text[PREFIX_TEXT_MAX], span[HISTORY_SPAN_MAX];
	if (outcome.complete && outcome.found == 0)
		output_printf(&request->out, "no change of the best path of %s%s\n",
			prefix_format(&prefix->prefix, text),
			history_span_text(since, until, span));
	else if (outcome.complete)
		output_printf(&request->out,
			"\n%" PRIu64 " change%s; - the old best path, + the new\n", outcome.found,
			outcome.found == 1 ? "" : "s");
	return over;
}

bool show_history_peer(struct request *request)
{
	const struct argument_value *values = request->line->values;
	const struct argument_value *since = &values[SHOW_HISTORY_SINCE];
	const struct argument_value *until = &values[SHOW_HISTORY_UNTIL];
	const struct ip_address *peer = &values[SHOW_HISTORY_PEER].address;
	struct journal_ask ask = {
		.question = JOURNAL_PEER_HISTORY,
		.peer = *peer,
		.limit = values[SHOW_HISTORY_LIMIT].number,
	};
	struct outcome outcome;
	bool over = answer(request, &ask, "history", since, until, &outcome);
	char text[IP_ADDRESS_TEXT_MAX], span[HISTORY_SPAN_MAX];
	if (outcome.complete && outcome.found == 0)
		output_printf(&request->out, "no event of peer %s%s\n",
			ip_address_format(peer, text), history_span_text(since, until, span));
	return over;
}

bool show_history_gaps(struct request *request)
{
	const struct argument_value *values = request->line->values;
	const struct argument_value *since = &values[SHOW_HISTORY_GAPS_SINCE];
	const struct argument_value *until = &values[SHOW_HISTORY_GAPS_UNTIL];
	struct journal_ask ask = { .question = JOURNAL_GAPS };
	struct outcome outcome;
	bool over = answer(request, &ask, "gaps", since, until, &outcome);
	const struct history_state *history = request->state;
	char span[HISTORY_SPAN_MAX];
	if (outcome.complete && history->answer.notices == 0)
		output_printf(&request->out, "no gap and no start%s\n",
			history_span_text(since, until, span));
	return over;
}
