//! Attempts on the network.

use std::{
    io::Write as _,
    net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket},
    os::{linux::net::SocketAddrExt as _, unix::net::SocketAddr, unix::net::UnixStream},
};

use crate::{
    attempts::{Table, Target},
    system_call,
};

/// What landlock refuses by itself. (It knows no UDP, and sockets in the file system are no business of its.)
pub(crate) fn connected(table: &mut Table, target: &Target) {
    let address = (Ipv4Addr::LOCALHOST, target.port);
    table.note("connect by TCP", TcpStream::connect(address).is_ok());
    table.note("listen on TCP", TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).is_ok());
    let name = SocketAddr::from_abstract_name(&target.name);
    let connected = name.is_ok_and(|name| UnixStream::connect_addr(&name).is_ok());
    table.note("connect to an abstract socket", connected);
}

/// All of them.
pub(crate) fn all(table: &mut Table, target: &Target) {
    connected(table, target);
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
    let sent = udp.is_ok_and(|udp| udp.send_to(b"out", (Ipv4Addr::LOCALHOST, target.port)).is_ok());
    table.note("send by UDP", sent);
    let reached = UnixStream::connect(&target.socket).is_ok_and(|mut socket| socket.write_all(b"out").is_ok());
    table.note("connect to a socket in the file system", reached);
    for (what, family, kind) in [
        ("make an IPv6 socket", libc::AF_INET6, libc::SOCK_STREAM),
        ("make a raw socket", libc::AF_INET, libc::SOCK_RAW),
        ("make a netlink socket", libc::AF_NETLINK, libc::SOCK_RAW),
        ("make a packet socket", libc::AF_PACKET, libc::SOCK_RAW),
        (
            "make a socket to the host of a virtual machine",
            libc::AF_VSOCK,
            libc::SOCK_STREAM,
        ),
    ] {
        table.call(what, system_call!(SYS_socket, family, kind, 0));
    }
    let mut pair = [0_i32; 2];
    let made = system_call!(SYS_socketpair, libc::AF_UNIX, libc::SOCK_STREAM, 0, pair.as_mut_ptr());
    table.call("make a pair of sockets", made);
    let address = [libc::AF_UNIX.to_le_bytes()[0], 0, 0, b'x'];
    table.call(
        "connect the engine's socket anew",
        system_call!(SYS_connect, 0, address.as_ptr(), 4),
    );
    table.call("listen on the engine's socket", system_call!(SYS_listen, 0, 1));
    let elsewhere = system_call!(SYS_sendto, 0, b"".as_ptr(), 0, 0, address.as_ptr(), 4);
    table.call("send elsewhere by the engine's socket", elsewhere);
}
