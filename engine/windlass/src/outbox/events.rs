//! Events in the cluster, about the objects that they concern: what `kubectl describe` and `kubectl get events` show to people who
//! don't have Windlass at hand.
//!
//! They are written in the name of the App's service account. An event's name is made of its key, so that one that is written again
//! after a kill is the same.

use serde_json::{Value, json};
use windlass_cluster::discovery::Discovery;
use windlass_core::{
    config::id_of,
    event::{Event, State, Subject},
    model::ObjectId,
    moment,
};

use crate::{
    cli::clean,
    engine::{self, Engine},
    stop::{Stop, chain},
    target,
};

/// Objects of an event that get one; the threat is a cluster whose events are ours only.
const MOST: usize = 10;

/// Bytes of a note: the API server's limit (`validateV1EventUpdate`: 1,024).
const NOTE: usize = 1_000;

/// Why it isn't there.
pub(super) enum Failure {
    /// It may be, later.
    Later(String),
    /// It won't be.
    Never(String),
}

/// Writes the Events of one event.
pub(super) async fn write(engine: &Engine, event: &Event) -> Result<(), Failure> {
    let never = |why: &str| Err(Failure::Never(why.to_owned()));
    let config = engine.config();
    let Some(app) = config.apps.get(&id_of(&event.namespace, &event.app)) else {
        return never("the App is gone");
    };
    let (shared, actor) = match engine.clusters().of(app, engine.options().target.as_ref()).await {
        Ok(Some(found)) => found,
        Ok(None) => return never("the App goes to no cluster"),
        Err(stop) => return Err(later(stop)),
    };
    let key = engine::key(app, &target::Cluster::identity_of(&shared));
    let inventory = engine.inventory(&key).await.map_err(later)?;
    let uid = |id: &ObjectId| inventory.entries.get(id).and_then(|owned| owned.uid.as_deref());
    let subjects: Vec<&Subject> = event.objects.iter().take(MOST).collect();
    let mut events = Vec::new();
    if subjects.is_empty() {
        // A render that failed is about no object: it is told where the App's objects are.
        let namespace = &app.spec.target.namespace;
        if namespace.is_empty() {
            return never("it is about no object, and the App has no namespace of its own");
        }
        let about = json!({"apiVersion": "v1", "kind": "Namespace", "name": namespace, "namespace": namespace});
        events.push(body(event, 0, namespace, about, &event.message));
    }
    for (index, subject) in subjects.iter().enumerate() {
        let id = &subject.object;
        let namespace = if id.namespace.is_empty() {
            "default"
        } else {
            &id.namespace
        };
        let note = if subject.message.is_empty() {
            &event.message
        } else {
            &subject.message
        };
        let about = json!({
            "apiVersion": api_version(shared.api.discovery(), id).await,
            "kind": id.kind,
            "name": id.name,
            "namespace": id.namespace,
            "uid": uid(id).unwrap_or_default(),
        });
        events.push(body(event, index, namespace, about, note));
    }
    for (id, body) in &events {
        match shared.api.create_event(&actor, id, body).await {
            Ok(()) => {}
            Err(error) if error.is_transient() => return Err(Failure::Later(chain(&error))),
            Err(error) => return Err(Failure::Never(chain(&error))),
        }
    }
    Ok(())
}

fn later(stop: Stop) -> Failure {
    let why = stop.diagnostics.into_iter().next().map(|finding| finding.message);
    Failure::Later(why.unwrap_or_default())
}

/// "" where the kind isn't served any more.
async fn api_version(discovery: &Discovery, id: &ObjectId) -> String {
    let resource = discovery.preferred(&id.group, &id.kind).await;
    resource.map(|resource| resource.api_version()).unwrap_or_default()
}

fn body(event: &Event, index: usize, namespace: &str, about: Value, note: &str) -> (ObjectId, Value) {
    let note = clean::text(note);
    let id = ObjectId {
        group: String::new(),
        kind: "Event".to_owned(),
        namespace: namespace.to_owned(),
        name: format!("windlass.{}.{index}", &event.key()[..20]),
    };
    let is_warning = !matches!(event.state, State::Healthy | State::Progressing | State::Suspended);
    let at = moment::text(event.at);
    let body = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": id.name, "namespace": namespace},
        "involvedObject": about,
        "type": if is_warning { "Warning" } else { "Normal" },
        "reason": event.reason,
        "message": format!("App {}: {}", event.app, &note[..note.floor_char_boundary(NOTE)]),
        "source": {"component": "windlass"},
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    });
    (id, body)
}
