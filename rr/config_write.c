#include "rr/config.h"

#include <inttypes.h>
#include <string.h>

/*
 * A text in double quotes as YAML wants it. config_value.c lets no control character in, but this
 * must hold for whatever is in the structure.
 */
static void write_text(const char *text, FILE *to)
{
	fputc('"', to);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c < 0x20 || c == 0x7f)
			fprintf(to, "\\x%02x", c);
		else if (c == '"' || c == '\\')
			fprintf(to, "\\%c", c);
		else
			fputc(c, to);
	}
	fputc('"', to);
}

static void write_router(const struct config *config, FILE *to)
{
	char text[16];
	fprintf(to, "router:\n  as: %u\n", config->as);
	fprintf(to, "  id: %s\n", bgp_id_format(config->router_id, text));
	fprintf(to, "  cluster-id: %s\n", bgp_id_format(config->cluster_id, text));
	fprintf(to, "  restart-time: %us\n  on-terminate: %s\n", config->restart_time,
		config->on_terminate == TERMINATE_SHUTDOWN ? "shutdown" : "restart");
}

static void write_listen(const struct config *config, FILE *to)
{
	char text[IP_ADDRESS_TEXT_MAX];
	fprintf(to, "listen:%s\n", config->n_listen ? "" : " []");
	for (size_t i = 0; i < config->n_listen; i++)
		fprintf(to, "  - { address: \"%s\", port: %u }\n",
			ip_address_format(&config->listen[i].address, text),
			config->listen[i].port);
}

static void write_families(uint8_t families, FILE *to)
{
	const char *joint = "";
	fputs("    families: [", to);
	for (int family = 0; family < FAMILY_COUNT; family++) {
		if (!(families & FAMILY_BIT(family)))
			continue;
		fprintf(to, "%s%s", joint, family_name((enum family)family));
		joint = ", ";
	}
	fputs("]\n", to);
}

static const char *yes_no(bool yes)
{
	return yes ? "true" : "false";
}

static void write_group(const struct config_group *group, FILE *to)
{
	static const char *const roles[] = { [ROLE_CLIENT] = "client",
		[ROLE_NON_CLIENT] = "non-client",
		[ROLE_EXTERNAL] = "external" };
	char text[PREFIX_TEXT_MAX];
	fputs("  ", to);
	write_text(group->name, to);
	fprintf(to, ":\n    role: %s\n    as: %u\n", roles[group->role], group->as);
	write_families(group->families, to);
	fputs("    dynamic: [", to);
	for (size_t i = 0; i < group->n_dynamic; i++)
		fprintf(to, "%s\"%s\"", i ? ", " : "", prefix_format(&group->dynamic[i], text));
	fprintf(to, "]\n    hold-time: %u\n    connect-retry: %u\n    passive: %s\n",
		group->hold_time, group->connect_retry, yes_no(group->passive));
	fprintf(to, "    add-path: { receive: %s, send: %s }\n", yes_no(group->add_path_receive),
		group->add_path_send == ADD_PATH_ALL ? "all" : "off");
	fprintf(to, "    next-hop: %s\n", group->next_hop == NEXT_HOP_SELF ? "self" : "keep");
	fprintf(to, "    graceful-restart: %s\n    long-lived-graceful-restart: { ",
		yes_no(group->graceful_restart));
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (group->families & FAMILY_BIT(family))
			fprintf(to, "%s: %us, ", family_name(family),
				group->long_lived_time[family]);
	}
	fprintf(to, "send: %s }\n", group->long_lived_send_all ? "all" : "capable");
}

static void write_peer(const struct config_peer *peer, FILE *to)
{
	char text[IP_ADDRESS_TEXT_MAX];
	fprintf(to, "  - address: \"%s\"\n", ip_address_format(&peer->address, text));
	fputs("    group: ", to);
	write_text(peer->group->name, to);
	if (peer->description) {
		fputs("\n    description: ", to);
		write_text(peer->description, to);
	}
	fprintf(to, "\n    port: %u\n    passive: %s\n", peer->port, yes_no(peer->passive));
	if (peer->local.len)
		fprintf(to, "    local-address: \"%s\"\n", ip_address_format(&peer->local, text));
}

static void write_management(const struct config *config, FILE *to)
{
	fputs("management:\n  socket:\n    path: ", to);
	write_text(config->socket_path, to);
	if (config->socket_group) {
		fputs("\n    group: ", to);
		write_text(config->socket_group, to);
	}
	fputc('\n', to);
}

static void write_log(const struct config *config, FILE *to)
{
	static const char *const levels[] = { [LOG_ERROR] = "error",
		[LOG_WARNING] = "warning",
		[LOG_INFO] = "info",
		[LOG_DEBUG] = "debug" };
	fprintf(to, "log:\n  level: %s\n  format: %s\n", levels[config->log_level],
		config->log_format == LOG_JSON ? "json" : "text");
}

static void write_journal(const struct config *config, FILE *to)
{
	if (!config->journal_path)
		return;
	fputs("journal:\n  path: ", to);
	write_text(config->journal_path, to);
	fprintf(to, "\n  history: %us\n  max-size: %" PRIu64 "\n  restore-max-age: %us\n",
		config->journal_history, config->journal_max_size, config->journal_restore_max_age);
}

void config_write(const struct config *config, FILE *to)
{
	write_router(config, to);
	write_listen(config, to);
	fprintf(to, "groups:%s\n", config->n_groups ? "" : " {}");
	for (size_t i = 0; i < config->n_groups; i++)
		write_group(&config->groups[i], to);
	fprintf(to, "peers:%s\n", config->n_peers ? "" : " []");
	for (size_t i = 0; i < config->n_peers; i++)
		write_peer(&config->peers[i], to);
	write_management(config, to);
	write_log(config, to);
	write_journal(config, to);
}
