//! Restarts on configuration change: a workload whose ConfigMaps or Secrets change gets another pod template, so that its pods are made
//! anew. Kubernetes itself changes files in running pods after a while, and variables never.
//!
//! What counts is content that the pod template uses, of objects of the same app, as git has it: what is compared is the render with the
//! render applied before, never with what lives. So a repaired edit restarts nothing; nor does switching this on, which only notes what is
//! used (the baseline, in the inventory); nor does a reference that appears or goes, which is a change of the template anyway.
//!
//! Where the app says so (`restart.foreign: Watch`), content of objects that are not the app's counts as well, as it lives. Nobody asked for
//! such a restart with a commit, so it is bounded ([`APART`]) and may have to wait; what waits, and what can't be read, stays in the inventory
//! as it was known last, so that it is found to have changed later. What isn't there has no content: pods made anew would find nothing.
//!
//! Content is known by its HMAC under the installation's secret: a plain digest in an annotation would let anybody who reads Deployments
//! try out passwords.

mod content;
mod parts;
mod uses;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::Sha256;

use crate::{
    config::RestartMode,
    digest::{Digest, hex},
    manifest::{Desired, Manifest},
    model::ObjectId,
    moment,
    render::Instant,
};

pub use parts::Parts;
pub use uses::{Keys, Use, uses};

/// Annotation of a pod template: another one whenever what the pods use has changed.
pub const CONFIG_HASH: &str = "windlass.dev/config-hash";

/// Restarts of a workload for what isn't the app's are at least so far apart; what comes meanwhile is one restart at the end. The threat is a
/// controller that rewrites a Secret every second: its pods would be made anew for ever and never be ready. Most pods are within a minute.
pub const APART: Duration = Duration::from_secs(60);

/// Hexadecimal digits kept of an HMAC: two contents of one object are told apart, and 2⁶⁴ tries are nobody's.
const DIGITS: usize = 16;

/// Keys the digests of one installation.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// Of the installation's secret, and for this alone.
    #[must_use]
    pub fn of(secret: &[u8; 32]) -> Self {
        Self(hmac(secret, [b"windlass.dev/restarts/v1".as_slice()]))
    }

    fn digest<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> String {
        let mut digits = hex(&hmac(&self.0, parts));
        digits.truncate(DIGITS);
        digits
    }
}

/// Over parts, each preceded by its length, so that no two lists of parts collide.
fn hmac<'a>(key: &[u8; 32], parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    // Padded with zeros to the block of its hash, as HMAC has it.
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for part in parts {
        mac.update(&(part.len() as u64).to_le_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// What is known of the configuration that a workload was applied with last. Kept in the inventory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Configured {
    /// Digests by what is used: `ConfigMap shop/a`, or `ConfigMap shop/a: key`.
    #[serde(default)]
    pub used: BTreeMap<String, String>,
    /// Value of the annotation `windlass.dev/config-hash`; absent as long as nothing has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<String>,
    /// When its pods were last made anew for what is not of the App.
    #[schemars(with = "Option<crate::config::schema::Moment>")]
    #[serde(default, skip_serializing_if = "Option::is_none", with = "moment::optional")]
    pub restarted: Option<Instant>,
}

impl Configured {
    fn is_nothing(&self) -> bool {
        self.used.is_empty() && self.stamp.is_none()
    }

    /// Whether anything of an object is known that its pods use.
    #[must_use]
    pub fn knows(&self, id: &ObjectId) -> bool {
        let whole = id.to_string();
        self.used
            .keys()
            .filter_map(|what| what.strip_prefix(&whole))
            .any(|rest| rest.is_empty() || rest.starts_with(": "))
    }
}

/// What comes of a workload in a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restart {
    /// What the inventory is to say once it was applied.
    pub configured: Configured,
    /// What git changed, as [`Configured::used`] names it: its pods are made anew.
    pub because: Vec<String>,
    /// What changed of objects that are not the app's: for this too, unless it [waits](Restart::waits).
    pub foreign: Vec<String>,
    /// Why its pods are not made anew yet.
    pub waits: Option<Wait>,
    /// Of a restart that git is no cause of: the hash that its object has without it.
    pub without: Option<Digest>,
    /// Names what git says of an object that has a stamp, whatever was restarted meanwhile for others.
    pub of_git: Option<Digest>,
}

impl Restart {
    /// Whether its pods are made anew for what isn't the app's, and for nothing else.
    #[must_use]
    pub const fn is_foreign_alone(&self) -> bool {
        self.because.is_empty() && !self.foreign.is_empty() && self.waits.is_none()
    }

    /// See [`Restart::of_git`]. `unstamped`: the hash of the object with no stamp.
    #[must_use]
    pub fn name_of_git(&self, unstamped: Digest) -> Digest {
        if self.because.is_empty() {
            return unstamped;
        }
        let names = self.because.iter().map(String::as_bytes);
        let used = self.because.iter().filter_map(|what| self.configured.used.get(what));
        let parts = std::iter::once(unstamped.as_bytes().as_slice()).chain(names);
        Digest::of_parts(parts.chain(used.map(String::as_bytes)))
    }
}

/// Why a restart is not made yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// In words that follow "it waits: ".
    pub why: String,
    /// Until then; `None`: that isn't told by a clock.
    pub until: Option<Instant>,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.until {
            Some(until) => write!(f, "until {}: {}", moment::text(until), self.why),
            None => f.write_str(&self.why),
        }
    }
}

/// What is known of objects that are not the app's.
#[derive(Clone, Copy)]
pub struct Foreign<'a> {
    /// Digests by what is used, see [`Parts::digests`]. What isn't there, or can't be read, isn't in it.
    pub digests: &'a BTreeMap<String, String>,
    /// What time it is.
    pub now: Instant,
    /// Asked about a restart of a workload that is due: why it has to wait all the same.
    pub waits: &'a dyn Fn(&ObjectId) -> Option<Wait>,
}

/// Kinds that make pods anew, one after the other, when their template changes.
#[must_use]
pub fn restarts(id: &ObjectId) -> bool {
    id.group == "apps" && matches!(id.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet")
}

/// Decides about one workload; `None` where there is nothing to know.
///
/// `before`: as the inventory has it. `is_left`: whether an object's content is left to others, so that git's is not what lives.
/// `foreign`: what is known of others' objects; `None`: they don't count.
#[must_use]
pub fn decide(
    key: &Key,
    mode: RestartMode,
    manifest: &Manifest,
    desired: &Desired,
    before: Option<&Configured>,
    is_left: impl Fn(&Manifest) -> bool,
    foreign: Option<Foreign<'_>>,
) -> Option<Restart> {
    let id = &manifest.object.id;
    if !restarts(id) {
        return None;
    }
    let stamp = before.and_then(|before| before.stamp.clone());
    let restart = match mode {
        // A stamp that went would be a change of the template.
        RestartMode::Off => Restart {
            configured: Configured {
                stamp,
                ..Configured::default()
            },
            ..Restart::default()
        },
        RestartMode::OnChange => {
            let uses = uses_of(manifest);
            let known = |what: &String| before.and_then(|before| before.used.get(what));
            let is_changed = |(what, digest): &(&String, &String)| known(what).is_some_and(|known| known != *digest);
            let mut restart = Restart::default();
            let mut used = used(key, &uses, desired, &is_left);
            restart.because = used.iter().filter(is_changed).map(|(what, _)| what.clone()).collect();
            restart.configured.restarted = before.and_then(|before| before.restarted);
            if let Some(foreign) = foreign {
                let mut found = of_others(&uses, desired, &is_left, &foreign, known);
                restart.foreign = found.iter().filter(is_changed).map(|(what, _)| what.clone()).collect();
                if restart.is_foreign_alone() {
                    let too_soon = too_soon(restart.configured.restarted, foreign.now);
                    restart.waits = too_soon.or_else(|| (foreign.waits)(id));
                }
                if restart.waits.is_some() {
                    found.retain(|what, digest| known(what).is_none_or(|known| known == digest));
                    let changed = restart.foreign.iter();
                    found.extend(changed.filter_map(|what| Some((what.clone(), known(what)?.clone()))));
                } else if !restart.foreign.is_empty() {
                    // Pods that are made anew for git find all that is new, too.
                    restart.configured.restarted = Some(foreign.now);
                }
                used.extend(found);
            }
            let is_made = !restart.because.is_empty() || restart.is_foreign_alone();
            restart.configured.stamp = if is_made {
                Some(next(key, stamp.as_deref(), &used))
            } else {
                stamp
            };
            restart.configured.used = used;
            restart
        }
    };
    (!restart.configured.is_nothing()).then_some(restart)
}

/// Of a workload whose pods were made anew for others' objects a moment ago. A clock that was set back holds nobody up.
fn too_soon(restarted: Option<Instant>, now: Instant) -> Option<Wait> {
    let last = restarted?;
    let passed = u64::try_from(now.seconds.saturating_sub(last.seconds)).ok()?;
    (passed < APART.as_secs()).then(|| Wait {
        why: format!("its pods were made anew less than {} s ago", APART.as_secs()),
        until: Some(Instant {
            seconds: last.seconds.saturating_add_unsigned(APART.as_secs()),
            nanoseconds: 0,
        }),
    })
}

/// Another one than the last, and the same however often it is asked for: a cycle that was cut off restarts nothing twice.
fn next(key: &Key, last: Option<&str>, used: &BTreeMap<String, String>) -> String {
    let parts = used
        .iter()
        .flat_map(|(what, digest)| [what.as_bytes(), digest.as_bytes()]);
    key.digest(std::iter::once(last.unwrap_or_default().as_bytes()).chain(parts))
}

/// Digests of what a workload uses of its app's objects.
fn used(
    key: &Key,
    uses: &BTreeMap<ObjectId, Parts>,
    desired: &Desired,
    is_left: &impl Fn(&Manifest) -> bool,
) -> BTreeMap<String, String> {
    let mut used = BTreeMap::new();
    for (id, parts) in uses {
        if let Some(source) = desired.objects.get(id).filter(|source| !is_left(source)) {
            used.extend(parts.digests_of_all(key, id, &source.object.body));
        }
    }
    used
}

/// Digests of what a workload uses of others' objects: as it is known now, else as it was `known` last.
fn of_others<'k>(
    uses: &BTreeMap<ObjectId, Parts>,
    desired: &Desired,
    is_left: &impl Fn(&Manifest) -> bool,
    foreign: &Foreign<'_>,
    known: impl Fn(&String) -> Option<&'k String>,
) -> BTreeMap<String, String> {
    let others = uses.iter().filter(|(id, _)| is_foreign(id, desired, is_left));
    let digest = |what: String| {
        let digest = foreign.digests.get(&what).or_else(|| known(&what))?.clone();
        Some((what, digest))
    };
    others
        .flat_map(|(id, parts)| parts.names(id))
        .filter_map(digest)
        .collect()
}

/// Whether what lives of an object is not git's.
fn is_foreign(id: &ObjectId, desired: &Desired, is_left: &impl Fn(&Manifest) -> bool) -> bool {
    desired.objects.get(id).is_none_or(is_left)
}

/// What all workloads of an app use of objects that are not the app's, or whose content is left to others.
#[must_use]
pub fn foreign(desired: &Desired, is_left: impl Fn(&Manifest) -> bool) -> BTreeMap<ObjectId, Parts> {
    let mut all: BTreeMap<ObjectId, Parts> = BTreeMap::new();
    let workloads = desired
        .objects
        .values()
        .filter(|manifest| restarts(&manifest.object.id));
    for (id, parts) in workloads.flat_map(uses_of) {
        if is_foreign(&id, desired, &is_left) {
            all.entry(id).or_default().add(parts);
        }
    }
    all
}

/// Which ConfigMaps and Secrets a workload's pods use, and what of each.
fn uses_of(manifest: &Manifest) -> BTreeMap<ObjectId, Parts> {
    let id = &manifest.object.id;
    let Some(pod) = manifest.object.body.pointer("/spec/template/spec") else {
        return BTreeMap::new();
    };
    let mut all: BTreeMap<ObjectId, Keys> = BTreeMap::new();
    for Use { kind, name, keys } in uses(pod) {
        let used = ObjectId {
            group: String::new(),
            kind: kind.to_owned(),
            namespace: id.namespace.clone(),
            name,
        };
        let known = all.entry(used).or_insert_with(|| Keys::Some(BTreeSet::new()));
        known.add(keys);
    }
    all.into_iter().map(|(id, keys)| (id, Parts::from(keys))).collect()
}

/// ConfigMaps and Secrets that are to be written before a workload whose restart may depend on them, optional ones too.
#[must_use]
pub fn sources(manifest: &Manifest) -> Vec<ObjectId> {
    uses_of(manifest).into_keys().collect()
}

/// A workload's manifest with that stamp; `None` when it has no pod template.
#[must_use]
pub fn stamped(body: &Value, stamp: &str) -> Option<Value> {
    let mut body = body.clone();
    let template = body.pointer_mut("/spec/template")?.as_object_mut()?;
    let metadata = map(template, "metadata")?;
    map(metadata, "annotations")?.insert(CONFIG_HASH.to_owned(), stamp.into());
    Some(body)
}

/// A map at a key; `None` where something else is, which the server refuses by its name.
fn map<'v>(parent: &'v mut Map<String, Value>, key: &str) -> Option<&'v mut Map<String, Value>> {
    let value = parent.entry(key).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}

#[cfg(test)]
mod tests;
