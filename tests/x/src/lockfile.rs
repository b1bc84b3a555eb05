//! Reads from `Cargo.lock` what one package is built from, so that a new dependency of the engine doesn't rebuild every
//! plugin.

use std::collections::BTreeSet;

/// The entries of `package` and of all it depends on, in the order of the lock file; empty when it isn't locked.
pub(crate) fn closure<'a>(lockfile: &'a str, package: &str) -> Vec<&'a str> {
    let entries: Vec<Entry<'a>> = lockfile.split("[[package]]").skip(1).map(Entry::read).collect();
    let mut reached = BTreeSet::new();
    let mut open: Vec<usize> = (0..entries.len())
        .filter(|&index| entries[index].name == package)
        .collect();
    while let Some(index) = open.pop() {
        if reached.insert(index) {
            let needed = |other: &usize| {
                entries[index]
                    .dependencies
                    .iter()
                    .any(|wanted| entries[*other].is(wanted))
            };
            open.extend((0..entries.len()).filter(needed));
        }
    }
    reached.into_iter().map(|index| entries[index].text).collect()
}

struct Entry<'a> {
    text: &'a str,
    name: &'a str,
    version: &'a str,
    dependencies: Vec<&'a str>,
}

impl<'a> Entry<'a> {
    fn read(text: &'a str) -> Self {
        let text = text.trim();
        let field = |name: &str| {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
            line.map(|value| value.trim_matches('"')).unwrap_or_default()
        };
        let listed = text
            .lines()
            .filter_map(|line| line.strip_prefix(" \"")?.strip_suffix("\","));
        Self {
            text,
            name: field("name"),
            version: field("version"),
            dependencies: listed.collect(),
        }
    }

    /// Whether a dependency, `name` or `name version` or `name version (source)`, means this entry.
    fn is(&self, dependency: &str) -> bool {
        let mut words = dependency.split(' ');
        words.next() == Some(self.name) && words.next().is_none_or(|version| version == self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCKFILE: &str = "version = 4\n\n\
        [[package]]\nname = \"a\"\nversion = \"1.0.0\"\ndependencies = [\n \"b 2.0.0\",\n \"c\",\n]\n\n\
        [[package]]\nname = \"b\"\nversion = \"1.0.0\"\n\n\
        [[package]]\nname = \"b\"\nversion = \"2.0.0\"\ndependencies = [\n \"a\",\n]\n\n\
        [[package]]\nname = \"c\"\nversion = \"1.0.0\"\nchecksum = \"00\"\n\n\
        [[package]]\nname = \"d\"\nversion = \"1.0.0\"\ndependencies = [\n \"c\",\n]\n";

    fn names(package: &str) -> Vec<String> {
        let found = closure(LOCKFILE, package);
        found
            .iter()
            .map(|text| text.lines().take(2).collect::<String>().replace("name = ", ""))
            .collect()
    }

    #[test]
    fn follows_dependencies_by_version_and_through_cycles() {
        assert_eq!(
            names("a"),
            [
                "\"a\"version = \"1.0.0\"",
                "\"b\"version = \"2.0.0\"",
                "\"c\"version = \"1.0.0\""
            ]
        );
        assert_eq!(names("d"), ["\"c\"version = \"1.0.0\"", "\"d\"version = \"1.0.0\""]);
        assert!(closure(LOCKFILE, "e").is_empty());
        assert!(closure(LOCKFILE, "c")[0].ends_with("checksum = \"00\""));
    }
}
