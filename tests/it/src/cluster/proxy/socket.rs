//! Sockets whose reads end when their connection has no use any more.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use rustix::net::sockopt::set_socket_linger;

/// How often a read looks whether it should go on.
pub(super) const LOOK: Duration = Duration::from_millis(50);

/// A socket that gives up when the proxy stops, or when the client that it works for has gone.
pub(super) struct Patient<'a> {
    socket: TcpStream,
    client: Option<TcpStream>,
    stopped: &'a AtomicBool,
}

impl<'a> Patient<'a> {
    /// `client` is whom an answer is for; none for the client itself.
    pub(super) fn new(socket: TcpStream, client: Option<TcpStream>, stopped: &'a AtomicBool) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(LOOK))?;
        Ok(Self {
            socket,
            client,
            stopped,
        })
    }

    fn is_idle(&self) -> bool {
        self.stopped.load(Ordering::SeqCst) || self.client.as_ref().is_some_and(has_gone)
    }
}

impl Read for Patient<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.socket.read(buffer) {
                Err(error) if is_timeout(&error) => {
                    if self.is_idle() {
                        return Err(ErrorKind::ConnectionAborted.into());
                    }
                }
                other => return other,
            }
        }
    }
}

impl Write for Patient<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// Whether a client that waits for an answer has closed. One that sends something instead says farewell in TLS: nobody here sends a
/// second request before the first one's answer. Takes up to [`LOOK`].
pub(super) fn has_gone(client: &TcpStream) -> bool {
    match client.peek(&mut [0]) {
        Ok(_) => true,
        Err(error) => !is_timeout(&error),
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

/// Ends a connection so that the other side is told of an error (RST), not of an end: once the thread that serves it has let go of it,
/// which it does at once.
pub(super) fn reset(socket: &TcpStream) {
    // Both fail only for a connection that has ended. Closing this direction sends nothing; it wakes who reads.
    let _ = set_socket_linger(socket, Some(Duration::ZERO));
    let _ = socket.shutdown(Shutdown::Read);
}
