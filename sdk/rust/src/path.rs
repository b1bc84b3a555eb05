//! Paths in a tree: relative to its root, `/`-separated, without `.` and `..`; `""` is the root.

/// A path that leads out of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escapes {
    /// The path as it was written.
    pub path: String,
}

impl std::fmt::Display for Escapes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` leads out of the repository", self.path)
    }
}

impl std::error::Error for Escapes {}

/// `path` as seen from the folder `base`, normalised; a leading `/` stands for the tree's root.
///
/// ```
/// # use windlass_sdk::path::join;
/// assert_eq!(join("apps/web", "../lib/./a.jsonnet").as_deref(), Ok("apps/lib/a.jsonnet"));
/// assert_eq!(join("apps/web", "/lib").as_deref(), Ok("lib"));
/// assert!(join("apps", "../../lib").is_err());
/// ```
///
/// # Errors
/// `path` leads above the root.
pub fn join(base: &str, path: &str) -> Result<String, Escapes> {
    let base = if path.starts_with('/') { "" } else { base };
    let mut segments: Vec<&str> = Vec::new();
    for segment in base.split('/').chain(path.split('/')) {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop().ok_or_else(|| Escapes { path: path.to_owned() })?;
            }
            name => segments.push(name),
        }
    }
    Ok(segments.join("/"))
}

/// The folder that holds `path`; the root holds itself.
#[must_use]
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The last segment of `path`.
#[must_use]
pub fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn join_normalises() {
        for (base, path, expected) in [
            ("", "", ""),
            ("", ".", ""),
            ("a", "", "a"),
            ("a/b", "c", "a/b/c"),
            ("a/b", "./c//d/", "a/b/c/d"),
            ("a/b", "../c", "a/c"),
            ("a/b", "../../c", "c"),
            ("a/b", "../..", ""),
            ("a/b", "/c", "c"),
            ("a", "..a/...", "a/..a/..."),
        ] {
            assert_eq!(join(base, path).as_deref(), Ok(expected), "{base} + {path}");
        }
    }

    #[test]
    fn join_refuses_to_leave_the_tree() {
        for (base, path) in [("", ".."), ("a", "../.."), ("a", "/.."), ("a", "b/../../../c")] {
            assert_eq!(join(base, path), Err(Escapes { path: path.to_owned() }));
        }
        assert_eq!(
            Escapes {
                path: "../x".to_owned()
            }
            .to_string(),
            "`../x` leads out of the repository"
        );
    }

    #[test]
    fn parent_and_name_split_at_the_last_slash() {
        assert_eq!((parent("a/b/c"), name("a/b/c")), ("a/b", "c"));
        assert_eq!((parent("a"), name("a")), ("", "a"));
    }
}
