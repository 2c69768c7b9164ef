// SPDX-License-Identifier: MIT
/* Files of `dune rt': nobody but root has a way to lock them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/rt_state.h"
#include "tests/check.h"

static unsigned int mode_of(int fd)
{
	struct stat status;

	return fstat(fd, &status) ? 0 : status.st_mode & 07777;
}

static void test_private(void)
{
	char path[] = "/tmp/dune-rt-XXXXXX";
	int fd = mkstemp(path);

	check(fd >= 0 && !fchmod(fd, 0644), "%s", path);
	close(fd);
	fd = state_private(path);
	check(fd >= 0 && mode_of(fd) == 0600, "one that was there: %d, mode %o", fd, mode_of(fd));
	close(fd);
	unlink(path);
	fd = state_private(path);
	check(fd >= 0 && mode_of(fd) == 0600, "a new one: %d, mode %o", fd, mode_of(fd));
	check(fcntl(fd, F_GETFD) & FD_CLOEXEC, "programs inherit it");
	close(fd);
	unlink(path);
	check(!symlink("/dev/null", path) && state_private(path) == -ELOOP, "through a link");
	unlink(path);
}

static const struct test_case cases[] = {
	{ "files that only root may lock", test_private },
};

TEST_MAIN(cases)
