//! What a call leaves behind.

use std::time::Duration;

use windlass_core::{
    render::{Diagnostic, Output},
    trace::Trace,
};

use crate::{
    admit::export_of,
    call::{Ended, Verdict},
    error::{Budget, CallError, Trap},
    plugin::Plugin,
    protocol::{Level, LogLine},
    session::Counts,
};

/// All that a call leaves: of a renderer its [`Output`], of a validator its findings.
#[derive(Debug)]
pub struct Outcome<T = Output> {
    /// What came out, or why nothing did. Diagnostics of severity `error` in an output make the render fail, too.
    pub result: Result<T, CallError>,
    /// Findings reported by a call that has no output.
    pub reported: Vec<Diagnostic>,
    /// What it asked, up to its end; empty for a validator, which depends on all it was given.
    pub trace: Trace,
    /// What it logged, bounded.
    pub log: Vec<LogLine>,
    /// What it cost.
    pub stats: Stats,
}

/// What a call cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Whether a worker was started for it.
    pub cold: bool,
    /// Wall time, waiting for a worker included.
    pub wall: Duration,
    /// Wall time of the instance's creation.
    pub instantiate: Duration,
    /// Questions to the host.
    pub asks: u64,
    /// Bytes handed to the plugin.
    pub read_bytes: u64,
    /// Linear memory at its peak, in bytes.
    pub peak_memory: u64,
    /// Bytes emitted.
    pub output_bytes: u64,
    /// Log lines beyond the budget.
    pub dropped_log_lines: u64,
    /// Findings beyond the budget.
    pub dropped_diagnostics: u64,
}

/// What is left of a session.
pub(crate) struct Recorded<T> {
    pub(crate) output: T,
    pub(crate) trace: Trace,
    pub(crate) log: Vec<LogLine>,
    pub(crate) counts: Counts,
}

/// Lines of standard error or error log told with a trap.
const SAID_LINES: usize = 20;

/// Puts verdict, record and figures together. `findings`: those in an output that is not kept.
pub(crate) fn outcome<T>(
    plugin: &Plugin,
    ended: Ended,
    recorded: Recorded<T>,
    stats: Stats,
    findings: impl FnOnce(T) -> Vec<Diagnostic>,
) -> Outcome<T> {
    let Recorded {
        output,
        trace,
        log,
        counts,
    } = recorded;
    let stats = Stats {
        instantiate: ended.instantiate,
        asks: counts.asks,
        read_bytes: counts.read_bytes,
        peak_memory: ended.peak_memory,
        output_bytes: counts.output_bytes,
        dropped_log_lines: ended.dropped_log_lines,
        dropped_diagnostics: ended.dropped_diagnostics + counts.dropped_diagnostics,
        ..stats
    };
    let (name, export) = (plugin.reference.clone(), export_of(plugin.manifest.world));
    let error = match ended.verdict {
        Verdict::Ok => {
            return Outcome {
                result: Ok(output),
                reported: Vec::new(),
                trace,
                log,
                stats,
            };
        }
        Verdict::Failed(failure) => CallError::Failed {
            plugin: name,
            export,
            failure,
        },
        Verdict::Trapped {
            budget,
            message,
            backtrace,
        } => {
            tracing::debug!(plugin = %name, backtrace, "trap");
            let trap = trap(budget, message, backtrace, &log);
            CallError::Trapped {
                plugin: name,
                export,
                trap,
            }
        }
        Verdict::Host(source) => CallError::Host {
            plugin: name,
            export,
            source,
        },
    };
    Outcome {
        result: Err(error),
        reported: findings(output),
        trace,
        log,
        stats,
    }
}

/// A Go runtime that gives up says why on its standard error, which arrives as error lines of the log.
fn trap(budget: Option<Budget>, message: String, backtrace: String, log: &[LogLine]) -> Trap {
    let errors: Vec<_> = log.iter().filter(|line| line.level == Level::Error).collect();
    let first = errors
        .iter()
        .rposition(|line| line.message.starts_with("fatal error:") || line.message.starts_with("panic:"));
    let said = match first {
        // The runtime writes a sentence piece by piece, and says itself where a line ends.
        Some(first) => lines(
            &errors[first..]
                .iter()
                .map(|line| line.message.as_str())
                .collect::<String>(),
        ),
        None => {
            let last = errors.len().saturating_sub(SAID_LINES);
            errors[last..].iter().map(|line| line.message.clone()).collect()
        }
    };
    Trap {
        budget,
        message,
        said,
        backtrace,
    }
}

fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines.take(SAID_LINES).map(str::to_owned).collect()
}
