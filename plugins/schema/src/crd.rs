//! Custom kinds, out of the CustomResourceDefinitions of the render.

mod defaults;
mod structural;

use std::collections::HashMap;

use serde_json::Value;
use windlass_sdk::ObjectRef;

use crate::schema::Schema;

/// Whether the object defines a kind.
pub(crate) fn is_definition(head: &ObjectRef) -> bool {
    head.group == "apiextensions.k8s.io" && head.kind == "CustomResourceDefinition"
}

/// A custom kind.
#[derive(Debug)]
pub(crate) struct Definition {
    /// Its versions.
    pub(crate) versions: Vec<Version>,
}

impl Definition {
    /// The version of that name, if it is served.
    pub(crate) fn served(&self, name: &str) -> Option<&Version> {
        self.versions
            .iter()
            .find(|version| version.served && version.name == name)
    }
}

/// A version of a custom kind.
#[derive(Debug)]
pub(crate) struct Version {
    /// Its name.
    pub(crate) name: String,
    /// Whether the API serves it.
    pub(crate) served: bool,
    /// The warning that clients get; absent = not deprecated.
    pub(crate) deprecated: Option<String>,
    /// Its description, as it stands in the definition.
    schema: Value,
}

impl Version {
    /// Fills in what the server fills in before it checks an object.
    pub(crate) fn fill(&self, body: &mut Value) {
        defaults::fill(&self.schema, body);
    }

    /// What objects look like. Not kept: most definitions of a render have no object in the same call.
    pub(crate) fn schema(&self, metadata: &'static Schema) -> Schema {
        structural::read(&self.schema, metadata)
    }
}

/// Custom kinds by group and kind.
#[derive(Debug, Default)]
pub(crate) struct Definitions(HashMap<(String, String), Definition>);

impl Definitions {
    /// Takes in a CustomResourceDefinition. What is wrong with it is told when it is checked as an object.
    pub(crate) fn add(&mut self, mut body: Value) {
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let (Some(group), Some(kind)) = (text("/spec/group"), text("/spec/names/kind")) else {
            return;
        };
        let listed = body.pointer_mut("/spec/versions").and_then(Value::as_array_mut);
        let versions = listed.into_iter().flatten().filter_map(read).collect();
        self.0.insert((group, kind), Definition { versions });
    }

    /// The custom kind of that name.
    pub(crate) fn get(&self, group: &str, kind: &str) -> Option<&Definition> {
        self.0.get(&(group.to_owned(), kind.to_owned()))
    }
}

fn read(version: &mut Value) -> Option<Version> {
    let schema = version
        .pointer_mut("/schema/openAPIV3Schema")
        .map(Value::take)
        .unwrap_or_default();
    let deprecated = version.get("deprecated") == Some(&Value::Bool(true));
    let warning = || {
        version
            .get("deprecationWarning")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    Some(Version {
        name: version.get("name")?.as_str()?.to_owned(),
        served: version.get("served") != Some(&Value::Bool(false)),
        deprecated: deprecated.then(warning),
        schema,
    })
}

#[cfg(test)]
mod tests;
