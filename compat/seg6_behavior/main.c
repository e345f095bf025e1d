// SPDX-License-Identifier: GPL-2.0
/* The kernel has no way to register an action of "encap seg6local". This
 * module adds one, seg6_local_behavior_register(), to a kernel as it is.
 *
 * It puts its own operations into the seg6local slot of the table of
 * lightweight tunnels and hands everything that is not about a registered
 * behaviour to the kernel's. Four things that look simpler have been tried and
 * are fatal:
 *
 *  - lwtunnel_encap_del_ops(), then lwtunnel_encap_add_ops(): as long as the
 *    slot is empty, freeing any seg6local route dereferences NULL, in softirq.
 *    So the slot changes with one cmpxchg().
 *  - .owner = THIS_MODULE in our operations: the routes of before have taken no
 *    reference and drop one all the same. So .owner is NULL, as in the
 *    operations that we replace, and a state takes a reference to the module
 *    of its behaviour by itself.
 *  - Own states that outlive us: the kernel would read them as its own. They
 *    cannot, because that module uses our symbols.
 *  - Calling functions that the kernel does not export, at an address that was
 *    looked up: with IBT their landing pads are gone. So we only look up a
 *    table, and only call through the operations in it.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/init.h>
#include <linux/kconfig.h>
#include <linux/module.h>

#include "seg6_behavior.h"

static unsigned long lwtun_encaps;
module_param(lwtun_encaps, ulong, 0400);
MODULE_PARM_DESC(lwtun_encaps,
		 "Address of lwtun_encaps in /proc/kallsyms, for kernels without kprobes");

static int __init seg6_behavior_init(void)
{
	int err;

	err = seg6_behavior_slot_take(lwtun_encaps);
	if (err)
		return err;

	/* seg6_behavior_drain() could not wait for preempted tasks. */
	if (IS_ENABLED(CONFIG_PREEMPTION) && !IS_ENABLED(CONFIG_TASKS_RCU)) {
		pr_info("cannot be unloaded without CONFIG_TASKS_RCU\n");
		__module_get(THIS_MODULE);
	}

	return 0;
}

/* There are no states of ours any more, see above, but the kernel may be
 * running our functions for its own ones.
 */
static void __exit seg6_behavior_exit(void)
{
	seg6_behavior_slot_return();
	seg6_behavior_drain();
}

module_init(seg6_behavior_init);
module_exit(seg6_behavior_exit);

MODULE_AUTHOR("M-Anycast for Linux contributors");
MODULE_DESCRIPTION("Registration of SRv6 behaviours (seg6local actions)");
MODULE_LICENSE("GPL");
