//! What a renderer answers: documents, and diagnostics with their place. Mirrors `types` and `rendering` of the contract.

mod shorten;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use shorten::shorten;

/// A place in a text: 1-based, columns count UTF-8 bytes, the end is exclusive, 0 = unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// First line.
    pub line: u32,
    /// First column.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// Column after the last.
    pub end_column: u32,
}

impl Span {
    /// A point.
    #[must_use]
    pub const fn at(line: u32, column: u32) -> Self {
        Self {
            line,
            column,
            end_line: 0,
            end_column: 0,
        }
    }
}

/// A place in a file of a tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileAt {
    /// Label of the tree; "" = the app's own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// From the tree's root.
    pub path: String,
    /// Where in the file, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
}

/// Where a diagnostic points.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Location {
    /// Nowhere in particular.
    #[default]
    None,
    /// A file of a tree.
    File(FileAt),
    /// An emitted document or a parsed object, by index, and a JSON pointer into it.
    Object {
        /// As returned by `sink.emit`, or in the set handed in.
        index: u32,
        /// RFC 6901.
        pointer: String,
    },
    /// The plugin's config, by JSON pointer.
    Config {
        /// RFC 6901.
        pointer: String,
    },
    /// A rendered document, by index from 0. The host's own: no plugin says it.
    Document {
        /// In the order of emission.
        index: u32,
        /// Where in it.
        span: Span,
    },
}

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Keeps a render or a validation from passing.
    Error,
    /// Shown.
    Warning,
    /// Shown when asked for.
    Info,
}

/// A finding. Texts come from plugins: strip control characters before a terminal sees them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// Stable, kebab-case, unique in the plugin.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// Where.
    #[serde(default)]
    pub at: Location,
    /// Other places, each with a word on it: stack frames, first definitions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<(Location, String)>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Growth room; keys of the host start with `windlass.dev/`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<(String, String)>,
}

impl Diagnostic {
    /// An error without more than a message and a place.
    #[must_use]
    pub fn error(code: &str, message: impl Into<String>, at: Location) -> Self {
        Self {
            severity: Severity::Error,
            code: code.to_owned(),
            message: message.into(),
            at,
            related: Vec::new(),
            help: None,
            extra: Vec::new(),
        }
    }

    /// The same, said of something: `chat: …`.
    #[must_use]
    pub fn of(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// The same, but not an error.
    #[must_use]
    pub const fn with_severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// The same with advice.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The syntax of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// YAML as Kubernetes reads it; several documents allowed.
    Yaml,
    /// One JSON value.
    Json,
}

/// Lines of a document that come from a place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// In the document.
    pub output: Span,
    /// In the tree; no span = the whole file, line unknown.
    pub origin: FileAt,
}

/// One emitted document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Syntax of `content`.
    pub format: Format,
    /// Bytes as the plugin emitted them; not necessarily UTF-8.
    pub content: Vec<u8>,
    /// The file it comes from.
    pub origin: Option<FileAt>,
    /// Line by line, where known.
    pub lines: Vec<Mapping>,
    /// Open set; see [`attribute`].
    pub attributes: Vec<(String, String)>,
}

/// Attributes of documents that the engine knows.
pub mod attribute {
    /// `crd`, `hook` or `test`; none for an ordinary manifest.
    pub const ROLE: &str = "windlass.dev/role";
    /// Comma-separated Helm hook events, e.g. `pre-install,pre-upgrade`.
    pub const HOOK_EVENTS: &str = "windlass.dev/hook-events";
    /// A whole number; lower runs first.
    pub const HOOK_WEIGHT: &str = "windlass.dev/hook-weight";
    /// Comma-separated Helm hook delete policies.
    pub const HOOK_DELETE_POLICIES: &str = "windlass.dev/hook-delete-policies";
    /// What the native tool prints in `# Source: …` above the document.
    pub const SOURCE_COMMENT: &str = "windlass.dev/source-comment";
    /// JSON pointers to fields whose values were drawn at random, one a line; empty = there are some, their fields unknown.
    pub const GENERATED: &str = "windlass.dev/generated";

    /// In a diagnostic's `extra`: the source line it points at.
    pub const LINE: &str = "windlass.dev/line";
    /// In a diagnostic's `extra`: the rendered line that a related [`super::Location::Document`] points at.
    pub const RENDERED_LINE: &str = "windlass.dev/rendered-line";
    /// In a diagnostic's `extra`: the plugin that said it, `name@version`.
    pub const PLUGIN: &str = "windlass.dev/plugin";
    /// In a diagnostic's `extra`: who has to act, `user`, `plugin` or `engine`.
    pub const BLAME: &str = "windlass.dev/blame";
    /// In a diagnostic's `extra`: a stack for the plugin's author.
    pub const STACK: &str = "windlass.dev/stack";
}

impl Document {
    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }
}

/// All that a successful call emitted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// In the order of emission; a diagnostic's index points here.
    pub documents: Vec<Document>,
    /// Findings beside the output.
    pub diagnostics: Vec<Diagnostic>,
}

/// What a plugin answers when it can't render. Mirrors `types.failure` of the contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// The input is at fault.
    Invalid(Vec<Diagnostic>),
    /// The plugin can't do what is asked.
    Unsupported(String),
    /// The plugin is at fault.
    Internal(String),
    /// The open case.
    Other {
        /// Kebab-case.
        code: String,
        /// One sentence.
        message: String,
    },
}

/// What the request tells the plugin, beside trees.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppNames {
    /// Namespace of the App.
    pub namespace: String,
    /// Name of the App.
    pub name: String,
    /// Namespace its objects go to; "" = not said.
    pub target_namespace: String,
}

/// Seconds and nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Instant {
    /// Whole seconds.
    pub seconds: i64,
    /// Beside these, 0 to 999,999,999.
    pub nanoseconds: u32,
}

/// A file of the app's own tree, without a line.
#[must_use]
pub fn file_at(path: &str) -> FileAt {
    FileAt {
        source: String::new(),
        path: path.to_owned(),
        span: None,
    }
}
