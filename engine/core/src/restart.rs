//! Restarts on configuration change: a workload whose ConfigMaps or Secrets change gets another pod template, so that its pods are made
//! anew. Kubernetes itself changes files in running pods after a while, and variables never.
//!
//! What counts is content that the pod template uses, of objects of the same app, as git has it: what is compared is the render with the
//! render applied before, never with what lives. So a repaired edit restarts nothing; nor does switching this on, which only notes what is
//! used (the baseline, in the inventory); nor does a reference that appears or goes, which is a change of the template anyway.
//!
//! Content is known by its HMAC under the installation's secret: a plain digest in an annotation would let anybody who reads Deployments
//! try out passwords.

mod content;
mod uses;

use std::collections::{BTreeMap, BTreeSet};

use hmac::{Hmac, KeyInit as _, Mac as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::Sha256;

use crate::{
    config::RestartMode,
    digest::hex,
    manifest::{Desired, Manifest},
    model::ObjectId,
};

pub use uses::{Keys, Use, uses};

/// Annotation of a pod template: another one whenever what the pods use has changed.
pub const CONFIG_HASH: &str = "windlass.dev/config-hash";

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
}

impl Configured {
    fn is_nothing(&self) -> bool {
        self.used.is_empty() && self.stamp.is_none()
    }
}

/// What comes of a workload in a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restart {
    /// What the inventory is to say once it was applied.
    pub configured: Configured,
    /// What changed, as [`Configured::used`] names it: its pods are made anew.
    pub because: Vec<String>,
}

/// Kinds that make pods anew, one after the other, when their template changes.
#[must_use]
pub fn restarts(id: &ObjectId) -> bool {
    id.group == "apps" && matches!(id.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet")
}

/// Decides about one workload; `None` where there is nothing to know.
///
/// `before`: as the inventory has it. `is_left`: whether an object's content is left to others, so that git's is not what lives.
#[must_use]
pub fn decide(
    key: &Key,
    mode: RestartMode,
    manifest: &Manifest,
    desired: &Desired,
    before: Option<&Configured>,
    is_left: impl Fn(&Manifest) -> bool,
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
                used: BTreeMap::new(),
                stamp,
            },
            because: Vec::new(),
        },
        RestartMode::OnChange => {
            let used = used(key, manifest, desired, is_left);
            let is_changed = |(what, digest): &(&String, &String)| {
                let known = before.and_then(|before| before.used.get(*what));
                known.is_some_and(|known| known != *digest)
            };
            let because: Vec<String> = used.iter().filter(is_changed).map(|(what, _)| what.clone()).collect();
            let stamp = if because.is_empty() {
                stamp
            } else {
                Some(next(key, stamp.as_deref(), &used))
            };
            Restart {
                configured: Configured { used, stamp },
                because,
            }
        }
    };
    (!restart.configured.is_nothing()).then_some(restart)
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
    manifest: &Manifest,
    desired: &Desired,
    is_left: impl Fn(&Manifest) -> bool,
) -> BTreeMap<String, String> {
    let mut used = BTreeMap::new();
    for (id, keys) in uses_of(manifest) {
        let Some(source) = desired.objects.get(&id).filter(|source| !is_left(source)) else {
            continue;
        };
        let content = content::of(&source.object.body);
        match keys {
            Keys::All => {
                let what = id.to_string();
                let parts = content
                    .iter()
                    .flat_map(|(name, value)| [name.as_bytes(), value.as_slice()]);
                let digest = key.digest(std::iter::once(what.as_bytes()).chain(parts));
                used.insert(what, digest);
            }
            Keys::Some(keys) => {
                for name in keys {
                    let what = format!("{id}: {name}");
                    // Not there is something else than empty.
                    let (is_there, value) = match content.get(&name) {
                        Some(value) => (b"1".as_slice(), value.as_slice()),
                        None => (b"0".as_slice(), b"".as_slice()),
                    };
                    let digest = key.digest([what.as_bytes(), is_there, value]);
                    used.insert(what, digest);
                }
            }
        }
    }
    used
}

/// Which ConfigMaps and Secrets a workload's pods use, and what of each.
fn uses_of(manifest: &Manifest) -> BTreeMap<ObjectId, Keys> {
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
    all
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
