//! Documents as asked for.

use windlass_sdk::{Diagnostic, Document, Location, RenderRequest, Sink, log};

use crate::config::Config;

/// `n` documents with origin, line mapping and attributes, a warning about the last, and a log line.
pub(crate) fn echo(config: &Config, request: &RenderRequest, out: &Sink) {
    let mut last = 0;
    for number in 0..config.n {
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: probe-{number}\ndata:\n  app: {}\n",
            request.app().name
        );
        let document = Document::yaml(text)
            .from_lines("probe.yaml", 1 + 7 * number)
            .attribute("windlass.dev/role", "hook")
            .attribute("windlass.dev/hook-events", "pre-install");
        last = out.emit(&document);
    }
    let warning = Diagnostic::warning("probe-echo", "the last of them")
        .at(Location::object(last, "/metadata/name"))
        .related(Location::file("probe.yaml"), "emitted from here")
        .help("nothing to do");
    out.report(&warning);
    log::info("echoed", &[("documents", &config.n.to_string())]);
}

/// `text` as it is; `{ff}` in it becomes the byte 0xff, which is never part of UTF-8.
pub(crate) fn raw(config: &Config, out: &Sink) {
    let mut bytes = Vec::new();
    for (index, part) in config.text.split("{ff}").enumerate() {
        if index > 0 {
            bytes.push(0xff);
        }
        bytes.extend_from_slice(part.as_bytes());
    }
    out.emit(&Document::yaml(bytes));
}
