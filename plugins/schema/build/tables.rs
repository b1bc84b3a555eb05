//! Writes the tables: a `static` for each schema, shared by all releases that have it alike.
//!
//! Schemas refer to each other, in rings too, so that two are alike only if what they refer to is. Definitions start in
//! one class and are told apart by what they look like with references named by class, until that tells no more apart.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use crate::nodes::{Field, METADATA, Node, Release, Rest, Unique};

/// A definition: the position of its release, and its name.
type Name<'a> = (usize, &'a str);
/// The class of each definition.
type Classes<'a> = HashMap<Name<'a>, usize>;

/// Rust that defines `RELEASES`.
pub(crate) fn source(releases: &[Release]) -> String {
    let classes = classes(releases);
    let mut writer = Writer::default();
    let mut definitions = BTreeMap::new();
    for (index, name, node) in all(releases) {
        let class = classes[&(index, name)];
        definitions
            .entry(class)
            .or_insert_with(|| writer.shape(node, &|reference| format!("D{}", classes[&(index, reference)])));
    }
    for (class, shape) in definitions {
        writer.line(&format!("static D{class}: Schema = Schema::new({shape});"));
    }
    for (index, release) in releases.iter().enumerate() {
        writer.kinds(release, &|definition| classes[&(index, definition)]);
    }
    writer.releases(releases, &|index| classes[&(index, METADATA)]);
    writer.text
}

fn all(releases: &[Release]) -> impl Iterator<Item = (usize, &str, &Node)> {
    let each = releases.iter().enumerate();
    each.flat_map(|(index, release)| {
        release
            .definitions
            .iter()
            .map(move |(name, node)| (index, name.as_str(), node))
    })
}

fn classes(releases: &[Release]) -> Classes<'_> {
    let mut classes: Classes = all(releases).map(|(index, name, _)| ((index, name), 0)).collect();
    let mut count = 1;
    loop {
        let looks: HashMap<Name, String> = all(releases)
            .map(|(index, name, node)| ((index, name), look(node, &|reference| classes[&(index, reference)])))
            .collect();
        let distinct: BTreeSet<&str> = looks.values().map(String::as_str).collect();
        let numbers: HashMap<&str, usize> = distinct.into_iter().zip(0..).collect();
        classes = looks
            .iter()
            .map(|(name, look)| (*name, numbers[look.as_str()]))
            .collect();
        if numbers.len() == count {
            return classes;
        }
        count = numbers.len();
    }
}

/// All that matters of a schema, with references by class.
fn look(node: &Node, class: &dyn Fn(&str) -> usize) -> String {
    match node {
        Node::Reference(name) => format!("#{}", class(name)),
        Node::Leaf(_) | Node::Words(_) => format!("{node:?}"),
        Node::List(item, unique) => format!("[{} {unique:?}]", look(item, class)),
        Node::Object(fields, rest) => {
            let mut text = String::from("{");
            for Field { name, node, required } in fields {
                // A String can't fail to be written to.
                let _ = write!(text, "{name} {required} {};", look(node, class));
            }
            match rest {
                Rest::Each(each) => text + &look(each, class),
                rest => text + &format!("{rest:?}"),
            }
        }
    }
}

/// Rust as it grows, and the names of the parts that are there already, by what defines them.
#[derive(Default)]
struct Writer {
    text: String,
    parts: HashMap<String, String>,
}

impl Writer {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// The name of a `static` of type `kind` that is `value`.
    fn part(&mut self, kind: &str, value: String) -> String {
        if let Some(name) = self.parts.get(&value) {
            return name.clone();
        }
        let name = format!("P{}", self.parts.len());
        self.line(&format!("static {name}: {kind} = {value};"));
        self.parts.insert(value, name.clone());
        name
    }

    /// A link to the schema of `node`.
    fn link(&mut self, node: &Node, definition: &dyn Fn(&str) -> String) -> String {
        let name = match node {
            Node::Reference(name) => definition(name),
            node => {
                let shape = self.shape(node, definition);
                self.part("Schema", format!("Schema::new({shape})"))
            }
        };
        format!("Link::Static(&{name})")
    }

    /// An expression of type `Shape`.
    fn shape(&mut self, node: &Node, definition: &dyn Fn(&str) -> String) -> String {
        match node {
            Node::Reference(name) => format!("Shape::Same(&{})", definition(name)),
            Node::Leaf(leaf) => (*leaf).to_owned(),
            Node::Words(words) => {
                let words = self.part(&format!("[&str; {}]", words.len()), format!("{words:?}"));
                format!("Shape::Text(Format::OneOf(&{words}))")
            }
            Node::Object(fields, rest) => self.object(fields, rest, definition),
            Node::List(item, unique) => {
                let item = self.link(item, definition);
                let unique = self.unique(unique);
                format!("Shape::List(List {{ item: {item}, unique: {unique} }})")
            }
        }
    }

    fn object(&mut self, fields: &[Field], rest: &Rest, definition: &dyn Fn(&str) -> String) -> String {
        let mut list = String::from("[");
        for Field { name, node, required } in fields {
            let schema = self.link(node, definition);
            let _ = write!(
                list,
                "Field {{ name: Cow::Borrowed({name:?}), schema: {schema}, required: {required} }}, "
            );
        }
        let list = self.part(&format!("[Field; {}]", fields.len()), list + "]");
        let rest = match rest {
            Rest::Nothing => "Rest::Unknown".to_owned(),
            Rest::Anything => "Rest::Free".to_owned(),
            Rest::Each(each) => format!("Rest::Each({})", self.link(each, definition)),
        };
        format!("Shape::Object(Object {{ fields: Cow::Borrowed(&{list}), rest: {rest} }})")
    }

    fn unique(&mut self, unique: &Unique) -> String {
        match unique {
            Unique::Nothing => "Unique::Nothing".to_owned(),
            Unique::Items => "Unique::Items".to_owned(),
            Unique::Keys(keys) => {
                let key = |(name, default): &(String, Option<&str>)| {
                    let default = default.map_or("None".to_owned(), |value| format!("Some(Cow::Borrowed({value:?}))"));
                    format!("Key {{ name: Cow::Borrowed({name:?}), default: {default} }}, ")
                };
                let list: String = keys.iter().map(key).collect();
                let list = self.part(&format!("[Key; {}]", keys.len()), format!("[{list}]"));
                format!("Unique::Keys(Cow::Borrowed(&{list}))")
            }
        }
    }

    fn kinds(&mut self, release: &Release, class: &dyn Fn(&str) -> usize) {
        let (minor, count) = (release.minor, release.kinds.len());
        self.line(&format!("static KINDS_{minor}: [Kind; {count}] = ["));
        for kind in &release.kinds {
            let (group, version, name) = (&kind.group, &kind.version, &kind.kind);
            let class = class(&kind.definition);
            self.line(&format!(
                "    Kind {{ group: {group:?}, kind: {name:?}, version: {version:?}, schema: &D{class} }},"
            ));
        }
        self.line("];");
    }

    fn releases(&mut self, releases: &[Release], metadata: &dyn Fn(usize) -> usize) {
        self.line("/// The releases of Kubernetes that are known, oldest first.");
        self.line(&format!(
            "pub(crate) static RELEASES: [Release; {}] = [",
            releases.len()
        ));
        for (index, Release { minor, .. }) in releases.iter().enumerate() {
            let class = metadata(index);
            self.line(&format!(
                "    Release {{ minor: {minor}, kinds: &KINDS_{minor}, metadata: &D{class} }},"
            ));
        }
        self.line("];");
    }
}
