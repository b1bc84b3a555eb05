//! The plugin's config, as `plugin.yaml` describes it. The host fills in what isn't said.

use serde::Deserialize;
use windlass_sdk::Severity;

use crate::finding::Finding;

/// What a user may set.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Config {
    /// How to take objects whose kind isn't known.
    #[serde(default)]
    pub(crate) unknown_kinds: Level,
    /// How to take fields that a schema doesn't have.
    #[serde(default)]
    pub(crate) unknown_fields: Level,
    /// Kinds that aren't checked.
    #[serde(default)]
    skip_kinds: Vec<String>,
    /// Findings to leave out.
    #[serde(default)]
    ignore: Vec<Ignore>,
}

/// How severe something is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// It stops the app.
    Error,
    /// It is told.
    #[default]
    Warning,
    /// It isn't told.
    Ignore,
}

impl Level {
    /// As findings have it; `None` = none.
    pub(crate) const fn severity(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Ignore => None,
        }
    }
}

/// A rule by which findings are left out; what isn't said fits all.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ignore {
    kind: Option<String>,
    at: Option<String>,
    code: Option<String>,
}

impl Config {
    /// Whether objects of the kind aren't checked.
    pub(crate) fn skips(&self, group: &str, kind: &str) -> bool {
        self.skip_kinds.iter().any(|pattern| is_kind(pattern, group, kind))
    }

    /// Whether a finding at an object of the kind is left out.
    pub(crate) fn ignores(&self, group: &str, kind: &str, finding: &Finding) -> bool {
        self.ignore.iter().any(|rule| {
            rule.kind.as_ref().is_none_or(|pattern| is_kind(pattern, group, kind))
                && rule.at.as_ref().is_none_or(|pattern| is_at(pattern, &finding.pointer))
                && rule.code.as_ref().is_none_or(|code| code == finding.code)
        })
    }
}

/// `Kind`, `group/Kind`, `group/*`.
fn is_kind(pattern: &str, group: &str, kind: &str) -> bool {
    let (of_group, name) = pattern
        .rsplit_once('/')
        .map_or((None, pattern), |(of_group, name)| (Some(of_group), name));
    of_group.is_none_or(|of_group| of_group == group) && (name == "*" || name == kind)
}

/// Whether `pointer` is what `pattern` names, or a part of it.
fn is_at(pattern: &str, pointer: &str) -> bool {
    let mut segments = pointer.split('/');
    pattern.split('/').all(|wanted| {
        segments
            .next()
            .is_some_and(|segment| wanted == "*" || wanted == segment)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_with_or_without_group() {
        for (pattern, group, kind, fits) in [
            ("Pod", "", "Pod", true),
            ("Pod", "other", "Pod", true),
            ("/Pod", "", "Pod", true),
            ("/Pod", "other", "Pod", false),
            ("example.org/*", "example.org", "X", true),
            ("example.org/*", "", "X", false),
            ("apps/Deployment", "apps", "DaemonSet", false),
        ] {
            assert_eq!(is_kind(pattern, group, kind), fits, "{pattern}");
        }
    }

    #[test]
    fn what_fits_all_that_a_rule_says_is_left_out() {
        let config: Config =
            windlass_sdk::parse_config(r#"{"ignore":[{"kind":"Pod","at":"/spec/containers/*/ports"},{"code":"b"}]}"#)
                .unwrap();
        let finding = |code, pointer: &str| Finding::error(code, pointer.to_owned(), String::new());
        for (kind, finding, ignored) in [
            ("Pod", finding("a", "/spec/containers/0/ports/1/name"), true),
            ("Pod", finding("a", "/spec/containers/0/ports"), true),
            ("Pod", finding("a", "/spec/containers/0"), false),
            ("Job", finding("a", "/spec/containers/0/ports"), false),
            ("Job", finding("b", "/spec"), true),
        ] {
            assert_eq!(config.ignores("", kind, &finding), ignored, "{kind} {finding:?}");
        }
    }
}
