/* SPDX-License-Identifier: MIT */
/*
 * A debugger's view of a process in Dune mode.
 *
 * The stub is a process of its own, a fork of the one that it debugs, whose
 * tracer (ptrace(2)) it is: threads, signals and the end are Linux's, and the
 * program's memory has nothing of it. What Linux does not know are the guest's
 * registers. A thread that Linux has stopped is somewhere on its host side: at
 * most instructions of the loop in enter.S the guest is whole and its registers
 * are in the run page (view.c knows where); from anywhere else the thread is let
 * go on to the next such place ("settled", stop.c).
 *
 * An exception in the guest that is nobody's reaches the host side as a signal
 * (signal/raise.c), and so the tracer, with the guest whole: breakpoints (INT3)
 * and single steps (TF) need no more than that trap.c leaves #BP and #DB alone
 * while there is a debugger.
 *
 * All files but listen.c are the stub's side. It uses the memory that it was
 * forked with for addresses only, and the C library sparingly: other threads
 * held what they held.
 */
#ifndef DUNE_SRC_GDB_GDB_H
#define DUNE_SRC_GDB_GDB_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "../thread.h"

#define PACKET_MAX 0x4000
#define TASKS_MAX 4096

/* A thread's registers as the program has them, in either mode. */
struct view {
	struct dune_regs regs;
	uint64_t orig_rax; /* the call that Linux has not finished, or -1 */
	uint64_t fs_base, gs_base;
	uint16_t cs, ss;
};

enum task_state { TASK_FREE, TASK_RUNNING, TASK_STOPPED };

struct task {
	pid_t tid;
	enum task_state state;
	bool interrupted; /* PTRACE_INTERRUPT is on its way */
	bool settling;	  /* goes on to where the guest is whole */
	bool at_signal;	  /* Linux asks whether to deliver the signal */
	bool listening;	  /* stopped by job control */
	bool stepping;	  /* has been asked for one instruction */
	bool into_handler; /* ... by letting Linux deliver a signal first */
	uint64_t step_from;
	int signal;	  /* to report, and to deliver if gdb says so */
	int expected;	  /* sent for gdb: to be delivered without a word */
	int delivered;	  /* with which it went on, in Dune mode */
	bool event;	  /* has stopped by itself, which is not reported yet */
	bool at_breakpoint;
	siginfo_t info;
	/* While it is stopped: */
	struct user_regs_struct host;
	uint64_t block; /* its struct dune_thread if it is in Dune mode, or 0 */
	struct dune_thread thread;
	struct dune_run run;
	struct view view;
	bool view_changed, sregs_fresh, sregs_changed;
};

struct session {
	pid_t pid;
	int listener, client, signals; /* descriptors */
	struct task *tasks;
	int tasks_n;		  /* places in use, TASK_FREE ones among them */
	struct task *current, *chosen; /* of the last stop; of Hg */
	bool running;		  /* gdb waits for a stop */
	bool entering;		  /* until the program's first instruction */
	bool executed;		  /* it is the first one after an execve */
	bool execs_known, reads_xml; /* what gdb can do */
	bool ended, killed, detached;
	int status;		  /* as wait(2) says it, once it has ended */
	bool dune;		  /* its image is that of this process */
	uint64_t moved;		  /* by so much */
};

extern struct session session;

/* packet.c: an empty or negative length has its meaning below. */
#define PACKET_NONE 0
#define PACKET_CLOSED -1
#define PACKET_INTERRUPT -2
void packet_reset(void);
/* The next one that has come in, escapes resolved and '\0' behind it: its length. */
int packet_next(char *packet);
void packet_send(const char *data, size_t length);
void packet_text(const char *text);
void packet_no_acks(void);

/* hex.c */
char *hex_put(char *to, const void *data, size_t size);
size_t hex_get(void *to, const char *from, size_t size);
uint64_t number_get(const char **at);
char *number_put(char *to, uint64_t value);
int signal_to_gdb(int signal);
int signal_from_gdb(int signal);

/* command.c, query.c, resume.c */
void command(char *packet, int length);
bool query(char *packet);
/* vCont and its elders. False: not understood. */
bool resume_command(const char *packet);
/* Tell gdb why all stand still. */
void stop_reply(void);

/* memory.c */
bool memory_open(void);
size_t memory_read(uint64_t from, void *to, size_t size);
bool memory_write(uint64_t to, const void *from, size_t size);
/* The same, of the program's own bytes where breakpoints are. */
size_t memory_read_shown(uint64_t from, void *to, size_t size);
bool memory_write_shown(uint64_t to, const void *from, size_t size);
size_t memory_string(uint64_t from, char *to, size_t size);

/* breakpoint.c */
bool breakpoint_set(uint64_t at);
bool breakpoint_clear(uint64_t at);
bool breakpoint_at(uint64_t at);
/* Bytes at from, as they were read, without breakpoints; or to be written, with them. */
void breakpoints_hide(uint64_t from, unsigned char *bytes, size_t size);
void breakpoints_keep(uint64_t to, unsigned char *bytes, size_t size);
void breakpoints_clear(void);
/* Out of the memory of a fork's child. */
void breakpoints_leave(pid_t child);
void breakpoints_suspend(bool suspended);
/* Memory is another one. */
void breakpoints_forget(void);

/* view.c */
enum whole { WHOLE, NOT_YET, ON_TRAP_STACK };
/* Read what a stopped thread is, and say whether that is all of it. */
enum whole view_load(struct task *task);
bool view_on_trap_stack(const struct task *task);
/* The guest is about to be interrupted on its trap stack: make it come off. */
void view_leave_trap_stack(struct task *task);
/* Also sregs, where that takes a call of the thread's own. */
void view_complete(struct task *task);
/* Write what gdb has changed; step: with TF. */
void view_store(struct task *task, bool step);
/* TF is gone again. */
void view_unstep(struct task *task);
uint64_t view_here(const void *own); /* the address of the same thing over there */
/* In `dune run' itself: the entry of SYSCALL, a hook. A step goes on until it is through. */
bool view_in_libdune(const struct task *task);

/* regs.c */
#define REGS_SIZE 1024 /* bytes that all registers take at most */
size_t regs_get(struct task *task, unsigned char *to);
void regs_set(struct task *task, const unsigned char *from, size_t size);
/* The size, or 0: no such register. */
size_t reg_get(struct task *task, unsigned int nr, unsigned char *to);
bool reg_set(struct task *task, unsigned int nr, const unsigned char *from, size_t size);
/* target.xml; at most size bytes. */
size_t regs_describe(struct task *task, char *to, size_t size);

/* task.c */
struct task *task_find(pid_t tid);
struct task *task_add(pid_t tid);
struct task *task_next(struct task *after); /* NULL: the first */
void task_resume(struct task *task, bool step, int signal);
/* As it is, by a request of ptrace(). */
void task_go_on(struct task *task, int request, int signal);
/* A call of the thread's own; it is stopped in the loop. */
long task_syscall(struct task *task, long nr, long a, long b, long c);

/* settle.c */
#define SYSCALL_STOP (SIGTRAP | 0x80)
/* Of a stopped thread: its guest is whole, and true; or it goes on to there. */
bool settle(struct task *task, int status);

/* follow.c */
/* A child of its own is not the debugger's business. */
void follow_child(pid_t child, bool vfork);
/* Another program; of its threads only this one is left. True: for gdb to hear. */
bool follow_exec(struct task *task);
/* Whether it comes to the loop for the first time, at the program's first instruction. */
bool follow_entry(struct task *task);

/* stop.c */
/* A thread has changed. True: it is for gdb to hear. */
bool stopped_by(pid_t tid, int status);
/* Take in what Linux has to say. True as above, of any. */
bool stop_poll(void);
void stop_all(void);
/* Some task that has an event that is not reported, or NULL. */
struct task *stop_waiting(void);

/* serve.c */
_Noreturn void gdb_serve(void);

#endif
