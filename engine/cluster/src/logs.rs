//! The last lines that the pods of a Job wrote, read in an App's name.

use serde::Deserialize;
use windlass_core::model::ObjectId;

use crate::{
    call::{Call, CallError},
    cluster::Cluster,
    identity::Actor,
    refusal::{self, About, Refusal},
    requests::Verb,
    resource::{Resource, with_query},
};

/// Pods of a Job that are looked at: a Job makes a new one after each failure, six by default.
const PODS: &str = "50";

/// Bytes that are asked for: the lines are counted from the end, the bytes from the first of these lines.
const ASKED: &str = "65536";

#[derive(Deserialize)]
struct List {
    items: Vec<Pod>,
}

#[derive(Deserialize)]
struct Pod {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    #[serde(default)]
    creation_timestamp: Option<String>,
}

#[derive(Default, Deserialize)]
struct Spec {
    #[serde(default)]
    containers: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    init_container_statuses: Vec<Container>,
    #[serde(default)]
    container_statuses: Vec<Container>,
}

#[derive(Deserialize)]
struct Container {
    name: String,
    #[serde(default)]
    state: State,
}

#[derive(Default, Deserialize)]
struct State {
    terminated: Option<Terminated>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Terminated {
    exit_code: i64,
}

impl Pod {
    /// The container that failed; else the first.
    fn culprit(&self) -> Option<&str> {
        let status = &self.status;
        let all = || status.init_container_statuses.iter().chain(&status.container_statuses);
        let has_failed = |container: &&Container| {
            let ended = container.state.terminated.as_ref();
            ended.is_some_and(|ended| ended.exit_code != 0)
        };
        let failed = all().find(has_failed).map(|container| container.name.as_str());
        failed.or_else(|| self.spec.containers.first().map(|container| container.name.as_str()))
    }
}

fn pods() -> Resource {
    Resource {
        group: String::new(),
        version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        plural: "pods".to_owned(),
        namespaced: true,
    }
}

impl Cluster {
    /// The last lines of the pod that a Job made last, or of a Pod itself: of the container that failed. `None` = there is no pod. At most so
    /// many lines, and so many bytes of them, counted from the end.
    ///
    /// # Errors
    /// When they can't be read; mostly because the App's account may not (`list` of `pods`, `get` of `pods/log`).
    pub async fn last_lines(
        &self,
        actor: &Actor,
        id: &ObjectId,
        lines: usize,
        bytes: usize,
    ) -> Result<Option<Vec<String>>, Refusal> {
        let pods = pods();
        let Some(pod) = self.last_pod(actor, &pods, id).await? else {
            return Ok(None);
        };
        let path = format!("{}/log", pods.one(&id.namespace, &pod.metadata.name));
        let count = lines.to_string();
        let mut query = vec![("tailLines", count.as_str()), ("limitBytes", ASKED)];
        if let Some(container) = pod.culprit() {
            query.push(("container", container));
        }
        let of = pods.id(&id.namespace, &pod.metadata.name);
        let about = About::bare(&pods, Some(&of), actor);
        let mut call = Call::get(Verb::Get, "pods/log", with_query(&path, &query));
        call.accept = "text/plain, */*";
        match self.connection().call(actor, &call).await {
            Ok(answer) => Ok(Some(tail(&String::from_utf8_lossy(&answer.body), lines, bytes))),
            Err(error) => match refusal::read(error, &about) {
                Refusal::Gone => Ok(None),
                refusal => Err(refusal),
            },
        }
    }

    async fn last_pod(&self, actor: &Actor, pods: &Resource, id: &ObjectId) -> Result<Option<Pod>, Refusal> {
        let (path, query) = if id.kind == "Pod" {
            (pods.one(&id.namespace, &id.name), None)
        } else {
            let selector = format!("batch.kubernetes.io/job-name={}", id.name);
            (pods.all(&id.namespace), Some(selector))
        };
        let about = About::bare(pods, None, actor);
        let Some(selector) = query else {
            let call = Call::get(Verb::Get, &pods.label(), path);
            return match self
                .connection()
                .call(actor, &call)
                .await
                .and_then(|answer| answer.json())
            {
                Ok(pod) => Ok(Some(pod)),
                Err(CallError::Refused { status, .. }) if status.code == 404 => Ok(None),
                Err(error) => Err(refusal::read(error, &about)),
            };
        };
        let uri = with_query(&path, &[("labelSelector", selector.as_str()), ("limit", PODS)]);
        let call = Call::get(Verb::List, &pods.label(), uri);
        let answer = self.connection().call(actor, &call).await;
        let list: List = answer
            .and_then(|answer| answer.json())
            .map_err(|error| refusal::read(error, &about))?;
        // Times of the API server are all of one form.
        let last = list
            .items
            .into_iter()
            .max_by(|a, b| a.metadata.creation_timestamp.cmp(&b.metadata.creation_timestamp));
        Ok(last)
    }
}

/// The last lines of a text, cut from the front.
fn tail(text: &str, lines: usize, bytes: usize) -> Vec<String> {
    let mut kept = Vec::new();
    let mut room = bytes;
    for line in text.lines().rev().take(lines) {
        if line.len() > room {
            let start = (line.len() - room..line.len()).find(|at| line.is_char_boundary(*at));
            if let Some(rest) = start.map(|start| &line[start..]).filter(|rest| !rest.is_empty()) {
                kept.push(format!("…{rest}"));
            }
            break;
        }
        room -= line.len();
        kept.push(line.to_owned());
    }
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake::{Fake, Reply};

    fn job() -> ObjectId {
        ObjectId {
            group: "batch".into(),
            kind: "Job".into(),
            namespace: "shop".into(),
            name: "migrate".into(),
        }
    }

    #[test]
    fn the_end_of_a_text_is_kept() {
        assert_eq!(tail("a\nb\nc\n", 2, 100), ["b", "c"]);
        assert_eq!(tail("aaaa\nbbb", 20, 5), ["…aa", "bbb"]);
        assert_eq!(tail("", 20, 5), Vec::<String>::new());
        assert_eq!(tail("ä", 1, 1), Vec::<String>::new());
    }

    #[tokio::test(start_paused = true)]
    async fn the_pod_made_last_is_asked_for_the_container_that_failed() {
        let pod = |name: &str, at: &str, exit: i64| {
            json!({"metadata": {"name": name, "creationTimestamp": at}, "spec": {"containers": [{"name": "side"}, {"name": "main"}]},
                "status": {"containerStatuses": [{"name": "side", "state": {"running": {}}},
                    {"name": "main", "state": {"terminated": {"exitCode": exit}}}]}})
        };
        let list = json!({"items": [pod("late", "2026-01-02T00:00:00Z", 3), pod("early", "2026-01-01T00:00:00Z", 3)]});
        let (connection, fake) = Fake::script(vec![
            Reply::Json(200, list),
            Reply::status(
                403,
                "Forbidden",
                "pods \"late\" is forbidden: User \"u\" cannot get resource \"pods/log\" in API group \"\" in the namespace \"shop\"",
            ),
        ]);
        let actor = Actor::service_account("shop", "deployer").unwrap();
        let cluster = Cluster::new(connection);
        let refused = cluster.last_lines(&actor, &job(), 20, 4096).await.unwrap_err();
        assert!(refused.to_string().contains("pods/log"), "{refused}");
        assert_eq!(
            fake.lines(),
            [
                "GET /api/v1/namespaces/shop/pods?labelSelector=batch.kubernetes.io%2Fjob-name%3Dmigrate&limit=50",
                "GET /api/v1/namespaces/shop/pods/late/log?tailLines=20&limitBytes=65536&container=main",
            ]
        );
        let (connection, _) = Fake::script(vec![Reply::Json(200, json!({"items": []}))]);
        let none = Cluster::new(connection).last_lines(&actor, &job(), 20, 4096).await;
        assert_eq!(none.unwrap(), None);
    }
}
