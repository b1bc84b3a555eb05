//! Frames on the socket between engine and worker: a head, then an optional body of raw bytes.
//!
//! Lengths come first and are checked before anything is allocated: a worker may be compromised. Heads are small and
//! structured, bodies are opaque, so that no structure can be blown up to many times its bytes.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::limits;

/// How large the two parts of a frame may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameLimits {
    head: usize,
    body: usize,
}

/// From a worker: diagnostics and line mappings in the head, one document in the body. A head's structure may take some
/// twenty times its bytes in memory.
pub(crate) const FROM_WORKER: FrameLimits = FrameLimits {
    head: limits::MESSAGE_BYTES as usize,
    body: limits::DOCUMENT_BYTES as usize,
};

/// From the engine, which is trusted: answers, config, a component to compile.
pub(crate) const FROM_ENGINE: FrameLimits = FrameLimits {
    head: 32 << 20,
    body: limits::COMPONENT_BYTES as usize,
};

/// What is wrong with a frame or its transport.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("the other end closed the connection")]
    Closed,
    #[error("a frame of {size} bytes is above the limit of {limit}")]
    TooLarge { size: usize, limit: usize },
    #[error("a frame can't be decoded")]
    Garbage {
        #[source]
        source: postcard::Error,
    },
    #[error("an answer does not fit its question")]
    Unexpected,
    #[error("a file descriptor was expected")]
    NoDescriptor,
    #[error("the connection failed")]
    Io {
        #[source]
        source: io::Error,
    },
}

impl From<io::Error> for FrameError {
    fn from(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Self::Closed,
            _ => Self::Io { source },
        }
    }
}

/// Bodies up to this size are sent in one write with their head.
const SMALL: usize = 64 << 10;

/// Writes one frame.
pub(crate) fn write(to: &mut impl Write, head: &impl Serialize, body: &[u8]) -> Result<(), FrameError> {
    let any = FrameLimits {
        head: usize::MAX,
        body: usize::MAX,
    };
    write_within(to, head, body, any)
}

/// Writes one frame that the other end takes, or nothing.
pub(crate) fn write_within(
    to: &mut impl Write,
    head: &impl Serialize,
    body: &[u8],
    limits: FrameLimits,
) -> Result<(), FrameError> {
    let mut bytes = vec![0; 8];
    bytes = postcard::to_extend(head, bytes).map_err(|source| FrameError::Garbage { source })?;
    for (size, limit) in [(bytes.len() - 8, limits.head), (body.len(), limits.body)] {
        if size > limit {
            return Err(FrameError::TooLarge { size, limit });
        }
    }
    let head_len = length(bytes.len() - 8)?;
    bytes[..4].copy_from_slice(&head_len.to_le_bytes());
    bytes[4..8].copy_from_slice(&length(body.len())?.to_le_bytes());
    if body.len() <= SMALL {
        bytes.extend_from_slice(body);
        to.write_all(&bytes)?;
    } else {
        to.write_all(&bytes)?;
        to.write_all(body)?;
    }
    Ok(())
}

fn length(size: usize) -> Result<u32, FrameError> {
    u32::try_from(size).map_err(|_| FrameError::TooLarge {
        size,
        limit: u32::MAX as usize,
    })
}

/// Reads one frame; never more bytes than it has.
pub(crate) fn read<T: DeserializeOwned>(from: &mut impl Read, limits: FrameLimits) -> Result<(T, Vec<u8>), FrameError> {
    let mut lengths = [0; 8];
    from.read_exact(&mut lengths)?;
    let [a, b, c, d, e, f, g, h] = lengths;
    let head = part(from, u32::from_le_bytes([a, b, c, d]), limits.head)?;
    let body = part(from, u32::from_le_bytes([e, f, g, h]), limits.body)?;
    let head = postcard::from_bytes(&head).map_err(|source| FrameError::Garbage { source })?;
    Ok((head, body))
}

/// Memory grows with what arrives, not with what was promised.
fn part(from: &mut impl Read, size: u32, limit: usize) -> Result<Vec<u8>, FrameError> {
    let size = size as usize;
    if size > limit {
        return Err(FrameError::TooLarge { size, limit });
    }
    let mut bytes = Vec::with_capacity(size.min(SMALL));
    from.by_ref().take(size as u64).read_to_end(&mut bytes)?;
    if bytes.len() < size {
        return Err(FrameError::Closed);
    }
    Ok(bytes)
}

/// Sends a descriptor with one byte.
pub(crate) fn send_descriptor(socket: BorrowedFd<'_>, descriptor: BorrowedFd<'_>) -> Result<(), FrameError> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = [descriptor];
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(FrameError::NoDescriptor);
    }
    rustix::net::sendmsg(socket, &[IoSlice::new(&[0])], &mut control, SendFlags::NOSIGNAL).map_err(io::Error::from)?;
    Ok(())
}

/// Receives what [`send_descriptor`] sent. Nothing may have been buffered: a descriptor belongs to its byte.
pub(crate) fn receive_descriptor(socket: BorrowedFd<'_>) -> Result<OwnedFd, FrameError> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    rustix::net::recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut byte)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )
    .map_err(io::Error::from)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(mut descriptors) = message {
            return descriptors.next().ok_or(FrameError::NoDescriptor);
        }
    }
    Err(FrameError::NoDescriptor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_reads_what_it_wrote() {
        let mut wire = Vec::new();
        write(&mut wire, &("head", 7_u32), b"body").unwrap();
        let (head, body): ((String, u32), Vec<u8>) = read(&mut wire.as_slice(), FROM_WORKER).unwrap();
        assert_eq!(
            (head.0.as_str(), head.1, body.as_slice()),
            ("head", 7, b"body".as_slice())
        );
    }

    #[test]
    fn lengths_are_checked_before_memory_is_taken() {
        let mut wire = u32::MAX.to_le_bytes().to_vec();
        wire.extend([0; 4]);
        assert!(matches!(
            read::<u8>(&mut wire.as_slice(), FROM_WORKER),
            Err(FrameError::TooLarge { .. })
        ));
        let mut wire = 1_000_000_u32.to_le_bytes().to_vec();
        wire.extend([0; 100]);
        assert!(matches!(
            read::<u8>(&mut wire.as_slice(), FROM_WORKER),
            Err(FrameError::Closed)
        ));
    }

    #[test]
    fn garbage_is_an_error() {
        let wire = [3, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255];
        assert!(matches!(
            read::<String>(&mut wire.as_slice(), FROM_WORKER),
            Err(FrameError::Garbage { .. })
        ));
    }
}
