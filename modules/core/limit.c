// SPDX-License-Identifier: GPL-2.0
/*
 * How many VMs each user may have. Memory is charged to the memory cgroup of
 * whoever makes the module allocate it; this bounds what no cgroup counts, such
 * as files in debugfs, where there are no memory cgroups, too.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uidgid.h>

#include "core/limit.h"

static unsigned int vms_per_user = 256;
module_param(vms_per_user, uint, 0644);
MODULE_PARM_DESC(vms_per_user, "VMs that one user may have at a time (default 256)");

struct limit_user {
	struct list_head link;
	kuid_t uid;
	unsigned int vms;
};

static LIST_HEAD(users); /* those with VMs */
static DEFINE_MUTEX(users_lock);

static struct limit_user *user_find(kuid_t uid)
{
	struct limit_user *user;

	list_for_each_entry(user, &users, link)
		if (uid_eq(user->uid, uid))
			return user;
	user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);
	if (!user)
		return NULL;
	user->uid = uid;
	list_add(&user->link, &users);
	return user;
}

static void user_put(struct limit_user *user)
{
	if (user->vms)
		return;
	list_del(&user->link);
	kfree(user);
}

struct limit_user *limit_take(void)
{
	struct limit_user *user;

	mutex_lock(&users_lock);
	user = user_find(current_uid());
	if (!user) {
		user = ERR_PTR(-ENOMEM);
	} else if (user->vms >= READ_ONCE(vms_per_user)) {
		user_put(user);
		user = ERR_PTR(-EDQUOT);
	} else {
		user->vms++;
	}
	mutex_unlock(&users_lock);
	return user;
}

void limit_give(struct limit_user *user)
{
	mutex_lock(&users_lock);
	user->vms--;
	user_put(user);
	mutex_unlock(&users_lock);
}
