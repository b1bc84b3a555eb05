//! JSON values with an order, so that they can stand in sets.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// A JSON value that can be compared and sorted. Numbers are equal when their values are: `80` is `80.0`.
#[derive(Debug, Clone)]
pub struct Json(pub Value);

impl Ord for Json {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.0, &other.0)
    }
}

impl PartialOrd for Json {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Json {}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

/// A total order over JSON values; `Equal` for values that mean the same.
pub(super) fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => numbers(a, b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => each(a.iter(), b.iter(), compare),
        (Value::Object(a), Value::Object(b)) => each(a.iter(), b.iter(), |(ka, va), (kb, vb)| {
            ka.cmp(kb).then_with(|| compare(va, vb))
        }),
        _ => rank(a).cmp(&rank(b)),
    }
}

fn each<T>(a: impl Iterator<Item = T>, mut b: impl Iterator<Item = T>, compare: impl Fn(T, T) -> Ordering) -> Ordering {
    for a in a {
        let Some(b) = b.next() else { return Ordering::Greater };
        let order = compare(a, b);
        if order.is_ne() {
            return order;
        }
    }
    b.next().map_or(Ordering::Equal, |_| Ordering::Less)
}

const fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

fn numbers(a: &Number, b: &Number) -> Ordering {
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => float(a).total_cmp(&float(b)),
    }
}

fn whole(number: &Number) -> Option<i128> {
    number
        .as_i64()
        .map(i128::from)
        .or_else(|| number.as_u64().map(i128::from))
}

/// Zero has one sign: `-0.0` is `0`.
fn float(number: &Number) -> f64 {
    number.as_f64().unwrap_or_default() + 0.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::fields::testing::any_json;

    #[test]
    fn numbers_are_their_values() {
        for (a, b) in [
            (json!(80), json!(80.0)),
            (json!(0), json!(-0.0)),
            (json!([1]), json!([1.0])),
        ] {
            assert_eq!(Json(a), Json(b));
        }
        assert_ne!(Json(json!(u64::MAX)), Json(json!(u64::MAX - 1)));
        assert_ne!(Json(json!("80")), Json(json!(80)));
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in any_json(), b in any_json(), c in any_json()) {
            let (a, b, c) = (Json(a), Json(b), Json(c));
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            prop_assert_eq!(a.cmp(&a), Ordering::Equal);
            if a <= b && b <= c {
                prop_assert!(a <= c);
            }
        }
    }
}
