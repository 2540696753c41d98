#include "mgmt/request.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "mgmt/json.h"
#include "mgmt/protocol.h"

uint64_t request_clock(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

bool request_may_go_on(const struct request *request, uint64_t started)
{
	return !request->out.failed && request->out.len < SLICE_BYTES &&
	       request_clock() - started < SLICE_MICROSECONDS;
}

bool request_wait(struct request *request, int fd)
{
	request->waiting = true;
	request->wait_fd = fd;
	return false;
}

const char *request_who(const struct request *request, char *who)
{
	struct passwd entry, *found = NULL;
	char buffer[1024];
	if (request->uid == (uid_t)-1)
		snprintf(who, REQUEST_WHO_MAX, "unknown");
	else if (getpwuid_r(request->uid, &entry, buffer, sizeof buffer, &found) == 0 &&
		 found != NULL)
		snprintf(who, REQUEST_WHO_MAX, "%s", found->pw_name);
	else
		snprintf(who, REQUEST_WHO_MAX, "uid %u", (unsigned)request->uid);
	return who;
}

bool request_fail(struct request *request, const char *format, ...)
{
	char line[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	output_clear(&request->fault);
	output_puts(&request->fault, line);
	request->status = MGMT_FAILED;
	return true;
}

bool request_no_memory(struct request *request)
{
	return request_fail(request, "heliostatd is out of memory: the answer is incomplete");
}

void *request_state(struct request *request, size_t size, void (*state_free)(void *state))
{
	request->state = calloc(1, size);
	request->state_free = state_free;
	if (request->state == NULL)
		request_no_memory(request);
	return request->state;
}

bool request_done(struct request *request, const char *format, ...)
{
	char line[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	if (request->json) {
		struct json json = json_to(&request->out);
		json_object_begin(&json);
		json_key_string(&json, "result", "done");
		json_key_string(&json, "message", line);
		json_object_end(&json);
		output_puts(&request->out, "\n");
	} else {
		output_printf(&request->out, "%s\n", line);
	}
	return true;
}

void request_end(struct request *request)
{
	if (request->state != NULL && request->state_free != NULL)
		request->state_free(request->state);
	request->state = NULL;
	output_free(&request->out);
	output_free(&request->fault);
}
