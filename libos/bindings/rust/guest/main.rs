// SPDX-License-Identifier: MIT
//! Checks of the crate in Dune mode, told by KTAP; run in a guest with dune.ko.

mod calls;
mod ends;
mod lifecycle;
mod memory;
mod ring3;
mod tables;
mod traps;

use std::panic::catch_unwind;

/// A check passes unless it panics.
type Check = (&'static str, fn());

fn main() {
    if let Some(way) = std::env::args().nth(1) {
        return ends::end(&way);
    }
    let checks: Vec<Check> = [
        lifecycle::CHECKS,
        traps::CHECKS,
        calls::CHECKS,
        memory::CHECKS,
        tables::CHECKS,
        ring3::CHECKS,
        ends::CHECKS,
    ]
    .concat();
    println!("KTAP version 1\n# rust\n1..{}", checks.len());
    let mut failed = 0;
    for (n, (name, check)) in checks.iter().enumerate() {
        let passed = catch_unwind(check).is_ok() && !dune_sys::in_dune_mode();
        failed += usize::from(!passed);
        println!("{} {} {name}", if passed { "ok" } else { "not ok" }, n + 1);
    }
    std::process::exit(i32::from(failed > 0));
}
