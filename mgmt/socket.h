/*
 * The management socket as a file: makes it, checks who else has it, sets its group, removes it.
 * Called by server.c; it knows nothing of what is said on it.
 */
#ifndef MGMT_SOCKET_H
#define MGMT_SOCKET_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct management_socket {
	int fd; /* listening, nonblocking, close-on-exec */
	char *path;
	dev_t device; /* of the file we made, so that only ours is removed */
	ino_t inode;
};

/* `group` may be NULL. False with one line in `faults`. */
bool management_socket_open(
	struct management_socket *result, const char *path, const char *group, FILE *faults);
/* Removes the file and frees; the descriptor is left to its owner. */
void management_socket_remove(struct management_socket *management_socket);

#endif
