//! The kinds that the controller follows.

use windlass_cluster::{follow::Depth, resource::Resource};
use windlass_core::{
    config::parts_of,
    crds::{GROUP, KINDS, Scope, VERSION},
    model::ObjectId,
};

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// For its labels.
    Namespace,
    Repository,
    App,
    Plugin,
    Tenant,
    Cluster,
}

impl Kind {
    pub(super) const ALL: [Self; 6] = [
        Self::Namespace,
        Self::Repository,
        Self::App,
        Self::Plugin,
        Self::Tenant,
        Self::Cluster,
    ];

    /// As documents have it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Namespace => "Namespace",
            Self::Repository => "Repository",
            Self::App => "App",
            Self::Plugin => "Plugin",
            Self::Tenant => "Tenant",
            Self::Cluster => "Cluster",
        }
    }

    pub(super) const fn depth(self) -> Depth {
        match self {
            Self::Namespace => Depth::Metadata,
            _ => Depth::Whole,
        }
    }

    /// Where its objects are.
    pub(super) fn resource(self) -> Resource {
        let of = |group: &str, version: &str, plural: &str, namespaced| Resource {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: self.name().to_owned(),
            plural: plural.to_owned(),
            namespaced,
        };
        match KINDS.iter().find(|kind| kind.kind == self.name()) {
            Some(kind) => of(GROUP, VERSION, kind.plural, kind.scope == Scope::Namespaced),
            None => of("", "v1", "namespaces", false),
        }
    }

    /// The object that is known by `id` in a configuration.
    pub(super) fn object(self, id: &str) -> ObjectId {
        let resource = self.resource();
        if resource.namespaced {
            let (namespace, name) = parts_of(id);
            resource.id(namespace, name)
        } else {
            resource.id("", id)
        }
    }
}
