//! YAML as Kubernetes reads it (1.1 booleans and octals, merge keys, no duplicate keys), bounded, with places.

mod locate;
mod value;

use serde_json::Value;
use serde_saphyr::{
    Budget, Spanned,
    budget::BudgetBreach,
    options::{DuplicateKeyPolicy, MergeKeyPolicy},
};

pub use locate::{Outline, locate};
pub use value::{MAX_VALUE_BYTES, Room};

use value::{Counted, Refused};

use crate::render::shorten;

/// One document of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct YamlDocument {
    /// Its content; never null: empty documents are dropped.
    pub value: Value,
    /// Line of its first node, from 1.
    pub line: u32,
}

/// Text that is no YAML, or more than the budget allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct YamlError {
    /// One sentence, without the place.
    pub message: String,
    /// From 1; 0 = unknown.
    pub line: u32,
    /// From 1, in bytes; 0 = unknown.
    pub column: u32,
    /// The text is more than is read, which says nothing about whether it is right.
    pub is_too_much: bool,
}

/// Documents in one stream. A rendered app of 20,000 objects passes; a stream of `---` lines does not fill the memory.
pub const MAX_DOCUMENTS: usize = 50_000;

/// Nodes in one stream: about 150 for an ordinary object, so 20,000 objects pass. The threat is memory: a node costs some 100 bytes.
pub const MAX_NODES: usize = 5_000_000;

/// Nesting. The deepest CRD schemas in the field nest below 100; recursion costs stack.
pub const MAX_DEPTH: usize = 200;

/// Bytes of all texts in one stream: what a render may emit, four times over.
pub const MAX_SCALAR_BYTES: usize = 256 << 20;

/// Anchors, aliases and merge keys in one stream, each. Real manifests have some dozens; each costs a look-up and a copy.
pub const MAX_ALIASES: usize = 10_000;

/// Bytes of a parser's message: it repeats a number of a hundred thousand digits.
const MAX_MESSAGE: usize = 400;

/// Nodes made by aliases: the "billion laughs" bomb multiplies them. Real manifests stay below 10,000.
pub const MAX_ALIAS_NODES: usize = 200_000;

fn options() -> serde_saphyr::Options {
    let mut budget = Budget::default();
    budget.max_documents = MAX_DOCUMENTS;
    budget.max_nodes = MAX_NODES;
    budget.max_depth = MAX_DEPTH;
    budget.flow_nesting_limit = MAX_DEPTH;
    budget.max_events = MAX_NODES * 2;
    budget.max_total_scalar_bytes = MAX_SCALAR_BYTES;
    budget.max_aliases = MAX_ALIASES;
    budget.max_anchors = MAX_ALIASES;
    budget.max_merge_keys = MAX_ALIASES;
    let mut options = serde_saphyr::options! {
        budget: Some(budget),
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Merge,
        legacy_octal_numbers: true,
        with_snippet: false
    };
    options.alias_limits.max_total_replayed_events = MAX_ALIAS_NODES;
    options
}

/// Every document of a stream, empty ones dropped.
///
/// # Errors
/// At the first place that is no YAML; none of the documents is returned then.
pub fn parse(text: &str) -> Result<Vec<YamlDocument>, YamlError> {
    parse_within(text, &mut Room::default())
}

/// As [`parse`], for one of several texts whose values are kept together.
///
/// # Errors
/// As [`parse`], and when the room is used up.
pub fn parse_within(text: &str, room: &mut Room) -> Result<Vec<YamlDocument>, YamlError> {
    let documents: Vec<Spanned<Counted>> = room
        .fill(|| serde_saphyr::from_multiple_with_options(text, options()))
        .map_err(|refused| YamlError::of(&refused, text))?;
    Ok(documents
        .into_iter()
        .filter(|d| !d.value.0.is_null())
        .map(|d| YamlDocument {
            line: narrow(d.referenced.line()),
            value: d.value.0,
        })
        .collect())
}

/// A text of one JSON value; a key that stands twice in a map is an error, as it is in YAML.
///
/// # Errors
/// At the first place that is no JSON, and when the room is used up.
pub fn parse_json_within(text: &str, room: &mut Room) -> Result<Value, YamlError> {
    room.fill(|| serde_json::from_str::<Counted>(text))
        .map(|value| value.0)
        .map_err(|refused| YamlError::of_json(&refused))
}

/// A value as one YAML document, quoted so that YAML 1.1 and 1.2 readers read the same. Ends with a line feed.
///
/// # Panics
/// Never: a JSON value can always be written.
#[must_use]
pub fn write(value: &Value) -> String {
    let mut text = serde_saphyr::to_string(value).unwrap_or_else(|_| value.to_string());
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

impl YamlError {
    fn of(refused: &Refused<serde_saphyr::Error>, source: &str) -> Self {
        use serde_saphyr::Error;
        let error = refused.error.without_snippet();
        let (line, column) = error.location().map_or((0, 0), |l| place(source, l.line(), l.column()));
        let cause = match error {
            Error::AliasError { error, .. } => error,
            other => other,
        };
        let words = without_place(&cause.to_string());
        let budget = match cause {
            Error::Budget { breach, .. } => Some(in_words(breach)),
            // The scanner's word for brackets within brackets.
            _ if words == "recursion limit exceeded" => Some(too_deep()),
            Error::AliasReplayLimitExceeded { .. } => {
                Some(format!("its aliases stand for more than {MAX_ALIAS_NODES} nodes"))
            }
            _ => None,
        };
        let is_too_much = refused.is_full || budget.is_some();
        let mut message = budget.unwrap_or(match cause {
            Error::DuplicateMappingKey { key: Some(key), .. } => format!("duplicate key `{key}`"),
            _ => words,
        });
        shorten(&mut message, &mut MAX_MESSAGE.clone());
        Self {
            message,
            line,
            column,
            is_too_much,
        }
    }

    fn of_json(refused: &Refused<serde_json::Error>) -> Self {
        let text = refused.error.to_string();
        let message = text
            .rsplit_once(" at line ")
            .map_or(text.as_str(), |(message, _)| message);
        Self {
            message: message.to_owned(),
            line: narrow(refused.error.line() as u64),
            column: narrow(refused.error.column() as u64),
            is_too_much: refused.is_full,
        }
    }
}

fn too_deep() -> String {
    format!("it is nested more than {MAX_DEPTH} levels deep")
}

/// Which of the limits above, and its number.
fn in_words(breach: &BudgetBreach) -> String {
    match breach {
        BudgetBreach::Nodes { .. } | BudgetBreach::Events { .. } => format!("it has more than {MAX_NODES} nodes"),
        BudgetBreach::Depth { .. } => too_deep(),
        BudgetBreach::Documents { .. } => format!("it has more than {MAX_DOCUMENTS} documents"),
        BudgetBreach::ScalarBytes { .. } => format!("its texts have more than {MAX_SCALAR_BYTES} bytes"),
        BudgetBreach::Aliases { .. } | BudgetBreach::Anchors { .. } | BudgetBreach::MergeKeys { .. } => {
            format!("it has more than {MAX_ALIASES} anchors, aliases or merge keys")
        }
        other => format!("it is more than the YAML reader takes: {other:?}"),
    }
}

/// The parser writes the place into its sentence; the place is a field here.
fn without_place(text: &str) -> String {
    let text = text.trim().trim_start_matches("error: ");
    let text = match text.split_once(": ") {
        Some((head, rest)) if head.starts_with("line ") || head.starts_with("error: line ") => rest,
        _ => text,
    };
    let cut = text
        .rfind(" at line ")
        .filter(|at| text[*at..].len() < 40)
        .unwrap_or(text.len());
    text[..cut].trim_end_matches([',', ' ']).to_owned()
}

/// The parser counts characters; places count bytes.
pub(crate) fn place(text: &str, line: u64, column: u64) -> (u32, u32) {
    let before = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
    let on_line = usize::try_from(line.saturating_sub(1))
        .ok()
        .and_then(|line| text.lines().nth(line))
        .unwrap_or_default();
    let extra: usize = on_line.chars().take(before).map(|c| c.len_utf8() - 1).sum();
    (narrow(line), narrow(column.saturating_add(extra as u64)))
}

pub(crate) fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(text: &str) -> Value {
        parse(text).unwrap().remove(0).value
    }

    #[test]
    fn words_and_numbers_are_read_as_kubernetes_does() {
        assert_eq!(
            one("a: yes\nb: off\nc: 0777\nd: 1_000\ne: \"yes\"\n"),
            json!({"a": true, "b": false, "c": 511, "d": 1000, "e": "yes"})
        );
        assert_eq!(one("x: &x {a: 1}\ny: {<<: *x, b: 2}\n")["y"], json!({"a": 1, "b": 2}));
    }

    #[test]
    fn empty_documents_are_dropped_and_lines_are_kept() {
        let documents = parse("---\n# nothing\n---\na: 1\n---\n\n---\nb: 2\n").unwrap();
        assert_eq!(documents.iter().map(|d| d.line).collect::<Vec<_>>(), [4, 8]);
    }

    #[test]
    fn an_error_has_a_place() {
        let error = parse("a: 1\nb: [1, 2\nc: 3\n").unwrap_err();
        assert!(error.line >= 2, "{error:?}");
        let error = parse("a: 1\n\"äöü\": [}\n").unwrap_err();
        assert_eq!((error.line, error.column), (2, 11), "columns count bytes: {error:?}");
        let error = parse("a: 1\na: 2\n").unwrap_err();
        assert_eq!(error.line, 2, "{error:?}");
        assert!(error.message.contains("duplicate"), "{error:?}");
        assert!(!error.message.contains(" line "), "{error:?}");
    }

    /// What a text is refused for, which must be its size.
    fn too_much(text: &str) -> String {
        let error = parse(text).unwrap_err();
        assert!(error.is_too_much, "{error:?}");
        error.message
    }

    #[test]
    fn bombs_are_refused_by_their_number() {
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
        for i in 1..12 {
            let p = i - 1;
            bomb.push_str(&format!(
                "a{i}: &a{i} [*a{p},*a{p},*a{p},*a{p},*a{p},*a{p},*a{p},*a{p},*a{p}]\n"
            ));
        }
        assert_eq!(too_much(&bomb), "its aliases stand for more than 200000 nodes");
        assert_eq!(too_much(&"[".repeat(100_000)), "it is nested more than 200 levels deep");
        assert_eq!(too_much(&"--- a\n".repeat(50_001)), "it has more than 50000 documents");
        let aliases = format!("a: &a 1\nb: [{}]\n", "*a,".repeat(10_001));
        assert_eq!(
            too_much(&aliases),
            "it has more than 10000 anchors, aliases or merge keys"
        );
    }

    #[test]
    fn values_that_are_larger_than_their_text_are_refused() {
        let full = "the values take more than 512 MiB of memory";
        let echo = format!("a: &a {}\nb: [{}]\n", "x".repeat(8 << 20), "*a,".repeat(100));
        assert_eq!(too_much(&echo), "its texts have more than 268435456 bytes");
        let maps = vec![r#"{"":1}"#; 800_000].join(",");
        let error = parse_json_within(&format!("[{maps}]"), &mut Room::default()).unwrap_err();
        assert_eq!((error.message.as_str(), error.is_too_much, error.line), (full, true, 1));
    }

    #[test]
    fn texts_share_the_room_they_are_given() {
        let text = format!("[{}]", vec![r#"{"":1}"#; 300_000].join(","));
        let mut room = Room::default();
        let sizes: Vec<bool> = (0..3).map(|_| parse_json_within(&text, &mut room).is_ok()).collect();
        assert_eq!(sizes, [true, true, false]);
        assert!(parse_within("a: 1\n", &mut room).unwrap_err().is_too_much);
        assert!(parse("a: 1\n").is_ok(), "another render has its own");
    }

    #[test]
    fn json_is_as_strict_as_yaml() {
        let read = |text: &str| parse_json_within(text, &mut Room::default());
        assert_eq!(
            read(r#"{"a": [1, -2.5, null, "x"]}"#).unwrap(),
            json!({"a": [1, -2.5, null, "x"]})
        );
        let error = read("{\"a\": 1,\n \"a\": 2}").unwrap_err();
        assert_eq!(
            (error.message.as_str(), error.line, error.is_too_much),
            ("duplicate key `a`", 2, false)
        );
        assert!(read("1e999").is_err() && read(&"[".repeat(1_000)).is_err() && read("{} x").is_err());
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let value = json!({"a": "yes", "b": "0777", "c": "1_000", "d": ["=", "~", "", " x", "a: b", "multi\nline\n"], "e": 1.5, "f": {}, "g": [], "h": "on"});
        assert_eq!(one(&write(&value)), value);
    }
}
