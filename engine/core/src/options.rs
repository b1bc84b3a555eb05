//! What people say about single objects and fields: annotations, and the App's ignore rules.

mod ignore;

use serde_json::Value;

pub use ignore::{Condition, IgnoreRule, Ruling, Situation, handed_over, has_conditions, heeds, standing};

/// Annotation: how an object is written; `create-only` or `replace`.
pub const APPLY: &str = "windlass.dev/apply";
/// Annotation: `disabled` = an object that left the render is kept.
pub const PRUNE: &str = "windlass.dev/prune";

/// How an object is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Write {
    /// By server-side apply.
    #[default]
    Apply,
    /// Created where it isn't there, and left to others from then on.
    CreateOnly,
    /// As a whole: what others set in it is gone.
    Replace,
}

/// What an object's annotations say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// `windlass.dev/apply`.
    pub write: Write,
    /// `windlass.dev/prune: disabled`.
    pub keep: bool,
}

/// An annotation that says nothing known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("annotation `{key}` is `{found}`, expected {expected}")]
pub struct BadOption {
    /// Which.
    pub key: &'static str,
    /// What it says.
    pub found: String,
    /// What it may say, in words.
    pub expected: &'static str,
}

impl Options {
    /// Reads the annotations of an object.
    ///
    /// # Errors
    /// When one of them says something else than it may: a misspelt one would do harm in silence.
    pub fn of(object: &Value) -> Result<Self, BadOption> {
        let annotations = object.pointer("/metadata/annotations");
        let found = |key: &str| annotations.and_then(|map| map.get(key)).and_then(Value::as_str);
        let bad = |key, found: &str, expected| BadOption {
            key,
            found: found.to_owned(),
            expected,
        };
        Ok(Self {
            write: match found(APPLY) {
                None => Write::Apply,
                Some("create-only") => Write::CreateOnly,
                Some("replace") => Write::Replace,
                Some(other) => return Err(bad(APPLY, other, "`create-only` or `replace`")),
            },
            keep: match found(PRUNE) {
                None => false,
                Some("disabled") => true,
                Some(other) => return Err(bad(PRUNE, other, "`disabled`")),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn annotations_say_how_an_object_is_treated() {
        let options = |annotations: Value| Options::of(&json!({"metadata": {"annotations": annotations}}));
        assert_eq!(options(json!({})), Ok(Options::default()));
        assert_eq!(Options::of(&json!({})), Ok(Options::default()));
        assert_eq!(
            options(json!({APPLY: "create-only", PRUNE: "disabled"})),
            Ok(Options {
                write: Write::CreateOnly,
                keep: true
            })
        );
        assert_eq!(options(json!({APPLY: "replace"})).unwrap().write, Write::Replace);
        for (key, value, expected) in [
            (
                APPLY,
                "Replace",
                "annotation `windlass.dev/apply` is `Replace`, expected `create-only` or `replace`",
            ),
            (
                PRUNE,
                "false",
                "annotation `windlass.dev/prune` is `false`, expected `disabled`",
            ),
        ] {
            assert_eq!(options(json!({key: value})).unwrap_err().to_string(), expected);
        }
    }
}
