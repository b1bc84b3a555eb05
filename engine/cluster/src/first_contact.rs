//! What is there already, before an app writes for the first time: only then is an object that nobody manages found, and
//! adopted by policy rather than by accident.
//!
//! One paged list of metadata tells it for a (kind, namespace). Many namespaces at once (a thousand apps on an empty
//! installation) are asked for together: after a few of them the whole kind is listed. What was met is kept for seconds
//! only, since it is nobody's watch.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{sync::Mutex as Turn, time::Instant};
use windlass_core::{
    adopt::LAST_APPLIED,
    managers::{Managers, Operation},
    owner::{INSTALLATION, Owner},
};

use crate::{
    call::Call,
    cluster::Cluster,
    delete::text,
    identity::Actor,
    refusal::{self, About, Refusal},
    requests::Verb,
    resource::{Resource, with_query},
};

/// Metadata only: no specs, no values of Secrets.
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// Objects a page.
const PAGE: &str = "500";

/// How long a list is believed. As long as it takes that the apps of one commit come by.
const BELIEVED: Duration = Duration::from_secs(15);

/// Namespaces of a kind listed one by one within [`BELIEVED`], before the whole kind is.
const ONE_BY_ONE: usize = 4;

/// Times that a list begins anew because its pages expired (410) while they were read.
const RESTARTS: u32 = 3;

/// An object that is there, by its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// Of all that ever had the name, this one.
    pub uid: String,
    /// When it was met.
    pub resource_version: String,
    /// Who claims it by a mark.
    pub owner: Option<Owner>,
    /// Carries the label of an installation: a watch sees it.
    pub installation: Option<String>,
    /// Who wrote it, and how.
    pub managers: Vec<(String, Operation)>,
    /// Its labels and annotations as an object, for [`windlass_core::adopt::permit`]; without what `kubectl apply` keeps,
    /// which holds Secrets in plain text.
    pub marks: Value,
    /// It is being deleted.
    pub is_terminating: bool,
    /// It goes with another object, which owns it.
    pub has_owner: bool,
}

/// What is there of one kind in one namespace, by name.
pub type Contact = BTreeMap<String, Met>;

/// What was met of late.
#[derive(Default)]
pub(crate) struct Contacts {
    kinds: Mutex<HashMap<Asked, Arc<Turn<Kind>>>>,
}

/// By whom, of what.
type Asked = (Actor, Resource);

#[derive(Default)]
struct Kind {
    everywhere: Option<(Instant, BTreeMap<String, Arc<Contact>>)>,
    namespaces: BTreeMap<String, (Instant, Arc<Contact>)>,
}

impl Kind {
    fn known(&self, namespace: &str) -> Option<Arc<Contact>> {
        let is_believed = |at: &Instant| at.elapsed() < BELIEVED;
        if let Some((at, all)) = &self.everywhere
            && is_believed(at)
        {
            return Some(all.get(namespace).cloned().unwrap_or_default());
        }
        let (at, contact) = self.namespaces.get(namespace)?;
        is_believed(at).then(|| Arc::clone(contact))
    }

    fn forget(&mut self) {
        self.namespaces.retain(|_, (at, _)| at.elapsed() < BELIEVED);
        self.everywhere.take_if(|(at, _)| at.elapsed() >= BELIEVED);
    }
}

impl Cluster {
    /// What is there of a kind in a namespace ("" for a kind without). As the engine itself, mostly: it is an observation.
    ///
    /// # Errors
    /// When it can't be told: then nothing may be written.
    pub async fn meet(&self, actor: &Actor, resource: &Resource, namespace: &str) -> Result<Arc<Contact>, Refusal> {
        let key = (actor.clone(), resource.clone());
        let kind = {
            let mut kinds = self.contacts().kinds.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(kinds.entry(key).or_default())
        };
        // One list of a kind at a time: who comes meanwhile finds it done.
        let mut kind = kind.lock().await;
        if let Some(known) = kind.known(namespace) {
            return Ok(known);
        }
        kind.forget();
        let is_many = resource.namespaced && kind.namespaces.len() >= ONE_BY_ONE;
        if is_many {
            match self.list(actor, resource, "").await {
                Ok(mut all) => {
                    let at = Instant::now();
                    let met = all.remove(namespace).unwrap_or_default();
                    all.insert(namespace.to_owned(), Arc::clone(&met));
                    kind.everywhere = Some((at, all));
                    return Ok(met);
                }
                // Who may list only in namespaces goes on one by one.
                Err(Refusal::Forbidden(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let mut listed = self.list(actor, resource, namespace).await?;
        let met = listed.remove(namespace).unwrap_or_default();
        let now = (Instant::now(), Arc::clone(&met));
        kind.namespaces.insert(namespace.to_owned(), now);
        Ok(met)
    }

    /// A list of metadata, page by page, by namespace.
    pub(crate) async fn list(
        &self,
        actor: &Actor,
        resource: &Resource,
        namespace: &str,
    ) -> Result<BTreeMap<String, Arc<Contact>>, Refusal> {
        let about = About::bare(resource, None, actor);
        let mut all: BTreeMap<String, Contact> = BTreeMap::new();
        let (mut next, mut restarts) = (String::new(), 0);
        loop {
            let page = match self.page(actor, resource, namespace, &next).await {
                Err(error) if error.code() == Some(410) && restarts < RESTARTS => {
                    restarts += 1;
                    next.clear();
                    all.clear();
                    continue;
                }
                page => page.map_err(|error| refusal::read(error, &about))?,
            };
            for item in page.items.iter().flatten() {
                let (namespace, name) = (text(item, "/metadata/namespace"), text(item, "/metadata/name"));
                let met = met(item, resource, namespace, name);
                all.entry(namespace.to_owned())
                    .or_default()
                    .insert(name.to_owned(), met);
            }
            next = page.metadata.next;
            if next.is_empty() {
                return Ok(all
                    .into_iter()
                    .map(|(namespace, met)| (namespace, Arc::new(met)))
                    .collect());
            }
        }
    }

    async fn page(
        &self,
        actor: &Actor,
        resource: &Resource,
        namespace: &str,
        next: &str,
    ) -> Result<Page, crate::call::CallError> {
        let mut query = vec![("limit", PAGE)];
        if !next.is_empty() {
            query.push(("continue", next));
        }
        let mut call = Call::get(
            Verb::List,
            &resource.label(),
            with_query(&resource.all(namespace), &query),
        );
        call.accept = METADATA;
        self.connection().call(actor, &call).await?.json()
    }
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: PageMetadata,
    // An empty list of metadata has `null` here.
    #[serde(default)]
    items: Option<Vec<Value>>,
}

#[derive(Deserialize, Default)]
struct PageMetadata {
    #[serde(default, rename = "continue")]
    next: String,
}

fn met(item: &Value, resource: &Resource, namespace: &str, name: &str) -> Met {
    let id = resource.id(namespace, name);
    let mut annotations = item.pointer("/metadata/annotations").cloned().unwrap_or_default();
    if let Some(annotations) = annotations.as_object_mut() {
        annotations.remove(LAST_APPLIED);
    }
    let label = item
        .pointer("/metadata/labels")
        .and_then(|labels| labels.get(INSTALLATION));
    Met {
        uid: text(item, "/metadata/uid").to_owned(),
        resource_version: text(item, "/metadata/resourceVersion").to_owned(),
        owner: Owner::of(item, &id),
        installation: label.and_then(Value::as_str).map(str::to_owned),
        // What can't be read names nobody, so nothing is adopted from it.
        managers: Managers::read(item)
            .unwrap_or_default()
            .0
            .into_iter()
            .map(|m| (m.name, m.operation))
            .collect(),
        marks: json!({"metadata": {"labels": item.pointer("/metadata/labels"), "annotations": annotations}}),
        has_owner: item
            .pointer("/metadata/ownerReferences")
            .and_then(Value::as_array)
            .is_some_and(|owners| !owners.is_empty()),
        is_terminating: item.pointer("/metadata/deletionTimestamp").is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Fake, Reply, Seen};

    fn maps() -> Resource {
        Resource {
            group: String::new(),
            version: "v1".into(),
            kind: "ConfigMap".into(),
            plural: "configmaps".into(),
            namespaced: true,
        }
    }

    fn item(namespace: &str, name: &str) -> Value {
        json!({"metadata": {"namespace": namespace, "name": name, "uid": format!("u-{name}"), "resourceVersion": "5",
            "managedFields": [{"manager": "helm", "operation": "Update", "apiVersion": "v1", "fieldsV1": {"f:data": {}}}]}})
    }

    fn page(items: &[Value], next: &str) -> Reply {
        Reply::Json(
            200,
            json!({"kind": "PartialObjectMetadataList", "metadata": {"continue": next}, "items": items}),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn pages_are_read_and_metadata_only() {
        let (connection, fake) = Fake::script([page(&[item("shop", "a")], "t=1&x"), page(&[item("shop", "b")], "")]);
        let cluster = Cluster::new(connection);
        let met = cluster.meet(&Actor::Own, &maps(), "shop").await.unwrap();
        assert_eq!(met.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(met["a"].managers, [("helm".to_owned(), Operation::Update)]);
        assert_eq!((met["a"].uid.as_str(), &met["a"].owner), ("u-a", &None));
        assert_eq!(
            fake.lines(),
            [
                "GET /api/v1/namespaces/shop/configmaps?limit=500",
                "GET /api/v1/namespaces/shop/configmaps?limit=500&continue=t%3D1%26x"
            ]
        );
        assert!(
            fake.seen()[0].headers["accept"]
                .to_str()
                .unwrap()
                .contains("PartialObjectMetadataList")
        );
        // Once for all who come soon.
        cluster.meet(&Actor::Own, &maps(), "shop").await.unwrap();
        assert_eq!(fake.seen().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_list_is_written_as_null() {
        let null = Reply::Json(
            200,
            json!({"kind": "PartialObjectMetadataList", "metadata": {"resourceVersion": "1"}, "items": null}),
        );
        let (connection, _) = Fake::script([null]);
        assert!(
            Cluster::new(connection)
                .meet(&Actor::Own, &maps(), "shop")
                .await
                .unwrap()
                .is_empty()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn pages_that_expire_are_read_anew() {
        let expired = Reply::status(410, "Expired", "The provided continue parameter is too old");
        let replies = [
            page(&[item("shop", "gone-since")], "t"),
            expired,
            page(&[item("shop", "b")], ""),
        ];
        let (connection, _) = Fake::script(replies);
        let met = Cluster::new(connection)
            .meet(&Actor::Own, &maps(), "shop")
            .await
            .unwrap();
        assert_eq!(met.keys().collect::<Vec<_>>(), ["b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn many_namespaces_are_one_list() {
        let everything: Vec<_> = (0..1000).map(|n| item(&format!("n{n}"), "a")).collect();
        let (connection, fake) = Fake::new(move |seen: &Seen| {
            let all = seen.path() == "/api/v1/configmaps";
            page(if all { &everything } else { &[] }, "")
        });
        let cluster = Cluster::new(connection);
        let asked = (0..1000).map(|n| {
            let cluster = cluster.clone();
            tokio::spawn(async move { cluster.meet(&Actor::Own, &maps(), &format!("n{n}")).await })
        });
        let mut met = 0;
        for one in asked.collect::<Vec<_>>() {
            met += one.await.unwrap().unwrap().len();
        }
        assert_eq!((met, fake.seen().len()), (996, 5));
        // And what is old is not believed.
        tokio::time::advance(BELIEVED).await;
        cluster.meet(&Actor::Own, &maps(), "n1").await.unwrap();
        assert_eq!(fake.seen().len(), 6);
    }

    #[tokio::test(start_paused = true)]
    async fn who_may_not_list_everywhere_lists_one_by_one() {
        let (connection, fake) = Fake::new(|seen: &Seen| match seen.path() {
            "/api/v1/configmaps" => Reply::status(
                403,
                "Forbidden",
                "configmaps is forbidden: User \"u\" cannot list resource \"configmaps\" in API group \"\" at the cluster scope",
            ),
            _ => page(&[], ""),
        });
        let cluster = Cluster::new(connection);
        for n in 0..6 {
            cluster.meet(&Actor::Own, &maps(), &format!("n{n}")).await.unwrap();
        }
        assert_eq!(fake.seen().len(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cant_be_told_is_an_error() {
        let (connection, _) = Fake::script([Reply::status(403, "Forbidden", "no")]);
        assert!(
            Cluster::new(connection)
                .meet(&Actor::Own, &maps(), "shop")
                .await
                .is_err()
        );
    }
}
