/* SPDX-License-Identifier: GPL-2.0 */
/* VMX instructions that C code issues. */
#ifndef DUNE_VMX_INSN_H
#define DUNE_VMX_INSN_H

#include <linux/bug.h>
#include <linux/types.h>
#include <asm/asm.h>

/* Each is true if the CPU reported a failure (CF or ZF). */
static inline bool vmx_vmxon(u64 pa)
{
	/* Or by #GP: firmware that wakes from sleep may have locked it out. */
	asm goto("1: vmxon %0; jna %l[failed]\n\t" _ASM_EXTABLE(1b, %l[failed])
		 : : "m"(pa) : "cc", "memory" : failed);
	return false;
failed:
	return true;
}

/* Nothing to do where it is off already: #UD. */
static inline void vmx_vmxoff(void)
{
	asm goto("1: vmxoff\n\t" _ASM_EXTABLE(1b, %l[off]) : : : "cc", "memory" : off);
off:
	return;
}

static inline bool vmx_vmclear(u64 pa)
{
	bool failed;

	asm volatile("vmclear %1" : "=@ccna"(failed) : "m"(pa) : "memory");
	return failed;
}

static inline bool vmx_vmptrld(u64 pa)
{
	bool failed;

	asm volatile("vmptrld %1" : "=@ccna"(failed) : "m"(pa) : "memory");
	return failed;
}

/* type 1: one EPT pointer; type 2: everything. */
static inline bool vmx_invept(u64 type, u64 eptp)
{
	const struct {
		u64 eptp, zero;
	} descriptor = { eptp, 0 };
	bool failed;

	asm volatile("invept %1, %2"
		     : "=@ccna"(failed)
		     : "m"(descriptor), "r"(type)
		     : "memory");
	return failed;
}

/*
 * A field that does not exist is a mistake of ours: said once, with the field
 * among the registers, and read as 0. A plain WARN_ON_ONCE() is an instruction,
 * not a call: what surrounds these keeps its registers.
 */
static inline unsigned long vmcs_read(unsigned long field)
{
	unsigned long value;
	bool failed;

	asm volatile("vmread %2, %1"
		     : "=@ccna"(failed), "=rm"(value)
		     : "r"(field));
	return WARN_ON_ONCE(failed) ? 0 : value;
}

static inline void vmcs_write(unsigned long field, unsigned long value)
{
	bool failed;

	asm volatile("vmwrite %2, %1"
		     : "=@ccna"(failed)
		     : "r"(field), "rm"(value)
		     : "memory");
	WARN_ON_ONCE(failed);
}

#endif
