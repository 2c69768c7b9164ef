// SPDX-License-Identifier: MIT
//! `raw` against the headers: sizes, offsets and constants, as a C compiler has them.

use dune_sys::raw::*;
use std::fmt::Write;
use std::mem::{size_of, MaybeUninit};
use std::path::Path;
use std::process::Command;
use std::ptr::addr_of;

/// A line `text value` for Rust, and the C that prints the same.
#[derive(Default)]
struct Both {
    rust: String,
    c: String,
}

impl Both {
    fn line(&mut self, text: &str, value: i64, c: &str) {
        writeln!(self.rust, "{text} {value}").unwrap();
        writeln!(self.c, "\tprintf(\"{text} %lld\\n\", (long long)({c}));").unwrap();
    }
}

macro_rules! layout {
    ($both:ident, $rust:ident, $c:literal, $($field:ident)+) => {
        $both.line($c, size_of::<$rust>() as i64, concat!("sizeof(struct ", $c, ")"));
        let at = MaybeUninit::<$rust>::uninit();
        let at = at.as_ptr();
        // Each field, whatever its name: a struct without one of them does not compile.
        let _ = |all: $rust| { let $rust { $($field: _),+ } = all; };
        $({
            // SAFETY: the address alone.
            let offset = unsafe { addr_of!((*at).$field) } as usize - at as usize;
            let name = concat!($c, ".", stringify!($field));
            let c = concat!("offsetof(struct ", $c, ", ", stringify!($field), ")");
            $both.line(name, offset as i64, c);
        })+
    };
}

macro_rules! constants {
    ($both:ident, $($name:ident)+) => {
        $($both.line(stringify!($name), $name as i64, concat!("DUNE_", stringify!($name)));)+
    };
}

fn both() -> Both {
    let mut b = Both::default();
    layout!(b, Options, "dune_options", size flags);
    layout!(b, TrapFrame, "dune_trap_frame", r15 r14 r13 r12 r11 r10 r9 r8 rdi rsi rbp rbx rdx rcx
        rax vector error_code rip cs rflags rsp ss);
    layout!(b, Leaf, "dune_leaf", address size entry);
    layout!(b, Syscall, "dune_syscall", nr args result rip rsp);
    layout!(b, Counters, "dune_counters", entries syscalls tdp_faults interrupts tdp_maps_4k
        tdp_maps_2m invalidations);
    layout!(b, RtOptions, "dune_rt_options", version size policy cpus cores flags quantum classes
        reserved tasks vector stack why);
    layout!(b, RtAttr, "dune_rt_attr", version size name flags flow task_class priority unused
        deadline size_hint cost within period stack why);
    layout!(b, RtStats, "dune_rt_stats", dispatches yields preemptions steals wakeups interrupts
        sends timers late_ns idle_ns hold_ns);
    layout!(b, RtMutex, "dune_rt_mutex", opaque);
    layout!(b, RtCond, "dune_rt_cond", opaque);
    layout!(b, RtSem, "dune_rt_sem", opaque);
    layout!(b, RtSlot, "dune_rt_slot", opaque);
    layout!(b, RtChannel, "dune_rt_channel", opaque);
    layout!(b, UserState, "dune_user_state", regs fs_base gs_base fault_address vectors);
    constants!(b, TRAP_DE TRAP_DB TRAP_BP TRAP_UD TRAP_GP TRAP_PF TRAP_AC PF_PRESENT PF_WRITE
        PF_USER PF_FETCH PF_HOST PROT_NONE PROT_READ PROT_WRITE PROT_EXEC PROT_USER
        PTE_PRESENT PTE_WRITE PTE_USER PTE_ACCESSED PTE_DIRTY PTE_LARGE PTE_SOFT PTE_NX ROOTS_MAX
        ROOT_DEFAULT ROOT_CURRENT ROOT_EMPTY SYSCALL_FORWARD SYSCALL_ANSWER SYSCALL_DEFAULT USER_SYSCALL USER_TRAP USER_SIGNAL
        RT_VERSION RT_CLASSES RT_SHARED RT_DETACHED RT_PLAIN RT_SEM_MAX);
    b
}

fn headers() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../include")
}

#[test]
fn structs_and_constants_are_those_of_c() {
    let both = both();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, program) = (folder.join("layout.c"), folder.join("layout"));
    let c = format!(
        "#include <dune.h>\n#include <stdio.h>\nint main(void)\n{{\n{}\treturn 0;\n}}\n",
        both.c
    );
    std::fs::write(&source, c).unwrap();
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_string());
    let compiled = Command::new(&compiler)
        .args(["-Wall", "-Werror", "-o"])
        .arg(&program)
        .arg(&source)
        .arg("-I")
        .arg(headers())
        .status()
        .unwrap_or_else(|error| panic!("cannot run {compiler}: {error}"));
    assert!(compiled.success());
    let said = Command::new(&program).output().unwrap();
    assert_eq!(String::from_utf8(said.stdout).unwrap(), both.rust);
}

/// Every public function, by the names that the linker's map exports.
#[test]
fn every_function_is_declared() {
    let map = std::fs::read_to_string(headers().join("../libdune.map")).unwrap();
    let raw = concat!(include_str!("../src/raw.rs"), include_str!("../src/raw/rt.rs"));
    let names: Vec<&str> =
        map.lines().filter_map(|line| line.strip_prefix("\tdune_")?.strip_suffix(';')).collect();
    assert!(names.len() > 10);
    for name in names {
        assert!(raw.contains(&format!("pub fn dune_{name}(")), "src/raw.rs has no dune_{name}()");
    }
}
