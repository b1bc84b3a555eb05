//! Every bound on a plugin, each with its number and the threat it answers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Wall time of a render. Real charts take 5 to 500 ms; `genPrivateKey` of 4,096 bits takes 17 s. The threat is an
/// endless template that holds one of a few workers.
pub const RENDER_TIME: Duration = Duration::from_secs(30);

/// Wall time of a validation. A whole app against the schemas of Kubernetes takes 5 to 500 ms; the threat is an input that
/// makes a pattern or a combination of schemas go through exponentially many cases.
pub const VALIDATE_TIME: Duration = Duration::from_secs(15);

/// Wall time of a notification, requests included. A receiver answers in a second; the threat is one that never does, and holds
/// a worker.
pub const NOTIFY_TIME: Duration = Duration::from_secs(30);

/// Wall time of an assessment. A thousand objects take 20 ms.
pub const ASSESS_TIME: Duration = Duration::from_secs(10);

/// Requests of one notification. One is usual, an API that wants a lookup first needs three; the threat is a plugin that makes the
/// engine's address part of an attack on somebody else.
pub const REQUESTS: u64 = 16;

/// Bytes of a request's body before secrets are put in. Chats and pagers take some ten kilobytes.
pub const REQUEST_BYTES: usize = 1 << 20;

/// Bytes of a request's URL, and of all its headers, each, before secrets are put in; servers refuse more.
pub const REQUEST_HEAD_BYTES: usize = 16 << 10;

/// Headers of a request.
pub const REQUEST_HEADERS: usize = 64;

/// Secrets put into a request, and secrets of a binding, each.
pub const SECRETS: usize = 16;

/// Bytes of a secret, at least. What is shorter could be guessed: a plugin that knows a server which repeats what it is sent sees
/// what is cut out of the answer.
pub const SECRET_BYTES_LEAST: usize = 8;

/// Bytes of a secret, at most. Tokens have some hundred, keys some thousand; each is looked for in every answer, in a dozen forms.
pub const SECRET_BYTES: usize = 4 << 10;

/// Bytes that secrets may add to one request. The threat is a placeholder that stands in a body a million times.
pub const SUBSTITUTED_BYTES: usize = 1 << 20;

/// Bytes of an answer's body that are read, at most. What a notifier needs of it is an id or a reason.
pub const RESPONSE_BYTES: usize = 256 << 10;

/// Bytes of an answer's headers that are handed to a plugin; what is over is left out.
pub const RESPONSE_HEAD_BYTES: usize = 16 << 10;

/// Wall time of one request, redirects and the answer's last byte included.
pub const REQUEST_TIME: Duration = Duration::from_secs(10);

/// Redirects followed for one request. One for a slash or a moved path is usual.
pub const REDIRECTS: usize = 3;

/// Bytes of an event's payload. The engine's own have at most half of it.
pub const PAYLOAD_BYTES: usize = 1 << 20;

/// Bytes of what a receiver calls a message, or of why it refuses it; it is cut to it.
pub const REPLY_BYTES: usize = 4 << 10;

/// Bytes of one verdict's texts; they are cut to it. Conditions have messages of some hundred.
pub const VERDICT_BYTES: usize = 4 << 10;

/// Linear memory of a call, summed over all memories. Helm and Kustomize peak at 28 MiB, big Jsonnet at 600 MiB of
/// garbage; the threat is a template that doubles a string until the node is out of memory.
pub const MEMORY: u64 = 512 << 20;

/// Table elements of a call, summed over all tables. A Go plugin of 27 MB needs 30,000; each takes 8 bytes on the host.
pub const TABLE_ELEMENTS: u64 = 1_000_000;

/// Core instances, memories and tables of a component, each. An adapted Go component has 5 to 10; the threat is a
/// component of thousands of instances, each of which costs the host before any guest limit sees it.
pub const INSTANCES: usize = 64;

/// Resource handles alive at a time. A render holds some ten; the threat is a guest that never drops a tree.
pub const HANDLES: usize = 10_000;

/// Bytes that the host hands to a plugin in a call. Whole charts are below 10 MiB; the threat is a guest that keeps the
/// object database and the socket busy by reading a big file again and again.
pub const READ_BYTES: u64 = 256 << 20;

/// Questions to the host in a call. The biggest charts ask some 10,000; each costs the engine a few microseconds.
pub const ASKS: u64 = 1_000_000;

/// Bytes of all documents of a call. A thousand big CRDs are 50 MB; the engine keeps and parses all of it.
pub const OUTPUT_BYTES: u64 = 64 << 20;

/// Bytes of one document. Bounds what one message of a worker can make the engine allocate.
pub const DOCUMENT_BYTES: u64 = 32 << 20;

/// Documents of a call. An app of 20,000 objects passes.
pub const DOCUMENTS: u64 = 50_000;

/// Findings of a call. More hide the first; the rest is dropped and counted. An error is never dropped without a word.
pub const DIAGNOSTICS: u64 = 1_000;

/// Bytes of all findings of a call; what is over is dropped and counted. A thousand findings of a sentence, a place and an
/// advice have 300 KiB; the threat is a guest that repeats its input in a thousand of them.
pub const DIAGNOSTIC_BYTES: u64 = 1 << 20;

/// Bytes of what stands beside a document's content, of a finding or of a question; 20,000 line mappings fit. Bounds the
/// structure that one message of a worker can make the engine build.
pub const MESSAGE_BYTES: u64 = 4 << 20;

/// Bytes of a call's trace. The biggest charts leave 2 MiB; the threat is a guest that asks a million long questions, each
/// of which the engine keeps.
pub const TRACE_BYTES: u64 = 64 << 20;

/// Bytes of one finding; its texts are cut to it. Ordinary ones have some hundred; the threat is a template that fails with
/// a message of forty megabytes, which no frame carries and nobody reads.
pub const FINDING_BYTES: usize = 16 << 10;

/// Bytes of log lines kept of a call; the rest is dropped and counted. A log must not become an output channel.
pub const LOG_BYTES: u64 = 256 << 10;

/// Bytes of a config. It is copied into the guest and hashed at every call.
pub const CONFIG_BYTES: usize = 1 << 20;

/// Bytes of all API names handed out by `apis`. A cluster with 500 CRDs has 60 KiB.
pub const APIS_BYTES: usize = 256 << 10;

/// Bytes of an entropy label. Labels name a template and a call site.
pub const LABEL_BYTES: usize = 1 << 10;

/// Bytes of heads or bodies that one call of `objects` may hand out, as the contract says.
pub const PAGE_BYTES: usize = windlass_core::tree::PAGE_BYTES;

/// Bytes of one object's JSON, as the contract says of `body`. etcd refuses above 1.5 MiB.
pub const BODY_BYTES: usize = 4 << 20;

/// What one host call may move out of the guest: a document with its line mapping. Bounds the copy that wasmtime makes.
pub(crate) const HOSTCALL_BYTES: usize = 48 << 20;

/// Stack of wasm code. The default of 512 KiB ends a legal 900-deep `include`; with 1.5 MiB Helm's own bound of 1,000
/// speaks first, with its better message.
pub const WASM_STACK: usize = 3 << 19;

/// Stack of the thread that runs guests: wasm code above, host functions below it.
pub(crate) const CALL_THREAD_STACK: usize = 8 << 20;

/// Bytes of a component file. Helm is 28 MB; the threat is a file that fills the memory before it is refused.
pub const COMPONENT_BYTES: u64 = 128 << 20;

/// Bytes of compiled code. Helm is 56 MB; a hostile component may compile to much more than its size.
pub(crate) const ARTEFACT_BYTES: u64 = 1 << 30;

/// Bytes of all compiled code on disk. The first-party plugins take 150 MB a version of the engine; the threat is that every
/// upgrade and every plugin version of years stays until the disk is full.
pub const CACHE_BYTES: u64 = 4 << 30;

/// Bytes of the manifest section. Helm's is 5 KiB, its config schema included.
pub const MANIFEST_BYTES: usize = 1 << 20;

/// Processor time of a compilation. Helm takes 36 s; compiling has known quadratic inputs, and one of them must not keep
/// other plugins from being compiled for long. Unlike wall time it says the same on a loaded machine.
pub const COMPILE_PROCESSOR: Duration = Duration::from_secs(300);

/// Wall time of a compilation, for one that waits instead of working. Helm takes four minutes on a machine with ten times
/// its load.
pub const COMPILE_TIME: Duration = Duration::from_secs(1800);

/// Private writable memory of a compiling worker. Helm peaks at 0.5 GiB; the threat is code that compiles to much more.
pub const COMPILE_MEMORY: u64 = 2 << 30;

/// Compilations at a time, at most: as many as cores, two at least. One hostile component must not be waited for, and
/// all together must leave memory.
pub(crate) const COMPILES: usize = 4;

/// Private writable memory of a running worker beyond its guest: the runtime, stacks, one document on its way out.
pub(crate) const WORKER_OVERHEAD: u64 = 256 << 20;

/// Calls whose thread waits for a store that does not answer, after their callers were told. Beyond it no call is begun:
/// each holds a thread and a request, for as long as a network disk hangs.
pub(crate) const STUCK_CALLS: usize = 64;

/// Time beyond a call's deadline in which a worker may still say how it ended. Then it is killed.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// Time in which a worker must be ready, loading its plugins included: a few milliseconds, seconds on a busy machine.
pub(crate) const START_TIME: Duration = Duration::from_secs(30);

/// Time a worker may leave the engine's bytes unread. Only a worker that is no longer ours does.
pub(crate) const WRITE_TIME: Duration = Duration::from_secs(10);

/// Calls after which a worker is replaced. What leaks in wasmtime, the allocator or our own code stays small.
pub(crate) const CALLS_PER_WORKER: u32 = 1_000;

/// Linear memory of a call, in bytes, that a worker gives back after its answer: a millisecond's work, as most calls have
/// 30 MiB. More is given back before: the next call, somebody else's, must not wait for it, and the engine looks at what
/// a worker holds when it has the answer.
pub(crate) const FREED_AFTERWARDS: u64 = 64 << 20;

/// Resident memory after which a worker is replaced: what one big call left behind is given back.
pub(crate) const WORKER_RSS: u64 = 384 << 20;

/// Plugins that one worker has mapped. Bounds its address space and the time of its start.
pub(crate) const PLUGINS_PER_WORKER: usize = 16;

/// What is kept of a worker's standard error.
pub(crate) const STDERR_BYTES: usize = 8 << 10;

/// Open files of a worker: the socket, one per mapped plugin, a few of the runtime's own.
pub(crate) const OPEN_FILES: u64 = 64;

/// The budgets of a call. A plugin's operator may change them; the constants of this module are the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallLimits {
    /// Wall time, host calls included.
    pub time: Duration,
    /// Bytes of linear memory, summed over all memories.
    pub memory: u64,
    /// Table elements, summed over all tables.
    pub table_elements: u64,
    /// Resource handles alive at a time.
    pub handles: usize,
    /// Bytes handed to the plugin.
    pub read_bytes: u64,
    /// Questions to the host.
    pub asks: u64,
    /// Bytes of all documents.
    pub output_bytes: u64,
    /// Documents.
    pub documents: u64,
    /// Findings kept.
    pub diagnostics: u64,
    /// Bytes of log lines kept.
    pub log_bytes: u64,
}

impl CallLimits {
    /// The defaults of a validation.
    #[must_use]
    pub fn validation() -> Self {
        Self {
            time: VALIDATE_TIME,
            ..Self::default()
        }
    }

    /// The defaults of a notification.
    #[must_use]
    pub fn notification() -> Self {
        Self {
            time: NOTIFY_TIME,
            ..Self::default()
        }
    }

    /// The defaults of an assessment.
    #[must_use]
    pub fn assessment() -> Self {
        Self {
            time: ASSESS_TIME,
            ..Self::default()
        }
    }
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            time: RENDER_TIME,
            memory: MEMORY,
            table_elements: TABLE_ELEMENTS,
            handles: HANDLES,
            read_bytes: READ_BYTES,
            asks: ASKS,
            output_bytes: OUTPUT_BYTES,
            documents: DOCUMENTS,
            diagnostics: DIAGNOSTICS,
            log_bytes: LOG_BYTES,
        }
    }
}

/// The budgets of compiling; the constants of this module are the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Components at a time.
    pub at_once: usize,
    /// Time of the processor, over all threads.
    pub processor: Duration,
    /// Wall time.
    pub time: Duration,
    /// Bytes of private writable memory.
    pub memory: u64,
    /// Bytes of compiled code.
    pub artefact: u64,
}
