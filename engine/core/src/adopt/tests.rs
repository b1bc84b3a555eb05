use super::*;
use crate::model::ObjectId;

const OURS: &str = "windlass/0123456789ab/default/api";

fn owner(installation: &str, app: &str) -> Owner {
    Owner {
        installation: installation.into(),
        namespace: "default".into(),
        app: app.into(),
    }
}

#[test]
fn what_is_let_go_loses_its_mark_and_nothing_else() {
    let id = ObjectId {
        group: String::new(),
        kind: "ConfigMap".into(),
        namespace: "shop".into(),
        name: "a".into(),
    };
    let me = owner("0123456789ab", "api");
    let entry = |name: &str| json!({"manager": name, "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {}}});
    let mut object =
        json!({"metadata": {"name": "a", "resourceVersion": "7", "managedFields": [entry(OURS), entry("other")]}});
    me.stamp(&mut object, &id);
    let paths = |patch: &Value| -> Vec<String> {
        let steps = patch.as_array().unwrap().iter();
        steps
            .map(|step| format!("{} {}", step["op"].as_str().unwrap(), step["path"].as_str().unwrap()))
            .collect()
    };
    let patch = release(&object, &me).unwrap();
    assert_eq!(
        paths(&patch),
        [
            "remove /metadata/annotations/windlass.dev~1owner",
            "remove /metadata/labels/windlass.dev~1installation",
            "remove /metadata/labels/windlass.dev~1app",
            "replace /metadata/managedFields",
            "replace /metadata/resourceVersion",
        ]
    );
    let named = |patch: &Value| -> Vec<String> {
        let entries = patch[3]["value"].as_array().unwrap().iter();
        entries
            .map(|entry| format!("{} {} {}", entry["manager"], entry["operation"], entry["fieldsV1"]))
            .collect()
    };
    let nobody = r#""before-first-apply" "Update" {"f:data":{}}"#;
    assert_eq!(named(&patch), [r#""other" "Apply" {"f:data":{}}"#, nobody]);
    assert_eq!(patch[4]["value"], "7");
    // What nobody had already, and what was updated under our name.
    object["metadata"]["managedFields"] = json!([entry(OURS), entry(OURS)]);
    object["metadata"]["managedFields"][1]["operation"] = "Update".into();
    assert_eq!(named(&release(&object, &me).unwrap()), [nobody]);
    let bare = json!({"metadata": {"resourceVersion": "7"}});
    assert_eq!(
        paths(&release(&bare, &me).unwrap()),
        ["replace /metadata/resourceVersion"]
    );
}

#[test]
fn every_case_of_an_object_that_is_there() {
    use Adoption::{Always, IfUnowned, Never};
    let me = owner("0123456789ab", "api");
    let plain = json!({"metadata": {}});
    let helm = json!({"metadata": {"annotations": {"meta.helm.sh/release-name": "api"}}});
    let kept = |keeper: &str| {
        Err(Refusal::Kept {
            keeper: keeper.to_owned(),
        })
    };
    let brother = owner("0123456789ab", "web");
    let stranger = owner("ba9876543210", "api");
    let owned = || {
        Err(Refusal::Owned {
            app: "default/web".into(),
        })
    };
    for (index, (policy, claim, object, expected)) in [
        (Never, Some(&me), &helm, Ok(())),
        (Never, None, &plain, Err(Refusal::Foreign)),
        (Never, None, &helm, kept("Helm")),
        (IfUnowned, None, &plain, Ok(())),
        (IfUnowned, None, &helm, kept("Helm")),
        (
            IfUnowned,
            Some(&stranger),
            &plain,
            kept("app default/api of another installation"),
        ),
        (IfUnowned, Some(&brother), &plain, owned()),
        (Always, None, &helm, Ok(())),
        (Always, Some(&stranger), &plain, Ok(())),
        (Always, Some(&brother), &plain, owned()),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(permit(policy, &me, claim, object), expected, "case {index}");
    }
}

#[test]
fn a_copied_mark_keeps_nobody_from_adopting() {
    let id = ObjectId {
        group: String::new(),
        kind: "ConfigMap".into(),
        namespace: "shop".into(),
        name: "a".into(),
    };
    let copied =
        json!({"metadata": {"annotations": {"windlass.dev/owner": "0123456789ab default/web ConfigMap shop/b"}}});
    let claim = Owner::of(&copied, &id);
    assert_eq!(
        permit(
            Adoption::IfUnowned,
            &owner("0123456789ab", "api"),
            claim.as_ref(),
            &copied
        ),
        Ok(())
    );
}

fn entry(name: &str, operation: &str, version: &str, subresource: &str, fields: &Value) -> Value {
    let mut entry = json!({"manager": name, "operation": operation, "apiVersion": version, "time": "2026-01-02T03:04:05Z",
        "fieldsType": "FieldsV1", "fieldsV1": fields});
    if !subresource.is_empty() {
        entry["subresource"] = subresource.into();
    }
    entry
}

fn object(entries: &[Value]) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "resourceVersion": "7", "managedFields": entries}})
}

/// The entries after the patch.
fn patched(object: &Value) -> Vec<Value> {
    let handover = handover(object, &owner("0123456789ab", "api"), Right::Found)
        .unwrap()
        .unwrap();
    assert_eq!(
        handover.patch.as_array().unwrap().last().unwrap(),
        &json!({"op": "replace", "path": "/metadata/resourceVersion", "value": "7"})
    );
    handover.patch[0]["value"].as_array().unwrap().clone()
}

#[test]
fn what_kubectl_applied_becomes_ours_and_the_rest_stays() {
    let rollout = entry(
        "kubectl-rollout",
        "Update",
        "apps/v1",
        "",
        &json!({"f:spec": {"f:template": {"f:x": {}}}}),
    );
    let status = entry("helm", "Update", "apps/v1", "status", &json!({"f:status": {}}));
    let mut live = object(&[
        entry(
            "kubectl-client-side-apply",
            "Update",
            "apps/v1",
            "",
            &json!({"f:metadata": {"f:annotations": {".": {}, format!("f:{LAST_APPLIED}"): {}, "f:team": {}}}, "f:spec": {"f:replicas": {}}}),
        ),
        rollout.clone(),
        status.clone(),
    ]);
    live["metadata"]["annotations"] = json!({LAST_APPLIED: "{}", "team": "a"});
    let found = handover(&live, &owner("0123456789ab", "api"), Right::Found)
        .unwrap()
        .unwrap();
    assert_eq!(found.from, ["kubectl-client-side-apply"]);
    assert_eq!(
        found.patch[1],
        json!({"op": "remove", "path": "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration"})
    );
    let ours = json!({"f:metadata": {"f:annotations": {".": {}, "f:team": {}}}, "f:spec": {"f:replicas": {}}});
    assert_eq!(
        patched(&live),
        [rollout, status, entry(OURS, "Apply", "apps/v1", "", &ours)]
    );
}

#[test]
fn all_tools_and_our_own_updates_are_united_with_our_entry() {
    let field = |name: &str| json!({"f:spec": {format!("f:{name}"): {}}});
    let names = [
        ("kubectl", "Apply"),
        ("helm", "Apply"),
        ("helm", "Update"),
        ("helm-controller", "Update"),
        ("kustomize-controller", "Apply"),
        ("before-first-apply", "Update"),
        (OURS, "Update"),
        (OURS, "Apply"),
    ];
    let entries = names.iter().enumerate();
    let mut entries: Vec<Value> = entries
        .map(|(index, (name, operation))| entry(name, operation, "apps/v1", "", &field(&format!("f{index}"))))
        .collect();
    entries.push(entry("kubectl-edit", "Update", "apps/v1", "", &field("edited")));
    let after = patched(&object(&entries));
    assert_eq!(after.len(), 2, "{after:?}");
    assert_eq!(after[0]["manager"], OURS);
    assert_eq!(after[0]["fieldsV1"]["f:spec"].as_object().unwrap().len(), names.len());
    assert_eq!(after[1]["manager"], "kubectl-edit");
}

#[test]
fn fields_of_another_version_are_not_claimed_under_this_one() {
    let live = object(&[
        entry("helm", "Update", "apps/v1beta1", "", &json!({"f:spec": {"f:old": {}}})),
        entry("helm", "Update", "apps/v1", "", &json!({"f:spec": {"f:new": {}}})),
    ]);
    assert_eq!(patched(&live)[0]["fieldsV1"], json!({"f:spec": {"f:new": {}}}));
}

#[test]
fn a_handover_restarts_nothing_and_frees_no_volume() {
    let fields = json!({
        "f:metadata": {"f:finalizers": {"v:\"kubernetes.io/pvc-protection\"": {}}, "f:annotations": {"f:pv.kubernetes.io/bound-by-controller": {}, "f:team": {}}},
        "f:spec": {"f:volumeName": {}, "f:clusterIP": {}, "f:resources": {},
            "f:ports": {"k:{\"port\":80}": {".": {}, "f:nodePort": {}, "f:name": {}}},
            "f:template": {"f:metadata": {"f:annotations": {format!("f:{RESTARTED_AT}"): {}, "f:a": {}}}}},
        "f:status": {"f:phase": {}},
    });
    let live = object(&[entry("before-first-apply", "Update", "apps/v1", "", &fields)]);
    assert_eq!(
        patched(&live)[0]["fieldsV1"],
        json!({
            "f:metadata": {"f:annotations": {"f:team": {}}},
            "f:spec": {"f:resources": {}, "f:ports": {"k:{\"port\":80}": {".": {}, "f:name": {}}},
                "f:template": {"f:metadata": {"f:annotations": {"f:a": {}}}}},
        })
    );
    // Who made it with these on purpose takes them away on purpose.
    let live = object(&[entry(
        "helm",
        "Apply",
        "apps/v1",
        "",
        &json!({"f:spec": {"f:clusterIP": {}}}),
    )]);
    assert_eq!(patched(&live)[0]["fieldsV1"], json!({"f:spec": {"f:clusterIP": {}}}));
}

#[test]
fn an_object_that_moves_between_apps_leaves_nothing_behind() {
    let name = |installation: &str, app: &str| owner(installation, app).manager();
    let (web, stranger) = (name("0123456789ab", "web"), name("ba9876543210", "web"));
    let live = object(&[
        entry(&web, "Apply", "apps/v1", "", &json!({"f:spec": {"f:a": {}}})),
        entry(&stranger, "Apply", "apps/v1", "", &json!({"f:spec": {"f:b": {}}})),
        // An app that began to take it over.
        entry(
            &name("0123456789ab", "third"),
            "Update",
            "apps/v1",
            "",
            &json!({"f:spec": {"f:c": {}}}),
        ),
    ]);
    let me = owner("0123456789ab", "api");
    let found = handover(&live, &me, Right::Own).unwrap().unwrap();
    assert_eq!(found.from, [web, name("0123456789ab", "third")]);
    let after = found.patch[0]["value"].as_array().unwrap();
    let names: Vec<&str> = after.iter().filter_map(|entry| entry["manager"].as_str()).collect();
    assert_eq!(names, [stranger.as_str(), OURS]);
    assert_eq!(after[1]["fieldsV1"], json!({"f:spec": {"f:a": {}, "f:c": {}}}));
    assert_eq!(handover(&live, &me, Right::Found).unwrap(), None);
    assert!(is_shared(&live, &me));
    let alone = object(&[
        entry(OURS, "Apply", "apps/v1", "", &json!({})),
        entry(&stranger, "Apply", "apps/v1", "", &json!({})),
    ]);
    assert!(!is_shared(&alone, &me) && !is_shared(&json!({}), &me));
}

#[test]
fn what_goes_with_an_adoption_is_told_before() {
    let fields = |fields: Value| json!({"f:spec": fields});
    let live = object(&[
        entry(
            "helm",
            "Apply",
            "apps/v1",
            "",
            &fields(
                json!({"f:a": {}, "f:gone": {".": {}, "f:deep": {}}, "f:shared": {}, "f:labels": {".": {}, "f:x": {}}}),
            ),
        ),
        entry("tool", "Apply", "apps/v1", "", &fields(json!({"f:shared": {}}))),
    ]);
    let found = handover(&live, &owner("0123456789ab", "api"), Right::Found)
        .unwrap()
        .unwrap();
    let mut after = Managers::read(&live).unwrap();
    after.0.push(Manager {
        name: OURS.into(),
        fields: FieldSet::from_value(&fields(json!({"f:a": {}, "f:labels": {"f:y": {}}}))).unwrap(),
        ..after.0[0].clone()
    });
    let removed: Vec<String> = found.removes(&after, OURS).iter().map(ToString::to_string).collect();
    assert_eq!(removed, [".spec.gone", ".spec.labels.x"]);
    let contest = |manager: &str, operation| Contest {
        path: FieldPath::of(&["spec", "a"]),
        manager: manager.into(),
        operation,
        subresource: String::new(),
    };
    assert!(found.settles(&contest("helm", Operation::Apply)));
    assert!(!found.settles(&contest("helm", Operation::Update)) && !found.settles(&contest("tool", Operation::Apply)));
}

#[test]
fn a_left_over_annotation_goes_without_a_word_about_fields() {
    let mut live = object(&[]);
    live["metadata"]["annotations"] = json!({LAST_APPLIED: "{}"});
    let patch = handover(&live, &owner("0123456789ab", "api"), Right::Found)
        .unwrap()
        .unwrap()
        .patch;
    let paths: Vec<&str> = patch
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|op| op["path"].as_str())
        .collect();
    assert_eq!(
        paths,
        [
            "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration",
            "/metadata/resourceVersion"
        ]
    );
}

#[test]
fn nothing_to_hand_over_is_no_request() {
    for entries in [
        vec![],
        vec![entry(OURS, "Apply", "apps/v1", "", &json!({"f:spec": {}}))],
    ] {
        assert_eq!(
            handover(&object(&entries), &owner("0123456789ab", "api"), Right::Own).unwrap(),
            None
        );
    }
    // A second time there is nothing left.
    let mut live = object(&[entry("helm", "Apply", "apps/v1", "", &json!({"f:spec": {"f:a": {}}}))]);
    live["metadata"]["managedFields"] = patched(&live).into();
    assert_eq!(
        handover(&live, &owner("0123456789ab", "api"), Right::Found).unwrap(),
        None
    );
}
