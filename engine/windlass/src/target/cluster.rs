//! A Kubernetes cluster as the target of one app.
//!
//! What lives is known from watches: a cycle without a change asks nothing. Only what watches can't tell is asked for: an object
//! that the app owned and that left its watch, what is there before the first apply, and content that only the app's own
//! service account may read.

mod holds;
mod hook;
mod write;
mod recreate;
mod preview;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use windlass_cluster::{
    cluster::Cluster as Api,
    discovery::KindError,
    identity::Actor,
    refusal::Refusal,
    resource::Resource,
    store::{Live as Living, Sight, Store},
};
use windlass_core::{
    adopt::{self, Adoption},
    config::DriftScope,
    dag::Until,
    diff::{Action, Content, Live, LiveObject, Mark, Moving, Step},
    inventory::{Inventory, Owned, Ruled},
    manifest::Desired,
    model::ObjectId,
    options::{IgnoreRule, handed_over, has_conditions, standing},
    owner::Owner,
};

use super::{Pending, Preview, Target, TargetError, Written};

pub(crate) use hook::{Examined, deleting, making};

/// How long a cycle waits for the first list of a kind's watch. It takes some milliseconds; an API server that is busier than
/// this is not written to either.
const LISTED: Duration = Duration::from_secs(10);

/// Writes of an app under way at a time. An API server takes some hundred writes a second however many wait; more of one app
/// would only delay the others'.
const WIDTH: usize = 16;

/// A cluster, and what lives on it of this installation. Shared by all apps.
#[derive(Clone)]
pub struct Shared {
    /// Names it in inventories: the address of its API server.
    pub server: String,
    /// What is asked and told.
    pub api: Api,
    /// What lives.
    pub store: Store,
}

/// A document of the last apply, for the rare case that somebody else's edit contests it.
pub type Previous = Arc<dyn Fn(&ObjectId) -> Option<Value> + Send + Sync>;

/// What an App says of how it writes.
#[derive(Debug, Clone, Default)]
pub struct Manners {
    /// From whom objects may be taken over.
    pub adoption: Adoption,
    /// Managers whose fields are taken.
    pub take_from: Vec<String>,
    /// Fields that are left to others.
    pub ignore: Vec<IgnoreRule>,
    /// Whether what others add is taken away.
    pub scope: DriftScope,
    /// The user consented to this cycle's deletions: what can't be changed may be made anew though something is lost by it.
    pub consent: bool,
}

/// A cluster as the target of one app.
pub struct Cluster {
    shared: Shared,
    actor: Actor,
    owner: Owner,
    manners: Manners,
    previous: Previous,
    /// Of the render that was looked at last: see [`handed_over`].
    handed_over: Mutex<Vec<IgnoreRule>>,
    writer: Writer,
}

/// In whose name a preview is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// The app's.
    App,
    /// That of whichever app an object carries the mark of: the preview of a folder that may be any app's.
    Whoever,
}

/// Why a cluster refuses.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The API server, or what stands before it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A field can't be changed, and making the object anew would lose what nobody can make again.
    #[error(
        "it can't be changed in place ({}), and with it would go what can't be made again: `--allow-deletes` consents to that",
        .fields.join(", ")
    )]
    NeedsConsent {
        /// As the API server names them.
        fields: Vec<String>,
    },
}

impl From<Refusal> for TargetError {
    fn from(refusal: Refusal) -> Self {
        Self::Cluster(refusal.into())
    }
}

impl Cluster {
    /// `actor`: who writes. `previous`: what was applied last.
    #[must_use]
    pub fn new(shared: Shared, actor: Actor, owner: Owner, manners: Manners, previous: Previous) -> Self {
        Self {
            shared,
            actor,
            owner,
            manners,
            previous,
            handed_over: Mutex::default(),
            writer: Writer::App,
        }
    }

    /// For previews of what may be any app's.
    #[must_use]
    pub fn for_whoever(self) -> Self {
        Self {
            writer: Writer::Whoever,
            ..self
        }
    }

    /// What lives of all that is wanted, whoever's it is: for previews. Its content is not compared.
    ///
    /// # Errors
    /// When it can't be told what lives.
    pub async fn find(&self, desired: &Desired) -> Result<Live, TargetError> {
        self.hand_over(desired);
        let mut live = Live::new();
        for (id, resource) in self.kinds(desired, &Inventory::default()).await {
            let found = match resource {
                Ok(resource) => self.shared.api.get(&self.actor, &resource, &id).await?,
                Err(KindError::NoMatch { .. }) => None,
                Err(error) => return Err(Refusal::from(error).into()),
            };
            if found.is_some() {
                let content = Content::Fields {
                    projection: None,
                    strays: false,
                };
                let object = LiveObject::whole(None, None, Mark::Ours);
                live.insert(id, LiveObject { content, ..object });
            }
        }
        Ok(live)
    }

    /// Names a cluster as a target.
    #[must_use]
    pub fn identity_of(shared: &Shared) -> String {
        format!("cluster:{}", shared.server)
    }

    /// Every object that is wanted or owned, with its kind as it is served.
    async fn kinds(&self, desired: &Desired, inventory: &Inventory) -> BTreeMap<ObjectId, Result<Resource, KindError>> {
        let mut kinds = BTreeMap::new();
        // Kinds are few and objects many: each is looked up once.
        let mut known: BTreeMap<(String, String, String), Result<Resource, KindError>> = BTreeMap::new();
        let ids: BTreeSet<&ObjectId> = desired.objects.keys().chain(inventory.entries.keys()).collect();
        for id in ids {
            let version = desired
                .objects
                .get(id)
                .map_or("", |wanted| api_version(&wanted.object.body));
            let key = (id.group.clone(), id.kind.clone(), version.to_owned());
            let found = match known.get(&key) {
                Some(found) => found.clone(),
                None => {
                    let found = self.resource(id, version).await;
                    known.insert(key, found.clone());
                    found
                }
            };
            kinds.insert(id.clone(), found);
        }
        kinds
    }

    async fn resource(&self, id: &ObjectId, api_version: &str) -> Result<Resource, KindError> {
        if api_version.is_empty() {
            self.shared.api.discovery().preferred(&id.group, &id.kind).await
        } else {
            self.shared.api.resource(id, api_version).await
        }
    }

    /// Replicas of what the render has a scaler for are the scaler's.
    fn hand_over(&self, desired: &Desired) {
        let bodies = desired.objects.iter().map(|(id, manifest)| (id, &manifest.object.body));
        *self.handed_over.lock().unwrap_or_else(PoisonError::into_inner) = handed_over(bodies);
    }

    async fn look(&self, desired: &Desired, inventory: &Inventory) -> Live {
        self.hand_over(desired);
        let kinds = self.kinds(desired, inventory).await;
        for (id, resource) in &kinds {
            if let Ok(resource) = resource {
                self.shared.store.ensure(resource, &id.namespace);
            }
        }
        // A watch that doesn't come is waited for once, not again for each object.
        let mut unwatched: BTreeMap<(&Resource, &str), Option<String>> = BTreeMap::new();
        let mut live = Live::new();
        for (id, resource) in &kinds {
            let owned = inventory.entries.get(id);
            let seen = match resource {
                Ok(resource) => {
                    let watch = (resource, id.namespace.as_str());
                    let why = match unwatched.get(&watch) {
                        Some(why) => why,
                        None => {
                            let why = self.unwatched(resource, &id.namespace).await;
                            unwatched.entry(watch).or_insert(why)
                        }
                    };
                    match why {
                        Some(why) => Some(LiveObject::unseen(why.clone())),
                        None => {
                            let seen = self.look_at(resource, id, owned.is_some()).await;
                            let wanted = desired.objects.get(id).map(|manifest| &manifest.object.body);
                            match (seen, owned) {
                                (Some(seen), Some(owned)) => {
                                    Some(self.hold_to_rules(resource, id, wanted, owned, seen).await)
                                }
                                (seen, _) => seen,
                            }
                        }
                    }
                }
                // Not served: so nothing of it lives. A definition of the same app may be about to change that.
                Err(KindError::NoMatch { .. }) => None,
                Err(error) => Some(LiveObject::unseen(error.to_string())),
            };
            if let Some(object) = seen {
                live.insert(id.clone(), object);
            }
        }
        live
    }

    /// Why the store says nothing of a kind yet; `None`: it does.
    async fn unwatched(&self, resource: &Resource, namespace: &str) -> Option<String> {
        let state = self.shared.store.synced(resource, namespace, LISTED).await.err()?;
        Some(format!("{}: not watched yet: {state:?}", resource.label()))
    }

    /// `None`: it is not there.
    async fn look_at(&self, resource: &Resource, id: &ObjectId, is_owned: bool) -> Option<LiveObject> {
        match self.shared.store.see(resource, id, &self.owner) {
            Sight::Live(living) => Some(judge(&living)),
            Sight::Absent if !is_owned => self.meet(resource, id).await,
            Sight::Absent | Sight::Unsure { .. } => self.ask(resource, id).await,
            Sight::Unknown => Some(LiveObject::unseen(format!(
                "{}: its watch was given up",
                resource.label()
            ))),
        }
    }

    /// Finds out which ignore rules count for an object that the app owns. It takes a look at all of it when what their conditions look
    /// at is another than when they were held against it last.
    async fn hold_to_rules(
        &self,
        resource: &Resource,
        id: &ObjectId,
        wanted: Option<&Value>,
        owned: &Owned,
        mut seen: LiveObject,
    ) -> LiveObject {
        let rules = &self.manners.ignore;
        let heeded = seen.ruled.take().and_then(|ruled| ruled.heeded);
        if !has_conditions(rules, id) {
            seen.ruled = Some(Ruled {
                rules: standing(rules, id),
                heeded: None,
            });
        } else if heeded.is_some() && heeded == owned.ruled.heeded {
            seen.ruled = Some(owned.ruled.clone());
        } else if let Some(body) = wanted {
            match self.shared.api.get(&self.actor, resource, id).await {
                Ok(Some(live)) => {
                    let less = self.less(id, body, &live);
                    seen.ruled = Some(less.ruled);
                    seen.unanswered = less.unanswered;
                }
                // It went meanwhile: the watch will tell.
                Ok(None) => {}
                Err(refusal) => return LiveObject::unseen(refusal.to_string()),
            }
        }
        seen
    }

    /// What is there before the first apply, as metadata.
    async fn meet(&self, resource: &Resource, id: &ObjectId) -> Option<LiveObject> {
        let contact = match self.shared.api.meet(&Actor::Own, resource, &id.namespace).await {
            Ok(contact) => contact,
            Err(refusal) => return Some(LiveObject::unseen(refusal.to_string())),
        };
        let met = contact.get(&id.name)?;
        let permitted = adopt::permit(self.manners.adoption, &self.owner, met.owner.as_ref(), &met.marks);
        Some(LiveObject {
            content: Content::Fields {
                projection: None,
                strays: false,
            },
            marked: self.owner.judge(met.owner.as_ref()),
            uid: Some(met.uid.clone()),
            deleting: met.is_terminating,
            refusal: permitted.err(),
            ..LiveObject::whole(None, None, Mark::Absent)
        })
    }

    /// Reads it in the App's name.
    async fn ask(&self, resource: &Resource, id: &ObjectId) -> Option<LiveObject> {
        let looked = self.shared.store.look(&self.actor, resource, id, &self.owner).await;
        match looked {
            Ok(living) => living.map(|living| judge(&living)),
            Err(refusal) => Some(LiveObject::unseen(refusal.to_string())),
        }
    }

    /// The app that releases what a step takes over.
    fn predecessor(&self, step: &Step) -> Option<Owner> {
        let live = step.live.as_ref().filter(|live| live.moving == Moving::Released)?;
        let Mark::Other(name) = &live.marked else { return None };
        let (namespace, app) = name.split_once('/')?;
        Some(Owner {
            installation: self.owner.installation.clone(),
            namespace: namespace.to_owned(),
            app: app.to_owned(),
        })
    }

    async fn let_go(&self, step: &Step) -> Result<(), TargetError> {
        let Some(uid) = step.live.as_ref().and_then(|live| live.uid.as_deref()) else {
            return Ok(());
        };
        let resource = self.resource(&step.id, "").await.map_err(Refusal::from)?;
        let released = self
            .shared
            .api
            .release(&self.actor, &resource, &step.id, uid, &self.owner);
        Ok(released.await?)
    }

    async fn has_reached(&self, step: &Step, until: Until) -> Result<bool, TargetError> {
        let version = step
            .desired
            .as_ref()
            .map_or("", |manifest| api_version(&manifest.object.body));
        let resource = self.resource(&step.id, version).await.map_err(Refusal::from)?;
        let sight = self.shared.store.see(&resource, &step.id, &self.owner);
        Ok(match until {
            Until::Settled | Until::Exists | Until::Deleted => true,
            Until::Gone => sight == Sight::Absent,
            Until::Established | Until::Available | Until::Ready => {
                sight.live().is_some_and(|living| living.is_ready(&resource))
            }
        })
    }
}

impl Target for Cluster {
    fn identity(&self) -> String {
        Self::identity_of(&self.shared)
    }

    fn is_cluster(&self) -> bool {
        true
    }

    fn width(&self) -> usize {
        WIDTH
    }

    fn observe<'a>(&'a self, desired: &'a Desired, inventory: &'a Inventory) -> Pending<'a, Result<Live, TargetError>> {
        Box::pin(async move { Ok(self.look(desired, inventory).await) })
    }

    fn prepare(&self) -> Pending<'_, Result<(), TargetError>> {
        Box::pin(async { Ok(()) })
    }

    fn apply<'a>(&'a self, step: &'a Step) -> Pending<'a, Result<Written, TargetError>> {
        Box::pin(async move {
            match (&step.action, &step.desired) {
                (Action::Create | Action::Configure(_), Some(manifest)) => self.write(step, manifest).await,
                (Action::Delete, _) => self.remove(step).await,
                _ => Ok(Written::default()),
            }
        })
    }

    fn preview<'a>(&'a self, step: &'a Step) -> Pending<'a, Result<Preview, TargetError>> {
        Box::pin(self.foresee(step))
    }

    fn reached<'a>(&'a self, step: &'a Step, until: Until) -> Pending<'a, Result<bool, TargetError>> {
        Box::pin(self.has_reached(step, until))
    }

    fn living(&self) -> Option<(Store, Owner)> {
        Some((self.shared.store.clone(), self.owner.clone()))
    }

    fn hooking(&self) -> Option<&Self> {
        Some(self)
    }

    fn holds<'a>(&'a self, id: &'a ObjectId) -> Pending<'a, Option<String>> {
        Box::pin(holds::what(&self.shared.api, &self.actor, &self.owner, id))
    }

    fn release<'a>(&'a self, step: &'a Step) -> Pending<'a, Result<(), TargetError>> {
        Box::pin(self.let_go(step))
    }
}

/// What of a living object is compared with what was applied last.
fn judge(living: &Living) -> LiveObject {
    let reduced = &living.reduced;
    LiveObject {
        content: Content::Fields {
            projection: reduced.projection,
            strays: reduced.has_strays(),
        },
        marked: reduced.mark.clone(),
        uid: Some(reduced.uid.clone()),
        deleting: reduced.deleting,
        ruled: Some(Ruled {
            rules: None,
            heeded: reduced.heeds,
        }),
        ..LiveObject::whole(None, None, Mark::Absent)
    }
}

fn api_version(body: &Value) -> &str {
    body.get("apiVersion").and_then(Value::as_str).unwrap_or_default()
}
