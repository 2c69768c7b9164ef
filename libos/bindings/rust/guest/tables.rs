// SPDX-License-Identifier: MIT
//! Page tables edited: bits, walks, other places, other roots.

use crate::Check;
use dune_sys::{
    edit, enter, flush, lookup, map, raw, take_bits, unmap, walk, Bits, Pages, Prot, Root, Walk,
    PAGE,
};
use std::panic::{catch_unwind, AssertUnwindSafe};

pub const CHECKS: &[Check] = &[
    ("dirty pages are told once", dirty),
    ("bits are told in a bitmap that is long enough", bitmap),
    ("a walk sees entries, changes them, and ends", walks),
    ("a panic in a walk is the caller's", walk_panics),
    ("memory is shown at another address", maps),
    ("a root has mappings of its own", roots),
];

/// Pages that are split from what is larger, and clean.
fn clean(count: usize) -> Pages {
    let pages = Pages::new(count).unwrap();
    pages.take_dirty().unwrap();
    pages
}

fn byte(pages: &Pages, offset: usize) -> u8 {
    let mut byte = [0];
    pages.read(offset, &mut byte);
    byte[0]
}

fn dirty() {
    let _inside = enter().unwrap();
    let pages = clean(100);
    pages.write(PAGE, b"1");
    pages.write(99 * PAGE - 1, b"98 and 99");
    byte(&pages, 5 * PAGE);
    assert_eq!(pages.take_dirty().unwrap(), [1, 98, 99]);
    assert!(pages.take_dirty().unwrap().is_empty());
}

fn bitmap() {
    let _inside = enter().unwrap();
    let pages = clean(65);
    let size = 65 * PAGE;
    pages.write(64 * PAGE, b"x");
    let mut words = [u64::MAX, 0];
    let bits = Bits::ACCESSED | Bits::DIRTY;
    let short = take_bits(Root::CURRENT, pages.as_ptr(), size, bits, Some(&mut words[..1]));
    assert_eq!(short.unwrap_err().errno(), 22);
    let n = dune_sys::bits(Root::CURRENT, pages.as_ptr(), size, Bits::DIRTY, Some(&mut words));
    assert_eq!((n.unwrap(), words), (1, [0, 1]));
    assert_eq!(take_bits(Root::CURRENT, pages.as_ptr(), size, Bits::DIRTY, None).unwrap(), 1);
}

fn walks() {
    let _inside = enter().unwrap();
    let pages = clean(8);
    let mut seen = Vec::new();
    walk(Root::CURRENT, pages.as_ptr(), 8 * PAGE, |leaf| {
        seen.push((leaf.address - pages.as_ptr() as usize, leaf.size));
        if seen.len() == 5 {
            Walk::End
        } else {
            Walk::On
        }
    })
    .unwrap();
    assert_eq!(seen, (0..5).map(|n| (n * PAGE, PAGE)).collect::<Vec<_>>());
    // SAFETY: pages of ours, that nothing refers to.
    unsafe {
        edit(Root::CURRENT, pages.as_ptr(), PAGE, |leaf| {
            leaf.entry &= !raw::PTE_WRITE;
            Walk::On
        })
    }
    .unwrap();
    assert!(!lookup(pages.as_ptr()).unwrap().is_writable());
}

fn walk_panics() {
    let _inside = enter().unwrap();
    let pages = clean(2);
    let mut visits = 0;
    let result = catch_unwind(AssertUnwindSafe(|| {
        walk(Root::CURRENT, pages.as_ptr(), 2 * PAGE, |_| {
            visits += 1;
            panic!("expected by this check")
        })
    }));
    assert!(result.is_err());
    assert_eq!(visits, 1);
}

fn maps() {
    let _inside = enter().unwrap();
    let (window, memory) = (clean(1), clean(1));
    window.write(0, b"w");
    memory.write(0, b"m");
    // SAFETY: pages of ours, that nothing refers to.
    unsafe { map(Root::CURRENT, window.as_ptr(), PAGE, memory.as_ptr(), Prot::WRITE) }.unwrap();
    flush().unwrap();
    assert_eq!(byte(&window, 0), b'm');
    window.write(1, b"n");
    assert_eq!(byte(&memory, 1), b'n');
    // SAFETY: as above.
    unsafe { map(Root::CURRENT, window.as_ptr(), PAGE, window.as_ptr(), Prot::WRITE) }.unwrap();
    assert_eq!(byte(&window, 0), b'w');
}

fn roots() {
    let _inside = enter().unwrap();
    let (window, memory) = (clean(1), clean(1));
    window.write(0, b"w");
    memory.write(0, b"m");
    let other = Root::CURRENT.copy().unwrap();
    // SAFETY: pages of ours; nothing else differs there.
    unsafe {
        map(other, window.as_ptr(), PAGE, memory.as_ptr(), Prot::READ).unwrap();
        assert_eq!(byte(&window, 0), b'w');
        assert_eq!(other.switch().unwrap(), Root::DEFAULT);
    }
    assert_eq!((Root::current().unwrap(), byte(&window, 0)), (other, b'm'));
    assert_eq!(other.free().unwrap_err().errno(), 16);
    // SAFETY: as above.
    unsafe {
        assert_eq!(Root::DEFAULT.switch().unwrap(), other);
        unmap(other, window.as_ptr(), PAGE).unwrap();
    }
    assert_eq!(byte(&window, 0), b'w');
    other.free().unwrap();
    assert_eq!(other.free().unwrap_err().errno(), 22);
    let empty = Root::empty().unwrap();
    empty.free().unwrap();
}
