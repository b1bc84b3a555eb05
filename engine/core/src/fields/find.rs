//! Children in objects: which item of a list does a key mean?

use std::cmp::Ordering;

use serde_json::Value;

use super::{element::Element, json};

/// What an item that lacks a key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strictness {
    /// Another item.
    Exact,
    /// The one that is meant, if no other item fits: the server fills in keys that have a default (`protocol: TCP`), which
    /// stand in a path and not in what was sent.
    Lenient,
}

/// The child that an element chooses.
pub(super) fn child<'v>(value: &'v Value, element: &Element, strictness: Strictness) -> Option<&'v Value> {
    match (element, value) {
        (Element::Field(name), Value::Object(map)) => map.get(name),
        (_, Value::Array(list)) => list.get(position(list, element, strictness)?),
        _ => None,
    }
}

/// The same, with its token in a JSON pointer.
pub(super) fn token<'v>(value: &'v Value, element: &Element) -> Option<(String, &'v Value)> {
    match (element, value) {
        (Element::Field(name), Value::Object(map)) => Some((name.clone(), map.get(name)?)),
        (_, Value::Array(list)) => {
            let index = position(list, element, Strictness::Lenient)?;
            Some((index.to_string(), &list[index]))
        }
        _ => None,
    }
}

/// The child that a token of a JSON pointer names.
pub(super) fn by_token<'v>(value: &'v Value, token: &str) -> Option<&'v Value> {
    match value {
        Value::Object(map) => map.get(token),
        Value::Array(list) => list.get(token.parse::<usize>().ok()?),
        _ => None,
    }
}

/// Whether an element chooses the child that a token of a JSON pointer names.
pub(super) fn chooses(element: &Element, value: Option<&Value>, token: &str) -> bool {
    match (element, value) {
        (Element::Field(name), _) => name == token,
        (_, Some(Value::Array(list))) => {
            let index = position(list, element, Strictness::Lenient);
            index.is_some_and(|index| token.parse() == Ok(index))
        }
        _ => false,
    }
}

/// Where the item stands that an element chooses.
pub(super) fn position(list: &[Value], element: &Element, strictness: Strictness) -> Option<usize> {
    match element {
        Element::Field(_) => None,
        Element::Index(index) => (*index < list.len()).then_some(*index),
        Element::Item(wanted) => list.iter().position(|item| same(item, &wanted.0)),
        Element::Key(keys) => {
            let fits = |lenient: bool| {
                let matching = list.iter().enumerate().filter(move |(_, item)| {
                    let equal = |(name, wanted): &(String, json::Json)| match item.get(name) {
                        Some(value) => Some(same(value, &wanted.0)),
                        None => (!lenient).then_some(false),
                    };
                    let found = keys.iter().filter_map(equal);
                    // At least one key is there, and all that are there are equal.
                    found.fold(None, |all: Option<bool>, one| Some(all.unwrap_or(true) && one)) == Some(true)
                });
                matching.map(|(index, _)| index)
            };
            let exact = fits(false).next();
            if exact.is_some() || strictness == Strictness::Exact {
                return exact;
            }
            let mut lenient = fits(true);
            let first = lenient.next();
            first.filter(|_| lenient.next().is_none())
        }
    }
}

fn same(a: &Value, b: &Value) -> bool {
    json::compare(a, b) == Ordering::Equal
}
