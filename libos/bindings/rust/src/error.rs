// SPDX-License-Identifier: MIT
//! What can go wrong, in words that say what to do.

use std::fmt;
use std::io;

/// What was asked of libdune.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// [`init`](crate::init)
    Init,
    /// [`enter`](crate::enter)
    Enter,
    /// [`leave`](crate::Inside::leave)
    Leave,
    /// Setting a handler of traps or page faults
    Trap,
    /// Changing page tables
    Paging,
    /// Setting a hook of system calls
    Hook,
    /// Making a system call past all hooks, or reading and writing the memory that it names
    Call,
    /// [`counters`](crate::counters)
    Counters,
    /// Running code in ring 3
    User,
    /// Having memory from Linux
    Memory,
}

/// An error number of libdune's, and what it came from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error {
    operation: Operation,
    errno: i32,
}

/// What the functions of this crate return.
pub type Result<T> = std::result::Result<T, Error>;

pub(crate) mod errno {
    pub const EPERM: i32 = 1;
    pub const ENOENT: i32 = 2;
    pub const ENOMEM: i32 = 12;
    pub const EACCES: i32 = 13;
    pub const EFAULT: i32 = 14;
    pub const EBUSY: i32 = 16;
    pub const EINVAL: i32 = 22;
    pub const ENFILE: i32 = 23;
    pub const EMFILE: i32 = 24;
    pub const ENOSPC: i32 = 28;
    pub const ENOTSUP: i32 = 95;
    pub const EALREADY: i32 = 114;
}

impl Error {
    pub(crate) fn new(operation: Operation, errno: i32) -> Error {
        Error { operation, errno }
    }

    /// The error number, positive: `ENOENT` is 2.
    pub fn errno(&self) -> i32 {
        self.errno
    }

    /// What failed.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    fn advice(&self) -> Option<&'static str> {
        use Operation::*;
        Some(match (self.operation, self.errno) {
            (Init, errno::ENOENT) => "no /dev/dune: load the module first (insmod dune.ko)",
            (Init, errno::EACCES) => "no right to open /dev/dune: run as root, or have it granted",
            (Init, errno::EALREADY) => "init() was called before: once per process is enough",
            (Init, errno::ENOTSUP) => {
                "dune.ko speaks another version than libdune, or the CPU lacks XSAVE: \
                 build both from one tree"
            }
            (Enter, errno::EPERM) => "init() has not succeeded: call it first",
            (Enter, errno::EALREADY) => "this thread is in Dune mode, or was started by `dune run`",
            (Enter, errno::EMFILE) => {
                "no virtual CPU or file descriptor is left: end threads, raise the module's \
                 vcpus_max or `ulimit -n`"
            }
            (Leave, errno::EPERM) => "this thread is not in Dune mode",
            (Leave, errno::EBUSY) => "in a handler: return from it, then leave",
            (Trap, errno::EINVAL) => "want a vector from 0 to 31; 2, 8 and 18 are libdune's own",
            (Paging, errno::EINVAL) => {
                "want multiples of 4096 below 2^47, pages that are in range, and a root that exists"
            }
            (Paging, errno::ENOSPC) => "no slot is left: raise the module's slots_max",
            (Paging, errno::EFAULT) => {
                "nothing is mapped there, or not the caller's code and stack"
            }
            (Paging, errno::ENFILE) => "there are as many roots as there can be: free some",
            (Paging, errno::EPERM) => {
                "only in Dune mode, and not in what `dune run` started: enter() first"
            }
            (Paging, errno::EBUSY) => {
                "libdune itself needs these pages, or a thread is in the root"
            }
            (Call | User, errno::EPERM) => "only in Dune mode: enter() first",
            (Hook, errno::EINVAL) => {
                "want a call's number from 0 to 511, or DEFAULT, and an error from 1 to 4095; \
                 rt_sigreturn cannot be denied"
            }
            (Call, errno::EFAULT) => "this memory cannot be accessed",
            (Call, errno::ENOTSUP) => "this call does not return here: return Action::Forward",
            (Counters, errno::EPERM) => "init() has not succeeded: call it first",
            (User, errno::EINVAL) => "rip, fs_base and gs_base must be below 2^47",
            (_, errno::ENOMEM) => "out of memory",
            _ => return None,
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.operation {
            Operation::Init => "preparing the process for Dune mode",
            Operation::Enter => "entering Dune mode",
            Operation::Leave => "leaving Dune mode",
            Operation::Trap => "setting a trap handler",
            Operation::Paging => "changing page tables",
            Operation::Hook => "hooking a system call",
            Operation::Call => "making a system call",
            Operation::Counters => "reading counters",
            Operation::User => "running ring 3",
            Operation::Memory => "mapping memory",
        };
        match self.advice() {
            Some(advice) => write!(f, "{what}: {advice}"),
            None => write!(f, "{what}: {}", io::Error::from_raw_os_error(self.errno)),
        }
    }
}

/// What `unwrap()` and a `main` that returns it print.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} (errno {})", self.errno)
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        io::Error::new(io::Error::from_raw_os_error(error.errno).kind(), error)
    }
}

/// 0 or a negative errno, as C has it; other values pass.
pub(crate) fn check(operation: Operation, value: i64) -> Result<i64> {
    match value {
        0.. => Ok(value),
        _ => Err(Error::new(operation, value.unsigned_abs().min(4095) as i32)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_say_what_to_do() {
        let error = Error::new(Operation::Init, errno::ENOENT);
        assert_eq!(
            error.to_string(),
            "preparing the process for Dune mode: \
             no /dev/dune: load the module first (insmod dune.ko)"
        );
        assert_eq!(format!("{error:?}"), format!("{error} (errno 2)"));
        assert_eq!((error.errno(), error.operation()), (2, Operation::Init));
        assert_eq!(
            Error::new(Operation::Enter, errno::EPERM).to_string(),
            "entering Dune mode: init() has not succeeded: call it first"
        );
    }

    #[test]
    fn an_error_without_advice_has_the_text_of_the_system() {
        let text = Error::new(Operation::Leave, 71).to_string();
        assert!(text.starts_with("leaving Dune mode: Protocol error"), "{text}");
    }

    #[test]
    fn it_becomes_an_io_error_of_its_kind() {
        let error = io::Error::from(Error::new(Operation::Init, errno::EACCES));
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("/dev/dune"));
    }

    #[test]
    fn values_and_errors_are_told_apart() {
        assert_eq!(check(Operation::Call, 7), Ok(7));
        assert_eq!(check(Operation::Call, -14), Err(Error::new(Operation::Call, errno::EFAULT)));
        assert_eq!(check(Operation::Call, i64::MIN).unwrap_err().errno(), 4095);
    }
}
