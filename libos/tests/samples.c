// SPDX-License-Identifier: MIT
/* perf's samples of a process in Dune mode: they are in its own code, with its own callers. */
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <dune.h>

#include "lib/ktap.h"

#define ID "/sys/kernel/tracing/events/dune/dune_sample/id"
#define PAGES 64
#define ENOUGH 20
#define PATIENCE_S 20

/* Spins for ever, with a frame, called by a function with a frame. */
void spin_caller(void);
extern const char spin_begin[], spin_end[], spin_called[];
asm("\t.globl spin_caller, spin_begin, spin_end, spin_called\n"
	"spin_caller:\n"
	"\tpush %rbp\n"
	"\tmov %rsp, %rbp\n"
	"\tcall spin\n"
	"spin_called:\n"
	"\tud2\n"
	"spin:\n"
	"\tpush %rbp\n"
	"\tmov %rsp, %rbp\n"
	"spin_begin:\n"
	"\tinc %rax\n"
	"\tjmp spin_begin\n"
	"spin_end:\n");

struct sample {
	struct perf_event_header header;
	uint64_t ip;
	uint32_t pid, tid;
	uint64_t callers_n, callers[];
};

static unsigned int samples, in_user, in_spin, of_child, with_caller;

static int event_open(struct perf_event_attr *attr, pid_t pid)
{
	attr->size = sizeof(*attr);
	return (int)syscall(SYS_perf_event_open, attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static uint64_t event_id(void)
{
	char text[16] = "";
	int fd = open(ID, O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		ktap_bail("no " ID);
	close(fd);
	return strtoull(text, NULL, 10);
}

static void take(const struct sample *sample, pid_t child)
{
	unsigned int mode = sample->header.misc & PERF_RECORD_MISC_CPUMODE_MASK, i;

	if (sample->header.type != PERF_RECORD_SAMPLE)
		return;
	samples++;
	in_user += mode == PERF_RECORD_MISC_USER;
	of_child += sample->pid == (uint32_t)child;
	if (sample->ip < (uint64_t)spin_begin || sample->ip >= (uint64_t)spin_end)
		return;
	in_spin++;
	for (i = 0; i < sample->callers_n; i++)
		if (sample->callers[i] == (uint64_t)spin_called)
			break;
	with_caller += i < sample->callers_n;
}

/* All that are in the ring by now; none is split: there are fewer than it holds. */
static void drain(struct perf_event_mmap_page *ring, pid_t child)
{
	uint64_t head = __atomic_load_n(&ring->data_head, __ATOMIC_ACQUIRE);
	const char *data = (const char *)ring + ring->data_offset;

	while (ring->data_tail < head && head <= ring->data_size) {
		const struct sample *sample = (const void *)(data + ring->data_tail);

		take(sample, child);
		ring->data_tail += sample->header.size;
	}
}

int main(void)
{
	struct perf_event_attr sampled = {
		.type = PERF_TYPE_TRACEPOINT,
		.config = event_id(),
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_CALLCHAIN,
		.exclude_callchain_kernel = 1,
	};
	/* It interrupts the guest, and so makes it leave: as often as perf is asked for. */
	struct perf_event_attr clock = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.freq = 1,
		.sample_freq = 500,
	};
	struct perf_event_mmap_page *ring;
	time_t until = time(NULL) + PATIENCE_S;
	pid_t child = fork();
	int event;

	if (!child) {
		if (dune_init(NULL) || dune_enter())
			_exit(1);
		spin_caller();
	}
	ktap_plan(5);
	event = event_open(&sampled, child);
	ktap_check(event >= 0 && event_open(&clock, child) >= 0,
		   "perf opens the event of samples, and a clock");
	ring = mmap(NULL, (1 + PAGES) * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, event, 0);
	if (ring == MAP_FAILED)
		ktap_bail("no ring");
	while (in_spin < ENOUGH && time(NULL) < until) {
		usleep(50000);
		drain(ring, child);
	}
	ktap_check(in_spin >= ENOUGH, "samples are in the function that the guest spins in");
	ktap_check(samples && in_user == samples, "all count as the process's own code");
	ktap_check(samples && of_child == samples, "all are the process's");
	ktap_check(in_spin && with_caller == in_spin, "all know the caller");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return ktap_exit_status();
}
