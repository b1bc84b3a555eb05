//! Where living objects stand, by what a real server and its controllers write into them.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use windlass_core::{
    health::{State, assess},
    model::Object,
};

use super::{
    projection::{apply, cases, subject},
    subject::SOON,
};

/// Kinds of the table that don't come to rest here, with where they stand and the reason.
const RESTLESS: [(&str, State, &str); 6] = [
    (
        "APIService.apiregistration.k8s.io",
        State::Progressing,
        "ServiceNotFound",
    ),
    (
        "CertificateSigningRequest.certificates.k8s.io",
        State::Progressing,
        "NotApproved",
    ),
    // No provisioner, and no controller of autoscalers, volumes and replication controllers, runs in the tests.
    ("HorizontalPodAutoscaler.autoscaling", State::Progressing, "NoStatus"),
    ("PersistentVolume", State::Progressing, "VolumePending"),
    ("PersistentVolumeClaim", State::Progressing, "NotBound"),
    ("ReplicationController", State::Progressing, "LessAvailable"),
];

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_every_kind_come_to_rest_or_say_why_not() {
    let subject = subject("health").await;
    let cases = cases(&subject);
    for case in &cases {
        apply(&subject, &case.object).await;
    }
    let mut odd = BTreeMap::new();
    let end = Instant::now() + SOON;
    loop {
        odd.clear();
        for case in &cases {
            let kind = Object::from_value(case.object.clone()).unwrap().id.group_kind();
            let verdict = assess(&subject.live(&case.object).await);
            let expected = RESTLESS.iter().find(|(restless, ..)| *restless == kind);
            let fits = expected.map_or(verdict.state == State::Healthy, |(_, state, reason)| {
                verdict.state == *state && verdict.reason == *reason
            });
            if !fits {
                odd.insert(kind, verdict);
            }
        }
        if odd.is_empty() || Instant::now() > end {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(odd.is_empty(), "{odd:#?}");
}
