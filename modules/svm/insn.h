/* SPDX-License-Identifier: GPL-2.0 */
/* SVM instructions that C code issues. */
#ifndef DUNE_SVM_INSN_H
#define DUNE_SVM_INSN_H

#include <linux/types.h>

static inline void svm_clgi(void)
{
	asm volatile("clgi" ::: "memory");
}

static inline void svm_stgi(void)
{
	asm volatile("stgi" ::: "memory");
}

static inline void svm_vmsave(u64 pa)
{
	asm volatile("vmsave %%rax" ::"a"(pa) : "memory");
}

#endif
