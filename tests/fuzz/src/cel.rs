//! Expressions that people write, about objects that others do.

use std::path::Path;

use serde_json::Value;
use windlass_core::cel::{Expression, Unanswered};

/// Of the conditions of ignore rules.
const VARIABLES: [&str; 3] = ["object", "live", "managers"];

/// An expression up to a zero, and an object.
pub(crate) fn expressions(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let Ok(text) = std::str::from_utf8(&bytes[..end]) else {
        return;
    };
    let live: Value = bytes
        .get(end + 1..)
        .map_or(Value::Null, |rest| serde_json::from_slice(rest).unwrap_or_default());
    let expression = match Expression::parse(text, &VARIABLES) {
        Ok(expression) => expression,
        Err(error) => {
            assert!(error.line >= 1 && error.column >= 1, "{error}");
            assert!(!error.message.contains("gave up"), "{text}");
            return;
        }
    };
    assert_eq!(
        Expression::parse(expression.text(), &VARIABLES).as_ref(),
        Ok(&expression)
    );
    let answer = |live: &Value| {
        let object = Value::Null;
        expression.holds(&[("object", &object), ("live", live), ("managers", &object)])
    };
    let told = answer(&live);
    assert!(
        !matches!(told, Err(Unanswered::Failed("the evaluator broke"))),
        "{text}"
    );
    // The keys of a map come in any order.
    if !text.contains("map(") && !text.contains("filter(") {
        assert_eq!(answer(&expression.read("live", &live)), told, "{text}");
    }
}

pub(crate) fn seeds(_: &Path) -> Vec<Vec<u8>> {
    let live = r#"{"metadata":{"name":"web","annotations":{"a":"b"}},"spec":{"replicas":3,"containers":[{"name":"c","image":"i:1"}]}}"#;
    [
        "'a' in live.metadata.annotations && live.spec.replicas > 2",
        "live.?metadata.?annotations[?'x'].orValue('') == '' || has(live.status.x)",
        "live.spec.containers.exists(c, c.name.startsWith('c') && c.image.matches('^i:[0-9]+$'))",
        "live.spec.containers.filter(c, size(c.name) == 1).map(c, c.image) == ['i:1'] ? true : !false",
        "{'a': [1, 2.5, -3u]}['a'][0] % 2 == 1 && 'x' + string(1) != r'\\n' && optional.of(1).hasValue()",
        "live.spec.containers.all(c, live.spec.containers.exists_one(d, d.name == c.name))",
    ]
    .map(|text| [text.as_bytes(), b"\0", live.as_bytes()].concat())
    .to_vec()
}
