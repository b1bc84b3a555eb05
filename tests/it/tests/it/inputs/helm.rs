//! Charts that loop, recurse, grow and lie.

use super::siege::{Attack, withstand};

const STOPPED: &str = "plugin-stopped";
const CHART: &str = "apiVersion: v2\nname: evil\nversion: 1.0.0\n";

fn chart(name: &'static str, template: impl Into<String>) -> Attack {
    Attack::new(name, "Chart.yaml", CHART).and("templates/a.yaml", template.into())
}

/// A map that holds itself.
fn cycle(function: &str) -> String {
    format!("{{{{ $d := dict }}}}{{{{ $_ := set $d \"self\" $d }}}}x: {{{{ {function} $d }}}}")
}

const DOUBLING: &str = r#"{{ $s := "x" }}{{ range until 40 }}{{ $s = print $s $s }}{{ end }}x: {{ $s }}"#;

#[test]
fn growth_ends_at_the_memory_budget() {
    const MEMORY: &[&str] = &["helm@", "512 MiB of memory"];
    withstand(&[
        chart("until", "{{ range until 1000000000 }}x{{ end }}").told_as(STOPPED, MEMORY, ""),
        chart("repeat", "x: {{ repeat 1000000000 \"x\" }}").told_as(STOPPED, MEMORY, ""),
        chart("doubling", DOUBLING).told_as(STOPPED, MEMORY, ""),
    ]);
}

#[test]
fn recursion_ends_and_says_where() {
    const FILE: &str = "templates/a.yaml";
    withstand(&[
        chart(
            "include",
            "{{ define \"f\" }}{{ include \"f\" . }}{{ end }}x: {{ include \"f\" . }}",
        )
        .told_as("template-recursion", &["`f`", "1000 times"], FILE),
        chart(
            "template",
            "{{ define \"f\" }}{{ template \"f\" . }}{{ end }}{{ template \"f\" . }}",
        )
        .told_as("template-error", &["exceeded maximum template depth (1000)"], FILE),
        chart("tpl", "{{ tpl .Values.x . }}")
            .and("values.yaml", "x: '{{ tpl .Values.x . }}'\n")
            .told_as(STOPPED, &["helm@", "stack of 1.5 MiB"], ""),
        chart("copy", cycle("deepCopy")).told_as(STOPPED, &["helm@", "stack of 1.5 MiB"], ""),
        // Helm's own functions make nothing of what they can't write.
        chart("to-yaml", cycle("toYaml")).told_as("not-an-object", &["apiVersion"], FILE),
        chart("to-json", cycle("toJson")).told_as("not-an-object", &["apiVersion"], FILE),
    ]);
}

#[test]
fn output_and_messages_end_at_a_number() {
    let bomb = super::yaml::laughs(12);
    withstand(&[
        chart("laughs", bomb.clone()).told_as("bad-manifest", &["excessive aliasing"], "templates/a.yaml"),
        chart("values", "x: 1")
            .and("values.yaml", bomb.clone())
            .told_as("bad-chart", &[], "values.yaml"),
        chart(
            "object",
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\n{bomb}"),
        )
        .told_as("bad-manifest", &["excessive aliasing"], "templates/a.yaml"),
    ]);
}

#[test]
fn links_into_the_chart_itself_end() {
    use super::history::Content::Link;
    withstand(&[
        chart("ring", "x: 1")
            .and("files/down", Link(".."))
            .told_as("bad-chart", &["64 deep"], None),
        chart("circle", "x: 1")
            .and("files/a", Link("b"))
            .and("files/b", Link("a"))
            .told_as("bad-link", &["circles"], "files/a"),
        chart("out", "x: {{ .Files.Get \"secret\" }}")
            .and("secret", Link("/etc/passwd"))
            .told_as("bad-link", &[], "secret"),
    ]);
}
