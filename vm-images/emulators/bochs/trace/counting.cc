// SPDX-License-Identifier: MIT
/* How many instructions ran where: by address, task, mode and the calls that led there. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bochs.h"
#include "cpu/cpu.h"

// A place in the tree of calls.
struct bx_node_t {
	Bit64u value; // a function's address; a vector, a mode
	Bit64u back; // where a function returns to: by it its caller is known, also after jumps
	bx_task_t *task;
	bx_node_t *parent, *child, *sibling;
	unsigned kind, number; // number: in the file; 0: not written yet
};

// Instructions of a straight run, by its first address, its place and the CPU that ran it.
struct count {
	Bit64u address, n;
	bx_node_t *node;
	unsigned cpu;
};

static struct {
	struct count *slot;
	Bit64u used, mask;
} counts;

static bx_node_t root;
static unsigned written;

// A CPU's current run.
static struct {
	Bit64u start, next, icount; // next: where the run goes on if nothing jumps
	Bit64u begun; // icount when the window began: what its counts must add up to
	bx_node_t *node;
	bx_stack_t *delivered; // an interrupt's frame is on top of it, none of its instructions ran
	unsigned undelivered;  // how deep that one was before: a delivery may fault, which is another
	unsigned mode;
} run[BX_MAX_SMP_THREADS_SUPPORTED];

static Bit64u hash(const bx_node_t *node, Bit64u address, unsigned cpu)
{
	Bit64u h = (address ^ ((Bit64u) node >> 4) ^ (Bit64u) cpu << 56) * 0x9e3779b97f4a7c15ULL;

	return h ^ h >> 29;
}

static struct count *count_at(bx_node_t *node, Bit64u address, unsigned cpu)
{
	Bit64u at = hash(node, address, cpu) & counts.mask;

	while (counts.slot[at].node && (counts.slot[at].node != node ||
			counts.slot[at].address != address || counts.slot[at].cpu != cpu))
		at = (at + 1) & counts.mask;
	return &counts.slot[at];
}

static void grow(void)
{
	struct count *old = counts.slot;
	Bit64u size = old ? counts.mask + 1 : 0;

	counts.mask = (size ? size * 2 : 1 << 16) - 1;
	counts.slot = (struct count *) calloc(counts.mask + 1, sizeof(*old));
	if (!counts.slot) {
		fprintf(stderr, "trace: no memory for counts\n");
		exit(1);
	}
	for (Bit64u n = 0; n < size; n++) {
		if (old[n].node)
			*count_at(old[n].node, old[n].address, old[n].cpu) = old[n];
	}
	free(old);
}

static void add(bx_node_t *node, Bit64u address, unsigned cpu, Bit64u n)
{
	if (counts.used * 2 >= counts.mask)
		grow();

	struct count *c = count_at(node, address, cpu);
	if (!c->node) {
		c->node = node;
		c->address = address;
		c->cpu = cpu;
		counts.used++;
	}
	c->n += n;
}

static bx_node_t *child(bx_node_t *parent, unsigned kind, Bit64u value, bx_task_t *task,
	Bit64u back = 0)
{
	bx_node_t *n;

	for (n = parent->child; n; n = n->sibling) {
		if (n->kind == kind && n->value == value && n->task == task && n->back == back)
			return n;
	}
	n = (bx_node_t *) calloc(1, sizeof(*n));
	n->kind = kind;
	n->value = value;
	n->back = back;
	n->task = task;
	n->parent = parent;
	n->sibling = parent->child;
	parent->child = n;
	return n;
}

void bx_counting_task(bx_task_t *task)
{
	bx_node_t *node = child(&root, BX_NODE_TASK, 0, task);

	for (unsigned mode = 0; mode < BX_MODES; mode++)
		task->stack[mode].base = child(node, BX_NODE_MODE, mode, task);
}

static bx_node_t *top(const bx_stack_t *stack)
{
	return stack->depth ? stack->frame[stack->depth - 1].node : stack->base;
}

static bx_stack_t *stack_of(unsigned cpu)
{
	bx_task_t *task = bx_task_at(cpu);

	return task ? &task->stack[bx_trace_mode(cpu)] : NULL;
}

static void push(bx_stack_t *stack, Bit64u slot, Bit64u back, bx_node_t *node)
{
	if (stack->depth == stack->room) {
		stack->room = stack->room ? stack->room * 2 : 32;
		stack->frame = (bx_frame_t *) realloc(stack->frame, stack->room * sizeof(*stack->frame));
	}
	stack->frame[stack->depth].slot = slot;
	stack->frame[stack->depth].back = back;
	stack->frame[stack->depth++].node = node;
}

// Deeper ones than any real program's are a loop that we do not understand.
#define DEEPEST 1000
// A call that jumps over less than this is none: fillings of the return predictor, retpolines.
#define SKIPPED 16
// Bytes of a function in which a jump through a register makes it a thunk.
#define THUNK 32
// Linux's stacks are aligned to this: of one stack are addresses that agree in what is above.
#define STACK_BITS 14

// Frames below this address have been left without a RET.
static void leave(bx_stack_t *stack, Bit64u address)
{
	while (stack->depth) {
		Bit64u last = stack->frame[stack->depth - 1].slot;

		if (!last || last >= address || last >> STACK_BITS != address >> STACK_BITS)
			break;
		stack->depth--;
	}
}

void bx_counting_call(unsigned cpu, Bit64u target)
{
	bx_stack_t *stack = stack_of(cpu);
	Bit64u slot = BX_CPU(cpu)->get_reg64(BX_64BIT_REG_RSP), back = run[cpu].next;

	if (!stack || target - back < SKIPPED)
		return;
	leave(stack, slot + 1);
	if (stack->depth < DEEPEST)
		push(stack, slot, back, child(top(stack), BX_NODE_FUNCTION, target, bx_task_at(cpu), back));
}

// The frame that a return leaves, plus one; 0: none of this interrupt's.
static unsigned returned(const bx_stack_t *stack, Bit64u slot, Bit64u target)
{
	unsigned n;

	for (n = stack->depth; n && stack->frame[n - 1].slot; n--) {
		if (stack->frame[n - 1].slot == slot)
			return n;
	}
	// The kernel's entries change stacks within a function.
	for (n = stack->depth; n && stack->frame[n - 1].slot; n--) {
		if (stack->frame[n - 1].back == target)
			return n;
	}
	return 0;
}

static void stands_for(unsigned cpu, bx_frame_t *frame, Bit64u target)
{
	frame->node = child(frame->node->parent, BX_NODE_FUNCTION, target, bx_task_at(cpu), frame->back);
}

// Code that only uses RET to jump leaves none: what was called is where it jumps to.
void bx_counting_return(unsigned cpu, Bit64u target)
{
	bx_stack_t *stack = stack_of(cpu);
	Bit64u slot = BX_CPU(cpu)->get_reg64(BX_64BIT_REG_RSP) - 8;
	unsigned n = stack ? returned(stack, slot, target) : 0;

	if (n)
		stack->depth = n - 1;
	else if (stack) {
		leave(stack, slot);
		if (stack->depth && stack->frame[stack->depth - 1].slot)
			stands_for(cpu, &stack->frame[stack->depth - 1], target);
	}
}

// A called function that begins by jumping through a register stands for another one.
void bx_counting_jump(unsigned cpu, Bit64u target)
{
	bx_stack_t *stack = stack_of(cpu);
	bx_frame_t *frame = stack && stack->depth ? &stack->frame[stack->depth - 1] : NULL;

	if (frame && frame->slot && run[cpu].next - frame->node->value <= THUNK)
		stands_for(cpu, frame, target);
}

void bx_counting_interrupt(unsigned cpu, unsigned vector)
{
	bx_stack_t *stack = stack_of(cpu);
	unsigned mode = bx_trace_mode(cpu);

	// From other modes into ring 0: enter() sees that.
	if (stack && (mode == BX_MODE_KERNEL || mode == BX_MODE_GUEST_0) && stack->depth < DEEPEST) {
		if (!run[cpu].delivered)
			run[cpu].undelivered = stack->depth;
		push(stack, 0, 0, child(top(stack), BX_NODE_VECTOR, vector, bx_task_at(cpu)));
		run[cpu].delivered = stack;
	}
}

// A delivery that makes its guest exit has not happened: the hypervisor begins it again.
void bx_counting_exit(unsigned cpu)
{
	if (run[cpu].delivered)
		run[cpu].delivered->depth = run[cpu].undelivered;
	run[cpu].delivered = NULL;
}

void bx_counting_iret(unsigned cpu)
{
	bx_stack_t *stack = stack_of(cpu);
	unsigned mode = bx_trace_mode(cpu);

	if (!stack || (mode != BX_MODE_KERNEL && mode != BX_MODE_GUEST_0))
		return;
	for (unsigned n = stack->depth; n; n--) {
		if (!stack->frame[n - 1].slot) {
			stack->depth = n - 1;
			return;
		}
	}
}

// Another mode than the last run's: the kernel's stack begins anew, under what called for it.
static void enter(unsigned cpu, unsigned mode)
{
	unsigned before = run[cpu].mode;
	bx_task_t *task;

	if (mode == BX_MODE_USER)
		bx_task_renamed(cpu);
	task = bx_task_at(cpu);
	if (bx_trace.stacks && task && mode == BX_MODE_KERNEL && before == BX_MODE_USER) {
		task->stack[mode].depth = 0;
		task->stack[mode].base = child(top(&task->stack[before]), BX_NODE_MODE, mode, task);
	}
	run[cpu].mode = mode;
}

static bx_node_t *place(unsigned cpu)
{
	bx_stack_t *stack = stack_of(cpu);

	return !stack ? &root : bx_trace.stacks ? top(stack) : stack->base;
}

static void close(unsigned cpu)
{
	// First: a window that begins or ends here sets the count.
	bool wanted = bx_trace_wanted(BX_CPU(cpu)->get_TSC());
	Bit64u n = BX_CPU(cpu)->get_icount() - run[cpu].icount;

	if (n && run[cpu].node && wanted)
		add(run[cpu].node, run[cpu].start, cpu, n);
}

// In stretches of code without a jump: at the start of one, what the last one took is added.
void bx_trace_instruction(unsigned cpu, bxInstruction_c *i)
{
	BX_CPU_C *c = BX_CPU(cpu);
	Bit64u rip = c->get_rip();

	if (rip != run[cpu].next) {
		unsigned mode = bx_trace_mode(cpu);

		close(cpu);
		if (mode != run[cpu].mode)
			enter(cpu, mode);
		run[cpu].delivered = NULL;
		run[cpu].start = rip;
		run[cpu].icount = c->get_icount();
		run[cpu].node = place(cpu);
	}
	run[cpu].next = rip + i->ilen();
}

void bx_counting_switched(unsigned cpu)
{
	run[cpu].mode = bx_trace_mode(cpu);
}

void bx_counting_window(void)
{
	for (unsigned cpu = 0; cpu < BX_SMP_PROCESSORS; cpu++)
		run[cpu].begun = run[cpu].icount = BX_CPU(cpu)->get_icount();
}

static unsigned write_node(FILE *file, bx_node_t *n)
{
	static const char letter[] = { 'r', 't', 'm', 'v', 'f' };

	if (!n->number) {
		unsigned parent = n->parent ? write_node(file, n->parent) : 0;

		n->number = ++written;
		fprintf(file, "%c %u %u ", letter[n->kind], n->number, parent);
		if (n->kind == BX_NODE_TASK)
			fprintf(file, "%u %s\n", n->task->pid, n->task->comm);
		else if (n->kind == BX_NODE_FUNCTION)
			fprintf(file, "%llx %llx\n", (unsigned long long) n->value,
				(unsigned long long) n->back);
		else
			fprintf(file, "%llx\n", (unsigned long long) n->value);
	}
	return n->number;
}

void bx_counting_write(FILE *file, Bit64u from, Bit64u to)
{
	for (unsigned cpu = 0; cpu < BX_SMP_PROCESSORS; cpu++) {
		Bit64u n = BX_CPU(cpu)->get_icount() - run[cpu].icount;

		if (n && run[cpu].node)
			add(run[cpu].node, run[cpu].start, cpu, n);
		run[cpu].icount += n;
	}
	fprintf(file, "window %llu %llu", (unsigned long long) from, (unsigned long long) to);
	for (unsigned cpu = 0; cpu < BX_SMP_PROCESSORS; cpu++)
		fprintf(file, " %llu", (unsigned long long) (run[cpu].icount - run[cpu].begun));
	fputc('\n', file);
	for (Bit64u at = 0; counts.slot && at <= counts.mask; at++) {
		if (counts.slot[at].node) {
			unsigned node = write_node(file, counts.slot[at].node);

			fprintf(file, "c %u %u %llx %llu\n", node, counts.slot[at].cpu,
				(unsigned long long) counts.slot[at].address,
				(unsigned long long) counts.slot[at].n);
		}
	}
	free(counts.slot);
	counts.slot = NULL;
	counts.used = counts.mask = 0;
	if (fflush(file) || ferror(file)) {
		perror("trace: counts cannot be written");
		exit(1);
	}
}
