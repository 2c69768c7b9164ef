// SPDX-License-Identifier: MIT
/* `dune rt stats': what has interrupted each reserved core, by name. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rt.h"
#include "rt_cgroup.h"
#include "rt_interrupts.h"
#include "rt_json.h"
#include "rt_relay.h"

static bool json;

static void number(const char *name, uint64_t value)
{
	if (json)
		json_number(name, value);
	else if (value)
		printf("    %12" PRIu64 " %s\n", value, name);
}

static void section_open(const char *name, const char *title)
{
	if (json)
		json_open(name, '{');
	else
		printf("  %s\n", title);
}

static void section_close(void)
{
	if (json)
		json_close('}');
}

struct totals {
	uint64_t interrupts;
};

static void interrupt(const char *name, uint64_t count, void *arg)
{
	struct totals *totals = arg;

	totals->interrupts += count;
	if (count)
		number(name, count);
}

/* Sums by reason, over the vCPUs of one core. */
#define REASONS_MAX 64

struct exits {
	unsigned int n;
	struct {
		char reason[64];
		uint64_t count;
	} of[REASONS_MAX];
};

static void exits_add(struct exits *exits, const char *reason, uint64_t count)
{
	unsigned int i;

	for (i = 0; i < exits->n && strcmp(exits->of[i].reason, reason); i++)
		;
	if (i == REASONS_MAX)
		return;
	if (i == exits->n)
		snprintf(exits->of[exits->n++].reason, sizeof(exits->of[i].reason), "%s", reason);
	exits->of[i].count += count;
}

/* One vCPU's lines of /proc/PID/fdinfo, if it was last on this core. */
static void vcpu_exits(int pid, const char *fd, unsigned int cpu, struct exits *exits)
{
	char path[PATH_ROOM], text[4096], *rest = text, *line, name[64];
	unsigned long long value;
	int last = -1;

	path_print(path, "/proc/%d/fdinfo/%s", pid, fd);
	if (file_read(path, text, sizeof(text)) <= 0)
		return;
	while ((line = strsep(&rest, "\n"))) {
		if (sscanf(line, "dune_cpu: %d", &last) == 1)
			continue;
		if (last == (int)cpu && sscanf(line, "exits_%63s %llu", name, &value) == 2 && value)
			exits_add(exits, name, value);
	}
}

static void process_exits(int pid, unsigned int cpu, struct exits *exits)
{
	char path[PATH_ROOM], target[64];
	DIR *folder = opendir(path_print(path, "/proc/%d/fd", pid));
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		ssize_t n = readlink(path_print(path, "/proc/%d/fd/%s", pid, entry->d_name),
				     target, sizeof(target) - 1);

		target[n > 0 ? n : 0] = 0;
		if (!strcmp(target, "anon_inode:dune-vcpu"))
			vcpu_exits(pid, entry->d_name, cpu, exits);
	}
	if (folder)
		closedir(folder);
}

/* Switches of a thread, and where it was last. */
static void thread_switches(int pid, int tid, unsigned int cpu, uint64_t *own, uint64_t *forced)
{
	char path[PATH_ROOM], text[4096], *at;
	unsigned int field, last;

	if (file_read(path_print(path, "/proc/%d/task/%d/stat", pid, tid), text,
		      sizeof(text)) <= 0)
		return;
	at = strrchr(text, ')');
	for (field = 2; at && field < 39; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, "%u", &last) != 1 || last != cpu ||
	    file_read(path_print(path, "/proc/%d/task/%d/status", pid, tid), text,
		      sizeof(text)) <= 0)
		return;
	at = strstr(text, "\nvoluntary_ctxt_switches:");
	*own += at ? strtoull(at + 26, NULL, 10) : 0;
	at = strstr(text, "\nnonvoluntary_ctxt_switches:");
	*forced += at ? strtoull(at + 29, NULL, 10) : 0;
}

static void process_switches(int pid, unsigned int cpu, uint64_t *own, uint64_t *forced)
{
	char path[PATH_ROOM];
	DIR *folder = opendir(path_print(path, "/proc/%d/task", pid));
	struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (atoi(entry->d_name) > 0)
			thread_switches(pid, atoi(entry->d_name), cpu, own, forced);
	if (folder)
		closedir(folder);
}

static void runtime(const struct rt_shared *shared, unsigned int cpu)
{
	unsigned int i;

	for (i = 0; i < shared->cores && i < RT_CORES_MAX; i++) {
		struct rt_core_counters counters = shared->counters[i];

		if (shared->cpu[i] != cpu || !counters.running)
			continue;
		section_open("runtime", "the runtime's:");
#define SHOW(name, text) number(json ? #name : text, counters.name);
		RT_COUNTERS(SHOW)
		section_close();
	}
}

static void core(const struct run_state *run, const struct rt_shared *shared, unsigned int cpu)
{
	uint64_t own = 0, forced = 0;
	struct totals totals = { 0 };
	struct exits exits = { 0 };
	char path[PATH_ROOM];
	int pids[PIDS_MAX];
	unsigned int i, n;

	if (json)
		json_open(NULL, '{');
	else
		printf("core %u\n", cpu);
	if (json)
		json_number("core", cpu);
	n = cgroup_processes(run, pids);
	section_open("interrupts", "interrupts since the start:");
	interrupts_since(state_path(path, run->supervisor, "interrupts"), INTERRUPTS_NOW, cpu,
			 interrupt, &totals);
	section_close();
	number(json ? "interruptions" : "in all", totals.interrupts);
	section_open("exits", "exits from virtual machines, by reason:");
	for (i = 0; i < n; i++)
		process_exits(pids[i], cpu, &exits);
	for (i = 0; i < exits.n; i++)
		number(exits.of[i].reason, exits.of[i].count);
	section_close();
	for (i = 0; i < n; i++)
		process_switches(pids[i], cpu, &own, &forced);
	section_open("switches", "context switches of its threads:");
	number("voluntary", own);
	number("involuntary", forced);
	section_close();
	if (shared)
		runtime(shared, cpu);
	if (json)
		json_close('}');
}

static void terminal(const struct rt_terminal *t)
{
	static const char *const names[] = { "stdout", "stderr" };
	int i;

	section_open("terminal", "terminal, bytes:");
	for (i = 0; i < 2; i++) {
		char name[32];

		number(names[i], t->output[i].bytes);
		snprintf(name, sizeof(name), "%s_dropped", names[i]);
		number(name, t->output[i].dropped);
	}
	section_close();
}

int rt_stats(int argc, char **argv)
{
	const struct rt_shared *shared;
	struct run_state run;
	unsigned int cpu;
	int status;

	json = argc > 1 && !strcmp(argv[1], "--json");
	if (argc != 2 + json)
		return rt_wrong("want the number of one run");
	status = rt_find(argv[1 + json], &run);
	if (status)
		return status;
	if (geteuid()) {
		fputs("dune: only root may look into a run\n", stderr);
		return 1;
	}
	shared = shared_open(&run);
	if (json) {
		json_open(NULL, '{');
		json_number("pid", (uint64_t)run.supervisor);
		json_number("program", (uint64_t)run.program);
		json_text("partition", run.partition);
		json_open("cores", '[');
	}
	for (cpu = cores_next(&run.cores, 0); cpu < CORES_MAX;
	     cpu = cores_next(&run.cores, cpu + 1))
		core(&run, shared, cpu);
	if (json)
		json_close(']');
	if (shared && shared->terminal.on)
		terminal(&shared->terminal);
	if (json)
		json_close('}');
	return 0;
}
