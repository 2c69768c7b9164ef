// SPDX-License-Identifier: MIT
//! In and out, alone and in threads.

use crate::Check;
use dune_sys::{counters, enter, in_dune_mode, init};
use std::thread;

pub const CHECKS: &[Check] = &[
    ("init works once", init_works_once),
    ("enter and leave, by name and by drop", enter_and_leave),
    ("threads made in Dune mode are in it", threads_begin_inside),
    ("a thread made in Linux mode enters by itself", threads_enter_alone),
    ("counters count system calls", counters_count),
];

fn init_works_once() {
    assert_eq!(enter().unwrap_err().to_string(), {
        "entering Dune mode: init() has not succeeded: call it first"
    });
    init().unwrap();
    assert!(init().unwrap_err().to_string().contains("once per process is enough"));
}

fn enter_and_leave() {
    let inside = enter().unwrap();
    assert!(in_dune_mode());
    assert!(enter().unwrap_err().to_string().contains("this thread is in Dune mode"));
    inside.leave().unwrap();
    assert!(!in_dune_mode());
    {
        let _inside = enter().unwrap();
        assert!(in_dune_mode());
    }
    assert!(!in_dune_mode());
}

fn threads_begin_inside() {
    let _inside = enter().unwrap();
    let threads: Vec<_> = (0..4u64)
        .map(|n| {
            thread::spawn(move || {
                let words: Vec<String> = (0..100).map(|i| format!("{n} {i}")).collect();
                (in_dune_mode(), words.concat().len())
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), (true, 390));
    }
    let unwound = thread::spawn(|| panic!("expected by this check")).join();
    assert!(unwound.is_err());
}

fn threads_enter_alone() {
    let thread = thread::spawn(|| {
        let before = in_dune_mode();
        let _inside = enter().unwrap();
        (before, in_dune_mode())
    });
    assert_eq!(thread.join().unwrap(), (false, true));
    assert!(!in_dune_mode());
}

fn counters_count() {
    let _inside = enter().unwrap();
    let before = counters().unwrap();
    for _ in 0..10 {
        assert_ne!(std::os::unix::process::parent_id(), 0);
    }
    let after = counters().unwrap();
    assert!(after.syscalls >= before.syscalls + 10 && after.entries > before.entries);
}
