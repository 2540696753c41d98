/*
 * Open files: every session takes one, and thousands are more than the usual limit. Owns the
 * process's own limit and the estimate of what a configuration needs; main.c raises the limit,
 * reflector.c has it checked at start and after a reload. It never refuses anything: a reflector
 * with too few descriptors serves as many peers as it can.
 */
#ifndef RR_DESCRIPTORS_H
#define RR_DESCRIPTORS_H

#include <stdint.h>

#include "rr/config.h"
#include "rr/log.h"

/*
 * Addresses of dynamic ranges that are counted: ranges are wide so that nodes may have any address
 * of them (a /64 has more than there are nodes on earth), and a reflector is made for 5,000.
 */
#define DESCRIPTORS_DYNAMIC_MAX 5000

/* Raises the soft limit to the hard one. */
void descriptors_raise(void);
/*
 * Has the kernel make its table of open files large enough for any number of sessions that the
 * limit allows: after the limit was raised and before a thread is started. While threads share the
 * table, doubling it waits until no processor reads the old one (expand_fdtable in Linux), which
 * may hold whoever opens the 64th, 128th, 256th file, and that is our loop, for tens of
 * milliseconds.
 */
void descriptors_reserve(void);
/*
 * How many are needed when every configured peer and every address of the dynamic ranges (up to
 * DESCRIPTORS_DYNAMIC_MAX in all) has a session.
 */
uint64_t descriptors_needed(const struct config *config);
/* One warning when the limit is below that. */
void descriptors_check(const struct config *config, const struct log *log);

#endif
