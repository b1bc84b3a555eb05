//! One step of a path.

use std::fmt;

use serde_json::Value;

use super::{json::Json, text};

/// How a child is chosen from what contains it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// A field of a map, by name.
    Field(String),
    /// An item of an associative list, by the names and values of its keys, sorted by name.
    Key(Vec<(String, Json)>),
    /// An item of a set list, by its value.
    Item(Json),
    /// An item of another list, from 0.
    Index(usize),
}

impl Element {
    /// An item of an associative list. Sorts the keys.
    #[must_use]
    pub fn key(keys: impl IntoIterator<Item = (String, Value)>) -> Self {
        let mut keys: Vec<_> = keys.into_iter().map(|(name, value)| (name, Json(value))).collect();
        keys.sort();
        Self::Key(keys)
    }
}

/// As the API server prints it: `.name`, `[name="a",port=80]`, `[="a"]`, `[0]`.
impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(keys) => {
                for (index, (name, Json(value))) in keys.iter().enumerate() {
                    let before = if index == 0 { "[" } else { "," };
                    write!(f, "{before}{name}={}", text::value(value))?;
                }
                f.write_str("]")
            }
            Self::Item(Json(value)) => write!(f, "[={}]", text::value(value)),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}
