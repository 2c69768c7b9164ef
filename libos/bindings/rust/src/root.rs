// SPDX-License-Identifier: MIT
//! Address-space roots: several sets of page tables, each thread in one of them.

use std::os::raw::c_int;

use crate::error::{check, Operation, Result};
use crate::raw;

/// A set of page tables, by its number. It binds Dune mode alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Root(c_int);

impl Root {
    /// Where [`enter`](crate::enter) leads
    pub const DEFAULT: Root = Root(raw::ROOT_DEFAULT);
    /// That of whoever calls
    pub const CURRENT: Root = Root(raw::ROOT_CURRENT);

    pub(crate) fn number(self) -> c_int {
        self.0
    }

    fn create(from: c_int) -> Result<Root> {
        // SAFETY: what is made is in use nowhere.
        let number = check(Operation::Paging, unsafe { raw::dune_root_create(from) }.into())?;
        Ok(Root(number as c_int))
    }

    /// A new root like this one is now.
    pub fn copy(self) -> Result<Root> {
        Root::create(self.0)
    }

    /// A new root with nothing in it but the program or shared library that libdune is part of.
    pub fn empty() -> Result<Root> {
        Root::create(raw::ROOT_EMPTY)
    }

    /// The root that the calling thread is in.
    pub fn current() -> Result<Root> {
        // SAFETY: reads a number.
        let number = check(Operation::Paging, unsafe { raw::dune_root_current() }.into())?;
        Ok(Root(number as c_int))
    }

    /// The calling thread goes on in this root, threads that it makes begin there. Gives the root
    /// that it leaves.
    ///
    /// # Safety
    ///
    /// What the thread accesses must be what it was. Each root has its own protections: one in which
    /// ring 3 was given a place must not be used when other memory has come there.
    pub unsafe fn switch(self) -> Result<Root> {
        // SAFETY: the caller's.
        let left = check(Operation::Paging, unsafe { raw::dune_root_switch(self.0) }.into())?;
        Ok(Root(left as c_int))
    }

    /// The root is no more. Its number may come back as that of another.
    pub fn free(self) -> Result<()> {
        // SAFETY: refused while a thread is in it.
        check(Operation::Paging, unsafe { raw::dune_root_free(self.0) }.into()).map(drop)
    }
}
