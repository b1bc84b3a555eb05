//! From a JSON pointer back to a line and column of the text.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::{narrow, options, place as byte_place};

/// A document's shape with the place of every node; scalars' values are not kept.
enum Shape {
    Scalar,
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

/// A text with the place of every node: read once, asked often.
pub struct Outline<'a> {
    text: &'a str,
    /// Empty documents left out.
    documents: Vec<Spanned<Shape>>,
}

impl<'a> Outline<'a> {
    /// Reads a stream; `None` when the text does not parse.
    #[must_use]
    pub fn of(text: &'a str) -> Option<Self> {
        let all: Vec<Spanned<Option<Shape>>> = serde_saphyr::from_multiple_with_options(text, options()).ok()?;
        let filled = |document: Spanned<Option<Shape>>| {
            let (referenced, defined) = (document.referenced, document.defined);
            document.value.map(|value| Spanned {
                value,
                referenced,
                defined,
            })
        };
        let documents = all.into_iter().filter_map(filled).collect();
        Some(Self { text, documents })
    }

    /// Index of the document whose first node stands on that line.
    #[must_use]
    pub fn starting_at(&self, line: u32) -> Option<usize> {
        self.documents
            .iter()
            .position(|document| narrow(document.referenced.line()) == line)
    }

    /// Line and column (from 1, in bytes) of what `pointer` (RFC 6901) names in a document; of its nearest existing parent
    /// where it does not exist.
    ///
    /// A key's place stands for its value, so that the caret points at the word the user wrote.
    #[must_use]
    pub fn place(&self, document: usize, pointer: &str) -> Option<(u32, u32)> {
        let root = self.documents.get(document)?;
        let mut place = (root.referenced.line(), root.referenced.column());
        let mut shape = &root.value;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let Some((line, column, inner)) = shape.child(&token) else {
                break;
            };
            (place, shape) = ((line, column), inner);
        }
        Some(byte_place(self.text, place.0, place.1))
    }
}

impl Shape {
    fn child(&self, token: &str) -> Option<(u64, u64, &Self)> {
        match self {
            Self::Scalar => None,
            Self::List(items) => {
                let item = items.get(token.parse::<usize>().ok()?)?;
                Some((item.referenced.line(), item.referenced.column(), &item.value))
            }
            Self::Map(entries) => {
                let (key, value) = entries.iter().find(|(key, _)| key.value == token)?;
                Some((key.referenced.line(), key.referenced.column(), &value.value))
            }
        }
    }
}

/// [`Outline::place`] for one question.
#[must_use]
pub fn locate(text: &str, document: usize, pointer: &str) -> Option<(u32, u32)> {
    Outline::of(text)?.place(document, pointer)
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

macro_rules! scalars {
    ($($visit:ident: $type:ty),*) => {
        $(fn $visit<E>(self, _: $type) -> Result<Shape, E> { Ok(Shape::Scalar) })*
    };
}

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML node")
    }

    scalars! { visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str, visit_bytes: &[u8] }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_none<E>(self) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        Shape::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Shape::Scalar)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Shape::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Shape::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# head\na: 1\n---\nspec:\n  ports:\n    - name: http\n      port: 80\n    - {name: x}\n  a/b: 1\n";

    #[test]
    fn a_pointer_leads_to_its_key() {
        assert_eq!(locate(TEXT, 0, "/a"), Some((2, 1)));
        assert_eq!(locate(TEXT, 1, "/spec/ports/0/port"), Some((7, 7)));
        assert_eq!(locate(TEXT, 1, "/spec/ports/1/name"), Some((8, 8)));
        assert_eq!(locate(TEXT, 1, "/spec/a~1b"), Some((9, 3)));
    }

    #[test]
    fn a_missing_field_leads_to_its_parent() {
        assert_eq!(locate(TEXT, 1, "/spec/ports/0/protocol"), Some((6, 7)));
        assert_eq!(locate(TEXT, 1, "/metadata/name"), Some((4, 1)));
        assert_eq!(locate(TEXT, 2, ""), None);
        assert_eq!(locate("a: [", 0, ""), None);
    }
}
