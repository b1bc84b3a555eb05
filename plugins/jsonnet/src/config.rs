//! The plugin's config, as in `plugin.yaml`.

use serde::Deserialize;

/// See `plugin.yaml`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) ext_vars: Vec<Variable>,
    pub(crate) tlas: Vec<Variable>,
    pub(crate) libs: Vec<String>,
    pub(crate) files: Vec<String>,
}

/// A name and a string, or a name and code.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) value: String,
    #[serde(default)]
    pub(crate) code: bool,
}
