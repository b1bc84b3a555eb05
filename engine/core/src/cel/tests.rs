use proptest::prelude::*;
use serde_json::json;

use super::*;

const VARIABLES: [&str; 2] = ["live", "object"];

fn parsed(text: &str) -> Expression {
    Expression::parse(text, &VARIABLES).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn holds(text: &str, live: &Value) -> Result<bool, String> {
    let object = json!({"spec": {"replicas": 2}});
    let answer = parsed(text).holds(&[("live", live), ("object", &object)]);
    answer.map_err(|why| why.to_string())
}

fn deployment() -> Value {
    json!({
        "metadata": {"name": "web", "annotations": {"scaled.example.com/by": "keda"}},
        "spec": {"replicas": 5, "ratio": 0.5, "paused": false, "template": {"spec": {"containers": [
            {"name": "app", "image": "app:1", "env": [{"name": "A", "value": "1"}]},
            {"name": "sidecar", "image": "proxy:2", "env": []},
        ]}}},
        "status": {"conditions": [{"type": "Available", "status": "True"}]},
    })
}

/// More than a pod of anybody's has.
fn many_containers() -> Vec<Value> {
    let env: Vec<Value> = (0..40)
        .map(|n| json!({"name": format!("VARIABLE_{n}"), "value": "some value or other"}))
        .collect();
    let container = |n| json!({"name": format!("c{n}"), "image": "a:1", "env": env});
    (0..20).map(container).collect()
}

#[test]
fn what_people_ask_of_objects_is_answered() {
    let live = deployment();
    for (text, expected) in [
        ("'scaled.example.com/by' in live.metadata.annotations", true),
        ("live.metadata.annotations['scaled.example.com/by'] == 'keda'", true),
        ("live.?metadata.?annotations[?'other'].orValue('') == 'x'", false),
        ("has(live.metadata.labels) && live.metadata.labels.team == 'a'", false),
        ("live.spec.replicas > object.spec.replicas", true),
        ("live.spec.replicas + 1 == 6 && live.spec.ratio < 1.0", true),
        (
            "live.spec.template.spec.containers.exists(c, c.name == 'sidecar')",
            true,
        ),
        (
            "live.spec.template.spec.containers.filter(c, c.image.startsWith('app:')).all(c, c.env.exists(e, e.name == 'A'))",
            true,
        ),
        (
            "live.spec.template.spec.containers.map(c, c.name) == ['app', 'sidecar']",
            true,
        ),
        (
            "live.spec.template.spec.containers.exists_one(c, size(c.env) == 0)",
            true,
        ),
        (
            "live.status.conditions.filter(c, c.type == 'Available').all(c, c.status == 'True')",
            true,
        ),
        ("live.metadata.name.matches('^w.b$') && !live.spec.paused", true),
        (
            r"live.metadata.name.matches('^\\w+$|^([a-z0-9]+(-[a-z0-9]+)*)@sha256:[a-f0-9]{64}$')",
            true,
        ),
        ("type(live.spec.replicas) == int && int('7') == 7", true),
        ("live.spec.replicas in [5, 6] ? true : false", true),
        ("optional.none().hasValue() || optional.of(1).value() == 1", true),
        ("[1, 2] + [3] == [1, 2, 3] && {'a': 1}.a == 1 && size('aé') == 2", true),
        // An error of one side doesn't matter where the other decides.
        ("live.absent.field || live.spec.replicas == 5", true),
    ] {
        assert_eq!(holds(text, &live), Ok(expected), "{text}");
    }
}

#[test]
fn what_has_no_answer_is_told_without_a_value() {
    let secret = json!({"data": {"a": "c2VjcmV0", "n": 1}, "list": ["s3cr3t"]});
    for (text, expected) in [
        (
            "live.data.b == ''",
            "there is no `b`: test for it with `has(…)`, or write `.?` and `orValue(…)`",
        ),
        (
            "live.data[live.list[0]] == ''",
            "a field isn't there: test for it with `has(…)`, or write `.?` and `orValue(…)`",
        ),
        ("live.data.a", "it is a string, expected true or false"),
        ("live.data.a + 1 == ''", "`+` isn't for (string, int)"),
        ("live.data.a < live.data.n", "`<` isn't for (string, int)"),
        ("live.data.a.contains(1)", "`contains` isn't for (string, int)"),
        ("live.data.n / 0 == 1", "it divides by zero"),
        ("live.list[1] == ''", "a list has no such item"),
        ("9223372036854775807 + live.data.n > 0", "a number is too large"),
        (
            "int(live.data.a) == 1",
            "a function doesn't take what it was given, such as a text that is no number",
        ),
        ("live.data.n.exists(x, true)", "something is a int, expected iterable"),
        ("live.data && true", "`&&` isn't for (map, bool)"),
    ] {
        let why = holds(text, &secret).unwrap_err();
        assert!(!why.contains("c2Vj") && !why.contains("s3cr3t"), "{text}: {why}");
        assert_eq!(why, expected, "{text}");
    }
}

#[test]
fn a_mistake_is_told_where_it_is() {
    let long = format!("live.a == '{}'", "x".repeat(MAX_TEXT));
    let deep = format!("{}true{}", "(".repeat(200), ")".repeat(200));
    let chained = format!("live{} == 1", ".a".repeat(200));
    let open = "[(".repeat(500);
    for (text, expected) in [
        ("", "an expression is missing, at 1:1"),
        ("live.a ==", "mismatched input the end, at 1:10"),
        ("live.a\n  == 'x", "token recognition error at: ''x', at 2:6"),
        ("live.a = 1", "token recognition error at: '= ', at 1:8"),
        ("lve.a == 1", "there is no `lve`, only `live`, `object`, at 1:1"),
        ("live.a\n  && lve.a", "there is no `lve`, only `live`, `object`, at 2:6"),
        (
            "live.list.exists(c, d == 1)",
            "there is no `d`, only `live`, `object`, at 1:21",
        ),
        (
            "now() > live.a",
            "there is no function `now`, only size, contains, startsWith",
        ),
        ("timestamp(live.a) > timestamp('x')", "there is no function `timestamp`"),
        (
            "live.list.exists(c)",
            "`exists` is called otherwise: write `list.exists(x, …)`, at 1:17",
        ),
        (
            "contains(live.a, 'x')",
            "`contains` is called otherwise: write `x.contains(…)`",
        ),
        ("live.a.size(1)", "`size` takes 0 arguments, not 1"),
        ("optional.some(1)", "there is no function `optional.some`"),
        ("live.list.exists(live, true)", "`live` is the name of something else"),
        (
            "live.a.matches(live.b)",
            "the pattern of `matches` must be a literal text",
        ),
        ("live.a.matches('(')", "the pattern of `matches`: error: unclosed group"),
        (
            "live.a.matches('(\\\\w{50}){50}')",
            "the pattern of `matches`: too large when it is compiled",
        ),
        ("v1.Pod{name: 'a'} == live", "there is no type `v1.Pod`"),
        (&long, "bytes, 2048 are allowed, at 1:1"),
        (&deep, "it nests more than 96 levels deep"),
        (&chained, "it nests more than 96 levels deep"),
        (&open, "it nests more than 96 levels deep"),
    ] {
        let error = Expression::parse(text, &VARIABLES).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn what_would_take_long_is_refused_unevaluated() {
    let numbers = |count: usize| json!({"list": vec![1; count], "text": "x".repeat(1_000_000)});
    let cases = [
        // A loop in a loop in a loop.
        (
            "live.list.exists(a, live.list.exists(b, live.list.exists(c, a + b + c < 0)))",
            100,
        ),
        // Doubled, again and again.
        (
            "['xxxxxxxxxxxxxxxx'].map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a) == []",
            1,
        ),
        (
            "[1].map(a, [a,a]).map(a, [a,a]).map(a, [a,a]).map(a, [a,a]).map(a, [a,a]).map(a, [a,a]).map(a, [a,a]).map(a, [a,a]).map(a, [a,a]).map(a, [a,a]).map(a, [a,a]).map(a, [a,a]).map(a, [a,a]).map(a, [a,a]).map(a, [a,a]).map(a, [a,a]).map(a, [a,a]) == []",
            1,
        ),
        ("[live.text, live.text] == []", 1),
        ("live.list.exists(a, live.text.contains('y'))", 10),
        ("live.list.exists(a, 'x'.matches('y'))", 300),
        ("live.list == []", 200_000),
    ];
    for (text, count) in cases {
        let expression = parsed(text);
        let live = numbers(count);
        let started = std::time::Instant::now();
        assert_eq!(expression.holds(&[("live", &live)]), Err(Unanswered::TooDear), "{text}");
        assert!(started.elapsed().as_millis() < 500, "{text}: {:?}", started.elapsed());
    }
    // What people ask of large objects is affordable.
    let large = json!({"containers": many_containers(), "data": {"a": "x".repeat(500_000)}});
    for text in [
        "live.containers.exists(c, c.env.exists(e, e.name == 'VARIABLE_X'))",
        "live.containers.filter(c, c.name.startsWith('c1')).exists(c, c.env.filter(e, e.value == 'y').size() > 3)",
        "live.data.a == 'y' || size(live.data.a) < 5",
        "live.containers.exists(c, c.image.matches('^b:[0-9]+$'))",
    ] {
        let answer = parsed(text).holds(&[("live", &large)]);
        assert_eq!(answer, Ok(false), "{text}");
    }
}

#[test]
fn what_is_read_is_all_that_matters() {
    let live = deployment();
    for (text, expected) in [
        ("live.spec.replicas > 1", json!({"spec": {"replicas": 5}})),
        (
            "'a' in live.metadata.annotations",
            json!({"metadata": {"annotations": {}}}),
        ),
        (
            "live.?metadata[?'annotations'].?other.orValue('') == ''",
            json!({"metadata": {"annotations": {}}}),
        ),
        (
            "has(live.spec.gone.deep) || live['metadata'].name == 'x'",
            json!({"spec": {}, "metadata": {"name": "web"}}),
        ),
        // The whole list, whatever is asked of its items.
        (
            "live.status.conditions[0].type == 'x' && live.status.conditions.all(c, live.spec.paused)",
            json!({"status": live["status"], "spec": {"paused": false}}),
        ),
        ("live.spec.replicas.absent == 1", json!({"spec": {"replicas": 5}})),
        (
            "live.metadata.annotations == {} && live.metadata.annotations.x == ''",
            json!({"metadata": {"annotations": live["metadata"]["annotations"]}}),
        ),
        ("[live].size() == 1 && live.spec.paused", live.clone()),
        ("object.spec.replicas == 1", json!({})),
    ] {
        let expression = parsed(text);
        assert_eq!(expression.read("live", &live), expected, "{text}");
        assert_eq!(expression.mentions("live"), expected != json!({}), "{text}");
        let object = json!({});
        assert_eq!(
            expression.holds(&[("live", &expected), ("object", &object)]),
            expression.holds(&[("live", &live), ("object", &object)]),
            "{text}"
        );
    }
    assert!(!parsed("true").mentions("live"));
}

#[test]
fn the_deepest_expression_fits_a_small_stack() {
    let nested =
        |open: &str, close: &str, levels: usize| format!("{}1{} != 2", open.repeat(levels), close.repeat(levels));
    let deepest = |open: &str, close: &str| {
        let texts = (1..MAX_DEPTH).rev().map(|levels| nested(open, close, levels));
        let mut parsed = texts.filter_map(|text| Expression::parse(&text, &VARIABLES).ok());
        parsed.next().unwrap()
    };
    let cases = [
        deepest("(1 + ", ")"),
        deepest("[", "]"),
        deepest("[1].filter(x, x != ", ").size()"),
        deepest("[1].map(x, x + ", ")[0]"),
        deepest("(true ? ", " : 0)"),
    ];
    for expression in cases {
        let evaluate = || expression.holds(&[("live", &Value::Null)]);
        let told = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new()
                .stack_size(1024 * 1024)
                .spawn_scoped(scope, evaluate);
            thread.unwrap().join().unwrap()
        });
        assert!(!matches!(told, Err(Unanswered::Failed(_))), "{expression:?}: {told:?}");
    }
}

#[test]
fn an_expression_is_what_it_was_written_as() {
    let one = parsed("live.a == 1");
    assert_eq!(one, parsed("live.a == 1"));
    assert_ne!(one, parsed("live.a == 2"));
    assert_eq!(
        (one.text(), format!("{one:?}").as_str()),
        ("live.a == 1", "Expression(\"live.a == 1\")")
    );
}

/// Of which expressions are made.
const WORDS: [&str; 43] = [
    "live",
    "object",
    ".",
    "a",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "'a'",
    "1",
    "2.5",
    "==",
    "&&",
    "||",
    "!",
    "-",
    "+",
    "?",
    ":",
    ",",
    "has",
    ".exists(x,",
    ".map(x,",
    ".all(x,",
    ".filter(x,",
    "x",
    " ",
    "in",
    ".?",
    "[?",
    ".size()",
    "null",
    "true",
    "\"",
    "'",
    "\\",
    "//",
    "\n",
    "r'",
    "é",
    "\u{0}",
];

fn any_text() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(&WORDS[..]), 0..40).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_text_breaks_anything(text in any_text()) {
        if let Ok(expression) = Expression::parse(&text, &VARIABLES) {
            let live = json!({"a": [{"a": 1}, {"a": "b"}], "x": null});
            let part = expression.read("live", &live);
            let of = |live: &Value| expression.holds(&[("live", live), ("object", &json!({"a": true}))]);
            // The keys of a map come in any order.
            if !text.contains("map(") && !text.contains("filter(") {
                prop_assert_eq!(of(&live), of(&part));
            }
            prop_assert!(!matches!(of(&live), Err(Unanswered::Failed("the evaluator broke"))), "{}", text);
        }
    }
}

#[test]
#[ignore = "figures, not a check"]
#[expect(clippy::print_stdout, reason = "figures for whoever asked")]
fn figures() {
    let list = json!({"list": vec![1; 60], "data": {"a": "x".repeat(700_000)}});
    let large = json!({"containers": many_containers()});
    for (text, live) in [
        ("live.list.exists(a, live.list.exists(b, a + b < 0))", &list),
        ("live.list.map(a, live.list.map(b, [a])).size() == 0", &list),
        ("live.list.map(a, a + live.absent).size() == 0", &list),
        ("live.data.a.contains('y')", &list),
        (
            "live.containers.exists(c, c.env.exists(e, e.name == 'VARIABLE_X'))",
            &large,
        ),
        ("live.containers.map(c, c.env).size() == 0", &large),
        (
            r"live.list.exists(a, 'x'.matches('\\w{2}') && a > 1)",
            &json!({"list": vec![1; 3]}),
        ),
        (
            r"live.list.exists(a, 'x'.matches('([a-z]{20}){12}') && a > 1)",
            &json!({"list": vec![1; 15]}),
        ),
        (
            r"live.list.exists(a, 'x'.matches('^b:[0-9]+$') && a > 1)",
            &json!({"list": vec![1; 40]}),
        ),
    ] {
        let expression = parsed(text);
        let parts = [("live", expression.read("live", live))];
        let (mut cost, mut priced) = (0, std::time::Duration::ZERO);
        for _ in 0..10 {
            let started = std::time::Instant::now();
            cost = expression.price(&parts).unwrap();
            priced = started.elapsed();
        }
        let started = std::time::Instant::now();
        let answer = expression.holds(&[("live", live)]);
        let took = started.elapsed();
        println!(
            "{text}: {answer:?}, cost {cost}, priced in {priced:?}, answered in {took:?}, {} ns for one",
            took.as_nanos() / u128::from(cost.max(1))
        );
    }
    for text in [
        "live.a == 1",
        "live.spec.template.spec.containers.exists(c, c.name == 'a' && c.image.startsWith('b'))",
    ] {
        let started = std::time::Instant::now();
        parsed(text);
        println!("{text}: parsed in {:?}", started.elapsed());
        let started = std::time::Instant::now();
        let _ = parsed(text).holds(&[("live", &deployment())]);
        println!("{text}: parsed and answered in {:?}", started.elapsed());
    }
    let long = format!("live.a{}", " || live.a".repeat(190));
    let started = std::time::Instant::now();
    let _ = Expression::parse(&long, &VARIABLES);
    println!("{} bytes: parsed in {:?}", long.len(), started.elapsed());
}
