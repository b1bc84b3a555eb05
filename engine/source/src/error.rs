//! Why a repository gives no revision.

use std::{path::PathBuf, time::Duration};

use crate::{
    revision::{Reference, ReferenceError},
    signature::Flaw,
};

/// A cause further down.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a repository gives no revision. No variant carries a secret: URLs with credentials in them are refused at the door.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A URL that can't be used as it is.
    #[error("`{url}` can't be used as a repository: {reason}")]
    Url {
        /// Without user and password.
        url: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A thing that Windlass does not do yet.
    #[error("`{url}`: {feature} is not supported yet: use an https://, ssh:// or file:// URL")]
    Unsupported {
        /// Without user and password.
        url: String,
        /// What.
        feature: &'static str,
    },
    /// Credentials or certificates that can't be used.
    #[error("the {what} for `{url}` can't be used: {reason}")]
    Credentials {
        /// The repository.
        url: String,
        /// Which.
        what: &'static str,
        /// Why; never the secret itself.
        reason: &'static str,
    },
    /// A reference with an impossible name.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// Nothing there, or not for these credentials: forges don't tell.
    #[error("there is no repository at `{url}`, or these credentials may not see it")]
    NotFound {
        /// The repository.
        url: String,
    },
    /// 401, or a repository of another owner's on this machine.
    #[error("`{url}` {}", if *.given { "does not accept the credentials given" } else { "asks for credentials, and none are given" })]
    Unauthenticated {
        /// The repository.
        url: String,
        /// Credentials were sent.
        given: bool,
    },
    /// 403.
    #[error("`{url}` forbids reading with these credentials")]
    Forbidden {
        /// The repository.
        url: String,
    },
    /// No answer at all: name, address, port, refused connection.
    #[error("`{url}` can't be reached")]
    Unreachable {
        /// The repository.
        url: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The server's certificate is not trusted, or TLS failed otherwise.
    #[error("no trusted TLS connection to `{url}`: check the server's certificate and the CA given for it")]
    Tls {
        /// The repository.
        url: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The server wants a client certificate, or another one.
    #[error("`{url}` {}", if *.given { "does not accept the client certificate given" } else { "asks for a client certificate, and none is given" })]
    ClientCertificate {
        /// The repository.
        url: String,
        /// One was shown.
        given: bool,
        /// What the server said.
        #[source]
        source: Cause,
    },
    /// The ssh server is not one of the known hosts.
    #[error("`{url}`: {}", if *.changed { "the server shows another host key than the known one: somebody may listen in, or the server was set up anew; compare, then change the known hosts" } else { "the server's host key is not among the known hosts: compare what `ssh-keyscan` prints with what its operator says, then add it" })]
    HostKey {
        /// The repository.
        url: String,
        /// The host is known, by another key.
        changed: bool,
    },
    /// The proxy on the way does not let us through.
    #[error("the proxy `{proxy}` on the way to `{url}` {reason}")]
    Proxy {
        /// The repository.
        url: String,
        /// The proxy, without user and password.
        proxy: String,
        /// What it does.
        reason: &'static str,
        /// It may do better a little later.
        transient: bool,
        /// Why.
        #[source]
        source: Cause,
    },
    /// Some time budget ran out.
    #[error("`{url}`: gave up after {after:?} of {budget}")]
    Timeout {
        /// The repository.
        url: String,
        /// Which budget.
        budget: &'static str,
        /// How much it was.
        after: Duration,
    },
    /// More bytes than one fetch may bring.
    #[error("`{url}` sends more than {limit} bytes for one commit")]
    TooLarge {
        /// The repository.
        url: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// More bytes than may be on the disk.
    #[error(
        "`{url}` needs more space: {of} may take {quota} bytes on disk; raise `maxSize` or `--max-mirrors`, or make the repository smaller"
    )]
    Quota {
        /// The repository.
        url: String,
        /// What the quota is for.
        of: &'static str,
        /// In bytes.
        quota: u64,
    },
    /// The disk is full. What was fetched before stays.
    #[error("the disk is full at `{}`: free some space; what was fetched before stays in use", .path.display())]
    DiskFull {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The caller stopped it.
    #[error("fetching `{url}` was cancelled")]
    Cancelled {
        /// The repository.
        url: String,
    },
    /// The connection broke before the end.
    #[error("the transfer from `{url}` broke off")]
    Broken {
        /// The repository.
        url: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The server is there but does not do it: an HTTP status, or a message of git's own.
    #[error("`{url}` refused: {message}")]
    Refused {
        /// The repository.
        url: String,
        /// What it said, at most a line.
        message: String,
        /// The server said it is its own trouble (5xx).
        transient: bool,
    },
    /// The server asks to be left alone for a while: HTTP status 429, or another one with `Retry-After`.
    #[error("`{url}` asks to be left alone for a while (HTTP status {status})")]
    Throttled {
        /// The repository.
        url: String,
        /// What it answered with.
        status: u16,
        /// For how long, if it said so.
        wait: Option<Duration>,
    },
    /// The server points elsewhere, and credentials or safety keep from going there.
    #[error("`{url}` redirects to `{to}`, which is another host: use that URL if you trust it")]
    Redirected {
        /// The repository.
        url: String,
        /// Where to, without user and password.
        to: String,
    },
    /// What answers is no git server, or sends nonsense.
    #[error("`{url}` does not answer as a git server")]
    Protocol {
        /// The repository.
        url: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// No such branch or tag.
    #[error("`{url}` has no {reference}{}", suggestions(.exist))]
    ReferenceMissing {
        /// The repository.
        url: String,
        /// Which.
        reference: Reference,
        /// A few that exist, full names.
        exist: Vec<String>,
    },
    /// No tag with a version in the range.
    #[error("`{url}` has no tag with a version in `{range}`{}", suggestions(.exist))]
    NoVersion {
        /// The repository.
        url: String,
        /// Which.
        range: String,
        /// The newest versions that exist.
        exist: Vec<String>,
    },
    /// A branch moved to a commit that does not descend from the one before, and that is to be held.
    #[error(
        "{reference} of `{url}` was {} from {from} to {to}: held, as `git.onForcedPush` says",
        if *.certain { "pushed with force" } else { "moved, maybe with force (whether the new commit descends can't be told)," }
    )]
    ForcedPush {
        /// The repository.
        url: String,
        /// Which.
        reference: Reference,
        /// Where it pointed before.
        from: windlass_core::oid::Oid,
        /// Where it points now.
        to: windlass_core::oid::Oid,
        /// It is known that the new commit does not descend from the old one.
        certain: bool,
    },
    /// What was found is not signed as it has to be.
    #[error("{object} of `{url}` {flaw}")]
    Signature {
        /// The repository.
        url: String,
        /// The commit or the tag.
        object: String,
        /// What is wrong, with the key's id.
        flaw: Flaw,
    },
    /// The server does not give this commit.
    #[error(
        "`{url}` does not give commit {commit}: it does not exist there, or the server only gives the tips of branches and tags"
    )]
    CommitMissing {
        /// The repository.
        url: String,
        /// Which.
        commit: windlass_core::oid::Oid,
        /// What the server said.
        #[source]
        source: Option<Cause>,
    },
    /// A reference to something else than a commit.
    #[error("{reference} of `{url}` is a {kind}, not a commit")]
    NotACommit {
        /// The repository.
        url: String,
        /// Which.
        reference: Reference,
        /// What it is.
        kind: String,
    },
    /// A repository without a commit.
    #[error("`{url}` is empty: push a first commit")]
    Empty {
        /// The repository.
        url: String,
    },
    /// The reference moved during each of some attempts.
    #[error("{reference} of `{url}` kept moving while it was fetched")]
    Moving {
        /// The repository.
        url: String,
        /// Which.
        reference: Reference,
    },
    /// What was fetched can't be read back; the mirror is fetched afresh next time.
    #[error("the mirror of `{url}` is damaged at {object}; it is fetched afresh next time")]
    Corrupt {
        /// The repository.
        url: String,
        /// Which object.
        object: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The mirror folder can't be used.
    #[error("the mirror folder `{}` can't be used", .path.display())]
    Disk {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The mirror folder was written by a newer Windlass.
    #[error("the mirror folder `{}` has format {found}, this Windlass knows {known}: use a newer Windlass or another folder", .path.display())]
    Format {
        /// Where.
        path: PathBuf,
        /// As found.
        found: String,
        /// What this version writes.
        known: u32,
    },
    /// `git` is needed for file:// URLs, `ssh` for ssh:// ones.
    #[error("`{url}`: the program `{program}` is needed to read it, and it can't be run")]
    ProgramMissing {
        /// The repository.
        url: String,
        /// Which.
        program: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// Whether the same question may get an answer a little later without anybody changing anything.
    #[must_use]
    pub const fn retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Broken { .. }
            | Self::Throttled { .. }
            | Self::Moving { .. }
            | Self::Corrupt { .. }
            | Self::DiskFull { .. }
            | Self::Disk { .. } => true,
            Self::Refused { transient, .. } | Self::Proxy { transient, .. } => *transient,
            _ => false,
        }
    }

    /// Says where, when the disk is full: whoever notices knows the file system's answer only.
    pub(crate) fn at(self, dir: &std::path::Path) -> Self {
        match self {
            Self::DiskFull { source, .. } => Self::DiskFull {
                path: dir.to_owned(),
                source,
            },
            other => other,
        }
    }

    pub(crate) fn disk(path: impl Into<PathBuf>, source: impl Into<Cause>) -> Self {
        let (path, source) = (path.into(), source.into());
        if is_full(source.as_ref()) {
            return Self::DiskFull { path, source };
        }
        Self::Disk { path, source }
    }
}

/// Whether a failure, or one behind it, says that there is no space.
pub(crate) fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    use std::io::ErrorKind as Kind;
    let full = [Kind::StorageFull, Kind::QuotaExceeded, Kind::FileTooLarge];
    let mut next = Some(error);
    while let Some(error) = next {
        if error
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| full.contains(&io.kind()))
        {
            return true;
        }
        next = error.source();
    }
    false
}

fn suggestions(exist: &[String]) -> String {
    match exist {
        [] => String::new(),
        some => format!("; it has {}", some.join(", ")),
    }
}
