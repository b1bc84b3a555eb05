//! `windlass events [APP]`: what the cluster and the engine told of an App and its objects.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;
use windlass_core::{model::ObjectId, moment, render::Instant};

use super::{
    clean,
    failure::{Failure, Outcome},
    get::lasted,
    output::{Form, Format, Output},
    paint::Tone,
    site::{Place, Site, foreign, newest},
    table::{self, Cell},
};
use crate::{clock, stop::chain};

const EXAMPLES: &str = "Examples:
  windlass events api -n shop      # of the App and of every object that it owns, the newest last
  windlass events -A               # what the engine told, everywhere
  windlass events api -o json | jq -r .message

Always asks a cluster, which keeps Events for an hour by default.";

/// Show the Events of an App and its objects in a cluster
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("output", |arg| arg.help("`table`, or `json`: an Event a line")))]
pub(super) struct Args {
    /// An App, by its name or as NAMESPACE/NAME [default: what the engine told of any]
    #[arg(value_name = "APP")]
    app: Option<String>,

    /// In every namespace
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,

    #[command(flatten)]
    place: Place,

    #[command(flatten)]
    form: Form,
}

/// One Event. As JSON a line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Told {
    #[serde(with = "moment")]
    at: Instant,
    warning: bool,
    reason: String,
    object: ObjectId,
    message: String,
    count: u64,
    source: String,
}

/// Component of the Events that the engine writes.
const ENGINE: &str = "windlass";

/// Performs the verb.
pub(super) async fn perform(args: &Args, output: &Output) -> Result<Outcome, Failure> {
    let site = args.place.connect().await?;
    let mut subjects = BTreeSet::new();
    let mut namespaces = BTreeSet::from([site.namespace.clone()]);
    let mut mark = None;
    if let Some(app) = &args.app {
        let object = site.app(app).await?;
        let (namespace, name) = site.parts(app);
        mark = Some(format!("App {name}: "));
        namespaces = BTreeSet::from([namespace.to_owned()]);
        subjects.insert(super::site::resource("App").id(namespace, name));
        if let Some(target) = object.pointer("/spec/target/namespace").and_then(Value::as_str) {
            namespaces.insert(target.to_owned());
        }
        let ledger = site.ledger(namespace, name).await?.unwrap_or_default();
        let inventory = newest(&ledger).and_then(|kept| kept.inventory.as_ref());
        for id in inventory.iter().flat_map(|inventory| inventory.entries.keys()) {
            // Those about objects without a namespace are there.
            let namespace = if id.namespace.is_empty() {
                "default"
            } else {
                &id.namespace
            };
            namespaces.insert(namespace.to_owned());
            subjects.insert(id.clone());
        }
    }
    if args.all_namespaces {
        namespaces = BTreeSet::from([String::new()]);
    }
    let mut all: Vec<Told> = Vec::new();
    for namespace in &namespaces {
        let found = of(&site, namespace, output).await;
        all.extend(
            found
                .into_iter()
                .filter(|told| is_wanted(told, &subjects, mark.as_deref())),
        );
    }
    all.sort();
    all.dedup();
    show(&all, args.form.output, output)?;
    Ok(Outcome::Done)
}

/// Of an App: those about its objects, and what the engine says of it. Of no App: what the engine says.
fn is_wanted(told: &Told, subjects: &BTreeSet<ObjectId>, mark: Option<&str>) -> bool {
    let is_engines = told.source == ENGINE;
    match mark {
        None => is_engines,
        Some(mark) if is_engines => told.message.starts_with(mark),
        Some(_) => subjects.contains(&told.object),
    }
}

async fn of(site: &Site, namespace: &str, output: &Output) -> Vec<Told> {
    let events = foreign("", "Event", "events");
    match site.api.select(&events, namespace, "").await {
        Ok(found) => found.iter().filter_map(read).collect(),
        Err(error) => {
            let words = chain(&error);
            if site.is_new(&words) {
                output.note(&format!(
                    "Events of namespace `{namespace}` can't be read: {}\n",
                    clean::line(&words)
                ));
            }
            Vec::new()
        }
    }
}

fn read(event: &Value) -> Option<Told> {
    let text = |at: &str| {
        event
            .pointer(at)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let own = |at: &str| text(at).unwrap_or_default().to_owned();
    let times = [
        "/series/lastObservedTime",
        "/lastTimestamp",
        "/eventTime",
        "/metadata/creationTimestamp",
    ];
    let about = "/involvedObject";
    let group = own(&format!("{about}/apiVersion"));
    Some(Told {
        at: times.iter().find_map(|at| moment::parse(text(at)?))?,
        warning: own("/type") == "Warning",
        reason: own("/reason"),
        object: ObjectId {
            group: group.split_once('/').map_or("", |(group, _)| group).to_owned(),
            kind: own(&format!("{about}/kind")),
            namespace: own(&format!("{about}/namespace")),
            name: own(&format!("{about}/name")),
        },
        message: own("/message"),
        count: event
            .pointer("/series/count")
            .or_else(|| event.get("count"))
            .and_then(Value::as_u64)
            .unwrap_or(1),
        source: text("/source/component")
            .or_else(|| text("/reportingComponent"))
            .unwrap_or_default()
            .to_owned(),
    })
}

fn show(all: &[Told], format: Format, output: &Output) -> Result<(), Failure> {
    if format == Format::Json {
        for told in all {
            output.print_json(told)?;
        }
        return Ok(());
    }
    if all.is_empty() {
        output.note("nothing was told, or it is too long ago\n");
        return Ok(());
    }
    let now = clock::now().seconds;
    let row = |told: &Told| {
        let (word, tone) = if told.warning {
            ("Warning", Tone::Warn)
        } else {
            ("Normal", Tone::Plain)
        };
        let often = if told.count > 1 {
            format!("{} (x{})", lasted((now - told.at.seconds).max(0)), told.count)
        } else {
            lasted((now - told.at.seconds).max(0))
        };
        vec![
            Cell::text(&often),
            Cell::text(word).tone(tone),
            Cell::text(&told.reason),
            Cell::text(&told.object.to_string()),
            Cell::text(&told.source),
            Cell::text(&told.message),
        ]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    let head = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "FROM", "MESSAGE"];
    output.print(&table::table(&head, &rows, output.paint))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(source: &str, name: &str, message: &str) -> Told {
        read(&json!({
            "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}, "type": "Warning", "reason": "Failed",
            "involvedObject": {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": name},
            "lastTimestamp": null, "eventTime": "2026-01-01T00:00:01.000000Z",
            "message": message, "source": {}, "reportingComponent": source,
        }))
        .unwrap()
    }

    #[test]
    fn events_of_both_forms_are_read() {
        let told = event("kubelet", "api", "no");
        assert_eq!(
            (told.object.group.as_str(), told.object.kind.as_str()),
            ("apps", "Deployment")
        );
        assert_eq!((told.count, told.warning, told.source.as_str()), (1, true, "kubelet"));
        assert_eq!(moment::text(told.at), "2026-01-01T00:00:01Z");
        assert_eq!(read(&json!({"message": "undated"})), None);
    }

    #[test]
    fn those_of_an_app_are_about_it() {
        let subjects = BTreeSet::from([event("", "api", "").object]);
        for (source, name, message, expected) in [
            ("kubelet", "api", "x", true),
            ("kubelet", "db", "x", false),
            ("windlass", "elsewhere", "App api: x", true),
            ("windlass", "api", "App db: x", false),
        ] {
            let told = event(source, name, message);
            assert_eq!(
                is_wanted(&told, &subjects, Some("App api: ")),
                expected,
                "{source} {name} {message}"
            );
        }
        assert!(is_wanted(&event("windlass", "a", "b"), &subjects, None));
        assert!(!is_wanted(&event("kubelet", "api", "b"), &subjects, None));
    }
}
