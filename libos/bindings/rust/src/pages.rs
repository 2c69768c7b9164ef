// SPDX-License-Identifier: MIT
//! Memory that can be protected safely, because nothing refers to it.

use std::arch::asm;
use std::ops::Range as Span;
use std::os::raw::{c_int, c_long, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use crate::error::{errno, Error, Operation, Result};
use crate::lifecycle::in_dune_mode;
use crate::pagefault::{Access, Range};
use crate::paging::{self, Prot};
use crate::root::Root;
use crate::walk::{self, Bits};

extern "C" {
    fn mmap(
        at: *mut c_void,
        size: usize,
        prot: c_int,
        flags: c_int,
        fd: c_int,
        offset: c_long,
    ) -> *mut c_void;
    fn munmap(at: *mut c_void, size: usize) -> c_int;
    fn madvise(at: *mut c_void, size: usize, advice: c_int) -> c_int;
}

const PROT_READ_WRITE: c_int = 3;
const PROT_READ_WRITE_EXEC: c_int = 7;
const MAP_PRIVATE_ANONYMOUS: c_int = 0x22;
const MADV_DONTNEED: c_int = 4;

/// Bytes of a page
pub const PAGE: usize = 4096;

/// Zeroed pages of one's own, at an address that is theirs as long as they live.
///
/// They are read and written by copying, so that Rust has no reference into them: a page may lose
/// its protection, and a handler may run, at each access and nowhere else.
///
/// Dropped in Linux mode after they were protected, they give back their memory and keep their place:
/// Linux must not put anything else where protections still are.
///
/// # Example
///
/// ```no_run
/// # fn main() -> dune_sys::Result<()> {
/// use dune_sys::{Pages, Prot};
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// static WRITTEN: AtomicUsize = AtomicUsize::new(0);
/// dune_sys::init()?;
/// let heap = Pages::new(16)?;
/// heap.on_fault(|access| {
///     WRITTEN.fetch_add(1, Ordering::Relaxed);
///     access.write.then(|| Prot::WRITE) // None would be the end of the process
/// })?;
/// let _inside = dune_sys::enter()?;
/// heap.protect(0..16, Prot::READ)?;
/// heap.write(5000, b"page 1");
/// assert_eq!(WRITTEN.load(Ordering::Relaxed), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Pages {
    start: *mut u8,
    count: usize,
    edited: AtomicBool,
    range: AtomicPtr<Range>,
}

// SAFETY: accesses of several threads are copies of bytes, made by one instruction that Rust does
// not see into; what they find there is what memory has.
unsafe impl Send for Pages {}
unsafe impl Sync for Pages {}

impl Pages {
    /// Have `count` pages mapped. Linux does not let them be executed, whatever [`Prot`] says.
    pub fn new(count: usize) -> Result<Pages> {
        Pages::map(count, PROT_READ_WRITE)
    }

    /// Have `count` pages mapped that Linux lets be executed, too: for code of ring 3.
    pub fn new_executable(count: usize) -> Result<Pages> {
        Pages::map(count, PROT_READ_WRITE_EXEC)
    }

    fn map(count: usize, prot: c_int) -> Result<Pages> {
        let size = match count.checked_mul(PAGE) {
            Some(size) if size > 0 && size < isize::MAX as usize => size,
            _ => return Err(Error::new(Operation::Memory, errno::EINVAL)),
        };
        // SAFETY: a new mapping.
        let start = unsafe { mmap(ptr::null_mut(), size, prot, MAP_PRIVATE_ANONYMOUS, -1, 0) };
        if start as isize == -1 {
            return Err(Error::new(Operation::Memory, errno::ENOMEM));
        }
        let range = AtomicPtr::new(ptr::null_mut());
        Ok(Pages { start: start.cast(), count, edited: AtomicBool::new(false), range })
    }

    /// Number of pages
    pub fn count(&self) -> usize {
        self.count
    }

    /// Where they are. Only code outside Rust may follow it: assembly, C, ring 3.
    pub fn as_ptr(&self) -> *mut u8 {
        self.start
    }

    /// Protect pages by number. In Dune mode only, and binding Dune mode only; other threads may go
    /// on with older translations until [`flush`](crate::flush).
    pub fn protect(&self, pages: Span<usize>, prot: Prot) -> Result<()> {
        if pages.start > pages.end || pages.end > self.count {
            return Err(Error::new(Operation::Paging, errno::EINVAL));
        }
        self.edited.store(true, Ordering::Relaxed);
        let length = (pages.end - pages.start) * PAGE;
        // SAFETY: ours, and nothing refers into it.
        unsafe { paging::protect(self.start.add(pages.start * PAGE), length, prot) }
    }

    /// The numbers of the pages that were written in Dune mode since the last call, or ever.
    pub fn take_dirty(&self) -> Result<Vec<usize>> {
        let mut words = vec![0; (self.count + 63) / 64];
        let size = self.count * PAGE;
        walk::take_bits(Root::CURRENT, self.start, size, Bits::DIRTY, Some(&mut words))?;
        Ok((0..self.count).filter(|&page| words[page / 64] >> (page % 64) & 1 != 0).collect())
    }

    /// Call `f` when the protection forbids an access by a thread in Dune mode. The page gets the
    /// protection that it returns, and the access is made again; with `None` the process gets the
    /// signal that Linux would send. What was set before is replaced, and never freed.
    ///
    /// Several threads may call it at once, and one of them again within it.
    pub fn on_fault(
        &self,
        f: impl Fn(Access) -> Option<Prot> + Send + Sync + 'static,
    ) -> Result<()> {
        // The handler may edit.
        self.edited.store(true, Ordering::Relaxed);
        self.range().set(Box::new(Box::new(f)))
    }

    fn range(&self) -> &'static Range {
        let mut range = self.range.load(Ordering::Acquire);
        if range.is_null() {
            let new = Range::publish(self.start as usize, self.count * PAGE);
            let raw = new as *const Range as *mut Range;
            match self.range.compare_exchange(
                ptr::null_mut(),
                raw,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => range = raw,
                Err(other) => {
                    new.close();
                    range = other;
                }
            }
        }
        // SAFETY: from publish(): for ever.
        unsafe { &*range }
    }

    /// Copy bytes out, from an offset. Panics if that is out of range.
    pub fn read(&self, offset: usize, bytes: &mut [u8]) {
        self.check(offset, bytes.len());
        // SAFETY: in range, by check().
        unsafe { copy(bytes.as_mut_ptr(), self.start.add(offset), bytes.len()) }
    }

    /// Copy bytes in, to an offset. Panics if that is out of range.
    pub fn write(&self, offset: usize, bytes: &[u8]) {
        self.check(offset, bytes.len());
        // SAFETY: in range, by check().
        unsafe { copy(self.start.add(offset), bytes.as_ptr(), bytes.len()) }
    }

    fn check(&self, offset: usize, length: usize) {
        let size = self.count * PAGE;
        assert!(
            offset <= size && length <= size - offset,
            "{length} bytes at {offset} are not within {size}"
        );
    }
}

/// An access may run a handler: not to be inlined into something cleverer.
///
/// # Safety
///
/// As for `ptr::copy_nonoverlapping`
unsafe fn copy(to: *mut u8, from: *const u8, n: usize) {
    // SAFETY: the caller's. A handler saves all registers.
    unsafe {
        asm!("rep movsb", inout("rdi") to => _, inout("rsi") from => _, inout("rcx") n => _);
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: null, or from publish().
        if let Some(range) = unsafe { self.range.load(Ordering::Acquire).as_ref() } {
            range.close();
        }
        // What Linux puts here next must find no protection of ours. Where that cannot be had, the
        // place stays taken, without memory.
        let all = Prot::WRITE | Prot::EXEC;
        let clean = !self.edited.load(Ordering::Relaxed)
            || in_dune_mode()
                && self.protect(0..self.count, all).is_ok()
                && paging::flush().is_ok();
        let size = self.count * PAGE;
        // SAFETY: ours; nothing refers into it.
        unsafe {
            if clean {
                munmap(self.start.cast(), size);
            } else {
                madvise(self.start.cast(), size, MADV_DONTNEED);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_zeroed_and_keep_what_is_written() {
        let pages = Pages::new(2).unwrap();
        let mut bytes = [1; 4];
        pages.read(PAGE - 2, &mut bytes);
        assert_eq!((bytes, pages.count()), ([0; 4], 2));
        pages.write(PAGE - 2, b"dune");
        pages.read(PAGE - 1, &mut bytes[..3]);
        assert_eq!(&bytes, b"une\0");
        pages.write(2 * PAGE, b"");
    }

    #[test]
    fn protecting_is_refused_outside_dune_mode_and_out_of_range() {
        let pages = Pages::new(2).unwrap();
        for (span, errno) in [(0..2, errno::EPERM), (0..3, errno::EINVAL)] {
            assert_eq!(pages.protect(span, Prot::READ).unwrap_err().errno(), errno);
        }
        assert_eq!(Pages::new(0).unwrap_err().errno(), errno::EINVAL);
        assert_eq!(Pages::new(usize::MAX).unwrap_err().errno(), errno::EINVAL);
        assert_eq!(Pages::new(usize::MAX >> 14).unwrap_err().errno(), errno::ENOMEM);
    }

    #[test]
    #[should_panic(expected = "2 bytes at 4095 are not within 4096")]
    fn an_access_beyond_the_end_panics() {
        Pages::new(1).unwrap().write(4095, b"no");
    }
}
