//! `App.spec.sync`, `rollback`, `history` and `suspend`: when what git says is applied, and what is done when it fails.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    AppSpec,
    schema::{Moment, OrOff, Span},
};
use crate::{moment, render::Instant, windows::Window};

/// `App.spec.sync`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyncSpec {
    /// Who says that a change is applied.
    #[serde(default)]
    pub mode: SyncMode,
    /// When changes may be applied, by the clock. With none, at any time.
    #[serde(default)]
    pub windows: Vec<WindowSpec>,
}

impl SyncSpec {
    /// Whether a change may have to wait for somebody or for a window.
    #[must_use]
    pub fn is_gated(&self) -> bool {
        self.mode != SyncMode::Auto || !self.windows.is_empty()
    }
}

/// Who says that a change of git's is applied. What somebody else changed on the target is repaired whatever it says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SyncMode {
    /// Nobody has to.
    #[default]
    Auto,
    /// A person, by `windlass sync` or `windlass approve`.
    Manual,
    /// A person who has seen the plan: `windlass approve APP PLAN`. Exactly that plan is applied.
    Approve,
}

/// `App.spec.sync.windows[]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WindowSpec {
    /// When it opens: cron's five fields, minute, hour, day of the month, month, day of the week.
    pub schedule: String,
    /// How long it is open: `30m`, `62h`.
    #[serde(with = "span")]
    #[schemars(with = "Span")]
    pub duration: Duration,
    /// By which clock: a name of the IANA database, such as `Europe/Berlin`.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// Whether changes are applied only while it is open, or not while it is open.
    pub kind: WindowKind,
    /// Whether what somebody else changed is repaired while no change may be applied because of this window.
    #[serde(default = "yes")]
    pub self_heal: bool,
}

/// What an open window means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WindowKind {
    /// Changes are applied while any such window is open, and only then.
    Allow,
    /// No change is applied, whatever else is open.
    Deny,
}

fn utc() -> String {
    "UTC".to_owned()
}

const fn yes() -> bool {
    true
}

/// `App.spec.rollback`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RollbackSpec {
    /// Whether an App that a change of its own made unhealthy goes back by itself to what was healthy before.
    #[serde(default, deserialize_with = "super::mode_or_off")]
    #[schemars(with = "OrOff<RollbackMode>")]
    pub mode: RollbackMode,
}

/// Whether an App that a change of its own made unhealthy goes back by itself to what was healthy before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RollbackMode {
    /// No.
    #[default]
    Off,
    /// Yes, to the entry of its history before, if that was healthy; and only for a failure that follows the App's own change.
    Auto,
}

/// `App.spec.history`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HistorySpec {
    /// Entries kept, with the documents of each: from 1 to 100.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = MAX_HISTORY))]
    pub limit: u16,
}

impl Default for HistorySpec {
    fn default() -> Self {
        Self { limit: default_limit() }
    }
}

/// As many as Kubernetes keeps of a Deployment.
const fn default_limit() -> u16 {
    10
}

/// Entries of one App: each keeps a render from collection, so that the threat is a disk filled by an App of a megabyte that
/// changes every minute.
pub const MAX_HISTORY: u16 = 100;

/// `App.spec.suspend`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SuspendSpec {
    /// Shown wherever the app is.
    pub reason: String,
    /// Who says so, shown with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// When it ends by itself, as in RFC 3339: `2026-12-01T08:00:00Z`. Absent = never.
    #[schemars(with = "Option<Moment>")]
    #[serde(default, with = "moment::optional", skip_serializing_if = "Option::is_none")]
    pub until: Option<Instant>,
}

/// Longest window: a week that never ends is no window. 8 days, so that a week with an hour more fits.
const MAX_WINDOW: u64 = 8 * 86_400;

/// What a window's duration is made of, for people.
pub(super) const SPAN_WORDS: &str = "write a whole number and a unit, such as `30m` or `62h`, up to 192h";

/// Of a reason, for people.
pub(crate) const NO_REASON: &str = "is empty: who finds the App suspended wants to know why";

/// Windows of one App: each is looked at in every cycle.
pub(crate) const MAX_WINDOWS: usize = 20;

mod span {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        super::super::duration::serialize(value, serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::super::duration::parse_up_to(&text, super::MAX_WINDOW)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is no duration: {}", super::SPAN_WORDS)))
    }
}

/// Checks what its types don't: the first mistake, as a JSON pointer and a sentence.
pub(super) fn check(spec: &AppSpec) -> Result<(), (String, String)> {
    let wrong = |pointer: &str, message: String| Err((pointer.to_owned(), message));
    let limit = spec.history.limit;
    if limit == 0 || limit > MAX_HISTORY {
        let message = format!("spec.history.limit is {limit}, expected 1 to {MAX_HISTORY}");
        return wrong("/spec/history/limit", message);
    }
    let windows = &spec.sync.windows;
    if windows.len() > MAX_WINDOWS {
        let message = format!(
            "spec.sync.windows has {} windows, {MAX_WINDOWS} are allowed",
            windows.len()
        );
        return wrong(&format!("/spec/sync/windows/{MAX_WINDOWS}"), message);
    }
    for (index, window) in windows.iter().enumerate() {
        if let Err(bad) = Window::new(window) {
            let field = bad.field();
            let message = format!("spec.sync.windows[{index}].{field}: {bad}");
            return wrong(&format!("/spec/sync/windows/{index}/{field}"), message);
        }
    }
    match &spec.suspend {
        Some(suspend) if suspend.reason.trim().is_empty() => {
            wrong("/spec/suspend/reason", format!("spec.suspend.reason {NO_REASON}"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load;

    fn app(more: &str) -> Result<AppSpec, String> {
        let text = format!(
            "apiVersion: windlass.dev/v1alpha1\nkind: Repository\nmetadata: {{name: r}}\nspec: {{git: {{url: /r}}}}\n---\n\
             apiVersion: windlass.dev/v1alpha1\nkind: App\nmetadata: {{name: a}}\nspec:\n  repository: r\n  {more}\n"
        );
        match load(&text) {
            Ok(config) => Ok(config.apps["a"].spec.clone()),
            Err(errors) => Err(errors[0].message.clone()),
        }
    }

    #[test]
    fn without_a_word_changes_are_applied_and_nothing_goes_back() {
        let spec = app("path: x").unwrap();
        assert_eq!((spec.sync.mode, spec.sync.windows.len()), (SyncMode::Auto, 0));
        assert_eq!((spec.rollback.mode, spec.history.limit), (RollbackMode::Off, 10));
        // Without quotes, YAML has that word for a boolean.
        assert_eq!(app("rollback: {mode: Off}").unwrap().rollback.mode, RollbackMode::Off);
        assert_eq!(app("rollback: {mode: Auto}").unwrap().rollback.mode, RollbackMode::Auto);
    }

    #[test]
    fn a_window_is_read_with_its_defaults() {
        let spec = app("sync: {windows: [{schedule: '0 18 * * 5', duration: 62h, kind: Deny}]}").unwrap();
        let window = &spec.sync.windows[0];
        assert_eq!(window.duration, Duration::from_secs(62 * 3600));
        assert_eq!((window.time_zone.as_str(), window.self_heal), ("UTC", true));
        let suspend = app("suspend: {reason: r, until: '2026-12-01T09:00:00+01:00'}")
            .unwrap()
            .suspend
            .unwrap();
        assert_eq!(suspend.until.map(moment::text).as_deref(), Some("2026-12-01T08:00:00Z"));
    }

    #[test]
    fn mistakes_are_named() {
        let many = vec!["{schedule: '0 9 * * *', duration: 1h, kind: Allow}"; MAX_WINDOWS + 1].join(", ");
        for (more, says) in [
            ("history: {limit: 0}", "spec.history.limit is 0, expected 1 to 100"),
            ("history: {limit: 101}", "spec.history.limit is 101"),
            ("suspend: {reason: ' '}", "spec.suspend.reason is empty"),
            ("suspend: {reason: r, until: tomorrow}", "`tomorrow` is no time"),
            ("sync: {mode: Later}", "unknown variant `Later`"),
            (
                "sync: {windows: [{schedule: '0 9 * * *', duration: 9d, kind: Allow}]}",
                "`9d` is no duration",
            ),
            (
                "sync: {windows: [{schedule: '0 9 * * *', duration: 1h, timeZone: Berlin, kind: Allow}]}",
                "spec.sync.windows[0].timeZone: `Berlin` is no time zone",
            ),
            (
                &format!("sync: {{windows: [{many}]}}"),
                "has 21 windows, 20 are allowed",
            ),
        ] {
            let error = app(more).unwrap_err();
            assert!(error.contains(says), "{more}: {error}");
        }
    }
}
