// SPDX-License-Identifier: MIT
//! Exceptions that closures handle.

use crate::Check;
use dune_sys::trap::{self, Frame};
use dune_sys::{enter, in_dune_mode};
use std::arch::asm;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

pub const CHECKS: &[Check] = &[
    ("a frame has the registers, and changes them", registers),
    ("vector registers are left alone", vector_registers),
    ("a trap within a trap", nested),
    ("a handler cannot leave", no_leave),
    ("a second handler takes over, the first cannot drop it", replaced),
    ("threads trap at once", threads),
    ("handlers change under threads that trap", changing),
];

fn ud2() {
    // SAFETY: handlers here step over it.
    unsafe { asm!("ud2") }
}

fn registers() {
    let seen = Arc::new(Mutex::new(Frame::default()));
    let keep = Arc::clone(&seen);
    // SAFETY: UD2 is two bytes long, and rcx and rsi are outputs of the code there.
    let _handler = unsafe {
        trap::set(trap::UD, move |frame| {
            *keep.lock().unwrap() = *frame;
            frame.rip += 2;
            frame.rcx = 0x1234_5678_9abc_def0;
            frame.rsi = !frame.rsi;
        })
    };
    let _inside = enter().unwrap();
    let (rcx, rsi, rsp, rip): (u64, u64, u64, u64);
    // SAFETY: the handler changes rcx and rsi.
    unsafe {
        asm!(
            "mov r14, rsp", "lea r15, [rip + 2f]", "2: ud2",
            inout("rax") 1u64 => _, inout("rcx") 2u64 => rcx, inout("rdx") 3u64 => _,
            inout("rsi") 4u64 => rsi, inout("rdi") 5u64 => _, inout("r8") 8u64 => _,
            inout("r9") 9u64 => _, inout("r10") 10u64 => _, inout("r11") 11u64 => _,
            inout("r12") 12u64 => _, inout("r13") 13u64 => _, out("r14") rsp, out("r15") rip,
        );
    }
    let f = *seen.lock().unwrap();
    assert_eq!([f.rax, f.rcx, f.rdx, f.rsi, f.rdi], [1, 2, 3, 4, 5]);
    assert_eq!([f.r8, f.r9, f.r10, f.r11, f.r12, f.r13], [8, 9, 10, 11, 12, 13]);
    assert_eq!([f.rsp, f.rip, f.vector, f.error_code, f.cs & 3], [rsp, rip, 6, 0, 0]);
    assert_eq!([rcx, rsi], [0x1234_5678_9abc_def0, !4]);
}

fn vector_registers() {
    // SAFETY: as above.
    let _handler = unsafe {
        trap::set(trap::UD, |frame| {
            let sum: f64 = (0..frame.rax).map(|n| (n as f64).sqrt()).sum();
            frame.rax = sum as u64;
            frame.rip += 2;
        })
    };
    let _inside = enter().unwrap();
    let (mut a, mut b, mut sum) = (1.5f64, -2.5f64, 100u64);
    // SAFETY: the handler changes rax.
    unsafe { asm!("ud2", inout("xmm0") a, inout("xmm15") b, inout("rax") sum) };
    assert_eq!((a, b, sum), (1.5, -2.5, 661));
}

fn nested() {
    static DEEPEST: AtomicU64 = AtomicU64::new(0);
    // SAFETY: as above.
    let _handler = unsafe {
        trap::set(trap::UD, |frame| {
            frame.rip += 2;
            if DEEPEST.fetch_add(1, Ordering::Relaxed) < 4 {
                ud2();
            }
        })
    };
    let _inside = enter().unwrap();
    ud2();
    assert_eq!(DEEPEST.load(Ordering::Relaxed), 5);
}

fn no_leave() {
    static ERROR: AtomicU64 = AtomicU64::new(0);
    // SAFETY: as above.
    let _handler = unsafe {
        trap::set(trap::UD, |frame| {
            frame.rip += 2;
            // What a thread-local could smuggle in.
            let inside: dune_sys::Inside = std::mem::transmute(());
            ERROR.store(inside.leave().unwrap_err().errno() as u64, Ordering::Relaxed);
        })
    };
    let _inside = enter().unwrap();
    ud2();
    assert_eq!(ERROR.load(Ordering::Relaxed), 16);
    assert!(in_dune_mode());
}

fn replaced() {
    static BY: AtomicU64 = AtomicU64::new(0);
    let by = |n: u64| {
        // SAFETY: as above.
        unsafe {
            trap::set(trap::UD, move |frame| {
                BY.store(n, Ordering::Relaxed);
                frame.rip += 2;
            })
        }
        .unwrap()
    };
    let _inside = enter().unwrap();
    let first = by(1);
    ud2();
    assert_eq!(BY.load(Ordering::Relaxed), 1);
    let _second = by(2);
    drop(first);
    ud2();
    assert_eq!(BY.load(Ordering::Relaxed), 2);
}

fn threads() {
    static CAUGHT: AtomicU64 = AtomicU64::new(0);
    // SAFETY: as above.
    let _handler = unsafe {
        trap::set(trap::UD, |frame| {
            CAUGHT.fetch_add(frame.rdi, Ordering::Relaxed);
            frame.rip += 2;
        })
    };
    let _inside = enter().unwrap();
    thread::scope(|s| {
        for n in 1..=4u64 {
            s.spawn(move || {
                for _ in 0..100 {
                    // SAFETY: stepped over.
                    unsafe { asm!("ud2", in("rdi") n) };
                }
            });
        }
    });
    assert_eq!(CAUGHT.load(Ordering::Relaxed), 1000);
}

fn changing() {
    let set = |n: u64| {
        let text = n.to_string();
        // SAFETY: as above. The closure owns memory that a use after free would show.
        unsafe {
            trap::set(trap::UD, move |frame| {
                frame.rax = text.parse::<u64>().map_or(0, |seen| u64::from(seen == n));
                frame.rip += 2;
            })
        }
        .unwrap()
    };
    let mut handler = set(0);
    let _inside = enter().unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|s| {
        let trapping: Vec<_> = (0..2)
            .map(|_| {
                s.spawn(|| {
                    let (mut good, mut all) = (0u64, 0u64);
                    while !stop.load(Ordering::Relaxed) {
                        let mut seen = 0u64;
                        // SAFETY: stepped over.
                        unsafe { asm!("ud2", inout("rax") seen) };
                        good += seen;
                        all += 1;
                    }
                    (good, all)
                })
            })
            .collect();
        for n in 1..200 {
            handler = set(n);
            thread::yield_now();
        }
        stop.store(true, Ordering::Relaxed);
        for thread in trapping {
            let (good, all) = thread.join().unwrap();
            assert_eq!(good, all);
        }
    });
    drop(handler);
}
