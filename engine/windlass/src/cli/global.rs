//! Options that every verb takes, and where things lie when they are not given.

use std::{
    env,
    path::{Path, PathBuf},
};

use anstream::ColorChoice;

use super::failure::Failure;
use crate::{
    engine::Kubeconfigs,
    sources::{ProxyEnvironment, Settings},
};

/// Options of every verb.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub(super) struct Global {
    /// Folder of mirrors, inventories and the installation's secret [default: ~/.local/state/windlass, or under $XDG_STATE_HOME]
    #[arg(long = "state", value_name = "DIR", global = true)]
    state: Option<PathBuf>,

    /// Folder of compiled plugins, can be thrown away; also $WINDLASS_CACHE_DIR [default: `cache` in the state]
    #[arg(
        long = "cache",
        value_name = "DIR",
        global = true,
        env = "WINDLASS_CACHE_DIR",
        hide_env = true
    )]
    cache: Option<PathBuf>,

    /// Folder with plugins (*.wasm), the first match wins; also $WINDLASS_PLUGINS [default: `plugins` beside the program]
    #[arg(long = "plugins", value_name = "DIR", global = true)]
    plugins: Vec<PathBuf>,

    /// Most bytes of all git mirrors; those of no Repository go first [default: 20Gi]
    #[arg(long, value_name = "SIZE", global = true, value_parser = windlass_core::config::parse_size)]
    max_mirrors: Option<u64>,

    /// Most bytes of all compiled plugins; the longest unused go first [default: 4Gi]
    #[arg(long, value_name = "SIZE", global = true, value_parser = windlass_core::config::parse_size)]
    max_cache: Option<u64>,

    /// Colours: `always`, `never`, or `auto`, which looks at the terminal and $NO_COLOR
    #[arg(
        long,
        value_name = "WHEN",
        global = true,
        value_enum,
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub color: Color,

    /// Logs to standard error: -v what is done, -vv details, -vvv everything; $WINDLASS_LOG filters
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// In files and pipes too.
    Always,
    /// Nowhere.
    Never,
}

impl From<Color> for ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}

impl Global {
    /// The state folder.
    ///
    /// # Errors
    /// When it was not given and there is no home folder either.
    pub(super) fn state(&self) -> Result<PathBuf, Failure> {
        self.state
            .clone()
            .or_else(|| default_state(|name| env::var_os(name).map(PathBuf::from)))
            .ok_or_else(|| {
                Failure::usage("there is no folder for the state: neither $XDG_STATE_HOME nor $HOME is set")
                    .hint("give `--state DIR`")
            })
    }

    /// The folder of compiled plugins, if the user named one.
    #[must_use]
    pub(super) fn cache(&self) -> Option<PathBuf> {
        self.cache.clone()
    }

    /// Most bytes of all compiled plugins, if the user said.
    #[must_use]
    pub(super) const fn max_cache(&self) -> Option<u64> {
        self.max_cache
    }

    /// What the user and the environment say of sources.
    #[must_use]
    pub(super) fn sources(&self) -> Settings {
        Settings {
            proxies: ProxyEnvironment::read(|name| env::var(name).ok()),
            max_mirrors: self.max_mirrors,
        }
    }

    /// Where a kubeconfig is looked for, as kubectl does it: all files of `$KUBECONFIG`, else the one in the home folder.
    #[must_use]
    pub(super) fn kubeconfigs() -> Kubeconfigs {
        let named = env::var_os("KUBECONFIG").filter(|list| !list.is_empty());
        let files = match named {
            Some(list) => env::split_paths(&list)
                .filter(|path| !path.as_os_str().is_empty())
                .collect(),
            None => env::var_os("HOME")
                .map(|home| Path::new(&home).join(".kube/config"))
                .into_iter()
                .collect(),
        };
        Kubeconfigs(files)
    }

    /// Folders to search for plugins, in this order.
    #[must_use]
    pub(super) fn plugins(&self) -> Vec<PathBuf> {
        if !self.plugins.is_empty() {
            return self.plugins.clone();
        }
        match env::var_os("WINDLASS_PLUGINS") {
            Some(dirs) if !dirs.is_empty() => env::split_paths(&dirs).collect(),
            _ => env::current_exe()
                .map(|program| default_plugins(&program))
                .unwrap_or_default(),
        }
    }
}

/// A relative path in a variable of the XDG specification counts as absent, as the specification says.
fn default_state(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let base = variable("XDG_STATE_HOME").filter(|path| path.is_absolute());
    let home = || {
        variable("HOME")
            .filter(|path| path.is_absolute())
            .map(|home| home.join(".local/state"))
    };
    Some(base.or_else(home)?.join("windlass"))
}

/// Where builds (`target/plugins`) and installations (`lib/windlass/plugins`) put them; only those that exist.
fn default_plugins(program: &Path) -> Vec<PathBuf> {
    let beside = program.parent().unwrap_or(Path::new(""));
    ["plugins", "../plugins", "../lib/windlass/plugins"]
        .iter()
        .map(|dir| beside.join(dir))
        .filter(|dir| dir.is_dir())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(pairs: &[(&str, &str)]) -> Option<PathBuf> {
        default_state(|name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| PathBuf::from(value))
        })
    }

    #[test]
    fn the_state_lies_where_xdg_says() {
        assert_eq!(
            state(&[("XDG_STATE_HOME", "/x"), ("HOME", "/h")]),
            Some("/x/windlass".into())
        );
        assert_eq!(
            state(&[("XDG_STATE_HOME", "x"), ("HOME", "/h")]),
            Some("/h/.local/state/windlass".into())
        );
        assert_eq!(state(&[("HOME", "")]), None);
    }

    #[test]
    fn plugins_are_found_beside_a_build_and_an_installation() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["debug", "plugins", "lib/windlass/plugins"] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let found = default_plugins(&dir.path().join("debug/windlass"));
        assert_eq!(found.len(), 2);
        assert!(found[0].ends_with("debug/../plugins") && found[1].ends_with("../lib/windlass/plugins"));
    }
}
