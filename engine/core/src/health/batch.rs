//! The group `batch`.

use serde_json::Value;

use super::{Verdict, conditions::Condition, count, is_true};

pub(super) fn assess(kind: &str, object: &Value) -> Option<Verdict> {
    let verdict = match kind {
        "Job" => job(object),
        "CronJob" if is_true(object, "/spec/suspend") => Verdict::suspended("it is suspended: no job is begun"),
        "CronJob" => Verdict::healthy("it is there"),
        _ => return None,
    };
    Some(verdict)
}

fn job(object: &Value) -> Verdict {
    // `FailureTarget` is true as soon as it is decided, `Failed` when its last pod has ended.
    for kind in ["Failed", "FailureTarget"] {
        if let Some(failed) = Condition::met(object, kind) {
            return Verdict::degraded(failed.reason(), failed.told("the job failed"));
        }
    }
    if Condition::met(object, "Complete").is_some() {
        return Verdict::healthy("the job is complete");
    }
    if is_true(object, "/spec/suspend") {
        return Verdict::suspended("the job is suspended");
    }
    let count = |field| count(object, field);
    if object["status"]["startTime"].is_null() {
        return Verdict::progressing("JobNotStarted", "the job has not started yet");
    }
    Verdict::progressing(
        "JobRunning",
        format!(
            "the job runs: {} succeeded, {} active, {} failed",
            count("succeeded"),
            count("active"),
            count("failed")
        ),
    )
}
