//! The config, as in `plugin.yaml`, which also fills the defaults.

use serde::Deserialize;

/// See `plugin.yaml`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) mode: Mode,
    pub(crate) n: u32,
    pub(crate) bytes: u32,
    pub(crate) paths: Vec<String>,
    pub(crate) pattern: String,
    pub(crate) after: String,
    pub(crate) offset: u64,
    pub(crate) max: u32,
    pub(crate) from: String,
    #[serde(default)]
    pub(crate) label: Option<String>,
    pub(crate) text: String,
    pub(crate) apis: Vec<String>,
}

/// What to do.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    Echo,
    Raw,
    Label,
    Stat,
    Read,
    ReadAll,
    List,
    ListAll,
    Glob,
    Digest,
    Canonical,
    Entropy,
    Facts,
    Apis,
    Input,
    Source,
    ObjectOutOfRange,
    Spin,
    Memory,
    Recurse,
    FloodOutput,
    FloodDocuments,
    FloodDiagnostics,
    FloodLog,
    FloodFields,
    FloodLines,
    FloodAttributes,
    FloodQuestions,
    FloodReads,
    HugeFinding,
    HugeFailure,
    HugeLog,
    LateError,
    Swallow,
    LeakHandles,
    Trap,
    Panic,
    Invalid,
    Unsupported,
    Internal,
    Other,
}
