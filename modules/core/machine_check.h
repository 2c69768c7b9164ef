/* SPDX-License-Identifier: GPL-2.0 */
/* A machine check that ended the guest: the host's handler has not seen it yet. */
#ifndef DUNE_CORE_MACHINE_CHECK_H
#define DUNE_CORE_MACHINE_CHECK_H

#include <linux/ptrace.h>
#include <asm/mce.h>
#include <asm/processor-flags.h>

/* On the CPU that had it, interrupts off. */
static inline void host_machine_check(void)
{
#ifdef CONFIG_X86_MCE
	/* As if the process had met it in ring 3: then it dies alone, not the host. */
	struct pt_regs regs = { .cs = 3, .flags = X86_EFLAGS_IF };

	do_machine_check(&regs);
#else
	asm volatile("int $18");
#endif
}

#endif
