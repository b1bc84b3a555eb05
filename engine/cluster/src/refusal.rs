//! Why an object was not written or deleted: what the API server said, read into what somebody can do about it.
//!
//! An API server has few reasons and many sentences. What is told apart only by its words is told apart here, once, by
//! phrases of Kubernetes 1.30 to 1.37; a phrase that is not known leaves [`Refusal::Other`] with the words as they are.

mod fields;
mod forbidden;
mod read;

use std::fmt;

use windlass_core::immutable::Recreation;

use crate::{call::CallError, discovery::KindError, status::Status};

pub use fields::pointer_of;
pub use forbidden::Denied;
pub(crate) use read::{About, read};

/// A field that the API server names as wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldCause {
    /// JSON pointer into the object as it was sent; as deep as the object goes, "" for the whole.
    pub pointer: String,
    /// As the API server names it.
    pub field: String,
    /// In its words; left out for Secrets.
    pub message: String,
}

impl fmt::Display for FieldCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.field.is_empty(), self.message.is_empty()) {
            (true, true) => f.write_str("it is refused"),
            (true, false) => f.write_str(&self.message),
            (false, true) => write!(f, "`{}` is refused", self.field),
            (false, false) => write!(f, "`{}`: {}", self.field, self.message),
        }
    }
}

/// What is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terminating {
    /// The object itself: it waits for its finalizers.
    Object,
    /// Its namespace.
    Namespace,
    /// The definition of its kind.
    Definition,
}

/// Why an object was not written or deleted.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// RBAC says no.
    #[error("{0}")]
    Forbidden(Denied),
    /// Another rule says no: a quota, Pod Security, an admission plugin.
    #[error("refused by the cluster's policy: {message}")]
    Policy {
        /// In the API server's words.
        message: String,
    },
    /// Lock mode says no: the engine doesn't show who it is, or is another one.
    #[error(
        "the cluster is locked for this engine: `spec.lock` of its Cluster must say what the policy was made of, or `windlass lock remove` takes \
         the policy away{}",
        colon(.message)
    )]
    Locked {
        /// In the API server's words; left out for Secrets.
        message: String,
    },
    /// The namespace isn't there.
    #[error("there is no namespace `{namespace}`: create it, or put it into the app")]
    NoNamespace {
        /// Which.
        namespace: String,
    },
    /// The kind isn't served, or can't be told.
    #[error(transparent)]
    Kind(#[from] KindError),
    /// The object is not there (any more).
    #[error("it is not there any more")]
    Gone,
    /// Fields are wrong.
    #[error("{}", invalid(.causes, .message))]
    Invalid {
        /// One a field; may be empty.
        causes: Vec<FieldCause>,
        /// In the API server's words, for when there are no causes.
        message: String,
    },
    /// A field can't be changed while the object lives: it would have to be made anew.
    #[error("it can't be changed in place, only deleted and made anew: {}", invalid(.causes, ""))]
    Immutable {
        /// What making it anew would take, for whoever decides.
        recreation: Recreation,
        /// One a field.
        causes: Vec<FieldCause>,
    },
    /// It changed since it was looked at, or is another object of the same name by now.
    #[error("it changed in the meantime")]
    Changed {
        /// Another UID: deleted and created again by somebody.
        replaced: bool,
    },
    /// Another app has it, or took it a moment ago: its mark is contested.
    #[error("it belongs to `{manager}`, which is another app's field manager")]
    Claimed {
        /// Who set the mark that is there.
        manager: String,
    },
    /// The policy says that it is not to be taken over.
    #[error(transparent)]
    NotAdopted(#[from] windlass_core::adopt::Refusal),
    /// A conflict that can't be read cause by cause, so that nothing may be decided.
    #[error("another manager has fields of it, but which can't be told: {message}")]
    Conflict {
        /// In the API server's words; left out for Secrets.
        message: String,
    },
    /// It or what it depends on is being deleted.
    #[error("{}", terminating(*.what))]
    Terminating {
        /// Which of them.
        what: Terminating,
    },
    /// An admission webhook said no.
    #[error("the admission webhook `{webhook}` denies it{}", colon(.message))]
    WebhookDenied {
        /// Its name in its configuration.
        webhook: String,
        /// In its words; left out for Secrets.
        message: String,
    },
    /// A webhook that must be asked can't be.
    #[error(
        "the webhook `{webhook}` can't be asked, and the API server takes nothing without it: see whether the pods behind it run{}",
        colon(.message)
    )]
    WebhookUnreachable {
        /// Its name in its configuration.
        webhook: String,
        /// Why, in the API server's words; left out for Secrets.
        message: String,
    },
    /// More than the API server or etcd takes.
    #[error("it is too large for the API server ({bytes} bytes as sent; at most some 1.5 MB are kept): split it")]
    TooLarge {
        /// As sent.
        bytes: usize,
    },
    /// Anything else that the API server says.
    #[error("the API server answers {}: {}", .0.code, if .0.message.is_empty() { "nothing more" } else { &.0.message })]
    Other(Box<Status>),
    /// The API server gave no answer, or none yet.
    #[error(transparent)]
    Call(CallError),
}

impl Refusal {
    /// Whether the same request later may succeed without anybody changing git.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Kind(error) => error.is_transient(),
            Self::Call(error) => error.is_transient(),
            Self::Changed { .. } | Self::Terminating { .. } | Self::WebhookUnreachable { .. } | Self::Gone => true,
            Self::Other(status) => status.code >= 500,
            Self::Forbidden(_)
            | Self::Policy { .. }
            | Self::Locked { .. }
            | Self::NoNamespace { .. }
            | Self::Immutable { .. }
            | Self::Claimed { .. }
            | Self::NotAdopted(_)
            | Self::Conflict { .. }
            | Self::Invalid { .. }
            | Self::WebhookDenied { .. }
            | Self::TooLarge { .. } => false,
        }
    }

    /// Fields at fault, for file and line.
    #[must_use]
    pub fn causes(&self) -> &[FieldCause] {
        match self {
            Self::Invalid { causes, .. } | Self::Immutable { causes, .. } => causes,
            _ => &[],
        }
    }
}

fn colon(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}

fn invalid(causes: &[FieldCause], message: &str) -> String {
    if causes.is_empty() {
        return if message.is_empty() {
            "it is refused".to_owned()
        } else {
            message.to_owned()
        };
    }
    let causes: Vec<_> = causes.iter().map(ToString::to_string).collect();
    causes.join("; ")
}

const fn terminating(what: Terminating) -> &'static str {
    match what {
        Terminating::Object => "it is being deleted and waits for its finalizers",
        Terminating::Namespace => "its namespace is being deleted",
        Terminating::Definition => "the CustomResourceDefinition of its kind is being deleted",
    }
}

#[cfg(test)]
mod tests;
