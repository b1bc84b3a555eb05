//! Kustomizations that lead in circles, out of the tree, or to more than they say.

use super::{
    history::Content::Link,
    siege::{Attack, withstand},
};
use crate::sandbox::config_map;

fn kustomization(name: &'static str, text: impl Into<String>) -> Attack {
    Attack::new(name, "kustomization.yaml", text.into())
}

const FILE: &str = "kustomization.yaml";

#[test]
fn circles_and_ways_out() {
    let base = |to: &str| format!("resources: [\"{to}\"]\n");
    withstand(&[
        kustomization("cycle", base("a")).and("a/kustomization.yaml", base("../b")).and("b/kustomization.yaml", base("../a")).told_as(
            "build-failed",
            &["cycle"],
            None,
        ),
        kustomization("self", base(".")).told_as("build-failed", &["cycle"], None),
        kustomization("ring", base("a.yaml")).and("a.yaml", Link("b.yaml")).and("b.yaml", Link("a.yaml")).told_as("bad-link", &["40"], None),
        kustomization("folder-ring", base("a")).and("a", Link(".")).told_as("build-failed", &["cycle"], None),
        kustomization("up", base("../../../../etc/passwd")).told_as("outside-tree", &[], FILE),
        kustomization("absolute", base("/etc/passwd")).told_as("outside-tree", &[], FILE),
        kustomization("link", base("a.yaml")).and("a.yaml", Link("/etc/passwd")).told_as("bad-link", &[], None),
        kustomization("remote", base("https://127.0.0.1:1/x")).told_as("needs-network", &[], FILE),
        kustomization("exec", "generators: [g.yaml]\n").and(
            "g.yaml",
            "apiVersion: x/v1\nkind: X\nmetadata:\n  name: x\n  annotations:\n    config.kubernetes.io/function: |\n      exec: {path: /bin/sh}\n",
        )
        .told_as("needs-program", &[], None),
    ]);
}

#[test]
fn bombs() {
    let many = vec!["a.yaml"; 10_000].join(",");
    withstand(&[
        kustomization("laughs", super::yaml::laughs(12)).told_as("build-failed", &["excessive aliasing"], FILE),
        kustomization("many", format!("resources: [{many}]\n"))
            .and("a.yaml", config_map("first", "1"))
            .told_as("build-failed", &["already registered"], None),
        kustomization("depth", format!("resources: {}\n", "[".repeat(20_000))).told_as(
            "plugin-stopped",
            &["kustomize@", "stack of 1.5 MiB"],
            "",
        ),
    ]);
}
