// SPDX-License-Identifier: MIT
/* A plugin in ring 3: it computes in its own page, and asks the host for everything else. */
#include <dune.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define PAGE 4096

/* The plugin's code, a page of its own: count the vowels at rdi, tell them by exit(n). */
asm(".balign 4096\nplugin:\n"
	"xor %ebx, %ebx\n"
	"1: mov (%rdi), %al\n"
	"test %al, %al\njz 3f\n"
	"mov $5, %ecx\nlea vowels(%rip), %rsi\n"
	"2: cmp %al, -1(%rsi,%rcx)\nsete %dl\nadd %dl, %bl\nloop 2b\n"
	"inc %rdi\njmp 1b\n"
	"3: mov %ebx, %edi\nmov $60, %eax\nsyscall\n" /* exit */
	"vowels: .ascii \"aeiou\"\n.balign 4096\n");
extern const char plugin[];

static const char *run(uint64_t text, struct dune_user_state *state)
{
	*state = (struct dune_user_state){ .regs.rip = (uint64_t)plugin, .regs.rdi = text };
	for (;;) {
		switch (dune_user_run(state)) {
		case DUNE_USER_SIGNAL:
			continue;
		case DUNE_USER_SYSCALL:
			return state->regs.rax == SYS_exit ? "exit" : "a call it may not make";
		default:
			return "exception";
		}
	}
}

int main(void)
{
	char *text = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int error = dune_init(NULL);
	struct dune_user_state state;
	const char *end;

	strcpy(text, "a plugin counts vowels");
	if (!error)
		error = dune_enter();
	if (!error)
		error = dune_vm_protect((void *)plugin, PAGE,
					DUNE_PROT_READ | DUNE_PROT_EXEC | DUNE_PROT_USER);
	if (!error)
		error = dune_vm_protect(text, PAGE, DUNE_PROT_READ | DUNE_PROT_USER);
	if (error) {
		fprintf(stderr, "no Dune mode: %s\n", strerror(-error));
		return 1;
	}
	end = run((uint64_t)text, &state);
	printf("given a page: %s, %d vowels\n", end, (int)state.regs.rdi);
	end = run((uint64_t)&state, &state);
	printf("given the host's stack: %s %d at our address: %s\n", end, (int)state.regs.vector,
	       state.fault_address == (uint64_t)&state ? "yes" : "no");
	return dune_leave();
}
