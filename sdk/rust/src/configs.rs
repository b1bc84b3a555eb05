//! A plugin's config as a type of its own.

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use crate::{CheckRequest, Diagnostic, Event, Location, RenderRequest};

/// Reads `json`, a config.
///
/// # Errors
/// An error at the JSON pointer of the value that doesn't fit. The host has checked the config against the
/// manifest's schema, so this tells of what a schema can't.
pub fn parse<T: DeserializeOwned>(json: &str) -> Result<T, Box<Diagnostic>> {
    let mut reader = serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer(error.path());
        Box::new(Diagnostic::error("invalid-config", plain(error.inner())).at(Location::Config(pointer)))
    })
}

/// The reason without serde_json's line and column: those are of the canonical text, which no user wrote.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ")
        .map_or(text.as_str(), |(reason, _)| reason)
        .to_owned()
}

/// RFC 6901.
fn pointer(path: &serde_path_to_error::Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        let text = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => break,
        };
        pointer.push('/');
        pointer.push_str(&text);
    }
    pointer
}

impl RenderRequest {
    /// The config as a `T`.
    ///
    /// # Errors
    /// See [`parse`].
    pub fn config_as<T: DeserializeOwned>(&self) -> Result<T, Box<Diagnostic>> {
        parse(&self.config())
    }
}

impl CheckRequest {
    /// The config as a `T`.
    ///
    /// # Errors
    /// See [`parse`].
    pub fn config_as<T: DeserializeOwned>(&self) -> Result<T, Box<Diagnostic>> {
        parse(&self.config())
    }
}

impl Event {
    /// The config as a `T`.
    ///
    /// # Errors
    /// See [`parse`].
    pub fn config_as<T: DeserializeOwned>(&self) -> Result<T, Box<Diagnostic>> {
        parse(&self.config())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Config {
        #[serde(default)]
        vars: Vec<Var>,
        #[serde(default)]
        names: std::collections::BTreeMap<String, u8>,
    }

    #[derive(Debug, Deserialize)]
    struct Var {
        name: String,
    }

    #[test]
    fn a_good_config_is_read() {
        let config: Config = parse(r#"{"vars":[{"name":"a"}],"names":{"x":1}}"#).unwrap();
        assert_eq!((config.vars[0].name.as_str(), config.names["x"]), ("a", 1));
    }

    #[test]
    fn the_pointer_leads_to_the_value() {
        for (json, expected) in [
            (r#"{"vars":[{"name":"a"},{"name":7}]}"#, "/vars/1/name"),
            (r#"{"names":{"a/b~c":300}}"#, "/names/a~1b~0c"),
            (r#"{"vars":[{}]}"#, "/vars/0"),
        ] {
            let diagnostic = parse::<Config>(json).unwrap_err();
            assert_eq!(diagnostic.at, Location::Config(expected.to_owned()), "{json}");
            assert!(!diagnostic.message.contains(" at line "), "{}", diagnostic.message);
        }
    }
}
