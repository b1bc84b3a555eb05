//! Somebody who is told: takes notifications over HTTP on the loopback, each with the time when it came.

use std::{
    io::{self, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{Receiver as Channel, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use windlass_tests::git_http::{read_request, respond};

/// Serves as long as the process lives.
pub(super) struct Receiver {
    address: SocketAddr,
    told: Channel<(Instant, Value)>,
}

impl Receiver {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, told) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let sender = sender.clone();
                // Who breaks off comes again.
                thread::spawn(move || take(&stream, &sender).ok());
            }
        });
        Self { address, told }
    }

    pub(super) fn url(&self) -> String {
        format!("http://localhost:{}/hook", self.address.port())
    }

    /// When the first came that is about an app and of a state; those before it are left behind.
    pub(super) fn until(&self, app: &str, state: &str, limit: Duration) -> Instant {
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok((at, event)) = self.told.recv_timeout(left) else {
                panic!("nobody was told that {app} is {state} within {} s", limit.as_secs());
            };
            if event["app"] == app && event["state"] == state {
                return at;
            }
        }
    }

    /// What came and was not asked for.
    pub(super) fn forget(&self) {
        while self.told.try_recv().is_ok() {}
    }
}

fn take(mut stream: &TcpStream, to: &Sender<(Instant, Value)>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader)? {
        let at = Instant::now();
        let event = serde_json::from_slice(&request.body).map_err(io::Error::other)?;
        respond(&mut stream, "200 OK", "", &[])?;
        if to.send((at, event)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}
