//! A notifier as a binding has it: its plugin, its config, its secrets, and where the operator lets its requests go.

use std::sync::Arc;

use serde_json::{Map, Value};
use windlass_core::{
    config::PluginChoice,
    event::Event,
    plugin::World,
    render::{Diagnostic, Location},
};
use windlass_host::{
    Notified, NotifyRequest, Outcome, Plugin, Tenant,
    http::{Egress, Secrets, Sender},
};

use crate::plugins::Plugins;

/// Ready to tell of events.
#[derive(Debug, Clone)]
pub struct Notifier {
    plugin: Arc<Plugin>,
    config: String,
    egress: Egress,
}

impl Notifier {
    /// Loads the plugin and checks its config. `secrets`: those of the binding, and no others can be named by it. `sender`: the way
    /// out, [`crate::outgoing::Wire`], shared by all.
    ///
    /// # Errors
    /// When there is no such plugin, it is no notifier, it was not granted what it needs, or the config is not what it takes; a
    /// finding each, those about the config located in it.
    pub async fn open(
        plugins: &Plugins,
        choice: &PluginChoice,
        config: &Map<String, Value>,
        secrets: Secrets,
        sender: Arc<dyn Sender>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let one = |diagnostic| vec![diagnostic];
        let candidate = plugins.choose(choice).map_err(one)?;
        let manifest = candidate.manifest();
        if manifest.world != World::Notifier {
            let message = format!(
                "plugin {}@{} is a {}, not a notifier",
                manifest.name,
                manifest.version,
                manifest.world.name()
            );
            return Err(one(Diagnostic::error("no-notifier", message, Location::None)));
        }
        let plugin = plugins.load(&candidate).await.map_err(one)?;
        let config = plugin.check_config(&Value::Object(config.clone()))?;
        let egress = Egress {
            secrets: Arc::new(secrets),
            reach: plugins.reach(&plugin),
            sender,
        };
        Ok(Self { plugin, config, egress })
    }

    /// Tells of an event, the how-manieth time from 1. The event's key goes with every attempt.
    pub async fn tell(&self, plugins: &Plugins, event: &Event, attempt: u32, tenant: Tenant) -> Outcome<Notified> {
        let request = NotifyRequest::of(event, tenant, self.config.clone(), self.egress.clone());
        let request = NotifyRequest { attempt, ..request };
        plugins.notify(Arc::clone(&self.plugin), request).await
    }
}
