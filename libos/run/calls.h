/* SPDX-License-Identifier: MIT */
/*
 * Linux's system calls on x86-64: X(name, arguments). One letter an argument:
 *	d number	x bits		p address	o mode (octal)
 *	s path or string (read before the call)
 *	b bytes, as many as the next argument says (read before the call)
 *	B bytes, as many as the result says (read after it)
 *	- the call does not return where it was made: nothing is known after it
 */
#ifndef DUNE_RUN_CALLS_H
#define DUNE_RUN_CALLS_H

#define CALLS(X) \
X(read, "dBd") X(write, "dbd") X(open, "sxo") X(close, "d") X(stat, "sp") X(fstat, "dp") \
X(lstat, "sp") X(poll, "pdd") X(lseek, "ddd") X(mmap, "pdxxdx") X(mprotect, "pdx") \
X(munmap, "pd") X(brk, "p") X(rt_sigaction, "dppd") X(rt_sigprocmask, "dppd") \
X(rt_sigreturn, "-") X(ioctl, "dxp") X(pread64, "dBdd") X(pwrite64, "dbdd") X(readv, "dpd") \
X(writev, "dpd") X(access, "so") X(pipe, "p") X(select, "dpppp") X(sched_yield, "") \
X(mremap, "pddxp") X(msync, "pdx") X(mincore, "pdp") X(madvise, "pdd") X(shmget, "ddx") \
X(shmat, "dpx") X(shmctl, "ddp") X(dup, "d") X(dup2, "dd") X(pause, "") X(nanosleep, "pp") \
X(getitimer, "dp") X(alarm, "d") X(setitimer, "dpp") X(getpid, "") X(sendfile, "ddpd") \
X(socket, "ddd") X(connect, "dpd") X(accept, "dpp") X(sendto, "dbdxpd") X(recvfrom, "dBdxpp") \
X(sendmsg, "dpx") X(recvmsg, "dpx") X(shutdown, "dd") X(bind, "dpd") X(listen, "dd") \
X(getsockname, "dpp") X(getpeername, "dpp") X(socketpair, "dddp") X(setsockopt, "dddpd") \
X(getsockopt, "dddpp") X(clone, "-xpppp") X(fork, "-") X(vfork, "-") X(execve, "spp") \
X(exit, "-d") X(wait4, "dpxp") X(kill, "dd") X(uname, "p") X(semget, "ddx") X(semop, "dpd") \
X(semctl, "dddx") X(shmdt, "p") X(msgget, "dx") X(msgsnd, "dpdx") X(msgrcv, "dpddx") \
X(msgctl, "ddp") X(fcntl, "ddx") X(flock, "dd") X(fsync, "d") X(fdatasync, "d") \
X(truncate, "sd") X(ftruncate, "dd") X(getdents, "dpd") X(getcwd, "pd") X(chdir, "s") \
X(fchdir, "d") X(rename, "ss") X(mkdir, "so") X(rmdir, "s") X(creat, "so") X(link, "ss") \
X(unlink, "s") X(symlink, "ss") X(readlink, "sBd") X(chmod, "so") X(fchmod, "do") \
X(chown, "sdd") X(fchown, "ddd") X(lchown, "sdd") X(umask, "o") X(gettimeofday, "pp") \
X(getrlimit, "dp") X(getrusage, "dp") X(sysinfo, "p") X(times, "p") X(ptrace, "ddpp") \
X(getuid, "") X(syslog, "dpd") X(getgid, "") X(setuid, "d") X(setgid, "d") X(geteuid, "") \
X(getegid, "") X(setpgid, "dd") X(getppid, "") X(getpgrp, "") X(setsid, "") \
X(setreuid, "dd") X(setregid, "dd") X(getgroups, "dp") X(setgroups, "dp") X(setresuid, "ddd") \
X(getresuid, "ppp") X(setresgid, "ddd") X(getresgid, "ppp") X(getpgid, "d") X(setfsuid, "d") \
X(setfsgid, "d") X(getsid, "d") X(capget, "pp") X(capset, "pp") X(rt_sigpending, "pd") \
X(rt_sigtimedwait, "pppd") X(rt_sigqueueinfo, "ddp") X(rt_sigsuspend, "pd") \
X(sigaltstack, "pp") X(utime, "sp") X(mknod, "sox") X(personality, "x") X(ustat, "xp") \
X(statfs, "sp") X(fstatfs, "dp") X(sysfs, "ddd") X(getpriority, "dd") X(setpriority, "ddd") \
X(sched_setparam, "dp") X(sched_getparam, "dp") X(sched_setscheduler, "ddp") \
X(sched_getscheduler, "d") X(sched_get_priority_max, "d") X(sched_get_priority_min, "d") \
X(sched_rr_get_interval, "dp") X(mlock, "pd") X(munlock, "pd") X(mlockall, "x") \
X(munlockall, "") X(vhangup, "") X(modify_ldt, "dpd") X(pivot_root, "ss") X(prctl, "dxxxx") \
X(arch_prctl, "xp") X(adjtimex, "p") X(setrlimit, "dp") X(chroot, "s") X(sync, "") \
X(acct, "s") X(settimeofday, "pp") X(mount, "sssxp") X(umount2, "sx") X(swapon, "sx") \
X(swapoff, "s") X(reboot, "xxxp") X(sethostname, "sd") X(setdomainname, "sd") X(iopl, "d") \
X(ioperm, "ddd") X(init_module, "pds") X(delete_module, "sx") X(quotactl, "xsdp") \
X(gettid, "") X(readahead, "ddd") X(setxattr, "sspdx") X(lsetxattr, "sspdx") \
X(fsetxattr, "dspdx") X(getxattr, "sspd") X(lgetxattr, "sspd") X(fgetxattr, "dspd") \
X(listxattr, "spd") X(llistxattr, "spd") X(flistxattr, "dpd") X(removexattr, "ss") \
X(lremovexattr, "ss") X(fremovexattr, "ds") X(tkill, "dd") X(time, "p") X(futex, "pxdppx") \
X(sched_setaffinity, "ddp") X(sched_getaffinity, "ddp") X(io_setup, "dp") X(io_destroy, "x") \
X(io_getevents, "xddpp") X(io_submit, "xdp") X(io_cancel, "xpp") X(epoll_create, "d") \
X(remap_file_pages, "pdxdx") X(getdents64, "dpd") X(set_tid_address, "p") \
X(restart_syscall, "") X(semtimedop, "dpdp") X(fadvise64, "dddd") X(timer_create, "dpp") \
X(timer_settime, "dxpp") X(timer_gettime, "dp") X(timer_getoverrun, "d") X(timer_delete, "d") \
X(clock_settime, "dp") X(clock_gettime, "dp") X(clock_getres, "dp") \
X(clock_nanosleep, "dxpp") X(exit_group, "-d") X(epoll_wait, "dpdd") X(epoll_ctl, "dddp") \
X(tgkill, "ddd") X(utimes, "sp") X(mbind, "pddpdx") X(set_mempolicy, "dpd") \
X(get_mempolicy, "ppdpx") X(mq_open, "sxop") X(mq_unlink, "s") X(mq_timedsend, "dpddp") \
X(mq_timedreceive, "dpdpp") X(mq_notify, "dp") X(mq_getsetattr, "dpp") \
X(kexec_load, "xdpx") X(waitid, "ddpxp") X(add_key, "sspdd") X(request_key, "sssd") \
X(keyctl, "dxxxx") X(ioprio_set, "ddd") X(ioprio_get, "dd") X(inotify_init, "") \
X(inotify_add_watch, "dsx") X(inotify_rm_watch, "dd") X(migrate_pages, "ddpp") \
X(openat, "dsxo") X(mkdirat, "dso") X(mknodat, "dsox") X(fchownat, "dsddx") \
X(futimesat, "dsp") X(newfstatat, "dspx") X(unlinkat, "dsx") X(renameat, "dsds") \
X(linkat, "dsdsx") X(symlinkat, "sds") X(readlinkat, "dsBd") X(fchmodat, "dso") \
X(faccessat, "dso") X(pselect6, "dppppp") X(ppoll, "pdppd") X(unshare, "x") \
X(set_robust_list, "pd") X(get_robust_list, "dpp") X(splice, "dpdpdx") X(tee, "dddx") \
X(sync_file_range, "dddx") X(vmsplice, "dpdx") X(move_pages, "ddpppx") X(utimensat, "dspx") \
X(epoll_pwait, "dpddpd") X(signalfd, "dpd") X(timerfd_create, "dx") X(eventfd, "d") \
X(fallocate, "dxdd") X(timerfd_settime, "dxpp") X(timerfd_gettime, "dp") X(accept4, "dppx") \
X(signalfd4, "dpdx") X(eventfd2, "dx") X(epoll_create1, "x") X(dup3, "ddx") X(pipe2, "px") \
X(inotify_init1, "x") X(preadv, "dpddd") X(pwritev, "dpddd") X(rt_tgsigqueueinfo, "dddp") \
X(perf_event_open, "pdddx") X(recvmmsg, "dpdxp") X(fanotify_init, "xx") \
X(fanotify_mark, "dxxds") X(prlimit64, "ddpp") X(name_to_handle_at, "dsppx") \
X(open_by_handle_at, "dpx") X(clock_adjtime, "dp") X(syncfs, "d") X(sendmmsg, "dpdx") \
X(setns, "dx") X(getcpu, "ppp") X(process_vm_readv, "dpdpdx") X(process_vm_writev, "dpdpdx") \
X(kcmp, "ddddd") X(finit_module, "dsx") X(sched_setattr, "dpx") X(sched_getattr, "dpdx") \
X(renameat2, "dsdsx") X(seccomp, "dxp") X(getrandom, "pdx") X(memfd_create, "sx") \
X(kexec_file_load, "ddxpx") X(bpf, "dpd") X(execveat, "dsppx") X(userfaultfd, "x") \
X(membarrier, "dxd") X(mlock2, "pdx") X(copy_file_range, "dpdpdx") X(preadv2, "dpdddx") \
X(pwritev2, "dpdddx") X(pkey_mprotect, "pdxd") X(pkey_alloc, "xx") X(pkey_free, "d") \
X(statx, "dsxxp") X(rseq, "pdxx") X(pidfd_send_signal, "ddpx") X(io_uring_setup, "dp") \
X(io_uring_enter, "dddxpd") X(io_uring_register, "ddpd") X(open_tree, "dsx") \
X(move_mount, "dsdsx") X(fsopen, "sx") X(fsconfig, "ddspd") X(fsmount, "dxx") \
X(fspick, "dsx") X(pidfd_open, "dx") X(clone3, "pd") X(close_range, "ddx") \
X(openat2, "dspd") X(pidfd_getfd, "ddx") X(faccessat2, "dsox") X(process_madvise, "dpddx") \
X(epoll_pwait2, "dpdppd") X(mount_setattr, "dsxpd")

#endif
