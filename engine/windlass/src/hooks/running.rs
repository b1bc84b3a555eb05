//! One hook after the other, each as far as it comes: what was there makes way, it is written down, made, looked at, and what came of it is
//! written down.

use windlass_core::{
    diff::{Mark, PROTECTED},
    hooks::{Due, Ending, Phase, Run},
    inventory::Inventory,
    model::ObjectId,
};

use super::{Hooks, words};
use crate::{
    apply,
    report::Report,
    stop::Stop,
    target::{Cluster, Examined, deleting, making},
};

/// Where a hook stands.
pub(super) enum Standing {
    /// On with the next.
    Through,
    /// For this, in words.
    Waits(String),
}

/// A phase under way.
pub(super) struct Running<'r, 'a> {
    pub(super) hooks: &'r Hooks<'a>,
    pub(super) cluster: &'r Cluster,
    pub(super) phase: Phase,
    /// Of the phase.
    pub(super) name: &'static str,
}

impl Running<'_, '_> {
    /// Runs one as far as it comes.
    pub(super) async fn one(
        &self,
        due: &Due<'_>,
        inventory: &mut Inventory,
        report: &mut Report,
    ) -> Result<Standing, Stop> {
        let id = &due.manifest.object.id;
        let run = inventory
            .hooks
            .as_ref()
            .and_then(|log| log.run(id, self.phase))
            .cloned();
        if let Some(ending) = run.as_ref().and_then(|run| run.ending.as_ref()) {
            return match ending {
                Ending::Succeeded | Ending::Gone => Ok(Standing::Through),
                Ending::Failed { why, output } => Err(words::failed(due, self.name, why, output)),
            };
        }
        if self.hooks.desired.objects.contains_key(id) {
            return Err(words::both(due));
        }
        let there = self.examine(due).await?;
        match (run, there) {
            (None, there) => match self.make_way(due, there, inventory).await? {
                Some(waits) => Ok(Standing::Waits(waits)),
                None => self.make(due, inventory, report).await,
            },
            // It was about to be made. Made twice, it is the same object.
            (Some(Run { uid: None, .. }), there) => match there {
                Some(there) if there.mark != Mark::Ours => Err(words::foreign(due)),
                _ => self.make(due, inventory, report).await,
            },
            (Some(Run { uid: Some(uid), .. }), there) => match there.filter(|there| there.uid == uid) {
                Some(there) => self.judge(due, &there, inventory).await,
                None => self.gone(due, &uid, inventory).await,
            },
        }
    }

    async fn examine(&self, due: &Due<'_>) -> Result<Option<Examined>, Stop> {
        let examined = self.cluster.examine(due.manifest).await;
        examined.map_err(|error| words::refused(due, self.name, &error))
    }

    /// Takes away what an earlier run left; `Some` = for what that waits.
    async fn make_way(
        &self,
        due: &Due<'_>,
        there: Option<Examined>,
        inventory: &mut Inventory,
    ) -> Result<Option<String>, Stop> {
        let id = &due.manifest.object.id;
        if let Some(there) = there {
            if there.mark != Mark::Ours {
                return Err(words::foreign(due));
            }
            let is_kept = PROTECTED.contains(&id.group_kind().as_str());
            if !is_kept || there.deleting {
                if !due.hook.delete.before && !there.deleting {
                    return Err(words::in_the_way(due));
                }
                if !there.deleting {
                    self.delete(due, id, &there.uid).await?;
                }
                if self.examine(due).await?.is_some() {
                    return Ok(Some(words::making_way(due, self.name)));
                }
            }
        }
        if due.hook.delete.before {
            self.clear(due, inventory).await?;
        }
        Ok(None)
    }

    /// The same hook, under names that it had before.
    async fn clear(&self, due: &Due<'_>, inventory: &mut Inventory) -> Result<(), Stop> {
        let Some(log) = &mut inventory.hooks else { return Ok(()) };
        let left: Vec<Run> = log.left_of(due.manifest).cloned().collect();
        log.left.retain(|run| !left.contains(run));
        for run in &left {
            // One of this name is gone by now, or kept.
            if run.id != due.manifest.object.id
                && let Some(uid) = &run.uid
            {
                self.delete(due, &run.id, uid).await?;
            }
        }
        Ok(())
    }

    async fn delete(&self, due: &Due<'_>, id: &ObjectId, uid: &str) -> Result<(), Stop> {
        let deleted = apply::one(self.hooks.target, &deleting(id, uid)).await;
        deleted
            .map(drop)
            .map_err(|error| words::refused(due, self.name, &error))
    }

    /// Written down before it is done.
    async fn make(&self, due: &Due<'_>, inventory: &mut Inventory, report: &mut Report) -> Result<Standing, Stop> {
        self.note(due, inventory, |_| {}).await?;
        let written = apply::one(self.hooks.target, &making(due.manifest)).await;
        let written = written.map_err(|error| words::refused(due, self.name, &error))?;
        report.notes.push(words::begun(due, self.name));
        let uid = written.receipt.and_then(|receipt| receipt.uid);
        let there = self.examine(due).await?;
        match there.filter(|there| uid.as_ref() == Some(&there.uid)) {
            Some(there) => {
                if !there.is_through {
                    self.note(due, inventory, |run| run.uid = Some(there.uid.clone()))
                        .await?;
                }
                self.judge(due, &there, inventory).await
            }
            // It went between two requests.
            None => {
                self.note(due, inventory, |run| run.uid.clone_from(&uid)).await?;
                self.gone(due, &uid.unwrap_or_default(), inventory).await
            }
        }
    }

    async fn judge(&self, due: &Due<'_>, there: &Examined, inventory: &mut Inventory) -> Result<Standing, Stop> {
        if there.is_through {
            let ended = |run: &mut Run| {
                run.uid = Some(there.uid.clone());
                run.ending = Some(Ending::Succeeded);
            };
            self.note(due, inventory, ended).await?;
            return Ok(Standing::Through);
        }
        if there.has_failed() {
            return self.fail(due, words::reason(&there.verdict), inventory).await;
        }
        let message = if there.deleting {
            "it is being deleted"
        } else {
            there.verdict.message.as_str()
        };
        Ok(Standing::Waits(words::waits(due, self.name, message)))
    }

    /// What we made is gone, and a controller cleans up behind what has ended. Only who was seen to fail has failed.
    async fn gone(&self, due: &Due<'_>, uid: &str, inventory: &mut Inventory) -> Result<Standing, Stop> {
        if let Some(verdict) = self.cluster.fallen(due.manifest, uid).await {
            return self.fail(due, words::reason(&verdict), inventory).await;
        }
        let ended = |run: &mut Run| {
            run.ending = Some(Ending::Gone);
            run.deleted = true;
        };
        self.note(due, inventory, ended).await?;
        Ok(Standing::Through)
    }

    async fn fail(&self, due: &Due<'_>, why: String, inventory: &mut Inventory) -> Result<Standing, Stop> {
        let output = words::output(self.cluster, &due.manifest.object.id).await;
        let stop = words::failed(due, self.name, &why, &output);
        let ended = |run: &mut Run| run.ending = Some(Ending::Failed { why, output });
        self.note(due, inventory, ended).await?;
        Err(stop)
    }

    /// Deletes what its policy says is to go, now that it is known what came of the phase. What can't be deleted now is tried again as long as the
    /// phase is looked at, and no reason to stop.
    pub(super) async fn tidy(&self, due: &[Due<'_>], inventory: &mut Inventory, report: &mut Report) {
        for one in due {
            let id = &one.manifest.object.id;
            let run = inventory.hooks.as_ref().and_then(|log| log.run(id, self.phase));
            let Some(Run {
                uid: Some(uid),
                ending: Some(ending),
                deleted: false,
                ..
            }) = run
            else {
                continue;
            };
            let goes = match ending {
                Ending::Succeeded => one.hook.delete.succeeded,
                Ending::Failed { .. } => one.hook.delete.failed,
                Ending::Gone => false,
            };
            if !goes {
                continue;
            }
            let deleted = match self.delete(one, id, uid).await {
                Ok(()) => self.note(one, inventory, |run| run.deleted = true).await,
                Err(stop) => Err(stop),
            };
            if let Err(stop) = deleted {
                report
                    .notes
                    .extend(stop.diagnostics.into_iter().map(|finding| finding.message));
            }
        }
    }

    /// Changes what is known of a hook, and writes it down.
    async fn note(&self, due: &Due<'_>, inventory: &mut Inventory, change: impl FnOnce(&mut Run)) -> Result<(), Stop> {
        if let Some(log) = &mut inventory.hooks {
            change(log.run_mut(due.manifest, self.phase));
        }
        self.hooks.keep(inventory).await
    }
}
