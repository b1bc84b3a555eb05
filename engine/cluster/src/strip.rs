//! Taking fields out of an object that others put there: one JSON patch in an App's name.
//!
//! Server-side apply can't do it: who never owned a field can't give it up.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use windlass_core::{fields::FieldPath, model::ObjectId, owner::Owner};

use crate::{
    call::{Call, Content, JSON},
    cluster::Cluster,
    identity::Actor,
    refusal::{self, About, Refusal},
    requests::Verb,
    resource::{Resource, with_query},
};

impl Cluster {
    /// Removes fields of an object, all or none, from the version that was looked at. Returns it as it is then; `None` when it
    /// holds none of them.
    ///
    /// # Errors
    /// [`Refusal::Changed`] when there is another version by now; [`Refusal::Invalid`] when it can't be without them.
    pub async fn strip(
        &self,
        actor: &Actor,
        resource: &Resource,
        id: &ObjectId,
        owner: &Owner,
        live: &Value,
        paths: &[FieldPath],
    ) -> Result<Option<Value>, Refusal> {
        let Some(patch) = removal(live, paths) else {
            return Ok(None);
        };
        let body = patch.to_string();
        let manager = owner.manager();
        let call = Call {
            verb: Verb::Patch,
            resource: resource.label(),
            method: Method::PATCH,
            uri: with_query(&resource.one(&id.namespace, &id.name), &[("fieldManager", &manager)]),
            accept: JSON,
            content: Some((Content::JsonPatch, Bytes::from(body.clone()))),
            known: None,
        };
        let about = About {
            resource,
            id: Some(id),
            actor,
            body: Some(live),
            bytes: body.len(),
        };
        let answer = self.connection().call(actor, &call).await;
        let object = answer
            .and_then(|answer| answer.json())
            .map_err(|error| refusal::read(error, &about))?;
        Ok(Some(object))
    }
}

/// Later items of a list first: what is removed moves those behind it.
fn removal(live: &Value, paths: &[FieldPath]) -> Option<Value> {
    let mut pointers: Vec<String> = paths.iter().filter_map(|path| path.pointer_in(live)).collect();
    if pointers.is_empty() {
        return None;
    }
    let parts = |pointer: &str| -> Vec<(usize, String)> {
        let part = |part: &str| (part.parse().unwrap_or_default(), part.to_owned());
        pointer.split('/').map(part).collect()
    };
    pointers.sort_by_cached_key(|pointer| std::cmp::Reverse(parts(pointer)));
    pointers.dedup();
    let version = live.pointer("/metadata/resourceVersion");
    // Not `test`: that ends in an invalid request (422) where this does in a conflict (409).
    let of_that_version = json!({"op": "replace", "path": "/metadata/resourceVersion", "value": version});
    let removes = pointers.iter().map(|pointer| json!({"op": "remove", "path": pointer}));
    Some(std::iter::once(of_that_version).chain(removes).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_items_are_removed_first() {
        let items: Vec<Value> = (0..12)
            .map(|i| json!({"name": format!("c{i}"), "image": "i"}))
            .collect();
        let live = json!({"metadata": {"resourceVersion": "7"}, "spec": {"containers": items, "paused": true}});
        let path = |text: &str| FieldPath::parse(text).unwrap();
        let paths = [
            path(".spec.containers[name=\"c2\"]"),
            path(".spec.containers[name=\"c10\"]"),
            path(".spec.paused"),
            path(".spec.absent"),
        ];
        let patch = removal(&live, &paths).unwrap();
        let removed: Vec<&str> = patch.as_array().unwrap()[1..]
            .iter()
            .map(|op| op["path"].as_str().unwrap())
            .collect();
        assert_eq!(removed, ["/spec/paused", "/spec/containers/10", "/spec/containers/2"]);
        assert_eq!(patch[0]["value"], "7");
        assert_eq!(removal(&live, &paths[3..]), None);
    }
}
