//! What of the objects is this replica's: which Apps it looks at, and of which objects it says how they are.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use windlass_core::{
    config::parts_of,
    rollout::{FORMAT, Serving},
    shards::shard_of,
    status::{AppStatus, Aspect, PluginStatus, Truth},
};

use super::{
    Controller, Tell,
    kinds::Kind,
    objects::{News, Object, Objects},
    replicas::Turn,
};

/// What can't be read of a shard is tried again after so long.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// The shards of this replica.
#[derive(Debug, Default)]
pub(super) struct Shares {
    /// Those whose Apps are looked at.
    kept: BTreeSet<u16>,
    /// Those whose Apps will be, once what is known of them is here.
    coming: BTreeSet<u16>,
    /// Of these, those that are another's again.
    in_vain: BTreeSet<u16>,
}

impl Shares {
    /// Whether the Apps of a namespace are looked at.
    pub(super) fn keep(&self, namespace: &str) -> bool {
        self.kept.contains(&shard_of(namespace))
    }

    /// Whether this replica is who says how an object is.
    pub(super) fn say(&self, kind: Kind, id: &str) -> bool {
        match kind {
            Kind::App | Kind::Repository => self.keep(parts_of(id).0),
            // What has no namespace is one replica's.
            Kind::Namespace | Kind::Plugin | Kind::Tenant | Kind::Cluster => self.keep(""),
        }
    }

    /// An object of which this replica says how it is.
    pub(super) fn own<'o>(&self, objects: &'o Objects, kind: Kind, id: &str) -> Option<&'o Object> {
        objects.get(kind, id).filter(|_| self.say(kind, id))
    }
}

impl Controller {
    /// Shards come and go.
    ///
    /// # Errors
    /// With why this replica may not go on.
    pub(super) async fn turn(&mut self, turns: Vec<Turn>) -> Result<(), String> {
        let mut leaving = Vec::new();
        for turn in turns {
            match turn {
                Turn::Taken(shard, epoch) => {
                    self.shares.coming.insert(shard);
                    let (engine, told) = (Arc::clone(&self.engine), self.told.clone());
                    self.beside.spawn(async move {
                        while let Err(stop) = engine.take_shard(shard, epoch).await {
                            tracing::warn!(%shard, ?stop, "what is known of its Apps can't be read: it is tried again");
                            tokio::time::sleep(TRY_AGAIN).await;
                        }
                        // Nobody listens any more: the controller is about to end.
                        let _ = told.send(Tell::Taken(shard));
                    });
                }
                Turn::Leave(shard) if self.shares.coming.contains(&shard) => {
                    self.shares.in_vain.insert(shard);
                }
                Turn::Leave(shard) => {
                    self.shares.kept.remove(&shard);
                    leaving.push(shard);
                }
                Turn::Lapsed(why) => return Err(why),
            }
        }
        if !leaving.is_empty() {
            self.take_configuration().await;
            self.forget_others();
            leaving.into_iter().for_each(|shard| self.leave(shard));
        }
        Ok(())
    }

    fn leave(&mut self, shard: u16) {
        let (engine, told) = (Arc::clone(&self.engine), self.told.clone());
        self.beside.spawn(async move {
            if let Err(stop) = engine.leave_shard(shard).await {
                tracing::error!(%shard, ?stop, "what is known of its Apps can't be written down: whoever has it next finds it out anew");
            }
            let _ = told.send(Tell::Left(shard));
        });
    }

    pub(super) fn has_taken(&mut self, shard: u16) -> News {
        self.shares.coming.remove(&shard);
        if self.shares.in_vain.remove(&shard) {
            self.leave(shard);
            return News::Nothing;
        }
        self.shares.kept.insert(shard);
        if shard == shard_of("") {
            // Versions of plugins are for this replica to compare.
            self.engine.desk().rollouts().asked().notify_one();
        }
        News::Config
    }

    pub(super) fn has_left(&self, shard: u16) {
        self.member.left(shard);
    }

    /// What this replica would write of others' objects is not to be written any more, and what it wrote may be another's by now.
    fn forget_others(&mut self) {
        let shares = &self.shares;
        self.writer.keep_only(|kind, id| shares.say(kind, id));
    }

    /// What an object asks for is done by the replica that says how it is.
    pub(super) fn heed_request(&mut self, kind: Kind, id: &str) {
        if self.shares.say(kind, id) {
            self.requests.heed(kind, id, &self.followed.objects);
        }
    }

    /// The same of all objects.
    pub(super) fn heed_requests(&mut self) {
        let (shares, objects) = (&self.shares, &self.followed.objects);
        self.requests.heed_all(objects, |kind, id| shares.say(kind, id));
    }

    /// Apps of other replicas that Apps here depend on.
    pub(super) fn heed_others(&self) {
        for (app, _) in self.followed.objects.of(Kind::App) {
            self.heed_other(app);
        }
    }

    /// What serves with the replica that compares versions.
    pub(super) fn heed_plugins(&self) {
        if self.shares.say(Kind::Plugin, "") {
            return;
        }
        let plugins = self.followed.objects.of(Kind::Plugin);
        let serving = plugins.flat_map(|(_, object)| serving(object));
        let rollouts = self.engine.desk().rollouts();
        rollouts.lead(serving.map(|(choice, serving)| (choice, serving.digest)));
    }

    pub(super) fn heed_other(&self, app: &str) {
        let depends = self.engine.depends();
        if self.shares.say(Kind::App, app) || !depends.is_needed(app) {
            return;
        }
        if let Some(object) = self.followed.objects.get(Kind::App, app) {
            depends.is_told(app, trouble(object), self.engine.desk());
        }
    }
}

/// What serves the choices of a Plugin, as its status says.
pub(super) fn serving(object: &Object) -> impl Iterator<Item = (String, Serving)> + use<> {
    let status: PluginStatus = serde_json::from_value(object.status.clone()).unwrap_or_default();
    status.serving.into_iter().map(|one| {
        let serving = Serving {
            format: FORMAT,
            version: one.version,
            digest: one.digest,
        };
        (one.choice, serving)
    })
}

/// Why an App isn't as it should be, as its status says; `None`: it is.
fn trouble(object: &Object) -> Option<String> {
    let status: AppStatus = serde_json::from_value(object.status.clone()).unwrap_or_default();
    if status.observed_generation != Some(object.generation) {
        return Some("it was not looked at yet".to_owned());
    }
    let ready = status
        .conditions
        .iter()
        .find(|condition| condition.about == Aspect::Ready);
    match ready {
        Some(ready) if ready.status == Truth::True => None,
        Some(ready) => Some(format!("it is not ready: {}", ready.message)),
        None => Some("it was not looked at yet".to_owned()),
    }
}
