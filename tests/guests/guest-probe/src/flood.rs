//! Too much of what is allowed.

use windlass_sdk::{Diagnostic, Document, FileAt, Mapping, RenderRequest, Sink, Span, log as host_log};

use crate::config::Config;

fn text(config: &Config) -> String {
    "x".repeat(config.bytes as usize)
}

fn config_map(name: &str) -> String {
    format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}}}\n")
}

/// `n` documents with a value of `bytes` bytes each.
pub(crate) fn output(config: &Config, out: &Sink) -> u64 {
    let line = text(config);
    let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: flood}}\ndata:\n  x: |\n    {line}\n");
    (0..config.n).for_each(|_| {
        out.emit(&Document::yaml(text.clone()));
    });
    u64::from(config.n)
}

/// `n` small documents.
pub(crate) fn documents(n: u32, out: &Sink) -> u64 {
    for number in 0..n {
        out.emit(&Document::yaml(config_map(&format!("d{number}"))));
    }
    u64::from(n)
}

/// One document with `n` line mappings, each with a path of `bytes` bytes.
pub(crate) fn lines(config: &Config, out: &Sink) -> u64 {
    let span = |line| Span {
        line,
        column: 1,
        end_line: line,
        end_column: 2,
    };
    let origin = |line| FileAt {
        source: String::new(),
        path: text(config),
        span: Some(span(line)),
    };
    let mapping = |line| Mapping {
        output: span(line),
        origin: origin(line),
    };
    let document = Document {
        lines: (0..config.n).map(mapping).collect(),
        ..Document::yaml(config_map("lines"))
    };
    u64::from(out.emit(&document))
}

/// One document with `n` attributes of no byte at all.
pub(crate) fn attributes(config: &Config, out: &Sink) -> u64 {
    let document = Document {
        attributes: vec![(String::new(), String::new()); config.n as usize],
        ..Document::yaml(config_map("attributes"))
    };
    u64::from(out.emit(&document))
}

/// `n` findings.
pub(crate) fn diagnostics(n: u32, out: &Sink) -> u64 {
    for number in 0..n {
        out.report(&Diagnostic::info("probe-flood", format!("finding {number}")));
    }
    u64::from(n)
}

/// `n` findings of `bytes` bytes each.
pub(crate) fn huge_finding(config: &Config, out: &Sink) -> u64 {
    let finding = Diagnostic::info("probe-flood", text(config));
    (0..config.n).for_each(|_| out.report(&finding));
    u64::from(config.n)
}

/// `n` findings that say nothing, then the one that matters.
pub(crate) fn late_error(config: &Config, out: &Sink) -> u64 {
    let findings = diagnostics(config.n, out);
    out.report(&Diagnostic::error("probe-late", text(config)));
    findings + 1
}

/// `n` lines of `bytes` bytes each.
pub(crate) fn log(config: &Config) -> u64 {
    let line = text(config);
    for _ in 0..config.n {
        host_log::info(&line, &[]);
    }
    u64::from(config.n)
}

/// `n` lines of `bytes` fields, none of which has a byte.
pub(crate) fn fields(config: &Config) -> u64 {
    let fields = vec![("", ""); config.bytes as usize];
    (0..config.n).for_each(|_| host_log::info("", &fields));
    u64::from(config.n)
}

/// One line of `bytes` bytes.
pub(crate) fn huge_log(config: &Config) -> u64 {
    host_log::info(&text(config), &[]);
    1
}

/// `n` questions about different paths of `bytes` bytes, none of which is there.
pub(crate) fn questions(config: &Config, request: &RenderRequest) -> u64 {
    let (tree, stem) = (request.tree(), text(config));
    let asked = (0..config.n).map(|number| tree.stat(&format!("{stem}{number}")));
    asked.filter(Result::is_ok).count() as u64
}

/// Every path of `paths` from beginning to end, `n` times.
pub(crate) fn reads(config: &Config, request: &RenderRequest) -> u64 {
    let tree = request.tree();
    let read = |path: &String| tree.read_all(path).map_or(0, |content| content.len() as u64);
    (0..config.n).flat_map(|_| &config.paths).map(read).sum()
}
