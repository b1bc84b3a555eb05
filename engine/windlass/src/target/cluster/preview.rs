//! What a step would do: what lives in the fields that git sets, against what would live in them. The API server says it, by a
//! dry run in the App's name: it knows its defaults, and who may do what.

use serde_json::Value;
use windlass_cluster::{
    apply::{Applied, How, Takeover, Wanted},
    refusal::Refusal,
    resource::Resource,
};
use windlass_core::{
    adopt::Adoption,
    config::DriftScope,
    conflict::Contest,
    diff::{Action, SkipReason, Step},
    fields::{FieldSet, shown},
    managers::Managers,
    manifest::Manifest,
    model::canonical,
    options::{Options, Write},
    owner::Owner,
    payload,
};

use super::{
    Cluster, Writer, api_version,
    write::{left, strays},
};
use crate::target::{Edit, Preview, TargetError};

/// Of a living object, what is nobody's to read in a comparison.
const SERVERS: [&str; 6] = [
    "managedFields",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "selfLink",
];

impl Cluster {
    pub(super) async fn foresee(&self, step: &Step) -> Result<Preview, TargetError> {
        match (&step.action, &step.desired) {
            (Action::Create, Some(manifest)) => self.foresee_new(step, manifest).await,
            (Action::Configure(_) | Action::Skip(SkipReason::DriftReported), Some(manifest)) => {
                self.foresee_changed(step, manifest).await
            }
            (Action::Delete, _) => self.foresee_gone(step).await,
            _ => Ok(Preview::default()),
        }
    }

    async fn foresee_new(&self, step: &Step, manifest: &Manifest) -> Result<Preview, TargetError> {
        let body = &manifest.object.body;
        let resource = self
            .resource(&step.id, api_version(body))
            .await
            .map_err(Refusal::from)?;
        self.try_out(step, &resource, body, &self.owner, None).await?;
        Ok(Preview {
            wanted: Some(body.clone()),
            ..Preview::default()
        })
    }

    async fn foresee_changed(&self, step: &Step, manifest: &Manifest) -> Result<Preview, TargetError> {
        let body = &manifest.object.body;
        let id = &step.id;
        let resource = self.resource(id, api_version(body)).await.map_err(Refusal::from)?;
        let live = self.shared.api.get(&self.actor, &resource, id).await?;
        let Some(live) = live else {
            return self.foresee_new(step, manifest).await;
        };
        let claimant = Owner::of(&live, id);
        let predecessor = self.predecessor(step);
        let (owner, takeover) = match (self.writer, claimant) {
            (Writer::App, _) => (self.owner.clone(), self.takeover(step, predecessor.as_ref())),
            (Writer::Whoever, Some(claimant)) => (claimant, None),
            (Writer::Whoever, None) => {
                let anybody = Takeover {
                    policy: Adoption::Always,
                    predecessor: None,
                };
                (self.owner.clone(), Some(anybody))
            }
        };
        let less = self.less_as(&owner, id, body, &live);
        let applied = match self.try_out(step, &resource, &less.body, &owner, takeover).await {
            Ok(applied) => applied,
            Err(Refusal::Immutable { recreation, .. }) => {
                self.consented(&recreation)?;
                let note = format!(
                    "would be made anew, as {} can't be changed",
                    recreation.fields.join(", ")
                );
                return Ok(Preview {
                    live: Some(whole(&live)),
                    wanted: Some(body.clone()),
                    notes: vec![note],
                    ..Preview::default()
                });
            }
            Err(refusal) => return Err(refusal.into()),
        };
        let mut edits: Vec<Edit> = applied.forced.iter().map(Edit::of).collect();
        if self.manners.scope == DriftScope::Strict {
            edits.extend(strays(&live, &owner).into_iter().map(Edit::from));
        }
        Ok(Preview {
            edits,
            unanswered: less.unanswered,
            notes: notes(&applied),
            ..self.compare(&live, &applied, &less.body, &owner)
        })
    }

    fn compare(&self, live: &Value, applied: &Applied, sent: &Value, owner: &Owner) -> Preview {
        let wanted = &applied.live;
        let is_replaced = Options::of(sent).is_ok_and(|options| options.write == Write::Replace);
        let (live, wanted) = if is_replaced {
            (whole(live), whole(wanted))
        } else {
            let (before, after) = (fields(live, owner), fields(wanted, owner));
            let both = before.union(&after).union(&FieldSet::of(&applied.removed));
            let mut seen = both.clone();
            if self.manners.scope == DriftScope::Strict {
                strays(live, owner).iter().for_each(|stray| seen.insert(&stray.path));
            }
            (shown(live, &seen), shown(wanted, &both))
        };
        Preview {
            is_equal: canonical(&live) == canonical(&wanted),
            live: Some(live),
            wanted: Some(wanted),
            ..Preview::default()
        }
    }

    async fn foresee_gone(&self, step: &Step) -> Result<Preview, TargetError> {
        let resource = self.resource(&step.id, "").await.map_err(Refusal::from)?;
        let live = self.shared.api.get(&self.actor, &resource, &step.id).await?;
        Ok(Preview {
            live: live.map(|live| shown(&live, &fields(&live, &self.owner))),
            ..Preview::default()
        })
    }

    /// Writes without writing.
    async fn try_out(
        &self,
        step: &Step,
        resource: &Resource,
        body: &Value,
        owner: &Owner,
        takeover: Option<Takeover<'_>>,
    ) -> Result<Applied, Refusal> {
        let last_applied = |contests: &[Contest]| match self.writer {
            Writer::App => self.last_applied(step, contests),
            // What a folder was applied from last isn't known: as if an edit had been made since.
            Writer::Whoever => {
                let sent = payload::payload(body, &step.id, owner);
                FieldSet::held_by(&sent, contests.iter().map(|contest| &contest.path))
            }
        };
        let wanted = Wanted {
            id: &step.id,
            resource,
            body,
            owner,
        };
        let how = How {
            write: Options::of(body).map_or(Write::Apply, |options| options.write),
            takeover,
            last_applied: &last_applied,
            take_from: &self.manners.take_from,
            dry_run: true,
        };
        self.shared.api.apply(&self.actor, wanted, how).await
    }
}

/// What a person should know of an apply beside what it changes.
fn notes(applied: &Applied) -> Vec<String> {
    let mut notes = left(&applied.yielded);
    if !applied.adopted_from.is_empty() {
        notes.push(format!("would be taken over from {}", applied.adopted_from.join(", ")));
    }
    notes
}

/// What an app applied to an object.
fn fields(object: &Value, owner: &Owner) -> FieldSet {
    let managers = Managers::read(object).unwrap_or_default();
    managers.written_by(&owner.manager()).unwrap_or_default()
}

/// An object as far as somebody may have written it.
fn whole(object: &Value) -> Value {
    let mut object = object.clone();
    if let Value::Object(map) = &mut object {
        map.remove("status");
        if let Some(Value::Object(metadata)) = map.get_mut("metadata") {
            metadata.retain(|key, _| !SERVERS.contains(&key.as_str()));
        }
    }
    object
}
