//! Doors for the fuzz targets in `tests/fuzz`, to what no caller outside of this crate reaches. Not part of the interface.

use serde::{Serialize, de::DeserializeOwned};
use windlass_core::render::{Diagnostic, Failure, Format, Location};

use crate::{
    capabilities::Capabilities as _,
    frame::{self, FROM_WORKER},
    limits::CallLimits,
    protocol::{Ask, Compiled, DocumentHead, Done, End, Json, Level, LogLine, Message, Ready, Tell},
    request::RenderRequest,
    sandbox::Walls,
    session::Session,
};

/// Reads bytes as each kind of frame that a worker sends, and hands those of a call to a session.
///
/// # Panics
/// When a frame that was read is written otherwise, or a session keeps more than its limits.
pub fn frames(bytes: &[u8], request: &RenderRequest) {
    again::<Ready>(bytes);
    again::<Compiled>(bytes);
    again::<Message>(bytes);
    let limits = CallLimits {
        output_bytes: 1 << 10,
        documents: 4,
        diagnostics: 4,
        log_bytes: 1 << 8,
        ..CallLimits::default()
    };
    let mut session = Session::new(request, limits);
    let mut rest = bytes;
    while let Ok((message, body)) = frame::read::<Message>(&mut rest, FROM_WORKER) {
        let end = match message {
            Message::Ask(ask) => session.answer(ask).map(drop),
            Message::Tell(tell) => session.take(tell, body),
            Message::Done(_) => break,
        };
        if end.is_err() {
            break;
        }
    }
    let kept = session.finish();
    assert!(kept.output.documents.len() as u64 <= limits.documents);
    // An error may be kept beyond the limit when there is none yet.
    assert!(kept.output.diagnostics.len() as u64 <= limits.diagnostics + 1);
    let logged: usize = kept.log.iter().map(|line| line.message.len()).sum();
    assert!(logged as u64 <= limits.log_bytes);
}

/// What is read is written to the same bytes as what those read as.
fn again<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    let Ok((head, body)) = frame::read::<T>(&mut &bytes[..], FROM_WORKER) else {
        return;
    };
    let written = write(&head, &body);
    let (head, body) = frame::read::<T>(&mut written.as_slice(), FROM_WORKER).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(write(&head, &body), written);
}

fn write(head: &impl Serialize, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::write(&mut bytes, head, body).unwrap_or_else(|e| panic!("{e}"));
    bytes
}

/// Frames to start from.
#[must_use]
pub fn good_frames() -> Vec<Vec<u8>> {
    let head = DocumentHead {
        format: Format::Yaml,
        origin: None,
        lines: Vec::new(),
        attributes: vec![("a".to_owned(), "b".to_owned())],
    };
    let line = LogLine {
        level: Level::Warn,
        message: "m".to_owned(),
        fields: vec![("k".to_owned(), "v".to_owned())],
    };
    let finding = Diagnostic::error("c", "m", Location::None);
    let done = Done {
        end: End::Failure(Json(Failure::Internal("x".to_owned()))),
        instantiate: std::time::Duration::from_millis(1),
        peak_memory: 1 << 20,
        dropped_log_lines: 0,
        dropped_diagnostics: 0,
    };
    let asks = [
        Ask::Stat {
            tree: String::new(),
            path: "a".to_owned(),
        },
        Ask::Read {
            tree: String::new(),
            path: "a".to_owned(),
            offset: 1,
            max: 9,
        },
        Ask::Glob {
            tree: String::new(),
            base: String::new(),
            pattern: "**".to_owned(),
            after: String::new(),
            max: 9,
        },
        Ask::Entropy {
            fork: Some("l".to_owned()),
        },
        Ask::Path,
    ];
    let mut frames: Vec<Vec<u8>> = asks.into_iter().map(|ask| write(&Message::Ask(ask), b"")).collect();
    frames.push(write(&Message::Tell(Tell::Emit(Json(head))), b"a: 1\n"));
    frames.push(write(&Message::Tell(Tell::Report(Json(finding))), b""));
    frames.push(write(&Message::Tell(Tell::Log(line)), b""));
    frames.push(write(&Message::Done(done), b""));
    let call = frames.concat();
    frames.push(call);
    frames.push(write(
        &Ready {
            walls: Walls::default(),
            refused: vec![None, Some("x".to_owned())],
        },
        b"",
    ));
    frames.push(write(&Compiled::Written { bytes: 7 }, b""));
    frames
}
