//! Versions of plugins: which serve a repository, from where they come, what another one would change, and when it may serve.

mod fetched;
mod previews;
pub(crate) mod registry;
mod serving;
pub(crate) mod variant;

use std::{fs, process::Output};

use crate::sandbox::{Sandbox, Synced, config_map};

/// Two files in an App's folder, `a.yaml` and `b.yaml`.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.commit(&[
        ("app/a.yaml", Some(&config_map("a", "1"))),
        ("app/b.yaml", Some(&config_map("b", "1"))),
        ("other/c.yaml", Some(&config_map("c", "1"))),
    ]);
    sandbox
}

/// Apps of the sandbox by (name, lines of their spec), with more documents. `serving`: lines of the Repository's spec.
fn configure(sandbox: &Sandbox, serving: &str, apps: &[(&str, &str)], more: &str) {
    let apps: Vec<(&str, String)> = apps
        .iter()
        .map(|(name, spec)| {
            (
                *name,
                format!("  path: {name}\n  target: {{namespace: shop, directory: out}}\n{spec}"),
            )
        })
        .collect();
    let named: Vec<(&str, &str)> = apps.iter().map(|(name, spec)| (*name, spec.as_str())).collect();
    let path = sandbox.config(&named);
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("  interval: 1s\n", &format!("  interval: 1h\n{serving}"));
    fs::write(path, text + more).unwrap();
}

/// `sync` with a cache of its own: components of other tests are none of this one's.
fn sync(sandbox: &Sandbox) -> Synced {
    Synced::of(&windlass(sandbox, &["sync", "windlass.yaml", "-o", "json"]))
}

fn windlass(sandbox: &Sandbox, args: &[&str]) -> Output {
    let cache = sandbox.path().join("cache");
    let mut command = sandbox.command(args);
    command.arg("--cache").arg(cache).output().unwrap()
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The objects of an App that are there, by the names of their files.
fn objects(sandbox: &Sandbox, app: &str) -> Vec<String> {
    let start = format!("{app}/");
    let files = sandbox.files().into_keys().filter(|name| name.starts_with(&start));
    let short = |name: String| name.rsplit('-').next().unwrap_or_default().replace(".yaml", "");
    files.filter(|name| name.ends_with(".yaml")).map(short).collect()
}
