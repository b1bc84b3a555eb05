//! The group `batch`.

use serde_json::Value;

use super::{Verdict, conditions::Condition, is_true, number};

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
        if let Some(failed) = Condition::of(object, kind).filter(|condition| condition.is_true()) {
            return Verdict::degraded(failed.reason(), failed.told("the job failed"));
        }
    }
    if Condition::of(object, "Complete").is_some_and(Condition::is_true) {
        return Verdict::healthy("the job is complete");
    }
    if is_true(object, "/spec/suspend") {
        return Verdict::suspended("the job is suspended");
    }
    let count = |field: &str| number(object, &format!("/status/{field}")).unwrap_or(0);
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
