//! Descriptors that a worker has, and what they are good for.

use std::mem::MaybeUninit;

use crate::{attempts::Table, system_call};

/// Every descriptor below this number is looked at.
const NUMBERS: i32 = 1024;

pub(crate) fn inherited(table: &mut Table) {
    let engine = status(0).map(|s| (s.st_dev, s.st_ino));
    let mut strange = 0;
    let mut writable = 0;
    for number in 0..NUMBERS {
        let Some(status) = status(number) else { continue };
        let kind = status.st_mode & libc::S_IFMT;
        let ours = match kind {
            libc::S_IFSOCK => Some((status.st_dev, status.st_ino)) == engine,
            libc::S_IFCHR => status.st_rdev == libc::makedev(1, 3),
            libc::S_IFIFO => number == 2,
            // Compiled plugins, or the file that a compiled plugin is written to.
            libc::S_IFREG => true,
            _ => false,
        };
        strange += i32::from(!ours);
        if kind == libc::S_IFREG && status.st_size > 0 {
            writable += i32::from(system_call!(SYS_write, number, [0_u8].as_ptr(), 1) > 0);
        }
    }
    table.note("find a descriptor that was not handed over", strange > 0);
    table.note("write to a compiled plugin", writable > 0);
    table.note("receive a descriptor", receive());
    table.call("copy a descriptor", system_call!(SYS_dup, 0));
}

fn status(number: i32) -> Option<libc::stat> {
    let mut status = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the kernel writes the whole structure when it answers 0, and only then it is read.
    let known = unsafe { libc::fstat(number, status.as_mut_ptr()) } == 0;
    // SAFETY: see above.
    known.then(|| unsafe { status.assume_init() })
}

/// Without waiting: nobody sends one.
fn receive() -> bool {
    let mut room = [0_u64; 16];
    let mut byte = 0_u8;
    let mut part = libc::iovec {
        iov_base: std::ptr::from_mut(&mut byte).cast(),
        iov_len: 1,
    };
    // SAFETY: all of it may be zero.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = room.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&room);
    let flags = libc::MSG_DONTWAIT | libc::MSG_PEEK;
    system_call!(SYS_recvmsg, 0, &raw mut message, flags) >= 0 && message.msg_controllen > 0
}
