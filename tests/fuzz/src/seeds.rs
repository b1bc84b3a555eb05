//! Inputs to start from: the repository's own cases, and a few of each kind.

use std::{fs, path::Path};

/// The files below a folder that `wanted` takes, in the order of their paths.
pub(crate) fn files(folder: &Path, wanted: fn(&Path) -> bool) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            found.extend(files(&path, wanted));
        } else if wanted(&path) {
            found.extend(fs::read(&path).ok().filter(|bytes| bytes.len() < 8 << 10));
        }
    }
    found
}

fn ending(path: &Path, endings: &[&str]) -> bool {
    path.extension()
        .is_some_and(|found| endings.iter().any(|ending| found == *ending))
}

pub(crate) fn yaml(root: &Path) -> Vec<Vec<u8>> {
    let mut seeds = files(&root.join("tests/cases"), |path| ending(path, &["yaml", "yml", "json"]));
    let own = [
        "a: &x {b: 1}\nc: {<<: *x, d: [*x]}\n---\n- |\n  text\n...\n%YAML 1.2\n---\n? a\n: !!str 1\n",
        "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {b: 1}}}\n- 2\n",
    ];
    seeds.extend(own.map(|text| text.as_bytes().to_vec()));
    seeds
}

pub(crate) fn json(root: &Path) -> Vec<Vec<u8>> {
    let mut seeds = files(&root.join("tests/cases"), |path| ending(path, &["json"]));
    seeds.push(br#"{"a": [1, -2.5e+3, "\u00e9\ud83d\ude00\n", true, null, {}]}"#.to_vec());
    seeds
}

pub(crate) fn config(_: &Path) -> Vec<Vec<u8>> {
    let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    vec![
        b"apiVersion: windlass.dev/v1alpha1\nkind: Repository\nmetadata: {name: r}\nspec:\n  git: {url: 'https://h/r.git', ref: {branch: main}}\n  auth: {username: u, passwordFile: ./p}\n  interval: 1m\n---\napiVersion: windlass.dev/v1alpha1\nkind: App\nmetadata: {name: a, namespace: n}\nspec:\n  repository: r\n  path: a/b\n  render: [{plugin: {name: helm, version: '4.3'}, config: {releaseName: a}}]\n  target: {namespace: n, directory: ./out}\n  prune: {maxPercent: 30, protect: [Namespace]}\n  drift: {mode: Report}\n  suspend: {reason: x}\n".to_vec(),
        b"apiVersion: windlass.dev/v1alpha1\nkind: Cluster\nmetadata: {name: eu}\nspec: {kubeconfig: {file: ./k, context: c}, withoutServiceAccount: ActAsOwn}\n---\napiVersion: windlass.dev/v1alpha1\nkind: App\nmetadata: {name: a}\nspec:\n  repository: r\n  target: {cluster: eu, serviceAccountName: d, adopt: Always}\n  conflicts: {takeFrom: [helm]}\n  ignore: [{kind: Deployment, group: apps, fields: [/spec/replicas, '.spec.containers[name=\"a\"].image'], when: live.spec.replicas > object.spec.replicas}]\n  drift: {scope: Strict}\n  deletionPolicy: Orphan\n".to_vec(),
        format!("apiVersion: windlass.dev/v1alpha1\nkind: Plugin\nmetadata: {{name: p}}\nspec:\n  grants: [cluster]\n  limits: {{time: 5s}}\n  versions: [{{version: 1.0.0, file: p.wasm, digest: 'sha256:{digest}'}}]\n").into_bytes(),
    ]
}

pub(crate) fn trees(_: &Path) -> Vec<Vec<u8>> {
    vec![
        vec![0, 0, 6, 3, 2, 4, 1, 0, 5, 1, 2, 7, 4, 2],
        vec![2, 0, 2, 1, 0, 2, 0, 0, 2, 3, 6, 9, 1, 0, 1, 0, 2, 6],
    ]
}

pub(crate) fn globs(_: &Path) -> Vec<Vec<u8>> {
    [
        "*.yaml\na.yaml",
        "**/a/**\nx/a/y",
        "{a,b/{c,d}}/x\nb/c/x",
        "[!a-c]?\\*\ndx*",
        "a**b\naxb",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

pub(crate) fn paths(_: &Path) -> Vec<Vec<u8>> {
    ["apps/web\n../lib/./a", "a\n/b", "\n..", "a//b\n../../c"]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
}

pub(crate) fn urls(_: &Path) -> Vec<Vec<u8>> {
    [
        "https://h.example/a/b.git",
        "file:///srv/x",
        "http://[::1]:80/x",
        "git@h:a/b",
        "ssh://h/x?y#z",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

pub(crate) fn git_trees(_: &Path) -> Vec<Vec<u8>> {
    let entry = |head: &str| [head.as_bytes(), b"\0", &[7; 20]].concat();
    vec![
        ["100644 a-b", "100755 a.b", "40000 a", "120000 l", "160000 z"]
            .map(entry)
            .concat(),
        entry("100644 .."),
    ]
}

pub(crate) fn attributes(_: &Path) -> Vec<Vec<u8>> {
    vec![
        b"*.yaml text eol=lf\n[attr]m -text ident\na.* m working-tree-encoding=UTF-16\n\0*.tmp\n!keep\n/x/**/y\n"
            .to_vec(),
        b"* text=auto\n\"a\\tb\" -crlf\n* filter=lfs\n\0#\n\\#a\n[a-z]\n".to_vec(),
    ]
}
