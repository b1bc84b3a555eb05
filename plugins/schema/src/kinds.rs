//! Which schema an object has, and what there is to say about its kind.

use serde_json::Value;
use windlass_sdk::{ObjectRef, Severity};

use crate::builtin::{Release, minor};
use crate::crd::Definitions;
use crate::finding::Finding;
use crate::lifecycle::{self, Retired};
use crate::nearest::nearest;
use crate::schema::{Link, Schema};

/// What is known of kinds in one call.
#[derive(Debug)]
pub(crate) struct Kinds {
    /// Those that Kubernetes has built in.
    pub(crate) release: &'static Release,
    /// The cluster's minor version.
    pub(crate) minor: u32,
    /// Those of the render.
    pub(crate) definitions: Definitions,
    /// How kinds are taken that are in neither.
    pub(crate) unknown: Option<Severity>,
}

/// What is known of an object's kind.
#[derive(Debug)]
pub(crate) struct Known {
    /// What the object must look like, if that is known.
    pub(crate) schema: Option<Link>,
    /// What there is to say of the kind itself.
    pub(crate) findings: Vec<Finding>,
}

impl Kinds {
    /// What a cluster of this version (`v1.37.0`) knows before the render.
    pub(crate) fn new(version: &str, unknown: Option<Severity>) -> Self {
        let release = Release::of(version);
        let minor = minor(version).unwrap_or(release.minor);
        Self {
            release,
            minor,
            definitions: Definitions::default(),
            unknown,
        }
    }

    /// Looks the kind up: in the render first, which may define anew what the cluster has.
    ///
    /// Fills in what the server fills in before it checks the object.
    pub(crate) fn find(&self, head: &ObjectRef, body: &mut Value) -> Known {
        if let Some(known) = self.custom(head, body) {
            return known;
        }
        let retired = lifecycle::of(&head.group, &head.version, &head.kind);
        let mut findings: Vec<Finding> = retired
            .and_then(|entry| self.retired(head, entry))
            .into_iter()
            .collect();
        let kind = self.release.kind(&head.group, &head.version, &head.kind);
        if kind.is_none() && findings.is_empty() {
            findings.extend(self.unknown(head, self.help(head)));
        }
        Known {
            schema: kind.map(|kind| Link::Static(kind.schema)),
            findings,
        }
    }

    /// A kind that the render defines.
    fn custom(&self, head: &ObjectRef, body: &mut Value) -> Option<Known> {
        let definition = self.definitions.get(&head.group, &head.kind)?;
        let Some(version) = definition.served(&head.version) else {
            let served: Vec<&str> = definition
                .versions
                .iter()
                .filter(|version| version.served)
                .map(|version| version.name.as_str())
                .collect();
            let help = format!(
                "its CustomResourceDefinition in this render serves {}",
                served.join(", ")
            );
            let findings = self.unknown(head, help).into_iter().collect();
            return Some(Known { schema: None, findings });
        };
        let warning = version.deprecated.as_ref().map(|text| {
            let message = format!("`{}/{}` of {} is deprecated", head.group, head.version, head.kind);
            let help = if text.is_empty() {
                "use another version of it"
            } else {
                text
            };
            Finding::error("deprecated-api", api(), message)
                .severity(Severity::Warning)
                .help(help)
        });
        version.fill(body);
        let schema: Schema = version.schema(self.release.metadata);
        Some(Known {
            schema: Some(Link::Owned(schema.into())),
            findings: warning.into_iter().collect(),
        })
    }

    /// What the server says to an API that is given up.
    fn retired(&self, head: &ObjectRef, entry: &Retired) -> Option<Finding> {
        let name = format!("`{}` of {}", api_version(head), head.kind);
        let help = entry.instead.map_or_else(
            || "nothing took its place: remove it".to_owned(),
            |instead| format!("write {instead} instead"),
        );
        let finding = match entry.removed {
            Some(removed) if removed <= self.minor => {
                let message = format!(
                    "{name} isn't served since Kubernetes 1.{removed}; the cluster's is 1.{}",
                    self.minor
                );
                Finding::error("removed-api", api(), message)
            }
            _ if entry.deprecated <= self.minor => {
                let end = entry
                    .removed
                    .map_or(String::new(), |removed| format!(" and removed in 1.{removed}"));
                let message = format!("{name} is deprecated since Kubernetes 1.{}{end}", entry.deprecated);
                Finding::error("deprecated-api", api(), message).severity(Severity::Warning)
            }
            _ => return None,
        };
        Some(finding.help(help))
    }

    fn unknown(&self, head: &ObjectRef, help: String) -> Option<Finding> {
        let severity = self.unknown?;
        let message = format!(
            "there is no schema of {} in `{}`, so that it isn't checked",
            head.kind,
            api_version(head)
        );
        let pointer = if help.starts_with(MISSPELT) {
            "/kind".to_owned()
        } else {
            api()
        };
        Some(
            Finding::error("unknown-kind", pointer, message)
                .severity(severity)
                .help(help),
        )
    }

    fn help(&self, head: &ObjectRef) -> String {
        let minor = self.release.minor;
        let versions = self.release.versions(&head.group, &head.kind);
        if !versions.is_empty() {
            return format!("Kubernetes 1.{minor} serves it as {}", versions.join(", "));
        }
        if let Some(near) = nearest(&head.kind, self.release.kinds_of(&head.group)) {
            return format!("{MISSPELT} {near}?");
        }
        "render its CustomResourceDefinition with it, or add the kind to `skipKinds`".to_owned()
    }
}

/// How a help starts that is about the kind's name.
const MISSPELT: &str = "did you mean";

/// Where an object says which API it is of.
fn api() -> String {
    "/apiVersion".to_owned()
}

/// As an object says it.
fn api_version(head: &ObjectRef) -> String {
    if head.group.is_empty() {
        head.version.clone()
    } else {
        format!("{}/{}", head.group, head.version)
    }
}

#[cfg(test)]
mod tests;
