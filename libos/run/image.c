// SPDX-License-Identifier: MIT
/* Reads ELF headers with suspicion, maps segments. */
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image.h"

#define PAGE 4096ull
#define ADDRESSES (1ull << 47)
#define HEADERS_MAX 128

static uint64_t page_down(uint64_t a)
{
	return a & ~(PAGE - 1);
}

static uint64_t page_up(uint64_t a)
{
	return page_down(a + PAGE - 1);
}

static const char *header_complaint(const Elf64_Ehdr *e)
{
	if (memcmp(e->e_ident, ELFMAG, SELFMAG))
		return "not an ELF file";
	if (e->e_ident[EI_CLASS] != ELFCLASS64 || e->e_machine != EM_X86_64)
		return "not a program for x86-64";
	if (e->e_ident[EI_DATA] != ELFDATA2LSB || (e->e_type != ET_EXEC && e->e_type != ET_DYN))
		return "not an executable";
	if (e->e_phentsize != sizeof(Elf64_Phdr) || !e->e_phnum || e->e_phnum > HEADERS_MAX)
		return "its program headers make no sense";
	return NULL;
}

/* Of segments to load: sizes, order, overlap, the end of the file. */
static const char *segments_complaint(const Elf64_Phdr *p, int n, uint64_t file_size)
{
	uint64_t end = 0;
	int i, loads = 0;

	for (i = 0; i < n; i++) {
		if (p[i].p_type != PT_LOAD)
			continue;
		if (p[i].p_filesz > p[i].p_memsz || p[i].p_memsz > ADDRESSES ||
		    p[i].p_vaddr > ADDRESSES - p[i].p_memsz ||
		    (p[i].p_vaddr - p[i].p_offset) % PAGE)
			return "a segment's size or place makes no sense";
		if (loads++ && p[i].p_vaddr < end)
			return "its segments overlap";
		if (p[i].p_offset > file_size || p[i].p_filesz > file_size - p[i].p_offset)
			return "the file is shorter than its segments";
		end = p[i].p_vaddr + p[i].p_memsz;
	}
	return loads ? NULL : "it has no segment to load";
}

static int protection(const Elf64_Phdr *p)
{
	return (p->p_flags & PF_R ? PROT_READ : 0) | (p->p_flags & PF_W ? PROT_WRITE : 0) |
	       (p->p_flags & PF_X ? PROT_EXEC : 0);
}

static int map_at(uint64_t start, uint64_t end, int prot, int flags, int fd, uint64_t offset)
{
	if (start == end)
		return 0;
	return mmap((void *)start, end - start, prot, MAP_PRIVATE | MAP_FIXED | flags, fd,
		    (off_t)offset) == MAP_FAILED ? -errno : 0;
}

/*
 * The part from the file, the rest of its last page zeroed, then plain zeroes. In a page that it
 * shares with the segment before, the later one's content and protection hold, as in Linux:
 * linkers that let segments meet in a page lay them out in the file as in memory.
 */
static int segment_map(int fd, uint64_t base, const Elf64_Phdr *p)
{
	uint64_t start = base + p->p_vaddr, file_end = start + p->p_filesz;
	uint64_t end = start + p->p_memsz, shared = page_up(file_end);
	int prot = protection(p), error;

	error = map_at(page_down(start), shared, prot, 0, fd, page_down(p->p_offset));
	if (!error && end > file_end && shared > file_end && prot & PROT_WRITE)
		memset((void *)file_end, 0, shared - file_end);
	if (!error && page_up(end) > shared)
		error = map_at(p->p_filesz ? shared : page_down(start), page_up(end), prot,
			       MAP_ANONYMOUS, -1, 0);
	return error;
}

static int interpreter_read(int fd, const Elf64_Phdr *p, struct image *image)
{
	if (p->p_filesz < 2 || p->p_filesz > sizeof(image->interpreter) ||
	    pread(fd, image->interpreter, p->p_filesz, (off_t)p->p_offset) !=
		    (ssize_t)p->p_filesz ||
	    image->interpreter[p->p_filesz - 1])
		return -ENOEXEC;
	return 0;
}

/* Reserve all addresses of the image at once: *base, or -errno. */
static int reserve(const Elf64_Ehdr *e, uint64_t first, uint64_t last, uint64_t near,
		   uint64_t *base)
{
	uint64_t length = page_up(last) - page_down(first);
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	uint64_t wish = e->e_type == ET_EXEC ? page_down(first) : near;
	void *at = MAP_FAILED;

	if (wish)
		at = mmap((void *)wish, length, PROT_NONE, flags | MAP_FIXED_NOREPLACE, -1, 0);
	if (at == MAP_FAILED && e->e_type == ET_DYN)
		at = mmap(NULL, length, PROT_NONE, flags, -1, 0);
	if (at == MAP_FAILED)
		return -errno;
	*base = (uint64_t)at - page_down(first);
	return 0;
}

int image_map(int fd, uint64_t near, struct image *image, const char **why)
{
	Elf64_Phdr p[HEADERS_MAX];
	uint64_t first = ~0ull, last = 0;
	struct stat status;
	Elf64_Ehdr e = { 0 };
	int i, error = 0;
	ssize_t size;

	memset(image, 0, sizeof(*image));
	*why = "";
	if (pread(fd, &e, sizeof(e), 0) < 0 || fstat(fd, &status))
		return -errno;
	*why = header_complaint(&e);
	if (*why)
		return -ENOEXEC;
	size = e.e_phnum * (ssize_t)sizeof(*p);
	*why = "its program headers are not in the file";
	if (pread(fd, p, (size_t)size, (off_t)e.e_phoff) != size)
		return -ENOEXEC;
	*why = segments_complaint(p, e.e_phnum, (uint64_t)status.st_size);
	if (*why)
		return -ENOEXEC;

	for (i = 0; i < e.e_phnum; i++) {
		if (p[i].p_type == PT_LOAD && p[i].p_vaddr < first)
			first = p[i].p_vaddr;
		if (p[i].p_type == PT_LOAD)
			last = p[i].p_vaddr + p[i].p_memsz;
		image->exec_stack |= p[i].p_type == PT_GNU_STACK && p[i].p_flags & PF_X;
		*why = "its interpreter's name makes no sense";
		if (p[i].p_type == PT_INTERP && interpreter_read(fd, &p[i], image))
			return -ENOEXEC;
	}
	*why = "its place is page 0, which catches null pointers";
	if (e.e_type == ET_EXEC && !page_down(first))
		return -ENOEXEC;
	*why = "";
	error = reserve(&e, first, last, near, &image->base);
	for (i = 0; !error && i < e.e_phnum; i++) {
		uint64_t at = image->base + p[i].p_vaddr;

		if (p[i].p_type == PT_PHDR)
			image->headers = at;
		if (p[i].p_type != PT_LOAD)
			continue;
		error = segment_map(fd, image->base, &p[i]);
		if (!image->headers && e.e_phoff >= p[i].p_offset &&
		    e.e_phoff + (uint64_t)size <= p[i].p_offset + p[i].p_filesz)
			image->headers = at + e.e_phoff - p[i].p_offset;
		if (!image->code_end && p[i].p_flags & PF_X) {
			image->code_start = at;
			image->code_end = at + p[i].p_filesz;
		}
		if (p[i].p_flags & PF_W) {
			image->data_start = image->data_start ? image->data_start : at;
			image->data_end = at + p[i].p_filesz;
		}
		image->end = at + p[i].p_memsz;
	}
	image->entry = image->base + e.e_entry;
	image->header_size = e.e_phentsize;
	image->headers_n = e.e_phnum;
	return error;
}
