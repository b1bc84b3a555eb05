//! JSON as CEL sees it.

use std::{collections::HashMap, sync::Arc};

use cel::objects::{Key, Map};
use serde_json::{Number, Value};

/// A value for the evaluator. A whole number is an `int` where it fits, as it is in CEL's literals: `live.spec.replicas + 1` is
/// for two of these.
pub(super) fn to_cel(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(boolean) => cel::Value::Bool(*boolean),
        Value::Number(number) => to_number(number),
        Value::String(text) => cel::Value::String(Arc::new(text.clone())),
        Value::Array(list) => cel::Value::List(Arc::new(list.iter().map(to_cel).collect())),
        Value::Object(map) => {
            let entries = map
                .iter()
                .map(|(key, value)| (Key::String(Arc::new(key.clone())), to_cel(value)));
            cel::Value::Map(Map {
                map: Arc::new(entries.collect::<HashMap<_, _>>()),
            })
        }
    }
}

fn to_number(number: &Number) -> cel::Value {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(number), ..) => cel::Value::Int(number),
        (_, Some(number), _) => cel::Value::UInt(number),
        (.., Some(number)) => cel::Value::Float(number),
        // A number of JSON is one of the three.
        _ => cel::Value::Null,
    }
}
