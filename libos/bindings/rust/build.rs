// SPDX-License-Identifier: MIT
//! Finds libdune: in the directory `DUNE_LIB_DIR`, else where `pkg-config` says.

use std::env;
use std::path::Path;
use std::process::{exit, Command};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for name in ["DUNE_LIB_DIR", "PKG_CONFIG", "PKG_CONFIG_PATH"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    match env::var("DUNE_LIB_DIR") {
        Ok(folder) => link(Path::new(&folder)),
        Err(_) => ask_pkg_config(),
    }
}

fn is_static() -> bool {
    let features = env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    features.split(',').any(|feature| feature == "crt-static")
}

fn fail(what: &str) -> ! {
    eprintln!(
        "dune-sys: {what}\n\
         Install libdune (make install) so that `pkg-config --libs dune` finds it, \
         or set DUNE_LIB_DIR to the directory of libdune.a or libdune.so."
    );
    exit(1)
}

/// A directory with both: the static one goes into static programs only, if it was installed.
fn link(folder: &Path) {
    let archive = folder.join("libdune.a");
    let shared = folder.join("libdune.so");
    let kind = match (archive.is_file(), shared.is_file()) {
        (true, false) => "static",
        (true, true) if is_static() => "static",
        (_, true) => "dylib",
        _ => fail(&format!("no libdune.a and no libdune.so in {}", folder.display())),
    };
    println!("cargo:rustc-link-search=native={}", folder.display());
    println!("cargo:rustc-link-lib={kind}=dune");
    let file = if archive.is_file() { archive } else { shared };
    println!("cargo:rerun-if-changed={}", file.display());
}

fn ask_pkg_config() {
    let tool = env::var("PKG_CONFIG").unwrap_or_else(|_| "pkg-config".to_string());
    let done =
        match Command::new(&tool).args(["--print-errors", "--variable=libdir", "dune"]).output() {
            Ok(done) => done,
            Err(error) => fail(&format!("cannot run {tool}: {error}")),
        };
    let said = String::from_utf8_lossy(&done.stdout).trim().to_string();
    if !done.status.success() || said.is_empty() {
        fail(&format!("{tool} does not know dune: {}", String::from_utf8_lossy(&done.stderr)));
    }
    link(Path::new(&said));
}
