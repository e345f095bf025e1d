// SPDX-License-Identifier: GPL-2.0
/* Where the time goes: stack traces, taken by a timer while a burst runs. Set
 * the shortest time between them, in nanoseconds; then read them, each a line,
 * the innermost function first.
 */

#include <linux/debugfs.h>
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/seq_file.h>
#include <linux/stacktrace.h>
#include <linux/vmalloc.h>

#include "profile.h"

#define SAMPLES	65536
#define DEPTH	32

struct sample {
	unsigned long entry[DEPTH];
	unsigned int n;
};

static struct sample *sample;
static unsigned int taken;
static u32 period;
static struct hrtimer timer;

static enum hrtimer_restart take(struct hrtimer *t)
{
	struct sample *s = &sample[taken];

	s->n = stack_trace_save(s->entry, DEPTH, 0);
	if (++taken == SAMPLES)
		return HRTIMER_NORESTART;
	/* At random, as packets take equally long, too. */
	hrtimer_forward_now(t, ns_to_ktime(period + get_random_u32() % period));
	return HRTIMER_RESTART;
}

/**
 * profile_start() - take samples from now on, if a period is set
 */
void profile_start(void)
{
	if (period && taken < SAMPLES)
		hrtimer_start(&timer, ns_to_ktime(period),
			      HRTIMER_MODE_REL_PINNED_HARD);
}

/**
 * profile_stop() - take no more
 */
void profile_stop(void)
{
	if (period)
		hrtimer_cancel(&timer);
}

static int samples_show(struct seq_file *seq, void *v)
{
	unsigned int i, k;

	for (i = 0; i < taken; i++) {
		for (k = 0; k < sample[i].n; k++)
			seq_printf(seq, "%ps ", (void *)sample[i].entry[k]);
		seq_putc(seq, '\n');
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(samples);

/**
 * profile_init() - offer it
 * @dir:	where the files go
 *
 * Return: 0 or -ENOMEM.
 */
int profile_init(struct dentry *dir)
{
	sample = vzalloc(array_size(SAMPLES, sizeof(*sample)));
	if (!sample)
		return -ENOMEM;
	hrtimer_setup(&timer, take, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
	debugfs_create_u32("period", 0600, dir, &period);
	debugfs_create_file("samples", 0400, dir, NULL, &samples_fops);
	return 0;
}

/**
 * profile_exit() - free what it took
 */
void profile_exit(void)
{
	vfree(sample);
}
