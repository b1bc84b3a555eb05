//! Why there is no answer.

use std::{sync::Arc, time::Duration};

use crate::{identity::IdentityError, status::Status};

/// Why there is no answer below 400.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The API server, or something before it, said no.
    #[error("the API server answered {}: {}", .status.code, if .status.message.is_empty() { "nothing more" } else { &.status.message })]
    Refused {
        /// What it said.
        status: Box<Status>,
        /// It asked to come back after that time.
        retry_after: Option<Duration>,
    },
    /// No connection, or it broke before an answer was read.
    #[error("no answer from `{server}` ({tries} {})", if *.tries == 1 { "try" } else { "tries" })]
    Unreachable {
        /// Its URL.
        server: String,
        /// How often it was tried.
        tries: u32,
        /// Why.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// A time budget ran out.
    #[error("no answer from `{server}` within {after:?}")]
    Timeout {
        /// Its URL.
        server: String,
        /// The budget.
        after: Duration,
    },
    /// It was not sent: this process may write no more.
    #[error("this replica's Lease ran out, so that others may act in its place: nothing more is written by it")]
    Fenced,
    /// A larger answer than is read.
    #[error("`{server}` answers with more than {limit} bytes")]
    TooLarge {
        /// Its URL.
        server: String,
        /// The limit.
        limit: usize,
    },
    /// An answer that is none of Kubernetes.
    #[error("the answer is no Kubernetes object")]
    NotJson {
        /// Why.
        #[source]
        source: Arc<serde_json::Error>,
    },
    /// The credential of the connection could not be had: an exec plugin failed, a token file is gone.
    #[error("the credential for `{server}` can't be had")]
    Credential {
        /// Its URL.
        server: String,
        /// Why.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// Nobody to act as.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl CallError {
    /// What the server said, when it said something.
    #[must_use]
    pub const fn status(&self) -> Option<&Status> {
        match self {
            Self::Refused { status, .. } => Some(status),
            _ => None,
        }
    }

    /// HTTP status of the refusal.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        self.status().map(|status| status.code)
    }

    /// Whether it may go away by itself: the same request later can succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused { status, .. } => matches!(status.code, 429 | 500 | 502 | 503 | 504),
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Credential { .. } | Self::Fenced => true,
            Self::TooLarge { .. } | Self::NotJson { .. } | Self::Identity(_) => false,
        }
    }

    /// Without words that may quote a value of a Secret.
    #[must_use]
    pub fn without_words(self) -> Self {
        match self {
            Self::Refused { status, retry_after } => Self::Refused {
                status: Box::new(status.without_words()),
                retry_after,
            },
            other => other,
        }
    }
}
