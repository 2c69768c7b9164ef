/* SPDX-License-Identifier: MIT */
/* The module's requests as functions: 0 or a descriptor, else -errno. */
#ifndef TESTS_RAW_H
#define TESTS_RAW_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <uapi/dune.h>

static inline int raw_request(int fd, unsigned long nr, void *arg)
{
	int ret = ioctl(fd, nr, arg);

	return ret < 0 ? -errno : ret;
}

static inline int raw_vm_create(int device)
{
	struct dune_vm_create args = { .size = sizeof(args) };

	return raw_request(device, DUNE_VM_CREATE, &args);
}

static inline int raw_vcpu_create(int vm)
{
	struct dune_vcpu_create args = { .size = sizeof(args) };

	return raw_request(vm, DUNE_VCPU_CREATE, &args);
}

/* The run page of a vCPU, or NULL; munmap() it by DUNE_RUN_PAGE_SIZE. */
static inline struct dune_run *raw_run_page(int vcpu)
{
	void *run = mmap(NULL, DUNE_RUN_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);

	return run == MAP_FAILED ? NULL : (struct dune_run *)run;
}

/* Run until something else than a signal ends it. */
static inline int raw_run(int vcpu)
{
	int ret;

	do {
		ret = raw_request(vcpu, DUNE_VCPU_RUN, NULL);
	} while (ret == -EINTR);
	return ret;
}

#endif
