//! A schema on its way from a description to the tables.

use std::collections::{BTreeMap, BTreeSet};

/// What a value may be. The names are those of `src/schema.rs`.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    /// A definition of the same release, by name.
    Reference(String),
    /// A shape without parts, as an expression of Rust.
    Leaf(&'static str),
    /// One of these words.
    Words(Vec<String>),
    /// Fields by name; what else may stand beside them.
    Object(Vec<Field>, Rest),
    /// Items, and what must differ between them.
    List(Box<Self>, Unique),
}

/// A named part of an object.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) node: Node,
    pub(crate) required: bool,
}

/// What may stand beside the known fields.
#[derive(Debug, Clone)]
pub(crate) enum Rest {
    Nothing,
    Anything,
    Each(Box<Node>),
}

/// What must differ between the items of a list.
#[derive(Debug, Clone)]
pub(crate) enum Unique {
    Nothing,
    Items,
    /// These fields, each with the value that stands for its absence.
    Keys(Vec<(String, Option<&'static str>)>),
}

/// One release of Kubernetes.
pub(crate) struct Release {
    pub(crate) minor: u32,
    /// Definitions by name, sorted.
    pub(crate) definitions: Vec<(String, Node)>,
    pub(crate) kinds: Vec<Kind>,
}

/// `metadata` of every object.
pub(crate) const METADATA: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

impl Release {
    /// Drops the definitions that no kind is made of.
    pub(crate) fn retain_reachable(&mut self) {
        let nodes: BTreeMap<&str, &Node> = self
            .definitions
            .iter()
            .map(|(name, node)| (name.as_str(), node))
            .collect();
        let mut waiting: Vec<&str> = self.kinds.iter().map(|kind| kind.definition.as_str()).collect();
        waiting.push(METADATA);
        let mut reached = BTreeSet::new();
        while let Some(name) = waiting.pop() {
            if reached.insert(name.to_owned()) {
                nodes[name].references(&mut waiting);
            }
        }
        self.definitions.retain(|(name, _)| reached.contains(name));
    }
}

impl Node {
    /// Adds the names of the definitions that it refers to.
    fn references<'a>(&'a self, names: &mut Vec<&'a str>) {
        match self {
            Self::Reference(name) => names.push(name),
            Self::Leaf(_) | Self::Words(_) => {}
            Self::List(item, _) => item.references(names),
            Self::Object(fields, rest) => {
                fields.iter().for_each(|field| field.node.references(names));
                if let Rest::Each(each) = rest {
                    each.references(names);
                }
            }
        }
    }
}

/// A kind that the API serves, and its definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    pub(crate) group: String,
    pub(crate) kind: String,
    pub(crate) version: String,
    pub(crate) definition: String,
}
