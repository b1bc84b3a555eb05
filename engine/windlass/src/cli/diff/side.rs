//! What a folder's render is compared with.

use std::{path::PathBuf, sync::Arc};

use windlass_cluster::{facts::Facts, identity::Actor};
use windlass_core::{diff::Live, inventory::Inventory, manifest::Desired};

use crate::{
    cli::{failure::Failure, global::Global},
    clusters::Clusters,
    target::{Cluster, Directory, Manners, Owner, Shared, Target, TargetChoice},
};

/// What a folder's render is compared with.
pub(super) enum Side {
    Directory(PathBuf),
    Cluster(Box<Shared>),
}

impl Side {
    /// What the command line names.
    ///
    /// # Errors
    /// When it names none, or the cluster can't be connected.
    pub(super) async fn of(choice: Option<&TargetChoice>) -> Result<Self, Failure> {
        match choice {
            Some(TargetChoice::Directory(path)) => Ok(Self::Directory(path.clone())),
            Some(TargetChoice::Cluster(None)) => {
                let shared = Clusters::of_the_person(&Global::kubeconfigs()).await;
                Ok(Self::Cluster(Box::new(shared.map_err(|stop| stop.diagnostics)?)))
            }
            Some(TargetChoice::Cluster(Some(_))) => Err(Failure::usage("with PATH there are no Cluster documents")
                .hint("give `--target cluster`: the cluster that kubectl would take")),
            None => Err(Failure::usage("with PATH there is no App that names a target")
                .hint("give `--target dir:FOLDER` or `--target cluster`")),
        }
    }

    /// Of objects that name none.
    pub(super) fn namespace(&self) -> String {
        match self {
            Self::Directory(_) => String::new(),
            Self::Cluster(shared) => shared.api.connection().default_namespace().to_owned(),
        }
    }

    /// What the render may ask about.
    ///
    /// # Errors
    /// When the API server doesn't say.
    pub(super) async fn facts(&self) -> Result<Facts, Failure> {
        match self {
            Self::Directory(_) => Ok(Facts::offline()),
            Self::Cluster(shared) => Ok(Clusters::facts(shared).await.map_err(|stop| stop.diagnostics)?),
        }
    }

    /// What lives of all that was rendered.
    ///
    /// # Errors
    /// When that can't be told.
    pub(super) async fn look(self, owner: Owner, desired: &Desired) -> Result<(Box<dyn Target>, Live), Failure> {
        match self {
            Self::Directory(path) => {
                let target = Directory::new(&path, owner, Arc::default());
                let live = target.observe(desired, &Inventory::default()).await;
                let live = live.map_err(|error| Failure::of_error(&error))?;
                Ok((Box::new(target), live))
            }
            Self::Cluster(shared) => {
                let target =
                    Cluster::new(*shared, Actor::Own, owner, Manners::default(), Arc::new(|_| None)).for_whoever();
                let live = target.find(desired).await.map_err(|error| Failure::of_error(&error))?;
                Ok((Box::new(target), live))
            }
        }
    }
}
