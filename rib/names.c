/* What the enums of the RIB are called: alone, so that a program may print them without a RIB. */
#include "rib/capture.h"

const char *role_name(enum role role)
{
	static const char *const names[] = { "client", "non-client", "external" };

	return names[role];
}

const char *drop_reason_name(enum drop_reason reason)
{
	static const char *const names[] = {
		[DROP_ORIGINATOR_LOOP] = "originator-loop",
		[DROP_CLUSTER_LOOP] = "cluster-loop",
		[DROP_AS_LOOP] = "as-loop",
		[DROP_BAD_NEXT_HOP] = "bad-next-hop",
		[DROP_TREAT_AS_WITHDRAW] = "treat-as-withdraw",
		[DROP_ATTRIBUTE_DISCARD] = "attribute-discard",
		[DROP_FOREIGN_FAMILY] = "foreign-family",
	};

	return names[reason];
}

const char *best_cause_name(enum best_cause cause)
{
	static const char *const names[] = {
		[BEST_ANNOUNCED] = "announced",
		[BEST_CHANGED] = "changed",
		[BEST_WITHDRAWN] = "withdrawn",
		[BEST_REFUSED] = "refused",
		[BEST_PEER_DOWN] = "peer-down",
		[BEST_STALE_EXPIRED] = "stale-expired",
		[BEST_LONG_LIVED_STALE] = "long-lived-stale",
		[BEST_RULES] = "rules",
	};

	return names[cause];
}
