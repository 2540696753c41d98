/*
 * A new configuration on running peers: finds out for each peer whether it is untouched, moved,
 * reset, new or gone, and does no more than that. reflector_reload calls it; it parses nothing.
 */
#ifndef RR_RELOAD_H
#define RR_RELOAD_H

#include "rr/state.h"

/*
 * Puts `config` in force and takes ownership of it. False when it cannot be (a listener cannot be
 * opened): then one line was logged, the old configuration stays, and `config` is freed.
 */
bool reload_apply(struct reflector *reflector, struct config *config);

#endif
