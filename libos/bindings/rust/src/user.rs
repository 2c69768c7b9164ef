// SPDX-License-Identifier: MIT
//! Code in ring 3 under a process in ring 0.

use std::alloc::{alloc_zeroed, dealloc, Layout};
use std::fmt;
use std::ptr::{self, NonNull};

use crate::error::{check, errno, Error, Operation, Result};
use crate::raw;
use crate::trap::Frame;

/// Why ring 3 is no longer running. Its registers are as they were then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// It made a system call: the number is in `rax`, nobody has done anything yet.
    Syscall,
    /// It raised an exception, at `rip`.
    Trap {
        /// Which
        vector: u64,
        /// The processor's error code
        code: u64,
        /// Of a page fault: the address that it accessed
        address: u64,
    },
    /// A signal came, and the process's handler has run: run it again.
    Signal,
}

/// A machine for code in ring 3: its registers, vector registers included.
///
/// It reaches the pages that have [`Prot::USER`](crate::Prot::USER), and no others.
pub struct User {
    state: Box<raw::UserState>,
    layout: Layout,
}

// SAFETY: the memory that it points to is its own.
unsafe impl Send for User {}

impl User {
    /// A fresh machine that begins at `rip`, with its stack at `rsp`.
    pub fn new(rip: u64, rsp: u64) -> Result<User> {
        // SAFETY: reads a number.
        let size = unsafe { raw::dune_user_vectors_size() };
        if size == 0 {
            return Err(Error::new(Operation::User, errno::EPERM));
        }
        let layout = Layout::from_size_align(size, 64)
            .map_err(|_| Error::new(Operation::User, errno::ENOMEM))?;
        // SAFETY: of a size that is not 0.
        let vectors = NonNull::new(unsafe { alloc_zeroed(layout) })
            .ok_or_else(|| Error::new(Operation::User, errno::ENOMEM))?;
        let regs = Frame { rip, rsp, ..Frame::default() };
        let state = raw::UserState {
            regs,
            fs_base: 0,
            gs_base: 0,
            fault_address: 0,
            vectors: vectors.as_ptr().cast(),
        };
        Ok(User { state: Box::new(state), layout })
    }

    /// Its registers
    pub fn regs(&self) -> &Frame {
        &self.state.regs
    }

    /// Its registers, to change. Of `rflags` a program's own bits are taken; `cs` and `ss` are set.
    pub fn regs_mut(&mut self) -> &mut Frame {
        &mut self.state.regs
    }

    /// Where its FS and GS begin, to change
    pub fn bases_mut(&mut self) -> (&mut u64, &mut u64) {
        (&mut self.state.fs_base, &mut self.state.gs_base)
    }

    /// Run it until it wants something. In Dune mode only.
    pub fn run(&mut self) -> Result<Event> {
        // SAFETY: the state is whole, and ring 3 reaches only what was given to it.
        let reason = unsafe { raw::dune_user_run(ptr::addr_of_mut!(*self.state)) };
        let regs = &self.state.regs;
        Ok(match check(Operation::User, reason.into())? as i32 {
            raw::USER_SYSCALL => Event::Syscall,
            raw::USER_SIGNAL => Event::Signal,
            _ => Event::Trap {
                vector: regs.vector,
                code: regs.error_code,
                address: self.state.fault_address,
            },
        })
    }
}

impl Drop for User {
    fn drop(&mut self) {
        // SAFETY: from new().
        unsafe { dealloc(self.state.vectors.cast(), self.layout) };
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("regs", self.regs()).finish_non_exhaustive()
    }
}
