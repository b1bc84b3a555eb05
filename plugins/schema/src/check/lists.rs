//! Lists, and what must differ between their items.

use std::collections::HashMap;

use serde_json::Value;

use super::Walk;
use crate::finding::{Finding, describe};
use crate::path::Segment;
use crate::schema::{Key, List, Null, Unique};

impl<'a> Walk<'a, '_> {
    pub(super) fn list(&mut self, list: &List, value: &'a Value) {
        let Some(items) = value.as_array() else {
            return self.wrong_type("a list", value);
        };
        for (index, item) in items.iter().enumerate() {
            self.path.push(Segment::Index(index));
            match list.item.null {
                Null::Wrong if item.is_null() => self.null(),
                _ if item.is_null() => {}
                _ => self.value(&list.item, item),
            }
            self.path.pop();
        }
        match &list.unique {
            Unique::Nothing => {}
            Unique::Items => self.distinct(items, |item| Some(vec![item.clone()]), None),
            Unique::Keys(keys) => self.distinct(items, |item| identity(keys, item), keys.first()),
        }
    }

    fn null(&mut self) {
        let message = format!("{} may not be null", self.here());
        self.error("wrong-type", message, "remove the item");
    }

    /// Finds the items that have the identity of an earlier one.
    fn distinct(&mut self, items: &'a [Value], identity: impl Fn(&Value) -> Option<Vec<Value>>, key: Option<&Key>) {
        let mut seen: HashMap<String, usize> = HashMap::new();
        for (index, item) in items.iter().enumerate() {
            let Some(values) = identity(item) else { continue };
            // JSON's text is the value: maps are sorted by key.
            let text = Value::Array(values.clone()).to_string();
            match seen.get(&text) {
                None => {
                    seen.insert(text, index);
                }
                Some(first) => self.duplicate(index, *first, &values, key),
            }
        }
    }

    fn duplicate(&mut self, index: usize, first: usize, values: &[Value], key: Option<&Key>) {
        let place = |index: usize| match key {
            Some(key) => format!("{}/{index}/{}", self.path.pointer(), key.name),
            None => format!("{}/{index}", self.path.pointer()),
        };
        let (pointer, first) = (place(index), place(first));
        let shown: Vec<String> = values.iter().map(|value| describe(value, self.manner.secret)).collect();
        let (code, what, help) = match key {
            Some(key) => (
                "duplicate-list-key",
                format!("item with the same {}", key.name),
                "remove or rename one of them",
            ),
            None => ("duplicate-item", "item".to_owned(), "remove one of them"),
        };
        let message = format!("{} has another {what}, {}", self.here(), shown.join(" and "));
        self.findings.push(
            Finding::error(code, pointer, message)
                .help(help)
                .related(first, "the first one is here"),
        );
    }
}

/// What tells an item apart; `None` when it has none of the keys, which is told as missing fields.
fn identity(keys: &[Key], item: &Value) -> Option<Vec<Value>> {
    let value = |key: &Key| item.get(key.name.as_ref()).filter(|value| !value.is_null());
    keys.iter().find_map(value)?;
    let filled = |key: &Key| {
        let default = || {
            key.default
                .as_ref()
                .map_or(Value::Null, |text| Value::from(text.as_ref()))
        };
        value(key).cloned().unwrap_or_else(default)
    };
    Some(keys.iter().map(filled).collect())
}
