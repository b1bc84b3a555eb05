//! What is far too much: loops that would take for ever, files of a hundred megabytes, folders of a hundred thousand files.

use super::{
    siege::{Attack, withstand_with},
    yaml::laughs,
};
use crate::sandbox::{config_map, plugins};

/// Loops that take no memory: each is ended at its time, while the other apps go on.
#[test]
fn loops_without_end_take_their_time_and_no_more() {
    const LATE: &[&str] = &["helm@", "took longer than 3 s"];
    const LATE_TOO: &[&str] = &["jsonnet@", "took longer than 3 s"];
    const LATE_AGAIN: &[&str] = &["kustomize@", "took longer than 3 s"];
    let chart = "apiVersion: v2\nname: c\nversion: 1.0.0\n";
    let spin = "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}";
    let helm = Attack::new("chart", "Chart.yaml", chart).and("templates/a.yaml", spin);
    withstand_with(&[helm.told_as("plugin-stopped", LATE, "")], &three_seconds("helm"));
    let spin = "local n = std.range(1, 100000); std.foldl(function(a, i) std.foldl(function(b, j) b, n, a), n, 0)";
    let jsonnet = Attack::new("program", "main.jsonnet", spin);
    let minus = Attack::new("minus", "main.jsonnet", "-".repeat(100_000));
    withstand_with(
        &[
            jsonnet.told_as("plugin-stopped", LATE_TOO, ""),
            minus.told_as("plugin-stopped", LATE_TOO, ""),
        ],
        &three_seconds("jsonnet"),
    );
    let first = config_map("first", "1");
    let base = Attack::new("base", "kustomization.yaml", "resources: [a.yaml]\n");
    let base = base.and("a.yaml", format!("{first}{}", laughs(12)));
    let keys: String = (0..50_000).map(|n| format!("  k{n}: \"{n}\"\n")).collect();
    let patch = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: first}}\ndata:\n{keys}");
    let patched = "resources: [a.yaml]\npatches: [{path: p.yaml}]\n";
    let patched = Attack::new("patched", "kustomization.yaml", patched)
        .and("a.yaml", first)
        .and("p.yaml", patch);
    withstand_with(
        &[
            base.told_as("plugin-stopped", LATE_AGAIN, ""),
            patched.told_as("plugin-stopped", LATE_AGAIN, ""),
        ],
        &three_seconds("kustomize"),
    );
}

/// One text of a hundred megabytes, read in every way that a renderer has. Where nobody reads it, it does no harm.
#[test]
fn files_of_a_hundred_megabytes() {
    const TOO_LARGE: &[&str] = &["big.yaml", "larger than the limit of 67108864 bytes"];
    // Then follows 3 s or 512 MiB, whichever the machine comes to first.
    const HELM: &[&str] = &["helm@", ", render: "];
    const KUSTOMIZE: &[&str] = &["kustomize@", ", render: "];
    let big = config_map("first", &"x".repeat(100_000_000));
    let chart = "apiVersion: v2\nname: c\nversion: 1.0.0\n";
    let generator = "configMapGenerator: [{name: big, files: [big.yaml]}]\n";
    let with = |name, path, content: &str| Attack::new(name, path, content).and("big.yaml", big.as_str());
    let attacks = [
        with("beside", "first.yaml", &config_map("first", "2")).told_as("unreadable-file", TOO_LARGE, "big.yaml"),
        Attack::new("unread", "big.bin", big.as_str()).and("first.yaml", config_map("first", "2")),
        with("chart", "Chart.yaml", chart)
            .and("templates/first.yaml", "{{ .Files.Get \"big.yaml\" }}")
            .told_as("plugin-stopped", HELM, ""),
        with("resource", "kustomization.yaml", "resources: [big.yaml]\n").told_as("plugin-stopped", KUSTOMIZE, ""),
        with("generated", "kustomization.yaml", generator).told_as("plugin-stopped", KUSTOMIZE, ""),
        with("import", "main.jsonnet", "importstr 'big.yaml'").told_as("bad-import", TOO_LARGE, "main.jsonnet"),
    ];
    let limits = ["helm", "kustomize"].map(three_seconds);
    withstand_with(&attacks, &limits.concat());
}

/// A hundred thousand files below one folder: each read, and none of them.
#[test]
fn folders_of_a_hundred_thousand_files() {
    const MANY: &[&str] = &["yaml@", "emits more than 50000 documents"];
    const LATE: &[&str] = &["helm@", "took longer than 3 s"];
    let chart = "apiVersion: v2\nname: c\nversion: 1.0.0\n";
    let many = |attack: Attack, folder: &str, end: &str, content: &dyn Fn(usize) -> String| {
        (0..100_000).fold(attack, |attack, n| {
            attack.and(format!("{folder}d{}/n{n}.{end}", n / 1_000), content(n))
        })
    };
    let object = |n: usize| config_map(&format!("m{n}"), "1");
    let first = Attack::new("unread", "first.yaml", config_map("first", "2"));
    let attacks = [
        many(first, "", "txt", &|_| "x".to_owned()),
        many(Attack::new("manifests", "first.yaml", object(0)), "", "yaml", &object).told_as(
            "plugin-stopped",
            MANY,
            "",
        ),
        many(
            Attack::new("templates", "Chart.yaml", chart),
            "templates/",
            "yaml",
            &object,
        )
        .told_as("plugin-stopped", LATE, ""),
    ];
    withstand_with(&attacks, &three_seconds("helm"));
}

/// A `Plugin` document that gives a call three seconds: the default of thirty is the same code, and ten times the wait.
pub(super) fn three_seconds(name: &str) -> String {
    let path = plugins().join(format!("{name}.wasm"));
    let bytes = std::fs::read(&path).expect("a plugin");
    let found = windlass_host::inspect(&bytes).expect("a plugin");
    format!(
        "---\napiVersion: windlass.dev/v1alpha1\nkind: Plugin\nmetadata: {{name: {name}}}\nspec:\n  limits: {{time: 3s}}\n  versions:\n  - {{version: {}, file: '{}', digest: '{}'}}\n",
        found.manifest.version,
        path.display(),
        found.digest
    )
}
