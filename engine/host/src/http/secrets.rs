//! The secrets of one binding, by name.

use std::{collections::BTreeMap, fmt};

use super::denied;
use crate::{limits, protocol::HttpError};

/// Secrets that a binding of a notifier may name. `Debug` shows names only.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, String>);

/// A secret that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the secret `{name}` {reason}")]
pub struct BadSecret {
    /// Which.
    pub name: String,
    /// What is wrong, in words.
    pub reason: String,
}

impl Secrets {
    /// Takes values by name. What ends a file (a line feed) is no part of a value: whoever reads it takes it off.
    ///
    /// # Errors
    /// When one is shorter than [`limits::SECRET_BYTES_LEAST`] or longer than [`limits::SECRET_BYTES`], or there are more than
    /// [`limits::SECRETS`].
    pub fn new(values: BTreeMap<String, String>) -> Result<Self, BadSecret> {
        let (least, most) = (limits::SECRET_BYTES_LEAST, limits::SECRET_BYTES);
        for (index, (name, value)) in values.iter().enumerate() {
            let reason = if index >= limits::SECRETS {
                format!("is one more than the {} that a binding may have", limits::SECRETS)
            } else if value.len() < least {
                format!("has less than {least} bytes: what is so short can be guessed, make a longer one")
            } else if value.len() > most {
                format!("has more than {most} bytes")
            } else {
                continue;
            };
            let name = name.clone();
            return Err(BadSecret { name, reason });
        }
        Ok(Self(values))
    }

    /// None at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The value of a name that a guest gave.
    pub(super) fn get(&self, name: &str) -> Result<&str, HttpError> {
        let value = self.0.get(name).map(String::as_str);
        value.ok_or_else(|| {
            denied(format!(
                "the secret `{}` is not granted to this plugin",
                name.escape_debug()
            ))
        })
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
