//! A request that waits at the object that it is about, as an annotation, until the engine has done it.
//!
//! ```text
//! windlass suspend ─▶ metadata.annotations["windlass.dev/request"] ─▶ controller ─▶ perform ─▶ status.request
//! ```
//!
//! Whoever may change the object may ask. `actor` is what they call themselves, as over the socket: the API server's audit log knows.

use serde_json::{Map, Value, json};
use windlass_core::{moment, render::Instant};

use super::Request;

/// Where it waits.
pub(crate) const ANNOTATION: &str = "windlass.dev/request";

/// Most bytes of a request, as over the socket.
const MOST: usize = 64 << 10;

/// Longest id.
const ID: usize = 64;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A decision.
    Decide(Request),
    /// A look at the App now.
    Reconcile {
        /// Its Repository is asked first.
        with_source: bool,
    },
}

/// A request on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    /// It is done once.
    pub(crate) id: String,
    /// When it was asked.
    pub(crate) at: Instant,
    /// What.
    pub(crate) asked: Asked,
}

impl Sent {
    /// As the annotation has it. The object that it waits at says which App is meant.
    pub(crate) fn text(&self) -> String {
        let asked = match &self.asked {
            Asked::Decide(request) => serde_json::to_value(request).unwrap_or_default(),
            Asked::Reconcile { with_source } => json!({"ask": "reconcile", "withSource": with_source}),
        };
        let mut all = json!({"id": self.id, "at": moment::text(self.at)});
        if let (Some(all), Value::Object(asked)) = (all.as_object_mut(), asked) {
            all.extend(asked.into_iter().filter(|(key, _)| key != "app"));
        }
        all.to_string()
    }

    /// The id of what waits at an object, and the request where it can be read. `None`: it has no id, so that nobody could be answered.
    /// `app`: the one that it waits at, as `namespace/name`; "" where it is no App.
    pub(crate) fn read(text: &str, app: &str) -> Option<(String, Result<Self, String>)> {
        if text.len() > MOST {
            return None;
        }
        let mut all: Map<String, Value> = serde_json::from_str(text).ok()?;
        let id = all.remove("id")?.as_str()?.to_owned();
        let is_id = (1..=ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
        is_id.then(|| (id.clone(), Self::of(id, all, app)))
    }

    fn of(id: String, mut all: Map<String, Value>, app: &str) -> Result<Self, String> {
        let at = all
            .remove("at")
            .and_then(|at| moment::parse(at.as_str()?))
            .ok_or("it doesn't say when it was asked")?;
        if all.get("ask").is_some_and(|ask| ask == "reconcile") {
            let with_source = all.get("withSource") == Some(&Value::Bool(true));
            let asked = Asked::Reconcile { with_source };
            return Ok(Self { id, at, asked });
        }
        all.insert("app".to_owned(), app.into());
        let request: Request = serde_json::from_value(Value::Object(all))
            .map_err(|error| format!("is `windlass` another version than the engine? {error}"))?;
        let is_of_an_app = match &request {
            Request::Rollback { .. } | Request::Suspend { .. } | Request::Resume { .. } => true,
            Request::Approve { plan, .. } if plan.is_some() => true,
            Request::ApprovePlugin { .. } => false,
            _ => return Err("it decides nothing".to_owned()),
        };
        if is_of_an_app == app.is_empty() {
            return Err("it is about an object of another kind".to_owned());
        }
        Ok(Self {
            id,
            at,
            asked: Asked::Decide(request),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Instant {
        moment::parse("2026-01-01T00:00:00Z").unwrap()
    }

    #[test]
    fn what_is_sent_is_read_for_the_object_that_it_waits_at() {
        let asked = |app: &str| Request::Suspend {
            app: app.into(),
            reason: "incident".into(),
            actor: "ada".into(),
            until: Some(at()),
        };
        let sent = Sent {
            id: "1f".into(),
            at: at(),
            asked: Asked::Decide(asked("victim/api")),
        };
        assert!(!sent.text().contains("victim"), "{}", sent.text());
        let (id, read) = Sent::read(&sent.text(), "shop/api").unwrap();
        assert_eq!(
            (id.as_str(), read.unwrap().asked),
            ("1f", Asked::Decide(asked("shop/api")))
        );
        // Nor does one by hand name another.
        let by_hand = r#"{"id":"1","at":"2026-01-01T00:00:00Z","ask":"resume","app":"victim/api"}"#;
        let (_, read) = Sent::read(by_hand, "shop/api").unwrap();
        assert_eq!(
            read.unwrap().asked,
            Asked::Decide(Request::Resume { app: "shop/api".into() })
        );
    }

    #[test]
    fn a_look_is_asked_for_too() {
        let sent = Sent {
            id: "1".into(),
            at: at(),
            asked: Asked::Reconcile { with_source: true },
        };
        assert_eq!(Sent::read(&sent.text(), "shop/api").unwrap().1.unwrap(), sent);
    }

    #[test]
    fn what_is_no_decision_or_of_another_kind_is_refused() {
        let refused = |app: &str, rest: &str| {
            let text = format!(r#"{{"id":"1","at":"2026-01-01T00:00:00Z"{rest}}}"#);
            Sent::read(&text, app).unwrap().1.unwrap_err()
        };
        assert!(refused("shop/api", r#","ask":"plugins""#).contains("decides nothing"));
        assert!(refused("shop/api", r#","ask":"approve","actor":"a""#).contains("decides nothing"));
        assert!(refused("", r#","ask":"resume""#).contains("another kind"));
        assert!(refused("shop/api", r#","ask":"approvePlugin","plugin":"a@1","actor":"a""#).contains("another kind"));
        assert!(refused("shop/api", r#","ask":"dance""#).contains("another version"));
        assert!(Sent::read("{}", "shop/api").is_none() && Sent::read("x", "shop/api").is_none());
        assert!(Sent::read(r#"{"id":"a b"}"#, "shop/api").is_none());
        let undated = Sent::read(r#"{"id":"1"}"#, "shop/api").unwrap();
        assert!(undated.1.unwrap_err().contains("when"));
    }
}
