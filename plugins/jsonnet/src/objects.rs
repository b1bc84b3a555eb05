//! Finds the Kubernetes objects in a result.

use rsjsonnet_lang::interner::InternedStr;
use rsjsonnet_lang::program::{Value, ValueKind};
use windlass_sdk::{Diagnostic, Location};

use crate::manifest::{self, MAX_DEPTH, Refused};

/// The manifests in `value`, the result of the file `path`: each object with `apiVersion` and `kind`, as the native
/// command would print it. `null` stands for nothing, as in `if cond then object`.
pub(crate) fn manifests(path: &str, value: &Value<'_>) -> Result<Vec<String>, Box<Diagnostic>> {
    let mut walk = Walk {
        path,
        manifests: Vec::new(),
    };
    walk.value(value, "", 0)?;
    Ok(walk.manifests)
}

struct Walk<'a> {
    path: &'a str,
    manifests: Vec<String>,
}

impl Walk<'_> {
    /// `place` is how one would write it: `.web.service`, `[2]`.
    fn value(&mut self, value: &Value<'_>, place: &str, depth: usize) -> Result<(), Box<Diagnostic>> {
        if depth > MAX_DEPTH {
            return Err(self.problem(format!(
                "the result is nested more than {MAX_DEPTH} levels deep at {}",
                name(place)
            )));
        }
        match value.kind() {
            ValueKind::Null => Ok(()),
            ValueKind::Array(items) => items
                .iter()
                .enumerate()
                .try_for_each(|(index, item)| self.value(item, &format!("{place}[{index}]"), depth + 1)),
            ValueKind::Object(fields) => self.object(value, &fields, place, depth),
            ValueKind::Bool(_) => Err(self.no_object("a boolean", place)),
            ValueKind::Number(_) => Err(self.no_object("a number", place)),
            ValueKind::String(_) => Err(self.no_object("a string", place)),
            ValueKind::Function => Err(self.no_object("a function", place)),
        }
    }

    fn object(
        &mut self,
        value: &Value<'_>,
        fields: &[(InternedStr<'_>, Value<'_>)],
        place: &str,
        depth: usize,
    ) -> Result<(), Box<Diagnostic>> {
        let has = |wanted: &str| {
            fields
                .iter()
                .any(|(name, value)| name.value() == wanted && value.is_string())
        };
        match (has("apiVersion"), has("kind")) {
            (true, true) => match manifest::json(value) {
                Ok(manifest) => {
                    self.manifests.push(manifest);
                    Ok(())
                }
                Err(Refused::Function) => Err(self.problem(format!("the object at {} holds a function", name(place)))),
                Err(Refused::Depth) => Err(self.too_deep(place)),
            },
            (true, false) => Err(self.problem(format!("the object at {} has `apiVersion` but no `kind`", name(place)))),
            (false, true) => Err(self.problem(format!("the object at {} has `kind` but no `apiVersion`", name(place)))),
            (false, false) => fields
                .iter()
                .try_for_each(|(name, field)| self.value(field, &format!("{place}{}", step(name.value())), depth + 1)),
        }
    }

    fn too_deep(&self, place: &str) -> Box<Diagnostic> {
        // A place that deep would fill the screen.
        let start: String = place.chars().take(64).collect();
        self.problem(format!(
            "the result is nested more than {MAX_DEPTH} levels deep at {}",
            name(&start)
        ))
    }

    fn no_object(&self, what: &str, place: &str) -> Box<Diagnostic> {
        self.problem(format!(
            "there is {what} at {}, where a Kubernetes object is wanted",
            name(place)
        ))
    }

    fn problem(&self, message: String) -> Box<Diagnostic> {
        Box::new(
            Diagnostic::error("no-manifest", message)
                .at(Location::file(self.path))
                .help("the result is to be objects with `apiVersion` and `kind`, or arrays and objects of them; `::` hides a field"),
        )
    }
}

fn name(place: &str) -> String {
    if place.is_empty() {
        "the top".to_owned()
    } else {
        format!("`{place}`")
    }
}

/// `.name`, or `["na me"]` when it isn't an identifier.
fn step(field: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if field.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && field.chars().all(plain) {
        format!(".{field}")
    } else {
        format!("[{field:?}]")
    }
}
