/* The `groups` of a configuration: every key of a group, its range and its default. */
#include <stdlib.h>
#include <string.h>

#include "rr/config_read.h"
#include "rr/config_value.h"

static const char *const role_names[] = {
	[ROLE_CLIENT] = "client",
	[ROLE_NON_CLIENT] = "non-client",
	[ROLE_EXTERNAL] = "external",
};

/* What the readers of a group's keys fill. */
struct group_target {
	struct config_group *group;
	struct group_places *places;
};

static void read_role(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	struct group_target *to = target;
	unsigned role;
	if (value_choice(draft->faults, node, key, role_names, N_ELEMENTS(role_names), &role))
		to->group->role = (enum role)role;
	else
		to->places->faulty = true;
	/*
	 * RFC 4456 section 10: a reflector keeps the NEXT_HOP; RFC 4271 section 5.1.3: eBGP sets
	 * its own.
	 */
	if (to->group->role == ROLE_EXTERNAL)
		to->group->next_hop = NEXT_HOP_SELF;
}

static void read_group_as(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	struct group_target *to = target;
	if (value_as(draft->faults, node, key, &to->group->as))
		to->places->as = node->at;
	else
		to->places->faulty = true;
}

static void read_families(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	static const char *const names[] = { "ipv4-unicast", "ipv6-unicast" };
	struct group_target *to = target;
	uint8_t families = 0;
	char found[CONFIG_QUOTE_MAX];
	if (!value_is(draft->faults, node, key, CONFIG_LIST, "a list of address families"))
		return;
	for (size_t i = 0; i < node->n; i++) {
		const struct config_node *entry = node->entries[i].value;
		unsigned family;
		if (!value_choice(draft->faults, entry, key, names, N_ELEMENTS(names), &family))
			continue;
		if (families & FAMILY_BIT(family))
			config_fault(draft->faults, entry->at,
				"found the family %s again, expected it once",
				config_found(entry, found));
		families |= (uint8_t)FAMILY_BIT(family);
	}
	if (node->n == 0)
		config_fault(draft->faults, node->at,
			"found an empty list for %s, expected ipv4-unicast, ipv6-unicast or both",
			key);
	to->group->families = families;
}

static void read_dynamic(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	struct group_target *to = target;
	struct config_group *group = to->group;
	if (!value_is(draft->faults, node, key, CONFIG_LIST, "a list of prefixes"))
		return;
	group->dynamic = config_read_allocate(draft, node->n, sizeof(*group->dynamic));
	to->places->dynamic = config_read_allocate(draft, node->n, sizeof(*to->places->dynamic));
	if (!group->dynamic || !to->places->dynamic)
		return;
	for (size_t i = 0; i < node->n; i++) {
		const struct config_node *entry = node->entries[i].value;
		struct prefix *range = &group->dynamic[group->n_dynamic];
		if (!value_prefix(draft->faults, entry, key, range))
			continue;
		to->places->dynamic[group->n_dynamic++] = entry->at;
	}
}

static void read_hold_time(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	struct group_target *to = target;
	char found[CONFIG_QUOTE_MAX];
	uint32_t seconds;
	if (!value_integer(draft->faults, node, key, 0, UINT16_MAX, &seconds))
		return;
	/* RFC 4271 section 4.2: zero or at least three seconds. */
	if (seconds == 1 || seconds == 2)
		config_fault(draft->faults, node->at,
			"found %s for %s, expected 0 or 3 to 65535 seconds",
			config_found(node, found), key);
	else
		to->group->hold_time = (uint16_t)seconds;
}

static void read_connect_retry(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	struct group_target *to = target;
	uint32_t seconds;
	if (value_integer(draft->faults, node, key, 1, UINT16_MAX, &seconds))
		to->group->connect_retry = (uint16_t)seconds;
}

static void read_add_path_receive(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	struct group_target *to = target;
	value_boolean(draft->faults, node, key, &to->group->add_path_receive);
}

static void read_add_path_send(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	static const char *const names[] = { [ADD_PATH_OFF] = "off", [ADD_PATH_ALL] = "all" };
	struct group_target *to = target;
	char found[CONFIG_QUOTE_MAX];
	unsigned send;
	if (node->kind == CONFIG_SCALAR && node->text[0] &&
		(strcmp(node->text, "best") == 0 ||
			strspn(node->text, "0123456789") == strlen(node->text)))
		config_fault(draft->faults, node->at,
			"found %s for %s, which is not yet supported, expected off or all",
			config_found(node, found), key);
	else if (value_choice(draft->faults, node, key, names, N_ELEMENTS(names), &send))
		to->group->add_path_send = (enum add_path_send)send;
}

static const struct config_key add_path_keys[] = {
	{ "receive", read_add_path_receive, false, NULL },
	{ "send", read_add_path_send, false, NULL },
};

static void read_add_path(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	config_read_mapping(draft, node, key, add_path_keys, N_ELEMENTS(add_path_keys), target);
}

static void read_next_hop(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	static const char *const names[] = { [NEXT_HOP_KEEP] = "keep", [NEXT_HOP_SELF] = "self" };
	struct group_target *to = target;
	unsigned mode;
	if (value_choice(draft->faults, node, key, names, N_ELEMENTS(names), &mode)) {
		to->group->next_hop = (enum next_hop_mode)mode;
		to->places->next_hop = node->at;
	}
}

static void read_group_passive(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	struct group_target *to = target;
	value_boolean(draft->faults, node, key, &to->group->passive);
}

static void read_graceful_restart(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	struct group_target *to = target;
	value_boolean(draft->faults, node, key, &to->group->graceful_restart);
}

static void read_long_lived_family(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	struct group_target *to = target;
	enum family family = FAMILY_IPV4_UNICAST;
	family_from_name(key, &family);
	/* RFC 9494 section 3: the Long-Lived Stale Time has 24 bits. */
	if (value_duration(draft->faults, node, key, 0, (1u << 24) - 1,
		    &to->group->long_lived_time[family]))
		to->places->long_lived[family] = node->at;
}

static void read_long_lived_send(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	static const char *const names[] = { "capable", "all" };
	struct group_target *to = target;
	unsigned choice;
	if (value_choice(draft->faults, node, key, names, N_ELEMENTS(names), &choice))
		to->group->long_lived_send_all = choice == 1;
}

static const struct config_key long_lived_keys[] = {
	{ "ipv4-unicast", read_long_lived_family, false, NULL },
	{ "ipv6-unicast", read_long_lived_family, false, NULL },
	{ "send", read_long_lived_send, false, NULL },
};

static void read_long_lived(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	config_read_mapping(draft, node, key, long_lived_keys, N_ELEMENTS(long_lived_keys), target);
}

static const struct config_key group_keys[] = {
	{ "role", read_role, false, NULL }, /* before next-hop: it gives its default */
	{ "as", read_group_as, false, NULL },
	{ "families", read_families, false, NULL },
	{ "dynamic", read_dynamic, false, NULL },
	{ "hold-time", read_hold_time, false, NULL },
	{ "connect-retry", read_connect_retry, false, NULL },
	{ "passive", read_group_passive, false, NULL },
	{ "add-path", read_add_path, false, NULL },
	{ "next-hop", read_next_hop, false, NULL },
	{ "graceful-restart", read_graceful_restart, false, NULL },
	{ "long-lived-graceful-restart", read_long_lived, false, NULL },
	{ "password-file", config_read_later, false, NULL },
	{ "ttl-security", config_read_later, false, NULL },
	{ "import", config_read_later, false, NULL },
	{ "export", config_read_later, false, NULL },
	{ "max-prefixes", config_read_later, false, NULL },
};

static bool group_name_valid(const char *name)
{
	size_t len = strlen(name);
	return len >= 1 && len <= 64 &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
		       len;
}

static void read_group(struct config_draft *draft, const struct config_entry *entry)
{
	struct config *config = draft->config;
	struct group_target to = { &config->groups[config->n_groups],
		&draft->groups[config->n_groups] };
	char found[CONFIG_QUOTE_MAX], where[96];
	if (entry->key->kind != CONFIG_SCALAR)
		return;
	*to.group = (struct config_group){ .name = strdup(entry->key->text),
		.role = ROLE_CLIENT,
		.families = FAMILIES_ALL,
		.hold_time = 90,
		.connect_retry = 30,
		.graceful_restart = true,
		.next_hop = NEXT_HOP_KEEP };
	if (!to.group->name) {
		draft->faults->no_memory = true;
		return;
	}
	/* A faulty group still counts as one, so that its peers do not seem to be astray. */
	config->n_groups++;
	to.places->name = entry->key->at;
	if (!group_name_valid(to.group->name))
		config_fault(draft->faults, entry->key->at,
			"found %s as the name of a group, expected 1 to 64 letters, digits, '.', "
			"'_' or '-'",
			config_found(entry->key, found));
	snprintf(where, sizeof(where), "group %.64s", to.group->name);
	if (!config_read_mapping(draft, entry->value,
		    group_name_valid(to.group->name) ? where : "a group", group_keys,
		    N_ELEMENTS(group_keys), &to))
		to.places->faulty = true;
}

void config_read_groups(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	struct config *config = draft->config;
	(void)target;
	if (!value_is(draft->faults, node, key, CONFIG_MAPPING, "a mapping of names to groups"))
		return;
	config->groups = config_read_allocate(draft, node->n, sizeof(*config->groups));
	draft->groups = config_read_allocate(draft, node->n, sizeof(*draft->groups));
	for (size_t i = 0; config->groups && draft->groups && i < node->n; i++)
		read_group(draft, &node->entries[i]);
}
