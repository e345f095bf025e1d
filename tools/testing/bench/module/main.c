// SPDX-License-Identifier: GPL-2.0
/* Packets out of a template, received by a device in a loop that is timed. For
 * benchmarks only: /sys/kernel/debug/packet_bench/run takes a request and then
 * gives the time of each burst.
 */

#include <linux/debugfs.h>
#include <linux/etherdevice.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/timex.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <net/checksum.h>
#include <net/net_namespace.h>

#include "packet_bench.h"
#include "profile.h"

/**
 * struct bench - an open file
 * @lock:	one request at a time
 * @req:	the latest request
 * @template:	its octets
 * @result:	@req.bursts entries, or NULL
 */
struct bench {
	struct mutex lock; /* all of it */
	struct bench_request req;
	u8 template[BENCH_LEN];
	struct bench_burst *result;
};

static struct dentry *bench_dir;

/* Words may stand anywhere in the packet, hence memcpy(). */
static void vary(u8 *data, const struct bench_field *field, u32 number)
{
	u32 more = number / field->div;
	__be32 from, to;
	__sum16 check;

	if (field->mod)
		more %= field->mod;
	memcpy(&from, data + field->offset, sizeof(from));
	to = cpu_to_be32(be32_to_cpu(from) + more);
	memcpy(data + field->offset, &to, sizeof(to));
	if (!field->check)
		return;
	memcpy(&check, data + field->check, sizeof(check));
	csum_replace4(&check, from, to);
	memcpy(data + field->check, &check, sizeof(check));
}

/* As a driver hands it up. The checksum is right, and known to be. */
static struct sk_buff *build(const struct bench *b, struct net_device *dev,
			     u32 number)
{
	struct sk_buff *skb = netdev_alloc_skb_ip_align(dev, b->req.len);
	unsigned int i;

	if (!skb)
		return NULL;
	skb_put_data(skb, b->template, b->req.len);
	for (i = 0; i < b->req.fields; i++)
		vary(skb->data, &b->req.field[i], number);
	skb->protocol = eth_type_trans(skb, dev);
	skb->pkt_type = PACKET_HOST;
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	return skb;
}

static int send_burst(const struct bench *b, struct net_device *dev, u32 number)
{
	struct sk_buff *skb;
	unsigned int i;

	for (i = 0; i < b->req.burst; i++) {
		skb = build(b, dev, number + i);
		if (!skb)
			return -ENOMEM;
		if (b->req.op == BENCH_FREE)
			consume_skb(skb);
		else
			netif_receive_skb(skb);
	}
	return 0;
}

static int time_burst(const struct bench *b, struct net_device *dev,
		      u32 number, struct bench_burst *result)
{
	cycles_t cycles;
	u64 ns;
	int err;

	local_bh_disable();
	profile_start();
	ns = ktime_get_ns();
	cycles = get_cycles();
	err = send_burst(b, dev, number);
	result->cycles = get_cycles() - cycles;
	result->ns = ktime_get_ns() - ns;
	profile_stop();
	local_bh_enable();
	return err;
}

/* Between bursts, what the packets have left to be done later is done. */
static int run(struct bench *b, struct net_device *dev)
{
	unsigned int i;
	int err;

	for (i = 0; i < b->req.bursts; i++) {
		err = time_burst(b, dev, b->req.first + i * b->req.burst,
				 &b->result[i]);
		if (err)
			return err;
		if (signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static bool request_ok(const struct bench_request *req, size_t len)
{
	unsigned int i;

	if (req->op > BENCH_RECEIVE || !req->bursts || !req->burst ||
	    req->bursts > BENCH_BURSTS || req->fields > BENCH_FIELDS ||
	    req->len < ETH_HLEN || req->len > BENCH_LEN ||
	    len != sizeof(*req) + req->len)
		return false;
	for (i = 0; i < req->fields; i++)
		if (!req->field[i].div ||
		    req->field[i].offset > req->len - sizeof(__be32) ||
		    req->field[i].check > req->len - sizeof(__sum16))
			return false;
	return true;
}

static int read_request(struct bench *b, const char __user *from, size_t len)
{
	if (len < sizeof(b->req))
		return -EINVAL;
	if (copy_from_user(&b->req, from, sizeof(b->req)))
		return -EFAULT;
	if (!request_ok(&b->req, len))
		return -EINVAL;
	if (copy_from_user(b->template, from + sizeof(b->req), b->req.len))
		return -EFAULT;
	kvfree(b->result);
	b->result = kvcalloc(b->req.bursts, sizeof(*b->result), GFP_KERNEL);
	return b->result ? 0 : -ENOMEM;
}

static ssize_t bench_write(struct file *file, const char __user *from,
			   size_t len, loff_t *pos)
{
	struct bench *b = file->private_data;
	struct net_device *dev;
	int err;

	mutex_lock(&b->lock);
	err = read_request(b, from, len);
	if (err)
		goto unlock;
	dev = dev_get_by_index(current->nsproxy->net_ns, b->req.ifindex);
	err = dev ? run(b, dev) : -ENODEV;
	dev_put(dev);
unlock:
	mutex_unlock(&b->lock);
	return err ?: len;
}

static ssize_t bench_read(struct file *file, char __user *to, size_t len,
			  loff_t *pos)
{
	struct bench *b = file->private_data;
	ssize_t ret = 0;

	mutex_lock(&b->lock);
	if (b->result)
		ret = simple_read_from_buffer(to, len, pos, b->result,
					      b->req.bursts *
					      sizeof(*b->result));
	mutex_unlock(&b->lock);
	return ret;
}

static int bench_open(struct inode *inode, struct file *file)
{
	struct bench *b = kvzalloc(sizeof(*b), GFP_KERNEL);

	if (!b)
		return -ENOMEM;
	mutex_init(&b->lock);
	file->private_data = b;
	return 0;
}

static int bench_release(struct inode *inode, struct file *file)
{
	struct bench *b = file->private_data;

	kvfree(b->result);
	kvfree(b);
	return 0;
}

static const struct file_operations bench_fops = {
	.owner		= THIS_MODULE,
	.open		= bench_open,
	.release	= bench_release,
	.read		= bench_read,
	.write		= bench_write,
};

static int __init bench_init(void)
{
	int err;

	bench_dir = debugfs_create_dir("packet_bench", NULL);
	err = profile_init(bench_dir);
	if (err)
		debugfs_remove(bench_dir);
	else
		debugfs_create_file_unsafe("run", 0600, bench_dir, NULL,
					   &bench_fops);
	return err;
}

static void __exit bench_exit(void)
{
	debugfs_remove(bench_dir);
	profile_exit();
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_DESCRIPTION("Packets from a template, timed; for benchmarks");
MODULE_AUTHOR("M-Anycast for Linux contributors");
MODULE_LICENSE("GPL");
