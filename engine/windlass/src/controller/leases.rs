//! Leases of replicas and shards, as objects.
//!
//! A replica's Lease is renewed every few seconds. A shard's is not: it is held as long as the Lease of the replica that it names is, so that an
//! idle installation writes once for each replica and not for each shard. `leaseTransitions` counts how often a shard changed hands: its epoch.

use jiff::Timestamp;
use serde_json::{Value, json};
use windlass_cluster::{cluster::Cluster as Api, identity::Actor, refusal::Refusal, resource::Resource};
use windlass_core::shards::SHARDS;

/// Tells what a Lease is of: `replica`, `shard`.
pub(super) const ROLE: &str = "windlass.dev/lease";

const MANAGER: &str = "windlass-controller";

/// Of a kind of Lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Replica,
    Shard,
}

/// A Lease, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) role: Role,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) version: String,
    /// The replica; "" = nobody.
    pub(super) holder: String,
    /// As it was written: when it is another text, it was renewed. Clocks of others are not believed.
    pub(super) renewed: String,
    pub(super) epoch: i64,
}

pub(super) fn resource() -> Resource {
    Resource {
        group: "coordination.k8s.io".to_owned(),
        version: "v1".to_owned(),
        kind: "Lease".to_owned(),
        plural: "leases".to_owned(),
        namespaced: true,
    }
}

/// Of a replica.
pub(super) fn name_of_replica(id: &str) -> String {
    format!("windlass-replica-{id}")
}

/// Of a shard.
pub(super) fn name_of_shard(shard: u16) -> String {
    format!("windlass-shard-{shard}")
}

impl Lease {
    /// `None`: it is no Lease of Windlass.
    pub(super) fn read(object: &Value) -> Option<Self> {
        let text = |at: &str| {
            object
                .pointer(at)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let role = object.pointer("/metadata/labels")?.get(ROLE)?.as_str()?;
        Some(Self {
            role: match role {
                "replica" => Role::Replica,
                "shard" => Role::Shard,
                _ => return None,
            },
            name: text("/metadata/name"),
            uid: text("/metadata/uid"),
            version: text("/metadata/resourceVersion"),
            holder: text("/spec/holderIdentity"),
            renewed: text("/spec/renewTime"),
            epoch: object
                .pointer("/spec/leaseTransitions")
                .and_then(Value::as_i64)
                .unwrap_or_default(),
        })
    }

    /// Of a shard's.
    pub(super) fn shard(&self) -> Option<u16> {
        let number: u16 = self.name.strip_prefix("windlass-shard-")?.parse().ok()?;
        (self.role == Role::Shard && number < SHARDS && name_of_shard(number) == self.name).then_some(number)
    }
}

/// What a Lease is to be.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) role: Role,
    pub(super) name: &'a str,
    pub(super) holder: &'a str,
    pub(super) epoch: i64,
    /// How long it holds without being renewed, of a replica's.
    pub(super) seconds: Option<u64>,
}

/// The Leases of an installation.
#[derive(Clone)]
pub(super) struct Leases {
    /// Beside the one that everything else is written over: a renewal must not wait for a thousand objects.
    pub(super) api: Api,
    pub(super) namespace: String,
}

impl Leases {
    /// Writes one: in the place of the version that was seen, or where none is.
    ///
    /// # Errors
    /// [`Refusal::Changed`] or [`Refusal::Gone`] when it isn't what was seen; else when it could not be written.
    pub(super) async fn write(&self, wanted: &Wanted<'_>, seen: Option<&Lease>) -> Result<Lease, Refusal> {
        let resource = resource();
        let id = resource.id(&self.namespace, wanted.name);
        let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
        let role = match wanted.role {
            Role::Replica => "replica",
            Role::Shard => "shard",
        };
        let mut body = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": wanted.name, "namespace": self.namespace, "labels": {ROLE: role, "app.kubernetes.io/name": "windlass"}},
            "spec": {"holderIdentity": wanted.holder, "renewTime": now, "leaseTransitions": wanted.epoch},
        });
        if let Some(seconds) = wanted.seconds {
            body["spec"]["leaseDurationSeconds"] = json!(seconds);
        } else {
            body["spec"]["acquireTime"] = json!(now);
        }
        let written = match seen {
            Some(seen) => {
                body["metadata"]["uid"] = json!(seen.uid);
                body["metadata"]["resourceVersion"] = json!(seen.version);
                self.api.replace(&resource, &id, &body, MANAGER).await?
            }
            None => self.api.create(&resource, &id, &body, MANAGER).await?,
        };
        Lease::read(&written).ok_or(Refusal::Gone)
    }

    /// As it is now, whatever watches told.
    ///
    /// # Errors
    /// When that can't be told.
    pub(super) async fn look(&self, name: &str) -> Result<Option<Lease>, Refusal> {
        let resource = resource();
        let found = self
            .api
            .get(&Actor::Own, &resource, &resource.id(&self.namespace, name))
            .await?;
        Ok(found.as_ref().and_then(Lease::read))
    }

    /// Those of all shards.
    ///
    /// # Errors
    /// When they can't be listed.
    pub(super) async fn shards(&self) -> Result<Vec<Lease>, Refusal> {
        let all = self
            .api
            .select(&resource(), &self.namespace, &format!("{ROLE}=shard"))
            .await?;
        Ok(all.iter().filter_map(Lease::read).collect())
    }

    /// Takes one away, if it is still what was seen.
    ///
    /// # Errors
    /// When it could not be done.
    pub(super) async fn remove(&self, seen: &Lease) -> Result<(), Refusal> {
        let resource = resource();
        let object = json!({"metadata": {"uid": seen.uid, "resourceVersion": seen.version}});
        self.api
            .discard(&resource, &resource.id(&self.namespace, &seen.name), &object)
            .await
    }
}
