#include "rr/reload.h"

#include <stdlib.h>
#include <string.h>

#include "rr/journal.h"
#include "rr/listener.h"
#include "rr/peer.h"

/* What a change of settings asks of a peer, mildest first. */
enum change { CHANGE_NONE, CHANGE_MOVE, CHANGE_RESET };

/*
 * Settings that the OPEN or the connection depends on need a new session; those that only shape
 * UPDATEs do not.
 */
static enum change compare_groups(const struct config_group *old, const struct config_group *new)
{
	if (old->as != new->as || old->families != new->families ||
		old->hold_time != new->hold_time ||
		old->add_path_receive != new->add_path_receive ||
		old->add_path_send != new->add_path_send ||
		old->graceful_restart != new->graceful_restart ||
		memcmp(old->long_lived_time, new->long_lived_time, sizeof old->long_lived_time))
		return CHANGE_RESET;
	/*
	 * Between an internal and an external role the AS differs, or the routes of the session
	 * mean something else.
	 */
	if ((old->role == ROLE_EXTERNAL) != (new->role == ROLE_EXTERNAL))
		return CHANGE_RESET;
	if (old->role != new->role || old->next_hop != new->next_hop ||
		old->long_lived_send_all != new->long_lived_send_all)
		return CHANGE_MOVE;
	return CHANGE_NONE;
}

static enum change compare_peers(const struct config_peer *old, const struct config_peer *new)
{
	if (old->port != new->port || ip_address_compare(&old->local, &new->local) != 0)
		return CHANGE_RESET;
	return CHANGE_NONE;
}

static void move_peer(struct peer *peer)
{
	struct session *session = peer_established(peer);
	struct rib_peer_parameters parameters;
	struct log_subject subject = peer_subject(peer);
	struct bgp_error error;

	if (session == NULL)
		return;
	session_rib_parameters(session, &parameters);
	if (rib_peer_move(peer->reflector->rib, session->rib_peer, &parameters)) {
		peer->graceful_restart.parameters = parameters;
		peer->graceful_restart.parameters.session = NULL;
		log_line(&peer->reflector->log, LOG_INFO, "peer-moved", &subject,
			"settings changed without a new session: role %s, next-hop %s",
			role_name(peer->group->role),
			peer->group->next_hop == NEXT_HOP_SELF ? "self" : "keep");
		reflector_schedule(peer->reflector);
		return;
	}
	cease_set(&error, CEASE_OUT_OF_RESOURCES, NULL, "no memory to change the peer's settings");
	session_event(
		session, FSM_EVENT_AUTOMATIC_STOP, &(struct session_cause){ .error = &error });
}

/* Passive or not is a matter of the next connection: the FSM rests in another state. */
static void rest_anew(struct peer *peer)
{
	if (peer->own == NULL || peer->own->state >= FSM_OPEN_SENT ||
		peer_established(peer) != NULL)
		return;
	session_event(peer->own, FSM_EVENT_MANUAL_STOP, NULL);
	peer_start(peer);
}

/* The settings that `peer` has in `config`; false when it has none there. */
static bool settings_in(const struct peer *peer, const struct config *config,
	const struct config_peer **config_peer, const struct config_group **group)
{
	const struct prefix *range;

	*config_peer = config_peer_find(config, &peer->address);
	*group = *config_peer != NULL ? (*config_peer)->group
				      : config_group_for_address(config, &peer->address, &range);
	return *group != NULL;
}

/* Peers that stay. `least` is what settings of the whole router ask of every one of them. */
static void update_peer(struct peer *peer, const struct config_peer *config_peer,
	const struct config_group *group, enum change least)
{
	enum change change = compare_groups(peer->group, group);
	const struct config_peer *old = peer->config;
	bool passive_changed = false;

	change = least > change ? least : change;
	if (old != NULL && config_peer != NULL) {
		enum change of_peer = compare_peers(old, config_peer);

		change = of_peer > change ? of_peer : change;
		passive_changed = old->passive != config_peer->passive;
	}
	/* What the peer's routes mean, or whose they are, is another matter then: none is kept. */
	bool another = peer->group->as != group->as || !group->graceful_restart ||
		       (peer->group->role == ROLE_EXTERNAL) != (group->role == ROLE_EXTERNAL);

	if (change == CHANGE_RESET)
		peer_stop(peer, CEASE_CONFIG_CHANGE, NULL, another ? ENDING_HARD : ENDING_GRACEFUL,
			false);
	peer->group = group;
	peer->config = config_peer;
	if (change != CHANGE_NONE)
		graceful_restart_regroup(peer);
	if (change == CHANGE_RESET)
		peer_start(peer);
	else if (change == CHANGE_MOVE)
		move_peer(peer);
	if (passive_changed && change != CHANGE_RESET)
		rest_anew(peer);
}

/*
 * A peer that becomes configured or dynamic keeps its incoming session; its own FSM comes or goes.
 * False: memory.
 */
static bool change_kind(struct peer *peer, const struct config_peer *config_peer)
{
	if (config_peer != NULL && peer->own == NULL) {
		peer->own = session_new(peer, false);
		return peer->own != NULL;
	}
	if (config_peer == NULL && peer->own != NULL) {
		peer->leaving = true;
		session_stop(peer->own, CEASE_CONFIG_CHANGE, NULL, ENDING_GRACEFUL);
		peer->leaving = false;
		session_free(peer->own);
		peer->own = NULL;
		peer->down_since = peer->incoming != NULL ? 0 : monotonic_us();
	}
	return true;
}

static void remove_peer(struct reflector *reflector, struct peer *peer)
{
	struct log_subject subject = peer_subject(peer);

	peer->leaving = true;
	log_line(&reflector->log, LOG_INFO, "peer-removed", &subject,
		"no longer in the configuration");
	peer_stop(peer, CEASE_PEER_DECONFIGURED, NULL, ENDING_HARD, false);
	peers_remove(&reflector->peers, peer);
}

static void update_existing(
	struct reflector *reflector, const struct config *config, enum change least)
{
	for (size_t i = 0; i < reflector->peers.count;) {
		struct peer *peer = reflector->peers.peers[i];
		const struct config_peer *config_peer;
		const struct config_group *group;

		if (!settings_in(peer, config, &config_peer, &group) ||
			!change_kind(peer, config_peer)) {
			remove_peer(reflector, peer);
			continue;
		}
		bool configured_now = peer->config == NULL && config_peer != NULL;

		update_peer(peer, config_peer, group, least);
		if (configured_now && peer_established(peer) == NULL &&
			peer->own->state == FSM_IDLE)
			peer_start(peer);
		i++;
	}
}

static void add_new(struct reflector *reflector)
{
	const struct config *config = reflector->config;

	for (size_t i = 0; i < config->n_peers; i++) {
		const struct config_peer *config_peer = &config->peers[i];
		struct peer *peer;

		if (peers_find(&reflector->peers, &config_peer->address) != NULL)
			continue;
		peer = peer_new(reflector, &config_peer->address, config_peer->group, config_peer);
		if (peer == NULL || !peers_add(&reflector->peers, peer)) {
			struct log_subject subject = { .peer = &config_peer->address };

			log_line(&reflector->log, LOG_ERROR, "peer-failed", &subject,
				"no memory for the peer");
			if (peer != NULL)
				peer_free(peer);
			continue;
		}
		peer_start(peer);
	}
}

/*
 * AS, BGP Identifier and cluster ID are in what every peer was sent: an empty RIB is the plain way
 * to new ones.
 */
static void replace_rib(struct reflector *reflector, struct rib *rib)
{
	log_line(&reflector->log, LOG_WARNING, "reload", NULL,
		"router as, id or cluster-id changed: all sessions are reset");
	for (size_t i = 0; i < reflector->peers.count; i++)
		peer_stop(reflector->peers.peers[i], CEASE_CONFIG_CHANGE, NULL, ENDING_HARD, false);
	graceful_restart_period_cancel(reflector);
	journal_replace_rib(reflector->journal, rib);
	rib_retire(&reflector->retired, reflector->rib);
	reflector->rib = rib;
	reflector_schedule(reflector);
}

static bool change_listeners(struct reflector *reflector, const struct config *config)
{
	char fault[256], ignored[256];

	/* What goes may be in the way of what comes: "::" holds the port of 0.0.0.0 as well. */
	listeners_prune(reflector, config);
	if (listeners_open(reflector, config, fault, sizeof fault))
		return true;
	log_line(&reflector->log, LOG_ERROR, "reload-failed", NULL,
		"%s; the old configuration stays", fault);
	if (!listeners_open(reflector, reflector->config, ignored, sizeof ignored))
		log_line(&reflector->log, LOG_ERROR, "reload-failed", NULL, "%s", ignored);
	return false;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* What needs privileges or a socket that shells hang on is not changed under way. */
static void warn_of_restart(
	const struct reflector *reflector, const struct config *old, const struct config *new)
{
	if (!same_text(old->socket_path, new->socket_path) ||
		!same_text(old->socket_group, new->socket_group))
		log_line(&reflector->log, LOG_WARNING, "reload", NULL,
			"management socket settings changed: they take effect at the next start");
	if (!same_text(old->journal_path, new->journal_path))
		log_line(&reflector->log, LOG_WARNING, "reload", NULL,
			"journal.path changed: it takes effect at the next start");
}

bool reload_apply(struct reflector *reflector, struct config *config)
{
	struct config *old = reflector->config;
	bool all = old->as != config->as || old->router_id != config->router_id ||
		   old->cluster_id != config->cluster_id;
	/* What is ours in the OPEN needs new sessions; RFC 9494 section 4.3 decides who is sent
	 * what. */
	enum change least = all ? CHANGE_RESET
			    : graceful_restart_offers_long_lived(old) !=
					    graceful_restart_offers_long_lived(config)
				    ? CHANGE_MOVE
				    : CHANGE_NONE;
	struct rib *rib = NULL;

	/* First what can fail. */
	if (all)
		rib = reflector_rib_new(reflector, config);
	if (rib != NULL && !journal_prepare_rib(reflector->journal, rib)) {
		rib_free(rib);
		rib = NULL;
	}
	if (all && rib == NULL)
		log_line(&reflector->log, LOG_ERROR, "reload-failed", NULL,
			"no memory for a new RIB; the old configuration stays");
	if ((all && rib == NULL) || !change_listeners(reflector, config)) {
		if (rib != NULL)
			rib_free(rib);
		config_free(config);
		return false;
	}
	reflector->log.level = config->log_level;
	reflector->log.format = config->log_format;
	warn_of_restart(reflector, old, config);
	if (all)
		replace_rib(reflector, rib);
	/*
	 * The sessions' OPENs read the configuration in force, so it changes before the peers do;
	 * the old one is still alive.
	 */
	reflector->config = config;
	journal_settings(reflector->journal, config);
	update_existing(reflector, config, least);
	add_new(reflector);
	config_free(old);
	reflector->reloads++;
	return true;
}
