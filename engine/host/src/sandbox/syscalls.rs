//! The system calls a worker keeps.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use super::Duty;

/// What the runtime, the allocator and the socket need. Nothing here names a file, a host or another process.
const RUN: &[c_long] = &[
    // The socket, standard error and files handed over.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_ppoll,
    libc::SYS_close,
    libc::SYS_lseek,
    libc::SYS_fstat,
    // Memory. Executable memory comes from files mapped before.
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    // Threads that exist, and their end.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_membarrier,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_restart_syscall,
    // Traps arrive as signals; an abort sends one to itself.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_getpid,
    libc::SYS_gettid,
    // Clocks, and the seeds of hash tables.
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_getrandom,
];

/// Calls that only one architecture has.
#[cfg(target_arch = "x86_64")]
const RUN_HERE: &[c_long] = &[libc::SYS_poll];
#[cfg(not(target_arch = "x86_64"))]
const RUN_HERE: &[c_long] = &[];

/// Installs the filter on every thread. What is not allowed answers `ENOSYS`: libraries fall back instead of failing.
pub(super) fn restrict(duty: Duty) -> Result<(), seccompiler::Error> {
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> =
        RUN.iter().chain(RUN_HERE).map(|call| (*call, Vec::new())).collect();
    // An abort raises its signal in its own process only.
    rules.insert(libc::SYS_tgkill, vec![own_process()?]);
    if duty == Duty::Compile {
        rules.insert(libc::SYS_clone, vec![threads_only()?]);
    }
    let architecture = std::env::consts::ARCH.try_into()?;
    let refused = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let filter = SeccompFilter::new(rules, refused, SeccompAction::Allow, architecture)?;
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter_all_threads(&program)
}

fn own_process() -> Result<SeccompRule, seccompiler::BackendError> {
    let pid = u64::from(std::process::id());
    SeccompRule::new(vec![SeccompCondition::new(
        0,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::Eq,
        pid,
    )?])
}

/// `clone` for a thread of this process, never for a process. (`clone3` hides its flags, so it is refused and glibc
/// falls back to `clone`.)
fn threads_only() -> Result<SeccompRule, seccompiler::BackendError> {
    let thread = u64::from(libc::CLONE_THREAD.unsigned_abs());
    let has_flag = SeccompCmpOp::MaskedEq(thread);
    SeccompRule::new(vec![SeccompCondition::new(
        0,
        SeccompCmpArgLen::Qword,
        has_flag,
        thread,
    )?])
}
