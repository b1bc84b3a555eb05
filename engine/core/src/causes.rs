//! The causes of a refusal, as a `Status` of an API server lists them.

use serde::Deserialize;
use serde_json::Value;

/// One of them; what the server left out is empty.
#[derive(Deserialize)]
pub(crate) struct Cause {
    #[serde(default)]
    pub(crate) reason: String,
    #[serde(default)]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) field: String,
}

/// All of them, each read or not; none where the status lists none.
pub(crate) fn of(status: &Value) -> impl Iterator<Item = Result<Cause, serde_json::Error>> + '_ {
    let causes = status.pointer("/details/causes").and_then(Value::as_array);
    causes.into_iter().flatten().map(Cause::deserialize)
}
