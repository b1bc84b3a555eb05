//! Fuzz targets: every parser of ours, fed with bytes that nobody meant.
//!
//! A target panics when a promise is broken, not only when the parser does: what was read must read the same again, a place
//! must lie in its text, a path must lie in its tree. `cargo x fuzz` runs them with libFuzzer, guided by coverage; the test
//! `replay` runs each for a moment with a fixed seed, so that none rots. `windlass-fuzz TARGET FILE` runs one over a file.
//!
//! What a target found becomes a file in `seeds/TARGET/`, and is replayed for ever.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod text;
mod tree;
mod wire;
mod wasm;
mod source;
mod shown;
mod fields;
mod cel;
mod guests;
mod seeds;
pub mod mutate;

use std::path::Path;

/// A parser and its promises.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// As on the command line and in `seeds/`.
    pub name: &'static str,
    /// What is read, for a list.
    pub what: &'static str,
    /// Panics when a promise is broken.
    pub run: fn(&[u8]),
    /// Inputs to start from, beside those in `seeds/`.
    seeds: fn(&Path) -> Vec<Vec<u8>>,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        name: "yaml",
        what: "YAML text to values, and back",
        run: text::yaml,
        seeds: seeds::yaml,
    },
    Target {
        name: "places",
        what: "JSON pointers to lines and columns",
        run: text::places,
        seeds: seeds::yaml,
    },
    Target {
        name: "manifest",
        what: "a render's documents to objects with places",
        run: text::manifest,
        seeds: seeds::yaml,
    },
    Target {
        name: "config",
        what: "Repository, App, Cluster, Plugin and Tenant documents",
        run: text::config,
        seeds: seeds::config,
    },
    Target {
        name: "tree",
        what: "paths, symbolic links, listings and globs in a tree",
        run: tree::questions,
        seeds: seeds::trees,
    },
    Target {
        name: "glob",
        what: "glob patterns, the core's and the YAML plugin's",
        run: guests::globs,
        seeds: seeds::globs,
    },
    Target {
        name: "split",
        what: "YAML streams cut into documents by the YAML plugin",
        run: guests::split,
        seeds: seeds::yaml,
    },
    Target {
        name: "paths",
        what: "paths joined by guests",
        run: guests::paths,
        seeds: seeds::paths,
    },
    Target {
        name: "json",
        what: "JSON as the task runner reads it",
        run: guests::json,
        seeds: seeds::json,
    },
    Target {
        name: "frames",
        what: "frames and messages of a worker, and what a session makes of them",
        run: wire::frames,
        seeds: wire::frame_seeds,
    },
    Target {
        name: "inspect",
        what: "plugin files: sections, manifest, imports",
        run: wasm::inspect,
        seeds: wasm::component_seeds,
    },
    Target {
        name: "modules",
        what: "compiled modules: the WASI adapter and joined data segments",
        run: wasm::modules,
        seeds: wasm::module_seeds,
    },
    Target {
        name: "git-tree",
        what: "git's tree objects",
        run: source::tree_object,
        seeds: seeds::git_trees,
    },
    Target {
        name: "remote",
        what: "repository URLs, credentials and redirects",
        run: source::remote,
        seeds: seeds::urls,
    },
    Target {
        name: "signatures",
        what: "lists of public keys, and signatures of commits",
        run: source::signed,
        seeds: source::signed_seeds,
    },
    Target {
        name: "answers",
        what: "what a git server answers: packet lines, references, packs",
        run: source::answers,
        seeds: source::answer_seeds,
    },
    Target {
        name: "attributes",
        what: ".gitattributes and .gitignore of a local folder",
        run: source::attributes,
        seeds: seeds::attributes,
    },
    Target {
        name: "fields",
        what: "owned fields and paths, as an API server writes them",
        run: fields::fields,
        seeds: fields::seeds,
    },
    Target {
        name: "cel",
        what: "expressions in CEL, and what they say of an object",
        run: cel::expressions,
        seeds: cel::seeds,
    },
    Target {
        name: "findings",
        what: "findings of plugins on their way to a terminal",
        run: shown::findings,
        seeds: seeds::yaml,
    },
];

impl Target {
    /// The target of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Everything to start from. `root`: the workspace.
    #[must_use]
    pub fn seeds(&self, root: &Path) -> Vec<Vec<u8>> {
        let mut seeds = seeds::files(&root.join("tests/fuzz/seeds").join(self.name), |_| true);
        seeds.extend((self.seeds)(root));
        seeds
    }
}
