#include <stdlib.h>
#include <string.h>

#include "bgp/message.h"
#include "mgmt/show.h"

bool shutdown_daemon(struct request *request)
{
	const struct argument_value *value = &request->line->values[SHUTDOWN_TEXT];
	if (value->given && value->text[0] != '\0') {
		size_t len = strlen(value->text);
		/* RFC 9003 section 2: the text is UTF-8 of at most 255 bytes. */
		if (len > SHUTDOWN_TEXT_MAX)
			return request_fail(request,
				"found a text of %zu bytes, expected at most %d", len,
				SHUTDOWN_TEXT_MAX);
		if (!utf8_printable(value->text, len))
			return request_fail(request,
				"found a text that is not printable UTF-8 (RFC 9003 section 2)");
		request->after_text = strdup(value->text);
		if (request->after_text == NULL)
			return request_no_memory(request);
	}
	char who[REQUEST_WHO_MAX];
	reflector_audit(
		request->reflector, request_who(request, who), "shutdown", request->after_text);
	request->after = reflector_shutdown;
	return request_done(request, "heliostatd is shutting down");
}

/* The first line of `faults`, which is cut there. */
static const char *first_line(char *faults)
{
	faults[strcspn(faults, "\n")] = '\0';
	return faults;
}

/* What is in force was valid when it was read; the file may be another one by now. */
bool restart_daemon(struct request *request)
{
	const char *file = reflector_config(request->reflector)->file;
	char *text = NULL;
	size_t size;
	FILE *faults = open_memstream(&text, &size);
	if (faults == NULL)
		return request_no_memory(request);
	struct config *config = config_load(file, faults);
	bool valid = config != NULL;
	config_free(config);
	if (fclose(faults) != 0 || text == NULL) {
		free(text);
		return request_no_memory(request);
	}
	if (!valid)
		request_fail(request, "not restarted: the configuration is faulty: %s",
			first_line(text));
	free(text);
	if (!valid)
		return true;
	char who[REQUEST_WHO_MAX];
	reflector_audit(request->reflector, request_who(request, who), "restart", NULL);
	request->after = reflector_restart;
	return request_done(request, "heliostatd is restarting");
}
