//! The worker's end of the socket during calls.

use std::{
    io::{BufReader, Write as _},
    os::unix::net::UnixStream,
};

use crate::{
    frame::{self, FROM_ENGINE, FROM_WORKER, FrameError},
    protocol::{Answer, Ask, Call, Done, Message, Reply, Tell},
};

/// Most answers are smaller; one read takes a whole frame then.
const BUFFER: usize = 16 << 10;

/// What is told is put together up to this size: each message wakes the engine.
const TOLD: usize = 64 << 10;

/// Asks, tells, and says how calls end. No descriptor is passed any more, so reads may be buffered.
pub(super) struct Link {
    from: BufReader<UnixStream>,
    to: UnixStream,
    /// Told, and not sent yet.
    told: Vec<u8>,
}

impl Link {
    pub(super) fn new(socket: &UnixStream) -> Result<Self, FrameError> {
        Ok(Self {
            from: BufReader::with_capacity(BUFFER, socket.try_clone()?),
            to: socket.try_clone()?,
            told: Vec::new(),
        })
    }

    pub(super) fn next_call(&mut self) -> Result<Call, FrameError> {
        Ok(frame::read(&mut self.from, FROM_ENGINE)?.0)
    }

    /// `None`: the engine ends the call. What is too large is not sent: the guest's fault is no breach of the protocol.
    pub(super) fn ask(&mut self, ask: Ask) -> Result<Option<(Answer, Vec<u8>)>, FrameError> {
        self.send(&Message::Ask(ask), &[])?;
        match frame::read(&mut self.from, FROM_ENGINE)? {
            (Reply::Answer(answer), body) => Ok(Some((answer, body))),
            (Reply::End, _) => Ok(None),
        }
    }

    /// Sent at the next question at the latest; a log line at once, for it may be the last before the call hangs.
    pub(super) fn tell(&mut self, tell: Tell, body: &[u8]) -> Result<(), FrameError> {
        let is_urgent = matches!(tell, Tell::Log(_));
        self.put(&Message::Tell(tell), body)?;
        if is_urgent || self.told.len() >= TOLD {
            self.flush()?;
        }
        Ok(())
    }

    pub(super) fn done(&mut self, done: Done) -> Result<(), FrameError> {
        self.send(&Message::Done(done), &[])
    }

    fn send(&mut self, message: &Message, body: &[u8]) -> Result<(), FrameError> {
        self.put(message, body)?;
        self.flush()
    }

    fn put(&mut self, message: &Message, body: &[u8]) -> Result<(), FrameError> {
        frame::write_within(&mut self.told, message, body, FROM_WORKER)
    }

    fn flush(&mut self) -> Result<(), FrameError> {
        self.to.write_all(&self.told)?;
        self.told.clear();
        // A document of megabytes is not to stay allocated.
        self.told.shrink_to(TOLD);
        Ok(())
    }
}
