//! Notifiers through the host and the real network: what leaves, where it goes, and what a plugin gets to see.

mod egress;
mod hostile;
pub(crate) mod receiver;
mod webhook;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use windlass::outgoing::Wire;
use windlass_core::{
    plugin::Grant,
    reach::{Place, Reach},
    render::Instant,
};
use windlass_host::{
    CallLimits, Cancel, Host, LoadOptions, Notified, NotifyRequest, Outcome, Plugin, Tenant,
    http::{Egress, Secrets},
};
use windlass_source::git::Tls;

use crate::host::{component, host};
use receiver::Receiver;

const TOKEN: &str = "s3cret/tök\"en+1";
const KEY: &str = "signing-key-of-the-receiver";

/// A notifier, what it may send, and a request to it.
struct Bed {
    host: Host,
    plugin: Arc<Plugin>,
    request: NotifyRequest,
    limits: CallLimits,
}

impl Bed {
    /// That may reach this machine by its name and address, over TLS by the receiver's authority.
    fn new(plugin: &str, receiver: &Receiver) -> Self {
        Self::reaching(plugin, receiver, reach(&["127.0.0.1", "localhost"], &[]))
    }

    fn reaching(plugin: &str, receiver: &Receiver, reach: Reach) -> Self {
        Self::with(
            plugin,
            Egress {
                secrets: Arc::new(secrets()),
                reach: Arc::new(reach),
                sender: Arc::new(wire(receiver)),
            },
        )
    }

    fn with(plugin: &str, egress: Egress) -> Self {
        let host = host();
        let options = LoadOptions {
            grants: [Grant::Http].into(),
            ..LoadOptions::default()
        };
        let plugin = host.load_file(&component(plugin), &options).unwrap();
        let request = NotifyRequest {
            tenant: Tenant::new("shop"),
            config: "{}".into(),
            key: "key-1".into(),
            kind: "failed".into(),
            at: Instant {
                seconds: 1_790_000_000,
                nanoseconds: 5,
            },
            attempt: 2,
            payload: json!({"app": "api", "state": "failed", "message": "a \"quoted\" tab\tand\nmore"}).to_string(),
            egress,
        };
        Self {
            host,
            plugin,
            request,
            limits: CallLimits::notification(),
        }
    }

    fn call(&self, config: &Value) -> Outcome<Notified> {
        let request = NotifyRequest {
            config: self
                .plugin
                .check_config(config)
                .unwrap_or_else(|wrong| panic!("{wrong:?}")),
            ..self.request.clone()
        };
        self.host
            .notify(&self.plugin, &request, &self.limits, &Cancel::default())
    }

    /// What the guest saw of each answer.
    fn seen(&self, config: &Value) -> Vec<Value> {
        let outcome = self.call(config);
        outcome.result.unwrap();
        outcome
            .log
            .iter()
            .map(|line| serde_json::from_str(&line.message).unwrap())
            .collect()
    }

    /// What the guest saw of one answer.
    fn saw(&self, config: &Value) -> Value {
        self.seen(config).remove(0)
    }
}

/// Those of the binding.
fn secrets() -> Secrets {
    let values = [("token", TOKEN), ("key", KEY), ("path", "services/T0B0")];
    let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Secrets::new(BTreeMap::from(values)).unwrap()
}

/// The way out, for who trusts the receiver's authority.
fn wire(receiver: &Receiver) -> Wire {
    let tls = Tls {
        ca_pem: receiver.ca_pem(),
        client: None,
    };
    Wire::new(&tls).unwrap()
}

fn reach(private: &[&str], plain: &[&str]) -> Reach {
    let places = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| Place::try_from((*text).to_owned()).unwrap())
            .collect()
    };
    Reach {
        private: places(private),
        plain: places(plain),
    }
}
