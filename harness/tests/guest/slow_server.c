// SPDX-License-Identifier: MIT
/* Linked around a server's proto_run(): every call does some work that nobody needs. */
#include <stddef.h>
#include <stdint.h>

struct proto;
struct proto_context;
struct reply;

size_t __real_proto_run(struct proto *proto, const struct proto_context *context, const char *in,
			size_t len, struct reply *reply);
size_t __wrap_proto_run(struct proto *proto, const struct proto_context *context, const char *in,
			size_t len, struct reply *reply);

/*
 * WORK turns of a loop of two instructions, always; NOISE of them on average,
 * another number each time.
 */
size_t __wrap_proto_run(struct proto *proto, const struct proto_context *context, const char *in,
			size_t len, struct reply *reply)
{
	static uint32_t state = 1;
	uint32_t turns = WORK;

	state = state * 1664525 + 1013904223;
	if (NOISE)
		turns += (state >> 8) % (2 * NOISE + 1);
	while (turns--)
		__asm__ volatile("");
	return __real_proto_run(proto, context, in, len, reply);
}
