//! A fresh sandboxed render beside the native tool.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use serde_json::json;

use crate::{
    figure::{Effort, Figure, Target, Unit, in_turns},
    fixtures::{self, Call},
};

/// Runs of each side in a round.
const REPEATS: usize = 7;

/// One kind of work.
struct Case<'a> {
    work: &'a str,
    plugin: &'a str,
    /// The folder rendered, from the fixture's root.
    path: &'a str,
    /// The native command, its name first; run in the fixture's root.
    native: &'a [&'a str],
    target: Option<Target>,
}

pub(crate) fn measure(effort: Effort) -> Vec<Figure> {
    let work = tempfile::tempdir().expect("a folder");
    let root = work.path();
    fixtures::chart(&root.join("one"), 1);
    fixtures::chart(&root.join("thirty"), 30);
    fixtures::kustomization(&root.join("twelve"));
    fixtures::jsonnet(&root.join("twenty"));
    fixtures::yaml(&root.join("hundred"));
    let helm = ["helm", "template", "app", "."];
    let ratio = Some(Target::RatioAtMost(1.0));
    let case = |work, plugin, path, native, target| Case {
        work,
        plugin,
        path,
        native,
        target,
    };
    let cases = [
        ("one", case("Helm, 1 template", "helm", "", &helm[..], ratio)),
        ("thirty", case("Helm, 30 templates", "helm", "", &helm[..], ratio)),
        (
            "twelve",
            case(
                "Kustomize, overlay of 12 objects",
                "kustomize",
                "overlay",
                &["kustomize", "build", "overlay"],
                ratio,
            ),
        ),
        (
            "twenty",
            case("Jsonnet, 20 objects", "jsonnet", "", &["jsonnet", "main.jsonnet"], None),
        ),
        (
            "hundred",
            case(
                "YAML, 100 manifests",
                "yaml",
                "plain",
                &["kustomize", "build", "listed"],
                None,
            ),
        ),
    ];
    let mut figures: Vec<Figure> = cases
        .iter()
        .map(|(folder, case)| figure(effort, &root.join(folder), case))
        .collect();
    // The same figure again, for its second bound.
    if let Some(one) = figures.first() {
        let again = Figure::new("Helm, 1 template, by itself", one.ours.clone(), Unit::Milliseconds);
        figures.push(again.within(Target::AtMost(10.0)));
    }
    figures
}

fn figure(effort: Effort, folder: &Path, case: &Case<'_>) -> Figure {
    let host = fixtures::host(1, fixtures::cache());
    let call = Call::new(&host, case.plugin, folder, case.path, &json!({}));
    let ours = || call.run(&host);
    let (name, arguments) = case.native.split_first().expect("a command");
    let peer = fixtures::oracle(name).map(|program| {
        move || {
            let mut command = Command::new(&program);
            command
                .args(arguments)
                .current_dir(folder)
                .env_clear()
                .env("HOME", folder);
            let status = command.stdout(Stdio::null()).status().expect("the native tool runs");
            assert!(status.success(), "native {name}");
        }
    });
    let (ours, theirs) = in_turns(effort, REPEATS, ours, peer);
    let mut figure =
        Figure::new(case.work, ours, Unit::Milliseconds).beside(&format!("`{}`", case.native.join(" ")), theirs);
    figure.target = case.target;
    figure
}
