//! Whose an object is: the mark that it carries.
//!
//! The mark stands in the object itself, so that neither a lost inventory nor a copied one makes a claim. It names the object
//! that it is on: a copy of it, on a child or under another name, is no claim.

use std::fmt;

use serde_json::{Map, Value};

use crate::{
    config::id_of,
    diff::Mark,
    digest::Digest,
    fields::{Element, FieldPath},
    model::ObjectId,
};

/// An app that owns objects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// Names the installation without telling its secret: 12 hexadecimal digits.
    pub installation: String,
    /// Namespace of the App.
    pub namespace: String,
    /// Name of the App.
    pub app: String,
}

/// Annotation with the mark: [`Owner::mark`].
pub const OWNER: &str = "windlass.dev/owner";
/// Label that a watch of a whole installation selects by.
pub const INSTALLATION: &str = "windlass.dev/installation";
/// Label that the objects of one app are selected by: [`Owner::app_label`].
pub const APP: &str = "windlass.dev/app";

/// Longest name of a field manager, in characters: `metav1.validation.FieldManagerMaxLength` of Kubernetes.
const MAX_MANAGER: usize = 128;
/// Longest value of a label, in bytes: Kubernetes' rule.
const MAX_LABEL: usize = 63;

impl Owner {
    /// What the App is known by in its configuration.
    #[must_use]
    pub fn id(&self) -> String {
        id_of(&self.namespace, &self.app)
    }

    /// The mark on an object: installation, app and object, with a space between.
    #[must_use]
    pub fn mark(&self, id: &ObjectId) -> String {
        format!("{} {}/{} {id}", self.installation, self.namespace, self.app)
    }

    /// Reads a mark that was found on an object; `None` where it is no claim to it.
    #[must_use]
    pub fn claiming(mark: &str, id: &ObjectId) -> Option<Self> {
        let mut parts = mark.splitn(3, ' ');
        let (installation, app, object) = (parts.next()?, parts.next()?, parts.next()?);
        let (namespace, app) = app.split_once('/')?;
        (object == id.to_string()).then(|| Self {
            installation: installation.to_owned(),
            namespace: namespace.to_owned(),
            app: app.to_owned(),
        })
    }

    /// Who claims a living object by its annotation.
    #[must_use]
    pub fn of(object: &Value, id: &ObjectId) -> Option<Self> {
        let annotations = object.pointer("/metadata/annotations")?;
        Self::claiming(annotations.get(OWNER)?.as_str()?, id)
    }

    /// What a claim, if there is one, means to this app.
    #[must_use]
    pub fn judge(&self, claim: Option<&Self>) -> Mark {
        match claim {
            None => Mark::Absent,
            Some(claim) if claim == self => Mark::Ours,
            Some(claim) if claim.installation == self.installation => Mark::Other(claim.to_string()),
            Some(claim) => Mark::Other(format!("{claim} of another installation")),
        }
    }

    /// The mark of a living object, as this app sees it.
    #[must_use]
    pub fn read(&self, object: &Value, id: &ObjectId) -> Mark {
        self.judge(Self::of(object, id).as_ref())
    }

    /// Puts the mark and the labels into what is to be applied. It is part of it, so that two apps that claim one object
    /// conflict in the API server, however their requests are interleaved.
    pub fn stamp(&self, object: &mut Value, id: &ObjectId) {
        if !object.is_object() {
            return;
        }
        let metadata = map(object, "metadata");
        map(metadata, "annotations")[OWNER] = self.mark(id).into();
        let labels = map(metadata, "labels");
        labels[INSTALLATION] = self.installation.as_str().into();
        labels[APP] = self.app_label().into();
    }

    /// The app's name, cut, and a digest of the whole owner: a valid label value that no other app has.
    #[must_use]
    pub fn app_label(&self) -> String {
        let digest = self.digest().short();
        let room = MAX_LABEL - digest.len() - 1;
        let start = self.app.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_plain = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
        let name: String = start.chars().take_while(is_plain).take(room).collect();
        if name.is_empty() {
            digest
        } else {
            format!("{name}-{digest}")
        }
    }

    /// Under which name the app applies: one for each, or two apps would overwrite each other without a conflict.
    #[must_use]
    pub fn manager(&self) -> String {
        let whole = format!("{MANAGER_PREFIX}{}/{}/{}", self.installation, self.namespace, self.app);
        if whole.chars().count() <= MAX_MANAGER {
            return whole;
        }
        let digest = self.digest().short();
        let start: String = whole.chars().take(MAX_MANAGER - digest.len() - 1).collect();
        format!("{start}-{digest}")
    }

    /// Whether that is the field manager of another app of the installation.
    #[must_use]
    pub fn is_sibling(&self, manager: &str) -> bool {
        let rest = manager.strip_prefix(MANAGER_PREFIX);
        let rest = rest.and_then(|rest| rest.strip_prefix(self.installation.as_str()));
        rest.is_some_and(|rest| rest.starts_with('/')) && manager != self.manager()
    }

    fn digest(&self) -> Digest {
        Digest::of_parts([&self.installation, &self.namespace, &self.app].map(|part| part.as_bytes()))
    }
}

/// Begins the name of every manager of ours.
pub const MANAGER_PREFIX: &str = "windlass/";

/// Whether a field is part of the mark: who takes it takes the object.
#[must_use]
pub fn is_mark(path: &FieldPath) -> bool {
    let names: Vec<&str> = path
        .0
        .iter()
        .map_while(|element| match element {
            Element::Field(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    matches!(
        names.as_slice(),
        ["metadata", "annotations", OWNER] | ["metadata", "labels", INSTALLATION | APP]
    )
}

/// `namespace/app`.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.app)
    }
}

/// A map at a key of a map; what is there and no map is replaced.
fn map<'v>(parent: &'v mut Value, key: &str) -> &'v mut Value {
    let value = &mut parent[key];
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn owner(app: &str) -> Owner {
        Owner {
            installation: "0123456789ab".into(),
            namespace: "default".into(),
            app: app.into(),
        }
    }

    fn id(name: &str) -> ObjectId {
        ObjectId {
            group: "apps".into(),
            kind: "Deployment".into(),
            namespace: "shop".into(),
            name: name.into(),
        }
    }

    fn stamped(app: &str, name: &str) -> Value {
        let mut object = json!({"metadata": {"name": name, "labels": null, "annotations": {"team": "a"}}});
        owner(app).stamp(&mut object, &id(name));
        object
    }

    #[test]
    fn a_mark_is_a_claim_to_its_own_object_only() {
        let object = stamped("api", "a");
        assert_eq!(object["metadata"]["annotations"]["team"], "a");
        assert_eq!(object["metadata"]["labels"][INSTALLATION], "0123456789ab");
        let other = Owner {
            installation: "ba9876543210".into(),
            ..owner("api")
        };
        for (reader, name, expected) in [
            (owner("api"), "a", Mark::Ours),
            (owner("web"), "a", Mark::Other("default/api".into())),
            (other, "a", Mark::Other("default/api of another installation".into())),
            // A copy under another name.
            (owner("api"), "b", Mark::Absent),
        ] {
            assert_eq!(reader.read(&object, &id(name)), expected, "{reader:?} {name}");
        }
        // A copy on a child.
        let child = ObjectId {
            kind: "ReplicaSet".into(),
            ..id("a")
        };
        assert_eq!(owner("api").read(&object, &child), Mark::Absent);
        assert_eq!(owner("api").read(&json!({}), &id("a")), Mark::Absent);
    }

    #[test]
    fn garbage_is_no_mark() {
        for mark in ["", "x", "x y", "x y z", "0123456789ab api Deployment.apps shop/a"] {
            let object = json!({"metadata": {"annotations": {OWNER: mark}}});
            assert_eq!(owner("api").read(&object, &id("a")), Mark::Absent, "{mark}");
        }
        assert_eq!(
            owner("api").read(&json!({"metadata": {"annotations": {OWNER: 1}}}), &id("a")),
            Mark::Absent
        );
    }

    #[test]
    fn fields_of_the_mark_are_known() {
        for (path, expected) in [
            (".metadata.annotations.windlass.dev/owner", true),
            (".metadata.labels.windlass.dev/app", true),
            (".metadata.labels.windlass.dev/installation", true),
            (".metadata.annotations.windlass.dev/app", false),
            (".spec.template.metadata.labels.windlass.dev/app", false),
        ] {
            assert_eq!(is_mark(&FieldPath::parse(path).unwrap()), expected, "{path}");
        }
    }

    proptest! {
        #[test]
        fn marks_labels_and_managers_are_valid_and_tell_apps_apart(
            a in "[a-z0-9.-]{1,253}", b in "[a-z0-9.-]{1,253}", namespace in "[a-z0-9-]{1,63}",
        ) {
            let of = |app: &str| Owner { namespace: namespace.clone(), ..owner(app) };
            let (one, other) = (of(&a), of(&b));
            prop_assert_eq!(Owner::claiming(&one.mark(&id("a")), &id("a")), Some(one.clone()));
            let label = one.app_label();
            let end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
            prop_assert!(label.len() <= 63 && end(label.chars().next()) && end(label.chars().last()), "{}", label);
            prop_assert!(one.manager().chars().count() <= 128);
            prop_assert!(!one.is_sibling(&one.manager()));
            let stranger = Owner { installation: "ba9876543210".into(), ..other.clone() };
            prop_assert!(!one.is_sibling(&stranger.manager()));
            if a != b {
                prop_assert!(one.is_sibling(&other.manager()));
                prop_assert_ne!(label, other.app_label());
                prop_assert_ne!(one.manager(), other.manager());
            }
        }
    }
}
