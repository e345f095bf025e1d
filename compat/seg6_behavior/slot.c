// SPDX-License-Identifier: GPL-2.0
/* The seg6local slot of lwtun_encaps[] in net/core/lwtunnel.c, which is not
 * exported. Nothing is written before kallsyms has confirmed what the address
 * is and what the slot holds.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <net/lwtunnel.h>

#include "seg6_behavior.h"

const struct lwtunnel_encap_ops *seg6_behavior_stock __ro_after_init;

static const struct lwtunnel_encap_ops __rcu **slot __ro_after_init;

/* kallsyms_lookup_name() is not exported, but register_kprobe() uses it. It
 * refuses to probe data, and leaves the address behind that it has found.
 */
static unsigned long __init seg6_behavior_find_table(void)
{
	struct kprobe kp = { .symbol_name = "lwtun_encaps" };

	if (!register_kprobe(&kp)) {
		unregister_kprobe(&kp);
		return 0;
	}

	return (unsigned long)kp.addr;
}

/* Is @start, "name+0x0/", how kallsyms describes this address? */
static bool __init seg6_behavior_symbol_is(unsigned long addr,
					   const char *start)
{
	char symbol[KSYM_SYMBOL_LEN];

	sprint_symbol(symbol, addr);
	return strstarts(symbol, start);
}

static int __init seg6_behavior_check_table(unsigned long table)
{
	if (!IS_ENABLED(CONFIG_KALLSYMS_ALL)) {
		pr_err("this kernel needs CONFIG_KALLSYMS_ALL=y\n");
		return -EOPNOTSUPP;
	}
	if (!table && IS_ENABLED(CONFIG_KPROBES)) {
		pr_err("this kernel has no lwtun_encaps; is CONFIG_LWTUNNEL=y?\n");
		return -EOPNOTSUPP;
	}
	if (!table) {
		pr_err("this kernel has no kprobes; give lwtun_encaps=0x and its address in /proc/kallsyms\n");
		return -EINVAL;
	}
	if (!seg6_behavior_symbol_is(table, "lwtun_encaps+0x0/")) {
		pr_err("%#lx is not the address of lwtun_encaps in /proc/kallsyms\n",
		       table);
		return -EINVAL;
	}

	return 0;
}

static int __init
seg6_behavior_check_ops(const struct lwtunnel_encap_ops *ops)
{
	if (!ops) {
		pr_err("this kernel needs CONFIG_IPV6_SEG6_LWTUNNEL=y\n");
		return -EOPNOTSUPP;
	}
	if (!seg6_behavior_symbol_is((unsigned long)ops,
				     "seg6_local_ops+0x0/")) {
		pr_err("%ps handles seg6local in place of the kernel; unload its module\n",
		       ops);
		return -EBUSY;
	}
	/* We take no reference to an owner, and put none. */
	if (ops->owner) {
		pr_err("this kernel needs CONFIG_IPV6=y, not m\n");
		return -EOPNOTSUPP;
	}
	/* We would not hand these on. */
	if (ops->output || ops->xmit) {
		pr_err("seg6local of this kernel is newer than this module\n");
		return -EOPNOTSUPP;
	}

	return 0;
}

static const struct lwtunnel_encap_ops *
seg6_behavior_slot_swap(const struct lwtunnel_encap_ops *old,
			const struct lwtunnel_encap_ops *new)
{
	return unrcu_pointer(cmpxchg(slot, RCU_INITIALIZER(old),
				     RCU_INITIALIZER(new)));
}

/**
 * seg6_behavior_slot_take() - put seg6_behavior_ops into the seg6local slot
 * @table:	address of lwtun_encaps[], or 0 to look it up
 *
 * Context: Process context, may sleep.
 * Return: 0, or a negative error after a message in the kernel log; then
 *	   nothing has been changed.
 */
int __init seg6_behavior_slot_take(unsigned long table)
{
	const struct lwtunnel_encap_ops *stock;
	int err;

	if (!table)
		table = seg6_behavior_find_table();
	err = seg6_behavior_check_table(table);
	if (err)
		return err;

	slot = (const struct lwtunnel_encap_ops __rcu **)table +
	       LWTUNNEL_ENCAP_SEG6_LOCAL;
	/* Not to be dereferenced before its name has shown that it is static */
	stock = rcu_access_pointer(*slot);
	err = seg6_behavior_check_ops(stock);
	if (err)
		return err;

	seg6_behavior_stock = stock;
	/* Our operations read that pointer, and nothing orders this after the
	 * reading of the slot that has led to them.
	 */
	synchronize_rcu();

	if (seg6_behavior_slot_swap(stock, &seg6_behavior_ops) != stock) {
		pr_err("somebody else has just taken over seg6local\n");
		return -EBUSY;
	}

	return 0;
}

/* If somebody has put other operations over ours without asking, these may call
 * ours at any time, so neither the slot nor our code may go before they have
 * left. A module's exit cannot fail: it waits.
 */
void seg6_behavior_slot_return(void)
{
	const struct lwtunnel_encap_ops *found;

	for (;;) {
		found = seg6_behavior_slot_swap(&seg6_behavior_ops,
						seg6_behavior_stock);
		if (found == &seg6_behavior_ops)
			return;

		pr_err_once("cannot leave: %ps has taken over seg6local; unload its module\n",
			    found);
		ssleep(1);
	}
}
