// SPDX-License-Identifier: MIT
/* Hooks that print system calls, in ring 0 beside the program. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <dune/stats.h>
#include <dune/syscall.h>

#include "../src/hidden.h"
#include "../src/text.h"
#include "calls.h"
#include "trace.h"

#define KNOWN 512
#define LINE 512
#define STRING_MAX 32 /* bytes shown of a string or buffer, as strace does */
#define LISTED 10     /* lines of the summary */

static const struct {
	const char *name, *args;
} calls[KNOWN] = {
#define CALL(name, args) [SYS_##name] = { #name, args },
	CALLS(CALL)
#undef CALL
};

#define ERRORS(X)                                                                         \
	X(EPERM) X(ENOENT) X(ESRCH) X(EINTR) X(EIO) X(ENXIO) X(E2BIG) X(ENOEXEC) X(EBADF) \
	X(ECHILD) X(EAGAIN) X(ENOMEM) X(EACCES) X(EFAULT) X(EBUSY) X(EEXIST) X(EXDEV)     \
	X(ENODEV) X(ENOTDIR) X(EISDIR) X(EINVAL) X(ENFILE) X(EMFILE) X(ENOTTY) X(ETXTBSY) \
	X(EFBIG) X(ENOSPC) X(ESPIPE) X(EROFS) X(EMLINK) X(EPIPE) X(EDOM) X(ERANGE)        \
	X(EDEADLK) X(ENAMETOOLONG) X(ENOSYS) X(ENOTEMPTY) X(ELOOP) X(ENODATA) X(EOVERFLOW) \
	X(ENOTSOCK) X(EDESTADDRREQ) X(EMSGSIZE) X(EPROTOTYPE) X(ENOPROTOOPT)              \
	X(EPROTONOSUPPORT) X(EOPNOTSUPP) X(EAFNOSUPPORT) X(EADDRINUSE) X(EADDRNOTAVAIL)   \
	X(ENETUNREACH) X(ECONNABORTED) X(ECONNRESET) X(ENOBUFS) X(EISCONN) X(ENOTCONN)    \
	X(ETIMEDOUT) X(ECONNREFUSED) X(EHOSTUNREACH) X(EALREADY) X(EINPROGRESS)           \
	X(ECANCELED) X(EDQUOT)

static const char *const errors[] = {
#define ERROR(name) [name] = #name,
	ERRORS(ERROR)
#undef ERROR
};
#define ERRORS_N (sizeof(errors) / sizeof(*errors))

static int output;
static const char *program;
static bool lines;
static uint64_t counts[KNOWN], unknown;

static void say(const char *text, const char *end)
{
	const struct dune_syscall call = {
		.nr = SYS_write,
		.args = { (uint64_t)output, (uint64_t)text, (uint64_t)(end - text) },
	};

	dune_syscall_forward(&call);
}

static char *signed_put(char *to, int64_t value)
{
	if (value < 0)
		*to++ = '-';
	return text_decimal(to, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static char *byte_put(char *to, unsigned char byte)
{
	static const char names[] = "\n\\n\t\\t\r\\r\"\\\"\\\\\\";
	unsigned int i;

	for (i = 0; i < sizeof(names) - 1; i += 3) {
		if (byte == (unsigned char)names[i]) {
			*to++ = names[i + 1];
			*to++ = names[i + 2];
			return to;
		}
	}
	if (byte >= ' ' && byte < 127) {
		*to++ = (char)byte;
		return to;
	}
	*to++ = '\\';
	*to++ = (char)('0' + (byte >> 6));
	*to++ = (char)('0' + (byte >> 3 & 7));
	*to++ = (char)('0' + (byte & 7));
	return to;
}

/* At most size bytes, or up to the '\0' if size is negative. */
static char *bytes_put(char *to, uint64_t at, int64_t size)
{
	bool string = size < 0;
	char byte;
	int i;

	if (dune_syscall_read(&byte, at, 1))
		return text_hex(to, at);
	*to++ = '"';
	for (i = 0; (string || i < size) && i < STRING_MAX; i++) {
		if (dune_syscall_read(&byte, at + (uint64_t)i, 1) || (string && !byte))
			break;
		to = byte_put(to, (unsigned char)byte);
	}
	*to++ = '"';
	return i == STRING_MAX && (string || i < size) ? text_put(to, "...") : to;
}

static char *octal_put(char *to, uint64_t value)
{
	int shift;

	*to++ = '0';
	for (shift = 30; shift >= 0; shift -= 3)
		if (value >> shift)
			*to++ = (char)('0' + (value >> shift & 7));
	return to;
}

static char *arg_put(char *to, char kind, const uint64_t *arg, int64_t result)
{
	switch (kind) {
	case 'd':
		return (int)*arg == -100 ? text_put(to, "AT_FDCWD") :
		       *arg >> 32 == 0xffffffff || !(*arg >> 32) ? signed_put(to, (int32_t)*arg) :
								   signed_put(to, (int64_t)*arg);
	case 'o':
		return octal_put(to, *arg & 07777777);
	case 's':
		return bytes_put(to, *arg, -1);
	case 'b':
		return bytes_put(to, *arg, (int64_t)arg[1]);
	case 'B':
		return result < 0 ? text_hex(to, *arg) : bytes_put(to, *arg, result);
	case 'p':
		return *arg ? text_hex(to, *arg) : text_put(to, "NULL");
	default:
		return text_hex(to, *arg);
	}
}

/* The call up to the first argument that is known only afterwards; then the rest of it. */
static char *args_put(char *to, const char *kinds, int from, int until, const uint64_t *args,
		      int64_t result)
{
	int i;

	for (i = from; i < until; i++) {
		if (i)
			to = text_put(to, ", ");
		to = arg_put(to, kinds[i], &args[i], result);
	}
	return to;
}

static char *result_put(char *to, const char *kinds, int64_t result)
{
	to = text_put(to, ") = ");
	if (result < 0 && result > -4096) {
		to = text_put(to, "-1 ");
		if ((uint64_t)-result < ERRORS_N && errors[-result])
			return text_put(to, errors[-result]);
		return text_decimal(text_put(to, "errno "), (uint64_t)-result);
	}
	/* Results that are addresses: of mmap and its kin, whose first argument is one. */
	return *kinds == 'p' && (uint64_t)result > 1ull << 20 ? text_hex(to, (uint64_t)result) :
								 signed_put(to, result);
}

static enum dune_syscall_action print(struct dune_syscall *call)
{
	const char *name = call->nr < KNOWN ? calls[call->nr].name : NULL;
	const char *kinds = name ? calls[call->nr].args : "xxxxxx";
	char line[LINE], *end = line;
	bool returns = *kinds != '-';
	int n = 0, first = 0;

	kinds += !returns;
	while (kinds[n])
		n++;
	while (kinds[first] && kinds[first] != 'B')
		first++;
	end = name ? text_put(end, name) : text_decimal(text_put(end, "syscall_"), call->nr);
	*end++ = '(';
	end = args_put(end, kinds, 0, first, call->args, 0);
	if (!returns || call->nr == SYS_execve || call->nr == SYS_execveat) {
		end = text_put(end, ") = ?\n");
		say(line, end);
		return DUNE_SYSCALL_FORWARD;
	}
	call->result = dune_syscall_forward(call);
	end = args_put(end, kinds, first, n, call->args, call->result);
	end = text_put(result_put(end, kinds, call->result), "\n");
	say(line, end);
	return DUNE_SYSCALL_ANSWER;
}

static char *counter_put(char *to, uint64_t value, const char *what)
{
	return text_put(text_decimal(to, value), what);
}

/* The most frequent calls, in a few lines: by selection, for want of a library. */
static void list_calls(void)
{
	int i, n, most;

	for (n = 0; n < LISTED; n++) {
		char line[LINE], *end = line;

		for (i = 0, most = 0; i < KNOWN; i++)
			if (counts[i] > counts[most])
				most = i;
		if (!counts[most])
			break;
		end = text_put(end, "dune:   ");
		end = counter_put(end, counts[most], " ");
		end = calls[most].name ? text_put(end, calls[most].name) :
					 text_decimal(text_put(end, "syscall_"), (uint64_t)most);
		*end++ = '\n';
		say(line, end);
		counts[most] = 0;
	}
}

static void summary(void)
{
	const struct dune_syscall getpid = { .nr = SYS_getpid };
	struct dune_counters counters;
	char line[LINE], *end = line;

	if (dune_counters_get(&counters))
		return;
	end = text_put(text_put(end, "dune: "), program);
	end = counter_put(text_put(end, "["), (uint64_t)dune_syscall_forward(&getpid), "]: ");
	end = counter_put(end, counters.entries, " VM entries, ");
	end = counter_put(end, counters.syscalls, " system calls, ");
	end = counter_put(end, counters.tdp_faults, " nested faults (pages mapped: ");
	end = counter_put(end, counters.tdp_maps_4k, " of 4 KiB, ");
	end = counter_put(end, counters.tdp_maps_2m, " of 2 MiB), ");
	end = counter_put(end, counters.interrupts, " interrupts, ");
	end = counter_put(end, counters.invalidations, " invalidations\n");
	say(line, end);
	list_calls();
}

static enum dune_syscall_action see(struct dune_syscall *call, void *arg)
{
	(void)arg;
	if (program) {
		__atomic_fetch_add(call->nr < KNOWN ? &counts[call->nr] : &unknown, 1,
				   __ATOMIC_RELAXED);
		if (call->nr == SYS_exit_group)
			summary();
	}
	return lines ? print(call) : DUNE_SYSCALL_FORWARD;
}

static int begin(void)
{
	if (!output) {
		int copy = dup(2);

		if (copy < 0)
			return -errno;
		output = hidden_move(copy);
	}
	return dune_syscall_hook_set(DUNE_SYSCALL_DEFAULT, see, NULL);
}

int trace_calls(void)
{
	lines = true;
	return begin();
}

int trace_summary(const char *name)
{
	program = name;
	return begin();
}
