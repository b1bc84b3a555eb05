//! Three kinds of failure, kept apart to the user's screen: the plugin's answer, a trap or limit, the host.

mod budget;
mod load;

use std::{fmt, time::Duration};

use windlass_core::{digest::Digest, render::Failure, tree::TreeError};

pub use budget::{Budget, BudgetKind};
pub use load::LoadError;

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The input: chart, values, manifest.
    User,
    /// The plugin's author, or the operator who set its budgets.
    Plugin,
    /// Windlass, its machine or its operator.
    Engine,
}

/// Name and digest of a plugin; written `helm@1a2b3c4d5e6f`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginRef {
    /// From its manifest.
    pub name: String,
    /// Of its component.
    pub digest: Digest,
}

impl fmt::Display for PluginRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.digest.short())
    }
}

/// Why a call has no output.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The plugin said so.
    #[error("plugin {plugin}, {export}: {}", describe(failure))]
    Failed {
        /// Which.
        plugin: PluginRef,
        /// Which of its functions.
        export: &'static str,
        /// What it said.
        failure: Failure,
    },
    /// It was ended: it crashed, or used more than it may.
    #[error("plugin {plugin}, {export}: {trap}")]
    Trapped {
        /// Which.
        plugin: PluginRef,
        /// Which of its functions.
        export: &'static str,
        /// How.
        trap: Trap,
    },
    /// The host could not serve it.
    #[error("plugin {plugin}, {export}: the host ended the call")]
    Host {
        /// Which.
        plugin: PluginRef,
        /// Which of its functions.
        export: &'static str,
        /// Why.
        #[source]
        source: HostFailure,
    },
}

impl CallError {
    /// Who has to act.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Failed {
                failure: Failure::Invalid(_) | Failure::Unsupported(_),
                ..
            } => Blame::User,
            Self::Failed { .. } | Self::Trapped { .. } => Blame::Plugin,
            Self::Host { source, .. } => source.blame(),
        }
    }

    /// Whether the same call may end differently later. What a pure plugin says, it will say again.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Failed { .. } => false,
            Self::Trapped { trap, .. } => matches!(
                trap.budget,
                Some(Budget {
                    kind: BudgetKind::Time,
                    ..
                })
            ),
            Self::Host { source, .. } => matches!(source.blame(), Blame::Engine),
        }
    }
}

fn describe(failure: &Failure) -> String {
    match failure {
        Failure::Invalid(diagnostics) => {
            let first = diagnostics
                .first()
                .map_or("the input is invalid", |d| d.message.as_str());
            match diagnostics.len() {
                0 | 1 => first.to_owned(),
                n => format!("{first} (and {} more)", n - 1),
            }
        }
        Failure::Unsupported(message) => format!("not supported: {message}"),
        Failure::Internal(message) => format!("internal error of the plugin: {message}"),
        Failure::Other { code, message } => format!("{message} ({code})"),
    }
}

/// How a guest was ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trap {
    /// The budget that was used up, if that is the cause.
    pub budget: Option<Budget>,
    /// The runtime's words.
    pub message: String,
    /// The last lines the plugin wrote to its standard error or logged as errors, oldest first.
    pub said: Vec<String>,
    /// For a debug log.
    pub backtrace: String,
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.budget {
            Some(budget) => write!(f, "{budget}")?,
            None if self.said.is_empty() => write!(f, "crashed: {}", self.message)?,
            None => f.write_str("crashed")?,
        }
        match self.said.first() {
            Some(line) => write!(f, "; it said: {line}"),
            None => Ok(()),
        }
    }
}

/// What the host could not do.
#[derive(Debug, thiserror::Error)]
pub enum HostFailure {
    /// A file that can't be handed to a plugin, or a store that failed.
    #[error("a file can't be given to the plugin")]
    Tree {
        /// Which and why.
        #[source]
        source: TreeError,
    },
    /// The worker process ended by itself or was killed from outside.
    #[error("the worker process ended in the middle of the call: {how}{}", after(.stderr))]
    WorkerDied {
        /// Exit code or signal, in words.
        how: String,
        /// The signal that ended it.
        signal: Option<i32>,
        /// The end of its standard error.
        stderr: String,
    },
    /// The worker sent what no worker of ours sends. It was killed.
    #[error("the worker process broke the protocol and was killed: {what}")]
    Protocol {
        /// What it sent.
        what: String,
    },
    /// The worker did not end the call in time. It was killed.
    #[error("the worker process did not answer within {} s and was killed", .after.as_secs())]
    Unresponsive {
        /// Deadline and grace.
        after: Duration,
    },
    /// A question of the guest was still being answered when the call's time was over. Nothing more is waited for.
    #[error("{what} took longer than the {} s the call had: the repository's store does not answer", .after.as_secs())]
    Stalled {
        /// Which question, with its path.
        what: String,
        /// Since the call began.
        after: Duration,
    },
    /// Too many calls wait for a store that does not answer.
    #[error("{calls} earlier calls still wait for a store that does not answer: look at the disk of the mirrors")]
    Stuck {
        /// How many.
        calls: usize,
    },
    /// No worker could be started.
    #[error("no worker process can be started: {what}")]
    Spawn {
        /// In which step.
        what: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The worker can't use the compiled plugin.
    #[error("the compiled plugin can't be used: {message}")]
    Artefact {
        /// Why.
        message: String,
    },
    /// The caller gave up.
    #[error("the call was cancelled")]
    Cancelled,
    /// The guest used the host in a way that has no answer.
    #[error("the plugin misused the host: {what}")]
    Misuse {
        /// What it did.
        what: String,
    },
    /// The request itself is beyond the contract's bounds.
    #[error("the request can't be given to the plugin: {what}")]
    Request {
        /// What is wrong.
        what: String,
    },
    /// A defect of Windlass.
    #[error("internal error of the plugin host: {message}")]
    Internal {
        /// What happened.
        message: String,
    },
}

/// What Rust's allocator says before it aborts.
const OUT_OF_MEMORY: &str = "memory allocation of ";

impl HostFailure {
    /// Whether a worker ended because it wanted more memory than its limits leave.
    pub(crate) fn is_out_of_memory(&self) -> bool {
        matches!(self, Self::WorkerDied { signal: Some(libc::SIGABRT), stderr, .. } if stderr.contains(OUT_OF_MEMORY))
    }

    /// Who has to act.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Tree {
                source: TreeError::LfsPointer { .. } | TreeError::Submodule { .. },
            }
            | Self::Request { .. } => Blame::User,
            Self::Misuse { .. } => Blame::Plugin,
            _ => Blame::Engine,
        }
    }
}

fn after(stderr: &str) -> String {
    let last = stderr.lines().rev().find(|line| !line.trim().is_empty());
    last.map_or_else(String::new, |line| format!("; it said: {}", line.trim()))
}
