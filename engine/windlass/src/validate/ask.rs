//! One validator, asked about the objects of which it is not known yet what it says.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;
use windlass_core::{
    config::ValidatorSpec,
    digest::Digest,
    manifest::Manifest,
    plugin::{Scope, World},
    render::{Diagnostic, Location, Severity, attribute},
};
use windlass_host::{CallError, InputObject, Outcome, Plugin, ValidateRequest};

use super::{
    Checkers,
    verdicts::{Found, Related, Said, Verdict},
};
use crate::render;

/// What a validator says.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) found: Vec<Found>,
    /// Findings about no object, and why it could not be asked.
    pub(super) elsewhere: Vec<Diagnostic>,
    pub(super) calls: u32,
}

/// Asks in one call, or in none when everything is known.
pub(super) async fn ask(checkers: &Checkers<'_>, validator: &ValidatorSpec, objects: &[&Manifest]) -> Answer {
    let failed = |elsewhere| Answer {
        elsewhere,
        ..Answer::default()
    };
    match prepare(checkers, validator).await {
        Ok(asked) => asked.about(checkers, objects).await,
        Err(diagnostics) => failed(diagnostics),
    }
}

/// A validator with its config.
struct Asked {
    plugin: Arc<Plugin>,
    config: String,
    /// `name@version`.
    name: String,
}

async fn prepare(checkers: &Checkers<'_>, validator: &ValidatorSpec) -> Result<Asked, Vec<Diagnostic>> {
    let choice = validator.choice();
    let one = |diagnostic| vec![diagnostic];
    let candidate = checkers.plugins.choose(&choice).map_err(one)?;
    let manifest = candidate.manifest();
    let name = format!("{}@{}", manifest.name, manifest.version);
    if manifest.world != World::Validator {
        let message = format!("plugin {name} is a {}, not a validator", manifest.world.name());
        return Err(one(Diagnostic::error("no-validator", message, Location::None)));
    }
    let plugin = checkers.plugins.load(&candidate).await.map_err(one)?;
    let config = plugin.check_config(&Value::Object(validator.config.clone()));
    let config = config.map_err(|wrong| {
        wrong
            .into_iter()
            .map(|finding| signed(finding, &name))
            .collect::<Vec<_>>()
    })?;
    Ok(Asked { plugin, config, name })
}

impl Asked {
    async fn about(&self, checkers: &Checkers<'_>, objects: &[&Manifest]) -> Answer {
        let scope = self.plugin.manifest().scope;
        let context = self.context(scope, checkers.kube_version, objects);
        let key = |manifest: &Manifest| key(&context, manifest);
        let mut answer = Answer::default();
        let mut unknown = BTreeSet::new();
        for (index, manifest) in objects.iter().enumerate() {
            match checkers.verdicts.get(&key(manifest)) {
                Some(said) => answer.found.extend(found(index, &said)),
                None => {
                    unknown.insert(index);
                }
            }
        }
        if unknown.is_empty() {
            return answer;
        }
        let sent = sent(scope, &unknown, objects);
        let outcome = self.call(checkers, &sent, objects).await;
        answer.calls = 1;
        match self.sort(outcome, &sent, objects) {
            Ok(sorted) => {
                for index in unknown {
                    let said: Said = sorted.about(index).into();
                    answer.found.extend(found(index, &said));
                    if sorted.elsewhere.is_empty() {
                        checkers.verdicts.put(key(objects[index]), said);
                    }
                }
                answer.elsewhere = sorted.elsewhere;
            }
            Err(diagnostics) => answer.elsewhere = diagnostics,
        }
        answer
    }

    /// Identity of everything but the object that the validator's word on it may depend on.
    fn context(&self, scope: Scope, kube_version: &str, objects: &[&Manifest]) -> Digest {
        let digest = self.plugin.digest();
        let mut parts = vec![
            digest.as_bytes().as_slice(),
            self.config.as_bytes(),
            kube_version.as_bytes(),
        ];
        let seen = |manifest: &&&Manifest| scope == Scope::Set || is_definition(manifest);
        parts.extend(objects.iter().filter(seen).map(|m| m.object.hash.as_bytes().as_slice()));
        Digest::of_parts(parts)
    }

    async fn call(&self, checkers: &Checkers<'_>, sent: &[usize], objects: &[&Manifest]) -> Outcome<Vec<Diagnostic>> {
        let inputs = sent.iter().map(|index| InputObject::from(&objects[*index].object));
        let request = ValidateRequest {
            tenant: checkers.tenant.clone(),
            config: self.config.clone(),
            objects: Arc::new(inputs.collect()),
            previous: None,
            kube_version: checkers.kube_version.to_owned(),
        };
        checkers.plugins.validate(Arc::clone(&self.plugin), request).await
    }

    /// From indexes of the call to objects.
    fn sort(
        &self,
        outcome: Outcome<Vec<Diagnostic>>,
        sent: &[usize],
        objects: &[&Manifest],
    ) -> Result<Sorted, Vec<Diagnostic>> {
        let findings = outcome.result.map_err(|error| self.failed(error))?;
        let mut sorted = Sorted::default();
        for finding in findings {
            let mut finding = signed(finding, &self.name);
            match std::mem::take(&mut finding.at) {
                Location::Object { index, pointer } => {
                    let related = std::mem::take(&mut finding.related);
                    let related = related
                        .into_iter()
                        .map(|(at, word)| (related_at(at, sent, objects), word));
                    let verdict = Verdict {
                        pointer,
                        related: related.collect(),
                        diagnostic: finding,
                    };
                    // The host has held the index to the set.
                    sorted.found.push((sent[index as usize], Arc::new(verdict)));
                }
                at => sorted.elsewhere.push(Diagnostic { at, ..finding }),
            }
        }
        if outcome.stats.dropped_diagnostics > 0 {
            sorted.elsewhere.push(self.dropped(outcome.stats.dropped_diagnostics));
        }
        Ok(sorted)
    }

    fn dropped(&self, number: u64) -> Diagnostic {
        let message = format!(
            "validator {} found more: {number} findings beyond what is kept",
            self.name
        );
        let mut diagnostic = Diagnostic::error("too-many-findings", message, Location::None)
            .with_help("mend what is shown, then check again");
        diagnostic.severity = Severity::Warning;
        diagnostic
    }

    /// What could not be checked does not pass, whoever is to blame.
    fn failed(&self, error: CallError) -> Vec<Diagnostic> {
        let mut found = render::diagnostics(error, &self.name, "");
        for diagnostic in &mut found {
            // The host holds findings to the set, not a failure's.
            if matches!(diagnostic.at, Location::Object { .. }) {
                diagnostic.at = Location::None;
            }
            if !diagnostic.message.contains(&self.plugin.manifest().name) {
                diagnostic.message = format!("validator {}: {}", self.name, diagnostic.message);
            }
            let help = "leave it out with `spec.plugins.validators` of the Repository until it works";
            diagnostic.help.get_or_insert_with(|| help.to_owned());
        }
        found
    }
}

/// A call's findings.
#[derive(Default)]
struct Sorted {
    /// By index among all objects.
    found: Vec<(usize, Arc<Verdict>)>,
    elsewhere: Vec<Diagnostic>,
}

impl Sorted {
    fn about(&self, index: usize) -> Vec<Arc<Verdict>> {
        let about = self.found.iter().filter(|(object, _)| *object == index);
        about.map(|(_, verdict)| Arc::clone(verdict)).collect()
    }
}

/// What is handed to the validator: definitions of custom kinds first, as context, then what is unknown; of scope `set`,
/// everything.
fn sent(scope: Scope, unknown: &BTreeSet<usize>, objects: &[&Manifest]) -> Vec<usize> {
    if scope == Scope::Set {
        return (0..objects.len()).collect();
    }
    let (definitions, others): (Vec<_>, Vec<_>) = (0..objects.len()).partition(|index| is_definition(objects[*index]));
    let others = others.into_iter().filter(|index| unknown.contains(index));
    definitions.into_iter().chain(others).collect()
}

fn is_definition(manifest: &Manifest) -> bool {
    let id = &manifest.object.id;
    id.group == "apiextensions.k8s.io" && id.kind == "CustomResourceDefinition"
}

fn key(context: &Digest, manifest: &Manifest) -> Digest {
    Digest::of_parts([context.as_bytes().as_slice(), manifest.object.hash.as_bytes()])
}

fn found(object: usize, said: &Said) -> impl Iterator<Item = Found> {
    said.iter().map(move |verdict| Found {
        object,
        verdict: Arc::clone(verdict),
    })
}

fn related_at(at: Location, sent: &[usize], objects: &[&Manifest]) -> Related {
    match at {
        Location::Object { index, pointer } => Related::Object {
            hash: objects[sent[index as usize]].object.hash,
            pointer,
        },
        at => Related::Elsewhere(at),
    }
}

/// With who says it. What a validator finds is for whoever wrote the object.
fn signed(mut finding: Diagnostic, plugin: &str) -> Diagnostic {
    // Keys of the host are the host's.
    finding.extra.retain(|(key, _)| !key.starts_with("windlass.dev/"));
    finding.extra.push((attribute::PLUGIN.to_owned(), plugin.to_owned()));
    finding.extra.push((attribute::BLAME.to_owned(), "user".to_owned()));
    finding
}
