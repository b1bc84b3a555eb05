//! Programs in memory; whole apps are golden cases, run through the host.

use super::*;
use std::collections::BTreeMap;
use windlass_sdk::FileAt;

type Tree = BTreeMap<&'static str, &'static str>;

fn session_over(files: &Tree, config: &Config, path: &str) -> Result<Vec<String>, Box<Diagnostic>> {
    let arena = Arena::new();
    let mut session = Session::new(&arena, Importer::new(files, "", config)?);
    session.set_variables(config)?;
    session.render(path)
}

fn render(files: &[(&'static str, &'static str)]) -> Result<Vec<String>, Box<Diagnostic>> {
    session_over(&files.iter().copied().collect(), &Config::default(), "main.jsonnet")
}

fn fail(main: &'static str) -> Box<Diagnostic> {
    render(&[("main.jsonnet", main)]).unwrap_err()
}

/// `FILE:LINE:COLUMN` of a location.
fn place(at: &Location) -> String {
    match at {
        Location::File(FileAt {
            path, span: Some(span), ..
        }) => format!("{path}:{}:{}", span.line, span.column),
        other => format!("{other:?}"),
    }
}

fn variable(name: &str, value: &str, code: bool) -> Variable {
    Variable {
        name: name.to_owned(),
        value: value.to_owned(),
        code,
    }
}

const POD: &str = "{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } }";

#[test]
fn an_object_is_printed_as_the_native_command_prints_it() {
    let expected =
        "{\n   \"apiVersion\": \"v1\",\n   \"kind\": \"Pod\",\n   \"metadata\": {\n      \"name\": \"a\"\n   }\n}\n";
    assert_eq!(render(&[("main.jsonnet", POD)]).unwrap(), [expected]);
}

#[test]
fn arrays_and_trees_are_walked_in_order() {
    let main = "local o(n) = { apiVersion: 'v1', kind: n }; { b: [o('2'), null, o('3')], a: { x: o('1') }, h:: 7 }";
    let kinds: Vec<bool> = render(&[("main.jsonnet", main)])
        .unwrap()
        .iter()
        .zip(["1", "2", "3"])
        .map(|(json, kind)| json.contains(&format!("\"kind\": \"{kind}\"")))
        .collect();
    assert_eq!(kinds, [true, true, true]);
}

#[test]
fn what_is_no_object_is_told_with_its_place_in_the_result() {
    for (main, expected) in [
        ("{ a: { 'b c': [1] } }", "a number at `.a[\"b c\"][0]`"),
        ("'x'", "a string at the top"),
        (
            "{ a: { kind: 'Pod' } }",
            "the object at `.a` has `kind` but no `apiVersion`",
        ),
        (
            "{ apiVersion: 'v1' }",
            "the object at the top has `apiVersion` but no `kind`",
        ),
        ("{ f(x): x }", "a function at `.f`"),
        (
            "{ a: { apiVersion: 'v1', kind: 'Pod', f(x): x } }",
            "the object at `.a` holds a function",
        ),
    ] {
        let diagnostic = fail(main);
        assert!(diagnostic.message.contains(expected), "{}", diagnostic.message);
        assert_eq!(diagnostic.at, Location::file("main.jsonnet"));
    }
}

#[test]
fn variables_are_strings_or_code() {
    let config = Config {
        ext_vars: vec![variable("n", "1 + 1", true), variable("s", "1 + 1", false)],
        tlas: vec![variable("kind", "Pod", false)],
        ..Config::default()
    };
    let main = "function(kind, v='v1') { apiVersion: v, kind: kind, n: std.extVar('n'), s: std.extVar('s') }";
    let rendered = session_over(&Tree::from([("main.jsonnet", main)]), &config, "main.jsonnet").unwrap();
    assert!(
        rendered[0].contains("\"n\": 2,\n   \"s\": \"1 + 1\""),
        "{}",
        rendered[0]
    );
}

#[test]
fn faults_in_variables_point_into_the_config() {
    let files = Tree::from([("main.jsonnet", "std.extVar('n')")]);
    let run = |variables| {
        let config = Config {
            ext_vars: variables,
            ..Config::default()
        };
        session_over(&files, &config, "main.jsonnet").unwrap_err().at
    };
    assert_eq!(
        run(vec![variable("n", "1 +", true)]),
        Location::Config("/extVars/0/value".to_owned())
    );
    assert_eq!(
        run(vec![variable("n", "error 'x'", true)]),
        Location::Config("/extVars/0/value".to_owned())
    );
    let twins = vec![variable("n", "", false), variable("n", "", false)];
    assert_eq!(run(twins), Location::Config("/extVars/1/name".to_owned()));
}

#[test]
fn missing_variables_say_where_to_give_them() {
    assert_eq!(
        fail("std.extVar('region')").help.as_deref(),
        Some("give `region` in the config's `extVars`")
    );
    assert_eq!(
        fail("function(env) {}").help.as_deref(),
        Some("give `env` in the config's `tlas`")
    );
}

#[test]
fn imports_are_text_bytes_or_values() {
    let main =
        "{ apiVersion: 'v1', kind: importstr 'k.txt', n: std.length(importbin 'k.txt') } + import 'l/a.libsonnet'";
    let files = [
        ("main.jsonnet", main),
        ("k.txt", "Pod"),
        ("l/a.libsonnet", "import 'b.libsonnet'"),
        ("l/b.libsonnet", "{ l: std.thisFile }"),
    ];
    let rendered = render(&files).unwrap();
    assert!(
        rendered[0].contains("\"l\": \"l/b.libsonnet\",\n   \"n\": 3"),
        "{}",
        rendered[0]
    );
}

#[test]
fn a_missing_import_is_told_at_the_import() {
    let diagnostic = fail("{\n  a: import 'nope.libsonnet',\n}");
    assert_eq!(
        (place(&diagnostic.at).as_str(), diagnostic.code.as_str()),
        ("main.jsonnet:2:6", "bad-import")
    );
    assert!(
        diagnostic
            .message
            .contains("looked for `nope.libsonnet`, `vendor/nope.libsonnet`"),
        "{}",
        diagnostic.message
    );
}

#[test]
fn a_broken_import_is_told_in_its_file_with_the_import_as_related() {
    let files = [
        ("main.jsonnet", "\nimport 'a.libsonnet'"),
        ("a.libsonnet", "{\n  x: 1,\n  y 2 }"),
    ];
    let diagnostic = render(&files).unwrap_err();
    assert_eq!(
        (place(&diagnostic.at).as_str(), diagnostic.code.as_str()),
        ("a.libsonnet:3:5", "jsonnet-syntax")
    );
    assert_eq!(place(&diagnostic.related[0].0), "main.jsonnet:2:1");
}

#[test]
fn an_error_has_its_stack() {
    let diagnostic = fail("local f(x) =\n  error 'no ' + x;\n{\n  a: f('way'),\n}");
    assert_eq!(diagnostic.message, "no way");
    assert_eq!(place(&diagnostic.at), "main.jsonnet:2:3");
    let places: Vec<String> = diagnostic.related.iter().map(|(at, _)| place(at)).collect();
    assert!(places.contains(&"main.jsonnet:4:6".to_owned()), "{places:?}");
}

#[test]
fn a_fault_inside_std_is_told_at_the_users_call() {
    let diagnostic = fail("{\n  a: std.map(1, 2),\n}");
    assert!(
        place(&diagnostic.at).starts_with("main.jsonnet:2:"),
        "{}",
        place(&diagnostic.at)
    );
}

#[test]
fn endless_recursion_ends_with_a_short_stack() {
    let diagnostic = fail("local f(x) = 1 + f(x + 1); f(0)");
    assert_eq!(diagnostic.code, "stack-overflow");
    assert!(diagnostic.related.len() <= 17, "{}", diagnostic.related.len());
}

#[test]
fn a_ring_of_imports_is_named() {
    let files = [
        ("main.jsonnet", "import 'a.libsonnet'"),
        ("a.libsonnet", "import 'main.jsonnet'"),
    ];
    let diagnostic = render(&files).unwrap_err();
    assert_eq!(diagnostic.code, "infinite-recursion");
    assert!(diagnostic.help.unwrap().contains("ring of imports"));
}

#[test]
fn files_may_import_each_other_when_no_value_needs_itself() {
    let files = [
        (
            "main.jsonnet",
            "{ apiVersion: 'v1', kind: (import 'a.libsonnet').kind, h:: 'Pod' }",
        ),
        ("a.libsonnet", "{ kind: (import 'main.jsonnet').h }"),
    ];
    assert!(render(&files).unwrap()[0].contains("Pod"));
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    let deep: &'static str = Box::leak(format!("{}{}", "[".repeat(2000), "]".repeat(2000)).into_boxed_str());
    assert!(
        render(&[("main.jsonnet", deep)])
            .unwrap_err()
            .message
            .contains("nested")
    );
}

#[test]
fn syntax_errors_name_what_was_found_and_wanted() {
    for (main, at, expected) in [
        ("{ a 1 }", "main.jsonnet:1:5", "unexpected number"),
        ("{ a: 'x }", "main.jsonnet:1:6", "the string has no end"),
        ("{ a: b }", "main.jsonnet:1:6", "there is no variable `b`"),
        ("{ a: 1, a: 2 }", "main.jsonnet:1:9", "the field `a` twice"),
        (
            "{ a: 1\n  b: 2 }",
            "main.jsonnet:2:3",
            "unexpected `b`; expected `,` or `}`",
        ),
        ("local x = 1;\n", "main.jsonnet:2:1", "unexpected end of the file"),
    ] {
        let diagnostic = fail(main);
        assert_eq!(place(&diagnostic.at), at, "{main}: {}", diagnostic.message);
        assert!(diagnostic.message.contains(expected), "{}", diagnostic.message);
    }
}
