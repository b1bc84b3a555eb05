//! Loops that would take for ever.

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
