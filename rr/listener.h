/*
 * Listening sockets: opens those that the configuration names, accepts in batches, pauses when
 * descriptors run out. What an accepted connection means is peer.h's business.
 */
#ifndef RR_LISTENER_H
#define RR_LISTENER_H

#include "rr/state.h"

/*
 * Opens what `config` has and is not open yet. False, with one line in `fault`, when a socket
 * cannot be had: what was opened in this call is closed again. What is in the way (another form of
 * the same address) must be pruned before.
 */
bool listeners_open(
	struct reflector *reflector, const struct config *config, char *fault, size_t fault_size);
/* Closes the listeners that `config` does not have (NULL: all). */
void listeners_prune(struct reflector *reflector, const struct config *config);
/* Takes up accepting again where it was paused. */
void listeners_tick(struct reflector *reflector, uint64_t now);

#endif
