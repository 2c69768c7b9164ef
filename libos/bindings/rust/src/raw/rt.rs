// SPDX-License-Identifier: MIT
//! `dune/rt.h` and `dune/rt_memory.h` as they are; their contracts stand there.

use std::os::raw::{c_char, c_int, c_void};

pub const RT_VERSION: u32 = 1;
pub const RT_CLASSES: usize = 8;
pub const RT_SHARED: u32 = 1 << 0;
pub const RT_DETACHED: u32 = 1 << 0;
pub const RT_PLAIN: u32 = 1 << 0;
pub const RT_SEM_MAX: u32 = 0x7fff_ffff;

#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct RtOptions {
    pub version: u32,
    pub size: u32,
    pub policy: *const c_char,
    pub cpus: *const c_char,
    pub cores: u32,
    pub flags: u32,
    pub quantum: u64,
    pub classes: u32,
    pub reserved: [u32; RT_CLASSES],
    pub tasks: u32,
    pub vector: u32,
    pub stack: u64,
    pub why: *mut *const c_char,
}

/// A task's number.
pub type RtTask = u64;

#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct RtAttr {
    pub version: u32,
    pub size: u32,
    pub name: *const c_char,
    pub flags: u32,
    pub flow: u32,
    pub task_class: u16,
    pub priority: u16,
    pub unused: u32,
    pub deadline: u64,
    pub size_hint: u64,
    pub cost: u64,
    pub within: u64,
    pub period: u64,
    pub stack: usize,
    pub why: *mut *const c_char,
}

macro_rules! opaque {
    ($($name:ident $words:literal)+) => {$(
        /// All zeroes to begin with; must not be moved while it is used.
        #[repr(C)]
        #[derive(Debug, Default)]
        pub struct $name {
            pub opaque: [u64; $words],
        }
    )+};
}

opaque!(RtMutex 6 RtCond 4 RtSem 4 RtSlot 2 RtChannel 32);

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RtStats {
    pub dispatches: u64,
    pub yields: u64,
    pub preemptions: u64,
    pub steals: u64,
    pub wakeups: u64,
    pub interrupts: u64,
    pub sends: u64,
    pub timers: u64,
    pub late_ns: u64,
    pub idle_ns: u64,
    pub hold_ns: u64,
}

pub type RtRun = unsafe extern "C" fn(*mut c_void) -> *mut c_void;

extern "C" {
    pub fn dune_rt_start(options: *const RtOptions) -> c_int;
    pub fn dune_rt_wait() -> c_int;
    pub fn dune_rt_stop() -> c_int;

    pub fn dune_rt_spawn(
        task: *mut RtTask,
        run: Option<RtRun>,
        arg: *mut c_void,
        attr: *const RtAttr,
    ) -> c_int;
    pub fn dune_rt_join(task: RtTask, result: *mut *mut c_void) -> c_int;
    pub fn dune_rt_detach(task: RtTask) -> c_int;
    pub fn dune_rt_exit(result: *mut c_void) -> c_int;
    pub fn dune_rt_self() -> RtTask;
    pub fn dune_rt_core() -> c_int;
    pub fn dune_rt_yield() -> c_int;
    pub fn dune_rt_now() -> u64;
    pub fn dune_rt_sleep_until(when: u64) -> c_int;
    pub fn dune_rt_deadline_set(deadline: u64) -> c_int;
    pub fn dune_rt_hold() -> c_int;
    pub fn dune_rt_release() -> c_int;

    pub fn dune_rt_mutex_init(mutex: *mut RtMutex, flags: u32) -> c_int;
    pub fn dune_rt_mutex_lock(mutex: *mut RtMutex) -> c_int;
    pub fn dune_rt_mutex_trylock(mutex: *mut RtMutex) -> c_int;
    pub fn dune_rt_mutex_unlock(mutex: *mut RtMutex) -> c_int;

    pub fn dune_rt_cond_wait(cond: *mut RtCond, mutex: *mut RtMutex, when: u64) -> c_int;
    pub fn dune_rt_cond_signal(cond: *mut RtCond) -> c_int;
    pub fn dune_rt_cond_broadcast(cond: *mut RtCond) -> c_int;

    pub fn dune_rt_sem_init(sem: *mut RtSem, count: u32) -> c_int;
    pub fn dune_rt_sem_wait(sem: *mut RtSem, when: u64) -> c_int;
    pub fn dune_rt_sem_trywait(sem: *mut RtSem) -> c_int;
    pub fn dune_rt_sem_post(sem: *mut RtSem) -> c_int;

    pub fn dune_rt_channel_init(channel: *mut RtChannel, slots: *mut RtSlot, n: u32) -> c_int;
    pub fn dune_rt_channel_send(channel: *mut RtChannel, value: u64) -> c_int;
    pub fn dune_rt_channel_recv(channel: *mut RtChannel, value: *mut u64) -> c_int;
    pub fn dune_rt_channel_trysend(channel: *mut RtChannel, value: u64) -> c_int;
    pub fn dune_rt_channel_tryrecv(channel: *mut RtChannel, value: *mut u64) -> c_int;
    pub fn dune_rt_channel_close(channel: *mut RtChannel) -> c_int;

    pub fn dune_rt_stats_get(core: u32, stats: *mut RtStats, size: usize) -> c_int;
    pub fn dune_rt_memory(size: usize, align: usize) -> *mut c_void;
}
