//! CONFIG, the file of `Repository`, `App` and `Plugin` documents, and the engine over it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;
use windlass_core::{
    config::{self, Config, ConfigError, Flaw, ValidatorSpec},
    rollout::Serving,
    yaml,
};

use super::{failure::Failure, global::Global, output::Output};
use crate::{
    controller,
    engine::{Engine, Home, Options, blocking},
    replica::Replica,
    target::TargetChoice,
};

/// Reads a configuration.
///
/// # Errors
/// With everything that is wrong with it, at its lines.
pub(super) fn load(path: &Path) -> Result<Config, Failure> {
    Ok(read(path)?.0)
}

/// As [`load`], with the text.
fn read(path: &Path) -> Result<(Config, String), Failure> {
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::unreadable(path, &error)
            .hint("CONFIG is a YAML file of Repository, App, Cluster, Plugin and Tenant documents")
    })?;
    let config = config::load(&text).map_err(|errors| Failure::config(path, &text, &errors))?;
    if config == Config::default() {
        // What is left of a file when the disk was full, or its template failed: taken at its word it would let every App go.
        let message = format!("`{}` holds no document", path.display());
        return Err(Failure::usage(message).hint("to let the last App go, leave its Repository there"));
    }
    Ok((config, text))
}

/// Takes what a file says, unless a plugin doesn't take its config.
///
/// # Errors
/// When it can't be taken; then nothing has changed.
pub(super) async fn retake(engine: &Arc<Engine>, path: &Path) -> Result<(), Failure> {
    let file = path.to_owned();
    let (config, text) = blocking(move || read(&file)).await??;
    let flaws = engine.flaws_of(&config).await?;
    refuse(&flaws, path, &text)?;
    engine.reconfigure(config).await?;
    Ok(())
}

/// Tells configs that plugins don't take, at their lines.
fn refuse(flaws: &[Flaw], path: &Path, text: &str) -> Result<(), Failure> {
    if flaws.is_empty() {
        return Ok(());
    }
    let failure = Failure::config(path, text, &config::locate(text, flaws));
    Err(failure.hint("`windlass plugin inspect FILE` shows what a plugin takes"))
}

/// Whether a path is a configuration rather than something to render: a file whose first document says so.
#[must_use]
pub(super) fn is_one(path: &Path) -> bool {
    // A file with a mistake in it still is what its first lines say: the mistake is told when it is loaded.
    let Ok(text) = fs::read_to_string(path) else {
        return false;
    };
    match yaml::parse(&text) {
        Ok(documents) => documents.first().is_some_and(|document| {
            let version = document.value.get("apiVersion").and_then(Value::as_str);
            version.is_some_and(|version| version.starts_with(GROUP))
        }),
        Err(_) => text
            .lines()
            .any(|line| line.trim_start_matches("apiVersion:").trim().starts_with(GROUP)),
    }
}

/// The group of Windlass' own documents, with the slash.
const GROUP: &str = "windlass.dev/";

/// What a verb says beside the configuration.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Overrides every App's target.
    pub(super) target: Option<TargetChoice>,
    /// Apps whose deletions are consented to.
    pub(super) allow_deletes: BTreeSet<String>,
    /// A person asked for every cycle.
    pub(super) by_a_person: bool,
}

/// Reads a configuration and starts the engine over it.
///
/// # Errors
/// When the configuration is wrong, or the state or a plugin can't be used.
pub(super) fn open(path: &Path, global: &Global, said: Said, output: &Output) -> Result<Arc<Engine>, Failure> {
    let (config, text) = read(path)?;
    let options = Options {
        // What stands in it is told from what doesn't by the file, by whatever name it is called.
        file: fs::canonicalize(path).ok(),
        target: said.target,
        allow_deletes: said.allow_deletes,
        by_a_person: said.by_a_person,
        ..options(global)?
    };
    let _busy = output.busy(LOADING, 1);
    let engine = Engine::open(config, &base(path), options)?;
    engine.require_targets()?;
    refuse(&engine.flaws(), path, &text)?;
    Ok(engine)
}

/// Reads a configuration and starts the engine over it, to look at no target. `validators`: instead of the Repositories'.
///
/// # Errors
/// As [`open`].
pub(super) fn open_to_check(
    path: &Path,
    global: &Global,
    validators: Option<Vec<ValidatorSpec>>,
    output: &Output,
) -> Result<Arc<Engine>, Failure> {
    let (config, text) = read(path)?;
    let options = Options {
        validators,
        ..options(global)?
    };
    let _busy = output.busy(LOADING, 1);
    let engine = Engine::open(config, &base(path), options)?;
    refuse(&engine.flaws(), path, &text)?;
    Ok(engine)
}

/// What Apps of objects in a cluster are told from those of files by.
const OBJECTS: &str = "windlass.dev";

/// Starts the engine over the objects of a cluster.
///
/// # Errors
/// When the state or a plugin can't be used.
pub(super) fn open_in_cluster(
    config: Config,
    home: Home,
    replica: Replica,
    serving: BTreeMap<String, Serving>,
    global: &Global,
    output: &Output,
) -> Result<Arc<Engine>, Failure> {
    let options = Options {
        file: Some(PathBuf::from(OBJECTS)),
        home: Some(home),
        replica: Some(replica),
        serving,
        ..options(global)?
    };
    let base = options.plugins.first().cloned().unwrap_or_default();
    let _busy = output.busy(LOADING, 1);
    let open = |config| Engine::open(config, &base, options.clone());
    Ok(controller::open(config, open)?)
}

fn options(global: &Global) -> Result<Options, Failure> {
    Ok(Options {
        state: global.state()?,
        cache: global.cache(),
        plugins: global.plugins(),
        sources: global.sources(),
        kubeconfigs: Global::kubeconfigs(),
        max_cache: global.max_cache(),
        ..Options::default()
    })
}

/// Shown while plugins are loaded.
pub(super) const LOADING: &str = "loading plugins; new ones are compiled once, those in Go for about a minute";

/// The folder that relative paths in a configuration start from.
pub(super) fn base(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// `--config JSON|@FILE`: the config of a plugin. A file may be YAML.
///
/// # Errors
/// When it can't be read, is no YAML, or is no map.
pub(super) fn plugin_config(text: &str) -> Result<serde_json::Map<String, Value>, Failure> {
    let (path, text) = match text.strip_prefix('@') {
        None => (PathBuf::from("--config"), text.to_owned()),
        Some(file) => {
            let path = PathBuf::from(file);
            let text = fs::read_to_string(&path).map_err(|error| Failure::unreadable(&path, &error))?;
            (path, text)
        }
    };
    let wrong = |message: String, line, column| {
        let help = Some("write a map, such as '{\"releaseName\": \"api\"}'".to_owned());
        Failure::config(
            &path,
            &text,
            &[ConfigError {
                message,
                line,
                column,
                help,
            }],
        )
    };
    let documents = yaml::parse(&text).map_err(|error| wrong(error.message, error.line, error.column))?;
    match documents.as_slice() {
        [] => Ok(serde_json::Map::new()),
        [document] => match &document.value {
            Value::Object(map) => Ok(map.clone()),
            _ => Err(wrong("a plugin's config must be a map".to_owned(), document.line, 0)),
        },
        [_, second, ..] => Err(wrong(
            "a plugin's config must be one document".to_owned(),
            second.line,
            0,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_told_from_a_manifest() {
        let dir = tempfile::tempdir().unwrap();
        let check = |text: &str| {
            let path = dir.path().join("x.yaml");
            fs::write(&path, text).unwrap();
            is_one(&path)
        };
        assert!(check("# mine\n---\nkind: App\napiVersion: windlass.dev/v1alpha1\n"));
        assert!(check("apiVersion: windlass.dev/v1alpha1\nkind: [App\n"));
        assert!(!check(
            "apiVersion: v1\nkind: ConfigMap\n---\napiVersion: windlass.dev/v1alpha1\n"
        ));
        assert!(!check(""));
        assert!(!is_one(dir.path()));
    }

    #[test]
    fn a_plugins_config_is_a_map() {
        assert_eq!(plugin_config("{\"a\": {\"b\": 1}}").unwrap()["a"]["b"], 1);
        assert!(plugin_config("").unwrap().is_empty());
        for wrong in ["[1]", "text", "{\"a\": ", "a: 1\n---\nb: 2", "@/nowhere/at/all"] {
            assert!(plugin_config(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn paths_start_beside_the_configuration() {
        assert_eq!(base(Path::new("windlass.yaml")), Path::new("."));
        assert_eq!(base(Path::new("a/b.yaml")), Path::new("a"));
    }
}
