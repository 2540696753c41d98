/*
 * The log line about a malformed UPDATE: RFC 7606 section 6 wants what was wrong, the NLRI involved
 * and the entire message. It decides nothing: what the fault meant for the routes has been carried
 * out by the RIB.
 */
#ifndef RR_UPDATE_FAULT_H
#define RR_UPDATE_FAULT_H

#include "bgp/update.h"

/*
 * The text of the line, to be freed; NULL when memory is short. `body` is the UPDATE behind its
 * header, `context` how it was read.
 */
char *update_fault_text(struct span body, const struct attribute_context *context,
	const struct attribute_faults *faults);

#endif
