// SPDX-License-Identifier: GPL-2.0
/*
 * A crash kernel is started from an NMI on each CPU, which must not be in the
 * extension then. The kernel has one place for a function that sees to it, and
 * warns whoever comes second; KVM's serves us as well. Newer KVMs have none
 * while they are loaded without using the extension (enable_virt_at_load=0): a
 * crash kernel does not start beside such a one.
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

/*
 * As a module or built in: both have a directory beside ours in /sys/module.
 * One that goes still has it.
 */
static bool kvm_is_there(const char *going)
{
	static const char *const names[] = { "kvm_intel", "kvm_amd" };
	struct kobject *found = NULL;
	unsigned int i;

	for (i = 0; !found && i < ARRAY_SIZE(names); i++)
		if (!going || strcmp(names[i], going))
			found = kset_find_obj(THIS_MODULE->mkobj.kobj.kset, names[i]);
	kobject_put(found);
	return found;
}

static void callback_set(bool wanted)
{
	mutex_lock(&lock);
	if (wanted && !registered)
		cpu_emergency_register_virt_callback(backend->cpu_emergency);
	else if (!wanted && registered)
		cpu_emergency_unregister_virt_callback(backend->cpu_emergency);
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
		callback_set(!kvm_is_there(module->name));
	return NOTIFY_DONE;
}

static struct notifier_block block = { .notifier_call = module_moves };

int crash_init(void)
{
	int error = register_module_notifier(&block);

	if (!error)
		callback_set(!kvm_is_there(NULL));
	return error;
}

void crash_exit(void)
{
	unregister_module_notifier(&block);
	callback_set(false);
}
