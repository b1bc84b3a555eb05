//! What is written down of a cycle, and what holds whatever lives.

use proptest::prelude::*;

use super::*;

#[test]
fn nothing_is_deleted_while_a_backup_is_restored_and_all_is_known_after() {
    let restored = LiveObject {
        uid: Some("u2".into()),
        ..untouched()
    };
    let (kept, left) = (manifest("kept", 1).object.id, manifest("left", 1).object.id);
    let wanted = desired(&[("kept", 1)]);
    let applied = Owned {
        applied: Some(manifest("kept", 1).object.hash),
        ..owned()
    };
    let mut inventory = Inventory {
        entries: [(kept.clone(), applied.clone()), (left.clone(), applied)].into(),
        ..Inventory::default()
    };
    let live: Live = [(kept.clone(), restored), (left.clone(), untouched())].into();
    let first = plan(&wanted, &live, &inventory, &on_cluster());
    let actions: Vec<&Action> = first.steps.iter().map(|step| &step.action).collect();
    assert_eq!(actions, [&Action::Keep, &Action::Skip(SkipReason::Restored)]);
    inventory = inventory.settle(first.steps.iter().map(|step| (step, Outcome::Done)));
    assert_eq!(inventory.entries[&kept].uid.as_deref(), Some("u2"));
    let second = plan(&wanted, &live, &inventory, &on_cluster());
    assert_eq!(second.steps[1].action, Action::Delete);
}

#[test]
fn an_object_that_is_kept_is_known_by_its_new_uid_as_well() {
    // Or it would keep everything else from being deleted for ever.
    let restored = LiveObject {
        uid: Some("u2".into()),
        ..untouched()
    };
    let off = Policy {
        prune: PruneSpec {
            mode: PruneMode::Off,
            ..PruneSpec::default()
        },
        ..on_cluster()
    };
    let plan = planned(None, Some(restored), Some(owned()), &off);
    let id = plan.steps[0].id.clone();
    let before = Inventory {
        entries: [(id.clone(), owned())].into(),
        ..Inventory::default()
    };
    let after = before.settle(plan.steps.iter().map(|step| (step, Outcome::Done)));
    assert_eq!(after.entries[&id].uid.as_deref(), Some("u2"));
}

#[test]
fn what_is_being_deleted_is_known_until_it_is_gone() {
    let plan = planned(None, Some(untouched()), Some(owned()), &on_cluster());
    let id = plan.steps[0].id.clone();
    let before = Inventory {
        entries: [(id.clone(), owned())].into(),
        ..Inventory::default()
    };
    let intended = before.intend(&plan).unwrap();
    let settle = |outcome: Outcome| intended.settle([(&plan.steps[0], outcome)]).entries.get(&id).cloned();
    assert!(settle(Outcome::Deleting).unwrap().deleting);
    assert!(settle(Outcome::Failed).unwrap().deleting);
    assert_eq!(settle(Outcome::Done), None);
}

#[test]
fn a_receipt_is_written_down_and_brings_rest() {
    let plan = planned(Some(1), None, None, &on_cluster());
    let id = plan.steps[0].id.clone();
    let intended = Inventory::default().intend(&plan).unwrap();
    let receipt = Receipt {
        uid: Some("u1".into()),
        projection: Some(Digest::of(WROTE)),
        ruled: Ruled::default(),
    };
    let settled = intended.settle([(&plan.steps[0], Outcome::Applied(receipt))]);
    assert_eq!(settled.entries[&id], owned());
    let at_rest = |inventory: &Inventory, live: LiveObject| {
        is_at_rest(inventory, &[(id.clone(), live)].into(), DriftScope::Owned)
    };
    assert!(at_rest(&settled, untouched()));
    let added = LiveObject {
        content: Content::Fields {
            projection: Some(Digest::of(WROTE)),
            strays: true,
        },
        ..untouched()
    };
    assert!(at_rest(&settled, added.clone()));
    assert!(!is_at_rest(&settled, &[(id.clone(), added)].into(), DriftScope::Strict));
    assert!(!at_rest(&intended, untouched()));
    assert!(!at_rest(&settled, edited()));
    assert!(!at_rest(
        &settled,
        LiveObject {
            uid: Some("u2".into()),
            ..untouched()
        }
    ));
    assert!(!at_rest(
        &settled,
        LiveObject {
            deleting: true,
            ..untouched()
        }
    ));
}

fn any_live() -> impl Strategy<Value = LiveObject> {
    let content = (
        prop_oneof![Just(None), Just(Some(Digest::of(WROTE))), Just(Some(Digest::of(b"x")))],
        any::<bool>(),
    );
    let marked = prop_oneof![Just(Mark::Ours), Just(Mark::Absent), Just(Mark::Other("b".into()))];
    let uid = prop_oneof![Just("u1"), Just("u2")];
    let moving = prop_oneof![Just(Moving::No), Just(Moving::To("b".into())), Just(Moving::Released)];
    let refusal = prop_oneof![Just(None), Just(Some(Refusal::Foreign))];
    (content, marked, uid, any::<bool>(), moving, refusal).prop_map(
        |((projection, strays), marked, uid, deleting, moving, refusal)| LiveObject {
            content: Content::Fields { projection, strays },
            marked,
            uid: Some(uid.into()),
            deleting,
            refusal,
            moving,
            ..untouched()
        },
    )
}

proptest! {
    #[test]
    fn only_what_is_known_and_marked_is_deleted(
        live in proptest::option::of(any_live()), is_owned: bool, wanted in proptest::option::of(1_u32..3), strict: bool,
    ) {
        let policy = Policy {
            scope: if strict { DriftScope::Strict } else { DriftScope::Owned },
            ..on_cluster()
        };
        let owned = is_owned.then(owned);
        prop_assume!(wanted.is_some() || owned.is_some());
        match action_of(wanted, live.clone(), owned.clone(), &policy) {
            Action::Delete => {
                let (live, owned) = (live.unwrap(), owned.unwrap());
                prop_assert!(wanted.is_none() && live.marked == Mark::Ours && live.uid == owned.uid);
            }
            Action::Configure(_) => {
                let live = live.unwrap();
                let may_be_taken = live.refusal.is_none() || live.moving == Moving::Released;
                prop_assert!(live.marked == Mark::Ours || may_be_taken || (owned.is_some() && live.uid == owned.unwrap().uid));
            }
            Action::Keep => prop_assert!(live.unwrap().is_as_written(&owned.unwrap())),
            Action::Create => prop_assert!(live.is_none()),
            _ => {}
        }
    }

    /// What was settled is in sync, whatever lives beside it.
    #[test]
    fn a_second_cycle_does_nothing(value in 1_u32..3, projection in "[ab]", uid in "[ab]") {
        let first = planned(Some(value), None, None, &on_cluster());
        let receipt = Receipt { uid: Some(uid.clone()), projection: Some(Digest::of(projection.as_bytes())), ruled: Ruled::default() };
        let settled = Inventory::default().settle([(&first.steps[0], Outcome::Applied(receipt))]);
        let owned = settled.entries.values().next().cloned();
        let live = LiveObject {
            content: Content::Fields { projection: Some(Digest::of(projection.as_bytes())), strays: true },
            uid: Some(uid),
            ..untouched()
        };
        prop_assert_eq!(action_of(Some(value), Some(live), owned, &on_cluster()), Action::Keep);
    }
}
