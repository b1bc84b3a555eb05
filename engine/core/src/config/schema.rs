//! How fields that are texts with a form look to an API server: what is read is told by the types themselves.
//!
//! Each type here stands for a field whose Rust type says too little (`#[schemars(with = "…")]`). Rules are CEL, as Kubernetes has it
//! (`x-kubernetes-validations`); their words are those of the reader.

use std::{borrow::Cow, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;

use super::{NAME_WORDS, duration, repository::SIZE_WORDS, sync::SPAN_WORDS};

/// Says that a field takes a text of a form.
macro_rules! form {
    ($(#[$doc:meta])* $name:ident, $schema:expr) => {
        $(#[$doc])*
        pub(crate) enum $name {}

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

/// What [`duration::parse_up_to`] takes; its rule says the same again, because a pattern's own message names no way out.
const DURATION: &str = "^[0-9]{1,6}[smh]$";

fn spans(most: &str, words: &str) -> Schema {
    json_schema!({
        "type": "string", "maxLength": 7, "pattern": DURATION,
        "x-kubernetes-validations": [{
            "rule": format!("self.matches('{DURATION}') && duration(self) >= duration('1s') && duration(self) <= duration('{most}')"),
            "message": words,
        }],
    })
}

form!(
    /// From 1s to 24h.
    Interval,
    spans("24h", duration::WORDS)
);
form!(
    /// From 1s to 192h.
    Span,
    spans("192h", SPAN_WORDS)
);
form!(
    /// What [`super::parse_size`] takes.
    Size,
    json_schema!({
        "type": "string", "maxLength": 11, "pattern": SIZE,
        "x-kubernetes-validations": [{"rule": format!("self.matches('{SIZE}')"), "message": SIZE_WORDS}],
    })
);
const SIZE: &str = "^0*[1-9][0-9]*(Ki|Mi|Gi)$";
form!(
    /// What [`super::is_name`] takes.
    Name,
    json_schema!({
        "type": "string", "maxLength": 253,
        "x-kubernetes-validations": [{"rule": "self.matches('^[a-z0-9.-]+$')", "message": NAME_WORDS}],
    })
);
form!(
    /// A time as in RFC 3339.
    Moment,
    json_schema!({"type": "string", "format": "date-time"})
);
form!(
    /// An expression in CEL.
    Cel,
    json_schema!({"type": "string", "maxLength": crate::cel::MAX_TEXT})
);
form!(
    /// A text that isn't empty.
    Filled,
    json_schema!({"type": "string", "minLength": 1})
);
form!(
    /// One word, as Kubernetes wants the reason of a condition.
    ConditionReason,
    json_schema!({"type": "string", "minLength": 1, "maxLength": 1024, "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"})
);
form!(
    /// Whatever the engine writes there.
    Anything,
    json_schema!({"type": "object", "additionalProperties": true})
);

/// A choice that may be `Off`, and so may be `false`: without quotes, YAML has that word for a boolean, for `kubectl` as for us.
pub(crate) struct OrOff<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for OrOff<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        schema.insert(OR_OFF.to_owned(), json!(true));
        schema
    }
}

/// Marks what [`OrOff`] is about.
pub(crate) const OR_OFF: &str = "x-windlass-or-off";

impl JsonSchema for crate::digest::Digest {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Digest".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "maxLength": 71, "pattern": "^sha256:[0-9a-fA-F]{64}$"})
    }
}
