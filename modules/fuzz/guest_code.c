// SPDX-License-Identifier: MIT
/* The code of a hostile guest: random bytes, or instructions with a liking for privileged ones. */
#include "guest.h"

#include <string.h>

/* What follows the opcode. */
enum tail { NOTHING, MODRM, REGISTER, IMM8, IMM32, MODRM_IMM8, SHORT, VALUE, MSR, FRAME, FAR };

struct opcode {
	const char *bytes;
	uint8_t size, tail;
};

#define OP(bytes, tail) { bytes, sizeof(bytes) - 1, tail }

static const struct opcode system_ops[] = {
	OP("\x0f\x00", MODRM), OP("\x0f\x01", MODRM), OP("\x0f\x01", REGISTER),
	OP("\x0f\x02", MODRM), OP("\x0f\x03", MODRM), OP("\x0f\x05", NOTHING),
	OP("\x0f\x06", NOTHING), OP("\x0f\x07", NOTHING), OP("\x48\x0f\x07", NOTHING),
	OP("\x0f\x08", NOTHING), OP("\x0f\x09", NOTHING),
	OP("\x0f\x20", REGISTER), OP("\x0f\x22", REGISTER), OP("\x44\x0f\x22", REGISTER),
	OP("\x0f\x21", REGISTER), OP("\x0f\x23", REGISTER),
	OP("\x0f\x30", MSR), OP("\x0f\x32", MSR), OP("\x0f\x31", NOTHING), OP("\x0f\x33", NOTHING),
	OP("\x0f\x34", NOTHING), OP("\x0f\x35", NOTHING), OP("\x0f\x37", NOTHING),
	OP("\x0f\x78", MODRM), OP("\x0f\x79", MODRM), OP("\x0f\xa2", NOTHING),
	OP("\x0f\xaa", NOTHING), OP("\x0f\xae", MODRM), OP("\xf3\x0f\xae", REGISTER),
	OP("\x66\x0f\xae", REGISTER), OP("\xf2\x0f\xae", REGISTER),
	OP("\x0f\xc7", MODRM), OP("\x66\x0f\xc7", MODRM), OP("\xf3\x0f\xc7", MODRM),
	OP("\x48\x0f\xc7", MODRM), OP("\x66\x0f\x38\x80", MODRM), OP("\x66\x0f\x38\x81", MODRM),
	OP("\x66\x0f\x38\x82", MODRM), OP("\xf3\x0f\x01", REGISTER), OP("\x66\x0f\x01", REGISTER),
	OP("\x0f\x01\xd9", NOTHING), OP("\x0f\x01\xd9", NOTHING), OP("\x0f\x01\xc1", NOTHING),
	OP("\x0f\x01\xf8", NOTHING), OP("\x0f\x01\xd0", NOTHING),
	OP("\xe4", IMM8), OP("\xe5", IMM8), OP("\xe6", IMM8), OP("\xe7", IMM8), OP("\xec", NOTHING),
	OP("\xed", NOTHING), OP("\xee", NOTHING), OP("\xef", NOTHING), OP("\x6c", NOTHING),
	OP("\x6d", NOTHING), OP("\x6e", NOTHING), OP("\xf3\x6f", NOTHING),
	OP("\xf4", NOTHING), OP("\xfa", NOTHING), OP("\xfb", NOTHING), OP("\x9c", NOTHING),
	OP("\x9d", NOTHING), OP("\x48\xcf", FRAME), OP("\x48\xcf", FRAME), OP("\xcf", NOTHING),
	OP("\x48\xcb", NOTHING), OP("\xcb", NOTHING), OP("\xcd", IMM8), OP("\xcc", NOTHING),
	OP("\xf1", NOTHING), OP("\xce", NOTHING), OP("\x8e", MODRM), OP("\x8c", MODRM),
	OP("\x8e", REGISTER), OP("\xff\x2e", FAR), OP("\xff\x1e", FAR), OP("\x48\xff\x2e", FAR),
	OP("\x0f\xb4", MODRM), OP("\x0f\xb2", MODRM), OP("\x0f\xa1", NOTHING),
};

static const struct opcode plain_ops[] = {
	OP("\x8b", MODRM), OP("\x48\x8b", MODRM), OP("\x89", MODRM), OP("\x48\x89", MODRM),
	OP("\x88", MODRM), OP("\x8f", MODRM), OP("\xff", MODRM), OP("\x01", MODRM),
	OP("\xf0\x0f\xb1", MODRM), OP("\xf0\x48\x0f\xc7", MODRM), OP("\x87", MODRM),
	OP("\xc6", MODRM_IMM8), OP("\xf3\xa4", NOTHING), OP("\xf3\x48\xab", NOTHING),
	OP("\xa4", NOTHING), OP("\xc3", NOTHING), OP("\x50", NOTHING), OP("\x58", NOTHING),
	OP("\x5c", NOTHING), OP("\x54", NOTHING), OP("\xc9", NOTHING), OP("\xe8", IMM32),
	OP("\xeb", SHORT), OP("\x74", SHORT), OP("\xe2", SHORT), OP("\x0f\x0b", NOTHING),
	OP("\xf7\xf1", NOTHING), OP("\x0f\x28", MODRM), OP("\x0f\x29", MODRM), OP("\xd9", MODRM),
	OP("\x0f\xae", MODRM), OP("\x9b", NOTHING), OP("\xdd", MODRM), OP("\x0f\x18", MODRM),
	OP("\xf3\x90", NOTHING), OP("\x68", IMM32), OP("\x6a", IMM8), OP("\xc8", IMM32),
	OP("\x0f\x0d", MODRM), OP("\x8d", MODRM), OP("\x63", MODRM), OP("\xd7", NOTHING),
};

static const uint32_t msrs[] = {
	0x10, 0x1b, 0x3a, 0x48, 0x49, 0x174, 0x175, 0x176, 0x1d9, 0x277, 0x480, 0x48b, 0x6e0, 0x830,
	0xda0, 0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101,
	0xc0000102, 0xc0000103, 0xc0010114, 0xc0010117,
};

struct buffer {
	unsigned char bytes[64];
	size_t size;
};

static void put(struct buffer *b, const void *bytes, size_t size)
{
	memcpy(b->bytes + b->size, bytes, size);
	b->size += size;
}

static void put_u8(struct buffer *b, uint8_t byte)
{
	put(b, &byte, 1);
}

static void put_u32(struct buffer *b, uint32_t value)
{
	put(b, &value, 4);
}

/* mov $value, %register */
static void put_load(struct buffer *b, unsigned int nr, uint64_t value)
{
	put_u8(b, nr < 8 ? 0x48 : 0x49);
	put_u8(b, 0xb8 | (nr & 7));
	put(b, &value, 8);
}

/* A memory operand: by a register, with a displacement, a SIB byte, or near the code. */
static void put_modrm(struct buffer *b, struct random *r)
{
	uint8_t reg = random_below(r, 8) << 3;

	switch (random_below(r, 6)) {
	case 0:
		put_u8(b, 0x40 | reg | 6);
		put_u8(b, random_u64(r));
		break;
	case 1:
		put_u8(b, reg | 5);
		put_u32(b, (int32_t)random_below(r, 8192) - 4096);
		break;
	case 2:
		put_u8(b, 0x84 | reg);
		put_u8(b, random_u64(r));
		put_u32(b, (int32_t)random_below(r, 8192) - 4096);
		break;
	case 3:
		put_u8(b, random_u64(r) | 0xc0);
		break;
	default:
		put_u8(b, reg | (random_below(r, 2) ? 6 : random_below(r, 4)));
		break;
	}
}

/* What IRETQ takes from the stack; half of the time its selectors are good. */
static void put_frame(struct buffer *b, struct random *r)
{
	static const uint8_t selectors[] = { BARE_CS0, BARE_CS3, BARE_SS0, BARE_SS3, BARE_TR, 0, 1,
					     0x43, 0x4b };

	put_u8(b, 0x6a);
	put_u8(b, random_below(r, 2) ? BARE_SS3 : RANDOM_OF(r, selectors));
	put_u8(b, 0x56); /* push %rsi: the stack */
	put_u8(b, 0x68);
	put_u32(b, random_u64(r) & 0x247fd7);
	put_u8(b, 0x6a);
	put_u8(b, random_below(r, 2) ? BARE_CS3 : RANDOM_OF(r, selectors));
	put_u8(b, random_below(r, 4) ? 0x57 : 0x50); /* push %rdi or %rax: where to */
}

static void put_opcode(struct buffer *b, struct random *r, const struct bare *bare,
		       const struct opcode *op)
{
	if (op->tail == MSR) {
		put_u8(b, 0xb9);
		put_u32(b, random_below(r, 4) ? RANDOM_OF(r, msrs) : random_u64(r));
	} else if (op->tail == FRAME) {
		put_frame(b, r);
	} else if (op->tail == FAR) {
		put(b, "\x66\xc7\x46\x04", 4); /* movw $selector, 4(%rsi) */
		put_u8(b, random_u64(r));
		put_u8(b, 0);
	} else if (random_once_in(r, 3)) {
		put_load(b, random_below(r, 16), guest_value(bare, r));
	}
	if (random_once_in(r, 16))
		put_u8(b, RANDOM_OF(r, ((const uint8_t[]){ 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x64,
							   0x65, 0x48, 0x41 })));
	put(b, op->bytes, op->size);
	switch (op->tail) {
	case MODRM:
		put_modrm(b, r);
		break;
	case REGISTER:
		put_u8(b, 0xc0 | random_u64(r));
		break;
	case MODRM_IMM8:
		put_modrm(b, r);
		put_u8(b, random_u64(r));
		break;
	case IMM8:
		put_u8(b, random_u64(r));
		break;
	case IMM32:
		put_u32(b, random_below(r, 2) ? random_below(r, 64) : random_u64(r));
		break;
	case SHORT:
		put_u8(b, (int)random_below(r, 64) - 32);
		break;
	}
}

static void put_part(struct buffer *b, struct random *r, const struct bare *bare, bool bytes)
{
	size_t n;

	if (bytes) {
		for (n = 1 + random_below(r, 6); n; n--)
			put_u8(b, random_u64(r));
	} else if (random_below(r, 5) < 3) {
		put_opcode(b, r, bare, &RANDOM_OF(r, system_ops));
	} else {
		put_opcode(b, r, bare, &RANDOM_OF(r, plain_ops));
	}
}

/*
 * What QEMU's TCG does not survive: XSETBV reaches the host's register instead
 * of exiting, and an exception after LTR of a null selector ends QEMU.
 */
static void spare_tcg(unsigned char *code)
{
	if (code[0] != 0x0f)
		return;
	if (code[1] == 0x01 && code[2] == 0xd1)
		code[2] = 0xd0; /* XGETBV */
	else if (code[1] == 0x00 && (code[2] & 0x38) == 0x18)
		code[2] ^= 0x10; /* STR */
}

void guest_code(struct guest *guest)
{
	struct random choice = random_at(guest->seed, guest->index, 0);
	bool bytes = random_once_in(&choice, 3);
	unsigned int n = 1 + random_below(&choice, GUEST_CODE_PARTS), i;
	size_t at;

	guest->ring = random_below(&choice, 2) ? 3 : 0;
	guest->size = 0;
	for (i = 0; i < n; i++) {
		struct random r = random_at(guest->seed, guest->index, 1 + i);
		struct buffer b = { .size = 0 };

		if (!(guest->parts & 1ull << i))
			continue;
		put_part(&b, &r, guest->bare, bytes);
		memcpy(guest->code + guest->size, b.bytes, b.size);
		guest->size += b.size;
	}
	for (at = 2; guest->tcg && at < guest->size; at++)
		spare_tcg(guest->code + at - 2);
}
