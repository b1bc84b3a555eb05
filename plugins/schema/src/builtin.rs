//! The kinds that Kubernetes has built in, release by release. The tables are made by `build.rs`.

use crate::schema::Schema;

/// What a release of Kubernetes knows.
#[derive(Debug)]
pub(crate) struct Release {
    /// 37 for 1.37.
    pub(crate) minor: u32,
    /// Sorted by group, kind and version.
    pub(crate) kinds: &'static [Kind],
    /// `metadata` of every object.
    pub(crate) metadata: &'static Schema,
}

/// A kind as one version of its API has it.
#[derive(Debug)]
pub(crate) struct Kind {
    /// "" for the core group.
    pub(crate) group: &'static str,
    /// Its name.
    pub(crate) kind: &'static str,
    /// Version of the group.
    pub(crate) version: &'static str,
    /// What its objects look like.
    pub(crate) schema: &'static Schema,
}

impl Release {
    /// The release that serves a cluster of this version (`v1.37.0`): the newest that isn't newer, or the oldest there is.
    pub(crate) fn of(version: &str) -> &'static Self {
        let wanted = minor(version).unwrap_or(u32::MAX);
        let older = tables::RELEASES.iter().rev().find(|release| release.minor <= wanted);
        older.unwrap_or(&tables::RELEASES[0])
    }

    /// The kind in that version.
    pub(crate) fn kind(&self, group: &str, version: &str, kind: &str) -> Option<&'static Kind> {
        let key = |entry: &'static Kind| (entry.group, entry.kind, entry.version);
        let found = self
            .kinds
            .binary_search_by(|entry| key(entry).cmp(&(group, kind, version)));
        found.ok().map(|index| &self.kinds[index])
    }

    /// Versions in which the kind is served.
    pub(crate) fn versions(&self, group: &str, kind: &str) -> Vec<&'static str> {
        let kinds = self
            .kinds
            .iter()
            .filter(|entry| (entry.group, entry.kind) == (group, kind));
        kinds.map(|entry| entry.version).collect()
    }

    /// Names of the kinds of a group.
    pub(crate) fn kinds_of(&self, group: &str) -> impl Iterator<Item = &'static str> {
        self.kinds
            .iter()
            .filter(move |entry| entry.group == group)
            .map(|entry| entry.kind)
    }
}

/// 37 of `v1.37.0`.
pub(crate) fn minor(version: &str) -> Option<u32> {
    let version = version.trim_start_matches('v').strip_prefix("1.")?;
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version[..digits].parse().ok()
}

mod tables {
    use std::borrow::Cow;

    use super::{Kind, Release};
    use crate::schema::{Field, Format, Key, Link, List, Object, Rest, Schema, Shape, Unique, Width};

    include!(concat!(env!("OUT_DIR"), "/tables.rs"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cluster_decides_the_release() {
        let minors: Vec<u32> = tables::RELEASES.iter().map(|release| release.minor).collect();
        assert_eq!(minors, [35, 36, 37]);
        for (version, minor) in [
            ("v1.36.3", 36),
            ("1.35", 35),
            ("v1.37.0-rc.1", 37),
            ("v1.29.1", 35),
            ("v1.38.0", 37),
            ("v1.36+", 36),
            ("odd", 37),
        ] {
            assert_eq!(Release::of(version).minor, minor, "{version}");
        }
    }

    #[test]
    fn kinds_are_found_in_the_versions_that_are_served() {
        for release in &tables::RELEASES {
            for (group, version, kind) in [
                ("", "v1", "Pod"),
                ("apps", "v1", "Deployment"),
                ("networking.k8s.io", "v1", "Ingress"),
                ("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
            ] {
                assert!(
                    release.kind(group, version, kind).is_some(),
                    "{kind} in 1.{}",
                    release.minor
                );
            }
            assert!(release.kind("extensions", "v1beta1", "Ingress").is_none());
            assert!(release.kind("", "v1", "DeleteOptions").is_none());
            assert_eq!(release.versions("apps", "Deployment"), ["v1"]);
            assert!(release.kinds_of("batch").any(|kind| kind == "CronJob"));
            assert!(
                release
                    .kinds
                    .is_sorted_by_key(|kind| (kind.group, kind.kind, kind.version))
            );
        }
    }
}
