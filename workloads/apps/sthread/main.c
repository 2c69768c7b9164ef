// SPDX-License-Identifier: MIT
/* Privilege separation: compartments of one process against processes of their own. */
#include <dune.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "apps/sthread/bench.h"
#include "apps/sthread/sthread.h"

static const char help[] =
	"usage: app-sthread [OPTION]...\n"
	"Compartments (sthreads) in ring 3 with tagged memory, on roots of libdune: what one\n"
	"costs against a forked child, going from one to another against a process switch,\n"
	"and a web server that has each connection served by one. dune.ko is loaded, there\n"
	"are two CPUs.\n"
	"\n"
	"  --quick      few iterations\n"
	"  --batches N  of each figure (4)\n"
	"  --seed N     of the server's pages (1)\n"
	"  --only NAME  create, switch or http\n"
	"  --help       this text\n"
	"\n"
	"A line each: sthread.NAME.SYSTEM iterations N ticks T... empty T...; ticks of the TSC.\n"
	"  create  a function that does nothing, from creation to joining: linux is a fork,\n"
	"          thread a POSIX thread, dune an sthread used again, dune_fresh one made\n"
	"          from nothing\n"
	"  switch  linux: from a process to another, less its reads and writes; dune: from\n"
	"          ring 3 to ring 3\n"
	"  http    a request on a connection of its own: direct is served by the server\n"
	"          itself, linux by a child, dune by an sthread\n"
	"First it tries the walls: status 3 if one does not hold. 2: bad command line.\n";

int main(int argc, char **argv)
{
	struct app_options options;

	app_options(argc, argv, help, 4, &options);
	app_pin(0);
	bench_server(&options);
	bench_linux(&options);
	app_must(dune_init(NULL), "dune_init");
	app_must(dune_enter(), "dune_enter");
	app_must(sthread_init(), "sthread_init");
	check_walls();
	bench_dune(&options);
	return 0;
}
