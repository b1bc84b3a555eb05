//! What the request tells, and entropy.

use serde_json::{Map, Value, json};
use windlass_sdk::{ObjectSet, RenderRequest, Sink, entropy};

use crate::answer;
use crate::config::Config;

/// `n` numbers, of the stream `label` when there is one. As text: JSON's numbers end at 53 bits for many readers.
pub(crate) fn entropy(config: &Config, out: &Sink) {
    if let Some(label) = &config.label {
        entropy::fork(label);
    }
    let numbers: Vec<String> = (0..config.n).map(|_| entropy::next().to_string()).collect();
    answer::emit(&json!(numbers), out);
}

/// Everything that costs no list of all APIs.
pub(crate) fn request(config: &Config, request: &RenderRequest, out: &Sink) {
    let app = request.app();
    let now = request.now();
    let served: Map<String, Value> = config
        .apis
        .iter()
        .map(|api| (api.clone(), json!(request.has_api(api))))
        .collect();
    let facts = json!({
        "path": request.path(),
        "config": request.config(),
        "app": {"namespace": app.namespace, "name": app.name, "targetNamespace": app.target_namespace},
        "now": {"seconds": now.seconds, "nanoseconds": now.nanoseconds},
        "kubeVersion": request.kube_version(),
        "hasApi": served,
        "hasInput": request.input().is_some(),
        "label": request.tree().label(),
    });
    answer::emit(&facts, out);
}

/// The list of all APIs.
pub(crate) fn apis(request: &RenderRequest, out: &Sink) {
    answer::emit(&json!(request.apis()), out);
}

/// Whether there is a source named `from`, and its label.
pub(crate) fn source(config: &Config, request: &RenderRequest, out: &Sink) {
    answer::emit(&json!(request.source(&config.from).map(|tree| tree.label())), out);
}

/// The previous step's objects, by every function of an object set.
pub(crate) fn input(request: &RenderRequest, out: &Sink) {
    answer::emit(&request.input().map_or(Value::Null, |set| describe(&set)), out);
}

fn describe(set: &ObjectSet) -> Value {
    let heads: Vec<Value> = set
        .heads(0, u32::MAX)
        .into_iter()
        .map(|head| json!([head.group, head.version, head.kind, head.namespace, head.name]))
        .collect();
    let names: Vec<Option<String>> = (0..set.len()).map(|index| set.field(index, "/metadata/name")).collect();
    json!({
        "len": set.len(),
        "heads": heads,
        "core": set.select("", ""),
        "configMaps": set.select("", "ConfigMap"),
        "bodies": set.bodies(0, u32::MAX),
        "first": (set.len() > 0).then(|| set.body(0)),
        "names": names,
    })
}
