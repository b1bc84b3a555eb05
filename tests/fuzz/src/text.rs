//! YAML and JSON, and where things stand in them.

use serde_json::Value;
use windlass_core::{
    config,
    manifest::{self, Places},
    render::{Document, FileAt, Format, Location, Mapping, Output, Span},
    rules,
    yaml::{self, Outline},
};

/// Pointers asked for in one document: enough for every shape, few enough for a thousand inputs a second.
const MAX_POINTERS: usize = 40;

/// What is read is written so that it reads the same; every place lies in the text.
pub(crate) fn yaml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match yaml::parse(text) {
        Ok(documents) => {
            let mut last = 0;
            for document in documents {
                assert!(document.line > last, "documents are in order of their lines");
                last = document.line;
                assert!(document.line as usize <= lines(text).max(1), "line {}", document.line);
                let written = yaml::write(&document.value);
                let again = yaml::parse(&written).unwrap_or_else(|e| panic!("{e}: {written:?}"));
                assert_eq!(again.len(), 1, "{written:?}");
                assert_eq!(again[0].value, document.value, "{written:?}");
            }
        }
        Err(error) => assert_inside(text, error.line, error.column),
    }
}

/// Every pointer into a document leads to a place in the text.
pub(crate) fn places(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(documents) = yaml::parse(text) else { return };
    let outline = Outline::of(text).expect("what was read has an outline");
    for (index, document) in documents.iter().enumerate() {
        let (line, _) = outline.place(index, "").expect("a document has a place");
        assert_eq!(line, document.line);
        assert_eq!(outline.starting_at(line), Some(index));
        for pointer in pointers(&document.value) {
            let (line, column) = outline.place(index, &pointer).expect("what was read has a place");
            assert_inside(text, line, column);
        }
    }
    assert_eq!(outline.place(documents.len(), ""), None);
}

/// Documents in two formats with lines that map to a file, as plugins emit them.
pub(crate) fn manifest(bytes: &[u8]) {
    let documents = bytes.split(|byte| *byte == 0).enumerate();
    let output = Output {
        documents: documents.map(|(index, content)| document(index, content)).collect(),
        diagnostics: Vec::new(),
    };
    let read = manifest::read(&output, "shop");
    assert_eq!(read, manifest::read(&output, "shop"), "the same output reads the same");
    match read {
        Ok(desired) => {
            let mut places = Places::new(&output);
            for object in desired.objects.values().chain(&desired.hooks) {
                assert!(!object.object.id.name.is_empty() && !object.object.id.kind.is_empty());
                for finding in rules::check(&object.object).into_iter().take(MAX_POINTERS) {
                    assert_mapped(&places.of(object, &finding.pointer).at);
                }
            }
        }
        Err(errors) => {
            assert!(!errors.is_empty() && errors.len() <= manifest::MAX_ERRORS);
            for error in errors {
                assert!(!error.message.is_empty());
                assert_mapped(&error.at);
            }
        }
    }
}

fn document(index: usize, content: &[u8]) -> Document {
    let origin = FileAt {
        source: String::new(),
        path: "a.yaml".to_owned(),
        span: Some(Span::at(100, 1)),
    };
    let output = Span {
        line: 1,
        column: 1,
        end_line: 0,
        end_column: 0,
    };
    Document {
        format: if index.is_multiple_of(2) {
            Format::Yaml
        } else {
            Format::Json
        },
        content: content.to_vec(),
        origin: Some(origin.clone()),
        lines: vec![Mapping { output, origin }],
        attributes: Vec::new(),
    }
}

/// A line of the output is a hundredth line of the file or a later one.
fn assert_mapped(at: &Location) {
    let Location::File(file) = at else { panic!("{at:?}") };
    assert_eq!(file.path, "a.yaml");
    if let Some(span) = file.span {
        assert!(span.line >= 99, "{span:?}");
    }
}

/// A configuration is read, or told what is wrong with it, inside of its text.
pub(crate) fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match config::load(text) {
        Ok(config) => {
            for app in config.apps.values() {
                assert!(config.repositories.contains_key(&app.spec.repository));
                assert!(app.spec.path.split('/').all(|segment| segment != ".."));
            }
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            for error in errors {
                assert!(!error.message.is_empty());
                assert_inside(text, error.line, error.column);
            }
        }
    }
}

/// Lines as the YAML specification counts them (§ 5.4): a carriage return alone ends one too.
fn lines(text: &str) -> usize {
    1 + text.replace("\r\n", "\n").matches(['\n', '\r']).count()
}

fn assert_inside(text: &str, line: u32, column: u32) {
    assert!(line as usize <= lines(text), "line {line} of {}", lines(text));
    assert!(
        column as usize <= text.len() + 1,
        "column {column} of {} bytes",
        text.len()
    );
}

/// Pointers to the first nodes of a value, and one that leads nowhere.
fn pointers(value: &Value) -> Vec<String> {
    let mut found = vec!["/no/such/thing".to_owned()];
    walk(value, String::new(), &mut found);
    found
}

fn walk(value: &Value, at: String, found: &mut Vec<String>) {
    if found.len() > MAX_POINTERS {
        return;
    }
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, format!("{at}/{index}"), found);
            }
        }
        Value::Object(map) => {
            for (key, value) in map {
                walk(
                    value,
                    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")),
                    found,
                );
            }
        }
        _ => {}
    }
    found.push(at);
}
