//! What people decide about Apps, through the program: history, rollback, suspension, approval, windows; and why an object is there.

use std::{fs, process::Output};

use serde_json::Value;

use crate::{
    cluster::bed::Running,
    sandbox::{Sandbox, Synced, config_map},
};

const APP: &str = "  path: app\n  target: {namespace: shop}\n";

/// With that much more in the App's spec, and one commit.
fn sandbox(more: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    value(&sandbox, "1");
    sandbox.config(&[("app", &format!("{APP}{more}"))]);
    sandbox
}

/// Commits a value; answers the commit.
fn value(sandbox: &Sandbox, value: &str) -> String {
    sandbox.commit(&[("app/a.yaml", Some(&config_map("a", value)))])
}

fn live(sandbox: &Sandbox) -> String {
    let files = sandbox.files();
    let text = files.get("app/shop/ConfigMap-a.yaml").cloned().unwrap_or_default();
    text.lines()
        .find_map(|line| line.trim().strip_prefix("value: "))
        .map(|value| value.trim_matches('"').to_owned())
        .unwrap_or_default()
}

/// Somebody edits what lives.
fn edit(sandbox: &Sandbox, from: &str) {
    let path = sandbox.out().join("app/shop/ConfigMap-a.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let edited = text.replace(&format!("value: \"{from}\""), "value: hacked");
    assert_ne!(edited, text);
    fs::write(&path, edited).unwrap();
}

fn synced(sandbox: &Sandbox, health: &str, code: i32) -> Synced {
    let synced = sandbox.sync(&[]);
    assert_eq!((synced.health("app"), synced.code), (health, Some(code)), "{synced:?}");
    synced
}

/// A verb, its exit code, and each line of JSON that it prints.
fn ask(sandbox: &Sandbox, args: &[&str]) -> (Option<i32>, Vec<Value>) {
    let mut args = args.to_vec();
    args.extend(["-o", "json"]);
    let output = sandbox.windlass(&args);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")));
    (output.status.code(), lines.collect())
}

fn done(sandbox: &Sandbox, args: &[&str]) -> Vec<Value> {
    let (code, lines) = ask(sandbox, args);
    assert_eq!(code, Some(0), "{args:?}: {lines:?}");
    lines
}

fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn running(sandbox: &Sandbox, clock: Option<&str>) -> Running {
    let target = format!("dir:{}", sandbox.out().display());
    let mut command = sandbox.command(&["run", "windlass.yaml", "--target", &target, "-o", "json"]);
    command.envs(clock.map(|at| ("WINDLASS_CLOCK", at)));
    Running::start(command)
}

fn is(health: &str) -> impl Fn(&Value) -> bool {
    move |report| report["health"] == health
}

#[test]
fn a_history_has_an_entry_for_each_change_and_keeps_the_last() {
    let sandbox = sandbox("  history: {limit: 3}\n");
    synced(&sandbox, "healthy", 0);
    edit(&sandbox, "1");
    synced(&sandbox, "healthy", 0);
    sandbox.commit(&[("other/x.yaml", Some("a: 1\n"))]);
    synced(&sandbox, "healthy", 0);
    let entries = done(&sandbox, &["history", "app"]);
    assert_eq!(
        entries.len(),
        1,
        "repairs and other folders are no entries: {entries:?}"
    );
    let mut commits = Vec::new();
    for number in ["2", "3", "4"] {
        commits.push(value(&sandbox, number));
        synced(&sandbox, "healthy", 0);
    }
    let entries = done(&sandbox, &["history", "default/app"]);
    let numbers: Vec<u64> = entries.iter().map(|entry| entry["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [4, 3, 2]);
    let last = &entries[0];
    assert_eq!(last["origin"]["revision"], commits[2].as_str());
    assert_eq!(
        (&last["origin"]["subject"], &last["origin"]["repository"]),
        (&"test".into(), &"shop".into())
    );
    assert!(last["origin"]["author"].as_str().unwrap().contains('<'), "{last}");
    assert_eq!(
        (&last["outcome"], &last["wasHealthy"]),
        (&"healthy".into(), &true.into())
    );
    assert_eq!(
        (&last["objects"][0]["object"]["name"], &last["objects"][0]["action"]),
        (&"a".into(), &"configure".into())
    );
    assert!(
        last["plugin"]["reference"].as_str().unwrap().starts_with("yaml@"),
        "{last}"
    );
    assert!(
        last["plugin"]["digest"].as_str().unwrap().starts_with("sha256:"),
        "{last}"
    );
    // As many documents are kept as there are entries.
    let kept = fs::read_dir(sandbox.path().join("state/history")).unwrap().count();
    assert_eq!(kept, 3);
    let table = sandbox.windlass(&["history", "app"]);
    let text = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(text.starts_with("ENTRY") && text.contains("healthy"), "{text}");
}

#[test]
fn what_failed_is_an_entry_that_says_so() {
    let sandbox = sandbox("");
    let folder = sandbox.out().join("app/shop");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("ConfigMap-a.yaml"), "mine: true\n").unwrap();
    synced(&sandbox, "failed", 1);
    let entries = done(&sandbox, &["history", "app"]);
    assert_eq!(
        (entries.len(), &entries[0]["outcome"]),
        (1, &"failed".into()),
        "{entries:?}"
    );
    assert!(
        entries[0]["message"].as_str().unwrap().contains("ConfigMap"),
        "{entries:?}"
    );
    fs::remove_file(folder.join("ConfigMap-a.yaml")).unwrap();
    synced(&sandbox, "healthy", 0);
    let entries = done(&sandbox, &["history", "app"]);
    assert_eq!(
        (entries.len(), &entries[0]["outcome"]),
        (1, &"healthy".into()),
        "{entries:?}"
    );
}

#[test]
fn a_rollback_applies_what_was_stored_and_holds_until_it_is_resumed() {
    let sandbox = sandbox("");
    synced(&sandbox, "healthy", 0);
    let second = value(&sandbox, "2");
    synced(&sandbox, "healthy", 0);
    value(&sandbox, "3");
    synced(&sandbox, "healthy", 0);
    // The cache can be thrown away: a history is none.
    fs::remove_dir_all(sandbox.path().join("state/cache/renders")).unwrap();
    let decided = done(&sandbox, &["rollback", "app", "--as-actor", "ada"]);
    assert_eq!(
        (&decided[0]["app"], &decided[0]["atOnce"]),
        (&"default/app".into(), &false.into()),
        "{decided:?}"
    );
    let back = synced(&sandbox, "rolled-back", 0);
    assert_eq!(live(&sandbox), "2");
    let report = &back.report("app")["rolledBack"];
    assert_eq!(
        (&report["entry"], &report["by"]),
        (&2.into(), &"ada".into()),
        "{back:?}"
    );
    assert_eq!(report["revision"], second.as_str());
    assert_eq!(back.code_of("app"), "rolled-back");
    // What git says, and whether it can be rendered at all, doesn't matter.
    sandbox.commit(&[("app/a.yaml", Some("a: [1, 2\n"))]);
    edit(&sandbox, "2");
    synced(&sandbox, "rolled-back", 0);
    assert_eq!(live(&sandbox), "2", "drift is repaired to what is held");
    let entries = done(&sandbox, &["history", "app"]);
    assert_eq!((entries.len(), &entries[0]["replays"]), (4, &2.into()), "{entries:?}");
    assert_eq!(
        (&entries[0]["actor"], &entries[0]["origin"]["revision"]),
        (&"ada".into(), &second.as_str().into())
    );
    // To a number, then to a commit.
    done(&sandbox, &["rollback", "app", "--to", "1"]);
    synced(&sandbox, "rolled-back", 0);
    assert_eq!(live(&sandbox), "1");
    done(&sandbox, &["rollback", "app", "--to", &second[..7]]);
    synced(&sandbox, "rolled-back", 0);
    assert_eq!(live(&sandbox), "2");
    for (to, why) in [("99", "has no entry `99`"), ("abcdefg", "has no entry `abcdefg`")] {
        let output = sandbox.windlass(&["rollback", "app", "--to", to]);
        assert!(
            output.status.code() == Some(1) && said(&output).contains(why),
            "{}",
            said(&output)
        );
    }
    value(&sandbox, "4");
    synced(&sandbox, "rolled-back", 0);
    done(&sandbox, &["resume", "app"]);
    synced(&sandbox, "healthy", 0);
    assert_eq!(live(&sandbox), "4");
}

#[test]
fn a_rollback_waits_for_no_other_app() {
    let sandbox = sandbox("");
    sandbox.commit(&[("db/b.yaml", Some(&config_map("b", "1")))]);
    sandbox.config(&[
        ("app", &format!("{APP}  dependsOn: [{{app: db}}]\n")),
        ("db", &APP.replace("path: app", "path: db")),
    ]);
    sandbox.sync(&[]);
    value(&sandbox, "2");
    sandbox.sync(&[]);
    sandbox.commit(&[("db/b.yaml", Some("kind: [\n"))]);
    value(&sandbox, "3");
    let synced = sandbox.sync(&["--timeout", "1s"]);
    assert_eq!(synced.health("db"), "failed", "{synced:?}");
    assert_eq!(live(&sandbox), "2", "git's change waits: {synced:?}");
    done(&sandbox, &["rollback", "app", "--to", "1"]);
    sandbox.sync(&["--timeout", "1s"]);
    assert_eq!(live(&sandbox), "1");
}

#[test]
fn a_rollback_whose_documents_are_lost_is_refused() {
    let sandbox = sandbox("");
    synced(&sandbox, "healthy", 0);
    value(&sandbox, "2");
    synced(&sandbox, "healthy", 0);
    for folder in ["state/cache/renders", "state/history"] {
        fs::remove_dir_all(sandbox.path().join(folder)).unwrap();
    }
    let output = sandbox.windlass(&["rollback", "app"]);
    assert!(
        output.status.code() == Some(1)
            && said(&output).contains("the documents of entry 1 of App `default/app` are lost"),
        "{}",
        said(&output)
    );
    synced(&sandbox, "healthy", 0);
    assert_eq!(live(&sandbox), "2");
}

#[test]
fn a_guard_holds_a_rollback_as_any_other_plan() {
    let sandbox = sandbox("");
    synced(&sandbox, "healthy", 0);
    let names: Vec<String> = (0..10).map(|at| format!("app/o{at}.yaml")).collect();
    let texts: Vec<String> = (0..10).map(|at| config_map(&format!("o{at}"), "1")).collect();
    let files = names
        .iter()
        .zip(&texts)
        .map(|(name, text)| (name.as_str(), Some(text.as_str())));
    sandbox.commit(&files.collect::<Vec<_>>());
    synced(&sandbox, "healthy", 0);
    done(&sandbox, &["rollback", "app"]);
    let held = synced(&sandbox, "held", 1);
    assert!(
        held.report("app")["diagnostics"].to_string().contains("mass-delete"),
        "{held:?}"
    );
    assert_eq!(sandbox.files().len(), 11);
    let allowed = sandbox.sync(&["--allow-deletes", "app"]);
    assert_eq!(
        (allowed.health("app"), sandbox.files().len()),
        ("rolled-back", 1),
        "{allowed:?}"
    );
}

#[test]
fn a_suspended_app_tells_of_drift_and_repairs_nothing() {
    let sandbox = sandbox("");
    synced(&sandbox, "healthy", 0);
    let until = "2030-01-01T00:00:00Z";
    done(
        &sandbox,
        &[
            "suspend",
            "app",
            "--reason",
            "incident 42",
            "--until",
            until,
            "--as-actor",
            "ada",
        ],
    );
    edit(&sandbox, "1");
    sandbox.commit(&[("app/a.yaml", None), ("app/b.yaml", Some(&config_map("b", "1")))]);
    let resting = synced(&sandbox, "suspended", 0);
    let report = resting.report("app");
    assert_eq!(live(&sandbox), "hacked", "nothing is repaired");
    assert_eq!(sandbox.files().len(), 1, "nothing is made or deleted");
    assert_eq!(report["drifted"][0]["object"]["name"], "a", "{report}");
    assert_eq!(report["drifted"][0]["repaired"], false);
    let suspended = &report["suspended"];
    assert_eq!(
        (&suspended["reason"], &suspended["actor"]),
        (&"incident 42".into(), &"ada".into()),
        "{report}"
    );
    assert_eq!(suspended["until"], until);
    let table = sandbox.windlass(&[
        "sync",
        "windlass.yaml",
        "--target",
        &format!("dir:{}", sandbox.out().display()),
    ]);
    assert!(said(&table).contains("suspended by ada since"), "{}", said(&table));
    // It ends by itself.
    let mut late = sandbox.sync_command(&[]);
    let ended = Synced::of(&late.env("WINDLASS_CLOCK", "2030-01-01T00:00:01Z").output().unwrap());
    assert_eq!(
        (ended.health("app"), ended.counts("app")),
        ("healthy", [1, 0, 0, 1, 0]),
        "{ended:?}"
    );
}

#[test]
fn a_suspension_needs_an_app_a_reason_and_a_time_to_come() {
    let sandbox = sandbox("");
    let unknown = sandbox.windlass(&["suspend", "app", "--reason", "x"]);
    assert!(said(&unknown).contains("there is no state"), "{}", said(&unknown));
    synced(&sandbox, "healthy", 0);
    for (args, why) in [
        (&["suspend", "nobody", "--reason", "x"][..], "no App `nobody` is known"),
        (&["suspend", "app", "--reason", " "], "needs a reason"),
        (
            &["suspend", "app", "--reason", "x", "--until", "2020-01-01T00:00:00Z"],
            "is over already",
        ),
        (&["suspend", "app"], "--reason"),
        (
            &["suspend", "app", "--reason", "x", "--for", "soon"],
            "write a whole number and a unit",
        ),
    ] {
        let output = sandbox.windlass(args);
        assert!(
            output.status.code() != Some(0) && said(&output).contains(why),
            "{}",
            said(&output)
        );
    }
    synced(&sandbox, "healthy", 0);
}

#[test]
fn a_running_loop_heeds_decisions_at_once() {
    let sandbox = sandbox("");
    let running = running(&sandbox, None);
    running.report("in sync", is("healthy"));
    let decided = done(&sandbox, &["suspend", "app", "--reason", "incident", "--for", "1h"]);
    assert_eq!(decided[0]["atOnce"], true, "{decided:?}");
    running.report("suspended", is("suspended"));
    value(&sandbox, "2");
    running.report("it is looked at", |report| report["health"] == "suspended");
    assert_eq!(live(&sandbox), "1");
    done(&sandbox, &["resume", "app"]);
    running.report("in sync", |report| {
        report["health"] == "healthy" && report["changes"]["configured"] == 1
    });
    assert_eq!(live(&sandbox), "2");
    done(&sandbox, &["rollback", "app"]);
    running.report("back", is("rolled-back"));
    assert_eq!(live(&sandbox), "1");
    let entries = done(&sandbox, &["history", "app"]);
    assert_eq!(entries.len(), 3);
    use std::os::unix::fs::PermissionsExt as _;
    let socket = fs::metadata(sandbox.path().join("state/control.sock")).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    drop(running);
    // What a killed process left is in nobody's way.
    done(&sandbox, &["resume", "app"]);
    synced(&sandbox, "healthy", 0);
}

#[test]
fn a_suspension_of_a_running_loop_ends_by_itself() {
    let sandbox = sandbox("  suspend: {reason: freeze, actor: ops, until: '2026-01-05T10:00:00Z'}\n");
    let running = running(&sandbox, Some("2026-01-05T09:59:57Z"));
    let report = running.report("suspended", is("suspended"));
    assert_eq!(report["suspended"]["actor"], "ops", "{report}");
    assert!(sandbox.files().is_empty());
    running.report("in sync", is("healthy"));
    assert_eq!(live(&sandbox), "1");
}

#[test]
fn a_plan_waits_for_approval_and_exactly_that_one_is_applied() {
    let sandbox = sandbox("  sync: {mode: Approve}\n");
    let first = synced(&sandbox, "held", 1);
    assert_eq!(
        (first.code_of("app"), first.counts("app")),
        ("waits-for-approval", [1, 0, 0, 0, 0]),
        "{first:?}"
    );
    assert!(sandbox.files().is_empty());
    let (code, plans) = ask(&sandbox, &["approve", "app"]);
    assert_eq!(code, Some(3), "{plans:?}");
    let plan = first.report("app")["held"]["plan"].as_str().unwrap().to_owned();
    assert_eq!(
        (plans[0]["plan"].as_str(), &plans[0]["objects"][0]["action"]),
        (Some(plan.as_str()), &"create".into())
    );
    let wrong = sandbox.windlass(&["approve", "app", "0123456789ab"]);
    assert!(
        wrong.status.code() == Some(1) && said(&wrong).contains("it is `"),
        "{}",
        said(&wrong)
    );
    done(&sandbox, &["approve", "app", &plan[7..19], "--as-actor", "ada"]);
    synced(&sandbox, "healthy", 0);
    assert_eq!(live(&sandbox), "1");
    assert_eq!(done(&sandbox, &["history", "app"])[0]["actor"], "ada");
    assert_eq!(ask(&sandbox, &["approve", "app"]), (Some(0), vec![Value::Null]));

    // Approved, and then another commit: the new plan waits.
    value(&sandbox, "2");
    let second = synced(&sandbox, "held", 1);
    let plan = second.report("app")["held"]["plan"].as_str().unwrap().to_owned();
    assert_eq!(second.report("app")["held"]["applied"], 1, "{second:?}");
    done(&sandbox, &["approve", "app", &plan[7..19]]);
    value(&sandbox, "3");
    synced(&sandbox, "held", 1);
    assert_eq!(live(&sandbox), "1");
    // What somebody else did is repaired meanwhile, to what was approved, and makes no other plan.
    let plan = ask(&sandbox, &["approve", "app"]).1[0]["plan"]
        .as_str()
        .unwrap()
        .to_owned();
    edit(&sandbox, "1");
    synced(&sandbox, "held", 1);
    assert_eq!(live(&sandbox), "1");
    fs::remove_file(sandbox.out().join("app/shop/ConfigMap-a.yaml")).unwrap();
    synced(&sandbox, "held", 1);
    assert_eq!(live(&sandbox), "1");
    assert_eq!(ask(&sandbox, &["approve", "app"]).1[0]["plan"], plan.as_str());
    let target = format!("dir:{}", sandbox.out().display());
    let diff = sandbox.windlass(&["diff", "windlass.yaml", "--target", &target, "-o", "json"]);
    let diff: Value = serde_json::from_slice(&diff.stdout).unwrap();
    assert_eq!(
        (&diff[0]["held"]["plan"], &diff[0]["changes"]["configured"]),
        (&plan.as_str().into(), &1.into()),
        "{diff}"
    );
    done(&sandbox, &["approve", "app", &plan]);
    synced(&sandbox, "healthy", 0);
    assert_eq!(live(&sandbox), "3");
    // What was approved once is not approved for ever.
    value(&sandbox, "1");
    synced(&sandbox, "held", 1);
}

#[test]
fn manual_changes_wait_for_a_person_and_not_for_the_loop() {
    let sandbox = sandbox("  sync: {mode: Manual}\n");
    synced(&sandbox, "healthy", 0);
    value(&sandbox, "2");
    {
        let running = running(&sandbox, None);
        let report = running.report("it waits", is("held"));
        assert_eq!(report["diagnostics"][0]["code"], "waits-for-a-person", "{report}");
        edit(&sandbox, "1");
        running.report("repaired", |report| report["changes"]["configured"] == 1);
        assert_eq!(live(&sandbox), "1");
        let plan = report["held"]["plan"].as_str().unwrap();
        done(&sandbox, &["approve", "app", plan]);
        running.report("applied", is("healthy"));
        assert_eq!(live(&sandbox), "2");
        value(&sandbox, "3");
        running.report("it waits again", is("held"));
    }
    synced(&sandbox, "healthy", 0);
    assert_eq!(live(&sandbox), "3");
}

fn at(sandbox: &Sandbox, clock: &str) -> Synced {
    Synced::of(&sandbox.sync_command(&[]).env("WINDLASS_CLOCK", clock).output().unwrap())
}

#[test]
fn windows_say_when_changes_are_applied_and_whether_drift_is_repaired() {
    let windows = |heals: &str| {
        format!(
            "  sync:\n    windows:\n    - {{schedule: '0 9 * * 1-5', duration: 8h, timeZone: Europe/Berlin, kind: Allow, selfHeal: {heals}}}\n"
        )
    };
    let sandbox = sandbox(&windows("true"));
    let (open, closed) = ("2026-01-05T08:00:00Z", "2026-01-05T07:59:00Z");
    let held = at(&sandbox, closed);
    assert_eq!(
        (held.health("app"), held.code, held.code_of("app")),
        ("held", Some(1), "window-closed"),
        "{held:?}"
    );
    assert!(sandbox.files().is_empty());
    assert_eq!(at(&sandbox, open).health("app"), "healthy");
    assert_eq!(
        at(&sandbox, closed).health("app"),
        "healthy",
        "there is nothing that waits"
    );
    edit(&sandbox, "1");
    at(&sandbox, closed);
    assert_eq!(live(&sandbox), "1", "drift is repaired");
    value(&sandbox, "2");
    edit(&sandbox, "1");
    assert_eq!(at(&sandbox, closed).health("app"), "held");
    assert_eq!(live(&sandbox), "1", "drift is repaired while a change waits");

    sandbox.config(&[("app", &format!("{APP}{}", windows("false")))]);
    edit(&sandbox, "1");
    let held = at(&sandbox, closed);
    assert_eq!(live(&sandbox), "hacked", "the window says not to");
    assert_eq!(held.report("app")["drifted"][0]["repaired"], false, "{held:?}");
    // Who has seen the plan and wants it now gets it now.
    let plan = held.report("app")["held"]["plan"].as_str().unwrap().to_owned();
    done(&sandbox, &["approve", "app", &plan]);
    assert_eq!(at(&sandbox, closed).health("app"), "healthy");
    assert_eq!(live(&sandbox), "2");
}

#[test]
fn a_window_that_opens_wakes_the_loop() {
    let sandbox = sandbox(
        "  sync: {windows: [{schedule: '0 10 * * *', duration: 1h, kind: Allow}, {schedule: '0 0 1 6 *', duration: 1h, kind: Deny}]}\n",
    );
    // Polls are far between: it is the window that wakes it.
    let config = sandbox.path().join("windlass.yaml");
    let text = fs::read_to_string(&config)
        .unwrap()
        .replace("interval: 1s", "interval: 1h");
    fs::write(&config, text).unwrap();
    let running = running(&sandbox, Some("2026-01-05T09:59:56Z"));
    running.report("closed", is("held"));
    assert!(sandbox.files().is_empty());
    running.report("open", is("healthy"));
    assert_eq!(live(&sandbox), "1");
}

#[test]
fn windows_that_can_not_be_are_told_at_their_line() {
    let sandbox = sandbox("  sync:\n    windows:\n    - {schedule: '0 25 * * *', duration: 1h, kind: Allow}\n");
    let output = sandbox.sync_command(&[]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = said(&output);
    assert!(
        said.contains("spec.sync.windows[0].schedule") && said.contains("windlass.yaml:17"),
        "{said}"
    );
}

#[test]
fn an_object_says_which_file_commit_and_author_it_comes_from() {
    let sandbox = Sandbox::new();
    let two = format!("{}---\n{}", config_map("a", "1"), config_map("b", "1"));
    let first = sandbox.commit(&[("app/both.yaml", Some(&two))]);
    sandbox.config(&[("app", APP)]);
    synced(&sandbox, "healthy", 0);
    let second = sandbox.commit(&[(
        "app/both.yaml",
        Some(&two.replace("name: a\ndata:\n  value: \"1\"", "name: a\ndata:\n  value: \"2\"")),
    )]);
    synced(&sandbox, "healthy", 0);
    let why = |args: &[&str]| done(&sandbox, &[&["why"], args].concat());
    let a = &why(&["ConfigMap/a"])[0];
    let b = &why(&["configmaps", "b", "-n", "shop"])[0];
    assert_eq!(
        (&a["app"], &a["file"]["path"]),
        (&"default/app".into(), &"app/both.yaml".into()),
        "{a}"
    );
    assert_eq!(
        (&a["file"]["span"]["line"], &b["file"]["span"]["line"]),
        (&1.into(), &8.into()),
        "{a} {b}"
    );
    assert_eq!(a["changed"]["origin"]["revision"], second.as_str());
    assert_eq!(
        b["changed"]["origin"]["revision"],
        first.as_str(),
        "the commit that it was last part of"
    );
    assert_eq!(b["origin"]["revision"], second.as_str(), "the commit that it stands at");
    assert!(b["changed"]["origin"]["author"].as_str().unwrap().contains('@'), "{b}");
    assert!(b["plugin"]["reference"].as_str().unwrap().starts_with("yaml@"), "{b}");
    let table = sandbox.windlass(&["why", "configmap", "b"]);
    let text = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(text.contains("app/both.yaml:8"), "{text}");
    let nobody = sandbox.windlass(&["why", "secret", "b"]);
    assert!(
        said(&nobody).contains("no App of this state owns a secret `b`"),
        "{}",
        said(&nobody)
    );
}

#[test]
fn an_app_that_leaves_takes_its_history_along() {
    let sandbox = Sandbox::new();
    value(&sandbox, "1");
    let config = |apps: &[(&str, &str)]| sandbox.config(apps);
    let app = "  path: app\n  target: {directory: ./out, namespace: shop}\n";
    config(&[("app", app), ("stays", app)]);
    let sync = || Synced::of(&sandbox.windlass(&["sync", "windlass.yaml", "-o", "json"]));
    assert_eq!(sync().code, Some(0));
    assert_eq!(done(&sandbox, &["history", "app"]).len(), 1);
    config(&[("stays", app)]);
    assert_eq!(sync().code, Some(0));
    let gone = sandbox.windlass(&["history", "app"]);
    assert!(said(&gone).contains("no App `app` is known"), "{}", said(&gone));
    assert_eq!(done(&sandbox, &["history", "stays"]).len(), 1);
}
