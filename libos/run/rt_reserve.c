// SPDX-License-Identifier: MIT
/* Which cores a run gets, taking them, and giving them back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rt_cgroup.h"
#include "rt_memory.h"
#include "rt_missing.h"
#include "rt_reserve.h"
#include "rt_settings.h"
#include "run.h"

#define CPUS "/sys/devices/system/cpu/"

static int refuse(int status, const char *what, const char *why)
{
	fprintf(stderr, "dune: %s%s%s\n", what, *why ? ": " : "", why);
	return status;
}

struct cores reserve_taken(const struct run_state *but)
{
	static struct run_state runs[RUNS_MAX];
	unsigned int i, n = state_list(runs);
	struct cores taken = { 0 };

	for (i = 0; i < n; i++)
		if (!but || runs[i].supervisor != but->supervisor)
			cores_join(&taken, &runs[i].cores);
	return taken;
}

/* The last ones that are free: CPU 0 has work of its own; those without a tick first. */
static void pick(struct cores *cores, unsigned int n, const struct cores *free_now)
{
	struct cores quiet = file_list(CPUS "nohz_full");
	unsigned int round, cpu;

	for (round = 0; round < 2; round++)
		for (cpu = CORES_MAX; n && cpu--;)
			if (cores_has(free_now, cpu) && !cores_has(cores, cpu) &&
			    (round || cores_has(&quiet, cpu))) {
				cores_add(cores, cpu);
				n--;
			}
}

static int check(const struct cores *cores, const struct cores *online, const struct cores *taken)
{
	struct cores bad = cores_without(cores, online), rest;
	char text[CORES_TEXT];

	if (cores_count(&bad))
		return refuse(RUN_WRONG, "there is no such core, or it is offline",
			      cores_list(&bad, text));
	bad = cores_and(cores, taken);
	if (cores_count(&bad))
		return refuse(RUN_FAILED, "another run has reserved it (dune rt ps)",
			      cores_list(&bad, text));
	rest = cores_without(online, taken);
	rest = cores_without(&rest, cores);
	if (!cores_count(&rest))
		return refuse(RUN_FAILED, "one core must stay with Linux", cores_list(cores, text));
	return 0;
}

int reserve_choose(struct run_state *run, const struct reserve_options *options)
{
	struct cores online = file_list(CPUS "online"), taken = reserve_taken(NULL), free_now;
	size_t digits = strspn(options->cores, "0123456789");
	unsigned long n = strtoul(options->cores, NULL, 10);
	char mount[PATH_ROOM], text[96];
	const char *wrong;

	if (!cgroup_mount(mount))
		return refuse(RUN_FAILED, "no cgroup2 is mounted",
			      "mount -t cgroup2 none /sys/fs/cgroup");
	free_now = cores_without(&online, &taken);
	memset(&run->cores, 0, sizeof(run->cores));
	if (!digits || options->cores[digits]) {
		wrong = cores_parse(&run->cores, options->cores);
		if (!wrong && !cores_count(&run->cores))
			wrong = "no core is none";
		if (wrong)
			return refuse(RUN_WRONG, options->cores, wrong);
	} else {
		if (!n)
			return refuse(RUN_WRONG, "--cores 0", "no core is none");
		if (n >= cores_count(&free_now)) {
			snprintf(text, sizeof(text),
				 "%u of %u are free, and one must stay with Linux",
				 cores_count(&free_now), cores_count(&online));
			return refuse(RUN_FAILED, "not so many cores", text);
		}
		pick(&run->cores, (unsigned int)n, &free_now);
	}
	return check(&run->cores, &online, &taken);
}

int reserve_take(struct run_state *run, const struct reserve_options *options, int *memory_fd)
{
	struct cores before = reserve_taken(run), taken = before;
	struct settings_left left = { 0 };
	char why[256];
	int error;

	*memory_fd = -1;
	error = state_save(run);
	if (error) {
		state_remove(run);
		return refuse(RUN_FAILED, RT_FOLDER, strerror(-error));
	}
	if (run->memory) {
		*memory_fd = memory_take(run);
		if (*memory_fd < 0) {
			error = *memory_fd;
			state_remove(run);
			return refuse(RUN_FAILED, "no memory for --mem", strerror(-error));
		}
	}
	error = settings_note_tasks(&before);
	if (error) {
		reserve_give(run);
		return refuse(RUN_FAILED, RT_FOLDER "/settings", strerror(-error));
	}
	error = cgroup_create(run, options->partition, why, sizeof(why));
	if (!error)
		error = state_save(run);
	if (error) {
		reserve_give(run);
		return refuse(RUN_FAILED, "cgroup", strerror(-error));
	}
	cores_join(&taken, &run->cores);
	error = settings_apply(&taken, &before, &left);
	if (error) {
		reserve_give(run);
		return refuse(RUN_FAILED, RT_FOLDER "/settings", strerror(-error));
	}
	missing_tell(run, options, why, &left);
	return 0;
}

void reserve_give(struct run_state *run)
{
	struct cores taken = reserve_taken(run), was = taken;
	int error;

	cores_join(&was, &run->cores);
	error = cgroup_destroy(run);
	if (error)
		refuse(0, run->cgroup, strerror(-error));
	memory_give(run);
	/* What could not be written down, with other runs there, is not given back yet. */
	if (settings_apply(&taken, &was, NULL) && cores_count(&taken))
		error = error ? error : -ENOSPC;
	if (!cores_count(&taken))
		cgroup_restore();
	if (error)
		state_save(run); /* the next one tries again */
	else
		state_remove(run); /* last: who is killed before leaves it to the next */
}

void reserve_sweep(void)
{
	static struct run_state runs[RUNS_MAX];
	unsigned int i, n = state_list(runs);

	for (i = 0; i < n; i++)
		if (!state_alive(&runs[i]))
			reserve_give(&runs[i]);
	state_tidy();
}

void reserve_tidy_now(void)
{
	int lock = state_lock(0);

	if (lock < 0)
		return;
	reserve_sweep();
	state_unlock(lock);
}

int reserve_tidy(void)
{
	int lock = state_lock(STATE_LOCK_MS);

	if (lock < 0) {
		refuse(0, RT_FOLDER "/lock", strerror(-lock));
		return lock;
	}
	reserve_sweep();
	state_unlock(lock);
	return 0;
}
