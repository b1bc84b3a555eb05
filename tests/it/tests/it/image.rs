//! The image of `cargo x image`: unpacked, it is all that the engine needs to run.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use windlass_core::digest::Digest;

use crate::{
    git_server::{GitServer, Options},
    sandbox::{Sandbox, config_map},
};

/// The layout, which `cargo x test` makes.
fn layout() -> PathBuf {
    let folder = std::env::var_os("WINDLASS_IMAGE").map(PathBuf::from);
    folder.expect("WINDLASS_IMAGE names no image: run `cargo x test`, which makes it, or `cargo x image`")
}

/// What a descriptor refers to, once its digest was compared.
fn blob(descriptor: &Value) -> PathBuf {
    let digest = descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
    let path = layout().join("blobs/sha256").join(digest);
    let content = fs::read(&path).unwrap();
    assert_eq!(descriptor["size"], content.len());
    assert_eq!(Digest::of(&content).to_string().trim_start_matches("sha256:"), digest);
    path
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The config of the image, whose layers lie in `root` then.
fn unpack(root: &Path) -> Value {
    let index = json(&layout().join("index.json"));
    let manifest = json(&blob(&index["manifests"][0]));
    for layer in manifest["layers"].as_array().unwrap() {
        let mut tar = Command::new("tar");
        tar.arg("--no-same-owner")
            .arg("-C")
            .arg(root)
            .arg("-xpf")
            .arg(blob(layer));
        assert!(tar.status().unwrap().success());
    }
    json(&blob(&manifest["config"]))
}

/// The image's program in its tree as the root of all files, in namespaces of its own: a container without an engine.
fn run(root: &Path, config: &Value, args: &[&str]) -> Output {
    const SCRIPT: &str =
        "mount --rbind /proc \"$0/proc\" && mount --bind /dev/null \"$0/dev/null\" && exec chroot \"$0\" \"$@\"";
    let entry = config["config"]["Entrypoint"][0].as_str().unwrap();
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--mount", "sh", "-c", SCRIPT])
        .arg(root)
        .arg(entry)
        .args(args);
    // `PATH` of the script's own commands; the image's `PATH` is a part of it.
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", "/tmp");
    command.output().unwrap()
}

#[test]
fn unpacked_it_runs_and_needs_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let config = unpack(root);
    assert_eq!(config["config"]["User"], "65532:65532");
    let mode = |path: &str| fs::metadata(root.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("tmp"), mode("usr/bin/windlass")), (0o1777, 0o755));
    for path in [
        "etc/ssl/certs/ca-certificates.crt",
        "usr/bin/ssh",
        "usr/lib/windlass/plugins/helm.wasm",
    ] {
        assert!(root.join(path).is_file(), "{path}");
    }
    // What a container engine brings.
    for path in ["proc", "dev", "work"] {
        fs::create_dir_all(root.join(path)).unwrap();
    }
    fs::write(root.join("dev/null"), "").unwrap();

    let version = run(root, &config, &["--version"]);
    let said = String::from_utf8_lossy(&version.stderr).into_owned();
    assert!(version.status.success(), "{said}");
    assert!(String::from_utf8_lossy(&version.stdout).starts_with("windlass "));
    // `ssh` finds its libraries too.
    let ssh = serde_json::json!({"config": {"Entrypoint": ["/usr/bin/ssh"]}});
    let ssh = run(root, &ssh, &["-V"]);
    assert!(ssh.status.success(), "{ssh:?}");

    // The loopback is shared; `git`, which folders need, is not in the image: in a cluster every URL is remote.
    let sandbox = Sandbox::new();
    sandbox.commit(&[("apps/a/map.yaml", Some(&config_map("a", "one")))]);
    let server = GitServer::start(sandbox.path(), Options::default());
    let text = format!(
        "apiVersion: windlass.dev/v1alpha1\nkind: Repository\nmetadata: {{name: shop}}\nspec:\n  git: {{url: '{}', ref: {{branch: main}}}}\n\
        ---\napiVersion: windlass.dev/v1alpha1\nkind: App\nmetadata: {{name: a}}\nspec: {{repository: shop, path: apps/a, target: {{directory: /work/out}}}}\n",
        server.url("repo/.git")
    );
    fs::write(root.join("work/windlass.yaml"), text).unwrap();
    let state = ["--state", "/work/state"];
    for verb in [
        &["validate", "/work/windlass.yaml"][..],
        &["sync", "/work/windlass.yaml"],
    ] {
        let done = run(root, &config, &[verb, &state].concat());
        assert!(done.status.success(), "{verb:?}: {done:?}");
    }
    let mut found = Vec::new();
    files(&root.join("work/out"), &mut found);
    assert!(found.iter().any(|text| text.contains("one")), "{found:?}");
}

fn files(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned());
        }
    }
}
