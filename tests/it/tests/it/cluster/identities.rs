//! In whose name: the audit log says.

use windlass_cluster::{
    identity::{Actor, Unnamed},
    refusal::Refusal,
};
use windlass_tests::cluster::User;

use super::subject::{Ask, Subject, eventually, kubeconfig_of};

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_the_service_accounts_and_it_may_what_it_may() {
    let subject = Subject::new("identity").await;
    let mut audit = subject.server.audit().unwrap();
    let body = subject.map("a", "x");
    subject.apply(&body).await.unwrap();
    subject.delete(&body, "another", None).await.unwrap();
    let name = format!("system:serviceaccount:{}:deployer", subject.namespace);
    let ours = audit
        .requests()
        .unwrap()
        .into_iter()
        .filter(|request| request.namespace == subject.namespace);
    let ours: Vec<_> = ours.filter(|request| request.agent.starts_with("windlass/")).collect();
    assert_eq!(ours.len(), 2);
    assert!(
        ours.iter()
            .all(|request| request.impersonated.as_deref() == Some(&name)),
        "{ours:?}"
    );
    // Its namespace ends where its rights do.
    let mut elsewhere = subject.map("a", "x");
    elsewhere["metadata"]["namespace"] = "default".into();
    let refused = subject.apply(&elsewhere).await.unwrap_err();
    let Refusal::Forbidden(denied) = &refused else {
        panic!("{refused:?}");
    };
    assert_eq!((denied.user.as_str(), denied.verb.as_str()), (name.as_str(), "patch"));
    assert_eq!(
        (denied.resource.as_str(), denied.namespace.as_str()),
        ("configmaps", "default")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_impersonate_is_told_so() {
    let subject = Subject::new("nobody").await;
    let (_folder, access) = kubeconfig_of(subject.server, subject.server.token(User::Nobody));
    let nobody = Subject::over(subject.server, "nobody-else", &access).await;
    let refused = nobody.apply(&nobody.map("a", "x")).await.unwrap_err();
    let Refusal::Forbidden(denied) = &refused else {
        panic!("{refused:?}");
    };
    assert!(denied.is_of_impersonation() && denied.user == "nobody", "{denied:?}");
    // Acting as oneself is another matter, and needs rights of one's own.
    let own = Actor::of("default", None, Unnamed::ActAsOwn).unwrap();
    let refused = nobody
        .ask_as(&own, &nobody.map("a", "x"), Ask::default())
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, Refusal::Forbidden(denied) if denied.verb == "patch"),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubeconfig_out_of_a_secret_connects() {
    let subject = Subject::new("remote").await;
    let token = subject.server.service_account(&subject.namespace, "remote").unwrap();
    let access = windlass_cluster::connect::Access::Text {
        text: subject.server.kubeconfig_with(subject.server.server(), &token),
        context: None,
    };
    let remote = Subject::over(subject.server, "remote-else", &access).await;
    let mut body = remote.map("a", "x");
    body["metadata"]["namespace"] = subject.namespace.as_str().into();
    // Rights are granted within a moment of the binding.
    let applied = async || remote.ask_as(&Actor::Own, &body, Ask::default()).await.is_ok();
    eventually("the remote account may write", applied).await;
}
