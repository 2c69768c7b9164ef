// SPDX-License-Identifier: MIT
/* Calls of sockets: of IPv4, to and from addresses that the policy lists. */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "confine.h"
#include "policy.h"

#define KINDS (SOCK_NONBLOCK | SOCK_CLOEXEC)
#define ADDRESS_MAX 128 /* bytes that Linux may write of one, whatever it is told */
#define OPTION_MAX 256	/* of an option's value */

static long with_address(struct dune_syscall *call, bool bind)
{
	struct sockaddr_in copy;

	if (call->args[2] < sizeof(copy))
		return -EINVAL;
	if (dune_syscall_read(&copy, call->args[1], sizeof(copy)))
		return -EFAULT;
	if (copy.sin_family != AF_INET ||
	    !policy_address(bind, copy.sin_addr.s_addr, copy.sin_port)) {
		confine_tell(call, NULL);
		return -EACCES;
	}
	return confine_call((long)call->nr, call->args[0], (uint64_t)&copy, sizeof(copy), 0, 0);
}

/* The address goes to one argument, its size is at the next: both may be NULL. */
static bool address_out(const uint64_t *arg)
{
	return confine_is_programs(arg[0], ADDRESS_MAX) && confine_is_programs(arg[1], 4);
}

static long checked(const struct dune_syscall *call, bool fine)
{
	return fine ? dune_syscall_forward(call) : -EFAULT;
}

bool confine_socket(struct dune_syscall *call)
{
	uint64_t *args = call->args, kind = args[1] & ~(uint64_t)KINDS;
	long ret;

	switch (call->nr) {
	case SYS_socket:
		ret = args[0] == AF_INET && (kind == SOCK_STREAM || kind == SOCK_DGRAM) ?
			      checked(call, true) :
			      -EAFNOSUPPORT;
		break;
	case SYS_bind:
	case SYS_connect:
		ret = with_address(call, call->nr == SYS_bind);
		break;
	case SYS_listen:
	case SYS_shutdown:
		ret = checked(call, true);
		break;
	case SYS_accept:
	case SYS_accept4:
	case SYS_getsockname:
	case SYS_getpeername:
		ret = checked(call, address_out(args + 1));
		break;
	case SYS_setsockopt:
		ret = checked(call, confine_is_programs(args[3], (uint32_t)args[4]));
		break;
	case SYS_getsockopt:
		ret = args[1] == SOL_SOCKET || args[1] == IPPROTO_TCP ?
			      checked(call, confine_is_programs(args[3], OPTION_MAX) &&
						    confine_is_programs(args[4], 4)) :
			      -ENOPROTOOPT;
		break;
	case SYS_sendto: /* to whom the socket is connected */
		ret = args[4] ? -EISCONN : checked(call, confine_is_programs(args[1], args[2]));
		break;
	case SYS_recvfrom:
		ret = checked(call, confine_is_programs(args[1], args[2]) && address_out(args + 4));
		break;
	default:
		return false;
	}
	call->result = ret;
	return true;
}
