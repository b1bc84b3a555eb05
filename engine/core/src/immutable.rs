//! Changes that an object can't take while it lives, and what making it anew would cost.
//!
//! Only causes that are known to mean this count: Flux took every `Invalid` for one, and deleted Services for a typing error
//! (fluxcd/kustomize-controller#734).

use serde_json::Value;

use crate::{
    causes::{self, Cause},
    model::{ObjectId, is_built_in},
};

/// What making an object anew would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    /// Nothing lives in it, or depends on its being there all the time.
    None,
    /// What serves is gone for a while, or gets another address.
    Interruption,
    /// With it goes what can't be made again: never without consent.
    Loss,
}

/// An object that has to be made anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recreation {
    /// The fields that can't be changed, as the server names them.
    pub fields: Vec<String>,
    /// What it costs.
    pub harm: Harm,
    /// What it made stays when it is deleted, and is adopted by the new one: pods of a StatefulSet go on running.
    pub orphan: bool,
}

/// How the server words it. The beginning or the end of the message is compared, never the middle: between them stands the
/// value, which is the user's.
enum Words {
    /// `Invalid value: …: WORDS`.
    Invalid(&'static str),
    /// `Forbidden: WORDS…`.
    Forbidden(&'static str),
}

/// Causes known from the validation of Kubernetes 1.30 to 1.37 (`pkg/apis/*/validation`), with the kinds that they are known
/// of; no kind = any that is built in.
const KNOWN: [(&[&str], Words); 11] = [
    (&[], Words::Invalid("field is immutable")),
    (
        &["ConfigMap", "Secret"],
        Words::Forbidden("field is immutable when `immutable` is set"),
    ),
    (&["Service"], Words::Forbidden("field is immutable")),
    (&["Service"], Words::Invalid("may not change once set")),
    (
        &["StatefulSet"],
        Words::Forbidden("updates to statefulset spec for fields other than "),
    ),
    (
        &["Pod"],
        Words::Forbidden("pod updates may not change fields other than "),
    ),
    (
        &["PersistentVolumeClaim"],
        Words::Forbidden("spec is immutable after creation"),
    ),
    (
        &["PersistentVolume"],
        Words::Forbidden("spec.persistentvolumesource is immutable after creation"),
    ),
    (
        &["RoleBinding", "ClusterRoleBinding"],
        Words::Invalid("cannot change roleRef"),
    ),
    (&["PriorityClass"], Words::Forbidden("may not be changed in an update.")),
    (
        &["StorageClass", "CSIDriver", "VolumeAttributesClass"],
        Words::Forbidden("updates to "),
    ),
];

/// Reads the `Status` of a refused update (422). `None` unless every cause is a known one: an object that is wrong as well would
/// be deleted and not made again.
///
/// It is only to be asked about an object that lives: what isn't there can't be in the way.
#[must_use]
pub fn recreation(id: &ObjectId, status: &Value) -> Option<Recreation> {
    let causes = causes::of(status).collect::<Result<Vec<_>, _>>().ok()?;
    let is_known = |cause: &Cause| {
        let here = |kinds: &[&str]| is_built_in(&id.group) && (kinds.is_empty() || kinds.contains(&id.kind.as_str()));
        KNOWN.iter().any(|(kinds, words)| here(kinds) && words.are_of(cause))
    };
    if causes.is_empty() || !causes.iter().all(is_known) {
        return None;
    }
    let mut fields: Vec<String> = causes.into_iter().map(|cause| cause.field).collect();
    fields.sort();
    fields.dedup();
    // Pods that the new selector doesn't select would stay for ever.
    let orphan = id.kind == "StatefulSet" && !fields.iter().any(|field| field.starts_with("spec.selector"));
    Some(Recreation {
        harm: harm(id),
        orphan,
        fields,
    })
}

impl Words {
    fn are_of(&self, cause: &Cause) -> bool {
        match (self, cause.reason.as_str()) {
            (Self::Invalid(words), "FieldValueInvalid") => {
                let before = cause.message.strip_suffix(words);
                before.is_some_and(|before| before.starts_with("Invalid value: ") && before.ends_with(": "))
            }
            (Self::Forbidden(words), "FieldValueForbidden") => {
                let words_of = cause.message.strip_prefix("Forbidden: ");
                words_of.is_some_and(|found| found.starts_with(words))
            }
            _ => false,
        }
    }
}

/// What deleting an object of a kind costs when it is made again at once.
#[must_use]
pub fn harm(id: &ObjectId) -> Harm {
    match (id.group.as_str(), id.kind.as_str()) {
        ("", "PersistentVolumeClaim" | "PersistentVolume" | "Namespace")
        | ("apiextensions.k8s.io", "CustomResourceDefinition") => Harm::Loss,
        // What a controller of somebody's makes of it is not known.
        (group, _) if !is_built_in(group) => Harm::Loss,
        ("", "Pod" | "ReplicationController" | "Service" | "ServiceAccount")
        | ("apps", _)
        | ("networking.k8s.io", "Ingress")
        | ("apiregistration.k8s.io", "APIService") => Harm::Interruption,
        _ => Harm::None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id(group: &str, kind: &str) -> ObjectId {
        ObjectId {
            group: group.into(),
            kind: kind.into(),
            namespace: "shop".into(),
            name: "a".into(),
        }
    }

    fn status(causes: &[(&str, &str, &str)]) -> Value {
        let cause = |(reason, message, field): &(&str, &str, &str)| json!({"reason": reason, "message": message, "field": field});
        let causes: Vec<Value> = causes.iter().map(cause).collect();
        json!({"kind": "Status", "reason": "Invalid", "code": 422, "details": {"causes": causes}})
    }

    const INVALID: &str = "FieldValueInvalid";
    const FORBIDDEN: &str = "FieldValueForbidden";

    #[test]
    fn known_causes_are_recognised_by_kind() {
        for (group, kind, reason, message, field, harm) in [
            (
                "batch",
                "Job",
                INVALID,
                "Invalid value: {\"a\":1}: field is immutable",
                "spec.template",
                Harm::None,
            ),
            (
                "apps",
                "Deployment",
                INVALID,
                "Invalid value: null: field is immutable",
                "spec.selector",
                Harm::Interruption,
            ),
            (
                "",
                "Service",
                INVALID,
                "Invalid value: [\"10.0.0.1\"]: may not change once set",
                "spec.clusterIPs[0]",
                Harm::Interruption,
            ),
            (
                "",
                "Secret",
                FORBIDDEN,
                "Forbidden: field is immutable when `immutable` is set",
                "data",
                Harm::None,
            ),
            (
                "apps",
                "StatefulSet",
                FORBIDDEN,
                "Forbidden: updates to statefulset spec for fields other than 'replicas' and 'template' are forbidden",
                "spec",
                Harm::Interruption,
            ),
            (
                "",
                "PersistentVolumeClaim",
                FORBIDDEN,
                "Forbidden: spec is immutable after creation except resources.requests for bound claims\n  core.Spec{…}",
                "spec",
                Harm::Loss,
            ),
            (
                "rbac.authorization.k8s.io",
                "RoleBinding",
                INVALID,
                "Invalid value: {}: cannot change roleRef",
                "roleRef",
                Harm::None,
            ),
            (
                "scheduling.k8s.io",
                "PriorityClass",
                FORBIDDEN,
                "Forbidden: may not be changed in an update.",
                "value",
                Harm::None,
            ),
            (
                "storage.k8s.io",
                "StorageClass",
                FORBIDDEN,
                "Forbidden: updates to parameters are forbidden.",
                "parameters",
                Harm::None,
            ),
        ] {
            let found = recreation(&id(group, kind), &status(&[(reason, message, field)])).unwrap();
            assert_eq!(
                (found.harm, found.fields),
                (harm, vec![field.to_owned()]),
                "{kind} {message}"
            );
        }
    }

    #[test]
    fn everything_else_deletes_nothing() {
        let immutable = (INVALID, "Invalid value: 1: field is immutable", "spec.selector");
        for (name, id, causes) in [
            ("no cause", id("apps", "Deployment"), vec![]),
            (
                "one that is wrong as well",
                id("apps", "Deployment"),
                vec![
                    immutable,
                    (
                        INVALID,
                        "Invalid value: -1: must be greater than or equal to 0",
                        "spec.replicas",
                    ),
                ],
            ),
            ("a custom object", id("x.test", "Widget"), vec![immutable]),
            (
                "words in a value",
                id("", "ConfigMap"),
                vec![(
                    INVALID,
                    "Invalid value: \": field is immutable\": a lowercase name",
                    "metadata.name",
                )],
            ),
            (
                "words in a value, with the other reason",
                id("", "Service"),
                vec![("FieldValueRequired", "Required value: field is immutable", "spec")],
            ),
            (
                "words of another kind",
                id("apps", "Deployment"),
                vec![(FORBIDDEN, "Forbidden: may not be changed in an update.", "value")],
            ),
        ] {
            assert_eq!(recreation(&id, &status(&causes)), None, "{name}");
        }
        assert_eq!(recreation(&id("apps", "Deployment"), &json!({"code": 409})), None);
    }

    #[test]
    fn pods_of_a_stateful_set_go_on_unless_nobody_would_own_them() {
        let of = |field: &str| {
            let causes = [(INVALID, "Invalid value: 1: field is immutable", field)];
            recreation(&id("apps", "StatefulSet"), &status(&causes)).unwrap().orphan
        };
        assert!(of("spec.volumeClaimTemplates"));
        assert!(!of("spec.selector"));
    }

    #[test]
    fn what_cannot_be_made_again_needs_consent() {
        for (group, kind) in [
            ("", "Namespace"),
            ("", "PersistentVolumeClaim"),
            ("apiextensions.k8s.io", "CustomResourceDefinition"),
            ("db.test", "Cluster"),
        ] {
            assert_eq!(harm(&id(group, kind)), Harm::Loss, "{kind}");
        }
    }
}
