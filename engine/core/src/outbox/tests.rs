use super::*;
use crate::render::Instant;

fn event(state: State, desired: &str) -> Event {
    Event {
        app: "api".into(),
        namespace: "team".into(),
        repository: "shop".into(),
        revision: None,
        desired: Some(Digest::of(desired.as_bytes())),
        state,
        previous: None,
        reason: "R".into(),
        message: "m".into(),
        at: Instant::default(),
        occurrence: 0,
        findings: Vec::new(),
        objects: Vec::new(),
    }
}

fn topics(topics: &[Topic]) -> BTreeSet<Topic> {
    topics.iter().copied().collect()
}

/// One receiver, from whom the App keeps nothing.
fn chat(topics: &BTreeSet<Topic>) -> [Receiver<'_>; 1] {
    [Receiver {
        name: "chat",
        topics,
        allowed: None,
    }]
}

/// What one receiver is told of an App that stands here and there.
fn told(on: &[Topic], states: &[(State, &str)]) -> Vec<(State, Option<State>)> {
    let on = topics(on);
    let receivers = chat(&on);
    let mut standing = Standing::default();
    let mut told = Vec::new();
    for (state, desired) in states {
        // As a restart finds it.
        let text = serde_json::to_string(&standing).unwrap();
        standing = serde_json::from_str(&text).unwrap();
        for entry in standing.note(event(*state, desired), Vec::new(), &receivers) {
            told.push((entry.event.state, entry.event.previous));
        }
    }
    told
}

fn states(told: Vec<(State, Option<State>)>) -> Vec<State> {
    told.into_iter().map(|(state, _)| state).collect()
}

/// What a receiver wants, where the App stands, and what it is told.
type Case<'a> = (&'a [Topic], &'a [(State, &'a str)], &'a [State]);

#[test]
fn nobody_is_told_the_same_twice() {
    use State::{Degraded, Failed, Healthy, Progressing};
    let most = [Topic::Healthy, Topic::Degraded, Topic::Failed];
    let cases: [Case<'_>; 7] = [
        (
            &most,
            &[(Healthy, "a"), (Healthy, "a"), (Healthy, "b")],
            &[Healthy, Healthy],
        ),
        // A pod that is moved is no news to those who don't ask for it.
        (&most, &[(Healthy, "a"), (Progressing, "a"), (Healthy, "a")], &[Healthy]),
        (
            &most,
            &[
                (Healthy, "a"),
                (Degraded, "a"),
                (Progressing, "a"),
                (Degraded, "a"),
                (Healthy, "a"),
            ],
            &[Healthy, Degraded, Healthy],
        ),
        (
            &[Topic::Recovered],
            &[(Healthy, "a"), (Failed, "b"), (Healthy, "b")],
            &[],
        ),
        (
            &[Topic::Recovered, Topic::Failed],
            &[
                (Healthy, "a"),
                (Failed, "b"),
                (Failed, "b"),
                (Healthy, "c"),
                (Healthy, "d"),
            ],
            &[Failed, Healthy],
        ),
        // Who is told of failures alone is told of each.
        (
            &[Topic::Failed],
            &[
                (Failed, "a"),
                (Healthy, "b"),
                (Failed, "a"),
                (Progressing, "a"),
                (Failed, "a"),
            ],
            &[Failed, Failed],
        ),
        (&[], &[(Failed, "a"), (Healthy, "b")], &[]),
    ];
    for (on, stood, expected) in cases {
        assert_eq!(states(told(on, stood)), expected, "{on:?} {stood:?}");
    }
}

#[test]
fn an_event_says_where_the_app_stood_whoever_was_told_of_it() {
    let told = told(
        &[Topic::Failed],
        &[(State::Healthy, "a"), (State::Progressing, "a"), (State::Failed, "b")],
    );
    assert_eq!(told, [(State::Failed, Some(State::Progressing))]);
}

#[test]
fn the_app_narrows_what_its_repository_says() {
    let (all, few) = (topics(&Topic::ALL), topics(&[Topic::Failed]));
    let receivers = [Receiver {
        name: "chat",
        topics: &all,
        allowed: Some(&few),
    }];
    let mut standing = Standing::default();
    assert!(
        standing
            .note(event(State::Healthy, "a"), Vec::new(), &receivers)
            .is_empty()
    );
    let entries = standing.note(event(State::Failed, "b"), Vec::new(), &receivers);
    assert_eq!((entries.len(), entries[0].event.occurrence), (1, 1));
}

fn object(name: &str) -> ObjectId {
    ObjectId {
        group: String::new(),
        kind: "ConfigMap".into(),
        namespace: "shop".into(),
        name: name.into(),
    }
}

fn edit(name: &str) -> Subject {
    Subject {
        object: object(name),
        state: None,
        reason: "Undone".into(),
        message: String::new(),
        field: Some(".data.a".into()),
        manager: Some("kubectl-edit".into()),
    }
}

#[test]
fn an_edit_that_was_undone_is_told_once_also_after_a_kill() {
    let all = topics(&Topic::ALL);
    let receivers = chat(&all);
    let mut standing = Standing::default();
    standing.note(event(State::Healthy, "a"), Vec::new(), &receivers);
    assert!(standing.finds([object("one")]));
    assert!(!standing.finds([object("one")]), "found again after a kill");
    // Killed after it was undone: nobody knows any more who it was, but it is told.
    let told = standing.note(event(State::Healthy, "a"), Vec::new(), &receivers);
    assert_eq!(told.len(), 1);
    assert_eq!(
        (
            told[0].event.state,
            &told[0].event.objects[0].object,
            told[0].event.occurrence
        ),
        (State::Drifted, &object("one"), 2)
    );
    assert!(
        standing
            .note(event(State::Healthy, "a"), Vec::new(), &receivers)
            .is_empty()
    );
    // The same edit again, with what is known of it.
    standing.finds([object("one")]);
    let again = standing.note(event(State::Healthy, "a"), vec![edit("one")], &receivers);
    assert_eq!((again.len(), again[0].event.objects.len()), (1, 1));
    assert_eq!(
        again[0].event.message,
        "kubectl-edit changed ConfigMap shop/one: undone"
    );
    assert_ne!(again[0].event.key(), told[0].event.key());
}

#[test]
fn an_edit_is_not_said_to_be_undone_before_it_is() {
    let all = topics(&Topic::ALL);
    let receivers = chat(&all);
    let mut standing = Standing::default();
    standing.finds([object("one")]);
    let told = standing.note(event(State::Failed, "a"), Vec::new(), &receivers);
    assert_eq!(
        told.iter().map(|entry| entry.event.state).collect::<Vec<_>>(),
        [State::Failed]
    );
    let told = standing.note(event(State::Healthy, "a"), Vec::new(), &receivers);
    let states: Vec<State> = told.iter().map(|entry| entry.event.state).collect();
    assert_eq!(states, [State::Drifted, State::Healthy]);
}

#[test]
fn another_edit_that_is_left_is_news() {
    let mut drifted = event(State::Drifted, "a");
    drifted.objects = vec![edit("one")];
    let one = drifted.edge();
    drifted.objects.push(edit("two"));
    assert_ne!(one, drifted.edge());
    drifted.objects.reverse();
    drifted.objects.pop();
    assert_ne!(one, drifted.edge());
}

#[test]
fn pauses_grow_and_end_and_heed_the_receiver() {
    assert_eq!(pause(1, None), FIRST_PAUSE);
    assert_eq!(pause(3, None), FIRST_PAUSE * 4);
    assert_eq!(pause(60, None), LAST_PAUSE);
    assert_eq!(pause(1, Some(Duration::from_secs(90))), Duration::from_secs(90));
    assert_eq!(pause(1, Some(Duration::from_secs(1 << 30))), LONGEST_WISH);
}
