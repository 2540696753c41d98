#include "mgmt/complete.h"

#include <string.h>

struct complete_context {
	struct reflector *reflector;
	struct output *out;
	const char *begun;
};

static void add_word(void *context, const char *word, const char *words_help)
{
	struct complete_context *complete_context = context;
	output_printf(complete_context->out, "%s\t%s\n", word, words_help);
}

static void add_peer(void *context, const struct peer_view *peer)
{
	struct complete_context *complete_context = context;
	char address[IP_ADDRESS_TEXT_MAX];
	ip_address_format(&peer->address, address);
	if (strncmp(address, complete_context->begun, strlen(complete_context->begun)) == 0)
		output_printf(complete_context->out, "%s\t%s, %s\n", address, peer->group->name,
			fsm_state_name(peer->state));
}

static void add_value(void *context, const struct argument *argument, const char *begun)
{
	struct complete_context *complete_context = context;
	complete_context->begun = begun;
	if (argument->kind == ARGUMENT_ADDRESS)
		reflector_peers(complete_context->reflector, add_peer, complete_context);
	else
		output_printf(complete_context->out, "<%s>\t%s\n", argument->name, argument->help);
}

void complete(struct reflector *reflector, const struct command_table *table, const char *line,
	struct output *out)
{
	struct complete_context context = { .reflector = reflector, .out = out };
	struct completion completion = { add_word, add_value, &context };
	command_complete(table, line, &completion);
}
