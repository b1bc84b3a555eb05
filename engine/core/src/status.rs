//! What objects in a cluster say of themselves: the `status` of each kind, which the engine alone writes, on transitions only.
//!
//! Conditions are Kubernetes' own form, so that `kubectl wait --for=condition=Ready` and kstatus read them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    config::schema::{ConditionReason, Moment},
    digest::Digest,
    moment,
    render::Instant,
};

/// Whether something holds, since when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What it is about.
    #[serde(rename = "type")]
    pub about: Aspect,
    /// Whether it holds.
    pub status: Truth,
    /// The `metadata.generation` that it was told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When `status` last became another one.
    #[serde(with = "moment")]
    #[schemars(with = "Moment")]
    pub last_transition_time: Instant,
    /// Why, as one word in camel case, for programs.
    #[schemars(with = "ConditionReason")]
    pub reason: String,
    /// Why, for people: a sentence.
    #[schemars(length(max = 32768))]
    pub message: String,
}

/// What a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Aspect {
    /// The object is as it is meant to be: of an App, applied as git says and healthy.
    Ready,
    /// Something is being done about it, and waiting helps. Kept only while it is true.
    Reconciling,
    /// Waiting alone won't help. Kept only while it is true.
    Stalled,
    /// What git says is applied.
    Synced,
    /// What was applied does what it is for.
    Healthy,
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Truth {
    /// It does.
    True,
    /// It does not.
    False,
    /// Nobody can tell.
    Unknown,
}

/// What was made of a commit: three names that are never mixed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Made {
    /// Where it comes from: the commit, in full.
    pub revision: String,
    /// What the render read: it names the render in the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// What came out: the desired hash. Absent when nothing came out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<Digest>,
    /// When.
    #[serde(with = "moment")]
    #[schemars(with = "Moment")]
    pub at: Instant,
}

/// `App.status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AppStatus {
    /// The `metadata.generation` that was looked at last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The commit applied last, its first twelve digits; for tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// What was tried last, whatever came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempted: Option<Made>,
    /// What was applied last without a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied: Option<Made>,
    /// What was healthy last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthy: Option<Made>,
    /// Why git's word doesn't count at the moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldStatus>,
    /// What somebody asked for last, and what came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestStatus>,
    /// Where it stands.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// `App.status.hold`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HoldStatus {
    /// By what it is held.
    pub kind: HoldKind,
    /// Who said so. Absent = the engine itself, or the configuration without a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Why, a sentence.
    pub reason: String,
    /// The plan that waits; `windlass approve` takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Digest>,
    /// The entry of the history that it stays at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// Since when.
    #[serde(default, with = "moment::optional", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Moment>")]
    pub since: Option<Instant>,
    /// When it ends by itself. Absent = never.
    #[serde(default, with = "moment::optional", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Moment>")]
    pub until: Option<Instant>,
}

/// `status.request`: the answer to the annotation `windlass.dev/request`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestStatus {
    /// Of the request: each is done once.
    pub id: String,
    /// When it was taken up.
    #[serde(with = "moment")]
    #[schemars(with = "Moment")]
    pub at: Instant,
    /// What came of it. Absent while it is being done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<RequestOutcome>,
}

/// `status.request.outcome`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestOutcome {
    /// What was decided, sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<String>,
    /// Why it can't be done, a sentence. Absent = it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// What to do then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// By what an App is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum HoldKind {
    /// It is told to rest.
    Suspended,
    /// It stays at an entry of its history, because a person said so.
    Pinned,
    /// It went back by itself: what came after failed.
    RolledBack,
    /// A plan waits for a person, or for a window to open.
    Waiting,
    /// A guard holds a plan that would delete too much.
    Guarded,
}

/// `Repository.status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RepositoryStatus {
    /// The `metadata.generation` that was looked at last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The commit that its Apps are made of, its first twelve digits; for tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The commit that its Apps are made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetched: Option<Fetched>,
    /// Where it stands.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// `Repository.status.fetched`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fetched {
    /// The commit, in full.
    pub revision: String,
    /// The reference that named it: `refs/heads/main`, `refs/tags/v1.2.3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// When it was seen first.
    #[serde(with = "moment")]
    #[schemars(with = "Moment")]
    pub at: Instant,
}

/// `Cluster.status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterStatus {
    /// The `metadata.generation` that was looked at last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Version of Kubernetes there: `v1.34.2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Where it stands.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// `Plugin.status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PluginStatus {
    /// The `metadata.generation` that was looked at last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What became of each version.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["version"]))]
    pub versions: Vec<PluginVersionStatus>,
    /// What serves, so that it goes on when the engine begins anew, and with every replica.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["choice"]))]
    pub serving: Vec<ServingStatus>,
    /// What somebody asked for last, and what came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestStatus>,
    /// Where it stands.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// `Plugin.status.versions[]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PluginVersionStatus {
    /// As in the spec.
    pub version: String,
    /// Whether it was read, verified and compiled.
    pub ready: bool,
    /// Why not, or what it waits for; a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// `Plugin.status.serving[]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServingStatus {
    /// As Apps and Repositories choose it: `helm`, `helm@4.3`.
    pub choice: String,
    /// By its manifest.
    pub version: String,
    /// Of the component.
    pub digest: Digest,
}

/// `Tenant.status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TenantStatus {
    /// The `metadata.generation` that was looked at last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// How many namespaces it is about at the moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<u32>,
    /// Where it stands.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_is_written_as_kubernetes_has_conditions() {
        let at = Instant {
            seconds: 1_767_225_600,
            nanoseconds: 0,
        };
        let status = AppStatus {
            observed_generation: Some(3),
            applied: Some(Made {
                revision: "c".into(),
                run: None,
                desired: Some(Digest::of(b"d")),
                at,
            }),
            hold: Some(HoldStatus {
                kind: HoldKind::Suspended,
                actor: Some("ann".into()),
                reason: "incident".into(),
                plan: None,
                entry: None,
                since: None,
                until: Some(at),
            }),
            conditions: vec![Condition {
                about: Aspect::Ready,
                status: Truth::False,
                observed_generation: Some(3),
                last_transition_time: at,
                reason: "Suspended".into(),
                message: "told to rest".into(),
            }],
            ..AppStatus::default()
        };
        let written = serde_json::to_value(&status).unwrap();
        assert_eq!(
            written["conditions"],
            json!([{"type": "Ready", "status": "False", "observedGeneration": 3, "lastTransitionTime": "2026-01-01T00:00:00Z",
                "reason": "Suspended", "message": "told to rest"}])
        );
        assert_eq!(
            written["hold"],
            json!({"kind": "Suspended", "actor": "ann", "reason": "incident", "until": "2026-01-01T00:00:00Z"})
        );
        assert_eq!(serde_json::from_value::<AppStatus>(written).unwrap(), status);
        assert_eq!(
            serde_json::from_value::<AppStatus>(json!({})).unwrap(),
            AppStatus::default()
        );
    }
}
