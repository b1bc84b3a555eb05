//! What a render read, and why it was or was not repeated, in words.

use windlass_core::trace::Query;

use crate::report::Why;

/// Why a render was or was not repeated.
#[must_use]
pub(super) fn why(why: &Why) -> String {
    match why {
        Why::First => "rendered: no render of this plugin with this config at this path is known".to_owned(),
        Why::Changed { query } => format!("rendered: `{}` is answered anew", question(query)),
        Why::Unchanged { asked } => format!("not rendered again: all {asked} answers are as they were"),
    }
}

/// A query in words.
#[must_use]
pub(super) fn question(query: &Query) -> String {
    let at = |tree: &str, path: &str| match (tree, path) {
        ("", "") => ".".to_owned(),
        ("", path) => path.to_owned(),
        (tree, path) => format!("${tree}/{path}"),
    };
    match query {
        Query::Stat { tree, path } => format!("stat {}", at(tree, path)),
        Query::Canonical { tree, path } => format!("canonical {}", at(tree, path)),
        Query::Read { tree, path } => format!("read {}", at(tree, path)),
        Query::List { tree, path } => format!("list {}", at(tree, path)),
        Query::Glob { tree, base, pattern } => format!("glob {pattern} in {}", at(tree, base)),
        Query::Digest { tree, path } => format!("digest {}", at(tree, path)),
        Query::Source { name } => format!("source {name}"),
        Query::Path => "path of the app".to_owned(),
        Query::Config => "config".to_owned(),
        Query::App => "names of the app".to_owned(),
        Query::Now => "time".to_owned(),
        Query::KubeVersion => "Kubernetes version".to_owned(),
        Query::HasApi { name } => format!("has API {name}"),
        Query::Apis => "all APIs".to_owned(),
        Query::Input => "output of the previous step".to_owned(),
        Query::Entropy => "randomness".to_owned(),
    }
}
