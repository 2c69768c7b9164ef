// SPDX-License-Identifier: MIT
//! What a process without Dune mode is told.

use std::path::Path;

#[test]
fn without_the_module_init_says_to_load_it() {
    if Path::new("/dev/dune").exists() {
        return; // another test runs where there is one
    }
    let error = dune_sys::init().unwrap_err();
    assert_eq!(error.errno(), 2);
    assert!(error.to_string().ends_with("insmod dune.ko)"), "{error}");
    let io = std::io::Error::from(error);
    assert_eq!(io.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn without_init_nothing_else_works_and_says_why() {
    assert!(!dune_sys::in_dune_mode());
    for (error, words) in [
        (dune_sys::enter().unwrap_err(), "call it first"),
        (dune_sys::counters().unwrap_err(), "call it first"),
        (dune_sys::User::new(0, 0).unwrap_err(), "only in Dune mode: enter() first"),
    ] {
        assert_eq!(error.errno(), 1);
        assert!(error.to_string().contains(words), "{error}");
    }
    assert!(dune_sys::lookup(std::ptr::null()).is_none());
}

#[test]
fn libdunes_own_vectors_are_refused() {
    for vector in [2, 8, 18, 256, u32::MAX] {
        // SAFETY: none is set.
        let refused = unsafe { dune_sys::trap::set(vector, |_| ()) };
        assert_eq!(refused.err().map(|e| e.errno()), Some(22), "{vector}");
    }
    // SAFETY: nothing in this process is in Dune mode.
    drop(unsafe { dune_sys::trap::set(255, |_| ()) }.unwrap());
}
