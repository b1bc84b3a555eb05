//! What people say about the order: annotations.

use serde_json::Value;

use crate::{hooks::ARGO_WAVE, model::ObjectId};

/// Annotation: objects to wait for until they are ready, as `group/kind/namespace/name`, with commas between. The group of
/// core objects and the namespace of cluster-wide ones are empty: `/ConfigMap/shop/settings`.
pub const DEPENDS_ON: &str = "windlass.dev/depends-on";
/// Annotation: a whole number, 0 unless said. An object waits until everything in lower waves is ready. Where it isn't there, that of Argo CD
/// ([`ARGO_WAVE`]) counts.
pub const WAVE: &str = "windlass.dev/wave";

/// Why an annotation can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAnnotation {
    /// Of [`DEPENDS_ON`].
    #[error("`{text}` names no object: expected `group/kind/namespace/name`, such as `apps/Deployment/shop/db`")]
    NoObject {
        /// The part.
        text: String,
    },
    /// Of [`WAVE`] or [`ARGO_WAVE`].
    #[error("`{text}` is no whole number")]
    NoNumber {
        /// The whole.
        text: String,
    },
}

/// What can't be read of an object's annotations about the order, with the key.
#[must_use]
pub fn unreadable(object: &Value) -> Vec<(&'static str, BadAnnotation)> {
    let depends_on = depends_on(object).err().map(|error| (DEPENDS_ON, error));
    let wave = wave(object).err().map(|error| (wave_of(object).0, error));
    depends_on.into_iter().chain(wave).collect()
}

fn annotation<'v>(object: &'v Value, key: &str) -> Option<&'v str> {
    object.pointer("/metadata/annotations")?.get(key)?.as_str()
}

/// What an object waits for.
pub(super) fn depends_on(object: &Value) -> Result<Vec<ObjectId>, BadAnnotation> {
    let text = annotation(object, DEPENDS_ON).unwrap_or_default();
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(identity).collect()
}

fn identity(text: &str) -> Result<ObjectId, BadAnnotation> {
    let parts: Vec<&str> = text.splitn(4, '/').collect();
    match parts.as_slice() {
        [group, kind, namespace, name] if !kind.is_empty() && !name.is_empty() => Ok(ObjectId {
            group: (*group).to_owned(),
            kind: (*kind).to_owned(),
            namespace: (*namespace).to_owned(),
            name: (*name).to_owned(),
        }),
        _ => Err(BadAnnotation::NoObject { text: text.to_owned() }),
    }
}

/// Which annotation says in which wave an object is, and what.
fn wave_of(object: &Value) -> (&'static str, Option<&str>) {
    match annotation(object, WAVE) {
        Some(text) => (WAVE, Some(text)),
        None => (ARGO_WAVE, annotation(object, ARGO_WAVE)),
    }
}

/// In which wave an object is.
pub(super) fn wave(object: &Value) -> Result<i64, BadAnnotation> {
    let Some(text) = wave_of(object).1 else {
        return Ok(0);
    };
    text.trim()
        .parse()
        .map_err(|_| BadAnnotation::NoNumber { text: text.to_owned() })
}
