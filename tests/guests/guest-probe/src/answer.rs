//! What was learnt, as a document.

use serde_json::{Value, json};
use windlass_sdk::{Document, Refusal, Sink};

/// Emits `answers` as one object.
pub(crate) fn emit(answers: &Value, out: &Sink) {
    let object = json!({
        "apiVersion": "probe.windlass.dev/v1",
        "kind": "Answers",
        "metadata": {"name": "answers"},
        "answers": answers,
    });
    out.emit(&Document::json(object.to_string()));
}

/// A refusal as the name of its case, with what it carries.
pub(crate) fn refusal(refusal: &Refusal) -> Value {
    match refusal {
        Refusal::NotFound => json!({"refused": "not-found"}),
        Refusal::WrongKind => json!({"refused": "wrong-kind"}),
        Refusal::InvalidPath => json!({"refused": "invalid-path"}),
        Refusal::Denied(why) => json!({"refused": "denied", "why": why}),
        Refusal::TooLarge(limit) => json!({"refused": "too-large", "limit": limit}),
        Refusal::Unavailable(why) => json!({"refused": "unavailable", "why": why}),
        Refusal::Other(error) => json!({"refused": "other", "code": error.code, "why": error.message}),
    }
}
