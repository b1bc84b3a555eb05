use windlass_core::render::{Diagnostic, FileAt, Location, Severity, Span, attribute};

use super::*;
use crate::cli::golden;

fn at(path: &str, span: Option<Span>) -> Location {
    Location::File(FileAt {
        source: String::new(),
        path: path.to_owned(),
        span,
    })
}

fn with_line(mut diagnostic: Diagnostic, line: &str) -> Diagnostic {
    diagnostic.extra.push((attribute::LINE.to_owned(), line.to_owned()));
    diagnostic
}

fn samples() -> Vec<Diagnostic> {
    let span = Span {
        line: 7,
        column: 9,
        end_line: 7,
        end_column: 16,
    };
    let mut frames = Diagnostic::error(
        "runtime",
        "division by zero",
        at("apps/metrics/metrics.jsonnet", Some(Span::at(12, 3))),
    );
    frames.related = vec![
        (
            at("lib/kube.libsonnet", Some(Span::at(4, 11))),
            "called here".to_owned(),
        ),
        (at("apps/metrics/metrics.jsonnet", None), "from the file".to_owned()),
    ];
    let mut warning = Diagnostic::error(
        "deprecated",
        "`bases` is deprecated",
        Location::Config {
            pointer: "/values/a".into(),
        },
    );
    warning.severity = Severity::Warning;
    let mut named = Diagnostic::error("missing-file", "there is no such file", at("values.yaml", None))
        .with_help("look at `valueFiles`");
    if let Location::File(file) = &mut named.at {
        file.source = "shared".to_owned();
    }
    vec![
        with_line(
            Diagnostic::error(
                "invalid-yaml",
                "expected `,` or `]`",
                at("apps/platform/quota.yaml", Some(Span::at(12, 14))),
            )
            .with_help("close the list"),
            "  hard: [1, 2\n",
        ),
        with_line(
            Diagnostic::error(
                "wrong-type",
                "expected a number, found a string",
                at("a.yaml", Some(span)),
            ),
            "\tports: \"eighty\"",
        ),
        with_line(
            Diagnostic::error("cut", "the file ends too early", at("a.yaml", Some(Span::at(3, 99)))),
            "größe: [1",
        ),
        with_line(
            Diagnostic::error(
                "somewhere",
                "somewhere on this line",
                at("a.yaml", Some(Span::at(1040, 0))),
            ),
            "  image: x  ",
        ),
        frames,
        warning,
        named,
        Diagnostic::error("", "nothing more is known\nsecond line\nthird line", Location::None),
        Diagnostic::error(
            "bad",
            "document",
            Location::Object {
                index: 2,
                pointer: "/spec".into(),
            },
        ),
    ]
}

#[test]
fn findings_look_like_a_compilers() {
    golden::check("diagnostics.txt", &all(&samples(), Paint::Plain));
}

#[test]
fn control_characters_never_reach_the_terminal() {
    let evil = "\u{1b}]0;pwned\u{7}";
    let mut diagnostic = with_line(
        Diagnostic::error(evil, evil, at(evil, Some(Span::at(1, 1)))).with_help(evil),
        evil,
    );
    diagnostic
        .related
        .push((Location::Config { pointer: evil.into() }, evil.to_owned()));
    diagnostic.related.push((
        Location::Object {
            index: 0,
            pointer: evil.into(),
        },
        evil.to_owned(),
    ));
    let text = one(&diagnostic, Paint::Plain);
    assert!(!text.contains(['\u{1b}', '\u{7}']), "{text:?}");
    assert!(text.contains("]0;pwned"), "{text}");
}

#[test]
fn every_column_of_every_line_can_be_marked() {
    for line in ["", " ", "größe: 日本\t[", "\u{1b}x"] {
        for column in 0..24 {
            for end_column in [0, column, column + 1, 99] {
                for end_line in [0, 1, 2] {
                    let span = Span {
                        line: 1,
                        column,
                        end_line,
                        end_column,
                    };
                    let _ = one(
                        &with_line(Diagnostic::error("x", "x", at("a", Some(span))), line),
                        Paint::Colour,
                    );
                }
            }
        }
    }
}
