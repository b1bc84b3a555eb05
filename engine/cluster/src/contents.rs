//! What would go with an object that others lie in: everything in a Namespace, every object of a definition.
//!
//! Asked only before such an object is deleted, and asked anew each time: what was known a moment ago may have company by now.

use std::collections::BTreeSet;

use windlass_core::model::ObjectId;

use crate::{cluster::Cluster, first_contact::Met, identity::Actor, refusal::Refusal, resource::Resource};

/// Kinds that come and go by themselves, or mirror others: nobody misses them.
const SHADOWS: [(&str, &str); 5] = [
    ("", "Endpoints"),
    ("", "Event"),
    ("events.k8s.io", "Event"),
    ("metrics.k8s.io", "PodMetrics"),
    ("discovery.k8s.io", "EndpointSlice"),
];

/// What every namespace has without anybody's doing.
const FURNITURE: [(&str, &str); 2] = [("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")];

impl Cluster {
    /// Every object of a kind, wherever it lies, by its metadata. Without those that others own: they go with their owners.
    ///
    /// # Errors
    /// When it can't be told: then "there are none" can't be said.
    pub async fn all_of(&self, actor: &Actor, resource: &Resource) -> Result<Vec<(ObjectId, Met)>, Refusal> {
        self.within(actor, resource, "").await
    }

    /// Everything in a namespace, by its metadata. Without what every namespace has, and what others own or mirror.
    ///
    /// # Errors
    /// When it can't be told, be it for one kind only.
    pub async fn contents(&self, actor: &Actor, namespace: &str) -> Result<Vec<(ObjectId, Met)>, Refusal> {
        let snapshot = self.discovery().refresh().await;
        let snapshot = snapshot.map_err(|error| Refusal::Kind(error.into()))?;
        if let Some(down) = snapshot.unavailable().next() {
            return Err(Refusal::Kind(crate::discovery::KindError::GroupUnavailable {
                group: down.group.clone(),
                version: down.version.clone(),
                kind: "*".to_owned(),
            }));
        }
        // A kind in several versions is one kind.
        let kinds: BTreeSet<(&str, &str)> = snapshot
            .resources()
            .filter(|resource| resource.namespaced)
            .map(|resource| (resource.group.as_str(), resource.kind.as_str()))
            .filter(|kind| !SHADOWS.contains(kind))
            .collect();
        let mut all = Vec::new();
        for (group, kind) in kinds {
            let Ok(Some(resource)) = snapshot.preferred(group, kind) else {
                continue;
            };
            all.extend(self.within(actor, &resource, namespace).await?);
        }
        all.retain(|(id, _)| !id.group.is_empty() || !FURNITURE.contains(&(id.kind.as_str(), id.name.as_str())));
        Ok(all)
    }

    async fn within(
        &self,
        actor: &Actor,
        resource: &Resource,
        namespace: &str,
    ) -> Result<Vec<(ObjectId, Met)>, Refusal> {
        let listed = match self.list(actor, resource, namespace).await {
            Ok(listed) => listed,
            // Has no list: it is read by name, as reviews are.
            Err(Refusal::Gone | Refusal::NoNamespace { .. }) => return Ok(Vec::new()),
            Err(Refusal::Other(status)) if status.code == 405 => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut all = Vec::new();
        for (namespace, contact) in listed {
            for (name, met) in contact.iter().filter(|(_, met)| !met.has_owner) {
                all.push((resource.id(&namespace, name), met.clone()));
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake::{Fake, Reply};

    #[tokio::test(start_paused = true)]
    async fn what_has_an_owner_is_not_counted_and_what_cant_be_listed_is_told() {
        let resource = Resource {
            group: "example.com".into(),
            version: "v1".into(),
            kind: "Widget".into(),
            plural: "widgets".into(),
            namespaced: true,
        };
        let list = json!({"kind": "PartialObjectMetadataList", "metadata": {}, "items": [
            {"metadata": {"namespace": "a", "name": "free", "uid": "1"}},
            {"metadata": {"namespace": "a", "name": "owned", "uid": "2", "ownerReferences": [{"name": "free"}]}},
        ]});
        let (connection, fake) = Fake::script([
            Reply::Json(200, list),
            Reply::status(403, "Forbidden", "widgets.example.com is forbidden: no"),
        ]);
        let cluster = Cluster::new(connection);
        let all = cluster.all_of(&Actor::Own, &resource).await.unwrap();
        let names: Vec<&str> = all.iter().map(|(id, _)| id.name.as_str()).collect();
        assert_eq!(names, ["free"]);
        // Asked anew each time.
        assert!(cluster.all_of(&Actor::Own, &resource).await.is_err());
        assert_eq!(fake.seen().len(), 2);
    }
}
