/*
 * The handlers behind the rows of the command table, one file each, and where each finds its
 * arguments. Only commands.c names them; the server calls them through the table. They read the
 * reflector through its views and never change it, but for clear, shutdown and restart, which ask
 * it to act.
 */
#ifndef MGMT_SHOW_H
#define MGMT_SHOW_H

#include "mgmt/json.h"
#include "mgmt/request.h"

enum { SHOW_PEERS_ADDRESS };
enum { SHOW_CONFIG_EFFECTIVE };
enum {
	SHOW_ROUTES_PREFIX,
	SHOW_ROUTES_MATCH,
	SHOW_ROUTES_PEER,
	SHOW_ROUTES_DIRECTION,
	SHOW_ROUTES_FAMILY,
	SHOW_ROUTES_AT
};
enum { SHOW_ROUTES_LONGER, SHOW_ROUTES_EXACT }; /* choices of SHOW_ROUTES_MATCH */
enum {
	SHOW_HISTORY_PREFIX = 0,
	SHOW_HISTORY_PEER = 0,
	SHOW_HISTORY_SINCE,
	SHOW_HISTORY_UNTIL,
	SHOW_HISTORY_LIMIT
};
enum { SHOW_HISTORY_GAPS_SINCE, SHOW_HISTORY_GAPS_UNTIL };
enum { CLEAR_PEER_ADDRESS, CLEAR_PEER_KIND };
enum { SHUTDOWN_TEXT };
enum { HELP_COMMAND };

bool show_summary(struct request *request);
bool show_peers(struct request *request);
bool show_groups(struct request *request);
bool show_routes(struct request *request);
bool show_history_prefix(struct request *request);
bool show_history_peer(struct request *request);
bool show_history_gaps(struct request *request);
bool show_journal(struct request *request);
bool show_health(struct request *request);
bool show_version(struct request *request);
bool show_config(struct request *request);
bool clear_peer(struct request *request);
bool compact_journal(struct request *request);
bool shutdown_daemon(struct request *request);
bool restart_daemon(struct request *request);
bool help(struct request *request);

/* The table of all commands (commands.c). */
const struct command_table *mgmt_commands(void);

/* Shared between show_summary.c and show_peers.c: the peers as a table, a slice a call. */
struct peer_list;
/* NULL when memory is short. */
struct peer_list *peer_list_new(struct reflector *reflector);
/* Renders the next peers; true when all are done. */
bool peer_list_render(struct peer_list *list, struct request *request);
void peer_list_free(void *list);

/* show_routes_at.c: show routes when a time is given. */
bool show_routes_at(struct request *request);
/*
 * show_routes.c: the families that are asked for. False with the command ended as failed when the
 * arguments contradict each other.
 */
bool show_routes_families(struct request *request, uint8_t *families);

/* show_peer.c: one peer in full. */
void peer_detail_text(struct output *out, const struct peer_view *peer);
void peer_detail_json(struct json *json, const struct peer_view *peer);

/* The counts of `peer`; all zero when it is not established and has no paths left. */
void peer_counts(const struct peer_view *peer, struct rib_peer_counts *counts);

#endif
