// SPDX-License-Identifier: MIT
//! Code in ring 3 that asks its host for everything.

use crate::Check;
use dune_sys::{enter, Event, Pages, Prot, User, PAGE};

pub const CHECKS: &[Check] = &[
    ("ring 3 computes and makes a system call", system_call),
    ("ring 3 cannot reach what is not given to it", no_access),
];

/// A page of code and a page of stack, ring 3's.
fn place(code: &[u8]) -> (Pages, User) {
    let pages = Pages::new_executable(2).unwrap();
    pages.write(0, code);
    pages.protect(0..1, Prot::EXEC | Prot::USER).unwrap();
    pages.protect(1..2, Prot::WRITE | Prot::USER).unwrap();
    let start = pages.as_ptr() as u64;
    let user = User::new(start, start + 2 * PAGE as u64).unwrap();
    (pages, user)
}

fn system_call() {
    let _inside = enter().unwrap();
    // push rdi; lea rdi, [rdi + rsi]; mov eax, 60; syscall; jmp back to it
    let code = b"\x57\x48\x8d\x3c\x37\xb8\x3c\x00\x00\x00\x0f\x05\xeb\xfc";
    let (pages, mut user) = place(code);
    user.regs_mut().rdi = 40;
    user.regs_mut().rsi = 2;
    for _ in 0..3 {
        let event = loop {
            match user.run().unwrap() {
                Event::Signal => continue,
                other => break other,
            }
        };
        let regs = user.regs();
        assert_eq!((event, regs.rax, regs.rdi, regs.cs & 3), (Event::Syscall, 60, 42, 3));
    }
    let mut pushed = [0; 8];
    pages.read(2 * PAGE - 8, &mut pushed);
    assert_eq!(u64::from_le_bytes(pushed), 40);
}

fn no_access() {
    let _inside = enter().unwrap();
    let secret = Box::new(7u64);
    let (_pages, mut user) = place(b"\x48\x8b\x07"); // mov rax, [rdi]
    user.regs_mut().rdi = &*secret as *const u64 as u64;
    let event = user.run().unwrap();
    let address = user.regs().rdi;
    assert!(matches!(event, Event::Trap { vector: 14, address: a, .. } if a == address));
    assert_eq!(user.regs().rax, 0);
}
