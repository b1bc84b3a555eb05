//! Who owns which fields of a living object: `metadata.managedFields`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::fields::{BadFields, FieldPath, FieldSet};

/// How a manager writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// By server-side apply: it says what it wants and keeps it.
    Apply,
    /// By anything else: it owns what it changed.
    Update,
}

/// One entry of `metadata.managedFields`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manager {
    /// As the client called itself.
    pub name: String,
    /// How it writes.
    pub operation: Operation,
    /// `status`, `scale`; "" = the object itself.
    pub subresource: String,
    /// The version that the fields are named in.
    pub api_version: String,
    /// When it last changed something, RFC 3339.
    pub time: Option<String>,
    /// What it owns.
    pub fields: FieldSet,
}

/// Everybody who owns something of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Managers(pub Vec<Manager>);

/// An object whose `metadata.managedFields` can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadManagers {
    /// An entry isn't of the form.
    #[error("`metadata.managedFields[{index}]`: {reason}")]
    Entry {
        /// Which.
        index: usize,
        /// What is wrong.
        reason: String,
    },
    /// The fields of an entry aren't.
    #[error("`metadata.managedFields[{index}]` can't be read")]
    Fields {
        /// Which.
        index: usize,
        /// Why.
        #[source]
        source: BadFields,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    manager: String,
    operation: Operation,
    #[serde(default)]
    subresource: String,
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    time: Option<String>,
    #[serde(default)]
    fields_v1: Option<Value>,
}

impl Managers {
    /// Reads the entries of an object; none when it has none.
    ///
    /// # Errors
    /// At the first entry that can't be read. An API server doesn't serve such.
    pub fn read(object: &Value) -> Result<Self, BadManagers> {
        let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
        let entries = entries.into_iter().flatten().enumerate();
        entries
            .map(|(index, entry)| read(index, entry))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The entry of an app: what it applied last.
    #[must_use]
    pub fn applier(&self, name: &str) -> Option<&Manager> {
        self.0.iter().find(|manager| manager.is_applier(name))
    }

    /// What an app owns, however it wrote: an object that is replaced as a whole (`windlass.dev/apply: replace`) is its
    /// `Update`. `None` when it never wrote the object.
    #[must_use]
    pub fn written_by(&self, name: &str) -> Option<FieldSet> {
        let mut entries = self.0.iter().filter(|manager| manager.is_writer(name)).peekable();
        entries.peek()?;
        Some(FieldSet::union_of(entries.map(|manager| &manager.fields)))
    }

    /// Everybody but that app.
    pub fn others(&self, name: &str) -> impl Iterator<Item = &Manager> {
        self.0.iter().filter(move |manager| !manager.is_writer(name))
    }

    /// Who owns a field.
    pub fn owners_of(&self, path: &FieldPath) -> impl Iterator<Item = &Manager> {
        self.0.iter().filter(move |manager| manager.fields.contains(path))
    }
}

/// How an app's entries come to name their fields in another version of the kind: a JSON patch (RFC 6902) that fails with a
/// conflict when the object has changed since it was read. `None` when they do.
///
/// Server-side apply converts what it makes into the version of the entry; a field that only the newer version has is then "not
/// declared in schema", and the object can't be applied any more (kubernetes/kubernetes#111937, and what Flux calls
/// `MigrateAPIVersion`).
///
/// # Errors
/// When the entries can't be read.
pub fn moved_on(object: &Value, name: &str, api_version: &str) -> Result<Option<Value>, BadManagers> {
    let managers = Managers::read(object)?;
    let is_behind = |entry: &Manager| entry.is_writer(name) && entry.api_version != api_version;
    if !managers.0.iter().any(is_behind) {
        return Ok(None);
    }
    let mut moved = Vec::new();
    for mut entry in managers.0 {
        if is_behind(&entry) {
            entry.api_version = api_version.to_owned();
        }
        entry.join(&mut moved);
    }
    Ok(Some(json!([replaced(&moved), unless_changed(object)])))
}

/// The operation of a JSON patch that has these entries take the place of all.
pub(crate) fn replaced(entries: &[Manager]) -> Value {
    let entries: Vec<Value> = entries.iter().map(Manager::to_value).collect();
    json!({"op": "replace", "path": "/metadata/managedFields", "value": entries})
}

/// The operation of a JSON patch by which it fails when the object has changed since it was read. Not `test`: a `replace` with an old
/// version ends in a conflict (409), a failed test in an invalid request (422).
pub(crate) fn unless_changed(object: &Value) -> Value {
    let version = object.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
    json!({"op": "replace", "path": "/metadata/resourceVersion", "value": version})
}

impl Manager {
    /// Whether this is the entry that an app applies under.
    #[must_use]
    pub fn is_applier(&self, name: &str) -> bool {
        self.operation == Operation::Apply && self.subresource.is_empty() && self.name == name
    }

    /// Whether this is an entry of an app, however it wrote.
    #[must_use]
    pub fn is_writer(&self, name: &str) -> bool {
        self.subresource.is_empty() && self.name == name
    }

    /// Joins other entries: one of the same manager, that writes the same way in the same version, has its fields too from then on.
    pub(crate) fn join(self, entries: &mut Vec<Self>) {
        let is_it = |known: &&mut Self| {
            (&known.name, known.operation) == (&self.name, self.operation)
                && (&known.subresource, &known.api_version) == (&self.subresource, &self.api_version)
        };
        match entries.iter_mut().find(is_it) {
            Some(known) => known.fields = known.fields.union(&self.fields),
            None => entries.push(self),
        }
    }

    /// As it stands in `metadata.managedFields`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut entry = json!({
            "manager": self.name,
            "operation": self.operation,
            "apiVersion": self.api_version,
            "fieldsType": FIELDS_TYPE,
            "fieldsV1": self.fields.to_value(),
        });
        if let Some(time) = &self.time {
            entry["time"] = time.as_str().into();
        }
        if !self.subresource.is_empty() {
            entry["subresource"] = self.subresource.as_str().into();
        }
        entry
    }
}

/// The one form of fields that there is.
const FIELDS_TYPE: &str = "FieldsV1";

fn read(index: usize, entry: &Value) -> Result<Manager, BadManagers> {
    let entry = Entry::deserialize(entry).map_err(|error| BadManagers::Entry {
        index,
        reason: error.to_string(),
    })?;
    let fields = entry.fields_v1.as_ref().map(FieldSet::from_value).transpose();
    Ok(Manager {
        name: entry.manager,
        operation: entry.operation,
        subresource: entry.subresource,
        api_version: entry.api_version,
        time: entry.time,
        fields: fields
            .map_err(|source| BadManagers::Fields { index, source })?
            .unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object() -> Value {
        json!({"metadata": {"managedFields": [
            {"manager": "windlass/a", "operation": "Apply", "apiVersion": "apps/v1", "time": "2026-01-02T03:04:05Z",
             "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:paused": {}, "f:replicas": {}}}},
            {"manager": "windlass/a", "operation": "Update", "apiVersion": "apps/v1",
             "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:paused": {}}}},
            {"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "apps/v1", "subresource": "scale",
             "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        ]}})
    }

    #[test]
    fn owners_are_found_by_field() {
        let managers = Managers::read(&object()).unwrap();
        let owners = |path: &str| {
            let path = FieldPath::parse(path).unwrap();
            let name = |m: &Manager| format!("{} {:?} {}", m.name, m.operation, m.subresource);
            managers.owners_of(&path).map(name).collect::<Vec<_>>()
        };
        assert_eq!(
            owners(".spec.replicas"),
            ["windlass/a Apply ", "kube-controller-manager Update scale"]
        );
        assert_eq!(owners(".spec.paused"), ["windlass/a Apply ", "windlass/a Update "]);
        assert!(owners(".spec.template").is_empty());
    }

    #[test]
    fn what_an_app_wrote_in_any_way_is_its_own() {
        let managers = Managers::read(&object()).unwrap();
        assert_eq!(managers.applier("windlass/a").unwrap().fields.paths().len(), 2);
        assert!(managers.applier("kube-controller-manager").is_none());
        assert_eq!(managers.written_by("windlass/a").unwrap().paths().len(), 2);
        assert!(managers.written_by("nobody").is_none());
        assert_eq!(managers.others("windlass/a").count(), 1);
        assert_eq!(Managers::read(&json!({})).unwrap(), Managers::default());
    }

    #[test]
    fn entries_read_what_they_write() {
        let object = object();
        let managers = Managers::read(&object).unwrap();
        let written: Vec<Value> = managers.0.iter().map(Manager::to_value).collect();
        assert_eq!(Value::from(written), object["metadata"]["managedFields"]);
    }

    #[test]
    fn an_app_moves_on_to_another_version_and_takes_nobody_along() {
        let mut object = object();
        object["metadata"]["resourceVersion"] = "7".into();
        object["metadata"]["managedFields"][0]["apiVersion"] = "apps/v1beta1".into();
        let patch = moved_on(&object, "windlass/a", "apps/v1").unwrap().unwrap();
        let versions = |value: &Value| -> Vec<String> {
            let entries = value.as_array().unwrap();
            let line = |entry: &Value| {
                format!("{} {} {}", entry["manager"], entry["operation"], entry["apiVersion"]).replace('"', "")
            };
            entries.iter().map(line).collect()
        };
        assert_eq!(
            versions(&patch[0]["value"]),
            [
                "windlass/a Apply apps/v1",
                "windlass/a Update apps/v1",
                "kube-controller-manager Update apps/v1"
            ]
        );
        assert_eq!(patch[1]["value"], "7");
        object["metadata"]["managedFields"] = patch[0]["value"].clone();
        assert_eq!(moved_on(&object, "windlass/a", "apps/v1").unwrap(), None);
        object["metadata"]["managedFields"][2]["apiVersion"] = "autoscaling/v1".into();
        assert_eq!(moved_on(&object, "windlass/a", "apps/v1").unwrap(), None);
    }

    #[test]
    fn a_broken_entry_is_named() {
        for (entry, expected) in [
            (
                json!({"manager": "a"}),
                "`metadata.managedFields[0]`: missing field `operation`",
            ),
            (
                json!({"operation": "Apply", "fieldsV1": {"x": {}}}),
                "`metadata.managedFields[0]` can't be read",
            ),
        ] {
            let object = json!({"metadata": {"managedFields": [entry]}});
            assert_eq!(Managers::read(&object).unwrap_err().to_string(), expected);
        }
    }
}
