//! The kinds as an API server knows them: CustomResourceDefinitions, derived from the types that read CONFIG.
//!
//! What a type says of itself becomes the schema, its documentation the text of `kubectl explain`; what only its check says, a rule
//! in CEL with the check's own words (`rules`). Defaults are told and not filled in: what a person reads back is what they wrote,
//! and a file and an object mean the same.

mod columns;
mod rules;
mod structural;

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

use crate::{
    config::{AppSpec, ClusterSpec, PluginSpec, RepositorySpec, TenantSpec},
    ledger::Ledger,
    status::{AppStatus, ClusterStatus, PluginStatus, RepositoryStatus, TenantStatus},
};

/// API group of all kinds.
pub const GROUP: &str = "windlass.dev";

/// Their version.
pub const VERSION: &str = "v1alpha1";

/// Whose objects lie in namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// A team's.
    Namespaced,
    /// The operator's.
    Cluster,
}

/// A kind, by its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// As documents have it.
    pub kind: &'static str,
    /// As URLs have it.
    pub plural: &'static str,
    /// For `kubectl get`.
    pub short: &'static str,
    /// Whether its objects lie in namespaces.
    pub scope: Scope,
    /// What it is for, for `kubectl explain`.
    about: &'static str,
}

impl Kind {
    /// Name of its definition: `apps.windlass.dev`.
    #[must_use]
    pub fn definition(&self) -> String {
        format!("{}.{GROUP}", self.plural)
    }
}

/// All of them, those first that others refer to.
pub const KINDS: [Kind; 6] = [
    Kind {
        kind: "Repository",
        plural: "repositories",
        short: "wrepo",
        scope: Scope::Namespaced,
        about: "Repository is where manifests come from: a git repository, how to log in, and the plugins that serve its Apps.",
    },
    Kind {
        kind: "App",
        plural: "apps",
        short: "wapp",
        scope: Scope::Namespaced,
        about: "App is a folder of a Repository, what is made of it, and where that goes.",
    },
    Kind {
        kind: "Plugin",
        plural: "plugins",
        short: "wplugin",
        scope: Scope::Cluster,
        about: "Plugin is a WebAssembly component that may run: its admitted versions, and what they get. Plugins that come with the \
                engine need none.",
    },
    Kind {
        kind: "Tenant",
        plural: "tenants",
        short: "wtenant",
        scope: Scope::Cluster,
        about: "Tenant says what the Apps and Repositories of some namespaces may do, and which plugins they can't do without. What it \
                doesn't speak of is not restricted; where several have a namespace, all of them count.",
    },
    Kind {
        kind: "Cluster",
        plural: "clusters",
        short: "wcluster",
        scope: Scope::Cluster,
        about: "Cluster is an API server that Apps go to. The one that the engine runs in needs none: it is `in-cluster`.",
    },
    Kind {
        kind: "Inventory",
        plural: "inventories",
        short: "winv",
        scope: Scope::Namespaced,
        about: "Inventory is what the App of the same name owns, its history, and what was decided about it. The engine writes it; nobody else \
                should.",
    },
];

/// The definitions, in the order of [`KINDS`]: the same at every call.
#[must_use]
pub fn definitions() -> Vec<Value> {
    KINDS.iter().map(definition).collect()
}

fn definition(kind: &Kind) -> Value {
    let (spec, status) = schemas(kind.kind);
    let mut schema = json!({
        "description": kind.about,
        "type": "object",
        "required": ["spec"],
        "properties": {"spec": spec},
    });
    if let Some(status) = &status {
        schema["properties"]["status"] = status.clone();
    }
    rules::add(kind.kind, &mut schema);
    let mut version = json!({
        "name": VERSION,
        "served": true,
        "storage": true,
        "additionalPrinterColumns": columns::of(kind.kind),
        "schema": {"openAPIV3Schema": schema},
    });
    if status.is_some() {
        version["subresources"] = json!({"status": {}});
    }
    let scope = match kind.scope {
        Scope::Namespaced => "Namespaced",
        Scope::Cluster => "Cluster",
    };
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": kind.definition(),
            "labels": {"app.kubernetes.io/name": "windlass"},
        },
        "spec": {
            "group": GROUP,
            "scope": scope,
            "names": {
                "kind": kind.kind,
                "listKind": format!("{}List", kind.kind),
                "plural": kind.plural,
                "singular": kind.kind.to_lowercase(),
                "shortNames": [kind.short],
                "categories": ["windlass"],
            },
            "versions": [version],
        },
    })
}

/// Of a kind's spec and, where it has one, status.
fn schemas(kind: &str) -> (Value, Option<Value>) {
    const WANTED: &str = "What is wanted.";
    let with_status = |spec, status| (spec, Some(status));
    match kind {
        "Repository" => with_status(of::<RepositorySpec>(WANTED), status::<RepositoryStatus>()),
        "App" => with_status(of::<AppSpec>(WANTED), status::<AppStatus>()),
        "Plugin" => with_status(of::<PluginSpec>(WANTED), status::<PluginStatus>()),
        "Tenant" => with_status(of::<TenantSpec>(WANTED), status::<TenantStatus>()),
        "Cluster" => with_status(of::<ClusterSpec>(WANTED), status::<ClusterStatus>()),
        _ => (of::<Ledger>("What the engine keeps of the App of the same name."), None),
    }
}

fn status<T: JsonSchema>() -> Value {
    of::<T>("What the engine says of it.")
}

fn of<T: JsonSchema>(about: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        // An API server follows no references.
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = SchemaGenerator::new(settings).into_root_schema_for::<T>().to_value();
    structural::make(&mut schema);
    schema["description"] = json!(about);
    schema
}

#[cfg(test)]
mod tests;
