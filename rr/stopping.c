#include "rr/stopping.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "rr/journal.h"
#include "rr/listener.h"
#include "rr/peer.h"

#define FLUSH_US (5 * SECOND_US) /* for the journal, while the sessions are still up */
#define CLOSE_US (2 * SECOND_US) /* for the last bytes to the peers */

/* RFC 8538 section 5.1: Administrative Shutdown is for good, Administrative Reset as one wishes. */
static void close_sessions(struct reflector *reflector, uint64_t now)
{
	bool shutdown = reflector->stopping_reason == STOPPING_TO_SHUT_DOWN;

	reflector->stopping = STOPPING_CLOSE;
	reflector->stopping_deadline = now + CLOSE_US;
	for (size_t i = 0; i < reflector->peers.count; i++) {
		struct peer *peer = reflector->peers.peers[i];

		if (shutdown)
			peer_stop(peer, CEASE_ADMIN_SHUTDOWN, reflector->stopping_text, ENDING_HARD,
				false);
		else
			peer_stop(peer, CEASE_ADMIN_RESET, NULL, ENDING_RESTART, false);
	}
}

void stopping_begin(struct reflector *reflector, enum stopping_reason reason, const char *text)
{
	static const char *const what[] = {
		[STOPPING_TO_SHUT_DOWN] = "shutting down",
		[STOPPING_TO_TERMINATE] = "terminating, to be started again: peers with Graceful "
					  "Restart keep our routes",
		[STOPPING_TO_RESTART] = "restarting: peers with Graceful Restart keep our routes",
	};
	uint64_t now = monotonic_us();

	/* Somebody may want the end while a restart is under way: a service manager, a person. */
	if (reflector->stopping != STOPPING_NOT &&
		(reason == STOPPING_TO_RESTART ||
			reflector->stopping_reason != STOPPING_TO_RESTART))
		return;
	log_line(&reflector->log, LOG_INFO, "shutdown", NULL, "%s%s%s", what[reason],
		text != NULL ? ": " : "", text != NULL ? text : "");
	reflector->stopping_reason = reason;
	/* Without memory the peers are told the same without the text. */
	if (text != NULL)
		reflector->stopping_text = strdup(text);
	if (reflector->stopping != STOPPING_NOT)
		return;
	reflector->stopping = STOPPING_FLUSH;
	reflector->stopping_deadline = now + FLUSH_US;
	listeners_prune(reflector, NULL);
	/* As soon as the journal is up to date: our peers are counting from then on. */
	if (journal_flushed(reflector->journal))
		close_sessions(reflector, now);
}

void stopping_tick(struct reflector *reflector, uint64_t now)
{
	bool over = now >= reflector->stopping_deadline;

	switch (reflector->stopping) {
	case STOPPING_NOT: return;
	case STOPPING_FLUSH:
		if (journal_flushed(reflector->journal)) {
			close_sessions(reflector, now);
		} else if (over) {
			reflector->flush_failed = true;
			log_line(&reflector->log, LOG_WARNING, "shutdown", NULL,
				"the journal could not be brought up to date in time");
			close_sessions(reflector, now);
		}
		return;
	case STOPPING_CLOSE:
		/*
		 * Looked at by the tick alone, which leaves the shell that asked for it the time to
		 * read the answer.
		 */
		if (over || LIST_EMPTY(&reflector->closings))
			event_base_loopbreak(reflector->base);
		return;
	}
}
