// SPDX-License-Identifier: GPL-2.0
/*
 * The extension is on wherever a vCPU may run: from module load, through CPU
 * hotplug and suspend, until unload or reboot. It must be off before another
 * kernel starts on this CPU.
 */
#include <linux/cpuhotplug.h>
#include <linux/kernel.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <linux/syscore_ops.h>

#include "core/backend.h"
#include "core/power.h"

DEFINE_PER_CPU(bool, power_on);

static int hotplug_state;

static bool told;

/*
 * To another kernel or off. CPUs and copies of this module that come now stay
 * without the extension: a module that is loaded after the notifiers were
 * called is told nothing.
 */
static bool machine_goes_down(void)
{
	return READ_ONCE(told) ||
	       (system_state >= SYSTEM_HALT && system_state <= SYSTEM_RESTART);
}

static int enable_here(void)
{
	unsigned long flags;
	int error = 0;

	/* Against the call in reboot(), which comes before or after all of it. */
	local_irq_save(flags);
	if (!machine_goes_down()) {
		error = backend->cpu_enable();
		if (!error)
			__this_cpu_write(power_on, true);
	}
	local_irq_restore(flags);
	return error;
}

static void disable_here(void *unused)
{
	__this_cpu_write(power_on, false);
	backend->cpu_disable();
}

static int power_cpu_online(unsigned int cpu)
{
	return enable_here();
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
	WRITE_ONCE(told, true);
	/* A CPU that is not online to the call sees it: setting it so is a barrier, too. */
	smp_mb();
	on_each_cpu(disable_here, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block reboot_block = { .notifier_call = reboot };

/* Told of a reboot from before the first CPU until after the last. */
int power_init(void)
{
	register_reboot_notifier(&reboot_block);
	hotplug_state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "dune:online",
					  power_cpu_online, power_cpu_offline);
	if (hotplug_state < 0) {
		unregister_reboot_notifier(&reboot_block);
		return hotplug_state;
	}
	register_syscore_ops(&syscore);
	return 0;
}

void power_exit(void)
{
	unregister_syscore_ops(&syscore);
	cpuhp_remove_state(hotplug_state);
	unregister_reboot_notifier(&reboot_block);
}
