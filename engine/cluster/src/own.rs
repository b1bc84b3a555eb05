//! What the engine keeps on a cluster beside what Apps do, with the connection's own credential: the policies of lock mode.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use windlass_core::model::ObjectId;

use crate::{
    body,
    call::{Call, Content, JSON},
    cluster::Cluster,
    delete::{Doomed, Propagation, text},
    identity::Actor,
    refusal::{self, About, Refusal},
    requests::Verb,
    resource::{Resource, with_query},
};

/// Versions that are looked at before it is given up.
const LOOKS: u32 = 4;

/// Something that somebody may or may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right<'a> {
    /// `impersonate`, `patch`, …
    pub verb: &'a str,
    /// "" for the core group.
    pub group: &'a str,
    /// `userextras`, `deployments`, …
    pub resource: &'a str,
    /// "" for none.
    pub subresource: &'a str,
    /// "" for any.
    pub name: &'a str,
}

/// How an object is placed somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Put<'a> {
    /// Under which name.
    pub manager: &'a str,
    /// Only ask what would come of it.
    pub dry_run: bool,
}

/// What came of a [`Cluster::place`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It was not there.
    Created,
    /// It is another one than before.
    Configured,
    /// It was so already.
    Unchanged,
}

/// Objects a page. The largest are near a megabyte, and an answer is read up to 64 MiB.
const PAGE: &str = "50";

impl Cluster {
    /// Makes an object as it says, whoever wrote it before.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn put(&self, resource: &Resource, id: &ObjectId, body: &Value, manager: &str) -> Result<(), Refusal> {
        let path = resource.one(&id.namespace, &id.name);
        let how = Put {
            manager,
            dry_run: false,
        };
        let put = self.put_at((&path, resource.label()), resource, id, body, how).await;
        put.map(drop)
    }

    /// Writes the status of an object that is there: what `manager` said of it before and `body` doesn't is taken out. Answers the object.
    ///
    /// # Errors
    /// When it could not be written; [`Refusal::Gone`] when it isn't there.
    pub async fn put_status(
        &self,
        resource: &Resource,
        id: &ObjectId,
        body: &Value,
        manager: &str,
    ) -> Result<Value, Refusal> {
        let path = format!("{}/status", resource.one(&id.namespace, &id.name));
        let label = format!("{}/status", resource.label());
        let how = Put {
            manager,
            dry_run: false,
        };
        self.put_at((&path, label), resource, id, body, how).await
    }

    /// Takes a finalizer off an object, whoever put it there. One that is gone, or another one by now, is left.
    ///
    /// # Errors
    /// When it could not be done.
    pub async fn drop_finalizer(
        &self,
        resource: &Resource,
        id: &ObjectId,
        uid: &str,
        finalizer: &str,
    ) -> Result<(), Refusal> {
        for _ in 0..LOOKS {
            let Some(live) = self.get(&Actor::Own, resource, id).await? else {
                return Ok(());
            };
            let all = live.pointer("/metadata/finalizers").and_then(Value::as_array);
            let place = all.and_then(|all| all.iter().position(|one| one == finalizer));
            let Some(place) = place.filter(|_| text(&live, "/metadata/uid") == uid) else {
                return Ok(());
            };
            let at = format!("/metadata/finalizers/{place}");
            let version = text(&live, "/metadata/resourceVersion");
            let patch = json!([
                {"op": "test", "path": "/metadata/resourceVersion", "value": version},
                {"op": "remove", "path": at},
            ]);
            let call = Call {
                verb: Verb::Patch,
                resource: resource.label(),
                method: Method::PATCH,
                uri: resource.one(&id.namespace, &id.name),
                accept: JSON,
                content: Some((Content::JsonPatch, Bytes::from(patch.to_string()))),
                known: None,
            };
            let about = About::bare(resource, Some(id), &Actor::Own);
            let answer = self.connection().call(&Actor::Own, &call).await;
            match answer.map_err(|error| refusal::read(error, &about)) {
                Ok(_) | Err(Refusal::Gone) => return Ok(()),
                Err(Refusal::Changed { .. } | Refusal::Invalid { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Refusal::Changed { replaced: false })
    }

    /// `label`: for counting.
    async fn put_at(
        &self,
        (path, label): (&str, String),
        resource: &Resource,
        id: &ObjectId,
        body: &Value,
        how: Put<'_>,
    ) -> Result<Value, Refusal> {
        let sent = body::text(body);
        let about = About {
            body: Some(body),
            bytes: sent.len(),
            ..About::bare(resource, Some(id), &Actor::Own)
        };
        let mut query = vec![("fieldManager", how.manager), ("force", "true")];
        if how.dry_run {
            query.push(("dryRun", "All"));
        }
        let call = Call {
            verb: if how.dry_run { Verb::DryRun } else { Verb::Apply },
            resource: label,
            method: Method::PATCH,
            uri: with_query(path, &query),
            accept: JSON,
            content: Some((Content::Apply, Bytes::from(sent))),
            known: None,
        };
        let answer = self.connection().call(&Actor::Own, &call).await;
        answer
            .and_then(|answer| answer.json())
            .map_err(|error| refusal::read(error, &about))
    }

    /// As [`Cluster::put`], or only tried, and says what came of it.
    ///
    /// # Errors
    /// When it could not be looked at or written.
    pub async fn place(
        &self,
        resource: &Resource,
        id: &ObjectId,
        body: &Value,
        how: Put<'_>,
    ) -> Result<Written, Refusal> {
        let before = self.get(&Actor::Own, resource, id).await?;
        let path = resource.one(&id.namespace, &id.name);
        let after = self.put_at((&path, resource.label()), resource, id, body, how).await?;
        Ok(match before {
            None => Written::Created,
            Some(before) if is_same(&before, &after) => Written::Unchanged,
            Some(_) => Written::Configured,
        })
    }

    /// All objects of a kind that a label selector selects, in one namespace or, with "", everywhere.
    ///
    /// # Errors
    /// When they can't be listed.
    pub async fn select(&self, resource: &Resource, namespace: &str, selector: &str) -> Result<Vec<Value>, Refusal> {
        let about = About::bare(resource, None, &Actor::Own);
        let (mut all, mut next) = (Vec::new(), String::new());
        loop {
            let mut query = vec![("limit", PAGE)];
            if !selector.is_empty() {
                query.push(("labelSelector", selector));
            }
            if !next.is_empty() {
                query.push(("continue", &next));
            }
            let uri = with_query(&resource.all(namespace), &query);
            let call = Call::get(Verb::List, &resource.label(), uri);
            let answer = self.connection().call(&Actor::Own, &call).await;
            let mut page: Value = answer
                .and_then(|answer| answer.json())
                .map_err(|error| refusal::read(error, &about))?;
            let items = page.get_mut("items").and_then(Value::as_array_mut).map(std::mem::take);
            all.extend(items.unwrap_or_default());
            text(&page, "/metadata/continue").clone_into(&mut next);
            if next.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Deletes an object if `is_ours`; one that isn't there, or isn't ours, is left. Says whether there was one.
    ///
    /// # Errors
    /// When it could not be read or deleted.
    pub async fn take_away(
        &self,
        resource: &Resource,
        id: &ObjectId,
        is_ours: impl Fn(&Value) -> bool,
    ) -> Result<bool, Refusal> {
        let Some(live) = self.get(&Actor::Own, resource, id).await? else {
            return Ok(false);
        };
        if !is_ours(&live) {
            return Ok(false);
        }
        let doomed = Doomed {
            resource,
            id,
            uid: text(&live, "/metadata/uid"),
            resource_version: Some(text(&live, "/metadata/resourceVersion")),
            propagation: Propagation::Background,
            dry_run: false,
        };
        self.delete(&Actor::Own, doomed, is_ours).await?;
        Ok(true)
    }

    /// Who the API server says that the connection's own user is.
    ///
    /// # Errors
    /// When it doesn't say.
    pub async fn whoami(&self) -> Result<String, Refusal> {
        let resource = Resource {
            group: "authentication.k8s.io".to_owned(),
            version: "v1".to_owned(),
            kind: "SelfSubjectReview".to_owned(),
            plural: "selfsubjectreviews".to_owned(),
            namespaced: false,
        };
        let asked = json!({"apiVersion": resource.api_version(), "kind": resource.kind});
        let review = self.review(&resource, &asked).await?;
        Ok(text(&review, "/status/userInfo/username").to_owned())
    }

    /// Whether the connection's own user has a right in the whole cluster.
    ///
    /// # Errors
    /// When the API server doesn't say.
    pub async fn may(&self, right: Right<'_>) -> Result<bool, Refusal> {
        let resource = Resource {
            group: "authorization.k8s.io".to_owned(),
            version: "v1".to_owned(),
            kind: "SelfSubjectAccessReview".to_owned(),
            plural: "selfsubjectaccessreviews".to_owned(),
            namespaced: false,
        };
        let asked = json!({"apiVersion": resource.api_version(), "kind": resource.kind, "spec": {"resourceAttributes": {
            "verb": right.verb, "group": right.group, "resource": right.resource, "subresource": right.subresource, "name": right.name,
        }}});
        let review = self.review(&resource, &asked).await?;
        Ok(review.pointer("/status/allowed") == Some(&Value::Bool(true)))
    }

    /// A question that is asked by making an object, which is the answer.
    async fn review(&self, resource: &Resource, asked: &Value) -> Result<Value, Refusal> {
        let call = Call {
            verb: Verb::Create,
            resource: resource.label(),
            method: Method::POST,
            uri: resource.all(""),
            accept: JSON,
            content: Some((Content::Json, Bytes::from(asked.to_string()))),
            known: None,
        };
        let about = About::bare(resource, None, &Actor::Own);
        let answer = self.connection().call(&Actor::Own, &call).await;
        answer
            .and_then(|answer| answer.json())
            .map_err(|error| refusal::read(error, &about))
    }
}

/// Whether an apply changed nothing. A dry run gives no new version; who owns what, and what controllers say meanwhile, is not looked at.
fn is_same(before: &Value, after: &Value) -> bool {
    let told = |object: &Value| {
        let mut object = object.clone();
        if let Some(map) = object.as_object_mut() {
            map.remove("status");
        }
        let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
        metadata.into_iter().for_each(|metadata| {
            metadata.remove("managedFields");
            metadata.remove("generation");
            metadata.remove("resourceVersion");
        });
        object
    };
    told(before) == told(after)
}

#[cfg(test)]
mod tests {
    use crate::fake::{Fake, Reply};

    use super::*;

    const KEY: Right<'_> = Right {
        verb: "impersonate",
        group: "authentication.k8s.io",
        resource: "userextras",
        subresource: "windlass.dev/installation",
        name: "0123456789ab",
    };

    #[tokio::test(start_paused = true)]
    async fn a_right_is_there_when_the_server_says_so() {
        for (status, expected) in [
            (json!({"allowed": true}), true),
            (json!({"allowed": false, "denied": true}), false),
            (json!({}), false),
        ] {
            let (connection, fake) = Fake::script(vec![Reply::Json(201, json!({"status": status}))]);
            assert_eq!(Cluster::new(connection).may(KEY).await.unwrap(), expected);
            let asked = &fake.seen()[0].body["spec"]["resourceAttributes"];
            assert_eq!(asked["subresource"], "windlass.dev/installation");
            assert_eq!(
                fake.lines(),
                ["POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"]
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_ours_is_left() {
        let resource = Resource {
            group: "x.test".into(),
            version: "v1".into(),
            kind: "Thing".into(),
            plural: "things".into(),
            namespaced: false,
        };
        let id = ObjectId {
            group: "x.test".into(),
            kind: "Thing".into(),
            namespace: String::new(),
            name: "a".into(),
        };
        let live = json!({"metadata": {"uid": "u", "resourceVersion": "7", "labels": {"by": "us"}}});
        let is_ours = |by: &'static str| move |live: &Value| live["metadata"]["labels"]["by"] == by;
        let (connection, fake) = Fake::script(vec![Reply::Json(200, live.clone())]);
        let cluster = Cluster::new(connection);
        assert!(!cluster.take_away(&resource, &id, is_ours("them")).await.unwrap());
        assert_eq!(fake.lines().len(), 1);
        let (connection, fake) = Fake::script(vec![
            Reply::Json(200, live),
            Reply::Json(200, json!({"status": "Success"})),
        ]);
        let cluster = Cluster::new(connection);
        assert!(cluster.take_away(&resource, &id, is_ours("us")).await.unwrap());
        assert_eq!(
            fake.seen()[1].body["preconditions"],
            json!({"uid": "u", "resourceVersion": "7"})
        );
    }

    fn thing() -> (Resource, ObjectId) {
        let resource = Resource {
            group: "x.test".into(),
            version: "v1".into(),
            kind: "Thing".into(),
            plural: "things".into(),
            namespaced: true,
        };
        let id = resource.id("n", "a");
        (resource, id)
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_placing_came_to_is_told() {
        let (resource, id) = thing();
        let live = |version: &str, value: &str| json!({"metadata": {"resourceVersion": version, "managedFields": [version]}, "spec": value});
        let missing = || {
            Reply::Json(
                404,
                json!({"code": 404, "reason": "NotFound", "details": {"name": "a", "kind": "things"}}),
            )
        };
        for (before, after, expected) in [
            (missing(), Reply::Json(201, live("1", "x")), Written::Created),
            (
                Reply::Json(200, live("1", "x")),
                Reply::Json(200, live("2", "y")),
                Written::Configured,
            ),
            (
                Reply::Json(200, live("1", "x")),
                Reply::Json(200, live("1", "x")),
                Written::Unchanged,
            ),
            // Another manager beside: the object is what it was.
            (
                Reply::Json(200, live("1", "x")),
                Reply::Json(200, live("2", "x")),
                Written::Unchanged,
            ),
        ] {
            let (connection, fake) = Fake::script(vec![before, after]);
            let how = Put {
                manager: "us",
                dry_run: true,
            };
            let cluster = Cluster::new(connection);
            assert_eq!(cluster.place(&resource, &id, &json!({}), how).await.unwrap(), expected);
            assert!(fake.lines()[1].ends_with("/things/a?fieldManager=us&force=true&dryRun=All"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_selected_comes_in_pages() {
        let page =
            |name: &str, next: &str| json!({"metadata": {"continue": next}, "items": [{"metadata": {"name": name}}]});
        let (connection, fake) = Fake::script(vec![
            Reply::Json(200, page("a", "more")),
            Reply::Json(200, page("b", "")),
        ]);
        let (resource, _) = thing();
        let all = Cluster::new(connection).select(&resource, "", "x=y").await.unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(
            fake.lines()[1],
            "GET /apis/x.test/v1/things?limit=50&labelSelector=x%3Dy&continue=more"
        );
    }
}
