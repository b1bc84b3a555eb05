//! Taking over what `kubectl`, Helm and other apps made: nothing is made anew, nothing restarts, and what leaves git goes.

use serde_json::{Value, json};
use windlass_cluster::{apply::Takeover, refusal::Refusal};
use windlass_core::{adopt::Adoption, owner::Owner};
use windlass_tests::cluster::Content;

use super::subject::{Ask, Subject, eventually};

const fn by(policy: Adoption) -> Ask<'static> {
    Ask {
        app: "api",
        write: windlass_core::options::Write::Apply,
        takeover: Some(Takeover {
            policy,
            predecessor: None,
        }),
        take_from: &[],
        dry_run: false,
        last: None,
    }
}

/// As `kubectl apply` makes an object on the client's side.
async fn kubectl_apply(subject: &Subject, body: &Value) {
    let mut object = body.clone();
    object["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = body.to_string().into();
    create(subject, &object, "kubectl-client-side-apply").await;
}

async fn create(subject: &Subject, object: &Value, manager: &str) {
    let path = subject.path(object).await;
    let list = path.rsplit_once('/').unwrap().0;
    let target = format!("{list}?fieldManager={manager}");
    let content = Content {
        kind: "application/json",
        value: object,
    };
    assert_eq!(
        subject.person().send("POST", &target, Some(content)).unwrap().status,
        201
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kubectl_made_goes_on_running() {
    let subject = Subject::new("kubectl").await;
    let mut body = subject.deployment("api", 1);
    body["metadata"]["labels"] = json!({"gone-from-git": "x"});
    kubectl_apply(&subject, &body).await;
    let restart = json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}}}});
    subject.edit(&body, "kubectl-rollout", &restart).await;
    let is_up = async || subject.live(&body).await["status"]["availableReplicas"] == 1;
    eventually("it runs", is_up).await;
    let before = subject.live(&body).await;
    let pods = || -> Vec<Value> {
        let list = subject
            .person()
            .get(&format!("/api/v1/namespaces/{}/pods", subject.namespace))
            .unwrap();
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pod| pod["metadata"]["uid"].clone())
            .collect()
    };
    eventually("the pod from before the restart is gone", async || pods().len() == 1).await;
    let running = pods();
    body["metadata"].as_object_mut().unwrap().remove("labels");
    let adopted = subject.ask(&body, by(Adoption::IfUnowned)).await.unwrap();
    assert_eq!(adopted.adopted_from, ["kubectl-client-side-apply"]);
    let after = subject.live(&body).await;
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    // (A Deployment's generation counts changed annotations too.)
    assert_eq!(after["spec"], before["spec"]);
    assert_eq!(pods(), running, "nothing restarts");
    let annotations = after["metadata"]["annotations"].as_object().unwrap();
    assert!(!annotations.contains_key("kubectl.kubernetes.io/last-applied-configuration"));
    assert!(
        after["metadata"]["labels"].get("gone-from-git").is_none(),
        "what left git goes"
    );
    assert_eq!(
        after["spec"]["template"]["metadata"]["annotations"],
        before["spec"]["template"]["metadata"]["annotations"]
    );
    // It is ours now: nothing more is handed over, and nothing is asked.
    let requests = subject.cluster.connection().requests().total();
    assert!(subject.apply(&body).await.unwrap().adopted_from.is_empty());
    assert_eq!(subject.cluster.connection().requests().total() - requests, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_tool_keeps_is_taken_only_by_policy() {
    let subject = Subject::new("helm").await;
    let mut body = subject.map("a", "x");
    let mut release = body.clone();
    release["metadata"]["annotations"] = json!({"meta.helm.sh/release-name": "shop"});
    release["data"]["from-helm"] = "x".into();
    create(&subject, &release, "helm").await;
    for policy in [Adoption::Never, Adoption::IfUnowned] {
        let refused = subject.ask(&body, by(policy)).await.unwrap_err();
        assert_eq!(refused.to_string(), "it is kept by Helm");
    }
    assert_eq!(
        subject.live(&body).await["metadata"].get("labels"),
        None,
        "nothing was touched"
    );
    subject.ask(&body, by(Adoption::Always)).await.unwrap();
    assert_eq!(subject.live(&body).await["data"], json!({"a": "x"}));
    body["data"]["a"] = "y".into();
    assert!(subject.apply(&body).await.unwrap().forced.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_moves_between_apps_stays_the_same_object() {
    let subject = Subject::new("moves").await;
    let mut body = subject.map("a", "x");
    body["data"]["only-before"] = "x".into();
    let first = subject.apply(&body).await.unwrap();
    body["data"].as_object_mut().unwrap().remove("only-before");
    let (from, to) = (subject.owner("api"), "web");
    let refused = subject
        .ask(
            &body,
            Ask {
                app: to,
                ..by(Adoption::Always)
            },
        )
        .await
        .unwrap_err();
    assert!(matches!(refused, Refusal::NotAdopted(_)), "{refused}");
    let ask = Ask {
        app: to,
        takeover: Some(Takeover {
            policy: Adoption::Never,
            predecessor: Some(&from),
        }),
        ..Ask::default()
    };
    let moved = subject.ask(&body, ask).await.unwrap();
    assert_eq!(moved.reduced.uid, first.reduced.uid);
    assert_eq!(moved.adopted_from, [from.manager()]);
    let live = subject.live(&body).await;
    assert_eq!(live["data"], json!({"a": "x"}));
    let (_, id) = subject.resource(&body).await;
    assert_eq!(Owner::of(&live, &id).unwrap().app, "web");
    // The one that had it has lost it.
    assert!(matches!(subject.apply(&body).await, Err(Refusal::Claimed { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_is_met_before_it_is_written() {
    let subject = Subject::new("met").await;
    let mine = subject.map("mine", "x");
    subject.apply(&mine).await.unwrap();
    kubectl_apply(&subject, &subject.map("theirs", "secret text")).await;
    let (resource, id) = subject.resource(&mine).await;
    let met = subject
        .cluster
        .meet(&windlass_cluster::identity::Actor::Own, &resource, &subject.namespace)
        .await
        .unwrap();
    assert_eq!(met["mine"].owner, Some(subject.owner("api")));
    assert_eq!(met["mine"].installation.as_deref(), Some(subject.namespace.as_str()));
    assert_eq!(
        (&met["theirs"].owner, met["theirs"].managers[0].0.as_str()),
        (&None, "kubectl-client-side-apply")
    );
    assert!(!format!("{met:?}").contains("secret text"), "metadata only");
    assert!(!met.contains_key("none") && met.contains_key(&id.name));
}
