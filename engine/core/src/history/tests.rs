use super::*;

fn entry(number: u64, desired: &str, outcome: Outcome) -> Entry {
    Entry {
        format: FORMAT,
        number,
        at: Instant::default(),
        origin: Origin {
            revision: Some(format!("{number}{number}{number}{number}{desired}")),
            ..Origin::default()
        },
        plugin: Plugin {
            reference: "yaml@1.0.0".into(),
            digest: Digest::of(b"p"),
        },
        desired: Digest::of(desired.as_bytes()),
        run: "r".into(),
        changes: Counts {
            configured: 1,
            ..Counts::default()
        },
        objects: vec![changed("a")],
        omitted: 0,
        outcome,
        message: String::new(),
        was_healthy: outcome == Outcome::Healthy,
        replays: None,
        actor: None,
        defines: false,
        pre_hook: false,
    }
}

fn changed(name: &str) -> Changed {
    Changed {
        object: ObjectId {
            group: String::new(),
            kind: "ConfigMap".into(),
            namespace: "n".into(),
            name: name.into(),
        },
        action: Verb::Configure,
    }
}

#[test]
fn another_desired_hash_is_another_entry() {
    let last = entry(7, "a", Outcome::Healthy);
    let Noted::New(new) = note(Some(&last), entry(0, "b", Outcome::Applied)) else {
        panic!("a new entry");
    };
    assert_eq!(new.number, 8);
    assert!(matches!(note(None, entry(0, "a", Outcome::Failed)), Noted::New(new) if new.number == 1));
    // The same documents again, as a rollback, is a change too.
    let mut replay = entry(0, "a", Outcome::Applied);
    replay.replays = Some(3);
    assert!(matches!(note(Some(&last), replay), Noted::New(new) if new.number == 8));
}

#[test]
fn what_was_repaired_is_no_entry() {
    for outcome in [Outcome::Applied, Outcome::Healthy, Outcome::Degraded] {
        let last = entry(1, "a", outcome);
        assert_eq!(note(Some(&last), entry(0, "a", Outcome::Applied)), Noted::Nothing);
        assert_eq!(note(Some(&last), entry(0, "a", Outcome::Failed)), Noted::Nothing);
    }
}

#[test]
fn what_takes_several_cycles_is_one_entry() {
    let mut last = entry(1, "a", Outcome::Applying);
    last.message = "waits".into();
    let mut attempt = entry(0, "a", Outcome::Applied);
    attempt.objects = vec![changed("a"), changed("b")];
    attempt.changes.created = 2;
    let Noted::Again(entry) = note(Some(&last), attempt) else {
        panic!("the same entry");
    };
    assert_eq!(
        (entry.number, entry.outcome, entry.objects.len()),
        (1, Outcome::Applied, 2)
    );
    assert_eq!((entry.changes.created, entry.changes.configured), (2, 2));
    // A failure that is found again changes nothing.
    let mut again = super::tests::entry(0, "a", Outcome::Failed);
    again.objects.clear();
    let last = super::tests::entry(1, "a", Outcome::Failed);
    assert_eq!(note(Some(&last), again), Noted::Nothing);
}

#[test]
fn an_entry_names_so_many_objects_and_counts_the_rest() {
    let mut last = entry(1, "a", Outcome::Applying);
    last.objects = (0..MOST_OBJECTS).map(|at| changed(&at.to_string())).collect();
    let mut attempt = entry(0, "a", Outcome::Applied);
    attempt.objects = vec![changed("0"), changed("x"), changed("y")];
    let Noted::Again(entry) = note(Some(&last), attempt) else {
        panic!("the same entry");
    };
    assert_eq!((entry.objects.len(), entry.omitted), (MOST_OBJECTS, 2));
}

#[test]
fn entries_are_found_by_number_and_commit() {
    let entries = [
        entry(4, "d", Outcome::Degraded),
        entry(3, "c", Outcome::Failed),
        entry(2, "b", Outcome::Healthy),
        entry(1, "a", Outcome::Applied),
    ];
    let number = |to| find(&entries, to).map(|entry| entry.number);
    assert_eq!(number(Some("1")), Ok(1));
    assert_eq!(number(Some("2222")), Ok(2));
    assert_eq!(number(Some("2222b")), Ok(2));
    assert_eq!(number(None), Ok(2));
    assert_eq!(number(Some("9")), Err(NoEntry::Unknown { to: "9".into() }));
    assert_eq!(number(Some("222")), Err(NoEntry::Unknown { to: "222".into() }));
    assert!(matches!(number(Some("3")), Err(NoEntry::NotWhole { number: 3, .. })));
    assert_eq!(find(&entries[..1], None), Err(NoEntry::NothingEarlier));
    assert_eq!(find(&[], None), Err(NoEntry::NothingEarlier));
    // What it is already is nothing to go back to.
    let same = [entry(2, "a", Outcome::Healthy), entry(1, "a", Outcome::Healthy)];
    assert_eq!(find(&same, None), Err(NoEntry::NothingEarlier));
}

#[test]
fn only_a_failure_of_its_own_change_goes_back_by_itself() {
    let good = [entry(2, "b", Outcome::Applied), entry(1, "a", Outcome::Healthy)];
    assert_eq!(rollback(&good, 2).map(|entry| entry.number), Ok(1));
    let with = |change: fn(&mut [Entry; 2])| {
        let mut entries = good.clone();
        change(&mut entries);
        rollback(&entries, 2).map(|entry| entry.number).unwrap_err()
    };
    assert_eq!(with(|e| e[0].was_healthy = true), NoRollback::WasHealthy);
    assert_eq!(with(|e| e[0].defines = true), NoRollback::Defines);
    assert_eq!(with(|e| e[0].pre_hook = true), NoRollback::PreHook);
    assert_eq!(with(|e| e[0].replays = Some(1)), NoRollback::Replayed);
    assert_eq!(with(|e| e[0].outcome = Outcome::Failed), NoRollback::Superseded);
    assert_eq!(with(|e| e[0].number = 3), NoRollback::Superseded);
    assert!(matches!(
        with(|e| e[1].outcome = Outcome::Degraded),
        NoRollback::FormerNotHealthy { number: 1, .. }
    ));
    assert_eq!(rollback(&good[..1], 2), Err(NoRollback::First));
    assert_eq!(rollback(&[], 2), Err(NoRollback::Superseded));
}

#[test]
fn an_entry_learns_how_it_does() {
    let applied = entry(1, "a", Outcome::Applied);
    let healthy = turned(&applied, Outcome::Healthy).unwrap();
    assert!(healthy.was_healthy);
    assert_eq!(turned(&healthy, Outcome::Healthy), None);
    let degraded = turned(&healthy, Outcome::Degraded).unwrap();
    assert!(degraded.was_healthy && degraded.outcome == Outcome::Degraded);
    assert_eq!(turned(&entry(1, "a", Outcome::Failed), Outcome::Healthy), None);
    let text = serde_json::to_string(&degraded).unwrap();
    assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), degraded);
}
