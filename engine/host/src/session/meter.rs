//! What a call uses and says, counted and bounded; the same for every kind of call.

use windlass_core::{
    render::{Diagnostic, Severity},
    trace::Trace,
};

use crate::{
    capabilities::Stop,
    error::{Budget, BudgetKind},
    limits::{self, CallLimits},
    outcome::Recorded,
    protocol::LogLine,
    weight,
};

/// What a call used, as the engine counts it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) asks: u64,
    pub(crate) read_bytes: u64,
    pub(crate) output_bytes: u64,
    pub(crate) dropped_diagnostics: u64,
    log_bytes: u64,
    diagnostic_bytes: u64,
    error_reported: bool,
}

/// Counts, and keeps what is said of a call.
pub(super) struct Meter {
    limits: CallLimits,
    counts: Counts,
    log: Vec<LogLine>,
    diagnostics: Vec<Diagnostic>,
}

impl Meter {
    pub(super) fn new(limits: CallLimits) -> Self {
        Self {
            limits,
            counts: Counts::default(),
            log: Vec::new(),
            diagnostics: Vec::new(),
        }
    }

    /// One more question.
    pub(super) fn ask(&mut self) -> Result<(), Stop> {
        self.counts.asks += 1;
        within(self.counts.asks, BudgetKind::Asks, self.limits.asks)
    }

    /// Counts bytes handed out.
    pub(super) fn hand_out(&mut self, bytes: usize) -> Result<(), Stop> {
        self.counts.read_bytes += bytes as u64;
        within(self.counts.read_bytes, BudgetKind::Read, self.limits.read_bytes)
    }

    /// One more document beside those there are.
    pub(super) fn emit(&mut self, bytes: u64, documents: u64) -> Result<(), Stop> {
        self.counts.output_bytes += bytes;
        within(self.counts.output_bytes, BudgetKind::Output, self.limits.output_bytes)?;
        within(documents + 1, BudgetKind::Documents, self.limits.documents)
    }

    /// The worker drops and counts findings beyond their number; what comes nevertheless, or is too long, is not kept.
    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        let error = diagnostic.severity == Severity::Error;
        // Of what is over, the first error is kept nevertheless: it decides whether the call passes.
        let decides = error && !self.counts.error_reported;
        self.counts.error_reported |= error;
        self.counts.diagnostic_bytes += weight::diagnostic(&diagnostic);
        let fits = self.counts.diagnostic_bytes <= limits::DIAGNOSTIC_BYTES;
        if decides || (fits && (self.diagnostics.len() as u64) < self.limits.diagnostics) {
            self.diagnostics.push(diagnostic);
        } else {
            self.counts.dropped_diagnostics += 1;
        }
    }

    pub(super) fn log(&mut self, line: LogLine) {
        self.counts.log_bytes += weight::line(&line);
        if self.counts.log_bytes <= self.limits.log_bytes {
            self.log.push(line);
        }
    }

    pub(super) fn finish<T>(self, trace: Trace, output: impl FnOnce(Vec<Diagnostic>) -> T) -> Recorded<T> {
        Recorded {
            output: output(self.diagnostics),
            trace,
            log: self.log,
            counts: self.counts,
        }
    }
}

fn within(used: u64, kind: BudgetKind, limit: u64) -> Result<(), Stop> {
    if used > limit {
        Err(Budget::new(kind, limit).into())
    } else {
        Ok(())
    }
}
