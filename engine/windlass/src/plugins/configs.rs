//! Configs of plugins in a configuration, held to the plugins' own schemas before anything is rendered.

use serde_json::{Map, Value};
use windlass_core::{
    config::{Config, Flaw, PluginChoice, ServingSpec, parts_of},
    plugin::World,
    render::{Diagnostic, Location},
};

use super::{Best, Plugins};

/// Where a config stands.
struct Place<'c> {
    kind: &'static str,
    namespace: &'c str,
    name: &'c str,
    pointer: String,
}

impl Plugins {
    /// Every config that its plugin doesn't take. What names a plugin that isn't there is told by whoever needs it: others go on.
    #[must_use]
    pub fn flaws(&self, config: &Config) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        let any = ServingSpec::default();
        for app in config.apps.values() {
            let repository = config.repositories.get(app.repository());
            let serving = repository.map_or(&any, |repository| &repository.plugins);
            for (index, step) in app.spec.render.iter().enumerate() {
                let place = Place {
                    kind: "App",
                    namespace: &app.namespace,
                    name: &app.name,
                    pointer: format!("/spec/render/{index}/config"),
                };
                if let Some(choice) = serving.renderer(&step.plugin) {
                    self.look(&choice, &step.config, World::Renderer, &place, &mut flaws);
                }
            }
        }
        let repositories = config.repositories.iter().map(|(name, spec)| {
            let validators = spec.plugins.validators.as_deref().unwrap_or_default();
            ("Repository", name, validators, &spec.plugins.notify, "plugins")
        });
        let tenants = config.tenants.iter().map(|(name, spec)| {
            let required = &spec.required;
            (
                "Tenant",
                name,
                required.validators.as_slice(),
                &required.notify,
                "required",
            )
        });
        for (kind, name, validators, notify, field) in repositories.chain(tenants) {
            let place = |list: &str, index: usize| Place {
                kind,
                namespace: parts_of(name).0,
                name: parts_of(name).1,
                pointer: format!("/spec/{field}/{list}/{index}/config"),
            };
            for (index, validator) in validators.iter().enumerate() {
                let place = place("validators", index);
                self.look(
                    &validator.choice(),
                    &validator.config,
                    World::Validator,
                    &place,
                    &mut flaws,
                );
            }
            for (index, notifier) in notify.iter().enumerate() {
                let place = place("notify", index);
                self.look(
                    &notifier.choice(),
                    &notifier.config,
                    World::Notifier,
                    &place,
                    &mut flaws,
                );
            }
        }
        flaws
    }

    fn look(
        &self,
        choice: &PluginChoice,
        config: &Map<String, Value>,
        world: World,
        place: &Place<'_>,
        flaws: &mut Vec<Flaw>,
    ) {
        // What is to serve in the end: who stands in for it may take another config.
        let candidate = match self.best(choice) {
            Ok(Best::Here(best)) => best,
            Ok(Best::Awaited(_)) | Err(_) => return,
        };
        if candidate.manifest().world != world {
            return;
        }
        let wrong = candidate.check_config(config).err().unwrap_or_default();
        let manifest = candidate.manifest();
        let plugin = format!("plugin {}@{}", manifest.name, manifest.version);
        flaws.extend(wrong.into_iter().map(|Diagnostic { message, at, .. }| {
            let below = match at {
                Location::Config { pointer } => pointer,
                _ => String::new(),
            };
            Flaw {
                kind: place.kind,
                namespace: place.namespace.to_owned(),
                name: place.name.to_owned(),
                pointer: format!("{}{below}", place.pointer),
                message: format!("{plugin} doesn't take it: {message}"),
            }
        }));
    }
}
