// SPDX-License-Identifier: MIT
/* Address-space roots: copies and empty ones, who is in which, and when they go. */
#include <asm/prctl.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/access.h"
#include "lib/dune_mode.h"

#define PAGE 4096ul
#define GIB (1ul << 30)
#define RW (DUNE_PROT_READ | DUNE_PROT_WRITE)

static unsigned char *page, *other; /* say 1 and 2 in the default root */

static bool says(uint64_t want)
{
	uint64_t value;

	return access_load((uint64_t *)page, &value) && value == want;
}

/* A copy of the default root in which page shows other. */
static int aliasing_root(void)
{
	int root = dune_root_create(DUNE_ROOT_DEFAULT);

	if (root < 0 || dune_vm_map(root, page, PAGE, other, RW))
		ktap_bail("no root: %d", root);
	return root;
}

static bool numbers_are_checked(void)
{
	return dune_root_current() == DUNE_ROOT_DEFAULT && dune_root_switch(5) == -EINVAL &&
	       dune_root_switch(-3) == -EINVAL && dune_root_switch(DUNE_ROOTS_MAX) == -EINVAL &&
	       dune_root_switch(DUNE_ROOT_EMPTY) == -EINVAL && dune_root_create(5) == -EINVAL &&
	       dune_root_create(-3) == -EINVAL && dune_root_free(5) == -EINVAL &&
	       dune_root_free(DUNE_ROOT_DEFAULT) == -EINVAL &&
	       dune_root_free(DUNE_ROOT_CURRENT) == -EINVAL &&
	       dune_root_switch(DUNE_ROOT_DEFAULT) == 0 && dune_root_switch(DUNE_ROOT_CURRENT) == 0;
}

static bool a_copy_goes_its_own_way(void)
{
	int root = dune_root_create(DUNE_ROOT_CURRENT);
	bool ok = root > 0 && !dune_vm_protect(page, PAGE, DUNE_PROT_READ) &&
		  !access_store((uint64_t *)page, 9) && dune_root_switch(root) == 0 &&
		  dune_root_current() == root && access_store((uint64_t *)page, 5) && says(5) &&
		  !dune_vm_protect(page, PAGE, DUNE_PROT_NONE) && !says(5) &&
		  dune_root_free(root) == -EBUSY && dune_root_switch(DUNE_ROOT_DEFAULT) == root &&
		  says(5) && !dune_vm_protect(page, PAGE, RW) && access_store((uint64_t *)page, 1);

	return ok && !dune_root_free(root) && dune_root_switch(root) == -EINVAL;
}

static bool roots_show_different_memory(void)
{
	int root = aliasing_root(), i;
	bool ok = true;

	for (i = 0; ok && i < 500; i++)
		ok = says(1) && dune_root_switch(root) == 0 && says(2) &&
		     dune_root_switch(DUNE_ROOT_DEFAULT) == root;
	/* Edited from outside after it was used, and the CPU may remember it. */
	ok &= !dune_vm_map(root, page, PAGE, page, RW) && dune_root_switch(root) == 0 && says(1) &&
	      dune_root_switch(DUNE_ROOT_DEFAULT) == root;
	return !dune_root_free(root) && ok;
}

/* What nobody touched before the copy was made comes to each root for itself. */
static bool fresh_memory_comes_to_each_root(void)
{
	unsigned char *big = mmap(NULL, 3 * GIB, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	volatile uint64_t *fresh = (uint64_t *)(((uintptr_t)big + GIB - 1) & ~(GIB - 1));
	int root = dune_root_create(DUNE_ROOT_DEFAULT), copy = dune_root_create(root);
	bool ok = root > 0 && copy > 0 && dune_root_switch(root) == 0;

	*fresh = 77;
	ok &= dune_root_switch(copy) == root && *fresh == 77 && dune_root_switch(0) == copy &&
	      *fresh == 77;
	munmap(big, 3 * GIB);
	return !dune_root_free(root) && !dune_root_free(copy) && ok;
}

static void *where(void *unused)
{
	return (void *)((long)dune_root_current() << 8 | says(2) | (long)unused);
}

static bool threads_begin_where_they_are_made(void)
{
	int root = aliasing_root();
	void *first = NULL, *second = NULL;
	pthread_t thread;
	bool ok = dune_root_switch(root) == 0;

	pthread_create(&thread, NULL, where, NULL);
	pthread_join(thread, &first);
	dune_root_switch(DUNE_ROOT_DEFAULT);
	pthread_create(&thread, NULL, where, NULL);
	pthread_join(thread, &second);
	return !dune_root_free(root) && ok && (long)first == ((long)root << 8 | 1) && !second;
}

static volatile int handler_root;
static volatile bool handler_says_two;

static void on_signal(int signal)
{
	(void)signal;
	handler_root = dune_root_current();
	handler_says_two = says(2);
}

static bool handlers_run_in_the_root_they_interrupt(void)
{
	int root = aliasing_root();

	signal(SIGUSR1, on_signal);
	dune_root_switch(root);
	handler_root = -1;
	kill(getpid(), SIGUSR1);
	asm volatile("" ::: "memory");
	return dune_root_switch(DUNE_ROOT_DEFAULT) == root && handler_root == root &&
	       handler_says_two && !dune_root_free(root);
}

static bool child_has_all_roots(void)
{
	int root = aliasing_root(), third = dune_root_create(root), status = -1;
	pid_t pid;

	dune_root_switch(root);
	pid = fork();
	if (pid == 0) {
		bool ok = dune_root_current() == root && says(2) &&
			  dune_root_switch(DUNE_ROOT_DEFAULT) == root && says(1) &&
			  !dune_root_free(root) && dune_root_switch(third) == 0 && says(2);

		_exit(!ok);
	}
	waitpid(pid, &status, 0);
	return status == 0 && says(2) && dune_root_switch(0) == root && !dune_root_free(root) &&
	       !dune_root_free(third);
}

static bool vfork_and_exec_from_a_root(void)
{
	int root = aliasing_root(), status = -1;
	pid_t pid;

	dune_root_switch(root);
	pid = vfork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", "exit 3", NULL);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status) == 3 && dune_root_switch(0) == root && !dune_root_free(root);
}

static bool leaving_ends_in_the_default_root(void)
{
	int root = aliasing_root();
	bool ok = dune_root_switch(root) == 0 && !dune_leave() &&
		  dune_root_current() == -EPERM && dune_root_create(0) == -EPERM &&
		  dune_root_switch(0) == -EPERM && dune_root_free(root) == -EPERM &&
		  *(volatile uint64_t *)page == 1;

	must_enter();
	return ok && dune_root_current() == 0 && !dune_root_free(root);
}

static uint64_t fs_base(void)
{
	uint64_t base;

	syscall(SYS_arch_prctl, ARCH_GET_FS, &base);
	return base;
}

static long in_a_system_call(void)
{
	long ret;

	asm volatile("syscall" : "=a"(ret) : "a"(SYS_getppid) : "rcx", "r11", "memory");
	return ret;
}

static bool an_empty_root_has_the_program_alone(void)
{
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
	unsigned char *stack = (unsigned char *)(frame & ~(PAGE - 1));
	unsigned char *tls = (unsigned char *)(fs_base() & ~(PAGE - 1));
	int root = dune_root_create(DUNE_ROOT_EMPTY), copy;
	bool ok = root > 0 && dune_root_switch(root) == -EFAULT && dune_root_current() == 0;
	long parent = in_a_system_call(), before = access_faults;

	ok &= !dune_vm_map(root, stack - 16 * PAGE, 18 * PAGE, stack - 16 * PAGE, RW) &&
	      !dune_vm_map(root, tls - PAGE, 2 * PAGE, tls - PAGE, RW);
	if (!ok || dune_root_switch(root) != 0)
		return false;
	ok = in_a_system_call() == parent && !says(1) && access_faults == before + 1 &&
	     !dune_vm_map(DUNE_ROOT_CURRENT, page, PAGE, other, RW) && says(2);
	copy = dune_root_create(root);
	ok &= copy > 0 && dune_root_switch(copy) == root && says(2) &&
	      !dune_vm_unmap(copy, page, PAGE) && !says(2);
	ok &= dune_root_switch(DUNE_ROOT_DEFAULT) == copy && says(1);
	return !dune_root_free(root) && !dune_root_free(copy) && ok;
}

static bool as_many_as_there_can_be(void)
{
	int made[DUNE_ROOTS_MAX], n = 0, error, i;
	bool ok = true;

	while ((made[n] = dune_root_create(DUNE_ROOT_EMPTY)) > 0)
		n++;
	error = made[n];
	for (i = 0; i < n; i++)
		ok &= !dune_root_free(made[i]);
	return ok && error == -ENFILE && n == DUNE_ROOTS_MAX - 1;
}

/* Tables for 256 MiB of single pages, so that there is no room for 255 of it. */
static bool tables_run_out_and_come_back(void)
{
	unsigned char *big = mmap(NULL, GIB / 4, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int made[DUNE_ROOTS_MAX], n = 0, again = 0, error, i;
	unsigned long offset;
	bool ok = true;

	for (offset = 0; offset < GIB / 4; offset += 2ul << 20)
		ok &= !dune_vm_protect(big + offset, PAGE, DUNE_PROT_READ);
	while ((made[n] = dune_root_create(DUNE_ROOT_DEFAULT)) > 0)
		n++;
	error = made[n];
	for (i = 0; i < n; i++)
		ok &= !dune_root_free(made[i]);
	while ((made[again] = dune_root_create(DUNE_ROOT_DEFAULT)) > 0)
		again++;
	for (i = 0; i < again; i++)
		ok &= !dune_root_free(made[i]);
	munmap(big, GIB / 4);
	return ok && error == -ENOMEM && n > 10 && again == n && dune_root_switch(0) == 0;
}

static volatile int wrong;

static void *there_and_back(void *arg)
{
	int root = aliasing_root(), i;

	for (i = 0; i < 300; i++) {
		wrong += dune_root_switch(root) != 0 || !says(2);
		wrong += dune_root_switch(DUNE_ROOT_DEFAULT) != root || !says(1);
		if (i % 10 == 0) {
			wrong += dune_root_free(root) != 0;
			root = aliasing_root();
		}
	}
	wrong += dune_root_free(root) != 0;
	return arg;
}

static bool threads_are_in_roots_of_their_own(void)
{
	pthread_t threads[4];
	int i;

	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, there_and_back, NULL);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return !wrong;
}

int main(void)
{
	ktap_plan(13);
	page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	other = page + PAGE;
	*(uint64_t *)page = 1;
	*(uint64_t *)other = 2;
	must_init_and_enter();
	dune_pgfault_set(access_fault, NULL);
	ktap_check(numbers_are_checked(), "roots that are none are refused");
	ktap_check(a_copy_goes_its_own_way(), "a copy goes its own way");
	ktap_check(roots_show_different_memory(), "roots show different memory at one address");
	ktap_check(fresh_memory_comes_to_each_root(), "fresh memory comes to each root");
	ktap_check(threads_begin_where_they_are_made(), "threads begin in the root of their maker");
	ktap_check(handlers_run_in_the_root_they_interrupt(), "handlers run where they interrupt");
	ktap_check(child_has_all_roots(), "a child has all roots and is in its parent's");
	ktap_check(vfork_and_exec_from_a_root(), "vfork and exec from another root");
	ktap_check(leaving_ends_in_the_default_root(), "leaving ends in the default root");
	ktap_check(an_empty_root_has_the_program_alone(), "an empty root has the program alone");
	ktap_check(as_many_as_there_can_be(), "there are as many as there can be");
	ktap_check(threads_are_in_roots_of_their_own(), "threads make, use and free roots at once");
	ktap_check(tables_run_out_and_come_back(), "tables run out, and are used again");
	return ktap_exit_status();
}
