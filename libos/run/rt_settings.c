// SPDX-License-Identifier: MIT
/*
 * Settings that keep Linux off reserved cores, and what they were.
 *
 * The file has a line for each: kind, name, value before the first reservation,
 * value that was set last, and the one that this replaced. It is written before the
 * settings are, so whoever is killed in between leaves nothing that is not known:
 * what a setting is then is one of the two. What somebody else has set since is
 * theirs: it counts as the value before.
 */
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rt_settings.h"
#include "rt_state.h"
#include "rt_tasks.h"

#define FILE_NAME RT_FOLDER "/settings"
#define STAT_INTERVAL "120" /* seconds between sums of the VM's counters, which are per CPU */

enum kind { KIND_MASK = 'm', KIND_LIST = 'l', KIND_NUMBER = 'n', KIND_TASK = 't' };

struct setting {
	enum kind kind;
	char *name, *before, *set, *old; /* old: until set is written */
	bool seen; /* it is still there */
};

struct table {
	struct setting *all;
	size_t n;
	const struct cores *taken, *was;
	struct cores online;
	struct settings_left *left;
};

static const struct {
	enum kind kind;
	const char *pattern, *to; /* to: what a number is while anything is reserved */
} files[] = {
	{ KIND_MASK, "/proc/irq/default_smp_affinity" },
	{ KIND_MASK, "/proc/irq/*/smp_affinity" },
	{ KIND_MASK, "/sys/devices/virtual/workqueue/cpumask" },
	{ KIND_MASK, "/sys/class/net/*/queues/rx-*/rps_cpus" },
	{ KIND_MASK, "/sys/class/net/*/queues/tx-*/xps_cpus" },
	{ KIND_LIST, "/proc/sys/kernel/watchdog_cpumask" },
	{ KIND_NUMBER, "/proc/sys/vm/stat_interval", STAT_INTERVAL },
	{ KIND_NUMBER, "/proc/sys/kernel/numa_balancing", "0" },
};

static struct setting *table_find(struct table *table, enum kind kind, const char *name)
{
	size_t i;

	for (i = 0; i < table->n; i++)
		if (table->all[i].kind == kind && !strcmp(table->all[i].name, name))
			return &table->all[i];
	return NULL;
}

static struct setting *table_add(struct table *table, enum kind kind, const char *name,
				 const char *before, const char *set, const char *old)
{
	struct setting *all = realloc(table->all, (table->n + 1) * sizeof(*all));
	struct setting new = { .kind = kind };

	if (!all)
		return NULL;
	table->all = all;
	new.name = strdup(name);
	new.before = strdup(before);
	new.set = strdup(set);
	new.old = strdup(old);
	if (!new.name || !new.before || !new.set || !new.old)
		return NULL;
	all[table->n] = new;
	return &all[table->n++];
}

static void table_load(struct table *table)
{
	static char line[4 * CORES_TEXT];
	FILE *file = fopen(FILE_NAME, "re");

	while (file && fgets(line, sizeof(line), file)) {
		char *rest = line, *kind = strsep(&rest, "\t"), *name = strsep(&rest, "\t");
		char *before = strsep(&rest, "\t"), *set = strsep(&rest, "\t");
		char *old = strsep(&rest, "\n");

		if (old)
			table_add(table, (enum kind)*kind, name, before, set, old);
	}
	if (file)
		fclose(file);
}

/* 0 or -errno: then the file is as it was. */
static int table_save(const struct table *table)
{
	FILE *file = fopen(FILE_NAME ".new", "we");
	size_t i, n = 0;
	int error = file ? 0 : -errno;

	for (i = 0; file && i < table->n; i++) {
		const struct setting *setting = &table->all[i];

		if (!setting->seen)
			continue;
		fprintf(file, "%c\t%s\t%s\t%s\t%s\n", setting->kind, setting->name,
			setting->before, setting->set, setting->old);
		n++;
	}
	if (file && ferror(file))
		error = -EIO;
	if (file && fclose(file))
		error = -errno;
	if (!error && rename(FILE_NAME ".new", FILE_NAME))
		error = -errno;
	if (error)
		unlink(FILE_NAME ".new"); /* it takes room on a disk that has none */
	else if (!n)
		unlink(FILE_NAME);
	return error;
}

static void table_drop(struct table *table)
{
	size_t i;

	for (i = 0; i < table->n; i++) {
		free(table->all[i].name);
		free(table->all[i].before);
		free(table->all[i].set);
		free(table->all[i].old);
	}
	free(table->all);
}

static bool as_cores(enum kind kind, const char *text, struct cores *cores)
{
	return kind == KIND_LIST ? !cores_parse(cores, text) : cores_parse_mask(cores, text);
}

static bool same(enum kind kind, const char *a, const char *b)
{
	struct cores x, y;

	if (kind == KIND_NUMBER || !as_cores(kind, a, &x) || !as_cores(kind, b, &y))
		return !strcmp(a, b);
	return cores_equal(&x, &y);
}

/* What a setting is to be, given what it was; the text is the caller's until the next call. */
static const char *wanted(const struct table *table, enum kind kind, const char *before,
			  const char *number)
{
	static char text[CORES_TEXT];
	struct cores cores, rest;

	if (kind == KIND_NUMBER)
		return !cores_count(table->taken) ||
			       (*number != '0' && atoi(before) > atoi(number)) ? before : number;
	if (!as_cores(kind, before, &cores) || !cores_overlap(&cores, table->taken))
		return before;
	rest = cores_without(&cores, table->taken);
	rest = cores_and(&rest, &table->online);
	if (!cores_count(&rest))
		rest = cores_without(&table->online, table->taken);
	return kind == KIND_LIST ? cores_list(&rest, text) : cores_mask(&rest, text);
}

static int setting_read(enum kind kind, const char *name, char *to)
{
	return kind == KIND_TASK ? task_read(name, to) : file_read(name, to, CORES_TEXT);
}

static int setting_write(enum kind kind, const char *name, const char *value)
{
	return kind == KIND_TASK ? task_write(name, value) : file_write(name, value);
}

static void become(char **text, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return;
	free(*text);
	*text = copy;
}

static void consider(struct table *table, enum kind kind, const char *name, const char *number)
{
	struct setting *setting = table_find(table, kind, name);
	char now[CORES_TEXT];
	const char *want;

	if (setting_read(kind, name, now) < 0)
		return;
	want = wanted(table, kind, now, number);
	if (!setting && same(kind, now, want))
		return;
	if (!setting)
		setting = table_add(table, kind, name, now, now, now);
	if (!setting)
		return;
	/* A partition that comes or goes resets tasks: that was nobody's wish. */
	if (kind != KIND_TASK && !same(kind, now, setting->set) && !same(kind, now, setting->old))
		become(&setting->before, now);
	want = wanted(table, kind, setting->before, number);
	become(&setting->set, want);
	become(&setting->old, now);
	setting->seen = true;
}

static void consider_files(struct table *table)
{
	unsigned int i;
	size_t at;

	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		glob_t found;

		if (glob(files[i].pattern, GLOB_NOSORT, NULL, &found))
			continue;
		for (at = 0; at < found.gl_pathc; at++)
			consider(table, files[i].kind, found.gl_pathv[at], files[i].to);
		globfree(&found);
	}
}

/* Born on the cores that were free, by one that was kept there: nobody bound it. */
static void widen(struct table *table, const char *name)
{
	struct cores now, free_then = cores_without(&table->online, table->was);
	struct cores free_now = cores_without(&table->online, table->taken);
	char text[CORES_TEXT];

	if (table_find(table, KIND_TASK, name) || task_read(name, text) < 0 ||
	    !cores_parse_mask(&now, text) || !cores_equal(&now, &free_then) ||
	    cores_equal(&now, &free_now))
		return;
	task_write(name, cores_mask(&free_now, text));
}

static void consider_task(const char *name, bool movable, void *arg)
{
	struct table *table = arg;

	if (!movable)
		return;
	if (cores_count(table->was))
		widen(table, name);
	consider(table, KIND_TASK, name, NULL);
}

/* It could not be set. That matters if it is about these cores now. */
static void note_left(struct table *table, const struct setting *setting)
{
	struct settings_left *left = table->left;
	char path[PATH_ROOM];
	struct cores now;
	int irq;

	if (setting->kind == KIND_TASK)
		left->tasks++;
	if (sscanf(setting->name, "/proc/irq/%d/", &irq) != 1)
		return;
	now = file_list(path_print(path, "/proc/irq/%d/effective_affinity_list", irq));
	if (!cores_overlap(&now, table->taken))
		return;
	left->irqs++;
	if (strlen(left->irq_names) < sizeof(left->irq_names) - 16)
		sprintf(left->irq_names + strlen(left->irq_names), " %d", irq);
}

static void put(struct table *table)
{
	char now[CORES_TEXT];
	size_t i;

	for (i = 0; i < table->n; i++) {
		struct setting *setting = &table->all[i];

		if (!setting->seen || setting_read(setting->kind, setting->name, now) < 0)
			continue;
		if (same(setting->kind, now, setting->set) ||
		    !setting_write(setting->kind, setting->name, setting->set))
			become(&setting->old, setting->set);
		else if (table->left)
			note_left(table, setting);
	}
}

int settings_apply(const struct cores *taken, const struct cores *was, struct settings_left *left)
{
	struct table table = { .taken = taken, .was = was, .left = left };
	int error;

	table.online = file_list("/sys/devices/system/cpu/online");
	table_load(&table);
	consider_files(&table);
	tasks_each(consider_task, &table);
	error = table_save(&table);
	/* What all was before any run is in the old file as well. */
	if (!error || !cores_count(taken)) {
		put(&table);
		table_save(&table);
	}
	if (!cores_count(taken))
		unlink(FILE_NAME);
	table_drop(&table);
	return error;
}

static void note_task(const char *name, bool movable, void *arg)
{
	struct table *table = arg;
	struct cores usual = cores_without(&table->online, table->taken), now;
	char text[CORES_TEXT];

	if (!movable || table_find(table, KIND_TASK, name) || task_read(name, text) < 0 ||
	    !cores_parse_mask(&now, text))
		return;
	now = cores_and(&now, &usual);
	if (!cores_equal(&now, &usual))
		table_add(table, KIND_TASK, name, text, text, text);
}

int settings_note_tasks(const struct cores *taken)
{
	struct table table = { .taken = taken };
	size_t i;
	int error;

	table.online = file_list("/sys/devices/system/cpu/online");
	table_load(&table);
	tasks_each(note_task, &table);
	for (i = 0; i < table.n; i++)
		table.all[i].seen = true;
	error = table_save(&table);
	table_drop(&table);
	return error;
}
