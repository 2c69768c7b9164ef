/* SPDX-License-Identifier: MIT */
/*
 * The requests of a run as bytes, ready to send, in one piece of memory.
 *
 * Nothing is formatted, drawn or allocated in the timed part.
 */
#ifndef LOAD_PLAN_H
#define LOAD_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/schedule.h"

#define PLAN_UDP_HEADER 8u

struct plan {
	struct schedule schedule;
	uint64_t count;
	char *wire;
	uint64_t *start;	/* count + 1 offsets into wire */
	char *text;		/* values are cut from it */
	size_t reply_max;	/* longest right reply */
	unsigned int header;	/* bytes before a request's text: of UDP, or none */
	char *hit;		/* replies to all requests if none misses, after plan_expect() */
	uint64_t *hit_start;	/* count + 1 offsets into it */
};

/* Requests over `connections` connections; exits with a message on failure. */
void plan_make(struct plan *plan, const struct schedule_spec *spec, bool udp,
	       unsigned int connections);
void plan_free(struct plan *plan);

static inline const char *plan_request(const struct plan *plan, uint64_t i, size_t *len)
{
	*len = plan->start[i + 1] - plan->start[i];
	return plan->wire + plan->start[i];
}

/*
 * Write down beforehand what is to be expected: for transports so fast that judging a
 * reply would take as long as giving it.
 */
void plan_expect(struct plan *plan);

static inline const char *plan_hit(const struct plan *plan, uint64_t i, size_t *len)
{
	*len = plan->hit_start[i + 1] - plan->hit_start[i];
	return plan->hit + plan->hit_start[i];
}

/* The key as it is in the request: not to be computed again per reply. */
static inline const char *plan_key(const struct plan *plan, uint64_t i)
{
	return plan->wire + plan->start[i] + plan->header + 4;
}

/* Writes "set KEY 0 0 LEN[ noreply]\r\nVALUE\r\n"; returns its length. */
size_t plan_format_set(char *to, const struct schedule_spec *spec, uint32_t record,
		       const char *text, bool noreply);

/* Bytes that plan_format_set() may need. */
#define PLAN_SET_MAX (SCHEDULE_KEY_MAX + SCHEDULE_VALUE_MAX + 40)

#endif
