//! Which of some tags is the newest version in a range.
//!
//! Versions and ranges are those of the crate `semver`, which are Cargo's: `1.2` means `>=1.2, <2`, `~1.2` means `>=1.2, <1.3`,
//! `1.*` any of 1; parts of a range all hold. A pre-release is in a range only if a part of the range names a pre-release of the
//! same three numbers (`>=2.0.0-rc.1` takes `2.0.0-rc.2`, and no `2.1.0-rc.1`).

use std::fmt;

use semver::{Version, VersionReq};

/// A text that is no range of versions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no range of versions: {reason}")]
pub struct RangeError {
    /// As given.
    pub text: String,
    /// What is wrong, and what to write instead.
    pub reason: &'static str,
}

/// A range of versions that was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range(String);

impl Range {
    /// Reads a range. Parts may be separated by commas, as the crate wants it, or by spaces, as npm and Flux write them.
    ///
    /// # Errors
    /// When it is no range, or uses `||`.
    pub fn new(text: &str) -> Result<Self, RangeError> {
        let refuse = |reason| RangeError {
            text: text.to_owned(),
            reason,
        };
        if text.contains("||") {
            return Err(refuse("alternatives (`||`) are not supported: write one range"));
        }
        let joined = joined(text);
        let expected = "write for example `>=1.2 <2` or `~1.4`";
        match VersionReq::parse(&joined) {
            Ok(_) if !joined.is_empty() => Ok(Self(joined)),
            _ => Err(refuse(expected)),
        }
    }

    /// The tag with the newest version in the range. A `v` before the version does not count; tags that are no full version
    /// (`v1.2`, `nightly`) are passed over. Of two tags with the same version the one with the later build metadata wins, as the
    /// crate orders them, then the one with the `v`.
    #[must_use]
    pub fn newest<'t>(&self, tags: impl IntoIterator<Item = &'t str>) -> Option<&'t str> {
        let range = VersionReq::parse(&self.0).ok()?;
        let versions = tags.into_iter().filter_map(|tag| Some((version(tag)?, tag)));
        let newest = versions.filter(|(version, _)| range.matches(version)).max();
        newest.map(|(_, tag)| tag)
    }
}

/// The newest versions among tags, for a message.
#[must_use]
pub fn newest_of(tags: &[String], most: usize) -> Vec<String> {
    let mut versions: Vec<_> = tags.iter().filter_map(|tag| Some((version(tag)?, tag))).collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions.into_iter().take(most).map(|(_, tag)| tag.clone()).collect()
}

fn version(tag: &str) -> Option<Version> {
    Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok()
}

/// `>= 1.2 <2` as `>=1.2, <2`.
fn joined(text: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for word in text.split([' ', '\t', ',']).filter(|word| !word.is_empty()) {
        match parts.last_mut() {
            Some(operator) if operator.chars().all(|c| "<>=~^".contains(c)) => operator.push_str(word),
            _ => parts.push(word.to_owned()),
        }
    }
    parts.join(", ")
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest<'t>(range: &str, tags: &[&'t str]) -> Option<&'t str> {
        Range::new(range).unwrap().newest(tags.iter().copied())
    }

    #[test]
    fn the_newest_in_the_range() {
        let tags = [
            "v1.1.0", "v1.2.0", "v1.10.0", "1.9.9", "v2.0.0", "v1.2", "nightly", "vv1.99.0", "v01.50.0",
        ];
        for (range, expected) in [
            (">=1.2 <2", Some("v1.10.0")),
            (">= 1.2, < 1.10", Some("1.9.9")),
            ("*", Some("v2.0.0")),
            ("1.1", Some("v1.10.0")),
            ("~1.1", Some("v1.1.0")),
            ("=1.2.0", Some("v1.2.0")),
            ("1.2.x", Some("v1.2.0")),
            (">=3", None),
        ] {
            assert_eq!(newest(range, &tags), expected, "{range}");
        }
    }

    #[test]
    fn pre_releases_need_to_be_named() {
        let tags = ["v1.9.0", "v2.0.0-rc.1", "v2.0.0-rc.2", "v2.1.0-beta"];
        assert_eq!(newest(">=1", &tags), Some("v1.9.0"));
        assert_eq!(newest(">=2.0.0-rc.1", &tags), Some("v2.0.0-rc.2"));
        assert_eq!(newest(">=2.0.0-0 <2.0.0", &tags), Some("v2.0.0-rc.2"));
    }

    #[test]
    fn ties_are_settled() {
        assert_eq!(newest("1", &["1.0.0+2", "1.0.0+10", "1.0.0"]), Some("1.0.0+10"));
        for order in [["1.0.0", "v1.0.0"], ["v1.0.0", "1.0.0"]] {
            assert_eq!(newest("1", &order), Some("v1.0.0"));
        }
    }

    #[test]
    fn what_is_no_range_is_told() {
        for text in ["", " ", "1 || 2", "newest", ">", ">=1.2.3.4"] {
            assert!(Range::new(text).is_err(), "{text:?}");
        }
        assert_eq!(Range::new(">= 1.2  <2").unwrap().to_string(), ">=1.2, <2");
    }

    #[test]
    fn a_message_names_the_newest() {
        let tags = ["v1.0.0", "x", "v1.10.0", "v1.2.0"].map(str::to_owned);
        assert_eq!(newest_of(&tags, 2), ["v1.10.0", "v1.2.0"]);
    }
}
