#include "mgmt/show.h"

bool compact_journal(struct request *request)
{
	char fault[256], who[REQUEST_WHO_MAX];
	if (!reflector_compact_journal(request->reflector, fault, sizeof fault))
		return request_fail(request, "%s", fault);
	reflector_audit(request->reflector, request_who(request, who), "journal compact", NULL);
	return request_done(request, "the journal gives its free room back in the background: show "
				     "journal tells its size");
}
