//! Secrets that documents of a cluster name, read whenever they are needed: one that was rotated counts from then on.
//!
//! With the engine's own credential and by name alone, so that it needs no right to list what there is.

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use windlass_cluster::{cluster::Cluster as Api, connect::Access, identity::Actor, resource::Resource};
use windlass_core::config::SecretRef;

use crate::stop::Stop;

/// The cluster that documents are objects of.
#[derive(Clone)]
pub struct Home {
    /// Where it is.
    pub access: Access,
    /// It, connected.
    pub api: Api,
    /// The namespace that the engine itself is in: Secrets of what has no namespace are there.
    pub namespace: String,
}

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Home")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

/// What a Secret holds.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Of the Secret, for errors.
    name: String,
    data: BTreeMap<String, Vec<u8>>,
}

impl fmt::Debug for Contents {
    /// Its keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.data.keys()).finish()
    }
}

/// Why a Secret is of no use. Never what it holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SecretError {
    #[error("`secretRef` needs a cluster that the document stands in")]
    NoCluster,
    #[error("there is no Secret `{0}`")]
    Missing(String),
    #[error("Secret `{name}` can't be read: {why}")]
    Unread { name: String, why: String },
    #[error("Secret `{name}` has no `{key}`")]
    NoKey { name: String, key: String },
    #[error("`{key}` of Secret `{name}` is no text")]
    NoText { name: String, key: String },
}

impl SecretError {
    pub(crate) fn stop(&self, code: &str) -> Stop {
        Stop::of(code, self)
    }
}

/// Reads a Secret of a namespace.
///
/// # Errors
/// When it isn't there or can't be read.
pub(crate) async fn read(home: Option<&Home>, namespace: &str, secret: &SecretRef) -> Result<Contents, SecretError> {
    let home = home.ok_or(SecretError::NoCluster)?;
    let resource = resource();
    let name = format!("{namespace}/{}", secret.name);
    let found = home
        .api
        .get(&Actor::Own, &resource, &resource.id(namespace, &secret.name))
        .await;
    let object = match found {
        Ok(object) => object.ok_or_else(|| SecretError::Missing(name.clone()))?,
        Err(error) => {
            let why = error.to_string();
            return Err(SecretError::Unread { name, why });
        }
    };
    let mut data = BTreeMap::new();
    for (key, value) in object.get("data").and_then(Value::as_object).into_iter().flatten() {
        let bytes = value.as_str().map(|text| STANDARD.decode(text));
        if let Some(Ok(bytes)) = bytes {
            data.insert(key.clone(), bytes);
        }
    }
    Ok(Contents { name, data })
}

/// The kind of Secrets.
pub(crate) fn resource() -> Resource {
    Resource {
        group: String::new(),
        version: "v1".to_owned(),
        kind: "Secret".to_owned(),
        plural: "secrets".to_owned(),
        namespaced: true,
    }
}

impl Contents {
    /// The text of a key; `None` = it has no such key.
    ///
    /// # Errors
    /// When it isn't UTF-8.
    pub(crate) fn text(&self, key: &str) -> Result<Option<String>, SecretError> {
        let Some(bytes) = self.data.get(key) else {
            return Ok(None);
        };
        let text = String::from_utf8(bytes.clone()).map_err(|_| SecretError::NoText {
            name: self.name.clone(),
            key: key.to_owned(),
        });
        text.map(Some)
    }

    /// The text of a key, without the line feed at its end.
    ///
    /// # Errors
    /// When it has no such key, or that isn't UTF-8.
    pub(crate) fn line(&self, key: &str) -> Result<String, SecretError> {
        let text = self.text(key)?.ok_or_else(|| self.lacks(key))?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// That it has no such key.
    pub(crate) fn lacks(&self, key: &str) -> SecretError {
        SecretError::NoKey {
            name: self.name.clone(),
            key: key.to_owned(),
        }
    }

    /// Every key with its bytes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.data.iter().map(|(key, bytes)| (key.as_str(), bytes.as_slice()))
    }

    /// Every key that holds text, without the line feed at its end.
    pub(crate) fn lines(&self) -> BTreeMap<String, String> {
        let keys = self.data.keys();
        keys.filter_map(|key| Some((key.clone(), self.line(key).ok()?)))
            .collect()
    }
}
