// SPDX-License-Identifier: MIT
/* What this build tells: events as records, and how many instructions ran where. */

#ifndef COSTS_TRACE_H
#define COSTS_TRACE_H

struct bx_trace_t {
	bool on; // DUNELAB_TRACE names a file that says what is wanted
	bool counting; // instructions, by address
	bool stacks; // and by the calls that led there
};
extern bx_trace_t bx_trace;

void bx_trace_init(void);
void bx_trace_end(void);

// Events of a CPU; the clock stands where the guest would read it.
void bx_trace_exit(unsigned cpu, Bit32u reason, Bit64u information);
void bx_trace_entry(unsigned cpu);
void bx_trace_delivery(unsigned cpu, unsigned vector, unsigned type);
void bx_trace_ipi(unsigned cpu);
void bx_trace_root(unsigned cpu, Bit64u cr3);
void bx_trace_halt(unsigned cpu);
void bx_trace_branch(unsigned cpu, unsigned what, Bit64u target);
void bx_trace_far_branch(unsigned cpu, unsigned what, Bit64u from, Bit64u target);
void bx_trace_instruction(unsigned cpu, bxInstruction_c *i);
void bx_trace_out(unsigned port, unsigned value); // 1 and 0 on port 0xe8 begin and end a window

// Whether something is wanted at this time; begins and ends windows.
bool bx_trace_wanted(Bit64u now);

// A task of the guest's kernel, known by its comm: a program that execs becomes another one.
struct bx_task_t;
struct bx_node_t;
bx_task_t *bx_task_at(unsigned cpu); // what runs there
bool bx_task_renamed(unsigned cpu); // reads comm again; true: bx_task_at() is another one now

// Where a CPU is: the kernel, a program, a guest's ring 0 and others.
enum { BX_MODE_KERNEL, BX_MODE_USER, BX_MODE_GUEST_0, BX_MODE_GUEST_USER, BX_MODES };
unsigned bx_trace_mode(unsigned cpu);

// Counting (counting.cc).
void bx_counting_task(bx_task_t *task); // a new one
void bx_counting_window(void); // begins: what ran before does not count
void bx_counting_write(FILE *file, Bit64u from, Bit64u to); // and forget
void bx_counting_switched(unsigned cpu);
void bx_counting_call(unsigned cpu, Bit64u target);
void bx_counting_return(unsigned cpu, Bit64u target);
void bx_counting_jump(unsigned cpu, Bit64u target); // through a register
void bx_counting_exit(unsigned cpu); // of a VM
void bx_counting_interrupt(unsigned cpu, unsigned vector);
void bx_counting_iret(unsigned cpu);

// Places of the call tree: its root, a task, a mode, a vector delivered to the kernel, a function.
enum { BX_NODE_ROOT, BX_NODE_TASK, BX_NODE_MODE, BX_NODE_VECTOR, BX_NODE_FUNCTION };

struct bx_frame_t {
	Bit64u slot; // where the return address lies; 0: an interrupt's
	Bit64u back; // the return address
	bx_node_t *node;
};

struct bx_stack_t {
	bx_node_t *base;
	bx_frame_t *frame;
	unsigned depth, room;
};

struct bx_task_t {
	Bit64u address; // of its task_struct
	Bit32u pid;
	char comm[16];
	bx_stack_t stack[BX_MODES];
	bx_task_t *next;
};

#endif
