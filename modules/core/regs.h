/* SPDX-License-Identifier: GPL-2.0 */
/* Offsets in struct dune_regs for assembly: hardware encoding order, 8 bytes each. */
#ifndef DUNE_CORE_REGS_H
#define DUNE_CORE_REGS_H

#define RAX 0
#define RCX 8
#define RDX 16
#define RBX 24
#define RBP 40
#define RSI 48
#define RDI 56
#define R8 64
#define R9 72
#define R10 80
#define R11 88
#define R12 96
#define R13 104
#define R14 112
#define R15 120

#endif
