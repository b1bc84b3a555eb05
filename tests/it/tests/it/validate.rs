//! Validators as a user meets them: `windlass validate`, and their word in the loop.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    cli::Running,
    sandbox::{Sandbox, config_map, plugins},
};

const APP: &str = "  path: app\n  target: {namespace: shop}\n";

/// The command line's words for the first-party plugins and the test guests together.
fn with_guests() -> Vec<String> {
    let folders = [plugins(), plugins().join("guests")];
    let word = |folder: &std::path::PathBuf| ["--plugins".to_owned(), folder.display().to_string()];
    folders.iter().flat_map(word).collect()
}

fn validate(sandbox: &Sandbox, args: &[&str]) -> (Option<i32>, String, String) {
    let guests = with_guests();
    let mut all = vec!["validate"];
    all.extend(args);
    all.extend(guests.iter().map(String::as_str));
    let output = sandbox.windlass(&all);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn found(sandbox: &Sandbox, args: &[&str]) -> (Option<i32>, Value) {
    let (code, out, err) = validate(sandbox, &[args, &["-o", "json"]].concat());
    (
        code,
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out} {err}")),
    )
}

fn codes(found: &Value) -> Vec<&str> {
    let findings = found["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|finding| finding["code"].as_str().unwrap())
        .collect()
}

/// A chart whose template computes the value that the validator looks at.
fn chart(sandbox: &Sandbox, value: &str) {
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n{{- range $i, $e := until 1 }}\ndata:\n  value: {{ $.Values.value | quote }}\n{{- end }}\n";
    sandbox.commit(&[
        ("chart/Chart.yaml", Some("apiVersion: v2\nname: c\nversion: 1.0.0\n")),
        ("chart/values.yaml", Some(&format!("value: {value}\n"))),
        ("chart/templates/map.yaml", Some(template)),
    ]);
}

#[test]
fn findings_stand_at_file_and_line_all_at_once_and_are_counted() {
    let sandbox = Sandbox::new();
    sandbox.commit(&[
        ("app/a.yaml", Some(&config_map("a", "bad"))),
        (
            "app/b.yaml",
            Some(&format!("{}---\n{}", config_map("b", "odd"), config_map("c", "bad"))),
        ),
        (
            "app/d.yaml",
            Some("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: d\n  labels: {n: 1}\n"),
        ),
    ]);
    let (code, out, _) = validate(&sandbox, &["repo/app", "--validator", "guest-checker"]);
    assert_eq!(code, Some(1), "{out}");
    let places = ["app/a.yaml:6:3", "app/b.yaml:6:3", "app/b.yaml:13:3", "app/d.yaml:5:12"];
    let positions: Vec<_> = places
        .iter()
        .map(|place| out.find(place).unwrap_or_else(|| panic!("{place}: {out}")))
        .collect();
    assert!(positions.is_sorted(), "{out}");
    assert!(
        out.contains("error[bad-value]: ConfigMap a: `data.value` must not be `bad`"),
        "{out}"
    );
    assert!(
        out.contains("6 |   value: \"bad\"") && out.contains("help: write `good`"),
        "{out}"
    );
    assert!(
        !out.contains("rendered document"),
        "the source is what was rendered: {out}"
    );
    assert!(out.ends_with("3 errors, 1 warning in 1 app\n"), "{out}");
}

#[test]
fn exit_codes_tell_errors_from_warnings() {
    let sandbox = Sandbox::new();
    sandbox.commit(&[("app/a.yaml", Some(&config_map("a", "odd")))]);
    let args = ["repo/app", "--validator", "guest-checker@0.1"];
    assert_eq!(validate(&sandbox, &args).0, Some(0));
    assert_eq!(validate(&sandbox, &[&args[..], &["--strict"]].concat()).0, Some(1));
    assert_eq!(validate(&sandbox, &["nowhere"]).0, Some(2));
    assert_eq!(validate(&sandbox, &["repo/app", "-o", "yaml"]).0, Some(2));
    let (code, found) = found(
        &sandbox,
        &["repo/app", "--validator", "guest-probe", "--validator", "nobody"],
    );
    assert_eq!((code, codes(&found)), (Some(1), vec!["no-plugin", "no-validator"]));
}

#[test]
fn a_template_is_named_with_the_rendered_line() {
    let sandbox = Sandbox::new();
    chart(&sandbox, "bad");
    let args = [
        "repo/chart",
        "--validator",
        "guest-checker",
        "--config",
        "{\"releaseName\": \"r\"}",
    ];
    let (code, out, err) = validate(&sandbox, &args);
    assert_eq!(code, Some(1), "{out} {err}");
    assert!(out.contains("--> chart/templates/map.yaml"), "{out}");
    assert!(
        out.contains("rendered document 1:6:3") && out.contains("6 |   value: \"bad\""),
        "{out}"
    );
    let (_, json) = found(&sandbox, &args);
    let finding = &json["findings"][0];
    assert_eq!(finding["related"][0][0]["document"]["span"]["line"], 6);
    assert_eq!(finding["extra"].as_array().unwrap().len(), 3, "{finding}");
}

#[test]
fn what_can_not_be_rendered_is_a_finding_too() {
    let sandbox = Sandbox::new();
    sandbox.commit(&[("app/a.yaml", Some("a: [\n"))]);
    let (code, json) = found(&sandbox, &["repo/app"]);
    assert_eq!((code, codes(&json)), (Some(1), vec!["invalid-yaml"]));
    assert_eq!(json["findings"][0]["at"]["file"]["path"], "app/a.yaml");
    chart(&sandbox, "good");
    sandbox.commit(&[("chart/templates/x.yaml", Some("{{ fail \"no\" }}\n"))]);
    assert_eq!(found(&sandbox, &["repo/chart"]).0, Some(1));
}

#[test]
fn sarif_names_rules_files_and_regions() {
    let sandbox = Sandbox::new();
    sandbox.commit(&[("app/a b.yaml", Some(&config_map("a", "bad")))]);
    let (code, out, _) = validate(&sandbox, &["repo/app", "--validator", "guest-checker", "-o", "sarif"]);
    let log: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &log["version"]), (Some(1), &"2.1.0".into()));
    let result = &log["runs"][0]["results"][0];
    assert_eq!(
        (&result["ruleId"], &result["level"]),
        (&"guest-checker/bad-value".into(), &"error".into())
    );
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "app/a%20b.yaml");
    assert_eq!(
        (&place["region"]["startLine"], &place["region"]["startColumn"]),
        (&6.into(), &3.into())
    );
}

/// A repository of two apps, with these validators.
fn two_apps(validators: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.commit(&[
        ("app/a.yaml", Some(&config_map("a", "bad"))),
        ("good/g.yaml", Some(&config_map("g", "odd"))),
    ]);
    sandbox.config(&[("app", APP), ("good", "  path: good\n")]);
    serve(&sandbox, validators);
    sandbox
}

fn serve(sandbox: &Sandbox, validators: &str) {
    let path = sandbox.path().join("windlass.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("  interval: 1s\n").unwrap();
    let after = rest.split_once("---\n").unwrap().1;
    let text = format!("{before}  interval: 1s\n  plugins: {{validators: {validators}}}\n---\n{after}");
    fs::write(&path, text).unwrap();
}

fn sync(sandbox: &Sandbox) -> crate::sandbox::Synced {
    let guests = with_guests();
    sandbox.sync(&guests.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn an_error_stops_its_app_before_its_diff_and_nothing_else() {
    let sandbox = two_apps("[{name: guest-checker}]");
    let synced = sync(&sandbox);
    assert_eq!(
        (synced.code, synced.health("app"), synced.health("good")),
        (Some(1), "failed", "healthy"),
        "{synced:?}"
    );
    assert_eq!(synced.counts("app"), [0, 0, 0, 0, 0]);
    let error = &synced.report("app")["diagnostics"][0];
    assert_eq!(
        (&error["code"], &error["at"]["file"]["span"]["line"]),
        (&"bad-value".into(), &6.into())
    );
    let extra = error["extra"].as_array().unwrap();
    assert!(
        extra.contains(&json!(["windlass.dev/plugin", "guest-checker@0.1.0"])),
        "{extra:?}"
    );
    assert!(extra.contains(&json!(["windlass.dev/blame", "user"])), "{extra:?}");
    assert_eq!(synced.code_of("good"), "odd-value");
    assert_eq!(synced.report("good")["validatorCalls"], 1);
    assert_eq!(sandbox.files().len(), 1);
    // Nobody named a validator that is installed; `[]` names none at all.
    serve(&sandbox, "[]");
    let unchecked = sync(&sandbox);
    assert_eq!(
        (unchecked.code, unchecked.report("app")["validatorCalls"].as_u64()),
        (Some(0), Some(0))
    );
}

#[test]
fn a_validator_that_breaks_stops_the_app_and_is_named() {
    for (config, code, blame) in [
        ("{mode: trap}", "plugin-stopped", "plugin"),
        ("{mode: beyond}", "host", "plugin"),
        ("{mode: unsupported}", "unsupported", "user"),
    ] {
        let sandbox = two_apps(&format!("[{{name: guest-checker, config: {config}}}]"));
        let synced = sync(&sandbox);
        assert_eq!(
            (synced.code, synced.code_of("good")),
            (Some(1), code),
            "{config}: {synced:?}"
        );
        let told = &synced.report("good")["diagnostics"][0];
        assert!(told.to_string().contains("guest-checker"), "{told}");
        assert!(
            told["extra"]
                .as_array()
                .unwrap()
                .contains(&json!(["windlass.dev/blame", blame])),
            "{told}"
        );
        assert!(sandbox.files().is_empty());
    }
}

#[test]
fn a_whole_configuration_is_checked_without_a_target() {
    let sandbox = two_apps("[{name: guest-checker}]");
    let (code, json) = found(&sandbox, &["windlass.yaml"]);
    assert_eq!((code, codes(&json)), (Some(1), vec!["bad-value", "odd-value"]));
    assert_eq!((&json["findings"][0]["app"], &json["apps"]), (&"app".into(), &2.into()));
    assert!(sandbox.files().is_empty());
    let (code, _, err) = validate(&sandbox, &["windlass.yaml", "--namespace", "x"]);
    assert!(code == Some(2) && err.contains("--namespace goes with a PATH"), "{err}");
}

const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: boxes.probe.windlass.dev\n  labels: {limit: \"LIMIT\"}\nspec: {group: probe.windlass.dev, scope: Namespaced, names: {kind: Box}}\n";
const BOX: &str = "apiVersion: probe.windlass.dev/v1\nkind: Box\nmetadata: {name: b}\nspec: {size: 5}\n";

#[test]
fn unchanged_objects_cost_no_call_and_a_new_definition_judges_anew() {
    let sandbox = Sandbox::new();
    let definition = |limit: &str| DEFINITION.replace("LIMIT", limit);
    sandbox.commit(&[
        ("app/a.yaml", Some(&config_map("a", "odd"))),
        ("app/box.yaml", Some(BOX)),
        ("app/crd.yaml", Some(&definition("9"))),
    ]);
    sandbox.config(&[("app", APP)]);
    serve(&sandbox, "[{name: guest-checker}]");
    let running = Running::start_with(&sandbox, &with_guests());
    let first = running.until("the first sync", |line| line["changes"]["created"] == 3);
    assert_eq!(
        (&first["validatorCalls"], &first["diagnostics"][0]["code"]),
        (&1.into(), &"odd-value".into())
    );
    let quiet = running.until("a quiet cycle", |line| line["changes"]["unchanged"] == 3);
    assert_eq!(
        (&quiet["validatorCalls"], &quiet["diagnostics"][0]["code"]),
        (&0.into(), &"odd-value".into())
    );
    // The line moves, the object stays the same.
    let moved = format!("# moved\n\n{}", config_map("a", "odd"));
    let head = sandbox.commit(&[("app/a.yaml", Some(&moved))]);
    let moved = running.until("the moved line", |line| line["revision"] == head.as_str());
    assert_eq!(moved["validatorCalls"], 0);
    assert_eq!(moved["diagnostics"][0]["at"]["file"]["span"]["line"], 8);
    sandbox.commit(&[("app/crd.yaml", Some(&definition("3")))]);
    let judged = running.until("the new definition", |line| line["health"] == "failed");
    assert_eq!(judged["validatorCalls"], 1);
    let errors: Vec<&Value> = judged["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|d| d["code"] == "too-large")
        .collect();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0]["related"][0][0]["file"]["path"], "app/crd.yaml");
}

/// Pushes that are measured.
const PUSHES: usize = 5;

/// The longest that a poll, its jitter and a fetch may take, and two seconds more.
const TOLD_WITHIN: Duration = Duration::from_millis(1_100 + 2_000);

#[test]
fn broken_yaml_is_told_within_seconds_of_the_push() {
    let sandbox = Sandbox::new();
    sandbox.commit(&[("app/a.yaml", Some(&config_map("a", "1")))]);
    sandbox.config(&[("app", APP)]);
    let running = Running::start_with(&sandbox, &with_guests());
    running.until("the first sync", |line| line["health"] == "healthy");
    let mut times = Vec::new();
    for push in 0..PUSHES {
        let head = sandbox.commit(&[("app/a.yaml", Some(&format!("a: [{push}\n")))]);
        let pushed = Instant::now();
        let told = running.until("the broken commit", |line| line["revision"] == head.as_str());
        times.push(pushed.elapsed());
        assert_eq!(told["diagnostics"][0]["code"], "invalid-yaml");
    }
    times.sort();
    #[expect(clippy::print_stdout, reason = "a figure, shown with --nocapture")]
    {
        println!(
            "push to report: min {:?}, median {:?}, max {:?}",
            times[0],
            times[PUSHES / 2],
            times[PUSHES - 1]
        );
    }
    assert!(times[PUSHES / 2] < TOLD_WITHIN, "{times:?}");
}
