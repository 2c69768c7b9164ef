// SPDX-License-Identifier: MIT
//! Page faults of ring-0 code: those on `Pages` that have a handler, and all others.

use std::mem;
use std::os::raw::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use crate::error::{check, Operation, Result};
use crate::handler::{self, Put, Slot};
use crate::pages::PAGE;
use crate::paging::Prot;
use crate::raw;
use crate::trap::Frame;

/// A page fault.
#[derive(Debug)]
pub struct PageFault<'a> {
    /// The address that was accessed
    pub address: usize,
    /// The processor's error code and `raw::PF_HOST`
    pub code: u32,
    /// The interrupted registers
    pub frame: &'a mut Frame,
}

impl PageFault<'_> {
    /// Whether it was a write
    pub fn is_write(&self) -> bool {
        self.code & raw::PF_WRITE != 0
    }

    /// Whether it was an instruction's fetch
    pub fn is_fetch(&self) -> bool {
        self.code & raw::PF_FETCH != 0
    }

    /// Whether the page tables allow it and Linux does not: no mapping, or its protection
    pub fn is_hosts(&self) -> bool {
        self.code & raw::PF_HOST != 0
    }
}

/// What a handler of page faults did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Continue with the registers in the frame: by default the access is made again.
    Resume,
    /// Nothing. The process gets the signal that Linux would send, and dies of it unless it has a
    /// handler; from then on no page fault is handled, until a handler is set again.
    Unhandled,
}

type FaultFn = dyn Fn(&mut PageFault<'_>) -> Fault + Send + Sync;
type RangeFn = dyn Fn(Access) -> Option<Prot> + Send + Sync;

/// An access that the protection of a [`Pages`](crate::Pages) forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Number of the page
    pub page: usize,
    /// Offset of the access from the start of the first page
    pub offset: usize,
    /// Whether it was a write
    pub write: bool,
}

static GENERAL: Slot<FaultFn> = Slot::new();
static RANGES: AtomicPtr<Range> = AtomicPtr::new(ptr::null_mut());

/// Pages with a handler. In a list that only grows: readers need no lock.
pub(crate) struct Range {
    start: usize,
    length: AtomicUsize, // 0: the pages are no more
    handler: Slot<RangeFn>,
    next: *mut Range,
}

impl Range {
    /// The faults of `[start, start + length)` have a place for a handler from now on.
    pub(crate) fn publish(start: usize, length: usize) -> &'static Range {
        let (length, handler) = (AtomicUsize::new(length), Slot::new());
        let range = Box::leak(Box::new(Range { start, length, handler, next: ptr::null_mut() }));
        let raw: *mut Range = range;
        let mut next = RANGES.load(Ordering::Relaxed);
        loop {
            // SAFETY: nobody else has it yet.
            unsafe { (*raw).next = next };
            match RANGES.compare_exchange(next, raw, Ordering::Release, Ordering::Relaxed) {
                // SAFETY: leaked.
                Ok(_) => return unsafe { &*raw },
                Err(other) => next = other,
            }
        }
    }

    pub(crate) fn set(&self, f: Box<Box<RangeFn>>) -> Result<()> {
        handler::setting(|| {
            self.handler.put(f);
            install()
        })
    }

    pub(crate) fn close(&self) {
        self.length.store(0, Ordering::Release);
        self.handler.clear();
    }

    fn of(address: usize) -> Option<&'static Range> {
        let mut next = RANGES.load(Ordering::Acquire);
        // SAFETY: what is in the list stays.
        while let Some(range) = unsafe { next.as_ref() } {
            if address.wrapping_sub(range.start) < range.length.load(Ordering::Acquire) {
                return Some(range);
            }
            next = range.next;
        }
        None
    }

    fn serve(&self, address: usize, code: u32) -> Fault {
        let f = match self.handler.get() {
            Some(f) if code & raw::PF_HOST == 0 => f,
            _ => return Fault::Unhandled,
        };
        let offset = address - self.start;
        let page = offset / PAGE;
        let write = code & raw::PF_WRITE != 0;
        let prot =
            match handler::run("a handler of page faults", || f(Access { page, offset, write })) {
                Some(prot) => prot,
                None => return Fault::Unhandled,
            };
        let start = (self.start + page * PAGE) as *mut c_void;
        // SAFETY: a page of ours, which nothing has a reference to.
        match unsafe { raw::dune_vm_protect(start, PAGE, prot.bits()) } {
            0 => Fault::Resume,
            _ => Fault::Unhandled,
        }
    }
}

fn install() -> Result<()> {
    // SAFETY: on_fault() copes with whatever is set.
    let error = unsafe { raw::dune_pgfault_set(Some(on_fault), ptr::null_mut()) };
    check(Operation::Trap, error.into()).map(drop)
}

/// A handler is set; the default is back when this is dropped, unless another was set since.
#[must_use = "dropped at once, it takes the handler away at once"]
pub struct PageFaultHandler(Put);

impl PageFaultHandler {
    /// Leave it set for ever.
    pub fn keep(self) {
        mem::forget(self);
    }
}

impl Drop for PageFaultHandler {
    fn drop(&mut self) {
        GENERAL.take_back(&self.0);
    }
}

/// Call `f` for page faults of every thread in Dune mode that are the program's business: on pages
/// it protected, and on addresses that Linux has nothing at. Faults on [`Pages`](crate::Pages) with
/// a handler of their own go there.
///
/// # Safety
///
/// As for [`trap::set`](crate::trap::set): any access to memory may be what `f` interrupts.
pub unsafe fn on_page_fault(
    f: impl Fn(&mut PageFault<'_>) -> Fault + Send + Sync + 'static,
) -> Result<PageFaultHandler> {
    let f: Box<Box<FaultFn>> = Box::new(Box::new(f));
    handler::setting(|| {
        let put = GENERAL.put(f);
        install().map(|()| PageFaultHandler(put))
    })
}

unsafe extern "C" fn on_fault(address: usize, code: u32, frame: *mut Frame, _arg: *mut c_void) {
    let answer = match Range::of(address) {
        Some(range) => range.serve(address, code),
        None => Fault::Unhandled,
    };
    let answer = match (answer, GENERAL.get()) {
        (Fault::Unhandled, Some(f)) => {
            // SAFETY: libdune's frame, ours until we return.
            let mut fault = PageFault { address, code, frame: unsafe { &mut *frame } };
            handler::run("a handler of page faults", || f(&mut fault))
        }
        _ => answer,
    };
    if answer == Fault::Unhandled {
        // It repeats, and meets the default.
        // SAFETY: NULL is the default.
        unsafe { raw::dune_pgfault_set(None, ptr::null_mut()) };
    }
}
