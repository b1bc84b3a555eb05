//! Between the contract's generated types and those of the core.

use std::time::Duration;

use windlass_core::{health, render as core, tree};

use super::{files_api::Kind, health_api, notify_api, rendering_api as rendering, types};
use crate::{
    limits,
    protocol::{Assessment, DocumentHead, Notified},
    weight,
};

pub(super) fn refusal(refusal: tree::Refusal) -> types::Refusal {
    match refusal {
        tree::Refusal::NotFound => types::Refusal::NotFound,
        tree::Refusal::WrongKind => types::Refusal::WrongKind,
        tree::Refusal::InvalidPath => types::Refusal::InvalidPath,
        tree::Refusal::Denied(why) => types::Refusal::Denied(why),
        tree::Refusal::TooLarge(limit) => types::Refusal::TooLarge(limit),
        tree::Refusal::Unavailable(what) => types::Refusal::Other(types::OpenError {
            code: "unavailable".to_owned(),
            message: what,
        }),
    }
}

pub(super) const fn kind(kind: tree::Kind) -> Kind {
    match kind {
        tree::Kind::Missing => Kind::Missing,
        tree::Kind::File => Kind::File,
        tree::Kind::Directory => Kind::Directory,
        tree::Kind::Symlink => Kind::Symlink,
        tree::Kind::Submodule => Kind::Submodule,
        tree::Kind::Other => Kind::Other,
    }
}

const fn span(span: types::Span) -> core::Span {
    core::Span {
        line: span.line,
        column: span.column,
        end_line: span.end_line,
        end_column: span.end_column,
    }
}

fn file_at(at: types::FileAt) -> core::FileAt {
    core::FileAt {
        source: at.source,
        path: at.path,
        span: at.span.map(span),
    }
}

fn location(location: types::Location) -> core::Location {
    match location {
        types::Location::None => core::Location::None,
        types::Location::File(at) => core::Location::File(file_at(at)),
        types::Location::Object(at) => core::Location::Object {
            index: at.index,
            pointer: at.pointer,
        },
        types::Location::Config(pointer) => core::Location::Config { pointer },
    }
}

pub(super) fn diagnostic(diagnostic: types::Diagnostic) -> core::Diagnostic {
    let whole = core::Diagnostic {
        severity: match diagnostic.severity {
            types::Severity::Error => core::Severity::Error,
            types::Severity::Warning => core::Severity::Warning,
            types::Severity::Info => core::Severity::Info,
        },
        code: diagnostic.code,
        message: diagnostic.message,
        at: location(diagnostic.at),
        related: diagnostic
            .related
            .into_iter()
            .map(|(at, word)| (location(at), word))
            .collect(),
        help: diagnostic.help,
        extra: diagnostic.extra,
    };
    whole.shortened(limits::FINDING_BYTES)
}

/// A plugin's answer. `most`: findings kept; those beyond that or [`limits::DIAGNOSTIC_BYTES`] are dropped.
pub(in crate::worker) fn failure(failure: types::Failure, most: u64) -> core::Failure {
    match failure {
        types::Failure::Invalid(diagnostics) => {
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            let mut bytes = 0;
            // The first is kept whatever its size: an answer must not become another one.
            let fits = |finding: &core::Diagnostic| {
                let first = bytes == 0;
                bytes += weight::diagnostic(finding);
                first || bytes <= limits::DIAGNOSTIC_BYTES
            };
            let findings = diagnostics.into_iter().take(most).map(diagnostic);
            core::Failure::Invalid(findings.take_while(fits).collect())
        }
        types::Failure::Unsupported(message) => core::Failure::Unsupported(message),
        types::Failure::Internal(message) => core::Failure::Internal(message),
        types::Failure::Other(error) => core::Failure::Other {
            code: error.code,
            message: error.message,
        },
    }
}

pub(super) fn document(document: rendering::Document) -> (DocumentHead, Vec<u8>) {
    let mapping = |mapping: rendering::Mapping| core::Mapping {
        output: span(mapping.output),
        origin: file_at(mapping.origin),
    };
    let head = DocumentHead {
        format: match document.format {
            rendering::Format::Yaml => core::Format::Yaml,
            rendering::Format::Json => core::Format::Json,
        },
        origin: document.origin.map(file_at),
        lines: document.lines.into_iter().map(mapping).collect(),
        attributes: document.attributes,
    };
    (head, document.content)
}

/// A notifier's answer, its texts cut to [`limits::REPLY_BYTES`].
pub(in crate::worker) fn notified(answer: Result<Option<String>, notify_api::Failure>) -> Notified {
    let cut = |mut text: String| {
        core::shorten(&mut text, &mut limits::REPLY_BYTES.clone());
        text
    };
    match answer {
        Ok(id) => Notified::Delivered(id.map(cut)),
        Err(notify_api::Failure::Retry(seconds)) => {
            Notified::Retry(seconds.map(|seconds| Duration::from_secs(seconds.into())))
        }
        Err(notify_api::Failure::Rejected(why)) => Notified::Rejected(cut(why)),
        Err(notify_api::Failure::Unsupported(what)) => Notified::Unsupported(cut(what)),
        Err(notify_api::Failure::Other(error)) => Notified::Other {
            code: cut(error.code),
            message: cut(error.message),
        },
    }
}

/// A verdict, its texts cut to [`limits::VERDICT_BYTES`].
pub(in crate::worker) fn assessment(verdict: health_api::Verdict) -> Assessment {
    let health_api::Verdict {
        state,
        mut reason,
        mut message,
        at,
    } = verdict;
    let mut left = limits::VERDICT_BYTES;
    let at = at.filter(|at| at.len() <= left);
    left -= at.as_ref().map_or(0, String::len);
    core::shorten(&mut reason, &mut left);
    core::shorten(&mut message, &mut left);
    let state = match state {
        health_api::State::Healthy => health::State::Healthy,
        health_api::State::Progressing => health::State::Progressing,
        health_api::State::Degraded => health::State::Degraded,
        health_api::State::Suspended => health::State::Suspended,
        health_api::State::Unknown => health::State::Unknown,
    };
    Assessment {
        verdict: health::Verdict::new(state, reason, message),
        at,
    }
}
