//! What engine and worker say to each other. The worker knows nothing but this.

mod http;

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, de::Error as _, ser::Error as _};
use windlass_core::{
    digest::Digest,
    health,
    plugin::World,
    render::{AppNames, Diagnostic, Failure, FileAt, Format, Instant, Mapping},
    tree::{Entry, Node, Page, Refusal},
};

pub use http::{Encoding, HttpError, HttpHead, HttpRequest, Signing, Substitution};

use crate::{error::Budget, limits::CallLimits, sandbox::Walls};

/// The first frame of the engine. Descriptors follow it, in order.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Start {
    /// Run calls. One descriptor per artefact.
    Run {
        /// Digests and worlds of the components whose artefacts follow.
        artefacts: Vec<(Digest, World)>,
        /// Bytes of private writable memory.
        memory: u64,
    },
    /// Compile the component in the body into the descriptor that follows, then end.
    Compile {
        /// Bytes of private writable memory.
        memory: u64,
        /// Time of the processor, over all threads.
        processor_seconds: u64,
        /// Bytes of compiled code.
        artefact_bytes: u64,
    },
}

/// The worker's first frame: it stands behind its walls now.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ready {
    pub(crate) walls: Walls,
    /// Per artefact, why it can't be used.
    pub(crate) refused: Vec<Option<String>>,
}

/// The worker's only frame after [`Ready`] when it compiles.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Compiled {
    Written {
        bytes: u64,
    },
    /// The component is at fault.
    Invalid {
        message: String,
    },
    /// The component makes the compiler panic.
    Panicked {
        message: String,
    },
    /// The machine is at fault.
    Failed {
        message: String,
    },
}

/// Begins a call.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) component: Digest,
    pub(crate) limits: CallLimits,
}

/// From the engine during a call.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// Bytes of a file stand in the body.
    Answer(Answer),
    /// The call is over; the engine knows why.
    End,
}

/// From the worker during a call.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Message {
    /// Waits for a [`Reply`].
    Ask(Ask),
    /// Waits for nothing. A document's content stands in the body.
    Tell(Tell),
    /// The last frame of the call.
    Done(Done),
}

/// The sets of objects that requests have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SetName {
    /// `rendering.request.input`: output of the previous step.
    Input,
    /// `checking.request.objects`: what is to be checked.
    Objects,
    /// `checking.request.previous`: what was there before.
    Previous,
}

/// A question of the guest. Every host function that answers is served by one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// `tree.stat`
    Stat {
        /// Label of the tree.
        tree: String,
        /// In the tree.
        path: String,
    },
    /// `tree.canonical`
    Canonical {
        /// Label of the tree.
        tree: String,
        /// In the tree.
        path: String,
    },
    /// `tree.read`
    Read {
        /// Label of the tree.
        tree: String,
        /// In the tree.
        path: String,
        /// First byte.
        offset: u64,
        /// Bytes at most.
        max: u32,
    },
    /// `tree.list`
    List {
        /// Label of the tree.
        tree: String,
        /// In the tree.
        path: String,
        /// Names after this one.
        after: String,
        /// Entries at most.
        max: u32,
    },
    /// `tree.glob`
    Glob {
        /// Label of the tree.
        tree: String,
        /// Folder searched.
        base: String,
        /// The pattern.
        pattern: String,
        /// Paths after this one.
        after: String,
        /// Paths at most.
        max: u32,
    },
    /// `tree.digest`
    Digest {
        /// Label of the tree.
        tree: String,
        /// In the tree.
        path: String,
    },
    /// `request.source`
    Source {
        /// Its name.
        name: String,
    },
    /// `request.path`
    Path,
    /// `request.config`
    Config,
    /// `request.app`
    App,
    /// `request.now`
    Now,
    /// `request.kube-version`
    KubeVersion,
    /// `request.has-api`
    HasApi {
        /// `v1`, `apps/v1` or `apps/v1/Deployment`.
        name: String,
    },
    /// `request.apis`
    Apis,
    /// Whether the request has a set of objects, and `object-set.len`
    Set {
        /// Which.
        set: SetName,
    },
    /// `object-set.heads`
    Heads {
        /// Of which set.
        set: SetName,
        /// First index.
        start: u32,
        /// Heads at most.
        max: u32,
    },
    /// `object-set.select`
    Select {
        /// In which set.
        set: SetName,
        /// "" = any.
        group: String,
        /// "" = any.
        kind: String,
    },
    /// `object-set.bodies`
    Bodies {
        /// Of which set.
        set: SetName,
        /// First index.
        start: u32,
        /// Bytes at most, but one body at least.
        max_bytes: u32,
    },
    /// `object-set.body`
    Body {
        /// In which set.
        set: SetName,
        /// Which.
        index: u32,
    },
    /// `object-set.field`
    Field {
        /// In which set.
        set: SetName,
        /// Which.
        index: u32,
        /// JSON pointer.
        at: String,
    },
    /// `entropy.next` and `entropy.fork`: the next words of the stream, restarted under a label first if there is one.
    Entropy {
        /// Label of the stream to restart.
        fork: Option<String>,
    },
    /// `event.key`, `kind`, `at` and `attempt`
    Event,
    /// `event.payload`
    Payload,
    /// `http.send`
    Send {
        /// What is to be sent, with placeholders for secrets.
        request: HttpRequest,
    },
}

/// An event without its payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventHead {
    /// Idempotency key.
    pub key: String,
    /// What it is about.
    pub kind: String,
    /// When it was noticed.
    pub at: Instant,
    /// From 1.
    pub attempt: u32,
}

/// What a notifier came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notified {
    /// The receiver has it; its id of the message, if it gave one.
    Delivered(Option<String>),
    /// It may work later: after so long, or when the caller thinks fit. The log says why.
    Retry(Option<Duration>),
    /// It never will.
    Rejected(String),
    /// The plugin can't do what is asked.
    Unsupported(String),
    /// The open case.
    Other {
        /// Kebab-case.
        code: String,
        /// One sentence.
        message: String,
    },
}

/// What a health checker says of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// Where it stands and why.
    pub verdict: health::Verdict,
    /// JSON pointer to what says so in the object.
    pub at: Option<String>,
}

/// The answer to an [`Ask`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// To `Stat`.
    Node(Node),
    /// To `Canonical`, `Digest`, `Path`, `Config`, `KubeVersion`, `Body`, `Payload`.
    Text(String),
    /// To `Read`; the bytes travel beside it.
    Bytes,
    /// To `List`.
    Entries(Page<Entry>),
    /// To `Glob`.
    Paths(Page<String>),
    /// To `Source`, `HasApi`.
    Flag(bool),
    /// To `App`.
    App(AppNames),
    /// To `Now`.
    Instant(Instant),
    /// To `Apis`, `Bodies`.
    Texts(Vec<String>),
    /// To `Set`: how many objects.
    Count(Option<u32>),
    /// To `Heads`.
    Heads(Vec<ObjectHead>),
    /// To `Select`.
    Indexes(Vec<u32>),
    /// To `Field`.
    Field(Option<String>),
    /// To `Entropy`.
    Words(Vec<u64>),
    /// A typed answer too: the guest may go on.
    Refused(Refusal),
    /// To `Event`.
    Event(EventHead),
    /// To `Send`; the body travels beside it.
    Sent(HttpHead),
    /// To `Send`.
    Unsent(HttpError),
}

/// Identity of an object as the contract has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectHead {
    /// "" for the core group.
    pub group: String,
    /// Without the group.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// "" for cluster-scoped or not said.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// What a guest tells and gets no answer to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tell {
    /// `sink.emit`; the content travels beside it.
    Emit(Json<DocumentHead>),
    /// `sink.report` and `findings.report`
    Report(Json<Diagnostic>),
    /// `log.write`
    Log(LogLine),
    /// What `notify.notify` returned.
    Notified(Notified),
    /// What `health.assess` returned of the next object.
    Assessed(Json<Assessment>),
}

/// A document without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentHead {
    /// Syntax.
    pub format: Format,
    /// The file it comes from.
    pub origin: Option<FileAt>,
    /// Line by line, where known.
    pub lines: Vec<Mapping>,
    /// Open set.
    pub attributes: Vec<(String, String)>,
}

/// How bad a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// For the plugin's author.
    Debug,
    /// For the curious.
    Info,
    /// For the user.
    Warn,
    /// Before a failure. The standard error of a Go plugin arrives here.
    Error,
}

/// A line of a plugin's log. Texts come from plugins: strip control characters before a terminal sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// How bad.
    pub level: Level,
    /// One sentence.
    pub message: String,
    /// Beside it.
    pub fields: Vec<(String, String)>,
}

/// How a call ended, as the worker saw it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) end: End,
    pub(crate) instantiate: Duration,
    pub(crate) peak_memory: u64,
    pub(crate) dropped_log_lines: u64,
    pub(crate) dropped_diagnostics: u64,
}

/// The outcome of a call, as the worker saw it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum End {
    Ok,
    Failure(Json<Failure>),
    Trap {
        budget: Option<Budget>,
        message: String,
        backtrace: String,
    },
    /// The engine answered [`Reply::End`].
    Stopped,
    /// The worker's own code failed.
    Broken {
        message: String,
    },
}

/// Carried as JSON: for types whose serde form leaves fields out, which postcard can't read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: Serialize> Serialize for Json<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&serde_json::to_string(&self.0).map_err(S::Error::custom)?)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Json<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        serde_json::from_str(&text).map(Self).map_err(D::Error::custom)
    }
}
