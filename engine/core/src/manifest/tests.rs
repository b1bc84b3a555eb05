use super::*;
use crate::render::{Mapping, Span};

fn document(text: &str) -> Document {
    let origin = FileAt {
        source: String::new(),
        path: "apps/a.yaml".into(),
        span: Some(Span::at(10, 1)),
    };
    let lines = u32::try_from(text.lines().count()).unwrap();
    Document {
        format: Format::Yaml,
        content: text.as_bytes().to_vec(),
        origin: Some(origin.clone()),
        lines: vec![Mapping {
            output: Span {
                line: 1,
                column: 1,
                end_line: lines + 1,
                end_column: 1,
            },
            origin,
        }],
        attributes: Vec::new(),
    }
}

fn output(texts: &[&str]) -> Output {
    Output {
        documents: texts.iter().map(|t| document(t)).collect(),
        diagnostics: Vec::new(),
    }
}

fn line(at: &Location) -> u32 {
    match at {
        Location::File(FileAt { span: Some(span), .. }) => span.line,
        other => panic!("no line in {other:?}"),
    }
}

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";

#[test]
fn lists_are_flattened_and_namespaces_filled() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: x}}\n- {apiVersion: v1, kind: Namespace, metadata: {name: z}}\n";
    let desired = read(&output(&[list]), "shop").unwrap();
    let ids: Vec<String> = desired.objects.keys().map(ToString::to_string).collect();
    assert_eq!(ids, ["ConfigMap shop/x", "Namespace z"]);
    assert_eq!(
        desired.objects.values().next().unwrap().object.body["metadata"]["namespace"],
        "shop"
    );
}

#[test]
fn a_cluster_scoped_custom_kind_is_known_from_its_crd() {
    let crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: teams.x.io}\nspec: {group: x.io, scope: Cluster, names: {kind: Team}}\n";
    let team = "apiVersion: x.io/v1\nkind: Team\nmetadata: {name: red}\n";
    let desired = read(&output(&[team, crd]), "shop").unwrap();
    assert!(
        desired
            .objects
            .keys()
            .any(|id| id.kind == "Team" && id.namespace.is_empty())
    );
}

#[test]
fn broken_yaml_is_told_at_the_line_of_the_file() {
    let errors = read(&output(&["apiVersion: v1\nkind: [\n"]), "").unwrap_err();
    assert_eq!(errors[0].code, "invalid-yaml");
    assert!(line(&errors[0].at) >= 11, "{errors:?}");
}

#[test]
fn a_missing_field_is_told_at_its_parent() {
    let errors = read(
        &output(&["apiVersion: v1\nkind: ConfigMap\nmetadata:\n  labels: {}\n"]),
        "",
    )
    .unwrap_err();
    assert_eq!(errors[0].message, "`metadata.name` is missing");
    assert_eq!(line(&errors[0].at), 12);
}

#[test]
fn an_object_twice_names_both_places() {
    let errors = read(&output(&[CONFIG_MAP, CONFIG_MAP]), "").unwrap_err();
    assert_eq!(errors[0].code, "duplicate-object");
    assert_eq!(errors[0].related.len(), 1);
}

#[test]
fn all_errors_are_told_at_once() {
    let errors = read(&output(&["a: [", "b: ]", "- x\n"]), "").unwrap_err();
    assert_eq!(errors.len(), 3);
}

#[test]
fn bytes_that_are_not_utf8_have_a_place() {
    let mut bad = output(&["a: x\nb: y\n"]);
    bad.documents[0].content[8] = 0xff;
    let errors = read(&bad, "").unwrap_err();
    assert_eq!((errors[0].code.as_str(), line(&errors[0].at)), ("not-utf8", 11));
}

#[test]
fn the_hash_follows_content_not_order() {
    let other = CONFIG_MAP.replace("name: a", "name: b");
    let one = read(&output(&[CONFIG_MAP, &other]), "").unwrap().hash;
    assert_eq!(one, read(&output(&[&other, CONFIG_MAP]), "").unwrap().hash);
    assert_ne!(one, read(&output(&[CONFIG_MAP]), "").unwrap().hash);
}

#[test]
fn hooks_are_no_part_of_the_state() {
    let mut with_hook = output(&[CONFIG_MAP]);
    with_hook.documents[0]
        .attributes
        .push((attribute::ROLE.into(), "hook".into()));
    let desired = read(&with_hook, "").unwrap();
    assert_eq!((desired.objects.len(), desired.hooks.len()), (0, 1));
}

#[test]
fn a_field_has_a_place_in_the_sources_and_in_the_document() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: xx}}\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a, namespace: yy}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: zz}\n";
    let output = output(&[CONFIG_MAP, list]);
    let desired = read(&output, "").unwrap();
    let mut places = Places::new(&output);
    let mut place = |namespace: &str, pointer: &str| {
        let of = |manifest: &&Manifest| manifest.object.id.namespace == namespace;
        let place = places.of(desired.objects.values().find(of).unwrap(), pointer);
        let rendered = place.rendered.unwrap();
        (line(&place.at), rendered.document, rendered.line, rendered.column)
    };
    // Three of one kind and name in one document are told apart.
    assert_eq!(place("", "/metadata/name"), (13, 0, 4, 3));
    assert_eq!(place("xx", "/metadata/name"), (13, 1, 4, 48));
    assert_eq!(place("yy", "/metadata/name"), (16, 1, 7, 14));
    assert_eq!(place("zz", "/metadata/name"), (20, 1, 11, 12));
    // What is not there is told at its parent; so is what is no pointer.
    assert_eq!(place("zz", "/metadata/labels/app").2, 11);
    assert_eq!(place("zz", "no/pointer~").2, 9);
    assert_eq!(place("yy", "").2, 5);
}

#[test]
fn a_json_document_and_a_document_without_origin_have_places_too() {
    let mut output = output(&[]);
    output.documents.push(Document {
        format: Format::Json,
        content: b"\n{\n  \"apiVersion\": \"v1\", \"kind\": \"ConfigMap\",\n  \"metadata\": {\"name\": \"j\"}\n}\n"
            .to_vec(),
        origin: None,
        lines: Vec::new(),
        attributes: Vec::new(),
    });
    let desired = read(&output, "").unwrap();
    let place = Places::new(&output).of(desired.objects.values().next().unwrap(), "/metadata/name");
    let rendered = place.rendered.unwrap();
    assert_eq!((place.at, rendered.line), (Location::None, 4));
    assert_eq!(rendered.text, "  \"metadata\": {\"name\": \"j\"}");
}

#[test]
fn a_hundred_thousand_mistakes_are_told_as_a_hundred() {
    let text = format!(
        "apiVersion: v1\nkind: List\nitems: [{}]\n",
        vec!["1"; 100_000].join(",")
    );
    let output = Output {
        documents: vec![document(&text)],
        diagnostics: Vec::new(),
    };
    let errors = read(&output, "").unwrap_err();
    assert_eq!(errors.len(), MAX_ERRORS);
    let Location::File(file) = &errors[1].at else {
        panic!("{:?}", errors[1])
    };
    assert_eq!(file.span.unwrap().column, 11, "the second item");
}
