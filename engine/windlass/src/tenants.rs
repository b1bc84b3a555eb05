//! What the Tenants of an App's namespace say about it: before it is looked at, and about each of its objects.

use windlass_core::{
    config::{App, Config, DocumentError, TenantSpec, permit_references},
    model::ObjectId,
    render::{Diagnostic, Location},
};

use crate::{engine::Engine, stop::Stop};

/// Code of everything that a Tenant does not allow.
const CODE: &str = "tenant";

/// Tenants by name, and where the App goes.
#[derive(Debug, Default)]
pub struct Bounds {
    tenants: Vec<(String, TenantSpec)>,
    /// "" for a folder.
    cluster: String,
}

impl Bounds {
    /// Those of an App.
    #[must_use]
    pub(crate) fn of(engine: &Engine, app: &App) -> Self {
        Self {
            tenants: tenants_of(&engine.config(), app)
                .map(|(name, spec)| (name.to_owned(), spec.clone()))
                .collect(),
            cluster: app.spec.target.cluster.clone().unwrap_or_default(),
        }
    }

    /// What they say.
    pub(crate) fn specs(&self) -> impl Iterator<Item = &TenantSpec> {
        self.tenants.iter().map(|(_, spec)| spec)
    }

    /// What is wrong with an object, if it may not be.
    pub(crate) fn refuse(&self, id: &ObjectId) -> Option<Diagnostic> {
        let mut said = self.tenants.iter();
        let message = said.find_map(|(name, spec)| spec.refuse_object(name, &self.cluster, id))?;
        Some(Diagnostic::error(CODE, message, Location::None).with_help("ask who runs Windlass, or take it out"))
    }
}

/// Those of an App's namespace, by name.
pub(crate) fn tenants_of<'c>(config: &'c Config, app: &'c App) -> impl Iterator<Item = (&'c str, &'c TenantSpec)> {
    config.tenants_of(&app.namespace)
}

/// Whether an App may be what it is.
///
/// # Errors
/// With the first thing that one of its Tenants does not allow.
pub(crate) fn permit(engine: &Engine, app: &App) -> Result<(), Stop> {
    let name = app.repository();
    let config = engine.config();
    let repository = config.repositories.get(name);
    let tenants: Vec<&TenantSpec> = tenants_of(&config, app).map(|(_, spec)| spec).collect();
    permit_references(app, tenants.iter().copied()).map_err(stop)?;
    for (tenant, spec) in tenants_of(&config, app) {
        let of_repository = repository.map_or(Ok(()), |repository| spec.permit_repository(tenant, name, repository));
        of_repository
            .and_then(|()| spec.permit_app(tenant, app))
            .map_err(stop)?;
    }
    Ok(())
}

fn stop(error: DocumentError) -> Stop {
    let stop = Stop::of(CODE, &error);
    match &error.help {
        Some(help) => stop.help(help),
        None => stop,
    }
}
