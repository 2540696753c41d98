#include <stdio.h>

#include "mgmt/show.h"

enum { KIND_SOFT, KIND_HARD };

bool clear_peer(struct request *request)
{
	const struct argument_value *values = request->line->values;
	const struct ip_address *address = &values[CLEAR_PEER_ADDRESS].address;
	char name[IP_ADDRESS_TEXT_MAX];
	ip_address_format(address, name);

	bool soft = values[CLEAR_PEER_KIND].given && values[CLEAR_PEER_KIND].choice == KIND_SOFT;
	enum clear_result result;
	bool asked = true;
	if (soft) {
		result = reflector_clear(request->reflector, address, CLEAR_SOFT_IN);
		if (result == CLEAR_NO_ROUTE_REFRESH)
			asked = false;
		if (result == CLEAR_DONE || result == CLEAR_NO_ROUTE_REFRESH)
			result = reflector_clear(request->reflector, address, CLEAR_SOFT_OUT);
	} else {
		result = reflector_clear(request->reflector, address, CLEAR_HARD);
	}
	if (result == CLEAR_DONE || result == CLEAR_NO_ROUTE_REFRESH) {
		char who[REQUEST_WHO_MAX], detail[IP_ADDRESS_TEXT_MAX + 8];
		snprintf(detail, sizeof detail, "%s %s", name, soft ? "soft" : "hard");
		reflector_audit(
			request->reflector, request_who(request, who), "clear peer", detail);
	}
	switch (result) {
	case CLEAR_DONE: break;
	case CLEAR_NO_SUCH_PEER:
		return request_fail(request, "no such peer %s: see show peers", name);
	case CLEAR_NOT_ESTABLISHED:
		return request_fail(
			request, "peer %s is not Established: there is no session to clear", name);
	case CLEAR_NO_ROUTE_REFRESH: break; /* asked for above */
	}
	if (!asked)
		return request_fail(request,
			"peer %s has no route refresh (RFC 2918): its routes were not asked for "
			"again; ours were "
			"sent again",
			name);
	return soft ? request_done(
			      request, "peer %s: asked for its routes, sending ours again", name)
		    : request_done(request, "peer %s: session reset", name);
}
