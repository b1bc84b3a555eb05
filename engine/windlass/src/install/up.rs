//! `windlass install`: everything that is not there as it should be is put there, in an order in which each step finds what it needs.
//!
//! It can be ended anywhere and begun again. Installed again by a newer version it is an upgrade: objects are changed in place, those that
//! are no part of it any more are deleted.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};
use windlass_cluster::{
    discovery::KindError,
    identity::Actor,
    own::{Put, Written},
    refusal::Refusal,
    resource::Resource,
};
use windlass_core::{
    adopt::INSTALL,
    model::{Object, ObjectId},
    render::{Diagnostic, Location},
};

use super::{Done, INSTALLED, Site, Told, What, app_of, manifests, refused, text};
use crate::stop::Stop;

/// How long a definition may take until it is served. It takes a second; the threat is one whose names another one has, for ever.
const ESTABLISHED_WITHIN: Duration = Duration::from_secs(60);

/// Between two looks.
pub(super) const LOOK: Duration = Duration::from_millis(250);

/// Kinds of what an installation may have had, with their versions: looked through for what a newer version has no more. Never
/// definitions, the namespace or the claim: what goes with them is not ours.
pub(super) const KINDS: [(&str, &str); 9] = [
    ("apps/v1", "Deployment"),
    ("policy/v1", "PodDisruptionBudget"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("v1", "Service"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("v1", "ServiceAccount"),
];

/// Annotation of what is made once and then left as it is.
const APPLY: (&str, &str) = ("/metadata/annotations/windlass.dev~1apply", "create-only");

impl Site<'_> {
    /// Installs or upgrades. `tell` hears of each object.
    ///
    /// # Errors
    /// When Windlass is installed elsewhere in the cluster, and when an object can't be written.
    pub(crate) async fn install(&self, what: &What, tell: &mut impl FnMut(Told)) -> Result<(), Stop> {
        let wanted = objects(manifests(what))?;
        self.refuse_a_second(&wanted).await?;
        let mut waits_for = Vec::new();
        let mut is_namespace_missing = false;
        for object in &wanted {
            if object.id.kind != "CustomResourceDefinition" {
                for id in waits_for.drain(..) {
                    self.established(&id).await?;
                }
            }
            // A dry run makes no namespace, and nothing can be tried in one that isn't there.
            let told = if is_namespace_missing && !object.id.namespace.is_empty() {
                Told::of(&object.id, Done::Created, "")
            } else {
                self.put(object).await?
            };
            if object.id.kind == "Namespace" {
                is_namespace_missing = self.dry_run && told.done == Done::Created;
            }
            if object.id.kind == "CustomResourceDefinition" && !self.dry_run {
                waits_for.push(object.id.clone());
            }
            tell(told);
        }
        for id in waits_for {
            self.established(&id).await?;
        }
        match what {
            What::Kinds => Ok(()),
            What::Engine(_) => {
                self.clear(|id| !wanted.iter().any(|object| object.id == *id), tell)
                    .await
            }
        }
    }

    async fn put(&self, object: &Object) -> Result<Told, Stop> {
        let Object { id, body, .. } = object;
        let resource = self.resource(id, text(body, "/apiVersion")).await?;
        let refused = |error: Refusal| refused(id, &error);
        if let Some(live) = self.api.get(&Actor::Own, &resource, id).await.map_err(refused)? {
            if let Some(why) = app_of(&live, id) {
                return Ok(Told::of(id, Done::Kept, format!("{why}: it is changed in git")));
            }
            if text(body, APPLY.0) == APPLY.1 {
                return Ok(Told::of(id, Done::Kept, "it is made once"));
            }
        }
        let how = Put {
            manager: INSTALL,
            dry_run: self.dry_run,
        };
        let written = self.api.place(&resource, id, body, how).await.map_err(refused)?;
        let done = match written {
            Written::Created => Done::Created,
            Written::Configured => Done::Configured,
            Written::Unchanged => Done::Unchanged,
        };
        Ok(Told::of(id, done, ""))
    }

    /// Two controllers would both serve every App.
    async fn refuse_a_second(&self, wanted: &[Object]) -> Result<(), Stop> {
        for object in wanted.iter().filter(|object| object.id.kind == "ClusterRoleBinding") {
            let resource = self.resource(&object.id, text(&object.body, "/apiVersion")).await?;
            let live = self.api.get(&Actor::Own, &resource, &object.id).await;
            let live = live.map_err(|error| refused(&object.id, &error))?.unwrap_or_default();
            let at = live
                .pointer("/metadata/labels")
                .and_then(|labels| labels.get(INSTALLED));
            let Some(at) = at.and_then(Value::as_str).filter(|at| *at != self.namespace) else {
                continue;
            };
            let message = format!("Windlass is installed in namespace `{at}` of this cluster already");
            let help = format!("`--namespace {at}` upgrades it; `windlass uninstall --namespace {at}` takes it away");
            return Err(Stop::failed(vec![
                Diagnostic::error("install", message, Location::None).with_help(&help),
            ]));
        }
        Ok(())
    }

    async fn established(&self, id: &ObjectId) -> Result<(), Stop> {
        let resource = self.resource(id, "apiextensions.k8s.io/v1").await?;
        let begun = Instant::now();
        loop {
            let live = self.api.get(&Actor::Own, &resource, id).await;
            let live = live.map_err(|error| refused(id, &error))?.unwrap_or_default();
            if condition(&live, "Established") == "True" {
                self.api.discovery().expire();
                return Ok(());
            }
            if begun.elapsed() > ESTABLISHED_WITHIN {
                let message = format!("{id} is not served after {} s", ESTABLISHED_WITHIN.as_secs());
                let help = format!("`kubectl describe crd {}` says why", id.name);
                return Err(Stop::failed(vec![
                    Diagnostic::error("install", message, Location::None).with_help(&help),
                ]));
            }
            sleep(LOOK).await;
        }
    }

    /// Deletes what carries the installation's label and is meant, but what an App keeps.
    ///
    /// # Errors
    /// When something can't be listed or deleted.
    pub(super) async fn clear(
        &self,
        is_meant: impl Fn(&ObjectId) -> bool,
        tell: &mut impl FnMut(Told),
    ) -> Result<(), Stop> {
        for (api_version, kind) in KINDS {
            for (resource, id, live) in self.installed(api_version, kind).await? {
                if !is_meant(&id) || app_of(&live, &id).is_some() {
                    continue;
                }
                self.delete(&resource, &id).await?;
                tell(Told::of(&id, Done::Deleted, ""));
            }
        }
        Ok(())
    }

    /// What lives of a kind with the installation's label.
    pub(super) async fn installed(
        &self,
        api_version: &str,
        kind: &str,
    ) -> Result<Vec<(Resource, ObjectId, Value)>, Stop> {
        let (group, _) = windlass_core::model::group_version(api_version);
        let mut id = ObjectId {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: String::new(),
            name: String::new(),
        };
        let resource = self.resource(&id, api_version).await?;
        if resource.namespaced {
            self.namespace.clone_into(&mut id.namespace);
        }
        let selector = format!("{INSTALLED}={}", self.namespace);
        let found = self.api.select(&resource, &id.namespace, &selector).await;
        let found = found.map_err(|error| refused(&id, &error))?;
        let identified = found.into_iter().map(|live| {
            let id = resource.id(text(&live, "/metadata/namespace"), text(&live, "/metadata/name"));
            (resource.clone(), id, live)
        });
        Ok(identified.collect())
    }

    pub(super) async fn delete(&self, resource: &Resource, id: &ObjectId) -> Result<(), Stop> {
        if self.dry_run {
            return Ok(());
        }
        let taken = self.api.take_away(resource, id, |_| true).await;
        taken.map(drop).map_err(|error| refused(id, &error))
    }

    pub(super) async fn resource(&self, id: &ObjectId, api_version: &str) -> Result<Resource, Stop> {
        let resource = self.api.resource(id, api_version).await;
        resource.map_err(|error| refused(id, &error.into()))
    }

    /// `None`: the cluster doesn't serve the kind.
    pub(super) async fn served(&self, id: &ObjectId, api_version: &str) -> Result<Option<Resource>, Stop> {
        match self.api.resource(id, api_version).await {
            Ok(resource) => Ok(Some(resource)),
            Err(KindError::NoMatch { .. }) => Ok(None),
            Err(error) => Err(refused(id, &error.into())),
        }
    }
}

fn objects(manifests: Vec<Value>) -> Result<Vec<Object>, Stop> {
    let objects: Result<_, _> = manifests.into_iter().map(Object::from_value).collect();
    objects.map_err(|error| Stop::of("install", &error))
}

/// Status of a condition; "" = there is none.
fn condition<'v>(object: &'v Value, about: &str) -> &'v str {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    let found = conditions.into_iter().flatten().find(|one| text(one, "/type") == about);
    found.map_or("", |one| text(one, "/status"))
}
