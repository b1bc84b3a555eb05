//! Attempts on processes: the engine's, other ones, new ones.

use std::process::Command;

use crate::{
    attempts::{Table, Target, path},
    system_call,
};

const NOTHING: *const u8 = std::ptr::null();

/// What landlock refuses by itself.
pub(crate) fn signalled(table: &mut Table, target: &Target) {
    table.call(
        "signal the engine",
        system_call!(SYS_kill, target.engine, libc::SIGCONT),
    );
    table.note("run a program", Command::new("/bin/true").status().is_ok());
}

/// All of them.
pub(crate) fn all(table: &mut Table, target: &Target) {
    let engine = target.engine;
    signalled(table, target);
    table.call("signal everybody", system_call!(SYS_kill, -1, 0));
    table.call(
        "signal a thread of the engine",
        system_call!(SYS_tgkill, engine, engine, libc::SIGCONT),
    );
    table.call("signal by the old call", system_call!(SYS_tkill, engine, libc::SIGCONT));
    table.call(
        "queue a signal",
        system_call!(SYS_rt_sigqueueinfo, engine, libc::SIGCONT, NOTHING),
    );
    table.call(
        "trace the engine",
        system_call!(SYS_ptrace, libc::PTRACE_ATTACH, engine, 0, 0),
    );
    table.call(
        "seize the engine",
        system_call!(SYS_ptrace, libc::PTRACE_SEIZE, engine, 0, 0),
    );
    memory(table, engine);
    let handle = system_call!(SYS_pidfd_open, engine, 0);
    table.call("get a handle on the engine", handle);
    table.call(
        "take a descriptor of the engine",
        system_call!(SYS_pidfd_getfd, handle, 0, 0),
    );
    let unlimited = [u64::MAX; 2];
    let limit = |pid: i32| system_call!(SYS_prlimit64, pid, libc::RLIMIT_DATA, unlimited.as_ptr(), NOTHING);
    table.call("raise its own limit of memory", limit(0));
    table.call("limit the engine", limit(engine));
    table.call(
        "change the engine's priority",
        system_call!(SYS_setpriority, libc::PRIO_PROCESS, engine, 19),
    );
    table.call("fork", system_call!(SYS_clone, libc::SIGCHLD, 0, 0, 0, 0));
    table.call("fork by the newer call", system_call!(SYS_clone3, NOTHING, 0));
    table.call("fork by the old call", system_call!(SYS_fork));
    let program = path("/bin/true");
    table.call(
        "replace itself by a program",
        system_call!(SYS_execve, program.as_ptr(), NOTHING, NOTHING),
    );
    let by_descriptor = system_call!(SYS_execveat, -1, program.as_ptr(), NOTHING, NOTHING, 0);
    table.call("replace itself by a file's descriptor", by_descriptor);
    let user = libc::CLONE_NEWUSER | libc::SIGCHLD;
    table.call("fork into a user namespace", system_call!(SYS_clone, user, 0, 0, 0, 0));
    table.call("enter a user namespace", system_call!(SYS_unshare, libc::CLONE_NEWUSER));
    table.call("join a namespace", system_call!(SYS_setns, 0, 0));
    table.call("become another user", system_call!(SYS_setuid, 0));
}

fn memory(table: &mut Table, engine: i32) {
    let mut byte = 0_u8;
    let ours = libc::iovec {
        iov_base: std::ptr::from_mut(&mut byte).cast(),
        iov_len: 1,
    };
    let theirs = libc::iovec {
        iov_base: std::ptr::without_provenance_mut(0x40_0000),
        iov_len: 1,
    };
    let (ours, theirs) = (&raw const ours, &raw const theirs);
    table.call(
        "read the engine's memory",
        system_call!(SYS_process_vm_readv, engine, ours, 1, theirs, 1, 0),
    );
    table.call(
        "write the engine's memory",
        system_call!(SYS_process_vm_writev, engine, ours, 1, theirs, 1, 0),
    );
}
