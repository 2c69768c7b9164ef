/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints: entry, exit, sample, system call, nested fault, invalidation. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dune

#if !defined(DUNE_CORE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define DUNE_CORE_TRACE_H

#include <linux/tracepoint.h>

#include "core/exit.h"
#include "core/sample.h"
#include "core/vcpu.h"

TRACE_EVENT(dune_vmentry,
	TP_PROTO(unsigned int vm, const struct dune_regs *regs),
	TP_ARGS(vm, regs),
	TP_STRUCT__entry(
		__field(unsigned int, vm)
		__field(u64, rip)
		__field(u64, rax)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->rip = regs->rip;
		__entry->rax = regs->rax;
	),
	TP_printk("vm=%u rip=%#llx rax=%#llx", __entry->vm, __entry->rip,
		  __entry->rax)
);

#define VCPU_EXIT_SYMBOL(name, handler, doc) { VCPU_EXIT_##name, #name },

TRACE_EVENT(dune_vmexit,
	TP_PROTO(unsigned int vm, const struct vcpu *vcpu),
	TP_ARGS(vm, vcpu),
	TP_STRUCT__entry(
		__field(unsigned int, vm)
		__field(unsigned int, reason)
		__field(u64, hw_reason)
		__field(u64, rip)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->reason = vcpu->exit.reason;
		__entry->hw_reason = vcpu->exit.hw_reason;
		__entry->rip = vcpu->regs.rip;
	),
	TP_printk("vm=%u reason=%s hw=%#llx rip=%#llx", __entry->vm,
		  __print_symbolic(__entry->reason,
				   VCPU_EXIT_LIST(VCPU_EXIT_SYMBOL)
				   { -1, NULL }),
		  __entry->hw_reason, __entry->rip)
);

/* An interrupt of the host has met the guest: for perf, in the guest's own code. */
TRACE_EVENT(dune_sample,
	TP_PROTO(unsigned int vm, const struct dune_regs *regs),
	TP_ARGS(vm, regs),
	TP_STRUCT__entry(
		__field(unsigned int, vm)
		__field(u64, rip)
	),
	TP_fast_assign(
		sample_regs(__regs, regs);
		__entry->vm = vm;
		__entry->rip = regs->rip;
	),
	TP_printk("vm=%u rip=%#llx", __entry->vm, __entry->rip)
);

TRACE_EVENT(dune_syscall,
	TP_PROTO(unsigned int vm, const struct dune_regs *regs),
	TP_ARGS(vm, regs),
	TP_STRUCT__entry(
		__field(unsigned int, vm)
		__field(u64, nr)
		__array(u64, args, 6)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->nr = regs->rax;
		__entry->args[0] = regs->rdi;
		__entry->args[1] = regs->rsi;
		__entry->args[2] = regs->rdx;
		__entry->args[3] = regs->r10;
		__entry->args[4] = regs->r8;
		__entry->args[5] = regs->r9;
	),
	TP_printk("vm=%u nr=%lld args=%#llx,%#llx,%#llx,%#llx,%#llx,%#llx",
		  __entry->vm, (s64)__entry->nr, __entry->args[0],
		  __entry->args[1], __entry->args[2], __entry->args[3],
		  __entry->args[4], __entry->args[5])
);

TRACE_EVENT(dune_tdp_fault,
	TP_PROTO(unsigned int vm, u64 gpa, u64 hva, u32 access, int error),
	TP_ARGS(vm, gpa, hva, access, error),
	TP_STRUCT__entry(
		__field(unsigned int, vm)
		__field(u64, gpa)
		__field(u64, hva)
		__field(u32, access)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->gpa = gpa;
		__entry->hva = hva;
		__entry->access = access;
		__entry->error = error;
	),
	TP_printk("vm=%u gpa=%#llx hva=%#llx access=%s%s%s error=%d",
		  __entry->vm, __entry->gpa, __entry->hva,
		  __entry->access & TDP_ACCESS_WRITE ? "w" : "r",
		  __entry->access & TDP_ACCESS_EXEC ? "x" : "",
		  __entry->access & TDP_ACCESS_TABLE ? "t" : "",
		  __entry->error)
);

TRACE_EVENT(dune_invalidate,
	TP_PROTO(unsigned int vm, u64 start, u64 end),
	TP_ARGS(vm, start, end),
	TP_STRUCT__entry(
		__field(unsigned int, vm)
		__field(u64, start)
		__field(u64, end)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->start = start;
		__entry->end = end;
	),
	TP_printk("vm=%u hva=%#llx-%#llx", __entry->vm, __entry->start,
		  __entry->end)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH core
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
