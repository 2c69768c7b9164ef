// SPDX-License-Identifier: MIT
/* What a running kernel cannot give to reserved cores, and the argument at boot that does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt_missing.h"

#define CPUS "/sys/devices/system/cpu/"

/* The cores that a kernel argument names; none if it is not there. */
static struct cores argument(const char *name)
{
	static char line[8192];
	struct cores cores = { 0 };
	size_t n = strlen(name);
	char *rest = line, *word;

	if (file_read("/proc/cmdline", line, sizeof(line)) <= 0)
		return cores;
	while ((word = strsep(&rest, " "))) {
		if (strncmp(word, name, n) || word[n] != '=')
			continue;
		word += n + 1;
		if (!strcmp(word, "all"))
			return file_list(CPUS "possible");
		cores_parse(&cores, word);
	}
	return cores;
}

static void tell(const struct cores *cores, const char *what, const char *argument_name)
{
	char list[CORES_TEXT];

	if (!cores_count(cores))
		return;
	cores_list(cores, list);
	fprintf(stderr, "dune: core %s: %s; to be had by booting with %s%s\n", list, what,
		argument_name, strchr("=,", argument_name[strlen(argument_name) - 1]) ? list : "");
}

/* Cores whose sibling in the same physical core stays with Linux. */
static struct cores half_cores(const struct run_state *run)
{
	struct cores half = { 0 };
	unsigned int cpu = cores_next(&run->cores, 0);

	for (; cpu < CORES_MAX; cpu = cores_next(&run->cores, cpu + 1)) {
		char path[PATH_ROOM];
		struct cores siblings = file_list(
			path_print(path, CPUS "cpu%u/topology/thread_siblings_list", cpu));

		siblings = cores_without(&siblings, &run->cores);
		if (cores_count(&siblings))
			cores_add(&half, cpu);
	}
	return half;
}

/* Cores on which a timer looks for corrected errors of the machine, every few minutes. */
static struct cores checked_cores(const struct run_state *run)
{
	struct cores checked = { 0 };
	unsigned int cpu = cores_next(&run->cores, 0);
	char path[PATH_ROOM];

	for (; cpu < CORES_MAX; cpu = cores_next(&run->cores, cpu + 1))
		if (file_number(path_print(path, "/sys/devices/system/machinecheck/machinecheck%u/"
					   "check_interval", cpu)))
			cores_add(&checked, cpu);
	return checked;
}

void missing_tell(const struct run_state *run, const struct reserve_options *options,
		  const char *partition, const struct settings_left *left)
{
	struct cores tickless = file_list(CPUS "nohz_full"), callbacks = argument("rcu_nocbs");
	struct cores missing = cores_without(&run->cores, &tickless);
	char text[384];

	tell(&missing, "the timer's tick goes on", "nohz_full=");
	cores_join(&callbacks, &tickless);
	missing = cores_without(&run->cores, &callbacks);
	tell(&missing, "RCU's callbacks run there", "rcu_nocbs=");
	if (strcmp(run->partition, options->partition)) {
		struct cores isolated = file_list(CPUS "isolated");

		snprintf(text, sizeof(text), "partition \"%s\" instead of \"%s\" (%s)",
			 run->partition, options->partition, partition);
		missing = cores_without(&run->cores, &isolated);
		tell(&missing, text, "isolcpus=domain,");
	}
	if (left->irqs) {
		snprintf(text, sizeof(text), "interrupts that do not move:%s", left->irq_names);
		tell(&run->cores, text, "isolcpus=managed_irq,");
	}
	if (left->tasks) {
		snprintf(text, sizeof(text), "%u tasks that do not move", left->tasks);
		tell(&run->cores, text, "isolcpus=domain,");
	}
	missing = checked_cores(run);
	tell(&missing, "corrected machine errors are looked for there", "mce=ignore_ce");
	missing = half_cores(run);
	tell(&missing, "its other half stays with Linux", "nosmt");
	if (run->memory && !strcmp(run->memory_kind, "memfd")) {
		snprintf(text, sizeof(text), "hugepages=%llu",
			 (unsigned long long)(run->memory + (2 << 20) - 1) >> 21);
		tell(&run->cores, "memory in 4 KiB pages", text);
	}
}
