//! The table of attempts, and those on memory, threads and the environment.

use std::{ffi::CString, fmt::Write as _, io::Write as _};

use windlass_host::sandbox::Duty;

/// What the test tells the intruder; an attacker would have to guess.
pub(crate) struct Target {
    /// A file that this user may read.
    pub(crate) secret: String,
    /// The cache of compiled plugins.
    pub(crate) cache: String,
    /// Where somebody listens on TCP and UDP of the loopback.
    pub(crate) port: u16,
    /// Where somebody listens, in the file system.
    pub(crate) socket: String,
    /// Where somebody listens, by a name that is no file.
    pub(crate) name: String,
    /// The engine.
    pub(crate) engine: i32,
}

impl Target {
    pub(crate) fn from_arguments() -> Self {
        let argument = |index| std::env::args().nth(index).unwrap_or_default();
        Self {
            secret: argument(2),
            cache: argument(3),
            port: argument(4).parse().unwrap_or(0),
            socket: argument(5),
            name: argument(6),
            engine: argument(7).parse().unwrap_or(0),
        }
    }
}

/// One line an attempt: `what<TAB>true|false<TAB>why not`.
#[derive(Default)]
pub(crate) struct Table(String);

impl Table {
    /// Whether it succeeded.
    pub(crate) fn note(&mut self, what: &str, succeeded: bool) {
        let _ = writeln!(self.0, "{what}\t{succeeded}\t");
    }

    /// A system call's answer.
    pub(crate) fn call(&mut self, what: &str, answer: libc::c_long) {
        let why = if answer < 0 {
            std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
        } else {
            0
        };
        let _ = writeln!(self.0, "{what}\t{}\t{why}", answer >= 0);
    }

    pub(crate) fn write(&self) {
        let _ = std::io::stderr().write_all(self.0.as_bytes());
    }
}

/// A path as system calls want it.
pub(crate) fn path(text: &str) -> CString {
    CString::new(text).unwrap_or_default()
}

/// A system call by its number.
#[macro_export]
macro_rules! system_call {
    ($number:ident $(, $argument:expr)*) => {
        // SAFETY: arguments are numbers, or pointers to values that live until the call returns.
        unsafe { libc::syscall(libc::$number $(, $argument)*) }
    };
}

pub(crate) fn environment(table: &mut Table) {
    table.note(
        "find a variable in the environment",
        std::env::vars_os().next().is_some(),
    );
}

/// What guests need must be had, the machine's memory must not. The limit counts what is mapped; nothing is written.
pub(crate) fn memory(table: &mut Table) {
    let reserve = |bytes: usize| {
        let mut memory: Vec<u8> = Vec::new();
        memory.try_reserve_exact(bytes).is_ok().then_some(memory)
    };
    table.note("control: allocate 64 MiB", reserve(64 << 20).is_some());
    table.note("allocate 4 GiB", reserve(4 << 30).is_some());
    let held: Vec<Vec<u8>> = (0..64).map_while(|_| reserve(64 << 20)).collect();
    table.note("allocate 4 GiB bit by bit", std::hint::black_box(&held).len() == 64);
}

/// Compiling needs threads; running guests doesn't.
pub(crate) fn threads(table: &mut Table, duty: Duty) {
    let started = std::thread::Builder::new().spawn(|| ()).is_ok();
    match duty {
        Duty::Run => table.note("start a thread", started),
        Duty::Compile => table.note("control: start a thread to compile with", started),
    }
}
