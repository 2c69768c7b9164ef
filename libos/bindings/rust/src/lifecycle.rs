// SPDX-License-Identifier: MIT
//! Entering and leaving Dune mode.

use std::marker::PhantomData;
use std::mem;
use std::ptr;

use crate::error::{check, errno, Error, Operation, Result};
use crate::{handler, raw};

/// Prepare the process: its virtual machine and its page tables. Once, from any thread.
pub fn init() -> Result<()> {
    // SAFETY: NULL is allowed.
    check(Operation::Init, unsafe { raw::dune_init(ptr::null()) }.into()).map(drop)
}

/// Whether the caller runs in ring 0.
pub fn in_dune_mode() -> bool {
    // SAFETY: reads a register.
    unsafe { raw::dune_in_guest() }
}

/// Continue in ring 0, until the result is dropped.
///
/// Only the calling thread changes. Threads that it then makes begin in Dune mode and end in it;
/// they need no `Inside` of their own. Forgetting it ([`mem::forget`]) stays in Dune mode.
pub fn enter() -> Result<Inside> {
    // SAFETY: returns as if nothing had happened.
    check(Operation::Enter, unsafe { raw::dune_enter() }.into())?;
    Ok(Inside { of_this_thread: PhantomData })
}

/// This thread is in Dune mode; leaves it when dropped.
#[must_use = "dropped at once, it leaves Dune mode at once"]
#[derive(Debug)]
pub struct Inside {
    of_this_thread: PhantomData<*mut ()>,
}

impl Inside {
    /// Continue in ring 3. Handlers, hooks and page tables stay for the next [`enter`].
    pub fn leave(self) -> Result<()> {
        mem::forget(self);
        leave()
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = leave();
    }
}

fn leave() -> Result<()> {
    // What a handler interrupted goes on in ring 0.
    if handler::running() {
        return Err(Error::new(Operation::Leave, errno::EBUSY));
    }
    // SAFETY: returns as if nothing had happened.
    check(Operation::Leave, unsafe { raw::dune_leave() }.into()).map(drop)
}
