use serde_json::json;

use super::{writing::placed, *};
use crate::{
    fake::{Fake, Reply},
    requests::Verb,
};

struct Case {
    id: ObjectId,
    resource: Resource,
    owner: Owner,
    body: Value,
}

impl Case {
    fn new() -> Self {
        Self {
            id: ObjectId {
                group: "apps".into(),
                kind: "Deployment".into(),
                namespace: "shop".into(),
                name: "api".into(),
            },
            resource: Resource {
                group: "apps".into(),
                version: "v1".into(),
                kind: "Deployment".into(),
                plural: "deployments".into(),
                namespaced: true,
            },
            owner: Owner {
                installation: "0123456789ab".into(),
                namespace: "default".into(),
                app: "api".into(),
            },
            body: json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api"},
                "spec": {"replicas": 2, "paused": false}}),
        }
    }

    fn live(&self, version: &str) -> Value {
        let mut live = self.body.clone();
        self.owner.stamp(&mut live, &self.id);
        live["metadata"]["uid"] = "u1".into();
        live["metadata"]["resourceVersion"] = version.into();
        live["metadata"]["managedFields"] = json!([{"manager": self.owner.manager(), "operation": "Apply",
            "apiVersion": "apps/v1", "fieldsV1": {"f:spec": {"f:replicas": {}, "f:paused": {}}}}]);
        live
    }

    const fn wanted(&self) -> Wanted<'_> {
        Wanted {
            id: &self.id,
            resource: &self.resource,
            body: &self.body,
            owner: &self.owner,
        }
    }

    async fn run(&self, replies: Vec<Reply>, edit: impl FnOnce(&mut How<'_>)) -> (Result<Applied, Refusal>, Fake) {
        let (connection, fake) = Fake::script(replies);
        let spec = |contests: &[Contest]| FieldSet::held_by(&self.body, contests.iter().map(|c| &c.path));
        let mut how = How {
            write: Write::Apply,
            takeover: None,
            last_applied: &spec,
            take_from: &[],
            dry_run: false,
        };
        edit(&mut how);
        let actor = Actor::service_account("shop", "deployer").unwrap();
        let outcome = Cluster::new(connection).apply(&actor, self.wanted(), how).await;
        for seen in fake.seen() {
            assert_eq!(seen.headers["impersonate-user"], "system:serviceaccount:shop:deployer");
        }
        (outcome, fake)
    }
}

const fn takeover(policy: Adoption) -> Option<Takeover<'static>> {
    Some(Takeover {
        policy,
        predecessor: None,
    })
}

fn conflict(causes: &[(&str, &str)]) -> Reply {
    let causes: Vec<_> = causes
        .iter()
        .map(|(field, message)| json!({"reason": "FieldManagerConflict", "field": field, "message": message}))
        .collect();
    Reply::Json(
        409,
        json!({"kind": "Status", "code": 409, "reason": "Conflict", "message": "Apply failed", "details": {"causes": causes}}),
    )
}

const EDIT: &str = "conflict with \"kubectl-edit\" using apps/v1";
const SCALE: &str = "conflict with \"kube-controller-manager\" with subresource \"scale\" using apps/v1";

#[tokio::test(start_paused = true)]
async fn one_request_writes_one_object() {
    let case = Case::new();
    let (outcome, fake) = case.run(vec![Reply::Json(201, case.live("1"))], |_| ()).await;
    let applied = outcome.unwrap();
    assert!(applied.created && applied.yielded.is_empty() && applied.forced.is_empty());
    assert_eq!(
        (applied.reduced.uid.as_str(), applied.reduced.resource_version.as_str()),
        ("u1", "1")
    );
    assert!(applied.reduced.is_applied());
    assert_eq!(
        fake.lines(),
        [
            "PATCH /apis/apps/v1/namespaces/shop/deployments/api?fieldManager=windlass%2F0123456789ab%2Fdefault%2Fapi&force=false"
        ]
    );
    let sent = &fake.seen()[0];
    assert_eq!(sent.headers["content-type"], "application/apply-patch+yaml");
    assert_eq!(
        sent.body["metadata"]["annotations"]["windlass.dev/owner"],
        case.owner.mark(&case.id)
    );
}

#[tokio::test(start_paused = true)]
async fn an_edit_is_forced_back() {
    let case = Case::new();
    let replies = vec![conflict(&[(".spec.replicas", EDIT)]), Reply::Json(200, case.live("2"))];
    let (outcome, fake) = case.run(replies, |_| ()).await;
    let applied = outcome.unwrap();
    assert_eq!(applied.forced[0].manager, "kubectl-edit");
    assert!(!applied.created && applied.yielded.is_empty());
    assert!(fake.lines()[1].ends_with("&force=true"));
    assert_eq!(fake.seen()[1].body["spec"], json!({"replicas": 2, "paused": false}));
}

#[tokio::test(start_paused = true)]
async fn what_an_autoscaler_has_is_left_out_and_the_rest_is_applied() {
    let case = Case::new();
    let replies = vec![
        conflict(&[(".spec.replicas", SCALE), (".spec.paused", EDIT)]),
        Reply::Json(200, case.live("2")),
    ];
    let (outcome, fake) = case.run(replies, |_| ()).await;
    let applied = outcome.unwrap();
    assert_eq!(applied.yielded[0].path.to_string(), ".spec.replicas");
    assert_eq!(applied.forced[0].path.to_string(), ".spec.paused");
    assert_eq!(fake.seen()[1].body["spec"], json!({"paused": false}));
    assert!(fake.lines()[1].ends_with("&force=true"));
}

#[tokio::test(start_paused = true)]
async fn what_another_applier_has_is_left_to_it_unless_it_is_to_be_taken() {
    let case = Case::new();
    let helm = "conflict with \"helm\"";
    let replies = vec![conflict(&[(".spec.replicas", helm)]), Reply::Json(200, case.live("2"))];
    let (outcome, fake) = case.run(replies.clone(), |_| ()).await;
    assert_eq!(outcome.unwrap().yielded[0].manager, "helm");
    assert!(fake.lines()[1].ends_with("&force=false"));
    let take = ["helm".to_owned()];
    let (connection, fake) = Fake::script(replies);
    let none = |_: &[Contest]| FieldSet::default();
    let how = How {
        write: Write::Apply,
        takeover: None,
        last_applied: &none,
        take_from: &take,
        dry_run: false,
    };
    let applied = Cluster::new(connection)
        .apply(&Actor::Own, case.wanted(), how)
        .await
        .unwrap();
    assert_eq!(applied.forced[0].manager, "helm");
    assert!(fake.lines()[1].ends_with("&force=true"));
}

#[tokio::test(start_paused = true)]
async fn another_apps_object_is_not_touched() {
    let case = Case::new();
    let mark = ".metadata.annotations.windlass.dev/owner";
    let replies = vec![conflict(&[
        (".spec.paused", EDIT),
        (mark, "conflict with \"windlass/0123456789ab/default/web\""),
    ])];
    let (outcome, fake) = case.run(replies, |_| ()).await;
    let error = outcome.unwrap_err();
    assert!(
        matches!(&error, Refusal::Claimed { manager } if manager.ends_with("/web")),
        "{error:?}"
    );
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_that_cant_be_read_decides_nothing() {
    let case = Case::new();
    let (outcome, fake) = case
        .run(vec![conflict(&[(".spec.replicas", "somebody has it")])], |_| ())
        .await;
    assert!(matches!(outcome, Err(Refusal::Conflict { .. })));
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_race_is_run_again_a_few_times() {
    let case = Case::new();
    let lost = Reply::status(
        409,
        "Conflict",
        "Operation cannot be fulfilled: the object has been modified",
    );
    let (outcome, fake) = case
        .run(
            vec![lost.clone(), lost.clone(), Reply::Json(200, case.live("3"))],
            |_| (),
        )
        .await;
    outcome.unwrap();
    assert_eq!(fake.seen().len(), 3);
    let (outcome, fake) = case.run(vec![lost; 20], |_| ()).await;
    assert!(matches!(outcome, Err(Refusal::Changed { .. })));
    assert_eq!(fake.seen().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_second_refusal_is_told_as_it_is() {
    let case = Case::new();
    let invalid = Reply::Json(
        422,
        json!({"code": 422, "reason": "Invalid", "message": "m", "details": {"causes": [{"reason": "FieldValueInvalid", "message": "no", "field": "spec.paused"}]}}),
    );
    let (outcome, _) = case
        .run(vec![conflict(&[(".spec.replicas", EDIT)]), invalid], |_| ())
        .await;
    assert_eq!(outcome.unwrap_err().causes()[0].pointer, "/spec/paused");
}

#[tokio::test(start_paused = true)]
async fn an_object_of_kubectl_is_handed_over_first() {
    let case = Case::new();
    let mut found = case.live("5");
    found["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/last-applied-configuration": "{}"});
    found["metadata"]["managedFields"][0]["manager"] = "kubectl-client-side-apply".into();
    found["metadata"]["managedFields"][0]["operation"] = "Update".into();
    let raced = Reply::status(
        409,
        "Conflict",
        "Operation cannot be fulfilled: the object has been modified",
    );
    let replies = vec![
        Reply::Json(200, found.clone()),
        raced,
        Reply::Json(200, found.clone()),
        Reply::Json(200, found.clone()),
        Reply::Json(200, case.live("7")),
    ];
    let (outcome, fake) = case
        .run(replies, |how| how.takeover = takeover(Adoption::IfUnowned))
        .await;
    assert_eq!(outcome.unwrap().adopted_from, ["kubectl-client-side-apply"]);
    let methods: Vec<_> = fake.seen().iter().map(|seen| seen.method.to_string()).collect();
    assert_eq!(methods, ["GET", "PATCH", "GET", "PATCH", "PATCH"]);
    assert_eq!(fake.seen()[3].headers["content-type"], "application/json-patch+json");

    let (outcome, fake) = case
        .run(vec![Reply::Json(200, found)], |how| {
            how.takeover = takeover(Adoption::Never)
        })
        .await;
    assert!(matches!(outcome, Err(Refusal::NotAdopted(_))));
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_of_an_adoption_says_what_would_come_of_it() {
    let case = Case::new();
    let mut found = case.live("5");
    let entry = &mut found["metadata"]["managedFields"][0];
    entry["manager"] = "kubectl-client-side-apply".into();
    entry["operation"] = "Update".into();
    entry["fieldsV1"] = json!({"f:spec": {"f:replicas": {}, "f:gone": {}, "f:kept": {}}});
    let before = entry.clone();
    let contests = [
        (
            ".spec.replicas",
            "conflict with \"kubectl-client-side-apply\" using apps/v1",
        ),
        (".spec.paused", "conflict with \"tool\""),
    ];
    let mut after = case.live("5");
    after["spec"] = json!({"replicas": 2, "paused": true, "gone": 1, "kept": 1});
    let list = after["metadata"]["managedFields"].as_array_mut().unwrap();
    list[0]["fieldsV1"] = json!({"f:spec": {"f:replicas": {}}});
    list.push(before);
    list.push(json!({"manager": "tool", "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": {"f:spec": {"f:kept": {}, "f:paused": {}}}}));
    let replies = vec![Reply::Json(200, found), conflict(&contests), Reply::Json(200, after)];
    let edit = |how: &mut How<'_>| {
        how.takeover = takeover(Adoption::IfUnowned);
        how.dry_run = true;
    };
    let (outcome, fake) = case.run(replies, edit).await;
    let applied = outcome.unwrap();
    assert!(fake.lines()[1].ends_with("&force=false&dryRun=All"));
    assert!(fake.lines()[2].ends_with("&force=true&dryRun=All"));
    // What somebody else keeps is left to them, as it would be.
    let paths =
        |contests: &[Contest]| -> Vec<String> { contests.iter().map(|contest| contest.path.to_string()).collect() };
    assert_eq!(
        (paths(&applied.yielded), paths(&applied.forced)),
        (vec![".spec.paused".to_owned()], vec![])
    );
    assert!(fake.seen()[2].body["spec"].get("paused").is_none());
    // What the other tool had and git doesn't name goes, unless somebody has it too.
    assert_eq!(applied.removed, [FieldPath::of(&["spec", "gone"])]);
    assert_eq!(applied.live["spec"], json!({"replicas": 2, "paused": true, "kept": 1}));
}

#[tokio::test(start_paused = true)]
async fn an_object_that_moved_is_taken_from_the_app_it_moved_from() {
    let case = Case::new();
    let before = Owner {
        app: "web".into(),
        ..case.owner.clone()
    };
    let mut found = case.live("5");
    before.stamp(&mut found, &case.id);
    found["metadata"]["managedFields"][0]["manager"] = before.manager().into();
    let replies = vec![
        Reply::Json(200, found.clone()),
        Reply::Json(200, found.clone()),
        Reply::Json(200, case.live("7")),
    ];
    let (connection, fake) = Fake::script(replies);
    let none = |_: &[Contest]| FieldSet::default();
    let how = How {
        write: Write::Apply,
        takeover: Some(Takeover {
            policy: Adoption::Never,
            predecessor: Some(&before),
        }),
        last_applied: &none,
        take_from: &[],
        dry_run: false,
    };
    let applied = Cluster::new(connection)
        .apply(&Actor::Own, case.wanted(), how)
        .await
        .unwrap();
    assert_eq!(applied.adopted_from, [before.manager()]);
    assert_eq!(fake.seen().len(), 3);
    // Not from one that doesn't release it, whatever the policy.
    let replies = vec![Reply::Json(200, found)];
    let (outcome, _) = case.run(replies, |how| how.takeover = takeover(Adoption::Always)).await;
    assert!(matches!(outcome, Err(Refusal::NotAdopted(_))));
}

#[tokio::test(start_paused = true)]
async fn a_takeover_that_came_to_no_end_leaves_nothing_behind() {
    let case = Case::new();
    let other = Owner {
        app: "web".into(),
        ..case.owner.clone()
    };
    let mut shared = case.live("6");
    let list = shared["metadata"]["managedFields"].as_array_mut().unwrap();
    list.push(json!({"manager": other.manager(), "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": {"f:spec": {"f:gone": {}}}}));
    let replies = vec![
        Reply::Json(200, shared.clone()),
        Reply::Json(200, shared.clone()),
        Reply::Json(200, case.live("8")),
    ];
    let (outcome, fake) = case.run(replies, |_| ()).await;
    assert_eq!(outcome.unwrap().adopted_from, [other.manager()]);
    assert_eq!(fake.seen().len(), 3);
    assert_eq!(fake.seen()[1].headers["content-type"], "application/json-patch+json");
    // What carries no mark of this app's is not: the other one may be about to come to an end.
    other.stamp(&mut shared, &case.id);
    let (outcome, fake) = case.run(vec![Reply::Json(200, shared)], |_| ()).await;
    assert!(outcome.unwrap().adopted_from.is_empty());
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_to_be_adopted_and_is_gone_is_created() {
    let case = Case::new();
    let gone = Reply::Json(
        404,
        json!({"code": 404, "reason": "NotFound", "details": {"name": "api", "kind": "deployments"}}),
    );
    let replies = vec![gone, Reply::Json(201, case.live("1"))];
    let (outcome, _) = case
        .run(replies, |how| how.takeover = takeover(Adoption::IfUnowned))
        .await;
    assert!(outcome.unwrap().created);
}

#[tokio::test(start_paused = true)]
async fn create_only_leaves_what_is_there() {
    let case = Case::new();
    let exists = Reply::status(409, "AlreadyExists", "deployments.apps \"api\" already exists");
    let (outcome, fake) = case
        .run(vec![exists, Reply::Json(200, case.live("9"))], |how| {
            how.write = Write::CreateOnly
        })
        .await;
    assert!(!outcome.unwrap().created);
    assert_eq!(fake.lines().len(), 2);
    assert!(fake.lines()[0].starts_with("POST /apis/apps/v1/namespaces/shop/deployments?"));
    assert!(fake.lines()[1].starts_with("GET "));
}

#[tokio::test(start_paused = true)]
async fn a_replacement_is_of_what_was_looked_at() {
    let case = Case::new();
    let lost = Reply::status(409, "Conflict", "the object has been modified");
    let replies = vec![
        Reply::Json(200, case.live("9")),
        lost,
        Reply::Json(200, case.live("10")),
        Reply::Json(200, case.live("11")),
    ];
    let (outcome, fake) = case.run(replies, |how| how.write = Write::Replace).await;
    assert_eq!(outcome.unwrap().reduced.resource_version, "11");
    let sent = &fake.seen()[3];
    assert_eq!(
        (sent.method.as_str(), &sent.body["metadata"]["resourceVersion"]),
        ("PUT", &json!("10"))
    );
}

#[tokio::test(start_paused = true)]
async fn dry_runs_are_counted_apart() {
    let case = Case::new();
    let (connection, _) = Fake::script([Reply::Json(200, case.live("1"))]);
    let cluster = Cluster::new(connection);
    let none = |_: &[Contest]| FieldSet::default();
    let how = How {
        write: Write::Apply,
        takeover: None,
        last_applied: &none,
        take_from: &[],
        dry_run: true,
    };
    cluster.apply(&Actor::Own, case.wanted(), how).await.unwrap();
    let requests = cluster.connection().requests();
    assert_eq!((requests.writes(), requests.of(Verb::DryRun)), (0, 1));
}

#[test]
fn a_kind_without_namespaces_is_sent_without() {
    let mut case = Case::new();
    case.resource.namespaced = false;
    case.body["metadata"]["namespace"] = "shop".into();
    assert!(
        placed(case.body, &case.id, &case.resource)["metadata"]
            .get("namespace")
            .is_none()
    );
}
