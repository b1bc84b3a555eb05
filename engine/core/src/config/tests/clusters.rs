use serde_json::json;

use super::*;
use crate::{adopt::Adoption, options::IgnoreRule};

const CLUSTER: &str = r"
---
apiVersion: windlass.dev/v1alpha1
kind: Cluster
metadata: {name: eu}
spec: {kubeconfig: {file: ./eu.yaml, context: admin}}
";

/// The configuration with an App whose spec says that.
fn with(spec: &str) -> String {
    format!(
        "{}{CLUSTER}",
        GOOD.replace("  target: {namespace: shop}\n", &format!("{spec}\n"))
    )
}

#[test]
fn an_app_goes_to_a_cluster() {
    let text = with(
        r"
  target: {namespace: shop, cluster: eu, serviceAccountName: deployer, adopt: Always}
  conflicts: {takeFrom: [helm]}
  ignore: [{kind: Deployment, group: apps, fields: [/spec/replicas]}]
  drift: {mode: Report, scope: Strict}
  prune: {protect: [ConfigMap], unprotect: [StatefulSet]}
  deletionPolicy: Orphan",
    );
    let config = load(&text).unwrap();
    let cluster = &config.clusters["eu"];
    assert_eq!(cluster.kubeconfig.file.as_deref(), Some("./eu.yaml"));
    assert_eq!(cluster.without_service_account, Unnamed::Refuse);
    let spec = &config.apps["api"].spec;
    assert_eq!(
        (
            spec.target.cluster.as_deref(),
            spec.target.service_account_name.as_deref(),
            spec.target.adopt
        ),
        (Some("eu"), Some("deployer"), Adoption::Always)
    );
    assert_eq!(spec.conflicts.take_from, ["helm"]);
    assert_eq!(
        spec.ignore,
        [IgnoreRule {
            group: Some("apps".into()),
            kind: "Deployment".into(),
            fields: vec!["/spec/replicas".into()],
            ..IgnoreRule::default()
        }]
    );
    assert_eq!(
        (spec.drift.scope, spec.deletion_policy),
        (DriftScope::Strict, DeletionPolicy::Orphan)
    );
    assert_eq!(spec.prune.unprotect, ["StatefulSet"]);
    let plain = &load(GOOD).unwrap().apps["api"].spec;
    assert_eq!(
        (plain.target.adopt, plain.drift.scope, plain.deletion_policy),
        (Adoption::IfUnowned, DriftScope::Owned, DeletionPolicy::Delete)
    );
}

#[test]
fn what_is_wrong_with_an_app_is_told_with_its_line() {
    for (spec, expected) in [
        (
            "  target: {cluster: us, serviceAccountName: d}",
            "18:12: App `api`: spec.target.cluster: there is no Cluster `us`",
        ),
        (
            "  target: {cluster: eu}",
            "18:3: App `api`: spec.target: `serviceAccountName` is missing: in cluster `eu` an App acts as one",
        ),
        (
            "  target: {cluster: in-cluster}",
            "18:3: App `api`: spec.target: `serviceAccountName` is missing: in cluster `in-cluster` an App acts as one",
        ),
        (
            "  target: {cluster: eu, directory: out}",
            "18:25: App `api`: spec.target has a `cluster` and a `directory`; an App goes to one place",
        ),
        (
            "  target: {cluster: eu, serviceAccountName: 'a:b'}",
            "18:25: App `api`: spec.target.serviceAccountName: `a:b` is no name: use lower-case letters, digits, `-` and `.`",
        ),
        (
            "  target: {adopt: Sometimes}",
            "18:12: App `api`: spec.target.adopt: unknown variant `Sometimes`, expected one of `Never`, `IfUnowned`, `Always`",
        ),
        (
            "  conflicts: {takeFrom: [helm, '']}",
            "18:32: App `api`: spec.conflicts.takeFrom[1]: `` is empty: expected the name of a field manager, such as `helm`",
        ),
        (
            "  conflicts: {takeFrom: [windlass/a/b/c]}",
            "18:26: App `api`: spec.conflicts.takeFrom[0]: `windlass/a/b/c` is an app of Windlass: an object moves between apps by leaving the one and entering the other",
        ),
        (
            "  ignore: [{kind: Deployment, fields: [spec.replicas]}]",
            "18:40: App `api`: spec.ignore[0].fields[0]: `spec.replicas` is no JSON pointer: write for example `/spec/replicas`",
        ),
        (
            "  ignore: [{kind: Deployment, fields: [/metadata/name]}]",
            "18:40: App `api`: spec.ignore[0].fields[0]: `/metadata/name` can't be ignored: it tells which object it is",
        ),
        (
            "  ignore: [{kind: Deployment, fields: []}]",
            "18:31: App `api`: spec.ignore[0].fields is empty: expected JSON pointers such as `/spec/replicas`",
        ),
        (
            "  ignore: [{kind: Deployment, fields: ['.spec.containers[name=a]']}]",
            "18:40: App `api`: spec.ignore[0].fields[0]: `.spec.containers[name=a]` is no path of a field: write for example `.spec.template.spec.containers[name=\"app\"].image`",
        ),
        (
            "  ignore: [{kind: Deployment, fields: [.metadata.name]}]",
            "18:40: App `api`: spec.ignore[0].fields[0]: `.metadata.name` can't be ignored: it tells which object it is",
        ),
        (
            "  ignore:\n  - kind: Deployment\n    fields: [/spec/replicas]\n    when: live.spec.replicas > objct.spec.replicas",
            "21:5: App `api`: spec.ignore[0].when: there is no `objct`, only `object`, `live`, `managers`, at 1:22 of the expression",
        ),
        (
            "  drift: {scope: All}",
            "18:11: App `api`: spec.drift.scope: unknown variant `All`, expected `Owned` or `Strict`",
        ),
    ] {
        assert_eq!(errors(&with(spec)), [expected]);
    }
}

#[test]
fn an_app_has_so_many_conditions_and_no_more() {
    let rules = |count| {
        let rule = "\n  - {kind: Deployment, fields: [/spec/replicas], when: 'true'}";
        format!("  ignore:{}", rule.repeat(count))
    };
    assert!(load(&with(&rules(20))).is_ok());
    let [error] = &errors(&with(&rules(21)))[..] else {
        panic!("one error is expected")
    };
    assert_eq!(
        error,
        "39:50: App `api`: spec.ignore has more than 20 rules with `when`"
    );
}

#[test]
fn what_is_wrong_with_a_cluster_is_told_with_its_line() {
    let with = |from: &str, to: &str| errors(&format!("{GOOD}{}", CLUSTER.replace(from, to)));
    assert_eq!(
        with("name: eu", "name: in-cluster"),
        ["23:12: Cluster `in-cluster`: this name means the cluster that the engine runs in; use another one"]
    );
    assert!(
        with("context", "contexts")[0]
            .starts_with("24:38: Cluster `eu`: spec.kubeconfig.contexts: unknown field `contexts`")
    );
    assert!(with("{kubeconfig: {file: ./eu.yaml, context: admin}}", "{}")[0].contains("missing field `kubeconfig`"));
}

/// A Cluster with more in its spec.
fn cluster_with(more: &str) -> String {
    format!(
        "{GOOD}{}",
        CLUSTER.replace("context: admin}", &format!("context: admin}}, {more}"))
    )
}

#[test]
fn a_lock_is_off_unless_said() {
    let lock = |more: &str| load(&cluster_with(more)).unwrap().clusters["eu"].lock.clone();
    let off = lock("withoutServiceAccount: ActAsOwn");
    assert_eq!(
        (off.mode, off.is_on(), off.scope),
        (LockMode::Off, false, DriftScope::Owned)
    );
    assert_eq!((off.rollout_restart, off.scale), (Permission::Deny, Permission::Allow));
    // YAML has this word for a boolean.
    assert_eq!(lock("lock: {mode: Off, scope: Strict}").mode, LockMode::Off);
    let on = lock("lock: {mode: Deny, breakGlass: [oncall], allow: {serviceAccounts: [ops/bot]}, autoscalers: []}");
    assert!(on.is_on() && on.autoscalers.is_empty());
    assert_eq!(on.ca_injectors, ["cert-manager/cert-manager-cainjector"]);
    let spec = &load(&cluster_with("lock: {mode: Warn}")).unwrap().clusters["eu"];
    assert_eq!(serde_json::from_value::<ClusterSpec>(json!(spec)).unwrap(), *spec);
    // What an older binary reads stays as it was.
    let plain = &load(&cluster_with("lock: {}")).unwrap().clusters["eu"];
    assert_eq!(json!(plain).get("lock"), None);
}

#[test]
fn what_is_wrong_with_a_lock_is_told_with_its_line() {
    for (lock, expected) in [
        (
            "lock: {mode: Maybe}",
            "spec.lock.mode: unknown variant `Maybe`, expected one of `Off`, `Warn`, `Deny`",
        ),
        (
            "lock: {breakGlass: [oncall, 'system:authenticated']}",
            "spec.lock.breakGlass[1]: `system:authenticated` has everybody in it: name a group of its own",
        ),
        (
            "lock: {allow: {groups: ['']}}",
            "spec.lock.allow.groups[0]: `` is empty: expected a group as the API server names it",
        ),
        (
            "lock: {allow: {users: ['']}}",
            "spec.lock.allow.users[0]: `` is empty: expected a user as the API server names it",
        ),
        (
            "lock: {allow: {serviceAccounts: [bot]}}",
            "spec.lock.allow.serviceAccounts[0]: `bot` is no service account: write `namespace/name`",
        ),
        (
            "lock: {autoscalers: ['a/b/c']}",
            "spec.lock.autoscalers[0]: `a/b/c` is no service account: write `namespace/name`",
        ),
        (
            "lock: {mode: Deny}, withoutServiceAccount: ActAsOwn",
            "spec.lock: needs `withoutServiceAccount: Refuse`: what the engine does as the kubeconfig's own user can't be told from what that \
             user does by hand",
        ),
    ] {
        let found = errors(&cluster_with(lock));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("24:"), "{found:?}");
        assert!(found[0].ends_with(&format!("Cluster `eu`: {expected}")), "{found:?}");
    }
}

#[test]
fn a_person_may_act_as_their_own_kubeconfig() {
    let text =
        with("  target: {cluster: eu}").replace("context: admin}", "context: admin}, withoutServiceAccount: ActAsOwn");
    assert_eq!(
        load(&text).unwrap().clusters["eu"].without_service_account,
        Unnamed::ActAsOwn
    );
}

#[test]
fn a_namespace_is_a_name() {
    let found = errors(&GOOD.replace("metadata: {name: api}", "metadata: {name: api, namespace: 'a b'}"));
    assert_eq!(
        found,
        ["11:23: `a b` is no namespace: use lower-case letters, digits, `-` and `.`"]
    );
}

#[test]
fn a_spec_reads_what_it_writes() {
    let config = load(&with("  target: {cluster: eu, serviceAccountName: d}")).unwrap();
    let spec = &config.apps["api"].spec;
    assert_eq!(serde_json::from_value::<AppSpec>(json!(spec)).unwrap(), *spec);
    let cluster = &config.clusters["eu"];
    assert_eq!(serde_json::from_value::<ClusterSpec>(json!(cluster)).unwrap(), *cluster);
}
