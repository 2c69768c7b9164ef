// SPDX-License-Identifier: MIT
//! What `dune.h` declares, as it is: the headers say what each name means.
#![allow(missing_docs)]

mod rt;

pub use rt::*;
use std::os::raw::{c_int, c_long, c_uint, c_void};

#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    pub size: usize,
    pub flags: c_uint,
}

pub const OPTION_QUIET: c_uint = 1 << 0;

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrapFrame {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rdi: u64,
    pub rsi: u64,
    pub rbp: u64,
    pub rbx: u64,
    pub rdx: u64,
    pub rcx: u64,
    pub rax: u64,
    pub vector: u64,
    pub error_code: u64,
    pub rip: u64,
    pub cs: u64,
    pub rflags: u64,
    pub rsp: u64,
    pub ss: u64,
}

pub const TRAP_DE: c_uint = 0;
pub const TRAP_DB: c_uint = 1;
pub const TRAP_BP: c_uint = 3;
pub const TRAP_UD: c_uint = 6;
pub const TRAP_GP: c_uint = 13;
pub const TRAP_PF: c_uint = 14;
pub const TRAP_AC: c_uint = 17;

pub const PF_PRESENT: u32 = 1 << 0;
pub const PF_WRITE: u32 = 1 << 1;
pub const PF_USER: u32 = 1 << 2;
pub const PF_FETCH: u32 = 1 << 4;
pub const PF_HOST: u32 = 1 << 14;

pub const PROT_NONE: c_int = 0;
pub const PROT_READ: c_int = 1;
pub const PROT_WRITE: c_int = 2;
pub const PROT_EXEC: c_int = 4;
pub const PROT_USER: c_int = 8;

pub const PTE_PRESENT: u64 = 1 << 0;
pub const PTE_WRITE: u64 = 1 << 1;
pub const PTE_USER: u64 = 1 << 2;
pub const PTE_ACCESSED: u64 = 1 << 5;
pub const PTE_DIRTY: u64 = 1 << 6;
pub const PTE_LARGE: u64 = 1 << 7;
pub const PTE_SOFT: u64 = 7 << 9;
pub const PTE_NX: u64 = 1 << 63;

pub const ROOTS_MAX: c_int = 256;
pub const ROOT_DEFAULT: c_int = 0;
pub const ROOT_CURRENT: c_int = -1;
pub const ROOT_EMPTY: c_int = -2;

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Leaf {
    pub address: usize,
    pub size: usize,
    pub entry: u64,
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Syscall {
    pub nr: u64,
    pub args: [u64; 6],
    pub result: i64,
    pub rip: u64,
    pub rsp: u64,
}

pub const SYSCALL_FORWARD: c_uint = 0;
pub const SYSCALL_ANSWER: c_uint = 1;
pub const SYSCALL_DEFAULT: c_int = -1;

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    pub entries: u64,
    pub syscalls: u64,
    pub tdp_faults: u64,
    pub interrupts: u64,
    pub tdp_maps_4k: u64,
    pub tdp_maps_2m: u64,
    pub invalidations: u64,
}

#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct UserState {
    pub regs: TrapFrame,
    pub fs_base: u64,
    pub gs_base: u64,
    pub fault_address: u64,
    pub vectors: *mut c_void,
}

pub const USER_SYSCALL: c_int = 1;
pub const USER_TRAP: c_int = 2;
pub const USER_SIGNAL: c_int = 3;

pub type TrapHandler = unsafe extern "C" fn(*mut TrapFrame, *mut c_void);
pub type PgfaultHandler = unsafe extern "C" fn(usize, u32, *mut TrapFrame, *mut c_void);
pub type WalkFn = unsafe extern "C" fn(*mut Leaf, *mut c_void) -> c_int;
pub type SyscallHook = unsafe extern "C" fn(*mut Syscall, *mut c_void) -> c_uint;

extern "C" {
    pub fn dune_init(options: *const Options) -> c_int;
    pub fn dune_enter() -> c_int;
    pub fn dune_leave() -> c_int;
    pub fn dune_in_guest() -> bool;

    pub fn dune_interrupt_send(tid: c_int, vector: c_uint) -> c_int;
    pub fn dune_timer_open(vector: c_uint, ahead: u64) -> c_int;
    pub fn dune_timer_close() -> c_int;
    pub fn dune_timer_set(deadline: u64) -> c_int;
    pub fn dune_timer_set_within(deadline: u64, slack: u64) -> c_int;
    pub fn dune_timer_clear() -> c_int;
    pub fn dune_timer_get() -> u64;
    pub fn dune_shield_begin(until: u64) -> c_int;
    pub fn dune_shield_end() -> c_int;
    pub fn dune_trap_set(vector: c_uint, handler: Option<TrapHandler>, arg: *mut c_void) -> c_int;
    pub fn dune_pgfault_set(handler: Option<PgfaultHandler>, arg: *mut c_void) -> c_int;

    pub fn dune_vm_protect(address: *mut c_void, length: usize, prot: c_int) -> c_int;
    pub fn dune_vm_map(
        root: c_int,
        address: *mut c_void,
        length: usize,
        memory: *const c_void,
        prot: c_int,
    ) -> c_int;
    pub fn dune_vm_unmap(root: c_int, address: *mut c_void, length: usize) -> c_int;
    pub fn dune_vm_flush() -> c_int;
    pub fn dune_vm_lookup(address: *const c_void, level: *mut c_int) -> u64;

    pub fn dune_root_create(from: c_int) -> c_int;
    pub fn dune_root_switch(root: c_int) -> c_int;
    pub fn dune_root_current() -> c_int;
    pub fn dune_root_free(root: c_int) -> c_int;

    pub fn dune_vm_walk(
        root: c_int,
        address: *const c_void,
        length: usize,
        visit: Option<WalkFn>,
        arg: *mut c_void,
    ) -> c_int;
    pub fn dune_vm_bits_get(
        root: c_int,
        address: *const c_void,
        length: usize,
        bits: u64,
        bitmap: *mut u64,
    ) -> c_long;
    pub fn dune_vm_bits_take(
        root: c_int,
        address: *mut c_void,
        length: usize,
        bits: u64,
        bitmap: *mut u64,
    ) -> c_long;

    pub fn dune_syscall_hook_set(nr: c_int, hook: Option<SyscallHook>, arg: *mut c_void) -> c_int;
    pub fn dune_syscall_forward(call: *const Syscall) -> i64;
    pub fn dune_syscall_read(to: *mut c_void, from: u64, size: u64) -> c_int;
    pub fn dune_syscall_write(to: u64, from: *const c_void, size: u64) -> c_int;

    pub fn dune_counters_get(counters: *mut Counters) -> c_int;

    pub fn dune_user_run(state: *mut UserState) -> c_int;
    pub fn dune_user_vectors_size() -> usize;
}
