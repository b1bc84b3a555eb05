//! The policies of lock mode on a cluster: whether they are there, and putting them there.
//!
//! With the credential of the Cluster's kubeconfig, and beside the loop: an App's service account may do neither, and a running engine
//! doesn't need to.

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;
use windlass_cluster::{
    cluster::Cluster as Api, discovery::KindError, identity::Actor, own::Right, refusal::Refusal, resource::Resource,
    store::Rules,
};
use windlass_core::{
    config::{ClusterSpec, Config, LockSpec},
    lock,
    model::{Object, ObjectId},
    render::{Diagnostic, Location},
};

use crate::{
    clusters::{Clusters, Kubeconfigs},
    stop::Stop,
};

/// The lock of one cluster.
pub(crate) struct Lock {
    api: Api,
    installation: String,
    wanted: BTreeMap<ObjectId, Value>,
}

/// Where one object of a lock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It is there as CONFIG says.
    Installed,
    /// It is there and says something else.
    Differs,
    /// It isn't there.
    Missing,
    /// It is there, and CONFIG says nothing of it any more.
    Leftover,
}

impl Lock {
    /// Connects the cluster of that name.
    ///
    /// # Errors
    /// When it can't be connected.
    pub(crate) async fn open(
        config: &Config,
        name: &str,
        base: &Path,
        installation: &str,
        kubeconfigs: &Kubeconfigs,
    ) -> Result<Self, Stop> {
        let clusters = Clusters::new(&config.clusters, base, installation, Rules::default(), kubeconfigs);
        let spec = config
            .clusters
            .get(name)
            .map_or_else(LockSpec::default, |spec: &ClusterSpec| spec.lock.clone());
        Ok(Self {
            api: clusters.connected(name).await?.api,
            wanted: wanted(&spec, installation)?,
            installation: installation.to_owned(),
        })
    }

    /// Every object that is there or should be.
    ///
    /// # Errors
    /// When the cluster doesn't say.
    pub(crate) async fn look(&self) -> Result<Vec<(ObjectId, State)>, Stop> {
        let mut found = Vec::new();
        for id in lock::ids(&self.installation) {
            let wanted = self.wanted.get(&id);
            let live = match self.served(&id).await? {
                Some(resource) => self
                    .api
                    .get(&Actor::Own, &resource, &id)
                    .await
                    .map_err(|error| told(&error))?,
                None => None,
            };
            let state = match (wanted, live) {
                (None, None) => continue,
                (Some(_), None) => State::Missing,
                (None, Some(_)) => State::Leftover,
                (Some(wanted), Some(live)) if lock::differs(wanted, &live) => State::Differs,
                (Some(_), Some(_)) => State::Installed,
            };
            found.push((id, state));
        }
        Ok(found)
    }

    /// Whether the engine's credential may show who it is: without that right, a lock would shut it out.
    ///
    /// # Errors
    /// When the cluster doesn't say.
    pub(crate) async fn may_pass(&self) -> Result<bool, Stop> {
        let right = Right {
            verb: "impersonate",
            group: lock::KEY_GROUP,
            resource: lock::KEY_RESOURCE,
            subresource: lock::KEY,
            name: &self.installation,
        };
        self.api.may(right).await.map_err(|error| told(&error))
    }

    /// Puts the lock there, and takes away what CONFIG says nothing of any more.
    ///
    /// # Errors
    /// When the engine would be shut out, and when an object can't be written.
    pub(crate) async fn install(&self) -> Result<(), Stop> {
        if !self.may_pass().await? {
            let message = "the credential of the kubeconfig may not show that it is Windlass who acts: the lock would shut the engine out";
            let help = format!("add the rule {} to its ClusterRole", lock::right());
            let diagnostic = Diagnostic::error("lock", message, Location::None).with_help(&help);
            return Err(Stop::failed(vec![diagnostic]));
        }
        // Policies come before their bindings, by the order of their kinds.
        for (id, body) in &self.wanted {
            let resource = self.resource(id).await.map_err(|error| told(&error))?;
            let put = self.api.put(&resource, id, body, lock::MANAGER).await;
            put.map_err(|error| told(&error))?;
        }
        self.take_away(|id| !self.wanted.contains_key(id)).await.map(drop)
    }

    /// Takes the lock away. Says how many objects there were.
    ///
    /// # Errors
    /// When one can't be deleted.
    pub(crate) async fn remove(&self) -> Result<usize, Stop> {
        self.take_away(|_| true).await
    }

    async fn take_away(&self, which: impl Fn(&ObjectId) -> bool) -> Result<usize, Stop> {
        let mut taken = 0;
        for id in lock::ids(&self.installation).into_iter().filter(|id| which(id)) {
            let Some(resource) = self.served(&id).await? else {
                continue;
            };
            // Its name says whose it is; whatever bears it is the lock's.
            let was_there = self.api.take_away(&resource, &id, |_| true).await;
            taken += usize::from(was_there.map_err(|error| told(&error))?);
        }
        Ok(taken)
    }

    /// `None`: the cluster is older than 1.30, so nothing of a lock is there.
    async fn served(&self, id: &ObjectId) -> Result<Option<Resource>, Stop> {
        match self.resource(id).await {
            Ok(resource) => Ok(Some(resource)),
            Err(Refusal::Kind(KindError::NoMatch { .. })) => Ok(None),
            Err(error) => Err(told(&error)),
        }
    }

    async fn resource(&self, id: &ObjectId) -> Result<Resource, Refusal> {
        Ok(self.api.resource(id, lock::API_VERSION).await?)
    }
}

fn wanted(spec: &LockSpec, installation: &str) -> Result<BTreeMap<ObjectId, Value>, Stop> {
    let objects = lock::objects(spec, installation).into_iter();
    let identified = objects.map(|body| Object::from_value(body).map(|object| (object.id, object.body)));
    let wanted: Result<_, _> = identified.collect();
    wanted.map_err(|error| Stop::of("lock", &error))
}

fn told(error: &Refusal) -> Stop {
    let stop = Stop::of("lock", error);
    match error {
        Refusal::Kind(KindError::NoMatch { .. }) => stop.help("lock mode needs Kubernetes 1.30 or newer"),
        Refusal::Forbidden(_) => stop.help(
            "a person who may can put it there: `windlass lock export CONFIG | kubectl apply --server-side -f -`",
        ),
        _ => stop,
    }
}
