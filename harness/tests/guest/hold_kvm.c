// SPDX-License-Identifier: MIT
/* Make a KVM virtual machine, say whether that worked, and keep it until stdin ends. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR);
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	char byte;

	printf("kvm vm: %s\n", vm < 0 ? strerror(errno) : "made");
	fflush(stdout);
	return read(0, &byte, 1) < 0;
}
