//! What a living object is reduced to before its body is dropped.

use serde_json::{Map, Value};

use crate::{
    diff::Mark,
    digest::Digest,
    fields::{self, Element, FieldPath, FieldSet},
    managers::{BadManagers, Manager, Managers},
    model::{ObjectId, canonical},
    options::{self, IgnoreRule},
    owner::Owner,
};

/// A living object as one app sees it. A watch event is compared by this alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reduced {
    /// Another one under the same name is another object.
    pub uid: String,
    /// To make a write conditional on what was seen.
    pub resource_version: String,
    /// Of the spec; 0 for kinds that have none.
    pub generation: i64,
    /// Of what lives in the fields that the app applied last; `None` when it never applied, or somebody removed its entry.
    pub projection: Option<Digest>,
    /// Whose mark it carries.
    pub mark: Mark,
    /// Somebody deleted it, and finalizers keep it for a while.
    pub deleting: bool,
    /// Of what others added outside of metadata and status, see [`strays`].
    pub foreign: Digest,
    /// Of what the conditions of the app's ignore rules look at, see [`options::heeds`]; `None` when no condition is about it.
    pub heeds: Option<Digest>,
}

/// A field that somebody else added beside what git sets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stray {
    /// The topmost one that is theirs alone.
    pub path: FieldPath,
    /// Whose; the first by name where several own it.
    pub manager: String,
}

/// Managers that add fields to a spec as part of Kubernetes' own work, or in every cluster that has them: what they add is no
/// drift, even where drift means every field that git doesn't set.
const CONTROLLERS: [&str; 8] = [
    "kube-controller-manager",
    "kube-scheduler",
    "kube-apiserver",
    "kubelet",
    "cloud-controller-manager",
    "cluster-autoscaler",
    "cert-manager-cainjector",
    "keda",
];

/// Reduces an object. `id`: which it is; items of lists don't say it themselves. `rules`: the app's.
///
/// # Errors
/// When its `managedFields` can't be read: it can't be told then what anybody owns.
pub fn reduce(object: &Value, id: &ObjectId, owner: &Owner, rules: &[IgnoreRule]) -> Result<Reduced, BadManagers> {
    let text = |pointer| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let managers = Managers::read(object)?;
    let name = owner.manager();
    let projection = managers.written_by(&name).map(|ours| {
        let others = FieldSet::union_of(managers.others(&name).map(|manager| &manager.fields));
        fields::projection(object, &ours, &others)
    });
    Ok(Reduced {
        uid: text("/metadata/uid"),
        resource_version: text("/metadata/resourceVersion"),
        generation: object
            .pointer("/metadata/generation")
            .and_then(Value::as_i64)
            .unwrap_or_default(),
        projection,
        mark: owner.read(object, id),
        deleting: object
            .pointer("/metadata/deletionTimestamp")
            .is_some_and(|time| !time.is_null()),
        foreign: foreign(object, &strays(&managers, &name)),
        heeds: options::heeds(rules, id, object, &managers, &name),
    })
}

impl Reduced {
    /// Whether others added fields, see [`strays`].
    #[must_use]
    pub fn has_strays(&self) -> bool {
        self.foreign != foreign(&Value::Null, &[])
    }

    /// Whether the app is among those who apply it.
    #[must_use]
    pub const fn is_applied(&self) -> bool {
        self.projection.is_some()
    }
}

/// What others added beside what an app applied: what drift of the scope `Strict` names and removes. Metadata and status are
/// not part of it, nor what was written through a subresource or by a controller of Kubernetes.
#[must_use]
pub fn strays(managers: &Managers, name: &str) -> Vec<Stray> {
    let (kept, foreign): (Vec<&Manager>, Vec<&Manager>) = managers
        .0
        .iter()
        .partition(|manager| manager.is_writer(name) || is_controller(manager));
    if foreign.is_empty() {
        return Vec::new();
    }
    let kept = FieldSet::union_of(kept.into_iter().map(|manager| &manager.fields));
    let mut strays: Vec<Stray> = foreign
        .into_iter()
        .flat_map(|manager| {
            let paths = manager.fields.beyond(&kept).into_iter().filter(is_spec);
            paths.map(|path| Stray {
                path,
                manager: manager.name.clone(),
            })
        })
        .collect();
    strays.sort();
    strays.dedup_by(|later, first| first.path.leads_to(&later.path));
    strays
}

fn is_controller(manager: &Manager) -> bool {
    !manager.subresource.is_empty() || CONTROLLERS.contains(&manager.name.as_str())
}

fn is_spec(path: &FieldPath) -> bool {
    !matches!(path.0.first(), Some(Element::Field(name)) if name == "metadata" || name == "status")
}

fn foreign(object: &Value, strays: &[Stray]) -> Digest {
    let values = strays.iter().map(|stray| {
        let value = stray.path.find_in(object).cloned().unwrap_or_default();
        (stray.path.to_string(), value)
    });
    Digest::of(canonical(&Value::Object(values.collect::<Map<_, _>>())).as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn owner() -> Owner {
        Owner {
            installation: "0123456789ab".into(),
            namespace: "default".into(),
            app: "api".into(),
        }
    }

    fn id() -> ObjectId {
        ObjectId {
            group: "apps".into(),
            kind: "Deployment".into(),
            namespace: "shop".into(),
            name: "a".into(),
        }
    }

    fn entry(name: &str, operation: &str, subresource: &str, fields: &Value) -> Value {
        json!({"manager": name, "operation": operation, "subresource": subresource, "apiVersion": "apps/v1",
            "fieldsType": "FieldsV1", "fieldsV1": fields})
    }

    fn live() -> Value {
        let mut object = json!({
            "metadata": {"name": "a", "uid": "u", "resourceVersion": "7", "generation": 3},
            "spec": {"replicas": 2, "paused": false, "defaulted": 1},
            "status": {"replicas": 2},
        });
        owner().stamp(&mut object, &id());
        let ours = json!({"f:metadata": {"f:labels": {"f:windlass.dev/app": {}}}, "f:spec": {"f:paused": {}}});
        let status = json!({"f:status": {"f:replicas": {}}});
        object["metadata"]["managedFields"] = json!([
            entry(&owner().manager(), "Apply", "", &ours),
            entry("kube-controller-manager", "Update", "status", &status),
            entry(
                "kube-controller-manager",
                "Update",
                "scale",
                &json!({"f:spec": {"f:replicas": {}}})
            ),
        ]);
        object
    }

    fn reduced(object: &Value) -> Reduced {
        reduce(object, &id(), &owner(), &[]).unwrap()
    }

    #[test]
    fn what_a_condition_looks_at_shows() {
        let rule = |when: &str| -> IgnoreRule {
            serde_json::from_value(json!({"kind": "Deployment", "fields": ["/spec/paused"], "when": when})).unwrap()
        };
        let rules = [rule("live.status.replicas > 1")];
        let of = |object: &Value| reduce(object, &id(), &owner(), &rules).unwrap();
        let before = of(&live());
        let mut other = live();
        other["spec"]["replicas"] = 9.into();
        assert_eq!(of(&other), before);
        let mut looked_at = live();
        looked_at["status"]["replicas"] = 9.into();
        assert_ne!(of(&looked_at).heeds, before.heeds);
        assert_eq!(reduced(&live()).heeds, None);
    }

    #[test]
    fn what_others_do_elsewhere_changes_nothing() {
        let before = reduced(&live());
        assert_eq!(
            (before.uid.as_str(), before.resource_version.as_str(), before.generation),
            ("u", "7", 3)
        );
        assert!(before.is_applied() && before.mark == Mark::Ours && !before.deleting);
        let mut later = live();
        later["metadata"]["resourceVersion"] = "8".into();
        later["status"]["replicas"] = 3.into();
        later["spec"]["replicas"] = 5.into();
        later["spec"]["defaulted"] = 2.into();
        let after = Reduced {
            resource_version: "7".into(),
            ..reduced(&later)
        };
        assert_eq!(after, before);
    }

    #[test]
    fn what_is_done_to_ours_shows() {
        let before = reduced(&live());
        let changed = |change: &dyn Fn(&mut Value)| {
            let mut object = live();
            change(&mut object);
            reduced(&object)
        };
        let edited = changed(&|object| object["spec"]["paused"] = true.into());
        assert_ne!(edited.projection, before.projection);
        let stripped = changed(&|object| object["metadata"]["labels"] = json!({}));
        assert_ne!(stripped.projection, before.projection);
        assert_eq!(stripped.mark, Mark::Ours);
        let reset = changed(&|object| object["metadata"]["managedFields"] = json!([]));
        assert!(!reset.is_applied());
        let unmarked = changed(&|object| object["metadata"]["annotations"] = Value::Null);
        assert_eq!(unmarked.mark, Mark::Absent);
        let deleted = changed(&|object| object["metadata"]["deletionTimestamp"] = "now".into());
        assert!(deleted.deleting);
        // An `Update` that takes a field takes it out of our entry.
        let taken = changed(&|object| object["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"] = json!({}));
        assert_ne!(taken.projection, before.projection);
    }

    #[test]
    fn what_a_person_adds_to_a_spec_is_foreign() {
        let before = reduced(&live());
        let add = |name: &str, fields: Value| {
            let mut object = live();
            object["spec"]["paused"] = false.into();
            object["spec"]["extra"] = json!({"a": 1});
            let list = object["metadata"]["managedFields"].as_array_mut().unwrap();
            list.push(entry(name, "Update", "", &fields));
            object
        };
        let extra = json!({"f:spec": {"f:extra": {".": {}, "f:a": {}}, "f:paused": {}}, "f:metadata": {"f:labels": {"f:x": {}}}});
        let added = add("kubectl-edit", extra.clone());
        assert_ne!(reduced(&added).foreign, before.foreign);
        assert_eq!(reduced(&added).projection, before.projection);
        let strays = strays(&Managers::read(&added).unwrap(), &owner().manager());
        let named: Vec<String> = strays.iter().map(|s| format!("{} {}", s.path, s.manager)).collect();
        assert_eq!(named, [".spec.extra kubectl-edit"]);
        let mut changed = added.clone();
        changed["spec"]["extra"]["a"] = 2.into();
        assert_ne!(reduced(&changed).foreign, reduced(&added).foreign);
        assert_eq!(reduced(&add("kube-controller-manager", extra)).foreign, before.foreign);
    }
}
