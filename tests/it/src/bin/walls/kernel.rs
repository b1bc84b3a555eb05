//! Attempts on the kernel: calls that were the way out of other sandboxes.

use crate::{
    attempts::{Table, path},
    system_call,
};

const NOTHING: *const u8 = std::ptr::null();

/// What needs a privilege.
pub(crate) fn privileged(table: &mut Table) {
    let (root, here) = (path("/"), path("/tmp"));
    let kind = path("tmpfs");
    let mounted = system_call!(SYS_mount, kind.as_ptr(), here.as_ptr(), kind.as_ptr(), 0, NOTHING);
    table.call("mount a file system", mounted);
    table.call("change the root folder", system_call!(SYS_chroot, root.as_ptr()));
    table.call(
        "load a kernel module",
        system_call!(SYS_init_module, NOTHING, 0, NOTHING),
    );
    table.call("name the machine", system_call!(SYS_sethostname, here.as_ptr(), 4));
}

/// All of them.
pub(crate) fn all(table: &mut Table) {
    privileged(table);
    let mut zeros = [0_u64; 32];
    let room = zeros.as_mut_ptr();
    table.call(
        "unmount a file system",
        system_call!(SYS_umount2, path("/tmp").as_ptr(), 0),
    );
    table.call("read the session's keys", system_call!(SYS_keyctl, 11, -3, room, 64));
    table.call(
        "add a key",
        system_call!(SYS_add_key, path("user").as_ptr(), path("x").as_ptr(), NOTHING, 0, -3),
    );
    table.call(
        "watch the processor's counters",
        system_call!(SYS_perf_event_open, room, 0, -1, -1, 0),
    );
    table.call("set up io_uring", system_call!(SYS_io_uring_setup, 1, room));
    table.call("load a BPF program", system_call!(SYS_bpf, 0, room, 64));
    table.call("handle its own page faults", system_call!(SYS_userfaultfd, 0));
    table.call(
        "make itself dumpable again",
        system_call!(SYS_prctl, libc::PR_SET_DUMPABLE, 1, 0, 0, 0),
    );
    table.call("change its filter of calls", system_call!(SYS_seccomp, 0, 0, NOTHING));
    table.call("regain capabilities", system_call!(SYS_capset, room, room));
    table.call("change its personality", system_call!(SYS_personality, 0x0004_0000));
    table.call("attach shared memory", system_call!(SYS_shmget, 0, 4096, 0o1600));
    table.call(
        "open a message queue",
        system_call!(SYS_mq_open, path("x").as_ptr(), libc::O_CREAT, 0o600, NOTHING),
    );
    table.call("control a device", system_call!(SYS_ioctl, 0, libc::FIONREAD, room));
    table.call("set a timer", system_call!(SYS_timer_create, 0, NOTHING, room));
    table.call("set the clock", system_call!(SYS_clock_settime, 0, room));
    table.call("change a descriptor table", system_call!(SYS_modify_ldt, 0, room, 16));
    table.call("use ports of the machine", system_call!(SYS_ioperm, 0x80, 1, 1));
    table.call(
        "load a kernel for later",
        system_call!(SYS_kexec_load, 0, 0, NOTHING, 0),
    );
}
