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

DEFINE_PER_CPU(bool, power_on);

static int hotplug_state;

static int enable_here(void)
{
	int error = backend->cpu_enable();

	if (!error)
		__this_cpu_write(power_on, true);
	return error;
}

static void disable_here(void *unused)
{
	__this_cpu_write(power_on, false);
	backend->cpu_disable();
}

static int power_cpu_online(unsigned int cpu)
{
	int error;

	preempt_disable();
	error = enable_here();
	preempt_enable();
	return error;
}

static int power_cpu_offline(unsigned int cpu)
{
	preempt_disable();
	disable_here(NULL);
	preempt_enable();
	return 0;
}

static int suspend(void)
{
	disable_here(NULL);
	return 0;
}

static void resume(void)
{
	WARN_ON(enable_here());
}

static struct syscore_ops syscore = {
	.suspend = suspend,
	.resume = resume,
};

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
