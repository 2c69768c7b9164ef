// SPDX-License-Identifier: GPL-2.0
/* File operations of the device, of VMs and of vCPUs: copy, check, call. No policy. */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "core/compat.h"
#include "core/dev.h"
#include "core/vcpu.h"
#include "core/vm.h"

/* Read a struct whose first member must be its size and whose second its flags. */
struct sized_args {
	u32 size, flags;
};

static int sized_args_check(const void __user *user, size_t size)
{
	struct sized_args args;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	return args.size == size && !args.flags ? 0 : -EINVAL;
}

/* The VM's memory is that of the mm that made it: nobody else can use it. */
static bool vm_is_ours(const struct vm *vm)
{
	return vm->mm == current->mm && !READ_ONCE(vm->dead);
}

static int counts_to_user(const struct event_counts *counts, void __user *user)
{
	struct dune_stats stats;
	u32 size;

	if (get_user(size, (u32 __user *)user))
		return -EFAULT;
	if (size != sizeof(stats))
		return -EINVAL;
	event_counts_export(counts, &stats);
	return copy_to_user(user, &stats, sizeof(stats)) ? -EFAULT : 0;
}

/* vCPU */

static int vcpu_release(struct inode *inode, struct file *file)
{
	vcpu_destroy(file->private_data);
	return 0;
}

/* The fast way to run: see DUNE_VCPU_RUN. */
static loff_t vcpu_llseek(struct file *file, loff_t offset, int whence)
{
	struct vcpu *vcpu = file->private_data;

	if (!vm_is_ours(vcpu->vm))
		return -EIO;
	return offset || whence != SEEK_SET ? -EINVAL : vcpu_run(vcpu);
}

static long vcpu_ioctl(struct file *file, unsigned int request,
		       unsigned long arg)
{
	struct vcpu *vcpu = file->private_data;

	if (!vm_is_ours(vcpu->vm))
		return -EIO;
	switch (request) {
	case DUNE_VCPU_RUN:
		return arg ? -EINVAL : vcpu_run(vcpu);
	case DUNE_VCPU_SREGS:
		return arg ? -EINVAL : vcpu_sregs(vcpu);
	case DUNE_VCPU_INTERRUPT:
		return vcpu_interrupt(vcpu, arg);
	case DUNE_VCPU_STATS:
		return counts_to_user(&vcpu->counts, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct vcpu *vcpu = file->private_data;

	if (!vm_is_ours(vcpu->vm))
		return -EIO;
	if (vma->vm_pgoff || vma->vm_end - vma->vm_start != DUNE_RUN_PAGE_SIZE ||
	    !(vma->vm_flags & VM_SHARED) || (vma->vm_flags & VM_EXEC))
		return -EINVAL;
	/* A child has other vCPUs: it has no use for the parent's page. */
	vm_flags_set(vma, VM_DONTCOPY | VM_DONTEXPAND);
	vm_flags_clear(vma, VM_MAYEXEC);
	return vm_insert_page(vma, vma->vm_start, virt_to_page(vcpu->run));
}

/* /proc/PID/fdinfo: for whoever may look into the process, without stopping it. */
static void vcpu_show(struct seq_file *m, struct file *file)
{
	struct vcpu *vcpu = file->private_data;

	seq_printf(m, "dune_vm:\t%u\ndune_vcpu:\t%u\ndune_cpu:\t%d\n", vcpu->vm->id, vcpu->nr,
		   READ_ONCE(vcpu->last_cpu));
	event_counts_show(m, &vcpu->counts);
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.show_fdinfo = vcpu_show,
	.release = vcpu_release,
	.unlocked_ioctl = vcpu_ioctl,
	.mmap = vcpu_mmap,
	.llseek = vcpu_llseek,
};

/* VM */

static int vm_release(struct inode *inode, struct file *file)
{
	vm_put(file->private_data);
	return 0;
}

static int vcpu_open(struct vm *vm, const void __user *user)
{
	struct vcpu *vcpu;
	int fd;

	fd = sized_args_check(user, sizeof(struct dune_vcpu_create));
	if (fd)
		return fd;
	vcpu = vcpu_create(vm);
	if (IS_ERR(vcpu))
		return PTR_ERR(vcpu);
	fd = anon_inode_getfd("dune-vcpu", &vcpu_fops, vcpu, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		vcpu_destroy(vcpu);
	return fd;
}

static int slot_assign(struct vm *vm, struct dune_slot __user *user)
{
	struct dune_slot slot;
	int nr;

	if (copy_from_user(&slot, user, sizeof(slot)))
		return -EFAULT;
	spin_lock(&vm->mmu_lock);
	nr = slot_get(&vm->slots, slot.hva);
	spin_unlock(&vm->mmu_lock);
	if (nr < 0)
		return nr;
	return put_user((u64)nr << DUNE_SLOT_SHIFT, &user->gpa);
}

static long vm_ioctl(struct file *file, unsigned int request, unsigned long arg)
{
	struct vm *vm = file->private_data;
	void __user *user = (void __user *)arg;
	struct event_counts counts;

	if (!vm_is_ours(vm))
		return -EIO;
	switch (request) {
	case DUNE_VCPU_CREATE:
		return vcpu_open(vm, user);
	case DUNE_VM_SLOT:
		return slot_assign(vm, user);
	case DUNE_VM_FLUSH:
		if (arg)
			return -EINVAL;
		spin_lock(&vm->mmu_lock);
		vm_flush_tlbs(vm);
		spin_unlock(&vm->mmu_lock);
		return 0;
	case DUNE_VM_STATS:
		vm_counts(vm, &counts);
		return counts_to_user(&counts, user);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.release = vm_release,
	.unlocked_ioctl = vm_ioctl,
	.llseek = noop_llseek,
};

/* Device */

static int vm_open(const void __user *user)
{
	struct vm *vm;
	int fd;

	fd = sized_args_check(user, sizeof(struct dune_vm_create));
	if (fd)
		return fd;
	vm = vm_create();
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	fd = anon_inode_getfd("dune-vm", &vm_fops, vm, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		vm_put(vm);
	return fd;
}

static int info_get(struct dune_info __user *user)
{
	struct dune_info info = {
		.size = sizeof(info),
		.abi_version = DUNE_ABI_VERSION,
		.backend = backend->uapi_id,
		.gpa_bits = slots_gpa_bits(),
		.slots_max = slots_max(),
		.vcpus_max = VCPUS_MAX,
		.features = DUNE_FEATURE_INTERRUPT |
			    (vcpu_timer_offered() ? DUNE_FEATURE_TIMER : 0) |
			    (vcpu_shield_offered() ? DUNE_FEATURE_SHIELD : 0),
	};
	u32 size;

	if (get_user(size, &user->size))
		return -EFAULT;
	if (size != sizeof(info))
		return -EINVAL;
	return copy_to_user(user, &info, sizeof(info)) ? -EFAULT : 0;
}

static long device_ioctl(struct file *file, unsigned int request,
			 unsigned long arg)
{
	void __user *user = (void __user *)arg;

	switch (request) {
	case DUNE_GET_INFO:
		return info_get(user);
	case DUNE_VM_CREATE:
		return vm_open(user);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = device_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "dune",
	.fops = &device_fops,
	/* A Dune process has no more rights than the process it was. */
	.mode = 0600,
};

int dev_register(void)
{
	return misc_register(&device);
}

void dev_unregister(void)
{
	misc_deregister(&device);
}
