//! What the API server was asked: its audit log, a line a request.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead as _, BufReader, Seek as _, SeekFrom},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde::Deserialize;

use super::{Client, Problem, eventually};

/// Requests from some moment on.
#[derive(Debug)]
pub struct Audit {
    log: BufReader<File>,
    client: Client,
    pending: String,
}

/// A request that was answered; a watch counts when it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Kubernetes' word: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// `apps/deployments`, `pods/status`; empty for what is no resource (discovery, `/version`).
    pub resource: String,
    /// Empty for what has none.
    pub namespace: String,
    /// Empty for lists.
    pub name: String,
    /// Who authenticated.
    pub user: String,
    /// In whose name, if not in its own.
    pub impersonated: Option<String>,
    /// As the client calls itself.
    pub agent: String,
    /// Path and query.
    pub target: String,
    /// HTTP status.
    pub status: u16,
    /// When it came, in UTC, as texts that sort by time.
    pub received: String,
    /// When it was answered.
    pub answered: String,
    /// What the API server noted beside, by policies for example.
    pub annotations: BTreeMap<String, String>,
}

impl Audit {
    pub(super) fn begin(log: &Path, client: Client) -> Result<Self, Problem> {
        let mut log = BufReader::new(File::open(log)?);
        log.seek(SeekFrom::End(0))?;
        let mut audit = Self {
            log,
            client,
            pending: String::new(),
        };
        // What was answered before may still be on its way into the file.
        audit.requests()?;
        Ok(audit)
    }

    /// All that were answered since the last call, by anybody: controllers, the node, other tests.
    ///
    /// # Errors
    /// When the log can't be read.
    pub fn requests(&mut self) -> Result<Vec<Request>, Problem> {
        static MARKS: AtomicU64 = AtomicU64::new(0);
        let number = MARKS.fetch_add(1, Ordering::Relaxed);
        // The server writes a line after it has answered: once this one's is there, the earlier ones' are.
        let mark = format!("/version?windlass-mark={}-{number}", std::process::id());
        self.client.get(&mark)?;
        let mut found = Vec::new();
        eventually(
            Duration::from_secs(30),
            "the audit log holds what was just answered",
            || {
                while let Some(event) = self.event()? {
                    if event.request_uri == mark {
                        return Ok(true);
                    }
                    found.extend(event.request());
                }
                Ok(false)
            },
        )?;
        Ok(found)
    }

    /// The next whole line; the last one may be unfinished.
    fn event(&mut self) -> Result<Option<Event>, Problem> {
        self.log.read_line(&mut self.pending)?;
        if !self.pending.ends_with('\n') {
            return Ok(None);
        }
        let event = serde_json::from_str(&self.pending)?;
        self.pending.clear();
        Ok(Some(event))
    }
}

/// How many there are by verb and resource: `patch apps/deployments`.
pub fn by_verb<'a>(requests: impl IntoIterator<Item = &'a Request>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in requests {
        let key = format!("{} {}", request.verb, request.resource);
        *counts.entry(key.trim_end().to_owned()).or_default() += 1;
    }
    counts
}

/// `audit.k8s.io/v1`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    stage: String,
    verb: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    #[serde(default)]
    user_agent: String,
    request_received_timestamp: String,
    stage_timestamp: String,
    user: User,
    impersonated_user: Option<User>,
    object_ref: Option<Reference>,
    response_status: Option<Status>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct User {
    username: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Reference {
    api_group: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    code: u16,
}

impl Event {
    /// A watch has two events, at its beginning and at its end; everything else has the latter only.
    fn request(self) -> Option<Request> {
        let counted = if self.verb == "watch" && self.response_status.as_ref().is_some_and(|status| status.code == 200)
        {
            "ResponseStarted"
        } else {
            "ResponseComplete"
        };
        if self.stage != counted {
            return None;
        }
        let of = self.object_ref.unwrap_or_default();
        let mut resource = of.resource;
        if !of.api_group.is_empty() {
            resource = format!("{}/{resource}", of.api_group);
        }
        if !of.subresource.is_empty() {
            resource = format!("{resource}/{}", of.subresource);
        }
        Some(Request {
            verb: self.verb,
            resource,
            namespace: of.namespace,
            name: of.name,
            user: self.user.username,
            impersonated: self.impersonated_user.map(|user| user.username),
            agent: self.user_agent,
            target: self.request_uri,
            status: self.response_status.unwrap_or_default().code,
            received: self.request_received_timestamp,
            answered: self.stage_timestamp,
            annotations: self.annotations,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(verb: &str, stage: &str, code: u16) -> Option<Request> {
        let text = format!(
            r#"{{"stage":"{stage}","verb":"{verb}","requestURI":"/x","requestReceivedTimestamp":"1","stageTimestamp":"2","user":{{"username":"u"}},
            "objectRef":{{"apiGroup":"apps","resource":"deployments","subresource":"status","namespace":"n","name":"a"}},
            "responseStatus":{{"code":{code}}}}}"#
        );
        serde_json::from_str::<Event>(&text).unwrap().request()
    }

    #[test]
    fn every_request_counts_once() {
        assert!(event("patch", "ResponseStarted", 200).is_none());
        assert!(event("watch", "ResponseComplete", 200).is_none());
        assert_eq!(event("watch", "ResponseComplete", 403).unwrap().status, 403);
        let requests = [
            event("patch", "ResponseComplete", 200).unwrap(),
            event("patch", "ResponseComplete", 409).unwrap(),
            event("watch", "ResponseStarted", 200).unwrap(),
        ];
        let counts = by_verb(&requests);
        assert_eq!(counts["patch apps/deployments/status"], 2);
        assert_eq!(counts["watch apps/deployments/status"], 1);
    }
}
