//! Taking over what somebody else made: whether it may be done, and how `metadata.managedFields` is handed over.
//!
//! Without the handover, what other tools applied stays theirs as well: a field removed from git would stay for ever
//! (kubernetes/kubernetes#99003).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    conflict::Contest,
    fields::{Element, FieldPath, FieldSet},
    managers::{BadManagers, Manager, Managers, Operation, replaced, unless_changed},
    owner::{APP, INSTALLATION, OWNER, Owner},
};

/// Which objects without this app's mark it may take over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Adoption {
    /// None: an object of the same name is an error.
    Never,
    /// Those that nobody keeps: made by `kubectl`, or by hand.
    #[default]
    IfUnowned,
    /// Also those of Helm releases, of other engines and of other installations of Windlass; never those of another app of this
    /// installation: two apps would take it from each other for ever.
    Always,
}

/// Why an object isn't taken over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The policy is [`Adoption::Never`].
    #[error("it exists and is not this app's")]
    Foreign,
    /// The policy is [`Adoption::IfUnowned`].
    #[error("it is kept by {keeper}")]
    Kept {
        /// In words: `Helm`, `Flux`, `app default/a of another installation`.
        keeper: String,
    },
    /// Another app of this installation has it, whatever the policy.
    #[error("it belongs to app {app}")]
    Owned {
        /// `namespace/name`.
        app: String,
    },
}

/// Whether an object may be taken over.
///
/// # Errors
/// When it may not, with who has it. An object with this app's own mark is never refused.
pub fn permit(policy: Adoption, owner: &Owner, claim: Option<&Owner>, object: &Value) -> Result<(), Refusal> {
    let keeper = match claim {
        Some(claim) if claim == owner => return Ok(()),
        Some(claim) if claim.installation == owner.installation => {
            return Err(Refusal::Owned { app: claim.to_string() });
        }
        Some(claim) => Some(format!("app {claim} of another installation")),
        None => keeper(object).map(str::to_owned),
    };
    match (policy, keeper) {
        (Adoption::Never, None) => Err(Refusal::Foreign),
        (Adoption::Never | Adoption::IfUnowned, Some(keeper)) => Err(Refusal::Kept { keeper }),
        (Adoption::IfUnowned, None) | (Adoption::Always, _) => Ok(()),
    }
}

/// Marks of other tools that keep what they made, as JSON pointers.
const KEEPERS: [(&str, &str); 7] = [
    ("/metadata/annotations/meta.helm.sh~1release-name", "Helm"),
    ("/metadata/labels/helm.toolkit.fluxcd.io~1name", "Flux"),
    ("/metadata/labels/kustomize.toolkit.fluxcd.io~1name", "Flux"),
    ("/metadata/annotations/argocd.argoproj.io~1tracking-id", "Argo CD"),
    (
        "/metadata/annotations/config.k8s.io~1owning-inventory",
        "another inventory (cli-utils, Config Sync)",
    ),
    ("/metadata/labels/kapp.k14s.io~1app", "kapp"),
    ("/metadata/labels/objectset.rio.cattle.io~1hash", "Fleet"),
];

fn keeper(object: &Value) -> Option<&'static str> {
    let found = KEEPERS.iter().find(|(pointer, _)| object.pointer(pointer).is_some());
    found.map(|(_, keeper)| *keeper)
}

/// The manager that Kubernetes gives all that was there before fields were managed.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// Field manager of `windlass install`.
pub const INSTALL: &str = "windlass-install";

/// Managers whose fields become ours, with how they write (`None`: either way). Whoever isn't named keeps what it has:
/// `kubectl-rollout` above all, or the pods would be restarted.
const CONVERTED: [(&str, Option<Operation>); 8] = [
    // The engine's own manifests, once git has them.
    (INSTALL, Some(Operation::Apply)),
    ("kubectl-client-side-apply", Some(Operation::Update)),
    // `kubectl apply --server-side`.
    ("kubectl", Some(Operation::Apply)),
    (BEFORE_FIRST_APPLY, Some(Operation::Update)),
    ("helm", None),
    ("helm-controller", None),
    ("kustomize-controller", None),
    ("argocd-controller", None),
];

/// What `kubectl apply` keeps beside: it would mean nothing any more, and holds Secrets in plain text.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// What `kubectl rollout restart` sets: without it, the pods are restarted.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// How to hand an object over.
#[derive(Debug, Clone, PartialEq)]
pub struct Handover {
    /// JSON patch (RFC 6902). It fails with a conflict when the object has changed since it was read.
    pub patch: Value,
    /// Who loses its entry, for people to read.
    pub from: Vec<String>,
    /// The entries that go.
    pub gone: Vec<Manager>,
    /// What the app's own entry has afterwards: what it doesn't name in its next apply, and nobody else owns, the server removes.
    pub fields: FieldSet,
}

impl Handover {
    /// Whether a contested field is one that is handed over.
    #[must_use]
    pub fn settles(&self, contest: &Contest) -> bool {
        self.takes(&contest.manager, contest.operation, &contest.subresource)
    }

    /// What the server removes when the app applies, told by what lives after a dry run, in which nothing is handed over.
    #[must_use]
    pub fn removes(&self, after: &Managers, manager: &str) -> Vec<FieldPath> {
        let stay = after
            .0
            .iter()
            .filter(|entry| entry.is_applier(manager) || !self.takes(&entry.name, entry.operation, &entry.subresource));
        let stay = FieldSet::union_of(stay.map(|entry| &entry.fields));
        self.fields.beyond(&stay)
    }

    fn takes(&self, manager: &str, operation: Operation, subresource: &str) -> bool {
        let is_it =
            |gone: &Manager| gone.name == manager && gone.operation == operation && gone.subresource == subresource;
        self.gone.iter().any(is_it)
    }
}

/// Whose entries become an app's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// No app of the installation has the object: those of other tools.
    Found,
    /// It is the app's own, or the app that has it releases it: those of all other apps of the installation as well. One may have
    /// begun to take it over and not have come to an end, when git said something else again.
    Own,
}

/// How an object is handed over to an app's manager; `None` when there is nothing to hand over.
///
/// The entries of other tools and our own `Update`s become our `Apply` entry, as `kubectl apply --server-side` does it with its
/// own (client-go's `csaupgrade`). Nothing of the object itself changes but the annotation of `kubectl apply`: nothing is
/// restarted. What the next apply doesn't name is removed by the server then.
///
/// # Errors
/// When its `managedFields` can't be read.
pub fn handover(object: &Value, owner: &Owner, right: Right) -> Result<Option<Handover>, BadManagers> {
    let managers = Managers::read(object)?;
    let manager = &owner.manager();
    let (converted, mut kept): (Vec<Manager>, Vec<Manager>) = managers
        .0
        .into_iter()
        .partition(|entry| is_converted(entry, manager) || (right == Right::Own && is_siblings(entry, owner)));
    let pointer = format!("/metadata/annotations/{}", LAST_APPLIED.replace('/', "~1"));
    let has_last_applied = object.pointer(&pointer).is_some();
    if converted.is_empty() && !has_last_applied {
        return Ok(None);
    }
    let mut patch = Vec::new();
    let mut fields = FieldSet::default();
    if !converted.is_empty() {
        convert(object, manager, &converted, &mut kept);
        let ours = kept.iter().find(|entry| entry.is_applier(manager));
        fields = ours.map(|entry| entry.fields.clone()).unwrap_or_default();
        patch.push(replaced(&kept));
    }
    if has_last_applied {
        patch.push(json!({"op": "remove", "path": pointer}));
    }
    patch.push(unless_changed(object));
    Ok(Some(Handover {
        patch: patch.into(),
        from: converted.iter().map(|entry| entry.name.clone()).collect(),
        gone: converted,
        fields,
    }))
}

/// How an object is let go: a JSON patch that takes off an app's mark, and changes nothing else of it. Of what the app had set
/// nobody knows any more who set it: it goes to `before-first-apply`, and so to whoever takes the object over.
///
/// # Errors
/// When its `managedFields` can't be read.
pub fn release(object: &Value, owner: &Owner) -> Result<Value, BadManagers> {
    let name = owner.manager();
    let marks = [("annotations", OWNER), ("labels", INSTALLATION), ("labels", APP)];
    let pointers = marks.map(|(of, key)| format!("/metadata/{of}/{}", key.replace('/', "~1")));
    let there = pointers.into_iter().filter(|pointer| object.pointer(pointer).is_some());
    let mut patch: Vec<Value> = there.map(|path| json!({"op": "remove", "path": path})).collect();
    let managers = Managers::read(object)?;
    let (ours, mut kept): (Vec<Manager>, Vec<Manager>) = managers.0.into_iter().partition(|entry| entry.name == name);
    if !ours.is_empty() {
        ours.into_iter().for_each(|entry| leave_to_nobody(entry, &mut kept));
        patch.push(replaced(&kept));
    }
    patch.push(unless_changed(object));
    Ok(patch.into())
}

fn leave_to_nobody(entry: Manager, kept: &mut Vec<Manager>) {
    let entry = Manager {
        name: BEFORE_FIRST_APPLY.to_owned(),
        operation: Operation::Update,
        ..entry
    };
    entry.join(kept);
}

/// Whether another app of the installation has an entry of an object.
#[must_use]
pub fn is_shared(object: &Value, owner: &Owner) -> bool {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    let mut names = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.get("manager")?.as_str());
    names.any(|name| owner.is_sibling(name))
}

fn is_siblings(entry: &Manager, owner: &Owner) -> bool {
    entry.subresource.is_empty() && owner.is_sibling(&entry.name)
}

fn is_converted(entry: &Manager, manager: &str) -> bool {
    let is_own_update = entry.name == manager && entry.operation == Operation::Update;
    let is_known = CONVERTED
        .iter()
        .any(|(name, operation)| *name == entry.name && operation.is_none_or(|operation| operation == entry.operation));
    entry.subresource.is_empty() && (is_own_update || is_known)
}

/// Adds the fields of some entries to our own, which is made if there is none.
fn convert(object: &Value, manager: &str, converted: &[Manager], kept: &mut Vec<Manager>) {
    let ours = kept
        .iter()
        .position(|entry| entry.is_applier(manager))
        .unwrap_or_else(|| {
            let version = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
            kept.push(Manager {
                name: manager.to_owned(),
                operation: Operation::Apply,
                subresource: String::new(),
                api_version: version.to_owned(),
                time: converted.iter().filter_map(|entry| entry.time.clone()).max(),
                fields: FieldSet::default(),
            });
            kept.len() - 1
        });
    let ours = &mut kept[ours];
    // Fields of another version have other names: claimed under this one, the server would refuse them.
    for entry in converted.iter().filter(|entry| entry.api_version == ours.api_version) {
        ours.fields = ours.fields.union(&ours_of(entry));
    }
}

/// What of an entry was wanted by whoever made the object, and may be removed when git doesn't want it.
fn ours_of(entry: &Manager) -> FieldSet {
    let mut fields = entry.fields.clone();
    fields.remove(&FieldPath::of(&["status"]));
    fields.remove(&FieldPath::of(&["metadata", "annotations", LAST_APPLIED]));
    let is_before = entry.name == BEFORE_FIRST_APPLY;
    for path in entry.fields.paths() {
        if ends_in(&path, RESTARTED_AT) || (is_before && is_set_by_cluster(&path)) {
            fields.remove(&path);
        }
    }
    fields
}

fn ends_in(path: &FieldPath, name: &str) -> bool {
    matches!(path.0.last(), Some(Element::Field(last)) if last == name)
}

/// Fields that controllers set beside whoever made the object. `before-first-apply` has them all, for nobody knows any more who
/// set what; removed, a volume would lose its claim and a Service its address.
fn is_set_by_cluster(path: &FieldPath) -> bool {
    let names = path.0.iter().filter_map(|element| match element {
        Element::Field(name) => Some(name.as_str()),
        _ => None,
    });
    let names: Vec<&str> = names.collect();
    match names.as_slice() {
        ["metadata", "finalizers" | "ownerReferences", ..] => true,
        ["metadata", "annotations", name] => CLUSTER_ANNOTATIONS.iter().any(|start| name.starts_with(start)),
        [
            "spec",
            "clusterIP" | "clusterIPs" | "healthCheckNodePort" | "nodeName" | "volumeName",
        ] => true,
        ["spec", "ports", "nodePort"] => true,
        // Of a ServiceAccount: its tokens.
        ["secrets", ..] => true,
        _ => false,
    }
}

/// Beginnings of annotations that controllers of Kubernetes keep their state in.
const CLUSTER_ANNOTATIONS: [&str; 5] = [
    "autoscaling.alpha.kubernetes.io/",
    "deployment.kubernetes.io/",
    "deprecated.daemonset.template.generation",
    "pv.kubernetes.io/",
    "volume.",
];

#[cfg(test)]
mod tests;
