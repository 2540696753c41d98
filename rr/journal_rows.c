/* What the journal is told one by one: sessions, configurations, who did what. */
#include <stdlib.h>
#include <string.h>

#include "rr/journal_state.h"

/* While the disk takes nothing, rows wait; more than this are lost, and counted. */
#define EVENTS_MAX	 50000
#define AUDIT_MAX	 10000
#define CONFIGS_MAX	 100
#define TEXT_WAITING_MAX (64u << 20) /* bytes of texts, of all kinds */
#define STRANGERS_MAX	 (1u << 18) /* addresses known, above which only peers are added */

/* The row of a peer, a new one if it has none; NULL when memory is short. */
static struct journal_peer_row *peer_row(struct journal *journal, const struct ip_address *address)
{
	struct journal_peer_row *row = journal_peers_find(&journal->peers, address);

	if (row != NULL)
		return row;
	row = journal_peers_add(&journal->peers, &(struct journal_peer_row){ .address = *address });
	if (row != NULL)
		journal_peers_touch(&journal->peers, row);
	return row;
}

uint32_t journal_peer_id(struct journal *journal, const struct ip_address *address)
{
	const struct journal_peer_row *row = journal != NULL ? peer_row(journal, address) : NULL;

	return row != NULL ? row->id : 0;
}

uint32_t journal_stranger_id(struct journal *journal, const struct ip_address *address)
{
	if (journal != NULL && journal->peers.count >= STRANGERS_MAX &&
		journal_peers_find(&journal->peers, address) == NULL)
		return 0;
	return journal_peer_id(journal, address);
}

void journal_peer(struct journal *journal, const struct journal_peer_row *peer)
{
	struct journal_peer_row *row = journal != NULL ? peer_row(journal, &peer->address) : NULL;
	uint32_t id;

	if (row == NULL)
		return;
	id = row->id;
	*row = *peer;
	row->id = id;
	journal_peers_touch(&journal->peers, row);
}

void journal_peer_down(struct journal *journal, const struct ip_address *address, uint8_t families)
{
	struct journal_peer_row *row = journal != NULL
					       ? journal_peers_find(&journal->peers, address)
					       : NULL;

	if (row == NULL)
		return;
	row->families = families;
	row->down_at = journal_time(journal);
	journal_peers_touch(&journal->peers, row);
}

/* A copy of `text`, which may be NULL; false when it cannot be had. */
static bool copy(struct journal *journal, const char *text, char **to)
{
	*to = NULL;
	if (text == NULL)
		return true;
	if (journal->text_waiting + strlen(text) > TEXT_WAITING_MAX)
		return false;
	*to = strdup(text);
	if (*to != NULL)
		journal->text_waiting += strlen(text);
	return *to != NULL;
}

void journal_event(struct journal *journal, const struct journal_event_row *event)
{
	struct journal_batch *batch;
	struct journal_event_row *row = NULL;
	char *text;

	if (journal == NULL)
		return;
	batch = journal_open_batch(journal);
	if (batch != NULL && batch->events.count < EVENTS_MAX &&
		copy(journal, event->text, &text)) {
		row = journal_batch_append(&batch->events);
		if (row == NULL)
			free(text);
	}
	if (row == NULL) {
		journal->rows_lost++;
		return;
	}
	*row = *event;
	row->text = text;
	if (row->time == 0)
		row->time = journal_time(journal);
	reflector_schedule(journal->reflector);
}

void journal_config(struct journal *journal, const char *text, const char *who, const char *comment)
{
	struct journal_batch *batch;
	struct journal_config_row new = { 0 }, *row = NULL;

	if (journal == NULL)
		return;
	batch = journal_open_batch(journal);
	if (batch != NULL && batch->configs.count < CONFIGS_MAX && copy(journal, text, &new.text) &&
		copy(journal, who, &new.who) && copy(journal, comment, &new.comment))
		row = journal_batch_append(&batch->configs);
	if (row == NULL) {
		free(new.text);
		free(new.who);
		free(new.comment);
		journal->rows_lost++;
		return;
	}
	new.time = journal_time(journal);
	*row = new;
	reflector_schedule(journal->reflector);
}

void journal_audit(struct journal *journal, const char *who, const char *action, const char *detail)
{
	struct journal_batch *batch;
	struct journal_audit_row new = { 0 }, *row = NULL;

	if (journal == NULL)
		return;
	batch = journal_open_batch(journal);
	if (batch != NULL && batch->audit.count < AUDIT_MAX && copy(journal, who, &new.who) &&
		copy(journal, action, &new.action) && copy(journal, detail, &new.detail))
		row = journal_batch_append(&batch->audit);
	if (row == NULL) {
		free(new.who);
		free(new.action);
		free(new.detail);
		journal->rows_lost++;
		return;
	}
	new.time = journal_time(journal);
	*row = new;
	reflector_schedule(journal->reflector);
}
