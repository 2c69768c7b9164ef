// SPDX-License-Identifier: MIT
//! Enter Dune mode, catch a trap, hook a call, protect a page, leave.
use dune_sys::syscall::{self, Action};
use dune_sys::{enter, in_dune_mode, init, trap, Pages, Prot};
use std::os::unix::process::parent_id;

const SYS_GETPPID: i32 = 110;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    init()?;
    let page = Pages::new(1)?;
    let inside = enter()?;
    println!("in ring 0: {}", in_dune_mode());

    // SAFETY: the UD2 below, two bytes long, is the only one.
    let handler = unsafe { trap::set(trap::UD, |frame| frame.rip += 2)? };
    unsafe { std::arch::asm!("ud2") };
    println!("an invalid opcode, stepped over");
    drop(handler);

    // SAFETY: who asks for its parent may be told any.
    let hook = unsafe { syscall::hook(SYS_GETPPID, |_| Action::Answer(42))? };
    println!("the parent is {}", parent_id());
    drop(hook);

    page.on_fault(|access| access.write.then(|| Prot::WRITE))?;
    page.protect(0..1, Prot::READ)?;
    page.write(0, b"a fault, then this");
    println!("the page was protected, and is written");

    inside.leave()?;
    println!("in ring 0: {}", in_dune_mode());
    Ok(())
}
