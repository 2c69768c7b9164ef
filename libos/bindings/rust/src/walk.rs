// SPDX-License-Identifier: MIT
//! Entries of the page tables, one after another, and their accessed and dirty bits.

use std::any::Any;
use std::ops::BitOr;
use std::os::raw::{c_int, c_void};
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::ptr;

use crate::error::{check, errno, Error, Operation, Result};
use crate::pages::PAGE;
use crate::raw;
use crate::root::Root;

/// An entry: the address of the first byte that it maps, how many, and its bits.
pub use crate::raw::Leaf;

/// Whether a walk goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    /// To the next entry
    On,
    /// No further
    End,
}

struct Visit<'a> {
    f: &'a mut dyn FnMut(&mut Leaf) -> Walk,
    panic: Option<Box<dyn Any + Send>>,
}

/// Call `f` for each entry with a part of `[address, address + length)` of a root.
#[allow(clippy::not_unsafe_ptr_arg_deref)] // an address, which nobody follows
pub fn walk(
    root: Root,
    address: *const u8,
    length: usize,
    mut f: impl FnMut(Leaf) -> Walk,
) -> Result<()> {
    // SAFETY: changes nothing.
    unsafe { edit(root, address, length, |leaf| f(*leaf)) }
}

/// As [`walk`], and `f` may change each `entry`: it is called again for one that has changed
/// meanwhile.
///
/// # Safety
///
/// As for [`protect`](crate::protect) and [`map`](crate::map)
pub unsafe fn edit(
    root: Root,
    address: *const u8,
    length: usize,
    mut f: impl FnMut(&mut Leaf) -> Walk,
) -> Result<()> {
    let mut visit = Visit { f: &mut f, panic: None };
    let arg: *mut Visit<'_> = &mut visit;
    // SAFETY: on_leaf() gets what it expects, while we wait; the rest is the caller's.
    let result = unsafe {
        raw::dune_vm_walk(root.number(), address.cast(), length, Some(on_leaf), arg.cast())
    };
    match visit.panic {
        Some(panic) => resume_unwind(panic),
        None => check(Operation::Paging, result.into()).map(drop),
    }
}

/// C between cannot be unwound: a panic waits until it has returned.
unsafe extern "C" fn on_leaf(leaf: *mut Leaf, arg: *mut c_void) -> c_int {
    // SAFETY: from edit(), one call at a time.
    let (leaf, visit) = unsafe { (&mut *leaf, &mut *arg.cast::<Visit<'_>>()) };
    match catch_unwind(AssertUnwindSafe(|| (visit.f)(leaf))) {
        Ok(Walk::On) => 0,
        Ok(Walk::End) => 1,
        Err(panic) => {
            visit.panic = Some(panic);
            1
        }
    }
}

/// Bits that the processor sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bits(u64);

impl Bits {
    /// At any access
    pub const ACCESSED: Bits = Bits(raw::PTE_ACCESSED);
    /// At a write
    pub const DIRTY: Bits = Bits(raw::PTE_DIRTY);
}

impl BitOr for Bits {
    type Output = Bits;

    fn bitor(self, other: Bits) -> Bits {
        Bits(self.0 | other.0)
    }
}

/// C writes a bit for each page.
fn words(length: usize, bitmap: Option<&mut [u64]>) -> Result<*mut u64> {
    match bitmap {
        Some(words) if words.len() < (length / PAGE + 63) / 64 => {
            Err(Error::new(Operation::Paging, errno::EINVAL))
        }
        Some(words) => Ok(words.as_mut_ptr()),
        None => Ok(ptr::null_mut()),
    }
}

/// How many pages of `[address, address + length)` have one of the bits. In `bitmap`, bit `i % 64`
/// of word `i / 64` is set for each of them, and cleared for the other pages.
pub fn bits(
    root: Root,
    address: *const u8,
    length: usize,
    bits: Bits,
    bitmap: Option<&mut [u64]>,
) -> Result<usize> {
    let map = words(length, bitmap)?;
    // SAFETY: the bitmap is long enough.
    let n = unsafe { raw::dune_vm_bits_get(root.number(), address.cast(), length, bits.0, map) };
    check(Operation::Paging, n).map(|n| n as usize)
}

/// As [`bits`], and clears them: an access of any thread is told by this call or by a later one.
pub fn take_bits(
    root: Root,
    address: *const u8,
    length: usize,
    bits: Bits,
    bitmap: Option<&mut [u64]>,
) -> Result<usize> {
    let map = words(length, bitmap)?;
    let start = address as *mut c_void;
    // SAFETY: the bitmap is long enough; what memory holds does not change.
    let n = unsafe { raw::dune_vm_bits_take(root.number(), start, length, bits.0, map) };
    check(Operation::Paging, n).map(|n| n as usize)
}
