//! Conditions as Kubernetes' API has them.

use serde_json::Value;
use windlass_sdk::{State, Verdict};

/// A condition about the object as it is now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Condition<'v> {
    value: &'v Value,
    /// JSON pointer to the list.
    list: &'v str,
    index: usize,
}

/// What a list says of one type.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Found<'v> {
    /// About the object's present generation.
    Current(Condition<'v>),
    /// About an earlier one: its controller has not seen the last change.
    Stale,
    /// Not there.
    Absent,
}

/// The condition of a type, in the list that `list` points to.
pub(crate) fn find<'v>(object: &'v Value, list: &'v str, kind: &str) -> Found<'v> {
    let conditions = object.pointer(list).and_then(Value::as_array);
    let found = conditions
        .into_iter()
        .flatten()
        .enumerate()
        .find(|(_, value)| value["type"] == kind);
    let Some((index, value)) = found else {
        return Found::Absent;
    };
    let generation = object["metadata"]["generation"].as_i64();
    match (generation, value["observedGeneration"].as_i64()) {
        (Some(generation), Some(observed)) if observed < generation => Found::Stale,
        _ => Found::Current(Condition { value, list, index }),
    }
}

impl<'v> Found<'v> {
    /// When it is about the present generation.
    pub(crate) const fn current(self) -> Option<Condition<'v>> {
        match self {
            Self::Current(condition) => Some(condition),
            Self::Stale | Self::Absent => None,
        }
    }
}

impl<'v> Condition<'v> {
    pub(crate) fn is_true(&self) -> bool {
        self.value["status"] == "True"
    }

    pub(crate) fn is_false(&self) -> bool {
        self.value["status"] == "False"
    }

    pub(crate) fn reason(&self) -> &'v str {
        self.value["reason"].as_str().unwrap_or_default()
    }

    /// A verdict in the condition's words; the reason is its type when it gives none.
    pub(crate) fn says(&self, state: State) -> Verdict {
        let text = |field: &str| self.value[field].as_str().unwrap_or_default().to_owned();
        let reason = Some(self.reason()).filter(|reason| !reason.is_empty());
        Verdict {
            state,
            reason: reason.map_or_else(|| text("type"), str::to_owned),
            message: text("message"),
            at: Some(format!("{}/{}", self.list, self.index)),
        }
    }
}

/// Its controller has not seen the last change.
pub(crate) fn stale() -> Verdict {
    crate::verdict(
        State::Progressing,
        "LatestGenerationNotObserved",
        "its controller has not seen the last change yet",
    )
}

/// Its controller has said nothing yet.
pub(crate) fn unseen() -> Verdict {
    crate::verdict(State::Progressing, "NoStatus", "its controller has not seen it yet")
}
