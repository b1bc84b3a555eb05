//! The closed sets of words, out of Kubernetes' generated Go code.
//!
//! The code is laid out by gofmt, so that a line's depth tells what it belongs to:
//!
//! ```go
//! func schema_k8sio_api_core_v1_ContainerPort(ref …
//! ⇥⇥⇥⇥⇥"protocol": {
//! ⇥⇥⇥⇥⇥⇥⇥Enum:        []interface{}{"SCTP", "TCP", "UDP"},
//! ```

use std::collections::HashMap;

/// Definition and property, to the words it may be. For a list, those of its items.
pub(crate) type Words = HashMap<(String, String), Vec<String>>;

/// Starts the code of a definition; the rest is its name, with `_` for `.`.
const FUNCTION: &str = "func schema_k8sio_api_";
/// How deep the properties of a definition stand.
const PROPERTY: &str = "\t\t\t\t\t\"";

/// All sets in the Go source `code`.
pub(crate) fn of(code: &str) -> Words {
    let mut words = Words::new();
    let (mut definition, mut property) = (String::new(), String::new());
    for line in code.lines() {
        if let Some(rest) = line.strip_prefix("func ") {
            definition = line
                .strip_prefix(FUNCTION)
                .map_or(rest, |name| name.split('(').next().unwrap_or_default())
                .to_owned();
        } else if let Some(name) = line.strip_prefix(PROPERTY).and_then(|rest| rest.strip_suffix("\": {")) {
            name.clone_into(&mut property);
        } else if let Some(list) = line.trim_start().strip_prefix("Enum:") {
            words.insert((definition.clone(), property.clone()), quoted(list));
        }
    }
    words
}

/// The words between quotes; none of them has an escape.
fn quoted(list: &str) -> Vec<String> {
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The name of a definition of `swagger.json` as [`Words`] has it.
pub(crate) fn key(definition: &str) -> Option<String> {
    Some(definition.strip_prefix("io.k8s.api.")?.replace('.', "_"))
}
