// SPDX-License-Identifier: MIT
/*
 * Starts a second kernel, at once or when the first one crashes. Not by
 * kexec_file_load(), which has all of it checksummed twice: four billion
 * instructions. The second kernel gets the boot parameters of the first, a
 * crash kernel only the memory that is reserved for it.
 *
 * kexec now|crash KERNEL INITRD COMMAND-LINE
 */
#include <asm/bootparam.h>
#include <err.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096ul
#define MIB (1ul << 20)
#define REBOOT_KEXEC 0x45584543
#define LOW_MEMORY_END 0x9f000ul

enum { PARAMS, CMDLINE, ENTRY, KERNEL, INITRD, SEGMENTS };

static unsigned long up(unsigned long value, unsigned long unit)
{
	return (value + unit - 1) / unit * unit;
}

static void *map(const char *path, size_t *size)
{
	struct stat st;
	void *data;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &st))
		err(1, "%s", path);
	*size = (size_t)st.st_size;
	data = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		err(1, "%s", path);
	return data;
}

static void crash_memory(unsigned long *start, unsigned long *end)
{
	FILE *file = fopen("/proc/iomem", "r");
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (strstr(line, "Crash kernel") &&
		    sscanf(line, "%lx-%lx", start, end) == 2)
			return;
	errx(1, "no memory for a crash kernel: boot with crashkernel=");
}

/* What is not memory stays; memory is the lowest, for starting CPUs, and the reserved part. */
static void crash_e820(struct boot_params *params, unsigned long start, unsigned long end)
{
	int i, n = 0;

	for (i = 0; i < params->e820_entries; i++)
		if (params->e820_table[i].type != 1)
			params->e820_table[n++] = params->e820_table[i];
	params->e820_table[n++] = (struct boot_e820_entry){ 0, LOW_MEMORY_END, 1 };
	params->e820_table[n++] = (struct boot_e820_entry){ start, end + 1 - start, 1 };
	params->e820_entries = (__u8)n;
}

static void params_read(struct boot_params *params)
{
	const char *path = "/sys/kernel/boot_params/data";
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, params, sizeof(*params)) != sizeof(*params))
		err(1, "%s", path);
}

int main(int argc, char **argv)
{
	bool crash = argc == 5 && !strcmp(argv[1], "crash");
	unsigned long start = 256 * MIB, end = 0, flags = KEXEC_ARCH_X86_64;
	static struct boot_params params;
	static char entry[] = "\x48\xbe........"  /* mov $params, %rsi */
			      "\x48\xb8........"  /* mov $kernel, %rax */
			      "\xff\xe0";         /* jmp *%rax */
	const struct setup_header *header;
	struct kexec_segment segments[SEGMENTS];
	size_t kernel_size, initrd_size, setup_size;
	char *kernel, *initrd;

	if (argc != 5)
		errx(2, "usage: kexec now|crash KERNEL INITRD COMMAND-LINE");
	kernel = map(argv[2], &kernel_size);
	initrd = map(argv[3], &initrd_size);
	params_read(&params);
	if (crash) {
		crash_memory(&start, &end);
		crash_e820(&params, start, end);
		flags |= KEXEC_ON_CRASH;
	}

	header = (void *)(kernel + 0x1f1);
	setup_size = (header->setup_sects + 1ul) * 512;
	segments[PARAMS] = (struct kexec_segment){ &params, sizeof(params), (void *)start, PAGE };
	segments[CMDLINE] = (struct kexec_segment){ argv[4], strlen(argv[4]) + 1,
						    (void *)(start + PAGE), PAGE };
	segments[ENTRY] = (struct kexec_segment){ entry, sizeof(entry),
						  (void *)(start + 2 * PAGE), PAGE };
	start = up(start + 3 * PAGE, header->kernel_alignment);
	segments[KERNEL] = (struct kexec_segment){ kernel + setup_size, kernel_size - setup_size,
						   (void *)start,
						   up(kernel_size - setup_size, PAGE) };
	/* It unpacks itself in place, and needs more room than it is long. */
	segments[INITRD] = (struct kexec_segment){ initrd, initrd_size,
						   (void *)(start + up(header->init_size, 2 * MIB)),
						   up(initrd_size, PAGE) };

	params.hdr = *header;
	params.hdr.type_of_loader = 0xff;
	params.hdr.setup_data = 0;
	params.hdr.ramdisk_image = (__u32)(unsigned long)segments[INITRD].mem;
	params.hdr.ramdisk_size = (__u32)initrd_size;
	params.hdr.cmd_line_ptr = (__u32)(unsigned long)segments[CMDLINE].mem;
	params.ext_ramdisk_image = params.ext_ramdisk_size = params.ext_cmd_line_ptr = 0;
	memcpy(entry + 2, &segments[PARAMS].mem, 8);
	start += 0x200; /* the 64-bit entry */
	memcpy(entry + 12, &start, 8);

	if (syscall(SYS_kexec_load, segments[ENTRY].mem, (long)SEGMENTS, segments, flags))
		err(1, "kexec_load");
	if (!crash && reboot(REBOOT_KEXEC))
		err(1, "reboot");
	return 0;
}
