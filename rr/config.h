/*
 * The configuration: YAML (libyaml) to one immutable, checked structure. Parses, checks and
 * compares; it opens no socket and changes no state. Every fault names file, line, column, what was
 * found, what was expected and, for a misspelt key or name, the nearest valid one. A configuration
 * is accepted as a whole or not at all.
 */
#ifndef RR_CONFIG_H
#define RR_CONFIG_H

#include <stdio.h>

#include "bgp/types.h"
#include "rib/rib.h"

struct config_listen {
	struct ip_address address; /* "::" listens for IPv6 and IPv4 (dual-stack socket) */
	uint16_t port;
};

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

/* What SIGTERM means: coming back soon, so that peers keep our routes, or not. */
enum on_terminate { TERMINATE_RESTART, TERMINATE_SHUTDOWN };

struct config_group {
	char *name;
	enum role role; /* rib/rib.h: ROLE_CLIENT, ROLE_NON_CLIENT, ROLE_EXTERNAL */
	uint32_t as; /* the peers' AS */
	uint8_t families; /* FAMILY_BIT; default both */
	struct prefix *dynamic; /* peers from these ranges are accepted, passively */
	size_t n_dynamic;
	uint16_t hold_time; /* seconds, 0 or 3..65535; default 90 */
	uint16_t connect_retry; /* seconds, default 30 ("connect-retry") */
	bool add_path_receive; /* default false */
	enum add_path_send add_path_send; /* default ADD_PATH_OFF */
	enum next_hop_mode next_hop; /* default: self for external, keep for the others */
	bool passive; /* default false: for peers that do not say it themselves */
	bool graceful_restart; /* default true; false: not offered, no path outlives its session */
	/*
	 * Seconds, at most 2^24 - 1, for which long-lived stale paths are kept (RFC 9494), ours
	 * by the peers and theirs by us; 0, the default: not at all.
	 */
	uint32_t long_lived_time[FAMILY_COUNT];
	bool long_lived_send_all; /* default false: of these peers those alone are sent such paths
				     that know of them; true: all internal ones (section 4.6) */
};

struct config_peer {
	struct ip_address address;
	const struct config_group *group;
	char *description; /* NULL when absent */
	uint16_t port; /* default 179 */
	bool passive; /* never connect, only accept */
	struct ip_address local; /* source address to connect from ("local-address"); len 0: the
				    kernel's choice */
};

#define CONFIG_JOURNAL_PATH "/var/lib/heliostat/journal.db" /* default of journal.path */

struct config {
	char *file; /* as named on the command line */
	char *text; /* the whole source, for `show config` */
	uint32_t as;
	uint32_t router_id;
	uint32_t cluster_id;
	uint16_t restart_time; /* seconds, 1..4095; default 120 ("restart-time") */
	enum on_terminate on_terminate; /* default TERMINATE_RESTART */
	struct config_listen *listen;
	size_t n_listen;
	struct config_group *groups; /* in file order */
	size_t n_groups;
	struct config_peer *peers; /* in file order */
	size_t n_peers;
	char *socket_path; /* default /run/heliostat/heliostat.sock */
	char *socket_group; /* NULL: the daemon's own group */
	enum log_level log_level;
	enum log_format log_format;
	char *journal_path; /* NULL: no journal is kept; default CONFIG_JOURNAL_PATH */
	uint32_t journal_history; /* seconds that history is kept, 0: none; default 7 days */
	uint64_t journal_max_size; /* bytes of the file; default 4 GiB */
	uint32_t journal_restore_max_age; /* seconds: an older state is history only; default 15
					     minutes */
};

/*
 * Reads and checks `path`. NULL when it is refused; then one line a fault (as many as can be found
 * in one pass) has been written to `faults` in the form FILE:LINE:COLUMN: text. The caller frees
 * the result.
 */
struct config *config_load(const char *path, FILE *faults);
/* The same from memory; `name` stands for the file in messages. */
struct config *config_parse(const char *name, const char *text, size_t len, FILE *faults);
void config_free(struct config *config);

/* NULL when there is none of that name. */
const struct config_group *config_group_find(const struct config *config, const char *name);
const struct config_peer *config_peer_find(
	const struct config *config, const struct ip_address *address);
/* The group whose dynamic range covers `address` most specifically; NULL when none does. */
const struct config_group *config_group_for_address(
	const struct config *config, const struct ip_address *address, const struct prefix **range);

/* The effective configuration with every default filled in, as YAML. */
void config_write(const struct config *config, FILE *to);

#endif
