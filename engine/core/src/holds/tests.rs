use super::*;
use crate::{
    diff::{Action, Cause, Step},
    inventory::Owned,
    manifest::{Manifest, Role, Within},
    model::{Object, ObjectId},
    restart::Restart,
};

const fn at(seconds: i64) -> Instant {
    Instant {
        seconds,
        nanoseconds: 0,
    }
}

fn suspension(until: Option<i64>) -> Suspension {
    Suspension {
        reason: "decided".into(),
        actor: Some("ada".into()),
        since: Some(at(0)),
        until: until.map(at),
    }
}

fn spec(until: Option<i64>) -> SuspendSpec {
    SuspendSpec {
        reason: "written".into(),
        actor: None,
        until: until.map(at),
    }
}

#[test]
fn a_suspension_ends_by_itself() {
    for (spec, decided, now, reason) in [
        (None, None, 5, None),
        (None, Some(suspension(None)), 5, Some("decided")),
        (None, Some(suspension(Some(6))), 5, Some("decided")),
        (None, Some(suspension(Some(5))), 5, None),
        (Some(spec(None)), None, 5, Some("written")),
        (Some(spec(None)), Some(suspension(None)), 5, Some("written")),
        (Some(spec(Some(5))), Some(suspension(None)), 5, Some("decided")),
        (Some(spec(Some(5))), Some(suspension(Some(4))), 5, None),
    ] {
        let is = suspended(spec.as_ref(), decided.as_ref(), at(now));
        assert_eq!(is.as_ref().map(|is| is.reason.as_str()), reason, "{spec:?} {decided:?}");
    }
}

fn closed() -> Gate {
    Gate {
        closed: Some("closed".into()),
        heals: true,
        next: None,
    }
}

#[test]
fn who_may_apply_a_plan() {
    let plan = Digest::of(b"plan");
    let approved = |plan: &[u8]| Decisions {
        approval: Some(Approval {
            plan: Digest::of(plan),
            actor: "ada".into(),
            at: at(0),
        }),
        ..Decisions::default()
    };
    let begun = |run: &str| Decisions {
        begun: Some(run.into()),
        ..Decisions::default()
    };
    let none = Decisions::default();
    let window = || Some(Wait::Window("closed".into()));
    for (mode, gate, decisions, by_a_person, expected) in [
        (SyncMode::Auto, Gate::OPEN, none.clone(), false, None),
        (SyncMode::Auto, closed(), none.clone(), true, window()),
        (SyncMode::Auto, closed(), approved(b"plan"), false, None),
        (SyncMode::Manual, Gate::OPEN, none.clone(), false, Some(Wait::Person)),
        (SyncMode::Manual, Gate::OPEN, none.clone(), true, None),
        (SyncMode::Manual, closed(), none.clone(), true, window()),
        (SyncMode::Manual, Gate::OPEN, approved(b"plan"), false, None),
        (SyncMode::Approve, Gate::OPEN, none, true, Some(Wait::Approval)),
        (SyncMode::Approve, Gate::OPEN, approved(b"plan"), false, None),
        (
            SyncMode::Approve,
            Gate::OPEN,
            approved(b"other"),
            false,
            Some(Wait::Approval),
        ),
        (SyncMode::Approve, closed(), begun("run"), false, None),
        (
            SyncMode::Approve,
            Gate::OPEN,
            begun("other"),
            false,
            Some(Wait::Approval),
        ),
    ] {
        let is = wait(mode, &gate, &decisions, "run", &plan, by_a_person);
        assert_eq!(is, expected, "{mode:?} {gate:?} {decisions:?} {by_a_person}");
    }
}

fn id(name: &str) -> ObjectId {
    ObjectId {
        group: String::new(),
        kind: "ConfigMap".into(),
        namespace: "n".into(),
        name: name.into(),
    }
}

fn step(name: &str, value: &str, action: Action) -> Step {
    let body =
        serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": value}});
    let manifest = Manifest {
        object: Object::from_value(body).unwrap(),
        origin: None,
        document: 0,
        within: Within::default(),
        role: Role::Ordinary,
        generated: None,
        configured: None,
    };
    Step {
        id: id(name),
        desired: (action != Action::Delete).then_some(manifest),
        action,
        live: None,
    }
}

fn owning(steps: &[&Step]) -> Inventory {
    let entries = steps.iter().map(|step| {
        let owned = Owned {
            applied: step.desired.as_ref().map(|manifest| manifest.object.hash),
            ..Owned::default()
        };
        (step.id.clone(), owned)
    });
    Inventory {
        entries: entries.collect(),
        ..Inventory::default()
    }
}

#[test]
fn a_plan_is_named_by_what_git_changes() {
    let change = step("a", "2", Action::Configure(Cause::Changed));
    let repair = step("b", "1", Action::Configure(Cause::Drifted));
    let again = step("b", "1", Action::Create);
    let kept = step("c", "1", Action::Keep);
    let inventory = owning(&[&step("a", "1", Action::Keep), &repair, &kept]);
    let of = |steps: &[&Step]| {
        let plan = Plan {
            steps: steps.iter().map(|step| (*step).clone()).collect(),
            ..Plan::default()
        };
        digest(&plan, &inventory)
    };
    assert_eq!(of(&[&kept, &repair]), None);
    assert_eq!(of(&[&again]), None, "what somebody deleted is made again");
    let plan = of(&[&change]).unwrap();
    assert_eq!(of(&[&change, &repair, &kept]), Some(plan));
    // Somebody deleted it while the plan waited: it is to be the same.
    assert_eq!(of(&[&step("a", "2", Action::Create)]), Some(plan));
    assert_ne!(of(&[&step("a", "3", Action::Configure(Cause::Changed))]), Some(plan));
    assert_ne!(of(&[&change, &step("c", "", Action::Delete)]), Some(plan));
}

#[test]
fn what_failed_is_remembered_until_it_is_resumed() {
    let mut decisions = Decisions::default();
    assert!(!decisions.resume());
    for number in 0..30_u8 {
        let bad = Bad {
            desired: Digest::of(&[number]),
            entry: number.into(),
            revision: None,
            at: at(0),
        };
        let hold = Hold {
            entry: 1,
            desired: Digest::of(b"good"),
            run: "r".into(),
            revision: None,
            actor: None,
            since: at(0),
        };
        decisions.roll_back(bad.clone(), hold.clone());
        decisions.roll_back(bad, hold);
    }
    assert_eq!(decisions.bad.len(), MOST_BAD);
    assert!(decisions.bad(&Digest::of(&[29])).is_some() && decisions.bad(&Digest::of(&[9])).is_none());
    assert!(decisions.is_rolled_back() && decisions.held_by_a_person().is_none());
    let text = serde_json::to_string(&decisions).unwrap();
    assert_eq!(serde_json::from_str::<Decisions>(&text).unwrap(), decisions);
    assert!(decisions.resume());
    assert_eq!(decisions, Decisions::default());
}

#[test]
fn a_restart_for_what_is_not_the_apps_is_no_change_of_git() {
    let applied = step("a", "1", Action::Keep);
    let inventory = owning(&[&applied]);
    let hash = |step: &Step| step.desired.as_ref().unwrap().object.hash;
    let with = |value: &str, without: Option<&Step>, of_git: &Step| {
        let mut step = step("a", value, Action::Configure(Cause::Changed));
        step.desired.as_mut().unwrap().configured = Some(Restart {
            without: without.map(hash),
            of_git: Some(hash(of_git)),
            ..Restart::default()
        });
        step
    };
    let name = |step: &Step| {
        let plan = Plan {
            steps: vec![step.clone()],
            ..Plan::default()
        };
        digest(&plan, &inventory)
    };
    let changed = |step: &Step| history::changes_of_git([step], &inventory).count();
    let restart = with("1, stamped", Some(&applied), &applied);
    assert_eq!((name(&restart), changed(&restart)), (None, 0));
    // Git changes the same object: its plan has one name, restarted or not, and whatever its stamp is.
    let wanted = step("a", "2", Action::Configure(Cause::Changed));
    let names = [
        name(&with("2", None, &wanted)),
        name(&with("2, stamped", Some(&wanted), &wanted)),
        name(&with("2, stamped again", None, &wanted)),
    ];
    assert!(
        names[0].is_some() && names.iter().all(|name| *name == names[0]),
        "{names:?}"
    );
    assert_eq!(changed(&with("2, stamped", Some(&wanted), &wanted)), 1);
    assert_ne!(names[0], name(&step("a", "3", Action::Configure(Cause::Changed))));
}
