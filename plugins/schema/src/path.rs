//! The way from an object to a value inside of it.

use std::fmt::Write as _;

/// A step of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Segment<'a> {
    /// Into a map.
    Key(&'a str),
    /// Into a list.
    Index(usize),
}

/// The way, from the object on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Path<'a>(Vec<Segment<'a>>);

impl<'a> Path<'a> {
    /// Goes a step further.
    pub(crate) fn push(&mut self, segment: Segment<'a>) {
        self.0.push(segment);
    }

    /// Goes a step back.
    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }

    /// Whether the way starts with these keys.
    pub(crate) fn starts_with(&self, keys: &[&str]) -> bool {
        self.0.len() >= keys.len() && self.0.iter().zip(keys).all(|(step, key)| *step == Segment::Key(key))
    }

    /// Whether the way is these keys.
    pub(crate) fn is(&self, keys: &[&str]) -> bool {
        self.0.len() == keys.len() && self.starts_with(keys)
    }

    /// RFC 6901.
    pub(crate) fn pointer(&self) -> String {
        let mut pointer = String::new();
        for segment in &self.0 {
            pointer.push('/');
            match segment {
                Segment::Key(key) => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
                Segment::Index(index) => pointer.push_str(&index.to_string()),
            }
        }
        pointer
    }

    /// As people write it: `spec.containers[0].ports`; the object itself is "".
    pub(crate) fn words(&self) -> String {
        let mut words = String::new();
        for segment in &self.0 {
            // A String can't fail to be written to.
            let _ = match segment {
                Segment::Index(index) => write!(words, "[{index}]"),
                Segment::Key(key) if !plain(key) => write!(words, "[{key:?}]"),
                Segment::Key(key) if words.is_empty() => write!(words, "{key}"),
                Segment::Key(key) => write!(words, ".{key}"),
            };
        }
        words
    }
}

/// Whether a key can stand between dots.
fn plain(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_alphanumeric() || c == '-' || c == '_' || c == '$')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_a_pointer_and_words() {
        let mut path = Path::default();
        assert_eq!((path.pointer(), path.words()), (String::new(), String::new()));
        for segment in [
            Segment::Key("spec"),
            Segment::Index(0),
            Segment::Key("a/b~c.d"),
            Segment::Key("x"),
        ] {
            path.push(segment);
        }
        assert_eq!(path.pointer(), "/spec/0/a~1b~0c.d/x");
        assert_eq!(path.words(), r#"spec[0]["a/b~c.d"].x"#);
        assert!(!path.starts_with(&["spec", "x"]) && path.starts_with(&["spec"]) && !path.is(&["spec"]));
    }
}
