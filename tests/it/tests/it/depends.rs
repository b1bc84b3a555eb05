//! Apps that wait for others, through the program onto folders.

use crate::sandbox::{Sandbox, Synced, config_map};

fn sandbox(first: &str, second: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.commit(&[
        ("db/a.yaml", Some(&config_map("a", "1"))),
        ("web/b.yaml", Some(&config_map("b", "1"))),
    ]);
    sandbox.config(&[
        ("db", &format!("  path: db\n{first}")),
        ("web", &format!("  path: web\n  dependsOn: [{{app: db}}]\n{second}")),
    ]);
    sandbox
}

fn health(synced: &Synced) -> [&str; 2] {
    [synced.health("db"), synced.health("web")]
}

#[test]
fn an_app_comes_after_what_it_depends_on() {
    let sandbox = sandbox("", "");
    let synced = sandbox.sync(&[]);
    assert_eq!((synced.code, health(&synced)), (Some(0), ["healthy"; 2]), "{synced:?}");
    sandbox.commit(&[
        ("db/a.yaml", Some(&config_map("a", "2"))),
        ("web/b.yaml", Some(&config_map("b", "2"))),
    ]);
    assert_eq!(health(&sandbox.sync(&[])), ["healthy"; 2]);
}

#[test]
fn what_failed_holds_back_what_depends_on_it_and_nothing_else() {
    let sandbox = sandbox("", "");
    sandbox.sync(&[]);
    let before = sandbox.files();
    sandbox.commit(&[("db/a.yaml", Some("a: [")), ("web/b.yaml", Some(&config_map("b", "2")))]);
    let synced = sandbox.sync(&[]);
    assert_eq!(
        (synced.code, health(&synced), synced.counts("web")),
        (Some(1), ["failed", "progressing"], [0, 0, 0, 0, 1]),
        "{synced:?}"
    );
    assert_eq!(synced.report("web")["waiting"][0], "App db: it is failed");
    assert_eq!(sandbox.files(), before);
    // Drift is repaired, whatever the other does.
    sandbox.commit(&[("web/b.yaml", Some(&config_map("b", "1")))]);
    let file = before.keys().find(|path| path.ends_with("ConfigMap-b.yaml")).unwrap();
    std::fs::remove_file(sandbox.out().join(file)).unwrap();
    let synced = sandbox.sync(&[]);
    assert_eq!(health(&synced), ["failed", "healthy"], "{synced:?}");
    assert_eq!(sandbox.files(), before);
}
