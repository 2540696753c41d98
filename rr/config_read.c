#include "rr/config_read.h"

#include <stdlib.h>
#include <string.h>

#include "rr/config_value.h"

#define LISTEN_MAX 256 /* sockets: each is compared with each */

void config_read_later(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	(void)node;
	(void)key;
	(void)draft;
	(void)target;
}

static void name_keys(const struct config_key keys[], size_t n, char *list, size_t size)
{
	size_t len = 0;
	list[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (keys[i].read == config_read_later || len >= size)
			continue;
		len += (size_t)snprintf(
			list + len, size - len, "%s%s", len ? ", " : "", keys[i].name);
	}
}

static void unknown_key(struct config_draft *draft, const struct config_node *key,
	const char *where, const struct config_key keys[], size_t n)
{
	char found[CONFIG_QUOTE_MAX], hint[CONFIG_QUOTE_MAX + 32], list[CONFIG_LIST_MAX];
	struct config_nearest nearest = { .text = key->text };
	for (size_t i = 0; i < n; i++)
		config_nearest_offer(&nearest, keys[i].name);
	name_keys(keys, n, list, sizeof(list));
	config_fault(draft->faults, key->at, "found the unknown key %s in %s, expected one of %s%s",
		config_found(key, found), where, list, config_nearest_hint(&nearest, hint));
}

static const struct config_key *find_key(
	const struct config_key keys[], size_t n, const struct config_node *key)
{
	for (size_t i = 0; key->kind == CONFIG_SCALAR && i < n; i++)
		if (strcmp(keys[i].name, key->text) == 0)
			return &keys[i];
	return NULL;
}

static void read_present(struct config_draft *draft, const struct config_entry *entry,
	const struct config_key *key, void *target)
{
	if (key->read != config_read_later)
		key->read(draft, entry->value, key->name, target);
	else
		config_fault(draft->faults, entry->key->at,
			"found the key \"%s\", which is not yet supported, expected a file without "
			"it",
			key->name);
}

bool config_read_mapping(struct config_draft *draft, const struct config_node *node,
	const char *where, const struct config_key keys[], size_t n, void *target)
{
	if (!value_is(draft->faults, node, where, CONFIG_MAPPING, "a mapping (key: value)"))
		return false;
	for (size_t i = 0; i < node->n; i++) {
		const struct config_node *key = node->entries[i].key;
		if (key->kind == CONFIG_SCALAR && !find_key(keys, n, key))
			unknown_key(draft, key, where, keys, n);
	}
	for (size_t i = 0; i < n; i++) {
		const struct config_entry *found = NULL;
		for (size_t j = 0; j < node->n && !found; j++)
			if (find_key(&keys[i], 1, node->entries[j].key))
				found = &node->entries[j];
		if (found)
			read_present(draft, found, &keys[i], target);
		else if (keys[i].required)
			config_fault(draft->faults, node->at,
				"found no key \"%s\" in %s, expected %s", keys[i].name, where,
				keys[i].expected);
	}
	return true;
}

void *config_read_allocate(struct config_draft *draft, size_t n, size_t size)
{
	void *memory = calloc(n ? n : 1, size);
	if (!memory)
		draft->faults->no_memory = true;
	return memory;
}

void config_read_path(struct config_draft *draft, const struct config_node *node, const char *key,
	size_t max, char **to)
{
	char found[CONFIG_QUOTE_MAX], *path = NULL;
	if (!value_text(draft->faults, node, key, 2, max, &path))
		return;
	if (path[0] != '/') {
		config_fault(draft->faults, node->at,
			"found %s for %s, expected an absolute path (beginning with /)",
			config_found(node, found), key);
		free(path);
		return;
	}
	free(*to);
	*to = path;
}

/* router: */

static void read_router_as(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	(void)target;
	draft->as_valid = value_as(draft->faults, node, key, &draft->config->as);
}

static void read_router_id(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	(void)target;
	if (value_bgp_id(draft->faults, node, key, &draft->config->router_id))
		draft->config->cluster_id = draft->config->router_id;
}

static void read_cluster_id(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	(void)target;
	value_bgp_id(draft->faults, node, key, &draft->config->cluster_id);
}

static void read_restart_time(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	uint32_t seconds;
	(void)target;
	/* RFC 4724 section 3: 12 bits. */
	if (value_duration(draft->faults, node, key, 1, 4095, &seconds))
		draft->config->restart_time = (uint16_t)seconds;
}

static void read_on_terminate(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	static const char *const names[] = {
		[TERMINATE_RESTART] = "restart", [TERMINATE_SHUTDOWN] = "shutdown"
	};
	unsigned choice;
	(void)target;
	if (value_choice(draft->faults, node, key, names, N_ELEMENTS(names), &choice))
		draft->config->on_terminate = (enum on_terminate)choice;
}

static const struct config_key router_keys[] = {
	{ "as", read_router_as, true, "the AS number of this reflector" },
	{ "id", read_router_id, true, "the BGP Identifier, such as 10.0.0.1" },
	{ "cluster-id", read_cluster_id, false, NULL }, /* after id, its default */
	{ "restart-time", read_restart_time, false, NULL },
	{ "on-terminate", read_on_terminate, false, NULL },
};

static void read_router(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	config_read_mapping(draft, node, key, router_keys, N_ELEMENTS(router_keys), target);
}

/* listen: */

static void read_port(
	struct config_draft *draft, const struct config_node *node, const char *key, uint16_t *port)
{
	uint32_t number;
	if (value_integer(draft->faults, node, key, 1, UINT16_MAX, &number))
		*port = (uint16_t)number;
}

static void read_listen_address(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	struct config_listen *listen = target;
	struct ip_address address;
	char found[CONFIG_QUOTE_MAX];
	if (!value_address(draft->faults, node, key, &address))
		return;
	if (address_is_multicast(&address) || address_is_link_local(&address))
		config_fault(draft->faults, node->at,
			"found %s for %s, expected a unicast address that is not link-local",
			config_found(node, found), key);
	else
		listen->address = address;
}

static void read_listen_port(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	struct config_listen *listen = target;
	uint16_t port = 0;
	read_port(draft, node, key, &port);
	listen->port = port; /* 0: faulty, not to be compared with others */
}

static const struct config_key listen_keys[] = {
	{ "address", read_listen_address, true, "the address to listen on" },
	{ "port", read_listen_port, false, NULL },
};

static void read_listen(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	struct config *config = draft->config;
	(void)target;
	if (!value_is(draft->faults, node, key, CONFIG_LIST, "a list of address and port"))
		return;
	if (node->n > LISTEN_MAX) {
		config_fault(draft->faults, node->at,
			"found %zu entries in %s, expected at most %d", node->n, key, LISTEN_MAX);
		return;
	}
	/* The default gives way only now: a faulty list is no reason to lose it. */
	struct config_listen *listen = config_read_allocate(draft, node->n, sizeof(*listen));
	draft->listen = config_read_allocate(draft, node->n, sizeof(*draft->listen));
	if (!listen || !draft->listen) {
		free(listen);
		return;
	}
	free(config->listen);
	config->listen = listen;
	config->n_listen = 0;
	for (size_t i = 0; i < node->n; i++) {
		const struct config_node *entry = node->entries[i].value;
		draft->listen[i] = entry->at;
		listen[i].port = 179;
		config_read_mapping(
			draft, entry, "listen", listen_keys, N_ELEMENTS(listen_keys), &listen[i]);
		config->n_listen++;
	}
}

/* peers: */

struct peer_target {
	struct config_peer *peer;
	struct peer_places *places;
};

static void read_unicast(struct config_draft *draft, const struct config_node *node,
	const char *key, struct ip_address *to, struct config_position *at)
{
	static const struct ip_address broadcast = { .len = 4,
		.bytes = { 0xff, 0xff, 0xff, 0xff } };
	struct ip_address address;
	char found[CONFIG_QUOTE_MAX];
	if (!value_address(draft->faults, node, key, &address))
		return;
	if (address_is_unspecified(&address) || address_is_multicast(&address) ||
		ip_address_compare(&address, &broadcast) == 0) {
		config_fault(draft->faults, node->at, "found %s for %s, expected a unicast address",
			config_found(node, found), key);
		return;
	}
	*to = address;
	*at = node->at;
}

static void read_peer_address(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	struct peer_target *to = target;
	read_unicast(draft, node, key, &to->peer->address, &to->places->address);
}

static void read_peer_local(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	struct peer_target *to = target;
	read_unicast(draft, node, key, &to->peer->local, &to->places->local);
}

static void read_peer_group(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	struct peer_target *to = target;
	to->places->group = node->at;
	if (!value_is(draft->faults, node, key, CONFIG_SCALAR, "the name of a group"))
		return;
	to->places->group_name = strdup(node->text);
	if (!to->places->group_name)
		draft->faults->no_memory = true;
}

static void read_description(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	struct peer_target *to = target;
	value_text(draft->faults, node, key, 1, 255, &to->peer->description);
}

static void read_peer_port(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	read_port(draft, node, key, &((struct peer_target *)target)->peer->port);
}

static void read_peer_passive(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	struct peer_target *to = target;
	to->places->passive_given = value_boolean(draft->faults, node, key, &to->peer->passive);
}

static const struct config_key peer_keys[] = {
	{ "address", read_peer_address, true, "the address of the peer" },
	{ "group", read_peer_group, true, "the name of a group" },
	{ "description", read_description, false, NULL },
	{ "port", read_peer_port, false, NULL },
	{ "passive", read_peer_passive, false, NULL },
	{ "local-address", read_peer_local, false, NULL },
};

static void read_peers(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	struct config *config = draft->config;
	(void)target;
	if (!value_is(draft->faults, node, key, CONFIG_LIST, "a list of peers"))
		return;
	config->peers = config_read_allocate(draft, node->n, sizeof(*config->peers));
	draft->peers = config_read_allocate(draft, node->n, sizeof(*draft->peers));
	if (!config->peers || !draft->peers)
		return;
	for (size_t i = 0; i < node->n; i++) {
		const struct config_node *entry = node->entries[i].value;
		struct peer_target to = { &config->peers[i], &draft->peers[i] };
		to.places->entry = entry->at;
		to.peer->port = 179;
		config->n_peers++;
		config_read_mapping(draft, entry, "a peer", peer_keys, N_ELEMENTS(peer_keys), &to);
	}
}

/* management: and log: */

static void read_socket_path(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	(void)target;
	/* 107: sun_path has room for 108 bytes with the NUL, see unix(7). */
	config_read_path(draft, node, key, 107, &draft->config->socket_path);
}

static void read_socket_group(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	(void)target;
	value_text(draft->faults, node, key, 1, 32, &draft->config->socket_group);
}

static const struct config_key socket_keys[] = {
	{ "path", read_socket_path, false, NULL },
	{ "group", read_socket_group, false, NULL },
};

static void read_socket(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	config_read_mapping(draft, node, key, socket_keys, N_ELEMENTS(socket_keys), target);
}

static const struct config_key management_keys[] = {
	{ "socket", read_socket, false, NULL },
	{ "http", config_read_later, false, NULL },
};

static void read_management(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	config_read_mapping(draft, node, key, management_keys, N_ELEMENTS(management_keys), target);
}

static void read_log_level(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	static const char *const names[] = { [LOG_ERROR] = "error",
		[LOG_WARNING] = "warning",
		[LOG_INFO] = "info",
		[LOG_DEBUG] = "debug" };
	unsigned level;
	(void)target;
	if (value_choice(draft->faults, node, key, names, N_ELEMENTS(names), &level))
		draft->config->log_level = (enum log_level)level;
}

static void read_log_format(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	static const char *const names[] = { [LOG_TEXT] = "text", [LOG_JSON] = "json" };
	unsigned format;
	(void)target;
	if (value_choice(draft->faults, node, key, names, N_ELEMENTS(names), &format))
		draft->config->log_format = (enum log_format)format;
}

static const struct config_key log_keys[] = {
	{ "level", read_log_level, false, NULL },
	{ "format", read_log_format, false, NULL },
};

static void read_log(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	config_read_mapping(draft, node, key, log_keys, N_ELEMENTS(log_keys), target);
}

static const struct config_key top_keys[] = {
	{ "router", read_router, true, "the mapping with the router's as and id" },
	{ "listen", read_listen, false, NULL },
	{ "groups", config_read_groups, false, NULL },
	{ "peers", read_peers, false, NULL },
	{ "management", read_management, false, NULL },
	{ "log", read_log, false, NULL },
	{ "prefix-sets", config_read_later, false, NULL },
	{ "policies", config_read_later, false, NULL },
	{ "journal", config_read_journal, false, NULL },
};

static void read_defaults(struct config_draft *draft)
{
	struct config *config = draft->config;
	config->listen = config_read_allocate(draft, 1, sizeof(*config->listen));
	config->socket_path = strdup("/run/heliostat/heliostat.sock");
	config->log_level = LOG_INFO;
	config->log_format = LOG_TEXT;
	config->restart_time = 120;
	config->on_terminate = TERMINATE_RESTART;
	config->journal_history = 7 * 86400;
	config->journal_max_size = 4ull << 30;
	config->journal_restore_max_age = 15 * 60;
	if (!config->listen || !config->socket_path) {
		draft->faults->no_memory = true;
		return;
	}
	config->listen[0] = (struct config_listen){ .address.len = 16, .port = 179 };
	config->n_listen = 1;
}

void config_read(struct config_draft *draft, const struct config_node *root)
{
	read_defaults(draft);
	if (draft->faults->no_memory)
		return;
	config_read_mapping(draft, root, "the configuration", top_keys, N_ELEMENTS(top_keys), NULL);
}

void config_draft_free(struct config_draft *draft)
{
	for (size_t i = 0; draft->groups && i < draft->config->n_groups; i++)
		free(draft->groups[i].dynamic);
	free(draft->groups);
	for (size_t i = 0; draft->peers && i < draft->config->n_peers; i++)
		free(draft->peers[i].group_name);
	free(draft->peers);
	free(draft->listen);
}
