//! `App.spec`, and what of it can be checked without looking further.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    AppNotifySpec, DependsOn, Home, Mistake, NAME_WORDS, depends, duration,
    schema::{Interval, Name, OrOff},
    secret::{Bound, only_in_files},
    sync::{self, HistorySpec, RollbackSpec, SuspendSpec, SyncSpec},
};
use crate::{adopt::Adoption, fields::FieldPath, health::Check, options::IgnoreRule, owner::MANAGER_PREFIX};

/// `App.spec`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AppSpec {
    /// Name of a Repository of the same namespace; `NAMESPACE/NAME` of another, where a Tenant grants it (`spec.references`).
    pub repository: String,
    /// Folder in its tree. Absent = the root.
    #[serde(default)]
    pub path: String,
    /// Which plugin makes manifests of the folder: one step, or none. Then the folder's files tell which plugin it is.
    #[serde(default)]
    pub render: Vec<RenderStep>,
    /// Where the objects go.
    #[serde(default)]
    pub target: TargetSpec,
    /// What may be deleted.
    #[serde(default)]
    pub prune: PruneSpec,
    /// What to do about foreign edits.
    #[serde(default)]
    pub drift: DriftSpec,
    /// Who gives way when several write one field.
    #[serde(default)]
    pub conflicts: ConflictsSpec,
    /// Fields that are left to others.
    #[serde(default)]
    pub ignore: Vec<IgnoreRule>,
    /// When it is healthy, and when it is given up that it becomes so.
    #[serde(default)]
    pub health: HealthSpec,
    /// Whether pods are made anew when what they are configured with changes.
    #[serde(default)]
    pub restart: RestartSpec,
    /// What is to be there, and to be well, before it is changed.
    #[serde(default)]
    pub depends_on: Vec<DependsOn>,
    /// Who is told what becomes of it.
    #[serde(default)]
    pub notify: AppNotifySpec,
    /// What becomes of the objects when the App is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// When what git says is applied.
    #[serde(default)]
    pub sync: SyncSpec,
    /// Whether what was there before is applied again when a change fails.
    #[serde(default)]
    pub rollback: RollbackSpec,
    /// What is kept of what was applied before.
    #[serde(default)]
    pub history: HistorySpec,
    /// Do nothing, and say why.
    #[serde(default)]
    pub suspend: Option<SuspendSpec>,
}

/// `App.spec.render[]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RenderStep {
    /// Which plugin.
    pub plugin: PluginChoice,
    /// Config of the plugin, as its own schema wants it (`windlass plugin inspect`).
    #[serde(default)]
    pub config: Map<String, Value>,
}

/// A plugin by name, and by version where several are admitted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PluginChoice {
    /// Name of the plugin.
    pub name: String,
    /// A whole version or its beginning: `4.3` admits `4.3.1`.
    #[serde(default)]
    pub version: Option<String>,
}

impl PluginChoice {
    /// The plugin of a name, in whatever version.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: None,
        }
    }
}

impl std::fmt::Display for PluginChoice {
    /// `helm`, `helm@4.3`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        match &self.version {
            Some(version) => write!(f, "@{version}"),
            None => Ok(()),
        }
    }
}

/// `App.spec.target`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetSpec {
    /// Namespace of the objects that name none; Helm's release namespace.
    #[serde(default)]
    pub namespace: String,
    /// A folder that gets one file an object, relative to the configuration file. `--target` overrides it.
    #[serde(default)]
    pub directory: Option<String>,
    /// Name of a Cluster, or `in-cluster`: the one that the engine runs in.
    #[serde(default)]
    #[schemars(with = "Option<Name>")]
    pub cluster: Option<String>,
    /// A service account of the cluster, in the App's own namespace, in whose name everything is written and read for the App.
    #[serde(default)]
    #[schemars(with = "Option<Name>")]
    pub service_account_name: Option<String>,
    /// Whether objects that are there already are taken over.
    #[serde(default)]
    pub adopt: Adoption,
}

/// Name of the cluster that the engine itself runs in, for which no document is needed.
pub const IN_CLUSTER: &str = "in-cluster";

/// `App.spec.conflicts`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConflictsSpec {
    /// Field managers whose fields are taken where git sets them too. Fields that a person's edit took are taken back without it.
    #[serde(default)]
    pub take_from: Vec<String>,
}

/// `App.spec.health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HealthSpec {
    /// How long the App may be on its way without getting on, until it counts as degraded: `30s`, `10m`, `1h`. Whenever an object
    /// stands where it has not stood before, it begins anew.
    #[serde(default = "default_progress_deadline", with = "duration")]
    #[schemars(with = "Interval")]
    pub progress_deadline: Duration,
    /// Where some objects stand, by expressions instead of the built-in rules; the first that is about an object counts.
    #[serde(default)]
    pub checks: Vec<Check>,
}

impl Default for HealthSpec {
    fn default() -> Self {
        Self {
            progress_deadline: default_progress_deadline(),
            checks: Vec::new(),
        }
    }
}

/// As a Deployment's own `progressDeadlineSeconds`.
const fn default_progress_deadline() -> Duration {
    Duration::from_secs(600)
}

/// What becomes of the objects of a deleted App.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// They are deleted.
    #[default]
    Delete,
    /// They stay, and belong to nobody.
    Orphan,
}

/// `App.spec.prune`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PruneSpec {
    /// Whether objects that left the render are deleted.
    #[serde(default, deserialize_with = "super::mode_or_off")]
    #[schemars(with = "OrOff<PruneMode>")]
    pub mode: PruneMode,
    /// A plan that deletes more than this share of what the App owns, in per cent, and more than three objects, is held until
    /// somebody consents.
    #[serde(default = "default_max_percent")]
    #[schemars(range(max = 100))]
    pub max_percent: u8,
    /// Kinds (`Kind` or `Kind.group`) that are never deleted. On a cluster `StatefulSet.apps`, `PersistentVolumeClaim`, `Namespace`
    /// and `CustomResourceDefinition.apiextensions.k8s.io` never are either.
    #[serde(default)]
    pub protect: Vec<String>,
    /// Of these four, the kinds that may be deleted all the same.
    #[serde(default)]
    pub unprotect: Vec<String>,
    /// Take a render without any object as meant: everything the app owns is then deleted.
    #[serde(default)]
    pub allow_empty: bool,
}

/// Whether objects that left the render are deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PruneMode {
    /// Yes, guarded.
    #[default]
    Auto,
    /// No: they stay, and stay in the inventory.
    Off,
}

/// `App.spec.drift`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DriftSpec {
    /// What to do about edits of others.
    #[serde(default)]
    pub mode: DriftMode,
    /// Which edits of others count.
    #[serde(default)]
    pub scope: DriftScope,
}

/// Which edits of others count as drift.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DriftScope {
    /// Of fields that git sets.
    #[default]
    Owned,
    /// Also fields that others added to a spec, known controllers excepted.
    Strict,
}

/// What to do about foreign edits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DriftMode {
    /// Undo them.
    #[default]
    Repair,
    /// Say so and leave them.
    Report,
}

/// `App.spec.restart`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RestartSpec {
    /// When the pods of a Deployment, StatefulSet or DaemonSet are made anew, though git says nothing else of them.
    #[serde(default, deserialize_with = "super::mode_or_off")]
    #[schemars(with = "OrOff<RestartMode>")]
    pub mode: RestartMode,
    /// Whether objects count that are not the App's.
    #[serde(default)]
    pub foreign: ForeignMode,
}

/// When the pods of a Deployment, StatefulSet or DaemonSet are made anew, though git says nothing else of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RestartMode {
    /// Never.
    #[default]
    Off,
    /// When the content changes that they use of a ConfigMap or Secret of the same App.
    OnChange,
}

/// Whether ConfigMaps and Secrets that are not of the App make its pods anew when they change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ForeignMode {
    /// No.
    #[default]
    Ignore,
    /// Yes: they are watched, and read in the App's name.
    Watch,
}

impl Default for PruneSpec {
    fn default() -> Self {
        Self {
            mode: PruneMode::Auto,
            max_percent: default_max_percent(),
            protect: Vec::new(),
            unprotect: Vec::new(),
            allow_empty: false,
        }
    }
}

const fn default_max_percent() -> u8 {
    30
}

/// Of a field manager, for people.
pub(crate) const NO_MANAGER: &str = "is empty: expected the name of a field manager, such as `helm`";

/// Of a field manager, for people.
pub(crate) const OWN_MANAGER: &str =
    "is an app of Windlass: an object moves between apps by leaving the one and entering the other";

/// Of a field that is ignored, for people.
pub(crate) const NO_POINTER: &str = "is no JSON pointer: write for example `/spec/replicas`";

/// Of a field that is ignored, for people.
pub(crate) const IS_IDENTITY: &str = "can't be ignored: it tells which object it is";

/// Of ignore rules without a field, for people.
pub(crate) const NO_FIELDS: &str = "is empty: expected JSON pointers such as `/spec/replicas`";

/// Checks what its types don't: the first mistake, as a JSON pointer and a sentence.
pub(super) fn check(spec: &AppSpec, home: Home) -> Result<(), Mistake> {
    path(spec)?;
    target(&spec.target)?;
    only_in_files(
        home,
        &[Bound {
            pointer: "/spec/target/directory",
            given: spec.target.directory.is_some(),
            instead: "name a `cluster`",
        }],
    )?;
    let wrong = |pointer: &str, message: String| Err((pointer.to_owned(), message));
    if spec.render.len() > 1 {
        let message = format!("spec.render has {} steps; {ONE_STEP}", spec.render.len());
        return wrong("/spec/render", message);
    }
    if spec.prune.max_percent > 100 {
        let message = format!("spec.prune.maxPercent is {}, expected 0 to 100", spec.prune.max_percent);
        return wrong("/spec/prune/maxPercent", message);
    }
    for (index, name) in spec.conflicts.take_from.iter().enumerate() {
        let why = match name.as_str() {
            "" => NO_MANAGER,
            name if name.starts_with(MANAGER_PREFIX) => OWN_MANAGER,
            _ => continue,
        };
        let field = format!("spec.conflicts.takeFrom[{index}]");
        return wrong(
            &format!("/spec/conflicts/takeFrom/{index}"),
            format!("{field}: `{name}` {why}"),
        );
    }
    if spec.restart.foreign == ForeignMode::Watch && spec.restart.mode == RestartMode::Off {
        let message = "spec.restart.foreign is `Watch`, and nothing restarts: say `mode: OnChange` too".to_owned();
        return wrong("/spec/restart/foreign", message);
    }
    depends::check(&spec.depends_on)?;
    conditions(&spec.ignore)?;
    checks(&spec.health.checks)?;
    sync::check(spec)?;
    spec.ignore
        .iter()
        .enumerate()
        .try_for_each(|(index, rule)| ignored(index, rule))
}

fn path(spec: &AppSpec) -> Result<(), (String, String)> {
    let path = spec.path.trim_end_matches('/');
    if !path.is_empty() && path.split('/').any(|s| matches!(s, "" | "." | "..")) {
        let message = format!("spec.path: `{}` {INSIDE}", spec.path);
        return Err(("/spec/path".to_owned(), message));
    }
    Ok(())
}

/// Of steps, for people.
pub(crate) const ONE_STEP: &str = "this version of Windlass runs one";

/// Of a target, for people.
pub(crate) const ONE_PLACE: &str = "a `cluster` and a `directory`; an App goes to one place";

/// Of a path, for people.
pub(crate) const INSIDE: &str = "must be a path inside the repository, without `.`, `..` or a leading `/`";

fn target(target: &TargetSpec) -> Result<(), (String, String)> {
    if target.directory.is_some() && target.cluster.is_some() {
        let message = format!("spec.target has {ONE_PLACE}");
        return Err(("/spec/target/directory".to_owned(), message));
    }
    let name = |field: &str, name: Option<&String>| match name {
        Some(name) if !super::is_name(name) => {
            let message = format!("spec.target.{field}: `{name}` is no name: {NAME_WORDS}");
            Err((format!("/spec/target/{field}"), message))
        }
        _ => Ok(()),
    };
    name("cluster", target.cluster.as_ref())?;
    name("serviceAccountName", target.service_account_name.as_ref())
}

/// Fields without which an object would be another one, or nobody's.
pub(crate) const IDENTITY: [&str; 5] = [
    "/apiVersion",
    "/kind",
    "/metadata/name",
    "/metadata/namespace",
    "/metadata",
];

/// Conditions of an App. Each is answered for each object of its kind, a hundredth of a second at most
/// ([`crate::cel::MAX_COST`]): the threat is an App whose rules take the time of all others.
pub(crate) const MAX_CONDITIONS: usize = 20;

fn conditions(rules: &[IgnoreRule]) -> Result<(), (String, String)> {
    let mut conditions = rules.iter().enumerate().filter(|(_, rule)| rule.when.is_some());
    conditions.nth(MAX_CONDITIONS).map_or(Ok(()), |(index, _)| {
        let message = format!("spec.ignore has more than {MAX_CONDITIONS} rules with `when`");
        Err((format!("/spec/ignore/{index}/when"), message))
    })
}

/// Of one App, for the same reason.
pub(crate) const MAX_CHECKS: usize = 20;

fn checks(checks: &[Check]) -> Result<(), (String, String)> {
    if checks.len() > MAX_CHECKS {
        let message = format!(
            "spec.health.checks has {} checks, {MAX_CHECKS} are allowed",
            checks.len()
        );
        return Err((format!("/spec/health/checks/{MAX_CHECKS}"), message));
    }
    match checks.iter().position(|check| check.kind.is_empty()) {
        Some(index) => {
            let message = format!("spec.health.checks[{index}].kind is empty");
            Err((format!("/spec/health/checks/{index}/kind"), message))
        }
        None => Ok(()),
    }
}

fn ignored(index: usize, rule: &IgnoreRule) -> Result<(), (String, String)> {
    if rule.kind.is_empty() {
        let message = format!("spec.ignore[{index}].kind is empty");
        return Err((format!("/spec/ignore/{index}/kind"), message));
    }
    if rule.fields.is_empty() {
        let message = format!("spec.ignore[{index}].fields {NO_FIELDS}");
        return Err((format!("/spec/ignore/{index}/fields"), message));
    }
    for (at, field) in rule.fields.iter().enumerate() {
        let Err(why) = ignored_field(field) else { continue };
        let message = format!("spec.ignore[{index}].fields[{at}]: `{field}` {why}");
        return Err((format!("/spec/ignore/{index}/fields/{at}"), message));
    }
    Ok(())
}

fn ignored_field(field: &str) -> Result<(), &'static str> {
    let is_path = field.starts_with('.');
    if !field.starts_with('/') && !is_path {
        return Err(NO_POINTER);
    }
    if is_path && FieldPath::parse(field).is_err() {
        return Err("is no path of a field: write for example `.spec.template.spec.containers[name=\"app\"].image`");
    }
    let pointer = if is_path {
        field.replace('.', "/")
    } else {
        field.to_owned()
    };
    if IDENTITY.contains(&pointer.as_str()) {
        return Err(IS_IDENTITY);
    }
    Ok(())
}
