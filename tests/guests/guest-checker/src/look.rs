//! What a validator sees, told as findings.

use windlass_sdk::{CheckRequest, Diagnostic, Findings, Location, ObjectSet};

use crate::{Config, at, rules, tell};

/// How many pages it takes to see all heads, `n` at a time, and all bodies, `bytes` at a time.
pub(crate) fn pages(config: &Config, request: &CheckRequest, findings: &Findings) {
    let set = request.objects();
    let (mut heads, mut bodies) = (Vec::new(), Vec::new());
    while heads.iter().sum::<u32>() < set.len() {
        heads.push(set.heads(heads.iter().sum(), config.n).len() as u32);
    }
    while bodies.iter().sum::<u32>() < set.len() {
        bodies.push(set.bodies(bodies.iter().sum(), config.bytes).len() as u32);
    }
    tell(findings, "heads", format!("{heads:?}"));
    tell(findings, "bodies", format!("{bodies:?}"));
    let past = set.heads(set.len(), 5).len() + set.bodies(set.len(), 5).len();
    tell(findings, "past-the-end", past.to_string());
}

/// Everything a request has.
pub(crate) fn request(request: &CheckRequest, findings: &Findings) {
    tell(findings, "kube-version", request.kube_version());
    tell(findings, "objects", names(&request.objects()));
    let previous = request.previous().map_or_else(|| "none".to_owned(), |set| names(&set));
    tell(findings, "previous", previous);
    let set = request.objects();
    tell(findings, "select", format!("{:?}", set.select("", "ConfigMap")));
    let field = (0..set.len()).filter_map(|index| set.field(index, "/data/value"));
    tell(findings, "field", field.collect::<Vec<_>>().join(" "));
}

fn names(set: &ObjectSet) -> String {
    let objects = rules::all(set);
    let names = objects
        .iter()
        .map(|object| object["metadata"]["name"].as_str().unwrap_or("?").to_owned());
    names.collect::<Vec<_>>().join(" ")
}

/// A finding with every part filled.
pub(crate) fn parts(request: &CheckRequest, findings: &Findings) {
    let last = request.objects().len() - 1;
    let found = Diagnostic::warning("full", "all there is")
        .related(Location::object(last, "/metadata/name"), "the last")
        .related(Location::Config("/mode".to_owned()), "asked for here")
        .help("nothing to do");
    findings.report(&at(found, 0, "/metadata/name"));
    windlass_sdk::log::info("looked", &[("objects", &(last + 1).to_string())]);
}
