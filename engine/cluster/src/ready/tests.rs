use super::*;

fn resource(group: &str, kind: &str) -> Resource {
    Resource {
        group: group.to_owned(),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        plural: kind.to_lowercase() + "s",
        namespaced: true,
    }
}

#[test]
fn what_says_nothing_of_itself_holds_up_nobody() {
    let ready = |state| is_ready(&resource("batch", "Job"), Some(&Verdict::new(state, "R", "m")));
    assert!(is_ready(&resource("batch", "Job"), None));
    assert!(ready(State::Unknown));
    assert!(!ready(State::Progressing));
    assert!(!ready(State::Suspended));
    assert!(!ready(State::Degraded));
    assert!(!ready(State::Terminating));
}

#[test]
fn nobody_waits_until_a_claim_is_bound() {
    let ready = |group, state| {
        is_ready(
            &resource(group, "PersistentVolumeClaim"),
            Some(&Verdict::new(state, "", "")),
        )
    };
    assert!(ready("", State::Progressing));
    assert!(!ready("", State::Terminating));
    assert!(!ready("example.com", State::Progressing));
}
