//! Fields that git names and somebody else decides: ignored in the diff and in the apply alike.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    fields::{FieldPath, FieldSet, without},
    managers::Managers,
    model::{ObjectId, group_version},
};

/// `App.spec.ignore[]`: fields of some objects that are left to others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IgnoreRule {
    /// Absent = any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Of the objects.
    pub kind: String,
    /// Absent = any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Absent = any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// JSON pointers (RFC 6901) into the manifest.
    pub fields: Vec<String>,
}

impl IgnoreRule {
    /// Whether the rule is about that object.
    #[must_use]
    pub fn is_about(&self, id: &ObjectId) -> bool {
        let fits = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        self.kind == id.kind
            && fits(&self.group, &id.group)
            && fits(&self.name, &id.name)
            && fits(&self.namespace, &id.namespace)
    }
}

/// Takes ignored fields out of what is to be applied to an object that lives. Where it doesn't live yet, git's values stand: this
/// isn't to be called.
///
/// A field is left out only when somebody else owns it too. One that only the app owns would be reset by the server when it is
/// left out, so that the living value is applied instead, until somebody else takes it.
///
/// Returns the pointers that made a difference.
pub fn ignore<'r>(
    payload: &mut Value,
    id: &ObjectId,
    live: &Value,
    managers: &Managers,
    manager: &str,
    rules: &'r [IgnoreRule],
) -> Vec<&'r str> {
    let others = FieldSet::union_of(managers.others(manager).map(|other| &other.fields));
    let nothing = FieldSet::default();
    let ours = managers.applier(manager).map_or(&nothing, |entry| &entry.fields);
    let pointers = rules
        .iter()
        .filter(|rule| rule.is_about(id))
        .flat_map(|rule| &rule.fields);
    let act = |pointer: &&String| {
        let is_theirs = others.touches(payload, pointer);
        let known = if is_theirs { &others } else { ours };
        let path = known.path_at(payload, pointer);
        // What stands in a list that nobody has applied is new: git's value stands.
        path.is_some_and(|path| {
            if is_theirs {
                leave(payload, &path)
            } else {
                keep(payload, live, &path, pointer)
            }
        })
    };
    pointers.filter(act).map(String::as_str).collect()
}

/// Leaves a field to its other owners.
fn leave(payload: &mut Value, path: &FieldPath) -> bool {
    without(payload, [path]).is_empty()
}

/// Applies what lives.
fn keep(payload: &mut Value, live: &Value, path: &FieldPath, pointer: &str) -> bool {
    match (path.find_in(live), payload.pointer_mut(pointer)) {
        (Some(value), Some(wanted)) if value != wanted => {
            *wanted = value.clone();
            true
        }
        // Somebody removed it.
        (None, Some(_)) => leave(payload, path),
        _ => false,
    }
}

/// Rules that follow from the render itself: what an autoscaler scales has its replicas from git when it is made, and from the
/// autoscaler from then on.
#[must_use]
pub fn handed_over<'o>(objects: impl IntoIterator<Item = (&'o ObjectId, &'o Value)>) -> Vec<IgnoreRule> {
    let targets = objects.into_iter().filter_map(|(id, body)| {
        let is_scaler = matches!(
            (id.group.as_str(), id.kind.as_str()),
            ("autoscaling", "HorizontalPodAutoscaler") | ("keda.sh", "ScaledObject")
        );
        let target = body.pointer("/spec/scaleTargetRef").filter(|_| is_scaler)?;
        let text = |key: &str| target.get(key).and_then(Value::as_str);
        // KEDA's defaults; an HPA names both.
        let version = text("apiVersion").unwrap_or("apps/v1");
        Some(IgnoreRule {
            group: Some(group_version(version).0.to_owned()),
            kind: text("kind").unwrap_or("Deployment").to_owned(),
            name: Some(text("name")?.to_owned()),
            namespace: Some(id.namespace.clone()),
            fields: vec!["/spec/replicas".to_owned()],
        })
    });
    targets.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OURS: &str = "windlass/a";

    fn id() -> ObjectId {
        ObjectId {
            group: "apps".into(),
            kind: "Deployment".into(),
            namespace: "shop".into(),
            name: "api".into(),
        }
    }

    fn rule(fields: &[&str]) -> IgnoreRule {
        IgnoreRule {
            kind: "Deployment".into(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            ..IgnoreRule::default()
        }
    }

    fn managers(entries: &[(&str, &str, Value)]) -> Managers {
        let entry = |(name, operation, fields): &(&str, &str, Value)| json!({"manager": name, "operation": operation, "apiVersion": "apps/v1", "fieldsV1": fields});
        let entries: Vec<Value> = entries.iter().map(entry).collect();
        Managers::read(&json!({"metadata": {"managedFields": entries}})).unwrap()
    }

    /// What is applied, and whether something was different.
    fn applied(payload: &Value, live: &Value, managers: &Managers, fields: &[&str]) -> (Value, bool) {
        let mut payload = payload.clone();
        let rules = [rule(fields)];
        let changed = !ignore(&mut payload, &id(), live, managers, OURS, &rules).is_empty();
        (payload, changed)
    }

    #[test]
    fn a_field_is_left_out_only_when_another_owns_it_too() {
        let payload = json!({"spec": {"replicas": 2, "paused": false}});
        let live = json!({"spec": {"replicas": 5, "paused": false}});
        let ours = (
            "windlass/a",
            "Apply",
            json!({"f:spec": {"f:replicas": {}, "f:paused": {}}}),
        );
        let scaler = (
            "kube-controller-manager",
            "Update",
            json!({"f:spec": {"f:replicas": {}}}),
        );
        let replicas: &[&str] = &["/spec/replicas"];
        // Reset to 1 if it were left out.
        assert_eq!(
            applied(&payload, &live, &managers(std::slice::from_ref(&ours)), replicas),
            (json!({"spec": {"replicas": 5, "paused": false}}), true)
        );
        let both = managers(&[ours, scaler]);
        assert_eq!(
            applied(&payload, &live, &both, replicas),
            (json!({"spec": {"paused": false}}), true)
        );
        assert_eq!(
            applied(&payload, &live, &both, &["/spec/paused"]),
            (payload.clone(), false)
        );
        assert_eq!(
            applied(&payload, &live, &both, &["/spec/absent"]),
            (payload.clone(), false)
        );
        let removed = json!({"spec": {"paused": false}});
        assert_eq!(
            applied(&payload, &removed, &managers(&[]), replicas),
            (json!({"spec": {"paused": false}}), true)
        );
        let mut unchanged = payload.clone();
        let other = ObjectId {
            name: "web".into(),
            ..id()
        };
        let rules = [IgnoreRule {
            name: Some("api".into()),
            ..rule(replicas)
        }];
        assert!(ignore(&mut unchanged, &other, &live, &both, OURS, &rules).is_empty());
        assert_eq!(unchanged, payload);
    }

    #[test]
    fn items_of_lists_are_found_by_their_keys() {
        let container = |name: &str, image: &str| json!({"name": name, "image": image});
        let payload = json!({"spec": {"containers": [container("a", "a:1"), container("b", "b:1")]}});
        // An injected sidecar stands before them.
        let live =
            json!({"spec": {"containers": [container("s", "s:1"), container("a", "a:9"), container("b", "b:9")]}});
        let fields = |names: &[&str]| {
            let items = names.iter().map(|name| {
                (
                    format!("k:{{\"name\":\"{name}\"}}"),
                    json!({".": {}, "f:name": {}, "f:image": {}}),
                )
            });
            json!({"f:spec": {"f:containers": items.collect::<serde_json::Map<_, _>>()}})
        };
        let second: &[&str] = &["/spec/containers/1/image"];
        let ours = (OURS, "Apply", fields(&["a", "b"]));
        assert_eq!(
            applied(&payload, &live, &managers(std::slice::from_ref(&ours)), second).0["spec"]["containers"],
            json!([container("a", "a:1"), container("b", "b:9")])
        );
        let updater = ("updater", "Update", fields(&["b"]));
        assert_eq!(
            applied(&payload, &live, &managers(&[ours, updater]), second).0["spec"]["containers"],
            json!([container("a", "a:1"), {"name": "b"}])
        );
        // Nobody knows by what the items are told apart.
        assert_eq!(
            applied(&payload, &live, &managers(&[]), second),
            (payload.clone(), false)
        );
    }

    #[test]
    fn replicas_of_what_is_scaled_are_handed_over() {
        let scaler = |group: &str, kind: &str, target: Value| {
            let id = ObjectId {
                group: group.into(),
                kind: kind.into(),
                ..id()
            };
            (id, json!({"spec": {"scaleTargetRef": target}}))
        };
        let objects = [
            scaler(
                "autoscaling",
                "HorizontalPodAutoscaler",
                json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}),
            ),
            scaler("keda.sh", "ScaledObject", json!({"name": "worker"})),
            scaler("x.test", "ScaledObject", json!({"name": "other"})),
        ];
        let rules = handed_over(objects.iter().map(|(id, body)| (id, body)));
        let about = |name: &str| {
            rules.iter().any(|rule| {
                rule.is_about(&ObjectId {
                    name: name.into(),
                    ..id()
                })
            })
        };
        assert_eq!((about("api"), about("worker"), about("other")), (true, true, false));
        assert_eq!(rules[0].fields, ["/spec/replicas"]);
    }
}
