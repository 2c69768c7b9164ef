// SPDX-License-Identifier: MIT
//! System calls that closures decide about.

use crate::Check;
use dune_sys::enter;
use dune_sys::syscall::{self, Action};
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::process::parent_id;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

pub const CHECKS: &[Check] = &[
    ("a hook answers", answers),
    ("a hook denies, until it is dropped", denies),
    ("a hook reads what the call names", reads),
    ("a hook rewrites a call, and makes it itself", rewrites),
    ("the default hook sees every call of every thread", default_hook),
    ("calls of a hook are not hooked", no_recursion),
    ("hooks are for Dune mode", linux_mode),
];

const SYS_GETPID: u64 = 39;
const SYS_UNAME: i32 = 63;
const SYS_GETPPID: i32 = 110;
const SYS_OPENAT: i32 = 257;

extern "C" {
    fn uname(name: *mut u8) -> i32;
}

fn answers() {
    // SAFETY: any number is a good one.
    let _hook = unsafe { syscall::hook(SYS_GETPPID, |_| Action::Answer(4242)) }.unwrap();
    let _inside = enter().unwrap();
    assert_eq!(parent_id(), 4242);
}

fn denies() {
    let _inside = enter().unwrap();
    let hook = syscall::deny(SYS_OPENAT, 13).unwrap();
    let refused = File::open("/proc/self/stat").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    drop(hook);
    File::open("/proc/self/stat").unwrap();
}

fn reads() {
    // SAFETY: opening may fail.
    let _hook = unsafe {
        syscall::hook(SYS_OPENAT, |call| {
            let mut name = [0; 7];
            match call.read(call.args()[1], &mut name) {
                Ok(()) if &name == b"/secret" => Action::Answer(-1),
                _ => Action::Forward,
            }
        })
    };
    let _inside = enter().unwrap();
    assert_eq!(File::open("/secret/x").unwrap_err().raw_os_error(), Some(1));
    assert_eq!(File::open("/public").unwrap_err().raw_os_error(), Some(2));
    File::open("/proc/self/stat").unwrap();
}

fn rewrites() {
    // SAFETY: a number is a good answer; uname's buffer is 390 bytes.
    let hooks = unsafe {
        (
            syscall::hook(SYS_GETPPID, |call| {
                call.set_number(SYS_GETPID);
                Action::Forward
            }),
            syscall::hook(SYS_UNAME, |call| {
                let result = call.forward();
                let written = call.write(call.args()[0], b"Dune\0");
                Action::Answer(if written.is_ok() { result } else { -14 })
            }),
        )
    };
    assert!(hooks.0.is_ok() && hooks.1.is_ok());
    let _inside = enter().unwrap();
    assert_eq!(parent_id(), std::process::id());
    let mut name = [0xff; 390];
    // SAFETY: as large as the struct.
    assert_eq!(unsafe { uname(name.as_mut_ptr()) }, 0);
    assert!(name.starts_with(b"Dune\0") && name[65] != 0xff);
}

fn default_hook() {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    // SAFETY: all are forwarded; it does not allocate.
    let hook = unsafe {
        syscall::hook(syscall::DEFAULT, |call| {
            if call.number() == SYS_GETPPID as u64 {
                CALLS.fetch_add(1, Ordering::Relaxed);
            }
            Action::Forward
        })
    };
    let _inside = enter().unwrap();
    let parent = parent_id();
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| assert_eq!(parent_id(), parent));
        }
    });
    assert!(Command::new("/bin/true").status().unwrap().success());
    drop(hook);
    assert_eq!(parent_id(), parent);
    assert_eq!(CALLS.load(Ordering::Relaxed), 4);
}

fn no_recursion() {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    // SAFETY: any number is a good one.
    let _hook = unsafe {
        syscall::hook(SYS_GETPPID, |_| {
            CALLS.fetch_add(1, Ordering::Relaxed);
            Action::Answer(i64::from(parent_id()) + 1)
        })
    };
    let linux = parent_id();
    let _inside = enter().unwrap();
    assert_eq!((parent_id(), CALLS.load(Ordering::Relaxed)), (linux + 1, 1));
}

fn linux_mode() {
    let _hook = syscall::deny(SYS_OPENAT, 13).unwrap();
    File::open("/proc/self/stat").unwrap();
}
