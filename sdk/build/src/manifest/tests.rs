use super::*;

const GOOD: &str = "\
name: jsonnet
version: 0.1.0
world: renderer
language: rust
description: Renders Jsonnet.
markers: [{file: '*.jsonnet', rank: 30}]
config:
  type: object
  properties: {files: {type: array, items: {type: string}}}
";

fn message(text: &str) -> String {
    parse(Path::new("p/plugin.yaml"), text).unwrap_err().to_string()
}

#[test]
fn reads_what_the_manifest_holds() {
    let file = parse(Path::new("plugin.yaml"), GOOD).unwrap();
    assert_eq!(file.language, Language::Rust);
    assert_eq!(file.manifest.name, "jsonnet");
    assert_eq!(file.manifest.contract, CONTRACT);
    assert_eq!(
        file.manifest.markers,
        [Marker {
            file: "*.jsonnet".to_owned(),
            rank: 30
        }]
    );
    assert_eq!(file.manifest.config["properties"]["files"]["items"]["type"], "string");
}

#[test]
fn config_may_be_absent() {
    let text = GOOD.split("config:").next().unwrap();
    assert!(parse(Path::new("plugin.yaml"), text).unwrap().manifest.config.is_null());
}

#[test]
fn a_validator_says_how_far_its_findings_reach() {
    let validator = |scope: &str| {
        let text = format!("name: a\nversion: 1.0.0\nworld: validator\nlanguage: rust\n{scope}");
        parse(Path::new("plugin.yaml"), &text).unwrap().manifest.scope
    };
    assert_eq!(
        (validator(""), validator("scope: object\n")),
        (Scope::Set, Scope::Object)
    );
}

#[test]
fn an_unknown_key_is_told_with_its_line() {
    let text = GOOD.replace("description", "desription");
    let message = message(&text);
    assert!(message.starts_with("p/plugin.yaml:5:"), "{message}");
    assert!(message.contains("desription"), "{message}");
}

#[test]
fn wrong_values_name_line_key_and_remedy() {
    for (from, to, expected) in [
        (
            "name: jsonnet",
            "name: Json_net",
            "p/plugin.yaml:1: `name` is `Json_net`, but must be kebab-case",
        ),
        ("name: jsonnet", "name: a--b", "kebab-case"),
        (
            "version: 0.1.0",
            "version: '1.0'",
            "p/plugin.yaml:2: `version` is `1.0`",
        ),
        ("'*.jsonnet'", "a/b", "p/plugin.yaml:6: `markers` has `a/b`"),
        (
            "language: rust",
            "language: rust\ngrants: [http]",
            "`grants` asks for `http`",
        ),
        (
            "language: rust",
            "language: rust\ngrants: [compose, compose]",
            "names `compose` twice",
        ),
        ("language: rust", "language: rust\nbuild: {ldflags: -X}", "only Go"),
        ("world: renderer", "world: validator", "`markers` stand for folders"),
        (
            "language: rust",
            "language: rust\nscope: object",
            "only a validator has a scope",
        ),
        (
            "type: object",
            "type: objekt",
            "p/plugin.yaml:7: `config` is no JSON Schema",
        ),
    ] {
        let message = message(&GOOD.replace(from, to));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_config_that_is_no_object_is_refused() {
    let text = GOOD.split("config:").next().unwrap().to_owned() + "config: [1]\n";
    assert!(message(&text).contains("must be a JSON Schema object"));
}

#[test]
fn an_unknown_world_is_refused() {
    assert!(message(&GOOD.replace("world: renderer", "world: renderers")).contains("renderers"));
}

#[test]
fn a_health_checker_names_its_kinds() {
    let text = |world: &str, kinds: &str| format!("name: a\nversion: 1.0.0\nworld: {world}\nlanguage: rust\n{kinds}");
    let good = text(
        "health-checker",
        "kinds: [{group: a.test, kind: Widget}, {group: '', kind: Pod}]\n",
    );
    let kinds = parse(Path::new("plugin.yaml"), &good).unwrap().manifest.kinds;
    assert_eq!(
        kinds.iter().map(|kind| kind.kind.as_str()).collect::<Vec<_>>(),
        ["Widget", "Pod"]
    );
    for (world, kinds, word) in [
        ("health-checker", "", "`kinds` are missing"),
        ("validator", "kinds: [{group: a, kind: B}]", "remove them"),
        ("health-checker", "kinds: [{group: a, kind: b}]", "has `b` of `a`"),
        ("health-checker", "kinds: [{group: A/v1, kind: B}]", "has `B` of `A/v1`"),
        (
            "health-checker",
            "kinds: [{group: a, kind: B}, {group: a, kind: B}]",
            "names `B` of `a` twice",
        ),
    ] {
        let told = message(&text(world, kinds));
        assert!(told.contains(word), "{told}");
    }
}
