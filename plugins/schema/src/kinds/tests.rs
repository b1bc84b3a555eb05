//! What there is to say about kinds.

use crate::testing::{VERSION, findings, with};

fn object(api: &str, kind: &str) -> String {
    format!("{{apiVersion: {api}, kind: {kind}, metadata: {{name: a}}}}\n---\n")
}

#[test]
fn unknown_kinds_are_warnings_that_say_what_may_be_meant() {
    for (api, kind, place, help) in [
        (
            "example.org/v1",
            "Thing",
            "apiVersion",
            "render its CustomResourceDefinition with it, or add the kind to `skipKinds`",
        ),
        ("apps/v1", "Deploymnet", "kind", "did you mean Deployment?"),
        ("v1", "Servcie", "kind", "did you mean Service?"),
        (
            "autoscaling/v3",
            "HorizontalPodAutoscaler",
            "apiVersion",
            "Kubernetes 1.37 serves it as v1, v2",
        ),
        (
            "v1",
            "Deployment",
            "apiVersion",
            "render its CustomResourceDefinition with it, or add the kind to `skipKinds`",
        ),
    ] {
        let message = format!("there is no schema of {kind} in `{api}`, so that it isn't checked ({help})");
        assert_eq!(
            findings(&object(api, kind)),
            [format!("warning unknown-kind /{place}: {message}")]
        );
    }
    let yaml = object("example.org/v1", "Thing");
    assert_eq!(with(r#"{"unknownKinds":"ignore"}"#, VERSION, &yaml), [""; 0]);
    assert_eq!(
        with(
            r#"{"skipKinds":["example.org/*"],"unknownKinds":"error"}"#,
            VERSION,
            &yaml
        ),
        [""; 0]
    );
    assert!(with(r#"{"unknownKinds":"error"}"#, VERSION, &yaml)[0].starts_with("error unknown-kind"));
}

#[test]
fn what_the_cluster_does_not_serve_any_more_is_an_error() {
    assert_eq!(
        findings(&object("extensions/v1beta1", "Ingress")),
        [
            "error removed-api /apiVersion: `extensions/v1beta1` of Ingress isn't served since Kubernetes 1.22; the cluster's is 1.37 \
          (write `networking.k8s.io/v1` instead)"
        ]
    );
    assert_eq!(
        findings(&object("policy/v1beta1", "PodSecurityPolicy")),
        [
            "error removed-api /apiVersion: `policy/v1beta1` of PodSecurityPolicy isn't served since Kubernetes 1.25; the cluster's \
          is 1.37 (nothing took its place: remove it)"
        ]
    );
    assert_eq!(
        findings(&object("v1", "Endpoints")),
        [
            "warning deprecated-api /apiVersion: `v1` of Endpoints is deprecated since Kubernetes 1.33 (write \
          `discovery.k8s.io/v1` EndpointSlice instead)"
        ]
    );
    let old = with("{}", "v1.24.0", &object("batch/v1beta1", "CronJob"));
    assert_eq!(
        old,
        [
            "warning deprecated-api /apiVersion: `batch/v1beta1` of CronJob is deprecated since Kubernetes 1.21 and removed in 1.25 \
          (write `batch/v1` instead)"
        ]
    );
}
