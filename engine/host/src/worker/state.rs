//! What a guest's store holds: its budgets, its handles and the way to the engine.

use std::collections::VecDeque;

use wasmtime::{ResourceLimiter, component::ResourceTable};
use windlass_core::render::{Diagnostic, Location, Severity};

use super::link::Link;
use crate::{
    error::{Budget, BudgetKind},
    frame::FrameError,
    limits::{self, CallLimits},
    protocol::{Answer, Ask, Json, LogLine, Tell},
    weight,
};

/// Data of one call's store.
pub(super) struct State {
    pub(super) table: ResourceTable,
    pub(super) link: Link,
    pub(super) limits: CallLimits,
    /// Set before a host function ends the call with a trap.
    pub(super) ended: Option<Ended>,
    pub(super) usage: Usage,
    pub(super) sink: SinkCounts,
    pub(super) entropy: Entropy,
}

/// Why a host function ended the call.
pub(super) enum Ended {
    /// The engine knows why.
    Engine,
    /// The engine is gone, or answers what no engine answers.
    Link(FrameError),
    /// A budget that the worker counts.
    Budget(Budget),
}

impl Ended {
    fn of(error: FrameError) -> Self {
        match error {
            FrameError::TooLarge { .. } => Self::Budget(message_budget()),
            error => Self::Link(error),
        }
    }
}

/// Stands for errors that are dropped.
fn dropped_error() -> Diagnostic {
    let message = "errors were found beyond the number or size of findings that is kept";
    Diagnostic::error("too-many-findings", message, Location::None)
}

/// Of what is sent to the engine at a time.
pub(super) const fn message_budget() -> Budget {
    Budget {
        kind: BudgetKind::Message,
        limit: limits::MESSAGE_BYTES,
    }
}

/// What the guest takes of the worker.
#[derive(Default)]
pub(super) struct Usage {
    memory: u64,
    pub(super) peak_memory: u64,
    table_elements: u64,
    /// The last growth granted, taken back when the system refuses it.
    last_growth: u64,
    /// The first budget that refused a growth: what a later crash is due to.
    pub(super) refused: Option<Budget>,
}

/// What the guest emitted.
#[derive(Default)]
pub(super) struct SinkCounts {
    pub(super) documents: u64,
    pub(super) output_bytes: u64,
    diagnostics: u64,
    diagnostic_bytes: u64,
    error_reported: bool,
    log_bytes: u64,
    pub(super) dropped_diagnostics: u64,
    pub(super) dropped_log_lines: u64,
}

/// Words drawn by the engine and not yet by the guest.
#[derive(Default)]
pub(super) struct Entropy {
    words: VecDeque<u64>,
    fork: Option<String>,
}

impl State {
    pub(super) fn new(link: Link, limits: CallLimits) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles);
        Self {
            table,
            link,
            limits,
            ended: None,
            usage: Usage::default(),
            sink: SinkCounts::default(),
            entropy: Entropy::default(),
        }
    }

    /// Ends the call; the trap's text is for nobody, the cause stands in the state.
    pub(super) fn end<T>(&mut self, ended: Ended) -> wasmtime::Result<T> {
        self.ended = Some(ended);
        Err(wasmtime::Error::msg("the call was ended by the host"))
    }

    pub(super) fn ask(&mut self, ask: Ask) -> wasmtime::Result<(Answer, Vec<u8>)> {
        match self.link.ask(ask) {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => self.end(Ended::Engine),
            Err(error) => self.end(Ended::of(error)),
        }
    }

    pub(super) fn tell(&mut self, tell: Tell, body: &[u8]) -> wasmtime::Result<()> {
        match self.link.tell(tell, body) {
            Ok(()) => Ok(()),
            Err(error) => self.end(Ended::of(error)),
        }
    }

    pub(super) fn within(&mut self, used: u64, kind: BudgetKind, limit: u64) -> wasmtime::Result<()> {
        if used > limit {
            self.end(Ended::Budget(Budget::new(kind, limit)))
        } else {
            Ok(())
        }
    }

    /// Sends a line unless the budget is used up; then it is dropped and counted.
    pub(super) fn log(&mut self, line: LogLine) -> wasmtime::Result<()> {
        self.sink.log_bytes += weight::line(&line);
        if self.sink.log_bytes > self.limits.log_bytes {
            self.sink.dropped_log_lines += 1;
            return Ok(());
        }
        self.tell(Tell::Log(line), &[])
    }

    /// Sends a finding unless a budget is used up; then it is dropped and counted. The first error stands for all that
    /// are dropped: without it, a render that failed would pass.
    pub(super) fn report(&mut self, finding: Diagnostic) -> wasmtime::Result<()> {
        let error = finding.severity == Severity::Error;
        let bytes = self.sink.diagnostic_bytes + weight::diagnostic(&finding);
        let fits = self.sink.diagnostics < self.limits.diagnostics && bytes <= limits::DIAGNOSTIC_BYTES;
        let first_error = error && !self.sink.error_reported;
        self.sink.error_reported |= error;
        if fits {
            self.sink.diagnostics += 1;
            self.sink.diagnostic_bytes = bytes;
            return self.tell(Tell::Report(Json(finding)), &[]);
        }
        self.sink.dropped_diagnostics += 1;
        if first_error {
            return self.tell(Tell::Report(Json(dropped_error())), &[]);
        }
        Ok(())
    }

    pub(super) fn next_word(&mut self) -> wasmtime::Result<u64> {
        if self.entropy.words.is_empty() || self.entropy.fork.is_some() {
            let fork = self.entropy.fork.take();
            let (answer, _) = self.ask(Ask::Entropy { fork })?;
            let Answer::Words(words) = answer else {
                return self.unexpected();
            };
            self.entropy.words = words.into();
        }
        match self.entropy.words.pop_front() {
            Some(word) => Ok(word),
            None => self.unexpected(),
        }
    }

    pub(super) fn fork(&mut self, label: String) -> wasmtime::Result<()> {
        self.within(label.len() as u64, BudgetKind::Label, limits::LABEL_BYTES as u64)?;
        self.entropy.fork = Some(label);
        Ok(())
    }

    /// The engine answered another question.
    pub(super) fn unexpected<T>(&mut self) -> wasmtime::Result<T> {
        self.end(Ended::Link(FrameError::Unexpected))
    }
}

impl Usage {
    fn grow(used: &mut u64, growth: u64, budget: Budget, refused: &mut Option<Budget>) -> bool {
        let fits = used.saturating_add(growth) <= budget.limit;
        if fits {
            *used += growth;
        } else if refused.is_none() {
            *refused = Some(budget);
        }
        fits
    }
}

impl ResourceLimiter for State {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let budget = Budget::new(BudgetKind::Memory, self.limits.memory);
        let growth = desired.saturating_sub(current) as u64;
        let usage = &mut self.usage;
        let fits = Usage::grow(&mut usage.memory, growth, budget, &mut usage.refused);
        usage.last_growth = if fits { growth } else { 0 };
        usage.peak_memory = usage.peak_memory.max(usage.memory);
        Ok(fits)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.usage.memory -= std::mem::take(&mut self.usage.last_growth).min(self.usage.memory);
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let budget = Budget::new(BudgetKind::Table, self.limits.table_elements);
        let growth = desired.saturating_sub(current) as u64;
        let usage = &mut self.usage;
        Ok(Usage::grow(
            &mut usage.table_elements,
            growth,
            budget,
            &mut usage.refused,
        ))
    }

    fn instances(&self) -> usize {
        limits::INSTANCES
    }

    fn tables(&self) -> usize {
        limits::INSTANCES
    }

    fn memories(&self) -> usize {
        limits::INSTANCES
    }
}
