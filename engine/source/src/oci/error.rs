//! Why a registry doesn't give, or take, an artifact.

use std::{error::Error as StdError, io, time::Duration};

use windlass_core::{digest::Digest, oci::Reference};

/// What went wrong. Says no secret, and nothing that a registry says but its error codes.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// There is no URL for it.
    #[error("registry `{registry}` can't be asked: {reason}")]
    Url {
        /// Its host.
        registry: String,
        /// Why.
        reason: String,
    },
    /// Authorities can't be used.
    #[error(transparent)]
    Trust(Box<crate::Error>),
    /// Credentials can't be used.
    #[error("the credentials for registry `{registry}` can't be used: {reason}")]
    Credentials {
        /// Its host.
        registry: String,
        /// Why; what to do.
        reason: String,
    },
    /// No connection, or one that broke.
    #[error("registry `{registry}` can't be reached")]
    Unreachable {
        /// Its host.
        registry: String,
        /// Why.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// It took too long.
    #[error("registry `{registry}`: {what} took longer than {} s", limit.as_secs())]
    Late {
        /// Its host.
        registry: String,
        /// What.
        what: &'static str,
        /// How long it may take.
        limit: Duration,
    },
    /// It wants to know who asks.
    #[error("registry `{}` does not let us in to `{}`: {}", reference.registry, reference.repository,
        if *given { "it refuses the credentials of `registry.authFile`" }
        else { "`registry.authFile` has no credentials for it" })]
    Unauthenticated {
        /// What was asked for.
        reference: Reference,
        /// Whether there were credentials.
        given: bool,
    },
    /// It knows who asks.
    #[error("registry `{}` does not allow it in `{}`", reference.registry, reference.repository)]
    Forbidden {
        /// What was asked for.
        reference: Reference,
    },
    /// It isn't there.
    #[error("registry `{}` has not {what} in `{reference}`", reference.registry)]
    Missing {
        /// What was asked for.
        reference: Reference,
        /// What isn't there.
        what: &'static str,
    },
    /// An answer that is none.
    #[error("registry `{}` does not give `{reference}`: {reason}", reference.registry)]
    Refused {
        /// What was asked for.
        reference: Reference,
        /// Why.
        reason: String,
    },
    /// More than is read.
    #[error("`{reference}`: {what} has more than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        reference: Reference,
        /// What of it.
        what: &'static str,
        /// Bytes that are read.
        limit: u64,
    },
    /// The artifact is not what is wanted.
    #[error("`{reference}`: {reason}")]
    Artifact {
        /// What was asked for.
        reference: Reference,
        /// Why.
        reason: String,
    },
    /// The registry gave something else than it was asked for.
    #[error("`{reference}`: what came has digest {found}, asked for was {expected}")]
    Digest {
        /// What was asked for.
        reference: Reference,
        /// Of what came.
        found: Digest,
        /// Of what was asked for.
        expected: Digest,
    },
    /// The disk says no.
    #[error("it can't be written")]
    Write(#[source] io::Error),
}
