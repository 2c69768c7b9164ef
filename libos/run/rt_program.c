// SPDX-License-Identifier: MIT
/* libdune's note in a program, or its name among the libraries that the program needs. */
#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rt_program.h"

struct file {
	const char *data;
	uint64_t size;
};

/* size bytes at offset, NULL if they are not in the file. */
static const void *at(const struct file *file, uint64_t offset, uint64_t size)
{
	return offset <= file->size && size <= file->size - offset ? file->data + offset : NULL;
}

static const Elf64_Phdr *segment(const struct file *file, unsigned int i)
{
	const Elf64_Ehdr *head = at(file, 0, sizeof(*head));

	if (!head || memcmp(head->e_ident, ELFMAG, SELFMAG) || i >= head->e_phnum ||
	    head->e_phentsize != sizeof(Elf64_Phdr))
		return NULL;
	return at(file, head->e_phoff + i * sizeof(Elf64_Phdr), sizeof(Elf64_Phdr));
}

static bool has_note(const struct file *file, const Elf64_Phdr *notes)
{
	uint64_t from = 0;

	while (from < notes->p_filesz) {
		const Elf64_Nhdr *note = at(file, notes->p_offset + from, sizeof(*note));
		const char *name;

		if (!note)
			return false;
		name = at(file, notes->p_offset + from + sizeof(*note), note->n_namesz);
		if (name && note->n_namesz == sizeof("dune") && !memcmp(name, "dune", 5))
			return true;
		from += sizeof(*note) + ((note->n_namesz + 3ull) & ~3ull) +
			((note->n_descsz + 3ull) & ~3ull);
	}
	return false;
}

/* Where an address of the program is in the file; its size if nowhere. */
static uint64_t offset_of(const struct file *file, uint64_t address)
{
	const Elf64_Phdr *load;
	unsigned int i;

	for (i = 0; (load = segment(file, i)); i++)
		if (load->p_type == PT_LOAD && address >= load->p_vaddr &&
		    address - load->p_vaddr < load->p_filesz)
			return load->p_offset + (address - load->p_vaddr);
	return file->size;
}

static bool needs_library(const struct file *file, const Elf64_Phdr *dynamic)
{
	const Elf64_Dyn *entries = at(file, dynamic->p_offset, dynamic->p_filesz);
	uint64_t n = dynamic->p_filesz / sizeof(*entries), i, names = file->size;

	for (i = 0; entries && i < n; i++)
		if (entries[i].d_tag == DT_STRTAB)
			names = offset_of(file, entries[i].d_un.d_ptr);
	for (i = 0; entries && i < n; i++) {
		const char *name;

		if (entries[i].d_tag != DT_NEEDED || entries[i].d_un.d_val > file->size)
			continue;
		name = at(file, names + entries[i].d_un.d_val, sizeof("libdune.so") - 1);
		if (name && !memcmp(name, "libdune.so", sizeof("libdune.so") - 1))
			return true;
	}
	return false;
}

static bool look(const struct file *file)
{
	const Elf64_Phdr *part;
	unsigned int i;

	for (i = 0; (part = segment(file, i)); i++)
		if ((part->p_type == PT_NOTE && has_note(file, part)) ||
		    (part->p_type == PT_DYNAMIC && needs_library(file, part)))
			return true;
	return false;
}

bool program_has_libdune(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	struct file file;
	bool found = false;

	if (fd < 0)
		return false;
	if (!fstat(fd, &status) && S_ISREG(status.st_mode) && status.st_size > 0) {
		file.size = (uint64_t)status.st_size;
		file.data = mmap(NULL, file.size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (file.data != MAP_FAILED) {
			found = look(&file);
			munmap((void *)file.data, file.size);
		}
	}
	close(fd);
	return found;
}
