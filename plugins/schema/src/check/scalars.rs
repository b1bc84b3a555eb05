//! Values without parts.

use serde_json::{Number, Value};

use super::Walk;
use crate::finding::describe;
use crate::formats::quantity;
use crate::nearest::nearest;
use crate::schema::{Format, Shape, Width};

impl<'a> Walk<'a, '_> {
    pub(super) fn scalar(&mut self, shape: &Shape, value: &'a Value) {
        match (shape, value) {
            (Shape::Boolean, Value::Bool(_)) | (Shape::Number, Value::Number(_)) => {}
            (Shape::Integer(width), Value::Number(number)) => self.integer(*width, number),
            (Shape::IntOrString, Value::Number(number)) => self.integer(Width::Int32, number),
            (Shape::IntOrString, Value::String(_)) | (Shape::Quantity, Value::Number(_)) => {}
            (Shape::Quantity, Value::String(text)) => self.quantity(text),
            (Shape::Text(format), Value::String(text)) => self.text(format, text),
            (shape, value) => self.wrong_type(name(shape), value),
        }
    }

    fn integer(&mut self, width: Width, number: &Number) {
        let Some(integer) = whole(number) else {
            return self.wrong_type("an integer", &Value::Number(number.clone()));
        };
        let (fits, bits) = match width {
            Width::Int32 => (i32::try_from(integer).is_ok(), 32),
            Width::Int64 => (i64::try_from(integer).is_ok(), 64),
        };
        if !fits {
            let found = describe(&Value::Number(number.clone()), self.manner.secret);
            let message = format!("{} must be an integer of {bits} bits, found {found}", self.here());
            self.error("out-of-range", message, "write a smaller number");
        }
    }

    fn quantity(&mut self, text: &str) {
        if !quantity(text) {
            let message = format!("{} must be a quantity, found {}", self.here(), self.show(text));
            let help = "write a number with one of the suffixes m, k, M, G, T, Ki, Mi, Gi, Ti: `100m`, `1.5Gi`";
            self.error("invalid-quantity", message, help);
        }
    }

    fn text(&mut self, format: &Format, text: &str) {
        if format.fits(text) || (matches!(format, Format::OneOf(_)) && !self.is_written()) {
            return;
        }
        let message = format!(
            "{} must be {}, found {}",
            self.here(),
            format.describe(),
            self.show(text)
        );
        match format {
            Format::OneOf(words) => {
                let near = nearest(text, words.iter().copied().filter(|word| !word.is_empty()));
                let help = near.map_or_else(
                    || "take one of these".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                self.error("invalid-enum", message, &help);
            }
            Format::Base64 => self.error("invalid-format", message, "encode it with `base64 -w0`"),
            format => self.error("invalid-format", message, &format!("write {} here", format.describe())),
        }
    }

    /// A string as a message may show it.
    pub(super) fn show(&self, text: &str) -> String {
        describe(&Value::String(text.to_owned()), self.manner.secret)
    }
}

/// A number without fraction, also one that is written as `1.0` or `1e3`: the server reads these as integers.
fn whole(number: &Number) -> Option<i128> {
    if let Some(integer) = number.as_i64() {
        return Some(integer.into());
    }
    if let Some(integer) = number.as_u64() {
        return Some(integer.into());
    }
    let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
    #[allow(
        clippy::cast_possible_truncation,
        reason = "it has no fraction, and what is too large saturates"
    )]
    Some(float as i128)
}

const fn name(shape: &Shape) -> &'static str {
    match shape {
        Shape::Boolean => "a boolean",
        Shape::Integer(_) => "an integer",
        Shape::Number => "a number",
        Shape::IntOrString => "an integer or a string",
        Shape::Quantity => "a quantity",
        Shape::Text(_) => "a string",
        Shape::Object(_) => "a map",
        Shape::List(_) => "a list",
        Shape::Any | Shape::Same(_) => "anything",
    }
}
