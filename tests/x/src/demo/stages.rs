//! The script: its stages, and what each must show. The checks are pure.

use std::collections::BTreeMap;

use super::cycle::{Changes, Cycle};
use super::folder::Folder;
use super::shop::Place;

/// The apps, each with its own renderer.
pub(super) const APPS: [&str; 4] = ["api", "metrics", "platform", "web"];
/// The app that the good change is about.
const CHANGED: &str = "api";
/// The app that the second commit breaks.
const BROKEN: &str = "platform";
/// What the good change brings: a line of the API's Deployment before, and after.
const GOOD_CHANGE: [(&str, &str); 2] = [
    (
        "image: registry.shop.example/api:1.7.2",
        "image: registry.shop.example/api:1.8.0",
    ),
    ("replicas: 2", "replicas: 4"),
];

/// Objects that must be there once all is applied; a name that ends in `-` has a generated suffix.
const OBJECTS: [(&str, &str); 14] = [
    ("ConfigMap", "api"),
    ("Deployment", "api"),
    ("Service", "api"),
    ("ConfigMap", "metrics"),
    ("Deployment", "metrics"),
    ("Service", "metrics"),
    ("Namespace", "shop"),
    ("NetworkPolicy", "same-namespace"),
    ("ResourceQuota", "shop"),
    ("Role", "support"),
    ("RoleBinding", "support"),
    ("ConfigMap", "nginx-"),
    ("Deployment", "web"),
    ("Service", "web"),
];

/// The configuration of the demo: one repository, four apps.
pub(super) fn config(url: &str) -> String {
    let render =
        |plugin: &str, config: &str| format!("  render: [{{plugin: {{name: {plugin}}}, config: {{{config}}}}}]\n");
    let app = |name: &str, path: &str, render: &str| {
        format!(
            "---\napiVersion: windlass.dev/v1alpha1\nkind: App\nmetadata: {{name: {name}}}\nspec:\n  \
             repository: shop\n  path: {path}\n{render}  target: {{namespace: shop}}\n"
        )
    };
    let url = url.replace('\\', "\\\\").replace('"', "\\\"");
    [
        format!(
            "apiVersion: windlass.dev/v1alpha1\nkind: Repository\nmetadata: {{name: shop}}\nspec:\n  \
             git: {{url: \"{url}\", ref: {{branch: main}}}}\n  interval: 2s\n"
        ),
        app("api", "apps/api", &render("helm", "releaseName: api")),
        app("metrics", "apps/metrics", &render("jsonnet", "libs: [lib]")),
        // The files in the folder tell which plugin renders these two.
        app("platform", "apps/platform", ""),
        app("web", "apps/web/overlays/production", ""),
    ]
    .concat()
}

/// A stage of the script: a commit, and its effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// All four apps appear.
    First,
    /// One app changes.
    Good,
    /// One app can't be rendered any more.
    Broken,
    /// `git revert`.
    Rollback,
}

/// What is known when a stage is over.
pub(super) struct Scene<'a> {
    /// The first report of each app about the stage's commit.
    pub(super) cycles: &'a BTreeMap<String, Cycle>,
    /// The target before the commit.
    pub(super) before: &'a Folder,
    /// The target now.
    pub(super) after: &'a Folder,
    /// What the commit broke.
    pub(super) broken: Option<&'a Place>,
}

impl Stage {
    /// In order.
    pub(super) const ALL: [Self; 4] = [Self::First, Self::Good, Self::Broken, Self::Rollback];

    /// One word.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Good => "good",
            Self::Broken => "broken",
            Self::Rollback => "rollback",
        }
    }

    /// Says what is about to happen.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::First => "1. Four apps: a Helm chart, Jsonnet, plain YAML, a Kustomize overlay",
            Self::Good => "2. A good change: the API's new release, on four replicas",
            Self::Broken => "3. A broken change: a line of YAML that is indented wrongly",
            Self::Rollback => "4. The rollback: git revert",
        }
    }

    /// Says what has been seen, and is true only if [`Stage::check`] found nothing.
    pub(super) const fn moral(self) -> &'static str {
        match self {
            Self::First => "every app was rendered by its plugin, in a sandbox, and each object is a file now",
            Self::Good => "one file changed, the API's Deployment; no other file was written",
            Self::Broken => {
                "the mistake was named by file and line, nothing was deleted, and the other apps are in sync"
            }
            Self::Rollback => "all apps are in sync again, and no file had to change",
        }
    }

    /// What is not as it should be; empty = all well.
    pub(super) fn check(self, scene: &Scene<'_>) -> Vec<String> {
        let mut problems = Vec::new();
        match self {
            Self::First => first(scene, &mut problems),
            Self::Good => good(scene, &mut problems),
            Self::Broken => broken(scene, &mut problems),
            Self::Rollback => in_sync(scene, |_| true, &mut problems),
        }
        problems
    }
}

fn first(scene: &Scene<'_>, problems: &mut Vec<String>) {
    if !scene.before.files.is_empty() {
        problems.push("the target was not empty at the start".to_owned());
    }
    for cycle in scene.cycles.values() {
        healthy(cycle, problems);
        if cycle.changes.created == 0 {
            problems.push(format!("{} created nothing", cycle.app));
        }
        if cycle.render.as_deref() != Some("fresh") {
            problems.push(format!("{} was not rendered afresh", cycle.app));
        }
    }
    for (kind, name) in OBJECTS {
        let found = scene.after.objects(kind, name).len();
        if found != 1 {
            problems.push(format!("{found} files hold {kind} {name}, instead of one"));
        }
    }
    if scene.after.files.len() != OBJECTS.len() {
        problems.push(format!(
            "the target holds {} files, instead of {}",
            scene.after.files.len(),
            OBJECTS.len()
        ));
    }
}

fn good(scene: &Scene<'_>, problems: &mut Vec<String>) {
    let deployment = scene.after.objects("Deployment", CHANGED);
    let changed = scene.before.differences(scene.after);
    if changed.is_empty() || changed != deployment {
        problems.push(format!("the files {changed:?} changed, instead of {deployment:?}"));
    }
    for path in deployment {
        let holds = |folder: &Folder, wanted: &str| {
            let is_wanted = |line: &str| line.trim_start_matches([' ', '-']).replace('"', "") == wanted;
            folder
                .files
                .get(path)
                .is_some_and(|content| content.lines().any(is_wanted))
        };
        for (old, new) in GOOD_CHANGE {
            if !holds(scene.before, old) || !holds(scene.after, new) {
                problems.push(format!("{} did not go from `{old}` to `{new}`", path.display()));
            }
        }
    }
    for cycle in scene.cycles.values() {
        healthy(cycle, problems);
        let expected = if cycle.app == CHANGED { 1 } else { 0 };
        let Changes {
            created,
            configured,
            deleted,
            ..
        } = cycle.changes;
        if (created, configured, deleted) != (0, expected, 0) {
            problems.push(format!("{} did {:?}", cycle.app, cycle.changes));
        }
    }
}

fn broken(scene: &Scene<'_>, problems: &mut Vec<String>) {
    in_sync(scene, |app| app != BROKEN, problems);
    let (Some(cycle), Some(place)) = (scene.cycles.get(BROKEN), scene.broken) else {
        problems.push(format!("nothing is known about {BROKEN}"));
        return;
    };
    let lines = place.lines.0..=place.lines.1;
    let named = cycle.diagnostics.iter().any(|found| {
        found.severity == "error"
            && found.file.as_deref() == Some(place.file)
            && found.line.is_some_and(|line| lines.contains(&line))
    });
    if !named {
        problems.push(format!(
            "no error names {} and a line from {} to {}",
            place.file,
            lines.start(),
            lines.end()
        ));
    }
    if cycle.changes.any() || cycle.health != "failed" {
        problems.push(format!("{BROKEN} is {}, and did {:?}", cycle.health, cycle.changes));
    }
}

/// Those apps that `concerned` names are healthy and left the target alone, and no file changed at all.
fn in_sync(scene: &Scene<'_>, concerned: impl Fn(&str) -> bool, problems: &mut Vec<String>) {
    let changed = scene.before.differences(scene.after);
    if !changed.is_empty() {
        problems.push(format!("the files {changed:?} changed"));
    }
    for cycle in scene.cycles.values().filter(|cycle| concerned(&cycle.app)) {
        healthy(cycle, problems);
        if cycle.changes.any() || cycle.changes.unchanged == 0 {
            problems.push(format!("{} did {:?}", cycle.app, cycle.changes));
        }
    }
}

fn healthy(cycle: &Cycle, problems: &mut Vec<String>) {
    let errors = cycle
        .diagnostics
        .iter()
        .filter(|found| found.severity == "error")
        .count();
    if cycle.health != "healthy" || errors > 0 {
        problems.push(format!("{} is {} with {errors} errors", cycle.app, cycle.health));
    }
}

#[cfg(test)]
mod tests;
