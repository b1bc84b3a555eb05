//! Why an object is there: which App owns it, which file of which commit says so, and who wrote that.

use serde::{Deserialize, Serialize};
use windlass_core::{
    history::{Changed, Entry, Origin, Plugin, Verb},
    ledger::Ledger,
    manifest,
    model::ObjectId,
    moment,
    render::{FileAt, Instant},
};

use super::Refusal;
use crate::{desk::Desk, state::Inventories};

/// Where an object comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Whence {
    /// Which.
    pub object: ObjectId,
    /// The App that owns it, as `namespace/name`.
    pub app: String,
    /// Where it is.
    pub target: String,
    /// The repository and commit that were applied last; `None`: the history doesn't say.
    pub origin: Option<Origin>,
    /// What rendered it.
    pub plugin: Option<Plugin>,
    /// The file that it comes from, with the line where known.
    pub file: Option<FileAt>,
    /// The change that it was last part of; `None`: older than the history.
    pub changed: Option<ChangedBy>,
}

/// A change of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangedBy {
    /// Number of the entry.
    pub entry: u64,
    /// What was done to it.
    pub action: Verb,
    /// When.
    #[serde(with = "moment")]
    pub at: Instant,
    /// The commit, and who made it.
    pub origin: Origin,
}

/// Objects shown at most: who asks for more asks for a name that is everywhere.
const MOST: usize = 50;

/// Every object of Apps that a question fits.
pub(super) fn look(desk: &Desk, kind: &str, name: &str, namespace: Option<&str>) -> Result<Vec<Whence>, Refusal> {
    let inventories = desk.inventories();
    let mut found = Vec::new();
    for key in inventories.keys()? {
        let inventory = inventories.load(&key)?;
        let is_it = |id: &&ObjectId| {
            id.name == name && namespace.is_none_or(|namespace| id.namespace == namespace) && is_kind(id, kind)
        };
        for id in inventory.entries.keys().filter(is_it) {
            if found.len() < MOST {
                found.push(whence(desk, inventories, &key, id)?);
            }
        }
    }
    any(found, "no App of this state owns", [kind, name], namespace)
}

/// The same of what is kept in a cluster. The file is not told: what was rendered lies where the engine is.
pub(super) fn look_in(
    ledgers: &[Ledger],
    [kind, name]: [&str; 2],
    namespace: Option<&str>,
) -> Result<Vec<Whence>, Refusal> {
    let kept = ledgers.iter().flat_map(|ledger| &ledger.targets);
    let owned = kept.flat_map(|kept| {
        let entries = kept.inventory.iter().flat_map(|inventory| inventory.entries.keys());
        entries.map(move |id| (kept, id))
    });
    let asked = owned.filter(|(_, id)| {
        id.name == name && namespace.is_none_or(|namespace| id.namespace == namespace) && is_kind(id, kind)
    });
    let found = asked
        .take(MOST)
        .map(|(kept, id)| of(&kept.key, id, &kept.history, |_| None));
    any(found.collect(), "no App that you may see owns", [kind, name], namespace)
}

fn any(
    found: Vec<Whence>,
    none: &str,
    [kind, name]: [&str; 2],
    namespace: Option<&str>,
) -> Result<Vec<Whence>, Refusal> {
    if found.is_empty() {
        let place = namespace.map_or_else(String::new, |namespace| format!(" in namespace `{namespace}`"));
        let message = format!("{none} a {kind} `{name}`{place}");
        return Err(Refusal::new(message).help("it may be another tool's, a controller's, or nobody's"));
    }
    Ok(found)
}

/// Whether people mean that kind: `deployment`, `Deployments`, `deployment.apps`.
fn is_kind(id: &ObjectId, wanted: &str) -> bool {
    let (wanted, group) = match wanted.split_once('.') {
        Some((kind, group)) => (kind, Some(group)),
        None => (wanted, None),
    };
    let (kind, wanted) = (id.kind.to_ascii_lowercase(), wanted.to_ascii_lowercase());
    let is_plural = || {
        let stem = kind.strip_suffix('y').map(|stem| format!("{stem}ies"));
        wanted == format!("{kind}s") || wanted == format!("{kind}es") || Some(&wanted) == stem.as_ref()
    };
    group.is_none_or(|group| id.group == group) && (kind == wanted || is_plural())
}

fn whence(desk: &Desk, inventories: &Inventories, key: &str, id: &ObjectId) -> Result<Whence, Refusal> {
    let entries = inventories.history(key)?;
    Ok(of(key, id, &entries, |entry| file(desk, entry, id)))
}

fn of(key: &str, id: &ObjectId, entries: &[Entry], file: impl FnOnce(&Entry) -> Option<FileAt>) -> Whence {
    let (target, app) = key.rsplit_once('|').unwrap_or(("", key));
    let applied = entries
        .iter()
        .find(|entry| entry.outcome.is_whole())
        .or(entries.first());
    let change = |entry: &Entry| {
        let changed: Option<&Changed> = entry.objects.iter().find(|changed| changed.object == *id);
        changed.map(|changed| ChangedBy {
            entry: entry.number,
            action: changed.action,
            at: entry.at,
            origin: entry.origin.clone(),
        })
    };
    Whence {
        object: id.clone(),
        app: app.to_owned(),
        target: target.to_owned(),
        origin: applied.map(|entry| entry.origin.clone()),
        plugin: applied.map(|entry| entry.plugin.clone()),
        file: applied.and_then(file),
        changed: entries.iter().find_map(change),
    }
}

fn file(desk: &Desk, entry: &Entry, id: &ObjectId) -> Option<FileAt> {
    let output = desk.renders().load(entry.run.parse().ok()?)?.output()?;
    let desired = manifest::read(&output, &entry.origin.namespace).ok()?;
    desired.objects.get(id)?.origin.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_as_people_do() {
        let id = |group: &str, kind: &str| ObjectId {
            group: group.into(),
            kind: kind.into(),
            namespace: String::new(),
            name: "a".into(),
        };
        for (group, kind, wanted, is_it) in [
            ("apps", "Deployment", "Deployment", true),
            ("apps", "Deployment", "deployments", true),
            ("apps", "Deployment", "deployment.apps", true),
            ("apps", "Deployment", "deployment.extensions", false),
            ("networking.k8s.io", "Ingress", "ingresses.networking.k8s.io", true),
            ("networking.k8s.io", "NetworkPolicy", "networkpolicies", true),
            ("", "Service", "serviceaccount", false),
            ("", "ConfigMap", "configmap", true),
        ] {
            assert_eq!(is_kind(&id(group, kind), wanted), is_it, "{wanted}");
        }
    }
}
