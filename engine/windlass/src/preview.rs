//! A plan, looked at closer: what each step would do, for people to read.
//!
//! A plan knows by hashes that something differs. What that comes to, only the target can tell: whether `0.1` is another
//! quantity than `100m`, and whether it would take the change at all. Where nothing would come of a step, it is taken back.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, future::BoxFuture, stream};
use windlass_cluster::{discovery::KindError, refusal::Refusal};
use windlass_core::{
    diff::{Action, Plan, SkipReason, Step},
    model::ObjectId,
    render::Diagnostic,
};

use crate::{
    report::{Report, place, unanswered_condition},
    stop::chain,
    target::{ClusterError, Preview, Target, TargetError},
};

/// A plan with what its steps would do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Foreseen {
    /// Without the steps that nothing would come of.
    pub plan: Plan,
    /// Of steps that would do something.
    pub previews: BTreeMap<ObjectId, Preview>,
}

/// Looks closer. What would be refused becomes findings of the report.
pub async fn of(target: &dyn Target, mut plan: Plan, report: &mut Report) -> Foreseen {
    let is_to_see = |step: &&Step| {
        let is_left = matches!(&step.action, Action::Skip(reason) if *reason != SkipReason::DriftReported);
        !target.is_cluster() || !(is_left || matches!(step.action, Action::Keep | Action::Forget))
    };
    let asked: Vec<_> = plan
        .steps
        .iter()
        .filter(is_to_see)
        .map(|step| ask(target, step))
        .collect();
    let answers: BTreeMap<ObjectId, Result<Preview, TargetError>> =
        stream::iter(asked).buffer_unordered(target.width()).collect().await;
    let steps: BTreeMap<&ObjectId, &Step> = plan.steps.iter().map(|step| (&step.id, step)).collect();
    let mut previews = BTreeMap::new();
    for (id, answer) in answers {
        let Some(step) = steps.get(&id) else { continue };
        match answer {
            Ok(preview) => {
                report
                    .notes
                    .extend(preview.notes.iter().map(|note| format!("{id}: {note}")));
                let unanswered = preview.unanswered.iter();
                report
                    .diagnostics
                    .extend(unanswered.map(|why| unanswered_condition(step, why)));
                previews.insert(id, preview);
            }
            Err(error) => {
                let preview = Preview {
                    wanted: step.desired.as_ref().map(|manifest| manifest.object.body.clone()),
                    ..Preview::default()
                };
                if !is_to_come(&error, &plan) {
                    let message = format!("{id}: {}", chain(&error));
                    report
                        .diagnostics
                        .push(Diagnostic::error("would-be-refused", message, place(step)));
                }
                previews.insert(id, preview);
            }
        }
    }
    for step in &mut plan.steps {
        let is_equal = previews.get(&step.id).is_some_and(|preview| preview.is_equal);
        if is_equal
            && matches!(
                step.action,
                Action::Configure(_) | Action::Skip(SkipReason::DriftReported)
            )
        {
            step.action = Action::Keep;
            previews.remove(&step.id);
        }
    }
    Foreseen { plan, previews }
}

fn ask<'a>(target: &'a dyn Target, step: &'a Step) -> BoxFuture<'a, (ObjectId, Result<Preview, TargetError>)> {
    Box::pin(async move { (step.id.clone(), target.preview(step).await) })
}

/// Whether what is missing is made by the same plan: then it can't be tried out before.
fn is_to_come(error: &TargetError, plan: &Plan) -> bool {
    let TargetError::Cluster(ClusterError::Refused(refusal)) = error else {
        return false;
    };
    let mut made = plan.changes().filter(|step| step.action != Action::Delete);
    match refusal {
        Refusal::NoNamespace { namespace } => {
            made.any(|step| step.id.kind == "Namespace" && step.id.group.is_empty() && step.id.name == *namespace)
        }
        Refusal::Kind(KindError::NoMatch { .. }) => made.any(|step| step.id.kind == "CustomResourceDefinition"),
        _ => false,
    }
}

impl Foreseen {
    /// The preview of a step; of one that was not looked at, nothing.
    #[must_use]
    pub fn of(&self, step: &Step) -> Preview {
        self.previews.get(&step.id).cloned().unwrap_or_default()
    }
}
