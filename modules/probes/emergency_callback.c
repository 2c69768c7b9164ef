// SPDX-License-Identifier: GPL-2.0
/* Since 6.6 a crashing kernel asks the extension's user to switch it off; before it knew how. */
#include <linux/types.h>
#include <asm/reboot.h>

void probe(cpu_emergency_virt_cb *callback)
{
	cpu_emergency_register_virt_callback(callback);
}
