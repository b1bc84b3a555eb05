//! Serves the guest of one render from trees and a request, and records what it asked.

mod assess;
mod check;
mod meter;
mod notify;
mod objects;
#[cfg(test)]
mod cached;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use windlass_core::{
    render::{Document, Output},
    trace::{Query, Trace},
    tree::{self, Refusal, Tree, TreeError},
};

use crate::{
    capabilities::{Capabilities, Stop},
    entropy::Stream,
    error::{Budget, BudgetKind, HostFailure},
    facts,
    limits::{self, CallLimits},
    outcome::Recorded,
    protocol::{Answer, Ask, DocumentHead, Json, SetName, Tell},
    request::RenderRequest,
    weight,
};

pub(crate) use assess::AssessSession;
pub(crate) use check::CheckSession;
pub(crate) use meter::Counts;
use meter::Meter;
pub(crate) use notify::NotifySession;

/// One render's state in the engine.
pub(crate) struct Session<'a> {
    request: &'a RenderRequest,
    trace: Trace,
    stream: Stream,
    /// The file being read in chunks: decoded once.
    file: Option<(String, String, Arc<[u8]>)>,
    documents: Vec<Document>,
    meter: Meter,
    /// Of all questions recorded.
    trace_bytes: u64,
}

impl<'a> Session<'a> {
    pub(crate) fn new(request: &'a RenderRequest, limits: CallLimits) -> Self {
        Self {
            request,
            trace: Trace::default(),
            stream: Stream::new(request.entropy.clone()),
            file: None,
            documents: Vec::new(),
            meter: Meter::new(limits),
            trace_bytes: 0,
        }
    }

    pub(crate) fn finish(self) -> Recorded<Output> {
        let documents = self.documents;
        self.meter
            .finish(self.trace, |diagnostics| Output { documents, diagnostics })
    }

    fn record(&mut self, query: Query) -> Result<(), Stop> {
        if !self.trace.has(&query) {
            self.trace_bytes += weight::query(&query);
            if self.trace_bytes > limits::TRACE_BYTES {
                return Err(Budget::new(BudgetKind::Trace, limits::TRACE_BYTES).into());
            }
            let digest = facts::answer_digest(&query, self.request).map_err(tree_failure)?;
            self.trace.record(query, digest);
        }
        Ok(())
    }

    fn tree(&self, label: &str) -> Result<&'a Tree, Stop> {
        let what = || HostFailure::Protocol {
            what: format!("a question about the unknown tree `{label}`"),
        };
        Ok(self.request.tree(label).ok_or_else(what)?)
    }

    /// A chunk of a file. How much is asked for is no fact, what is in the file is.
    fn read(&mut self, tree: String, path: String, offset: u64, max: u32) -> Result<(Answer, Vec<u8>), Stop> {
        if max > tree::READ_BYTES {
            return Ok((Answer::Refused(Refusal::TooLarge(tree::READ_BYTES.into())), Vec::new()));
        }
        let bytes = match self.file(&tree, &path) {
            Ok(bytes) => bytes,
            Err(TreeError::Refused(refusal)) => {
                self.record(Query::Read { tree, path })?;
                return Ok((Answer::Refused(refusal), Vec::new()));
            }
            Err(error) => return Err(tree_failure(error)),
        };
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let end = start.saturating_add(max as usize).min(bytes.len());
        self.meter.hand_out(end - start)?;
        self.record(Query::Read {
            tree: tree.clone(),
            path: path.clone(),
        })?;
        let chunk = bytes[start..end].to_vec();
        self.file = (end < bytes.len()).then_some((tree, path, bytes));
        Ok((Answer::Bytes, chunk))
    }

    fn file(&self, tree: &str, path: &str) -> Result<Arc<[u8]>, TreeError> {
        match &self.file {
            Some((held_tree, held_path, bytes)) if held_tree == tree && held_path == path => Ok(bytes.clone()),
            _ => match self.request.tree(tree) {
                Some(tree) => tree.file(path),
                None => Err(Refusal::NotFound.into()),
            },
        }
    }

    /// Questions about trees, other than reads.
    fn in_tree(&mut self, ask: &Ask) -> Result<Option<Answer>, Stop> {
        let (query, answer) = match ask {
            Ask::Stat { tree, path } => {
                let answer = self.tree(tree)?.stat(path).map(Answer::Node);
                (
                    Query::Stat {
                        tree: tree.clone(),
                        path: path.clone(),
                    },
                    answer,
                )
            }
            Ask::Canonical { tree, path } => {
                let answer = self.tree(tree)?.canonical(path).map(Answer::Text);
                (
                    Query::Canonical {
                        tree: tree.clone(),
                        path: path.clone(),
                    },
                    answer,
                )
            }
            Ask::List { tree, path, after, max } => {
                let answer = self.tree(tree)?.list(path, after, *max).map(Answer::Entries);
                (
                    Query::List {
                        tree: tree.clone(),
                        path: path.clone(),
                    },
                    answer,
                )
            }
            Ask::Glob {
                tree,
                base,
                pattern,
                after,
                max,
            } => {
                let answer = self.tree(tree)?.glob(base, pattern, after, *max).map(Answer::Paths);
                (
                    Query::Glob {
                        tree: tree.clone(),
                        base: base.clone(),
                        pattern: pattern.clone(),
                    },
                    answer,
                )
            }
            Ask::Digest { tree, path } => {
                let answer = self.tree(tree)?.digest(path).map(Answer::Text);
                (
                    Query::Digest {
                        tree: tree.clone(),
                        path: path.clone(),
                    },
                    answer,
                )
            }
            _ => return Ok(None),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(TreeError::Refused(refusal)) => Answer::Refused(refusal),
            Err(error) => return Err(tree_failure(error)),
        };
        self.meter.hand_out(size(&answer))?;
        self.record(query)?;
        Ok(Some(answer))
    }

    /// Questions about the request.
    fn in_request(&mut self, ask: &Ask) -> Result<Option<Answer>, Stop> {
        let request = self.request;
        let (query, answer) = match ask {
            Ask::Source { name } => (
                Query::Source { name: name.clone() },
                Answer::Flag(request.sources.contains_key(name)),
            ),
            Ask::Path => (Query::Path, Answer::Text(request.path.clone())),
            Ask::Config => (Query::Config, Answer::Text(request.config.clone())),
            Ask::App => (Query::App, Answer::App(request.app.clone())),
            Ask::Now => (Query::Now, Answer::Instant(request.now)),
            Ask::KubeVersion => (Query::KubeVersion, Answer::Text(request.kube_version.clone())),
            Ask::HasApi { name } => (
                Query::HasApi { name: name.clone() },
                Answer::Flag(request.apis.contains(name)),
            ),
            Ask::Apis => (Query::Apis, Answer::Texts(request.apis.iter().cloned().collect())),
            Ask::Entropy { fork } => {
                if let Some(label) = fork {
                    if label.len() > limits::LABEL_BYTES {
                        return Err(Budget::new(BudgetKind::Label, limits::LABEL_BYTES as u64).into());
                    }
                    self.stream.fork(label);
                }
                (Query::Entropy, Answer::Words(self.stream.words()))
            }
            _ => return Ok(None),
        };
        self.meter.hand_out(size(&answer))?;
        self.record(query)?;
        Ok(Some(answer))
    }

    /// Questions about the output of the previous step. Every answer depends on it alone, so asking for it is the one fact.
    fn in_input(&mut self, ask: &Ask) -> Result<Option<Answer>, Stop> {
        let input = self.request.input.as_deref().map(Vec::as_slice);
        let sets = |set: SetName| match set {
            SetName::Input => Some(input),
            SetName::Objects | SetName::Previous => None,
        };
        let Some(answer) = objects::answer(ask, sets)? else {
            return Ok(None);
        };
        self.record(Query::Input)?;
        self.meter.hand_out(size(&answer))?;
        Ok(Some(answer))
    }

    fn emit(&mut self, head: DocumentHead, content: Vec<u8>) -> Result<(), Stop> {
        if content.len() as u64 > limits::DOCUMENT_BYTES {
            return Err(Budget::new(BudgetKind::Document, limits::DOCUMENT_BYTES).into());
        }
        self.meter
            .emit(content.len() as u64 + weight::head(&head), self.documents.len() as u64)?;
        let DocumentHead {
            format,
            origin,
            lines,
            attributes,
        } = head;
        self.documents.push(Document {
            format,
            content,
            origin,
            lines,
            attributes,
        });
        Ok(())
    }
}

impl Capabilities for Session<'_> {
    fn answer(&mut self, ask: Ask) -> Result<(Answer, Vec<u8>), Stop> {
        self.meter.ask()?;
        if let Ask::Read {
            tree,
            path,
            offset,
            max,
        } = ask
        {
            return self.read(tree, path, offset, max);
        }
        let mut answer = self.in_tree(&ask)?;
        if answer.is_none() {
            answer = self.in_request(&ask)?;
        }
        if answer.is_none() {
            answer = self.in_input(&ask)?;
        }
        let answer = answer.ok_or_else(|| HostFailure::Internal {
            message: format!("nothing serves {ask:?}"),
        })?;
        Ok((answer, Vec::new()))
    }

    fn take(&mut self, tell: Tell, body: Vec<u8>) -> Result<(), Stop> {
        match tell {
            Tell::Emit(Json(head)) => return self.emit(head, body),
            Tell::Report(Json(diagnostic)) => self.meter.report(diagnostic),
            Tell::Log(line) => self.meter.log(line),
            Tell::Notified(_) | Tell::Assessed(_) => {
                let what = "a renderer gives documents and findings, and nothing else".to_owned();
                return Err(HostFailure::Protocol { what }.into());
            }
        }
        Ok(())
    }
}

fn tree_failure(source: TreeError) -> Stop {
    HostFailure::Tree { source }.into()
}

/// Bytes of an answer, roughly: what bounds the work, not the wire.
fn size(answer: &Answer) -> usize {
    match answer {
        Answer::Text(text) => text.len(),
        Answer::Entries(page) => page.items.iter().map(|e| e.name.len() + 12).sum(),
        Answer::Paths(page) => page.items.iter().map(|p| p.len() + 8).sum(),
        Answer::Texts(texts) => texts.iter().map(|t| t.len() + 8).sum(),
        Answer::Words(words) => words.len() * 8,
        Answer::Indexes(indexes) => indexes.len() * 4,
        Answer::Heads(heads) => heads.iter().map(objects::head_size).sum(),
        Answer::Field(Some(text)) => text.len(),
        Answer::Event(head) => head.key.len() + head.kind.len() + 16,
        _ => 16,
    }
}
