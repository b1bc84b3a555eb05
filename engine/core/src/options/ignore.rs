//! Fields that git names and somebody else decides: ignored in the diff and in the apply alike.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use crate::{
    cel::{Expression, Unanswered},
    config::schema::{Cel, Filled},
    digest::Digest,
    fields::{FieldPath, FieldSet, without},
    managers::Managers,
    model::{ObjectId, canonical, group_version},
};

/// `App.spec.ignore[]`: fields of some objects that are left to others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IgnoreRule {
    /// API group of the objects; the core group is `""`. Absent = any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Kind of the objects.
    #[schemars(with = "Filled")]
    pub kind: String,
    /// Name of the object. Absent = any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Namespace of the objects. Absent = any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// JSON pointers (RFC 6901) into the manifest, or paths as the API server and reports print them, which name items of lists:
    /// `.spec.template.spec.containers[name="app"].image`.
    pub fields: Vec<String>,
    /// Left to others only while this expression in CEL is true, over `object` (as git wants it), `live` (as it lives) and
    /// `managers` (who else owns one of the fields). Absent = always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Cel>")]
    pub when: Option<Condition>,
}

/// When a rule counts: an expression over [`Condition::VARIABLES`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Condition(Expression);

impl Condition {
    /// What a condition is about:
    /// - `object`: the object as git wants it;
    /// - `live`: as it lives, as a whole;
    /// - `managers`: the names of the field managers, other than the App's own, that own one of the rule's fields.
    pub const VARIABLES: [&str; 3] = ["object", "live", "managers"];

    fn holds(&self, situation: &Situation<'_>, managers: &Value) -> Result<bool, Unanswered> {
        let [object, live, owners] = Self::VARIABLES;
        self.0
            .holds(&[(object, situation.object), (live, situation.live), (owners, managers)])
    }

    /// What it looks at, but for what git wants.
    fn reads(&self, live: &Value, managers: &Value) -> Value {
        let [_, name, owners] = Self::VARIABLES;
        json!([self.0.read(name, live), self.0.read(owners, managers)])
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Expression::deserialize(deserializer, &Self::VARIABLES).map(Self)
    }
}

impl IgnoreRule {
    /// Whether the rule is about that object.
    #[must_use]
    pub fn is_about(&self, id: &ObjectId) -> bool {
        id.fits(
            self.group.as_deref(),
            &self.kind,
            self.namespace.as_deref(),
            self.name.as_deref(),
        )
    }

    /// Who else than the app owns one of the rule's fields.
    fn owners(&self, live: &Value, managers: &Managers, manager: &str) -> Value {
        let pointers: Vec<String> = self.fields.iter().filter_map(|field| pointer(field, live)).collect();
        let owns = |set: &FieldSet| pointers.iter().any(|pointer| set.touches(live, pointer));
        let owners = managers.others(manager).filter(|other| owns(&other.fields));
        owners
            .map(|other| other.name.as_str())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }
}

/// What rules are held against.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// Which object.
    pub id: &'a ObjectId,
    /// As git wants it.
    pub object: &'a Value,
    /// As it lives.
    pub live: &'a Value,
    /// Who owns what of it.
    pub managers: &'a Managers,
    /// The field manager of the app.
    pub manager: &'a str,
}

/// Which rules count for an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ruling<'r> {
    /// Those without a condition, those whose condition is true, and those of which it can't be told: what can't be told to be
    /// git's is left as it lives.
    pub rules: Vec<&'r IgnoreRule>,
    /// Those that follow from the render, see [`handed_over`].
    pub derived: Vec<&'r IgnoreRule>,
    /// Conditions without an answer: which rule, by its number, and why.
    pub unanswered: Vec<(usize, Unanswered)>,
}

impl<'r> Ruling<'r> {
    /// Holds rules against an object that lives.
    #[must_use]
    pub fn of(rules: &'r [IgnoreRule], situation: &Situation<'_>) -> Self {
        let mut ruling = Self::default();
        for (number, rule) in rules.iter().enumerate() {
            if !rule.is_about(situation.id) {
                continue;
            }
            let counts = rule.when.as_ref().map_or(Ok(true), |condition| {
                let owners = rule.owners(situation.live, situation.managers, situation.manager);
                condition.holds(situation, &owners)
            });
            match counts {
                Ok(true) => ruling.rules.push(rule),
                Ok(false) => {}
                Err(why) => {
                    ruling.rules.push(rule);
                    ruling.unanswered.push((number, why));
                }
            }
        }
        ruling
    }

    /// With those of some other rules that are about the object; they have no conditions.
    #[must_use]
    pub fn and(mut self, derived: &'r [IgnoreRule], id: &ObjectId) -> Self {
        self.derived.extend(derived.iter().filter(|rule| rule.is_about(id)));
        self
    }

    /// Names which of the App's rules count: when it is another one, what is to be applied may be as well. `None`: none does.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        digest_of(&self.rules)
    }

    /// Takes ignored fields out of what is to be applied to an object that lives. Where it doesn't live yet, git's values stand:
    /// nothing is to be ignored.
    ///
    /// A field is left out only when somebody else owns it too. One that only the app owns would be reset by the server when it is
    /// left out, so that the living value is applied instead, until somebody else takes it.
    ///
    /// Returns the fields that made a difference.
    pub fn ignore(&self, payload: &mut Value, situation: &Situation<'_>) -> Vec<&'r str> {
        let Situation {
            live,
            managers,
            manager,
            ..
        } = situation;
        let others = FieldSet::union_of(managers.others(manager).map(|other| &other.fields));
        let nothing = FieldSet::default();
        let ours = managers.applier(manager).map_or(&nothing, |entry| &entry.fields);
        let act = |field: &&String| {
            let Some(pointer) = pointer(field, payload) else {
                return false;
            };
            let is_theirs = others.touches(payload, &pointer);
            let known = if is_theirs { &others } else { ours };
            let path = known.path_at(payload, &pointer);
            // What stands in a list that nobody has applied is new: git's value stands.
            path.is_some_and(|path| {
                if is_theirs {
                    leave(payload, &path)
                } else {
                    keep(payload, live, &path, &pointer)
                }
            })
        };
        let fields = self.rules.iter().chain(&self.derived).flat_map(|rule| &rule.fields);
        fields.filter(act).map(String::as_str).collect()
    }
}

/// What the conditions of rules look at of a living object, but for what git wants, and which conditions they are: as long as it is
/// the same, and git wants the same, so is the [`Ruling`]. `None`: no condition is about it.
#[must_use]
pub fn heeds(rules: &[IgnoreRule], id: &ObjectId, live: &Value, managers: &Managers, manager: &str) -> Option<Digest> {
    let heeded: Vec<Value> = rules
        .iter()
        .filter(|rule| rule.is_about(id))
        .filter_map(|rule| {
            let condition = rule.when.as_ref()?;
            let owners = rule.owners(live, managers, manager);
            Some(json!([rule, condition.reads(live, &owners)]))
        })
        .collect();
    (!heeded.is_empty()).then(|| Digest::of(canonical(&heeded.into()).as_bytes()))
}

/// Whether it takes a look at an object to tell which rules count.
#[must_use]
pub fn has_conditions(rules: &[IgnoreRule], id: &ObjectId) -> bool {
    rules.iter().any(|rule| rule.when.is_some() && rule.is_about(id))
}

/// As [`Ruling::digest`], of an object about which no rule has a condition.
#[must_use]
pub fn standing(rules: &[IgnoreRule], id: &ObjectId) -> Option<Digest> {
    let rules: Vec<&IgnoreRule> = rules.iter().filter(|rule| rule.is_about(id)).collect();
    digest_of(&rules)
}

fn digest_of(rules: &[&IgnoreRule]) -> Option<Digest> {
    (!rules.is_empty()).then(|| Digest::of(canonical(&json!(rules)).as_bytes()))
}

/// A field of a rule as a JSON pointer into an object. `None`: a list that it goes through has no such item.
fn pointer(field: &str, object: &Value) -> Option<String> {
    if field.starts_with('/') {
        return Some(field.to_owned());
    }
    FieldPath::parse_in(field, object).ok()?.pointer_in(object)
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
            when: None,
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
        ruled(payload, live, managers, &[rule(fields)])
    }

    fn ruled(payload: &Value, live: &Value, managers: &Managers, rules: &[IgnoreRule]) -> (Value, bool) {
        let mut left = payload.clone();
        let id = id();
        let situation = Situation {
            id: &id,
            object: payload,
            live,
            managers,
            manager: OURS,
        };
        let changed = !Ruling::of(rules, &situation).ignore(&mut left, &situation).is_empty();
        (left, changed)
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
        let others = IgnoreRule {
            name: Some("web".into()),
            ..rule(replicas)
        };
        assert_eq!(ruled(&payload, &live, &both, &[others]), (payload.clone(), false));
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
        let both = managers(&[ours, updater]);
        assert_eq!(
            applied(&payload, &live, &both, second).0["spec"]["containers"],
            json!([container("a", "a:1"), {"name": "b"}])
        );
        let by_name: &[&str] = &[
            r#".spec.containers[name="b"].image"#,
            r#".spec.containers[name="absent"].image"#,
        ];
        assert_eq!(
            applied(&payload, &live, &both, by_name).0["spec"]["containers"],
            json!([container("a", "a:1"), {"name": "b"}])
        );
        // Nobody knows by what the items are told apart.
        assert_eq!(
            applied(&payload, &live, &managers(&[]), second),
            (payload.clone(), false)
        );
    }

    fn when(text: &str) -> IgnoreRule {
        let condition = serde_json::from_value(json!(text)).unwrap();
        IgnoreRule {
            when: Some(condition),
            ..rule(&["/spec/replicas"])
        }
    }

    #[test]
    fn a_condition_decides_and_what_has_no_answer_is_left() {
        let payload = json!({"spec": {"replicas": 2}});
        let live = json!({"metadata": {"annotations": {"by": "keda"}}, "spec": {"replicas": 5}});
        let entry = |name| (name, "Update", json!({"f:spec": {"f:replicas": {}}}));
        let scaled = managers(&[
            (OURS, "Apply", json!({"f:spec": {"f:replicas": {}}})),
            entry("keda"),
            entry("hand"),
        ]);
        let left = json!({});
        for (text, ignored) in [
            ("live.metadata.annotations.by == 'keda'", true),
            ("live.metadata.annotations.by == 'hand'", false),
            ("live.spec.replicas > object.spec.replicas", true),
            ("live.spec.replicas < object.spec.replicas", false),
            ("managers == ['hand', 'keda']", true),
            ("'helm' in managers", false),
            ("live.metadata.labels.by == 'keda'", true),
            ("live.metadata.annotations.by", true),
        ] {
            let expected = if ignored {
                (left.clone(), true)
            } else {
                (payload.clone(), false)
            };
            assert_eq!(ruled(&payload, &live, &scaled, &[when(text)]), expected, "{text}");
        }
        let id = id();
        let situation = Situation {
            id: &id,
            object: &payload,
            live: &live,
            managers: &scaled,
            manager: OURS,
        };
        let rules = [when("true"), when("live.metadata.labels.by == 'keda'"), when("false")];
        let ruling = Ruling::of(&rules, &situation);
        assert_eq!(
            (ruling.rules.len(), ruling.unanswered.len(), ruling.unanswered[0].0),
            (2, 1, 1)
        );
        assert!(Ruling::of(&rules[2..], &situation).digest().is_none());
        assert_ne!(Ruling::of(&rules[..1], &situation).digest(), ruling.digest());
        assert!(has_conditions(&rules, &id) && !has_conditions(&[rule(&["/a"])], &id));
        let plain = [rule(&["/a"])];
        assert_eq!(standing(&plain, &id), Ruling::of(&plain, &situation).digest());
    }

    #[test]
    fn only_what_a_condition_looks_at_is_heeded() {
        let live = json!({"metadata": {"annotations": {"by": "keda", "other": "x"}}, "spec": {"replicas": 5}});
        let owned = |name| managers(&[(name, "Update", json!({"f:spec": {"f:replicas": {}}}))]);
        let of = |rules: &[IgnoreRule], live: &Value, managers: &Managers| heeds(rules, &id(), live, managers, OURS);
        let annotation = [when("live.metadata.annotations.by == 'keda'")];
        let before = of(&annotation, &live, &owned("keda"));
        let with = |pointer: &str, value: &str| {
            let mut live = live.clone();
            *live.pointer_mut(pointer).unwrap() = value.into();
            live
        };
        assert!(before.is_some());
        assert_eq!(
            of(&annotation, &with("/metadata/annotations/other", "y"), &owned("hand")),
            before
        );
        assert_ne!(
            of(&annotation, &with("/metadata/annotations/by", "y"), &owned("keda")),
            before
        );
        assert_ne!(
            of(&[when("live.metadata.annotations.by == 'x'")], &live, &owned("keda")),
            before
        );
        let owners = [when("'keda' in managers")];
        assert_ne!(of(&owners, &live, &owned("keda")), of(&owners, &live, &owned("hand")));
        assert_eq!(of(&[rule(&["/a"])], &live, &owned("keda")), None);
    }

    #[test]
    fn a_condition_reads_what_it_writes_and_a_bad_one_is_told() {
        let rule = when("live.spec.replicas > 1");
        let text = serde_json::to_value(&rule).unwrap();
        assert_eq!(text["when"], "live.spec.replicas > 1");
        assert_eq!(serde_json::from_value::<IgnoreRule>(text).unwrap(), rule);
        let bad = json!({"kind": "X", "fields": ["/a"], "when": "lives.a"});
        let error = serde_json::from_value::<IgnoreRule>(bad).unwrap_err().to_string();
        assert_eq!(
            error,
            "there is no `lives`, only `object`, `live`, `managers`, at 1:1 of the expression"
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
