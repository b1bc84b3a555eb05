//! Secrets, by reference: files in a configuration on disk, Secrets in a cluster.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Home, Mistake, schema::Name};

/// A Secret in the document's own namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretRef {
    /// Name of the Secret.
    #[schemars(with = "Name")]
    pub name: String,
}

/// A field that only a document in a file, or only one in a cluster, may have.
pub(super) struct Bound<'f> {
    /// As a JSON pointer.
    pub(super) pointer: &'f str,
    /// Whether the document has it.
    pub(super) given: bool,
    /// What does the same in the other home.
    pub(super) instead: &'f str,
}

/// Of a file in a cluster, for people.
pub(crate) const NO_FILES: &str = "names a file of the engine's own machine, which an object in a cluster may not";

/// Refuses a field that names a file of the machine that the engine runs on, where a team wrote the document.
pub(super) fn only_in_files(home: Home, fields: &[Bound<'_>]) -> Result<(), Mistake> {
    refuse(home == Home::Cluster, fields, NO_FILES)
}

/// Refuses a field that needs a cluster.
pub(super) fn only_in_clusters(home: Home, fields: &[Bound<'_>]) -> Result<(), Mistake> {
    refuse(
        home == Home::File,
        fields,
        "needs a cluster that it stands in, which a configuration file has not",
    )
}

fn refuse(here: bool, fields: &[Bound<'_>], why: &str) -> Result<(), Mistake> {
    let wrong = fields.iter().find(|field| here && field.given);
    wrong.map_or(Ok(()), |field| {
        let path = field.pointer.trim_start_matches('/').replace('/', ".");
        Err((field.pointer.to_owned(), format!("{path} {why}: {}", field.instead)))
    })
}
