//! What people are told of hooks.

use std::time::Duration;

use tokio::time::timeout;
use windlass_cluster::refusal::Refusal;
use windlass_core::{
    diff::Plan,
    health::Verdict,
    hooks::{self, Due, Log, Phase},
    inventory::Inventory,
    manifest::{Desired, Role},
    model::ObjectId,
    render::{Diagnostic, Location},
};

use crate::{
    stop::{Stop, chain},
    target::{Cluster, ClusterError, Target, TargetError},
};

/// How long the last lines of a pod may take: nobody waits longer to be told that a hook failed. A node that doesn't answer is asked several
/// times within it.
const READING: Duration = Duration::from_secs(10);

fn place(due: &Due<'_>) -> Location {
    due.manifest.origin.clone().map_or(Location::None, Location::File)
}

fn stop(code: &str, due: &Due<'_>, message: String, help: &str) -> Stop {
    Stop::failed(vec![Diagnostic::error(code, message, place(due)).with_help(help)])
}

fn id<'d>(due: &'d Due<'_>) -> &'d ObjectId {
    &due.manifest.object.id
}

pub(super) fn begun(due: &Due<'_>, phase: &str) -> String {
    format!("{phase} hook {} was run", id(due))
}

pub(super) fn waits(due: &Due<'_>, phase: &str, message: &str) -> String {
    format!("{phase} hook {}: {message}", id(due))
}

pub(super) fn making_way(due: &Due<'_>, phase: &str) -> String {
    format!(
        "{phase} hook {} is run when what is left of its last run is gone",
        id(due)
    )
}

pub(super) fn unhealthy(phase: &str) -> String {
    format!("{phase} hooks are run when every object is healthy")
}

/// With the reason as a controller gives it.
pub(super) fn reason(verdict: &Verdict) -> String {
    if verdict.message.contains(&verdict.reason) {
        verdict.message.clone()
    } else {
        format!("{}: {}", verdict.reason, verdict.message)
    }
}

/// The last lines of a hook's pod, or why they can't be had.
pub(super) async fn output(cluster: &Cluster, id: &ObjectId) -> Vec<String> {
    if !matches!(id.kind.as_str(), "Job" | "Pod") {
        return Vec::new();
    }
    let why = match timeout(READING, cluster.last_lines(id)).await {
        Ok(Ok(Some(lines))) if !lines.is_empty() => return lines,
        Ok(Ok(Some(_))) => "its pod wrote nothing".to_owned(),
        Ok(Ok(None)) => "its pod is gone, and what it wrote with it".to_owned(),
        Ok(Err(refusal)) => format!("what its pod wrote can't be read: {}", chain(&refusal)),
        Err(_) => format!("what its pod wrote could not be read within {} s", READING.as_secs()),
    };
    vec![format!("({why})")]
}

pub(super) fn failed(due: &Due<'_>, phase: &str, why: &str, output: &[String]) -> Stop {
    let mut message = format!("{phase} hook {} failed: {why}", id(due));
    for line in output {
        message.push('\n');
        message.push_str(line);
    }
    let help = "it is not run again for what git says now: mend it there; or, when the cause was elsewhere, `windlass sync CONFIG --retry-hooks APP`";
    stop("hook-failed", due, message, help)
}

pub(super) fn refused(due: &Due<'_>, phase: &str, error: &TargetError) -> Stop {
    let message = format!("{phase} hook {}: {}", id(due), chain(error));
    let mut finding = Diagnostic::error("hook-not-run", message, place(due));
    if let TargetError::Cluster(ClusterError::Refused(Refusal::NoNamespace { .. } | Refusal::Kind(_))) = error {
        let help = "what this app makes comes after its `pre` hooks: make a Namespace or definition that they need a hook as well, with a lower weight";
        finding.help = Some(help.to_owned());
    }
    Stop::failed(vec![finding])
}

pub(super) fn foreign(due: &Due<'_>) -> Stop {
    let message = format!("{} is there already, and this app did not put it there", id(due));
    stop(
        "foreign-object",
        due,
        message,
        "delete it, or give the hook another name: a hook is never taken over",
    )
}

pub(super) fn in_the_way(due: &Due<'_>) -> Stop {
    let message = format!(
        "{} is there from an earlier run, and its delete policy leaves it there",
        id(due)
    );
    stop(
        "hook-in-the-way",
        due,
        message,
        "add `before-hook-creation` (`BeforeHookCreation`) to its delete policy, or delete it",
    )
}

pub(super) fn both(due: &Due<'_>) -> Stop {
    let message = format!("{} is a hook and an ordinary object of this app", id(due));
    stop("duplicate-object", due, message, "give one of them another name")
}

/// Where nothing runs.
pub(super) fn left_out(desired: &Desired) -> Option<String> {
    let count = desired.hooks.iter().filter(|hook| hook.role == Role::Hook).count();
    let (s, are) = if count == 1 { ("", "is") } else { ("s", "are") };
    (count > 0).then(|| format!("{count} hook{s} {are} left out: a folder runs none"))
}

/// What would run, for people to read.
pub(crate) fn foreseen(target: &dyn Target, desired: &Desired, plan: &Plan, inventory: &Inventory) -> Vec<String> {
    if target.hooking().is_none() {
        return left_out(desired).into_iter().collect();
    }
    let next = Log::next(inventory, desired, plan.desired, None);
    let Some(log) = next.as_ref().or(inventory.hooks.as_ref()).filter(|log| !log.done) else {
        return Vec::new();
    };
    let of = |phase: Phase| {
        let name = phase.name(log.occasion);
        let due = hooks::due(desired, phase, log.occasion);
        let left = due.iter().filter(|due| {
            let run = log.run(id(due), phase);
            run.is_none_or(|run| run.ending.is_none())
        });
        left.map(|due| format!("{name} hook {} would be run", id(due)))
            .collect::<Vec<_>>()
    };
    [Phase::Pre, Phase::Sync, Phase::Post]
        .into_iter()
        .flat_map(of)
        .collect()
}
