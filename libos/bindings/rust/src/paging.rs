// SPDX-License-Identifier: MIT
//! The process's own page tables, at any address. Edits bind Dune mode; Linux's mapping stays.

use std::ops::BitOr;
use std::os::raw::{c_int, c_void};

use crate::error::{check, Operation, Result};
use crate::raw;
use crate::root::Root;

/// What may be done with a page. Writing and executing imply reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prot(c_int);

impl Prot {
    /// No access
    pub const NONE: Prot = Prot(raw::PROT_NONE);
    /// Reading
    pub const READ: Prot = Prot(raw::PROT_READ);
    /// Reading and writing
    pub const WRITE: Prot = Prot(raw::PROT_WRITE);
    /// Reading and executing
    pub const EXEC: Prot = Prot(raw::PROT_EXEC);
    /// All that, for ring 3 of this process too
    pub const USER: Prot = Prot(raw::PROT_USER);

    /// As C has it.
    pub fn bits(self) -> c_int {
        self.0
    }
}

impl BitOr for Prot {
    type Output = Prot;

    fn bitor(self, other: Prot) -> Prot {
        Prot(self.0 | other.0)
    }
}

/// Protect the pages of `[address, address + length)` from ring 0 of this process.
///
/// In Dune mode only, in its current root, and it binds Dune mode only: system calls and threads in
/// Linux mode access the memory as before. What Linux's mapping forbids stays forbidden. Other
/// threads may go on with older translations until [`flush`]. [`Pages`](crate::Pages) does this
/// safely for memory of its own.
///
/// # Safety
///
/// The memory must be the caller's to take away. After [`Prot::USER`], code in ring 3 may change
/// it at any time.
pub unsafe fn protect(address: *mut u8, length: usize, prot: Prot) -> Result<()> {
    // SAFETY: the caller's.
    let error = unsafe { raw::dune_vm_protect(address.cast(), length, prot.0) };
    check(Operation::Paging, error.into()).map(drop)
}

/// Show the memory at `memory` at `[address, address + length)` of a root, whatever was there.
/// `memory == address` undoes it.
///
/// # Safety
///
/// As for [`protect`]; and two addresses then are one memory, which Rust must not see through
/// references of which one is mutable.
pub unsafe fn map(
    root: Root,
    address: *mut u8,
    length: usize,
    memory: *const u8,
    prot: Prot,
) -> Result<()> {
    // SAFETY: the caller's.
    let error =
        unsafe { raw::dune_vm_map(root.number(), address.cast(), length, memory.cast(), prot.0) };
    check(Operation::Paging, error.into()).map(drop)
}

/// Have nothing at `[address, address + length)` of a root: each access is a page fault.
///
/// # Safety
///
/// As for [`protect`]
pub unsafe fn unmap(root: Root, address: *mut u8, length: usize) -> Result<()> {
    // SAFETY: the caller's.
    let error = unsafe { raw::dune_vm_unmap(root.number(), address.cast(), length) };
    check(Operation::Paging, error.into()).map(drop)
}

/// On return no thread uses a translation that an earlier change took away.
pub fn flush() -> Result<()> {
    // SAFETY: changes nothing but what processors remember.
    check(Operation::Paging, unsafe { raw::dune_vm_flush() }.into()).map(drop)
}

/// A page table entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// In the processor's format
    pub bits: u64,
    /// Bytes that it maps: 4 KiB, 2 MiB or 1 GiB
    pub size: usize,
}

impl Entry {
    /// Whether the page can be read
    pub fn is_present(self) -> bool {
        self.bits & raw::PTE_PRESENT != 0
    }

    /// Whether it can be written
    pub fn is_writable(self) -> bool {
        self.bits & raw::PTE_WRITE != 0
    }

    /// Whether ring 3 can access it
    pub fn is_user(self) -> bool {
        self.bits & raw::PTE_USER != 0
    }

    /// Whether it was accessed
    pub fn is_accessed(self) -> bool {
        self.bits & raw::PTE_ACCESSED != 0
    }

    /// Whether it was written
    pub fn is_dirty(self) -> bool {
        self.bits & raw::PTE_DIRTY != 0
    }

    /// Whether it can be executed
    pub fn is_executable(self) -> bool {
        self.bits & raw::PTE_NX == 0
    }
}

/// The entry that maps an address in the current root (outside Dune mode: in the default one);
/// `None` if nothing does. It may be old when you look.
pub fn lookup(address: *const u8) -> Option<Entry> {
    let mut level = 0;
    // SAFETY: reads page tables, those of a root that is in use.
    let bits = unsafe { raw::dune_vm_lookup(address.cast::<c_void>(), &mut level) };
    if bits == 0 || level == 0 {
        return None;
    }
    Some(Entry { bits, size: 4096 << (9 * (level - 1)) })
}
