//! What would go with a Namespace or a definition of a kind that isn't the app's to delete.

use std::collections::BTreeMap;

use serde_json::Value;
use windlass_cluster::{
    cluster::Cluster as Api, discovery::KindError, first_contact::Met, identity::Actor, refusal::Refusal,
};
use windlass_core::{model::ObjectId, owner::Owner};

/// In words; `None` = nothing. What can't be told is taken to be somebody's.
pub(super) async fn what(api: &Api, actor: &Actor, owner: &Owner, id: &ObjectId) -> Option<String> {
    let found = match (id.group.as_str(), id.kind.as_str()) {
        ("", "Namespace") => api.contents(actor, &id.name).await,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => instances(api, actor, id).await,
        _ => return None,
    };
    match found {
        Ok(found) => words(owner, &found),
        Err(error) => Some(format!("what can't be told ({error})")),
    }
}

async fn instances(api: &Api, actor: &Actor, id: &ObjectId) -> Result<Vec<(ObjectId, Met)>, Refusal> {
    let definition = api.discovery().preferred(&id.group, &id.kind).await?;
    let Some(definition) = api.get(actor, &definition, id).await? else {
        return Ok(Vec::new());
    };
    let text = |pointer| definition.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    match api
        .discovery()
        .preferred(text("/spec/group"), text("/spec/names/kind"))
        .await
    {
        Ok(resource) => api.all_of(actor, &resource).await,
        // Defined, and not served: there are none.
        Err(KindError::NoMatch { .. }) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn words(owner: &Owner, found: &[(ObjectId, Met)]) -> Option<String> {
    let mut kinds: BTreeMap<String, (usize, &ObjectId)> = BTreeMap::new();
    for (id, _) in found.iter().filter(|(_, met)| met.owner.as_ref() != Some(owner)) {
        kinds.entry(id.group_kind()).or_insert((0, id)).0 += 1;
    }
    let each = kinds.into_iter().map(|(kind, (count, first))| match count {
        1 => first.to_string(),
        more => format!("{more} {kind} such as {first}"),
    });
    let all: Vec<String> = each.collect();
    (!all.is_empty()).then(|| all.join(", "))
}
