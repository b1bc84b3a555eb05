//! Patterns over names and URLs.

use std::borrow::Cow;

use globset::{GlobBuilder, GlobMatcher};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A pattern over a whole text: `*` stands for anything but `/`, `**` for anything, `?` for one character, `{a,b}` for either.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    text: String,
    matcher: GlobMatcher,
}

/// A text that is no [`Pattern`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no pattern: {reason}")]
pub struct BadPattern {
    text: String,
    reason: String,
}

/// Characters of a pattern: URLs are no longer, and it is compiled to an automaton.
const MAX_TEXT: usize = 512;

impl Pattern {
    /// Whether the whole of a text is as the pattern says. Case matters.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        self.matcher.is_match(text)
    }
}

impl TryFrom<String> for Pattern {
    type Error = BadPattern;

    fn try_from(text: String) -> Result<Self, BadPattern> {
        let wrong = |text: &str, reason: String| BadPattern {
            text: text.to_owned(),
            reason,
        };
        if text.is_empty() || text.len() > MAX_TEXT {
            return Err(wrong(&text, format!("it has 1 to {MAX_TEXT} characters")));
        }
        let glob = GlobBuilder::new(&text)
            .literal_separator(true)
            .backslash_escape(true)
            .build();
        let glob = glob.map_err(|error| wrong(&text, error.kind().to_string()))?;
        Ok(Self {
            matcher: glob.compile_matcher(),
            text,
        })
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl JsonSchema for Pattern {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Pattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 1, "maxLength": MAX_TEXT})
    }
}

/// Whether one of them fits.
pub(super) fn any(patterns: &[Pattern], text: &str) -> bool {
    patterns.iter().any(|pattern| pattern.fits(text))
}

/// What there is to choose from, for people.
pub(super) fn listed(words: &str, patterns: &[Pattern]) -> String {
    let patterns: Vec<String> = patterns.iter().map(|pattern| format!("`{}`", pattern.text)).collect();
    if patterns.is_empty() {
        format!("{words}: none")
    } else {
        format!("{words}: {}", patterns.join(", "))
    }
}
