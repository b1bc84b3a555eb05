//! Apps as they were deployed: what is needed to let one go when its document is gone.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use windlass_core::config::{
    App, AppNotifySpec, AppSpec, ClusterSpec, ConflictsSpec, DeletionPolicy, DriftSpec, HealthSpec, HistorySpec,
    PruneSpec, RestartSpec, RollbackSpec, SyncSpec, TargetSpec, id_of,
};

/// Version of the stored form; an older binary refuses a newer one.
pub(super) const FORMAT: u32 = 1;

/// An App on a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deployed {
    /// Version of the writer's form.
    pub format: u32,
    /// The configuration file that it stands in: what stands in another one is none of this one's business.
    pub config: PathBuf,
    /// Of the App.
    pub namespace: String,
    /// Of the App.
    pub name: String,
    /// Where it went, `--target` considered.
    pub target: TargetSpec,
    /// The Cluster of that name, whose document may go with the App's.
    pub cluster: Option<ClusterSpec>,
    /// What may be deleted.
    pub prune: PruneSpec,
    /// What becomes of the rest.
    pub deletion_policy: DeletionPolicy,
}

impl Deployed {
    /// What the App was known by in its configuration.
    #[must_use]
    pub fn id(&self) -> String {
        id_of(&self.namespace, &self.name)
    }

    /// What is to be remembered of an App. `cluster`: where it goes, by name, and its document; `None` = to its folder.
    #[must_use]
    pub fn of(app: &App, config: PathBuf, cluster: Option<(&str, Option<&ClusterSpec>)>) -> Self {
        Self {
            format: FORMAT,
            config,
            namespace: app.namespace.clone(),
            name: app.name.clone(),
            target: TargetSpec {
                cluster: cluster.map(|(name, _)| name.to_owned()),
                directory: app.spec.target.directory.clone().filter(|_| cluster.is_none()),
                ..app.spec.target.clone()
            },
            cluster: cluster.and_then(|(_, spec)| spec.cloned()),
            prune: app.spec.prune.clone(),
            deletion_policy: app.spec.deletion_policy,
        }
    }

    /// The App, as far as it takes to let it go: it renders nothing any more.
    #[must_use]
    pub fn app(&self) -> App {
        let spec = AppSpec {
            repository: String::new(),
            path: String::new(),
            render: Vec::new(),
            target: self.target.clone(),
            prune: self.prune.clone(),
            drift: DriftSpec::default(),
            conflicts: ConflictsSpec::default(),
            ignore: Vec::new(),
            health: HealthSpec::default(),
            restart: RestartSpec::default(),
            depends_on: Vec::new(),
            notify: AppNotifySpec::default(),
            deletion_policy: self.deletion_policy,
            sync: SyncSpec::default(),
            rollback: RollbackSpec::default(),
            history: HistorySpec::default(),
            suspend: None,
        };
        App::new(self.namespace.clone(), self.name.clone(), spec)
    }
}
