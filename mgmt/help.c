#include <string.h>

#include "mgmt/show.h"
#include "mgmt/table.h"

struct help_context {
	struct json *json;
	struct table *table;
	struct output *out;
};

static void add_json(void *context, const struct command *command)
{
	struct help_context *help_context = context;
	struct json *json = help_context->json;
	struct output usage = { 0 };
	command_usage(command, &usage);
	json_object_begin(json);
	json_key_string(json, "command", command->words);
	json_key_string(json, "usage", usage.bytes);
	json_key_string(json, "help", command->help);
	json_object_end(json);
	output_free(&usage);
}

static void add_row(void *context, const struct command *command)
{
	struct help_context *help_context = context;
	table_cell(help_context->table, "  %s", command->words);
	table_cell(help_context->table, "%s", command->help);
}

static void add_detail(void *context, const struct command *command)
{
	struct help_context *help_context = context;
	struct output *out = help_context->out;
	command_usage(command, out);
	output_printf(out, "\n    %s\n", command->help);
	struct table table;
	static const struct table_column columns[] = { { .title = "" }, { .title = "" } };
	table_begin(&table, columns, 2);
	table.titled = true;
	for (size_t i = 0; i < ARGUMENTS_MAX && command->arguments[i].kind != ARGUMENT_NONE; i++) {
		struct output form = { 0 };
		argument_form(&command->arguments[i], &form);
		table_cell(&table, "    %s", form.failed ? command->arguments[i].name : form.bytes);
		table_cell(&table, "%s", command->arguments[i].help);
		output_free(&form);
	}
	if (table.n_cells > 0)
		output_puts(out, "\n");
	table_flush(&table, out);
	table_free(&table);
	if (command->detail != NULL)
		output_printf(out, "\n%s", command->detail);
}

static void count_only(void *context, const struct command *command)
{
	(void)context;
	(void)command;
}

static const char shell_help[] =
	"\n"
	"Words may be shortened as long as they are unambiguous (sho ro = show routes).\n"
	"Every show and help has a JSON form: append \"| json\", or start heliostat with --json.\n"
	"The tab key completes; \"help COMMAND\", or COMMAND followed by ?, explains one.\n"
	"exit or quit leaves the interactive shell.\n";

bool help(struct request *request)
{
	const struct argument_value *value = &request->line->values[HELP_COMMAND];
	const char *line = value->given ? value->text : "";
	size_t n = command_matching(request->table, line, count_only, NULL);
	if (n == 0)
		return request_fail(
			request, "no command begins with \"%s\": help lists them all", line);

	struct json json = json_to(&request->out);
	struct table table;
	struct help_context context = { &json, &table, &request->out };
	static const struct table_column columns[] = { { .title = "Commands:" }, { .title = "" } };
	if (request->json) {
		json_object_begin(&json);
		json_key(&json, "commands");
		json_array_begin_lines(&json);
		command_matching(request->table, line, add_json, &context);
		json_array_end(&json);
		json_object_end(&json);
		output_puts(&request->out, "\n");
	} else if (n == 1) {
		command_matching(request->table, line, add_detail, &context);
	} else {
		table_begin(&table, columns, 2);
		command_matching(request->table, line, add_row, &context);
		table_flush(&table, &request->out);
		table_free(&table);
		if (*line == '\0')
			output_puts(&request->out, shell_help);
	}
	return true;
}
