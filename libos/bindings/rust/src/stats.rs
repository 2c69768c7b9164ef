// SPDX-License-Identifier: MIT
//! Counters of this process's virtual machine.

use crate::error::{check, Operation, Result};
use crate::raw;

/// What the virtual machine did so far: VM entries, system calls, nested faults.
pub use crate::raw::Counters;

/// Read the counters; costs a system call.
pub fn counters() -> Result<Counters> {
    let mut counters = Counters::default();
    // SAFETY: writes one struct.
    check(Operation::Counters, unsafe { raw::dune_counters_get(&mut counters) }.into())?;
    Ok(counters)
}
