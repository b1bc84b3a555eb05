use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use windlass_core::{immutable::Harm, model::ObjectId};

use super::*;
use crate::{identity::Actor, resource::Resource};

fn resource(group: &str, kind: &str, plural: &str) -> Resource {
    Resource {
        group: group.into(),
        version: "v1".into(),
        kind: kind.into(),
        plural: plural.into(),
        namespaced: true,
    }
}

fn refusal_of(resource: &Resource, body: &Value, status: &Value) -> Refusal {
    let code = u16::try_from(status["code"].as_u64().unwrap()).unwrap();
    let error = CallError::Refused {
        status: Box::new(Status::read(code, status.to_string().as_bytes())),
        retry_after: None::<Duration>,
    };
    let actor = Actor::service_account("shop", "deployer").unwrap();
    let id = ObjectId {
        group: resource.group.clone(),
        kind: resource.kind.clone(),
        namespace: "shop".into(),
        name: "api".into(),
    };
    let about = About {
        resource,
        id: Some(&id),
        actor: &actor,
        body: Some(body),
        bytes: 12,
    };
    read(error, &about)
}

fn refusal(status: Value) -> Refusal {
    let body = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "a b"}]}}}});
    refusal_of(&resource("apps", "Deployment", "deployments"), &body, &status)
}

fn says(status: Value, words: &str) {
    let refusal = refusal(status);
    assert_eq!(refusal.to_string(), words, "{refusal:?}");
}

#[test]
fn what_to_grant_is_told() {
    says(
        json!({"code": 403, "reason": "Forbidden", "message": "deployments.apps \"api\" is forbidden: User \"system:serviceaccount:shop:deployer\" cannot patch resource \"deployments\" in API group \"apps\" in the namespace \"shop\""}),
        "`system:serviceaccount:shop:deployer` may not patch `deployments.apps` in namespace `shop`: bind a Role with verb `patch` on \
         `deployments.apps` to it (applying needs `get`, `create` and `patch`)",
    );
    let locked = refusal(
        json!({"code": 403, "reason": "Forbidden", "message": "deployments.apps \"api\" is forbidden: ValidatingAdmissionPolicy 'windlass-lock-0123456789ab' with binding 'windlass-lock-0123456789ab' denied request: Deployment.apps shop/api is kept from git: change it in x//y (App default/api)"}),
    );
    assert!(
        matches!(&locked, Refusal::Locked { message } if message.contains("x//y")),
        "{locked:?}"
    );
    assert!(
        !locked.is_transient() && locked.to_string().contains("`windlass lock remove`"),
        "{locked}"
    );
    let key = refusal(
        json!({"code": 403, "reason": "Forbidden", "message": "userextras \"0123456789ab\" is forbidden: User \"engine\" cannot impersonate resource \"userextras/windlass.dev/installation\" in API group \"authentication.k8s.io\" at the cluster scope"}),
    );
    assert_eq!(
        key.to_string(),
        "`engine` may not show that it is Windlass who acts, which lock mode needs: add the rule {apiGroups: [authentication.k8s.io], \
         resources: [\"userextras/windlass.dev/installation\"], verbs: [impersonate]} to its ClusterRole, or set `spec.lock.mode: Off` in the \
         Cluster"
    );
    let impersonate = refusal(
        json!({"code": 403, "reason": "Forbidden", "message": "serviceaccounts \"deployer\" is forbidden: User \"engine\" cannot impersonate resource \"serviceaccounts\" in API group \"\" in the namespace \"shop\""}),
    );
    assert!(
        matches!(&impersonate, Refusal::Forbidden(denied) if denied.is_of_impersonation()),
        "{impersonate:?}"
    );
    let cluster = refusal(
        json!({"code": 403, "reason": "Forbidden", "message": "clusterroles.rbac.authorization.k8s.io \"a\" is forbidden: User \"u\" cannot delete resource \"clusterroles\" in API group \"rbac.authorization.k8s.io\" at the cluster scope"}),
    );
    assert_eq!(
        cluster.to_string(),
        "`u` may not delete `clusterroles.rbac.authorization.k8s.io` in the whole cluster: bind a ClusterRole with verb `delete` on \
         `clusterroles.rbac.authorization.k8s.io` to it"
    );
    says(
        json!({"code": 403, "reason": "Forbidden", "message": "pods \"a\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1"}),
        "refused by the cluster's policy: pods \"a\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1",
    );
}

#[test]
fn what_is_missing_is_named() {
    says(
        json!({"code": 404, "reason": "NotFound", "message": "namespaces \"shop\" not found", "details": {"name": "shop", "kind": "namespaces"}}),
        "there is no namespace `shop`: create it, or put it into the app",
    );
    assert!(matches!(
        refusal(
            json!({"code": 404, "reason": "NotFound", "message": "x", "details": {"name": "api", "kind": "deployments"}})
        ),
        Refusal::Gone
    ));
    assert!(matches!(
        refusal(
            json!({"code": 404, "reason": "NotFound", "message": "the server could not find the requested resource", "details": {}})
        ),
        Refusal::Kind(KindError::NoMatch { .. })
    ));
}

#[test]
fn fields_get_pointers() {
    let refused = refusal(
        json!({"code": 422, "reason": "Invalid", "message": "Deployment.apps \"api\" is invalid: …", "details": {"causes": [
            {"reason": "FieldValueInvalid", "message": "Invalid value: \"a b\": must not contain spaces", "field": "spec.template.spec.containers[0].image"},
            {"reason": "FieldValueRequired", "message": "Required value", "field": "spec.selector.matchLabels"}]}}),
    );
    let pointers: Vec<_> = refused.causes().iter().map(|cause| cause.pointer.as_str()).collect();
    assert_eq!(pointers, ["/spec/template/spec/containers/0/image", "/spec"]);
    assert_eq!(
        refused.to_string(),
        "`spec.template.spec.containers[0].image`: Invalid value: \"a b\": must not contain spaces; `spec.selector.matchLabels`: Required value"
    );
    for code in [400, 422, 500] {
        let refused = refusal(
            json!({"code": code, "message": "failed to create typed patch object (shop/api; apps/v1, Kind=Deployment): .spec.template.spec.containers[name=\"app\"].imag: field not declared in schema"}),
        );
        assert_eq!(
            refused.causes()[0].pointer,
            "/spec/template/spec/containers/0",
            "{refused:?}"
        );
        assert_eq!(refused.causes()[0].message, "field not declared in schema");
    }
}

#[test]
fn what_cant_be_changed_is_told_apart_from_what_is_wrong() {
    let immutable = json!({"reason": "FieldValueInvalid", "field": "spec.selector", "message": "Invalid value: {}: field is immutable"});
    let wrong = json!({"reason": "FieldValueInvalid", "field": "spec.replicas", "message": "Invalid value: -1: must not be negative"});
    let refused = |causes: &[&Value]| {
        refusal(json!({"code": 422, "reason": "Invalid", "message": "m", "details": {"causes": causes}}))
    };
    let Refusal::Immutable { recreation, causes } = refused(&[&immutable]) else {
        panic!("not told apart");
    };
    assert_eq!(
        (recreation.harm, causes[0].pointer.as_str()),
        (Harm::Interruption, "/spec")
    );
    assert!(matches!(refused(&[&immutable, &wrong]), Refusal::Invalid { .. }));
    // A Secret's too, and without a word of it.
    let secret = resource("", "Secret", "secrets");
    let status = json!({"code": 422, "reason": "Invalid", "message": "hunter2", "details": {"causes": [
        {"reason": "FieldValueForbidden", "field": "data", "message": "Forbidden: field is immutable when `immutable` is set"}]}});
    let refused = refusal_of(&secret, &json!({"data": {"a": ""}}), &status);
    assert!(matches!(refused, Refusal::Immutable { .. }), "{refused:?}");
    assert_eq!(
        refused.to_string(),
        "it can't be changed in place, only deleted and made anew: `data`: it may not be set or changed"
    );
}

#[test]
fn what_is_told_in_words_only_is_read() {
    let fields = |code: u16, message: &str| {
        let refused = refusal(json!({"code": code, "message": message}));
        let told = refused
            .causes()
            .iter()
            .map(|cause| format!("{} {}: {}", cause.pointer, cause.field, cause.message));
        told.collect::<Vec<_>>()
    };
    let several = "failed to create typed patch object (shop/api; apps/v1, Kind=Deployment): errors:\n  .spec.replica: field not declared in schema\n  .spec.template: expected map, got string";
    assert_eq!(
        fields(500, several),
        [
            "/spec .spec.replica: field not declared in schema",
            "/spec/template .spec.template: expected map, got string"
        ]
    );
    let strict = "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: unknown field \"spec.template.x\", unknown field \"x\"";
    assert_eq!(
        fields(400, strict),
        ["/spec/template spec.template.x: unknown field", " x: unknown field"]
    );
    let quantity = "failed to convert new object (/zz; apps/v1, Kind=Deployment) to proper version: unable to convert unstructured object to apps/v1, Kind=Deployment: quantities must match the regular expression";
    assert_eq!(
        fields(500, quantity),
        [" : quantities must match the regular expression"]
    );
}

#[test]
fn pointers_go_as_deep_as_the_object() {
    let object =
        json!({"data": {"a.b/c": "x"}, "metadata": {"annotations": {"x/y": ""}}, "spec": {"ports": [{"port": 1}]}});
    for (field, pointer) in [
        ("data[a.b/c]", "/data/a.b~1c"),
        ("metadata.annotations[x/y]", "/metadata/annotations/x~1y"),
        ("spec.ports[0].port", "/spec/ports/0/port"),
        (".spec.ports[1].port", "/spec/ports"),
        ("", ""),
        ("[", ""),
        ("a[b", ""),
    ] {
        assert_eq!(pointer_of(field, &object), pointer, "{field}");
    }
}

#[test]
fn webhooks_are_named() {
    says(
        json!({"code": 403, "reason": "Forbidden", "message": "admission webhook \"w.example.com\" denied the request: no latest tags"}),
        "the admission webhook `w.example.com` denies it: no latest tags",
    );
    let down = refusal(
        json!({"code": 500, "reason": "InternalError", "message": "Internal error occurred: failed calling webhook \"w.example.com\": failed to call webhook: Post \"https://w.svc:443/\": connection refused"}),
    );
    assert!(
        matches!(&down, Refusal::WebhookUnreachable { webhook, .. } if webhook == "w.example.com"),
        "{down:?}"
    );
    assert!(down.is_transient());
    let conversion = refusal(
        json!({"code": 500, "message": "conversion webhook for example.com/v1, Kind=Widget failed: Post \"https://x\": no endpoints"}),
    );
    assert!(matches!(conversion, Refusal::WebhookUnreachable { .. }));
}

#[test]
fn what_is_on_its_way_out_is_told() {
    for (message, what) in [
        (
            "deployments.apps \"a\" is forbidden: unable to create new content in namespace shop because it is being terminated",
            Terminating::Namespace,
        ),
        (
            "create not allowed while custom resource definition is terminating",
            Terminating::Definition,
        ),
        (
            "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{\"a\"}",
            Terminating::Object,
        ),
    ] {
        let refused = refusal(json!({"code": 403, "reason": "Forbidden", "message": message}));
        assert!(
            matches!(refused, Refusal::Terminating { what: told } if told == what),
            "{refused:?}"
        );
    }
}

#[test]
fn sizes_and_races_are_told_apart() {
    assert!(matches!(
        refusal(json!({"code": 413, "reason": "RequestEntityTooLarge", "message": "limit is 3145728"})),
        Refusal::TooLarge { bytes: 12 }
    ));
    assert!(matches!(
        refusal(json!({"code": 500, "message": "etcdserver: request is too large"})),
        Refusal::TooLarge { .. }
    ));
    let lost = refusal(
        json!({"code": 409, "reason": "Conflict", "message": "Operation cannot be fulfilled on x: the object has been modified"}),
    );
    assert!(matches!(lost, Refusal::Changed { replaced: false }));
    let other = refusal(
        json!({"code": 409, "reason": "Conflict", "message": "Precondition failed: UID in precondition: a, UID in object meta: b"}),
    );
    assert!(matches!(other, Refusal::Changed { replaced: true }));
    assert!(matches!(
        refusal(json!({"code": 503, "message": "down"})),
        Refusal::Call(_)
    ));
    assert!(matches!(
        refusal(json!({"code": 418, "message": "teapot"})),
        Refusal::Other(_)
    ));
}

#[test]
fn no_error_about_a_secret_quotes_it() {
    let secret = resource("", "Secret", "secrets");
    let body = json!({"data": {"password": "aHVudGVyMg=="}});
    let hunter = "aHVudGVyMg==";
    let statuses = [
        json!({"code": 422, "reason": "Invalid", "message": format!("Invalid value: {hunter}"), "details": {"causes": [{"reason": "FieldValueInvalid", "message": format!("Invalid value: {hunter}"), "field": "data[password]"}]}}),
        json!({"code": 422, "reason": "Invalid", "message": hunter}),
        json!({"code": 400, "message": format!("illegal base64 data: {hunter}")}),
        json!({"code": 400, "message": format!("failed to create typed patch object (shop/api; v1, Kind=Secret): .data.password: expected string, got {hunter}")}),
        json!({"code": 500, "message": "failed to convert new object (/zz; /v1, Kind=Secret) to proper version: unable to convert unstructured object to /v1, Kind=Secret: error decoding from json: illegal base64 data at input byte 3"}),
        json!({"code": 403, "reason": "Forbidden", "message": format!("admission webhook \"w\" denied the request: {hunter}")}),
        json!({"code": 403, "reason": "Forbidden", "message": format!("quota {hunter}")}),
        json!({"code": 500, "message": format!("failed calling webhook \"w\": {hunter}")}),
        json!({"code": 500, "message": hunter}),
        json!({"code": 503, "message": hunter}),
        json!({"code": 418, "message": hunter}),
    ];
    for status in statuses {
        let refusal = refusal_of(&secret, &body, &status);
        assert!(
            !format!("{refusal} {refusal:?}").contains(hunter),
            "{status} {refusal:?}"
        );
        if let Refusal::Invalid { causes, .. } = &refusal
            && let Some(cause) = causes.first()
        {
            assert!(
                ["/data/password", "/data"].contains(&cause.pointer.as_str()),
                "{cause:?}"
            );
            assert!(
                !cause.to_string().ends_with("is refused") || cause.field.starts_with('.'),
                "{cause}"
            );
        }
    }
}

/// Words that API servers write, and others.
fn any_words() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("failed to create typed patch object (a/b; v1, Kind=X): "),
        Just(
            "failed to convert new object (/a; v1, Kind=X) to proper version: unable to convert unstructured object to "
        ),
        Just("strict decoding error: unknown field \""),
        Just("admission webhook \""),
        Just("failed calling webhook \""),
        Just("conversion webhook for "),
        Just("User \""),
        Just("\" cannot "),
        Just(" resource \""),
        Just("errors:\n"),
        Just(".spec.a[name=\""),
        Just(": "),
        Just("\""),
        Just("]"),
        Just("é"),
    ];
    proptest::collection::vec(prop_oneof![part.prop_map(str::to_owned), "[ -~]{0,8}"], 0..8)
        .prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn pointers_lead_into_the_object(field in any_words()) {
        let object = json!({"spec": {"a": [{"name": "x"}]}, "": {"": 1}, "~/": {}});
        prop_assert!(object.pointer(&pointer_of(&field, &object)).is_some(), "{}", field);
    }

    #[test]
    fn whatever_a_server_says_is_read(message in any_words(), code in 400u16..600, reason in "[A-Z][a-z]{0,8}|Forbidden|Conflict|Invalid", field in any_words()) {
        let status = json!({"code": code, "reason": reason, "message": message, "details": {"causes": [
            {"reason": "FieldValueInvalid", "message": message, "field": field}]}});
        let body = json!({"spec": {"a": [{"name": "x"}]}});
        let refused = refusal_of(&resource("apps", "Deployment", "deployments"), &body, &status);
        for cause in refused.causes() {
            prop_assert!(body.pointer(&cause.pointer).is_some(), "{:?}", cause);
        }
        prop_assert!(!refused.to_string().is_empty());
        let hidden = json!({"code": code, "reason": reason, "message": format!("{message} hunter2")});
        let secret = refusal_of(&resource("", "Secret", "secrets"), &body, &hidden);
        // Names of fields and users are told; what follows them is not.
        let is_of_names = matches!(secret, Refusal::Forbidden(_)) || message.contains("typed patch") || message.contains("strict decoding");
        prop_assert!(is_of_names || !format!("{secret:?}").contains("hunter2"), "{:?}", secret);
    }

    #[test]
    fn whatever_answers_is_read(body in proptest::collection::vec(any::<u8>(), 0..200), code in 400u16..600) {
        prop_assert_eq!(Status::read(code, &body).code, code);
    }
}
