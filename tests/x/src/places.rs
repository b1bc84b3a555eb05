//! Where things are: the workspace, the build's output, and the caches that outlive both.

use std::env;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// The folders that tasks read and write.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// The workspace.
    pub(crate) root: PathBuf,
    /// Cargo's target folder: `CARGO_TARGET_DIR`, or `target` in the workspace.
    pub(crate) target: PathBuf,
    /// What survives a fresh clone: `WINDLASS_CACHE`, or `windlass` in the user's cache folder.
    pub(crate) cache: PathBuf,
}

impl Places {
    /// Reads the environment.
    ///
    /// # Errors
    /// When there is no workspace around, or neither `WINDLASS_CACHE` nor a home folder.
    pub(crate) fn find() -> Result<Self, Error> {
        let root = workspace()?;
        let target = path_variable("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |path| root.join(path));
        let cache = path_variable("WINDLASS_CACHE")
            .or_else(|| path_variable("XDG_CACHE_HOME").map(|path| path.join("windlass")))
            .or_else(|| path_variable("HOME").map(|path| path.join(".cache/windlass")))
            .ok_or_else(|| Error::Missing {
                what: "no folder for caches is known".to_owned(),
                remedy: "set `WINDLASS_CACHE`, `XDG_CACHE_HOME` or `HOME`".to_owned(),
            })?;
        Ok(Self {
            cache: root.join(cache),
            root,
            target,
        })
    }

    /// A program that the build made.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    /// First-party plugins: `NAME.wasm`, each beside `NAME.inputs`.
    pub(crate) fn plugins(&self) -> PathBuf {
        self.target.join("plugins")
    }

    /// Plugins that only tests use. Not among the first-party ones: a hostile guest must not be picked for an app.
    pub(crate) fn guests(&self) -> PathBuf {
        self.target.join("plugins/guests")
    }

    /// First-party plugins without a snapshot; only tests use them.
    pub(crate) fn unsnapshotted(&self) -> PathBuf {
        self.guests().join("unsnapshotted")
    }

    /// Plugins compiled for this machine, shared by tests and demo: compiling a Go plugin takes tens of seconds.
    pub(crate) fn compiled(&self) -> PathBuf {
        self.cache.join("aot")
    }

    /// The native programs that tests compare plugins with, by name.
    pub(crate) fn oracles(&self) -> PathBuf {
        self.target.join("oracles")
    }

    /// The programs of a Kubernetes control plane, by name.
    pub(crate) fn cluster_tools(&self) -> PathBuf {
        self.target.join("cluster-tools")
    }

    /// The image, as a layout.
    pub(crate) fn image(&self) -> PathBuf {
        self.target.join("image")
    }

    /// The controllers of Flux by name, and the definitions of their kinds.
    pub(crate) fn flux(&self) -> PathBuf {
        self.target.join("flux")
    }

    /// What is known of the clusters that `cargo x cluster` started.
    pub(crate) fn clusters(&self) -> PathBuf {
        self.target.join("cluster")
    }

    /// What fuzzing starts from, keeps and finds.
    pub(crate) fn fuzz(&self) -> PathBuf {
        self.target.join("fuzz")
    }

    /// The runner's own state.
    pub(crate) fn own(&self) -> PathBuf {
        self.target.join("x")
    }

    /// A second workspace with caches of its own, there while plugins are built a second time.
    pub(crate) fn elsewhere(&self) -> PathBuf {
        self.own().join("elsewhere")
    }

    /// Output of the steps, one file each, from the last time each of them ran.
    pub(crate) fn logs(&self) -> PathBuf {
        self.own().join("logs")
    }

    /// The demo's repository, state and output.
    pub(crate) fn demo(&self) -> PathBuf {
        self.target.join("demo")
    }

    /// `path` as a person types it: relative to the workspace where possible.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

/// The workspace of the working directory. Not a path fixed at compile time: clones may share a target folder.
fn workspace() -> Result<PathBuf, Error> {
    let here = path_variable("CARGO_MANIFEST_DIR")
        .map_or_else(|| env::current_dir().map_err(Error::io("read", Path::new("."))), Ok)?;
    let root = here.ancestors().find(|folder| folder.join("Cargo.lock").is_file());
    root.map(Path::to_path_buf).ok_or_else(|| Error::Missing {
        what: format!("`{}` is in no workspace", here.display()),
        remedy: "run `cargo x` inside a clone of Windlass".to_owned(),
    })
}

fn path_variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// A workspace of a test's own.
#[cfg(test)]
pub(crate) mod scratch {
    use std::fs;
    use std::path::PathBuf;

    use super::Places;

    /// A folder that goes away with the value.
    pub(crate) struct Scratch(PathBuf);

    impl Scratch {
        /// `name` must be the test's own.
        pub(crate) fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("windlass-x-{}-{name}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }

        /// Places below the folder.
        pub(crate) fn places(&self) -> Places {
            Places {
                root: self.0.clone(),
                target: self.0.join("target"),
                cache: self.0.join("cache"),
            }
        }

        /// Writes a file, with its folders, and tells where it is.
        pub(crate) fn file(&self, path: &str, content: &str) -> PathBuf {
            let file = self.0.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, content).unwrap();
            file
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}
