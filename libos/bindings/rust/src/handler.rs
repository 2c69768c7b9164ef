// SPDX-License-Identifier: MIT
//! Closures that C calls: kept for ever, never unwound out of, told apart from what they interrupt.
#![allow(clippy::declare_interior_mutable_const)] // of thread_local!

use std::cell::Cell;
use std::hint;
use std::mem;
use std::os::raw::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::process;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::thread;

extern "C" {
    fn write(fd: i32, text: *const c_void, size: usize) -> isize;
}

thread_local! {
    // Without a destructor and without a first time: handlers may run at any moment.
    static RUNNING: Cell<u32> = const { Cell::new(0) };
}

/// Whether the caller is, or is called by, a handler or hook.
pub(crate) fn running() -> bool {
    RUNNING.with(Cell::get) > 0
}

/// Run a handler. If it panics the process ends here: C below cannot be unwound.
pub(crate) fn run<R>(what: &str, handler: impl FnOnce() -> R) -> R {
    RUNNING.with(|n| n.set(n.get() + 1));
    match catch_unwind(AssertUnwindSafe(handler)) {
        Ok(result) => {
            RUNNING.with(|n| n.set(n.get() - 1));
            result
        }
        Err(payload) => {
            mem::forget(payload);
            say(&["dune-sys: ", what, " panicked: ending the process\n"]);
            process::abort()
        }
    }
}

/// To standard error, past the locks and buffers that the interrupted code may hold.
fn say(words: &[&str]) {
    for word in words {
        // SAFETY: the memory of a str is readable.
        unsafe { write(2, word.as_ptr().cast(), word.len()) };
    }
}

/// Where a closure stands. One that is replaced is leaked: another thread may be in it.
pub(crate) struct Slot<F: ?Sized>(AtomicPtr<Box<F>>);

/// Says which closure was put; of use in comparisons only.
pub(crate) struct Put(*const c_void);

// SAFETY: never dereferenced.
unsafe impl Send for Put {}
unsafe impl Sync for Put {}

impl<F: ?Sized> Slot<F> {
    pub(crate) const fn new() -> Slot<F> {
        Slot(AtomicPtr::new(ptr::null_mut()))
    }

    /// Boxed twice, so that one word is where it is; by the caller, outside of setting().
    pub(crate) fn put(&self, closure: Box<Box<F>>) -> Put {
        let raw = Box::into_raw(closure);
        self.0.store(raw, Ordering::Release);
        Put(raw as *const c_void)
    }

    /// Empty it if that closure is still there.
    pub(crate) fn take_back(&self, put: &Put) -> bool {
        let raw = put.0 as *mut Box<F>;
        self.0.compare_exchange(raw, ptr::null_mut(), Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    pub(crate) fn clear(&self) {
        self.0.store(ptr::null_mut(), Ordering::Release);
    }

    pub(crate) fn get(&self) -> Option<&'static F> {
        let raw = self.0.load(Ordering::Acquire);
        // SAFETY: null, or from put(); what was put is never freed.
        unsafe { raw.as_ref().map(|closure| &**closure) }
    }
}

static SETTING: AtomicBool = AtomicBool::new(false);

/// One setting at a time, of a slot and of libdune's. `set` makes no system call, hence allocates and
/// frees nothing: a hook of the call might wait for the lock that its own thread holds.
pub(crate) fn setting<R>(set: impl FnOnce() -> R) -> R {
    let mut tries = 0u32;
    while SETTING.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
        tries += 1;
        if tries % 64 == 0 {
            thread::yield_now();
        }
        hint::spin_loop();
    }
    let result = set();
    SETTING.store(false, Ordering::Release);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_put_it_takes_it_back() {
        let slot: Slot<dyn Fn() -> u32 + Send + Sync> = Slot::new();
        assert!(slot.get().is_none());
        let first = slot.put(Box::new(Box::new(|| 1)));
        assert_eq!(slot.get().unwrap()(), 1);
        let old = slot.get().unwrap();
        let second = slot.put(Box::new(Box::new(|| 2)));
        assert_eq!((old(), slot.get().unwrap()()), (1, 2));
        assert!(!slot.take_back(&first) && slot.get().is_some());
        assert!(slot.take_back(&second) && slot.get().is_none());
    }

    #[test]
    fn who_is_in_a_handler_knows() {
        assert!(!running());
        assert!(run("a test", || run("a test in a test", running)));
        assert!(!running());
    }

    #[test]
    fn settings_do_not_overlap() {
        let mut inside = 0;
        let at = AtomicPtr::new(&mut inside as *mut i32);
        thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for _ in 0..1000 {
                        // SAFETY: one at a time, which is what is tested.
                        setting(|| unsafe { *at.load(Ordering::Relaxed) += 1 });
                    }
                });
            }
        });
        assert_eq!(inside, 4000);
    }
}
