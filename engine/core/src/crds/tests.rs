use super::*;

/// Every schema below one, with its path.
fn walk<'s>(schema: &'s Value, path: &str, see: &mut impl FnMut(&str, &'s Value)) {
    see(path, schema);
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        walk(inner, &format!("{path}.{name}"), see);
    }
    for (step, inner) in [("[]", schema.get("items")), ("{}", schema.get("additionalProperties"))] {
        if let Some(inner) = inner {
            walk(inner, &format!("{path}{step}"), see);
        }
    }
}

fn each(see: &mut impl FnMut(&str, &Value)) {
    for definition in definitions() {
        let kind = definition["spec"]["names"]["kind"].as_str().unwrap().to_owned();
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        walk(schema, &kind, see);
    }
}

#[test]
fn schemas_are_structural() {
    each(&mut |path, schema| {
        let node = schema.as_object().unwrap();
        for key in node.keys() {
            let known = [
                "additionalProperties",
                "description",
                "enum",
                "format",
                "items",
                "maxItems",
                "maxLength",
                "maximum",
                "minItems",
                "minLength",
                "minimum",
                "pattern",
                "properties",
                "required",
                "type",
            ];
            assert!(
                known.contains(&key.as_str()) || key.starts_with("x-kubernetes-"),
                "{path}: {key}"
            );
        }
        let is_free = node.contains_key("x-kubernetes-preserve-unknown-fields");
        let kind = node.get("type").and_then(Value::as_str);
        assert!(kind.is_some() || is_free, "{path} has no type");
        match kind {
            Some("object") => assert!(
                is_free || node.contains_key("properties") || node.contains_key("additionalProperties"),
                "{path} has no fields"
            ),
            Some("array") => assert!(node.contains_key("items"), "{path}"),
            _ => {}
        }
    });
}

#[test]
fn explanations_are_for_users() {
    each(&mut |path, schema| {
        let text = schema["description"].as_str();
        let is_field = !path.ends_with("[]") && !path.ends_with("{}");
        assert!(text.is_some() || !is_field, "{path} has no description");
        let text = text.unwrap_or("Nothing.");
        for of_rust in ["::", "[`", "`]", "`None`", "`Some", "See "] {
            assert!(!text.contains(of_rust), "{path}: {of_rust}: {text}");
        }
        let first = text.lines().next().unwrap();
        assert!(first.ends_with(['.', ':']), "{path}: {text}");
        assert!(!first.contains(".."), "{path}: {text}");
        assert!(
            text.starts_with(|c: char| c.is_uppercase() || c == '`' || c == '"'),
            "{path}: {text}"
        );
    });
}

#[test]
fn what_an_explanation_counts_out_is_what_is_meant() {
    let mut told = String::new();
    each(&mut |path, schema| {
        if path.starts_with("App.spec.prune") {
            told.push_str(schema["description"].as_str().unwrap_or_default());
        }
    });
    for kind in crate::diff::PROTECTED {
        assert!(told.contains(kind), "{kind}: {told}");
    }
    assert_eq!(crate::guard::FREE_DELETES, 3, "spec.prune.maxPercent says three");
    assert!(told.contains("three objects"));
}

#[test]
fn definitions_are_the_same_each_time() {
    let text = || definitions().iter().map(crate::yaml::write).collect::<String>();
    assert_eq!(text(), text());
}
