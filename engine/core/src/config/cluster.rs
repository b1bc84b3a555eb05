//! `Cluster.spec`: where an API server is, who acts there, and who else may.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    DriftScope, Home, SecretRef,
    schema::OrOff,
    secret::{Bound, only_in_clusters},
};

/// `Cluster.spec`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterSpec {
    /// How to reach it.
    pub kubeconfig: KubeconfigSpec,
    /// What becomes of Apps that name no service account.
    #[serde(default)]
    pub without_service_account: Unnamed,
    /// Whether the API server refuses what others do to the objects of Apps.
    #[serde(default, skip_serializing_if = "LockSpec::is_default")]
    pub lock: LockSpec,
}

/// `Cluster.spec.kubeconfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KubeconfigSpec {
    /// A kubeconfig of the operator's, relative to the configuration file: it may run programs. Absent = what `kubectl` takes.
    #[serde(default)]
    pub file: Option<String>,
    /// Instead of the file's current context.
    #[serde(default)]
    pub context: Option<String>,
    /// Of an object in a cluster, instead of a file: a Secret of the engine's own namespace with a kubeconfig in `value` or `kubeconfig`.
    /// It may name no programs, files or proxies. One that is changed counts at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
}

/// What becomes of Apps that name no service account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Unnamed {
    /// They are refused: never does a tenant act as the engine.
    #[default]
    Refuse,
    /// They act with the rights of the kubeconfig: for a person at a command line.
    ActAsOwn,
}

/// `Cluster.spec.lock`: what [`crate::lock`] makes an admission policy of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LockSpec {
    /// What becomes of what others do to the objects of Apps.
    #[serde(deserialize_with = "super::mode_or_off")]
    #[schemars(with = "OrOff<LockMode>")]
    pub mode: LockMode,
    /// What service accounts that aren't named below may still do: `Owned` = add what git doesn't set (finalizers, annotations,
    /// defaults), as operators do; `Strict` = nothing. People may do nothing under either.
    pub scope: DriftScope,
    /// Who may do everything.
    pub allow: AllowSpec,
    /// Groups whose members may do everything in an emergency: each request of theirs is noted in the audit log.
    pub break_glass: Vec<String>,
    /// Whether everybody may do what `kubectl rollout restart` does, and no more.
    pub rollout_restart: Permission,
    /// Whether everybody may use the subresource `scale`. `Deny` counts in namespaces whose Namespace object is an App's: what is scaled
    /// can't be told by its labels.
    pub scale: Permission,
    /// Service accounts, as `namespace/name`, that may use `scale` all the same. Kubernetes' own autoscaler needs no mention.
    pub autoscalers: Vec<String>,
    /// Service accounts, as `namespace/name`, that may change the `caBundle` of an APIService or of a CustomResourceDefinition, and no more.
    pub ca_injectors: Vec<String>,
}

impl Default for LockSpec {
    fn default() -> Self {
        Self {
            mode: LockMode::Off,
            scope: DriftScope::Owned,
            allow: AllowSpec::default(),
            break_glass: Vec::new(),
            rollout_restart: Permission::Deny,
            scale: Permission::Allow,
            autoscalers: vec!["keda/keda-operator".to_owned()],
            ca_injectors: vec!["cert-manager/cert-manager-cainjector".to_owned()],
        }
    }
}

impl LockSpec {
    /// Whether a policy is to be there, so that the engine shows who it is.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.mode != LockMode::Off
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What becomes of what others do to the objects of Apps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LockMode {
    /// It is done; drift is repaired.
    #[default]
    Off,
    /// It is done, with a warning, and noted in the audit log: to find out who would be locked out.
    Warn,
    /// The API server refuses it.
    Deny,
}

/// Whether somebody may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Permission {
    /// Yes.
    Allow,
    /// No.
    Deny,
}

/// `Cluster.spec.lock.allow`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AllowSpec {
    /// Users, as the API server names them.
    pub users: Vec<String>,
    /// Groups, as the API server names them.
    pub groups: Vec<String>,
    /// Service accounts, as `namespace/name`.
    pub service_accounts: Vec<String>,
}

/// Groups that everybody, or every service account, is in: named by mistake they would open the lock.
pub(crate) const EVERYBODY: [&str; 3] = [
    "system:authenticated",
    "system:unauthenticated",
    "system:serviceaccounts",
];

/// Of a Cluster's name, for people.
pub(crate) const TAKEN: &str = "this name means the cluster that the engine runs in; use another one";

/// Of a kubeconfig, for people.
pub(crate) const FILE_OR_SECRET: &str = "give `file` or `secretRef`";

/// Of accounts, users and groups, for people.
pub(crate) const NO_ACCOUNT: &str = "is no service account: write `namespace/name`";
pub(crate) const NO_USER: &str = "is empty: expected a user as the API server names it";
pub(crate) const NO_GROUP: &str = "is empty: expected a group as the API server names it";
pub(crate) const HAS_EVERYBODY: &str = "has everybody in it: name a group of its own";

/// Checks what its types don't: the first mistake, as a JSON pointer and a sentence.
pub(super) fn check(spec: &ClusterSpec, home: Home) -> Result<(), (String, String)> {
    let kubeconfig = &spec.kubeconfig;
    only_in_clusters(
        home,
        &[Bound {
            pointer: "/spec/kubeconfig/secretRef",
            given: kubeconfig.secret_ref.is_some(),
            instead: "name a `file`",
        }],
    )?;
    if kubeconfig.secret_ref.is_some() && kubeconfig.file.is_some() {
        return Err((
            "/spec/kubeconfig".to_owned(),
            format!("spec.kubeconfig: {FILE_OR_SECRET}"),
        ));
    }
    let lock = &spec.lock;
    if lock.is_on() && spec.without_service_account == Unnamed::ActAsOwn {
        let message = "spec.lock: needs `withoutServiceAccount: Refuse`: what the engine does as the kubeconfig's own user can't be told from \
                       what that user does by hand";
        return Err(("/spec/lock".to_owned(), message.to_owned()));
    }
    for (field, accounts) in [
        ("allow/serviceAccounts", &lock.allow.service_accounts),
        ("autoscalers", &lock.autoscalers),
        ("caInjectors", &lock.ca_injectors),
    ] {
        each(field, accounts, |text| {
            let names = text.split_once('/');
            let is_account = names.is_some_and(|(namespace, name)| super::is_name(namespace) && super::is_name(name));
            (!is_account).then_some(NO_ACCOUNT)
        })?;
    }
    each("allow/users", &lock.allow.users, |text| {
        text.is_empty().then_some(NO_USER)
    })?;
    for (field, groups) in [("allow/groups", &lock.allow.groups), ("breakGlass", &lock.break_glass)] {
        each(field, groups, |text| match text {
            "" => Some(NO_GROUP),
            text if EVERYBODY.contains(&text) => Some(HAS_EVERYBODY),
            _ => None,
        })?;
    }
    Ok(())
}

fn each(field: &str, texts: &[String], wrong: impl Fn(&str) -> Option<&'static str>) -> Result<(), (String, String)> {
    let first = texts
        .iter()
        .enumerate()
        .find_map(|(index, text)| Some((index, text, wrong(text)?)));
    first.map_or(Ok(()), |(index, text, why)| {
        let dotted = field.replace('/', ".");
        Err((
            format!("/spec/lock/{field}/{index}"),
            format!("spec.lock.{dotted}[{index}]: `{text}` {why}"),
        ))
    })
}
