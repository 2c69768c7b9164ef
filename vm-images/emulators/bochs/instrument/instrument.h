// SPDX-License-Identifier: MIT
/* Where in Bochs a modelled processor's time is charged; without a profile, one test each. */

#if BX_INSTRUMENTATION

class bxInstruction_c;
struct bx_TLB_entry;

// A profile: what events cost, in units of the CPUs' clock (bx_clock_den to a tick). 0: nothing.
struct bx_costs_t {
	bool on; // there is a profile
	bool caches; // it has caches of data
	unsigned exit[0x1000]; // by reason; SVM's numbers fit, too, but for its few negative ones
	unsigned exit_other;
	unsigned entry;
	unsigned interrupt, exception, soft_interrupt; // delivery to a handler
	unsigned ipi; // sending it
	unsigned string_byte; // of REP MOVS and STOS, instead of an iteration's instruction
	unsigned walk, walk_reference, nested_reference; // what a miss of the TLB takes
	unsigned *instruction; // by Bochs' opcode number, besides what each instruction takes
	unsigned task_switch; // of the host: to another address space, besides its MOV to CR3
	Bit8u *string_size; // by opcode number: bytes an iteration of MOVS and STOS takes, else 0
};
extern bx_costs_t bx_costs;

void bx_costs_init(void);
void bx_costs_exit(void);
void bx_charge_instruction(unsigned cpu, bxInstruction_c *i);
bool bx_charged_instruction(bxInstruction_c *i);
void bx_charge_iterations(unsigned cpu, bxInstruction_c *i, Bit64u n);
void bx_charge_vmexit(unsigned cpu, unsigned reason);
void bx_charge_vmentry(unsigned cpu);
void bx_charge_delivery(unsigned cpu, unsigned type);
void bx_charge_ipi(unsigned cpu);
void bx_cache_access(unsigned cpu, Bit64u paddr, unsigned len, unsigned memtype, unsigned rw);
void bx_cache_string(unsigned cpu, Bit64u laddr, unsigned len, unsigned rw);
void bx_tlb_invalidate(unsigned cpu, unsigned what, Bit64u type, Bit64u context, Bit64u laddr);
void bx_tlb_forget(unsigned cpu);
void bx_walk_begin(unsigned cpu);
void bx_walk_read(unsigned cpu, Bit64u paddr);
void bx_walk_nested(unsigned cpu, Bit64u guest_paddr, unsigned leaf);
void bx_walk_end(unsigned cpu, Bit64u laddr, Bit32u page_mask, bool global);

// Charges for the translation of an entry of Bochs' TLB that was set aside (BX_TLB_ASIDE), and
// takes it back with no more rights than these. False: Bochs has to walk.
bool bx_walk_again(unsigned cpu, bx_TLB_entry *entry, Bit64u laddr, Bit32u access_bits);

#define BX_IF_COSTS(action) { if (bx_costs.on) action; }
#define BX_IF_CACHES(action) { if (__builtin_expect(bx_costs.caches, 0)) action; }

#define BX_INSTR_INIT_ENV() bx_costs_init()
#define BX_INSTR_EXIT_ENV() bx_costs_exit()
#define BX_INSTR_INITIALIZE(cpu_id)
#define BX_INSTR_EXIT(cpu_id)
#define BX_INSTR_RESET(cpu_id, type) BX_IF_COSTS(bx_tlb_forget(cpu_id))

// added to Bochs by our patch
#define BX_INSTR_CHARGED(i) (bx_costs.on && bx_charged_instruction(i))
#define BX_INSTR_CHARGE(cpu_id, i) bx_charge_instruction(cpu_id, i)
#define BX_INSTR_REPEAT_ITERATIONS(cpu_id, i, n) BX_IF_COSTS(bx_charge_iterations(cpu_id, i, n))
#define BX_INSTR_SVM_VMEXIT(cpu_id, reason) BX_IF_COSTS(bx_charge_vmexit(cpu_id, reason))
#define BX_INSTR_VMENTRY(cpu_id) BX_IF_COSTS(bx_charge_vmentry(cpu_id))
#define BX_INSTR_DELIVERY(cpu_id, vector, type) BX_IF_COSTS(bx_charge_delivery(cpu_id, type))
#define BX_INSTR_IPI(cpu_id) BX_IF_COSTS(bx_charge_ipi(cpu_id))
#define BX_INSTR_INVALIDATE(cpu_id, what, type, context, laddr) \
	BX_IF_COSTS(bx_tlb_invalidate(cpu_id, what, type, context, laddr))
#define BX_INSTR_WALK_BEGIN(cpu_id) BX_IF_COSTS(bx_walk_begin(cpu_id))
#define BX_INSTR_NESTED_WALK(cpu_id, guest_paddr, leaf) \
	BX_IF_COSTS(bx_walk_nested(cpu_id, guest_paddr, leaf))
#define BX_INSTR_WALK_END(cpu_id, laddr, page_mask, global) \
	BX_IF_COSTS(bx_walk_end(cpu_id, laddr, page_mask, global))

#define BX_INSTR_WALK_AGAIN(cpu_id, entry, laddr, access_bits) \
	bx_walk_again(cpu_id, entry, laddr, access_bits)
#define BX_INSTR_FAST_STRING(cpu_id, laddr, len, rw) \
	BX_IF_CACHES(bx_cache_string(cpu_id, laddr, len, rw))

// Bochs' own
#define BX_INSTR_LIN_ACCESS(cpu_id, lin, phy, len, memtype, rw) \
	BX_IF_CACHES(bx_cache_access(cpu_id, phy, len, memtype, rw))
// entries of page tables have 8 bytes
#define BX_INSTR_PHY_ACCESS(cpu_id, phy, len, memtype, rw) \
	BX_IF_CACHES(if ((len) == 8 && (rw) == BX_READ) bx_walk_read(cpu_id, phy))
#define BX_INSTR_VMEXIT(cpu_id, reason, qualification) \
	BX_IF_COSTS(bx_charge_vmexit(cpu_id, (reason) & 0xffff))
#define BX_INSTR_TLB_CNTRL(cpu_id, what, value) \
	BX_IF_COSTS(bx_tlb_invalidate(cpu_id, what, 0, value, 0))

// Bochs' own, not used: empty, so that they cost nothing
#define BX_INSTR_HLT(cpu_id)
#define BX_INSTR_MWAIT(cpu_id, addr, len, flags)
#define BX_INSTR_DEBUG_PROMPT()
#define BX_INSTR_DEBUG_CMD(cmd)
#define BX_INSTR_CNEAR_BRANCH_TAKEN(cpu_id, branch_eip, new_eip)
#define BX_INSTR_CNEAR_BRANCH_NOT_TAKEN(cpu_id, branch_eip)
#define BX_INSTR_UCNEAR_BRANCH(cpu_id, what, branch_eip, new_eip)
#define BX_INSTR_FAR_BRANCH(cpu_id, what, prev_cs, prev_eip, new_cs, new_eip)
#define BX_INSTR_OPCODE(cpu_id, i, opcode, len, is32, is64)
#define BX_INSTR_EXCEPTION(cpu_id, vector, error_code)
#define BX_INSTR_INTERRUPT(cpu_id, vector)
#define BX_INSTR_HWINTERRUPT(cpu_id, vector, cs, eip)
#define BX_INSTR_CLFLUSH(cpu_id, laddr, paddr)
#define BX_INSTR_CACHE_CNTRL(cpu_id, what)
#define BX_INSTR_PREFETCH_HINT(cpu_id, what, seg, offset)
#define BX_INSTR_BEFORE_EXECUTION(cpu_id, i)
#define BX_INSTR_AFTER_EXECUTION(cpu_id, i)
#define BX_INSTR_REPEAT_ITERATION(cpu_id, i)
#define BX_INSTR_INP(addr, len)
#define BX_INSTR_INP2(addr, len, val)
#define BX_INSTR_OUTP(addr, len, val)
#define BX_INSTR_WRMSR(cpu_id, addr, value)

#endif
