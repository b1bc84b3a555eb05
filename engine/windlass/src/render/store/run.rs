//! A run as bytes: the trace apart, for a lookup needs nothing else.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use windlass_core::{
    render::{Diagnostic, Document, Failure, FileAt, Format, Mapping, Output},
    trace::{Fact, Trace},
};

/// A call that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// What it asked.
    pub trace: Arc<Trace>,
    /// What it came to.
    pub kept: Kept,
}

/// What a call comes to whenever it is answered the same.
#[derive(Debug, Clone, PartialEq)]
pub enum Kept {
    /// It rendered.
    Output(Arc<Output>),
    /// The plugin refused its input. A trap, a limit or a failure of the host is never kept: it may pass.
    Failed(Failure),
}

impl Run {
    /// What was rendered; `None` when the plugin refused.
    #[must_use]
    pub fn output(&self) -> Option<Arc<Output>> {
        match &self.kept {
            Kept::Output(output) => Some(Arc::clone(output)),
            Kept::Failed(_) => None,
        }
    }
}

/// The JSON part of a body; contents follow it, one after the other.
#[derive(Serialize, Deserialize)]
enum Body {
    Output {
        documents: Vec<Head>,
        diagnostics: Vec<Diagnostic>,
    },
    Failed(Failure),
}

/// A document but for its content.
#[derive(Serialize, Deserialize)]
struct Head {
    format: Format,
    bytes: usize,
    origin: Option<FileAt>,
    lines: Vec<Mapping>,
    attributes: Vec<(String, String)>,
}

impl Run {
    /// Bytes taken in memory, roughly.
    pub(super) fn bytes(&self) -> usize {
        let facts = self.trace.facts().len() * 200;
        match &self.kept {
            Kept::Output(output) => facts + output_bytes(output),
            Kept::Failed(_) => facts + 1024,
        }
    }

    pub(super) fn body(&self) -> Option<Vec<u8>> {
        let (body, contents) = match &self.kept {
            Kept::Failed(failure) => (Body::Failed(failure.clone()), Vec::new()),
            Kept::Output(output) => {
                let body = Body::Output {
                    documents: output.documents.iter().map(Head::of).collect(),
                    diagnostics: output.diagnostics.clone(),
                };
                (body, output.documents.iter().map(|d| d.content.as_slice()).collect())
            }
        };
        let json = serde_json::to_vec(&body).ok()?;
        let mut bytes = u32::try_from(json.len()).ok()?.to_le_bytes().to_vec();
        bytes.extend(json);
        bytes.extend(contents.concat());
        Some(bytes)
    }

    /// The reverse of [`trace_bytes`] and [`Run::body`].
    pub(super) fn parse(trace: &[u8], body: &[u8]) -> Option<Self> {
        let (length, rest) = body.split_first_chunk()?;
        let (json, mut contents) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        let kept = match serde_json::from_slice(json).ok()? {
            Body::Failed(failure) => Kept::Failed(failure),
            Body::Output { documents, diagnostics } => {
                let documents = documents.into_iter().map(|head| head.document(&mut contents));
                Kept::Output(Arc::new(Output {
                    documents: documents.collect::<Option<_>>()?,
                    diagnostics,
                }))
            }
        };
        Some(Self {
            trace: Arc::new(parse_trace(trace)?),
            kept,
        })
    }
}

impl Head {
    fn of(document: &Document) -> Self {
        Self {
            format: document.format,
            bytes: document.content.len(),
            origin: document.origin.clone(),
            lines: document.lines.clone(),
            attributes: document.attributes.clone(),
        }
    }

    fn document(self, contents: &mut &[u8]) -> Option<Document> {
        let (content, rest) = contents.split_at_checked(self.bytes)?;
        *contents = rest;
        Some(Document {
            format: self.format,
            content: content.to_vec(),
            origin: self.origin,
            lines: self.lines,
            attributes: self.attributes,
        })
    }
}

/// Bytes of an output: contents and what stands beside them.
pub(crate) fn output_bytes(output: &Output) -> usize {
    let document = |d: &Document| d.content.len() + 200 + d.lines.len() * size_of::<Mapping>();
    output.documents.iter().map(document).sum::<usize>() + output.diagnostics.len() * 500
}

pub(super) fn trace_bytes(trace: &Trace) -> Option<Vec<u8>> {
    serde_json::to_vec(trace.facts()).ok()
}

pub(super) fn parse_trace(bytes: &[u8]) -> Option<Trace> {
    Some(serde_json::from_slice::<Vec<Fact>>(bytes).ok()?.into_iter().collect())
}
