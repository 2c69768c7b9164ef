// SPDX-License-Identifier: MIT
/* Prints MSRs of the host that no task changes, of every CPU, by the kernel's msr driver. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

/* Not the bases of FS and GS and what SWAPGS brings, which are each task's own. */
static const struct {
	const char *name;
	unsigned int first, last;
} msrs[] = {
	{ "APIC_BASE", 0x1b, 0x1b },
	{ "FEATURE_CONTROL", 0x3a, 0x3a },
	{ "TSC_ADJUST", 0x3b, 0x3b },
	{ "SPEC_CTRL", 0x48, 0x48 },
	{ "SYSENTER", 0x174, 0x176 },
	{ "MISC_ENABLE", 0x1a0, 0x1a0 },
	{ "DEBUGCTL", 0x1d9, 0x1d9 },
	{ "MTRR", 0x200, 0x20f },
	{ "MTRR_FIX64K", 0x250, 0x250 },
	{ "MTRR_FIX16K", 0x258, 0x259 },
	{ "MTRR_FIX4K", 0x268, 0x26f },
	{ "PAT", 0x277, 0x277 },
	{ "MTRR_DEF_TYPE", 0x2ff, 0x2ff },
	{ "PERF_GLOBAL_CTRL", 0x38f, 0x38f },
	{ "XSS", 0xda0, 0xda0 },
	{ "EFER", 0xc0000080, 0xc0000080 },
	{ "STAR", 0xc0000081, 0xc0000081 },
	{ "LSTAR", 0xc0000082, 0xc0000082 },
	{ "CSTAR", 0xc0000083, 0xc0000083 },
	{ "SYSCALL_MASK", 0xc0000084, 0xc0000084 },
	{ "TSC_AUX", 0xc0000103, 0xc0000103 },
	{ "VM_CR", 0xc0010114, 0xc0010114 },
	{ "VM_HSAVE_PA", 0xc0010117, 0xc0010117 },
};

int main(void)
{
	unsigned int cpu, i, nr;

	for (cpu = 0;; cpu++) {
		char path[32];
		int fd;

		snprintf(path, sizeof(path), "/dev/cpu/%u/msr", cpu);
		fd = open(path, O_RDONLY);
		if (fd < 0)
			return cpu == 0;
		for (i = 0; i < sizeof(msrs) / sizeof(*msrs); i++)
			for (nr = msrs[i].first; nr <= msrs[i].last; nr++) {
				uint64_t value;

				if (pread(fd, &value, sizeof(value), nr) != sizeof(value))
					printf("%u %s %x none\n", cpu, msrs[i].name, nr);
				else
					printf("%u %s %x = %lx\n", cpu, msrs[i].name, nr, value);
			}
		close(fd);
	}
}
