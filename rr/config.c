#include "rr/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rr/config_read.h"
#include "rr/config_tree.h"

void config_free(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->n_groups; i++) {
		free(config->groups[i].name);
		free(config->groups[i].dynamic);
	}
	for (size_t i = 0; i < config->n_peers; i++)
		free(config->peers[i].description);
	free(config->file);
	free(config->text);
	free(config->listen);
	free(config->groups);
	free(config->peers);
	free(config->socket_path);
	free(config->socket_group);
	free(config->journal_path);
	free(config);
}

struct config *config_parse(const char *name, const char *text, size_t len, FILE *faults)
{
	struct config_faults list = { .file = name };
	struct config_draft draft = { .faults = &list };
	struct config_node *root = config_tree_parse(text, len, &list);
	struct config *config = root ? calloc(1, sizeof(*config)) : NULL;
	if (config) {
		draft.config = config;
		config->file = strdup(name);
		config->text = strndup(text, len);
		list.no_memory |= !config->file || !config->text;
		config_read(&draft, root);
		config_check(&draft);
		config_draft_free(&draft);
	} else if (root) {
		list.no_memory = true;
	}
	config_node_free(root);
	if (!config_faults_none(&list)) {
		config_faults_write(&list, faults);
		config_free(config);
		config = NULL;
	}
	config_faults_free(&list);
	return config;
}

/*
 * The whole of the file, at most one byte more than is allowed. NULL with errno set when it cannot
 * be read.
 */
static char *read_file(int fd, size_t *len)
{
	size_t capacity = 0, n = 0;
	char *text = NULL;
	for (;;) {
		if (n == capacity) {
			capacity = capacity ? capacity * 2 : 16384;
			char *more = realloc(text, capacity);
			if (!more)
				break;
			text = more;
		}
		ssize_t got = read(fd, text + n, capacity - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			break;
		n += (size_t)got;
		if (got == 0 || n > CONFIG_SIZE_MAX) {
			*len = n;
			return text;
		}
	}
	int error = errno;
	free(text);
	errno = error;
	return NULL;
}

struct config *config_load(const char *path, FILE *faults)
{
	struct stat status;
	char *text = NULL;
	size_t len = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0) {
		fprintf(faults,
			"%s: cannot be opened: %s, expected a readable configuration file\n", path,
			strerror(errno));
	} else if (S_ISDIR(status.st_mode)) {
		fprintf(faults, "%s: found a directory, expected a configuration file\n", path);
	} else {
		text = read_file(fd, &len);
		if (!text)
			fprintf(faults, "%s: cannot be read: %s\n", path, strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	struct config *config = text ? config_parse(path, text, len, faults) : NULL;
	free(text);
	return config;
}

const struct config_group *config_group_find(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_groups; i++)
		if (strcmp(config->groups[i].name, name) == 0)
			return &config->groups[i];
	return NULL;
}

const struct config_peer *config_peer_find(
	const struct config *config, const struct ip_address *address)
{
	for (size_t i = 0; i < config->n_peers; i++)
		if (ip_address_compare(&config->peers[i].address, address) == 0)
			return &config->peers[i];
	return NULL;
}

const struct config_group *config_group_for_address(
	const struct config *config, const struct ip_address *address, const struct prefix **range)
{
	const struct config_group *best = NULL;
	const struct prefix *best_range = NULL;
	struct prefix host = { .family = FAMILY_IPV4_UNICAST, .length = 32 };
	if (address->len == 16) {
		host.family = FAMILY_IPV6_UNICAST;
		host.length = 128;
	} else if (address->len != 4) {
		return NULL;
	}
	memcpy(host.bytes, address->bytes, address->len);
	for (size_t i = 0; i < config->n_groups; i++) {
		const struct config_group *group = &config->groups[i];
		for (size_t j = 0; j < group->n_dynamic; j++) {
			const struct prefix *candidate = &group->dynamic[j];
			if (!prefix_covers(candidate, &host))
				continue;
			if (best_range && best_range->length >= candidate->length)
				continue;
			best = group;
			best_range = candidate;
		}
	}
	if (best && range)
		*range = best_range;
	return best;
}
