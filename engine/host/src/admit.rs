//! May this component be loaded? Decided from what it imports and says, before anything is compiled.

use std::collections::BTreeSet;

use semver::Version;
use windlass_core::{
    digest::Digest,
    plugin::{CONTRACT, Grant, World},
};

use crate::{
    error::{LoadError, PluginRef},
    inspect::{Inspection, contract_name},
};

/// Capabilities that this version has code for, by who may use them.
const fn served(world: World) -> &'static [Grant] {
    match world {
        World::Notifier => &[Grant::Http],
        World::Renderer | World::Validator | World::HealthChecker => &[],
    }
}

/// What an operator says of a plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// The digest that was admitted; `None` = any.
    pub expected: Option<Digest>,
    /// Capabilities that were granted.
    pub grants: BTreeSet<Grant>,
}

/// The interface that a world exports.
pub(crate) const fn export_of(world: World) -> &'static str {
    match world {
        World::Renderer => "render",
        World::Validator => "validate",
        World::Notifier => "notify",
        World::HealthChecker => "health",
    }
}

/// Checks version, imports, export and capabilities.
pub(crate) fn admit(plugin: &Inspection, granted: &BTreeSet<Grant>) -> Result<(), LoadError> {
    let name = PluginRef {
        name: plugin.manifest.name.clone(),
        digest: plugin.digest,
    };
    let served = served_contract();
    check_version(&name, &served, plugin.manifest.contract.parse().ok())?;
    for import in &plugin.imports {
        let Some((_, version)) = contract_name(import) else {
            return Err(LoadError::ForeignImport {
                plugin: name,
                import: import.clone(),
            });
        };
        check_version(&name, &served, Some(version))?;
    }
    let export = export_of(plugin.manifest.world);
    let mut versions = plugin
        .exports
        .iter()
        .filter_map(|e| contract_name(e))
        .filter(|(found, _)| *found == export);
    let Some((_, version)) = versions.next() else {
        let world = plugin.manifest.world.name();
        return Err(LoadError::MissingExport {
            plugin: name,
            world,
            export: format!("windlass:plugin/{export}"),
        });
    };
    check_version(&name, &served, Some(version))?;
    check_grants(plugin, granted, &name)
}

pub(crate) fn served_contract() -> Version {
    CONTRACT.parse().unwrap_or_else(|_| Version::new(0, 1, 0))
}

/// Below 1.0 a new minor version is another contract; within it, components of every patch version link.
fn check_version(plugin: &PluginRef, served: &Version, wanted: Option<Version>) -> Result<(), LoadError> {
    let wanted = wanted.unwrap_or_else(|| Version::new(0, 0, 0));
    let same = if served.major == 0 {
        (wanted.major, wanted.minor) == (0, served.minor)
    } else {
        wanted.major == served.major
    };
    if same && wanted.pre.is_empty() {
        return Ok(());
    }
    Err(LoadError::Contract {
        plugin: plugin.clone(),
        wanted: Box::new(wanted),
        served: Box::new(served.clone()),
    })
}

fn check_grants(plugin: &Inspection, granted: &BTreeSet<Grant>, name: &PluginRef) -> Result<(), LoadError> {
    for grant in &plugin.capabilities {
        let (plugin_ref, grant) = (name.clone(), *grant);
        if !plugin.manifest.grants.contains(&grant) {
            return Err(LoadError::NotAsked {
                plugin: plugin_ref,
                grant,
            });
        }
        if !granted.contains(&grant) {
            return Err(LoadError::NotGranted {
                plugin: plugin_ref,
                grant,
            });
        }
        if !served(plugin.manifest.world).contains(&grant) {
            return Err(LoadError::NotServed {
                plugin: plugin_ref,
                grant,
            });
        }
    }
    Ok(())
}
