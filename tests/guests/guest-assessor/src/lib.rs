//! A health checker that says of an object what its `spec` says (`state`, `reason`, `message`, `at`), and harm on demand: the
//! first object's `spec.mode`.

use std::hint::black_box;

use serde_json::Value;
use windlass_sdk::{Failure, HealthChecker, ObjectSet, State, Verdict};

/// The plugin.
#[derive(Debug)]
pub struct Assessor;

impl HealthChecker for Assessor {
    fn assess(objects: &ObjectSet) -> Result<Vec<Verdict>, Failure> {
        let bodies = all(objects);
        let mut verdicts: Vec<Verdict> = bodies.iter().map(verdict).collect();
        match bodies.first().map_or("", |body| text(body, "mode")) {
            "few" => drop(verdicts.pop()),
            "many" => verdicts.extend(verdicts.clone()),
            "none" => verdicts.clear(),
            "huge" => verdicts[0].message = "m".repeat(1 << 20),
            "out-of-range" => drop(objects.body(objects.len())),
            "unsupported" => return Err(Failure::Unsupported("widgets of wood".to_owned())),
            "spin" => spin(),
            "panic" => panic!("lost my way"),
            _ => {}
        }
        Ok(verdicts)
    }
}

windlass_sdk::health_checker!(Assessor);

fn all(set: &ObjectSet) -> Vec<Value> {
    let mut objects = Vec::new();
    while (objects.len() as u32) < set.len() {
        let page = set.bodies(objects.len() as u32, 256 << 10);
        objects.extend(page.iter().map(|body| serde_json::from_str(body).unwrap_or_default()));
    }
    objects
}

fn text<'v>(object: &'v Value, field: &str) -> &'v str {
    object["spec"][field].as_str().unwrap_or_default()
}

fn verdict(object: &Value) -> Verdict {
    let state = match text(object, "state") {
        "healthy" => State::Healthy,
        "progressing" => State::Progressing,
        "degraded" => State::Degraded,
        "suspended" => State::Suspended,
        _ => State::Unknown,
    };
    Verdict {
        state,
        reason: text(object, "reason").to_owned(),
        message: text(object, "message").to_owned(),
        at: object["spec"]["at"].as_str().map(str::to_owned),
    }
}

fn spin() {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}
