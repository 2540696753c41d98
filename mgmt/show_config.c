#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>

#include "mgmt/show.h"

bool show_version(struct request *request)
{
	if (request->json) {
		struct json json = json_to(&request->out);
		json_object_begin(&json);
		json_key_string(&json, "version", HELIOSTAT_VERSION);
		json_key_string(&json, "libevent", event_get_version());
		json_object_end(&json);
		output_puts(&request->out, "\n");
	} else {
		output_printf(&request->out, "heliostatd " HELIOSTAT_VERSION ", with libevent %s\n",
			event_get_version());
	}
	return true;
}

/* A copy: the configuration may be reloaded before the last piece is sent. */
struct config_state {
	char *text;
	size_t len;
	size_t at;
	struct json json;
};

static void config_state_free(void *state)
{
	struct config_state *config_state = state;
	free(config_state->text);
	free(config_state);
}

static bool copy_text(struct config_state *state, const struct config *config, bool effective)
{
	if (!effective) {
		state->text = strdup(config->text);
		state->len = state->text != NULL ? strlen(state->text) : 0;
		return state->text != NULL;
	}
	FILE *memory = open_memstream(&state->text, &state->len);
	if (memory == NULL)
		return false;
	config_write(config, memory);
	bool good = ferror(memory) == 0;
	return fclose(memory) == 0 && good;
}

static bool begin(struct request *request)
{
	struct config_state *state = request_state(request, sizeof *state, config_state_free);
	if (state == NULL)
		return false;
	const struct config *config = reflector_config(request->reflector);
	bool effective = request->line->values[SHOW_CONFIG_EFFECTIVE].given;
	if (!copy_text(state, config, effective)) {
		request_no_memory(request);
		return false;
	}
	if (request->json) {
		state->json = json_to(&request->out);
		json_object_begin(&state->json);
		json_key_string(&state->json, "file", config->file);
		json_key_bool(&state->json, "effective", effective);
		json_key(&state->json, "text");
		json_string_begin(&state->json);
	}
	return true;
}

bool show_config(struct request *request)
{
	if (request->state == NULL && !begin(request))
		return true;
	struct config_state *state = request->state;
	size_t piece = state->len - state->at;
	if (piece > SLICE_BYTES) {
		piece = SLICE_BYTES;
		/* Not within a character: the JSON writer takes whole ones. */
		for (size_t back = 0; back < 3 && (state->text[state->at + piece] & 0xC0) == 0x80;
			back++)
			piece--;
	}
	if (request->json)
		json_string_add(&state->json, state->text + state->at, piece);
	else
		output_add(&request->out, state->text + state->at, piece);
	state->at += piece;
	if (state->at < state->len)
		return false;
	if (request->json) {
		json_string_end(&state->json);
		json_object_end(&state->json);
		output_puts(&request->out, "\n");
	} else if (state->len > 0 && state->text[state->len - 1] != '\n') {
		output_puts(&request->out, "\n");
	}
	return true;
}
