mod settling;

use super::*;
use crate::{
    adopt::Refusal,
    diff::intend::{Receipt, is_at_rest},
    inventory::Ruled,
    manifest::Within,
};

const WROTE: &[u8] = b"what was written";

/// As it was left after the last apply: object `a` with value 1.
fn owned() -> Owned {
    Owned {
        applied: Some(manifest("a", 1).object.hash),
        uid: Some("u1".into()),
        projection: Some(Digest::of(WROTE)),
        ..Owned::default()
    }
}

fn untouched() -> LiveObject {
    LiveObject {
        content: Content::Fields {
            projection: Some(Digest::of(WROTE)),
            strays: false,
        },
        body: None,
        marked: Mark::Ours,
        uid: Some("u1".into()),
        deleting: false,
        refusal: Some(Refusal::Foreign),
        moving: Moving::No,
        holds: None,
        ruled: Some(Ruled::default()),
        unanswered: Vec::new(),
    }
}

fn edited() -> LiveObject {
    LiveObject {
        content: Content::Fields {
            projection: Some(Digest::of(b"edited")),
            strays: false,
        },
        ..untouched()
    }
}

fn on_cluster() -> Policy {
    Policy {
        on_cluster: true,
        ..Policy::default()
    }
}

fn planned(wanted: Option<u32>, live: Option<LiveObject>, owned: Option<Owned>, policy: &Policy) -> Plan {
    let id = manifest("a", 1).object.id;
    let wanted: Vec<(&str, u32)> = wanted.into_iter().map(|value| ("a", value)).collect();
    let inventory = Inventory {
        entries: owned.into_iter().map(|owned| (id.clone(), owned)).collect(),
        ..Inventory::default()
    };
    plan(
        &desired(&wanted),
        &live.into_iter().map(|live| (id.clone(), live)).collect(),
        &inventory,
        policy,
    )
}

fn action_of(wanted: Option<u32>, live: Option<LiveObject>, owned: Option<Owned>, policy: &Policy) -> Action {
    planned(wanted, live, owned, policy).steps[0].action.clone()
}

#[test]
fn every_case_of_a_wanted_object_on_a_cluster() {
    use Action::{Configure, Create, Keep, Skip};
    let policy = on_cluster();
    let report = Policy {
        drift: DriftMode::Report,
        ..on_cluster()
    };
    let strict = Policy {
        scope: DriftScope::Strict,
        ..on_cluster()
    };
    let strays = LiveObject {
        content: Content::Fields {
            projection: Some(Digest::of(WROTE)),
            strays: true,
        },
        ..untouched()
    };
    let foreign = LiveObject {
        marked: Mark::Absent,
        uid: Some("u2".into()),
        ..edited()
    };
    let adoptable = LiveObject {
        refusal: None,
        ..foreign.clone()
    };
    let others = LiveObject {
        marked: Mark::Other("default/b".into()),
        ..edited()
    };
    let interrupted = Owned {
        intended: Some(manifest("a", 1).object.hash),
        ..owned()
    };
    let first = Owned {
        intended: Some(manifest("a", 1).object.hash),
        ..Owned::default()
    };
    let kept = LiveObject {
        refusal: Some(Refusal::Kept { keeper: "Helm".into() }),
        ..foreign.clone()
    };
    for (name, live, owned, policy, expected) in [
        ("absent", None, Some(owned()), &policy, Create),
        ("in sync", Some(untouched()), Some(owned()), &policy, Keep),
        ("strays don't count", Some(strays.clone()), Some(owned()), &policy, Keep),
        (
            "unless they do",
            Some(strays),
            Some(owned()),
            &strict,
            Configure(Cause::Drifted),
        ),
        (
            "edited",
            Some(edited()),
            Some(owned()),
            &policy,
            Configure(Cause::Drifted),
        ),
        (
            "reported",
            Some(edited()),
            Some(owned()),
            &report,
            Skip(SkipReason::DriftReported),
        ),
        (
            "killed while it was written",
            Some(edited()),
            Some(interrupted.clone()),
            &policy,
            Configure(Cause::Drifted),
        ),
        (
            "killed, and nothing came of it",
            Some(untouched()),
            Some(interrupted),
            &policy,
            Configure(Cause::Changed),
        ),
        (
            "killed at the first write",
            Some(edited()),
            Some(first),
            &policy,
            Configure(Cause::Changed),
        ),
        (
            "the inventory was lost",
            Some(untouched()),
            None,
            &policy,
            Configure(Cause::Changed),
        ),
        (
            "its mark was stripped",
            Some(LiveObject {
                marked: Mark::Absent,
                ..untouched()
            }),
            Some(owned()),
            &policy,
            Configure(Cause::Drifted),
        ),
        (
            "another one in its place",
            Some(foreign.clone()),
            Some(owned()),
            &policy,
            Skip(SkipReason::Foreign),
        ),
        (
            "somebody else's",
            Some(foreign),
            None,
            &policy,
            Skip(SkipReason::Foreign),
        ),
        (
            "a release's",
            Some(kept),
            None,
            &policy,
            Skip(SkipReason::KeptBy("Helm".into())),
        ),
        (
            "somebody's that may be taken",
            Some(adoptable),
            None,
            &policy,
            Configure(Cause::Adopted),
        ),
        (
            "another app's",
            Some(others.clone()),
            None,
            &policy,
            Skip(SkipReason::OwnedBy("default/b".into())),
        ),
        (
            "released by another app",
            Some(LiveObject {
                moving: Moving::Released,
                ..others
            }),
            None,
            &policy,
            Configure(Cause::Adopted),
        ),
        (
            "on its way out",
            Some(LiveObject {
                deleting: true,
                ..edited()
            }),
            Some(owned()),
            &policy,
            Skip(SkipReason::Terminating),
        ),
        (
            "back from a backup",
            Some(LiveObject {
                uid: Some("u2".into()),
                ..untouched()
            }),
            Some(owned()),
            &policy,
            Keep,
        ),
    ] {
        assert_eq!(action_of(Some(1), live, owned, policy), expected, "{name}");
    }
    assert_eq!(
        action_of(Some(2), Some(untouched()), Some(owned()), &policy),
        Configure(Cause::Changed)
    );
    assert_eq!(
        action_of(Some(2), Some(edited()), Some(owned()), &report),
        Configure(Cause::Drifted)
    );
}

#[test]
fn every_case_of_an_object_that_left_a_cluster() {
    use Action::{Delete, Forget, Skip};
    let policy = on_cluster();
    let with = |change: &dyn Fn(&mut LiveObject)| {
        let mut live = untouched();
        change(&mut live);
        Some(live)
    };
    let disabled = Owned { keep: true, ..owned() };
    let body = json!({"metadata": {"annotations": {"windlass.dev/prune": "disabled"}}});
    for (name, live, owned, expected) in [
        ("gone", None, owned(), Forget),
        ("ours", Some(untouched()), owned(), Delete),
        ("ours and edited", Some(edited()), owned(), Delete),
        (
            "equal, without a mark",
            with(&|live| live.marked = Mark::Absent),
            owned(),
            Skip(SkipReason::NotOursAnymore),
        ),
        (
            "another app's",
            with(&|live| live.marked = Mark::Other("b".into())),
            owned(),
            Skip(SkipReason::NotOursAnymore),
        ),
        (
            "to another app",
            with(&|live| live.moving = Moving::To("b".into())),
            owned(),
            Skip(SkipReason::MovesTo("b".into())),
        ),
        (
            "said to stay",
            Some(untouched()),
            disabled,
            Skip(SkipReason::PruneDisabled),
        ),
        (
            "said to stay since",
            with(&|live| live.body = Some(body.clone())),
            owned(),
            Skip(SkipReason::PruneDisabled),
        ),
        (
            "going already",
            with(&|live| live.deleting = true),
            owned(),
            Skip(SkipReason::Terminating),
        ),
        (
            "not alone",
            with(&|live| live.holds = Some("2 pods".into())),
            owned(),
            Skip(SkipReason::Holds("2 pods".into())),
        ),
        (
            "back from a backup",
            with(&|live| live.uid = Some("u2".into())),
            owned(),
            Skip(SkipReason::Restored),
        ),
        (
            "of which no UID is known",
            Some(untouched()),
            Owned { uid: None, ..owned() },
            Delete,
        ),
    ] {
        assert_eq!(action_of(None, live, Some(owned), &policy), expected, "{name}");
    }
}

#[test]
fn kinds_that_nobody_can_make_again_are_kept() {
    let object = |version: &str, kind: &str| {
        Object::from_value(json!({"apiVersion": version, "kind": kind, "metadata": {"name": "a"}}))
    };
    let kinds = [
        ("apps/v1", "StatefulSet"),
        ("v1", "PersistentVolumeClaim"),
        ("v1", "Namespace"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        ("x.test/v1", "StatefulSet"),
    ];
    let deleted = |policy: &Policy| {
        let ids = kinds.map(|(version, kind)| object(version, kind).unwrap().id);
        let inventory = Inventory {
            entries: ids.iter().map(|id| (id.clone(), owned())).collect(),
            ..Inventory::default()
        };
        let live = ids.iter().map(|id| (id.clone(), untouched())).collect();
        let plan = plan(&desired(&[]), &live, &inventory, policy);
        plan.changes().map(|step| step.id.group_kind()).collect::<Vec<_>>()
    };
    assert_eq!(deleted(&on_cluster()), ["StatefulSet.x.test"]);
    let unprotect = Policy {
        prune: PruneSpec {
            unprotect: vec!["StatefulSet".into(), "Namespace".into()],
            protect: vec!["StatefulSet.x.test".into()],
            ..PruneSpec::default()
        },
        ..on_cluster()
    };
    assert_eq!(deleted(&unprotect), ["Namespace", "StatefulSet.apps"]);
    assert_eq!(deleted(&Policy::default()).len(), kinds.len());
}

#[test]
fn what_is_only_made_is_left_to_others() {
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "annotations": {"windlass.dev/apply": "create-only"}}});
    let object = Object::from_value(body).unwrap();
    let id = object.id.clone();
    let wanted = Desired {
        objects: [(
            id.clone(),
            Manifest {
                object,
                origin: None,
                document: 0,
                within: Within::default(),
                role: Role::Ordinary,
                generated: None,
                configured: None,
            },
        )]
        .into(),
        ..Desired::default()
    };
    let of = |live: Option<LiveObject>, owned: Option<Owned>| {
        let inventory = Inventory {
            entries: owned.into_iter().map(|owned| (id.clone(), owned)).collect(),
            ..Inventory::default()
        };
        let live = live.into_iter().map(|live| (id.clone(), live)).collect();
        plan(&wanted, &live, &inventory, &on_cluster()).steps[0].action.clone()
    };
    assert_eq!(of(None, None), Action::Create);
    let first = plan(&wanted, &Live::new(), &Inventory::default(), &on_cluster());
    let receipt = Receipt {
        uid: Some("u1".into()),
        ..Receipt::default()
    };
    let settled = Inventory::default().settle([(&first.steps[0], Outcome::Applied(receipt))]);
    assert!(is_at_rest(
        &settled,
        &[(id.clone(), edited())].into(),
        DriftScope::Owned
    ));
    assert_eq!(of(Some(edited()), Some(owned())), Action::Keep);
    let foreign = LiveObject {
        marked: Mark::Absent,
        ..edited()
    };
    assert_eq!(of(Some(foreign), None), Action::Skip(SkipReason::CreateOnly));
}

#[test]
fn nothing_is_deleted_while_something_wanted_cannot_be_told() {
    let (gone, wanted) = (manifest("a", 1).object.id, manifest("b", 1).object.id);
    let inventory = Inventory {
        entries: [(gone.clone(), owned())].into(),
        ..Inventory::default()
    };
    let down = LiveObject::unseen("the group's server is down".into());
    let planned = |b: Option<LiveObject>| {
        let mut live: Live = [(gone.clone(), untouched())].into();
        live.extend(b.map(|b| (wanted.clone(), b)));
        plan(&desired(&[("b", 1)]), &live, &inventory, &on_cluster()).steps[0]
            .action
            .clone()
    };
    assert_eq!(planned(None), Action::Delete);
    assert_eq!(planned(Some(down)), Action::Skip(SkipReason::Uncertain));
}

#[test]
fn other_rules_are_a_reason_to_look_again() {
    let ruled = |rules: &[u8], heeded: &[u8]| Ruled {
        rules: Some(Digest::of(rules)),
        heeded: Some(Digest::of(heeded)),
    };
    let owned = Owned {
        ruled: ruled(b"a", b"x"),
        ..owned()
    };
    let living = |ruled: Option<Ruled>| LiveObject { ruled, ..untouched() };
    let action = |value, live: &LiveObject, policy: &Policy| {
        action_of(Some(value), Some(live.clone()), Some(owned.clone()), policy)
    };
    // A condition looked at something else, and said the same.
    let same = living(Some(ruled(b"a", b"y")));
    assert_eq!(action(1, &same, &on_cluster()), Action::Keep);
    let report = Policy {
        drift: DriftMode::Report,
        ..on_cluster()
    };
    for other in [
        living(Some(Ruled::default())),
        living(Some(ruled(b"b", b"x"))),
        living(None),
    ] {
        assert_eq!(action(1, &other, &on_cluster()), Action::Configure(Cause::Reconsidered));
        assert_eq!(action(1, &other, &report), Action::Skip(SkipReason::DriftReported));
        assert_eq!(action(2, &other, &report), Action::Configure(Cause::Changed));
        let id = manifest("a", 1).object.id;
        let inventory = Inventory {
            entries: [(id.clone(), owned.clone())].into(),
            ..Inventory::default()
        };
        assert!(!is_at_rest(&inventory, &[(id, other)].into(), DriftScope::Owned));
    }
    let edited = LiveObject {
        ruled: Some(Ruled::default()),
        ..edited()
    };
    assert_eq!(action(1, &edited, &on_cluster()), Action::Configure(Cause::Drifted));
    // What was looked at is written down.
    let plan = planned(Some(1), Some(same.clone()), Some(owned.clone()), &on_cluster());
    let id = plan.steps[0].id.clone();
    let before = Inventory {
        entries: [(id.clone(), owned)].into(),
        ..Inventory::default()
    };
    let settled = before.settle([(&plan.steps[0], Outcome::Done)]);
    assert_eq!(settled.entries[&id].ruled, ruled(b"a", b"y"));
}
