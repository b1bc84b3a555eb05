//! Deleting one object: the one that is meant, and no other of the same name.
//!
//! Every delete carries the UID and the version that was looked at. Nothing waits here: an object that has finalizers is
//! [`Deleted::Terminating`], which is a state for a watch to end.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use windlass_core::model::ObjectId;

use crate::{
    call::{Call, Content, JSON},
    cluster::Cluster,
    identity::Actor,
    refusal::{self, About, Refusal},
    requests::Verb,
    resource::Resource,
};

/// What becomes of the objects that an object owns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Propagation {
    /// They go after it.
    #[default]
    Background,
    /// It goes after them.
    Foreground,
    /// They stay.
    Orphan,
}

impl Propagation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Background => "Background",
            Self::Foreground => "Foreground",
            Self::Orphan => "Orphan",
        }
    }
}

/// The object that is meant.
#[derive(Debug, Clone, Copy)]
pub struct Doomed<'a> {
    /// Its kind, in a version that is served.
    pub resource: &'a Resource,
    /// Its name.
    pub id: &'a ObjectId,
    /// Which of all that ever had the name.
    pub uid: &'a str,
    /// The version that the decision was made on; `None` = it is looked at now.
    pub resource_version: Option<&'a str>,
    /// What becomes of what it owns.
    pub propagation: Propagation,
    /// Only ask whether it would be done.
    pub dry_run: bool,
}

/// What came of a delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleted {
    /// It was gone already, or another object has its name by now.
    Already,
    /// It is gone.
    Gone,
    /// It goes when these finalizers are done; none = when its pods are.
    Terminating {
        /// Their names.
        finalizers: Vec<String>,
    },
}

/// Versions that are looked at before it is given up: the status of a busy object changes all the time.
const LOOKS: u32 = 4;

impl Cluster {
    /// Deletes an object, unless it is another one by now. When it changed since it was looked at, it is read again and
    /// deleted only if `still` says that it is still meant (its mark, its annotations).
    ///
    /// # Errors
    /// When it could not be deleted; [`Refusal::Changed`] when it is not meant any more.
    pub async fn delete(
        &self,
        actor: &Actor,
        doomed: Doomed<'_>,
        still: impl Fn(&Value) -> bool,
    ) -> Result<Deleted, Refusal> {
        let mut version = doomed.resource_version.map(str::to_owned);
        for _ in 0..LOOKS {
            if version.is_none() {
                let Some(live) = self.get(actor, doomed.resource, doomed.id).await? else {
                    return Ok(Deleted::Already);
                };
                if text(&live, "/metadata/uid") != doomed.uid {
                    return Ok(Deleted::Already);
                }
                if !still(&live) {
                    return Err(Refusal::Changed { replaced: false });
                }
                version = Some(text(&live, "/metadata/resourceVersion").to_owned());
            }
            match self.delete_once(actor, &doomed, version.as_deref()).await {
                Err(Refusal::Changed { replaced: false }) => version = None,
                Err(Refusal::Changed { replaced: true } | Refusal::Gone | Refusal::NoNamespace { .. }) => {
                    return Ok(Deleted::Already);
                }
                other => return other,
            }
        }
        Err(Refusal::Changed { replaced: false })
    }

    async fn delete_once(&self, actor: &Actor, doomed: &Doomed<'_>, version: Option<&str>) -> Result<Deleted, Refusal> {
        let mut options = json!({
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": doomed.propagation.as_str(),
            "preconditions": {"uid": doomed.uid, "resourceVersion": version},
        });
        if doomed.dry_run {
            options["dryRun"] = json!(["All"]);
        }
        let call = Call {
            verb: if doomed.dry_run { Verb::DryRun } else { Verb::Delete },
            resource: doomed.resource.label(),
            method: Method::DELETE,
            uri: doomed.resource.one(&doomed.id.namespace, &doomed.id.name),
            accept: JSON,
            content: Some((Content::Json, Bytes::from(options.to_string()))),
            known: None,
        };
        let about = About::bare(doomed.resource, Some(doomed.id), actor);
        let answer = self.connection().call(actor, &call).await;
        let object: Value = answer
            .and_then(|answer| answer.json())
            .map_err(|error| refusal::read(error, &about))?;
        // The object where it stays for a while, a `Status` where it is gone. (Some API servers send the object either way.)
        let finalizers = object.pointer("/metadata/finalizers").and_then(Value::as_array);
        let names = finalizers
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned);
        if object.pointer("/metadata/deletionTimestamp").is_some() {
            return Ok(Deleted::Terminating {
                finalizers: names.collect(),
            });
        }
        Ok(Deleted::Gone)
    }
}

pub(crate) fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Fake, Reply};

    fn resource() -> Resource {
        Resource {
            group: "apps".into(),
            version: "v1".into(),
            kind: "Deployment".into(),
            plural: "deployments".into(),
            namespaced: true,
        }
    }

    fn id() -> ObjectId {
        ObjectId {
            group: "apps".into(),
            kind: "Deployment".into(),
            namespace: "shop".into(),
            name: "api".into(),
        }
    }

    async fn delete(replies: Vec<Reply>, version: Option<&str>) -> (Result<Deleted, Refusal>, Vec<Value>, Vec<String>) {
        let (connection, fake) = Fake::script(replies);
        let (resource, id) = (resource(), id());
        let doomed = Doomed {
            resource: &resource,
            id: &id,
            uid: "u1",
            resource_version: version,
            propagation: Propagation::default(),
            dry_run: false,
        };
        let actor = Actor::service_account("shop", "deployer").unwrap();
        let still = |live: &Value| live["metadata"]["labels"]["ours"] == "yes";
        let outcome = Cluster::new(connection).delete(&actor, doomed, still).await;
        let bodies = fake.seen().into_iter().map(|seen| seen.body).collect();
        (outcome, bodies, fake.lines())
    }

    fn live(uid: &str, version: &str, ours: &str) -> Reply {
        Reply::Json(
            200,
            json!({"metadata": {"uid": uid, "resourceVersion": version, "labels": {"ours": ours}}}),
        )
    }

    fn success() -> Reply {
        Reply::Json(200, json!({"kind": "Status", "status": "Success"}))
    }

    fn conflict(what: &str) -> Reply {
        Reply::status(
            409,
            "Conflict",
            &format!("Precondition failed: {what} in precondition: a, {what} in object meta: b"),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn exactly_what_was_looked_at_is_deleted() {
        let (outcome, bodies, lines) = delete(vec![success()], Some("7")).await;
        assert_eq!(outcome.unwrap(), Deleted::Gone);
        assert_eq!(lines, ["DELETE /apis/apps/v1/namespaces/shop/deployments/api"]);
        assert_eq!(bodies[0]["preconditions"], json!({"uid": "u1", "resourceVersion": "7"}));
        assert_eq!(bodies[0]["propagationPolicy"], "Background");
    }

    #[tokio::test(start_paused = true)]
    async fn what_changed_is_looked_at_again() {
        let replies = vec![conflict("ResourceVersion"), live("u1", "8", "yes"), success()];
        let (outcome, bodies, _) = delete(replies, Some("7")).await;
        assert_eq!(outcome.unwrap(), Deleted::Gone);
        assert_eq!(bodies[2]["preconditions"]["resourceVersion"], "8");

        // Somebody else's by now.
        let (outcome, bodies, _) = delete(vec![conflict("ResourceVersion"), live("u1", "8", "no")], Some("7")).await;
        assert!(matches!(outcome, Err(Refusal::Changed { replaced: false })));
        assert_eq!(bodies.len(), 2);

        // Never the same twice.
        let always: Vec<_> = (0..20)
            .flat_map(|_| [live("u1", "8", "yes"), conflict("ResourceVersion")])
            .collect();
        let (outcome, bodies, _) = delete(always, None).await;
        assert!(matches!(outcome, Err(Refusal::Changed { .. })));
        assert_eq!(bodies.len(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn another_object_of_the_name_is_left_alone() {
        for replies in [
            vec![conflict("UID")],
            vec![Reply::Json(
                404,
                json!({"code": 404, "reason": "NotFound", "details": {"name": "api", "kind": "deployments"}}),
            )],
            vec![conflict("ResourceVersion"), live("u2", "1", "yes")],
        ] {
            let (outcome, _, _) = delete(replies, Some("7")).await;
            assert_eq!(outcome.unwrap(), Deleted::Already);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn finalizers_are_a_state() {
        let object =
            json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["example.com/wait"]}});
        let (outcome, _, lines) = delete(vec![Reply::Json(200, object)], Some("7")).await;
        assert_eq!(
            outcome.unwrap(),
            Deleted::Terminating {
                finalizers: vec!["example.com/wait".into()]
            }
        );
        assert_eq!(lines.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_delete_whose_answer_was_lost_is_done() {
        let gone = Reply::Json(
            404,
            json!({"code": 404, "reason": "NotFound", "details": {"name": "api", "kind": "deployments"}}),
        );
        let (outcome, _, _) = delete(vec![Reply::Lost, gone], Some("7")).await;
        assert_eq!(outcome.unwrap(), Deleted::Already);
    }
}
