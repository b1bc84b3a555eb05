//! What is found in custom resources.

use crate::testing::findings;

/// A definition of `Thing` with this schema of its `spec`, and a thing with this spec.
fn thing(schema: &str, spec: &str) -> Vec<String> {
    findings(&format!(
        "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: things.example.org}}
spec:
  group: example.org
  names: {{kind: Thing, plural: things}}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties: {{spec: {schema}}}
  - {{name: v0, served: false, storage: false, schema: {{openAPIV3Schema: {{type: object}}}}}}
  - {{name: v0beta, served: true, storage: false, deprecated: true, deprecationWarning: take v1, schema: {{openAPIV3Schema: {{type: object}}}}}}
---
{{apiVersion: example.org/v1, kind: Thing, metadata: {{name: a}}, spec: {spec}}}
"
    ))
}

/// One field `x` of this schema, with this value: what is found, without what all have in common.
fn field(schema: &str, value: &str) -> Vec<String> {
    let lines = thing(
        &format!("{{type: object, properties: {{x: {schema}}}}}"),
        &format!("{{x: {value}}}"),
    );
    let short = |line: &String| {
        let line = line.split(" (").next().unwrap_or_default();
        line.replace("error ", "")
            .replace("/spec/x", "")
            .replace("`spec.x` ", "")
            .replace("spec.x", "x")
    };
    lines.iter().map(short).collect()
}

#[test]
fn rules_of_a_definition_hold() {
    for (schema, good, bad, found) in [
        (
            "{type: integer}",
            "1",
            "a",
            "wrong-type : must be an integer, found the string \"a\"",
        ),
        (
            "{type: integer, format: int32}",
            "1",
            "3000000000",
            "out-of-range : must be an integer of 32 bits, found the number `3000000000`",
        ),
        (
            "{type: number, minimum: 1, exclusiveMinimum: true}",
            "1.5",
            "1",
            "out-of-range : must be greater than 1, found the number `1`",
        ),
        (
            "{type: number, maximum: 10}",
            "10",
            "10.5",
            "out-of-range : must be at most 10, found the number `10.5`",
        ),
        (
            "{type: integer, multipleOf: 5}",
            "10",
            "7",
            "out-of-range : must be a multiple of 5, found the number `7`",
        ),
        (
            "{type: boolean}",
            "true",
            "'true'",
            "wrong-type : must be a boolean, found the string \"true\"",
        ),
        (
            "{type: string, enum: [a, b]}",
            "a",
            "c",
            "invalid-enum : must be one of `a`, `b`, found the string \"c\"",
        ),
        (
            "{type: integer, enum: [1, 2]}",
            "2",
            "3",
            "invalid-enum : must be one of `1`, `2`, found the number `3`",
        ),
        (
            "{type: string, pattern: '^a+$'}",
            "aa",
            "b",
            "invalid-pattern : must be a string that matches \"^a+$\", found the string \"b\"",
        ),
        (
            "{type: string, minLength: 2}",
            "ää",
            "ä",
            "wrong-length : must have at least 2 characters, found 1",
        ),
        (
            "{type: string, maxLength: 1}",
            "ä",
            "ab",
            "wrong-length : must have at most 1 character, found 2",
        ),
        (
            "{type: array, maxItems: 1, items: {type: string}}",
            "[a]",
            "[a, b]",
            "wrong-length : must have at most 1 item, found 2",
        ),
        (
            "{type: object, minProperties: 1, additionalProperties: {type: string}}",
            "{a: b}",
            "{}",
            "wrong-length : must have at least 1 field, found 0",
        ),
        (
            "{type: object, additionalProperties: {type: string}}",
            "{a: b}",
            "{a: 1}",
            "wrong-type /a: `x.a` must be a string, found the number `1`",
        ),
        (
            "{type: object, required: [a], properties: {a: {type: string}}}",
            "{a: ''}",
            "{a: null}",
            "missing-field /a: lacks `a`, which is required",
        ),
        (
            "{type: object, required: [a], x-kubernetes-preserve-unknown-fields: true}",
            "{a: 1, b: 2}",
            "{b: 2}",
            "missing-field /a: lacks `a`, which is required",
        ),
        (
            "{type: string, nullable: true}",
            "null",
            "1",
            "wrong-type : must be a string, found the number `1`",
        ),
        (
            "{type: string, default: a}",
            "null",
            "1",
            "wrong-type : must be a string, found the number `1`",
        ),
        (
            "{type: array, items: {type: string}}",
            "[a]",
            "[null]",
            "wrong-type /0: `x[0]` may not be null",
        ),
        (
            "{type: object, properties: {a: {oneOf: [{format: ipv4}, {format: cidr}], type: string}}}",
            "{a: 10.0.0.1}",
            "{a: x}",
            "wrong-combination /a: `x.a` fits none of the 2 alternatives; for the nearest, `x.a` must be an IPv4 address, found the string \"x\"",
        ),
        (
            "{x-kubernetes-int-or-string: true}",
            "50%",
            "[]",
            "wrong-type : must be an integer or a string, found a list",
        ),
        (
            "{x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}], pattern: '^[0-9]+(Mi)?$'}",
            "5",
            "5Gi",
            "invalid-pattern : must be a string that matches \"^[0-9]+(Mi)?$\", found the string \"5Gi\"",
        ),
        (
            "{type: string, format: date-time}",
            "'2026-11-25T00:00:00Z'",
            "'2026'",
            "invalid-format : must be a time such as `2026-11-25T08:00:00Z`, found the string \"2026\"",
        ),
        (
            "{type: string, format: not-known}",
            "a",
            "1",
            "wrong-type : must be a string, found the number `1`",
        ),
        (
            "{type: array, x-kubernetes-list-type: set, items: {type: string}}",
            "[a, b]",
            "[a, a]",
            "duplicate-item /1: has another item, the string \"a\"",
        ),
        (
            "{type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [k, p], items: {type: object, properties: {k: {type: string}, p: {type: string, default: d}}}}",
            "[{k: a}, {k: a, p: e}]",
            "[{k: a}, {k: a, p: d}]",
            "duplicate-list-key /1/k: has another item with the same k, the string \"a\" and the string \"d\"",
        ),
        (
            "{type: object, properties: {a: {type: string}, b: {type: string}}, oneOf: [{required: [a]}, {required: [b]}]}",
            "{a: x}",
            "{a: x, b: z}",
            "wrong-combination : fits more than one of the alternatives of which it may fit one",
        ),
        (
            "{type: object, properties: {a: {type: string}, b: {type: string}}, anyOf: [{required: [a]}, {required: [b]}]}",
            "{a: x, b: z}",
            "{}",
            "wrong-combination : fits none of the 2 alternatives; for the nearest, lacks `a`, which is required",
        ),
        (
            "{type: object, properties: {a: {type: string}}, not: {properties: {a: {enum: [x]}}, required: [a]}}",
            "{a: z}",
            "{a: x}",
            "wrong-combination : is what its schema excludes by `not`",
        ),
        (
            "{type: string, allOf: [{maxLength: 3}, {pattern: a}]}",
            "aaa",
            "aaaa",
            "wrong-length : must have at most 3 characters, found 4",
        ),
    ] {
        assert_eq!(field(schema, good), [""; 0], "{schema} {good}");
        assert_eq!(field(schema, bad), [found], "{schema} {bad}");
    }
}

#[test]
fn what_the_server_drops_or_fills_in_is_not_missed() {
    for (schema, value) in [
        ("{type: string}", "null"),
        ("{type: object, additionalProperties: {type: string}}", "{a: null}"),
        (
            "{type: object, required: [a], properties: {a: {type: string, default: b}}}",
            "{}",
        ),
        (
            "{type: object, required: [a], properties: {a: {type: string, default: b}}}",
            "{a: null}",
        ),
        (
            "{type: object, required: [a], properties: {a: {type: string, nullable: true}}}",
            "{a: null}",
        ),
        (
            "{type: array, items: {type: object, required: [a], properties: {a: {type: string, default: b}}}}",
            "[{}]",
        ),
        (
            "{type: object, properties: {t: {type: string, default: A}}, oneOf: [{properties: {t: {enum: [A]}}}, \
             {properties: {t: {not: {enum: [A]}}}}]}",
            "{}",
        ),
    ] {
        assert_eq!(field(schema, value), [""; 0], "{schema} {value}");
    }
}

#[test]
fn unknown_fields_are_told_where_nothing_keeps_them() {
    let unknown = "warning unknown-field /y: `x.y` is a field that the schema doesn't have";
    assert_eq!(
        field("{type: object, properties: {z: {type: string}}}", "{y: 1}"),
        [unknown]
    );
    for schema in [
        "{type: object, x-kubernetes-preserve-unknown-fields: true}",
        "{type: object, additionalProperties: true}",
        "{x-kubernetes-preserve-unknown-fields: true}",
        "{type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}",
    ] {
        assert_eq!(field(schema, "{y: 1}"), [""; 0], "{schema}");
    }
    let embedded = "{type: object, x-kubernetes-embedded-resource: true, properties: {z: {type: string}}}";
    assert_eq!(
        field(embedded, "{apiVersion: v1, kind: X, metadata: {name: a}}"),
        [""; 0]
    );
    assert_eq!(field(embedded, "{metadata: {nam: a}}").len(), 1);
}

#[test]
fn the_whole_object_is_checked_with_what_every_object_has() {
    let found = thing(
        "{type: object}",
        "{}}\n---\n{apiVersion: example.org/v1, kind: Thing, metadata: {name: b, finalizer: []}",
    );
    assert_eq!(
        found,
        [
            "error missing-field /spec: the object lacks `spec`, which is required (add `spec`)",
            "warning unknown-field /metadata/finalizer: `metadata.finalizer` is a field that the schema doesn't have (did you \
             mean `finalizers`?)",
        ]
    );
}

#[test]
fn versions_that_are_not_served_are_unknown_and_deprecated_ones_are_told() {
    let with_version = |version: &str| {
        thing(
            "{type: object}",
            &format!("{{}}}}\n---\n{{apiVersion: example.org/{version}, kind: Thing, metadata: {{name: b}}"),
        )
    };
    assert_eq!(
        with_version("v0"),
        [
            "warning unknown-kind /apiVersion: there is no schema of Thing in `example.org/v0`, so that it isn't checked \
          (its CustomResourceDefinition in this render serves v1, v0beta)"
        ]
    );
    assert_eq!(
        with_version("v0beta"),
        ["warning deprecated-api /apiVersion: `example.org/v0beta` of Thing is deprecated (take v1)"]
    );
}

#[test]
fn definitions_are_objects_too() {
    let recursive = "{type: object, properties: {a: {type: object, properties: {b: {type: array, items: {type: strin, minimun: 1}}}}}}";
    let found = thing(recursive, "{}");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0]
            .starts_with("warning unknown-field /spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/a/")
    );
    assert!(found[0].ends_with("(did you mean `minimum`?)"), "{found:?}");
}
