//! Repairs that somebody undoes again and again: a bucket of repairs for each object. When it is empty, the object is left
//! alone until the next one is in it, and the app says with whom it fights.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use windlass_core::{
    diff::{Action, Cause, Plan, SkipReason},
    model::ObjectId,
};

use crate::apply::Changes;

/// Repairs in a row. A person who tries things out in an editor makes some edits, and each is to be undone at once; a
/// controller makes them as fast as it is undone, and is known for one within a second.
const REPAIRS: f64 = 10.0;

/// One more after this. Then a fight costs the API server two writes a minute, and half a minute after it ended nothing is left
/// of it.
const ANOTHER: Duration = Duration::from_secs(30);

/// All objects that were repaired of late.
#[derive(Default)]
pub(crate) struct Fights(Mutex<BTreeMap<(String, ObjectId), Fight>>);

struct Fight {
    repairs: f64,
    since: Instant,
    /// Who made the edits that were undone last.
    with: Option<String>,
}

impl Fight {
    fn fill(&mut self, now: Instant) {
        let filled = now.saturating_duration_since(self.since).as_secs_f64() / ANOTHER.as_secs_f64();
        self.repairs = (self.repairs + filled).min(REPAIRS);
        self.since = now;
    }
}

impl Fights {
    fn all(&self) -> MutexGuard<'_, BTreeMap<(String, ObjectId), Fight>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes back the repairs for which there is nothing left. `target`: the app's, by name.
    pub(crate) fn restrain(&self, target: &str, plan: &mut Plan) {
        let (now, mut fights) = (Instant::now(), self.all());
        fights.retain(|_, fight| {
            fight.fill(now);
            fight.repairs < REPAIRS
        });
        for step in &mut plan.steps {
            let is_repair = matches!(step.action, Action::Configure(Cause::Drifted | Cause::Reconsidered));
            let Some(fight) = fights.get(&(target.to_owned(), step.id.clone())).filter(|_| is_repair) else {
                continue;
            };
            if fight.repairs < 1.0 {
                step.action = Action::Skip(SkipReason::Fighting(fight.with.clone().unwrap_or_default()));
            }
        }
    }

    /// Takes the repairs that were made.
    pub(crate) fn made(&self, target: &str, changes: &Changes<'_>) {
        let (now, mut fights) = (Instant::now(), self.all());
        let mut repaired: BTreeMap<ObjectId, Option<String>> = BTreeMap::new();
        for drifted in changes.drifted() {
            let with = repaired.entry(drifted.object).or_default();
            *with = drifted.manager.or_else(|| with.take());
        }
        for (id, with) in repaired {
            let fight = fights.entry((target.to_owned(), id)).or_insert(Fight {
                repairs: REPAIRS,
                since: now,
                with: None,
            });
            fight.fill(now);
            fight.repairs -= 1.0;
            fight.with = with.or_else(|| fight.with.take());
        }
    }
}

/// When an app that fights is looked at again: when there is a repair for it.
pub(crate) const TRUCE: Duration = ANOTHER;

#[cfg(test)]
mod tests {
    use windlass_core::{
        diff::{Step, intend::Outcome, intend::Receipt},
        digest::Digest,
    };

    use super::*;
    use crate::target::{Edit, Written};

    fn plan() -> Plan {
        let id = |name: &str| ObjectId {
            group: String::new(),
            kind: "ConfigMap".into(),
            namespace: "shop".into(),
            name: name.into(),
        };
        let step = |name: &str, cause| Step {
            id: id(name),
            action: Action::Configure(cause),
            desired: None,
            live: None,
        };
        Plan {
            steps: vec![step("a", Cause::Drifted), step("b", Cause::Changed)],
            desired: Digest::of(b""),
            owned: 2,
        }
    }

    /// A cycle: whether the object was repaired, and with whom the app fights if not.
    fn cycle(fights: &Fights) -> Result<(), String> {
        let mut plan = plan();
        fights.restrain("t", &mut plan);
        assert_eq!(plan.steps[1].action, Action::Configure(Cause::Changed));
        if let Action::Skip(SkipReason::Fighting(with)) = &plan.steps[0].action {
            return Err(with.clone());
        }
        let edit = |field: &str| Edit {
            field: field.to_owned(),
            manager: "operator".to_owned(),
        };
        let written = Written {
            edits: vec![edit(".data.a"), edit(".data.b")],
            ..Written::default()
        };
        let changes = Changes {
            steps: plan
                .steps
                .iter()
                .map(|step| (step, Outcome::Applied(Receipt::default())))
                .collect(),
            written: [(plan.steps[0].id.clone(), written)].into(),
            ..Changes::default()
        };
        fights.made("t", &changes);
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn a_fight_is_left_after_some_repairs_and_taken_up_when_there_is_one() {
        let fights = Fights::default();
        for _ in 0..REPAIRS as usize {
            assert_eq!(cycle(&fights), Ok(()));
        }
        assert_eq!(cycle(&fights), Err("operator".to_owned()));
        tokio::time::advance(ANOTHER).await;
        assert_eq!(cycle(&fights), Ok(()));
        assert_eq!(cycle(&fights), Err("operator".to_owned()));
        // Once it is over, nothing is remembered.
        tokio::time::advance(ANOTHER * REPAIRS as u32).await;
        fights.restrain("t", &mut plan());
        assert!(fights.all().is_empty());
    }
}
