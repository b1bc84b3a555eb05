//! Many fields.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{element::Element, find, path::FieldPath};

/// A set of fields. A field may be in it beside what is below it: `.metadata.labels` means that the map is there, and
/// `.metadata.labels.app` what stands in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSet {
    nodes: BTreeMap<Element, Node>,
}

/// What is known of one step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Node {
    /// The field itself is in the set.
    pub(super) member: bool,
    /// What is below it.
    pub(super) below: FieldSet,
}

impl Node {
    /// Owned whole: a scalar, an atomic map or list, or an empty one.
    pub(super) fn is_leaf(&self) -> bool {
        self.member && self.below.nodes.is_empty()
    }

    fn is_empty(&self) -> bool {
        !self.member && self.below.nodes.is_empty()
    }
}

impl FieldSet {
    /// Nothing.
    pub(super) const EMPTY: Self = Self { nodes: BTreeMap::new() };

    /// Of some fields.
    #[must_use]
    pub fn of<'p>(paths: impl IntoIterator<Item = &'p FieldPath>) -> Self {
        let mut set = Self::default();
        paths.into_iter().for_each(|path| set.insert(path));
        set
    }

    /// Of those paths that an object holds: "was it in what we applied last?", asked of the document that was applied.
    #[must_use]
    pub fn held_by<'p>(object: &Value, paths: impl IntoIterator<Item = &'p FieldPath>) -> Self {
        Self::of(paths.into_iter().filter(|path| path.find_in(object).is_some()))
    }

    /// Adds a field. The root is no field: nothing happens.
    pub fn insert(&mut self, path: &FieldPath) {
        let Some((last, parents)) = path.0.split_last() else {
            return;
        };
        let set = parents.iter().fold(self, |set, element| {
            &mut set.nodes.entry(element.clone()).or_default().below
        });
        set.nodes.entry(last.clone()).or_default().member = true;
    }

    /// Removes a field and everything below it.
    pub fn remove(&mut self, path: &FieldPath) {
        remove(self, &path.0);
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether a field is in it, itself or by being part of one that is in it as a whole.
    #[must_use]
    pub fn contains(&self, path: &FieldPath) -> bool {
        let mut set = self;
        for (index, element) in path.0.iter().enumerate() {
            let Some(node) = set.nodes.get(element) else {
                return false;
            };
            if node.is_leaf() || (node.member && index + 1 == path.0.len()) {
                return true;
            }
            set = &node.below;
        }
        false
    }

    /// Whether the field at a JSON pointer is in it, or something above or below it. `object`: tells which item an index means.
    #[must_use]
    pub fn touches(&self, object: &Value, pointer: &str) -> bool {
        let mut set = self;
        let mut value = Some(object);
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let found = set
                .nodes
                .iter()
                .find(|(element, _)| find::chooses(element, value, &token));
            let Some((_, node)) = found else { return false };
            if node.is_leaf() {
                return true;
            }
            value = value.and_then(|value| find::by_token(value, &token));
            set = &node.below;
        }
        !set.is_empty()
    }

    /// The path of the field at a JSON pointer, as far as the set knows its way there: which items of a list are told apart by
    /// which keys. `None` where a list that it doesn't know is on the way.
    #[must_use]
    pub fn path_at(&self, object: &Value, pointer: &str) -> Option<FieldPath> {
        let mut set = Some(self);
        let mut value = Some(object);
        let mut path = FieldPath::default();
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let found = set.and_then(|set| {
                set.nodes
                    .iter()
                    .find(|(element, _)| find::chooses(element, value, &token))
            });
            let is_item = value.is_some_and(Value::is_array);
            path.0.push(match found {
                Some((element, _)) => element.clone(),
                None if is_item => return None,
                None => Element::Field(token.clone()),
            });
            value = value.and_then(|value| find::by_token(value, &token));
            set = found.map(|(_, node)| &node.below);
        }
        Some(path)
    }

    /// What is below a field; empty when nothing is.
    #[must_use]
    pub fn below(&self, path: &FieldPath) -> &Self {
        static NOTHING: FieldSet = FieldSet::EMPTY;
        path.0
            .iter()
            .try_fold(self, |set, element| set.nodes.get(element).map(|node| &node.below))
            .unwrap_or(&NOTHING)
    }

    /// What is in one or the other.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut union = self.clone();
        union.extend(other);
        union
    }

    /// What is in any of several.
    #[must_use]
    pub fn union_of<'s>(sets: impl IntoIterator<Item = &'s Self>) -> Self {
        let mut union = Self::default();
        sets.into_iter().for_each(|set| union.extend(set));
        union
    }

    fn extend(&mut self, other: &Self) {
        for (element, node) in &other.nodes {
            let mine = self.nodes.entry(element.clone()).or_default();
            mine.member |= node.member;
            mine.below.extend(&node.below);
        }
    }

    /// What is in this one alone. What the other has as a whole covers what is below it.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.combine(other, |mine, theirs| match theirs {
            None => mine.clone(),
            Some(theirs) if theirs.is_leaf() => Node::default(),
            Some(theirs) => Node {
                member: mine.member && !theirs.member,
                below: mine.below.difference(&theirs.below),
            },
        })
    }

    /// What is in both. What the other has as a whole covers what is below it.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.combine(other, |mine, theirs| match theirs {
            None => Node::default(),
            Some(theirs) if theirs.is_leaf() => mine.clone(),
            Some(theirs) => Node {
                member: mine.member && theirs.member,
                below: mine.below.intersection(&theirs.below),
            },
        })
    }

    fn combine(&self, other: &Self, combine: impl Fn(&Node, Option<&Node>) -> Node) -> Self {
        let nodes = self.nodes.iter().filter_map(|(element, mine)| {
            let node = combine(mine, other.nodes.get(element));
            (!node.is_empty()).then(|| (element.clone(), node))
        });
        Self { nodes: nodes.collect() }
    }

    /// The topmost fields of this set where the other has nothing: a sidecar of which the other has no field is one of them, an
    /// image of a container that it does have is another.
    #[must_use]
    pub fn beyond(&self, kept: &Self) -> Vec<FieldPath> {
        let mut paths = Vec::new();
        beyond(self, Some(kept), &FieldPath::default(), &mut paths);
        paths
    }

    /// Every field that is in it, in order; a field before what is below it.
    #[must_use]
    pub fn paths(&self) -> Vec<FieldPath> {
        let mut paths = Vec::new();
        self.collect(&FieldPath::default(), &mut paths, &|node| node.member);
        paths
    }

    /// The fields below which nothing is in it: what has a value of its own.
    #[must_use]
    pub fn leaves(&self) -> Vec<FieldPath> {
        let mut paths = Vec::new();
        self.collect(&FieldPath::default(), &mut paths, &Node::is_leaf);
        paths
    }

    fn collect(&self, at: &FieldPath, paths: &mut Vec<FieldPath>, wanted: &impl Fn(&Node) -> bool) {
        for (element, node) in &self.nodes {
            let path = at.join(element.clone());
            node.below.collect_into(&path, paths, wanted, wanted(node));
        }
    }

    fn collect_into(
        &self,
        path: &FieldPath,
        paths: &mut Vec<FieldPath>,
        wanted: &impl Fn(&Node) -> bool,
        itself: bool,
    ) {
        if itself {
            paths.push(path.clone());
        }
        self.collect(path, paths, wanted);
    }

    pub(super) fn nodes(&self) -> &BTreeMap<Element, Node> {
        &self.nodes
    }

    pub(super) fn put(&mut self, element: Element, node: Node) {
        if !node.is_empty() {
            self.nodes.insert(element, node);
        }
    }
}

fn beyond(set: &FieldSet, kept: Option<&FieldSet>, at: &FieldPath, paths: &mut Vec<FieldPath>) {
    for (element, node) in &set.nodes {
        let path = at.join(element.clone());
        match kept.and_then(|kept| kept.nodes.get(element)) {
            None if node.member => paths.push(path),
            kept => beyond(&node.below, kept.map(|kept| &kept.below), &path, paths),
        }
    }
}

fn remove(set: &mut FieldSet, path: &[Element]) {
    match path {
        [] => {}
        [last] => {
            set.nodes.remove(last);
        }
        [first, rest @ ..] => {
            if let Some(node) = set.nodes.get_mut(first) {
                remove(&mut node.below, rest);
                if node.is_empty() {
                    set.nodes.remove(first);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
