//! Versions of plugins: which serves, which waits to, and what was approved.

use serde::{Deserialize, Serialize};

use crate::{digest::Digest, moment, render::Instant};

/// Version of what is stored.
pub const FORMAT: u32 = 1;

/// The component that serves a choice of a plugin (`helm`, `helm@4.3`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Serving {
    /// [`FORMAT`].
    pub format: u32,
    /// Version by its manifest.
    pub version: String,
    /// Of the component.
    pub digest: Digest,
}

/// A person lets a version serve, whatever differs. Of that component alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// [`FORMAT`].
    pub format: u32,
    /// Of the component.
    pub digest: Digest,
    /// Who.
    pub actor: String,
    /// When.
    #[serde(with = "moment")]
    pub at: Instant,
}

/// A version that waits for approval, since something would be rendered otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// [`FORMAT`].
    pub format: u32,
    /// Of the component.
    pub digest: Digest,
    /// Since when.
    #[serde(with = "moment")]
    pub since: Instant,
    /// Apps that use it.
    pub compared: usize,
    /// Those for which something is another, by name.
    pub apps: Vec<Differing>,
}

/// What another version comes to for an App.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Differing {
    /// Name of the App.
    pub app: String,
    /// What serves it, as `name@version`.
    pub serves: String,
    /// Objects that would be made, changed or gone.
    pub objects: usize,
    /// Why they can't be compared: one of both doesn't render it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl Waiting {
    /// In words: `2 of 5 Apps differ: api (3 objects), web (can't be compared: …)`.
    #[must_use]
    pub fn words(&self) -> String {
        let one = |differing: &Differing| match &differing.failed {
            Some(why) => format!("{} ({why})", differing.app),
            None if differing.objects == 1 => format!("{} (1 object)", differing.app),
            None => format!("{} ({} objects)", differing.app, differing.objects),
        };
        let mut apps: Vec<String> = self.apps.iter().take(SHOWN).map(one).collect();
        if let Some(more @ 1..) = self.apps.len().checked_sub(SHOWN) {
            apps.push(format!("{more} more"));
        }
        format!(
            "{} of {} Apps differ: {}",
            self.apps.len(),
            self.compared,
            apps.join(", ")
        )
    }
}

/// Apps named in a sentence.
const SHOWN: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_says_for_which_apps() {
        let differing = |app: &str, objects, failed: Option<&str>| Differing {
            app: app.into(),
            serves: "helm@1.0.0".into(),
            objects,
            failed: failed.map(str::to_owned),
        };
        let mut waiting = Waiting {
            format: FORMAT,
            digest: Digest::of(b"new"),
            since: Instant {
                seconds: 0,
                nanoseconds: 0,
            },
            compared: 20,
            apps: vec![
                differing("api", 3, None),
                differing("web", 1, None),
                differing("db", 0, Some("it fails")),
            ],
        };
        assert_eq!(
            waiting.words(),
            "3 of 20 Apps differ: api (3 objects), web (1 object), db (it fails)"
        );
        waiting.apps = (0..12).map(|n| differing(&n.to_string(), 2, None)).collect();
        assert!(
            waiting.words().ends_with("9 (2 objects), 2 more"),
            "{}",
            waiting.words()
        );
    }
}
