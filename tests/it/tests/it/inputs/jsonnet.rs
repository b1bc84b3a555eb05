//! Programs that never end, or end in more than there is room for.

use super::siege::{Attack, withstand};

const STOPPED: &str = "plugin-stopped";
const MEMORY: &[&str] = &["jsonnet@", "512 MiB of memory"];

fn program(name: &'static str, text: impl Into<String>) -> Attack {
    Attack::new(name, "main.jsonnet", text.into())
}

fn object(field: &str) -> String {
    format!("{{apiVersion: 'v1', kind: 'ConfigMap', metadata: {{name: 'a'}}, x: {field}}}")
}

#[test]
fn rings_and_recursion_are_told_at_their_place() {
    const FILE: &str = "main.jsonnet";
    const RING: &str = "infinite-recursion";
    const DEEP: &str = "stack-overflow";
    const SYNTAX: &str = "jsonnet-syntax";
    withstand(&[
        program("ring", "(import 'a.libsonnet')")
            .and("a.libsonnet", "(import 'b.libsonnet')")
            .and("b.libsonnet", "(import 'a.libsonnet')")
            .told_as(RING, &["infinite recursion"], "b.libsonnet"),
        program("self", "import 'main.jsonnet'").told_as(RING, &[], FILE),
        program("value", "local x = x; x").told_as(RING, &[], FILE),
        program("field", "{a: self.a}").told_as(RING, &[], FILE),
        program("calls", "local f(n) = 1 + f(n + 1); f(0)").told_as(DEEP, &["nested too deeply"], FILE),
        program("endless", object("local a = [a]; a")).told_as(DEEP, &["nested too deeply"], None),
        program(
            "deep",
            object("std.foldl(function(a, i) {a: a}, std.range(1, 1000), 1)"),
        )
        .told_as(DEEP, &[], None),
        program("brackets", "[".repeat(100_000)).told_as(SYNTAX, &["end of the file"], FILE),
        program("parentheses", "(".repeat(100_000)).told_as(SYNTAX, &["end of the file"], FILE),
        program("passwd", "importstr '/etc/passwd'").told_as("bad-import", &["etc/passwd"], FILE),
        program("up", "importstr '../../../../etc/passwd'").told_as(
            "bad-import",
            &["leads out of the repository"],
            FILE,
        ),
    ]);
}

#[test]
fn growth_ends_at_the_memory_budget() {
    withstand(&[
        program("range", "std.length(std.range(1, 1000000000))").told_as(
            STOPPED,
            &["jsonnet@", "capacity overflow"],
            "",
        ),
        program("repeat", object("std.repeat('x', 1000000000)")).told_as(STOPPED, MEMORY, ""),
        program(
            "doubling",
            object("std.foldl(function(s, i) s + s, std.range(1, 40), 'x')"),
        )
        .told_as(STOPPED, MEMORY, ""),
        program("message", "error std.repeat('long ', 10000000)").told_as(
            "error-raised",
            &["long long"],
            "main.jsonnet",
        ),
        program("output", format!("[{} for i in std.range(1, 50001)]", object("i"))).told_as(
            STOPPED,
            &["jsonnet@", "emits more than 50000 documents"],
            "",
        ),
    ]);
}
