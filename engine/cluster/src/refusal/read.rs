//! A failure → what it means for the object that the request was about.

use serde_json::Value;
use windlass_core::{immutable, lock, model::ObjectId};

use super::{Denied, FieldCause, Refusal, Terminating, fields, pointer_of};
use crate::{
    call::CallError,
    discovery::KindError,
    identity::Actor,
    resource::Resource,
    status::{Status, StatusCause},
};

/// What a request was about.
#[derive(Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) resource: &'a Resource,
    /// `None` for a list.
    pub(crate) id: Option<&'a ObjectId>,
    pub(crate) actor: &'a Actor,
    /// As sent; `None` when nothing was.
    pub(crate) body: Option<&'a Value>,
    /// Of the body.
    pub(crate) bytes: usize,
}

impl<'a> About<'a> {
    /// A request without a body.
    pub(crate) const fn bare(resource: &'a Resource, id: Option<&'a ObjectId>, actor: &'a Actor) -> Self {
        Self {
            resource,
            id,
            actor,
            body: None,
            bytes: 0,
        }
    }

    /// The API server's words, where they can't quote a Secret.
    fn words(&self, text: &str) -> String {
        if self.resource.is_secret() {
            String::new()
        } else {
            text.to_owned()
        }
    }
}

/// Reads a failure.
pub(crate) fn read(error: CallError, about: &About<'_>) -> Refusal {
    let is_secret = about.resource.is_secret();
    let CallError::Refused { status, retry_after } = error else {
        return Refusal::Call(error);
    };
    // Of these nobody knows whether they are about the object.
    let is_about_server = matches!(status.code, 429 | 502 | 503 | 504);
    let told = if is_about_server { None } else { told(&status, about) };
    if let Some(refusal) = told {
        return refusal;
    }
    let status = if is_secret {
        Box::new(status.without_words())
    } else {
        status
    };
    if is_about_server || status.code >= 500 {
        Refusal::Call(CallError::Refused { status, retry_after })
    } else {
        Refusal::Other(status)
    }
}

fn told(status: &Status, about: &About<'_>) -> Option<Refusal> {
    if let Some((webhook, message)) = webhook_denied(&status.message) {
        return Some(Refusal::WebhookDenied {
            webhook,
            message: about.words(message),
        });
    }
    if let Some((webhook, message)) = webhook_down(&status.message) {
        return Some(Refusal::WebhookUnreachable {
            webhook,
            message: about.words(message),
        });
    }
    if status.code == 413 || status.says("request is too large") || status.says("larger than max") {
        return Some(Refusal::TooLarge { bytes: about.bytes });
    }
    if let Some(what) = on_its_way_out(status) {
        return Some(Refusal::Terminating { what });
    }
    if let Some(misfit) = misfit(status, about) {
        return Some(misfit);
    }
    match (status.code, status.reason.as_str()) {
        (403, _) => Some(forbidden(status, about)),
        (404, _) => Some(missing(status, about)),
        (409, "Conflict") => Some(Refusal::Changed {
            replaced: status.says("uid mismatch") || status.says("UID in precondition"),
        }),
        (400 | 422, _) => Some(wrong(status, about)),
        _ => None,
    }
}

fn forbidden(status: &Status, about: &About<'_>) -> Refusal {
    if status.says(&format!("ValidatingAdmissionPolicy '{}", lock::PREFIX)) {
        return Refusal::Locked {
            message: about.words(&status.message),
        };
    }
    Denied::read(&status.message, about).map_or_else(
        || Refusal::Policy {
            message: if about.resource.is_secret() {
                HIDDEN.to_owned()
            } else {
                status.message.clone()
            },
        },
        Refusal::Forbidden,
    )
}

fn missing(status: &Status, about: &About<'_>) -> Refusal {
    let details = &status.details;
    if details.kind == "namespaces" && about.resource.kind != "Namespace" {
        return Refusal::NoNamespace {
            namespace: details.name.clone(),
        };
    }
    if !details.name.is_empty() {
        return Refusal::Gone;
    }
    // The path itself is not there: the kind went since it was looked up.
    Refusal::Kind(KindError::NoMatch {
        group: about.resource.group.clone(),
        version: about.resource.version.clone(),
        kind: about.resource.kind.clone(),
        served: Vec::new(),
    })
}

/// What server-side apply and strict decoding tell in words only, with a code that changed over the versions.
fn misfit(status: &Status, about: &About<'_>) -> Option<Refusal> {
    let causes = fields::told(&status.message, about.body);
    let redacted = causes.into_iter().map(|cause| FieldCause {
        message: if about.resource.is_secret() && cause.message.contains(fields::NO_BASE64) {
            "a value is no base64".to_owned()
        } else {
            about.words(&cause.message)
        },
        ..cause
    });
    let causes: Vec<_> = redacted.collect();
    (!causes.is_empty()).then_some(Refusal::Invalid {
        causes,
        message: String::new(),
    })
}

/// Fields that are wrong, or can't be changed.
fn wrong(status: &Status, about: &About<'_>) -> Refusal {
    let causes: Vec<_> = status.details.causes.iter().map(|cause| field(cause, about)).collect();
    let value = serde_json::to_value(status).unwrap_or_default();
    if let Some(recreation) = about.id.and_then(|id| immutable::recreation(id, &value)) {
        return Refusal::Immutable { recreation, causes };
    }
    Refusal::Invalid {
        message: if about.resource.is_secret() {
            HIDDEN.to_owned()
        } else {
            status.message.clone()
        },
        causes,
    }
}

/// Stands for words that may quote a Secret.
const HIDDEN: &str = "the API server's words are left out, for they may quote the Secret";

fn field(cause: &StatusCause, about: &About<'_>) -> FieldCause {
    // `<nil>` stands where a whole object is meant (CEL rules on the root).
    let field = if cause.field == "<nil>" { "" } else { &cause.field };
    let message = about.words(&cause.message);
    FieldCause {
        pointer: about.body.map_or_else(String::new, |body| pointer_of(field, body)),
        field: field.to_owned(),
        message: if message.is_empty() {
            by_reason(&cause.reason).to_owned()
        } else {
            message
        },
    }
}

/// What a reason says without quoting a value (`metav1.CauseType`).
fn by_reason(reason: &str) -> &'static str {
    match reason {
        "FieldValueRequired" => "it is required",
        "FieldValueForbidden" => "it may not be set or changed",
        "FieldValueTooLong" | "FieldValueTooMany" => "it is too long",
        "FieldValueDuplicate" => "it stands twice",
        "FieldValueNotFound" => "what it refers to is not there",
        "FieldValueNotSupported" => "its value is none of those that are allowed",
        "FieldValueTypeInvalid" => "its value is of another type",
        "FieldValueInvalid" => "its value is not valid",
        _ => "",
    }
}

/// `admission webhook "w.example.com" denied the request: because`.
fn webhook_denied(message: &str) -> Option<(String, &str)> {
    let start = message.find("admission webhook \"")?;
    let (name, rest) = message[start + "admission webhook \"".len()..].split_once('"')?;
    let why = rest.strip_prefix(" denied the request")?;
    Some((name.to_owned(), why.trim_start_matches([':', ' '])))
}

/// `failed calling webhook "w.example.com": …`, `conversion webhook for example.com/v1, Kind=Widget failed: …`.
fn webhook_down(message: &str) -> Option<(String, &str)> {
    if let Some(start) = message.find("failed calling webhook \"") {
        let (name, rest) = message[start + "failed calling webhook \"".len()..].split_once('"')?;
        return Some((name.to_owned(), rest.trim_start_matches([':', ' '])));
    }
    let start = message.find("conversion webhook for ")?;
    let (name, rest) = message[start..].split_once(" failed: ")?;
    Some((name.to_owned(), rest))
}

fn on_its_way_out(status: &Status) -> Option<Terminating> {
    let by_reason = status
        .details
        .causes
        .iter()
        .any(|cause| cause.reason == "NamespaceTerminating");
    if by_reason || status.says("because it is being terminated") {
        return Some(Terminating::Namespace);
    }
    if status.says("while custom resource definition is terminating") {
        return Some(Terminating::Definition);
    }
    let object = [
        "no new finalizers can be added if the object is being deleted",
        "object is being deleted",
    ];
    object
        .iter()
        .any(|phrase| status.says(phrase))
        .then_some(Terminating::Object)
}
