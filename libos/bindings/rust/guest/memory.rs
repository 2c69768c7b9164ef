// SPDX-License-Identifier: MIT
//! Protected pages, and faults on them and elsewhere.

use crate::Check;
use dune_sys::{enter, lookup, on_page_fault, Fault, Pages, Prot, PAGE};
use std::arch::asm;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

pub const CHECKS: &[Check] = &[
    ("a handler sees the first write to each page", first_writes),
    ("an access has its page, offset and kind", accesses),
    ("threads write pages that a handler opens", threads),
    ("entries say what was protected", entries),
    ("a place is clean when its pages are dropped", clean_places),
    ("a handler of any fault", any_fault),
    ("pages without a handler go to that of any fault", shared),
];

fn first_writes() {
    let faults = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&faults);
    let heap = Pages::new(64).unwrap();
    heap.on_fault(move |access| {
        count.fetch_add(1, Ordering::Relaxed);
        access.write.then(|| Prot::WRITE)
    })
    .unwrap();
    let _inside = enter().unwrap();
    for (step, expected) in [(1, 64), (8, 8)] {
        faults.store(0, Ordering::Relaxed);
        heap.protect(0..64, Prot::READ).unwrap();
        for page in (0..64).step_by(step) {
            heap.write(page * PAGE + 100, &[page as u8; 8]);
            heap.write(page * PAGE + 200, b"again");
        }
        assert_eq!(faults.load(Ordering::Relaxed), expected);
    }
    let mut bytes = [0; 2];
    heap.read(63 * PAGE + 100, &mut bytes);
    assert_eq!(bytes, [63, 63]);
}

fn accesses() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&seen);
    let pages = Pages::new(4).unwrap();
    pages
        .on_fault(move |a| {
            keep.lock().unwrap().push((a.page, a.offset, a.write));
            Some(if a.write { Prot::WRITE } else { Prot::READ })
        })
        .unwrap();
    let _inside = enter().unwrap();
    pages.protect(1..4, Prot::NONE).unwrap();
    pages.write(0, b"not protected");
    pages.read(PAGE + 7, &mut [0]);
    pages.write(PAGE + 9, b"x");
    pages.write(3 * PAGE - 2, b"over the edge");
    let seen = seen.lock().unwrap();
    assert_eq!(
        *seen,
        [(1, PAGE + 7, false), (1, PAGE + 9, true), (2, 3 * PAGE - 2, true), (3, 3 * PAGE, true)]
    );
}

fn threads() {
    let pages = Pages::new(32).unwrap();
    pages.on_fault(|_| Some(Prot::WRITE)).unwrap();
    let _inside = enter().unwrap();
    pages.protect(0..32, Prot::NONE).unwrap();
    thread::scope(|s| {
        for n in 0..4u8 {
            let pages = &pages;
            s.spawn(move || {
                for page in 0..32 {
                    pages.write(page * PAGE + usize::from(n), &[n + 1]);
                }
            });
        }
    });
    for page in 0..32 {
        let mut bytes = [0; 5];
        pages.read(page * PAGE, &mut bytes);
        assert_eq!(bytes, [1, 2, 3, 4, 0]);
    }
}

fn entries() {
    let pages = Pages::new(1).unwrap();
    pages.write(0, b"there");
    let _inside = enter().unwrap();
    let entry_after = |prot| {
        pages.protect(0..1, prot).unwrap();
        let entry = lookup(pages.as_ptr()).unwrap();
        assert_eq!(entry.size, PAGE);
        [entry.is_present(), entry.is_writable(), entry.is_executable(), entry.is_user()]
    };
    assert_eq!(entry_after(Prot::READ), [true, false, false, false]);
    assert_eq!(entry_after(Prot::WRITE), [true, true, false, false]);
    assert_eq!(entry_after(Prot::EXEC | Prot::USER), [true, false, true, true]);
    assert!(!entry_after(Prot::NONE)[0]);
    assert!(lookup(usize::MAX as *const u8).is_none());
}

fn clean_places() {
    let _inside = enter().unwrap();
    let pages = Pages::new(3).unwrap();
    let place = pages.as_ptr();
    pages.protect(0..3, Prot::NONE).unwrap();
    drop(pages);
    let entry = lookup(place).unwrap();
    assert!(entry.is_present() && entry.is_writable() && entry.is_executable());
    let again = Pages::new(3).unwrap();
    again.write(0, b"writable, wherever it is");
}

fn any_fault() {
    static ADDRESS: AtomicUsize = AtomicUsize::new(0);
    // SAFETY: steps over the instruction below, three bytes long.
    let _handler = unsafe {
        on_page_fault(|fault| {
            ADDRESS.store(fault.address, Ordering::Relaxed);
            assert!(!fault.is_write() && !fault.is_fetch());
            fault.frame.rip += 3;
            fault.frame.rax = 99;
            Fault::Resume
        })
    };
    let _inside = enter().unwrap();
    let mut value: u64 = 16;
    // SAFETY: nothing is there, as the handler knows.
    unsafe { asm!("mov rax, [rax]", inout("rax") value) };
    assert_eq!((value, ADDRESS.load(Ordering::Relaxed)), (99, 16));
}

fn shared() {
    static FAULTS: AtomicU64 = AtomicU64::new(0);
    let pages = Arc::new(Pages::new(2).unwrap());
    let same = Arc::clone(&pages);
    // SAFETY: opens the page; nothing else faults.
    let _handler = unsafe {
        on_page_fault(move |_| {
            FAULTS.fetch_add(1, Ordering::Relaxed);
            same.protect(0..2, Prot::WRITE).map_or(Fault::Unhandled, |()| Fault::Resume)
        })
    };
    let _inside = enter().unwrap();
    pages.protect(0..2, Prot::NONE).unwrap();
    pages.write(PAGE - 1, b"two pages");
    assert_eq!(FAULTS.load(Ordering::Relaxed), 1);
}
