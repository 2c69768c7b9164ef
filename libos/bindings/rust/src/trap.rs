// SPDX-License-Identifier: MIT
//! Exceptions of ring-0 code, delivered to closures without the kernel.

use std::mem;
use std::os::raw::{c_uint, c_void};
use std::ptr;

use crate::error::{Error, Operation, Result};
use crate::handler::{self, Put, Slot};
use crate::raw;

/// The interrupted registers. `rip` and `rsp` are where execution goes on.
pub use crate::raw::TrapFrame as Frame;

/// Divide error
pub const DE: u32 = raw::TRAP_DE;
/// Debug exception
pub const DB: u32 = raw::TRAP_DB;
/// Breakpoint
pub const BP: u32 = raw::TRAP_BP;
/// Invalid opcode
pub const UD: u32 = raw::TRAP_UD;
/// General protection
pub const GP: u32 = raw::TRAP_GP;
/// Page fault; see [`on_page_fault`](crate::on_page_fault) too
pub const PF: u32 = raw::TRAP_PF;
/// Alignment check
pub const AC: u32 = raw::TRAP_AC;

type TrapFn = dyn Fn(&mut Frame) + Send + Sync;

const VECTORS: usize = 256;
#[allow(clippy::declare_interior_mutable_const)]
const EMPTY: Slot<TrapFn> = Slot::new();
static SLOTS: [Slot<TrapFn>; VECTORS] = [EMPTY; VECTORS];

/// A handler is set; the default is back when this is dropped, unless another was set since.
#[must_use = "dropped at once, it takes the handler away at once"]
pub struct Handler {
    vector: u32,
    put: Put,
}

impl Handler {
    /// Leave it set for ever.
    pub fn keep(self) {
        mem::forget(self);
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        handler::setting(|| {
            if SLOTS[self.vector as usize].take_back(&self.put) {
                // SAFETY: the vector was accepted before; NULL is the default.
                unsafe { raw::dune_trap_set(self.vector, None, ptr::null_mut()) };
            }
        });
    }
}

/// Call `f` for exceptions or interrupts `vector` (below 256) of every thread in Dune mode, on the interrupted
/// stack. Afterwards execution goes on with the registers in the [`Frame`]; of a fault, `rip` is the
/// instruction that failed.
///
/// A handler that is replaced or taken away is never freed: another thread may be in it. If it
/// panics, the process ends.
///
/// # Safety
///
/// It is called between any two instructions that can raise `vector`. It may touch what a signal
/// handler may (atomics, its own memory), and must leave registers with which the interrupted code
/// can go on.
///
/// # Example
///
/// ```no_run
/// # fn main() -> dune_sys::Result<()> {
/// use dune_sys::trap;
///
/// dune_sys::init()?;
/// // SAFETY: the only UD2 here is that below, which may be skipped: it is two bytes long.
/// let _handler = unsafe { trap::set(trap::UD, |frame| frame.rip += 2)? };
/// let _inside = dune_sys::enter()?;
/// unsafe { std::arch::asm!("ud2") };
/// # Ok(())
/// # }
/// ```
pub unsafe fn set(vector: u32, f: impl Fn(&mut Frame) + Send + Sync + 'static) -> Result<Handler> {
    let f: Box<Box<TrapFn>> = Box::new(Box::new(f));
    let put = handler::setting(|| {
        // Refuses vectors before their slot is touched.
        // SAFETY: on_trap() finds nothing in an empty slot, and otherwise what was put there.
        match unsafe { raw::dune_trap_set(vector, Some(on_trap), ptr::null_mut()) } {
            0 => Ok(SLOTS[vector as usize].put(f)),
            error => Err((error, f)), // to be freed outside
        }
    });
    match put {
        Ok(put) => Ok(Handler { vector, put }),
        Err((error, _)) => Err(Error::new(Operation::Trap, -error)),
    }
}

unsafe extern "C" fn on_trap(frame: *mut Frame, _arg: *mut c_void) {
    // SAFETY: libdune's frame, ours until we return.
    let frame = unsafe { &mut *frame };
    // Taken away meanwhile: the exception repeats.
    if let Some(f) = SLOTS[frame.vector as usize % VECTORS].get() {
        handler::run("a trap handler", || f(frame));
    }
}

const _: () = assert!(mem::size_of::<c_uint>() == mem::size_of::<u32>());
