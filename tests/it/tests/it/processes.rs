//! Several processes on one state folder: what is shared is safe, what is not says who holds it, and a kill frees it.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Output, Stdio},
    thread,
};

use crate::sandbox::{Sandbox, config_map};

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.commit(&[("app/a.yaml", Some(&config_map("a", "1")))]);
    sandbox.config(&[("app", "  path: app\n  target: {namespace: shop}\n")]);
    sandbox
}

/// A process that is killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `windlass run`, once its first report is there.
fn run(sandbox: &Sandbox) -> Running {
    let target = format!("dir:{}", sandbox.out().display());
    let mut command = sandbox.command(&["run", "windlass.yaml", "--target", &target, "-o", "json"]);
    let mut running = Running(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut lines = BufReader::new(running.0.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert!(line.contains("\"healthy\""), "{line}");
    // Its further lines have a reader as long as it lives.
    thread::spawn(move || lines.lines().map_while(Result::ok).count());
    running
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn one_process_owns_the_inventories_and_the_others_say_which() {
    let sandbox = sandbox();
    let running = run(&sandbox);
    let refused = sandbox.sync_command(&[]).output().unwrap();
    let said = stderr(&refused).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(refused.status.code(), Some(1), "{said}");
    let holder = format!("in use by process {} (`windlass run`, since ", running.0.id());
    assert!(
        said.contains(&holder) && said.contains("wait for it or stop it"),
        "{said}"
    );
    let app = sandbox.repo().join("app");
    let rendered = sandbox.windlass(&["render", app.to_str().unwrap()]);
    assert!(
        rendered.status.success(),
        "rendering needs no inventory: {}",
        stderr(&rendered)
    );
    // kill -9: the note stays, the lock does not.
    drop(running);
    assert!(sandbox.path().join("state/holder").exists());
    let after = sandbox.sync(&[]);
    assert_eq!(
        (after.code, after.counts("app")),
        (Some(0), [0, 0, 1, 0, 0]),
        "{after:?}"
    );
    assert!(!sandbox.path().join("state/holder").exists());
}

#[test]
fn syncs_that_start_together_do_not_mix() {
    let sandbox = sandbox();
    let start = || {
        sandbox
            .sync_command(&[])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    for _ in 0..3 {
        let outputs = [start(), start(), start()].map(|child| child.wait_with_output().unwrap());
        assert!(outputs.iter().any(|output| output.status.success()));
        for output in outputs.iter().filter(|output| !output.status.success()) {
            assert!(stderr(output).contains("in use by"), "{}", stderr(output));
        }
    }
    assert_eq!(sandbox.sync(&[]).counts("app"), [0, 0, 1, 0, 0]);
}

#[test]
fn compiled_plugins_are_shared() {
    let sandbox = sandbox();
    let cache = sandbox.path().join("fresh-cache");
    let app = sandbox.repo().join("app");
    let start = || {
        let mut command = sandbox.command(&["render", app.to_str().unwrap()]);
        command
            .env("WINDLASS_CACHE_DIR", &cache)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let outputs = [start(), start()].map(|child| child.wait_with_output().unwrap());
    for output in &outputs {
        assert!(output.status.success(), "{}", stderr(output));
    }
    assert_eq!(outputs[0].stdout, outputs[1].stdout);
    let names = fs::read_dir(&cache)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let (compiled, other): (Vec<_>, Vec<_>) = names.partition(|name| name.ends_with(".cwasm"));
    assert_eq!(compiled.len(), 1, "one of them is kept: {compiled:?}");
    assert!(
        other.iter().all(|name| !name.starts_with('.')),
        "nothing half-written: {other:?}"
    );
}
