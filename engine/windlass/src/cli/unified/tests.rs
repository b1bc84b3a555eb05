use serde_json::{Value, json};
use windlass_core::{
    diff::{LiveObject, Mark, Plan},
    digest::Digest,
    manifest::{Generated, Manifest, Role, Within},
    model::Object,
    render::Span,
};

use super::*;
use crate::cli::golden;

fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}, "data": data})
}

fn step(action: Action, live: Option<Value>, desired: Option<Value>) -> Step {
    let body = live.as_ref().or(desired.as_ref()).unwrap().clone();
    Step {
        id: Object::from_value(body).unwrap().id,
        action,
        desired: desired.map(|body| Manifest {
            object: Object::from_value(body).unwrap(),
            origin: Some(FileAt {
                source: String::new(),
                path: "apps/web/cm.yaml".to_owned(),
                span: Some(Span::at(3, 1)),
            }),
            document: 0,
            within: Within::default(),
            role: Role::Ordinary,
            generated: None,
            configured: None,
        }),
        live: live.map(|body| LiveObject::whole(None, Some(body), Mark::Ours)),
    }
}

fn sample() -> Foreseen {
    let long: Value = (0..12)
        .map(|i| (format!("key-{i:02}"), json!(i.to_string())))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let mut changed = long.clone();
    changed["key-06"] = json!("six");
    let secret = |value: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"}, "data": {"password": value, "user": "YQ=="}});
    let plan = Plan {
        steps: vec![
            step(Action::Create, None, Some(config_map("new", json!({"a": "1"})))),
            step(
                Action::Configure(Cause::Changed),
                Some(config_map("web", long)),
                Some(config_map("web", changed)),
            ),
            step(
                Action::Keep,
                Some(config_map("same", json!({}))),
                Some(config_map("same", json!({}))),
            ),
            step(Action::Delete, Some(config_map("old", json!({"a": "1"}))), None),
            step(
                Action::Configure(Cause::Drifted),
                Some(secret("b2xk")),
                Some(secret("bmV3")),
            ),
            step(
                Action::Skip(SkipReason::OwnedBy("other".into())),
                Some(config_map("theirs", json!({"a": "1"}))),
                Some(config_map("theirs", json!({"a": "2"}))),
            ),
        ],
        desired: Digest::of(b""),
        owned: 3,
    };
    Foreseen {
        previews: plan.steps.iter().map(|step| (step.id.clone(), preview(step))).collect(),
        plan,
    }
}

fn preview(step: &Step) -> Preview {
    Preview {
        live: step.live.as_ref().and_then(|live| live.body.clone()),
        wanted: step.desired.as_ref().map(|manifest| manifest.object.body.clone()),
        ..Preview::default()
    }
}

#[test]
fn a_plan_reads_like_diff_u() {
    let text: String = objects(&sample(), LIVE_AND_GIT)
        .iter()
        .map(|object| show(object, Paint::Plain))
        .collect();
    golden::check("unified.txt", &text);
    assert!(!text.contains("b2xk") && !text.contains("bmV3"));
}

#[test]
fn programs_get_the_same_as_json() {
    let json = serde_json::to_value(objects(&sample(), LIVE_AND_GIT)).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 5);
    assert_eq!(json[0]["action"], "create");
    assert_eq!(json[0]["object"]["name"], "new");
    assert_eq!(json[0]["origin"]["path"], "apps/web/cm.yaml");
    assert_eq!(json[3]["reason"], "drifted");
    assert!(!json.to_string().contains("bmV3"));
}

#[test]
fn generated_values_are_told() {
    let mut step = step(Action::Create, None, Some(config_map("new", json!({"a": "1"}))));
    let mut told = |fields: &[&str]| {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        step.desired.as_mut().unwrap().generated = Some(Generated { fields });
        let object = object(&step, &preview(&step), LIVE_AND_GIT).unwrap();
        (object.generated.clone(), show(&object, Paint::Plain))
    };
    let (fields, text) = told(&["/data/a", "/data/b"]);
    assert_eq!(fields.unwrap(), ["/data/a", "/data/b"]);
    assert!(text.contains("\ngenerated: /data/a, /data/b; keyed by"), "{text}");
    assert!(told(&[]).1.contains("generated values in it"));
    assert!(!told(&["\u{1b}[2J"]).1.contains('\u{1b}'));
}
