//! Versions that aren't here: from their registries into the cache, several at a time.

use std::{fs, path::Path, sync::Arc};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use windlass_core::{config::RegistrySpec, render::Severity};
use windlass_source::{
    git::Tls,
    oci::{Credentials, Options, Registry},
};

use super::{Step, changed, lock};
use crate::{
    engine::{Engine, blocking},
    plugins::{Awaited, Candidate},
    secrets,
    stop::chain,
};

/// Fetches at a time: of most registries one fills the line already.
const WIDTH: usize = 4;

/// Bytes of a file with credentials or certificates. The threat is a device, or a name that means something else.
const FILE: u64 = 4 << 20;

/// What was tried, and what came of it.
type Tried = (Arc<Awaited>, Result<Candidate, String>);

/// Tries all that are due.
pub(super) async fn all(engine: &Arc<Engine>, step: &mut Step) {
    let (plugins, supply) = (engine.plugins(), engine.supplies());
    let mut due = Vec::new();
    for awaited in plugins.awaited() {
        match supply.waits(&awaited.digest) {
            Some(at) => step.again(at),
            None => due.push(Arc::clone(awaited)),
        }
    }
    let one = |awaited: Arc<Awaited>| {
        let engine = Arc::clone(engine);
        async move {
            let fetched = one(&engine, &awaited).await;
            (awaited, fetched)
        }
        .boxed()
    };
    let tries: Vec<BoxFuture<'static, Tried>> = due.into_iter().map(one).collect();
    let tried: Vec<_> = stream::iter(tries).buffer_unordered(WIDTH).collect().await;
    let mut fetched = Vec::new();
    for (awaited, outcome) in tried {
        match outcome {
            Ok(candidate) => {
                supply.succeeded(&awaited.digest);
                lock(&supply.told).remove(&awaited.label());
                tracing::info!(plugin = %awaited.label(), from = %awaited.reference, "fetched");
                fetched.push(candidate);
            }
            Err(why) => {
                supply.failed(awaited.digest, step);
                let mut told = awaited.failed(why);
                if let Some(serving) = plugins.serves_instead(&awaited.name) {
                    told.severity = Severity::Warning;
                    told.help = Some(format!("{serving} goes on serving"));
                }
                supply.tell(&awaited.label(), told, step);
            }
        }
    }
    if !fetched.is_empty() {
        step.came = true;
        here(engine, fetched).await;
    }
}

/// They may serve, where nobody else does.
async fn here(engine: &Arc<Engine>, fetched: Vec<Candidate>) {
    let swap = engine.supplies().swapping().lock().await;
    let now = engine.plugins();
    let is_awaited = |candidate: &Candidate| {
        now.awaited()
            .any(|awaited| awaited.label() == candidate.label() && awaited.digest == candidate.digest())
    };
    let fetched = fetched.into_iter().filter(is_awaited).collect();
    let (plugins, came) = now.with_fetched(fetched);
    engine.set_plugins(Arc::new(plugins));
    drop(swap);
    changed(engine, &came);
}

async fn one(engine: &Arc<Engine>, awaited: &Arc<Awaited>) -> Result<Candidate, String> {
    let plugins = engine.plugins();
    let components = plugins.components().clone();
    if components.read(&awaited.digest).is_none() {
        let options = options(engine, &awaited.spec.registry).await?;
        let registry = Registry::new(&awaited.reference, &options).map_err(|error| chain(&error))?;
        let fetched = components.fetch(&registry, awaited.digest).await;
        fetched.map_err(|error| chain(&error))?;
    }
    let awaited = Arc::clone(awaited);
    let admitted = blocking(move || awaited.admitted(&components)).await;
    admitted.map_err(|_| "it was interrupted".to_owned())?
}

/// How a registry is talked to. Files are read anew for each attempt: credentials change.
async fn options(engine: &Arc<Engine>, spec: &RegistrySpec) -> Result<Options, String> {
    let secret = match &spec.pull_secret {
        Some(secret) => {
            let home = engine.options().home.as_ref();
            let namespace = home.map_or("", |home| home.namespace.as_str());
            let contents = secrets::read(home, namespace, secret).await;
            let config = contents.and_then(|contents| contents.line(".dockerconfigjson"));
            Some(
                config
                    .map_err(|error| format!("`registry.pullSecret`: {error}"))?
                    .into_bytes(),
            )
        }
        None => None,
    };
    let (base, spec) = (engine.base().to_owned(), spec.clone());
    let read = move || from_files(&base, &spec, secret.as_deref());
    let mut options = blocking(read).await.map_err(|_| "it was interrupted".to_owned())??;
    options.proxy = engine.options().sources.proxies.for_registries(options.insecure)?;
    Ok(options)
}

fn from_files(base: &Path, spec: &RegistrySpec, secret: Option<&[u8]>) -> Result<Options, String> {
    let file = |file: &Option<String>, field: &str| match file {
        Some(file) => read(&base.join(file), field).map(Some),
        None => Ok(None),
    };
    let credentials = match (secret, file(&spec.auth_file, "authFile")?) {
        (Some(secret), _) => Credentials::parse(secret).map_err(|why| format!("`registry.pullSecret`: {why}"))?,
        (None, Some(bytes)) => Credentials::parse(&bytes).map_err(|why| format!("`registry.authFile`: {why}"))?,
        (None, None) => Credentials::default(),
    };
    let ca = file(&spec.ca_file, "caFile")?.map(String::from_utf8).transpose();
    let ca_pem = ca.map_err(|_| "`registry.caFile` is no text in PEM".to_owned())?;
    Ok(Options {
        credentials,
        tls: Tls { ca_pem, client: None },
        insecure: spec.insecure,
        proxy: None,
    })
}

/// Reads a file that a field names.
fn read(path: &Path, field: &str) -> Result<Vec<u8>, String> {
    use std::io::Read as _;
    let failed = |error: std::io::Error| format!("`registry.{field}`: `{}` can't be read: {error}", path.display());
    let file = fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE {
        return Err(format!(
            "`registry.{field}`: `{}` has more than {FILE} bytes",
            path.display()
        ));
    }
    Ok(bytes)
}

/// How a registry is talked to by whoever pushes.
///
/// # Errors
/// A sentence.
pub(crate) fn options_of(base: &Path, spec: &RegistrySpec) -> Result<Options, String> {
    from_files(base, spec, None)
}
