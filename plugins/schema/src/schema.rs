//! What a value may be: one form for what Kubernetes describes and for what a CustomResourceDefinition does.
//!
//! The former is `static`, made by the build, and refers to itself; the latter is owned, made from the render. [`Link`] and
//! `Cow` hold either.

use std::borrow::Cow;
use std::ops::Deref;

use serde_json::Value;

/// What a value may be.
#[derive(Debug)]
pub(crate) struct Schema {
    /// Its type and parts.
    pub(crate) shape: Shape,
    /// What `null` is here.
    pub(crate) null: Null,
    /// What else must hold; only custom resources have it.
    pub(crate) rules: Option<Box<Rules>>,
}

impl Schema {
    /// One without further rules, for which `null` is as good as nothing: that is how Kubernetes takes what it has built in.
    pub(crate) const fn new(shape: Shape) -> Self {
        Self {
            shape,
            null: Null::Nothing,
            rules: None,
        }
    }
}

/// What `null` is. As the value of a field it is dropped before anything is checked, unless it is a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Null {
    /// As good as nothing.
    Nothing,
    /// A value.
    Value,
    /// Wrong as an item of a list, where it can't be dropped.
    Wrong,
}

/// The types of values.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Nothing is known.
    Any,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer(Width),
    /// A number.
    Number,
    /// A string.
    Text(Format),
    /// A port, an amount or a percentage.
    IntOrString,
    /// `100m`, `1.5Gi`, `3`.
    Quantity,
    /// A map.
    Object(Object),
    /// A list.
    List(List),
    /// What another schema says.
    Same(&'static Schema),
}

/// How large a whole number may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// 32 bits with sign.
    Int32,
    /// 64 bits with sign.
    Int64,
}

/// What a string must look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Format {
    /// Anything.
    Any,
    /// Bytes in base64.
    Base64,
    /// RFC 3339.
    DateTime,
    /// `2026-11-25`.
    Date,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// An address and the length of its prefix.
    Cidr,
    /// A MAC address.
    Mac,
    /// A UUID.
    Uuid,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// A map: known fields, and what may stand beside them.
#[derive(Debug)]
pub(crate) struct Object {
    /// Sorted by name.
    pub(crate) fields: Cow<'static, [Field]>,
    /// Beside the fields.
    pub(crate) rest: Rest,
}

impl Object {
    /// The field of that name.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        let found = self.fields.binary_search_by(|field| field.name.as_ref().cmp(name));
        found.ok().map(|index| &self.fields[index])
    }
}

/// A field of a map.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: Cow<'static, str>,
    /// Its value.
    pub(crate) schema: Link,
    /// Whether it must be there.
    pub(crate) required: bool,
}

/// What may stand in a map beside the known fields.
#[derive(Debug)]
pub(crate) enum Rest {
    /// The API server drops or refuses it.
    Unknown,
    /// Whatever there is.
    Free,
    /// Values like this.
    Each(Link),
}

/// A list.
#[derive(Debug)]
pub(crate) struct List {
    /// Each of its items.
    pub(crate) item: Link,
    /// What must differ between them.
    pub(crate) unique: Unique,
}

/// What must differ between the items of a list.
#[derive(Debug)]
pub(crate) enum Unique {
    /// Nothing.
    Nothing,
    /// Items as a whole.
    Items,
    /// These fields, taken together.
    Keys(Cow<'static, [Key]>),
}

/// A field that tells items of a list apart.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// Its name.
    pub(crate) name: Cow<'static, str>,
    /// What it is when it is left out.
    pub(crate) default: Option<Cow<'static, str>>,
}

/// A schema that stands elsewhere.
#[derive(Debug, Clone)]
pub(crate) enum Link {
    /// Made by the build.
    Static(&'static Schema),
    /// Made from the render. Shared, because `Cow` wants fields that can be cloned.
    Owned(std::sync::Arc<Schema>),
}

impl Deref for Link {
    type Target = Schema;

    fn deref(&self) -> &Schema {
        match self {
            Self::Static(schema) => schema,
            Self::Owned(schema) => schema,
        }
    }
}

/// What must hold of a value beside its type.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// One of these values; empty = any.
    pub(crate) choices: Vec<Value>,
    /// What a string must look like, where the type isn't said.
    pub(crate) format: Option<Format>,
    /// A regular expression that is found in the string.
    pub(crate) pattern: Option<String>,
    /// Characters of a string.
    pub(crate) length: Bounds,
    /// Items of a list.
    pub(crate) items: Bounds,
    /// Fields of a map.
    pub(crate) fields: Bounds,
    /// The least number.
    pub(crate) minimum: Option<Limit>,
    /// The greatest number.
    pub(crate) maximum: Option<Limit>,
    /// What a number must be a multiple of.
    pub(crate) multiple_of: Option<f64>,
    /// All of these hold.
    pub(crate) all_of: Vec<Schema>,
    /// At least one of these holds.
    pub(crate) any_of: Vec<Schema>,
    /// Exactly one of these holds.
    pub(crate) one_of: Vec<Schema>,
    /// This one doesn't hold.
    pub(crate) not: Option<Schema>,
}

/// How many there may be.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// At least.
    pub(crate) least: Option<u64>,
    /// At most.
    pub(crate) most: Option<u64>,
}

/// An end of a range of numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limit {
    /// Where it is.
    pub(crate) at: f64,
    /// Whether the number there is outside already.
    pub(crate) exclusive: bool,
}
