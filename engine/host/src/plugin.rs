//! A plugin that may be called.

use std::{collections::BTreeSet, fs::File, sync::Arc};

use serde_json::Value;
use windlass_core::{
    digest::Digest,
    plugin::{Grant, Manifest, World},
    render::Diagnostic,
};

use crate::{config::ConfigSchema, error::PluginRef};

/// A loaded plugin: admitted, compiled and checked against the contract.
#[derive(Debug)]
pub struct Plugin {
    pub(crate) reference: PluginRef,
    pub(crate) manifest: Manifest,
    pub(crate) schema: ConfigSchema,
    pub(crate) artefact: Arc<Artefact>,
    pub(crate) grants: BTreeSet<Grant>,
}

/// Compiled code on disk, authenticated; workers map this very file.
#[derive(Debug)]
pub(crate) struct Artefact {
    pub(crate) component: Digest,
    pub(crate) world: World,
    pub(crate) file: File,
}

impl Plugin {
    /// Name and digest.
    #[must_use]
    pub const fn reference(&self) -> &PluginRef {
        &self.reference
    }

    /// What it says of itself.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Of its component: what a render's cache key holds.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.reference.digest
    }

    /// Capabilities it may use.
    #[must_use]
    pub const fn grants(&self) -> &BTreeSet<Grant> {
        &self.grants
    }

    /// Holds a config to the plugin's schema and fills in its defaults; canonical JSON. `null` counts as `{}`.
    ///
    /// # Errors
    /// A finding per field at fault, located in the config.
    pub fn check_config(&self, config: &Value) -> Result<String, Vec<Diagnostic>> {
        self.schema.check(config)
    }
}
