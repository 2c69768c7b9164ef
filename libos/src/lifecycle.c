// SPDX-License-Identifier: MIT
/* dune_init(), dune_enter(), dune_leave(). */
#include <cpuid.h>
#include <errno.h>
#include <pthread.h>
#include <unistd.h>
#include <sys/syscall.h>

#include <dune/lifecycle.h>

#include "hidden.h"
#include "host.h"
#include "section.h"
#include "signal/signal.h"
#include "thread.h"

struct dune_process dune_process;

/* An ELF note, which tells `dune rt run' that the program enters by itself. */
static const struct {
	uint32_t name_size, data_size, type;
	char name[8];
	uint32_t version;
} note __attribute__((section(".note.dune"), aligned(4), used)) = { 5, 4, 1, "dune", 1 };

static pthread_key_t left_key;
static void left_thread_ends(void *thread);

#define FEATURE_OSXSAVE (1u << 27) /* CPUID 1, ECX */
#define FEATURE_PAGE1G (1u << 26)  /* CPUID 80000001h, EDX */

static bool huge_1g_supported(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid(0x80000001, &a, &b, &c, &d) && (d & FEATURE_PAGE1G);
}

/* Bytes that XSAVE writes for what is enabled, or -ENOTSUP. */
static int xsave_size(void)
{
	unsigned int a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & FEATURE_OSXSAVE))
		return -ENOTSUP;
	__cpuid_count(0xd, 0, a, b, c, d);
	return (int)b;
}

int dune_init(const struct dune_options *options)
{
	static struct raw_lock lock;
	int error, size;

	const bool given = options && options->size;

	if (given && (options->size < sizeof(*options) || options->flags & ~DUNE_OPTION_QUIET))
		return -EINVAL;
	raw_lock(&lock);
	error = dune_process.ready ? -EALREADY : 0;
	if (error)
		goto unlock;
	size = xsave_size();
	error = size < 0 ? size : host_device_open();
	if (error)
		goto unlock;
	trap_xsave_size = (unsigned int)size;
	error = host_vm_create();
	if (error)
		goto close_device;
	error = paging_init(huge_1g_supported());
	if (error)
		goto close_vm;
	error = fork_watch();
	if (!error)
		error = -pthread_key_create(&left_key, left_thread_ends);
	if (error)
		goto close_vm;
	cpu_idt_build();
	dune_process.quiet = given && options->flags & DUNE_OPTION_QUIET;
	dune_process.ready = true;
	goto unlock;

close_vm:
	hidden_close(dune_process.vm_fd);
close_device:
	hidden_close(dune_process.device_fd);
unlock:
	raw_unlock(&lock);
	return error;
}

bool dune_in_guest(void)
{
	return ring0_here();
}

static uint64_t segment_base(int code)
{
	uint64_t base = 0;

	syscall(SYS_arch_prctl, code, &base);
	return base;
}

#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004

int dune_enter(void)
{
	int error;

	if (!dune_process.ready)
		return -EPERM;
	if (dune_in_guest())
		return -EALREADY;
	/* In a signal handler of a thread in Dune mode: its host side is in use. */
	if (thread_self && thread_self->entered)
		return -EALREADY;
	if (!thread_self)
		thread_self = thread_create(&error);
	if (!thread_self)
		return error;
	error = paging_premap(thread_self, &error);
	if (error)
		return error;
	thread_tid_set(thread_self);
	thread_self->own_tls = true;
	thread_sregs(thread_self, segment_base(ARCH_GET_FS),
		     segment_base(ARCH_GET_GS));
	signal_adopt(&dune_process.signals);
	altstack_take(thread_self);
	thread_self->entered = true;
	error = enter_guest(thread_self);
	if (error) {
		thread_self->entered = false;
		altstack_give(thread_self);
	}
	return error;
}

int dune_leave(void)
{
	int error;

	/* In the guest without a thread of ours: `dune run` made it, and is another libdune. */
	if (!dune_in_guest() || !thread_self)
		return -EPERM;
	error = dune_root_switch(DUNE_ROOT_DEFAULT);
	if (error < 0)
		return error;
	leave_guest();
	thread_self->entered = false;
	altstack_give(thread_self);
	/* Ending now, it would take no host side's way out. */
	return -pthread_setspecific(left_key, thread_self);
}

/* A thread that left Dune mode ends. */
static void left_thread_ends(void *thread)
{
	if (!dune_in_guest() && thread == thread_self) {
		thread_self = NULL;
		thread_destroy(thread);
	}
}
