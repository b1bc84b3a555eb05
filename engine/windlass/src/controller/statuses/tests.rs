use windlass_core::{
    config::{App, load},
    digest::Digest,
    render::{Diagnostic, Location},
};

use super::*;
use crate::{outbox, report::Health};

const AT: [Instant; 3] = [
    Instant {
        seconds: 1,
        nanoseconds: 0,
    },
    Instant {
        seconds: 2,
        nanoseconds: 0,
    },
    Instant {
        seconds: 3,
        nanoseconds: 0,
    },
];

fn app() -> App {
    let text = "apiVersion: windlass.dev/v1alpha1\nkind: Repository\nmetadata: {name: r}\nspec: {git: {url: /r}}\n---\n\
                apiVersion: windlass.dev/v1alpha1\nkind: App\nmetadata: {name: a}\nspec: {repository: r}\n";
    load(text).unwrap().apps["a"].clone()
}

fn report(health: Health, revision: &str) -> Report {
    let mut report = Report::new("a");
    report.health = health;
    report.revision = Some(revision.to_owned());
    report.desired = Some(Digest::of(revision.as_bytes()));
    report
}

fn status(before: &AppStatus, report: &Report, at: Instant) -> AppStatus {
    of_app(before, report, &outbox::event(&app(), report), Some(4), at)
}

/// The conditions that are there, as `Type=Status(Reason)`.
fn words(status: &AppStatus) -> Vec<String> {
    let words = |one: &Condition| format!("{:?}={:?}({})", one.about, one.status, one.reason);
    status.conditions.iter().map(words).collect()
}

#[test]
fn conditions_say_where_an_app_stands() {
    let cases: [(Health, &str, &[&str]); 7] = [
        (
            Health::Healthy,
            "",
            &["Ready=True(Healthy)", "Synced=True(Healthy)", "Healthy=True(Healthy)"],
        ),
        (
            Health::Progressing,
            "",
            &[
                "Ready=False(Progressing)",
                "Reconciling=True(Progressing)",
                "Synced=True(Progressing)",
                "Healthy=False(Progressing)",
            ],
        ),
        (
            Health::Degraded,
            "",
            &[
                "Ready=False(Degraded)",
                "Stalled=True(Degraded)",
                "Synced=True(Degraded)",
                "Healthy=False(Degraded)",
            ],
        ),
        (
            Health::Failed,
            "invalid-yaml",
            &[
                "Ready=False(InvalidYaml)",
                "Stalled=True(InvalidYaml)",
                "Synced=False(InvalidYaml)",
                "Healthy=Unknown(InvalidYaml)",
            ],
        ),
        (
            Health::Failed,
            "cluster",
            &[
                "Ready=False(Cluster)",
                "Reconciling=True(Cluster)",
                "Synced=False(Cluster)",
                "Healthy=Unknown(Cluster)",
            ],
        ),
        (
            Health::RolledBack,
            "",
            &[
                "Ready=False(RolledBack)",
                "Synced=False(RolledBack)",
                "Healthy=True(RolledBack)",
            ],
        ),
        (
            Health::Suspended,
            "",
            &[
                "Ready=False(Suspended)",
                "Synced=Unknown(Suspended)",
                "Healthy=Unknown(Suspended)",
            ],
        ),
    ];
    for (health, code, expected) in cases {
        let mut report = report(health, "c1");
        if !code.is_empty() {
            report.diagnostics = vec![Diagnostic::error(code, "broken", Location::None)];
        }
        assert_eq!(
            words(&status(&AppStatus::default(), &report, AT[0])),
            expected,
            "{health:?} {code}"
        );
    }
}

#[test]
fn what_is_as_before_keeps_its_time() {
    let first = status(&AppStatus::default(), &report(Health::Healthy, "c1"), AT[0]);
    assert_eq!(status(&first, &report(Health::Healthy, "c1"), AT[1]), first);
    let on_its_way = status(&first, &report(Health::Progressing, "c2"), AT[1]);
    let ready = |status: &AppStatus| status.conditions[0].last_transition_time;
    assert_eq!((ready(&first), ready(&on_its_way)), (AT[0], AT[1]));
    let mut again = report(Health::Progressing, "c2");
    again.notes = vec!["something else".to_owned()];
    assert_eq!(status(&on_its_way, &again, AT[2]), on_its_way);
}

#[test]
fn a_commit_that_renders_the_same_is_no_news() {
    let first = status(&AppStatus::default(), &report(Health::Healthy, "c1"), AT[0]);
    let mut same = report(Health::Healthy, "c1");
    same.revision = Some("c2".to_owned());
    assert_eq!(status(&first, &same, AT[1]), first);
    // What failed to render is another failure at each commit.
    let failed = |revision: &str| {
        let mut report = report(Health::Failed, revision);
        report.desired = None;
        report
    };
    let [before, after] = ["c3", "c4"].map(|revision| status(&first, &failed(revision), AT[1]));
    assert_ne!(before.attempted, after.attempted);
}

#[test]
fn what_was_tried_applied_and_healthy_are_told_apart() {
    let good = status(
        &AppStatus::default(),
        &report(Health::Healthy, "good-commit-0123456789"),
        AT[0],
    );
    let bad = status(&good, &report(Health::Degraded, "bad"), AT[1]);
    let broken = status(&bad, &report(Health::Failed, "broken"), AT[2]);
    let named = |made: &Option<Made>| made.as_ref().map(|made| (made.revision.clone(), made.at));
    assert_eq!(named(&broken.attempted), Some(("broken".to_owned(), AT[2])));
    assert_eq!(named(&broken.applied), Some(("bad".to_owned(), AT[1])));
    assert_eq!(
        named(&broken.healthy),
        Some(("good-commit-0123456789".to_owned(), AT[0]))
    );
    assert_eq!(
        (good.revision.as_deref(), broken.revision.as_deref()),
        (Some("good-commit-"), Some("bad"))
    );
    assert_eq!(broken.observed_generation, Some(4));
}

#[test]
fn a_long_message_is_cut() {
    let found = Finding::new(Aspect::Ready, Truth::False, "Long", &"é".repeat(40_000));
    assert!(found.message.len() <= MESSAGE, "{}", found.message.len());
}
