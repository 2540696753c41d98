/*
 * The end of the reflector, for good or to begin again: first nothing new is accepted and the
 * journal is brought up to date, then the sessions are closed, each as its peer and the reason ask
 * for, then the loop ends. While it lasts the table stays as it is, so that the journal's last
 * state is the one to restart from. reflector.c begins it and ticks it; it frees nothing.
 */
#ifndef RR_STOPPING_H
#define RR_STOPPING_H

#include "rr/state.h"

/*
 * Begins, unless it has begun already; then a restart becomes the end if that is asked for. `text`
 * (NULL: none) goes along with Cease/Administrative Shutdown.
 */
void stopping_begin(struct reflector *reflector, enum stopping_reason reason, const char *text);
/* Ends the loop when there is nothing left to wait for. */
void stopping_tick(struct reflector *reflector, uint64_t now);

#endif
