// SPDX-License-Identifier: GPL-2.0
/*
 * A crash kernel is started from an NMI on each CPU, which must not be in the
 * extension then. The kernel has one place for a function that sees to it, and
 * warns whoever comes second; KVM's, wherever it is loaded, serves us as well.
 */
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/notifier.h>

#include "core/backend.h"
#include "core/compat.h"
#include "core/power.h"

static DEFINE_MUTEX(lock);
static bool registered;

static bool is_kvm(const char *name)
{
	return !strcmp(name, "kvm_intel") || !strcmp(name, "kvm_amd");
}

/* As a module or built in: both have a directory beside ours in /sys/module. */
static bool kvm_is_there(void)
{
	static const char *const names[] = { "kvm_intel", "kvm_amd" };
	struct kobject *found = NULL;
	unsigned int i;

	for (i = 0; !found && i < ARRAY_SIZE(names); i++)
		found = kset_find_obj(THIS_MODULE->mkobj.kobj.kset, names[i]);
	kobject_put(found);
	return found;
}

static void callback_set(bool wanted)
{
	mutex_lock(&lock);
	if (wanted && !registered)
		cpu_emergency_register_virt_callback(backend->cpu_disable);
	else if (!wanted && registered)
		cpu_emergency_unregister_virt_callback(backend->cpu_disable);
	registered = wanted;
	mutex_unlock(&lock);
}

/* Told before a module's init and after its exit. */
static int module_moves(struct notifier_block *block, unsigned long state, void *data)
{
	const struct module *module = data;

	if (is_kvm(module->name) && state == MODULE_STATE_COMING)
		callback_set(false);
	if (is_kvm(module->name) && state == MODULE_STATE_GOING)
		callback_set(true);
	return NOTIFY_DONE;
}

static struct notifier_block block = { .notifier_call = module_moves };

int crash_init(void)
{
	int error = register_module_notifier(&block);

	if (!error)
		callback_set(!kvm_is_there());
	return error;
}

void crash_exit(void)
{
	unregister_module_notifier(&block);
	callback_set(false);
}
