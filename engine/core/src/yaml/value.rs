//! Values as they are read, YAML and JSON alike, each byte they take counted: a text of a megabyte can stand for gigabytes.

use std::{cell::Cell, fmt};

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Memory that the values of one output may take. A thousand big CRDs take 200 MiB, 20,000 ordinary objects 400 MiB.
/// The threat is a text whose values are much larger than itself: `[{a},{a},…]` takes 150 times its bytes, and an alias
/// of a long string takes the string each time it is used.
pub const MAX_VALUE_BYTES: usize = 512 << 20;

/// A value in a list, or a map's entry beside its key.
const NODE_BYTES: usize = size_of::<Value>();

/// What the allocator adds to a string, and what it rounds up.
const HEAP_BYTES: usize = 24;

/// A node of the map's tree: eleven entries, of which half are used on average; a map of one entry has one too.
const MAP_NODE_BYTES: usize = 640;

/// Entries after which the map is charged for another node.
const MAP_NODE_ENTRIES: usize = 6;

/// What the values of one output may still take.
#[derive(Debug)]
pub struct Room {
    left: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { left: MAX_VALUE_BYTES }
    }
}

/// Why there is no value, and whether it is for want of room.
pub(super) struct Refused<E> {
    pub(super) error: E,
    pub(super) is_full: bool,
}

impl Room {
    /// Runs a parser whose values are [`Counted`].
    pub(super) fn fill<T, E>(&mut self, parse: impl FnOnce() -> Result<T, E>) -> Result<T, Refused<E>> {
        LEFT.set(Some(self.left));
        let parsed = parse();
        let left = LEFT.take();
        self.left = left.unwrap_or_default();
        parsed.map_err(|error| Refused {
            error,
            is_full: left.is_none(),
        })
    }
}

thread_local! {
    /// Bytes left to the parser that runs on this thread, `None` once they were not enough. A parser makes its values out of
    /// nothing but a deserializer, so there is no argument that could carry this.
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

fn charge<E: serde::de::Error>(bytes: usize) -> Result<(), E> {
    let left = LEFT.get().and_then(|left| left.checked_sub(bytes));
    LEFT.set(left);
    match left {
        Some(_) => Ok(()),
        None => Err(E::custom(format_args!(
            "the values take more than {} MiB of memory",
            MAX_VALUE_BYTES >> 20
        ))),
    }
}

/// A value whose memory was charged.
pub(super) struct Counted(pub(super) Value);

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountedVisitor).map(Self)
    }
}

struct CountedVisitor;

impl<'de> Visitor<'de> for CountedVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        scalar(Value::Null)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Value, E> {
        scalar(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Value, E> {
        scalar(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        scalar(Value::from(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        scalar(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("the number is not finite"))?;
        scalar(Value::Number(number))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        charge(text.len() + HEAP_BYTES)?;
        scalar(Value::String(text.to_owned()))
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Value, E> {
        charge(text.capacity() + HEAP_BYTES)?;
        scalar(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        charge(NODE_BYTES)?;
        let mut list = Vec::new();
        while let Some(Counted(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        charge(NODE_BYTES)?;
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let is_full = map.len().is_multiple_of(MAP_NODE_ENTRIES);
            charge(key.capacity() + HEAP_BYTES + if is_full { MAP_NODE_BYTES } else { 0 })?;
            if map.contains_key(&key) {
                return Err(A::Error::custom(format_args!("duplicate key `{key}`")));
            }
            let Counted(value) = entries.next_value()?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

fn scalar<E: serde::de::Error>(value: Value) -> Result<Value, E> {
    charge(NODE_BYTES).map(|()| value)
}
