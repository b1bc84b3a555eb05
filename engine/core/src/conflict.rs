//! A refused apply, read cause by cause: which field, whose, and what to do about it.

use serde_json::Value;

use crate::{
    causes::{self, Cause},
    fields::{FieldPath, FieldSet, text},
    managers::Operation,
    owner,
};

/// A field that somebody else owns with another value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Contest {
    /// Which.
    pub path: FieldPath,
    /// Who owns it.
    pub manager: String,
    /// How it writes.
    pub operation: Operation,
    /// Through which subresource; "" = the object itself.
    pub subresource: String,
}

/// What to do about contests. See [`decide`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Apply again.
    Retry {
        /// Take what is contested and not left out.
        force: bool,
        /// To be removed from what is applied, see [`crate::fields::without`].
        leave_out: Vec<FieldPath>,
        /// What people are told: the contests that were given way to.
        reported: Vec<Contest>,
    },
    /// The object is another's: nothing of it may be applied. Its mark is contested.
    Claimed(Contest),
}

/// A subresource through which autoscalers write: replicas are theirs once they do.
const SCALE: &str = "scale";

/// Who gives way to whom.
///
/// - A person's edit is undone: a field that was in `last_applied` and was taken by an `Update` is forced back, but never one
///   that was taken through the subresource `scale`.
/// - What a manager named in `take_from` owns is taken, whether or not it was ours before; again never through `scale`.
/// - Everything else is left to its owner and reported, and the rest of the object is applied: one contested annotation doesn't
///   block an image update. The rest is forced if something of it is contested.
/// - A mark is no field like others. If it can't be forced, the object belongs to somebody else, and nothing is applied.
///
/// Forcing also takes what is contested by the time of the second request. Where that matters, it carries the resource version
/// that the contests were read with.
#[must_use]
pub fn decide(contests: &[Contest], last_applied: &FieldSet, take_from: &[String]) -> Verdict {
    let yields = |contest: &Contest| {
        let is_edit = contest.operation == Operation::Update && last_applied.contains(&contest.path);
        contest.subresource != SCALE && (is_edit || take_from.contains(&contest.manager))
    };
    let kept: Vec<&Contest> = contests.iter().filter(|contest| !yields(contest)).collect();
    if let Some(claim) = kept.iter().find(|contest| owner::is_mark(&contest.path)) {
        return Verdict::Claimed((*claim).clone());
    }
    let mut leave_out: Vec<FieldPath> = kept.iter().map(|contest| contest.path.clone()).collect();
    leave_out.sort();
    // Several managers may own one field.
    leave_out.dedup();
    // What would be forced goes with a field above it that is left out.
    let is_left_out = |contest: &&Contest| kept.iter().any(|kept| kept.path.leads_to(&contest.path));
    let (reported, forced): (Vec<&Contest>, Vec<&Contest>) = contests.iter().partition(is_left_out);
    Verdict::Retry {
        force: !forced.is_empty(),
        leave_out,
        reported: reported.into_iter().cloned().collect(),
    }
}

/// Why a refusal can't be read as a conflict of fields.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoContest {
    /// A conflict of another kind: the object has changed meanwhile, or exists already. Look again, then try again.
    #[error("the object has changed meanwhile")]
    Stale,
    /// A cause that doesn't read as the API server writes them. Nothing may be decided then.
    #[error("the cause `{message}` at `{field}` can't be read")]
    Unreadable {
        /// As received.
        field: String,
        /// As received.
        message: String,
    },
}

/// The reason of causes that are contests: `metav1.CauseTypeFieldManagerConflict`.
const FIELD_MANAGER_CONFLICT: &str = "FieldManagerConflict";

/// Reads the `Status` that came with a 409. `applied`: what was sent; it tells which names of fields have dots in them.
///
/// # Errors
/// [`NoContest::Stale`] when it is no conflict of fields, [`NoContest::Unreadable`] at the first cause that can't be read.
pub fn read(status: &Value, applied: &Value) -> Result<Vec<Contest>, NoContest> {
    let contests = causes::of(status)
        .filter_map(Result::ok)
        .filter(|cause| cause.reason == FIELD_MANAGER_CONFLICT)
        .map(|cause| {
            contest(&cause, applied).ok_or(NoContest::Unreadable {
                field: cause.field,
                message: cause.message,
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    if contests.is_empty() {
        Err(NoContest::Stale)
    } else {
        Ok(contests)
    }
}

/// `conflict with "kubectl" with subresource "scale" using apps/v1 at 2026-01-02T03:04:05Z`: only an `Update` has a version
/// (`printManager` of `k8s.io/apimachinery/pkg/util/managedfields`).
fn contest(cause: &Cause, applied: &Value) -> Option<Contest> {
    let path = FieldPath::parse_in(&cause.field, applied).ok()?;
    let rest = cause.message.strip_prefix("conflict with \"")?;
    let (manager, rest) = text::unquote(rest)?;
    let (subresource, rest) = match rest.strip_prefix(" with subresource \"") {
        Some(rest) => text::unquote(rest)?,
        None => (String::new(), rest),
    };
    let operation = match rest {
        "" => Operation::Apply,
        rest if rest.starts_with(" using ") => Operation::Update,
        _ => return None,
    };
    Some(Contest {
        path,
        manager,
        operation,
        subresource,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::fields::testing::{any_path, any_set};

    fn status(causes: &[(&str, &str)]) -> Value {
        let cause = |(message, field): &(&str, &str)| json!({"reason": "FieldManagerConflict", "message": message, "field": field});
        let causes: Vec<Value> = causes.iter().map(cause).collect();
        json!({"kind": "Status", "reason": "Conflict", "code": 409, "details": {"causes": causes}})
    }

    fn contest(path: &str, manager: &str, operation: Operation, subresource: &str) -> Contest {
        Contest {
            path: FieldPath::parse(path).unwrap(),
            manager: manager.into(),
            operation,
            subresource: subresource.into(),
        }
    }

    #[test]
    fn causes_are_read_as_the_server_writes_them() {
        let applied = json!({"spec": {"config": {"a.b": 1}}});
        for (message, field, expected) in [
            (
                r#"conflict with "kubectl-edit" using apps/v1"#,
                ".spec.replicas",
                contest(".spec.replicas", "kubectl-edit", Operation::Update, ""),
            ),
            (
                r#"conflict with "hpa" with subresource "scale" using apps/v1 at 2026-01-02T03:04:05Z"#,
                ".spec.replicas",
                contest(".spec.replicas", "hpa", Operation::Update, "scale"),
            ),
            (
                r#"conflict with "a \"b\"""#,
                ".spec.config.a.b",
                Contest {
                    path: FieldPath::of(&["spec", "config", "a.b"]),
                    ..contest(".x", "a \"b\"", Operation::Apply, "")
                },
            ),
        ] {
            assert_eq!(
                read(&status(&[(message, field)]), &applied),
                Ok(vec![expected]),
                "{message}"
            );
        }
        let several = status(&[(r#"conflict with "a""#, ".x"), (r#"conflict with "b" using v1"#, ".y")]);
        assert_eq!(read(&several, &applied).unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_conflict_of_fields_is_told_apart() {
        let stale = json!({"reason": "Conflict", "code": 409, "message": "the object has been modified"});
        assert_eq!(read(&stale, &json!({})), Err(NoContest::Stale));
        for (message, field) in [
            ("conflict", ".x"),
            (r#"conflict with "a" somehow"#, ".x"),
            (r#"conflict with "a""#, "x"),
        ] {
            let found = read(&status(&[(r#"conflict with "a""#, ".y"), (message, field)]), &json!({}));
            assert!(matches!(found, Err(NoContest::Unreadable { .. })), "{message}");
        }
    }

    /// Contests in, `force` and what is left out.
    fn decided(contests: &[Contest], last: &[&str], take_from: &[&str]) -> (bool, Vec<String>) {
        let last: Vec<FieldPath> = last.iter().map(|p| FieldPath::parse(p).unwrap()).collect();
        let take_from: Vec<String> = take_from.iter().map(|name| (*name).to_owned()).collect();
        match decide(contests, &FieldSet::of(&last), &take_from) {
            Verdict::Retry { force, leave_out, .. } => (force, leave_out.iter().map(ToString::to_string).collect()),
            Verdict::Claimed(contest) => panic!("claimed by {contest:?}"),
        }
    }

    #[test]
    fn every_case_of_a_contest() {
        use Operation::{Apply, Update};
        let (image, replicas) = (".spec.image", ".spec.replicas");
        let edit = contest(image, "kubectl-edit", Update, "");
        let scaled = contest(replicas, "hpa", Update, "scale");
        let helm = contest(image, "helm", Apply, "");
        for (name, contests, last, take_from, expected) in [
            (
                "an edit is undone",
                vec![edit.clone()],
                vec![image],
                vec![],
                (true, vec![]),
            ),
            (
                "what we never had stays",
                vec![edit.clone()],
                vec![replicas],
                vec![],
                (false, vec![image]),
            ),
            (
                "an autoscaler keeps its replicas",
                vec![scaled.clone()],
                vec![replicas],
                vec!["hpa"],
                (false, vec![replicas]),
            ),
            (
                "another applier keeps its field",
                vec![helm.clone()],
                vec![image],
                vec![],
                (false, vec![image]),
            ),
            (
                "unless it is to be taken",
                vec![helm.clone()],
                vec![],
                vec!["helm"],
                (true, vec![]),
            ),
            (
                "one field of two",
                vec![edit.clone(), scaled],
                vec![image, replicas],
                vec![],
                (true, vec![replicas]),
            ),
            (
                "one field, two owners",
                vec![edit, helm],
                vec![image],
                vec![],
                (false, vec![image]),
            ),
        ] {
            let (force, leave_out) = decided(&contests, &last, &take_from);
            let leave_out: Vec<&str> = leave_out.iter().map(String::as_str).collect();
            assert_eq!((force, leave_out), expected, "{name}");
        }
    }

    #[test]
    fn a_contested_mark_is_a_contested_object() {
        let mark = ".metadata.annotations.windlass.dev/owner";
        let other = contest(mark, "windlass/x", Operation::Apply, "");
        let last = FieldSet::of([&other.path]);
        assert_eq!(
            decide(std::slice::from_ref(&other), &last, &[]),
            Verdict::Claimed(other.clone())
        );
        // A person who wrote into our mark is undone.
        let edited = Contest {
            operation: Operation::Update,
            ..other
        };
        assert!(matches!(
            decide(&[edited], &last, &[]),
            Verdict::Retry { force: true, .. }
        ));
    }

    fn any_contest() -> impl Strategy<Value = Contest> {
        let operation = prop_oneof![Just(Operation::Apply), Just(Operation::Update)];
        let subresource = prop_oneof![3 => Just(""), 1 => Just("scale"), 1 => Just("status")];
        (any_path(), "[a-c]", operation, subresource).prop_map(|(path, manager, operation, subresource)| Contest {
            path,
            manager,
            operation,
            subresource: subresource.into(),
        })
    }

    proptest! {
        #[test]
        fn scale_is_never_forced_and_nothing_contested_is_forgotten(
            contests in proptest::collection::vec(any_contest(), 1..6), last in any_set(),
            take_from in proptest::collection::vec("[a-c]", 0..2),
        ) {
            let Verdict::Retry { force, leave_out, reported } = decide(&contests, &last, &take_from) else {
                return Err(TestCaseError::fail("no mark was contested"));
            };
            for contest in &contests {
                let is_left = leave_out.iter().any(|path| path.leads_to(&contest.path));
                prop_assert!(is_left || force);
                prop_assert_eq!(is_left, reported.contains(contest));
                prop_assert!(is_left || contest.subresource != "scale");
                prop_assert!(is_left || last.contains(&contest.path) || take_from.contains(&contest.manager));
            }
            prop_assert_eq!(leave_out.is_empty(), reported.is_empty());
            if contests.len() == reported.len() {
                prop_assert!(!force);
            }
        }
    }
}
