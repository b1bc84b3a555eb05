//! Parsers of guests and of the task runner. Those crates are not built with the engine, so their files are taken in by path.

use serde_json::Value;
use windlass_core::yaml;

use crate::tree;

#[path = "../../../plugins/yaml/src/glob.rs"]
mod glob;
#[allow(dead_code, reason = "the runner's own helpers are not under test")]
#[path = "../../x/src/json.rs"]
mod json_of_x;
#[expect(unreachable_pub, reason = "it is public where it belongs")]
#[path = "../../../sdk/rust/src/path.rs"]
mod path;
#[path = "../../../plugins/yaml/src/split.rs"]
mod split_of_yaml;

/// Longest pattern and path given to the naive matcher, whose time doubles with each star.
const NAIVE: usize = 20;

/// Any pattern is read or refused, and matches as its meaning says; `pattern`, a line feed, and the path.
pub(crate) fn globs(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (pattern, path) = text.split_once('\n').unwrap_or((text, "a/b.yaml"));
    // What takes exponential time shows as a slow input.
    let _ = tree::make(&[0, 0, 6, 3, 6, 0, 1, 0, 6, 3]).matches("", pattern);
    let Ok(glob) = glob::Glob::new(pattern) else { return };
    let matches = glob.matches(path);
    let is_plain = !pattern.contains(['[', ']', '{', '}', '\\', '!']);
    if is_plain && pattern.len() <= NAIVE && path.len() <= NAIVE {
        let segments = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            matches,
            naive(&segments(pattern), &segments(path)),
            "`{pattern}` over `{path}`"
        );
    }
}

/// `**` takes any number of segments.
fn naive(pattern: &[String], path: &[String]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "**" => {
            naive(rest, path) || (!path.is_empty() && naive(pattern, &path[1..]))
        }
        (Some((first, rest)), Some((name, below))) => {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            naive_segment(&letters(first), &letters(name)) && naive(rest, below)
        }
        _ => false,
    }
}

fn naive_segment(pattern: &[char], name: &[char]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), _) => naive_segment(rest, name) || (!name.is_empty() && naive_segment(pattern, &name[1..])),
        (Some((wanted, rest)), Some((letter, below))) => {
            (*wanted == '?' || wanted == letter) && naive_segment(rest, below)
        }
        _ => false,
    }
}

/// The pieces of a stream read as the stream does, each at its line.
pub(crate) fn split(bytes: &[u8]) {
    let Ok(stream) = std::str::from_utf8(bytes) else { return };
    let mut end = 0;
    let pieces = split_of_yaml::documents(stream);
    for piece in &pieces {
        let start = piece.text.as_ptr() as usize - stream.as_ptr() as usize;
        assert!(start >= end, "pieces overlap");
        assert_eq!(piece.line as usize, 1 + stream[..start].matches('\n').count());
        end = start + piece.text.len();
    }
    let Ok(whole) = yaml::parse(stream) else { return };
    let values = |text: &str| yaml::parse(text).map(|all| all.into_iter().map(|d| d.value).collect::<Vec<Value>>());
    let apart: Result<Vec<_>, _> = pieces.iter().map(|piece| values(piece.text)).collect();
    // Anchors and directives of one document do not hold in the next.
    if let Ok(apart) = apart {
        assert_eq!(apart.concat(), whole.into_iter().map(|d| d.value).collect::<Vec<_>>());
    }
}

/// A joined path is one of a tree, or refused; joining it again changes nothing. `base`, a line feed, and the path.
pub(crate) fn paths(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (base, to) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(joined) = path::join(base, to) else { return };
    assert!(
        joined.is_empty() || joined.split('/').all(|segment| !matches!(segment, "" | "." | "..")),
        "{joined}"
    );
    assert_eq!(path::join("", &joined).as_deref(), Ok(joined.as_str()));
    assert!(path::parent(&joined).len() <= joined.len() && joined.ends_with(path::name(&joined)));
}

/// What this reader takes, others read the same.
pub(crate) fn json(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(own) = json_of_x::Json::parse(text) else { return };
    // A number beyond all bounds is kept as it is written here, and refused there.
    let Ok(theirs) = serde_json::from_str::<Value>(text) else {
        assert!(text.bytes().any(|byte| byte.is_ascii_digit()), "only here: {text}");
        return;
    };
    assert_same(&own, &theirs);
}

fn assert_same(own: &json_of_x::Json, theirs: &Value) {
    use json_of_x::Json;
    match (own, theirs) {
        (Json::Null, Value::Null) | (Json::Number(_), Value::Number(_)) => {}
        (Json::Bool(own), Value::Bool(theirs)) => assert_eq!(own, theirs),
        (Json::String(own), Value::String(theirs)) => assert_eq!(own, theirs),
        (Json::Array(own), Value::Array(theirs)) => {
            assert_eq!(own.len(), theirs.len());
            own.iter()
                .zip(theirs)
                .for_each(|(own, theirs)| assert_same(own, theirs));
        }
        (Json::Object(own), Value::Object(theirs)) => {
            assert_eq!(own.len(), theirs.len());
            own.iter().for_each(|(key, own)| assert_same(own, &theirs[key]));
        }
        (own, theirs) => panic!("{own:?} is not {theirs}"),
    }
}
