// SPDX-License-Identifier: MIT
/* Records of what happens to the CPUs, in the windows of time that were asked for. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bochs.h"
#include "cpu/cpu.h"
#include "memory/memory-bochs.h"

#define MARK_PORT 0xe8

bx_trace_t bx_trace;

// What a record tells; harness/dunelab/explain/events.py has the same list.
enum { TASK = 1, INTERRUPT, EXCEPTION, SOFT_INTERRUPT, IRET, EXIT, ENTRY, ROOT, SYSCALL, SYSRET,
	HALT, IPI };

struct record {
	Bit64u ticks;
	Bit8u kind, cpu, cpl, guest; // the CPU's state before it; after IRET, SYSRET, ENTRY
	Bit32u number; // vector, reason, pid, system call
	Bit64u rip, value; // value: an address; of TASK both are its comm
};

static struct {
	FILE *events, *counts;
	struct { Bit64u from, to; } *window;
	unsigned nr_windows, current;
	bool marks, marked, open;
	Bit64u opened;
	// of the guest's kernel
	Bit64u switch_to;
	unsigned pid_offset, comm_offset;
} want;

static bx_task_t *tasks, *running[BX_MAX_SMP_THREADS_SUPPORTED];

static unsigned cpl(const BX_CPU_C *c)
{
	return c->sregs[BX_SEG_REG_CS].selector.rpl;
}

static bool in_guest(const BX_CPU_C *c)
{
	return c->in_svm_guest || c->in_vmx_guest;
}

unsigned bx_trace_mode(unsigned cpu)
{
	const BX_CPU_C *c = BX_CPU(cpu);

	if (in_guest(c))
		return cpl(c) ? BX_MODE_GUEST_USER : BX_MODE_GUEST_0;
	return cpl(c) ? BX_MODE_USER : BX_MODE_KERNEL;
}

bx_task_t *bx_task_at(unsigned cpu)
{
	return running[cpu];
}

static void write_record(unsigned cpu, Bit64u now, unsigned kind, Bit32u number, Bit64u rip,
	Bit64u value)
{
	const BX_CPU_C *c = BX_CPU(cpu);
	struct record r = { now, (Bit8u) kind, (Bit8u) cpu, (Bit8u) cpl(c), (Bit8u) in_guest(c), number,
		rip, value };

	if (want.events && fwrite(&r, sizeof(r), 1, want.events) != 1) {
		perror("trace: events cannot be written");
		exit(1);
	}
}

static void tell_task(unsigned cpu, Bit64u now)
{
	Bit64u comm[2];

	if (!running[cpu])
		return;
	memcpy(comm, running[cpu]->comm, sizeof(comm));
	write_record(cpu, now, TASK, running[cpu]->pid, comm[0], comm[1]);
}

// A window begins: what is going on, as events would have told.
static void begin(Bit64u now)
{
	want.open = true;
	want.opened = now;
	bx_counting_window();
	for (unsigned cpu = 0; cpu < BX_SMP_PROCESSORS; cpu++) {
		tell_task(cpu, now);
		if (BX_CPU(cpu)->activity_state != BX_CPU_C::BX_ACTIVITY_STATE_ACTIVE)
			write_record(cpu, now, HALT, 0, BX_CPU(cpu)->get_rip(), 0);
	}
}

static void finish(Bit64u now)
{
	if (!want.open)
		return;
	want.open = false;
	if (want.counts) {
		bx_counting_write(want.counts, want.opened, now);
		fflush(want.counts);
	}
	if (want.events)
		fflush(want.events);
}

bool bx_trace_wanted(Bit64u now)
{
	if (want.marks) {
		if (want.marked && !want.open)
			begin(now);
		return want.marked;
	}
	while (want.current < want.nr_windows && now > want.window[want.current].to) {
		finish(now);
		want.current++;
	}
	if (want.current == want.nr_windows || now < want.window[want.current].from)
		return false;
	if (!want.open)
		begin(now);
	return true;
}

static void tell(unsigned cpu, unsigned kind, Bit32u number, Bit64u value)
{
	Bit64u now = BX_CPU(cpu)->get_TSC();

	if (bx_trace_wanted(now))
		write_record(cpu, now, kind, number, BX_CPU(cpu)->get_rip(), value);
}

void bx_trace_exit(unsigned cpu, Bit32u reason, Bit64u information)
{
	tell(cpu, EXIT, reason, information);
	if (bx_trace.stacks)
		bx_counting_exit(cpu);
}

void bx_trace_entry(unsigned cpu)
{
	tell(cpu, ENTRY, 0, 0);
}

void bx_trace_delivery(unsigned cpu, unsigned vector, unsigned type)
{
	const BX_CPU_C *c = BX_CPU(cpu);
	unsigned kind = SOFT_INTERRUPT;

	if (type == BX_EXTERNAL_INTERRUPT || type == BX_NMI)
		kind = INTERRUPT;
	else if (type == BX_HARDWARE_EXCEPTION)
		kind = EXCEPTION;
	tell(cpu, kind, vector, kind == EXCEPTION && vector == BX_PF_EXCEPTION ? c->cr2 : 0);
	if (bx_trace.stacks)
		bx_counting_interrupt(cpu, vector);
}

void bx_trace_ipi(unsigned cpu)
{
	tell(cpu, IPI, 0, 0);
}

void bx_trace_root(unsigned cpu, Bit64u cr3)
{
	tell(cpu, ROOT, 0, cr3);
}

void bx_trace_halt(unsigned cpu)
{
	tell(cpu, HALT, 0, 0);
}

void bx_trace_far_branch(unsigned cpu, unsigned what, Bit64u from, Bit64u target)
{
	switch (what) {
	case BX_INSTR_IS_SYSCALL:
		tell(cpu, SYSCALL, (Bit32u) BX_CPU(cpu)->get_reg64(BX_64BIT_REG_RAX), from);
		break;
	case BX_INSTR_IS_SYSRET:
		tell(cpu, SYSRET, 0, target);
		break;
	case BX_INSTR_IS_IRET:
		tell(cpu, IRET, 0, target);
		if (bx_trace.stacks)
			bx_counting_iret(cpu);
		break;
	}
}

void bx_trace_out(unsigned port, unsigned value)
{
	if (port != MARK_PORT || !want.marks)
		return;
	want.marked = value & 1;
	if (!want.marked)
		finish(BX_CPU(0)->get_TSC());
}

static bool read_guest(unsigned cpu, Bit64u address, void *to, unsigned size)
{
	bx_phy_address paddr;

	return BX_CPU(cpu)->dbg_xlate_linear2phy(address, &paddr) &&
		BX_MEM(0)->dbg_fetch_mem(BX_CPU(cpu), paddr, size, (Bit8u *) to);
}

// The task of that task_struct as it is called now; NULL: it cannot be read.
static bx_task_t *task_of(unsigned cpu, Bit64u address)
{
	char comm[16];
	Bit32u pid;

	if (!read_guest(cpu, address + want.pid_offset, &pid, sizeof(pid)) ||
			!read_guest(cpu, address + want.comm_offset, comm, sizeof(comm)))
		return NULL;
	comm[15] = 0;
	memset(comm + strlen(comm), 0, sizeof(comm) - strlen(comm)); // left of a longer name
	for (bx_task_t *t = tasks; t; t = t->next) {
		if (t->address == address && t->pid == pid && !memcmp(t->comm, comm, sizeof(comm)))
			return t;
	}

	bx_task_t *t = (bx_task_t *) calloc(1, sizeof(*t));
	t->address = address;
	t->pid = pid;
	memcpy(t->comm, comm, sizeof(comm));
	t->next = tasks;
	tasks = t;
	bx_counting_task(t);
	return t;
}

static void set_running(unsigned cpu, bx_task_t *task)
{
	if (!task || task == running[cpu])
		return;
	running[cpu] = task;

	Bit64u now = BX_CPU(cpu)->get_TSC();
	if (bx_trace_wanted(now))
		tell_task(cpu, now);
}

bool bx_task_renamed(unsigned cpu)
{
	bx_task_t *before = running[cpu];

	if (before)
		set_running(cpu, task_of(cpu, before->address));
	return running[cpu] != before;
}

void bx_trace_branch(unsigned cpu, unsigned what, Bit64u target)
{
	if (what == BX_INSTR_IS_CALL || what == BX_INSTR_IS_CALL_INDIRECT) {
		if (bx_trace.stacks)
			bx_counting_call(cpu, target);
		if (target == want.switch_to && !in_guest(BX_CPU(cpu))) {
			set_running(cpu, task_of(cpu, BX_CPU(cpu)->get_reg64(BX_64BIT_REG_RSI)));
			bx_counting_switched(cpu);
		}
	}
	else if (what == BX_INSTR_IS_RET && bx_trace.stacks)
		bx_counting_return(cpu, target);
	else if (what == BX_INSTR_IS_JMP_INDIRECT && bx_trace.stacks)
		bx_counting_jump(cpu, target);
}

static void refuse(const char *path, const char *what)
{
	fprintf(stderr, "trace: %s: %s\n", path, what);
	exit(1);
}

static FILE *create(const char *path)
{
	FILE *file = fopen(path, "wb");

	if (!file)
		refuse(path, "cannot be written");
	return file;
}

static void add_window(Bit64u from, Bit64u to)
{
	want.window = (decltype(want.window)) realloc(want.window,
		(want.nr_windows + 1) * sizeof(*want.window));
	want.window[want.nr_windows].from = from;
	want.window[want.nr_windows].to = to;
	want.nr_windows++;
}

void bx_trace_init(void)
{
	const char *path = getenv("DUNELAB_TRACE");
	if (!path || !*path || bx_trace.on)
		return;

	FILE *file = fopen(path, "r");
	if (!file)
		refuse(path, "cannot be opened");

	char line[200], name[100];
	unsigned long long a, b;
	unsigned c, d;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "events %99s", name) == 1)
			want.events = create(name);
		else if (sscanf(line, "counts %99s", name) == 1)
			want.counts = create(name);
		else if (!strcmp(line, "stacks\n"))
			bx_trace.stacks = true;
		else if (!strcmp(line, "marks\n"))
			want.marks = true;
		else if (sscanf(line, "switch_to %llx %u %u", &a, &c, &d) == 3) {
			want.switch_to = a;
			want.pid_offset = c;
			want.comm_offset = d;
		}
		else if (sscanf(line, "window %llu %llu", &a, &b) == 2 && a <= b &&
				(!want.nr_windows || want.window[want.nr_windows - 1].to < a))
			add_window(a, b);
		else
			refuse(path, line);
	}
	fclose(file);
	bx_trace.counting = want.counts;
	bx_trace.on = true;
}

void bx_trace_end(void)
{
	if (bx_trace.on)
		finish(BX_CPU(0)->get_TSC());
}
