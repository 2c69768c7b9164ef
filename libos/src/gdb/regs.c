// SPDX-License-Identifier: MIT
/* Registers as gdb numbers and describes them. */
#include <elf.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "gdb.h"

enum source {
	REGS, /* dune_regs, at the offset */
	SELECTOR, /* of view, 4 bytes for gdb; offset 0: there is none */
	VIEW, /* of view, at the offset */
	FP, /* the XSAVE image, at the offset */
	FP_TAGS,
};

#define R(name) { #name, NULL, 64, REGS, __builtin_offsetof(struct dune_regs, name) }
#define RT(name, type) { #name, type, 64, REGS, __builtin_offsetof(struct dune_regs, name) }
#define S(name, at) { #name, NULL, 32, SELECTOR, at }
#define ST(n) { "st" #n, "i387_ext", 80, FP, 32 + 16 * n }
#define CONTROL(name, at) { #name, "int", 32, FP, at }
#define XMM(n) { "xmm" #n, "vec128", 128, FP, 160 + 16 * n }
#define YMM(n) { "ymm" #n "h", "uint128", 128, FP, 576 + 16 * n }
#define VIEW_REG(name, type) { #name, type, 64, VIEW, __builtin_offsetof(struct view, name) }

static const struct reg {
	const char *name, *type;
	unsigned int bits;
	enum source source;
	unsigned int at;
} regs[] = {
	R(rax), R(rbx), R(rcx), R(rdx), R(rsi), R(rdi), RT(rbp, "data_ptr"), RT(rsp, "data_ptr"),
	R(r8), R(r9), R(r10), R(r11), R(r12), R(r13), R(r14), R(r15), RT(rip, "code_ptr"),
	{ "eflags", "i386_eflags", 32, REGS, __builtin_offsetof(struct dune_regs, rflags) },
	S(cs, __builtin_offsetof(struct view, cs)), S(ss, __builtin_offsetof(struct view, ss)),
	S(ds, 0), S(es, 0), S(fs, 0), S(gs, 0),
	ST(0), ST(1), ST(2), ST(3), ST(4), ST(5), ST(6), ST(7),
	CONTROL(fctrl, 0), CONTROL(fstat, 2), { "ftag", "int", 32, FP_TAGS, 4 },
	CONTROL(fiseg, 12), CONTROL(fioff, 8), CONTROL(foseg, 20), CONTROL(fooff, 16),
	CONTROL(fop, 6),
	XMM(0), XMM(1), XMM(2), XMM(3), XMM(4), XMM(5), XMM(6), XMM(7), XMM(8), XMM(9), XMM(10),
	XMM(11), XMM(12), XMM(13), XMM(14), XMM(15), { "mxcsr", "i386_mxcsr", 32, FP, 24 },
	VIEW_REG(orig_rax, "int"), VIEW_REG(fs_base, "int"), VIEW_REG(gs_base, "int"),
	YMM(0), YMM(1), YMM(2), YMM(3), YMM(4), YMM(5), YMM(6), YMM(7), YMM(8), YMM(9), YMM(10),
	YMM(11), YMM(12), YMM(13), YMM(14), YMM(15),
};

#define REGS_N (sizeof(regs) / sizeof(*regs))

/* Where a feature begins, and what it is called. */
static const struct {
	const char *first, *name;
} features[] = {
	{ "rax", "org.gnu.gdb.i386.core" },	   { "xmm0", "org.gnu.gdb.i386.sse" },
	{ "orig_rax", "org.gnu.gdb.i386.linux" },  { "fs_base", "org.gnu.gdb.i386.segments" },
	{ "ymm0h", "org.gnu.gdb.i386.avx" },
};

static const char types[] =
	"<flags id=\"i386_eflags\" size=\"4\">"
	"<field name=\"\" start=\"22\" end=\"31\"/>"
	"<field name=\"CF\" start=\"0\" end=\"0\"/><field name=\"\" start=\"1\" end=\"1\"/>"
	"<field name=\"PF\" start=\"2\" end=\"2\"/><field name=\"AF\" start=\"4\" end=\"4\"/>"
	"<field name=\"ZF\" start=\"6\" end=\"6\"/><field name=\"SF\" start=\"7\" end=\"7\"/>"
	"<field name=\"TF\" start=\"8\" end=\"8\"/><field name=\"IF\" start=\"9\" end=\"9\"/>"
	"<field name=\"DF\" start=\"10\" end=\"10\"/><field name=\"OF\" start=\"11\" end=\"11\"/>"
	"<field name=\"NT\" start=\"14\" end=\"14\"/><field name=\"RF\" start=\"16\" end=\"16\"/>"
	"<field name=\"VM\" start=\"17\" end=\"17\"/><field name=\"AC\" start=\"18\" end=\"18\"/>"
	"<field name=\"VIF\" start=\"19\" end=\"19\"/><field name=\"VIP\" start=\"20\" end=\"20\"/>"
	"<field name=\"ID\" start=\"21\" end=\"21\"/></flags>";

static const char vector_types[] =
	"<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
	"<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
	"<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
	"<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
	"<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"
	"<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
	"<union id=\"vec128\">"
	"<field name=\"v4_float\" type=\"v4f\"/><field name=\"v2_double\" type=\"v2d\"/>"
	"<field name=\"v16_int8\" type=\"v16i8\"/><field name=\"v8_int16\" type=\"v8i16\"/>"
	"<field name=\"v4_int32\" type=\"v4i32\"/><field name=\"v2_int64\" type=\"v2i64\"/>"
	"<field name=\"uint128\" type=\"uint128\"/></union>"
	"<flags id=\"i386_mxcsr\" size=\"4\">"
	"<field name=\"IE\" start=\"0\" end=\"0\"/><field name=\"DE\" start=\"1\" end=\"1\"/>"
	"<field name=\"ZE\" start=\"2\" end=\"2\"/><field name=\"OE\" start=\"3\" end=\"3\"/>"
	"<field name=\"UE\" start=\"4\" end=\"4\"/><field name=\"PE\" start=\"5\" end=\"5\"/>"
	"<field name=\"DAZ\" start=\"6\" end=\"6\"/><field name=\"IM\" start=\"7\" end=\"7\"/>"
	"<field name=\"DM\" start=\"8\" end=\"8\"/><field name=\"ZM\" start=\"9\" end=\"9\"/>"
	"<field name=\"OM\" start=\"10\" end=\"10\"/><field name=\"UM\" start=\"11\" end=\"11\"/>"
	"<field name=\"PM\" start=\"12\" end=\"12\"/><field name=\"FZ\" start=\"15\" end=\"15\"/>"
	"</flags>";

#define XSTATE_MAX 16384
#define XSTATE_BV 512 /* which parts of the image are in use */
#define XSTATE_XCR0 464
#define AVX_END (576 + 256)
#define PART_AVX 4u

static unsigned char fp[XSTATE_MAX] __attribute__((aligned(64)));
static size_t fp_size;

/* The host side leaves vector registers alone: they are the guest's. */
static bool fp_load(const struct task *task)
{
	struct iovec vector = { fp, sizeof(fp) };

	fp_size = 0;
	if (ptrace(PTRACE_GETREGSET, task->tid, NT_X86_XSTATE, &vector))
		return false;
	fp_size = vector.iov_len;
	/* A part that is not in use holds anything: it means zeroes. */
	if (fp_size >= AVX_END && !(fp[XSTATE_BV] & PART_AVX))
		__builtin_memset(fp + 576, 0, 256);
	return true;
}

static bool fp_store(const struct task *task, unsigned int at)
{
	struct iovec vector = { fp, fp_size };

	fp[XSTATE_BV] |= at >= 576 ? PART_AVX : 3;
	return !ptrace(PTRACE_SETREGSET, task->tid, NT_X86_XSTATE, &vector);
}

static bool has_avx(void)
{
	return fp_size >= AVX_END && fp[XSTATE_XCR0] & PART_AVX;
}

/* Of an image that is loaded. */
static void get(const struct task *task, const struct reg *reg, unsigned char *to)
{
	size_t size = reg->bits / 8;
	int i;

	__builtin_memset(to, 0, size);
	switch (reg->source) {
	case REGS:
		__builtin_memcpy(to, (const char *)&task->view.regs + reg->at, size);
		break;
	case SELECTOR:
		if (reg->at)
			__builtin_memcpy(to, (const char *)&task->view + reg->at, 2);
		break;
	case VIEW:
		__builtin_memcpy(to, (const char *)&task->view + reg->at, size);
		break;
	case FP:
		/* Of 32 for gdb, but mxcsr and the offsets have only 16. */
		size = reg->at < 24 && reg->at != 8 && reg->at != 16 ? 2 : size;
		__builtin_memcpy(to, fp + reg->at, size);
		break;
	case FP_TAGS: /* two bits each: in use, or empty */
		for (i = 0; i < 8; i++)
			if (!(fp[reg->at] >> i & 1))
				to[i / 4] |= (unsigned char)(3 << (i % 4 * 2));
	}
}

/* Only a gdb that reads descriptions expects the last ones. */
static size_t regs_n(void)
{
	return has_avx() && session.reads_xml ? REGS_N : REGS_N - 16;
}

size_t regs_get(struct task *task, unsigned char *to)
{
	unsigned char *at = to;
	size_t i;

	view_complete(task);
	fp_load(task);
	for (i = 0; i < regs_n(); i++) {
		get(task, &regs[i], at);
		at += regs[i].bits / 8;
	}
	return (size_t)(at - to);
}

size_t reg_get(struct task *task, unsigned int nr, unsigned char *to)
{
	fp_load(task);
	if (nr >= regs_n())
		return 0;
	if (regs[nr].source == VIEW || regs[nr].source == SELECTOR)
		view_complete(task);
	get(task, &regs[nr], to);
	return regs[nr].bits / 8;
}

static bool set(struct task *task, const struct reg *reg, const unsigned char *from)
{
	size_t size = reg->bits / 8;

	switch (reg->source) {
	case REGS:
		__builtin_memcpy((char *)&task->view.regs + reg->at, from, size);
		break;
	case VIEW:
		if (reg->at != __builtin_offsetof(struct view, orig_rax) && task->block) {
			view_complete(task);
			if (!task->sregs_fresh && !(task->run.flags & DUNE_RUN_SREGS))
				return false;
			task->sregs_changed = true;
		}
		__builtin_memcpy((char *)&task->view + reg->at, from, size);
		break;
	case FP:
		size = reg->at < 24 && reg->at != 8 && reg->at != 16 ? 2 : size;
		__builtin_memcpy(fp + reg->at, from, size);
		return fp_store(task, reg->at);
	default:
		return false;
	}
	task->view_changed = true;
	return true;
}

bool reg_set(struct task *task, unsigned int nr, const unsigned char *from, size_t size)
{
	fp_load(task);
	return nr < regs_n() && size == regs[nr].bits / 8 && set(task, &regs[nr], from);
}

/* Those that are as they were are not written: some cannot be. */
void regs_set(struct task *task, const unsigned char *from, size_t size)
{
	unsigned char now[16];
	size_t i;

	fp_load(task);
	for (i = 0; i < regs_n() && size >= regs[i].bits / 8; i++) {
		get(task, &regs[i], now);
		if (__builtin_memcmp(now, from, regs[i].bits / 8))
			set(task, &regs[i], from);
		size -= regs[i].bits / 8;
		from += regs[i].bits / 8;
	}
}

size_t regs_describe(struct task *task, char *to, size_t size)
{
	size_t n = 0, i, feature = 0;

	fp_load(task);
	n += (size_t)snprintf(to + n, size - n,
			      "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
			      "<target><architecture>i386:x86-64</architecture>"
			      "<osabi>GNU/Linux</osabi>");
	for (i = 0; i < regs_n(); i++) {
		const struct reg *reg = &regs[i];

		if (feature < sizeof(features) / sizeof(*features) &&
		    !__builtin_strcmp(reg->name, features[feature].first)) {
			n += (size_t)snprintf(to + n, size - n, "%s<feature name=\"%s\">%s",
					      feature ? "</feature>" : "", features[feature].name,
					      feature == 0 ? types :
					      feature == 1 ? vector_types : "");
			feature++;
		}
		n += (size_t)snprintf(to + n, size - n,
				      "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"/>", reg->name,
				      reg->bits, reg->type ? reg->type :
				      reg->bits == 64 ? "int64" : "int32");
	}
	n += (size_t)snprintf(to + n, size - n, "</feature></target>");
	return n;
}
