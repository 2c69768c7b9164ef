// SPDX-License-Identifier: MIT
/* A page-fault handler that learns of the first write to a page, by page table entries alone. */
#include <dune.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096

static void on_fault(uintptr_t address, uint32_t error_code,
		     struct dune_trap_frame *frame, void *arg)
{
	volatile unsigned int *writes = arg;
	void *page = (void *)(address & ~(uintptr_t)(PAGE - 1));

	(void)frame;
	if (!(error_code & DUNE_PF_WRITE))
		abort();
	++*writes;
	dune_vm_protect(page, PAGE, DUNE_PROT_READ | DUNE_PROT_WRITE);
}

int main(void)
{
	char *page = aligned_alloc(PAGE, PAGE);
	volatile unsigned int writes = 0; /* changes behind the compiler's back */
	int error = dune_init(NULL);

	if (!error)
		error = dune_pgfault_set(on_fault, (void *)&writes);
	if (!error)
		error = dune_enter();
	if (error) {
		fprintf(stderr, "cannot enter Dune mode: %s\n", strerror(-error));
		return 1;
	}
	strcpy(page, "before");
	dune_vm_protect(page, PAGE, DUNE_PROT_READ);
	printf("read-only page says \"%s\"\n", page);
	strcpy(page, "after");
	strcpy(page, "after"); /* no fault: writable again */
	printf("now it says \"%s\", %u write fault caught\n", page, writes);
	return writes == 1 ? 0 : 1;
}
