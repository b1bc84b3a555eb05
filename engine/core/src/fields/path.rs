//! One field.

use std::fmt;

use serde_json::Value;

use super::{
    element::Element,
    find::{self, Strictness},
    text::{self, BadPath},
};

/// Where a field is, from the root of its object.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldPath(pub Vec<Element>);

/// Maps whose keys are names of the user's, which hold dots: all that follows is one key.
const STRING_MAPS: [&str; 9] = [
    "annotations",
    "labels",
    "limits",
    "matchLabels",
    "matchLabelKeys",
    "nodeSelector",
    "requests",
    "hard",
    "selector",
];

/// The same, at the root of an object only: deeper fields of these names have fields of their own.
const ROOT_STRING_MAPS: [&str; 3] = ["binaryData", "data", "stringData"];

impl FieldPath {
    /// Of names of fields, from the root.
    #[must_use]
    pub fn of(names: &[&str]) -> Self {
        Self(names.iter().map(|name| Element::Field((*name).to_owned())).collect())
    }

    /// Reads the text of a path as the API server prints it. Names are printed without quotes, so a dot in the key of a map is
    /// told from one between fields only in well-known maps: [`Self::parse_in`] is surer.
    ///
    /// # Errors
    /// When the text is no such path.
    pub fn parse(text: &str) -> Result<Self, BadPath> {
        let bad = || BadPath::new(text);
        let mut path = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = if path.ends_in_string_map() {
                    after.len()
                } else {
                    after.find(['.', '[']).unwrap_or(after.len())
                };
                if end == 0 {
                    return Err(bad());
                }
                path.0.push(Element::Field(after[..end].to_owned()));
                rest = &after[end..];
            } else {
                let (element, after) = text::bracket(rest).ok_or_else(bad)?;
                path.0.push(element);
                rest = after;
            }
        }
        if path.0.is_empty() { Err(bad()) } else { Ok(path) }
    }

    /// As [`Self::parse`], told by an object which names there are. What it doesn't hold is read as [`Self::parse`] would.
    ///
    /// # Errors
    /// When the text is no such path.
    pub fn parse_in(text: &str, object: &Value) -> Result<Self, BadPath> {
        let mut path = Self::default();
        if !text.is_empty() && path.follow(text, object) {
            return Ok(path);
        }
        Self::parse(text)
    }

    /// Tries every name that fits, the longest first: `.a.b` may be `b` in `a`, or a key `a.b`.
    fn follow(&mut self, rest: &str, value: &Value) -> bool {
        if rest.is_empty() {
            return true;
        }
        let Some(after) = rest.strip_prefix('.') else {
            let Some((element, after)) = text::bracket(rest) else {
                return false;
            };
            let item = find::child(value, &element, Strictness::Lenient);
            return item.is_some_and(|item| self.step(element, after, item));
        };
        let Value::Object(map) = value else { return false };
        let mut names: Vec<(&String, &Value)> = map
            .iter()
            .filter(|(name, _)| {
                let end = after.strip_prefix(name.as_str());
                end.is_some_and(|end| end.is_empty() || end.starts_with(['.', '[']))
            })
            .collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        names
            .into_iter()
            .any(|(name, child)| self.step(Element::Field(name.clone()), &after[name.len()..], child))
    }

    fn step(&mut self, element: Element, rest: &str, child: &Value) -> bool {
        self.0.push(element);
        let found = self.follow(rest, child);
        if !found {
            self.0.pop();
        }
        found
    }

    fn ends_in_string_map(&self) -> bool {
        let Some(Element::Field(name)) = self.0.last() else {
            return false;
        };
        let at_root = self.0.len() == 1 && ROOT_STRING_MAPS.contains(&name.as_str());
        at_root || (self.0.len() > 1 && STRING_MAPS.contains(&name.as_str()))
    }

    /// With one more step.
    #[must_use]
    pub fn join(&self, element: Element) -> Self {
        let mut elements = self.0.clone();
        elements.push(element);
        Self(elements)
    }

    /// Whether this is the other path or leads to it.
    #[must_use]
    pub fn leads_to(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    /// JSON pointer (RFC 6901) to the field in an object; `None` where the object doesn't hold it.
    #[must_use]
    pub fn pointer_in(&self, object: &Value) -> Option<String> {
        let mut pointer = String::new();
        let mut value = object;
        for element in &self.0 {
            let (token, child) = find::token(value, element)?;
            pointer.push('/');
            pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
            value = child;
        }
        Some(pointer)
    }

    /// What the object holds there.
    #[must_use]
    pub fn find_in<'v>(&self, object: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(object, |value, element| {
            find::child(value, element, Strictness::Lenient)
        })
    }
}

/// As the API server prints it: `.spec.template.spec.containers[name="a"].image`.
impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|element| element.fmt(f))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::fields::testing::any_object_and_path;

    #[test]
    fn paths_of_conflicts_are_read() {
        let key = |name: &str, value: Value| Element::key([(name.to_owned(), value)]);
        let field = |name: &str| Element::Field(name.to_owned());
        for (text, elements) in [
            (".spec.replicas", vec![field("spec"), field("replicas")]),
            (
                r#".spec.template.spec.containers[name="a"].image"#,
                vec![
                    field("spec"),
                    field("template"),
                    field("spec"),
                    field("containers"),
                    key("name", json!("a")),
                    field("image"),
                ],
            ),
            (
                ".metadata.annotations.a.b/c",
                vec![field("metadata"), field("annotations"), field("a.b/c")],
            ),
            (".data.app.yaml", vec![field("data"), field("app.yaml")]),
            (".spec.data.key", vec![field("spec"), field("data"), field("key")]),
            (
                r#".spec.ports[port=80,protocol="TCP"].name"#,
                vec![
                    field("spec"),
                    field("ports"),
                    Element::key([("port".into(), json!(80)), ("protocol".into(), json!("TCP"))]),
                    field("name"),
                ],
            ),
            (
                r#".metadata.finalizers[="a.b/c"]"#,
                vec![field("metadata"), field("finalizers"), Element::Item("a.b/c".into())],
            ),
            (".spec.x[3]", vec![field("spec"), field("x"), Element::Index(3)]),
            (
                r#".x[name="]\"\u263a\x41,.[",on=true]"#,
                vec![
                    field("x"),
                    Element::key([("name".into(), json!("]\"\u{263a}A,.[")), ("on".into(), json!(true))]),
                ],
            ),
        ] {
            assert_eq!(FieldPath::parse(text).unwrap().0, elements, "{text}");
        }
        for text in [
            "",
            ".",
            "spec",
            ".spec.",
            ".x[",
            ".x[a]",
            r#".x[a="b"#,
            ".x[=]",
            ".x[a=[1]]",
        ] {
            assert!(FieldPath::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_object_tells_what_a_dot_means() {
        let object = json!({"spec": {"config": {"a.b": {"c": 1}, "a": {"d": 1}}, "ports": [{"port": 80}]}});
        let names = |text: &str| FieldPath::parse_in(text, &object).unwrap().0.len();
        assert_eq!(names(".spec.config.a.b.c"), 4);
        assert_eq!(names(".spec.config.a.d"), 4);
        assert_eq!(names(".spec.config.x.y"), 4, "as `parse` reads it");
        // A default of the server's stands in the key and not in what was sent.
        let port = FieldPath::parse_in(r#".spec.ports[port=80,protocol="TCP"]"#, &object).unwrap();
        assert_eq!(port.pointer_in(&object).as_deref(), Some("/spec/ports/0"));
    }

    #[test]
    fn a_path_points_into_an_object() {
        let object = json!({"metadata": {"annotations": {"a.b/c~d": "x"}, "finalizers": ["y", "x"]},
            "spec": {"containers": [{"name": "b"}, {"name": "a", "image": "i"}]}});
        for (text, pointer) in [
            (".metadata.annotations.a.b/c~d", Some("/metadata/annotations/a.b~1c~0d")),
            (r#".metadata.finalizers[="x"]"#, Some("/metadata/finalizers/1")),
            (r#".spec.containers[name="a"].image"#, Some("/spec/containers/1/image")),
            (r#".spec.containers[name="c"].image"#, None),
            (".spec.replicas", None),
        ] {
            let path = FieldPath::parse_in(text, &object).unwrap();
            assert_eq!(path.pointer_in(&object).as_deref(), pointer, "{text}");
            let found = pointer.and_then(|pointer| object.pointer(pointer));
            assert_eq!(path.find_in(&object), found, "{text}");
        }
    }

    proptest! {
        /// Whatever dots, quotes and brackets stand in names and keys.
        #[test]
        fn a_printed_path_is_read_in_its_object((object, path) in any_object_and_path()) {
            let read = FieldPath::parse_in(&path.to_string(), &object).unwrap();
            prop_assert_eq!(read.to_string(), path.to_string());
            prop_assert!(read.find_in(&object).is_some());
        }

        #[test]
        fn no_text_breaks_the_parser(text in "[.\\[\\]=\",a0\\\\ux]{0,20}") {
            if let Ok(path) = FieldPath::parse(&text) {
                prop_assert_eq!(FieldPath::parse(&path.to_string()).unwrap().to_string(), path.to_string());
            }
        }
    }
}
