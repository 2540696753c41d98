/* show routes at T: the best paths as they were, from the journal. */
#include <inttypes.h>
#include <stdlib.h>

#include "mgmt/history.h"
#include "mgmt/history_answer.h"
#include "mgmt/route.h"
#include "mgmt/show.h"
#include "mgmt/time_text.h"

struct routes_at_state {
	struct history_answer answer;
	struct request *request;
	bool block; /* text: every attribute of each path */
	bool covering; /* the longest match of an address is asked for */
	bool in_routes; /* json: the notices are over */
};

static void state_free(void *state)
{
	struct routes_at_state *routes = state;
	history_answer_end(&routes->answer);
	free(routes);
}

static void begin_routes(struct routes_at_state *routes)
{
	struct json *json = &routes->answer.json;
	if (routes->in_routes)
		return;
	routes->in_routes = true;
	json_array_end(json);
	json_key(json, "routes");
	json_array_begin_lines(json);
}

static void render(void *context, const struct journal_row *row)
{
	struct routes_at_state *routes = context;
	struct output *out = &routes->request->out;
	bool notice = history_is_notice(row);
	if (routes->request->json) {
		if (!notice)
			begin_routes(routes);
		history_json(&routes->answer.json, row);
	} else if (notice) {
		history_notice(out, row);
	} else if (routes->block) {
		history_route_block(out, row);
	} else {
		history_route_row(&routes->answer.table, row);
	}
}

/* Turns the arguments into a question. False with a fault when they contradict each other. */
static bool set_up(struct request *request, struct journal_ask *ask)
{
	const struct argument_value *values = request->line->values;
	const struct argument_value *prefix = &values[SHOW_ROUTES_PREFIX];
	const struct argument_value *match = &values[SHOW_ROUTES_MATCH];
	char time[TIME_TEXT_MAX];
	ask->question = JOURNAL_TABLE_AT;
	ask->until = values[SHOW_ROUTES_AT].time;
	if (ask->until > request->line->now) {
		request_fail(request,
			"found at %s, which is yet to come, expected a time up to now",
			time_text_format(ask->until, time));
		return false;
	}
	if (values[SHOW_ROUTES_PEER].given || values[SHOW_ROUTES_DIRECTION].given) {
		request_fail(request,
			"found peer ADDRESS or its direction, expected none with at T: the journal "
			"has the best paths of the table");
		return false;
	}
	if (!show_routes_families(request, &ask->families))
		return false;
	if (prefix->given) {
		ask->prefix = prefix->prefix;
		ask->match = prefix->bare ? JOURNAL_MATCH_COVERING : JOURNAL_MATCH_EXACT;
		if (match->given)
			ask->match = match->choice == SHOW_ROUTES_LONGER ? JOURNAL_MATCH_LONGER
									 : JOURNAL_MATCH_EXACT;
	}
	return true;
}

static bool begin(struct request *request)
{
	struct journal_ask ask = { 0 };
	char time[TIME_TEXT_MAX];
	if (!set_up(request, &ask))
		return false;
	struct routes_at_state *routes = request_state(request, sizeof *routes, state_free);
	if (routes == NULL)
		return false;
	routes->request = request;
	routes->block = ask.match == JOURNAL_MATCH_EXACT || ask.match == JOURNAL_MATCH_COVERING;
	routes->covering = ask.match == JOURNAL_MATCH_COVERING;
	table_begin(&routes->answer.table, route_columns, route_columns_count);
	if (!history_answer_begin(&routes->answer, request, &ask))
		return false;
	if (request->json) {
		struct json *json = &routes->answer.json;
		*json = json_to(&request->out);
		json_object_begin(json);
		json_key_string(json, "at", time_text_format_utc(ask.until, time));
		json_key(json, "gaps");
		json_array_begin_lines(json);
	}
	return true;
}

static void finish(struct request *request, struct routes_at_state *routes)
{
	const struct argument_value *prefix = &request->line->values[SHOW_ROUTES_PREFIX];
	struct output *out = &request->out;
	uint64_t n = routes->answer.rows;
	char text[PREFIX_TEXT_MAX], time[TIME_TEXT_MAX];
	if (request->json) {
		begin_routes(routes);
		json_array_end(&routes->answer.json);
		json_object_end(&routes->answer.json);
		output_puts(out, "\n");
		return;
	}
	time_text_format(request->line->values[SHOW_ROUTES_AT].time, time);
	if (n == 0 && prefix->given)
		output_printf(out, "no route %s %s at %s\n",
			routes->covering ? "covers" : "matches",
			prefix_format(&prefix->prefix, text), time);
	else if (n == 0)
		output_printf(out, "no routes at %s\n", time);
	else if (!routes->block)
		output_printf(out, "\n%" PRIu64 " best path%s at %s\n", n, n == 1 ? "" : "s", time);
}

bool show_routes_at(struct request *request)
{
	bool complete;
	if (request->state == NULL && !begin(request))
		return true;
	struct routes_at_state *routes = request->state;
	bool over = history_answer_run(&routes->answer, request, render, routes, &complete);
	if (complete)
		finish(request, routes);
	return over;
}
