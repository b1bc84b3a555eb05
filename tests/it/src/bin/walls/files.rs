//! Attempts on files.

use crate::{
    attempts::{Table, Target, path},
    system_call,
};

const HERE: i32 = libc::AT_FDCWD;

fn open(file: &str, flags: i32) -> libc::c_long {
    system_call!(SYS_openat, HERE, path(file).as_ptr(), flags, 0o600)
}

/// What landlock refuses by itself.
pub(crate) fn opened(table: &mut Table, target: &Target) {
    let read = libc::O_RDONLY;
    table.call("open /etc/passwd", open("/etc/passwd", read));
    table.call("open a token of this user", open(&target.secret, read));
    table.call(
        "open the key of the compile cache",
        open(&format!("{}/key", target.cache), read),
    );
    table.call("open its own environment", open("/proc/self/environ", read));
    let memory = format!("/proc/{}/mem", target.engine);
    table.call("open the engine's memory", open(&memory, libc::O_RDWR));
    let environment = format!("/proc/{}/environ", target.engine);
    table.call("open the engine's environment", open(&environment, read));
    table.call("open the root folder", open("/", read | libc::O_DIRECTORY));
    let created = format!("{}-was-here", target.secret);
    table.call("create a file", open(&created, libc::O_CREAT | libc::O_WRONLY));
    table.call(
        "truncate a file",
        system_call!(SYS_truncate, path(&target.secret).as_ptr(), 0),
    );
    table.call(
        "remove a file",
        system_call!(SYS_unlinkat, HERE, path(&target.secret).as_ptr(), 0),
    );
    table.call(
        "make a folder",
        system_call!(SYS_mkdirat, HERE, path(&created).as_ptr(), 0o700),
    );
    let (from, to) = (path(&target.secret), path(&created));
    table.call(
        "rename a file",
        system_call!(SYS_renameat2, HERE, from.as_ptr(), HERE, to.as_ptr(), 0),
    );
    table.call(
        "link a file",
        system_call!(SYS_linkat, HERE, from.as_ptr(), HERE, to.as_ptr(), 0),
    );
}

/// All of them.
pub(crate) fn all(table: &mut Table, target: &Target) {
    opened(table, target);
    let secret = path(&target.secret);
    let mut status = [0_u8; 256];
    let room = status.as_mut_ptr();
    table.call(
        "open by the old call",
        system_call!(SYS_open, secret.as_ptr(), libc::O_RDONLY),
    );
    table.call(
        "look at a file",
        system_call!(SYS_newfstatat, HERE, secret.as_ptr(), room, 0),
    );
    table.call(
        "ask whether a file is there",
        system_call!(SYS_faccessat, HERE, secret.as_ptr(), 0),
    );
    table.call(
        "read a link",
        system_call!(SYS_readlinkat, HERE, secret.as_ptr(), room, 256),
    );
    table.call("list a folder", system_call!(SYS_getdents64, 0, room, 256));
    table.call(
        "make a file executable",
        system_call!(SYS_fchmodat, HERE, secret.as_ptr(), 0o777),
    );
    table.call("change folder", system_call!(SYS_chdir, path("/tmp").as_ptr()));
    table.call(
        "open by a file's handle",
        system_call!(SYS_open_by_handle_at, 0, room, 0),
    );
    table.call("watch a file", system_call!(SYS_inotify_init1, 0));
    table.call(
        "make a file of memory",
        system_call!(SYS_memfd_create, path("x").as_ptr(), 0),
    );
}
