// SPDX-License-Identifier: GPL-2.0
/*
 * The shield: until a time that the guest declares, maskable interrupts of the host wait in
 * the local APIC while the guest runs. They are let in at every exit, and an exit there is
 * after as long as the administrator allows. NMIs are not held back.
 */
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <asm/tsc.h>

#include "core/vcpu.h"

#define MAX_US 100000u /* other CPUs wait for this one to answer */

static unsigned int shield_max_us;
module_param(shield_max_us, uint, 0644);
MODULE_PARM_DESC(shield_max_us, "microseconds for which a guest may hold interrupts back (0: no)");

bool vcpu_shield_offered(void)
{
	return tsc_khz && backend->shield_offered && backend->shield_offered();
}

u64 vcpu_shield_look(struct vcpu *vcpu, u64 now)
{
	u64 until = READ_ONCE(vcpu->run->shield), end = 0;
	u64 most = min(READ_ONCE(shield_max_us), MAX_US);

	if (until > now && most && vcpu_shield_offered()) {
		end = min(until, now + div_u64(most * tsc_khz, 1000));
		vcpu->counts.shields++;
	}
	vcpu->shield = end;
	WRITE_ONCE(vcpu->run->shielded, end);
	return end ?: VCPU_TIMER_NEVER;
}
