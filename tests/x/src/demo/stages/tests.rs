//! A good run passes, and every way of going wrong is seen.

use std::path::PathBuf;

use super::*;
use crate::demo::cycle::Diagnostic;

const PLACE: Place = Place {
    file: "apps/platform/rbac.yaml",
    lines: (10, 12),
};

fn cycle(app: &str, created: u64, configured: u64, unchanged: u64) -> Cycle {
    Cycle {
        app: app.to_owned(),
        revision: Some("4f1c".to_owned()),
        render: Some("fresh".to_owned()),
        changes: Changes {
            created,
            configured,
            unchanged,
            deleted: 0,
            skipped: 0,
        },
        health: "healthy".to_owned(),
        diagnostics: Vec::new(),
    }
}

fn cycles(make: impl Fn(&str) -> Cycle) -> BTreeMap<String, Cycle> {
    APPS.iter().map(|app| ((*app).to_owned(), make(app))).collect()
}

fn folder() -> Folder {
    let mut folder = Folder::default();
    for (index, (kind, name)) in OBJECTS.iter().enumerate() {
        let name = if name.ends_with('-') {
            format!("{name}h8d2")
        } else {
            (*name).to_owned()
        };
        let mut content = format!("kind: {kind}\nmetadata:\n  name: {name}\n");
        if (*kind, name.as_str()) == ("Deployment", CHANGED) {
            content.push_str("spec:\n  replicas: 2\n  - image: registry.shop.example/api:1.7.2\n");
        }
        folder.files.insert(PathBuf::from(format!("{index:02}.yaml")), content);
    }
    folder
}

fn changed() -> Folder {
    let mut folder = folder();
    for content in folder.files.values_mut() {
        *content = content.replace("replicas: 2", "replicas: 4").replace("1.7.2", "1.8.0");
    }
    folder
}

fn failed() -> BTreeMap<String, Cycle> {
    cycles(|app| {
        let mut cycle = cycle(app, 0, 0, 3);
        if app == BROKEN {
            cycle.changes = Changes::default();
            cycle.health = "failed".to_owned();
            cycle.diagnostics.push(Diagnostic {
                severity: "error".to_owned(),
                message: "bad indentation".to_owned(),
                file: Some(PLACE.file.to_owned()),
                line: Some(12),
            });
        }
        cycle
    })
}

fn check(stage: Stage, cycles: &BTreeMap<String, Cycle>, before: &Folder, after: &Folder) -> Vec<String> {
    stage.check(&Scene {
        cycles,
        before,
        after,
        broken: Some(&PLACE),
    })
}

#[test]
fn a_good_run_has_no_problems() {
    let none: Vec<String> = Vec::new();
    let (old, new) = (folder(), changed());
    assert_eq!(
        check(
            Stage::First,
            &cycles(|app| cycle(app, 3, 0, 0)),
            &Folder::default(),
            &old
        ),
        none
    );
    assert_eq!(
        check(
            Stage::Good,
            &cycles(|app| cycle(app, 0, u64::from(app == CHANGED), 3)),
            &old,
            &new
        ),
        none
    );
    assert_eq!(check(Stage::Broken, &failed(), &new, &new), none);
    assert_eq!(
        check(Stage::Rollback, &cycles(|app| cycle(app, 0, 0, 3)), &new, &new),
        none
    );
}

#[test]
fn the_first_stage_misses_objects_and_apps_that_failed() {
    let all = cycles(|app| cycle(app, 3, 0, 0));
    for index in 0..OBJECTS.len() {
        let mut missing = folder();
        missing.files.remove(&PathBuf::from(format!("{index:02}.yaml")));
        assert!(
            !check(Stage::First, &all, &Folder::default(), &missing).is_empty(),
            "object {index}"
        );
    }
    assert!(
        !check(
            Stage::First,
            &cycles(|app| cycle(app, 0, 0, 3)),
            &Folder::default(),
            &folder()
        )
        .is_empty()
    );
    assert!(!check(Stage::First, &all, &folder(), &folder()).is_empty());
    assert!(!check(Stage::First, &failed(), &Folder::default(), &folder()).is_empty());
}

#[test]
fn the_good_change_must_arrive_and_touch_nothing_else() {
    let reports = cycles(|app| cycle(app, 0, u64::from(app == CHANGED), 3));
    assert!(!check(Stage::Good, &reports, &folder(), &folder()).is_empty());
    let mut other = changed();
    other
        .files
        .insert(PathBuf::from("99.yaml"), "kind: Secret\n".to_owned());
    assert!(!check(Stage::Good, &reports, &folder(), &other).is_empty());
    let mut half = changed();
    for content in half.files.values_mut() {
        *content = content.replace("replicas: 4", "replicas: 3");
    }
    assert!(!check(Stage::Good, &reports, &folder(), &half).is_empty());
    assert!(!check(Stage::Good, &cycles(|app| cycle(app, 0, 1, 3)), &folder(), &changed()).is_empty());
}

#[test]
fn the_broken_stage_wants_file_and_line_and_no_write() {
    let edit = |edit: fn(&mut Cycle)| {
        let mut reports = failed();
        edit(reports.get_mut(BROKEN).unwrap());
        check(Stage::Broken, &reports, &changed(), &changed())
    };
    for (what, problems) in [
        ("no diagnostic", edit(|cycle| cycle.diagnostics.clear())),
        (
            "only a warning",
            edit(|cycle| cycle.diagnostics[0].severity = "warning".to_owned()),
        ),
        (
            "another file",
            edit(|cycle| cycle.diagnostics[0].file = Some("apps/platform/quota.yaml".to_owned())),
        ),
        ("another line", edit(|cycle| cycle.diagnostics[0].line = Some(13))),
        ("no line", edit(|cycle| cycle.diagnostics[0].line = None)),
        ("healthy", edit(|cycle| cycle.health = "healthy".to_owned())),
        ("deleted", edit(|cycle| cycle.changes.deleted = 1)),
    ] {
        assert!(!problems.is_empty(), "{what}");
    }
    let mut fewer = changed();
    fewer.files.pop_first();
    assert!(
        !check(Stage::Broken, &failed(), &changed(), &fewer).is_empty(),
        "a file is gone"
    );
    assert!(
        !check(Stage::Rollback, &failed(), &changed(), &changed()).is_empty(),
        "still failed"
    );
}

#[test]
fn the_configuration_names_all_apps_and_quotes_the_address() {
    let config = config("file:///tmp/my \"shop\".git");
    assert!(config.contains(r#"url: "file:///tmp/my \"shop\".git""#), "{config}");
    for app in APPS {
        assert!(config.contains(&format!("metadata: {{name: {app}}}")), "{app}");
    }
    assert_eq!(config.matches("kind: App").count(), APPS.len());
}
