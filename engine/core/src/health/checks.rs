//! Checks that an App brings, for kinds of which the built-in rules know too little.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{Verdict, assess, whatever_it_is};
use crate::{
    cel::{Expression, Unanswered},
    config::schema::{Cel, Filled},
    model::ObjectId,
};

/// `App.spec.health.checks[]`: where some objects stand, told by expressions instead of the built-in rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Check {
    /// API group of the objects; the core group is `""`. Absent = any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Kind of the objects.
    #[schemars(with = "Filled")]
    pub kind: String,
    /// Namespace of the objects. Absent = any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name of the object. Absent = any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Asked first, an expression in CEL over `live`: while it is true, waiting alone won't make the object healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Cel>")]
    pub degraded: Option<Test>,
    /// Asked then, an expression in CEL over `live`. Neither true = the object is on its way.
    #[schemars(with = "Cel")]
    pub healthy: Test,
}

/// An expression over [`Test::VARIABLE`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Test(Expression);

impl Test {
    /// The object as it lives, as a whole.
    pub const VARIABLE: &str = "live";

    /// Whether it is true of an object.
    ///
    /// # Errors
    /// When it has no answer.
    pub fn holds(&self, object: &Value) -> Result<bool, Unanswered> {
        self.0.holds(&[(Self::VARIABLE, object)])
    }
}

impl<'de> Deserialize<'de> for Test {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Expression::deserialize(deserializer, &[Self::VARIABLE]).map(Self)
    }
}

impl Check {
    /// Whether the check is about that object.
    #[must_use]
    pub fn is_about(&self, id: &ObjectId) -> bool {
        id.fits(
            self.group.as_deref(),
            &self.kind,
            self.namespace.as_deref(),
            self.name.as_deref(),
        )
    }

    fn ask(&self, object: &Value) -> Verdict {
        let holds = |test: &Test| test.holds(object);
        let untold = |field: &str, why: &Unanswered| {
            Verdict::progressing("CheckUnanswered", format!("`{field}` of its health check: {why}"))
        };
        match self.degraded.as_ref().map(&holds) {
            Some(Ok(true)) => return Verdict::degraded("CheckDegraded", "its health check says that it is degraded"),
            Some(Err(why)) => return untold("degraded", &why),
            Some(Ok(false)) | None => {}
        }
        match holds(&self.healthy) {
            Ok(true) => Verdict::healthy("its health check says so"),
            Ok(false) => Verdict::progressing("CheckNotHealthy", "its health check does not say that it is healthy"),
            Err(why) => untold("healthy", &why),
        }
    }
}

/// Tells where an object stands: by the first check that is about it, else as [`assess`] does. What is being deleted, and what
/// its controller has not seen, is told as always.
#[must_use]
pub fn assess_by(checks: &[Check], id: &ObjectId, object: &Value) -> Verdict {
    let Some(check) = checks.iter().find(|check| check.is_about(id)) else {
        return assess(object);
    };
    whatever_it_is(object).unwrap_or_else(|| check.ask(object))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::health::State;

    fn id(name: &str) -> ObjectId {
        ObjectId {
            group: "example.com".into(),
            kind: "Tank".into(),
            namespace: "shop".into(),
            name: name.into(),
        }
    }

    fn checks() -> Vec<Check> {
        serde_json::from_value(json!([
            {"kind": "Tank", "name": "special", "healthy": "true"},
            {"kind": "Tank", "group": "example.com", "degraded": "has(live.status.leak) && live.status.leak",
             "healthy": "live.status.level >= live.spec.level"},
        ]))
        .unwrap()
    }

    fn told(name: &str, object: &Value) -> (State, String) {
        let verdict = assess_by(&checks(), &id(name), object);
        (verdict.state, verdict.reason)
    }

    #[test]
    fn expressions_take_the_place_of_the_rules() {
        let tank = |level: i64| json!({"spec": {"level": 5}, "status": {"level": level}});
        assert_eq!(told("a", &tank(5)), (State::Healthy, String::new()));
        assert_eq!(told("a", &tank(4)), (State::Progressing, "CheckNotHealthy".into()));
        let leaking = json!({"spec": {"level": 5}, "status": {"level": 5, "leak": true}});
        assert_eq!(told("a", &leaking), (State::Degraded, "CheckDegraded".into()));
        // The first that is about it.
        assert_eq!(told("special", &leaking), (State::Healthy, String::new()));
    }

    #[test]
    fn what_has_no_answer_yet_is_on_its_way_and_says_why() {
        let verdict = assess_by(&checks(), &id("a"), &json!({"spec": {"level": 5}}));
        assert_eq!(verdict.state, State::Progressing);
        assert!(
            verdict
                .message
                .starts_with("`degraded` of its health check: there is no `status`"),
            "{verdict:?}"
        );
    }

    #[test]
    fn no_check_speaks_for_a_change_that_nobody_has_seen_or_for_what_goes() {
        let behind = json!({"metadata": {"generation": 2}, "status": {"observedGeneration": 1}});
        assert_eq!(
            told("special", &behind),
            (State::Progressing, "LatestGenerationNotObserved".into())
        );
        let going = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
        assert_eq!(told("special", &going), (State::Terminating, "Terminating".into()));
    }

    #[test]
    fn other_objects_are_told_by_the_rules() {
        let map = ObjectId {
            group: String::new(),
            kind: "ConfigMap".into(),
            ..id("a")
        };
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap"});
        assert_eq!(assess_by(&checks(), &map, &object).state, State::Healthy);
    }

    #[test]
    fn a_mistake_is_told_where_the_document_is_read() {
        let read = serde_json::from_value::<Check>(json!({"kind": "Tank", "healthy": "object.status"}));
        let error = read.unwrap_err().to_string();
        assert!(error.contains("object"), "{error}");
    }
}
