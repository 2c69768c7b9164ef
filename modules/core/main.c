// SPDX-License-Identifier: GPL-2.0
/* Load and unload: choose a backend, switch it on, offer the device. */
#define CREATE_TRACE_POINTS
#include "core/trace.h"

#include <linux/module.h>
#include <asm/processor.h>

#include "core/backend.h"
#include "core/dev.h"
#include "core/power.h"
#include "core/stats.h"
#include "core/vm.h"

const struct backend_ops *backend;

#define BACKEND_DIRECT_DEFINE(op) \
	DEFINE_STATIC_CALL_NULL(backend_##op, *(((struct backend_ops *)0)->op));
BACKEND_DIRECT_LIST(BACKEND_DIRECT_DEFINE)
#undef BACKEND_DIRECT_DEFINE

/* The extension that this CPU's vendor makes; it says itself why it will not do. */
static int backend_probe(void)
{
#ifdef X86_FEATURE_FRED
	/* NMIs and machine checks are handed on by INT n, which FRED does not take for them. */
	if (cpu_feature_enabled(X86_FEATURE_FRED)) {
		pr_err("this kernel uses FRED: not supported (boot with fred=off)\n");
		return -EOPNOTSUPP;
	}
#endif
	switch (boot_cpu_data.x86_vendor) {
	case X86_VENDOR_AMD:
	case X86_VENDOR_HYGON:
		backend = &svm_backend;
		break;
	default:
		backend = &vmx_backend;
		break;
	}
#define BACKEND_DIRECT_SET(op) static_call_update(backend_##op, backend->op);
	BACKEND_DIRECT_LIST(BACKEND_DIRECT_SET)
#undef BACKEND_DIRECT_SET
	return backend->probe();
}

static int __init dune_load(void)
{
	int error;

	error = backend_probe();
	if (error)
		return error;
	error = crash_init();
	if (error)
		goto remove_backend;
	error = power_init();
	if (error)
		goto remove_crash;
	error = stats_init();
	if (error)
		goto power_off;
	error = dev_register();
	if (error)
		goto remove_stats;
	pr_info("%s backend ready\n", backend->name);
	return 0;

remove_stats:
	stats_exit();
power_off:
	power_exit();
remove_crash:
	crash_exit();
remove_backend:
	backend->remove();
	return error;
}

static void __exit dune_unload(void)
{
	dev_unregister();
	stats_exit();
	vm_notifiers_settle();
	power_exit();
	crash_exit();
	backend->remove();
}

module_init(dune_load);
module_exit(dune_unload);

MODULE_DESCRIPTION("Puts a process into ring 0 of a virtual machine of its own");
MODULE_LICENSE("GPL");
