//! `std.parseYaml`, by the rules of YAML 1.1 that Go's parser follows: merge keys, `yes` and `no`, the last of two equal
//! keys wins.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use rsjsonnet_lang::program::{Program, Value};
use saphyr_parser::{Event, Parser, ScalarStyle, StrInput, Tag};

use super::yaml_scalars::{Scalar, resolve};

/// The documents of `text`: nothing, one, or as soon as there is a `---` an array.
pub(super) fn documents<'p>(program: &mut Program<'p>, text: &str) -> Result<Value<'p>, String> {
    // The parser takes a NUL for the end.
    if text.contains('\0') {
        return Err("YAML holds no NUL characters".to_owned());
    }
    let (parts, is_stream) = split(text);
    let values = parts
        .iter()
        .map(|part| document(program, part))
        .collect::<Result<Vec<_>, String>>()?;
    Ok(match values.first() {
        _ if is_stream => program.make_array(&values),
        Some(value) => value.clone(),
        None => Value::null(),
    })
}

/// Go reads a stream in parts that start at lines with `---`, each by itself.
fn split(text: &str) -> (Vec<String>, bool) {
    let (mut parts, mut part, mut is_stream) = (Vec::new(), String::new(), false);
    for line in text.split_inclusive('\n') {
        if is_marker(line) {
            is_stream = true;
            if !part.is_empty() {
                parts.push(std::mem::take(&mut part));
            }
        }
        part.push_str(line);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    (parts, is_stream)
}

fn is_marker(line: &str) -> bool {
    line.strip_prefix("---")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['\n', ' ', '\t']) || rest == "\r\n")
}

/// The first document of a part; null when it holds none.
fn document<'p>(program: &mut Program<'p>, text: &str) -> Result<Value<'p>, String> {
    let mut parser: Parser<'_, StrInput<'_>> = Parser::new_from_str(text);
    let mut builder = Builder::default();
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| format!("this is no YAML: {error}"))?;
        builder
            .take(program, event)
            .map_err(|why| format!("this is no YAML: {why} (line {})", span.start.line()))?;
        if let Some(root) = builder.root.take() {
            return Ok(root.value);
        }
    }
    Ok(Value::null())
}

/// A finished node: its value, and what keys and merges need of it.
#[derive(Clone)]
struct Node<'p> {
    value: Value<'p>,
    shape: Shape<'p>,
}

#[derive(Clone)]
enum Shape<'p> {
    Scalar { scalar: Scalar, merges: bool },
    List(Rc<Vec<Node<'p>>>),
    Map(Rc<Fields<'p>>),
}

type Fields<'p> = BTreeMap<String, Value<'p>>;

/// What is being built, innermost last. Depth costs memory, not stack.
#[derive(Default)]
struct Builder<'p> {
    open: Vec<(Open<'p>, usize)>,
    anchors: HashMap<usize, Node<'p>>,
    root: Option<Node<'p>>,
}

enum Open<'p> {
    List(Vec<Node<'p>>),
    Map(Fields<'p>, Option<Key>),
}

enum Key {
    Named(String),
    Merge,
}

impl<'p> Builder<'p> {
    fn take(&mut self, program: &mut Program<'p>, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Alias(id) => {
                let node = self.anchors.get(&id).cloned();
                let node = node.ok_or("an alias stands inside of its own anchor, or names none")?;
                self.add(node)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let node = scalar(&text, style, tag.as_deref())?;
                self.finish(node, anchor)
            }
            Event::SequenceStart(anchor, _) => self.open(Open::List(Vec::new()), anchor),
            Event::MappingStart(anchor, _) => self.open(Open::Map(Fields::new(), None), anchor),
            Event::SequenceEnd | Event::MappingEnd => self.close(program),
            _ => Ok(()),
        }
    }

    fn open(&mut self, open: Open<'p>, anchor: usize) -> Result<(), String> {
        self.open.push((open, anchor));
        Ok(())
    }

    fn close(&mut self, program: &mut Program<'p>) -> Result<(), String> {
        let Some((open, anchor)) = self.open.pop() else {
            return Err("a collection ends that never began".to_owned());
        };
        let node = match open {
            Open::List(items) => Node {
                value: program.make_array(&items.iter().map(|item| item.value.clone()).collect::<Vec<_>>()),
                shape: Shape::List(Rc::new(items)),
            },
            Open::Map(fields, _) => {
                let interned: Vec<_> = fields
                    .iter()
                    .map(|(name, value)| (program.intern_str(name), value.clone()))
                    .collect();
                Node {
                    value: program.make_object(&interned),
                    shape: Shape::Map(Rc::new(fields)),
                }
            }
        };
        self.finish(node, anchor)
    }

    /// The parser counts anchors from one.
    fn finish(&mut self, node: Node<'p>, anchor: usize) -> Result<(), String> {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        self.add(node)
    }

    fn add(&mut self, node: Node<'p>) -> Result<(), String> {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some((Open::List(items), _)) => items.push(node),
            Some((Open::Map(fields, key), _)) => match key.take() {
                None => *key = Some(key_of(&node)?),
                Some(Key::Named(name)) => _ = fields.insert(name, node.value),
                Some(Key::Merge) => merge(fields, &node)?,
            },
        }
        Ok(())
    }
}

fn scalar<'p>(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Node<'p>, String> {
    let plain = style == ScalarStyle::Plain;
    let core = tag.map(|tag| {
        if tag.is_yaml_core_schema() {
            tag.suffix.as_str()
        } else {
            ""
        }
    });
    let scalar = resolve(text, plain, core)?;
    let value = match &scalar {
        Scalar::Null => Value::null(),
        Scalar::Bool(value) => Value::bool(*value),
        Scalar::Whole(value) => Value::number(as_double(*value)),
        Scalar::Number(value) => Value::number(*value),
        Scalar::Text(text) => Value::string(text),
    };
    let merges = text == "<<" && plain && tag.is_none();
    Ok(Node {
        value,
        shape: Shape::Scalar { scalar, merges },
    })
}

pub(super) const fn as_double(value: i128) -> f64 {
    value as f64
}

fn key_of(node: &Node<'_>) -> Result<Key, String> {
    match &node.shape {
        Shape::Scalar { merges: true, .. } => Ok(Key::Merge),
        Shape::Scalar { scalar, .. } => match scalar {
            Scalar::Null => Err("null can't be a key".to_owned()),
            Scalar::Bool(value) => Ok(Key::Named(value.to_string())),
            Scalar::Whole(value) => Ok(Key::Named(value.to_string())),
            Scalar::Number(value) => Ok(Key::Named(value.to_string())),
            Scalar::Text(text) => Ok(Key::Named(text.clone())),
        },
        Shape::List(_) | Shape::Map(_) => Err("a collection can't be a key".to_owned()),
    }
}

/// `<<`: the fields of a map, or of several, of which the first counts most.
fn merge<'p>(fields: &mut Fields<'p>, node: &Node<'p>) -> Result<(), String> {
    match &node.shape {
        Shape::Map(map) => fields.extend(map.iter().map(|(name, value)| (name.clone(), value.clone()))),
        Shape::List(items) => {
            for item in items.iter().rev() {
                let Shape::Map(_) = &item.shape else {
                    return Err("`<<` takes maps".to_owned());
                };
                merge(fields, item)?;
            }
        }
        Shape::Scalar { .. } => return Err("`<<` takes a map".to_owned()),
    }
    Ok(())
}
