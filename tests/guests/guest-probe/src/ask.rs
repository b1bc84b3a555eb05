//! Questions to a tree, one per path of the config.

use serde_json::{Map, Value, json};
use windlass_sdk::{Entry, Failure, Kind, Refusal, RenderRequest, Sink, Tree};

use crate::answer;
use crate::config::{Config, Mode};

/// Asks for each path and emits the answers by path.
pub(crate) fn all(config: &Config, request: &RenderRequest, out: &Sink) -> Result<(), Failure> {
    let tree = if config.from.is_empty() {
        request.tree()
    } else {
        request
            .source(&config.from)
            .ok_or_else(|| Failure::Unsupported(format!("no source `{}`", config.from)))?
    };
    let answers: Map<String, Value> = config
        .paths
        .iter()
        .map(|path| (path.clone(), one(config, &tree, path)))
        .collect();
    answer::emit(&Value::Object(answers), out);
    Ok(())
}

fn one(config: &Config, tree: &Tree, path: &str) -> Value {
    let answer = match config.mode {
        Mode::Label => Ok(json!(tree.label())),
        Mode::Stat => tree
            .stat(path)
            .map(|node| json!({"kind": kind(node.kind), "size": node.size, "executable": node.executable})),
        Mode::Read => tree.read(path, config.offset, config.max).map(bytes),
        Mode::ReadAll => tree.read_all(path).map(bytes),
        Mode::List => tree
            .list(path, &config.after, config.max)
            .map(|page| json!({"entries": entries(page.entries), "more": page.more})),
        Mode::ListAll => tree.list_all(path).map(entries),
        Mode::Glob => {
            let page = tree.glob(path, &config.pattern, &config.after, config.max);
            page.map(|page| json!({"paths": page.paths, "more": page.more}))
        }
        Mode::Digest => tree.digest(path).map(Value::String),
        _ => tree.canonical(path).map(Value::String),
    };
    answer.unwrap_or_else(|refused: Refusal| answer::refusal(&refused))
}

/// Text as it is, other bytes as their number and a hash, so that a test can compare large contents.
fn bytes(bytes: Vec<u8>) -> Value {
    match String::from_utf8(bytes) {
        Ok(text) if text.len() <= 4096 => json!({"text": text}),
        Ok(text) => json!({"length": text.len(), "fnv1a": fnv1a(text.as_bytes())}),
        Err(error) => json!({"length": error.as_bytes().len(), "fnv1a": fnv1a(error.as_bytes())}),
    }
}

/// 64-bit FNV-1a, in hexadecimal.
fn fnv1a(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

fn entries(entries: Vec<Entry>) -> Value {
    entries
        .into_iter()
        .map(|entry| json!([entry.name, kind(entry.kind)]))
        .collect()
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Missing => "missing",
        Kind::File => "file",
        Kind::Directory => "directory",
        Kind::Symlink => "symlink",
        Kind::Submodule => "submodule",
        Kind::Other => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_contents_are_told_by_hash() {
        assert_eq!(fnv1a(b"foobar"), "85944171f73967e8");
        assert_eq!(bytes(b"a".to_vec()), json!({"text": "a"}));
        assert_eq!(bytes(vec![0xff; 3])["length"], 3);
        assert_eq!(bytes(vec![b'a'; 5000])["length"], 5000);
    }
}
