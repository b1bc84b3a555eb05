//! Reads `swagger.json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::enums::{self, Words};
use crate::nodes::{Field, Kind, Node, Release, Rest, Unique};

/// The definitions of the machinery that every API shares: no kind of theirs is ever applied.
const MACHINERY: &str = "io.k8s.apimachinery.";

/// What the server fills in when a list's key is left out. `swagger.json` doesn't say; the generated code does, and there
/// is no other one.
const KEY_DEFAULTS: [(&str, &str); 1] = [("protocol", "TCP")];

/// Fields that are declared as required, but which the server takes as their zero value when they are left out.
const ZERO_WILL_DO: [(&str, &str); 8] = [
    ("io.k8s.api.core.v1.HTTPHeader", "value"),
    ("io.k8s.api.core.v1.ISCSIPersistentVolumeSource", "lun"),
    ("io.k8s.api.core.v1.ISCSIVolumeSource", "lun"),
    ("io.k8s.api.core.v1.LimitRangeSpec", "limits"),
    ("io.k8s.api.core.v1.Sysctl", "value"),
    ("io.k8s.api.networking.v1.NetworkPolicySpec", "podSelector"),
    ("io.k8s.api.storage.v1.CSIDriver", "spec"),
    (
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceConversion",
        "strategy",
    ),
];

#[derive(Deserialize)]
struct Description {
    definitions: BTreeMap<String, Schema>,
}

#[derive(Deserialize)]
struct Schema {
    #[serde(rename = "$ref")]
    reference: Option<String>,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    format: String,
    #[serde(default)]
    properties: BTreeMap<String, Self>,
    #[serde(default)]
    required: Vec<String>,
    #[serde(rename = "additionalProperties")]
    additional: Option<Box<Self>>,
    items: Option<Box<Self>>,
    #[serde(rename = "x-kubernetes-list-type", default)]
    list_type: String,
    #[serde(rename = "x-kubernetes-list-map-keys", default)]
    list_keys: Vec<String>,
    #[serde(rename = "x-kubernetes-group-version-kind", default)]
    kinds: Vec<GroupVersionKind>,
}

#[derive(Deserialize)]
struct GroupVersionKind {
    group: String,
    version: String,
    kind: String,
}

/// The release that `text` describes.
pub(crate) fn release(minor: u32, text: &str, words: &Words) -> Result<Release, serde_json::Error> {
    let description: Description = serde_json::from_str(text)?;
    let mut release = Release {
        minor,
        definitions: Vec::new(),
        kinds: Vec::new(),
    };
    for (name, schema) in description.definitions {
        release.kinds.extend(kinds(&name, &schema));
        let node = definition(&name, &schema, words);
        release.definitions.push((name, node));
    }
    release.kinds.sort();
    release.retain_reachable();
    Ok(release)
}

fn kinds(definition: &str, schema: &Schema) -> Vec<Kind> {
    if definition.starts_with(MACHINERY) {
        return Vec::new();
    }
    let kind = |named: &GroupVersionKind| Kind {
        group: named.group.clone(),
        kind: named.kind.clone(),
        version: named.version.clone(),
        definition: definition.to_owned(),
    };
    schema.kinds.iter().map(kind).collect()
}

fn definition(name: &str, schema: &Schema, words: &Words) -> Node {
    match name.rsplit('.').next().unwrap_or_default() {
        "Quantity" => return Node::Leaf("Shape::Quantity"),
        "JSON" | "JSONSchemaPropsOrBool" | "JSONSchemaPropsOrStringArray" => return Node::Leaf("Shape::Any"),
        // The server takes no list of schemas here, whatever the name says.
        "JSONSchemaPropsOrArray" => return Node::Reference(name.trim_end_matches("OrArray").to_owned()),
        _ => {}
    }
    let mut node = self::node(schema);
    if let (Node::Object(fields, _), Some(key)) = (&mut node, enums::key(name)) {
        for field in fields {
            if let Some(words) = words.get(&(key.clone(), field.name.clone())) {
                narrow(&mut field.node, words);
            }
            field.required &= !ZERO_WILL_DO.contains(&(name, field.name.as_str()));
        }
    }
    node
}

/// A text, or the texts of a list, become one of `words`.
fn narrow(node: &mut Node, words: &[String]) {
    match node {
        Node::Leaf("Shape::Text(Format::Any)") => *node = Node::Words(words.to_vec()),
        Node::List(item, _) => narrow(item, words),
        _ => {}
    }
}

fn node(schema: &Schema) -> Node {
    if let Some(reference) = &schema.reference {
        return Node::Reference(reference.trim_start_matches("#/definitions/").to_owned());
    }
    match (schema.kind.as_str(), schema.format.as_str()) {
        ("object", _) => object(schema),
        ("array", _) => list(schema),
        ("boolean", _) => Node::Leaf("Shape::Boolean"),
        ("integer", "int32") => Node::Leaf("Shape::Integer(Width::Int32)"),
        ("integer", _) => Node::Leaf("Shape::Integer(Width::Int64)"),
        ("number", _) => Node::Leaf("Shape::Number"),
        ("string", "int-or-string") => Node::Leaf("Shape::IntOrString"),
        ("string", "byte") => Node::Leaf("Shape::Text(Format::Base64)"),
        ("string", "date-time") => Node::Leaf("Shape::Text(Format::DateTime)"),
        ("string", _) => Node::Leaf("Shape::Text(Format::Any)"),
        _ => Node::Leaf("Shape::Any"),
    }
}

fn object(schema: &Schema) -> Node {
    let field = |(name, part): (&String, &Schema)| Field {
        name: name.clone(),
        node: node(part),
        required: schema.required.contains(name),
    };
    let rest = match &schema.additional {
        Some(each) => Rest::Each(Box::new(node(each))),
        None if schema.properties.is_empty() => Rest::Anything,
        None => Rest::Nothing,
    };
    Node::Object(schema.properties.iter().map(field).collect(), rest)
}

fn list(schema: &Schema) -> Node {
    let unique = match schema.list_type.as_str() {
        "set" => Unique::Items,
        "map" => Unique::Keys(schema.list_keys.iter().map(|key| (key.clone(), default(key))).collect()),
        _ => Unique::Nothing,
    };
    let item = schema.items.as_deref().map_or(Node::Leaf("Shape::Any"), node);
    Node::List(Box::new(item), unique)
}

fn default(key: &str) -> Option<&'static str> {
    KEY_DEFAULTS
        .iter()
        .find(|(name, _)| *name == key)
        .map(|(_, value)| *value)
}
