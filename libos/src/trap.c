// SPDX-License-Identifier: MIT
/* Exceptions in ring 0: page faults on fresh slots are settled, the rest is the program's. */
#include <errno.h>
#include <stddef.h>
#include <signal.h>

#include "thread.h"

#define RED_ZONE 128
#define VECTORS 32

struct handler {
	dune_trap_handler call;
	void *arg;
};

static struct handler handlers[VECTORS];
static dune_pgfault_handler pgfault_call;
static void *pgfault_arg;

unsigned int trap_xsave_size;

static const struct {
	const char *name;
	int signal;
} defaults[VECTORS] = {
	[0] = { "divide error", SIGFPE },
	[1] = { "debug exception", SIGTRAP },
	[2] = { "NMI", SIGABRT },
	[3] = { "breakpoint", SIGTRAP },
	[4] = { "overflow", SIGSEGV },
	[5] = { "bound range exceeded", SIGSEGV },
	[6] = { "invalid opcode", SIGILL },
	[7] = { "device not available", SIGFPE },
	[8] = { "double fault", SIGABRT },
	[10] = { "invalid TSS", SIGSEGV },
	[11] = { "segment not present", SIGBUS },
	[12] = { "stack fault", SIGBUS },
	[13] = { "general protection", SIGSEGV },
	[14] = { "page fault", SIGSEGV },
	[16] = { "x87 exception", SIGFPE },
	[17] = { "alignment check", SIGBUS },
	[18] = { "machine check", SIGABRT },
	[19] = { "SIMD exception", SIGFPE },
};

int dune_trap_set(unsigned int vector, dune_trap_handler handler, void *arg)
{
	if (vector >= VECTORS || vector == 2 || vector == 8 || vector == 18)
		return -EINVAL;
	handlers[vector].arg = arg;
	__atomic_store_n(&handlers[vector].call, handler, __ATOMIC_RELEASE);
	return 0;
}

int dune_pgfault_set(dune_pgfault_handler handler, void *arg)
{
	pgfault_arg = arg;
	__atomic_store_n(&pgfault_call, handler, __ATOMIC_RELEASE);
	return 0;
}

static uintptr_t fault_address(void)
{
	uintptr_t address;

	asm volatile("mov %%cr2, %0" : "=r"(address));
	return address;
}

/* A line on stderr without stdio: the program may be in the middle of it. */
static char *append(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	return to;
}

static char *append_hex(char *to, uint64_t value)
{
	int shift;

	to = append(to, "0x");
	for (shift = 60; shift > 0 && !(value >> shift); shift -= 4)
		;
	for (; shift >= 0; shift -= 4)
		*to++ = "0123456789abcdef"[value >> shift & 15];
	return to;
}

/* No handler: say what happened and die by the signal Linux would have sent. */
static _Noreturn void trap_fatal(const struct dune_trap_frame *frame)
{
	unsigned int vector = frame->vector & (VECTORS - 1);
	int signal = defaults[vector].name ? defaults[vector].signal : SIGSEGV;
	struct {
		uint64_t handler, flags, restorer, mask;
	} action = { 0 }; /* SIG_DFL: handlers run in ring 3 and cannot see this frame */
	uint64_t none = 0;
	char line[256], *end = line;
	long pid;

	end = append(end, "dune: unhandled ");
	end = append(end, defaults[vector].name ? defaults[vector].name :
						  "exception");
	end = append(end, " in ring 0: rip ");
	end = append_hex(end, frame->rip);
	end = append(end, " rsp ");
	end = append_hex(end, frame->rsp);
	end = append(end, " error ");
	end = append_hex(end, frame->error_code);
	if (vector == DUNE_TRAP_PF) {
		end = append(end, " address ");
		end = append_hex(end, fault_address());
	}
	end = append(end, "\n");
	raw_syscall3(SYS_write, 2, (long)line, end - line);

	raw_syscall6(SYS_rt_sigaction, signal, (long)&action, 0, 8, 0, 0);
	raw_syscall6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&none, 0, 8, 0, 0);
	pid = raw_syscall3(SYS_getpid, 0, 0, 0);
	raw_syscall3(SYS_kill, pid, signal, 0);
	for (;;)
		raw_syscall3(SYS_exit_group, 128 + signal, 0, 0);
}

static bool handled_by_program(const struct dune_trap_frame *frame)
{
	if (frame->vector >= VECTORS)
		return false;
	return handlers[frame->vector].call ||
	       (frame->vector == DUNE_TRAP_PF && pgfault_call);
}

/*
 * On the trap stack. Returns NULL to resume, or the frame's new place on the
 * interrupted stack.
 */
struct dune_trap_frame *trap_entry(struct dune_trap_frame *frame)
{
	struct dune_trap_frame *moved;
	uintptr_t to;

	if (frame->vector == DUNE_TRAP_PF &&
	    !(frame->error_code & DUNE_PF_PRESENT) &&
	    paging_slot_fill(fault_address()) == 0)
		return NULL;
	if (frame->vector == 2 || frame->vector == 8 || frame->vector == 18 ||
	    !handled_by_program(frame))
		trap_fatal(frame);

	to = (frame->rsp - RED_ZONE - sizeof(*frame)) & ~(uintptr_t)63;
	/* Faulting here would overwrite the frame under our feet. */
	if (!paging_writable(to) || !paging_writable(to + sizeof(*frame) - 1) ||
	    !paging_writable(to - trap_xsave_size))
		trap_fatal(frame);
	moved = (struct dune_trap_frame *)to;
	raw_copy(moved, frame, sizeof(*frame));
	return moved;
}

/* On the interrupted stack, vector registers saved. */
void trap_dispatch(struct dune_trap_frame *frame)
{
	struct handler handler = handlers[frame->vector];
	dune_pgfault_handler pgfault = pgfault_call;

	if (handler.call)
		handler.call(frame, handler.arg);
	else if (frame->vector == DUNE_TRAP_PF && pgfault)
		pgfault(fault_address(), (uint32_t)frame->error_code, frame,
			pgfault_arg);
	/* else the handler was taken away meanwhile: the exception repeats */
}

/*
 * The host cannot serve a nested fault. If the program handles page faults it
 * gets one; else the caller lets the process have its signal.
 */
int trap_inject_host_fault(struct dune_thread *thread)
{
	struct dune_run *run = thread->run;
	uint32_t error = DUNE_PF_PRESENT | DUNE_PF_HOST;

	if (!handlers[DUNE_TRAP_PF].call && !pgfault_call)
		return -ENOENT;
	if (run->fault.flags & DUNE_FAULT_WRITE)
		error |= DUNE_PF_WRITE;
	if (run->fault.flags & DUNE_FAULT_EXEC)
		error |= DUNE_PF_FETCH;
	run->event = (struct dune_event){
		.vector = DUNE_TRAP_PF,
		.error_code = error,
		.cr2 = run->fault.hva,
	};
	run->flags |= DUNE_RUN_EVENT;
	return 0;
}
