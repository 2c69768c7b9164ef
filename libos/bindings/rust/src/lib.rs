// SPDX-License-Identifier: MIT
//! A process in ring 0 of a virtual machine of its own: safe wrappers over libdune.
//!
//! A thread that [`enter`]s Dune mode goes on with the same program, memory and system calls, and
//! has the processor's protected side: page tables ([`Pages`], [`protect`], [`Root`]), exceptions
//! ([`trap::set`], [`on_page_fault`]), a say in its system calls ([`syscall`]), and a ring 3 for
//! others ([`User`]).
//!
//! ```no_run
//! fn main() -> dune_sys::Result<()> {
//!     dune_sys::init()?; // once per process
//!     let inside = dune_sys::enter()?; // this thread: ring 0 from here on
//!     println!("ring 0, process {}", std::process::id());
//!     inside.leave() // ring 3 again; dropping it does so, too
//! }
//! ```
//!
//! It needs Linux on x86-64 with `dune.ko`. [`raw`] is the C interface as it is.
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod error;
mod handler;
mod lifecycle;
mod pagefault;
mod pages;
mod paging;
pub mod raw;
mod root;
mod stats;
pub mod syscall;
pub mod trap;
mod user;
mod walk;

/// Its example compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

pub use error::{Error, Operation, Result};
pub use lifecycle::{enter, in_dune_mode, init, Inside};
pub use pagefault::{on_page_fault, Access, Fault, PageFault, PageFaultHandler};
pub use pages::{Pages, PAGE};
pub use paging::{flush, lookup, map, protect, unmap, Entry, Prot};
pub use root::Root;
pub use stats::{counters, Counters};
pub use user::{Event, User};
pub use walk::{bits, edit, take_bits, walk, Bits, Leaf, Walk};
