//! The order in which objects are made.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    DEPENDS_ON, Dag, DagError, Edge, Until, WAVE, Why, annotations,
    references::{self, references},
    webhooks::{self, Hook, Serving},
};
use crate::{
    diff::{Action, SkipReason, Step},
    model::ObjectId,
    restart,
};

/// What is wanted of the plan, as far as it is looked at.
struct Wanted<'a> {
    /// Node, identity and manifest.
    objects: Vec<(usize, &'a ObjectId, &'a Value)>,
    nodes: BTreeMap<&'a ObjectId, usize>,
    /// By group and kind.
    definitions: BTreeMap<(&'a str, &'a str), Definition<'a>>,
    serving: Serving<'a>,
    /// Steps that no health is known of: they aren't ours.
    foreign: Vec<bool>,
    /// What workloads whose restarts depend on it use, beside what they can't be without.
    sources: Vec<(usize, Vec<ObjectId>)>,
}

struct Definition<'a> {
    node: usize,
    plural: &'a str,
    body: &'a Value,
}

/// Adds what the wanted objects of a plan wait for.
pub(super) fn order(dag: &mut Dag, steps: &[Step]) -> Result<(), DagError> {
    let wanted = Wanted::of(steps);
    wanted.homes(dag);
    wanted.inferred(dag);
    wanted.rights(dag);
    wanted.hooks(dag);
    wanted.said(dag)?;
    wanted.waves(dag)
}

impl<'a> Wanted<'a> {
    fn of(steps: &'a [Step]) -> Self {
        let mut wanted = Self {
            objects: Vec::new(),
            nodes: BTreeMap::new(),
            definitions: BTreeMap::new(),
            serving: Serving::default(),
            foreign: steps.iter().map(is_foreign).collect(),
            sources: Vec::new(),
        };
        for (node, step) in steps.iter().enumerate() {
            let Some(manifest) = &step.desired else { continue };
            let body = &manifest.object.body;
            wanted.objects.push((node, &step.id, body));
            wanted.nodes.insert(&step.id, node);
            wanted.serving.note(node, &step.id, body);
            if manifest.configured.is_some() {
                wanted.sources.push((node, restart::sources(manifest)));
            }
            if step.id.kind == "CustomResourceDefinition" {
                let text = |pointer| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
                let definition = Definition {
                    node,
                    plural: text("/spec/names/plural"),
                    body,
                };
                wanted
                    .definitions
                    .insert((text("/spec/group"), text("/spec/names/kind")), definition);
            }
        }
        wanted
    }

    /// What can't be made before something else is there.
    fn homes(&self, dag: &mut Dag) {
        for (node, id, _) in &self.objects {
            let namespace = ObjectId {
                group: String::new(),
                kind: "Namespace".to_owned(),
                namespace: String::new(),
                name: id.namespace.clone(),
            };
            if let Some(on) = self.nodes.get(&namespace) {
                dag.wait(*node, *on, Until::Exists, Why::Namespace);
            }
            if let Some(definition) = self.definitions.get(&(id.group.as_str(), id.kind.as_str())) {
                dag.wait(
                    *node,
                    definition.node,
                    self.at_most(Until::Established, definition.node, dag),
                    Why::Definition,
                );
            }
        }
    }

    fn inferred(&self, dag: &mut Dag) {
        for (node, id, body) in &self.objects {
            for on in references(id, body).iter().filter_map(|id| self.nodes.get(id)) {
                dag.wait(*node, *on, Until::Exists, Why::Reference);
            }
        }
        for (node, sources) in &self.sources {
            for on in sources.iter().filter_map(|id| self.nodes.get(id)) {
                dag.wait(*node, *on, Until::Exists, Why::Reference);
            }
        }
    }

    /// A workload that starts before its rights and its definitions are there crashes, and backs off.
    fn rights(&self, dag: &mut Dag) {
        let mut bindings: BTreeMap<ObjectId, Vec<usize>> = BTreeMap::new();
        for (node, id, body) in &self.objects {
            if matches!(id.kind.as_str(), "RoleBinding" | "ClusterRoleBinding") {
                for account in references::subjects(id, body) {
                    bindings.entry(account).or_default().push(*node);
                }
            }
        }
        let settled = |on: usize| Edge {
            on,
            until: Until::Settled,
            why: Why::Order,
        };
        let definitions: Vec<Edge> = self
            .definitions
            .values()
            .map(|definition| settled(definition.node))
            .collect();
        let defined = (!definitions.is_empty()).then(|| dag.barrier(definitions));
        for (node, id, body) in &self.objects {
            if references::pod_spec(id, body).is_none() {
                continue;
            }
            let account = references::service_account(id, body);
            let bindings = account.and_then(|account| bindings.get(&account)).into_iter().flatten();
            for on in bindings.chain(&defined) {
                dag.wait(*node, *on, Until::Settled, Why::Order);
            }
        }
    }

    fn hooks(&self, dag: &mut Dag) {
        for (node, id, body) in &self.objects {
            if let Some(hook) = Hook::of(id, body) {
                self.hook(dag, *node, id, &hook);
            }
        }
        for (node, id, _) in &self.objects {
            let definition = self.definitions.get(&(id.group.as_str(), id.kind.as_str()));
            let converter = definition.and_then(|definition| webhooks::converter(definition.body));
            if let Some(service) = converter {
                for on in self.serving.behind(&service).1 {
                    dag.wait(*node, on, self.at_most(Until::Available, on, dag), Why::Serves);
                }
            }
        }
    }

    fn hook(&self, dag: &mut Dag, node: usize, hook_id: &ObjectId, hook: &Hook) {
        for service in &hook.services {
            let (service, workloads) = self.serving.behind(service);
            if let Some(on) = service {
                dag.wait(node, on, Until::Exists, Why::Serves);
            }
            for on in workloads.into_iter().filter(|_| hook.fails_closed) {
                dag.wait(node, on, self.at_most(Until::Available, on, dag), Why::Serves);
            }
        }
        // An API is of use once it answers, a webhook is one at once.
        let until = if hook_id.kind == "APIService" {
            Until::Available
        } else {
            Until::Exists
        };
        for (guarded, id, _) in &self.objects {
            let definition = self.definitions.get(&(id.group.as_str(), id.kind.as_str()));
            if hook.guards(id, definition.map(|definition| definition.plural)) {
                dag.wait(*guarded, node, self.at_most(until, node, dag), Why::Guards);
            }
        }
    }

    fn said(&self, dag: &mut Dag) -> Result<(), DagError> {
        for (node, id, body) in &self.objects {
            for on in annotations::depends_on(body).map_err(|source| bad(id, DEPENDS_ON, source))? {
                let Some(on) = self.nodes.get(&on) else {
                    return Err(DagError::Unknown {
                        id: Box::new((*id).clone()),
                        on: Box::new(on),
                    });
                };
                dag.wait(*node, *on, self.at_most(Until::Ready, *on, dag), Why::DependsOn);
            }
        }
        Ok(())
    }

    fn waves(&self, dag: &mut Dag) -> Result<(), DagError> {
        let mut waves: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (node, id, body) in &self.objects {
            let wave = annotations::wave(body).map_err(|source| bad(id, WAVE, source))?;
            waves.entry(wave).or_default().push(*node);
        }
        let mut before: Option<usize> = None;
        let count = waves.len();
        for (index, (_, nodes)) in waves.into_iter().enumerate() {
            if let Some(before) = before {
                nodes
                    .iter()
                    .for_each(|node| dag.wait(*node, before, Until::Exists, Why::Wave));
            }
            if index + 1 < count {
                let ready = nodes.iter().map(|on| Edge {
                    on: *on,
                    until: self.at_most(Until::Ready, *on, dag),
                    why: Why::Wave,
                });
                before = Some(dag.barrier(ready.collect()));
            }
        }
        Ok(())
    }

    /// Not further than a step can come. A claim is bound only once a pod uses it (`WaitForFirstConsumer`); and of what isn't
    /// ours nobody looks at the health.
    fn at_most(&self, until: Until, on: usize, dag: &Dag) -> Until {
        let is_claim = dag.nodes[on]
            .id
            .as_ref()
            .is_some_and(|id| id.kind == "PersistentVolumeClaim" && id.group.is_empty());
        if is_claim || self.foreign[on] {
            Until::Exists
        } else {
            until
        }
    }
}

const fn is_foreign(step: &Step) -> bool {
    matches!(step.action, Action::Skip(SkipReason::Foreign | SkipReason::OwnedBy(_)))
}

fn bad(id: &ObjectId, key: &'static str, source: annotations::BadAnnotation) -> DagError {
    DagError::Annotation {
        id: Box::new(id.clone()),
        key,
        source,
    }
}
