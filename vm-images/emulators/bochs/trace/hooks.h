// SPDX-License-Identifier: MIT
/* The cost model's places in Bochs, at which this build tells what happens; no clock knows it. */

#if BX_INSTRUMENTATION

#define BX_IF_TRACE(action) { if (bx_trace.on) action; }

#undef BX_INSTR_INIT_ENV
#undef BX_INSTR_EXIT_ENV
#define BX_INSTR_INIT_ENV() { bx_costs_init(); bx_trace_init(); }
#define BX_INSTR_EXIT_ENV() { bx_trace_end(); bx_costs_exit(); }

// What an exit costs comes after it, what an entry costs before it: both are the hypervisor's.
// exitinfo2 is the argument of the function that this stands in: the address of a nested fault.
#undef BX_INSTR_SVM_VMEXIT
#undef BX_INSTR_VMEXIT
#undef BX_INSTR_VMENTRY
#define BX_INSTR_SVM_VMEXIT(cpu_id, reason) { \
	BX_IF_TRACE(bx_trace_exit(cpu_id, (Bit32u) (reason), exitinfo2)); \
	BX_IF_COSTS(bx_charge_vmexit(cpu_id, reason)); }
#define BX_INSTR_VMEXIT(cpu_id, reason, qualification) { \
	BX_IF_TRACE(bx_trace_exit(cpu_id, (reason) & 0xffff, qualification)); \
	BX_IF_COSTS(bx_charge_vmexit(cpu_id, (reason) & 0xffff)); }
#define BX_INSTR_VMENTRY(cpu_id) { \
	BX_IF_COSTS(bx_charge_vmentry(cpu_id)); \
	BX_IF_TRACE(bx_trace_entry(cpu_id)); }

#undef BX_INSTR_DELIVERY
#undef BX_INSTR_IPI
#undef BX_INSTR_INVALIDATE
#define BX_INSTR_DELIVERY(cpu_id, vector, type) { \
	BX_IF_TRACE(bx_trace_delivery(cpu_id, vector, type)); \
	BX_IF_COSTS(bx_charge_delivery(cpu_id, type)); }
#define BX_INSTR_IPI(cpu_id) { \
	BX_IF_TRACE(bx_trace_ipi(cpu_id)); \
	BX_IF_COSTS(bx_charge_ipi(cpu_id)); }
#define BX_INSTR_INVALIDATE(cpu_id, what, type, context, laddr) { \
	BX_IF_TRACE(if ((what) == BX_INSTR_MOV_CR3) bx_trace_root(cpu_id, context)); \
	BX_IF_COSTS(bx_tlb_invalidate(cpu_id, what, type, context, laddr)); }

#undef BX_INSTR_HLT
#undef BX_INSTR_UCNEAR_BRANCH
#undef BX_INSTR_FAR_BRANCH
#undef BX_INSTR_BEFORE_EXECUTION
#undef BX_INSTR_OUTP
#define BX_INSTR_HLT(cpu_id) BX_IF_TRACE(bx_trace_halt(cpu_id))
#define BX_INSTR_UCNEAR_BRANCH(cpu_id, what, branch_eip, new_eip) \
	BX_IF_TRACE(bx_trace_branch(cpu_id, what, new_eip))
#define BX_INSTR_FAR_BRANCH(cpu_id, what, prev_cs, prev_eip, new_cs, new_eip) \
	BX_IF_TRACE(bx_trace_far_branch(cpu_id, what, prev_eip, new_eip))
#define BX_INSTR_BEFORE_EXECUTION(cpu_id, i) \
	{ if (bx_trace.counting) bx_trace_instruction(cpu_id, i); }
#define BX_INSTR_OUTP(addr, len, val) BX_IF_TRACE(bx_trace_out(addr, val))

#endif
