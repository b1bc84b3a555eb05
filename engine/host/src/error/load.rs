//! Why a plugin can't be loaded.

use std::path::PathBuf;

use windlass_core::{digest::Digest, plugin::Grant};

use super::{HostFailure, PluginRef};
use crate::inspect::NotAComponent;

/// Why a plugin can't be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file can't be read.
    #[error("the plugin file `{}` can't be read", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Too big to be looked at.
    #[error("the plugin has {size} bytes, more than the {limit} that are allowed")]
    TooLarge {
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// Not the bytes that were admitted.
    #[error(
        "the plugin's digest is {found}, but {expected} was admitted: it was changed or replaced; admit the new digest or restore the file"
    )]
    DigestMismatch {
        /// What the operator pinned.
        expected: Digest,
        /// What the bytes have.
        found: Digest,
    },
    /// The bytes are no plugin.
    #[error("the file is no Windlass plugin ({digest})")]
    NotAPlugin {
        /// Of the bytes.
        digest: Digest,
        /// Why.
        #[source]
        source: NotAComponent,
    },
    /// Built for a contract that this host does not serve.
    #[error(
        "plugin {plugin} wants windlass:plugin@{wanted}, this host serves {served}: {}",
        remedy(wanted, served)
    )]
    Contract {
        /// Which.
        plugin: PluginRef,
        /// What it imports or says.
        wanted: Box<semver::Version>,
        /// What this host has.
        served: Box<semver::Version>,
    },
    /// An import that is no interface of the contract.
    #[error(
        "plugin {plugin} imports `{import}`, which no Windlass host serves: a plugin may import interfaces of windlass:plugin only; build it with windlass-build, which answers WASI inside the component"
    )]
    ForeignImport {
        /// Which.
        plugin: PluginRef,
        /// The import's name.
        import: String,
    },
    /// It exports not what its manifest says.
    #[error("plugin {plugin} says that it is a {world}, but does not export `{export}`")]
    MissingExport {
        /// Which.
        plugin: PluginRef,
        /// The world of its manifest.
        world: &'static str,
        /// The interface that world exports.
        export: String,
    },
    /// It imports an interface that its manifest does not ask for.
    #[error("plugin {plugin} imports `{}` without asking for it: add `{}` to `grants` in its plugin.yaml and build it again", grant.name(), grant.name())]
    NotAsked {
        /// Which.
        plugin: PluginRef,
        /// The interface.
        grant: Grant,
    },
    /// It asks for an interface that the operator did not grant.
    #[error("plugin {plugin} needs the capability `{}`, which is not granted: add it to `grants` of the Plugin if this digest may have it", grant.name())]
    NotGranted {
        /// Which.
        plugin: PluginRef,
        /// The interface.
        grant: Grant,
    },
    /// Granted, but this version of Windlass has no code for it, or none for plugins of that kind.
    #[error("plugin {plugin} needs the capability `{}`, which this version of Windlass does not serve to its kind", grant.name())]
    NotServed {
        /// Which.
        plugin: PluginRef,
        /// The interface.
        grant: Grant,
    },
    /// The compiler refused it.
    #[error("plugin {plugin} can't be compiled: {message}")]
    Invalid {
        /// Which.
        plugin: PluginRef,
        /// The compiler's words.
        message: String,
    },
    /// It compiles, but its types are not those of the contract.
    #[error("plugin {plugin} does not fit the contract: {message}")]
    Mismatch {
        /// Which.
        plugin: PluginRef,
        /// Which type differs.
        message: String,
    },
    /// Its config schema is no JSON Schema.
    #[error("plugin {plugin} has a config schema that can't be used: {message}")]
    Schema {
        /// Which.
        plugin: PluginRef,
        /// Why.
        message: String,
    },
    /// It took too long to compile.
    #[error("plugin {plugin} needs more than {seconds} s{of} to be compiled")]
    CompileTime {
        /// Which.
        plugin: PluginRef,
        /// The limit.
        seconds: u64,
        /// Of what clock, in words.
        of: &'static str,
    },
    /// It took too much memory to compile.
    #[error("plugin {plugin} needs more than {limit} bytes of memory to be compiled")]
    CompileMemory {
        /// Which.
        plugin: PluginRef,
        /// The limit.
        limit: u64,
    },
    /// It crashes the compiler.
    #[error("plugin {plugin} crashes the compiler: {how}")]
    CompilerDied {
        /// Which.
        plugin: PluginRef,
        /// Signal, in words.
        how: String,
        /// The end of its standard error.
        stderr: String,
    },
    /// The host could not load it.
    #[error("plugin {plugin} can't be loaded")]
    Host {
        /// Which.
        plugin: PluginRef,
        /// Why.
        #[source]
        source: Box<HostFailure>,
    },
    /// The compile cache can't be used.
    #[error("the compile cache `{}` can't be used: {what}", dir.display())]
    Cache {
        /// Where.
        dir: PathBuf,
        /// What failed.
        what: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

fn remedy(wanted: &semver::Version, served: &semver::Version) -> &'static str {
    if wanted > served {
        "upgrade Windlass, or use an older version of the plugin"
    } else {
        "build the plugin again with a current SDK"
    }
}
