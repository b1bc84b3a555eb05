//! See `plugin.yaml`, which also fills the defaults.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The config of a binding.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) url: String,
    pub(crate) method: String,
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) body: Option<String>,
    pub(crate) content_type: String,
    pub(crate) escape: Escape,
    #[serde(default)]
    pub(crate) sign: Option<Sign>,
    pub(crate) timeout: u32,
}

/// How values are written into the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Escape {
    Json,
    None,
}

/// A signature.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sign {
    pub(crate) secret: String,
    pub(crate) header: String,
    pub(crate) prefix: String,
    pub(crate) algorithm: String,
}
