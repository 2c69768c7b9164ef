// SPDX-License-Identifier: GPL-2.0
/*
 * The extension is on wherever a vCPU may run: from module load, through CPU
 * hotplug and suspend, until unload or reboot. It must be off before another
 * kernel starts on this CPU.
 */
#include <linux/cpuhotplug.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <linux/syscore_ops.h>

#include "core/backend.h"
#include "core/power.h"

static int hotplug_state;

static int power_cpu_online(unsigned int cpu)
{
	int error;

	preempt_disable();
	error = backend->cpu_enable();
	preempt_enable();
	return error;
}

static int power_cpu_offline(unsigned int cpu)
{
	preempt_disable();
	backend->cpu_disable();
	preempt_enable();
	return 0;
}

static int suspend(void)
{
	backend->cpu_disable();
	return 0;
}

static void resume(void)
{
	WARN_ON(backend->cpu_enable());
}

static struct syscore_ops syscore = {
	.suspend = suspend,
	.resume = resume,
};

static void disable_here(void *unused)
{
	backend->cpu_disable();
}

static int reboot(struct notifier_block *block, unsigned long action, void *data)
{
	on_each_cpu(disable_here, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block reboot_block = { .notifier_call = reboot };

int power_init(void)
{
	hotplug_state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "dune:online",
					  power_cpu_online, power_cpu_offline);
	if (hotplug_state < 0)
		return hotplug_state;
	register_syscore_ops(&syscore);
	register_reboot_notifier(&reboot_block);
	return 0;
}

void power_exit(void)
{
	unregister_reboot_notifier(&reboot_block);
	unregister_syscore_ops(&syscore);
	cpuhp_remove_state(hotplug_state);
}
