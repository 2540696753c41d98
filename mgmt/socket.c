#include "mgmt/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

/* Creates the folder that is to hold the socket. */
static bool make_parent(const char *path, FILE *faults)
{
	char parent[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const char *slash = strrchr(path, '/');
	if (slash == NULL || slash == path)
		return true;
	size_t len = (size_t)(slash - path);
	memcpy(parent, path, len);
	parent[len] = '\0';
	if (mkdir(parent, 0755) == 0) {
		/* The umask may have taken the group's or the others' way in. */
		if (chmod(parent, 0755) == 0)
			return true;
	} else if (errno == EEXIST) {
		return true;
	}
	fprintf(faults, "management socket %s: cannot create its folder %s: %s\n", path, parent,
		strerror(errno));
	return false;
}

static bool find_group(const char *path, const char *name, gid_t *gid, FILE *faults)
{
	errno = 0;
	const struct group *group = getgrnam(name);
	if (group != NULL) {
		*gid = group->gr_gid;
		return true;
	}
	if (errno != 0 && errno != ENOENT && errno != ESRCH)
		fprintf(faults, "management socket %s: cannot look up group \"%s\": %s\n", path,
			name, strerror(errno));
	else
		fprintf(faults, "management socket %s: no such group \"%s\"\n", path, name);
	return false;
}

/* Makes way for a new socket: removes a file that nobody listens on any more. */
static bool remove_stale(const struct sockaddr_un *address, FILE *faults)
{
	const char *path = address->sun_path;
	struct stat status;
	if (lstat(path, &status) != 0) {
		if (errno == ENOENT)
			return true;
		fprintf(faults, "management socket %s: %s\n", path, strerror(errno));
		return false;
	}
	if (!S_ISSOCK(status.st_mode)) {
		fprintf(faults,
			"management socket %s: found a file that is no socket; not replacing it\n",
			path);
		return false;
	}
	int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe < 0) {
		fprintf(faults, "management socket %s: %s\n", path, strerror(errno));
		return false;
	}
	int connected = connect(probe, (const struct sockaddr *)address, sizeof *address);
	int error = connected == 0 ? 0 : errno;
	close(probe);
	/* EAGAIN: somebody listens, with a full backlog. */
	if (error == 0 || error == EAGAIN) {
		fprintf(faults, "management socket %s: in use, another heliostatd is running\n",
			path);
		return false;
	}
	if (error != ECONNREFUSED && error != ENOENT) {
		fprintf(faults, "management socket %s: cannot tell whether it is in use: %s\n",
			path, strerror(error));
		return false;
	}
	if (unlink(path) != 0 && errno != ENOENT) {
		fprintf(faults, "management socket %s: cannot remove the stale one: %s\n", path,
			strerror(errno));
		return false;
	}
	return true;
}

/* Binds so that the file never has a wider mode than 0660, not even for a moment. */
static bool bind_restricted(int fd, const struct sockaddr_un *address)
{
	mode_t mask = umask(0177);
	int bound = bind(fd, (const struct sockaddr *)address, sizeof *address);
	int error = errno;
	umask(mask);
	errno = error;
	return bound == 0;
}

static bool set_owner(const char *path, const char *group, gid_t gid, FILE *faults)
{
	if (group != NULL && chown(path, (uid_t)-1, gid) != 0) {
		fprintf(faults, "management socket %s: cannot give it to group \"%s\": %s\n", path,
			group, strerror(errno));
		return false;
	}
	if (chmod(path, 0660) != 0) {
		fprintf(faults, "management socket %s: cannot set its mode: %s\n", path,
			strerror(errno));
		return false;
	}
	return true;
}

bool management_socket_open(
	struct management_socket *result, const char *path, const char *group, FILE *faults)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	*result = (struct management_socket){ .fd = -1 };
	if (strlen(path) >= sizeof address.sun_path) {
		fprintf(faults,
			"management socket %s: found a path of %zu bytes, expected at most %zu\n",
			path, strlen(path), sizeof address.sun_path - 1);
		return false;
	}
	strcpy(address.sun_path, path);
	gid_t gid = (gid_t)-1;
	if (group != NULL && !find_group(path, group, &gid, faults))
		return false;
	if (!make_parent(path, faults) || !remove_stale(&address, faults))
		return false;

	result->path = strdup(path);
	result->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (result->path == NULL || result->fd < 0 || !bind_restricted(result->fd, &address)) {
		fprintf(faults, "management socket %s: cannot bind: %s\n", path, strerror(errno));
		goto fail;
	}
	struct stat status;
	if (lstat(path, &status) == 0) {
		result->device = status.st_dev;
		result->inode = status.st_ino;
	}
	if (!set_owner(path, group, gid, faults)) {
		unlink(path);
		goto fail;
	}
	if (listen(result->fd, BACKLOG) != 0) {
		fprintf(faults, "management socket %s: cannot listen: %s\n", path, strerror(errno));
		unlink(path);
		goto fail;
	}
	return true;
fail:
	if (result->fd >= 0)
		close(result->fd);
	free(result->path);
	*result = (struct management_socket){ .fd = -1 };
	return false;
}

void management_socket_remove(struct management_socket *management_socket)
{
	struct stat status;
	if (management_socket->path != NULL && lstat(management_socket->path, &status) == 0 &&
		status.st_dev == management_socket->device &&
		status.st_ino == management_socket->inode)
		unlink(management_socket->path);
	free(management_socket->path);
	management_socket->path = NULL;
}
