// SPDX-License-Identifier: MIT
//! System calls of the process in Dune mode, seen and answered by closures.

use std::mem;
use std::os::raw::{c_int, c_uint, c_void};
use std::ptr;

use crate::error::{check, errno, Error, Operation, Result};
use crate::handler::{self, Put, Slot};
use crate::raw;

/// Each call that has no hook of its own
pub const DEFAULT: i32 = raw::SYSCALL_DEFAULT;

const NUMBERS: usize = 512;
const SYS_RT_SIGRETURN: i32 = 15;

/// A call that the program makes, before Linux sees it. Number and arguments may be changed.
#[derive(Debug)]
#[repr(transparent)]
pub struct Call(raw::Syscall);

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Linux performs the call, as number and arguments are now.
    Forward,
    /// It is done, with this value or `-errno`.
    Answer(i64),
}

impl Call {
    /// The number: `SYS_*` of C
    pub fn number(&self) -> u64 {
        self.0.nr
    }

    /// The arguments
    pub fn args(&self) -> &[u64; 6] {
        &self.0.args
    }

    /// The address behind the instruction
    pub fn rip(&self) -> u64 {
        self.0.rip
    }

    /// Make it another call
    pub fn set_number(&mut self, number: u64) {
        self.0.nr = number;
    }

    /// The arguments, to change
    pub fn args_mut(&mut self) -> &mut [u64; 6] {
        &mut self.0.args
    }

    /// Have Linux perform it now, as it stands: the value or `-errno` that the program would get.
    ///
    /// # Safety
    ///
    /// The call does to memory what it does.
    pub unsafe fn forward(&self) -> i64 {
        // SAFETY: the caller's.
        unsafe { raw::dune_syscall_forward(&self.0) }
    }

    /// Copy from memory that the call names. Other threads may be changing it: copy once, look at
    /// the copy.
    pub fn read(&self, from: u64, bytes: &mut [u8]) -> Result<()> {
        let (to, size) = (bytes.as_mut_ptr().cast(), bytes.len() as u64);
        // SAFETY: writes bytes only; what cannot be read is an error.
        check(Operation::Call, unsafe { raw::dune_syscall_read(to, from, size) }.into()).map(drop)
    }

    /// Copy to memory that the call names.
    ///
    /// # Safety
    ///
    /// It must be memory that the call may write.
    pub unsafe fn write(&self, to: u64, bytes: &[u8]) -> Result<()> {
        let (from, size) = (bytes.as_ptr().cast(), bytes.len() as u64);
        // SAFETY: the caller's.
        check(Operation::Call, unsafe { raw::dune_syscall_write(to, from, size) }.into()).map(drop)
    }
}

type HookFn = dyn Fn(&mut Call) -> Action + Send + Sync;

#[allow(clippy::declare_interior_mutable_const)]
const EMPTY: Slot<HookFn> = Slot::new();
static SLOTS: [Slot<HookFn>; NUMBERS + 1] = [EMPTY; NUMBERS + 1];

/// The slot of a number, the last being that of `DEFAULT`.
fn slot(number: i32) -> Option<usize> {
    match number {
        DEFAULT => Some(NUMBERS),
        _ => usize::try_from(number).ok().filter(|&n| n < NUMBERS),
    }
}

/// A hook is set; calls are forwarded again when this is dropped, unless another was set since.
#[must_use = "dropped at once, it takes the hook away at once"]
pub struct Hook {
    number: i32,
    put: Put,
}

impl Hook {
    /// Leave it set for ever.
    pub fn keep(self) {
        mem::forget(self);
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        handler::setting(|| {
            if slot(self.number).map_or(false, |n| SLOTS[n].take_back(&self.put)) {
                // SAFETY: the number was accepted before; NULL is the default.
                unsafe { raw::dune_syscall_hook_set(self.number, None, ptr::null_mut()) };
            }
        });
    }
}

/// Ask `f` about each call `number` (0 to 511, or [`DEFAULT`]) of every thread in Dune mode.
///
/// It runs on the stack of the caller. Calls that are made in it, or in any other handler of this
/// crate on the same thread, are forwarded without asking. A hook that is replaced or taken away is
/// never freed: another thread may be in it. If it panics, the process ends.
///
/// # Safety
///
/// Whatever makes the call believes the answer, and may be anything, the allocator included: for
/// calls that this makes (`brk`, `mmap`, `munmap`, `madvise`), `f` must not allocate.
///
/// # Example
///
/// ```no_run
/// # fn main() -> dune_sys::Result<()> {
/// use dune_sys::syscall::{self, Action};
///
/// const SYS_GETPPID: i32 = 110;
/// dune_sys::init()?;
/// // SAFETY: any number is a good one.
/// let _hook = unsafe { syscall::hook(SYS_GETPPID, |_| Action::Answer(1))? };
/// let _inside = dune_sys::enter()?;
/// assert_eq!(std::os::unix::process::parent_id(), 1);
/// # Ok(())
/// # }
/// ```
pub unsafe fn hook(
    number: i32,
    f: impl Fn(&mut Call) -> Action + Send + Sync + 'static,
) -> Result<Hook> {
    let n = slot(number).ok_or_else(|| Error::new(Operation::Hook, errno::EINVAL))?;
    let f: Box<Box<HookFn>> = Box::new(Box::new(f));
    handler::setting(|| {
        let put = SLOTS[n].put(f);
        // SAFETY: on_call() finds what was put, or nothing.
        let error = unsafe { raw::dune_syscall_hook_set(number, Some(on_call), n as *mut c_void) };
        check(Operation::Hook, error.into())?;
        Ok(Hook { number, put })
    })
}

/// Let call `number` (or, with [`DEFAULT`], each that has no hook of its own) fail with an error
/// number, 1 to 4095, in every thread in Dune mode. `rt_sigreturn`, which cannot fail, is forwarded.
pub fn deny(number: i32, error: i32) -> Result<Hook> {
    if number == SYS_RT_SIGRETURN || !(1..4096).contains(&error) {
        return Err(Error::new(Operation::Hook, errno::EINVAL));
    }
    // SAFETY: calls may fail. It allocates nothing.
    unsafe {
        hook(number, move |call| match call.number() {
            15 => Action::Forward,
            _ => Action::Answer(-i64::from(error)),
        })
    }
}

unsafe extern "C" fn on_call(call: *mut raw::Syscall, arg: *mut c_void) -> c_uint {
    if handler::running() {
        return raw::SYSCALL_FORWARD;
    }
    let f = match SLOTS[arg as usize].get() {
        Some(f) => f,
        None => return raw::SYSCALL_FORWARD,
    };
    // SAFETY: libdune's, ours until we return; Call is the same struct.
    let call = unsafe { &mut *call.cast::<Call>() };
    match handler::run("a hook of system calls", || f(call)) {
        Action::Forward => raw::SYSCALL_FORWARD,
        Action::Answer(result) => {
            call.0.result = result;
            raw::SYSCALL_ANSWER
        }
    }
}

const _: () = assert!(mem::size_of::<c_int>() == mem::size_of::<i32>());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_errors_are_checked() {
        for (number, error) in [(-2, 1), (512, 1), (15, 1), (1, 0), (1, 4096), (1, -1)] {
            let refused = deny(number, error).err().map(|e| e.errno());
            assert_eq!(refused, Some(errno::EINVAL), "{number} {error}");
        }
    }

    #[test]
    fn hooks_are_set_and_taken_away_in_linux_mode_too() {
        let first = deny(500, 1).unwrap();
        let second = deny(500, 2).unwrap();
        let n = slot(500).unwrap();
        drop(first);
        assert!(SLOTS[n].get().is_some());
        drop(second);
        assert!(SLOTS[n].get().is_none());
    }

    #[test]
    fn memory_of_a_call_is_read_in_dune_mode_only() {
        let call = Call(raw::Syscall::default());
        assert_eq!(call.read(0, &mut [0]).unwrap_err().errno(), errno::EPERM);
    }
}
