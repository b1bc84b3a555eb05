//! Kubernetes objects by identity and content.

mod scope;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::Digest;

pub use scope::{is_built_in, is_cluster_scoped};

/// What makes two manifests the same object: group and kind, namespace and name. The version is not part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ObjectId {
    /// "" for the core group.
    pub group: String,
    /// E.g. `Deployment`.
    pub kind: String,
    /// "" for cluster-scoped objects.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
}

impl ObjectId {
    /// Whether it is one that a rule of an App is about: of that kind, and of that group, namespace and name where they are said.
    #[must_use]
    pub fn fits(&self, group: Option<&str>, kind: &str, namespace: Option<&str>, name: Option<&str>) -> bool {
        let fits = |wanted: Option<&str>, found: &str| wanted.is_none_or(|wanted| wanted == found);
        self.kind == kind && fits(group, &self.group) && fits(namespace, &self.namespace) && fits(name, &self.name)
    }

    /// `Deployment.apps`, `Service`: kind and group as kubectl writes them.
    #[must_use]
    pub fn group_kind(&self) -> String {
        if self.group.is_empty() {
            self.kind.clone()
        } else {
            format!("{}.{}", self.kind, self.group)
        }
    }
}

/// `Deployment.apps shop/api`.
impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.group_kind())?;
        if self.namespace.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

/// Items of a list in a manifest; none where there is no list.
pub(crate) fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

/// One object as git wants it.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Which.
    pub id: ObjectId,
    /// The whole manifest, keys sorted.
    pub body: Value,
    /// Of the canonical JSON of `body`.
    pub hash: Digest,
}

/// Why a value is no object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnObject {
    /// A list or a scalar.
    #[error("expected a Kubernetes object, found {found}")]
    NotAMap {
        /// What it is.
        found: &'static str,
    },
    /// A field is absent or no string.
    #[error("`{field}` is missing")]
    Missing {
        /// Dotted path.
        field: &'static str,
    },
    /// A field is not what its name says.
    #[error("`{field}` must be a string, found {found}")]
    WrongType {
        /// Dotted path.
        field: &'static str,
        /// What it is.
        found: &'static str,
    },
}

impl NotAnObject {
    /// JSON pointer to the field at fault, or to its nearest parent.
    #[must_use]
    pub fn pointer(&self) -> String {
        match self {
            Self::NotAMap { .. } => String::new(),
            Self::Missing { field } | Self::WrongType { field, .. } => format!("/{}", field.replace('.', "/")),
        }
    }
}

impl Object {
    /// Reads identity out of a manifest. A namespace on a cluster-scoped built-in kind is dropped from the identity.
    ///
    /// # Errors
    /// When the value is no map, or `apiVersion`, `kind` or `metadata.name` is absent or no string.
    pub fn from_value(body: Value) -> Result<Self, NotAnObject> {
        if !body.is_object() {
            return Err(NotAnObject::NotAMap {
                found: type_name(&body),
            });
        }
        let api_version = field(&body, "/apiVersion", "apiVersion")?;
        let kind = field(&body, "/kind", "kind")?;
        let name = field(&body, "/metadata/name", "metadata.name")?;
        let namespace = match body.pointer("/metadata/namespace") {
            None | Some(Value::Null) => "",
            Some(_) => field(&body, "/metadata/namespace", "metadata.namespace").or_else(|e| match e {
                NotAnObject::Missing { .. } => Ok(""),
                wrong @ (NotAnObject::WrongType { .. } | NotAnObject::NotAMap { .. }) => Err(wrong),
            })?,
        };
        let (group, _) = group_version(api_version);
        let namespace = if is_cluster_scoped(group, kind) { "" } else { namespace };
        let id = ObjectId {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        let hash = Digest::of(canonical(&body).as_bytes());
        Ok(Self { id, body, hash })
    }
}

/// `apps/v1` → (`apps`, `v1`); `v1` → ("", `v1`).
#[must_use]
pub fn group_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// Canonical JSON: keys sorted, no white space. (`serde_json` maps are sorted.)
#[must_use]
pub fn canonical(value: &Value) -> String {
    value.to_string()
}

/// What a JSON value is, in words.
#[must_use]
pub const fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

fn field<'a>(body: &'a Value, pointer: &str, field: &'static str) -> Result<&'a str, NotAnObject> {
    match body.pointer(pointer) {
        None | Some(Value::Null) => Err(NotAnObject::Missing { field }),
        Some(Value::String(text)) if text.is_empty() => Err(NotAnObject::Missing { field }),
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(NotAnObject::WrongType {
            field,
            found: type_name(other),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn identity_is_group_kind_namespace_name() {
        let object = Object::from_value(
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api", "namespace": "shop"}}),
        )
        .unwrap();
        assert_eq!(object.id.to_string(), "Deployment.apps shop/api");
        let role = Object::from_value(
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r", "namespace": "shop"}}),
        )
        .unwrap();
        assert_eq!(role.id.namespace, "");
    }

    #[test]
    fn what_is_missing_is_named() {
        let error =
            Object::from_value(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": 1}})).unwrap_err();
        assert_eq!(error.to_string(), "`metadata.name` must be a string, found a number");
        assert_eq!(error.pointer(), "/metadata/name");
        assert_eq!(
            Object::from_value(json!([])).unwrap_err().to_string(),
            "expected a Kubernetes object, found a list"
        );
    }
}
