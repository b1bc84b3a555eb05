//! Structural schemas: OpenAPI v3 as a CustomResourceDefinition may have it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::schema::{
    Bounds, Field, Format, Key, Limit, Link, List, Null, Object, Rest, Rules, Schema, Shape, Unique, Width,
};

/// What `metadata` is read as where the definition says nothing of the like: anything.
static ANYTHING: Schema = Schema::new(Shape::Any);
/// `apiVersion` and `kind`, which every object has whether its definition says so or not.
static TEXT: Schema = Schema::new(Shape::Text(Format::Any));

/// Whether fields that a schema doesn't name are told: not within `allOf` and the like, which only add rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Structure,
    Rule,
}

/// The schema of a custom resource; `metadata` is that of every object.
pub(super) fn read(schema: &Value, metadata: &'static Schema) -> Schema {
    let Some(map) = schema.as_object() else {
        return Schema::new(Shape::Any);
    };
    let reader = Reader { metadata };
    let mut schema = reader.schema(map, Place::Structure);
    if let Shape::Object(object) = &mut schema.shape {
        reader.embed(object);
    }
    schema
}

struct Reader {
    metadata: &'static Schema,
}

impl Reader {
    fn any(&self, value: Option<&Value>, place: Place) -> Option<Schema> {
        Some(self.schema(value?.as_object()?, place))
    }

    fn schema(&self, map: &Map<String, Value>, place: Place) -> Schema {
        let null = match place {
            _ if is(map, "nullable") => Null::Value,
            Place::Structure => Null::Wrong,
            Place::Rule => Null::Nothing,
        };
        let mut shape = self.shape(map, place);
        if let (Shape::Object(object), true) = (&mut shape, is(map, "x-kubernetes-embedded-resource")) {
            self.embed(object);
        }
        Schema {
            shape,
            null,
            rules: self.rules(map).map(Box::new),
        }
    }

    fn shape(&self, map: &Map<String, Value>, place: Place) -> Shape {
        let text = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default();
        match text("type") {
            _ if is(map, "x-kubernetes-int-or-string") => Shape::IntOrString,
            "object" => Shape::Object(self.object(map, place)),
            "" if place == Place::Rule && (map.contains_key("properties") || map.contains_key("required")) => {
                Shape::Object(self.object(map, place))
            }
            "array" => Shape::List(self.list(map, place)),
            "" if place == Place::Rule && map.contains_key("items") => Shape::List(self.list(map, place)),
            "boolean" => Shape::Boolean,
            "integer" if text("format") == "int32" => Shape::Integer(Width::Int32),
            "integer" => Shape::Integer(Width::Int64),
            "number" => Shape::Number,
            "string" => Shape::Text(format(text("format"))),
            _ => Shape::Any,
        }
    }

    fn object(&self, map: &Map<String, Value>, place: Place) -> Object {
        let required = list(map, "required").filter_map(Value::as_str);
        let mut fields: BTreeMap<String, Field> = required
            .map(|name| (name.to_owned(), field(name, Link::Static(&ANYTHING), true)))
            .collect();
        let properties = map.get("properties").and_then(Value::as_object);
        for (name, value) in properties.into_iter().flatten() {
            let Some(schema) = self.any(Some(value), place) else {
                continue;
            };
            let required = fields.contains_key(name);
            fields.insert(name.clone(), field(name, Link::Owned(Arc::new(schema)), required));
        }
        Object {
            rest: self.rest(map, place),
            fields: fields.into_values().collect(),
        }
    }

    fn rest(&self, map: &Map<String, Value>, place: Place) -> Rest {
        match map.get("additionalProperties") {
            Some(Value::Object(each)) => Rest::Each(Link::Owned(Arc::new(self.schema(each, place)))),
            Some(Value::Bool(true)) => Rest::Free,
            _ if is(map, "x-kubernetes-preserve-unknown-fields") || place == Place::Rule => Rest::Free,
            _ => Rest::Unknown,
        }
    }

    fn list(&self, map: &Map<String, Value>, place: Place) -> List {
        let item = self.any(map.get("items"), place).unwrap_or(Schema::new(Shape::Any));
        let item_fields = map.get("items").and_then(|items| items.get("properties"));
        let key = |name: &str| {
            let default = item_fields.and_then(|fields| fields.get(name)?.get("default")?.as_str());
            Key {
                name: name.to_owned().into(),
                default: default.map(|text| text.to_owned().into()),
            }
        };
        let unique = match map.get("x-kubernetes-list-type").and_then(Value::as_str) {
            Some("set") => Unique::Items,
            Some("map") => {
                let keys = list(map, "x-kubernetes-list-map-keys").filter_map(Value::as_str);
                Unique::Keys(keys.map(key).collect::<Vec<_>>().into())
            }
            _ => Unique::Nothing,
        };
        List {
            item: Link::Owned(Arc::new(item)),
            unique,
        }
    }

    /// Adds what every object has, its own or one that is embedded.
    fn embed(&self, object: &mut Object) {
        let mut fields: BTreeMap<String, Field> = object
            .fields
            .iter()
            .map(|field| (field.name.clone().into_owned(), field.clone()))
            .collect();
        for (name, schema) in [("apiVersion", &TEXT), ("kind", &TEXT), ("metadata", self.metadata)] {
            let required = fields.get(name).is_some_and(|field| field.required);
            fields.insert(name.to_owned(), field(name, Link::Static(schema), required));
        }
        object.fields = fields.into_values().collect();
    }

    fn rules(&self, map: &Map<String, Value>) -> Option<Rules> {
        let limit = |key: &str, exclusive: &str| {
            let at = map.get(key).and_then(Value::as_f64)?;
            Some(Limit {
                at,
                exclusive: is(map, exclusive),
            })
        };
        let schemas = |key: &str| {
            list(map, key)
                .filter_map(|each| self.any(Some(each), Place::Rule))
                .collect()
        };
        let rules = Rules {
            choices: list(map, "enum").cloned().collect(),
            format: (!map.contains_key("type"))
                .then(|| map.get("format")?.as_str().map(format))
                .flatten(),
            pattern: map.get("pattern").and_then(Value::as_str).map(str::to_owned),
            length: bounds(map, "minLength", "maxLength"),
            items: bounds(map, "minItems", "maxItems"),
            fields: bounds(map, "minProperties", "maxProperties"),
            minimum: limit("minimum", "exclusiveMinimum"),
            maximum: limit("maximum", "exclusiveMaximum"),
            multiple_of: map.get("multipleOf").and_then(Value::as_f64),
            all_of: schemas("allOf"),
            any_of: schemas("anyOf"),
            one_of: schemas("oneOf"),
            not: self.any(map.get("not"), Place::Rule),
        };
        (!rules.is_empty()).then_some(rules)
    }
}

impl Rules {
    /// Whether there is nothing to hold.
    fn is_empty(&self) -> bool {
        let schemas = [&self.all_of, &self.any_of, &self.one_of];
        self.choices.is_empty()
            && self.pattern.is_none()
            && self.format.is_none()
            && [self.length, self.items, self.fields]
                .iter()
                .all(|bounds| *bounds == Bounds::default())
            && (self.minimum, self.maximum, self.multiple_of) == (None, None, None)
            && self.not.is_none()
            && schemas.iter().all(|list| list.is_empty())
    }
}

fn field(name: &str, schema: Link, required: bool) -> Field {
    Field {
        name: Cow::Owned(name.to_owned()),
        schema,
        required,
    }
}

fn is(map: &Map<String, Value>, key: &str) -> bool {
    map.get(key) == Some(&Value::Bool(true))
}

fn list<'a>(map: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = &'a Value> {
    map.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn bounds(map: &Map<String, Value>, least: &str, most: &str) -> Bounds {
    let number = |key: &str| map.get(key).and_then(Value::as_u64);
    Bounds {
        least: number(least),
        most: number(most),
    }
}

/// Formats that aren't here are taken as any string: the server knows some more.
fn format(name: &str) -> Format {
    match name {
        "byte" => Format::Base64,
        "date-time" | "datetime" => Format::DateTime,
        "date" => Format::Date,
        "ipv4" => Format::Ipv4,
        "ipv6" => Format::Ipv6,
        "cidr" => Format::Cidr,
        "mac" => Format::Mac,
        "uuid" => Format::Uuid,
        _ => Format::Any,
    }
}
