//! The plugin contract as WIT: which imports and exports a world has.

use std::path::{Path, PathBuf};

use windlass_core::plugin::{CONTRACT, World};
use wit_parser::{PackageId, Resolve, WorldId, WorldItem, WorldKey};

/// The contract this build was made with, so that plugins outside of our repository need no copy of it.
const EMBEDDED: &str = include_str!("../../../wit/0.1.0/plugin.wit");

/// Namespace and name of the package, as they begin the name of an import.
pub const PACKAGE: &str = "windlass:plugin/";

/// Export that a plugin offers to do its start-up work once, at build time. It stands in no released world: the host
/// never calls it.
pub const WARM: &str = "warm";

/// Why the contract can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `--wit` names something that is no WIT.
    #[error("can't read the contract in `{}`", path.display())]
    Read {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The contract doesn't hold what the build relies on.
    #[error("the contract has no usable `{wanted}`")]
    Incomplete {
        /// A world or package.
        wanted: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The parsed contract.
#[derive(Debug, Clone)]
pub struct Contract {
    resolve: Resolve,
    package: PackageId,
}

impl Contract {
    /// Reads the contract from `folder`, or takes the one of this build.
    ///
    /// # Errors
    /// The folder holds no valid WIT package.
    pub fn read(folder: Option<&Path>) -> Result<Self, Error> {
        let mut resolve = Resolve::default();
        let package = match folder {
            Some(folder) => resolve.push_path(folder).map(|(package, _)| package),
            None => resolve.push_source("plugin.wit", EMBEDDED),
        };
        let package = package.map_err(|error| Error::Read {
            path: folder.unwrap_or(Path::new("(built in)")).to_owned(),
            source: error.into(),
        })?;
        Ok(Self { resolve, package })
    }

    /// The parsed package and what it stands on.
    #[must_use]
    pub const fn resolve(&self) -> &Resolve {
        &self.resolve
    }

    /// Names of the interfaces that `world` exports, `windlass:plugin/render@0.1.0`.
    ///
    /// # Errors
    /// The contract has no such world.
    pub fn exports(&self, world: World) -> Result<Vec<String>, Error> {
        let id = self
            .resolve
            .select_world(&[self.package], Some(world.name()))
            .map_err(|error| Error::Incomplete {
                wanted: format!("world {}", world.name()),
                source: error.into(),
            })?;
        let interface = |(key, item): (&WorldKey, &WorldItem)| {
            matches!(item, WorldItem::Interface { .. }).then(|| self.resolve.name_world_key(key))
        };
        Ok(self.resolve.worlds[id].exports.iter().filter_map(interface).collect())
    }

    /// The world to encode a component for: that of the contract, with the export `warm` when the module has it.
    ///
    /// # Errors
    /// The contract has no such world.
    pub fn target(&mut self, world: World, warm: bool) -> Result<WorldId, Error> {
        let export = if warm { "export warm: func();" } else { "" };
        self.add_world(
            &format!("target-{}", if warm { "warm" } else { "plain" }),
            &format!("include {PACKAGE}{}@{CONTRACT}; {export}", world.name()),
        )
    }

    /// The world of the generated adapter: what it imports by itself.
    ///
    /// # Errors
    /// The contract lacks `entropy` or `log`.
    pub fn shim(&mut self) -> Result<WorldId, Error> {
        self.add_world(
            "shim",
            &format!("import {PACKAGE}entropy@{CONTRACT}; import {PACKAGE}log@{CONTRACT};"),
        )
    }

    fn add_world(&mut self, name: &str, body: &str) -> Result<WorldId, Error> {
        let source = format!("package windlass:build-{name};\nworld {name} {{ {body} }}\n");
        let added = self
            .resolve
            .push_source(&format!("{name}.wit"), &source)
            .and_then(|package| self.resolve.select_world(&[package], Some(name)));
        added.map_err(|error| Error::Incomplete {
            wanted: format!("world {name}"),
            source: error.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_world_can_be_encoded_for_with_and_without_warm() {
        for world in [World::Renderer, World::Validator, World::Notifier, World::HealthChecker] {
            for warm in [false, true] {
                let mut contract = Contract::read(None).unwrap();
                let id = contract.target(world, warm).unwrap();
                let exports = contract.resolve().worlds[id].exports.len();
                let released = contract.exports(world).unwrap().len();
                assert!(exports >= released + usize::from(warm), "{world:?}");
            }
            contract_exports_one_of(world);
        }
    }

    fn contract_exports_one_of(world: World) {
        let expected = match world {
            World::Renderer => "render",
            World::Validator => "validate",
            World::Notifier => "notify",
            World::HealthChecker => "health",
        };
        let exports = Contract::read(None).unwrap().exports(world).unwrap();
        assert!(
            exports.contains(&format!("{PACKAGE}{expected}@{CONTRACT}")),
            "{exports:?}"
        );
    }

    #[test]
    fn a_folder_without_wit_is_told() {
        let error = Contract::read(Some(Path::new("/nonexistent"))).unwrap_err();
        assert!(error.to_string().contains("/nonexistent"));
    }

    #[test]
    fn the_shim_world_imports_entropy_and_log() {
        let mut contract = Contract::read(None).unwrap();
        let id = contract.shim().unwrap();
        let resolve = contract.resolve();
        let names: Vec<String> = resolve.worlds[id]
            .imports
            .keys()
            .map(|key| resolve.name_world_key(key))
            .collect();
        assert_eq!(
            names,
            [
                format!("{PACKAGE}entropy@{CONTRACT}"),
                format!("{PACKAGE}log@{CONTRACT}")
            ]
        );
    }
}
