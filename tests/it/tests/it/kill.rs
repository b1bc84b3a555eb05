//! Kills the process at every step of a cycle and runs it again: the end state is the same.

use std::{collections::BTreeMap, os::unix::process::ExitStatusExt as _};

use crate::sandbox::{Sandbox, config_map};

/// More points than a cycle has: the sweep must end before.
const BOUND: u32 = 200;

/// A repository whose second commit creates, changes and deletes.
fn sandbox(second: bool) -> Sandbox {
    let sandbox = Sandbox::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| config_map(name, "1"));
    sandbox.commit(&[
        ("app/a.yaml", Some(&a)),
        ("app/b.yaml", Some(&b)),
        ("app/c.yaml", Some(&c)),
    ]);
    sandbox.config(&[("app", "  path: app\n  target: {namespace: shop}\n")]);
    if second {
        assert_eq!(sandbox.sync(&[]).code, Some(0));
        let changed = config_map("a", "2");
        sandbox.commit(&[
            ("app/a.yaml", Some(&changed)),
            ("app/b.yaml", None),
            ("app/d.yaml", Some(&config_map("d", "1"))),
        ]);
    }
    sandbox
}

fn expected(second: bool) -> BTreeMap<String, String> {
    let sandbox = sandbox(second);
    assert_eq!(sandbox.sync(&[]).code, Some(0));
    without_installation(&sandbox)
}

/// The mark names the installation, and each sandbox is one.
fn without_installation(sandbox: &Sandbox) -> BTreeMap<String, String> {
    let installation = windlass::state::State::open(&sandbox.path().join("state"))
        .unwrap()
        .secret()
        .installation();
    sandbox
        .files()
        .into_iter()
        .map(|(path, text)| (path, text.replace(&installation, "INSTALLATION")))
        .collect()
}

fn kill_everywhere(second: bool) -> u32 {
    let expected = expected(second);
    for point in 1..BOUND {
        let sandbox = sandbox(second);
        let killed = sandbox
            .sync_command(&[])
            .env("WINDLASS_FAULT", point.to_string())
            .output()
            .unwrap();
        if killed.status.success() {
            return point;
        }
        let name = String::from_utf8_lossy(&killed.stderr);
        assert_eq!(killed.status.signal(), Some(9), "point {point}: {name}");
        let after = sandbox.sync(&[]);
        assert_eq!(
            (after.code, after.health("app")),
            (Some(0), "healthy"),
            "after point {point} ({name}): {after:?}"
        );
        assert_eq!(without_installation(&sandbox), expected, "after point {point} ({name})");
        let quiet = sandbox.sync(&[]);
        assert_eq!(
            quiet.counts("app"),
            [0, 0, 3, 0, 0],
            "after point {point} ({name}): {quiet:?}"
        );
    }
    panic!("the cycle has more than {BOUND} points");
}

#[test]
fn a_first_sync_survives_a_kill_at_every_step() {
    assert!(kill_everywhere(false) > 10, "there are fault points");
}

#[test]
fn an_update_survives_a_kill_at_every_step() {
    assert!(kill_everywhere(true) > 10, "there are fault points");
}
