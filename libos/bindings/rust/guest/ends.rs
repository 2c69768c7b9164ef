// SPDX-License-Identifier: MIT
//! Ways in which a process ends, each in a child of its own.

use crate::Check;
use dune_sys::syscall;
use dune_sys::{enter, init, trap, Pages, Prot};
use std::arch::asm;
use std::os::unix::process::{parent_id, ExitStatusExt};
use std::process::Command;

pub const CHECKS: &[Check] = &[
    ("a trap handler that panics", || check("trap", 6, "a trap handler panicked")),
    ("a hook that panics", || check("hook", 6, "a hook of system calls panicked")),
    ("a page fault handler that panics", || check("fault", 6, "a handler of page faults panicked")),
    ("a page whose handler says no", || check("refuse", 11, "unhandled page fault")),
    ("a trap whose handler was dropped", || check("dropped", 4, "unhandled invalid opcode")),
    ("a child made in Dune mode, where a handler is set", spawned_inside),
];

const SYS_GETPPID: i32 = 110;

fn check(way: &str, signal: i32, words: &str) {
    let done = Command::new(std::env::current_exe().unwrap()).arg(way).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.signal(), Some(signal), "{:?}: {said}", done.status);
    assert!(said.contains(words), "{said}");
}

fn spawned_inside() {
    // SAFETY: UD2 is two bytes long.
    let _handler = unsafe { trap::set(trap::UD, |frame| frame.rip += 2) }.unwrap();
    let _inside = enter().unwrap();
    check("trap", 6, "expected: a trap");
}

/// The child.
pub fn end(way: &str) {
    init().unwrap();
    // SAFETY: they panic.
    let handler = unsafe { trap::set(trap::UD, |_| panic!("expected: a trap")) }.unwrap();
    let _hook = unsafe { syscall::hook(SYS_GETPPID, |_| panic!("expected: a call")) }.unwrap();
    let page = Pages::new(1).unwrap();
    let refuse = way == "refuse";
    page.on_fault(move |_| if refuse { None } else { panic!("expected: a fault") }).unwrap();
    let _inside = enter().unwrap();
    if way == "dropped" {
        drop(handler);
    }
    match way {
        "trap" | "dropped" => unsafe { asm!("ud2") },
        "hook" => println!("the parent is {}", parent_id()),
        _ => {
            page.protect(0..1, Prot::READ).unwrap();
            page.write(0, b"a fault");
        }
    }
    println!("not reached");
}
