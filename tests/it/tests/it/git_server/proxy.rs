//! Proxies on the loopback that are asked by `CONNECT`, honest ones and others.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// What a proxy does with who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Connects, as `CONNECT` has it.
    Tunnels,
    /// The same for who sends this `Proxy-Authorization`, else 407.
    Wants(&'static str),
    /// 403.
    Refuses,
    /// Says nothing.
    Stalls,
    /// Hangs up.
    HangsUp,
}

/// A running proxy; it stops when dropped.
pub(crate) struct Proxy {
    /// `HOST:PORT`.
    pub(crate) address: String,
    shared: Arc<Shared>,
}

struct Shared {
    manner: Manner,
    log: Mutex<Vec<String>>,
    stopped: AtomicBool,
}

impl Proxy {
    pub(crate) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared {
            manner,
            log: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if accepting.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                thread::spawn(move || shared.serve(client));
            }
        });
        Self { address, shared }
    }

    /// `HOST:PORT` of each connection asked for.
    pub(crate) fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.log.lock().unwrap())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // Wakes the accepting thread.
        let _ = TcpStream::connect(&self.address);
    }
}

impl Shared {
    fn serve(&self, client: TcpStream) -> io::Result<()> {
        match self.manner {
            Manner::Stalls => {
                while !self.stopped.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(20));
                }
                Ok(())
            }
            Manner::HangsUp => client.shutdown(Shutdown::Both),
            _ => self.connect(client),
        }
    }

    fn connect(&self, client: TcpStream) -> io::Result<()> {
        let mut lines = BufReader::new(client.try_clone()?);
        let mut first = String::new();
        lines.read_line(&mut first)?;
        let target = first.split(' ').nth(1).unwrap_or_default().to_owned();
        self.log.lock().unwrap().push(target.clone());
        let mut authorization = String::new();
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line)? == 0 || line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("proxy-authorization")
            {
                authorization = value.trim().to_owned();
            }
        }
        let answer = match self.manner {
            Manner::Refuses => "403 Forbidden",
            Manner::Wants(wanted) if authorization != wanted => "407 Proxy Authentication Required",
            _ => "200 Connection established",
        };
        write!(&client, "HTTP/1.1 {answer}\r\n\r\n")?;
        if answer.starts_with("200") {
            return pipe(client, TcpStream::connect(target)?);
        }
        client.shutdown(Shutdown::Both)
    }
}

fn pipe(client: TcpStream, server: TcpStream) -> io::Result<()> {
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let there = thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    io::copy(&mut &server, &mut &client)?;
    client.shutdown(Shutdown::Write)?;
    let _ = there.join();
    Ok(())
}
