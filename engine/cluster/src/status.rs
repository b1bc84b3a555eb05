//! What the API server says when it refuses: `metav1.Status`, read tolerantly.
//!
//! Its texts quote values of the object. What is sent on from here about a Secret has gone through [`Status::without_words`].

use serde::{Deserialize, Serialize};

/// A refusal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    /// HTTP status.
    pub code: u16,
    /// `Conflict`, `Invalid`, `Forbidden`, …; empty when whoever answered is no API server.
    pub reason: String,
    /// In words.
    pub message: String,
    /// What it is about.
    #[serde(deserialize_with = "null_is_default")]
    pub details: Details,
}

/// What a refusal is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Details {
    /// Of the object, or of the namespace that is missing.
    pub name: String,
    /// Of the object.
    pub group: String,
    /// A kind, or a resource's plural: API servers do both.
    pub kind: String,
    /// One a field.
    #[serde(deserialize_with = "null_is_default")]
    pub causes: Vec<StatusCause>,
    /// When to ask again; also in the header.
    pub retry_after_seconds: u64,
}

/// One cause of a refusal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatusCause {
    /// `FieldManagerConflict`, `FieldValueInvalid`, …
    pub reason: String,
    /// In words.
    pub message: String,
    /// `spec.template.spec.containers[0].image`, `.spec.replicas`: two notations, by reason.
    pub field: String,
}

fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// A sentence of somebody else's is cut here: webhooks and proxies write what they like.
const MAX_MESSAGE: usize = 2_000;
/// Of that, the end. The longest known words are some 300 bytes (what may be changed of a Pod).
const KEPT_END: usize = 500;

impl Status {
    /// Out of a body; whatever else answers (a proxy's page) is told by its number and its first words.
    pub(crate) fn read(code: u16, body: &[u8]) -> Self {
        let mut status = serde_json::from_slice::<Self>(body).unwrap_or_else(|_| Self {
            message: String::from_utf8_lossy(body).into_owned(),
            ..Self::default()
        });
        status.code = code;
        cut(&mut status.message);
        for cause in &mut status.details.causes {
            cut(&mut cause.message);
        }
        status
    }

    /// Without anything that may quote a value: for objects whose values are secret.
    #[must_use]
    pub fn without_words(mut self) -> Self {
        let hidden = "(the API server's words are left out: they may quote the Secret)";
        hidden.clone_into(&mut self.message);
        for cause in &mut self.details.causes {
            cause.message.clear();
            // Keys of a map are part of the path, values are not.
        }
        self
    }

    /// Whether the message holds one of the phrases that API servers use for what has no reason of its own.
    pub(crate) fn says(&self, phrase: &str) -> bool {
        self.message.contains(phrase) || self.details.causes.iter().any(|c| c.message.contains(phrase))
    }
}

/// The middle goes: what is wrong stands at the end, behind the value that is.
fn cut(text: &mut String) {
    if text.len() > MAX_MESSAGE {
        let (head, tail) = (text.floor_char_boundary(MAX_MESSAGE - KEPT_END), text.len() - KEPT_END);
        let tail = text.ceil_char_boundary(tail);
        text.replace_range(head..tail, " … ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read() {
        let body = br#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"m","reason":"Conflict",
            "details":{"name":"a","kind":"configmaps","causes":[{"reason":"FieldManagerConflict","message":"conflict with \"x\"","field":".data.a"}]},"code":409}"#;
        let status = Status::read(409, body);
        assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
        assert_eq!(status.details.causes[0].field, ".data.a");
    }

    #[test]
    fn what_is_no_status_is_told_by_its_words() {
        let page = Status::read(502, b"<html>Bad Gateway</html>");
        assert_eq!((page.code, page.reason.as_str()), (502, ""));
        assert!(page.says("Bad Gateway"));
        let empty = Status::read(403, br#"{"kind":"Status","details":null}"#);
        assert!(empty.details.causes.is_empty());
        assert!(Status::read(500, &[b'a'; 9000]).message.len() < 2_100);
    }

    #[test]
    fn a_long_sentence_keeps_its_end() {
        // A Job's template is quoted in whole before what is wrong with it.
        let words = format!("Invalid value: {}: field is immutable", "é".repeat(9000));
        let body = serde_json::json!({"message": words, "details": {"causes": [{"message": words}]}}).to_string();
        let status = Status::read(422, body.as_bytes());
        for text in [&status.message, &status.details.causes[0].message] {
            assert!(
                text.len() < 2_100 && text.starts_with("Invalid value: é") && text.ends_with("é: field is immutable")
            );
        }
    }
}
