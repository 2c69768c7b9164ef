// SPDX-License-Identifier: MIT
/* Calls of sockets: of IPv4, to and from addresses that the policy lists. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "confine.h"
#include "hold.h"
#include "policy.h"

#define KINDS (SOCK_NONBLOCK | SOCK_CLOEXEC)
#define ADDRESS_MAX 128 /* bytes that Linux may write of one, whatever it is told */

/* Those whose values are a number, a struct linger or a struct timeval. */
#define OPTION_ROOM 16

/*
 * Others have values that point elsewhere, sizes that are no bytes, or say whom to
 * speak to. SO_ERROR and its like are for asking only: Linux refuses to set them.
 */
static const struct {
	uint8_t level, name;
} options[] = {
	{ SOL_SOCKET, SO_ERROR },      { SOL_SOCKET, SO_TYPE },
	{ SOL_SOCKET, SO_DOMAIN },     { SOL_SOCKET, SO_PROTOCOL },
	{ SOL_SOCKET, SO_RCVBUF },     { SOL_SOCKET, SO_SNDBUF },
	{ SOL_SOCKET, SO_KEEPALIVE },  { SOL_SOCKET, SO_REUSEADDR },
	{ SOL_SOCKET, SO_ACCEPTCONN }, { SOL_SOCKET, SO_LINGER },
	{ SOL_SOCKET, SO_RCVTIMEO },   { SOL_SOCKET, SO_SNDTIMEO },
	{ IPPROTO_TCP, TCP_NODELAY },  { IPPROTO_TCP, TCP_CORK },
	{ IPPROTO_TCP, TCP_KEEPIDLE }, { IPPROTO_TCP, TCP_KEEPINTVL },
	{ IPPROTO_TCP, TCP_KEEPCNT },  { IPPROTO_TCP, TCP_DEFER_ACCEPT },
};

static bool option_known(uint32_t level, uint32_t name)
{
	unsigned int i;

	for (i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (options[i].level == level && options[i].name == name)
			return true;
	return false;
}

/* Linux sees a copy, and never more room than such a value needs. */
static long option(const struct dune_syscall *call, bool set)
{
	const uint64_t *args = call->args;
	uint64_t value[OPTION_ROOM / 8] = { 0 };
	int32_t size = (int32_t)args[4];
	long ret;

	if (!option_known((uint32_t)args[1], (uint32_t)args[2]))
		return -ENOPROTOOPT;
	if (!set && (!confine_is_programs(args[4], sizeof(size)) ||
		     dune_syscall_read(&size, args[4], sizeof(size))))
		return -EFAULT;
	if (size < 0)
		return -EINVAL;
	if (size > OPTION_ROOM)
		size = OPTION_ROOM;
	if (!confine_is_programs(args[3], (uint32_t)size))
		return -EFAULT;
	if (set)
		return dune_syscall_read(value, args[3], (uint32_t)size) ?
			       -EFAULT :
			       confine_call(SYS_setsockopt, args[0], args[1], args[2],
					    (uint64_t)value, (uint32_t)size);
	ret = confine_call(SYS_getsockopt, args[0], args[1], args[2], (uint64_t)value,
			   (uint64_t)&size);
	if (!ret && (dune_syscall_write(args[3], value, (uint32_t)size) ||
		     dune_syscall_write(args[4], &size, sizeof(size))))
		ret = -EFAULT;
	return ret;
}

static long with_address(struct dune_syscall *call, bool bind)
{
	struct sockaddr_in copy;

	if (call->args[2] < sizeof(copy))
		return -EINVAL;
	if (!confine_is_programs(call->args[1], sizeof(copy)) ||
	    dune_syscall_read(&copy, call->args[1], sizeof(copy)))
		return -EFAULT;
	if (copy.sin_family != AF_INET ||
	    !policy_address(bind, copy.sin_addr.s_addr, copy.sin_port)) {
		confine_tell(call, NULL);
		return -EACCES;
	}
	return confine_call((long)call->nr, call->args[0], (uint64_t)&copy, sizeof(copy), 0, 0);
}

/* Linux gives a socket that has no address one, for all to connect to. */
static long listen_at(const uint64_t *args)
{
	struct sockaddr_in at = { .sin_family = 0 };
	uint32_t size = sizeof(at);
	struct hold hold;
	long ret = hold_begin(&hold), fd;

	if (ret)
		return ret;
	ret = fd = hold_file(&hold, 0, (int)args[0]);
	if (fd >= 0)
		ret = confine_call(SYS_getsockname, (uint64_t)fd, (uint64_t)&at, (uint64_t)&size,
				   0, 0);
	/* A rule for port 0 is one for any. */
	if (!ret && (at.sin_family != AF_INET ||
		     !(policy_address(true, at.sin_addr.s_addr, at.sin_port) ||
		       policy_address(true, at.sin_addr.s_addr, 0))))
		ret = -EACCES;
	if (!ret)
		ret = confine_call(SYS_listen, (uint64_t)fd, args[1], 0, 0, 0);
	hold_end(&hold);
	return ret;
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
		ret = listen_at(args);
		break;
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
	case SYS_getsockopt:
		ret = option(call, call->nr == SYS_setsockopt);
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
