//! What an object holds in some fields: equal before and after means that nothing of it changed, whatever the server has filled in
//! beside it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    element::Element,
    find::{self, Strictness},
    json::Json,
    set::{FieldSet, Node},
};
use crate::{digest::Digest, model::canonical};

/// An object restricted to the fields of a set.
///
/// # Guarantees
/// - A field of the set that the object doesn't hold is `null`, so that it differs from one that isn't in the set.
/// - Items of associative and set lists stand in the order of the set, so their order in the object doesn't matter; an item that
///   isn't there is `null`.
/// - What the set has as a whole (an atomic map or list) is there as a whole; an empty one is `null`, for the server drops some
///   of the empty ones.
/// - Where the object isn't of the shape that the set says, it is there as it is.
#[must_use]
pub fn project(object: &Value, owned: &FieldSet) -> Value {
    project_beside(object, owned, &FieldSet::default())
}

/// As [`project`], less what others have put into maps that are owned as a whole.
///
/// A manager that applies `annotations: {}` owns the map as a whole, as if it were an atomic one. When somebody else then owns
/// a field in it, it was no atomic one, and that field isn't part of what was applied.
#[must_use]
pub fn project_beside(object: &Value, owned: &FieldSet, others: &FieldSet) -> Value {
    below(Some(object), owned, others)
}

/// Digest of [`project_beside`].
#[must_use]
pub fn projection(object: &Value, owned: &FieldSet, others: &FieldSet) -> Digest {
    Digest::of(canonical(&project_beside(object, owned, others)).as_bytes())
}

fn below(value: Option<&Value>, owned: &FieldSet, others: &FieldSet) -> Value {
    let nodes = owned.nodes();
    let is_map = nodes.keys().all(|element| matches!(element, Element::Field(_)));
    let is_list = !nodes.keys().any(|element| matches!(element, Element::Field(_)));
    match value {
        None | Some(Value::Null) if is_map => Value::Object(fields(&Map::new(), owned, others)),
        Some(Value::Object(map)) if is_map => Value::Object(fields(map, owned, others)),
        None | Some(Value::Null) if is_list => Value::Array(vec![Value::Null; nodes.len()]),
        Some(Value::Array(list)) if is_list => Value::Array(items(list, owned, others)),
        other => other.cloned().unwrap_or_default(),
    }
}

fn fields(map: &Map<String, Value>, owned: &FieldSet, others: &FieldSet) -> Map<String, Value> {
    let field = |(element, mine): (&Element, &Node)| match element {
        Element::Field(name) => Some((name.clone(), node(map.get(name), element, mine, others))),
        _ => None,
    };
    owned.nodes().iter().filter_map(field).collect()
}

fn items(list: &[Value], owned: &FieldSet, others: &FieldSet) -> Vec<Value> {
    let index = Index::of(list, owned);
    let item = |(element, mine): (&Element, &Node)| {
        let found = index.find(element);
        match found.as_slice() {
            [] => Value::Null,
            [only] => keyed(node(Some(only), element, mine, others), element),
            // The server takes duplicates for one item.
            several => Value::Array(several.iter().map(|item| (*item).clone()).collect()),
        }
    };
    owned.nodes().iter().map(item).collect()
}

/// With the keys that tell which item it is, for those who read it.
fn keyed(mut item: Value, element: &Element) -> Value {
    if let (Element::Key(keys), Value::Object(map)) = (element, &mut item) {
        for (name, Json(value)) in keys {
            map.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    item
}

fn node(value: Option<&Value>, element: &Element, mine: &Node, others: &FieldSet) -> Value {
    static NOTHING: FieldSet = FieldSet::EMPTY;
    let theirs = others.nodes().get(element).map_or(&NOTHING, |node| &node.below);
    if !mine.is_leaf() {
        return below(value, &mine.below, theirs);
    }
    let mut whole = value.cloned().unwrap_or_default();
    leave_out(&mut whole, theirs);
    if is_empty(&whole) { Value::Null } else { whole }
}

/// Takes out of a value what others own in it.
fn leave_out(value: &mut Value, theirs: &FieldSet) {
    for (element, node) in theirs.nodes() {
        let is_whole = node.is_leaf() || !matches!(element, Element::Field(_));
        match value {
            Value::Object(map) => {
                let Element::Field(name) = element else { continue };
                let Some(child) = map.get_mut(name) else { continue };
                if !is_whole {
                    leave_out(child, &node.below);
                }
                if is_whole || is_empty(child) {
                    map.remove(name);
                }
            }
            Value::Array(list) => {
                if let Some(index) = find::position(list, element, Strictness::Exact) {
                    list.remove(index);
                }
            }
            _ => return,
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => value.is_null(),
    }
}

/// The items of a list by what tells them apart: a list of ten thousand items is looked through once, not for each of them.
struct Index<'v> {
    list: &'v [Value],
    names: Vec<&'v str>,
    by_key: BTreeMap<Vec<Json>, Vec<&'v Value>>,
    by_value: BTreeMap<Json, Vec<&'v Value>>,
}

impl<'v> Index<'v> {
    fn of(list: &'v [Value], owned: &'v FieldSet) -> Self {
        let mut index = Self {
            list,
            names: Vec::new(),
            by_key: BTreeMap::new(),
            by_value: BTreeMap::new(),
        };
        // Items of one list have the same keys.
        for element in owned.nodes().keys() {
            match element {
                Element::Key(keys) if index.names.is_empty() => {
                    index.names = keys.iter().map(|(name, _)| name.as_str()).collect();
                    for item in list {
                        index.by_key.entry(index.key(item)).or_default().push(item);
                    }
                }
                Element::Item(_) if index.by_value.is_empty() => {
                    for item in list {
                        index.by_value.entry(Json(item.clone())).or_default().push(item);
                    }
                }
                _ => {}
            }
        }
        index
    }

    fn key(&self, item: &Value) -> Vec<Json> {
        let key = |name: &&str| Json(item.get(*name).cloned().unwrap_or_default());
        self.names.iter().map(key).collect()
    }

    fn find(&self, element: &Element) -> Vec<&'v Value> {
        match element {
            Element::Key(keys) => {
                let wanted: Vec<Json> = keys.iter().map(|(_, value)| value.clone()).collect();
                let found = self.by_key.get(&wanted).cloned();
                found.unwrap_or_else(|| self.look(element))
            }
            Element::Item(value) => self.by_value.get(value).cloned().unwrap_or_default(),
            Element::Index(_) | Element::Field(_) => self.look(element),
        }
    }

    /// For a key with a default that isn't stored.
    fn look(&self, element: &Element) -> Vec<&'v Value> {
        let at = find::position(self.list, element, Strictness::Lenient);
        at.map(|at| &self.list[at]).into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
