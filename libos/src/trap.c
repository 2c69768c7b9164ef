// SPDX-License-Identifier: MIT
/* Exceptions in ring 0: page faults on fresh slots are settled, the rest is the program's. */
#include <errno.h>
#include <stddef.h>
#include <signal.h>

#include "monitor.h"
#include "section.h"
#include "signal/signal.h"
#include "text.h"
#include "thread.h"
#include "user.h"

#define RED_ZONE 128
#define VECTORS 256
#define EXCEPTIONS 32 /* of these; the others are interrupts: INT n, or another thread's */
#define RFLAGS_TF 0x100ull

struct handler {
	union {
		dune_trap_handler call;
		dune_pgfault_handler pgfault;
	};
	void *arg;
};

/*
 * Two settings of each, and a state that says which of them counts and changes whenever
 * one is replaced: whoever reads a pair meanwhile gets the old one or the new one.
 */
#define STATE_PGFAULT 1u /* the setting is dune_pgfault_set()'s */
#define STATE_SETTING 16u /* offset of the setting */
#define STATE_CHANGE 32u
static struct slot {
	_Alignas(64) struct handler setting[2];
	uint32_t state;
} handlers[VECTORS];
_Static_assert(sizeof(struct handler) == STATE_SETTING, "an offset");
/* Of page faults what dune_trap_set() and dune_pgfault_set() asked for: the first goes first. */
static struct handler pgfault_wanted[2];
static struct raw_lock handlers_lock;

unsigned int trap_xsave_size;
/* A bit for each vector that has a handler. */
uint32_t trap_short[VECTORS / 32];

static const char *const names[EXCEPTIONS] = {
	[0] = "divide error",
	[1] = "debug exception",
	[2] = "NMI",
	[3] = "breakpoint",
	[4] = "overflow",
	[5] = "bound range exceeded",
	[6] = "invalid opcode",
	[7] = "device not available",
	[8] = "double fault",
	[10] = "invalid TSS",
	[11] = "segment not present",
	[12] = "stack fault",
	[13] = "general protection",
	[14] = "page fault",
	[16] = "x87 exception",
	[17] = "alignment check",
	[18] = "machine check",
	[19] = "SIMD exception",
};

static struct handler *setting_of(struct slot *slot, uint32_t state)
{
	return (struct handler *)((char *)slot->setting + (state & STATE_SETTING));
}

/* Returns the state that it was read in. */
static __always_inline uint32_t handler_of(uint64_t vector, struct handler *handler)
{
	struct slot *slot = &handlers[vector];
	uint32_t state;

	do {
		state = __atomic_load_n(&slot->state, __ATOMIC_SEQ_CST);
		*handler = *setting_of(slot, state);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (__builtin_expect(__atomic_load_n(&slot->state, __ATOMIC_RELAXED) != state, 0));
	return state;
}

static bool has_handler(uint64_t vector)
{
	return __atomic_load_n(&trap_short[vector / 32], __ATOMIC_SEQ_CST) >> (vector % 32) & 1;
}

static void handler_set(unsigned int vector, struct handler handler, bool pgfault)
{
	const uint32_t bit = 1u << (vector % 32);
	struct slot *slot = &handlers[vector];
	struct section section;
	uint32_t state;

	section_begin(&section, &handlers_lock);
	if (vector == DUNE_TRAP_PF) {
		pgfault_wanted[pgfault] = handler;
		pgfault = !pgfault_wanted[0].call;
		handler = pgfault_wanted[pgfault];
	}
	state = (slot->state ^ STATE_SETTING) + STATE_CHANGE;
	*setting_of(slot, state) = handler;
	state = (state & ~STATE_PGFAULT) | (pgfault ? STATE_PGFAULT : 0);
	__atomic_store_n(&slot->state, state, __ATOMIC_SEQ_CST);
	if (handler.call)
		__atomic_fetch_or(&trap_short[vector / 32], bit, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(&trap_short[vector / 32], ~bit, __ATOMIC_SEQ_CST);
	section_end(&section, &handlers_lock);
}

void trap_handlers_lock(void)
{
	raw_lock(&handlers_lock);
}

void trap_handlers_unlock(void)
{
	raw_unlock(&handlers_lock);
}

/* Vectors that a thread was sent by dune_interrupt_send(), a bit each. */
static uint32_t expected[VECTORS / 32];

int trap_expect(unsigned int vector)
{
	__atomic_fetch_or(&expected[vector / 32], 1u << (vector % 32), __ATOMIC_SEQ_CST);
	return has_handler(vector) ? 0 : -ENOENT;
}

/* Whose handler was taken away while it was on its way. */
static bool is_late(const struct dune_trap_frame *frame)
{
	return frame->vector >= EXCEPTIONS && frame->vector < VECTORS &&
	       !has_handler(frame->vector) &&
	       expected[frame->vector / 32] >> (frame->vector % 32) & 1;
}

int dune_trap_set(unsigned int vector, dune_trap_handler handler, void *arg)
{
	if (vector >= VECTORS || vector == 2 || vector == 8 || vector == 18)
		return -EINVAL;
	handler_set(vector, (struct handler){ .call = handler, .arg = arg }, false);
	return 0;
}

int dune_pgfault_set(dune_pgfault_handler handler, void *arg)
{
	handler_set(DUNE_TRAP_PF, (struct handler){ .pgfault = handler, .arg = arg }, true);
	return 0;
}

static uintptr_t fault_address(void)
{
	uintptr_t address;

	asm volatile("mov %%cr2, %0" : "=r"(address));
	return address;
}

/* Nobody handles it, and it will end the process: say where it was. */
static void say_unhandled(const struct dune_trap_frame *frame, uint64_t cr2)
{
	unsigned int vector = frame->vector & (VECTORS - 1);
	const char *name = vector < EXCEPTIONS ? names[vector] : "interrupt";
	char line[256], *end = line;

	end = text_put(end, "dune: unhandled ");
	end = text_put(end, name ? name : "exception");
	end = text_put(end, " in ring 0: rip ");
	end = text_hex(end, frame->rip);
	end = text_put(end, " rsp ");
	end = text_hex(end, frame->rsp);
	end = text_put(end, " error ");
	end = text_hex(end, frame->error_code);
	if (vector == DUNE_TRAP_PF) {
		end = text_put(end, " address ");
		end = text_hex(end, cr2);
	}
	end = text_put(end, "\n");
	guest_syscall3(SYS_write, 2, (long)line, end - line);
	if (thread_fatal_note)
		thread_fatal_note(vector == DUNE_TRAP_PF ? cr2 : 0);
}

/* A breakpoint or a single step of the debugger's. */
static bool is_debuggers(const struct dune_trap_frame *frame)
{
	return dune_process.debugged &&
	       (frame->vector == DUNE_TRAP_DB || frame->vector == DUNE_TRAP_BP);
}

/* Hand the exception to the host side, which makes the signal of it. */
static _Noreturn void trap_to_signal(const struct dune_trap_frame *frame)
{
	uint64_t cr2 = fault_address();
	int signal = signal_of_vector((unsigned int)frame->vector);

	if (!dune_process.quiet && !is_debuggers(frame) &&
	    dune_process.signals.actions[signal - 1].handler == (uint64_t)SIG_DFL)
		say_unhandled(frame, cr2);
	hypercall_trap(frame, cr2);
}

static bool is_fatal(uint64_t vector)
{
	return vector == 2 || vector == 8 || vector == 18;
}

static bool handled_by_program(const struct dune_trap_frame *frame)
{
	return frame->vector < VECTORS && !is_debuggers(frame) && has_handler(frame->vector);
}

/* As trap_common does. */
static struct safe_range *safe_of(struct dune_thread *thread, uintptr_t to, unsigned int *nr)
{
	*nr = (to + (to >> SAFE_FOLD)) >> SAFE_PAGE & (SAFE_RANGES - 1);
	return &thread->safe[*nr];
}

/*
 * A frame at `to' fits, and others around it, until an entry of their part of the address
 * space changes: as much as is whole pages, and one such part.
 */
static void safe_set(struct dune_thread *thread, uintptr_t to, uint64_t below, uint32_t edits)
{
	const uintptr_t low = to - below, behind = to + TRAP_FRAME_SIZE;
	unsigned int nr;
	struct safe_range *safe = safe_of(thread, to, &nr);

	if (PAGING_REGION(low) != PAGING_REGION(behind - 1)) {
		thread->last.high = safe->high = 0;
		return;
	}
	thread->safe_used |= 1u << nr;
	thread->last = *safe = (struct safe_range){
		.low = (low & ~4095ull) + below,
		.high = ((behind + 4095) & ~4095ull) - TRAP_FRAME_SIZE,
		.region = &paging_edits[PAGING_REGION(low)],
		.edits = edits,
	};
}

void trap_safe_forget(struct dune_thread *thread)
{
	thread->last.high = 0;
	for (; thread->safe_used; thread->safe_used &= thread->safe_used - 1)
		thread->safe[__builtin_ctz(thread->safe_used)].high = 0;
}

/*
 * On the trap stack. Returns NULL to resume, or the frame's new place on the
 * interrupted stack.
 */
struct dune_trap_frame *trap_entry(struct dune_trap_frame *frame)
{
	struct dune_thread *thread = (void *)((uintptr_t)frame & ~(uintptr_t)(BLOCK_STRIDE - 1));
	const uint64_t below = trap_xsave_size + 64;
	struct dune_trap_frame *moved;
	uint32_t edits;
	uintptr_t to;

	if (frame->cs & 3 && !is_fatal(frame->vector) && !monitor_on()) {
		user_trap(thread, frame, frame->vector == DUNE_TRAP_PF ? fault_address() : 0);
		return NULL;
	}
	/* A step that ring 3 asked for, taken behind its SYSCALL: some CPUs do. */
	if (frame->vector == DUNE_TRAP_DB && !(frame->cs & 3) &&
	    (user_running(thread) || monitor_on())) {
		frame->rflags &= ~RFLAGS_TF;
		return NULL;
	}

	if (frame->vector == DUNE_TRAP_PF &&
	    !(frame->error_code & DUNE_PF_PRESENT) &&
	    paging_fault(thread, fault_address()) == 0)
		return NULL;
	if (is_late(frame))
		return NULL;
	if (is_fatal(frame->vector) || !handled_by_program(frame))
		trap_to_signal(frame);

	to = (frame->rsp - RED_ZONE - sizeof(*frame)) & ~(uintptr_t)63;
	/* Faulting here would overwrite the frame under our feet. */
	edits = __atomic_load_n(&paging_edits[PAGING_REGION(to - below)], __ATOMIC_ACQUIRE);
	if (!paging_writable(thread, to - below, to + sizeof(*frame)))
		trap_to_signal(frame);
	safe_set(thread, to, below, edits);
	moved = (struct dune_trap_frame *)to;
	raw_copy(moved, frame, sizeof(*frame));
	return moved;
}

/* On the interrupted stack, vector registers saved. */
void trap_dispatch(struct dune_trap_frame *frame, uint64_t cr2)
{
	struct handler handler;
	const uint32_t state = handler_of(frame->vector, &handler);

	if (!handler.call) /* it was taken away meanwhile: the exception repeats */
		return;
	if (state & STATE_PGFAULT)
		handler.pgfault(cr2, (uint32_t)frame->error_code, frame, handler.arg);
	else
		handler.call(frame, handler.arg);
}

/*
 * The host cannot serve a nested fault. If the program handles page faults it
 * gets one; else the caller lets the process have its signal.
 */
int trap_inject_host_fault(struct dune_thread *thread)
{
	struct dune_run *run = thread->run;
	uint32_t error = DUNE_PF_PRESENT | DUNE_PF_HOST;

	if (user_running(thread))
		error |= DUNE_PF_USER;
	else if (!has_handler(DUNE_TRAP_PF))
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
