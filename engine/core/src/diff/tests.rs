mod clusters;

use serde_json::json;

use super::*;
use crate::{
    config::PruneMode,
    diff::intend::Outcome,
    guard::{self, Held},
    inventory::Owned,
    manifest::{Role, Within},
    model::Object,
};

fn manifest(name: &str, value: u32) -> Manifest {
    let body =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"v": value.to_string()}});
    Manifest {
        object: Object::from_value(body).unwrap(),
        origin: None,
        document: 0,
        within: Within::default(),
        role: Role::Ordinary,
        generated: None,
        configured: None,
    }
}

fn desired(objects: &[(&str, u32)]) -> Desired {
    let objects = objects
        .iter()
        .map(|(n, v)| manifest(n, *v))
        .map(|m| (m.object.id.clone(), m))
        .collect();
    Desired {
        objects,
        ..Desired::default()
    }
}

fn living(name: &str, value: u32, marked: Mark) -> (ObjectId, LiveObject) {
    let object = manifest(name, value).object;
    (object.id, LiveObject::whole(Some(object.hash), None, marked))
}

fn inventory(objects: &[(&str, u32)]) -> Inventory {
    let owned = |v: &Manifest| Owned {
        applied: Some(v.object.hash),
        ..Owned::default()
    };
    let entries = objects
        .iter()
        .map(|(n, v)| manifest(n, *v))
        .map(|m| (m.object.id.clone(), owned(&m)))
        .collect();
    Inventory {
        entries,
        ..Inventory::default()
    }
}

fn action(want: &[(&str, u32)], live: &[(ObjectId, LiveObject)], own: &[(&str, u32)], policy: &Policy) -> Action {
    let plan = plan(&desired(want), &live.iter().cloned().collect(), &inventory(own), policy);
    assert_eq!(plan.steps.len(), 1);
    plan.steps[0].action.clone()
}

#[test]
fn every_case_of_a_wanted_object() {
    let policy = Policy::default();
    let report = Policy {
        drift: DriftMode::Report,
        ..Policy::default()
    };
    let want: &[(&str, u32)] = &[("a", 1)];
    let cases = [
        (action(want, &[], &[], &policy), Action::Create),
        (action(want, &[], &[("a", 1)], &policy), Action::Create),
        (
            action(want, &[living("a", 1, Mark::Absent)], &[], &policy),
            Action::Keep,
        ),
        (
            action(want, &[living("a", 2, Mark::Absent)], &[], &policy),
            Action::Skip(SkipReason::Foreign),
        ),
        (
            action(want, &[living("a", 2, Mark::Ours)], &[], &policy),
            Action::Configure(Cause::Changed),
        ),
        (
            action(want, &[living("a", 2, Mark::Ours)], &[("a", 2)], &policy),
            Action::Configure(Cause::Changed),
        ),
        (
            action(want, &[living("a", 3, Mark::Ours)], &[("a", 1)], &policy),
            Action::Configure(Cause::Drifted),
        ),
        (
            action(want, &[living("a", 3, Mark::Ours)], &[("a", 1)], &report),
            Action::Skip(SkipReason::DriftReported),
        ),
        (
            action(want, &[living("a", 3, Mark::Ours)], &[("a", 2)], &report),
            Action::Configure(Cause::Drifted),
        ),
        (
            action(want, &[living("a", 1, Mark::Other("b".into()))], &[("a", 1)], &policy),
            Action::Skip(SkipReason::OwnedBy("b".into())),
        ),
    ];
    for (index, (found, expected)) in cases.into_iter().enumerate() {
        assert_eq!(found, expected, "case {index}");
    }
}

#[test]
fn every_case_of_an_object_that_left() {
    let policy = Policy::default();
    let off = Policy {
        prune: PruneSpec {
            mode: PruneMode::Off,
            ..PruneSpec::default()
        },
        ..Policy::default()
    };
    let protect = Policy {
        prune: PruneSpec {
            protect: vec!["ConfigMap".into()],
            ..PruneSpec::default()
        },
        ..Policy::default()
    };
    let own: &[(&str, u32)] = &[("a", 1)];
    let ours = [living("a", 1, Mark::Ours)];
    let cases = [
        (action(&[], &[], own, &policy), Action::Forget),
        (action(&[], &ours, own, &policy), Action::Delete),
        (action(&[], &[living("a", 9, Mark::Ours)], own, &policy), Action::Delete),
        (
            action(&[], &[living("a", 1, Mark::Absent)], own, &policy),
            Action::Delete,
        ),
        (
            action(&[], &[living("a", 9, Mark::Absent)], own, &policy),
            Action::Skip(SkipReason::NotOursAnymore),
        ),
        (
            action(&[], &[living("a", 1, Mark::Other("b".into()))], own, &policy),
            Action::Skip(SkipReason::NotOursAnymore),
        ),
        (action(&[], &ours, own, &off), Action::Skip(SkipReason::PruneOff)),
        (action(&[], &ours, own, &protect), Action::Skip(SkipReason::Protected)),
    ];
    for (index, (found, expected)) in cases.into_iter().enumerate() {
        assert_eq!(found, expected, "case {index}");
    }
}

#[test]
fn what_was_under_way_when_we_were_killed_is_ours() {
    let mut own = inventory(&[("a", 1)]);
    for entry in own.entries.values_mut() {
        entry.intended = Some(manifest("a", 2).object.hash);
    }
    let live = [living("a", 2, Mark::Absent)].into();
    let plan = plan(&desired(&[("a", 3)]), &live, &own, &Policy::default());
    assert_eq!(plan.steps[0].action, Action::Configure(Cause::Changed));
}

#[test]
fn the_inventory_is_written_ahead_and_settled_after() {
    let want = desired(&[("a", 2), ("b", 1)]);
    let own = inventory(&[("a", 1), ("c", 1)]);
    let live = [living("a", 1, Mark::Ours), living("c", 1, Mark::Ours)].into();
    let plan = plan(&want, &live, &own, &Policy::default());
    let intended = own.intend(&plan).unwrap();
    assert_eq!(intended.entries.len(), 3);
    assert_eq!(intended.intend(&plan), None);
    let all_failed = intended.settle(plan.steps.iter().map(|s| (s, Outcome::Failed)));
    assert_eq!(all_failed, intended);
    let settled = intended.settle(plan.steps.iter().map(|s| (s, Outcome::Done)));
    assert_eq!(
        settled,
        Inventory {
            format: crate::inventory::FORMAT,
            ..inventory(&[("a", 2), ("b", 1)])
        }
    );
}

#[test]
fn an_empty_render_deletes_nothing() {
    let own = inventory(&[("a", 1)]);
    let nothing = desired(&[]);
    let plan = plan(&nothing, &[living("a", 1, Mark::Ours)].into(), &own, &Policy::default());
    assert_eq!(
        guard::check(&plan, &nothing, &Policy::default()),
        Err(Held::EmptyRender { owned: 1 })
    );
    let allowed = Policy {
        prune: PruneSpec {
            allow_empty: true,
            ..PruneSpec::default()
        },
        ..Policy::default()
    };
    assert_eq!(guard::check(&plan, &nothing, &allowed), Ok(()));
}

#[test]
fn a_mass_delete_needs_consent() {
    let names: Vec<String> = (0..10).map(|i| format!("o{i}")).collect();
    let all: Vec<(&str, u32)> = names.iter().map(|n| (n.as_str(), 1)).collect();
    let own = inventory(&all);
    let live: Live = all.iter().map(|(n, v)| living(n, *v, Mark::Ours)).collect();
    let held = |keep: usize, policy: &Policy| {
        let want = desired(&all[..keep]);
        guard::check(&plan(&want, &live, &own, policy), &want, policy)
    };
    assert_eq!(held(7, &Policy::default()), Ok(()));
    assert_eq!(
        held(6, &Policy::default()),
        Err(Held::MassDelete {
            deletes: 4,
            owned: 10,
            max_percent: 30
        })
    );
    assert_eq!(
        held(
            6,
            &Policy {
                consent: true,
                ..Policy::default()
            }
        ),
        Ok(())
    );
}
