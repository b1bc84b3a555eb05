//! The second wall: what a worker gives up before the first byte of a plugin.
//!
//! Each wall is best effort, because kernels differ; a worker reports which of them stand.

mod syscalls;

use std::fmt;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _, RulesetStatus,
    Scope,
};
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use serde::{Deserialize, Serialize};

use crate::limits;

/// What a worker must still be able to do behind its walls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// Run guests: memory, the socket, the clock.
    Run,
    /// Compile: threads and one file to write, too.
    Compile,
}

/// Which walls stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walls {
    /// No privilege can be gained by running another program.
    pub no_new_privileges: bool,
    /// All capabilities of the user are dropped.
    pub no_capabilities: bool,
    /// Private writable memory and open files are limited, core dumps are off.
    pub resource_limits: bool,
    /// Landlock: no file can be opened, no TCP port bound or connected to, no foreign process signalled.
    pub landlock: bool,
    /// Seccomp: no system call but the few that a worker needs; no `open`, `socket`, `connect`, `execve`, `fork`, `ptrace`.
    pub seccomp: bool,
}

impl Walls {
    /// All of them.
    #[must_use]
    pub const fn complete(self) -> bool {
        self.no_new_privileges && self.no_capabilities && self.resource_limits && self.landlock && self.seccomp
    }
}

impl fmt::Display for Walls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            (self.no_new_privileges, "no-new-privileges"),
            (self.no_capabilities, "no-capabilities"),
            (self.resource_limits, "resource-limits"),
            (self.landlock, "landlock"),
            (self.seccomp, "seccomp"),
        ];
        let words: Vec<_> = all
            .iter()
            .map(|(on, name)| format!("{}{name}", if *on { "" } else { "NO " }))
            .collect();
        f.write_str(&words.join(", "))
    }
}

/// The walls that bind a thread and the threads it starts. Called by the main thread before it starts any.
#[must_use]
pub fn enter(memory: u64) -> Walls {
    let no_new_privileges = rustix::thread::set_no_new_privs(true).is_ok();
    Walls {
        no_new_privileges,
        resource_limits: resource_limits(memory).is_ok(),
        landlock: landlock().unwrap_or(false),
        no_capabilities: drop_capabilities(),
        seccomp: false,
    }
}

/// The last wall, over all threads of the process.
#[must_use]
pub fn close(walls: Walls, duty: Duty) -> Walls {
    Walls {
        seccomp: syscalls::restrict(duty).is_ok(),
        ..walls
    }
}

/// Ends the process with `SIGXCPU` after so much time of the processor. Best effort: the engine's clock comes second.
pub(crate) fn limit_processor(seconds: u64) {
    let limit = Rlimit {
        current: Some(seconds),
        maximum: Some(seconds + 1),
    };
    let _ = rustix::process::setrlimit(Resource::Cpu, limit);
}

/// Memory is limited by what is writable and private: wasmtime reserves address space by the terabyte.
fn resource_limits(memory: u64) -> rustix::io::Result<()> {
    let exactly = |limit| Rlimit {
        current: Some(limit),
        maximum: Some(limit),
    };
    rustix::process::setrlimit(Resource::Core, exactly(0))?;
    rustix::process::setrlimit(Resource::Nofile, exactly(limits::OPEN_FILES))?;
    rustix::process::setrlimit(Resource::Data, exactly(memory))?;
    // Neither a debugger nor another process of this user may look into the worker.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
}

/// No rule is added: nothing is allowed.
fn landlock() -> Result<bool, landlock::RulesetError> {
    let abi = ABI::V7;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?
        .restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

fn drop_capabilities() -> bool {
    let none = rustix::thread::CapabilitySet::empty();
    let sets = rustix::thread::CapabilitySets {
        effective: none,
        permitted: none,
        inheritable: none,
    };
    rustix::thread::set_capabilities(None, sets).is_ok()
}
