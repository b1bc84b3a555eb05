//! `windlass tree APP`: what an App owns in a cluster, and what came of that.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use windlass_cluster::{identity::Actor, resource::Resource};
use windlass_core::{
    config::IN_CLUSTER,
    health::{self, State, Verdict},
    model::ObjectId,
};

use super::{
    clean,
    failure::{Failure, Outcome},
    output::{Form, Format, Output},
    paint::{Paint, Tone},
    reports,
    site::{Place, Site, foreign, newest},
};
use crate::stop::chain;

const EXAMPLES: &str = "Examples:
  windlass tree api -n shop
  windlass tree shop/api --context eu
  windlass tree api -o json | jq -r 'select(.state == \"degraded\").object.name'

Always asks a cluster. Health, and what the objects made in turn (Deployment, ReplicaSet, Pod), are read with the rights of the
kubeconfig, where the App goes to the same cluster as its own object. JSON is an object a line, with its depth.";

/// Show what an App owns in a cluster, how it does, and what it made in turn
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("output", |arg| arg.help("`table`, or `json`: an object a line")))]
pub(super) struct Args {
    /// An App, by its name or as NAMESPACE/NAME
    #[arg(value_name = "APP")]
    app: String,

    #[command(flatten)]
    place: Place,

    #[command(flatten)]
    form: Form,
}

/// An object in the tree. As JSON a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Node {
    depth: usize,
    object: ObjectId,
    /// `None`: it can't be seen.
    state: Option<State>,
    message: String,
    #[serde(skip)]
    is_last: Vec<bool>,
}

/// Kinds in the order in which people look for them; others after them.
const ORDER: [&str; 16] = [
    "Namespace",
    "CustomResourceDefinition",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "PersistentVolumeClaim",
    "Service",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
];

fn rank(id: &ObjectId) -> (usize, &ObjectId) {
    let place = ORDER.iter().position(|kind| *kind == id.kind);
    (place.unwrap_or(ORDER.len()), id)
}

/// What controllers make of objects.
fn makers() -> [Resource; 3] {
    [
        foreign("apps", "ReplicaSet", "replicasets"),
        foreign("batch", "Job", "jobs"),
        foreign("", "Pod", "pods"),
    ]
}

/// Kinds that make others.
const PARENTS: [&str; 6] = ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicaSet"];

/// Performs the verb.
pub(super) async fn perform(args: &Args, output: &Output) -> Result<Outcome, Failure> {
    let site = args.place.connect().await?;
    let app = site.app(&args.app).await?;
    let (namespace, name) = site.parts(&args.app);
    let ledger = site.ledger(namespace, name).await?.unwrap_or_default();
    let kept = newest(&ledger);
    let inventory = kept.and_then(|kept| kept.inventory.as_ref());
    let mut owned: Vec<&ObjectId> = inventory
        .iter()
        .flat_map(|inventory| inventory.entries.keys())
        .collect();
    owned.sort_by(|a, b| rank(a).cmp(&rank(b)));
    let cluster = app
        .pointer("/spec/target/cluster")
        .and_then(Value::as_str)
        .unwrap_or(IN_CLUSTER);
    let is_here = cluster == IN_CLUSTER;
    let children = if is_here {
        children(&site, &owned, output).await
    } else {
        BTreeMap::new()
    };
    let mut nodes = Vec::new();
    for (index, id) in owned.iter().enumerate() {
        let live = if is_here { look(&site, id, output).await } else { None };
        let is_last = vec![index + 1 == owned.len()];
        grow(&mut nodes, (*id).clone(), live.as_ref(), &children, &is_last);
    }
    let title = format!("App {namespace}/{name}");
    match args.form.output {
        Format::Json => {
            for node in &nodes {
                output.print_json(node)?;
            }
        }
        Format::Table => output.print(&drawn(&title, &nodes, output.paint))?,
    }
    if !is_here {
        output.note(&format!(
            "it goes to Cluster `{}`: how its objects do is not read from here; see `windlass get app {name} -n {namespace}`\n",
            clean::line(cluster)
        ));
    } else if nodes.is_empty() {
        output.note("it owns nothing yet\n");
    }
    Ok(Outcome::Done)
}

/// An object as it is; `None`: it isn't there, or the user may not see it, which is told once for each kind.
async fn look(site: &Site, id: &ObjectId, output: &Output) -> Option<Value> {
    let resource = match site.api.discovery().preferred(&id.group, &id.kind).await {
        Ok(resource) => resource,
        Err(error) => {
            say(site, output, &format!("{}: {}", id.kind, chain(&error)));
            return None;
        }
    };
    match site.api.get(&Actor::Own, &resource, id).await {
        Ok(Some(live)) => Some(live),
        Ok(None) => Some(Value::Null),
        Err(_) => {
            say(
                site,
                output,
                &format!("you may not see {}, so their health is not told", resource.label()),
            );
            None
        }
    }
}

fn say(site: &Site, output: &Output, words: &str) {
    if site.is_new(words) {
        output.note(&format!("{}\n", clean::line(words)));
    }
}

/// What was made by others, by the UID of who made it.
async fn children(site: &Site, owned: &[&ObjectId], output: &Output) -> BTreeMap<String, Vec<(ObjectId, Value)>> {
    let parents = owned.iter().filter(|id| PARENTS.contains(&id.kind.as_str()));
    let namespaces: std::collections::BTreeSet<&str> = parents.map(|id| id.namespace.as_str()).collect();
    let mut all: BTreeMap<String, Vec<(ObjectId, Value)>> = BTreeMap::new();
    for namespace in namespaces {
        for resource in makers() {
            let Ok(found) = site.api.select(&resource, namespace, "").await else {
                say(
                    site,
                    output,
                    &format!(
                        "you may not list {}, so what was made of them is not told",
                        resource.label()
                    ),
                );
                continue;
            };
            for object in found {
                let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
                let owners: Vec<String> = owners
                    .into_iter()
                    .flatten()
                    .filter_map(|owner| Some(owner.get("uid")?.as_str()?.to_owned()))
                    .collect();
                let name = object
                    .pointer("/metadata/name")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let id = resource.id(namespace, name);
                for owner in owners {
                    all.entry(owner).or_default().push((id.clone(), object.clone()));
                }
            }
        }
    }
    all
}

/// Deeper than controllers go: CronJob, Job, Pod. The threat is objects that name each other as owners.
const DEEPEST: usize = 4;

fn grow(
    nodes: &mut Vec<Node>,
    object: ObjectId,
    live: Option<&Value>,
    children: &BTreeMap<String, Vec<(ObjectId, Value)>>,
    is_last: &[bool],
) {
    let verdict = match live {
        Some(Value::Null) => Some(Verdict::new(State::Degraded, "Missing", "it is not there")),
        Some(live) => Some(health::assess(live)),
        None => None,
    };
    nodes.push(Node {
        depth: is_last.len(),
        object,
        state: verdict.as_ref().map(|verdict| verdict.state),
        message: verdict.map(|verdict| verdict.message).unwrap_or_default(),
        is_last: is_last.to_vec(),
    });
    let uid = live.and_then(|live| live.pointer("/metadata/uid")?.as_str());
    let made = uid.and_then(|uid| children.get(uid)).map_or(&[][..], Vec::as_slice);
    // A ReplicaSet of a revision before has nothing any more.
    let made: Vec<_> = made
        .iter()
        .filter(|(_, live)| live.pointer("/spec/replicas") != Some(&Value::from(0)))
        .collect();
    if is_last.len() >= DEEPEST {
        return;
    }
    for (index, (id, live)) in made.iter().enumerate() {
        let mut below = is_last.to_vec();
        below.push(index + 1 == made.len());
        grow(nodes, id.clone(), Some(live), children, &below);
    }
}

fn drawn(title: &str, nodes: &[Node], paint: Paint) -> String {
    let mut text = format!("{}\n", paint.tone(Tone::Strong, clean::line(title)));
    for node in nodes {
        let mut branch = String::new();
        if let Some((last, before)) = node.is_last.split_last() {
            for is_last in before {
                branch.push_str(if *is_last { "    " } else { "│   " });
            }
            branch.push_str(if *last { "└── " } else { "├── " });
        }
        let (word, tone) = node.state.map_or(("-", Tone::Faint), reports::state);
        let object = node.object.to_string();
        let mut line = format!("{branch}{}   {}", clean::line(&object), paint.tone(tone, word));
        if !node.message.is_empty() && node.state != Some(State::Healthy) {
            line.push_str(&format!("   {}", clean::line(&node.message)));
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id(kind: &str, name: &str) -> ObjectId {
        ObjectId {
            group: String::new(),
            kind: kind.into(),
            namespace: "shop".into(),
            name: name.into(),
        }
    }

    #[test]
    fn what_was_made_stands_below_who_made_it() {
        let pod = |name: &str| {
            (
                id("Pod", name),
                json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"uid": name}}),
            )
        };
        let children = BTreeMap::from([
            (
                "u".to_owned(),
                vec![(id("ReplicaSet", "api-1"), json!({"metadata": {"uid": "r"}}))],
            ),
            ("r".to_owned(), vec![pod("api-1-a"), pod("api-1-b")]),
            // Nobody goes round in circles.
            ("api-1-b".to_owned(), vec![pod("api-1-b")]),
        ]);
        let mut nodes = Vec::new();
        grow(
            &mut nodes,
            id("ConfigMap", "a"),
            Some(&Value::Null),
            &children,
            &[false],
        );
        let live = json!({"metadata": {"uid": "u"}});
        grow(&mut nodes, id("Deployment", "api"), Some(&live), &children, &[true]);
        let drawn = drawn("App shop/api", &nodes, Paint::Plain);
        let names: Vec<&str> = drawn.lines().map(|line| line.split("   ").next().unwrap()).collect();
        assert!(
            drawn.contains("├── ") && drawn.contains("Degraded   it is not there"),
            "{drawn}"
        );
        assert_eq!(names.len(), 7, "{drawn}");
        assert_eq!(
            nodes.iter().map(|node| node.depth).collect::<Vec<_>>(),
            [1, 1, 2, 3, 3, 4]
        );
    }

    #[test]
    fn kinds_are_in_the_order_people_expect() {
        let mut all = [
            id("Widget", "a"),
            id("Deployment", "a"),
            id("ConfigMap", "b"),
            id("ConfigMap", "a"),
        ];
        all.sort_by(|a, b| rank(a).cmp(&rank(b)));
        let words: Vec<String> = all.iter().map(|id| format!("{}/{}", id.kind, id.name)).collect();
        assert_eq!(words, ["ConfigMap/a", "ConfigMap/b", "Deployment/a", "Widget/a"]);
    }
}
