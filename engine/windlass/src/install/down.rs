//! `windlass uninstall`: Apps first, as it was asked for, then the controller, then what it needed, then the kinds.
//!
//! Each step looks at what is there, so it can be ended anywhere and begun again. The installation's secret, the volume and the
//! namespace stay, unless they are asked for.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};
use windlass_cluster::{
    delete::{Doomed, Propagation},
    identity::Actor,
    refusal::Refusal,
    resource::Resource,
};
use windlass_core::{
    crds, lock,
    model::ObjectId,
    render::{Diagnostic, Location},
};

use super::{Done, INSTALLED, NAME, Site, Told, app_of, refused, storage::CLAIM, text, up::KINDS, up::LOOK};
use crate::{
    controller::{FINALIZER, INSTALLATION},
    state::ledgers,
    stop::Stop,
};

const DEPLOYMENT: (&str, &str) = ("apps/v1", "Deployment");

/// What becomes of Apps, and so of their objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// They are let go as they are: nothing of what they own is touched.
    Keep,
    /// They are deleted, and the controller does to what they own what their `deletionPolicy` says.
    Prune,
}

/// What is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leave {
    /// What becomes of Apps.
    pub(crate) apps: Fate,
    /// How long each step may take to be through.
    pub(crate) within: Duration,
    /// The volume and the namespace too.
    pub(crate) with_state: bool,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing is there any more but what was to stay.
    All,
    /// These were on their way when the time was over, and nothing after them was taken away; with what they wait for.
    Waiting(Vec<(ObjectId, String)>),
}

impl Site<'_> {
    /// Takes an installation away.
    ///
    /// # Errors
    /// When something can't be read or deleted, and when Apps are to be deleted by a controller that would go with one of them.
    pub(crate) async fn uninstall(&self, leave: Leave, tell: &mut impl FnMut(Told)) -> Result<Left, Stop> {
        let end = |waiting: Vec<_>| (!waiting.is_empty()).then_some(Left::Waiting(waiting));
        if leave.apps == Fate::Prune {
            self.refuse_to_saw_the_branch().await?;
            if let Some(left) = end(self.prune(leave.within, tell).await?) {
                return Ok(left);
            }
        }
        if let Some(left) = end(self.stop(leave.within, tell).await?) {
            return Ok(left);
        }
        // Whoever's they are: nobody is left who would take them off.
        self.release(tell).await?;
        // The Deployment went already.
        for (api_version, kind) in KINDS.into_iter().filter(|(_, kind)| *kind != DEPLOYMENT.1) {
            for (resource, id, _) in self.installed(api_version, kind).await? {
                self.delete(&resource, &id).await?;
                tell(Told::of(&id, Done::Deleted, ""));
            }
        }
        if let Some(left) = end(self.definitions(leave.within, tell).await?) {
            return Ok(left);
        }
        self.state(leave.with_state, tell).await?;
        self.locks(tell).await?;
        Ok(Left::All)
    }

    /// A controller that deletes the App which keeps the controller ends in the middle.
    async fn refuse_to_saw_the_branch(&self) -> Result<(), Stop> {
        for (_, id, live) in self.installed(DEPLOYMENT.0, DEPLOYMENT.1).await? {
            if let Some(why) = app_of(&live, &id) {
                let message =
                    format!("the controller would delete itself before the other Apps are through: {id}: {why}");
                let help = "take it out of that App's folder, or set the App's `deletionPolicy: Orphan` and delete the App; then try again";
                return Err(Stop::failed(vec![
                    Diagnostic::error("uninstall", message, Location::None).with_help(help),
                ]));
            }
        }
        Ok(())
    }

    /// Deletes Apps until there are none.
    async fn prune(&self, within: Duration, tell: &mut impl FnMut(Told)) -> Result<Vec<(ObjectId, String)>, Stop> {
        let Some(resource) = self.kind("App").await? else {
            return Ok(Vec::new());
        };
        let begun = Instant::now();
        loop {
            let apps = self.all(&resource, "").await?;
            for (id, live) in &apps {
                if live.pointer("/metadata/deletionTimestamp").is_none() {
                    self.delete(&resource, id).await?;
                    tell(Told::of(id, Done::Deleted, ""));
                }
            }
            if apps.is_empty() || self.dry_run {
                return Ok(Vec::new());
            }
            if begun.elapsed() > within {
                return Ok(apps.iter().map(|(id, live)| (id.clone(), waits_for(live))).collect());
            }
            sleep(LOOK).await;
        }
    }

    /// Ends the controller, and waits until none of its pods runs: it would see Apps go, and delete what they own.
    async fn stop(&self, within: Duration, tell: &mut impl FnMut(Told)) -> Result<Vec<(ObjectId, String)>, Stop> {
        for (resource, id, live) in self.installed(DEPLOYMENT.0, DEPLOYMENT.1).await? {
            if !self.dry_run {
                let doomed = Doomed {
                    resource: &resource,
                    id: &id,
                    uid: text(&live, "/metadata/uid"),
                    resource_version: None,
                    propagation: Propagation::Foreground,
                    dry_run: false,
                };
                let deleted = self.api.delete(&Actor::Own, doomed, |_| true).await;
                deleted.map_err(|error| refused(&id, &error))?;
            }
            tell(Told::of(&id, Done::Deleted, ""));
        }
        if self.dry_run {
            return Ok(Vec::new());
        }
        let pods = ObjectId {
            group: String::new(),
            kind: "Pod".to_owned(),
            namespace: self.namespace.to_owned(),
            name: NAME.to_owned(),
        };
        let resource = self.resource(&pods, "v1").await?;
        let selector = format!("{INSTALLED}={}", self.namespace);
        self.until_gone(&resource, &selector, within).await
    }

    /// Takes Windlass' finalizers off all Apps, and off what is kept of them.
    async fn release(&self, tell: &mut impl FnMut(Told)) -> Result<(), Stop> {
        for (kind, finalizer, why) in [
            ("App", FINALIZER, "what it owns stays as it is"),
            ("Inventory", ledgers::FINALIZER, "it goes with its kind"),
        ] {
            let Some(resource) = self.kind(kind).await? else {
                continue;
            };
            for (id, live) in self.all(&resource, "").await? {
                if !finalizers(&live).any(|one| one == finalizer) {
                    continue;
                }
                if !self.dry_run {
                    let uid = text(&live, "/metadata/uid");
                    let released = self.api.drop_finalizer(&resource, &id, uid, finalizer).await;
                    released.map_err(|error| refused(&id, &error))?;
                }
                tell(Told::of(&id, Done::Released, why));
            }
        }
        Ok(())
    }

    /// Deletes the kinds with all their objects.
    async fn definitions(
        &self,
        within: Duration,
        tell: &mut impl FnMut(Told),
    ) -> Result<Vec<(ObjectId, String)>, Stop> {
        let mut waiting = Vec::new();
        let ids = crds::KINDS.iter().map(|kind| definition(kind.definition()));
        let ids: Vec<ObjectId> = ids.collect();
        let resource = self
            .resource(&definition(String::new()), "apiextensions.k8s.io/v1")
            .await?;
        for id in &ids {
            let live = self.look(&resource, id).await?;
            if live.is_some() {
                self.delete(&resource, id).await?;
                tell(Told::of(id, Done::Deleted, ""));
            }
        }
        let begun = Instant::now();
        for id in ids.iter().filter(|_| !self.dry_run) {
            while let Some(live) = self.look(&resource, id).await? {
                if begun.elapsed() > within {
                    waiting.push((id.clone(), waits_for(&live)));
                    break;
                }
                sleep(LOOK).await;
            }
        }
        self.api.discovery().expire();
        Ok(waiting)
    }

    /// The volume and the namespace.
    async fn state(&self, is_meant: bool, tell: &mut impl FnMut(Told)) -> Result<(), Stop> {
        let claim = ObjectId {
            group: String::new(),
            kind: "PersistentVolumeClaim".to_owned(),
            namespace: self.namespace.to_owned(),
            name: CLAIM.to_owned(),
        };
        let namespace = ObjectId {
            group: String::new(),
            kind: "Namespace".to_owned(),
            namespace: String::new(),
            name: self.namespace.to_owned(),
        };
        let secret = ObjectId {
            group: String::new(),
            kind: "Secret".to_owned(),
            namespace: self.namespace.to_owned(),
            name: INSTALLATION.to_owned(),
        };
        for (id, why) in [
            (
                secret,
                "it keys generated passwords, and the marks on what Apps owned; `--delete-state` deletes it",
            ),
            (claim, "it holds what histories go back to; `--delete-state` deletes it"),
            (namespace, "`--delete-state` deletes it"),
        ] {
            let resource = self.resource(&id, "v1").await?;
            let Some(live) = self.look(&resource, &id).await? else {
                continue;
            };
            // Of whom it isn't known that we made it. The Secret is the controller's.
            let is_ours = id.kind == "Secret"
                || live
                    .pointer("/metadata/labels")
                    .is_some_and(|labels| labels.get(INSTALLED).is_some());
            if is_meant && is_ours {
                self.delete(&resource, &id).await?;
                tell(Told::of(&id, Done::Deleted, ""));
            } else {
                tell(Told::of(
                    &id,
                    Done::Kept,
                    if is_meant {
                        "`windlass install` did not make it"
                    } else {
                        why
                    },
                ));
            }
        }
        Ok(())
    }

    /// Policies of lock mode go on without an engine, and nobody could change anything any more. Whose they are, only the state says.
    async fn locks(&self, tell: &mut impl FnMut(Told)) -> Result<(), Stop> {
        let id = ObjectId {
            group: "admissionregistration.k8s.io".to_owned(),
            kind: "ValidatingAdmissionPolicyBinding".to_owned(),
            namespace: String::new(),
            name: String::new(),
        };
        let Some(resource) = self.served(&id, lock::API_VERSION).await? else {
            return Ok(());
        };
        for (id, _) in self.all(&resource, lock::LOCK).await? {
            let why = "lock mode goes on: where this installation made it, `windlass lock remove` or `kubectl delete` ends it";
            tell(Told::of(&id, Done::Kept, why));
        }
        Ok(())
    }

    async fn until_gone(
        &self,
        resource: &Resource,
        selector: &str,
        within: Duration,
    ) -> Result<Vec<(ObjectId, String)>, Stop> {
        let begun = Instant::now();
        loop {
            let found = self.api.select(resource, self.namespace, selector).await;
            let found = found.map_err(|error| refused(&resource.id(self.namespace, NAME), &error))?;
            if found.is_empty() || begun.elapsed() > within {
                let waiting = found.iter().map(|live| {
                    let id = resource.id(text(live, "/metadata/namespace"), text(live, "/metadata/name"));
                    (id, waits_for(live))
                });
                return Ok(waiting.collect());
            }
            sleep(LOOK).await;
        }
    }

    /// A kind of Windlass; `None` when it isn't served (any more).
    async fn kind(&self, kind: &str) -> Result<Option<Resource>, Stop> {
        let id = ObjectId {
            group: crds::GROUP.to_owned(),
            kind: kind.to_owned(),
            namespace: String::new(),
            name: String::new(),
        };
        self.served(&id, windlass_core::config::API_VERSION).await
    }

    /// All objects of a kind; none when it went meanwhile.
    async fn all(&self, resource: &Resource, selector: &str) -> Result<Vec<(ObjectId, Value)>, Stop> {
        let found = match self.api.select(resource, "", selector).await {
            Ok(found) => found,
            Err(Refusal::Gone | Refusal::NoNamespace { .. }) => Vec::new(),
            Err(error) => return Err(refused(&resource.id("", "*"), &error)),
        };
        let identified = found.into_iter().map(|live| {
            let id = resource.id(text(&live, "/metadata/namespace"), text(&live, "/metadata/name"));
            (id, live)
        });
        Ok(identified.collect())
    }

    async fn look(&self, resource: &Resource, id: &ObjectId) -> Result<Option<Value>, Stop> {
        let live = self.api.get(&Actor::Own, resource, id).await;
        live.map_err(|error| refused(id, &error))
    }
}

fn definition(name: String) -> ObjectId {
    ObjectId {
        group: "apiextensions.k8s.io".to_owned(),
        kind: "CustomResourceDefinition".to_owned(),
        namespace: String::new(),
        name,
    }
}

fn finalizers(live: &Value) -> impl Iterator<Item = &str> {
    let finalizers = live.pointer("/metadata/finalizers").and_then(Value::as_array);
    finalizers.into_iter().flatten().filter_map(Value::as_str)
}

/// What holds an object that is being deleted.
fn waits_for(live: &Value) -> String {
    let names: Vec<&str> = finalizers(live).collect();
    if names.is_empty() {
        "it is being deleted".to_owned()
    } else {
        format!("it waits for {}", names.join(", "))
    }
}
