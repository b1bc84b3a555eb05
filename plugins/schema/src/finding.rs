//! What is found, before it is known at which object.

use serde_json::Value;
use windlass_sdk::Severity;

/// Something that is wrong with an object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding {
    /// Whether it stops the app.
    pub(crate) severity: Severity,
    /// Stable, kebab-case.
    pub(crate) code: &'static str,
    /// RFC 6901, into the object.
    pub(crate) pointer: String,
    /// One sentence.
    pub(crate) message: String,
    /// What to do.
    pub(crate) help: Option<String>,
    /// Another place in the same object, and what is there.
    pub(crate) related: Option<(String, &'static str)>,
}

impl Finding {
    /// An error.
    pub(crate) const fn error(code: &'static str, pointer: String, message: String) -> Self {
        Self {
            severity: Severity::Error,
            code,
            pointer,
            message,
            help: None,
            related: None,
        }
    }

    /// The same, less or more severe.
    pub(crate) const fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// What to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// What explains it, in the same object.
    pub(crate) fn related(mut self, pointer: String, message: &'static str) -> Self {
        self.related = Some((pointer, message));
        self
    }
}

/// Characters of a value that a message shows: enough to find it again, too few to fill a page.
const SHOWN: usize = 40;

/// What was found, in words; its type alone when it is `secret`.
pub(crate) fn describe(value: &Value, secret: bool) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map".to_owned(),
        Value::Bool(_) if secret => "a boolean".to_owned(),
        Value::Number(_) if secret => "a number".to_owned(),
        Value::String(_) if secret => "a string".to_owned(),
        Value::Bool(value) => format!("the boolean `{value}`"),
        Value::Number(value) => format!("the number `{value}`"),
        Value::String(value) => format!("the string {}", quoted(value)),
    }
}

/// A string as a message shows it: shortened, on one line.
pub(crate) fn quoted(text: &str) -> String {
    let mut start: String = text.chars().take(SHOWN).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    format!("{start:?}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_shortened_and_secrets_are_not_shown() {
        assert_eq!(describe(&json!("a\nb"), false), r#"the string "a\nb""#);
        assert_eq!(
            describe(&json!("ä".repeat(41)), false),
            format!("the string \"{}…\"", "ä".repeat(40))
        );
        for (value, expected) in [
            (json!("hunter2"), "a string"),
            (json!(7), "a number"),
            (json!(true), "a boolean"),
        ] {
            assert_eq!(describe(&value, true), expected);
        }
    }
}
