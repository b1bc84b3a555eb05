//! One object on its way to the API server.

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::Value;
use windlass_core::{
    adopt::{self, Handover, Right},
    conflict::{self, Contest, NoContest, Verdict},
    fields::{FieldSet, without},
    live::{self, Reduced},
    managers::{self, Managers},
    model::ObjectId,
    options::Write,
    owner::Owner,
    payload::payload,
};

use super::{Applied, How, Wanted};
use crate::{
    body,
    call::{Answer, Call, CallError, Content, JSON},
    cluster::Cluster,
    identity::Actor,
    refusal::{self, About, Refusal},
    requests::Verb,
    resource::{Resource, with_query},
};

/// One object on its way.
pub(super) struct Writing<'a> {
    cluster: &'a Cluster,
    actor: &'a Actor,
    wanted: Wanted<'a>,
    how: How<'a>,
    manager: String,
    payload: Value,
}

/// An answer with what was decided on the way to it.
struct Written {
    answer: Answer,
    yielded: Vec<Contest>,
    forced: Vec<Contest>,
}

impl Written {
    const fn plain(answer: Answer) -> Self {
        Self {
            answer,
            yielded: Vec::new(),
            forced: Vec::new(),
        }
    }
}

impl<'a> Writing<'a> {
    pub(super) fn new(cluster: &'a Cluster, actor: &'a Actor, wanted: Wanted<'a>, how: How<'a>) -> Self {
        Self {
            cluster,
            actor,
            wanted,
            how,
            manager: wanted.owner.manager(),
            payload: placed(
                payload(wanted.body, wanted.id, wanted.owner),
                wanted.id,
                wanted.resource,
            ),
        }
    }

    /// Looks where it has to, and writes.
    pub(super) async fn round(&self) -> Result<Applied, Refusal> {
        let mut handover = self.adopt().await?;
        let mut written = match self.how.write {
            Write::Apply => self.apply(handover.as_ref()).await?,
            Write::CreateOnly => match self.create().await? {
                Some(answer) => Written::plain(answer),
                None => return self.as_it_is().await,
            },
            Write::Replace => Written::plain(self.replace().await?),
        };
        let mut live = self.body_of(&written)?;
        // Another app began to take it over and did not come to an end: what it would have set is nobody's.
        if self.how.write == Write::Apply && handover.is_none() && self.is_contested_by_nobody(&live) {
            handover = self.hand_over(&live, Right::Own).await?;
            let forced = std::mem::take(&mut written.forced);
            written = self.apply(handover.as_ref()).await?;
            written.forced.splice(..0, forced);
            live = self.body_of(&written)?;
        }
        let removed = match &handover {
            Some(handover) if self.how.dry_run && self.how.write == Write::Apply => {
                let after = Managers::read(&live).map_err(|error| unreadable(&error))?;
                handover.removes(&after, &self.manager)
            }
            _ => Vec::new(),
        };
        without(&mut live, &removed);
        Ok(Applied {
            created: written.answer.code == StatusCode::CREATED,
            reduced: self.reduced(&live)?,
            live,
            yielded: written.yielded,
            forced: written.forced,
            adopted_from: handover.map_or_else(Vec::new, |handover| handover.from),
            removed,
            warnings: written.answer.warnings,
        })
    }

    /// Reads what is there, asks whether it may be taken over, and hands its managers over.
    async fn adopt(&self) -> Result<Option<Handover>, Refusal> {
        let Some(takeover) = self.how.takeover else {
            return Ok(None);
        };
        let Some(live) = self.live().await? else {
            return Ok(None);
        };
        let claim = Owner::of(&live, self.wanted.id);
        let released = claim.as_ref().filter(|claim| Some(*claim) == takeover.predecessor);
        if released.is_none() {
            adopt::permit(takeover.policy, self.wanted.owner, claim.as_ref(), &live)?;
        }
        let is_own = released.is_some() || claim.as_ref() == Some(self.wanted.owner);
        self.hand_over(&live, if is_own { Right::Own } else { Right::Found })
            .await
    }

    fn is_contested_by_nobody(&self, live: &Value) -> bool {
        let owner = self.wanted.owner;
        adopt::is_shared(live, owner) && Owner::of(live, self.wanted.id).as_ref() == Some(owner)
    }

    fn body_of(&self, written: &Written) -> Result<Value, Refusal> {
        written
            .answer
            .json()
            .map_err(|error| self.refusal(error, &self.payload))
    }

    /// Makes the entries of others the app's own.
    async fn hand_over(&self, live: &Value, right: Right) -> Result<Option<Handover>, Refusal> {
        let handover = adopt::handover(live, self.wanted.owner, right);
        let handover = handover.map_err(|error| unreadable(&error))?;
        let Some(handover) = handover else {
            return Ok(None);
        };
        // A dry run leaves nothing that the next one could build on.
        if !self.how.dry_run {
            self.amend(&handover.patch).await?;
        }
        Ok(Some(handover))
    }

    /// Has the app's entries name their fields in the version that is written now. `false` = they did, or it is a dry run, which
    /// leaves nothing that the next one could build on.
    async fn move_on(&self) -> Result<bool, Refusal> {
        let live = if self.how.dry_run { None } else { self.live().await? };
        let Some(live) = live else {
            return Ok(false);
        };
        let version = self.wanted.resource.api_version();
        let patch = managers::moved_on(&live, &self.manager, &version).map_err(|error| unreadable(&error))?;
        let Some(patch) = patch else {
            return Ok(false);
        };
        self.amend(&patch).await?;
        Ok(true)
    }

    /// Sends a JSON patch about who owns what.
    async fn amend(&self, patch: &Value) -> Result<Answer, Refusal> {
        let mut call = self.call(Verb::Patch, Method::PATCH, Content::JsonPatch, patch);
        call.uri = with_query(&self.path(), &[("fieldManager", &self.manager)]);
        self.send(&call, patch).await
    }

    async fn apply(&self, handover: Option<&Handover>) -> Result<Written, Refusal> {
        let mut answer = self.patch(&self.payload, false).await;
        if answer.as_ref().is_err_and(is_behind) && self.move_on().await? {
            answer = self.patch(&self.payload, false).await;
        }
        let error = match answer {
            Ok(answer) => return Ok(Written::plain(answer)),
            Err(error) => error,
        };
        let contests = self.contests(&error)?;
        let Some(contests) = contests else {
            return Err(self.refusal(error, &self.payload));
        };
        // In a dry run: what would be the app's own by now.
        let is_settled =
            |contest: &Contest| self.how.dry_run && handover.is_some_and(|handover| handover.settles(contest));
        let (settled, contests): (Vec<Contest>, Vec<Contest>) = contests.into_iter().partition(is_settled);
        let last = if contests.is_empty() {
            FieldSet::default()
        } else {
            (self.how.last_applied)(&contests)
        };
        match conflict::decide(&contests, &last, self.how.take_from) {
            Verdict::Claimed(contest) => Err(Refusal::Claimed {
                manager: contest.manager,
            }),
            Verdict::Retry {
                force,
                leave_out,
                reported,
            } => {
                let mut rest = self.payload.clone();
                without(&mut rest, &leave_out);
                let answer = self.patch(&rest, force || !settled.is_empty()).await;
                let answer = answer.map_err(|error| self.refusal(error, &rest))?;
                let forced = contests
                    .into_iter()
                    .filter(|contest| !reported.contains(contest))
                    .collect();
                Ok(Written {
                    answer,
                    yielded: reported,
                    forced,
                })
            }
        }
    }

    /// The contests of a conflict; `None` when it is none of fields.
    fn contests(&self, error: &CallError) -> Result<Option<Vec<Contest>>, Refusal> {
        let Some(status) = error.status().filter(|status| status.code == 409) else {
            return Ok(None);
        };
        let value = serde_json::to_value(status).unwrap_or_default();
        match conflict::read(&value, &self.payload) {
            Ok(contests) => Ok(Some(contests)),
            Err(NoContest::Stale) => Ok(None),
            Err(unreadable @ NoContest::Unreadable { .. }) => Err(Refusal::Conflict {
                message: if self.wanted.resource.is_secret() {
                    String::new()
                } else {
                    unreadable.to_string()
                },
            }),
        }
    }

    async fn patch(&self, body: &Value, force: bool) -> Result<Answer, CallError> {
        let mut call = self.call(Verb::Apply, Method::PATCH, Content::Apply, body);
        let mut query = vec![
            ("fieldManager", self.manager.as_str()),
            ("force", if force { "true" } else { "false" }),
        ];
        query.extend(self.dry_run());
        call.uri = with_query(&self.path(), &query);
        self.cluster.connection().call(self.actor, &call).await
    }

    /// `None` = it is there already.
    async fn create(&self) -> Result<Option<Answer>, Refusal> {
        let mut call = self.call(Verb::Create, Method::POST, Content::Json, &self.payload);
        call.uri = with_query(&self.wanted.resource.all(&self.wanted.id.namespace), &self.strict());
        match self.cluster.connection().call(self.actor, &call).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.status().is_some_and(|status| status.reason == "AlreadyExists") => Ok(None),
            Err(error) => Err(self.refusal(error, &self.payload)),
        }
    }

    async fn replace(&self) -> Result<Answer, Refusal> {
        let Some(live) = self.live().await? else {
            // Somebody made it in between: the next round replaces it.
            return self.create().await?.ok_or(Refusal::Changed { replaced: true });
        };
        let mut body = self.payload.clone();
        // Of that object in that version only.
        for field in ["uid", "resourceVersion"] {
            body["metadata"][field] = live["metadata"][field].clone();
        }
        let mut call = self.call(Verb::Replace, Method::PUT, Content::Json, &body);
        call.uri = with_query(&self.path(), &self.strict());
        self.send(&call, &body).await
    }

    async fn as_it_is(&self) -> Result<Applied, Refusal> {
        let live = self.live().await?.ok_or(Refusal::Gone)?;
        Ok(Applied {
            created: false,
            reduced: self.reduced(&live)?,
            live,
            yielded: Vec::new(),
            forced: Vec::new(),
            adopted_from: Vec::new(),
            removed: Vec::new(),
            warnings: Vec::new(),
        })
    }

    async fn live(&self) -> Result<Option<Value>, Refusal> {
        self.cluster.get(self.actor, self.wanted.resource, self.wanted.id).await
    }

    async fn send(&self, call: &Call, body: &Value) -> Result<Answer, Refusal> {
        let answer = self.cluster.connection().call(self.actor, call).await;
        answer.map_err(|error| self.refusal(error, body))
    }

    fn reduced(&self, live: &Value) -> Result<Reduced, Refusal> {
        live::reduce(live, self.wanted.id, self.wanted.owner, &[]).map_err(|error| unreadable(&error))
    }

    fn call(&self, verb: Verb, method: Method, content: Content, body: &Value) -> Call {
        Call {
            verb: if self.how.dry_run { Verb::DryRun } else { verb },
            resource: self.wanted.resource.label(),
            method,
            uri: String::new(),
            accept: JSON,
            content: Some((content, Bytes::from(body::text(body)))),
            known: None,
        }
    }

    fn path(&self) -> String {
        self.wanted
            .resource
            .one(&self.wanted.id.namespace, &self.wanted.id.name)
    }

    /// A misspelt field is an error: server-side apply has it so by itself.
    fn strict(&self) -> Vec<(&str, &str)> {
        let mut query = vec![("fieldManager", self.manager.as_str()), ("fieldValidation", "Strict")];
        query.extend(self.dry_run());
        query
    }

    fn dry_run(&self) -> Option<(&'static str, &'static str)> {
        self.how.dry_run.then_some(("dryRun", "All"))
    }

    fn refusal(&self, error: CallError, body: &Value) -> Refusal {
        let about = About {
            resource: self.wanted.resource,
            id: Some(self.wanted.id),
            actor: self.actor,
            body: Some(body),
            bytes: body.to_string().len(),
        };
        refusal::read(error, &about)
    }
}

/// Whether the app's entry names fields in a version that lacks some of those that are written now.
fn is_behind(error: &CallError) -> bool {
    error
        .status()
        .is_some_and(|status| status.says("to last applied version") && status.says("field not declared in schema"))
}

/// The namespace is that of the identity, whatever the document says: none for kinds without.
pub(super) fn placed(mut object: Value, id: &ObjectId, resource: &Resource) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("namespace");
        if resource.namespaced {
            metadata.insert("namespace".to_owned(), id.namespace.as_str().into());
        }
    }
    object
}

fn unreadable(error: &windlass_core::managers::BadManagers) -> Refusal {
    Refusal::Conflict {
        message: error.to_string(),
    }
}
