//! Lines for the plugin's author and the operator. What a user must see is a [`Diagnostic`](crate::Diagnostic).
//!
//! Bounded per call: the host drops what is over and says how much.

use crate::bindings::windlass::plugin::log::{self, Level};

/// Writes a line that is shown only on request.
pub fn debug(message: &str, fields: &[(&str, &str)]) {
    write(Level::Debug, message, fields);
}

/// Writes a line about what is going on.
pub fn info(message: &str, fields: &[(&str, &str)]) {
    write(Level::Info, message, fields);
}

/// Writes a line about what may be wrong.
pub fn warn(message: &str, fields: &[(&str, &str)]) {
    write(Level::Warn, message, fields);
}

/// Writes a line about what is wrong.
pub fn error(message: &str, fields: &[(&str, &str)]) {
    write(Level::Error, message, fields);
}

fn write(level: Level, message: &str, fields: &[(&str, &str)]) {
    let fields: Vec<(String, String)> = fields
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    log::write(level, message, &fields);
}
