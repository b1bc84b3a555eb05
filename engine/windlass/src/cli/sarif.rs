//! Findings as SARIF 2.1.0 (OASIS): what code hosts and editors show beside the lines of a change.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use windlass_core::render::{Diagnostic, FileAt, Location, Severity, Span, attribute};

use super::{clean, validate::Finding};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The base of all paths: the root of the repository, wherever it is checked out.
const ROOT: &str = "SRCROOT";

/// What is written as it is in the path of a URI (RFC 3986, `pchar` and `/`).
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b'@');

/// A log of one run.
#[must_use]
pub(super) fn log(findings: &[Finding]) -> Value {
    let mut ids: BTreeMap<String, Severity> = BTreeMap::new();
    for finding in findings {
        let severity = finding.diagnostic.severity;
        ids.entry(rule_id(&finding.diagnostic))
            .and_modify(|worst| *worst = severity.min(*worst))
            .or_insert(severity);
    }
    let rule =
        |(id, severity): (&String, &Severity)| json!({"id": id, "defaultConfiguration": {"level": level(*severity)}});
    let index: BTreeMap<&String, usize> = ids.keys().zip(0..).collect();
    let results: Vec<Value> = findings.iter().map(|finding| result(finding, &index)).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "windlass",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": ids.iter().map(rule).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the repository."}}},
            "results": results,
        }],
    })
}

/// `schema/wrong-type`; `windlass/…` for the engine's own.
fn rule_id(diagnostic: &Diagnostic) -> String {
    let plugin = extra(diagnostic, attribute::PLUGIN);
    let name = plugin.map_or("windlass", |plugin| plugin.split('@').next().unwrap_or(plugin));
    format!("{name}/{}", diagnostic.code)
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn result(finding: &Finding, index: &BTreeMap<&String, usize>) -> Value {
    let diagnostic = &finding.diagnostic;
    let id = rule_id(diagnostic);
    let mut properties = Map::from_iter([("app".to_owned(), finding.app.clone().into())]);
    for (name, key) in [("plugin", attribute::PLUGIN), ("blame", attribute::BLAME)] {
        properties.extend(extra(diagnostic, key).map(|value| (name.to_owned(), value.into())));
    }
    let line = extra(diagnostic, attribute::LINE);
    let rendered = extra(diagnostic, attribute::RENDERED_LINE);
    let related: Vec<Value> = diagnostic
        .related
        .iter()
        .filter_map(|(at, word)| {
            let text = if matches!(at, Location::Document { .. }) {
                rendered
            } else {
                None
            };
            let mut place = location(at, text)?;
            place["message"] = json!({"text": clean::text(word)});
            Some(place)
        })
        .collect();
    json!({
        "ruleIndex": index.get(&id),
        "ruleId": id,
        "level": level(diagnostic.severity),
        "message": {"text": message(diagnostic)},
        "locations": location(&diagnostic.at, line).into_iter().collect::<Vec<_>>(),
        "relatedLocations": related,
        "properties": properties,
    })
}

fn message(diagnostic: &Diagnostic) -> String {
    let message = clean::text(diagnostic.message.trim_end());
    match &diagnostic.help {
        Some(help) => format!("{message}\nHelp: {}", clean::text(help)),
        None => message.into_owned(),
    }
}

fn extra<'a>(diagnostic: &'a Diagnostic, key: &str) -> Option<&'a str> {
    let found = diagnostic.extra.iter().find(|(found, _)| found == key);
    found.map(|(_, value)| value.as_str())
}

/// A file is a physical location; what is no file has a name only. `line`: the text that the place is on.
fn location(at: &Location, line: Option<&str>) -> Option<Value> {
    let named = |name: String| json!({"logicalLocations": [{"fullyQualifiedName": name}]});
    Some(match at {
        Location::None => return None,
        Location::File(file) => json!({"physicalLocation": physical(file, line)}),
        Location::Document { index, span } => named(format!("rendered document {}, line {}", index + 1, span.line)),
        Location::Object { index, pointer } => {
            named(format!("rendered document {} {}", index + 1, clean::line(pointer)))
        }
        Location::Config { pointer } => named(format!("plugin config {}", clean::line(pointer))),
    })
}

fn physical(file: &FileAt, line: Option<&str>) -> Value {
    let base = if file.source.is_empty() { ROOT } else { &file.source };
    let uri = utf8_percent_encode(&file.path, PATH).to_string();
    let mut place = json!({"artifactLocation": {"uri": uri, "uriBaseId": base}});
    if let Some(span) = file.span.filter(|span| span.line > 0) {
        place["region"] = region(span, line);
    }
    place
}

/// Columns count characters here and bytes in a span, so they are told only where the line's text is known.
fn region(span: Span, line: Option<&str>) -> Value {
    let mut region = json!({"startLine": span.line});
    let Some(line) = line else { return region };
    region["snippet"] = json!({"text": clean::text(line)});
    let column = |bytes: u32| {
        line[..line.floor_char_boundary(bytes.saturating_sub(1) as usize)]
            .chars()
            .count()
            + 1
    };
    if span.column > 0 {
        region["startColumn"] = column(span.column).into();
        if span.end_line == span.line && span.end_column > span.column {
            region["endColumn"] = column(span.end_column).into();
        }
    }
    region
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(severity: Severity, code: &str, at: Location) -> Finding {
        let mut diagnostic = Diagnostic::error(code, "no \u{1b}[31mgood", at).with_help("do better");
        diagnostic.severity = severity;
        Finding {
            app: "api".to_owned(),
            diagnostic,
        }
    }

    fn at(path: &str, span: Option<Span>) -> Location {
        Location::File(FileAt {
            source: String::new(),
            path: path.to_owned(),
            span,
        })
    }

    /// What the specification asks of every log, run, result, location and region (§ 3.13 to 3.30).
    fn check(log: &Value) {
        assert_eq!(log["version"], "2.1.0");
        for run in log["runs"].as_array().unwrap() {
            assert!(run["tool"]["driver"]["name"].is_string());
            let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
            for result in run["results"].as_array().unwrap() {
                assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()));
                assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
                let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
                assert_eq!(rule["id"], result["ruleId"]);
                for place in result["locations"].as_array().unwrap() {
                    check_place(place);
                }
                for place in result["relatedLocations"].as_array().unwrap() {
                    assert!(place["message"]["text"].is_string());
                    check_place(place);
                }
            }
        }
    }

    fn check_place(place: &Value) {
        let Some(physical) = place.get("physicalLocation") else {
            assert!(place["logicalLocations"][0]["fullyQualifiedName"].is_string());
            return;
        };
        let uri = physical["artifactLocation"]["uri"].as_str().unwrap();
        assert!(!uri.starts_with('/') && !uri.contains([' ', ':', '#', '?']), "{uri}");
        if let Some(region) = physical.get("region") {
            assert!(region["startLine"].as_u64().is_some_and(|line| line >= 1));
            assert!(
                region
                    .get("startColumn")
                    .is_none_or(|column| column.as_u64() >= Some(1))
            );
        }
    }

    #[test]
    fn a_log_has_what_the_specification_asks_for() {
        let mut full = finding(
            Severity::Error,
            "wrong-type",
            at("apps/a b/ü#1.yaml", Some(Span::at(3, 8))),
        );
        let document = Location::Document {
            index: 2,
            span: Span::at(7, 1),
        };
        full.diagnostic.related = vec![(document.clone(), "in what was rendered".to_owned())];
        full.diagnostic.extra = vec![
            (attribute::PLUGIN.to_owned(), "schema@1.2.3".to_owned()),
            (attribute::LINE.to_owned(), "  üü: \"x\"".to_owned()),
        ];
        let findings = [
            full,
            finding(Severity::Warning, "a", at("x.yaml", None)),
            finding(Severity::Error, "a", Location::None),
            finding(Severity::Info, "b", document),
        ];
        let log = log(&findings);
        check(&log);
        let run = &log["runs"][0];
        let ids: Vec<_> = run["tool"]["driver"]["rules"]
            .as_array()
            .unwrap()
            .iter()
            .map(|rule| &rule["id"])
            .collect();
        assert_eq!(ids, ["schema/wrong-type", "windlass/a", "windlass/b"]);
        assert_eq!(
            run["tool"]["driver"]["rules"][1]["defaultConfiguration"]["level"],
            "error"
        );
        let first = &run["results"][0];
        assert_eq!(first["message"]["text"], "no [31mgood\nHelp: do better");
        let place = &first["locations"][0]["physicalLocation"];
        assert_eq!(
            place["artifactLocation"],
            json!({"uri": "apps/a%20b/%C3%BC%231.yaml", "uriBaseId": "SRCROOT"})
        );
        assert_eq!(
            (&place["region"]["startLine"], &place["region"]["startColumn"]),
            (&3.into(), &6.into())
        );
        assert_eq!(first["properties"], json!({"app": "api", "plugin": "schema@1.2.3"}));
    }

    #[test]
    fn nothing_found_is_an_empty_log() {
        let log = log(&[]);
        check(&log);
        assert_eq!(log["runs"][0]["results"], json!([]));
    }
}
