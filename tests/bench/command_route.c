#include <stdlib.h>
#include <string.h>

#include "tests/bench/activity.h"
#include "tests/bench/commands.h"
#include "tests/bench/feed.h"
#include "tests/bench/session.h"

/* What announce, withdraw and churn say about prefixes. */
struct routes_options {
	struct selection selection;
	struct prefix prefix;
	uint64_t count;
	uint64_t path_id;
	bool same; /* all speakers the same prefixes */
	double rate, seconds;
	struct attribute_spec spec;
};

static bool routes_option(struct script *script, char **words, size_t n_words, size_t *at,
	struct routes_options *options)
{
	const char *value = *at + 1 < n_words ? words[*at + 1] : "";
	bool good;

	if (strcmp(words[*at], "same") == 0) {
		options->same = true;
		(*at)++;
		return true;
	}
	if (strcmp(words[*at], "count") == 0)
		good = script_number(script, value, "a count", 1, 100000000, &options->count);
	else if (strcmp(words[*at], "path-id") == 0)
		good = script_number(script, value, "a path ID", 0, UINT32_MAX, &options->path_id);
	else if (strcmp(words[*at], "rate") == 0)
		good = script_decimal(script, value, "a rate a second", &options->rate);
	else if (strcmp(words[*at], "seconds") == 0)
		good = script_decimal(script, value, "a time in seconds", &options->seconds);
	else {
		int known = attribute_spec_word(
			&options->spec, words, n_words, at, script->error, sizeof(script->error));

		if (known == 0)
			script_fail(script,
				"found \"%s\", expected an option or attribute that "
				"`help` lists",
				words[*at]);
		return known == 1;
	}
	*at += 2;
	return good;
}

static bool routes_read(
	struct script *script, char **words, size_t n_words, struct routes_options *options)
{
	*options = (struct routes_options){ .count = 1 };
	if (n_words < 2) {
		script_fail(script, "expected REF PREFIX");
		return false;
	}
	if (!script_selection(script, words[0], &options->selection))
		return false;
	if (!prefix_parse(words[1], false, &options->prefix)) {
		script_fail(script,
			"found \"%s\", expected a prefix without bits behind its length", words[1]);
		return false;
	}
	for (size_t at = 2; at < n_words;) {
		if (!routes_option(script, words, n_words, &at, options))
			return false;
	}
	return true;
}

/* The routes of one speaker. */
static bool route_each(struct bench *bench, struct speaker *speaker,
	const struct routes_options *options, uint32_t set)
{
	uint64_t first = options->same ? 0 : speaker->index * options->count;

	for (uint64_t k = 0; k < options->count; k++) {
		struct prefix prefix = prefix_plus(&options->prefix, first + k);
		uint32_t slot = table_slot(bench->table, &prefix, (uint32_t)options->path_id);

		if (slot == TABLE_NONE || !speaker_route(speaker, slot, set))
			return false;
	}
	speaker_flush(bench, speaker);
	return true;
}

enum outcome run_announce(struct script *script, char **words, size_t n_words, FILE *reply)
{
	struct bench *bench = script->bench;
	struct routes_options options;

	if (!routes_read(script, words, n_words, &options))
		return OUTCOME_FAILED;
	FOR_SELECTED(options.selection, i)
	{
		struct speaker *speaker = &options.selection.group->speakers[i];
		uint32_t set = attribute_spec_set(
			&options.spec, bench->table, speaker, (enum family)options.prefix.family);

		if (set == 0 || !route_each(bench, speaker, &options, set))
			return script_fail(script, "no memory, or attributes too long");
	}
	fprintf(reply, ",\"routes\":%llu",
		(unsigned long long)(options.count *
				     (options.selection.last - options.selection.first + 1)));
	return OUTCOME_DONE;
}

static enum outcome withdraw_all(struct script *script, const struct selection *selection)
{
	FOR_SELECTED(*selection, i)
	{
		struct speaker *speaker = &selection->group->speakers[i];

		for (uint32_t k = 0; k < speaker->n_routes; k++) {
			if (speaker->routes[k].set != 0 &&
				!speaker_route(speaker, speaker->routes[k].slot, 0))
				return script_fail(script, "no memory");
		}
		speaker_flush(script->bench, speaker);
	}
	return OUTCOME_DONE;
}

enum outcome run_withdraw(struct script *script, char **words, size_t n_words, FILE *reply)
{
	struct routes_options options;
	struct selection selection;

	(void)reply;
	if (n_words == 2 && strcmp(words[1], "all") == 0)
		return script_selection(script, words[0], &selection)
			       ? withdraw_all(script, &selection)
			       : OUTCOME_FAILED;
	if (!routes_read(script, words, n_words, &options))
		return OUTCOME_FAILED;
	FOR_SELECTED(options.selection, i)
	{
		if (!route_each(script->bench, &options.selection.group->speakers[i], &options, 0))
			return script_fail(script, "no memory");
	}
	return OUTCOME_DONE;
}

enum outcome run_churn(struct script *script, char **words, size_t n_words, FILE *reply)
{
	struct routes_options options;

	(void)reply;
	if (!routes_read(script, words, n_words, &options))
		return OUTCOME_FAILED;
	if (options.rate <= 0 || options.seconds <= 0)
		return script_fail(script, "expected rate N and seconds N");
	struct activity *activity = calloc(1, sizeof(*activity));
	if (activity == NULL)
		return script_fail(script, "no memory");
	activity->kind = ACTIVITY_CHURN;
	activity->selection = options.selection;
	activity->until = script->bench->now + (uint64_t)(options.seconds * (double)SECOND);
	activity->rate = options.rate;
	activity->prefix = options.prefix;
	activity->count = (uint32_t)options.count;
	activity->spec = options.spec;
	activity_start(script->bench, activity);
	return OUTCOME_DONE;
}

static bool feed_options(struct script *script, char **words, size_t n_words, struct feed *feed)
{
	uint64_t index;

	for (size_t at = 2; at < n_words; at += 2) {
		bool all = strcmp(words[at], "all") == 0;

		if (all || strcmp(words[at], "global-next-hops") == 0) {
			feed->all = feed->all || all;
			feed->global_next_hops = feed->global_next_hops || !all;
			at--;
			continue;
		}
		const char *value = at + 1 < n_words ? words[at + 1] : "";

		if (strcmp(words[at], "peer-index") == 0) {
			if (!script_number(script, value, "a peer index", 0, 65535, &index))
				return false;
			feed->peer_index = (int)index;
		} else if (strcmp(words[at], "peer-address") == 0) {
			if (!ip_address_parse(value, &feed->address)) {
				script_fail(script, "found \"%s\", expected an address", value);
				return false;
			}
		} else if (strcmp(words[at], "family") == 0) {
			if (!script_families(script, value, &feed->families))
				return false;
		} else {
			script_fail(script,
				"found \"%s\", expected all, global-next-hops, "
				"peer-index, peer-address or family",
				words[at]);
			return false;
		}
	}
	return true;
}

static enum outcome feed_with(struct script *script, char **words, size_t n_words, FILE *reply,
	bool (*feed_it)(struct bench *bench, const struct selection *selection, struct feed *feed))
{
	struct selection selection;

	if (n_words < 2)
		return script_fail(script, "expected REF FILE");
	struct feed feed = { .path = words[1], .peer_index = -1, .families = FAMILIES_ALL };
	if (!script_selection(script, words[0], &selection) ||
		!feed_options(script, words, n_words, &feed))
		return OUTCOME_FAILED;
	if (!feed_it(script->bench, &selection, &feed))
		return script_fail(script, "%s", feed.error);
	fprintf(reply, ",\"routes\":%llu,\"skipped\":%llu", (unsigned long long)feed.routes,
		(unsigned long long)feed.skipped);
	return OUTCOME_DONE;
}

enum outcome run_mrt(struct script *script, char **words, size_t n_words, FILE *reply)
{
	return feed_with(script, words, n_words, reply, feed_table);
}

enum outcome run_mrt_updates(struct script *script, char **words, size_t n_words, FILE *reply)
{
	return feed_with(script, words, n_words, reply, feed_updates);
}

enum outcome run_mrt_peers(struct script *script, char **words, size_t n_words, FILE *reply)
{
	char *peers = NULL;
	size_t len = 0;

	if (n_words != 1)
		return script_fail(script, "expected mrt-peers FILE");
	struct feed feed = { .path = words[0] };
	FILE *to = open_memstream(&peers, &len);
	if (to == NULL)
		return script_fail(script, "no memory");
	bool done = feed_peers(&feed, to);
	fclose(to);
	if (done)
		fprintf(reply, ",\"peers\":[%s]", peers);
	free(peers);
	return done ? OUTCOME_DONE : script_fail(script, "%s", feed.error);
}
